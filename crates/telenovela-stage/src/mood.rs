//! What a mood does to a line. It holds in full for three lines of its character, then loses two fifths of its strength with each, until nothing is
//! left to notice.

use telenovela_script::mood::Mood;
use telenovela_script::voice::Sampling;

/// Lines for which a mood holds in full.
const FULL_LINES: u32 = 3;
/// What each line after that leaves of it.
const DECAY: f32 = 0.6;
/// Below this nobody notices.
const LEAST: f32 = 0.1;

/// A mood that somebody is in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Held {
    /// Which.
    pub mood: Mood,
    /// Lines said in it.
    pub n_lines: u32,
}

/// What a mood does at full strength, as factors.
struct Effect {
    temperature: f32,
    pace: f32,
    pause: f32,
    wish_to_speak: f32,
    deliveries: [&'static [&'static str]; 2],
}

impl Held {
    /// From 1, as it begins, to 0, when it is over.
    pub fn strength(self) -> f32 {
        let decayed = DECAY.powi(self.n_lines.saturating_sub(FULL_LINES - 1).min(64) as i32);
        if decayed < LEAST { 0.0 } else { decayed }
    }

    /// Sampling in this mood.
    pub fn sampling(self, sampling: Sampling) -> Sampling {
        Sampling {
            temperature: sampling.temperature * self.scaled(|effect| effect.temperature),
            ..sampling
        }
    }

    /// Factor of the pace.
    pub fn pace(self) -> f32 {
        self.scaled(|effect| effect.pace)
    }

    /// Factor of the pauses.
    pub fn pause(self) -> f32 {
        self.scaled(|effect| effect.pause)
    }

    /// Factor of the weight in the choice of a speaker.
    pub fn wish_to_speak(self) -> f32 {
        self.scaled(|effect| effect.wish_to_speak)
    }

    /// How lines are said in this mood, where the show speaks English or Spanish.
    pub fn deliveries(self, language: &str) -> &'static [&'static str] {
        let all = effect(self.mood).deliveries;
        match language.split('-').next() {
            Some("en") => all[0],
            Some("es") => all[1],
            _ => &[],
        }
    }

    /// A factor at the present strength: 1 when the mood is over.
    fn scaled(self, of: impl Fn(&Effect) -> f32) -> f32 {
        1.0 + (of(&effect(self.mood)) - 1.0) * self.strength()
    }
}

fn effect(mood: Mood) -> Effect {
    let new = |factors: [f32; 4], english, spanish| Effect {
        temperature: factors[0],
        pace: factors[1],
        pause: factors[2],
        wish_to_speak: factors[3],
        deliveries: [english, spanish],
    };
    match mood {
        Mood::Colder => new(
            [0.8, 0.9, 1.3, 0.7],
            &["coldly", "ice cold"],
            &["fríamente", "helada"],
        ),
        Mood::Warmer => new(
            [0.95, 0.95, 0.9, 1.3],
            &["softly", "smiling"],
            &["suavemente", "sonriendo"],
        ),
        Mood::Angrier => new(
            [1.15, 1.2, 0.6, 1.6],
            &["furious", "shouting"],
            &["furiosa", "a gritos"],
        ),
        Mood::Sadder => new(
            [0.95, 0.8, 1.6, 0.8],
            &["through tears", "barely"],
            &["entre lágrimas", "apenas"],
        ),
        Mood::Calmer => new(
            [0.85, 0.95, 1.1, 1.0],
            &["calmly", "softly"],
            &["con calma", "suavemente"],
        ),
        Mood::Wilder => new(
            [1.3, 1.1, 0.8, 1.3],
            &["laughing", "shouting"],
            &["riendo", "a gritos"],
        ),
        Mood::Afraid => new(
            [1.05, 1.1, 1.2, 0.6],
            &["trembling", "whispering"],
            &["temblando", "en voz baja"],
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mood_sticks_and_then_wears_off() {
        let strength = |n_lines| {
            let held = Held {
                mood: Mood::Colder,
                n_lines,
            };
            held.strength()
        };
        assert_eq!([strength(0), strength(1), strength(2)], [1.0; 3]);
        assert!((strength(3) - 0.6).abs() < 1e-6);
        assert!(strength(6) > 0.1 && strength(7) == 0.0);
    }

    #[test]
    fn every_mood_does_something_and_its_end_does_nothing() {
        for mood in Mood::ALL {
            let fresh = Held { mood, n_lines: 0 };
            let over = Held { mood, n_lines: 99 };
            let factors = |held: Held| {
                let sampling = held.sampling(Sampling::default()).temperature;
                let usual = Sampling::default().temperature;
                [
                    sampling / usual,
                    held.pace(),
                    held.pause(),
                    held.wish_to_speak(),
                ]
            };
            assert_ne!(factors(fresh), [1.0; 4], "{mood}");
            assert_eq!(factors(over), [1.0; 4], "{mood}");
            assert!(!fresh.deliveries("en").is_empty() && !fresh.deliveries("es-MX").is_empty());
            assert!(fresh.deliveries("fr").is_empty());
        }
    }
}
