//! The prompter: knows how every line came about, and tells it in private. What it is asked is in no log and changes nothing on stage: it has minds of its
//! own, which hear what a character had heard up to a line and then say how they came to it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use telenovela_script::character::CharacterId;
use telenovela_script::cut::standing;
use telenovela_script::event::{Event, EventKind, Spoken};
use telenovela_script::scene::Scene;
use telenovela_script::voice::{Explanation, ScoreCard, Take, Voice};

use crate::company::heard_by;
use crate::production::Production;

/// A mind for everybody in the cast, as it was before the curtain rose.
pub struct Prompter {
    /// The scene that everything begins with.
    first: Option<Scene>,
    minds: Vec<(CharacterId, Box<dyn Voice>)>,
}

impl Prompter {
    /// With copies of the minds of a production.
    pub fn new(production: &Production) -> Self {
        let minds = production.cast.iter();
        Self {
            first: production.scenes.first().cloned(),
            minds: minds
                .map(|role| (role.character.id.clone(), role.voice.fork()))
                .collect(),
        }
    }

    /// How a take of a line came about, or the line as it was said, for `None`: a mind has something to say about a line that it did not make, too. `events`
    /// are those of the log so far. `None` when there is no such line or take, or nobody to ask, or who is asked breaks down.
    pub fn explain(&self, events: &[Event], turn: u64, take: Option<usize>) -> Option<Explanation> {
        let standing = standing(events);
        let (at, spoken) = line_of(&standing, turn)?;
        let speaker = &spoken.utterance.speaker;
        let (_, mind) = self.minds.iter().find(|(id, _)| id == speaker)?;
        let take = match take {
            Some(index) => spoken.takes.get(index)?.clone(),
            None => as_take(spoken),
        };
        let heard = heard_by(speaker, self.first.as_ref()?, &standing[..at]);
        // A mind that breaks down here is a copy; nobody on stage notices.
        let asked = AssertUnwindSafe(|| {
            let mut mind = mind.fork();
            for utterance in &heard {
                mind.hear(utterance);
            }
            mind.explain(&take)
        });
        catch_unwind(asked).ok()
    }
}

fn line_of(standing: &[Event], turn: u64) -> Option<(usize, &Spoken)> {
    let lines = standing.iter().enumerate().rev();
    lines
        .filter_map(|(at, event)| match &event.kind {
            EventKind::Utterance(spoken) => Some((at, spoken)),
            _ => None,
        })
        .find(|(_, spoken)| spoken.utterance.turn == turn)
}

/// A line that no model made, as if one had.
fn as_take(spoken: &Spoken) -> Take {
    Take {
        seed: 0,
        delivery: spoken.utterance.delivery.clone(),
        text: spoken.utterance.text.clone(),
        score: ScoreCard {
            finished: true,
            ..ScoreCard::default()
        },
    }
}
