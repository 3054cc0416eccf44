//! Who speaks next: a pure function of the floor so far, the beat, the people and a seed.
//!
//! What the user or the author of the scene decides never comes here. For the rest, in order: who is not on stage, is silenced by the beat, or
//! is heard but not seen and not asked for by the beat, is no candidate; who has just spoken as often in a row as it may is barred; among those
//! left one is drawn by the product of its factors, every one of which is in [`Candidate`].

use std::collections::BTreeMap;

use telenovela_script::character::{Character, CharacterId};
use telenovela_script::event::{Because, Candidate, Provenance, Utterance};
use telenovela_script::scene::{Beat, TurnPolicy};

use crate::seed::Draws;
use crate::words::mentions;

/// What being addressed by name is worth.
const ADDRESSED: f32 = 3.0;
/// What a silence of more than `max_idle` turns is worth.
const IDLE: f32 = 2.0;
/// Balance by share of the floor stays between this and its inverse, so that nobody is shut up by having talked.
const LEAST_BALANCE: f32 = 0.5;
/// No model's bid counts for less: a mind that never wants to speak must not silence its character.
const LEAST_BID: f32 = 0.01;

/// Who has had the floor so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Floor {
    turns: u64,
    held: BTreeMap<CharacterId, Held>,
    last: Option<LastLine>,
}

#[derive(Clone, Debug, PartialEq)]
struct Held {
    lines: u64,
    last_turn: u64,
}

#[derive(Clone, Debug, PartialEq)]
struct LastLine {
    speaker: CharacterId,
    text: String,
    in_a_row: u32,
    injected: bool,
}

impl Floor {
    /// Takes in a line, whoever's words it is made of.
    pub fn heard(&mut self, utterance: &Utterance) {
        let in_a_row = match &self.last {
            Some(last) if last.speaker == utterance.speaker => last.in_a_row + 1,
            _ => 1,
        };
        let held = self.held.entry(utterance.speaker.clone()).or_insert(Held {
            lines: 0,
            last_turn: 0,
        });
        held.lines += 1;
        held.last_turn = self.turns;
        self.turns += 1;
        self.last = Some(LastLine {
            speaker: utterance.speaker.clone(),
            text: utterance.text.clone(),
            in_a_row,
            injected: utterance.provenance == Provenance::Injected,
        });
    }

    /// The words of the last line.
    pub fn last_text(&self) -> Option<&str> {
        self.last.as_ref().map(|last| last.text.as_str())
    }

    /// Who said it.
    pub fn last_speaker(&self) -> Option<&CharacterId> {
        self.last.as_ref().map(|last| &last.speaker)
    }

    fn lines(&self, character: &CharacterId) -> u64 {
        self.held.get(character).map_or(0, |held| held.lines)
    }

    /// Lines of others since its own last one; since the beginning for who has not spoken.
    fn idle(&self, character: &CharacterId) -> u64 {
        self.held
            .get(character)
            .map_or(self.turns, |held| self.turns - 1 - held.last_turn)
    }

    /// A user's line is answered by somebody else, however often its speaker may take the floor.
    fn may_go_on(&self, character: &Character) -> bool {
        match &self.last {
            Some(last) if last.speaker == character.id => {
                !last.injected && last.in_a_row < character.turns.max_repeat.max(1)
            }
            _ => true,
        }
    }

    fn addresses(&self, character: &Character) -> bool {
        self.last.as_ref().is_some_and(|last| {
            last.speaker != character.id
                && std::iter::once(&character.name)
                    .chain(&character.aliases)
                    .any(|name| mentions(&last.text, name))
        })
    }
}

/// One of the cast, as the choice sees it.
#[derive(Clone, Copy, Debug)]
pub struct Seat<'a> {
    /// Who.
    pub character: &'a Character,
    /// On stage, with a voice, and not one who has lost this very turn.
    pub may_speak: bool,
    /// Its model's bid, 0 to 1; read under [`TurnPolicy::Bid`] only.
    pub bid: f32,
}

/// Who was given the floor, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Index into the seats.
    pub seat: usize,
    /// The rule that decided.
    pub because: Because,
    /// Everybody on stage with every factor, in the order of the cast.
    pub candidates: Vec<Candidate>,
}

/// The beat's weight of somebody. Who is not named weighs 1; but a voice from offstage speaks only when the beat asks for it by name.
pub fn beat_weight(beat: &Beat, character: &Character) -> f32 {
    beat.speakers
        .iter()
        .find(|(id, _)| *id == character.id)
        .map_or(if character.offstage { 0.0 } else { 1.0 }, |(_, weight)| {
            *weight
        })
}

/// Chooses the next speaker among the seats, which stand in the order of the cast. `None` when nobody can speak in this beat.
///
/// Under `RoundRobin` it is the next in the order of the cast after the last speaker, whose line may have been anybody's words. Otherwise one is
/// drawn by the product of
///
/// * talkativeness and beat weight;
/// * balance: lines it should have had by those two ÷ lines it had, from ½ to 2, and twice that after more than `max_idle` turns of silence;
/// * 3 when the last line names it, said by somebody else;
/// * under `Bid` its model's bid, at least 0.01.
///
/// When every product is 0, repetition is forgiven, then a talkativeness of 0: a scene never stalls on its rules.
pub fn choose(
    floor: &Floor,
    beat: &Beat,
    policy: TurnPolicy,
    seats: &[Seat<'_>],
    draws: &mut Draws,
) -> Option<Choice> {
    let open: Vec<(usize, f32)> = seats
        .iter()
        .enumerate()
        .filter(|(_, seat)| seat.may_speak)
        .map(|(index, seat)| (index, beat_weight(beat, seat.character)))
        .filter(|(index, weight)| *weight > 0.0 || !seats[*index].character.offstage)
        .collect();
    let candidates: Vec<Candidate> = open
        .iter()
        .map(|(index, weight)| candidate(floor, policy, seats, &open, *index, *weight))
        .collect();

    let able: Vec<usize> = (0..open.len()).filter(|at| open[*at].1 > 0.0).collect();
    let (at, because) = match able.as_slice() {
        [] => return None,
        [only] => (*only, Because::OnlyOne),
        _ => {
            let drawn = match policy {
                TurnPolicy::RoundRobin => next_in_cast(floor, seats, &open, &able, &candidates),
                TurnPolicy::Weighted | TurnPolicy::Bid => draws
                    .weighted(candidates.iter().map(|candidate| candidate.weight))
                    .or_else(|| draws.weighted(candidates.iter().map(unbarred)))
                    .or_else(|| draws.weighted(open.iter().map(|(_, weight)| *weight))),
            };
            (drawn?, Because::Policy)
        }
    };
    Some(Choice {
        seat: open[at].0,
        because,
        candidates,
    })
}

/// The product without the bar on repetition.
fn unbarred(candidate: &Candidate) -> f32 {
    candidate.talkativeness
        * candidate.beat
        * candidate.balance
        * candidate.addressed
        * candidate.bid
}

fn candidate(
    floor: &Floor,
    policy: TurnPolicy,
    seats: &[Seat<'_>],
    open: &[(usize, f32)],
    index: usize,
    beat: f32,
) -> Candidate {
    let seat = &seats[index];
    let character = seat.character;
    let bid = match policy {
        TurnPolicy::Bid if seat.bid.is_finite() => round4(seat.bid.clamp(LEAST_BID, 1.0)),
        TurnPolicy::Bid => LEAST_BID,
        TurnPolicy::RoundRobin | TurnPolicy::Weighted => 1.0,
    };
    let mut candidate = Candidate {
        character: character.id.clone(),
        talkativeness: character.turns.talkativeness,
        beat,
        balance: balance(floor, seats, open, character, beat),
        addressed: if floor.addresses(character) {
            ADDRESSED
        } else {
            1.0
        },
        bid,
        repeat: if floor.may_go_on(character) { 1.0 } else { 0.0 },
        weight: 0.0,
    };
    candidate.weight = round4(unbarred(&candidate) * candidate.repeat);
    candidate
}

/// Above 1 for who has had less than its share of the floor, below for who has had more. One line is added on both sides, so that the first
/// lines of a scene weigh little.
fn balance(
    floor: &Floor,
    seats: &[Seat<'_>],
    open: &[(usize, f32)],
    character: &Character,
    beat: f32,
) -> f32 {
    let wish: f32 = open
        .iter()
        .map(|(index, weight)| seats[*index].character.turns.talkativeness * weight)
        .sum();
    let lines: u64 = open
        .iter()
        .map(|(index, _)| floor.lines(&seats[*index].character.id))
        .sum();
    let share = if wish > 0.0 {
        character.turns.talkativeness * beat / wish
    } else {
        1.0 / open.len() as f32
    };
    let due = share * lines as f32 + 1.0;
    let had = floor.lines(&character.id) as f32 + 1.0;
    let balance = (due / had).clamp(LEAST_BALANCE, 1.0 / LEAST_BALANCE);
    let idle = floor.idle(&character.id) > u64::from(character.turns.max_idle);
    round4(if idle { balance * IDLE } else { balance })
}

/// The next candidate in the order of the cast after the last speaker, wherever that one is now.
fn next_in_cast(
    floor: &Floor,
    seats: &[Seat<'_>],
    open: &[(usize, f32)],
    able: &[usize],
    candidates: &[Candidate],
) -> Option<usize> {
    let last = floor
        .last
        .as_ref()
        .and_then(|last| seats.iter().position(|s| s.character.id == last.speaker));
    let after = |at: &&usize| last.is_none_or(|last| open[**at].0 > last);
    let free = |at: &&usize| candidates[**at].repeat > 0.0;
    able.iter()
        .filter(after)
        .find(free)
        .or_else(|| able.iter().find(free))
        .copied()
}

/// Four decimals, so that the log reads well; what is logged is also what is drawn with.
fn round4(x: f32) -> f32 {
    (x * 10_000.0).round() / 10_000.0
}
