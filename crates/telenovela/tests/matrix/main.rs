//! One seed makes one log: on any number of workers, on the screen or without one, line by line or as fast as it goes.
//!
//! Scripted voices, the real loop of the screen over a terminal of paper. A hundred seeds: `cargo test -p telenovela --test matrix -- --ignored`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{self, KeyCode, KeyEvent, KeyModifiers};
use telenovela::language::Language;
use telenovela::tui::app::App;
use telenovela::tui::backstage::Backstage;
use telenovela::tui::{Input, Options, drive};
use telenovela_script::character::CharacterId;
use telenovela_script::episode;
use telenovela_script::event::{
    CastMember, Event, EventKind, EventSink, FORMAT_VERSION, Playbill, Utterance,
};
use telenovela_script::load::Workspace;
use telenovela_script::scene::{Cliffhanger, Scene, ThreadId};
use telenovela_script::voice::{Cue, Explanation, ScoreCard, Take, Voice, VoiceError};
use telenovela_stage::director::perform;
use telenovela_stage::production::{Audience, Patience, Production, Role};
use tokio::sync::mpsc;

/// Says a few words for every seed; what it says depends on what it has heard as well.
#[derive(Clone, Default)]
struct Reader {
    n_heard: u64,
}

impl Voice for Reader {
    fn hear(&mut self, _: &Utterance) {
        self.n_heard += 1;
    }

    fn bid(&self) -> f32 {
        0.2 + (self.n_heard % 5) as f32 / 10.0
    }

    fn takes(&self, cue: &Cue, seeds: &[u64]) -> Result<Vec<Take>, VoiceError> {
        const WORDS: [&str; 7] = ["rope", "river", "never", "you", "lantern", "Odette", "rain"];
        let text = |seed: u64| {
            let at = |n: u64| ((seed >> (4 * n)) ^ self.n_heard) as usize % WORDS.len();
            let words: Vec<&str> = (0..4 + seed % 5).map(|n| WORDS[at(n)]).collect();
            format!(
                "{} {}.",
                cue.prime.as_deref().unwrap_or("So"),
                words.join(" ")
            )
        };
        let takes = seeds.iter().map(|seed| Take {
            seed: *seed,
            delivery: cue.delivery.clone(),
            text: text(*seed),
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
        Box::new(self.clone())
    }
}

/// As a log's file would hold it.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl EventSink for Log {
    fn write(&mut self, event: &Event) -> io::Result<()> {
        let mut bytes = self.0.lock().expect("nobody panics with the log in hand");
        bytes.extend(serde_json::to_vec(event)?);
        bytes.push(b'\n');
        Ok(())
    }

    fn read_back(&mut self) -> io::Result<Vec<Event>> {
        Err(io::Error::other("nothing is taken back here"))
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the small show of these tests can perform: its longest scene, and an episode of both, whose first ends on a cliffhanger.
fn pieces(workspace: &Workspace) -> [Vec<Scene>; 2] {
    let [crossing, two_oars] = ["crossing", "two-oars"].map(|name| {
        let file = workspace.find_scene(name).expect("the show has the scene");
        workspace
            .load_scene(&file)
            .expect("nothing is wrong with it")
    });
    let mut first = crossing.clone();
    if let Some(mut last) = first.beats.last().cloned() {
        last.close_with.clear();
        last.resolves.clear();
        last.exit.clear();
        (last.min_lines, last.max_lines) = (1, 1);
        last.cliffhanger = Some(Cliffhanger {
            thread: ThreadId::new("fog"),
            card: String::from("To be continued…"),
        });
        first.max_lines += 1;
        first.beats.push(last);
    }
    [vec![crossing], vec![first, two_oars]]
}

fn production(workspace: &Workspace, scenes: &[Scene], seed: u64) -> Production {
    let first = &scenes[0];
    let characters = workspace
        .load_characters(&first.show)
        .expect("nothing is wrong with them");
    let cast = episode::cast(scenes);
    let member = |id: &CharacterId| {
        characters
            .iter()
            .find(|character| character.id == *id)
            .expect("everybody is in the show")
    };
    let members = cast.iter().map(|id| {
        let character = member(id);
        CastMember {
            character: id.clone(),
            name: character.name.clone(),
            color: character.color,
            offstage: character.offstage,
            on_stage: !character.offstage && !first.absent.contains(id),
            cps: character.delivery.cps,
            file_sha256: String::new(),
            model_sha256: String::new(),
            ensemble_sha256: String::new(),
        }
    });
    Production {
        playbill: Playbill {
            format: FORMAT_VERSION,
            program: String::from("test"),
            show: first.show.clone(),
            show_title: String::from("The Ferry"),
            language: String::from("en"),
            scene: first.id.clone(),
            title: first.title.clone(),
            scene_sha256: String::new(),
            show_sha256: String::new(),
            setting: first.setting.clone(),
            premise: None,
            seed,
            takes: first.takes,
            policy: first.policy,
            cast: members.collect(),
            plot_lines: Vec::new(),
            beats: Vec::new(),
            threads: Vec::new(),
            scenes: Vec::new(),
        },
        scenes: scenes.to_vec(),
        cast: cast
            .iter()
            .map(|id| Role {
                character: member(id).clone(),
                voice: Box::new(Reader::default()),
            })
            .collect(),
        audience: Audience::Unattended,
        patience: Patience::Endless,
    }
}

fn runtime(workers: usize) -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_time()
        .build()
        .expect("the system has threads left")
}

/// Without a screen.
fn headless(production: Production, workers: usize) -> Vec<u8> {
    let log = Log::default();
    runtime(workers).block_on(async {
        let mut performance =
            perform(production, Box::new(log.clone())).expect("everybody has a role");
        while performance.events.recv().await.is_some() {}
        performance
            .ended
            .await
            .expect("the director does not panic")
            .expect("the log takes everything");
    });
    let bytes = log.0.lock().expect("nobody panics with the log in hand");
    bytes.clone()
}

/// On the screen, whose own thread has a clock of its own: nobody waits for the typewriter.
fn on_the_screen(mut production: Production, workers: usize) -> Vec<u8> {
    production.audience = Audience::Attended;
    let log = Log::default();
    let (inputs, mut input_receiver) = mpsc::channel(8);
    let (events, event_receiver) = mpsc::channel(64);
    let (effect_sender, effects) = mpsc::channel(64);
    let (answers, _answered) = mpsc::channel(4);
    let screen = std::thread::spawn(move || {
        let clock = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("the system has threads left");
        clock.block_on(async {
            let mut paper = Terminal::new(TestBackend::new(80, 24)).expect("paper never fails");
            let app = App::new(Options::default());
            let shown = drive(
                &mut paper,
                app,
                &mut input_receiver,
                event_receiver,
                effect_sender,
            );
            shown.await.expect("paper never fails");
        });
    });
    runtime(workers).block_on(async {
        let performance = perform(production, Box::new(log.clone())).expect("everybody has a role");
        let backstage = Backstage {
            director: Some(performance.director),
            prompter: Box::new(|| Err("nobody asks".to_owned())),
            log: PathBuf::new(),
            language: Language::English,
        };
        let serving = tokio::spawn(backstage.serve(effects, answers));
        let mut performed = performance.events;
        let mut ended = false;
        while let Some(event) = performed.recv().await {
            ended |= matches!(event.kind, EventKind::PerformanceEnded { .. });
            events
                .send(event)
                .await
                .expect("the screen is open until q");
        }
        assert!(ended, "the screen left before the end");
        let q = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE);
        // Once at most the question whether one really wants to leave.
        for _ in 0..2 {
            let _ = inputs.send(Input::Terminal(event::Event::Key(q))).await;
        }
        performance
            .ended
            .await
            .expect("the director does not panic")
            .expect("the log takes everything");
        serving.await.expect("backstage does not panic");
    });
    screen.join().expect("the screen does not panic");
    let bytes = log.0.lock().expect("nobody panics with the log in hand");
    bytes.clone()
}

fn one_seed_makes_one_log(seeds: std::ops::Range<u64>) {
    let show = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ferry");
    let workspace = Workspace::open(&show).expect("the show is there");
    for scenes in pieces(&workspace) {
        for seed in seeds.clone() {
            let log = headless(production(&workspace, &scenes, seed), 1);
            assert!(log.len() > 10_000, "something was said");
            for workers in [1, 2, 8] {
                let plain = headless(production(&workspace, &scenes, seed), workers);
                assert!(plain == log, "seed {seed}, {workers} workers, headless");
                let shown = on_the_screen(production(&workspace, &scenes, seed), workers);
                assert!(
                    shown == log,
                    "seed {seed}, {workers} workers, on the screen"
                );
            }
        }
    }
}

#[test]
fn one_seed_makes_one_log_on_any_number_of_workers_watched_or_not() {
    one_seed_makes_one_log(0..4);
}

#[test]
#[ignore = "a hundred seeds, for the whole figure"]
fn a_hundred_seeds_make_a_hundred_logs_on_any_number_of_workers_watched_or_not() {
    one_seed_makes_one_log(0..100);
}
