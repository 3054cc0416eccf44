//! What models remember of a scene.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::Speaker;
use crate::evaluate::log_probabilities;
use crate::network::{Scratch, State};
use crate::sampler::Primed;
use crate::tokenizer::{Slot, Token};
use crate::weights::fingerprint;

/// What a model remembers of a scene.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    pub(super) now: State,
    /// Before the last line heard, to tell what that line changed.
    pub(super) before: Option<State>,
    /// Who spoke last.
    pub(super) last: Slot,
}

impl Memory {
    pub(super) fn new(speaker: &Speaker) -> Self {
        let mut now = speaker.network.zero_state(1);
        speaker.network.step(
            &[speaker.tokenizer.scene()],
            &[Slot::OTHER],
            &mut now,
            &mut Scratch::default(),
        );
        Self {
            now,
            before: None,
            last: Slot::OTHER,
        }
    }

    pub(super) fn hear(
        &mut self,
        speaker: &Speaker,
        slot: Slot,
        line: &[Token],
        scratch: &mut Scratch,
    ) {
        self.before = Some(self.now.clone());
        let tag = speaker.tokenizer.tag(slot);
        for &token in std::iter::once(&tag)
            .chain(line)
            .chain([&speaker.tokenizer.end_of_line()])
        {
            speaker
                .network
                .step(&[token], &[slot], &mut self.now, scratch);
        }
        self.last = slot;
    }
}

/// Lines heard, as a hash of all of them in order.
type History = String;

/// Memories that are kept for the minds that have not heard so far yet.
const KEPT: usize = 16;

/// What a model that several minds listen with has heard lately. They all hear the same lines, so it reads each once and lends them its memory.
#[derive(Debug, Default)]
pub(super) struct Ears(Mutex<VecDeque<(History, Memory)>>);

impl Ears {
    /// The memory after a history: one that is known, or what `hear` makes of it. Whoever asks meanwhile waits for that.
    fn after(&self, history: &History, hear: impl FnOnce() -> Memory) -> Memory {
        // A memory is put in whole or not at all, so what a panic left behind is as good as ever.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, memory)) = known.iter().find(|(heard, _)| heard == history) {
            return memory.clone();
        }
        let memory = hear();
        if known.len() == KEPT {
            known.pop_front();
        }
        known.push_back((history.clone(), memory.clone()));
        memory
    }
}

/// A model that a mind listens with beside its own.
#[derive(Clone, Debug)]
pub(super) struct Companion {
    speaker: Speaker,
    memory: Memory,
    history: History,
}

impl Companion {
    pub(super) fn new(speaker: Speaker) -> Self {
        Self {
            memory: Memory::new(&speaker),
            speaker,
            history: History::new(),
        }
    }

    pub(super) fn hear(&mut self, slot: Slot, line: &[Token]) {
        let tokens = line.iter().flat_map(|token| token.to_le_bytes());
        let tokens: Vec<u8> = tokens.collect();
        let parts = [self.history.as_bytes(), &slot.0.to_le_bytes(), &tokens];
        self.history = fingerprint(parts);
        self.memory = self.speaker.ears.after(&self.history, || {
            let mut memory = self.memory.clone();
            memory.hear(&self.speaker, slot, line, &mut Scratch::default());
            memory
        });
    }

    pub(super) fn primed(&self) -> Primed<'_> {
        Primed {
            network: &self.speaker.network,
            state: &self.memory.now,
        }
    }

    /// Log-likelihood of lines that anybody might say next, in nats.
    pub(super) fn log_likelihoods(&self, lines: &[Vec<Token>]) -> Vec<f32> {
        let tag = self.speaker.tokenizer.tag(Slot::OTHER);
        let (network, state) = (&self.speaker.network, &self.memory.now);
        let rows = log_probabilities(network, state, tag, Slot::OTHER, lines);
        rows.iter().map(|row| row.iter().sum()).collect()
    }
}
