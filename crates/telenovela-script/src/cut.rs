//! The cut of a performance: of everything its log holds, what counts in the end.
//!
//! A log only grows. [`Rewound`](EventKind::Rewound) begins a branch that goes on from an earlier event, of whatever branch; what came after that event
//! stays where it is, and no longer counts. [`LineChanged`](EventKind::LineChanged) puts another line in the place of one that was said.

use crate::event::{ChangedLine, Command, Event, EventKind, Spoken};

/// What counts: the events of the present branch and of those it goes on from, in order, each line as it was changed last. Commands are there, rewinds
/// and changes are not.
pub fn standing(events: &[Event]) -> Vec<Event> {
    let mut standing: Vec<Event> = Vec::new();
    for event in path(events, None) {
        match &event.kind {
            EventKind::Rewound { .. } => {}
            EventKind::LineChanged(changed) => change(&mut standing, changed),
            _ => standing.push(event),
        }
    }
    standing
}

fn change(events: &mut [Event], changed: &ChangedLine) {
    let lines = events
        .iter_mut()
        .rev()
        .filter_map(|event| match &mut event.kind {
            EventKind::Utterance(spoken) => Some(spoken),
            _ => None,
        });
    for spoken in lines.filter(|spoken| spoken.id == changed.id) {
        apply_change(spoken, changed);
    }
}

/// Makes of a line what a change says.
pub fn apply_change(spoken: &mut Spoken, changed: &ChangedLine) {
    spoken.takes.extend(changed.takes.iter().cloned());
    spoken.kept = changed.kept;
    spoken.copied_words = changed
        .kept
        .and_then(|kept| spoken.takes.get(kept))
        .map(|take| take.score.copied_words);
    spoken.full_text = None;
    spoken.utterance.delivery.clone_from(&changed.delivery);
    spoken.utterance.text.clone_from(&changed.text);
    spoken.utterance.provenance = changed.provenance;
}

/// The way through the branches to an event, or to the last one: every event that led there, in order, with the `Rewound` events that lie on it. Later
/// changes of lines that are on the way belong to it as well, as long as they were made on the branch that the way leaves: what was corrected stays
/// corrected.
pub fn path(events: &[Event], to_seq: Option<u64>) -> Vec<Event> {
    let Some(to) = to_seq.or_else(|| events.last().map(|event| event.seq)) else {
        return Vec::new();
    };
    // From the end backwards: each branch from where it was left to where it began.
    let mut segments: Vec<Vec<Event>> = Vec::new();
    let mut left_at = to;
    loop {
        let upto = events.partition_point(|event| event.seq <= left_at);
        let began = events[..upto]
            .iter()
            .rposition(|event| matches!(event.kind, EventKind::Rewound { .. }));
        let from = began.unwrap_or(0);
        let branch_ends = events[upto..]
            .iter()
            .position(|event| matches!(event.kind, EventKind::Rewound { .. }))
            .map_or(events.len(), |at| upto + at);
        let mut segment = events[from..upto].to_vec();
        let last_turn = segment.iter().rev().find_map(turn_of);
        let later = events[upto..branch_ends].iter();
        let later = later.filter(|event| is_change_upto(&event.kind, last_turn));
        segment.extend(later.cloned());
        segments.push(segment);
        match events[from].kind {
            EventKind::Rewound { to_seq, .. } if began.is_some() => left_at = to_seq,
            _ => break,
        }
    }
    segments.into_iter().rev().flatten().collect()
}

fn turn_of(event: &Event) -> Option<u64> {
    match &event.kind {
        EventKind::Utterance(spoken) => Some(spoken.utterance.turn),
        _ => None,
    }
}

/// Whether an event changes a line of a turn up to this one.
fn is_change_upto(event: &EventKind, last: Option<u64>) -> bool {
    let turn = match event {
        EventKind::LineChanged(changed) => changed.turn,
        EventKind::Command {
            command:
                Command::Retake { turn } | Command::PickTake { turn, .. } | Command::Edit { turn, .. },
        } => *turn,
        _ => return false,
    };
    last.is_some_and(|last| turn <= last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::character::CharacterId;
    use crate::event::LeaveReason;

    /// A log in letters: an entrance is an event, `<n` a rewind to event n.
    fn log(kinds: &[&str]) -> Vec<Event> {
        let mut branch = 0;
        kinds
            .iter()
            .zip(0..)
            .map(|(kind, seq)| Event {
                seq,
                at_ms: 0,
                kind: match kind.strip_prefix('<') {
                    Some(to) => {
                        branch += 1;
                        EventKind::Rewound {
                            to_seq: to.parse().unwrap(),
                            branch,
                        }
                    }
                    None => EventKind::StageLeft {
                        character: CharacterId::new(*kind),
                        reason: LeaveReason::Exit,
                    },
                },
            })
            .collect()
    }

    fn left(kinds: &[&str]) -> Vec<u64> {
        standing(&log(kinds))
            .iter()
            .map(|event| event.seq)
            .collect()
    }

    #[test]
    fn a_rewind_leaves_what_came_after_out() {
        assert_eq!(left(&["a", "b", "c", "<1", "d"]), [0, 1, 4]);
        assert_eq!(left(&["a", "b", "<0", "c", "<3", "d"]), [0, 3, 5]);
        assert_eq!(left(&[]), [0_u64; 0]);
    }

    #[test]
    fn one_may_go_back_to_a_branch_that_was_left() {
        // Event 2 lies on the branch that event 3 leaves.
        assert_eq!(left(&["a", "b", "c", "<0", "d", "<2", "e"]), [0, 1, 2, 6]);
        let way = path(&log(&["a", "b", "<0", "c", "<1", "d"]), Some(3));
        let way: Vec<u64> = way.iter().map(|event| event.seq).collect();
        assert_eq!(way, [0, 2, 3]);
    }
}
