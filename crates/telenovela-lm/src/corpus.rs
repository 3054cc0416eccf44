//! The scripts of a show as the models read them: script scenes of turns, speakers in slots, held-out scenes.

use std::collections::BTreeMap;

use telenovela_script::character::{Character, Lines};
use telenovela_script::script::Script;

use crate::error::{Error, Result};
use crate::rng::{Purpose, Random};
use crate::tokenizer::{Slot, Token, Tokenizer};

/// The speaker of action lines.
pub const ACTION: &str = "@action";

/// Everything said in a show.
#[derive(Clone, Debug, Default)]
pub struct Corpus {
    /// Script scenes with at least one turn, in order.
    pub scenes: Vec<CorpusScene>,
}

/// A script scene as a sequence of turns.
#[derive(Clone, Debug, Default)]
pub struct CorpusScene {
    /// Which script it stands in, from 0.
    pub episode: usize,
    /// The plot lines it is tagged with, the weightiest first.
    pub plot_lines: Vec<String>,
    /// Who says what.
    pub turns: Vec<CorpusTurn>,
}

/// A line in a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorpusTurn {
    /// The cue as written, or [`ACTION`].
    pub speaker: String,
    /// Delivery and words.
    pub text: String,
}

impl CorpusScene {
    /// The first of its plot lines, or nothing.
    pub fn plot_line(&self) -> &str {
        self.plot_lines.first().map_or("", String::as_str)
    }

    /// Whether it is tagged with a plot line.
    pub fn is_tagged(&self, plot: &str) -> bool {
        self.plot_lines.iter().any(|tag| tag == plot)
    }
}

impl Corpus {
    /// Gathers the turns of scripts.
    pub fn new(scripts: &[Script]) -> Self {
        let scenes = scripts.iter().enumerate().flat_map(|(episode, script)| {
            script.scenes.iter().map(move |scene| CorpusScene {
                episode,
                plot_lines: scene.plot_lines.iter().map(ToString::to_string).collect(),
                turns: scene
                    .turns
                    .iter()
                    .map(|turn| CorpusTurn {
                        speaker: turn.speaker.clone().unwrap_or_else(|| ACTION.into()),
                        text: turn.spoken(),
                    })
                    .collect(),
            })
        });
        Self {
            scenes: scenes.filter(|scene| !scene.turns.is_empty()).collect(),
        }
    }

    /// Lines typed into a character's file, as script scenes of a few turns each, so that they can be held out like any other.
    pub fn inline(speaker: &str, lines: &[String]) -> Self {
        const TURNS_PER_SCENE: usize = 2;
        let turns: Vec<CorpusTurn> = lines
            .iter()
            .map(|line| CorpusTurn {
                speaker: speaker.to_owned(),
                text: line.clone(),
            })
            .collect();
        let scenes = turns.chunks(TURNS_PER_SCENE).map(|turns| CorpusScene {
            turns: turns.to_vec(),
            ..CorpusScene::default()
        });
        Self {
            scenes: scenes.collect(),
        }
    }

    /// Lines of some scenes under some cues; all lines with no cues.
    pub fn lines(&self, scenes: &[usize], cues: Option<&[String]>) -> Vec<&str> {
        let turns = scenes.iter().flat_map(|&scene| &self.scenes[scene].turns);
        let wanted = |turn: &&CorpusTurn| cues.is_none_or(|cues| cues.contains(&turn.speaker));
        turns
            .filter(wanted)
            .map(|turn| turn.text.as_str())
            .collect()
    }

    /// Lays scenes out in tokens, each speaker in the slot that `slot_of` says.
    ///
    /// # Errors
    /// When the tokenizer fails.
    pub fn sequences(
        &self,
        tokenizer: &Tokenizer,
        scenes: &[usize],
        slot_of: impl Fn(&str) -> Slot,
    ) -> Result<Vec<Sequence>> {
        let lay_out = |&scene: &usize| {
            let turns = &self.scenes[scene].turns;
            Sequence::new(
                tokenizer,
                turns
                    .iter()
                    .map(|turn| (slot_of(&turn.speaker), &turn.text)),
            )
        };
        scenes.iter().map(lay_out).collect()
    }

    /// Characters spoken by each speaker, in the order of the alphabet.
    pub fn chars_by_speaker(&self) -> BTreeMap<&str, usize> {
        let mut chars = BTreeMap::new();
        for turn in self.scenes.iter().flat_map(|scene| &scene.turns) {
            *chars.entry(turn.speaker.as_str()).or_default() += turn.text.chars().count();
        }
        chars
    }

    /// Holds script scenes out: 85 % to train on, 5 % to tune on, 10 % to report once.
    ///
    /// Seeded, and stratified by episode and plot line: the held-out scenes are spread evenly over the scenes in that order, shuffled within. So few scenes
    /// can miss somebody altogether; of [`DRAWS`] such draws the one is taken in which the speaker who fares worst fares best.
    ///
    /// # Errors
    /// [`Error::TooFewScenes`] with fewer than three script scenes: nothing can be held out.
    pub fn split(&self, seed: u64) -> Result<Split> {
        const FEWEST_SCENES: usize = 3;
        if self.scenes.len() < FEWEST_SCENES {
            return Err(Error::TooFewScenes {
                scenes: self.scenes.len(),
                need: FEWEST_SCENES,
            });
        }
        let mut random = Random::new(seed, Purpose::Split);
        let mut best = (f64::NEG_INFINITY, Split::default());
        for _ in 0..DRAWS {
            let split = self.draw_split(&mut random);
            let fairness = self.fairness(&split);
            if fairness > best.0 {
                best = (fairness, split);
            }
        }
        Ok(best.1)
    }

    fn draw_split(&self, random: &mut Random) -> Split {
        let n = self.scenes.len();
        let mut order: Vec<usize> = (0..n).collect();
        random.shuffle(&mut order);
        order.sort_by_key(|&scene| (self.scenes[scene].episode, self.scenes[scene].plot_line()));
        let n_dev = ((n as f32 * DEV_SHARE as f32).round() as usize).max(1);
        let n_test = ((n as f32 * TEST_SHARE as f32).round() as usize).max(1);
        let n_held = n_dev + n_test;
        let phase = random.uniform();
        let mut held = vec![None; n];
        for k in 0..n_held {
            let place = ((k as f32 + phase) * n as f32 / n_held as f32) as usize;
            // Every so many held-out scenes one goes to dev, evenly.
            let is_dev = (k + 1) * n_dev / n_held > k * n_dev / n_held;
            held[order[place.min(n - 1)]] = Some(is_dev);
        }
        let mut split = Split::default();
        for (scene, held) in held.into_iter().enumerate() {
            match held {
                None => split.train.push(scene),
                Some(true) => split.dev.push(scene),
                Some(false) => split.test.push(scene),
            }
        }
        split
    }

    /// How much of its due the worst-off speaker gets of dev or test: 1 when its lines are held out in the shares asked for, 0 when not at all.
    fn fairness(&self, split: &Split) -> f64 {
        let chars_of = |scenes: &[usize]| -> BTreeMap<&str, usize> {
            let mut chars = BTreeMap::new();
            for turn in scenes.iter().flat_map(|&scene| &self.scenes[scene].turns) {
                *chars.entry(turn.speaker.as_str()).or_default() += turn.text.chars().count();
            }
            chars
        };
        let all = self.chars_by_speaker();
        let total: usize = all.values().sum();
        let (dev, test) = (chars_of(&split.dev), chars_of(&split.test));
        let of = |held: &BTreeMap<&str, usize>, speaker: &str, due: f64| {
            held.get(speaker).copied().unwrap_or(0) as f64 / due
        };
        let speakers = all
            .iter()
            .filter(|(_, chars)| **chars as f64 >= SPEAKS_ENOUGH * total as f64);
        let worst = speakers.map(|(speaker, &chars)| {
            let chars = chars as f64;
            of(&dev, speaker, DEV_SHARE * chars).min(of(&test, speaker, TEST_SHARE * chars))
        });
        worst.fold(1.0, f64::min)
    }
}

/// Of the script scenes, to tune on.
const DEV_SHARE: f64 = 0.05;
/// Of the script scenes, to report on.
const TEST_SHARE: f64 = 0.10;
/// Of a corpus, in characters: who says less need not be held out.
const SPEAKS_ENOUGH: f64 = 0.02;
/// Splits drawn, of which the fairest is taken.
const DRAWS: usize = 100;

/// Indices of script scenes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// To learn from.
    pub train: Vec<usize>,
    /// To stop and tune on.
    pub dev: Vec<usize>,
    /// To report on, once.
    pub test: Vec<usize>,
}

/// Who has which slot in the models of a show.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SlotTable {
    /// Speakers with a slot of their own; the k-th has slot k + 1.
    pub speakers: Vec<String>,
    /// Slots kept free for characters that come later, after those.
    pub spare: usize,
}

impl SlotTable {
    /// Gives a slot to everybody who says enough, the most talkative first. Depends on the scripts alone, so that a new character's file
    /// leaves the trained models up to date.
    pub fn new(corpus: &Corpus, spare: usize) -> Self {
        const ENOUGH_CHARS: usize = 400;
        let mut speakers: Vec<(&str, usize)> = corpus
            .chars_by_speaker()
            .into_iter()
            .filter(|(_, chars)| *chars >= ENOUGH_CHARS)
            .collect();
        speakers.sort_by_key(|(_, chars)| std::cmp::Reverse(*chars));
        Self {
            speakers: speakers
                .into_iter()
                .map(|(speaker, _)| speaker.to_owned())
                .collect(),
            spare,
        }
    }

    /// Slots besides `<other>`.
    pub fn n_slots(&self) -> usize {
        self.speakers.len() + self.spare
    }

    /// The slot of a speaker's cue.
    pub fn slot(&self, speaker: &str) -> Slot {
        let place = self.speakers.iter().position(|known| known == speaker);
        place.map_or(Slot::OTHER, |place| Slot(place + 1))
    }

    /// The slot of who says most, action lines aside; `<other>` where nobody has one.
    pub fn most_talkative(&self) -> Slot {
        let place = self.speakers.iter().position(|cue| cue != ACTION);
        place.map_or(Slot::OTHER, |place| Slot(place + 1))
    }

    /// The slot of a character: that of its first cue, or none in the ensemble for one with lines of its own.
    pub fn slot_of(&self, character: &Character) -> Slot {
        match &character.lines {
            Lines::Speakers(cues) => cues
                .iter()
                .map(|cue| self.slot(cue))
                .find(|&slot| slot != Slot::OTHER)
                .unwrap_or_default(),
            Lines::Action => self.slot(ACTION),
            Lines::Inline(_) => Slot::OTHER,
        }
    }

    /// The first free slot, for a character with lines of its own; `<other>` when the recipe keeps none.
    pub fn first_spare(&self) -> Slot {
        if self.spare == 0 {
            Slot::OTHER
        } else {
            Slot(self.speakers.len() + 1)
        }
    }
}

impl Default for Slot {
    fn default() -> Self {
        Slot::OTHER
    }
}

/// What a target is, for the loss and for the count of bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// The tag of the next speaker.
    Tag,
    /// A token of somebody's line, its `<eol>` included.
    Line(Slot),
}

/// A script scene in tokens: at each step a token, the slot of who is speaking, and what comes next.
#[derive(Clone, Debug, Default)]
pub struct Sequence {
    /// Inputs.
    pub tokens: Vec<Token>,
    /// Whose vector is fed with each input.
    pub slots: Vec<Slot>,
    /// The next token.
    pub targets: Vec<Token>,
    /// What it is.
    pub kinds: Vec<TargetKind>,
    /// Characters of each slot's lines, `<eol>` counted as one.
    pub chars: BTreeMap<usize, usize>,
}

impl Sequence {
    /// Lays a script scene out as `<scene> <speaker> text <eol> <speaker> …`.
    ///
    /// # Errors
    /// When the tokenizer fails.
    pub fn new(
        tokenizer: &Tokenizer,
        turns: impl IntoIterator<Item = (Slot, impl AsRef<str>)>,
    ) -> Result<Self> {
        let mut sequence = Self::default();
        let mut input = (tokenizer.scene(), Slot::OTHER);
        for (slot, text) in turns {
            sequence.push(&mut input, (tokenizer.tag(slot), slot), TargetKind::Tag);
            for token in tokenizer.encode(text.as_ref())? {
                sequence.push(&mut input, (token, slot), TargetKind::Line(slot));
            }
            sequence.push(
                &mut input,
                (tokenizer.end_of_line(), slot),
                TargetKind::Line(slot),
            );
            *sequence.chars.entry(slot.0).or_default() += text.as_ref().chars().count() + 1;
        }
        Ok(sequence)
    }

    fn push(&mut self, input: &mut (Token, Slot), next: (Token, Slot), kind: TargetKind) {
        self.tokens.push(input.0);
        self.slots.push(input.1);
        self.targets.push(next.0);
        self.kinds.push(kind);
        *input = next;
    }

    /// Steps.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use telenovela_script::show::{TokenizerSpec, Unit};

    use super::*;

    fn corpus(n_scenes: usize) -> Corpus {
        let scenes = (0..n_scenes).map(|k| CorpusScene {
            episode: k / 10,
            plot_lines: vec![["class", "amnesia"][k % 2].into()],
            turns: vec![CorpusTurn {
                speaker: "INÉS".into(),
                text: "Salt.".into(),
            }],
        });
        Corpus {
            scenes: scenes.collect(),
        }
    }

    #[test]
    fn the_split_covers_everything_once_and_every_episode_is_held_out_somewhere() {
        let corpus = corpus(100);
        let split = corpus.split(1).unwrap();
        assert_eq!(
            (split.train.len(), split.dev.len(), split.test.len()),
            (85, 5, 10)
        );
        let mut all = [split.train.clone(), split.dev.clone(), split.test.clone()].concat();
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<_>>());
        for episode in 0..10 {
            assert!(
                split
                    .test
                    .iter()
                    .chain(&split.dev)
                    .any(|&scene| corpus.scenes[scene].episode == episode)
            );
        }
        assert_eq!(split, corpus.split(1).unwrap());
        assert_ne!(split, corpus.split(2).unwrap());
    }

    #[test]
    fn the_smallest_corpus_still_holds_something_out() {
        let split = corpus(3).split(1).unwrap();
        assert_eq!(
            (split.train.len(), split.dev.len(), split.test.len()),
            (1, 1, 1)
        );
        let error = corpus(2).split(1).unwrap_err();
        assert!(
            error.to_string().contains("have 2 scene(s) with lines"),
            "{error}"
        );
    }

    #[test]
    fn a_scene_is_a_sequence_in_which_the_tag_carries_its_own_speaker() {
        let spec = TokenizerSpec {
            unit: Unit::Word,
            min_count: 1,
            max_vocab: 600,
        };
        let tokenizer = Tokenizer::train(spec, 2, ["Salt and"].into_iter()).unwrap();
        let sequence =
            Sequence::new(&tokenizer, [(Slot(1), "Salt and"), (Slot(2), "Salt")]).unwrap();
        let salt = tokenizer.encode("Salt").unwrap()[0];
        let and = tokenizer.encode(" and").unwrap()[0];
        let (one, two, eol) = (
            tokenizer.tag(Slot(1)),
            tokenizer.tag(Slot(2)),
            tokenizer.end_of_line(),
        );
        assert_eq!(
            sequence.tokens,
            [tokenizer.scene(), one, salt, and, eol, two, salt]
        );
        assert_eq!(sequence.targets, [one, salt, and, eol, two, salt, eol]);
        assert_eq!(
            sequence.slots,
            [
                Slot(0),
                Slot(1),
                Slot(1),
                Slot(1),
                Slot(1),
                Slot(2),
                Slot(2)
            ]
        );
        assert_eq!(sequence.kinds[4], TargetKind::Tag);
        assert_eq!(sequence.chars, BTreeMap::from([(1, 9), (2, 5)]));
    }
}
