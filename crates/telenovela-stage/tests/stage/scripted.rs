//! A voice that says exactly what its script tells it to.

use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex};

use telenovela_script::character::CharacterId;
use telenovela_script::event::Utterance;
use telenovela_script::voice::{
    Cue, ExplainedToken, Explanation, ScoreCard, Take, Voice, VoiceError,
};
use telenovela_stage::seed::Draws;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What a scripted voice does when it is asked.
#[derive(Clone)]
pub(crate) enum Part {
    /// Lines drawn by the seed of each take; they also depend on how many lines were heard.
    Chatter,
    /// This line, always, with whatever score.
    Always(&'static str),
    /// Nothing: empty takes.
    Silence,
    /// An error, always.
    Refuse,
    /// A panic as it speaks.
    PanicSpeaking,
    /// A panic as it hears its nth line, from 1.
    PanicHearing(usize),
    /// A panic as it bids.
    PanicBidding,
    /// One take too few.
    Miscount,
    /// Tells that it is at work, then waits: chatters when released, fails when the other end is dropped.
    Hang(Arc<Mutex<Receiver<()>>>, UnboundedSender<()>),
}

/// A hanging part, what releases it once per message, and what tells that it is at work.
pub(crate) fn hang() -> (Part, Sender<()>, UnboundedReceiver<()>) {
    let (release, hanging) = std::sync::mpsc::channel();
    let (at_work, working) = unbounded_channel();
    let part = Part::Hang(Arc::new(Mutex::new(hanging)), at_work);
    (part, release, working)
}

/// What a voice was told, for the test to read.
#[derive(Clone, Default)]
pub(crate) struct Notes {
    pub(crate) heard: Arc<Mutex<Vec<Utterance>>>,
    pub(crate) cues: Arc<Mutex<Vec<Cue>>>,
}

pub(crate) struct ScriptedVoice {
    pub(crate) who: CharacterId,
    pub(crate) part: Part,
    pub(crate) bid: f32,
    pub(crate) notes: Notes,
    n_heard: usize,
}

impl ScriptedVoice {
    pub(crate) fn new(who: &str, part: Part) -> Self {
        Self {
            who: CharacterId::new(who),
            part,
            bid: 0.5,
            notes: Notes::default(),
            n_heard: 0,
        }
    }

    fn line(&self, cue: &Cue, seed: u64) -> String {
        const WORDS: [&str; 12] = [
            "salt", "moon", "thunder", "never", "paper", "goodbye", "Inés", "Rodrigo", "houses",
            "late", "rain", "you",
        ];
        let mut draws = Draws::new(seed ^ self.n_heard as u64);
        let n_words = 3 + draws.below(5).unwrap_or(0);
        let mut words: Vec<&str> = cue.prime.iter().map(String::as_str).collect();
        words.extend((0..n_words).map(|_| WORDS[draws.below(WORDS.len()).unwrap_or(0)]));
        format!("{}.", words.join(" "))
    }
}

impl Voice for ScriptedVoice {
    fn hear(&mut self, utterance: &Utterance) {
        self.n_heard += 1;
        if matches!(self.part, Part::PanicHearing(nth) if nth == self.n_heard) {
            panic!("cannot bear it");
        }
        self.notes
            .heard
            .lock()
            .expect("no test panics while it holds the notes")
            .push(utterance.clone());
    }

    fn bid(&self) -> f32 {
        assert!(!matches!(self.part, Part::PanicBidding), "no bid");
        self.bid
    }

    fn takes(&self, cue: &Cue, seeds: &[u64]) -> Result<Vec<Take>, VoiceError> {
        self.notes
            .cues
            .lock()
            .expect("no test panics while it holds the notes")
            .push(cue.clone());
        let texts: Vec<String> = match &self.part {
            Part::Always(text) => seeds.iter().map(|_| (*text).to_owned()).collect(),
            Part::Silence => seeds.iter().map(|_| String::new()).collect(),
            Part::Refuse => {
                return Err(VoiceError::NotFinite {
                    character: self.who.clone(),
                });
            }
            Part::PanicSpeaking => panic!("lost for words"),
            Part::Miscount => Vec::new(),
            Part::Hang(release, at_work) => {
                // A test that is over waits for nobody.
                let _ = at_work.send(());
                let released = release.lock().expect("one voice hangs at a time").recv();
                if released.is_err() {
                    return Err(VoiceError::Failed("never released".to_owned()));
                }
                seeds.iter().map(|seed| self.line(cue, *seed)).collect()
            }
            Part::Chatter | Part::PanicHearing(_) | Part::PanicBidding => {
                seeds.iter().map(|seed| self.line(cue, *seed)).collect()
            }
        };
        let takes = texts.into_iter().zip(seeds).map(|(text, seed)| Take {
            seed: *seed,
            delivery: cue
                .delivery
                .clone()
                .or_else(|| seed.is_multiple_of(3).then(|| "softly".to_owned())),
            text,
            score: ScoreCard {
                total: (seed % 100) as f32 / 100.0,
                finished: true,
                ..ScoreCard::default()
            },
        });
        Ok(takes.collect())
    }

    /// One token, as surprising as lines were heard.
    fn explain(&self, take: &Take) -> Explanation {
        assert!(!matches!(self.part, Part::PanicSpeaking), "lost for words");
        let token = ExplainedToken {
            text: take.text.clone(),
            surprise: self.n_heard as f32,
            candidates: Vec::new(),
            hidden: Vec::new(),
        };
        Explanation {
            tokens: vec![token],
            nearest: None,
        }
    }

    fn fork(&self) -> Box<dyn Voice> {
        Box::new(Self {
            who: self.who.clone(),
            part: self.part.clone(),
            bid: self.bid,
            notes: self.notes.clone(),
            n_heard: self.n_heard,
        })
    }
}
