//! A small show on the disk, for scenes that are drawn at random.

use std::fs;
use std::path::Path;

use telenovela_script::character::CharacterId;
use telenovela_script::load::{SceneFile, Workspace};
use telenovela_script::scene::SceneId;
use telenovela_script::show::ShowId;

pub(crate) const SHOW: &str = "harbour";

/// Everybody in the show: id, role, whether heard but not seen.
pub(crate) const PEOPLE: [(&str, &str, bool); 6] = [
    ("ana", "protagonist", false),
    ("bea", "villain", false),
    ("carlos", "confidante", false),
    ("dora", "", false),
    ("narrator", "", true),
    ("camera", "", true),
];

pub(crate) const PLOT_LINES: [&str; 2] = ["love", "loss"];

/// Scenes that an episode may have.
pub(crate) const PARTS: [&str; 3] = ["part-0", "part-1", "part-2"];

pub(crate) fn is_offstage(id: &CharacterId) -> bool {
    PEOPLE
        .iter()
        .any(|(known, _, offstage)| *known == id.as_str() && *offstage)
}

pub(crate) fn role_of(id: &CharacterId) -> &'static str {
    PEOPLE
        .iter()
        .find(|(known, _, _)| *known == id.as_str())
        .map_or("", |(_, role, _)| role)
}

/// The workspace, gone when dropped.
pub(crate) struct Theatre {
    folder: tempfile::TempDir,
    workspace: Workspace,
}

impl Theatre {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("there is room on the disk");
        let root = folder.path();
        let mut script = String::from("INT. PIER - NIGHT\n\nFog.\n");
        for (id, _, _) in PEOPLE {
            script.push_str(&format!("\n{}\nYou came.\n", id.to_uppercase()));
        }
        write(root, "characters/harbour/scripts/one.fountain", &script);
        write(
            root,
            "characters/harbour/show.yaml",
            "title: Harbour\nscripts: [scripts/one.fountain]\nplot_lines: [{ id: love, title: Love }, { id: loss, title: Loss }]\n",
        );
        for (id, role, offstage) in PEOPLE {
            let role = if role.is_empty() {
                String::new()
            } else {
                format!("role: {role}\n")
            };
            let text = format!(
                "name: {id}\n{role}offstage: {offstage}\nlines: {{ speakers: [{}] }}\n",
                id.to_uppercase()
            );
            write(root, &format!("characters/harbour/{id}.yaml"), &text);
        }
        for scene in PARTS.iter().chain(&["case"]) {
            write(root, &format!("scenes/harbour/{scene}.yaml"), "");
        }
        write(root, "scenes/harbour/whole.episode.yaml", "");
        let workspace = Workspace::open(root).expect("the show is there");
        Self { folder, workspace }
    }

    pub(crate) fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// Writes a scene of the show.
    pub(crate) fn write_scene(&self, id: &str, text: &str) -> SceneFile {
        self.write(id, &format!("{id}.yaml"), text)
    }

    /// Writes the episode of the show.
    pub(crate) fn write_episode(&self, text: &str) -> SceneFile {
        self.write("whole", "whole.episode.yaml", text)
    }

    fn write(&self, id: &str, name: &str, text: &str) -> SceneFile {
        let path = format!("scenes/harbour/{name}");
        write(self.folder.path(), &path, text);
        SceneFile {
            show: ShowId::new(SHOW),
            id: SceneId::new(id),
            path: self.workspace.root().join(path),
        }
    }
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("every path here has a folder"))
        .and_then(|()| fs::write(path, text))
        .expect("there is room on the disk");
}
