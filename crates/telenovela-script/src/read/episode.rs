//! An episode's YAML.

use std::path::Path;

use super::scene::line;
use super::{ShowFacts, skip_extensions};
use crate::episode::Episode;
use crate::problem::{Problem, Problems, suggestion};
use crate::scene::{Scene, SceneId};
use crate::show::ShowId;
use crate::spec::{ChainedSpec, CliffhangerSpec, EpisodeSpec};
use crate::validate::validate_episode;
use crate::yaml::{At, Mapping, Reader, Value, parse};

/// Reads an episode of a show. `scenes` are those that there are, `load` reads one of them.
pub(crate) fn episode(
    path: &Path,
    text: &str,
    show: ShowId,
    id: SceneId,
    facts: &ShowFacts,
    scenes: &[SceneId],
    load: impl Fn(&SceneId) -> Result<Scene, Problems>,
) -> Result<Episode, Problems> {
    let (source, node) = parse(path, text)?;
    let reader = Reader::new(source);
    let read = spec(&reader.root(&node), &show).and_then(|spec| {
        let of_scenes = load_all(&reader, &spec.scenes, scenes, load)?;
        validate_episode(&reader, spec, of_scenes, show, id, facts)
    });
    reader.finish(read)
}

fn spec(root: &Value<'_>, show: &ShowId) -> Option<EpisodeSpec> {
    let mut top = root.mapping()?;
    let title = top.require("title").and_then(|v| v.text());
    if let Some(value) = top.take("show")
        && let Some(named) = value.text()
        && named != show.as_str()
    {
        value.complain(format!(
            "the episode lies in the folder of the show `{show}`, not of `{named}`"
        ));
    }
    let premise = top.take("premise").and_then(|v| v.text());
    let scenes = top.require("scenes").and_then(|v| {
        let scenes = v.list_of(chained)?;
        if v.list().is_some_and(|items| items.len() < 2) {
            v.complain("an episode needs at least two scenes; one alone is played as it is");
        }
        Some(scenes)
    });
    let card = top.mapping("ending").and_then(card);
    skip_extensions(&mut top);
    top.finish();
    Some(EpisodeSpec {
        title: title.unwrap_or_default(),
        premise,
        scenes: scenes?,
        card,
    })
}

fn card(mut fields: Mapping<'_>) -> Option<String> {
    let card = fields.take("card").and_then(|v| v.text());
    fields.finish();
    card
}

/// A scene by its name alone, or with how it ends.
fn chained(value: &Value<'_>) -> Option<ChainedSpec> {
    if !value.is_mapping() {
        return Some(ChainedSpec {
            scene: value.id()?,
            cliffhanger: None,
        });
    }
    let mut fields = value.mapping()?;
    let scene = fields.require("scene").and_then(|v| v.id());
    let cliffhanger = fields.take("cliffhanger").and_then(|v| cliffhanger(&v));
    fields.finish();
    Some(ChainedSpec {
        scene: scene?,
        cliffhanger,
    })
}

fn cliffhanger(value: &Value<'_>) -> Option<CliffhangerSpec> {
    let mut fields = value.mapping()?;
    let thread = fields.take("thread").and_then(|v| v.id());
    let by = fields.take("by").and_then(|v| v.person());
    let prime = fields.take("prime").and_then(|v| {
        if by.is_none() {
            v.complain("say whose line begins so: `by: ana`");
        }
        v.spoken_lines()
    });
    let authored = fields.take("line").and_then(|v| {
        if by.is_some() {
            v.complain(
                "a cliffhanger has either a `line` of yours, or `by`, whose own words are cut off",
            );
        }
        line(&v)
    });
    let card = fields.take("card").and_then(|v| v.text());
    fields.finish();
    Some(CliffhangerSpec {
        span: value.span(),
        thread,
        by,
        prime: prime.unwrap_or_default(),
        line: authored,
        card,
    })
}

/// The scenes in order; `None` when one of them cannot be had.
fn load_all(
    reader: &Reader,
    chained: &[ChainedSpec],
    known: &[SceneId],
    load: impl Fn(&SceneId) -> Result<Scene, Problems>,
) -> Option<Vec<Scene>> {
    let mut scenes = Vec::new();
    for (n, At { value, span }) in chained.iter().map(|chained| &chained.scene).enumerate() {
        let names: Vec<&str> = known.iter().map(SceneId::as_str).collect();
        if !names.contains(&value.as_str()) {
            reader.complain_helpfully(
                *span,
                format!("the show has no scene `{value}`"),
                suggestion(value, &names),
            );
            continue;
        }
        let mut earlier = chained[..n].iter();
        if earlier.any(|earlier| earlier.scene.value == *value) {
            reader.complain(
                *span,
                format!("the scene `{value}` is played a second time"),
            );
            continue;
        }
        match load(&SceneId::new(value.clone())) {
            Ok(scene) => scenes.push(scene),
            Err(problems) => {
                let own: Vec<Problem> = problems.into_vec();
                let what = format!("the scene `{value}` cannot be played itself");
                reader.complain(*span, what);
                for problem in own {
                    reader.push(problem);
                }
            }
        }
    }
    (scenes.len() == chained.len()).then_some(scenes)
}
