//! `telenovela train --recipe talk`

use std::cell::Cell;
use std::fs;
use std::io;
use std::ops::ControlFlow;

use telenovela_lm::error::Error;
use telenovela_lm::talk::TalkText;
use telenovela_lm::train::{Facts, train_talk};
use telenovela_lm::weights::{Card, Weights};
use telenovela_script::character::Color;
use telenovela_script::load::Workspace;
use telenovela_script::show::ShowId;

use super::desk::{Desk, Job, ModelFile, Outcome};
use super::log::Log;
use super::n_cores;
use super::rehearsal::Rehearsal;
use crate::cli::{Look, Train};
use crate::command::play::can_show_a_screen;
use crate::command::talk::{TalkModel, bits_by_character};
use crate::command::{print, shown};
use crate::failure::Failure;
use crate::tui::Left;

/// Its name among the models of a show.
const MODEL: &str = "talk";

/// Trains the talk's model of the shows that are named, all together, and prints its loss by epoch; how the user has left, if it was stopped.
pub(super) fn train(
    workspace: &Workspace,
    args: &Train,
    look: Look,
    log: &Log,
) -> Result<Option<Left>, Failure> {
    let names = args.names.iter().map(|name| workspace.find_show(name));
    let shows: Vec<ShowId> = names.collect::<Result<_, _>>()?;
    let model = TalkModel::of(workspace, shows);
    let text = model.text(workspace, args.epochs.into())?;
    let facts = Facts::of_talk(&text);
    let file = ModelFile {
        path: model.best(),
        training: model.folder.join(".training").join(MODEL),
    };
    let is_done = !args.force && file.is_current(&facts) && file.is_tidy();
    let rehearsal = if can_show_a_screen() && !log.is_standard_output() && !is_done {
        let expected = vec![(MODEL.to_owned(), Color::Gray)];
        Rehearsal::on_screen(look, text.show.id.as_str(), expected)
    } else {
        Rehearsal::new()
    };
    let outcome = if is_done {
        Ok(Outcome::UpToDate)
    } else {
        let desk = Desk {
            show: &text.show.id,
            rehearsal: &rehearsal,
            log,
            args,
        };
        learn(&desk, &model, &text, &facts, &file)
    };
    let outcome = match rehearsal.close_after(outcome)? {
        ControlFlow::Break(left) => return Ok(Some(left)),
        ControlFlow::Continue(outcome) => outcome,
    };
    if log.is_standard_output() {
        return Ok(None);
    }
    let card = Card::load(&model.best()).map_err(Failure::Model)?;
    if outcome == Outcome::UpToDate {
        print("Everything is up to date.\n")?;
    }
    print(&figures(&card, &model))?;
    if let [(show, _)] = text.shares() {
        print(&by_character(workspace, show)?)?;
    }
    Ok(None)
}

/// Trains what is not up to date.
fn learn(
    desk: &Desk<'_>,
    model: &TalkModel,
    text: &TalkText,
    facts: &Facts,
    file: &ModelFile,
) -> Result<Outcome, Failure> {
    let job = Job {
        model: MODEL,
        facts,
        force: desk.args.force,
        threads: desk.args.threads.map_or_else(n_cores, usize::from),
        again: model.command(),
    };
    desk.train(file, job, |conduct, report| {
        // Only now that an epoch is over is it sure that this training is not refused for what has changed since its checkpoint.
        let is_swept = Cell::new(false);
        let keep = |weights: &Weights, card: &Card| {
            if !is_swept.replace(true) {
                sweep(model, facts).map_err(|source| Error::Io {
                    path: model.folder.clone(),
                    source,
                })?;
            }
            weights.save(&model.epoch(card.scores.epoch), card)
        };
        train_talk(text, conduct, &keep, report)
    })
}

/// Removes what trainings on other text have left, so that the epochs that lie there are those of one training.
fn sweep(model: &TalkModel, facts: &Facts) -> io::Result<()> {
    for entry in fs::read_dir(&model.folder)? {
        let path = entry?.path();
        let is_model = path
            .extension()
            .is_some_and(|extension| extension == "safetensors");
        let is_ours =
            || Card::load(&path).is_ok_and(|card| card.fingerprint == facts.fingerprint());
        if is_model && !is_ours() {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// The loss by epoch.
fn figures(card: &Card, model: &TalkModel) -> String {
    let mut table = String::from(
        "\nLoss by epoch, in bits per character of the lower-cased text, names included. The lowest\ntraining loss is the one chosen; held out is the dev split.\n\nepoch  training  held out\n",
    );
    for metrics in &card.history {
        let mark = if metrics.epoch == card.scores.epoch {
            "  *"
        } else {
            ""
        };
        table.push_str(&format!(
            "{:5}  {:8.3}  {:8.3}{mark}\n",
            metrics.epoch, metrics.train_bits, metrics.dev_bits
        ));
    }
    table.push_str(&format!(
        "\nTest split: {:.3}. The weights of each epoch lie in {}, the chosen ones as {}.\n",
        card.scores.test_bits,
        shown(&model.folder),
        model.best().file_name().unwrap_or_default().display()
    ));
    table
}

/// What the test lines of each character cost.
fn by_character(workspace: &Workspace, show: &ShowId) -> Result<String, Failure> {
    let show = workspace.load_show(show)?;
    let characters = workspace.load_characters(&show.id)?;
    let bits = bits_by_character(workspace, &show, &characters, |split| &split.test)?;
    let mut table = String::from(
        "\nTest bits per character of everybody's lines, without the names; lower case is an easier\ntext than what the models of the theatre read.\n\n",
    );
    for (id, bits) in bits.unwrap_or_default() {
        table.push_str(&format!("{:12} {bits:8.3}\n", id.as_str()));
    }
    Ok(table)
}
