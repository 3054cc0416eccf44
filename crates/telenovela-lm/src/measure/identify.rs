//! Who said it? How well a judge that has read the training split tells the leads of a show apart in held-out lines, with their names and their
//! commonest marker phrases covered.
//!
//! The judge is a logistic regression over runs of characters and words ([`super::features`]): of another kind than the models, which choose their
//! takes by likelihood. Lines are those of the test split with [`FEWEST_CHARS`] spoken characters or more, counted before anything is covered.
//! Groups are [`GROUP`] such lines of one speaker that follow each other in the scripts; what is left over at the end is dropped.

use super::bayes::NaiveBayes;
use super::features::{Features, Row};
use super::logistic::Logistic;
use super::markers::{Marker, PhraseMask, markers};
use super::names::Names;
use super::spoken::{Line, Place};
use crate::corpus::Split;

/// Spoken characters of a held-out line that is judged.
pub const FEWEST_CHARS: usize = 20;
/// Lines of a group.
pub const GROUP: usize = 5;
/// Marker phrases of each lead that are covered.
pub const MARKERS: usize = 10;

/// Somebody to be told from the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lead {
    /// For people.
    pub name: String,
    /// The cues above the lines.
    pub cues: Vec<String>,
}

/// Right answers of all answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    /// Right ones.
    pub right: usize,
    /// All.
    pub of: usize,
}

impl Tally {
    /// Right answers / answers; 0 where nothing was asked.
    pub fn share(self) -> f64 {
        self.right as f64 / self.of.max(1) as f64
    }
}

/// How one judge did.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Judged {
    /// Line by line.
    pub single: Tally,
    /// In groups of [`GROUP`] lines.
    pub groups: Tally,
    /// Lines of each lead (row) taken for each lead (column).
    pub confusion: Vec<Vec<usize>>,
}

/// A held-out line and whom the judge took it for.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Answer {
    /// Which line.
    pub place: Place,
    /// Index of the lead who says it.
    pub said_by: usize,
    /// Index of the lead it was taken for.
    pub taken_for: usize,
    /// How sure the judge was of that.
    pub probability: f64,
}

/// Speaker identification of a show.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Identification {
    /// The leads, in the order of every table here.
    pub leads: Vec<String>,
    /// What was covered of each, besides names.
    pub markers: Vec<Vec<Marker>>,
    /// The judge.
    pub judged: Judged,
    /// The same lines with nothing covered but names.
    pub with_markers: Judged,
    /// The second opinion, on the same covered lines.
    pub naive_bayes: Judged,
    /// Every answer of the judge on covered lines, in the order of the scripts.
    pub answers: Vec<Answer>,
}

/// A lead's line with whose it is.
struct Labelled<'a> {
    lead: usize,
    line: &'a Line<'a>,
}

/// Trains the judges on the training split and asks them about the test split. Nothing where fewer than two leads have lines on both sides.
pub fn identify(
    lines: &[Line<'_>],
    split: &Split,
    leads: &[Lead],
    names: &Names,
) -> Option<Identification> {
    let of_scenes = |scenes: &[usize]| -> Vec<Labelled<'_>> {
        let lead_of = |line: &Line<'_>| {
            leads
                .iter()
                .position(|lead| lead.cues.iter().any(|cue| cue == line.speaker))
        };
        lines
            .iter()
            .filter(|line| scenes.contains(&line.place.scene))
            .filter_map(|line| {
                Some(Labelled {
                    lead: lead_of(line)?,
                    line,
                })
            })
            .collect()
    };
    let train = of_scenes(&split.train);
    let mut test = of_scenes(&split.test);
    test.retain(|asked| asked.line.text.chars().count() >= FEWEST_CHARS);
    let n_heard = (0..leads.len())
        .filter(|lead| {
            let has = |lines: &[Labelled<'_>]| lines.iter().any(|line| line.lead == *lead);
            has(&train) && has(&test)
        })
        .count();
    if n_heard < 2 {
        return None;
    }
    let named = |lines: &[Labelled<'_>]| -> Vec<String> {
        let masked = lines.iter().map(|line| names.mask(&line.line.text));
        masked.collect()
    };
    let (train_texts, test_texts) = (named(&train), named(&test));
    let mut by_lead = vec![Vec::new(); leads.len()];
    for (line, text) in train.iter().zip(&train_texts) {
        by_lead[line.lead].push(text.clone());
    }
    let markers = markers(&by_lead, MARKERS);
    let mask = PhraseMask::new(markers.iter().flatten());
    let covered =
        |texts: &[String]| -> Vec<String> { texts.iter().map(|text| mask.mask(text)).collect() };
    let classes: Vec<usize> = train.iter().map(|line| line.lead).collect();
    let exam = Exam {
        classes: &classes,
        test: &test,
        n_leads: leads.len(),
    };
    let (_, with_markers) = exam.logistic(&train_texts, &test_texts);
    let (train_texts, test_texts) = (covered(&train_texts), covered(&test_texts));
    let (answers, judged) = exam.logistic(&train_texts, &test_texts);
    Some(Identification {
        leads: leads.iter().map(|lead| lead.name.clone()).collect(),
        markers,
        judged,
        with_markers,
        naive_bayes: exam.naive_bayes(&train_texts, &test_texts),
        answers,
    })
}

/// What the judges are trained and asked on, whatever of it is covered.
struct Exam<'a> {
    classes: &'a [usize],
    test: &'a [Labelled<'a>],
    n_leads: usize,
}

impl Exam<'_> {
    fn logistic(&self, train: &[String], test: &[String]) -> (Vec<Answer>, Judged) {
        let features = Features::new(train.iter().map(String::as_str));
        let rows: Vec<Row> = train.iter().map(|text| features.weighted(text)).collect();
        let judge = Logistic::fit(&rows, self.classes, features.len(), self.n_leads);
        self.judge(test, |text| {
            judge.log_probabilities(&features.weighted(text))
        })
    }

    fn naive_bayes(&self, train: &[String], test: &[String]) -> Judged {
        let features = Features::new(train.iter().map(String::as_str));
        let rows: Vec<Row> = train.iter().map(|text| features.counted(text)).collect();
        let judge = NaiveBayes::fit(&rows, self.classes, features.len(), self.n_leads);
        let (_, judged) = self.judge(test, |text| {
            judge.log_probabilities(&features.counted(text))
        });
        judged
    }

    fn judge(
        &self,
        test: &[String],
        log_probabilities: impl Fn(&str) -> Vec<f64>,
    ) -> (Vec<Answer>, Judged) {
        let mut judged = Judged {
            confusion: vec![vec![0; self.n_leads]; self.n_leads],
            ..Judged::default()
        };
        let mut answers = Vec::new();
        let mut by_lead: Vec<Vec<Vec<f64>>> = vec![Vec::new(); self.n_leads];
        for (asked, text) in self.test.iter().zip(test) {
            let found = log_probabilities(text);
            let taken_for = likeliest(&found);
            judged.single.of += 1;
            judged.single.right += usize::from(taken_for == asked.lead);
            judged.confusion[asked.lead][taken_for] += 1;
            answers.push(Answer {
                place: asked.line.place,
                said_by: asked.lead,
                taken_for,
                probability: found[taken_for].exp(),
            });
            by_lead[asked.lead].push(found);
        }
        for (lead, lines) in by_lead.iter().enumerate() {
            for group in lines.chunks_exact(GROUP) {
                let together: Vec<f64> = (0..self.n_leads)
                    .map(|of| group.iter().map(|line| line[of]).sum())
                    .collect();
                judged.groups.of += 1;
                judged.groups.right += usize::from(likeliest(&together) == lead);
            }
        }
        (answers, judged)
    }
}

/// The first of the largest values.
fn likeliest(values: &[f64]) -> usize {
    let mut best = 0;
    for (place, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = place;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lead(cue: &str) -> Lead {
        Lead {
            name: cue.to_owned(),
            cues: vec![cue.to_owned()],
        }
    }

    /// Twelve scenes; two people who share no word but the one that stands in all lines.
    fn lines() -> Vec<Line<'static>> {
        let one = [
            "the ladle and the onions boil over",
            "onions in the broth and garlic too",
            "a ladle of broth before the thunder",
        ];
        let other = [
            "my verdict stands, the ledger is closed",
            "a ledger does not weep at the verdict",
            "close it and count the columns again",
        ];
        let turn = |scene, turn, speaker, text: &str| Line {
            place: Place { scene, turn },
            speaker,
            text: text.to_owned(),
        };
        (0..12)
            .flat_map(|scene| {
                (0..3).flat_map(move |k| {
                    [
                        turn(scene, 2 * k, "CHELO", one[k]),
                        turn(scene, 2 * k + 1, "REMEDIOS", other[k]),
                    ]
                })
            })
            .collect()
    }

    fn split() -> Split {
        Split {
            train: (0..10).collect(),
            dev: Vec::new(),
            test: vec![10, 11],
        }
    }

    #[test]
    fn people_with_words_of_their_own_are_told_apart() {
        let leads = [lead("CHELO"), lead("REMEDIOS")];
        let found = identify(&lines(), &split(), &leads, &Names::default()).unwrap();
        assert_eq!(found.with_markers.single, Tally { right: 12, of: 12 });
        assert_eq!(found.with_markers.groups, Tally { right: 2, of: 2 });
        assert_eq!(found.judged.confusion.iter().flatten().sum::<usize>(), 12);
        assert!(
            found.markers[0]
                .iter()
                .any(|marker| marker.phrase == "onions")
        );
        assert_eq!(found.answers.len(), 12);
    }

    #[test]
    fn nobody_is_told_from_nobody() {
        let leads = [lead("CHELO"), lead("MATEO")];
        assert_eq!(
            identify(&lines(), &split(), &leads, &Names::default()),
            None
        );
    }
}
