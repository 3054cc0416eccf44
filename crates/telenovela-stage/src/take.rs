//! Which of the takes is kept, and what a speaker is asked for in the first place.

use telenovela_script::character::Character;
use telenovela_script::scene::Beat;
use telenovela_script::text::one_line;
use telenovela_script::voice::{Cue, Sampling, Take};

use crate::mood::Held;
use crate::story::Said;

/// Sampling for a beat: temperature × (0.9 + 0.25 · tension), so that a calm beat keeps closer to the likely words and thunder strays from
/// them. Everything else stays as the character's file says.
pub fn sampling_at(sampling: Sampling, tension: f32) -> Sampling {
    Sampling {
        temperature: sampling.temperature * (0.9 + 0.25 * tension.clamp(0.0, 1.0)),
        ..sampling
    }
}

/// How a speaker's line is to be begun, if the director insists on anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opening {
    /// How it is said.
    pub delivery: Option<String>,
    /// Its first words.
    pub prime: Option<String>,
}

/// What the director hands a speaker with the floor. `said` are the last lines of the performance, oldest first.
pub fn cue(
    character: &Character,
    beat: &Beat,
    mood: Option<Held>,
    opening: Opening,
    said: Vec<String>,
) -> Cue {
    let sampling = sampling_at(character.sampling, beat.tension);
    Cue {
        delivery: opening.delivery,
        prime: opening.prime,
        plot: beat.plot.clone(),
        motifs: beat.motifs.clone(),
        sampling: mood.map_or(sampling, |mood| mood.sampling(sampling)),
        weights: character.weights,
        said,
        ..Cue::plain(beat.id.clone())
    }
}

/// What a voice hands over, made safe for log and terminal: one line, no control characters, no number that is none, which JSON cannot hold.
pub fn clean(mut take: Take) -> Take {
    let score = &mut take.score;
    if !score.total.is_finite() {
        score.total = f32::MIN;
    }
    for part in [
        &mut score.fluency,
        &mut score.cue,
        &mut score.voice,
        &mut score.motifs,
        &mut score.length,
        &mut score.loops,
    ] {
        if !part.is_finite() {
            *part = 0.0;
        }
    }
    take.text = one_line(&take.text);
    take.delivery = take
        .delivery
        .map(|delivery| one_line(&delivery))
        .filter(|delivery| !delivery.is_empty());
    take
}

/// Whether a take can be heard: it has words and is more than a delivery, its score is a number, and nobody said the very line before.
pub fn is_fit(take: &Take, said: &Said) -> bool {
    let text = &take.text;
    let is_delivery = text.starts_with('(') && text.find(')') == Some(text.len() - 1);
    text.chars().any(char::is_alphanumeric)
        && !is_delivery
        && take.score.total.is_finite()
        && take.score.total > f32::MIN
        && !said.contains(text)
}

/// The index of the fit take with the highest total; the first of equals. `None` when no take is fit.
pub fn choose(takes: &[Take], said: &Said) -> Option<usize> {
    let mut best: Option<usize> = None;
    for (index, take) in takes.iter().enumerate() {
        if is_fit(take, said) && best.is_none_or(|kept| take.score.total > takes[kept].score.total)
        {
            best = Some(index);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use telenovela_script::voice::ScoreCard;

    use super::*;

    fn take(text: &str, total: f32) -> Take {
        Take {
            seed: 0,
            delivery: None,
            text: text.to_owned(),
            score: ScoreCard {
                total,
                ..ScoreCard::default()
            },
        }
    }

    #[test]
    fn the_highest_total_wins_and_the_first_of_equals() {
        let takes = [take("A.", -1.0), take("B.", 0.5), take("C.", 0.5)];
        assert_eq!(choose(&takes, &Said::default()), Some(1));
    }

    #[test]
    fn silence_repetition_and_numbers_that_are_none_are_unfit() {
        let takes = [
            take("  ", 9.0),
            take("…", 9.0),
            take("Fine.", 8.0),
            take("Nan.", f32::NAN),
        ];
        let mut said = Said::default();
        assert_eq!(choose(&takes, &said), Some(2));
        said.insert("Fine.");
        assert_eq!(choose(&takes, &said), None);
        assert!(!is_fit(&take("(softly)", 1.0), &said));
    }

    #[test]
    fn a_take_reaches_nobody_with_control_characters() {
        let take = Take {
            delivery: Some("\u{1b}".to_owned()),
            ..take(" Go\u{202e},\n now. ", 1.0)
        };
        let take = clean(take);
        assert_eq!((take.delivery, take.text.as_str()), (None, "Go, now."));
    }

    #[test]
    fn tension_moves_the_temperature_and_nothing_else() {
        let plain = Sampling::default();
        let thunder = sampling_at(plain, 1.0);
        assert!((sampling_at(plain, 0.0).temperature - plain.temperature * 0.9).abs() < 1e-6);
        assert!((thunder.temperature - plain.temperature * 1.15).abs() < 1e-6);
        assert_eq!(
            Sampling {
                temperature: plain.temperature,
                ..thunder
            },
            plain
        );
    }
}
