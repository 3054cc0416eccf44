//! Windows of a batch: script scenes dealt to lanes.

use std::collections::VecDeque;

use telenovela_script::show::Recipe;

use crate::corpus::{Sequence, TargetKind};
use crate::model::Window;
use crate::rng::Random;
use crate::tokenizer::{Slot, Token};

/// Deals script scenes to the lanes of a batch, window by window. A lane takes the next scene when its own is over; what is left of its window is
/// padding, so that a scene always begins with a window.
pub(super) struct Windows<'a> {
    lanes: Vec<Lane<'a>>,
    waiting: VecDeque<&'a Sequence>,
    time: usize,
    /// Tokens of the last window that are not padding.
    pub(super) real_tokens: usize,
}

#[derive(Clone, Copy)]
struct Lane<'a> {
    sequence: Option<&'a Sequence>,
    at: usize,
}

impl<'a> Windows<'a> {
    pub(super) fn new(sequences: &'a [Sequence], recipe: &Recipe, order: &mut Random) -> Self {
        let mut waiting: Vec<&Sequence> = sequences
            .iter()
            .filter(|sequence| !sequence.is_empty())
            .collect();
        order.shuffle(&mut waiting);
        // Windows of another length each epoch, so that their borders fall elsewhere.
        let shortest = (recipe.bptt * 3 / 4).max(1);
        let time = shortest + order.below(recipe.bptt - shortest + 1);
        let n_lanes = recipe.batch.min(waiting.len()).max(1);
        Self {
            lanes: vec![
                Lane {
                    sequence: None,
                    at: 0
                };
                n_lanes
            ],
            waiting: waiting.into(),
            time,
            real_tokens: 0,
        }
    }

    /// Lanes side by side.
    pub(super) fn n_lanes(&self) -> usize {
        self.lanes.len()
    }

    /// About how many windows an epoch has: for the learning-rate schedule.
    pub(super) fn count(sequences: &[Sequence], recipe: &Recipe) -> usize {
        let time = recipe.bptt * 7 / 8;
        let n_lanes = recipe.batch.min(sequences.len()).max(1);
        let windows: usize = sequences
            .iter()
            .map(|sequence| sequence.len().div_ceil(time.max(1)))
            .sum();
        windows.div_ceil(n_lanes)
    }

    /// The next window and which lanes begin a script scene in it; `None` when all is read.
    pub(super) fn next_window(
        &mut self,
        weigh: &dyn Fn(TargetKind) -> f32,
    ) -> Option<(Window, Vec<bool>)> {
        let (time, batch) = (self.time, self.lanes.len());
        let mut fresh = vec![false; batch];
        for (lane, fresh) in self.lanes.iter_mut().zip(&mut fresh) {
            if lane
                .sequence
                .is_none_or(|sequence| lane.at >= sequence.len())
            {
                *lane = Lane {
                    sequence: self.waiting.pop_front(),
                    at: 0,
                };
                *fresh = true;
            }
        }
        if self.lanes.iter().all(|lane| lane.sequence.is_none()) {
            return None;
        }
        let mut window = Window {
            time,
            batch,
            tokens: vec![0 as Token; time * batch],
            slots: vec![Slot::OTHER; time * batch],
            targets: vec![0; time * batch],
            weights: vec![0.0; time * batch],
        };
        self.real_tokens = 0;
        for (number, lane) in self.lanes.iter_mut().enumerate() {
            let Some(sequence) = lane.sequence else {
                continue;
            };
            for step in 0..time.min(sequence.len() - lane.at) {
                let (from, to) = (lane.at + step, step * batch + number);
                window.tokens[to] = sequence.tokens[from];
                window.slots[to] = sequence.slots[from];
                window.targets[to] = sequence.targets[from];
                window.weights[to] = weigh(sequence.kinds[from]);
                self.real_tokens += 1;
            }
            lane.at += time;
        }
        Some((window, fresh))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Purpose;

    /// A scene whose tokens say which scene and which step they are; never 0, which is padding.
    fn scene(number: u32, n: usize) -> Sequence {
        let token = |step: usize| 1000 * number + step as u32;
        Sequence {
            tokens: (0..n).map(token).collect(),
            slots: vec![Slot(number as usize); n],
            targets: (1..=n).map(token).collect(),
            kinds: vec![TargetKind::Line(Slot(number as usize)); n],
            chars: [(number as usize, n)].into(),
        }
    }

    fn recipe(batch: usize, bptt: usize) -> Recipe {
        Recipe {
            batch,
            bptt,
            ..crate::train::tests::recipe()
        }
    }

    #[test]
    fn every_step_of_every_scene_is_read_once_in_order_and_in_one_lane() {
        let scenes: Vec<Sequence> = [5, 1, 17, 16, 3, 40]
            .into_iter()
            .zip(1..)
            .map(|(n, number)| scene(number, n))
            .collect();
        for (batch, bptt) in [(1, 1), (2, 8), (4, 16), (64, 7), (3, 1024)] {
            let mut order = Random::new(7, Purpose::Order);
            let mut windows = Windows::new(&scenes, &recipe(batch, bptt), &mut order);
            let n_lanes = windows.n_lanes();
            let mut read: Vec<Vec<Token>> = vec![Vec::new(); n_lanes];
            let mut begun: Vec<Token> = Vec::new();
            while let Some((window, fresh)) = windows.next_window(&|_| 1.0) {
                assert_eq!((window.batch, fresh.len()), (n_lanes, n_lanes));
                let mut n_real = 0;
                for lane in 0..n_lanes {
                    for step in 0..window.time {
                        let at = step * n_lanes + lane;
                        if window.weights[at] == 0.0 {
                            continue;
                        }
                        n_real += 1;
                        let token = window.tokens[at];
                        assert_eq!(window.targets[at], token + 1);
                        assert_eq!(window.slots[at], Slot(token as usize / 1000));
                        // A scene begins with a window of which its lane has been told to forget.
                        assert_eq!(token % 1000 == 0, step == 0 && fresh[lane]);
                        if token % 1000 == 0 {
                            begun.push(token / 1000);
                        } else {
                            assert_eq!(read[lane].last(), Some(&(token - 1)));
                        }
                        read[lane].push(token);
                    }
                }
                assert_eq!(windows.real_tokens, n_real);
            }
            begun.sort_unstable();
            assert_eq!(begun, [1, 2, 3, 4, 5, 6]);
            let n_read: usize = read.iter().map(Vec::len).sum();
            assert_eq!(n_read, 5 + 1 + 17 + 16 + 3 + 40);
        }
    }

    #[test]
    fn targets_weigh_what_they_are_said_to() {
        let mut scene = scene(1, 3);
        scene.kinds[1] = TargetKind::Tag;
        let scenes = [scene];
        let mut order = Random::new(7, Purpose::Order);
        let mut windows = Windows::new(&scenes, &recipe(1, 8), &mut order);
        let weigh = |kind| if kind == TargetKind::Tag { 0.5 } else { 2.0 };
        let (window, _) = windows.next_window(&weigh).unwrap();
        assert_eq!(window.weights[..3], [2.0, 0.5, 2.0]);
        assert!(window.weights[3..].iter().all(|&weight| weight == 0.0));
    }
}
