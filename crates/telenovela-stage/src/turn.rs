//! Who speaks next: a pure function of the floor so far, the beat, the people and a seed.
//!
//! What the user or the author of the scene decides never comes here. For the rest, in order: who is not on stage, is silenced by the beat, or
//! is heard but not seen and not asked for by the beat, is no candidate; who has just spoken as often in a row as it may, or is one of two who
//! have had the floor to themselves, or keeps somebody waiting who has been silent for too long, is barred; among those left one is next by
//! order, or drawn by the product of its factors. Every factor is in [`Candidate`].

use std::collections::BTreeMap;

use telenovela_script::character::{Character, CharacterId};
use telenovela_script::event::{Because, Candidate, Provenance, Utterance};
use telenovela_script::scene::{Beat, Limits, TurnPolicy};

use crate::seed::Draws;
use crate::words::{are_in, words};

/// What being addressed by name is worth: who is called nearly always answers, unless it is barred.
const ADDRESSED: f32 = 8.0;
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
    /// When those who came later came, in turns.
    entered: BTreeMap<CharacterId, u64>,
    last: Option<LastLine>,
    /// Who spoke before the last speaker.
    partner: Option<CharacterId>,
    /// Lines that the last two speakers have exchanged with nobody else between.
    exchanged: u32,
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
    words: Vec<String>,
    in_a_row: u32,
    /// The user's, or cut off by the next: somebody else speaks next.
    to_others: bool,
}

impl Floor {
    /// Takes in a line, whoever's words it is made of; `cut_off` says that the next speaker interrupts it.
    pub fn heard(&mut self, utterance: &Utterance, cut_off: bool) {
        let before = self.last.as_ref().map(|last| &last.speaker);
        let goes_on = before == Some(&utterance.speaker);
        let in_a_row = match &self.last {
            Some(last) if goes_on => last.in_a_row + 1,
            _ => 1,
        };
        if goes_on || self.partner.as_ref() == Some(&utterance.speaker) {
            self.exchanged += 1;
        } else {
            // The last two lines are the beginning of a new exchange.
            self.exchanged = 1 + u32::from(before.is_some());
        }
        if !goes_on {
            self.partner = before.cloned();
        }
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
            words: words(&utterance.text),
            in_a_row,
            to_others: cut_off || utterance.provenance == Provenance::Injected,
        });
    }

    /// The last line is another one from here on.
    pub fn last_line_changed(&mut self, text: &str) {
        if let Some(last) = &mut self.last {
            last.text = text.to_owned();
            last.words = words(text);
        }
    }

    /// Somebody has come on stage; its silence counts from here.
    pub fn entered(&mut self, character: &CharacterId) {
        self.entered.insert(character.clone(), self.turns);
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

    /// Lines of others since its own last one, or since it came on stage; since the beginning for who was there and has not spoken.
    fn idle(&self, character: &CharacterId) -> u64 {
        let spoke = self
            .held
            .get(character)
            .map_or(0, |held| held.last_turn + 1);
        let entered = self.entered.get(character).copied().unwrap_or(0);
        self.turns - spoke.max(entered)
    }

    /// Whether somebody is one of two who have had the floor to themselves for so many lines.
    fn is_in_ping_pong(&self, character: &CharacterId, limit: u32) -> bool {
        limit > 0
            && self.exchanged >= limit
            && (self.last_speaker() == Some(character) || self.partner.as_ref() == Some(character))
    }

    /// A user's line, and one that was cut off, is answered by somebody else, however often its speaker may take the floor.
    fn may_go_on(&self, character: &Character, limits: &Limits) -> bool {
        let own = character.turns.max_repeat;
        let most = limits.repeats.map_or(own, |limit| limit.min(own)).max(1);
        match &self.last {
            Some(last) if last.speaker == character.id => !last.to_others && last.in_a_row < most,
            _ => true,
        }
    }

    /// Whether the next line has to be somebody else's.
    fn must_yield(&self, character: &CharacterId) -> bool {
        self.last
            .as_ref()
            .is_some_and(|last| last.to_others && last.speaker == *character)
    }

    fn addresses(&self, character: &Character) -> bool {
        self.last.as_ref().is_some_and(|last| {
            last.speaker != character.id
                && std::iter::once(&character.name)
                    .chain(&character.aliases)
                    .any(|name| are_in(&last.words, name))
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
    /// What its mood adds or takes; 1 without one.
    pub mood: f32,
}

/// By which rules the choice is made.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// The policy.
    pub policy: TurnPolicy,
    /// Whose turn it is under [`TurnPolicy::List`], over and over.
    pub order: &'a [CharacterId],
    /// Where in that order the next turn stands.
    pub place: usize,
    /// What may not be exceeded.
    pub limits: Limits,
}

impl Rules<'_> {
    /// A policy without an order, and the usual limits.
    pub fn of(policy: TurnPolicy) -> Self {
        Self {
            policy,
            order: &[],
            place: 0,
            limits: Limits::default(),
        }
    }
}

/// Who was given the floor, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Index into the seats.
    pub seat: usize,
    /// Why; with everybody on stage, in the order of the cast.
    pub reason: Reason,
}

/// The floor is given for a reason, without a choice among candidates or with one.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// The rule that decided.
    pub because: Because,
    /// Everybody on stage with every factor; empty where there was no choice.
    pub candidates: Vec<Candidate>,
    /// The place in an author's list that was taken.
    pub place: Option<usize>,
}

impl Reason {
    /// There was nothing to choose.
    pub fn plain(because: Because) -> Self {
        Self {
            because,
            candidates: Vec::new(),
            place: None,
        }
    }
}

/// The beat's weight of somebody: by name, else by role, else 1; but a voice from offstage speaks only when the beat asks for it by name.
pub fn beat_weight(beat: &Beat, character: &Character) -> f32 {
    let named = beat.speakers.iter().find(|(id, _)| *id == character.id);
    if let Some((_, weight)) = named {
        return *weight;
    }
    if character.offstage {
        return 0.0;
    }
    let of_role = beat.roles.iter().find(|(role, _)| *role == character.role);
    of_role.map_or(1.0, |(_, weight)| *weight)
}

/// Chooses the next speaker among the seats, which stand in the order of the cast. `None` when nobody can speak in this beat.
///
/// Under `RoundRobin` it is the next in the order of the cast after the last speaker, whose line may have been anybody's words; under `List` the
/// next in the author's order who can speak. Otherwise one is drawn by the product of
///
/// * talkativeness and beat weight;
/// * balance: lines it should have had by those two ÷ lines it had, from ½ to 2;
/// * idle: 2 after more than `max_idle` turns of silence; 0 for everybody else as soon as somebody has been silent for the scene's limit;
/// * 8 when the last line names it, said by somebody else;
/// * under `Bid` its model's bid, at least 0.01;
/// * what the user's mood for it adds or takes;
/// * 0 when it has spoken as often in a row as it may, or is one of two who have exchanged as many lines as they may while a third can speak.
///
/// When every product is 0, ping-pong and others' silence are forgiven, then repetition, then a talkativeness of 0: a scene never stalls on its
/// rules.
pub fn choose(
    floor: &Floor,
    beat: &Beat,
    rules: &Rules<'_>,
    seats: &[Seat<'_>],
    draws: &mut Draws,
) -> Option<Choice> {
    let open: Vec<Open> = seats
        .iter()
        .enumerate()
        .filter(|(_, seat)| seat.may_speak)
        .map(|(seat, at)| Open {
            seat,
            weight: beat_weight(beat, at.character),
        })
        .filter(|open| open.weight > 0.0 || !seats[open.seat].character.offstage)
        .collect();
    let in_order = in_order(floor, rules, seats, &open);
    let mut candidates: Vec<Candidate> = open
        .iter()
        .map(|at| candidate(floor, rules, seats, &open, *at))
        .collect();
    if let Order::Next { at, .. } = in_order {
        for (index, candidate) in candidates.iter_mut().enumerate() {
            candidate.order = if index == at { 1.0 } else { 0.0 };
            candidate.weight = candidate.order;
        }
    }

    let able: Vec<usize> = (0..open.len())
        .filter(|at| open[*at].weight > 0.0)
        .collect();
    let (at, because) = match (&in_order, able.as_slice()) {
        (Order::Nobody, _) | (_, []) => return None,
        (_, [only]) => (*only, Because::OnlyOne),
        (Order::Next { at, .. }, _) => (*at, Because::Policy),
        (Order::Drawn, _) => {
            let weights = |of: fn(&Candidate) -> f32| candidates.iter().map(of);
            let drawn = draws
                .weighted(weights(|candidate| candidate.weight))
                .or_else(|| draws.weighted(weights(|candidate| wish(candidate) * candidate.repeat)))
                .or_else(|| draws.weighted(weights(wish)))
                .or_else(|| draws.weighted(open.iter().map(|open| open.weight)));
            (drawn?, Because::Policy)
        }
    };
    Some(Choice {
        seat: open[at].seat,
        reason: Reason {
            because,
            candidates,
            place: match in_order {
                Order::Next { place, .. } => place,
                Order::Nobody | Order::Drawn => None,
            },
        },
    })
}

/// A seat whose character may speak, and its weight in the beat.
#[derive(Clone, Copy, Debug)]
struct Open {
    seat: usize,
    weight: f32,
}

/// What an ordered policy says.
enum Order {
    /// The policy knows no order.
    Drawn,
    /// Index among the open seats, and the place in the author's list.
    Next { at: usize, place: Option<usize> },
    /// Nobody of the order can speak.
    Nobody,
}

fn in_order(floor: &Floor, rules: &Rules<'_>, seats: &[Seat<'_>], open: &[Open]) -> Order {
    let able = |at: &usize| open[*at].weight > 0.0;
    match rules.policy {
        TurnPolicy::Weighted | TurnPolicy::Bid | TurnPolicy::Manual => Order::Drawn,
        TurnPolicy::RoundRobin => {
            let last = floor.last_speaker();
            let last = last.and_then(|last| seats.iter().position(|s| s.character.id == *last));
            let free = |at: &usize| {
                able(at) && floor.may_go_on(seats[open[*at].seat].character, &rules.limits)
            };
            let after = |at: &usize| last.is_none_or(|last| open[*at].seat > last);
            let mut all = 0..open.len();
            let next = all
                .clone()
                .filter(after)
                .find(free)
                .or_else(|| all.clone().find(free))
                .or_else(|| all.find(able));
            next.map_or(Order::Nobody, |at| Order::Next { at, place: None })
        }
        TurnPolicy::List => {
            let places =
                (0..rules.order.len()).map(|step| (rules.place + step) % rules.order.len());
            let seat_at = |place: usize| {
                let found = (0..open.len())
                    .filter(able)
                    .find(|at| seats[open[*at].seat].character.id == rules.order[place]);
                found.map(|at| Order::Next {
                    at,
                    place: Some(place),
                })
            };
            let others = places
                .clone()
                .filter(|place| !floor.must_yield(&rules.order[*place]));
            others
                .chain(places)
                .find_map(seat_at)
                .unwrap_or(Order::Nobody)
        }
    }
}

/// The product without what bars.
fn wish(candidate: &Candidate) -> f32 {
    candidate.talkativeness
        * candidate.beat
        * candidate.balance
        * candidate.idle.max(1.0)
        * candidate.addressed
        * candidate.bid
        * candidate.mood
}

fn candidate(
    floor: &Floor,
    rules: &Rules<'_>,
    seats: &[Seat<'_>],
    open: &[Open],
    at: Open,
) -> Candidate {
    let seat = &seats[at.seat];
    let character = seat.character;
    let bid = match rules.policy {
        TurnPolicy::Bid if seat.bid.is_finite() => round4(seat.bid.clamp(LEAST_BID, 1.0)),
        TurnPolicy::Bid => LEAST_BID,
        _ => 1.0,
    };
    let flag = |allowed: bool| if allowed { 1.0 } else { 0.0 };
    let ping_pong = rules.limits.ping_pong;
    let is_third = |other: &Open| {
        let character = seats[other.seat].character;
        other.weight > 0.0
            && !character.offstage
            && !floor.is_in_ping_pong(&character.id, ping_pong)
    };
    let has_had_enough =
        floor.is_in_ping_pong(&character.id, ping_pong) && open.iter().any(is_third);
    let mut candidate = Candidate {
        character: character.id.clone(),
        talkativeness: character.turns.talkativeness,
        beat: at.weight,
        balance: balance(floor, seats, open, at),
        idle: idle(floor, rules, seats, open, at),
        addressed: if floor.addresses(character) {
            ADDRESSED
        } else {
            1.0
        },
        bid,
        mood: round4(seat.mood),
        repeat: flag(floor.may_go_on(character, &rules.limits)),
        ping_pong: flag(!has_had_enough),
        order: 1.0,
        weight: 0.0,
    };
    candidate.weight =
        round4(wish(&candidate) * candidate.repeat * candidate.ping_pong * candidate.idle.min(1.0));
    candidate
}

/// Silence pushes; past the scene's limit it comes before everybody else.
fn idle(floor: &Floor, rules: &Rules<'_>, seats: &[Seat<'_>], open: &[Open], at: Open) -> f32 {
    let is_overdue = |open: &Open| {
        let character = seats[open.seat].character;
        let limit = rules.limits.idle.map(u64::from);
        open.weight > 0.0
            && !character.offstage
            && limit.is_some_and(|limit| floor.idle(&character.id) >= limit)
    };
    let character = seats[at.seat].character;
    if !is_overdue(&at) && open.iter().any(is_overdue) {
        0.0
    } else if floor.idle(&character.id) > u64::from(character.turns.max_idle) {
        IDLE
    } else {
        1.0
    }
}

/// Above 1 for who has had less than its share of the floor, below for who has had more. One line is added on both sides, so that the first
/// lines of a scene weigh little.
fn balance(floor: &Floor, seats: &[Seat<'_>], open: &[Open], at: Open) -> f32 {
    let wish: f32 = open
        .iter()
        .map(|open| seats[open.seat].character.turns.talkativeness * open.weight)
        .sum();
    let lines: u64 = open
        .iter()
        .map(|open| floor.lines(&seats[open.seat].character.id))
        .sum();
    let character = seats[at.seat].character;
    let share = if wish > 0.0 {
        character.turns.talkativeness * at.weight / wish
    } else {
        1.0 / open.len() as f32
    };
    let due = share * lines as f32 + 1.0;
    let had = floor.lines(&character.id) as f32 + 1.0;
    round4((due / had).clamp(LEAST_BALANCE, 1.0 / LEAST_BALANCE))
}

/// Four decimals, so that the log reads well; what is logged is also what is drawn with.
fn round4(x: f32) -> f32 {
    (x * 10_000.0).round() / 10_000.0
}
