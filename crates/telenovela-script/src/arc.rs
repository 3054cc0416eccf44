//! An arc: the shape that scenes share, as steps in their order. A beat that takes a step of the arc has from it whatever it does not say itself.

use crate::scene::Waiting;
use crate::show::id;

id!(
    /// Names an arc within its show: the stem of `<id>.arc.yaml`; `telenovela` is built in.
    ArcId
);
id!(
    /// Names a step within its arc.
    StepId
);

/// The name of the arc that every show has.
pub const TELENOVELA: &str = "telenovela";

/// The shape of a story.
#[derive(Clone, Debug, PartialEq)]
pub struct StoryArc {
    /// What scenes call it.
    pub id: ArcId,
    /// For people.
    pub title: String,
    /// In the order in which they are played; never empty.
    pub steps: Vec<ArcStep>,
}

/// A step of an arc: what its beats are like, until they say otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct ArcStep {
    /// What beats call it.
    pub id: StepId,
    /// The title of a beat that has none.
    pub title: String,
    /// 0 (calm) to 1 (thunder).
    pub tension: f32,
    /// Weight, in the choice of the speaker, of everybody of a role (`protagonist`, `villain`) whom the beat does not weigh by name. Voices from
    /// offstage are left out: they speak when a beat asks for them.
    pub roles: Vec<(String, f32)>,
    /// Welcome words.
    pub motifs: Vec<String>,
    /// How its lines may be said.
    pub deliveries: Vec<String>,
    /// Generated lines at least.
    pub min_lines: u32,
    /// Generated lines at most.
    pub max_lines: u32,
    /// How likely a line is cut off by the next, 0 to 1; `None` lets the tension decide.
    pub interruptions: Option<f32>,
    /// What its beats wait for between minimum and maximum; `None` for what beats wait for anyway.
    pub done_when: Option<Waiting>,
}

impl StoryArc {
    /// A step and its place in the order.
    pub fn step(&self, id: &str) -> Option<(usize, &ArcStep)> {
        let mut steps = self.steps.iter().enumerate();
        steps.find(|(_, step)| step.id.as_str() == id)
    }

    /// The arc of the genre: presentation, entanglement, betrayal, revelation, climax, happy ending. Titles and deliveries are in the show's
    /// language where it is English or Spanish; other languages get English titles and no deliveries.
    pub fn telenovela(language: &str) -> Self {
        let steps = TELENOVELA_STEPS
            .iter()
            .map(|step| step.in_language(language));
        Self {
            id: ArcId::new(TELENOVELA),
            title: String::from("Telenovela"),
            steps: steps.collect(),
        }
    }
}

/// A step of the built-in arc, in the languages it is written in.
struct BuiltIn {
    id: &'static str,
    titles: [&'static str; 2],
    tension: f32,
    roles: &'static [(&'static str, f32)],
    lines: (u32, u32),
    deliveries: [&'static [&'static str]; 2],
}

impl BuiltIn {
    fn in_language(&self, language: &str) -> ArcStep {
        let primary = language.split('-').next().unwrap_or_default();
        let (title, deliveries) = match primary {
            "es" => (self.titles[1], self.deliveries[1]),
            "en" => (self.titles[0], self.deliveries[0]),
            _ => (self.titles[0], &[][..]),
        };
        ArcStep {
            id: StepId::new(self.id),
            title: title.to_owned(),
            tension: self.tension,
            roles: self
                .roles
                .iter()
                .map(|(role, weight)| ((*role).to_owned(), *weight))
                .collect(),
            motifs: Vec::new(),
            deliveries: deliveries.iter().map(|how| (*how).to_owned()).collect(),
            min_lines: self.lines.0,
            max_lines: self.lines.1,
            interruptions: None,
            done_when: None,
        }
    }
}

/// Calm, then knots, then a blow; the truth, the thunder, and what the genre owes its audience.
const TELENOVELA_STEPS: [BuiltIn; 6] = [
    BuiltIn {
        id: "presentation",
        titles: ["Presentation", "Presentación"],
        tension: 0.15,
        roles: &[("protagonist", 1.2)],
        lines: (4, 6),
        deliveries: [
            &["softly", "smiling", "politely"],
            &["suavemente", "sonriendo", "con cortesía"],
        ],
    },
    BuiltIn {
        id: "entanglement",
        titles: ["Entanglement", "Enredo"],
        tension: 0.35,
        roles: &[("protagonist", 1.0), ("confidante", 1.3)],
        lines: (5, 8),
        deliveries: [
            &["whispering", "to herself", "not looking up"],
            &["en voz baja", "aparte", "sin mirar"],
        ],
    },
    BuiltIn {
        id: "betrayal",
        titles: ["Betrayal", "Traición"],
        tension: 0.6,
        roles: &[("villain", 1.6), ("protagonist", 1.0)],
        lines: (4, 7),
        deliveries: [
            &["coldly", "dryly", "furious"],
            &["fríamente", "con sequedad", "furiosa"],
        ],
    },
    BuiltIn {
        id: "revelation",
        titles: ["Revelation", "Revelación"],
        tension: 0.75,
        roles: &[("protagonist", 1.3), ("villain", 1.1)],
        lines: (4, 7),
        deliveries: [
            &["trembling", "barely", "pause"],
            &["temblando", "apenas", "pausa"],
        ],
    },
    BuiltIn {
        id: "climax",
        titles: ["Climax", "Clímax"],
        tension: 1.0,
        roles: &[("protagonist", 1.2), ("villain", 1.2)],
        lines: (5, 8),
        deliveries: [
            &["shouting", "through tears", "furious"],
            &["a gritos", "entre lágrimas", "furiosa"],
        ],
    },
    BuiltIn {
        id: "happy-ending",
        titles: ["Happy ending", "Final feliz"],
        tension: 0.3,
        roles: &[("protagonist", 1.4)],
        lines: (3, 6),
        deliveries: [
            &["laughing", "softly", "through tears"],
            &["riendo", "suavemente", "entre lágrimas"],
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_arc_rises_to_its_climax_and_comes_down() {
        let arc = StoryArc::telenovela("en");
        let tension: Vec<f32> = arc.steps.iter().map(|step| step.tension).collect();
        assert!(tension[..5].windows(2).all(|pair| pair[0] < pair[1]));
        assert!(tension[5] < tension[2]);
        assert_eq!(arc.step("climax").map(|(at, _)| at), Some(4));
        assert_eq!(arc.step("intermission"), None);
    }

    #[test]
    fn the_built_in_arc_speaks_the_language_of_the_show() {
        let title = |language| StoryArc::telenovela(language).steps[2].title.clone();
        assert_eq!(title("en-GB"), "Betrayal");
        assert_eq!(title("es"), "Traición");
        let french = &StoryArc::telenovela("fr").steps[2];
        assert_eq!(french.title, "Betrayal");
        assert!(french.deliveries.is_empty());
    }
}
