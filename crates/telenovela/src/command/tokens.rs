//! `telenovela tokens`

use std::process::ExitCode;

use telenovela_lm::talk::{EPOCHS, one_hot};
use telenovela_lm::tokenizer::Tokenizer;
use telenovela_lm::train::Material;
use telenovela_script::load::Workspace;
use telenovela_script::text::one_line;

use super::print;
use super::talk::TalkModel;
use crate::cli::{RecipeName, Tokens};
use crate::failure::Failure;

/// Prints the tokens of a line, in the vocabulary that the show's scripts give now.
pub(super) fn run(workspace: &Workspace, args: &Tokens) -> Result<ExitCode, Failure> {
    let id = workspace.find_show(&args.show)?;
    let line = one_line(&args.line);
    let page = if args.recipe == Some(RecipeName::Talk) {
        let text = TalkModel::of(workspace, vec![id]).text(workspace, EPOCHS)?;
        page(text.tokenizer(), &line.to_lowercase(), true)
    } else {
        let show = workspace.load_show(&id)?;
        let scripts = workspace.load_scripts(&show)?;
        let material = Material::new(&show, &scripts).map_err(Failure::Model)?;
        page(material.tokenizer(), &line, false)
    };
    print(&page?)?;
    Ok(ExitCode::SUCCESS)
}

/// A row for each token: its piece of the line, its number, and if wanted its one-hot row.
fn page(tokenizer: &Tokenizer, line: &str, as_rows: bool) -> Result<String, Failure> {
    let tokens = tokenizer.encode(line).map_err(Failure::Model)?;
    let n_vocab = tokenizer.n_vocab();
    let mut page = format!(
        "{} {} tokens of a vocabulary of {n_vocab}\n\n{:18} {:>6}{}\n",
        tokens.len(),
        tokenizer.unit(),
        "piece",
        "number",
        if as_rows { "  one-hot row" } else { "" }
    );
    for token in tokens {
        // What goes on inside a word is marked as in the vocabulary.
        let mark = if tokenizer.continues_word(token) {
            "##"
        } else {
            ""
        };
        let piece = match tokenizer.is_special(token) {
            true => "<unk>".to_owned(),
            false => format!("«{mark}{}»", tokenizer.text(token)),
        };
        page.push_str(&format!("{piece:18} {token:>6}"));
        if as_rows {
            let row = one_hot(token, n_vocab).into_iter();
            let row: String = row.map(|x| if x == 0.0 { '·' } else { '1' }).collect();
            page.push_str(&format!("  {row}"));
        }
        page.push('\n');
    }
    Ok(page)
}
