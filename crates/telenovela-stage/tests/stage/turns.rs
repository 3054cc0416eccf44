//! Who speaks next, without a director.

use telenovela_script::character::Character;
use telenovela_script::event::{Because, Provenance, Utterance};
use telenovela_script::scene::{Beat, TurnPolicy};
use telenovela_stage::seed::Draws;
use telenovela_stage::turn::{Choice, Floor, Rules, Seat, choose};

use crate::theatre::{beat, character, id};

fn people() -> Vec<Character> {
    vec![
        character("ines", "Inés"),
        character("rodrigo", "Rodrigo"),
        character("anselmo", "Don Anselmo"),
    ]
}

fn seats(people: &[Character]) -> Vec<Seat<'_>> {
    people
        .iter()
        .map(|character| Seat {
            character,
            may_speak: true,
            bid: 0.5,
            mood: 1.0,
        })
        .collect()
}

fn says(floor: &mut Floor, who: &str, text: &str, provenance: Provenance) {
    let utterance = Utterance {
        turn: 0,
        speaker: id(who),
        name: who.to_owned(),
        delivery: None,
        text: text.to_owned(),
        pause_ms: 0,
        provenance,
    };
    floor.heard(&utterance, false);
}

fn plays(floor: &Floor, beat: &Beat, policy: TurnPolicy, seats: &[Seat<'_>], seed: u64) -> Choice {
    let rules = Rules::of(policy);
    choose(floor, beat, &rules, seats, &mut Draws::new(seed)).expect("somebody can speak")
}

/// How often each seat is drawn in 3,000 draws.
fn shares(floor: &Floor, beat: &Beat, policy: TurnPolicy, seats: &[Seat<'_>]) -> Vec<u32> {
    let mut counts = vec![0; seats.len()];
    for seed in 0..3_000 {
        counts[plays(floor, beat, policy, seats, seed).seat] += 1;
    }
    counts
}

#[test]
fn round_robin_goes_through_the_cast_in_order() {
    let people = people();
    let seats = seats(&people);
    let beat = beat("any", 1, 9);
    let mut floor = Floor::default();
    let mut order = Vec::new();
    for seed in 0..7 {
        let choice = plays(&floor, &beat, TurnPolicy::RoundRobin, &seats, seed);
        assert_eq!(choice.reason.because, Because::Policy);
        order.push(choice.seat);
        says(
            &mut floor,
            people[choice.seat].id.as_str(),
            "Yes.",
            Provenance::Generated,
        );
    }
    assert_eq!(order, [0, 1, 2, 0, 1, 2, 0]);
    // An authored line moves the round on as well.
    says(&mut floor, "anselmo", "Children!", Provenance::Authored);
    assert_eq!(
        plays(&floor, &beat, TurnPolicy::RoundRobin, &seats, 0).seat,
        0
    );
}

#[test]
fn weights_decide_how_often_each_is_drawn() {
    let mut people = people();
    people[1].turns.talkativeness = 0.3;
    let mut beat = beat("any", 1, 9);
    beat.speakers = vec![(id("anselmo"), 2.0)];
    // 0.6 : 0.3 : 0.6 × 2.
    let counts = shares(
        &Floor::default(),
        &beat,
        TurnPolicy::Weighted,
        &seats(&people),
    );
    for (count, expected) in counts.iter().zip([857_u32, 429, 1714]) {
        assert!(count.abs_diff(expected) < 120, "{counts:?}");
    }
}

#[test]
fn bids_count_under_their_policy_and_a_mute_model_does_not_silence_its_character() {
    let people = people();
    let mut seats = seats(&people);
    (seats[0].bid, seats[1].bid, seats[2].bid) = (0.8, 0.2, f32::NAN);
    let beat = beat("any", 1, 9);
    let floor = Floor::default();
    let counts = shares(&floor, &beat, TurnPolicy::Bid, &seats);
    assert!(counts[0].abs_diff(2_376) < 120, "{counts:?}");
    assert!(counts[2] > 5 && counts[2] < 90, "{counts:?}");
    let counts = shares(&floor, &beat, TurnPolicy::Weighted, &seats);
    assert!(
        counts.iter().all(|count| count.abs_diff(1_000) < 120),
        "{counts:?}"
    );
}

#[test]
fn nobody_speaks_more_often_in_a_row_than_it_may() {
    let mut people = people();
    people[0].turns.max_repeat = 2;
    let seats = seats(&people);
    let beat = beat("any", 1, 9);
    let mut floor = Floor::default();
    says(&mut floor, "ines", "One.", Provenance::Generated);
    assert!(shares(&floor, &beat, TurnPolicy::Weighted, &seats)[0] > 0);
    says(&mut floor, "ines", "Two.", Provenance::Authored);
    assert_eq!(shares(&floor, &beat, TurnPolicy::Weighted, &seats)[0], 0);
    says(&mut floor, "rodrigo", "Three.", Provenance::Generated);
    assert_eq!(shares(&floor, &beat, TurnPolicy::Weighted, &seats)[1], 0);
}

#[test]
fn a_users_line_is_answered_by_somebody_else() {
    let mut people = people();
    people[0].turns.max_repeat = 9;
    let seats = seats(&people);
    let beat = beat("any", 1, 9);
    let mut floor = Floor::default();
    says(&mut floor, "ines", "Who stole it?", Provenance::Injected);
    assert_eq!(shares(&floor, &beat, TurnPolicy::Weighted, &seats)[0], 0);
}

#[test]
fn who_is_addressed_by_name_nearly_always_answers() {
    let people = people();
    let seats = seats(&people);
    let beat = beat("any", 1, 9);
    let mut floor = Floor::default();
    says(
        &mut floor,
        "ines",
        "Look at me, RODRIGO, not at Inés!",
        Provenance::Generated,
    );
    let choice = plays(&floor, &beat, TurnPolicy::Weighted, &seats, 0);
    let addressed: Vec<f32> = choice
        .reason
        .candidates
        .iter()
        .map(|c| c.addressed)
        .collect();
    assert_eq!(addressed, [1.0, 8.0, 1.0], "naming oneself is no address");
    let counts = shares(&floor, &beat, TurnPolicy::Weighted, &seats);
    assert!(counts[1].abs_diff(2_667) < 120, "{counts:?}");
}

#[test]
fn silence_pushes_forward_and_talking_holds_back() {
    let people = people();
    let seats = seats(&people);
    let beat = beat("any", 1, 9);
    let mut floor = Floor::default();
    for _ in 0..4 {
        says(&mut floor, "ines", "I.", Provenance::Generated);
        says(&mut floor, "rodrigo", "You.", Provenance::Generated);
    }
    let choice = plays(&floor, &beat, TurnPolicy::Weighted, &seats, 0);
    let balance: Vec<f32> = choice.reason.candidates.iter().map(|c| c.balance).collect();
    // (8/3 + 1) ÷ 5 for the two; for the third (8/3 + 1) ÷ 1, at most 2.
    assert_eq!(balance, [0.7333, 0.7333, 2.0]);
    let idle: Vec<f32> = choice.reason.candidates.iter().map(|c| c.idle).collect();
    assert_eq!(idle, [1.0, 1.0, 2.0], "more than five silent turns");
    for candidate in &choice.reason.candidates {
        let product = candidate.talkativeness
            * candidate.beat
            * candidate.balance
            * candidate.idle
            * candidate.addressed
            * candidate.bid
            * candidate.repeat
            * candidate.ping_pong;
        assert!((candidate.weight - product).abs() < 1e-4);
    }
}

#[test]
fn a_muted_character_never_speaks() {
    let people = people();
    let mut seats = seats(&people);
    let mut beat = beat("any", 1, 9);
    beat.speakers = vec![(id("ines"), 0.0)];
    seats[1].may_speak = false;
    let choice = plays(&Floor::default(), &beat, TurnPolicy::Bid, &seats, 1);
    assert_eq!((choice.seat, choice.reason.because), (2, Because::OnlyOne));
    seats[2].may_speak = false;
    let nobody = choose(
        &Floor::default(),
        &beat,
        &Rules::of(TurnPolicy::Bid),
        &seats,
        &mut Draws::new(1),
    );
    assert_eq!(nobody, None);
}

#[test]
fn a_scene_of_the_taciturn_does_not_stall() {
    let mut people = people();
    for character in &mut people {
        character.turns.talkativeness = 0.0;
    }
    let seats = seats(&people);
    let counts = shares(
        &Floor::default(),
        &beat("any", 1, 9),
        TurnPolicy::Weighted,
        &seats,
    );
    assert!(
        counts.iter().all(|count| count.abs_diff(1_000) < 120),
        "{counts:?}"
    );
}

#[test]
fn a_list_is_followed_over_and_over_and_who_is_not_here_is_passed_over() {
    let people = people();
    let mut seats = seats(&people);
    let beat = beat("any", 1, 9);
    let order = ["ines", "anselmo", "ines", "rodrigo"].map(id);
    let mut floor = Floor::default();
    let mut play = |seats: &[Seat<'_>], n: usize| {
        let (mut place, mut spoke) = (0, Vec::new());
        for _ in 0..n {
            let rules = Rules {
                order: &order,
                place,
                ..Rules::of(TurnPolicy::List)
            };
            let choice = choose(&floor, &beat, &rules, seats, &mut Draws::new(1))
                .expect("somebody of the list is here");
            place = choice.reason.place.expect("a list has places") + 1;
            let who = people[choice.seat].id.as_str();
            for candidate in &choice.reason.candidates {
                let is_next = candidate.character.as_str() == who;
                assert_eq!(candidate.order, if is_next { 1.0 } else { 0.0 });
            }
            says(&mut floor, who, "Yes.", Provenance::Generated);
            spoke.push(who);
        }
        spoke
    };
    let round = ["ines", "anselmo", "ines", "rodrigo", "ines", "anselmo"];
    assert_eq!(play(&seats, 6), round);
    seats[1].may_speak = false;
    assert_eq!(play(&seats, 4), ["ines", "anselmo", "ines", "ines"]);
    let rules = Rules {
        order: &order[3..],
        ..Rules::of(TurnPolicy::List)
    };
    let nobody = choose(&floor, &beat, &rules, &seats, &mut Draws::new(1));
    assert_eq!(nobody, None, "who is not in the list does not speak");
}

#[test]
fn two_do_not_keep_the_floor_to_themselves_for_ever() {
    let people = people();
    let seats = seats(&people);
    let beat = beat("any", 1, 9);
    let mut floor = Floor::default();
    for n in 0..8 {
        let who = ["ines", "rodrigo"][n % 2];
        assert!(shares(&floor, &beat, TurnPolicy::Weighted, &seats)[n % 2] > 0);
        says(&mut floor, who, "Anselmo is old.", Provenance::Generated);
    }
    let counts = shares(&floor, &beat, TurnPolicy::Weighted, &seats);
    assert_eq!(counts, [0, 0, 3_000]);
    // Where there is no third, two may talk on.
    let pair = &seats[..2];
    let counts = shares(&floor, &beat, TurnPolicy::Weighted, pair);
    assert_eq!(
        (counts[0], counts[1]),
        (3_000, 0),
        "only repetition is barred"
    );
}

#[test]
fn who_has_been_silent_for_the_scenes_limit_comes_before_everybody() {
    let people = people();
    let seats = seats(&people);
    let beat = beat("any", 1, 9);
    let mut rules = Rules::of(TurnPolicy::Weighted);
    rules.limits.idle = Some(4);
    let mut floor = Floor::default();
    let choose_at = |floor: &Floor| {
        choose(floor, &beat, &rules, &seats, &mut Draws::new(3)).expect("somebody can speak")
    };
    for who in ["ines", "rodrigo", "ines", "rodrigo"] {
        says(&mut floor, who, "Yes.", Provenance::Authored);
    }
    let choice = choose_at(&floor);
    assert_eq!(choice.seat, 2);
    let idle: Vec<f32> = choice.reason.candidates.iter().map(|c| c.idle).collect();
    assert_eq!(idle, [0.0, 0.0, 1.0]);
    // Silence counts from when somebody came on stage.
    floor.entered(&id("anselmo"));
    assert!(
        choose_at(&floor)
            .reason
            .candidates
            .iter()
            .all(|c| c.idle == 1.0)
    );
}

#[test]
fn roles_weigh_whom_the_beat_does_not_name() {
    let mut people = people();
    people[1].role = "villain".to_owned();
    let seats = seats(&people);
    let mut beat = beat("any", 1, 9);
    beat.roles = vec![("villain".to_owned(), 3.0), ("protagonist".to_owned(), 0.5)];
    beat.speakers = vec![(id("anselmo"), 1.0)];
    let choice = plays(&Floor::default(), &beat, TurnPolicy::Weighted, &seats, 0);
    let weights: Vec<f32> = choice.reason.candidates.iter().map(|c| c.beat).collect();
    assert_eq!(weights, [0.5, 3.0, 1.0]);
}

#[test]
fn who_was_cut_off_does_not_go_on() {
    let mut people = people();
    people[0].turns.max_repeat = 9;
    let seats = seats(&people);
    let beat = beat("any", 1, 9);
    let mut floor = Floor::default();
    says(&mut floor, "ines", "I have—", Provenance::Generated);
    assert!(shares(&floor, &beat, TurnPolicy::Weighted, &seats)[0] > 0);
    let mut cut = Floor::default();
    let line = Utterance {
        turn: 0,
        speaker: id("ines"),
        name: "Inés".to_owned(),
        delivery: None,
        text: "I have—".to_owned(),
        pause_ms: 0,
        provenance: Provenance::Generated,
    };
    cut.heard(&line, true);
    assert_eq!(shares(&cut, &beat, TurnPolicy::Weighted, &seats)[0], 0);
}
