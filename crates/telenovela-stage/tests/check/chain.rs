//! Episodes: scenes drawn to fit together, and ways in which they do not.

use telenovela_script::character::CharacterId;
use telenovela_script::scene::{
    AuthoredLine, Beat, Cliffhanger, Scene, SecretId, ThreadId, TurnPolicy,
};

use crate::breakages::cliffhanger_id;
use crate::draw::{Dice, Drawn, bare, episode};
use crate::show::is_offstage;
use crate::yaml;

/// An episode as its author would have written it.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    pub(crate) parts: Vec<Drawn>,
    pub(crate) hangs: Vec<Hang>,
}

/// How a scene of it ends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hang {
    thread: Option<ThreadId>,
    by: Option<CharacterId>,
    line: Option<AuthoredLine>,
}

/// Changes an episode; false where it cannot be broken in this way.
pub(crate) type Breakage = fn(&mut Dice, &mut Chain) -> bool;

/// Changes how it is typed, so that it says no episode any more.
pub(crate) type Garbling = fn(&str) -> String;

/// An episode in which nothing is wrong.
pub(crate) fn draw(dice: &mut Dice) -> Chain {
    let mut chain = Chain {
        parts: episode(dice),
        hangs: Vec::new(),
    };
    for at in 0..chain.parts.len() - 1 {
        if here_at_the_end(&chain.parts[at].scene).is_empty()
            && let Some(last) = chain.parts[at].scene.beats.last_mut()
        {
            // Somebody stays to say the last line.
            last.exit.clear();
        }
        let here = here_at_the_end(&chain.parts[at].scene);
        if here.is_empty() {
            let scene = &mut chain.parts[at].scene;
            scene.cast.push(CharacterId::new("camera"));
        }
        let here = here_at_the_end(&chain.parts[at].scene);
        let mut hang = Hang::default();
        match dice.upto(2) {
            0 => hang.by = dice.pick(&here),
            1 => hang.line = dice.pick(&here).map(last_line),
            _ => {}
        }
        let open = open_after(&chain.parts[..=at]);
        if dice.one_in(2) {
            hang.thread = dice.pick(&open);
        }
        let scene = &chain.parts[at].scene;
        let beat = cliffhanger(scene, &hang, &open);
        if beat.max_lines > 0 && !here.iter().any(|id| weight_of(&beat, id) > 0.0) {
            hang.by = dice.pick(&here);
        }
        chain.hangs.push(hang);
    }
    chain
}

fn last_line(by: CharacterId) -> AuthoredLine {
    AuthoredLine {
        by,
        text: String::from("And then."),
        visible_to: None,
        delivery: None,
        pause_before_ms: None,
    }
}

fn weight_of(beat: &Beat, id: &CharacterId) -> f32 {
    let named = beat.speakers.iter().find(|(known, _)| known == id);
    let of_role = beat
        .roles
        .iter()
        .find(|(role, _)| role == crate::show::role_of(id));
    match (named, of_role) {
        (Some((_, weight)), _) => *weight,
        (None, _) if is_offstage(id) => 0.0,
        (None, Some((_, weight))) => *weight,
        (None, None) => 1.0,
    }
}

fn here_at_the_end(scene: &Scene) -> Vec<CharacterId> {
    let mut here = scene.cast.clone();
    here.retain(|id| !scene.absent.contains(id));
    for beat in &scene.beats {
        here.extend(beat.enter.iter().cloned());
        here.retain(|id| !beat.exit.contains(id));
    }
    here
}

/// Loose ends that are open after these scenes, the one touched last at the end.
fn open_after(parts: &[Drawn]) -> Vec<ThreadId> {
    let mut open: Vec<ThreadId> = Vec::new();
    for scene in parts.iter().map(|part| &part.scene) {
        for thread in scene.threads.iter().filter(|thread| thread.open) {
            if !open.contains(&thread.id) {
                open.insert(0, thread.id.clone());
            }
        }
        for beat in &scene.beats {
            for thread in beat.opens.iter().chain(&beat.advances) {
                open.retain(|known| known != thread);
                open.push(thread.clone());
            }
            open.retain(|known| !beat.resolves.contains(known));
        }
    }
    open
}

/// The beat that the documentation promises: one line more, at the highest tension, cut off unless the author wrote it.
fn cliffhanger(scene: &Scene, hang: &Hang, open: &[ThreadId]) -> Beat {
    let like = scene
        .beats
        .iter()
        .rev()
        .find(|beat| beat.max_lines > 0)
        .or(scene.beats.last());
    let own = u32::from(hang.line.is_none());
    let thread = hang.thread.clone().or(open.last().cloned());
    let mut beat = Beat {
        id: cliffhanger_id(),
        tension: scene
            .beats
            .iter()
            .map(|beat| beat.tension)
            .fold(0.0, f32::max),
        policy: Some(TurnPolicy::Weighted),
        interruptions: Some(1.0),
        close_with: hang.line.iter().cloned().collect(),
        min_lines: own,
        max_lines: own,
        cliffhanger: Some(Cliffhanger {
            thread: thread.unwrap_or_else(|| ThreadId::new("nothing")),
            card: String::from("To be continued…"),
        }),
        ..bare("cliffhanger")
    };
    if let Some(like) = like {
        let here = here_at_the_end(scene);
        let weighed = like.speakers.iter().filter(|(id, _)| here.contains(id));
        beat.speakers = weighed.cloned().collect();
        beat.roles.clone_from(&like.roles);
    }
    if let Some(by) = &hang.by {
        let weight = |id: &CharacterId| (id.clone(), f32::from(u8::from(id == by)));
        beat.speakers = scene.cast.iter().map(weight).collect();
        beat.prime = vec![(by.clone(), vec![String::from("I")])];
    }
    beat
}

impl Chain {
    /// The scenes as they are performed.
    pub(crate) fn scenes(&self) -> Vec<Scene> {
        let mut scenes: Vec<Scene> = self.parts.iter().map(|part| part.scene.clone()).collect();
        for (at, hang) in self.hangs.iter().enumerate() {
            let open = open_after(&self.parts[..=at]);
            let beat = cliffhanger(&scenes[at], hang, &open);
            scenes[at].beats.push(beat);
            scenes[at].max_lines += 1;
        }
        scenes
    }

    pub(crate) fn kept(&self) -> Vec<Vec<SecretId>> {
        self.parts.iter().map(|part| part.kept.clone()).collect()
    }

    /// The file.
    pub(crate) fn yaml(&self) -> String {
        let mut text = String::from("title: Whole\nscenes:\n");
        for (at, part) in self.parts.iter().enumerate() {
            text.push_str(&format!("  - scene: {}\n", part.scene.id));
            let Some(hang) = self.hangs.get(at) else {
                continue;
            };
            let thread = hang.thread.iter().map(|thread| format!("thread: {thread}"));
            let by = hang.by.iter().map(|by| format!("by: {by}, prime: [I]"));
            let line = hang
                .line
                .iter()
                .map(|line| format!("line: {}", yaml::line(line)));
            let fields: Vec<String> = thread.chain(by).chain(line).collect();
            if !fields.is_empty() {
                text.push_str(&format!("    cliffhanger: {{ {} }}\n", fields.join(", ")));
            }
        }
        text
    }
}

/// Somebody of a scene's cast who is not there at its end.
fn somebody_gone(dice: &mut Dice, scene: &Scene) -> Option<CharacterId> {
    let here = here_at_the_end(scene);
    let gone: Vec<CharacterId> = scene
        .cast
        .iter()
        .filter(|id| !here.contains(id))
        .cloned()
        .collect();
    dice.pick(&gone)
}

/// Every way in which scenes can stop fitting together. `check` and the stage have to agree on each.
pub(crate) const BREAKAGES: [(&str, Breakage); 14] = [
    ("nothing is broken", |_, _| true),
    ("another cliffhanger", |dice, chain| {
        let at = dice.upto(chain.hangs.len() - 1);
        chain.hangs[at] = Hang::default();
        true
    }),
    ("a cliffhanger on any thread", |dice, chain| {
        let at = dice.upto(chain.hangs.len() - 1);
        let all: Vec<ThreadId> = chain
            .parts
            .iter()
            .flat_map(|part| &part.scene.threads)
            .map(|thread| thread.id.clone())
            .collect();
        chain.hangs[at].thread = dice.pick(&all);
        true
    }),
    (
        "a cliffhanger on a thread that there is not",
        |dice, chain| {
            let at = dice.upto(chain.hangs.len() - 1);
            chain.hangs[at].thread = Some(ThreadId::new("smoke"));
            true
        },
    ),
    ("the last line by somebody who has left", |dice, chain| {
        let at = dice.upto(chain.hangs.len() - 1);
        let Some(gone) = somebody_gone(dice, &chain.parts[at].scene) else {
            return false;
        };
        chain.hangs[at] = Hang {
            line: Some(last_line(gone)),
            ..Hang::default()
        };
        true
    }),
    ("the last words of somebody who has left", |dice, chain| {
        let at = dice.upto(chain.hangs.len() - 1);
        let Some(gone) = somebody_gone(dice, &chain.parts[at].scene) else {
            return false;
        };
        chain.hangs[at] = Hang {
            by: Some(gone),
            ..Hang::default()
        };
        true
    }),
    ("everybody leaves before the end", |dice, chain| {
        let at = dice.upto(chain.hangs.len() - 1);
        let scene = &mut chain.parts[at].scene;
        let mut here = here_at_the_end(scene);
        here.retain(|id| !is_offstage(id));
        let Some(last) = scene.beats.last_mut() else {
            return false;
        };
        last.exit.extend(here);
        true
    }),
    ("a scene ties up everything", |dice, chain| {
        let at = dice.upto(chain.hangs.len() - 1);
        let mut open = open_after(&chain.parts[..=at]);
        let scene = &mut chain.parts[at].scene;
        open.retain(|thread| scene.threads.iter().any(|known| known.id == *thread));
        let Some(last) = scene.beats.last_mut() else {
            return false;
        };
        last.resolves.extend(open);
        true
    }),
    ("a thread is tied up by nobody", |dice, chain| {
        let at = chain.parts.len() - 1;
        let beats = &mut chain.parts[at].scene.beats;
        let beat = dice.upto(beats.len() - 1);
        beats[beat].resolves.pop().is_some()
    }),
    (
        "a thread is opened again by a later scene",
        |dice, chain| {
            let Some(thread) = dice.pick(&open_after(&chain.parts[..1])) else {
                return false;
            };
            let scene = &mut chain.parts[1].scene;
            scene.threads.retain(|known| known.id != thread);
            let Some(mut again) = crate::draw::scene(dice).scene.threads.pop() else {
                return false;
            };
            (again.id, again.open, again.must_resolve) = (thread.clone(), false, false);
            scene.threads.push(again);
            for beat in &mut scene.beats {
                for step in [&mut beat.opens, &mut beat.advances, &mut beat.resolves] {
                    step.retain(|known| *known != thread);
                }
            }
            scene.beats[0].opens.push(thread);
            true
        },
    ),
    (
        "a thread that is open again after its end",
        |dice, chain| {
            let tied: Vec<_> = chain.parts[0]
                .scene
                .beats
                .iter()
                .flat_map(|beat| beat.resolves.clone())
                .collect();
            let Some(thread) = dice.pick(&tied) else {
                return false;
            };
            let known = chain.parts[0]
                .scene
                .threads
                .iter()
                .find(|known| known.id == thread)
                .cloned();
            let Some(mut again) = known else { return false };
            (again.open, again.must_resolve) = (true, false);
            chain.parts[1].scene.threads.push(again);
            true
        },
    ),
    ("a thread that must be, and never is", |_, chain| {
        let Some(last) = chain.parts[0].scene.threads.last_mut() else {
            return false;
        };
        (last.must_resolve, last.carried) = (true, true);
        true
    }),
    ("a secret is revealed twice", |dice, chain| {
        let secrets: Vec<_> = chain.parts[0].scene.secrets.clone();
        let Some(mut secret) = dice.pick(&secrets) else {
            return false;
        };
        let part = &mut chain.parts[1];
        if part.scene.secrets.iter().any(|known| known.id == secret.id) {
            return false;
        }
        secret.known_by = vec![part.scene.cast[0].clone()];
        part.scene.beats[0].reveals.push(secret.id.clone());
        part.scene.secrets.push(secret);
        true
    }),
    ("a scene is broken itself", |dice, chain| {
        let at = dice.upto(chain.parts.len() - 1);
        let kind = dice.upto(crate::breakages::BREAKAGES.len() - 1);
        crate::breakages::BREAKAGES[kind].1(dice, &mut chain.parts[at])
    }),
];

/// Every way in which an episode can be typed so that it says none.
pub(crate) const GARBLINGS: [(&str, Garbling); 10] = [
    ("no title", |text| text.replacen("title: Whole\n", "", 1)),
    ("no scenes", |_| String::from("title: Whole\n")),
    ("one scene", |_| {
        String::from("title: Whole\nscenes: [part-0]\n")
    }),
    ("a scene that there is not", |text| {
        text.replacen("scene: part-1", "scene: part-9", 1)
    }),
    ("a scene twice", |text| {
        text.replacen("scene: part-1", "scene: part-0", 1)
    }),
    ("a field that nobody knows", |text| {
        format!("{text}colour: red\n")
    }),
    ("another show", |text| format!("{text}show: ferry\n")),
    ("a beginning of nobody's words", |text| {
        let first = text.lines().take(3).collect::<Vec<_>>().join("\n");
        format!("{first}\n    cliffhanger: {{ prime: [I] }}\n  - part-1\n")
    }),
    ("a line, and words of somebody's own", |text| {
        let first = text.lines().take(3).collect::<Vec<_>>().join("\n");
        format!(
            "{first}\n    cliffhanger: {{ by: ana, line: {{ by: ana, text: Now. }} }}\n  - part-1\n"
        )
    }),
    ("a cliffhanger at the very end", |text| {
        format!("{text}    cliffhanger: {{ card: On. }}\n")
    }),
];
