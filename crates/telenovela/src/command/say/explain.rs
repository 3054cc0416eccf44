//! A take read like an editor: how surprising each piece was, what else might have stood there, and what the score is made of.

use telenovela_script::voice::{ExplainedToken, Explanation, Nearest, ScoreCard, ScoreWeights};

use crate::language::{Language, Phrase};
use crate::tui::view::takes::phrases;

/// Bits at which the bar of a piece is full.
const FULL: f32 = 12.0;
/// Columns of the bar.
const BAR: usize = 12;
/// Columns of a piece, or of the name of a part; what is longer stands out.
const PIECE: usize = 16;

/// What is told below a take, in 80 columns.
pub(super) fn explained(
    explanation: &Explanation,
    card: &ScoreCard,
    weights: &ScoreWeights,
    language: Language,
) -> String {
    let mut told = String::new();
    for token in &explanation.tokens {
        told.push_str(&piece(token));
    }
    let bits: f32 = explanation.tokens.iter().map(|token| token.surprise).sum();
    told.push_str(&format!("    {:PIECE$} {bits:5.1} bits\n", "="));
    told.push_str(&sum(card, weights, language));
    told.push_str(&nearest(explanation.nearest.as_ref(), language));
    told
}

/// `salt  6.0 ██████  sea 50 % · salt 25 %`
fn piece(token: &ExplainedToken) -> String {
    let n_full = (token.surprise / FULL * BAR as f32).round().max(0.0) as usize;
    let bar = format!("{:BAR$}", "█".repeat(n_full.min(BAR)));
    let candidates = token.candidates.iter().take(3);
    let candidates: Vec<String> = candidates
        .map(|(text, p)| format!("{} {:.0} %", text.trim(), 100.0 * p))
        .collect();
    let text = token.text.trim();
    format!(
        "    {text:PIECE$} {:5.1} {bar} {}\n",
        token.surprise,
        candidates.join(" · ")
    )
}

/// Every part that counts times its weight, and what they come to.
fn sum(card: &ScoreCard, weights: &ScoreWeights, language: Language) -> String {
    let mut told = String::new();
    for (part, value, weight) in card.summands(weights) {
        if value == 0.0 && !part.is_likelihood() {
            continue;
        }
        let (name, meaning) = phrases(part);
        let (name, meaning) = (language.say(name), language.say(meaning));
        told.push_str(&format!(
            "    {name:PIECE$} {value:+6.2} × {weight:4.2}   {meaning}\n"
        ));
    }
    let name = language.say(Phrase::PartTotal);
    told.push_str(&format!("    {name:PIECE$} {:+6.2}\n", card.total));
    told
}

fn nearest(nearest: Option<&Nearest>, language: Language) -> String {
    let title = language.say(Phrase::NearestTitle);
    match nearest {
        None => format!("    {title}: {}\n", language.say(Phrase::NearestNone)),
        Some(nearest) => {
            let n_words = nearest.n_words.to_string();
            let says = language.fill(Phrase::NearestSays, &[&n_words]);
            format!("    {title} ({says}):\n      {}\n", nearest.text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_has_its_surprise_and_every_part_its_weight() {
        let explanation = Explanation {
            tokens: vec![ExplainedToken {
                text: " salt".into(),
                surprise: 6.0,
                candidates: vec![(" sea".into(), 0.5), (" salt".into(), 0.25)],
                hidden: Vec::new(),
            }],
            nearest: Some(Nearest {
                text: "The salt is white.".into(),
                n_words: 2,
            }),
        };
        let card = ScoreCard {
            fluency: -1.5,
            is_copy: true,
            finished: true,
            total: -5.5,
            ..ScoreCard::default()
        };
        let weights = ScoreWeights {
            fluency: 0.5,
            is_copy: 4.0,
            ..ScoreWeights::default()
        };
        let told = explained(&explanation, &card, &weights, Language::English);
        let lines: Vec<&str> = told.lines().map(str::trim).collect();
        assert_eq!(
            lines[0],
            "salt               6.0 ██████       sea 50 % · salt 25 %"
        );
        assert!(told.contains("fluency           -1.50 × 0.50"), "{told}");
        assert!(told.contains("a copy            -1.00 × 4.00"), "{told}");
        assert!(told.ends_with("2 words in a row are the same):\n      The salt is white.\n"));
        assert!(told.lines().all(|line| line.chars().count() <= 80));
    }
}
