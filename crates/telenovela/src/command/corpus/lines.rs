//! The scripts as JSON lines: a data set for programs that read no Fountain.

use serde_json::json;
use telenovela_lm::corpus::Split;

use super::Sources;

/// One JSON object for each turn, in order: `episode` (as the title page has it), `file`, `scene` (from 1, in its file), `heading`, `plot_lines`, `split`, `turn` (from 1,
/// in its scene), `line` (in the file), `speaker` (null: action), `delivery` (null: none), `text`.
pub(super) fn json_lines(sources: &Sources<'_>, split: &Split) -> String {
    let mut lines = String::new();
    for (number, source) in sources.scenes.iter().enumerate() {
        let part = if split.train.contains(&number) {
            "train"
        } else if split.dev.contains(&number) {
            "dev"
        } else {
            "test"
        };
        let title_page = &source.script.title_page;
        let episode = title_page
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case("episode"))
            .map(|(_, value)| value);
        for (at, turn) in source.scene.turns.iter().enumerate() {
            let object = json!({
                "episode": episode,
                "file": source.path.file_name().unwrap_or_default().to_string_lossy(),
                "scene": source.number,
                "heading": source.scene.heading,
                "plot_lines": source.scene.plot_lines,
                "split": part,
                "turn": at + 1,
                "line": turn.line,
                "speaker": turn.speaker,
                "delivery": turn.delivery,
                "text": turn.text,
            });
            lines.push_str(&format!("{object}\n"));
        }
    }
    lines
}
