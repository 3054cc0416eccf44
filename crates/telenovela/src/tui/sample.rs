//! A little performance for the tests.

use telenovela_script::character::{CharacterId, Color};
use telenovela_script::event::{
    Because, Candidate, CastMember, Command, EndReason, Event, EventKind, FORMAT_VERSION,
    LeaveReason, Playbill, PlaybillThread, Provenance, Spoken, ThreadOutcome, ThreadState,
    Utterance,
};
use telenovela_script::mood::Mood;
use telenovela_script::scene::{BeatId, SceneId, Setting, ThreadId, TurnPolicy};
use telenovela_script::show::ShowId;
use telenovela_script::voice::{ExplainedToken, Explanation, Nearest, ScoreCard, Take};

/// Writes events with their numbers and times.
#[derive(Default)]
pub(crate) struct Events {
    list: Vec<Event>,
    turn: u64,
    beat: usize,
    pause_ms: u64,
}

/// Two people, one windmill.
pub(crate) fn playbill() -> Playbill {
    let member = |character: &str, name: &str, color, offstage, on_stage| CastMember {
        character: CharacterId::new(character),
        name: name.to_owned(),
        color,
        offstage,
        on_stage,
        cps: 20.0,
        file_sha256: String::new(),
        model_sha256: String::new(),
        ensemble_sha256: String::new(),
    };
    let thread = |thread: &str, question: &str, must_resolve| PlaybillThread {
        thread: ThreadId::new(thread),
        question: question.to_owned(),
        must_resolve,
        state: ThreadState::Dormant,
    };
    Playbill {
        format: FORMAT_VERSION,
        program: "telenovela 0.1.0".to_owned(),
        show: ShowId::new("salt-and-thunder"),
        show_title: "Salt and Thunder".to_owned(),
        scenes: Vec::new(),
        language: "en".to_owned(),
        scene: SceneId::new("third-windmill"),
        title: "The Third Windmill".to_owned(),
        scene_sha256: String::new(),
        show_sha256: String::new(),
        setting: Setting {
            interior: false,
            place: "The third windmill".to_owned(),
            time: "NIGHT".to_owned(),
        },
        premise: Some("A lamp turned low. The windmill creaks like a bad conscience.".to_owned()),
        seed: 7,
        takes: 8,
        policy: TurnPolicy::Bid,
        cast: vec![
            member("narrator", "Narrator", Color::Gray, true, false),
            member("ines", "Inés", Color::LightCyan, false, true),
            member("rodrigo", "Rodrigo", Color::Yellow, false, false),
        ],
        plot_lines: Vec::new(),
        beats: ["She is early, he is late", "The paper", "Weather"]
            .map(str::to_owned)
            .to_vec(),
        threads: vec![
            thread("signature", "What did Rodrigo sign?", true),
            thread("them", "Do they still love each other?", false),
        ],
    }
}

/// The performance from its title to its end card.
pub(crate) fn whole() -> Vec<Event> {
    let mut events = Events::default();
    events
        .start()
        .beat("She is early, he is late")
        .thread("them", ThreadState::Open)
        .authored("narrator", "Night at the third windmill, dear viewer. One lamp, two hearts, and a signature between them.")
        .line("ines", Some("not looking up"), "You're late. The tide was on time.")
        .enter("rodrigo")
        .line("rodrigo", None, "I ran, Inés. The whole coast saw me run, and the dogs of your mother ran behind me as far as the pans.")
        .line("ines", None, "Then the whole coast knows that you came late.")
        .beat("The paper")
        .thread("signature", ThreadState::Open)
        .pause(1_500)
        .authored("rodrigo", "I signed a paper. I did not read it.")
        .line("ines", Some("very softly"), "What paper, Rodrigo?")
        .failed("rodrigo")
        .stock("rodrigo", "Say that again.")
        .beat("Weather")
        .thread("signature", ThreadState::Advanced)
        .injected("ines", "You sold our houses for an umbrella.")
        .line("rodrigo", Some("trembling"), "It was not raining when I signed.")
        .pause(2_000)
        .authored("ines", "That wasn't love, Rodrigo. That was weather.")
        .thread("signature", ThreadState::Resolved)
        .thread("them", ThreadState::Resolved)
        .leave("ines")
        .end();
    events.list
}

/// The beginning of [`whole`], up to and with the line that contains `words`.
pub(crate) fn until(words: &str) -> Vec<Event> {
    let mut list = whole();
    let says = |event: &Event| matches!(&event.kind, EventKind::Utterance(spoken) if spoken.utterance.text.contains(words));
    let last = list
        .iter()
        .position(says)
        .expect("the sample has such a line");
    list.truncate(last + 1);
    list
}

/// How «You sold our houses for an umbrella.» came about.
pub(crate) fn explanation() -> Explanation {
    let pieces = [
        ("You", 2.1),
        (" sold", 5.4),
        (" our", 1.2),
        (" houses", 3.3),
        (" for", 0.8),
        (" an", 4.9),
        (" umb", 11.8),
        ("rella", 0.1),
        (".", 0.6),
        ("⏎", 0.2),
    ];
    let token = |(text, surprise): (&str, f32)| ExplainedToken {
        text: text.to_owned(),
        surprise,
        candidates: vec![
            (" a".to_owned(), 0.41),
            (" the".to_owned(), 0.22),
            (text.to_owned(), (-surprise).exp2()),
        ],
        hidden: (0..64).map(|i| (i as f32 * 0.7).sin()).collect(),
    };
    Explanation {
        tokens: pieces.into_iter().map(token).collect(),
        nearest: Some(Nearest {
            text: "He sold our houses for nothing, and the fig tree.".to_owned(),
            n_words: 4,
        }),
    }
}

/// Up to a line with takes, at high tension, somebody in a mood.
pub(crate) fn tense() -> Events {
    let mut events = Events::default();
    events
        .start()
        .beat("She is early, he is late")
        .thread("them", ThreadState::Open)
        .authored("narrator", "Night at the third windmill.")
        .line(
            "ines",
            Some("not looking up"),
            "You're late. The tide was on time.",
        )
        .enter("rodrigo")
        .mood("ines", Mood::Colder)
        .tense_beat("The paper", 0.6)
        .line("rodrigo", None, "I ran, Inés.")
        .line(
            "ines",
            None,
            "Then the whole coast knows that you came late.",
        )
        .tense_beat("Weather", 0.95)
        .pause(1_500)
        .taken("ines", "You sold our houses for an umbrella.");
    events
}

impl Events {
    pub(crate) fn start(&mut self) -> &mut Self {
        self.push(EventKind::PerformanceStarted(playbill()))
    }

    pub(crate) fn beat(&mut self, title: &str) -> &mut Self {
        self.tense_beat(title, 0.5)
    }

    pub(crate) fn tense_beat(&mut self, title: &str, tension: f32) -> &mut Self {
        let index = self.beat;
        self.beat += 1;
        self.push(EventKind::BeatEntered {
            beat: BeatId::new(format!("beat-{index}")),
            title: title.to_owned(),
            index,
            tension,
        })
    }

    pub(crate) fn thread(&mut self, thread: &str, state: ThreadState) -> &mut Self {
        self.push(EventKind::ThreadChanged {
            thread: ThreadId::new(thread),
            state,
        })
    }

    pub(crate) fn enter(&mut self, character: &str) -> &mut Self {
        self.push(EventKind::StageEntered {
            character: CharacterId::new(character),
        })
    }

    pub(crate) fn leave(&mut self, character: &str) -> &mut Self {
        self.push(EventKind::StageLeft {
            character: CharacterId::new(character),
            reason: LeaveReason::Exit,
        })
    }

    pub(crate) fn failed(&mut self, character: &str) -> &mut Self {
        self.push(EventKind::VoiceFailed {
            character: CharacterId::new(character),
            failure: telenovela_script::event::Failure::Refused,
            error: "not finite".to_owned(),
            attempt: 0,
        })
    }

    pub(crate) fn rewind(&mut self, to_seq: u64) -> &mut Self {
        self.push(EventKind::Rewound { to_seq, branch: 1 })
    }

    /// The next line comes after so much silence.
    pub(crate) fn pause(&mut self, pause_ms: u64) -> &mut Self {
        self.pause_ms = pause_ms;
        self
    }

    pub(crate) fn line(&mut self, speaker: &str, delivery: Option<&str>, text: &str) -> &mut Self {
        self.utterance(speaker, delivery, text, Provenance::Generated)
    }

    /// A line that is the second of three takes, spoken by somebody who was chosen over Rodrigo.
    pub(crate) fn taken(&mut self, speaker: &str, text: &str) -> &mut Self {
        let take = |text: &str, total: f32| Take {
            seed: 7,
            delivery: (total > -1.0).then(|| "softly".to_owned()),
            text: text.to_owned(),
            score: ScoreCard {
                fluency: total - 0.4,
                cue: 0.21,
                voice: 0.35,
                motifs: 1.0,
                copied_words: 3,
                finished: total > -3.0,
                total,
                ..ScoreCard::default()
            },
        };
        let candidate = |character: &str, bid: f32| Candidate {
            character: CharacterId::new(character),
            talkativeness: 1.0,
            beat: 1.3,
            balance: 0.9,
            idle: 1.0,
            addressed: 1.0,
            bid,
            repeat: 1.0,
            mood: 1.0,
            ping_pong: 1.0,
            order: 1.0,
            weight: 1.3 * 0.9 * bid,
        };
        self.push(EventKind::SpeakerChosen {
            turn: self.turn,
            speaker: CharacterId::new(speaker),
            because: Because::Policy,
            candidates: vec![candidate("ines", 0.6), candidate("rodrigo", 0.2)],
            place: None,
        });
        self.line(speaker, Some("softly"), text);
        if let Some(EventKind::Utterance(spoken)) = self.list.last_mut().map(|e| &mut e.kind) {
            spoken.takes = vec![
                take("The salt is the salt, and I have counted all of it.", -1.62),
                take(text, -0.84),
                take("", -3.4),
            ];
            spoken.kept = Some(1);
        }
        self
    }

    pub(crate) fn mood(&mut self, character: &str, mood: Mood) -> &mut Self {
        let character = CharacterId::new(character);
        self.push(EventKind::Command {
            command: Command::Mood { character, mood },
        })
    }

    pub(crate) fn authored(&mut self, speaker: &str, text: &str) -> &mut Self {
        self.utterance(speaker, None, text, Provenance::Authored)
    }

    pub(crate) fn injected(&mut self, speaker: &str, text: &str) -> &mut Self {
        self.utterance(speaker, None, text, Provenance::Injected)
    }

    pub(crate) fn stock(&mut self, speaker: &str, text: &str) -> &mut Self {
        self.utterance(speaker, None, text, Provenance::Fallback)
    }

    pub(crate) fn end(&mut self) -> &mut Self {
        let outcome = |thread: PlaybillThread, resolution: &str| ThreadOutcome {
            thread: thread.thread,
            question: thread.question,
            state: ThreadState::Resolved,
            resolution: Some(resolution.to_owned()),
        };
        let [signature, them] = <[PlaybillThread; 2]>::try_from(playbill().threads)
            .expect("the sample has two threads");
        self.push(EventKind::PerformanceEnded {
            reason: EndReason::Concluded,
            card: "To be continued…".to_owned(),
            threads: vec![
                outcome(
                    signature,
                    "He sold the rakers' houses without reading, and told her himself.",
                ),
                outcome(them, "Ask the moon. It was there."),
            ],
            generated_words: 52,
            authored_words: 16,
        })
    }

    pub(crate) fn list(&self) -> &[Event] {
        &self.list
    }

    fn utterance(
        &mut self,
        speaker: &str,
        delivery: Option<&str>,
        text: &str,
        provenance: Provenance,
    ) -> &mut Self {
        let pause_ms = self.pause_ms;
        self.pause_ms = 0;
        let turn = self.turn;
        self.turn += 1;
        let name = playbill()
            .cast
            .into_iter()
            .find(|member| member.character.as_str() == speaker);
        let utterance = Utterance {
            turn,
            speaker: CharacterId::new(speaker),
            name: name.expect("the sample's people are in its cast").name,
            delivery: delivery.map(str::to_owned),
            text: text.to_owned(),
            pause_ms,
            provenance,
        };
        self.push(EventKind::Utterance(Spoken {
            id: format!("third-windmill-{turn}"),
            beat: BeatId::new(format!("beat-{}", self.beat.saturating_sub(1))),
            utterance,
            full_text: None,
            cps: 20.0,
            takes: Vec::new(),
            kept: None,
            copied_words: None,
            threads: Vec::new(),
            visible_to: None,
        }))
    }

    fn push(&mut self, kind: EventKind) -> &mut Self {
        let seq = self.list.len() as u64;
        self.list.push(Event {
            seq,
            at_ms: seq * 1_700,
            kind,
        });
        self
    }
}
