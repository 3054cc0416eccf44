//! What a take is worth, part by part.

use telenovela_script::voice::{Cue, ScoreCard, ScoreWeights};

use super::LstmVoice;
use crate::lexicon::words;
use crate::sampler::Draft;

/// Log-likelihoods of the same lines, in nats, under those who have heard other things or learned other lines than the speaker.
pub(super) struct Likelihoods {
    /// Under the speaker before it heard the last line; `None` when it has heard none.
    pub(super) before: Option<Vec<f32>>,
    /// Under the ensemble, as anybody's; `None` where there is none.
    pub(super) ensemble: Option<Vec<f32>>,
    /// Under the models of plot lines, as anybody's, with the share of each.
    pub(super) plots: Vec<(Vec<f32>, f32)>,
}

impl Likelihoods {
    /// How much likelier a line is in its plot lines than elsewhere, by their shares, in nats.
    fn of_plots(&self, lane: usize) -> f32 {
        let shares: f32 = self.plots.iter().map(|(_, share)| share).sum();
        let Some(ensemble) = self.ensemble.as_ref().filter(|_| shares > 0.0) else {
            return 0.0;
        };
        let plots = self.plots.iter();
        let sum: f32 = plots
            .map(|(plot, share)| share * (plot[lane] - ensemble[lane]))
            .sum();
        sum / shares
    }
}

impl LstmVoice {
    /// The score card of the line in a lane.
    pub(super) fn score(
        &self,
        draft: &Draft,
        likelihoods: &Likelihoods,
        lane: usize,
        text: &str,
        cue: &Cue,
    ) -> ScoreCard {
        let own: f32 = draft.log_probabilities.iter().sum();
        // By the word, delivery and end included: by the token, a rare word would be cheap for being spelled in many small steps.
        let line = self.own.tokenizer.decode(&draft.tokens);
        let per_word = 1.0 / (words(&line).count() + 1) as f32;
        let beyond = |other: &Option<Vec<f32>>| {
            let other = other.as_ref();
            other.map_or(0.0, |other| (own - other[lane]) * per_word)
        };
        let line_words: Vec<String> = words(text).map(str::to_lowercase).collect();
        let n_words = line_words.len() as f32;
        let motifs = cue
            .motifs
            .iter()
            .filter(|motif| mentions(&line_words, motif));
        let said_before = cue.said.iter().any(|said| said.eq_ignore_ascii_case(text));
        let mut card = ScoreCard {
            fluency: own * per_word,
            cue: beyond(&likelihoods.before),
            voice: beyond(&likelihoods.ensemble),
            plot: likelihoods.of_plots(lane) * per_word,
            motifs: (motifs.count() as f32).min(2.0),
            length: if n_words < SHORT {
                (n_words - SHORT) * 0.25
            } else {
                (LONG - n_words).min(0.0) * 0.1
            },
            loops: loops(&line_words) + if said_before { 3.0 } else { 0.0 },
            unknown_words: words(text)
                .filter(|word| !self.own.lexicon.knows(word))
                .count() as u32,
            copied_words: self.copies.longest_run(text) as u32,
            is_copy: self.copies.is_copy(text),
            finished: draft.finished,
            total: 0.0,
        };
        card.total = total(&card, &cue.weights);
        for part in [
            &mut card.fluency,
            &mut card.cue,
            &mut card.voice,
            &mut card.plot,
            &mut card.motifs,
            &mut card.length,
            &mut card.total,
        ] {
            *part = (*part * 1e4).round() / 1e4;
        }
        card
    }
}

/// Whether the words of a phrase stand side by side in a line; an empty phrase stands nowhere.
fn mentions(line: &[String], phrase: &str) -> bool {
    let phrase: Vec<String> = words(phrase).map(str::to_lowercase).collect();
    !phrase.is_empty() && line.windows(phrase.len()).any(|run| run == phrase)
}

/// How often a line goes in circles: a word at once again counts 1 (but «ay, ay»: only from three letters on), a pair of words again a half, and a
/// run of three another 1.
fn loops(words: &[String]) -> f32 {
    let again = |n: usize| {
        let runs: Vec<&[String]> = words.windows(n).collect();
        let before = |at: usize| runs[..at].contains(&runs[at]);
        (0..runs.len()).filter(|&at| before(at)).count() as f32
    };
    let at_once = words
        .windows(2)
        .filter(|pair| pair[0] == pair[1] && pair[0].chars().count() > 2);
    at_once.count() as f32 + 0.5 * again(2) + again(3)
}

/// Words of a line below which it is short. Likelihood favours short lines, and the best of many takes is then a grunt.
const SHORT: f32 = 6.0;
/// Words of a line above which it is long; a small model loses its thread there.
const LONG: f32 = 18.0;

/// The weighted sum of a score card's parts.
fn total(card: &ScoreCard, weights: &ScoreWeights) -> f32 {
    let summands = card.summands(weights).into_iter();
    summands.map(|(_, value, weight)| weight * value).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_motif_of_several_words_is_heard_as_such() {
        let line: Vec<String> = words("Give me the torn paper, Rodrigo")
            .map(str::to_lowercase)
            .collect();
        assert!(mentions(&line, "paper") && mentions(&line, "Torn Paper"));
        assert!(!mentions(&line, "paper torn"));
        assert!(!mentions(&line, "pap") && !mentions(&line, "…"));
    }

    #[test]
    fn circles_are_counted_and_a_sigh_is_none() {
        let of = |line: &str| loops(&words(line).map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(of("ay ay the soup is on the table"), 0.0);
        assert_eq!(of("it has been been said"), 1.0);
        assert_eq!(of("dear viewer look dear viewer"), 0.5);
        // Two pairs and one run of three come again.
        assert_eq!(of("the salt is the salt is"), 2.0);
    }
}
