//! Ways to break a scene or an episode, one for each rule of `check`, and some that break nothing.

use telenovela_script::arc::StepId;
use telenovela_script::character::CharacterId;
use telenovela_script::scene::{
    AuthoredLine, Beat, BeatId, Secret, SecretId, Thread, ThreadId, TurnPolicy,
};
use telenovela_script::show::PlotLineId;

use crate::draw::{Dice, Drawn, id, least_lines};
use crate::show::{PEOPLE, is_offstage};

/// Changes what a scene says; false where it cannot be broken in this way.
pub(crate) type Breakage = fn(&mut Dice, &mut Drawn) -> bool;

/// Changes how a scene is typed, so that it says no scene any more; `None` where it cannot be.
pub(crate) type Garbling = fn(&mut Dice, &str) -> Option<String>;

fn line(by: &CharacterId) -> AuthoredLine {
    AuthoredLine {
        by: by.clone(),
        text: String::from("One line more."),
        visible_to: None,
        delivery: None,
        pause_before_ms: None,
    }
}

fn a_beat<'d>(dice: &mut Dice, drawn: &'d mut Drawn) -> &'d mut Beat {
    let at = dice.upto(drawn.scene.beats.len() - 1);
    &mut drawn.scene.beats[at]
}

/// A beat, and somebody of the cast who is not on stage in it.
fn somebody_elsewhere(dice: &mut Dice, drawn: &Drawn) -> Option<(usize, CharacterId)> {
    let scene = &drawn.scene;
    let mut present = scene.cast.clone();
    present.retain(|who| !scene.absent.contains(who));
    let mut found = Vec::new();
    for (at, beat) in scene.beats.iter().enumerate() {
        present.extend(beat.enter.iter().cloned());
        let away = scene
            .cast
            .iter()
            .filter(|who| !present.contains(who) && !is_offstage(who));
        found.extend(away.map(|who| (at, who.clone())));
        present.retain(|who| !beat.exit.contains(who));
    }
    dice.pick(&found)
}

/// As [`somebody_elsewhere`], but who is on stage.
fn somebody_here(dice: &mut Dice, drawn: &Drawn) -> Option<(usize, CharacterId)> {
    let scene = &drawn.scene;
    let mut present = scene.cast.clone();
    present.retain(|who| !scene.absent.contains(who) && !is_offstage(who));
    let mut found = Vec::new();
    for (at, beat) in scene.beats.iter().enumerate() {
        present.extend(beat.enter.iter().cloned());
        found.extend(present.iter().map(|who| (at, who.clone())));
        present.retain(|who| !beat.exit.contains(who));
    }
    dice.pick(&found)
}

fn a_voice(dice: &mut Dice, drawn: &Drawn) -> Option<CharacterId> {
    let mut voices = drawn.scene.cast.clone();
    voices.retain(is_offstage);
    dice.pick(&voices)
}

fn a_stranger(drawn: &Drawn) -> Option<CharacterId> {
    let mut strangers = PEOPLE.iter().map(|(who, _, _)| id(who));
    strangers.find(|who| !drawn.scene.cast.contains(who))
}

fn new_thread(drawn: &mut Drawn, name: &str, must_resolve: bool, open: bool) -> ThreadId {
    let thread = ThreadId::new(name);
    drawn.scene.threads.push(Thread {
        id: thread.clone(),
        question: String::from("Who?"),
        must_resolve,
        open,
        carried: false,
        resolution: Some(String::from("Yes.")),
    });
    thread
}

fn a_thread(dice: &mut Dice, drawn: &Drawn) -> Option<ThreadId> {
    let threads: Vec<ThreadId> = drawn
        .scene
        .threads
        .iter()
        .map(|thread| thread.id.clone())
        .collect();
    dice.pick(&threads)
}

fn new_secret(drawn: &mut Drawn, known_by: Vec<CharacterId>) -> SecretId {
    let secret = SecretId::new("scandal");
    drawn.scene.secrets.push(Secret {
        id: secret.clone(),
        known_by,
        prime: Vec::new(),
    });
    secret
}

/// Every way in which what a scene says can be changed. `check` and the stage have to agree on each.
pub(crate) const BREAKAGES: [(&str, Breakage); 54] = [
    ("nothing is broken", |_, _| true),
    ("more room than is needed", |dice, drawn| {
        drawn.scene.max_lines += dice.upto(20) as u32;
        true
    }),
    ("a line more, and room for it", |dice, drawn| {
        let Some((at, who)) = somebody_here(dice, drawn) else {
            return false;
        };
        drawn.scene.beats[at].must_say.push(line(&who));
        drawn.scene.max_lines = drawn.scene.max_lines.max(least_lines(&drawn.scene));
        true
    }),
    ("another policy", |dice, drawn| {
        drawn.scene.policy = crate::draw::POLICIES[dice.upto(4)];
        true
    }),
    ("another policy of a beat", |dice, drawn| {
        let policy = crate::draw::POLICIES[dice.upto(4)];
        a_beat(dice, drawn).policy = Some(policy);
        true
    }),
    ("a thread that may stay open", |_, drawn| {
        new_thread(drawn, "fog", false, true);
        true
    }),
    ("a thread that a later scene ties up", |_, drawn| {
        new_thread(drawn, "fog", true, true);
        if let Some(thread) = drawn.scene.threads.last_mut() {
            thread.carried = true;
        }
        true
    }),
    ("somebody unknown in the cast", |_, drawn| {
        drawn.scene.cast.push(id("nobody"));
        true
    }),
    ("somebody in the cast twice", |dice, drawn| {
        let again = dice.pick(&drawn.scene.cast);
        drawn.scene.cast.extend(again);
        true
    }),
    ("somebody absent twice", |dice, drawn| {
        let again = dice.pick(&drawn.scene.absent);
        let is_there = again.is_some();
        drawn.scene.absent.extend(again);
        is_there
    }),
    ("somebody absent who is not in the cast", |_, drawn| {
        let stranger = a_stranger(drawn);
        let is_there = stranger.is_some();
        drawn.scene.absent.extend(stranger);
        is_there
    }),
    ("a voice from offstage that is absent", |dice, drawn| {
        let voice = a_voice(dice, drawn);
        let is_there = voice.is_some();
        drawn.scene.absent.extend(voice);
        is_there
    }),
    ("two beats of one name", |dice, drawn| {
        let first = drawn.scene.beats[0].id.clone();
        let beat = a_beat(dice, drawn);
        if beat.id == first {
            return false;
        }
        beat.id = first;
        true
    }),
    ("somebody enters who is on stage", |dice, drawn| {
        let Some((at, who)) = somebody_here(dice, drawn) else {
            return false;
        };
        drawn.scene.beats[at].enter.push(who);
        true
    }),
    (
        "somebody enters, and may be on stage later as well",
        |dice, drawn| {
            let Some((at, who)) = somebody_elsewhere(dice, drawn) else {
                return false;
            };
            drawn.scene.beats[at].enter.push(who);
            true
        },
    ),
    ("a stranger enters", |dice, drawn| {
        let Some(stranger) = a_stranger(drawn) else {
            return false;
        };
        a_beat(dice, drawn).enter.push(stranger);
        true
    }),
    ("a voice from offstage enters", |dice, drawn| {
        let Some(voice) = a_voice(dice, drawn) else {
            return false;
        };
        a_beat(dice, drawn).enter.push(voice);
        true
    }),
    ("nobody lets somebody enter any more", |dice, drawn| {
        let beat = a_beat(dice, drawn);
        beat.enter.pop().is_some()
    }),
    ("somebody leaves who is not there", |dice, drawn| {
        let Some((at, who)) = somebody_elsewhere(dice, drawn) else {
            return false;
        };
        drawn.scene.beats[at].exit.push(who);
        true
    }),
    ("somebody leaves, and may be wanted later", |dice, drawn| {
        let Some((at, who)) = somebody_here(dice, drawn) else {
            return false;
        };
        drawn.scene.beats[at].exit.push(who);
        true
    }),
    ("a stranger leaves", |dice, drawn| {
        let Some(stranger) = a_stranger(drawn) else {
            return false;
        };
        a_beat(dice, drawn).exit.push(stranger);
        true
    }),
    ("a voice from offstage leaves", |dice, drawn| {
        let Some(voice) = a_voice(dice, drawn) else {
            return false;
        };
        a_beat(dice, drawn).exit.push(voice);
        true
    }),
    ("somebody elsewhere has a line", |dice, drawn| {
        let Some((at, who)) = somebody_elsewhere(dice, drawn) else {
            return false;
        };
        let beat = &mut drawn.scene.beats[at];
        match dice.upto(2) {
            0 => beat.open_with.push(line(&who)),
            1 => beat.must_say.push(line(&who)),
            _ => beat.close_with.push(line(&who)),
        }
        drawn.scene.max_lines = drawn.scene.max_lines.max(least_lines(&drawn.scene));
        true
    }),
    ("a stranger has a line", |dice, drawn| {
        let Some(stranger) = a_stranger(drawn) else {
            return false;
        };
        a_beat(dice, drawn).close_with.push(line(&stranger));
        drawn.scene.max_lines = drawn.scene.max_lines.max(least_lines(&drawn.scene));
        true
    }),
    ("somebody elsewhere is to hear a line", |dice, drawn| {
        let Some((at, who)) = somebody_elsewhere(dice, drawn) else {
            return false;
        };
        let beat = &mut drawn.scene.beats[at];
        let mut lines = beat
            .open_with
            .iter_mut()
            .chain(&mut beat.must_say)
            .chain(&mut beat.close_with);
        let Some(line) = lines.next() else {
            return false;
        };
        line.visible_to = Some(vec![who]);
        true
    }),
    ("somebody elsewhere is to hear a beat", |dice, drawn| {
        let Some((at, who)) = somebody_elsewhere(dice, drawn) else {
            return false;
        };
        drawn.scene.beats[at].visible_to = Some(vec![who]);
        true
    }),
    ("a beat that few hear", |dice, drawn| {
        let Some((at, who)) = somebody_here(dice, drawn) else {
            return false;
        };
        drawn.scene.beats[at].visible_to = Some(vec![who]);
        true
    }),
    ("somebody elsewhere is weighed", |dice, drawn| {
        let Some((at, who)) = somebody_elsewhere(dice, drawn) else {
            return false;
        };
        let weighed = &mut drawn.scene.beats[at].speakers;
        weighed.retain(|(known, _)| *known != who);
        weighed.push((who, 0.5));
        true
    }),
    ("a stranger is silenced", |dice, drawn| {
        let Some(stranger) = a_stranger(drawn) else {
            return false;
        };
        a_beat(dice, drawn).speakers.push((stranger, 0.0));
        true
    }),
    ("everybody is silenced", |dice, drawn| {
        let cast = drawn.scene.cast.clone();
        a_beat(dice, drawn).speakers = cast.into_iter().map(|who| (who, 0.0)).collect();
        true
    }),
    ("everybody is silenced, and should speak", |dice, drawn| {
        let cast = drawn.scene.cast.clone();
        let min = dice.upto(1) as u32;
        let beat = a_beat(dice, drawn);
        beat.speakers = cast.into_iter().map(|who| (who, 0.0)).collect();
        (beat.min_lines, beat.max_lines) = (min, 2);
        drawn.scene.max_lines += 3;
        true
    }),
    ("a role that nobody has", |dice, drawn| {
        a_beat(dice, drawn).roles.push((String::from("ghost"), 1.0));
        true
    }),
    ("a role is silenced", |dice, drawn| {
        let roles = ["protagonist", "villain", "confidante"];
        let beat = a_beat(dice, drawn);
        beat.roles = vec![(roles[dice.upto(2)].to_owned(), 0.0)];
        true
    }),
    ("somebody elsewhere is primed", |dice, drawn| {
        let Some((at, who)) = somebody_elsewhere(dice, drawn) else {
            return false;
        };
        let primed = &mut drawn.scene.beats[at].prime;
        primed.retain(|(known, _)| *known != who);
        primed.push((who, vec![String::from("Now")]));
        true
    }),
    ("somebody elsewhere is waited for", |dice, drawn| {
        let Some((at, who)) = somebody_elsewhere(dice, drawn) else {
            return false;
        };
        drawn.scene.beats[at].done_when.speakers.push(who);
        true
    }),
    (
        "more motifs are waited for than there are",
        |dice, drawn| {
            let beat = a_beat(dice, drawn);
            beat.done_when.motifs = beat.motifs.len() as u32 + 1;
            true
        },
    ),
    ("a plot line that the show has not", |dice, drawn| {
        a_beat(dice, drawn)
            .plot
            .push((PlotLineId::new("amnesia"), 0.0));
        true
    }),
    ("plot lines of more than 1", |dice, drawn| {
        let heavy = [0.5, 1.0][dice.upto(1)];
        let plot = [("love", heavy), ("loss", 0.75)];
        a_beat(dice, drawn).plot = plot
            .map(|(plot, weight)| (PlotLineId::new(plot), weight))
            .to_vec();
        true
    }),
    ("an order that nobody follows", |dice, drawn| {
        let first = drawn.scene.cast[0].clone();
        let beat = a_beat(dice, drawn);
        beat.order = vec![first];
        true
    }),
    ("an order of the scene", |_, drawn| {
        let first = drawn.scene.cast[0].clone();
        drawn.scene.order = vec![first];
        true
    }),
    ("a list without an order", |dice, drawn| {
        drawn.scene.order.clear();
        let beat = a_beat(dice, drawn);
        beat.order.clear();
        beat.policy = Some(TurnPolicy::List);
        true
    }),
    ("a stranger in the order", |dice, drawn| {
        let Some(stranger) = a_stranger(drawn) else {
            return false;
        };
        let beat = a_beat(dice, drawn);
        beat.policy = Some(TurnPolicy::List);
        beat.order.push(stranger);
        true
    }),
    ("a minimum above its maximum", |dice, drawn| {
        let beat = a_beat(dice, drawn);
        beat.min_lines = beat.max_lines + 1;
        drawn.scene.max_lines += 5;
        true
    }),
    ("too little room", |dice, drawn| {
        let least = least_lines(&drawn.scene);
        if least < 2 {
            return false;
        }
        drawn.scene.max_lines = least - 1 - dice.upto(least as usize - 2) as u32;
        true
    }),
    ("a thread is not tied up", |dice, drawn| {
        let at = dice.upto(drawn.scene.beats.len() - 1);
        drawn.scene.beats[at].resolves.pop().is_some()
    }),
    ("a thread that must be resolved and is not", |_, drawn| {
        new_thread(drawn, "fog", true, true);
        true
    }),
    ("a thread that nobody opens", |dice, drawn| {
        let must_resolve = dice.one_in(2);
        new_thread(drawn, "fog", must_resolve, false);
        true
    }),
    ("a thread is opened, wherever", |dice, drawn| {
        let Some(thread) = a_thread(dice, drawn) else {
            return false;
        };
        a_beat(dice, drawn).opens.push(thread);
        true
    }),
    ("a thread is brought further, wherever", |dice, drawn| {
        let Some(thread) = a_thread(dice, drawn) else {
            return false;
        };
        a_beat(dice, drawn).advances.push(thread);
        true
    }),
    ("a thread is resolved, wherever", |dice, drawn| {
        let Some(thread) = a_thread(dice, drawn) else {
            return false;
        };
        a_beat(dice, drawn).resolves.push(thread);
        true
    }),
    ("a thread that the scene has not", |dice, drawn| {
        let beat = a_beat(dice, drawn);
        let steps = [&mut beat.opens, &mut beat.advances, &mut beat.resolves];
        let at = dice.upto(2);
        steps.into_iter().nth(at).is_some_and(|step| {
            step.push(ThreadId::new("smoke"));
            true
        })
    }),
    ("two threads of one name", |dice, drawn| {
        let Some(thread) = dice.pick(&drawn.scene.threads) else {
            return false;
        };
        drawn.scene.threads.push(thread);
        true
    }),
    ("a secret, told or not, known or not", |dice, drawn| {
        let known_by = if dice.one_in(4) {
            Vec::new()
        } else {
            vec![drawn.scene.cast[0].clone()]
        };
        let secret = new_secret(drawn, known_by);
        if dice.one_in(2) {
            drawn.kept.push(secret.clone());
        }
        let secret = if dice.one_in(4) {
            SecretId::new("rumour")
        } else {
            secret
        };
        for _ in 0..dice.upto(2) {
            a_beat(dice, drawn).reveals.push(secret.clone());
        }
        if dice.one_in(6) {
            let again = drawn.scene.secrets.last().cloned();
            drawn.scene.secrets.extend(again);
        }
        true
    }),
    ("a step of the arc, in order or not", |dice, drawn| {
        let step = ["presentation", "climax", "happy-ending", "betrayal"][dice.upto(3)];
        drawn.scene.arc = Some(telenovela_script::arc::ArcId::new("telenovela"));
        a_beat(dice, drawn).step = Some(StepId::new(step));
        true
    }),
];

/// Puts one piece in the place of another, once.
fn swap(text: &str, from: &str, to: &str) -> Option<String> {
    text.contains(from).then(|| text.replacen(from, to, 1))
}

/// Every way in which a scene can be typed so that it says none.
pub(crate) const GARBLINGS: [(&str, Garbling); 22] = [
    ("a field that nobody knows", |_, text| {
        Some(format!("{text}colour: red\n"))
    }),
    ("a field of a beat that nobody knows", |_, text| {
        swap(text, "    enter:", "    entre:")
    }),
    ("a number that is none", |_, text| {
        swap(text, "takes: ", "takes: many #")
    }),
    ("a number out of range", |dice, text| {
        let ways = [
            ("takes: ", "takes: 0 #"),
            ("max_lines: ", "max_lines: 0 #"),
            ("tension: ", "tension: 1.5 #"),
            ("ping_pong: ", "ping_pong: 1 #"),
        ];
        let (from, to) = ways[dice.upto(3)];
        // What stands after it on the line goes with it.
        if from.starts_with("ping") {
            return swap(text, "limits: {", "limits: { ping_pong: 1 } #");
        }
        swap(text, from, to)
    }),
    ("no title", |_, text| swap(text, "title: Here\n", "")),
    ("no setting", |_, text| swap(text, "setting:", "# ")),
    ("no place", |_, text| swap(text, "place: Pier, ", "")),
    ("no cast", |_, text| swap(text, "cast: ", "# ")),
    ("an empty cast", |_, text| {
        swap(text, "cast: ", "cast: [] # ")
    }),
    ("no beats", |_, text| {
        Some(text.split("beats:\n").next()?.to_owned())
    }),
    ("an empty list of beats", |_, text| {
        Some(format!("{}beats: []\n", text.split("beats:\n").next()?))
    }),
    ("a beat without a name", |_, text| {
        swap(text, "  - id: beat-0\n", "  - \n")
    }),
    ("a name that is none", |_, text| {
        swap(text, "id: beat-0", "id: Beat Null")
    }),
    ("a policy that is none", |_, text| {
        swap(text, "\npolicy: ", "\npolicy: whoever #")
    }),
    ("an arc that is none", |_, text| {
        Some(format!(
            "arc: telenovelas\n{}",
            text.replacen("arc: telenovela\n", "", 1)
        ))
    }),
    ("a step without an arc", |_, text| {
        let text = text.replacen("arc: telenovela\n", "", 1);
        swap(
            &text,
            "    title: Something",
            "    step: climax\n    title: Something",
        )
        .filter(|text| text.matches("    step:").count() == 1)
    }),
    ("a step that the arc has not", |_, text| {
        let text = text.replacen("arc: telenovela\n", "", 1);
        let text = text
            .lines()
            .filter(|line| !line.starts_with("    step:"))
            .collect::<Vec<_>>()
            .join("\n");
        swap(
            &format!("arc: telenovela\n{text}\n"),
            "    title: Something",
            "    step: intermission\n    title: Something",
        )
    }),
    ("a field twice", |_, text| {
        Some(format!("{text}title: There\n"))
    }),
    ("another show", |_, text| {
        swap(text, "show: harbour", "show: ferry")
    }),
    ("no YAML", |_, text| swap(text, "cast: [", "cast: [[")),
    ("a character that no model writes", |_, text| {
        swap(text, "Line 1 of", "Line 🌊 of")
    }),
    ("a line without words", |_, text| {
        let at = text.find("text: \"Line")?;
        let end = at + text[at..].find(" }")?;
        let rest = text[at..]
            .find(',')
            .map_or(end, |comma| end.min(at + comma));
        Some(format!("{}text: \"\"{}", &text[..at], &text[rest..]))
    }),
];

/// A name for a beat that is in no scene.
pub(crate) fn cliffhanger_id() -> BeatId {
    BeatId::new("cliffhanger")
}
