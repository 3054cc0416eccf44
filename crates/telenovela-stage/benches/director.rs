//! What the director costs: `cargo bench -p telenovela-stage --bench director`.
//!
//! Scripted voices that answer at once, a log that takes everything and keeps nothing. Prints, for growing numbers of turns, the processor time of the
//! director's own thread per turn (the voices have threads of their own), the wall time, and the memory of the process.

use std::io;
use std::time::Instant;

use telenovela_script::character::{Base, Character, CharacterId, Color, Delivery, Lines, Turns};
use telenovela_script::event::{Event, EventSink, FORMAT_VERSION, Playbill, Utterance};
use telenovela_script::scene::{
    Beat, BeatId, Ending, Limits, Scene, SceneId, Setting, TurnPolicy, Waiting,
};
use telenovela_script::show::ShowId;
use telenovela_script::voice::{
    Cue, Explanation, Sampling, ScoreCard, ScoreWeights, Take, Voice, VoiceError,
};
use telenovela_stage::director::perform;
use telenovela_stage::production::{Audience, Patience, Production, Role};

/// Says a number.
struct Reader;

impl Voice for Reader {
    fn hear(&mut self, _: &Utterance) {}

    fn bid(&self) -> f32 {
        0.5
    }

    fn takes(&self, _: &Cue, seeds: &[u64]) -> Result<Vec<Take>, VoiceError> {
        let takes = seeds.iter().map(|seed| Take {
            seed: *seed,
            delivery: None,
            text: format!("I have counted {seed} of them, and you?"),
            score: ScoreCard {
                total: (seed % 100) as f32,
                finished: true,
                ..ScoreCard::default()
            },
        });
        Ok(takes.collect())
    }

    fn explain(&self, _: &Take) -> Explanation {
        Explanation::default()
    }

    fn fork(&self) -> Box<dyn Voice> {
        Box::new(Reader)
    }
}

/// Keeps nothing.
struct Nowhere;

impl EventSink for Nowhere {
    fn write(&mut self, _: &Event) -> io::Result<()> {
        Ok(())
    }

    fn read_back(&mut self) -> io::Result<Vec<Event>> {
        Ok(Vec::new())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn character(index: usize) -> Character {
    let name = format!("Person {index}");
    Character {
        id: CharacterId::new(format!("person-{index}")),
        show: ShowId::new("bench"),
        name: name.clone(),
        aliases: Vec::new(),
        offstage: false,
        role: String::new(),
        description: String::new(),
        color: Color::Cyan,
        lines: Lines::Speakers(vec![name]),
        base: Base::Ensemble,
        sampling: Sampling::default(),
        weights: ScoreWeights::default(),
        turns: Turns {
            talkativeness: 0.5,
            max_repeat: 1,
            max_idle: 5,
        },
        delivery: Delivery {
            cps: 30.0,
            pause_scale: 1.0,
        },
        fallback_lines: Vec::new(),
        bonds: Vec::new(),
        secrets: Vec::new(),
    }
}

fn scene(cast: &[Character], n_turns: u32) -> Scene {
    let beats = (0..n_turns.div_ceil(100)).map(|index| Beat {
        id: BeatId::new(format!("beat-{index}")),
        step: None,
        title: String::new(),
        tension: 0.5,
        policy: None,
        order: Vec::new(),
        visible_to: None,
        enter: Vec::new(),
        exit: Vec::new(),
        speakers: Vec::new(),
        roles: Vec::new(),
        prime: Vec::new(),
        motifs: vec!["counted".to_owned()],
        deliveries: Vec::new(),
        interruptions: None,
        plot: Vec::new(),
        open_with: Vec::new(),
        must_say: Vec::new(),
        close_with: Vec::new(),
        min_lines: 100,
        max_lines: 100,
        done_when: Waiting::default(),
        opens: Vec::new(),
        advances: Vec::new(),
        resolves: Vec::new(),
        reveals: Vec::new(),
        cliffhanger: None,
    });
    Scene {
        id: SceneId::new("bench"),
        show: ShowId::new("bench"),
        title: String::new(),
        setting: Setting {
            interior: true,
            place: String::new(),
            time: String::new(),
        },
        premise: None,
        cast: cast.iter().map(|character| character.id.clone()).collect(),
        absent: Vec::new(),
        arc: None,
        policy: TurnPolicy::Weighted,
        order: Vec::new(),
        limits: Limits::default(),
        takes: 4,
        max_lines: n_turns,
        threads: Vec::new(),
        secrets: Vec::new(),
        beats: beats.collect(),
        ending: Ending {
            card: String::new(),
        },
    }
}

fn playbill(scene: &Scene) -> Playbill {
    Playbill {
        format: FORMAT_VERSION,
        program: String::new(),
        show: scene.show.clone(),
        show_title: String::new(),
        scenes: Vec::new(),
        language: "en".to_owned(),
        scene: scene.id.clone(),
        title: String::new(),
        scene_sha256: String::new(),
        show_sha256: String::new(),
        setting: scene.setting.clone(),
        premise: None,
        seed: 7,
        takes: scene.takes,
        policy: scene.policy,
        cast: Vec::new(),
        plot_lines: Vec::new(),
        beats: Vec::new(),
        threads: Vec::new(),
    }
}

/// A figure of the process or of this thread out of `/proc`; 0 where there is none.
fn proc_status(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let number = line.and_then(|rest| rest.split_whitespace().find_map(|word| word.parse().ok()));
    number.unwrap_or(0)
}

/// Processor time of this thread so far, in nanoseconds; 0 where the system does not tell.
fn thread_ns() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let first = stat.split_whitespace().next();
    first.and_then(|ns| ns.parse().ok()).unwrap_or(0)
}

#[expect(
    clippy::print_stdout,
    reason = "this is a program of its own, and prints its figures"
)]
fn measure(n_characters: usize, n_turns: u32) {
    let characters: Vec<Character> = (0..n_characters).map(character).collect();
    let scene = scene(&characters, n_turns);
    let production = Production {
        playbill: playbill(&scene),
        cast: characters
            .into_iter()
            .map(|character| Role {
                character,
                voice: Box::new(Reader),
            })
            .collect(),
        scenes: vec![scene],
        audience: Audience::Unattended,
        patience: Patience::Endless,
    };
    // One thread for the runtime, so that what this thread uses is the director's own.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("the system has a thread left");
    let (began, began_ns) = (Instant::now(), thread_ns());
    let mut rss = Vec::new();
    let ended = runtime.block_on(async {
        let mut performance = perform(production, Box::new(Nowhere)).expect("everybody has a role");
        let mut n_events = 0_u64;
        while performance.events.recv().await.is_some() {
            n_events += 1;
            // Two events a turn: the choice and the line.
            if n_events == u64::from(n_turns) / 5 || n_events == u64::from(n_turns) * 2 {
                rss.push(proc_status("VmRSS:"));
            }
        }
        performance.ended.await
    });
    let ended = ended
        .expect("the director does not panic")
        .expect("the log takes everything");
    let ns = thread_ns() - began_ns;
    println!(
        "{n_characters:4} characters, {:6} turns: {:6.1} µs a turn of the director's thread, {:7.1} µs wall, memory {:?} KB",
        ended.n_utterances,
        ns as f64 / 1e3 / f64::from(n_turns),
        began.elapsed().as_secs_f64() * 1e6 / f64::from(n_turns),
        rss,
    );
}

fn main() {
    for (n_characters, n_turns) in [(8, 1_000), (8, 10_000), (200, 1_000), (200, 10_000)] {
        measure(n_characters, n_turns);
    }
}
