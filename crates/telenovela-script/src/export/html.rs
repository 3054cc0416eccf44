//! A page that performs a performance in a browser: one file, without network.
//!
//! The whole transcript stands in the page as HTML, so that it is read, searched, printed and heard without a script too; the script lets it be spoken
//! in time. What the script needs beyond the transcript (times, takes, reasons) lies beside it as JSON. A content-security policy allows the page's own
//! script and style by their hashes and nothing else, so no word of a log can become more than text, even where an escape were forgotten.

mod arc;
mod data;
mod transcript;

use sha2::{Digest as _, Sha256};

use super::clock;
use super::timeline::Timeline;
use crate::character::Color;
use crate::event::{Event, Provenance};
use crate::text::one_line;

/// How the page looks.
const STYLE: &str = include_str!("html/page.css");
/// How it performs.
const SCRIPT: &str = include_str!("html/page.js");

/// The page of a log, given with the part of it that counts; empty without a playbill.
pub(super) fn render(events: &[Event], standing: &[Event]) -> String {
    Timeline::new(events, standing).map_or_else(String::new, |timeline| page(&timeline))
}

fn page(timeline: &Timeline<'_>) -> String {
    let playbill = timeline.playbill;
    // The desk with its controls and the programme come after the script: who reads without seeing has the words first.
    format!(
        r##"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="{program}">
<title>{title} · {show}</title>
<style>{STYLE}</style>
</head>
<body>
<a class="skip" href="#script">Skip to the script</a>
{bill}
<div class="house">
<main id="script" tabindex="-1" lang="{language}">
{script}</main>
{programme}
</div>
{desk}
<div id="live" class="unseen" aria-live="polite"></div>
<script type="application/json" id="performance">{data}</script>
<script>{SCRIPT}</script>
</body>
</html>
"##,
        policy = policy(),
        program = text(&playbill.program),
        title = text(&playbill.title),
        show = text(&playbill.show_title),
        language = text(&playbill.language),
        bill = bill(timeline),
        script = transcript::script(timeline),
        programme = transcript::programme(timeline),
        desk = desk(timeline),
        data = data::json(timeline),
    )
}

/// What the page may do: run its script, wear its style.
fn policy() -> String {
    format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; base-uri 'none'; form-action 'none'",
        source(SCRIPT),
        source(STYLE)
    )
}

/// An inline script or style as a policy names it.
fn source(code: &str) -> String {
    format!("sha256-{}", base64(&Sha256::digest(code)))
}

/// The title card.
fn bill(timeline: &Timeline<'_>) -> String {
    let playbill = timeline.playbill;
    let language = text(&playbill.language);
    let place = timeline
        .heading
        .as_deref()
        .map_or_else(String::new, |heading| {
            format!(
                "<p class=\"place\" lang=\"{language}\">{}</p>\n",
                text(heading)
            )
        });
    let premise = playbill.premise.as_deref().map(text);
    let premise = premise.filter(|premise| !premise.is_empty());
    let premise = premise.map_or_else(String::new, |premise| {
        format!("<p class=\"premise\" lang=\"{language}\" dir=\"auto\">{premise}</p>\n")
    });
    let cast: String = playbill
        .cast
        .iter()
        .map(|member| {
            format!(
                "<li class=\"{}\">{}</li>\n",
                ink(member.color),
                text(&member.name)
            )
        })
        .collect();
    format!(
        "<header class=\"bill\" id=\"bill\">
<p class=\"show\" lang=\"{language}\">{show}</p>
<h1 lang=\"{language}\" dir=\"auto\">{title}</h1>
{place}{premise}<ul class=\"cast\" aria-label=\"Cast\">
{cast}</ul>
<p class=\"raise scripted\"><button type=\"button\" id=\"raise\">Raise the curtain</button> <span class=\"length\">{length}</span></p>
</header>",
        show = text(&playbill.show_title),
        title = text(&playbill.title),
        length = clock(timeline.end_ms),
    )
}

/// The controls. Without the script they do nothing, and are not shown.
fn desk(timeline: &Timeline<'_>) -> String {
    let arc = arc::desk(timeline);
    format!(
        r##"<section class="desk scripted" aria-label="Controls">
<div class="scrub">
{arc}
<input type="range" id="seek" min="0" max="{end}" step="1" value="0" aria-label="Time">
</div>
<div class="row">
<button type="button" id="previous" aria-label="Previous line"><svg viewBox="0 0 24 24" aria-hidden="true"><path d="M6 5h2.5v14H6zM19 5v14l-9-7z"/></svg></button>
<button type="button" id="play" aria-label="Play"><svg viewBox="0 0 24 24" aria-hidden="true"><path class="when-still" d="M7 4v16l13-8z"/><path class="when-playing" d="M6 4h4v16H6zM14 4h4v16h-4z"/></svg></button>
<button type="button" id="next" aria-label="Next line"><svg viewBox="0 0 24 24" aria-hidden="true"><path d="M15.500 5H18v14h-2.500zM5 5v14l9-7z"/></svg></button>
<span class="time"><span id="time">0:00</span><span class="of"> / {length}</span></span>
<span class="present" id="now" aria-hidden="true"></span>
<label class="speed"><span class="unseen">Speed</span><select id="speed">
<option value="0.5">½×</option><option value="1" selected>1×</option><option value="2">2×</option><option value="4">4×</option><option value="8">8×</option><option value="16">16×</option>
</select></label>
<button type="button" id="takes" aria-expanded="false">Takes</button>
<button type="button" id="programme-button" aria-expanded="false" aria-controls="programme">Programme</button>
<button type="button" id="read">Read</button>
<button type="button" id="theme" aria-label="Dark or light"><svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18" class="half"/></svg></button>
<button type="button" id="keys" aria-haspopup="dialog">Keys</button>
</div>
</section>
<button type="button" id="follow" class="scripted" hidden>Back to the stage</button>
<dialog id="help" aria-labelledby="help-title">
<h2 id="help-title">Keys</h2>
<dl>
<div><dt><kbd>Space</kbd></dt><dd>play, pause</dd></div>
<div><dt><kbd>←</kbd> <kbd>→</kbd></dt><dd>line before, line after; in the takes: take before, take after</dd></div>
<div><dt><kbd>Home</kbd> <kbd>End</kbd></dt><dd>to the beginning, to the end</dd></div>
<div><dt><kbd>+</kbd> <kbd>-</kbd></dt><dd>faster, slower</dd></div>
<div><dt><kbd>t</kbd></dt><dd>takes of the line</dd></div>
<div><dt><kbd>p</kbd></dt><dd>programme, on a small screen</dd></div>
<div><dt><kbd>r</kbd></dt><dd>read the whole script</dd></div>
<div><dt><kbd>d</kbd></dt><dd>dark or light</dd></div>
<div><dt><kbd>?</kbd></dt><dd>these keys</dd></div>
</dl>
<p>A click on a line goes to it.</p>
<p><label><input type="checkbox" id="letters" checked> Keys of a single character work</label></p>
<button type="button" id="help-close">Close</button>
</dialog>"##,
        end = timeline.end_ms,
        length = clock(timeline.end_ms),
    )
}

/// Text on one line, in which nothing is markup, in elements and in quoted attributes.
fn text(text: &str) -> String {
    let clean = one_line(text);
    let mut out = String::with_capacity(clean.len());
    for c in clean.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// The class of what wears a character's colour.
fn ink(color: Color) -> &'static str {
    match color {
        Color::Red => "ink-red",
        Color::Green => "ink-green",
        Color::Yellow => "ink-yellow",
        Color::Blue => "ink-blue",
        Color::Magenta => "ink-magenta",
        Color::Cyan => "ink-cyan",
        Color::Gray => "ink-gray",
        Color::LightRed => "ink-light-red",
        Color::LightGreen => "ink-light-green",
        Color::LightYellow => "ink-light-yellow",
        Color::LightBlue => "ink-light-blue",
        Color::LightMagenta => "ink-light-magenta",
        Color::LightCyan => "ink-light-cyan",
    }
}

/// What marks a line that no model made, as on the stage of the terminal.
fn glyph(provenance: Provenance) -> Option<char> {
    match provenance {
        Provenance::Generated => None,
        Provenance::Authored => Some('‡'),
        Provenance::Injected => Some('»'),
        Provenance::Fallback => Some('†'),
        Provenance::Edited => Some('^'),
    }
}

/// Base64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..4 {
            // Three bytes are four digits of six bits; a byte that is not there leaves no digit.
            let digit = (bits >> (18 - 6 * index) & 63) as usize;
            out.push(match index <= chunk.len() {
                true => char::from(DIGITS[digit]),
                false => '=',
            });
        }
    }
    out
}

#[cfg(test)]
mod tests;
