//! The arc of a performance as a curve: tension over time.

use std::fmt::Write as _;

use super::text;
use crate::export::timeline::Timeline;

/// Units of the drawing, whatever its size on the page.
const WIDTH: f64 = 1_000.0;
const HEIGHT: f64 = 100.0;
/// Air above the highest and below the lowest tension.
const AIR: f64 = 8.0;

/// Behind the slider of the desk, filled as far as has been played.
pub(super) fn desk(timeline: &Timeline<'_>) -> String {
    let Curve {
        line,
        area,
        borders,
    } = Curve::of(timeline);
    format!(
        "<svg class=\"arc\" viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">
<clipPath id=\"played\"><rect id=\"played-until\" width=\"0\" height=\"100\"/></clipPath>
<path class=\"area\" d=\"{area}\"/><path class=\"area played\" clip-path=\"url(#played)\" d=\"{area}\"/>
<path class=\"borders\" d=\"{borders}\"/>
<path class=\"curve\" d=\"{line}\"/><path class=\"curve played\" clip-path=\"url(#played)\" d=\"{line}\"/>
</svg>",
        label(timeline)
    )
}

/// On the programme, for pages without the script that moves the desk.
pub(super) fn programme(timeline: &Timeline<'_>) -> String {
    let Curve {
        line,
        area,
        borders,
    } = Curve::of(timeline);
    format!(
        "<svg class=\"arc\" viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">
<path class=\"area\" d=\"{area}\"/><path class=\"borders\" d=\"{borders}\"/><path class=\"curve\" d=\"{line}\"/>
</svg>",
        label(timeline)
    )
}

/// What the curve shows, in words.
fn label(timeline: &Timeline<'_>) -> String {
    let beats: Vec<String> = timeline
        .beats()
        .map(|(_, beat)| format!("{} {} %", text(beat.title), percent(beat.tension)))
        .collect();
    format!("Tension over time: {}", beats.join(", "))
}

/// A share as a whole number of hundredths.
fn percent(share: f32) -> u32 {
    (share.clamp(0.0, 1.0) * 100.0).round() as u32
}

/// Data of SVG paths.
struct Curve {
    /// The curve itself.
    line: String,
    /// What lies below it.
    area: String,
    /// A line where each beat but the first begins.
    borders: String,
}

impl Curve {
    /// Through the middle of each beat at the height of its tension, without overshooting.
    fn of(timeline: &Timeline<'_>) -> Self {
        let mut beats: Vec<(f64, f32)> = Vec::new();
        // A beat in which nothing takes time has no place on a curve over time.
        let length = (timeline.end_ms as f64).max(1.0);
        for (at_ms, beat) in timeline.beats() {
            beats.push((at_ms as f64 / length * WIDTH, beat.tension));
        }
        let height = |tension: f32| {
            let share = f64::from(tension.clamp(0.0, 1.0));
            HEIGHT - AIR - share * (HEIGHT - 2.0 * AIR)
        };
        let mut points: Vec<(f64, f64)> = Vec::new();
        for (index, (from, tension)) in beats.iter().enumerate() {
            let to = beats.get(index + 1).map_or(WIDTH, |(next, _)| *next);
            points.push(((from + to) / 2.0, height(*tension)));
        }
        let (first, last) = match (points.first(), points.last()) {
            (Some(first), Some(last)) => (first.1, last.1),
            _ => (HEIGHT - AIR, HEIGHT - AIR),
        };
        points.insert(0, (0.0, first));
        points.push((WIDTH, last));

        // Writing to a string cannot fail.
        let mut line = format!("M0 {first:.1}");
        for pair in points.windows(2) {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            let middle = (x0 + x1) / 2.0;
            let _ = write!(
                line,
                "C{middle:.1} {y0:.1} {middle:.1} {y1:.1} {x1:.1} {y1:.1}"
            );
        }
        let mut borders = String::new();
        for (x, _) in beats.iter().skip(1) {
            let _ = write!(borders, "M{x:.1} 0V100");
        }
        Self {
            area: format!("{line}V100H0Z"),
            line,
            borders,
        }
    }
}
