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
