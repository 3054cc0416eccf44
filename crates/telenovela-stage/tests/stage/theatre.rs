//! A small theatre for the tests: a scene, its people, and a way to watch it to the end.

use std::io;
use std::sync::Arc;

use telenovela_script::character::{Base, Character, CharacterId, Color, Delivery, Lines, Turns};
use telenovela_script::event::{
    CastMember, Event, EventKind, EventSink, FORMAT_VERSION, Playbill, PlaybillThread, Provenance,
    Spoken, ThreadState,
};
use telenovela_script::scene::{
    AuthoredLine, Beat, BeatId, Ending, Limits, Scene, SceneId, Setting, Thread, ThreadId,
    TurnPolicy, Waiting,
};
use telenovela_script::show::{PlotLineId, ShowId};
use telenovela_script::voice::{Sampling, ScoreWeights};
use telenovela_stage::director::{Again, Ended, Performance, perform, perform_again};
use telenovela_stage::error::StageError;
use telenovela_stage::production::{Audience, Patience, Production, Role};
use telenovela_stage::prompter::Prompter;
use tokio::sync::watch;

use crate::scripted::{Notes, Part, ScriptedVoice};

pub(crate) fn id(id: &str) -> CharacterId {
    CharacterId::new(id)
}

pub(crate) fn character(who: &str, name: &str) -> Character {
    Character {
        id: id(who),
        show: ShowId::new("salt"),
        name: name.to_owned(),
        aliases: Vec::new(),
        offstage: false,
        role: "protagonist".to_owned(),
        description: String::new(),
        color: Color::Cyan,
        lines: Lines::Speakers(vec![name.to_uppercase()]),
        base: Base::Ensemble,
        sampling: Sampling::default(),
        weights: ScoreWeights::default(),
        turns: Turns {
            talkativeness: 0.6,
            max_repeat: 1,
            max_idle: 5,
        },
        delivery: Delivery {
            cps: 30.0,
            pause_scale: 1.0,
        },
        fallback_lines: vec![format!("{name} says nothing."), "(softly) Fine.".to_owned()],
        bonds: Vec::new(),
        secrets: Vec::new(),
    }
}

pub(crate) fn beat(name: &str, min: u32, max: u32) -> Beat {
    Beat {
        id: BeatId::new(name),
        step: None,
        title: name.to_owned(),
        tension: 0.5,
        policy: None,
        order: Vec::new(),
        visible_to: None,
        enter: Vec::new(),
        exit: Vec::new(),
        speakers: Vec::new(),
        roles: Vec::new(),
        prime: Vec::new(),
        motifs: Vec::new(),
        deliveries: Vec::new(),
        interruptions: None,
        plot: Vec::new(),
        open_with: Vec::new(),
        must_say: Vec::new(),
        close_with: Vec::new(),
        min_lines: min,
        max_lines: max,
        done_when: Waiting {
            everybody: true,
            ..Waiting::default()
        },
        opens: Vec::new(),
        advances: Vec::new(),
        resolves: Vec::new(),
        reveals: Vec::new(),
        cliffhanger: None,
    }
}

pub(crate) fn authored(by: &str, text: &str) -> AuthoredLine {
    AuthoredLine {
        by: id(by),
        text: text.to_owned(),
        visible_to: None,
        delivery: None,
        pause_before_ms: None,
    }
}

/// The windmill: a narrator, two people, and a third who comes in the middle and leaves before the end.
pub(crate) fn windmill() -> Scene {
    let mut waiting = beat("waiting", 4, 6);
    waiting.tension = 0.2;
    waiting.open_with = vec![
        authored("narrator", "Night at the windmill, dear viewer."),
        authored("ines", "You're late."),
    ];
    waiting.speakers = vec![(id("ines"), 1.0), (id("rodrigo"), 1.2)];
    waiting.prime = vec![(
        id("rodrigo"),
        vec!["Oh, Inés".to_owned(), "I ran".to_owned()],
    )];
    waiting.motifs = vec!["moon".to_owned()];
    waiting.done_when.motifs = 1;
    waiting.plot = vec![(PlotLineId::new("lost-love"), 0.3)];
    waiting.opens = vec![ThreadId::new("them")];
    let mut confession = beat("confession", 4, 6);
    confession.enter = vec![id("anselmo")];
    confession.must_say = vec![
        authored("rodrigo", "I signed a paper."),
        authored("ines", "What paper, Rodrigo?"),
    ];
    confession.opens = vec![ThreadId::new("signature")];
    confession.advances = vec![ThreadId::new("them")];
    confession.exit = vec![id("anselmo")];
    let mut storm = beat("storm", 3, 5);
    storm.tension = 0.95;
    storm.motifs = vec!["goodbye".to_owned()];
    storm.done_when.motifs = 1;
    storm.deliveries = vec!["shouting".to_owned(), "through tears".to_owned()];
    storm.close_with = vec![
        AuthoredLine {
            delivery: Some("through tears".to_owned()),
            pause_before_ms: Some(2_000),
            ..authored("ines", "That was weather.")
        },
        authored("narrator", "She walks into the rain."),
    ];
    storm.resolves = vec![ThreadId::new("signature"), ThreadId::new("them")];
    let thread = |name: &str, must_resolve| Thread {
        id: ThreadId::new(name),
        question: format!("{name}?"),
        must_resolve,
        open: false,
        carried: false,
        resolution: Some(format!("{name} is told.")),
    };
    Scene {
        id: SceneId::new("windmill"),
        show: ShowId::new("salt"),
        title: "The Windmill".to_owned(),
        setting: Setting {
            interior: false,
            place: "The windmill".to_owned(),
            time: "NIGHT".to_owned(),
        },
        premise: None,
        cast: ["narrator", "ines", "rodrigo", "anselmo"].map(id).to_vec(),
        absent: vec![id("anselmo")],
        arc: None,
        policy: TurnPolicy::Bid,
        order: Vec::new(),
        limits: Limits::default(),
        takes: 3,
        max_lines: 60,
        threads: vec![thread("signature", true), thread("them", false)],
        secrets: Vec::new(),
        beats: vec![waiting, confession, storm],
        ending: Ending {
            card: "THE END".to_owned(),
        },
    }
}

/// A production under preparation.
pub(crate) struct Stage {
    pub(crate) scene: Scene,
    /// Scenes that follow it; none unless it is an episode.
    pub(crate) sequel: Vec<Scene>,
    pub(crate) characters: Vec<Character>,
    pub(crate) parts: Vec<(CharacterId, Part)>,
    pub(crate) bids: Vec<(CharacterId, f32)>,
    pub(crate) seed: u64,
    pub(crate) audience: Audience,
    pub(crate) patience: Patience,
    pub(crate) past: Option<(Vec<Event>, Again)>,
}

impl Stage {
    /// The windmill, unattended, everybody chattering.
    pub(crate) fn windmill(seed: u64) -> Self {
        let mut narrator = character("narrator", "Narrator");
        narrator.offstage = true;
        Self {
            scene: windmill(),
            sequel: Vec::new(),
            characters: vec![
                narrator,
                character("ines", "Inés"),
                character("rodrigo", "Rodrigo"),
                character("anselmo", "Don Anselmo"),
            ],
            parts: Vec::new(),
            bids: Vec::new(),
            seed,
            audience: Audience::Unattended,
            patience: Patience::Endless,
            past: None,
        }
    }

    /// Goes through what happened already first.
    pub(crate) fn after(mut self, past: &[Event], how: Again) -> Self {
        self.past = Some((past.to_vec(), how));
        self
    }

    pub(crate) fn part(mut self, who: &str, part: Part) -> Self {
        self.parts.push((id(who), part));
        self
    }

    pub(crate) fn attended(mut self) -> Self {
        self.audience = Audience::Attended;
        self
    }

    pub(crate) fn character(&mut self, who: &str) -> &mut Character {
        self.characters
            .iter_mut()
            .find(|character| character.id == id(who))
            .expect("the test names one of the cast")
    }

    /// Raises the curtain.
    pub(crate) fn open(self) -> Opened {
        self.try_open().expect("the production is complete")
    }

    pub(crate) fn try_open(self) -> Result<Opened, StageError> {
        let log = Log::default();
        self.open_with(log.clone(), log)
    }

    pub(crate) fn open_with(
        self,
        log: Log,
        sink: impl EventSink + 'static,
    ) -> Result<Opened, StageError> {
        let mut notes = Vec::new();
        let cast = self
            .characters
            .iter()
            .map(|character| {
                let part = self
                    .parts
                    .iter()
                    .find(|(who, _)| *who == character.id)
                    .map_or(Part::Chatter, |(_, part)| part.clone());
                let mut voice = ScriptedVoice::new(character.id.as_str(), part);
                if let Some((_, bid)) = self.bids.iter().find(|(who, _)| *who == character.id) {
                    voice.bid = *bid;
                }
                notes.push((character.id.clone(), voice.notes.clone()));
                Role {
                    character: character.clone(),
                    voice: Box::new(voice),
                }
            })
            .collect();
        let playbill = playbill(&self.scene, &self.characters, self.seed);
        let production = Production {
            playbill,
            scenes: std::iter::once(self.scene).chain(self.sequel).collect(),
            cast,
            audience: self.audience,
            patience: self.patience,
        };
        let prompter = Prompter::new(&production);
        let performance = match self.past {
            None => perform(production, Box::new(sink))?,
            Some((past, how)) => perform_again(production, Box::new(sink), past, how)?,
        };
        Ok(Opened {
            performance,
            prompter,
            log,
            notes,
        })
    }
}

fn playbill(scene: &Scene, characters: &[Character], seed: u64) -> Playbill {
    Playbill {
        format: FORMAT_VERSION,
        program: "test".to_owned(),
        show: scene.show.clone(),
        show_title: "Salt".to_owned(),
        scenes: Vec::new(),
        language: "en".to_owned(),
        scene: scene.id.clone(),
        title: scene.title.clone(),
        scene_sha256: String::new(),
        show_sha256: String::new(),
        setting: scene.setting.clone(),
        premise: scene.premise.clone(),
        seed,
        takes: scene.takes,
        policy: scene.policy,
        cast: characters
            .iter()
            .map(|character| CastMember {
                character: character.id.clone(),
                name: character.name.clone(),
                color: character.color,
                offstage: character.offstage,
                on_stage: !scene.absent.contains(&character.id),
                cps: character.delivery.cps,
                file_sha256: String::new(),
                model_sha256: String::new(),
                ensemble_sha256: String::new(),
            })
            .collect(),
        plot_lines: Vec::new(),
        beats: scene.beats.iter().map(|beat| beat.title.clone()).collect(),
        threads: scene
            .threads
            .iter()
            .map(|thread| PlaybillThread {
                thread: thread.id.clone(),
                question: thread.question.clone(),
                must_resolve: thread.must_resolve,
                state: ThreadState::Dormant,
            })
            .collect(),
    }
}

/// A performance that the test watches.
pub(crate) struct Opened {
    pub(crate) prompter: Prompter,
    pub(crate) performance: Performance,
    pub(crate) log: Log,
    pub(crate) notes: Vec<(CharacterId, Notes)>,
}

impl Opened {
    /// Watches to the end, telling the director that each event has been shown; what was seen.
    pub(crate) async fn watch(mut self) -> (Vec<Event>, Result<Ended, StageError>) {
        let mut seen = Vec::new();
        while let Some(event) = self.performance.events.recv().await {
            self.performance.director.shown(event.seq);
            seen.push(event);
        }
        let ended = self
            .performance
            .ended
            .await
            .expect("the director does not panic");
        (seen, ended)
    }

    /// The next line that is said, without telling that it was shown. `None` at the end.
    pub(crate) async fn next_line(&mut self) -> Option<(u64, Spoken)> {
        loop {
            let event = self.performance.events.recv().await?;
            if let EventKind::Utterance(spoken) = event.kind {
                return Some((event.seq, spoken));
            }
        }
    }

    pub(crate) fn notes_of(&self, who: &str) -> Notes {
        let (_, notes) = self
            .notes
            .iter()
            .find(|(known, _)| *known == id(who))
            .expect("the test names one of the cast");
        notes.clone()
    }
}

/// A log that the test can read while the director writes it.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<watch::Sender<Vec<Event>>>);

impl Log {
    pub(crate) fn events(&self) -> Vec<Event> {
        self.0.borrow().clone()
    }

    /// A log that holds these events already.
    pub(crate) fn holding(events: &[Event]) -> Self {
        let log = Self::default();
        log.0.send_modify(|held| held.extend_from_slice(events));
        log
    }

    /// Waits until so many events have been written.
    pub(crate) async fn reaches(&self, n_events: usize) {
        self.0
            .subscribe()
            .wait_for(|events| events.len() >= n_events)
            .await
            .expect("the log outlives the wait");
    }

    /// As the file would hold it.
    pub(crate) fn jsonl(&self) -> String {
        self.events()
            .iter()
            .map(|event| serde_json::to_string(event).expect("events serialize") + "\n")
            .collect()
    }
}

impl EventSink for Log {
    fn write(&mut self, event: &Event) -> io::Result<()> {
        self.0.send_modify(|events| events.push(event.clone()));
        Ok(())
    }

    fn read_back(&mut self) -> io::Result<Vec<Event>> {
        Ok(self.events())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lines of a log.
pub(crate) fn lines(events: &[Event]) -> Vec<&Spoken> {
    events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Utterance(spoken) => Some(spoken),
            _ => None,
        })
        .collect()
}

/// The lines of one provenance.
pub(crate) fn lines_of(events: &[Event], provenance: Provenance) -> Vec<&Spoken> {
    lines(events)
        .into_iter()
        .filter(|spoken| spoken.utterance.provenance == provenance)
        .collect()
}
