//! Scripts in figures: whether lines repeat, how many words they know, and whether the people in them can be told apart.
//!
//! Everything here is a pure function of a [`Corpus`] and counts the *spoken* words: no action, no delivery, no parenthesis. Words are letters, digits and
//! inner apostrophes in lower case. Each measure says in its own module what exactly it counts.

pub mod bayes;
pub mod diversity;
pub mod features;
pub mod identify;
pub mod logistic;
pub mod markers;
pub mod names;
pub mod repeats;
pub mod spoken;

use std::collections::{BTreeMap, HashSet};

use crate::corpus::{Corpus, Split};
use crate::count_table::{CountTable, held_out_bits};
use diversity::{Against, Growth, against, growth, percentile, windows};
use identify::{Identification, Lead, identify};
use names::Names;
use repeats::{Repeats, repeats};
use spoken::{Line, Place, spoken_lines};

/// Everything that is measured of a show's scripts.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Report {
    /// Script scenes.
    pub scenes: usize,
    /// Spoken lines.
    pub lines: usize,
    /// Spoken characters.
    pub chars: usize,
    /// Spoken words.
    pub words: usize,
    /// The scripts, in order.
    pub scripts: Vec<ScriptSize>,
    /// Everybody who speaks, the most talkative first.
    pub speakers: Vec<Speaker>,
    /// Script scenes and spoken text of each plot line; a scene with two tags counts in full for both.
    pub plot_lines: Vec<PlotLineSize>,
    /// Lines that stand twice, or nearly.
    pub repeats: Repeats,
    /// Different words and word pairs in windows over all lines in order.
    pub windows: Windows,
    /// The weakest windows that do not overlap, the weakest first.
    pub weakest: Vec<Weakest>,
    /// Different words in all.
    pub vocabulary: usize,
    /// How they grow; nothing for a short text.
    pub growth: Option<Growth>,
    /// Different words against a reference text at equal length.
    pub against: Option<Against>,
    /// What held-out lines cost under a count table of all training lines.
    pub count_table: CountTableCost,
    /// Who said it; nothing where there are not two people to tell apart.
    pub identification: Option<Identification>,
}

/// What a script adds to a show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct ScriptSize {
    /// Script scenes.
    pub scenes: usize,
    /// Spoken lines.
    pub lines: usize,
    /// Spoken characters.
    pub chars: usize,
    /// Spoken words.
    pub words: usize,
    /// Different words.
    pub vocabulary: usize,
    /// Of these, how many no other script has.
    pub only_here: usize,
}

/// One speaker's lines in figures.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Speaker {
    /// The cue.
    pub cue: String,
    /// Spoken lines.
    pub lines: usize,
    /// Spoken characters.
    pub chars: usize,
    /// Spoken words.
    pub words: usize,
    /// Words of the line in the middle.
    pub median_words: usize,
    /// Windows over the speaker's own lines.
    pub windows: Windows,
    /// Lines of four words or more that stand elsewhere word for word.
    pub repeated: usize,
    /// Lines of four words or more with an equal or near line elsewhere once names are masked.
    pub near: usize,
}

/// Windows of 400 words in figures; nothing where the text is shorter.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Windows {
    /// Different words / words, the window in the middle.
    pub distinct_1: Option<f64>,
    /// Different pairs / pairs, the window in the middle.
    pub distinct_2: Option<f64>,
    /// The same, the window at the 5th percentile.
    pub distinct_2_low: Option<f64>,
}

impl Windows {
    /// Measures a text.
    pub fn new(words: &[String]) -> Self {
        const LOW: f64 = 0.05;
        let windows = windows(words);
        let at = |share: f64, of: fn(&diversity::Window) -> f64| {
            percentile(windows.iter().map(of), share)
        };
        Self {
            distinct_1: at(0.5, |window| window.distinct_1),
            distinct_2: at(0.5, |window| window.distinct_2),
            distinct_2_low: at(LOW, |window| window.distinct_2),
        }
    }
}

/// A window that repeats itself.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Weakest {
    /// The line in which it begins.
    pub place: Place,
    /// Different pairs / pairs.
    pub distinct_2: f64,
    /// Pairs said most often in it, with how often, the commonest first.
    pub pairs: Vec<(String, usize)>,
}

/// How much a plot line has.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct PlotLineSize {
    /// The tag.
    pub plot_line: String,
    /// Script scenes with it.
    pub scenes: usize,
    /// Spoken characters in them.
    pub chars: usize,
}

/// Bits per character of the test split under a count table (character 6-grams) of the training split.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct CountTableCost {
    /// Lines as the models read them, deliveries and action included.
    pub as_trained: f64,
    /// Spoken words alone.
    pub spoken: f64,
}

/// Weakest windows that are kept.
const WEAKEST: usize = 12;

/// Measures a corpus. `names` are names in any case besides those found by their capitals; `reference` is the words of another text.
pub fn measure(
    corpus: &Corpus,
    split: &Split,
    leads: &[Lead],
    names: &[String],
    reference: Option<&[String]>,
) -> Report {
    let lines = spoken_lines(corpus);
    let cues = lines.iter().map(|line| line.speaker);
    let names = Names::new(&lines, cues.chain(names.iter().map(String::as_str)));
    let repeats = repeats(&lines, &names);
    let words: Vec<String> = lines.iter().flat_map(Line::words).collect();
    Report {
        scenes: corpus.scenes.len(),
        lines: lines.len(),
        chars: lines.iter().map(|line| n_chars(&line.text)).sum(),
        words: words.len(),
        scripts: scripts(corpus, &lines),
        speakers: speakers(&lines, &repeats),
        plot_lines: plot_lines(corpus, &lines),
        windows: Windows::new(&words),
        weakest: weakest(&lines, &words),
        vocabulary: words.iter().collect::<HashSet<_>>().len(),
        growth: growth(&words),
        against: reference.map(|reference| against(&words, reference)),
        count_table: CountTableCost {
            as_trained: count_table_bits(
                &corpus.lines(&split.train, None),
                &corpus.lines(&split.test, None),
            ),
            spoken: count_table_bits(
                &texts_of(&lines, &split.train),
                &texts_of(&lines, &split.test),
            ),
        },
        identification: identify(&lines, split, leads, &names),
        repeats,
    }
}

fn n_chars(text: &str) -> usize {
    text.chars().count()
}

fn texts_of<'a>(lines: &'a [Line<'_>], scenes: &[usize]) -> Vec<&'a str> {
    let chosen = lines
        .iter()
        .filter(|line| scenes.contains(&line.place.scene));
    chosen.map(|line| line.text.as_str()).collect()
}

/// Bits per character of some lines under the count table of others.
fn count_table_bits(train: &[&str], test: &[&str]) -> f64 {
    let chars = train.iter().chain(test).flat_map(|line| line.chars());
    // Two more for the ends of lines, as in training.
    let n_chars = chars.collect::<HashSet<_>>().len() + 2;
    let table = CountTable::new(train.iter().copied());
    held_out_bits(&table, &table, test, test, n_chars).all
}

fn scripts(corpus: &Corpus, lines: &[Line<'_>]) -> Vec<ScriptSize> {
    let episode_of = |place: Place| corpus.scenes[place.scene].episode;
    let n_scripts = corpus.scenes.iter().map(|scene| scene.episode + 1).max();
    let mut sizes = vec![ScriptSize::default(); n_scripts.unwrap_or(0)];
    for scene in &corpus.scenes {
        sizes[scene.episode].scenes += 1;
    }
    // The scripts in which each word is heard.
    let mut heard_in: BTreeMap<String, HashSet<usize>> = BTreeMap::new();
    for line in lines {
        let episode = episode_of(line.place);
        let size = &mut sizes[episode];
        size.lines += 1;
        size.chars += n_chars(&line.text);
        for word in line.words() {
            size.words += 1;
            heard_in.entry(word).or_default().insert(episode);
        }
    }
    for episodes in heard_in.values() {
        for &episode in episodes {
            sizes[episode].vocabulary += 1;
            sizes[episode].only_here += usize::from(episodes.len() == 1);
        }
    }
    sizes
}

fn speakers(lines: &[Line<'_>], repeats: &Repeats) -> Vec<Speaker> {
    let mut by_cue: BTreeMap<&str, Vec<&Line<'_>>> = BTreeMap::new();
    for line in lines {
        by_cue.entry(line.speaker).or_default().push(line);
    }
    let (mut repeated, mut near) = (HashSet::new(), HashSet::new());
    for pair in &repeats.pairs {
        near.extend([pair.first, pair.second]);
        if pair.verbatim {
            repeated.extend([pair.first, pair.second]);
        }
    }
    let mut found: Vec<Speaker> = by_cue
        .into_iter()
        .map(|(cue, lines)| {
            let mut lengths: Vec<usize> = lines.iter().map(|line| line.words().len()).collect();
            lengths.sort_unstable();
            let words: Vec<String> = lines.iter().flat_map(|line| line.words()).collect();
            let among = |places: &HashSet<Place>| {
                let chosen = lines.iter().filter(|line| places.contains(&line.place));
                chosen.count()
            };
            Speaker {
                cue: cue.to_owned(),
                lines: lines.len(),
                chars: lines.iter().map(|line| n_chars(&line.text)).sum(),
                words: words.len(),
                median_words: lengths[lengths.len() / 2],
                windows: Windows::new(&words),
                repeated: among(&repeated),
                near: among(&near),
            }
        })
        .collect();
    found.sort_by_key(|speaker| std::cmp::Reverse(speaker.chars));
    found
}

fn plot_lines(corpus: &Corpus, lines: &[Line<'_>]) -> Vec<PlotLineSize> {
    let mut sizes: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut chars = vec![0; corpus.scenes.len()];
    for line in lines {
        chars[line.place.scene] += n_chars(&line.text);
    }
    for (scene, chars) in corpus.scenes.iter().zip(chars) {
        for plot_line in &scene.plot_lines {
            let size = sizes.entry(plot_line).or_default();
            *size = (size.0 + 1, size.1 + chars);
        }
    }
    let sizes = sizes.into_iter();
    sizes
        .map(|(plot_line, (scenes, chars))| PlotLineSize {
            plot_line: plot_line.to_owned(),
            scenes,
            chars,
        })
        .collect()
}

/// The weakest windows, none of which overlaps a weaker one.
fn weakest(lines: &[Line<'_>], words: &[String]) -> Vec<Weakest> {
    let mut found = windows(words);
    found.sort_by(|a, b| a.distinct_2.total_cmp(&b.distinct_2));
    let mut chosen: Vec<diversity::Window> = Vec::new();
    for window in found {
        let apart =
            |other: &diversity::Window| window.start.abs_diff(other.start) >= diversity::WINDOW;
        if chosen.len() < WEAKEST && chosen.iter().all(apart) {
            chosen.push(window);
        }
    }
    // Which line each word stands in.
    let places: Vec<Place> = lines
        .iter()
        .flat_map(|line| std::iter::repeat_n(line.place, spoken::spans(&line.text).count()))
        .collect();
    chosen
        .into_iter()
        .map(|window| Weakest {
            place: places[window.start],
            distinct_2: window.distinct_2,
            pairs: commonest_pairs(&words[window.start..window.start + diversity::WINDOW]),
        })
        .collect()
}

fn commonest_pairs(words: &[String]) -> Vec<(String, usize)> {
    const SHOWN: usize = 8;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for pair in words.windows(2) {
        *counts.entry(pair.join(" ")).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().filter(|(_, n)| *n > 1).collect();
    counts.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    counts.truncate(SHOWN);
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::{ACTION, CorpusScene, CorpusTurn};

    fn scene(plot_lines: &[&str], turns: &[(&str, &str)]) -> CorpusScene {
        CorpusScene {
            episode: 0,
            plot_lines: plot_lines.iter().map(ToString::to_string).collect(),
            turns: turns
                .iter()
                .map(|(speaker, text)| CorpusTurn {
                    speaker: (*speaker).to_owned(),
                    text: (*text).to_owned(),
                })
                .collect(),
        }
    }

    #[test]
    fn action_and_deliveries_are_not_spoken() {
        let corpus = Corpus {
            scenes: vec![
                scene(
                    &["class", "amnesia"],
                    &[
                        (ACTION, "A door opens."),
                        ("INÉS", "(dryly) Shut the door, Mateo."),
                    ],
                ),
                scene(
                    &["amnesia"],
                    &[("MATEO", "Which door?"), ("INÉS", "Shut the door, Inés.")],
                ),
            ],
        };
        let split = Split {
            train: vec![0],
            dev: Vec::new(),
            test: vec![1],
        };
        let report = measure(&corpus, &split, &[], &[], None);
        assert_eq!((report.lines, report.words, report.vocabulary), (3, 10, 6));
        assert_eq!(report.chars, 21 + 11 + 20);
        let ines = &report.speakers[0];
        assert_eq!(
            (ines.cue.as_str(), ines.lines, ines.near, ines.repeated),
            ("INÉS", 2, 2, 0)
        );
        let sizes: Vec<(&str, usize, usize)> = report
            .plot_lines
            .iter()
            .map(|size| (size.plot_line.as_str(), size.scenes, size.chars))
            .collect();
        assert_eq!(sizes, [("amnesia", 2, 52), ("class", 1, 21)]);
        assert!(report.count_table.spoken > 0.0 && report.identification.is_none());
    }

    #[test]
    fn a_script_is_told_what_it_alone_says() {
        let mut second = scene(&[], &[("MATEO", "The bell, the sea")]);
        second.episode = 1;
        let corpus = Corpus {
            scenes: vec![scene(&[], &[("INÉS", "The salt, the sea.")]), second],
        };
        let found = scripts(&corpus, &spoken_lines(&corpus));
        let expected = ScriptSize {
            scenes: 1,
            lines: 1,
            chars: 18,
            words: 4,
            vocabulary: 3,
            only_here: 1,
        };
        assert_eq!(
            found,
            [
                expected,
                ScriptSize {
                    chars: 17,
                    ..expected
                }
            ]
        );
    }

    #[test]
    fn the_weakest_window_is_found_where_it_stands() {
        let fresh: Vec<String> = (0..600).map(|n| format!("w{n}")).collect();
        let worn = vec!["salt and"; 200].join(" ");
        let fresh = fresh.join(" ");
        let corpus = Corpus {
            scenes: vec![scene(
                &[],
                &[("INÉS", fresh.as_str()), ("CHELO", worn.as_str())],
            )],
        };
        let lines = spoken_lines(&corpus);
        let words: Vec<String> = lines.iter().flat_map(Line::words).collect();
        let weakest = weakest(&lines, &words);
        assert_eq!(weakest[0].place, Place { scene: 0, turn: 1 });
        assert_eq!(weakest[0].pairs[0], ("salt and".to_owned(), 200));
        assert_eq!(weakest.len(), 2);
    }
}
