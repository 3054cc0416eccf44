//! The figures of a corpus for people.

use std::fmt::Write as _;

use telenovela_lm::measure::Report;
use telenovela_lm::measure::identify::{Identification, Judged};
use telenovela_script::show::Show;

use super::Sources;

/// Pairs, answers and passages that are listed, at most.
const LISTED: usize = 40;

/// The tables.
pub(super) fn render(show: &Show, report: &Report) -> String {
    [
        overview(show, report),
        scripts(show, report),
        speakers(report),
        plot_lines(report),
        figures(report),
    ]
    .join("\n")
}

fn thousands(chars: usize) -> f64 {
    chars as f64 / 1000.0
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A figure between 0 and 1, or a dash.
fn ratio(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"))
}

fn overview(show: &Show, report: &Report) -> String {
    format!(
        "{}: {} scripts, {} script scenes, {} spoken lines, {:.1} KB and {} words spoken\n",
        show.title,
        show.scripts.len(),
        report.scenes,
        report.lines,
        thousands(report.chars),
        report.words
    )
}

fn scripts(show: &Show, report: &Report) -> String {
    let mut table = format!(
        "{:24} {:>6} {:>6} {:>7} {:>7} {:>10} {:>10}\n",
        "script", "scenes", "lines", "KB", "words", "different", "only here"
    );
    for (path, size) in show.scripts.iter().zip(&report.scripts) {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let _ = writeln!(
            table,
            "{name:24} {:6} {:6} {:7.1} {:7} {:10} {:10}",
            size.scenes,
            size.lines,
            thousands(size.chars),
            size.words,
            size.vocabulary,
            size.only_here
        );
    }
    table
}

fn speakers(report: &Report) -> String {
    let mut table = format!(
        "{:24} {:>6} {:>7} {:>10} {:>7} {:>10} {:>10} {:>8} {:>5}\n",
        "speaker",
        "lines",
        "KB",
        "words/line",
        "median",
        "distinct-1",
        "distinct-2",
        "repeated",
        "near"
    );
    for speaker in &report.speakers {
        // A cue is the author's; a very long one only pushes its row to the right.
        let _ = writeln!(
            table,
            "{:24} {:6} {:7.1} {:10.1} {:7} {:>10} {:>10} {:8} {:5}",
            speaker.cue,
            speaker.lines,
            thousands(speaker.chars),
            speaker.words as f64 / speaker.lines as f64,
            speaker.median_words,
            ratio(speaker.windows.distinct_1),
            ratio(speaker.windows.distinct_2),
            speaker.repeated,
            speaker.near
        );
    }
    table
}

fn plot_lines(report: &Report) -> String {
    let mut table = format!("{:24} {:>6} {:>7}\n", "plot line", "scenes", "KB");
    for size in &report.plot_lines {
        let _ = writeln!(
            table,
            "{:24} {:6} {:7.1}",
            size.plot_line,
            size.scenes,
            thousands(size.chars)
        );
    }
    table
}

/// Figures with what a script written line by line should reach.
fn figures(report: &Report) -> String {
    let repeats = &report.repeats;
    let mut rows: Vec<(String, String, &str)> = vec![
        (
            format!(
                "unique, of {} lines of four words or more",
                repeats.compared
            ),
            percent(repeats.unique_share()),
            "98 % or more",
        ),
        (
            "near-repeated once names are masked".into(),
            percent(repeats.near_share()),
            "1 % or less",
        ),
        (
            "distinct-2 in 400 words, 5th percentile".into(),
            ratio(report.windows.distinct_2_low),
            "0.88 or more",
        ),
        (
            "distinct-2 in 400 words, median".into(),
            ratio(report.windows.distinct_2),
            "",
        ),
    ];
    if let Some(against) = &report.against {
        rows.push((
            format!(
                "different words against the reference, {} words each",
                against.words
            ),
            percent(against.ratio()),
            "70 % or more",
        ));
    }
    rows.push((
        "different words in all".into(),
        report.vocabulary.to_string(),
        "",
    ));
    if let Some(growth) = &report.growth {
        rows.push((
            "vocabulary growth (Heaps)".into(),
            format!("{:.1} n^{:.3}", growth.k, growth.beta),
            "",
        ));
    }
    rows.push((
        "count table of all lines, test bits per character".into(),
        format!("{:.3}", report.count_table.as_trained),
        "1.85 or more",
    ));
    rows.push((
        "the same, spoken words alone".into(),
        format!("{:.3}", report.count_table.spoken),
        "",
    ));
    let mut table = format!("{:60} {:>14}  {}\n", "measure", "", "aim");
    for (what, value, aim) in &rows {
        let _ = writeln!(table, "{what:60} {value:>14}  {aim}");
    }
    if let Some(found) = &report.identification {
        table.push_str(&identification(found));
    }
    table
}

fn identification(found: &Identification) -> String {
    let n = found.leads.len();
    let mut table = format!(
        "\nWho said it? {n} leads, held-out lines of 20 characters or more, names masked (chance {:.1} %)\n",
        100.0 / n as f64
    );
    let _ = writeln!(
        table,
        "{:44} {:>20} {:>22}",
        "judge", "single lines", "groups of five"
    );
    let mut row = |judge: &str, judged: &Judged| {
        let tally = |tally: telenovela_lm::measure::identify::Tally| {
            format!("{} of {}", percent(tally.share()), tally.of)
        };
        let _ = writeln!(
            table,
            "{judge:44} {:>20} {:>22}",
            tally(judged.single),
            tally(judged.groups)
        );
    };
    row("ten markers of each masked (aim 45, 80 %)", &found.judged);
    row("the same lines under naive Bayes", &found.naive_bayes);
    row("names masked alone", &found.with_markers);
    table
}

/// Where it is: repeated lines, worn passages, markers, who is taken for whom.
pub(super) fn details(report: &Report, sources: &Sources<'_>) -> String {
    let mut text = String::new();
    let pairs = &report.repeats.pairs;
    let _ = writeln!(text, "\n{} repeated or near-repeated pairs\n", pairs.len());
    for pair in pairs.iter().take(10 * LISTED) {
        let how = match (pair.verbatim, pair.edits) {
            (true, _) => "verbatim".to_owned(),
            (false, 0) => "but for names".to_owned(),
            (false, edits) => format!("{edits} word(s)"),
        };
        let _ = writeln!(
            text,
            "  {how}\n    {:28} {}\n    {:28} {}",
            sources.place(pair.first),
            sources.quote(pair.first),
            sources.place(pair.second),
            sources.quote(pair.second)
        );
    }
    let _ = writeln!(text, "\nThe most worn passages of 400 words\n");
    for weakest in &report.weakest {
        let pairs: Vec<String> = weakest
            .pairs
            .iter()
            .map(|(pair, times)| format!("{pair} {times}"))
            .collect();
        let _ = writeln!(
            text,
            "  {:.3} from {:28} {}",
            weakest.distinct_2,
            sources.place(weakest.place),
            pairs.join(", ")
        );
    }
    if let Some(found) = &report.identification {
        text.push_str(&who_is_who(found, sources));
    }
    text
}

fn who_is_who(found: &Identification, sources: &Sources<'_>) -> String {
    let mut text = String::from("\nMarker phrases, masked: uses, of all leads' uses\n\n");
    for (lead, markers) in found.leads.iter().zip(&found.markers) {
        let markers: Vec<String> = markers
            .iter()
            .map(|marker| {
                let all = marker.uses + marker.others;
                format!("{} {}/{all}", marker.phrase, marker.uses)
            })
            .collect();
        let _ = writeln!(text, "  {lead:12} {}", markers.join(", "));
    }
    let _ = writeln!(text, "\nWho (row) is taken for whom (column)\n");
    let _ = write!(text, "  {:12}", "");
    for lead in &found.leads {
        let _ = write!(text, " {lead:>9}");
    }
    text.push('\n');
    for (lead, row) in found.leads.iter().zip(&found.judged.confusion) {
        let _ = write!(text, "  {lead:12}");
        for count in row {
            let _ = write!(text, " {count:9}");
        }
        text.push('\n');
    }
    let _ = writeln!(
        text,
        "\nSurely somebody else: the lines most confidently mistaken\n"
    );
    let mut wrong: Vec<_> = found
        .answers
        .iter()
        .filter(|answer| answer.said_by != answer.taken_for)
        .collect();
    wrong.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    for answer in wrong.into_iter().take(LISTED) {
        let _ = writeln!(
            text,
            "  {:4.0} % {:9} {:28} {}",
            100.0 * answer.probability,
            found.leads[answer.taken_for],
            sources.place(answer.place),
            sources.quote(answer.place)
        );
    }
    text
}
