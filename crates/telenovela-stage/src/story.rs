//! The story so far: everything the director's choices depend on. It changes by events alone, so that a log is enough to stand where a
//! performance stood. What it keeps does not grow with the lines said.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use telenovela_script::character::{Character, CharacterId};
use telenovela_script::episode;
use telenovela_script::event::{
    Because, ChangedLine, Command, EventKind, Provenance, Spoken, ThreadOutcome, ThreadState,
};
use telenovela_script::scene::{Beat, Scene, Secret, Thread, ThreadId};
use telenovela_script::script::split_spoken;

use crate::mood::Held;
use crate::seed::{Address, Purpose};
use crate::take::Opening;
use crate::turn::Floor;
use crate::words;

/// How often a fresh mood is to be heard in the delivery.
const MOODY: f64 = 0.7;
/// Lines that a speaker is reminded of, so as not to repeat them.
const RECENT: usize = 48;

/// What has happened, as far as it matters for what happens next.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    /// Lines said, which is also the turn of the next one.
    pub(crate) turn: u64,
    /// Who has had the floor.
    pub(crate) floor: Floor,
    /// The last lines said, oldest first.
    recent: VecDeque<String>,
    /// What may not be said again.
    pub(crate) said: Said,
    /// Words of generated lines of those who are seen.
    pub(crate) generated_words: u64,
    /// Words of authored lines of those who are seen.
    pub(crate) authored_words: u64,
    /// Whom the user has chosen for the next generated line.
    pub(crate) chosen: Option<Chosen>,
    /// Where the next turn stands in an author's list of speakers.
    pub(crate) place: usize,
    scenes: Arc<[Arc<Scene>]>,
    /// The scene being played, and its place among them.
    pub(crate) scene: Arc<Scene>,
    scene_index: usize,
    /// The turn with which it began.
    pub(crate) scene_began: u64,
    /// Beats of the scenes before it.
    n_beats_before: usize,
    threads: Vec<(Thread, ThreadState)>,
    offstage: BTreeSet<CharacterId>,
    /// Openings of the scene's beats, in words, and whether a line has begun with them.
    openings: Vec<(Vec<String>, bool)>,
    last_delivery: Option<String>,
    beat: usize,
    spoke_in_beat: BTreeSet<CharacterId>,
    motifs_heard: BTreeSet<usize>,
    words_heard: bool,
    moods: BTreeMap<CharacterId, Held>,
    language: String,
}

/// The user's choice of the next speaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Chosen {
    Speaker(CharacterId),
    /// Whomever the director chooses.
    Anybody,
}

/// Lines that nobody may say again; after so many others a line is forgotten.
const REMEMBERED: usize = 2_000;

/// The last two thousand lines said, each as a number.
#[derive(Clone, Debug)]
pub struct Said {
    known: HashSet<u64>,
    in_order: VecDeque<u64>,
}

impl Default for Said {
    /// With room for all that it will ever hold, so that a long performance needs no more than a short one.
    fn default() -> Self {
        Self {
            known: HashSet::with_capacity(REMEMBERED + 1),
            in_order: VecDeque::with_capacity(REMEMBERED + 1),
        }
    }
}

impl Said {
    /// Remembers a line.
    pub fn insert(&mut self, text: &str) {
        let number = Self::number(text);
        if !self.known.insert(number) {
            return;
        }
        self.in_order.push_back(number);
        if self.in_order.len() > REMEMBERED
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    /// Whether this very line has been said.
    pub fn contains(&self, text: &str) -> bool {
        self.known.contains(&Self::number(text))
    }

    fn number(text: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        hasher.finish()
    }
}

impl Story {
    /// As the curtain rises.
    pub(crate) fn new<'a>(
        first: &Arc<Scene>,
        scenes: &Arc<[Arc<Scene>]>,
        language: &str,
        characters: impl IntoIterator<Item = &'a Character>,
    ) -> Self {
        let threads = episode::threads(scenes.iter().map(Arc::as_ref)).into_iter();
        let threads = threads.map(|thread| {
            let state = if thread.open {
                ThreadState::Open
            } else {
                ThreadState::Dormant
            };
            (thread, state)
        });
        let of_beats = scenes.iter().flat_map(|scene| &scene.beats);
        let of_beats = of_beats
            .flat_map(|beat| &beat.prime)
            .flat_map(|(_, openings)| openings);
        let of_secrets = scenes.iter().flat_map(|scene| &scene.secrets);
        let openings = of_beats
            .chain(of_secrets.flat_map(|secret| &secret.prime))
            .map(|opening| (words::words(opening), false));
        Self {
            turn: 0,
            floor: Floor::default(),
            recent: VecDeque::new(),
            said: Said::default(),
            generated_words: 0,
            authored_words: 0,
            chosen: None,
            place: 0,
            threads: threads.collect(),
            offstage: characters
                .into_iter()
                .filter(|character| character.offstage)
                .map(|character| character.id.clone())
                .collect(),
            openings: openings.collect(),
            last_delivery: None,
            beat: 0,
            spoke_in_beat: BTreeSet::new(),
            motifs_heard: BTreeSet::new(),
            words_heard: false,
            moods: BTreeMap::new(),
            language: language.to_owned(),
            scenes: Arc::clone(scenes),
            scene: Arc::clone(first),
            scene_index: 0,
            scene_began: 0,
            n_beats_before: 0,
        }
    }

    /// Takes in an event that has been written.
    pub(crate) fn apply(&mut self, event: &EventKind) {
        match event {
            EventKind::SceneEntered { index, .. } => self.enter_scene(*index),
            EventKind::BeatEntered { index, .. } => {
                self.beat = index.saturating_sub(self.n_beats_before);
                self.place = 0;
                self.spoke_in_beat.clear();
                self.motifs_heard.clear();
                self.words_heard = false;
            }
            EventKind::SpeakerChosen { because, place, .. } => {
                if let Some(place) = place {
                    self.place = place + 1;
                }
                if *because == Because::Chosen {
                    self.chosen = None;
                }
            }
            EventKind::ThreadChanged { thread, state } => self.change_thread(thread, *state),
            EventKind::StageEntered { character } => self.floor.entered(character),
            EventKind::Utterance(spoken) => self.hear(spoken),
            EventKind::LineChanged(changed) => self.hear_changed(changed),
            EventKind::Command { command } => self.obey(command),
            _ => {}
        }
    }

    /// A scene of an episode begins: nobody has had the floor in it. Moods, loose ends and what may not be said again go on.
    fn enter_scene(&mut self, index: usize) {
        let Some(scene) = self.scenes.get(index) else {
            return;
        };
        self.scene = Arc::clone(scene);
        self.scene_index = index;
        self.scene_began = self.turn;
        let before = self.scenes[..index].iter();
        self.n_beats_before = before.map(|scene| scene.beats.len()).sum();
        self.beat = 0;
        self.floor = Floor::default();
        self.last_delivery = None;
        self.chosen = None;
    }

    /// The beat being played.
    pub(crate) fn present_beat(&self) -> Option<&Beat> {
        self.scene.beats.get(self.beat)
    }

    fn obey(&mut self, command: &Command) {
        match command {
            Command::NextSpeaker { speaker } => {
                self.chosen = Some(match speaker {
                    Some(speaker) => Chosen::Speaker(speaker.clone()),
                    None => Chosen::Anybody,
                });
            }
            Command::Mood { character, mood } => {
                let fresh = Held {
                    mood: *mood,
                    n_lines: 0,
                };
                self.moods.insert(character.clone(), fresh);
            }
            _ => {}
        }
    }

    /// A line that was said before is another one from here on.
    fn hear_changed(&mut self, changed: &ChangedLine) {
        self.said.insert(&changed.text);
        let ago = self.turn.saturating_sub(changed.turn + 1) as usize;
        let index = self.recent.len().checked_sub(ago + 1);
        if let Some(line) = index.and_then(|index| self.recent.get_mut(index)) {
            line.clone_from(&changed.text);
        }
        if ago == 0 {
            self.floor.last_line_changed(&changed.text);
            self.last_delivery.clone_from(&changed.delivery);
            let line = words::words(&changed.text);
            self.hear_what_the_beat_waits_for(&line, changed.provenance);
        }
        let before = words::count(&changed.text_before);
        let now = words::count(&changed.text);
        if let Some(counted) = self.counted(changed.provenance_before) {
            *counted = counted.saturating_sub(before);
        }
        if let Some(counted) = self.counted(changed.provenance) {
            *counted += now;
        }
    }

    /// Where words of a provenance are counted, if they are.
    fn counted(&mut self, provenance: Provenance) -> Option<&mut u64> {
        match provenance {
            Provenance::Generated => Some(&mut self.generated_words),
            Provenance::Authored => Some(&mut self.authored_words),
            Provenance::Injected | Provenance::Fallback | Provenance::Edited => None,
        }
    }

    /// The mood that somebody is in.
    pub(crate) fn mood(&self, id: &CharacterId) -> Option<Held> {
        self.moods.get(id).copied()
    }

    fn change_thread(&mut self, id: &ThreadId, state: ThreadState) {
        for (_, known) in self
            .threads
            .iter_mut()
            .filter(|(thread, _)| thread.id == *id)
        {
            *known = state;
        }
    }

    fn hear(&mut self, spoken: &Spoken) {
        let utterance = &spoken.utterance;
        let text = utterance.text.as_str();
        let line = words::words(text);
        self.turn += 1;
        self.floor.heard(utterance, spoken.full_text.is_some());
        self.said.insert(text);
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(text.to_owned());
        self.last_delivery.clone_from(&utterance.delivery);
        self.spoke_in_beat.insert(utterance.speaker.clone());
        for (opening, used) in &mut self.openings {
            *used |= line.starts_with(opening);
        }
        self.hear_what_the_beat_waits_for(&line, utterance.provenance);
        if matches!(
            utterance.provenance,
            Provenance::Generated | Provenance::Fallback
        ) {
            self.chosen = None;
        }
        if let Some(held) = self.moods.get_mut(&utterance.speaker) {
            held.n_lines += 1;
            if held.strength() == 0.0 {
                self.moods.remove(&utterance.speaker);
            }
        }
        if !self.offstage.contains(&utterance.speaker)
            && let Some(counted) = self.counted(utterance.provenance)
        {
            *counted += words::count(text);
        }
    }

    fn hear_what_the_beat_waits_for(&mut self, line: &[String], provenance: Provenance) {
        let Some(beat) = self.scene.beats.get(self.beat) else {
            return;
        };
        if provenance != Provenance::Authored {
            let heard = beat.motifs.iter().enumerate();
            let heard = heard.filter(|(_, motif)| words::are_in(line, motif));
            self.motifs_heard.extend(heard.map(|(index, _)| index));
        }
        let waited_for = &beat.done_when.words;
        self.words_heard |= waited_for.iter().any(|word| words::are_in(line, word));
    }

    /// The last lines said, oldest first.
    pub(crate) fn recent(&self) -> Vec<String> {
        self.recent.iter().cloned().collect()
    }

    /// Whether the beat has what it was waiting for. One that waits for nothing is ripe from the start.
    pub(crate) fn is_ripe(&self, beat: &Beat, can_speak: impl Fn(&CharacterId) -> bool) -> bool {
        let waiting = &beat.done_when;
        let has_spoken = |id: &CharacterId| self.spoke_in_beat.contains(id) || !can_speak(id);
        let weighted = beat.speakers.iter().filter(|(_, weight)| *weight > 0.0);
        self.motifs_heard.len() >= waiting.motifs as usize
            && (waiting.words.is_empty() || self.words_heard)
            && waiting.speakers.iter().all(has_spoken)
            && (!waiting.everybody || weighted.map(|(id, _)| id).all(has_spoken))
    }

    /// How a speaker's line is to begin, if the director insists on anything.
    ///
    /// An opening for the speaker's first line of the beat every second time, in a cliffhanger always, and never one that a line has begun with before. One of the beat's
    /// deliveries with probability tension ÷ 2, and never that of the line before; one of its mood's with probability 0.7 × strength instead.
    pub(crate) fn opening(&self, beat: &Beat, speaker: &CharacterId, at: &Address<'_>) -> Opening {
        Opening {
            delivery: self.delivery(beat, speaker, at),
            prime: self.prime(beat, speaker, at),
        }
    }

    fn delivery(&self, beat: &Beat, speaker: &CharacterId, at: &Address<'_>) -> Option<String> {
        let mut draws = at.draws_for(Purpose::Delivery, speaker);
        let drawn = draws.unit();
        if let Some(held) = self.mood(speaker) {
            let moody = held.deliveries(&self.language);
            if !moody.is_empty() && drawn < f64::from(held.strength()) * MOODY {
                return draws
                    .below(moody.len())
                    .map(|index| moody[index].to_owned());
            }
        }
        if beat.deliveries.is_empty() || drawn >= f64::from(beat.tension) / 2.0 {
            return None;
        }
        let other = |how: &&String| Some(*how) != self.last_delivery.as_ref();
        let unlike: Vec<&String> = beat.deliveries.iter().filter(other).collect();
        draws.below(unlike.len()).map(|index| unlike[index].clone())
    }

    fn prime(&self, beat: &Beat, speaker: &CharacterId, at: &Address<'_>) -> Option<String> {
        if self.spoke_in_beat.contains(speaker) {
            return None;
        }
        let of_beat = beat.prime.iter().filter(|(id, _)| id == speaker);
        let openings = of_beat.flat_map(|(_, openings)| openings);
        let openings = openings.chain(self.secrets_of(speaker));
        let is_used = |opening: &str| {
            let opening = words::words(opening);
            self.openings
                .iter()
                .any(|(known, used)| *used && *known == opening)
        };
        let unused: Vec<&String> = openings.filter(|opening| !is_used(opening)).collect();
        let mut draws = at.draws_for(Purpose::Prime, speaker);
        if draws.unit() < 0.5 && beat.cliffhanger.is_none() {
            return None;
        }
        draws.below(unused.len()).map(|index| unused[index].clone())
    }

    /// Openings that secrets put into somebody's mouth: of those it knows that no earlier beat has revealed.
    fn secrets_of<'a>(&'a self, speaker: &'a CharacterId) -> impl Iterator<Item = &'a String> {
        let here = &self.scene.beats[..self.beat.min(self.scene.beats.len())];
        let before = self.scenes[..self.scene_index].iter();
        let earlier = before.flat_map(|scene| &scene.beats).chain(here);
        let is_out = move |secret: &Secret| {
            let mut earlier = earlier.clone();
            earlier.any(|beat| beat.reveals.contains(&secret.id))
        };
        let secrets = self.scene.secrets.iter();
        let known = secrets.filter(move |secret| secret.known_by.contains(speaker));
        known
            .filter(move |secret| !is_out(secret))
            .flat_map(|secret| &secret.prime)
    }

    /// Draws one of a character's fallback lines as (delivery, words): one that has not been said if there is any. `None` when its file has none.
    pub(crate) fn draw_fallback(
        &self,
        character: &Character,
        at: &Address<'_>,
    ) -> Option<(Option<String>, String)> {
        let all: Vec<(Option<String>, String)> = character
            .fallback_lines
            .iter()
            .map(|line| split_spoken(line))
            .collect();
        let unsaid: Vec<&(Option<String>, String)> = all
            .iter()
            .filter(|(_, text)| !self.said.contains(text))
            .collect();
        let pool = if unsaid.is_empty() {
            all.iter().collect()
        } else {
            unsaid
        };
        let mut draws = at.draws_for(Purpose::Fallback, &character.id);
        draws.below(pool.len()).map(|index| pool[index].clone())
    }

    /// What every loose end has come to.
    pub(crate) fn outcomes(&self) -> Vec<ThreadOutcome> {
        self.threads
            .iter()
            .map(|(thread, state)| ThreadOutcome {
                thread: thread.id.clone(),
                question: thread.question.clone(),
                state: *state,
                // The resolution is told only of what was resolved.
                resolution: (*state == ThreadState::Resolved)
                    .then(|| thread.resolution.clone())
                    .flatten(),
            })
            .collect()
    }
}
