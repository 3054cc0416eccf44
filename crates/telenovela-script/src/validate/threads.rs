//! Loose ends, followed from beat to beat.

use std::collections::BTreeMap;

use super::Analysis;
use crate::problem::suggestion;

impl Analysis<'_> {
    /// Every loose end is opened before it is brought further, and tied up if it must be.
    pub(super) fn threads(&self) {
        #[derive(Clone, Copy, PartialEq)]
        enum State {
            Dormant,
            Open,
            Resolved,
        }
        let mut states: BTreeMap<&str, State> = BTreeMap::new();
        for thread in &self.spec.threads {
            let state = if thread.open {
                State::Open
            } else {
                State::Dormant
            };
            let id = thread.id.value.as_str();
            if states.insert(id, state).is_some() {
                self.reader.complain(
                    thread.id.span,
                    format!("another thread is called `{id}` as well"),
                );
            }
        }
        let ids: Vec<&str> = states.keys().copied().collect();
        for beat in &self.spec.beats {
            let steps = beat
                .opens
                .iter()
                .map(|at| (at, "opened"))
                .chain(beat.advances.iter().map(|at| (at, "advanced")))
                .chain(beat.resolves.iter().map(|at| (at, "resolved")));
            for (at, step) in steps {
                let id = at.value.as_str();
                let Some(state) = states.get_mut(id) else {
                    self.reader.complain_helpfully(
                        at.span,
                        format!("the scene has no thread `{id}`"),
                        suggestion(id, &ids),
                    );
                    continue;
                };
                let wrong = match (step, *state) {
                    ("opened", State::Open) => Some("is open already"),
                    (_, State::Resolved) => Some("was resolved before"),
                    ("opened", _) | (_, State::Open) => None,
                    (_, State::Dormant) => Some("was never opened"),
                };
                if let Some(wrong) = wrong {
                    self.reader.complain_helpfully(
                        at.span,
                        format!("the thread `{id}` is {step} here, but {wrong}"),
                        (*state == State::Dormant).then(|| {
                            String::from("list it under `opens` of this beat or an earlier one")
                        }),
                    );
                }
                *state = if step == "resolved" {
                    State::Resolved
                } else {
                    State::Open
                };
            }
        }
        for thread in &self.spec.threads {
            let id = thread.id.value.as_str();
            match states.get(id) {
                Some(State::Dormant) => self.reader.complain_helpfully(
                    thread.id.span,
                    format!("no beat opens the thread `{id}`"),
                    Some(String::from(
                        "list it under `threads: { opens: [..] }` of a beat, or say `open: true`",
                    )),
                ),
                Some(State::Open) if thread.must_resolve && !thread.carried => self.reader.complain_helpfully(
                    thread.id.span,
                    format!("the thread `{id}` must be resolved, but no beat does"),
                    Some(String::from(
                        "list it under `threads: { resolves: [..] }` of a beat; or say `carried: true`, if a later scene of an episode resolves it",
                    )),
                ),
                _ => {}
            }
        }
    }
}
