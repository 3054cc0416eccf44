use std::fs;

use super::*;

/// A small workspace on the disk, gone when dropped.
fn workspace() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        (
            "characters/harbour/show.yaml",
            "title: Harbour\nscripts: [scripts/one.fountain]\nplot_lines: [{ id: amnesia, title: Who? }]\n",
        ),
        (
            "characters/harbour/scripts/one.fountain",
            "INT. PIER - NIGHT\n\n[[plot: amnesia]]\n\nFog.\n\nANA\n(softly)\nYou came.\n\nLUZ\nI did.\n",
        ),
        (
            "characters/harbour/ana.yaml",
            "name: Ana\nlines: { speakers: [ANA] }\n",
        ),
        (
            "characters/harbour/luz.yaml",
            "name: Luz\nlines: { speakers: [LUZ] }\n",
        ),
        (
            "scenes/harbour/pier.yaml",
            "title: The Pier\nsetting: { place: The pier }\ncast: [ana, luz]\nthreads: [{ id: fog, question: Will it lift? }]\nbeats:\n  - id: wait\n    threads: { opens: [fog] }\n",
        ),
        (
            "scenes/harbour/quay.yaml",
            "title: The Quay\nsetting: { place: The quay }\ncast: [luz]\nthreads: [{ id: fog, question: Will it lift?, open: true }]\nbeats:\n  - id: go\n    threads: { resolves: [fog] }\n",
        ),
        (
            "scenes/harbour/all.episode.yaml",
            "title: All of it\nscenes: [pier, quay]\n",
        ),
    ];
    for (path, text) in files {
        write(&folder, path, text);
    }
    folder
}

fn write(folder: &tempfile::TempDir, path: &str, text: &str) {
    let path = folder.path().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn open(folder: &tempfile::TempDir) -> Workspace {
    Workspace::open(folder.path()).unwrap()
}

fn told(problems: &[Problem]) -> String {
    let told: Vec<String> = problems.iter().map(Problem::to_string).collect();
    told.join("\n")
}

#[test]
fn what_is_no_regular_file_is_not_read() {
    let folder = workspace();
    let path = folder.path().join("characters/harbour/ana.yaml");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let problems = told(&open(&folder).check());
    assert!(
        problems.contains("characters/harbour/ana.yaml: is no regular file"),
        "{problems}"
    );
}

#[test]
fn a_workspace_without_a_fault_has_no_problem() {
    let folder = workspace();
    let workspace = open(&folder);
    assert_eq!(told(&workspace.check()), "");
    let scene = workspace.default_scene().unwrap();
    assert_eq!(workspace.load_scene(&scene).unwrap().title, "The Pier");
    let show = workspace.load_show(&ShowId::new("harbour")).unwrap();
    let scripts = workspace.load_scripts(&show).unwrap();
    assert_eq!(scripts[0].scenes[0].turns.len(), 3);
    assert_eq!(workspace.load_characters(&show.id).unwrap().len(), 2);
}

#[test]
fn a_folder_without_a_show_is_no_workspace() {
    let folder = tempfile::tempdir().unwrap();
    let problems = Workspace::open(folder.path()).unwrap_err();
    assert!(problems.to_string().contains("there is no show here"));
    assert!(Workspace::open(&folder.path().join("gone")).is_err());
}

#[test]
fn scenes_and_characters_are_found_by_name_and_by_path() {
    let folder = workspace();
    let workspace = open(&folder);
    let by_id = workspace.find_scene("pier").unwrap();
    assert_eq!(workspace.find_scene("harbour/pier").unwrap(), by_id);
    let path = folder.path().join("scenes/harbour/pier.yaml");
    assert_eq!(workspace.find_scene(path.to_str().unwrap()).unwrap(), by_id);
    let outside = tempfile::tempdir().unwrap();
    let text = "show: harbour\ntitle: Mine\nsetting: { place: Here }\ncast: [ana, luz]\nbeats: [{ id: talk }]\n";
    write(&outside, "mine.yaml", text);
    let mine = outside.path().join("mine.yaml");
    let found = workspace.find_scene(mine.to_str().unwrap()).unwrap();
    assert_eq!(workspace.load_scene(&found).unwrap().title, "Mine");
    insta::assert_snapshot!([
        workspace.find_scene("peir").unwrap_err(),
        workspace.find_scene("harbor/pier").unwrap_err(),
        workspace.find_character("anna").unwrap_err(),
        workspace.find_show("harbor").unwrap_err(),
    ].map(|problems| problems.to_string()).join("\n"), @r"
    scenes: there is no scene `peir`
      help: did you mean `pier`?
    scenes: there is no scene `harbor/pier`
      help: did you mean `harbour/pier`?
    characters: there is no character `anna`
      help: did you mean `ana`?
    characters: there is no show `harbor`
      help: did you mean `harbour`?
    ");
    assert_eq!(
        workspace.find_character("harbour/ana").unwrap(),
        workspace.find_character("ana").unwrap()
    );
}

#[test]
fn a_name_in_two_shows_must_say_which() {
    let folder = workspace();
    write(
        &folder,
        "characters/bay/show.yaml",
        "title: Bay\nscripts: [a.fountain]\n",
    );
    write(&folder, "characters/bay/a.fountain", "ANA\nHi.\n");
    write(
        &folder,
        "characters/bay/ana.yaml",
        "name: Ana\nlines: { speakers: [ANA] }\n",
    );
    let workspace = open(&folder);
    assert_eq!(told(&workspace.check()), "");
    let problems = workspace.find_character("ana").unwrap_err();
    assert!(problems.to_string().contains("say which"), "{problems}");
    assert_eq!(
        workspace.find_character("bay/ana").unwrap().0,
        ShowId::new("bay")
    );
}

#[test]
fn every_problem_of_a_workspace_comes_at_once() {
    let folder = workspace();
    write(
        &folder,
        "characters/harbour/scripts/one.fountain",
        "INT. PIER - NIGHT\n\n[[plot: amnesa]]\n\nANA\nYou 🌊 came 🌊.\n\nLUZ\nI did.\n",
    );
    write(
        &folder,
        "characters/harbour/eva.yaml",
        "name: Eva\nlines: { speakers: [ANNA] }\n",
    );
    write(
        &folder,
        "characters/harbour/camera.yaml",
        "name: Camera\nlines: { speaker: '@action' }\n",
    );
    write(&folder, "characters/harbour/Big Bob.yaml", "name: Bob\n");
    write(&folder, "scenes/harbour/pier.yaml", "title: The Pier\n");
    write(&folder, "scenes/harbor/x.yaml", "title: x\n");
    insta::assert_snapshot!(told(&open(&folder).check()), @r"
    characters/harbour/Big Bob.yaml: `Big Bob` is no id
      help: name it with lower-case ASCII letters, digits and hyphens, a letter first, at most 48 characters
    characters/harbour/camera.yaml:2:19: the scripts have no action lines
    characters/harbour/eva.yaml:2:21: the scripts have no lines for the speaker `ANNA`
      help: the scripts have the speakers `ANA`, `LUZ`
    characters/harbour/scripts/one.fountain:3:9: the show has no plot line `amnesa`
      help: did you mean `amnesia`?
    characters/harbour/scripts/one.fountain:6:5: the models cannot write the character U+1F30A, 2 times in this script
      help: spoken text is made of ASCII, Latin-1 letters and «»“”‘’—–…¿¡
    scenes/harbor: there is no show `harbor` for these scenes
      help: did you mean `harbour`?
    scenes/harbour/all.episode.yaml:2:10: the scene `pier` cannot be played itself
    scenes/harbour/pier.yaml:1:1: the field `setting` is missing
    scenes/harbour/pier.yaml:1:1: the field `cast` is missing
    scenes/harbour/pier.yaml:1:1: the field `beats` is missing
    ");
}

#[test]
fn a_file_that_is_no_text_is_refused() {
    let folder = workspace();
    let path = folder.path().join("characters/harbour/ana.yaml");
    fs::write(path, b"name: A\nx: \xff\n").unwrap();
    let workspace = open(&folder);
    let (show, id) = workspace.find_character("ana").unwrap();
    let problems = workspace.load_character(&show, &id).unwrap_err();
    assert!(
        problems.to_string().contains("line 2 is not UTF-8"),
        "{problems}"
    );
}

#[cfg(unix)]
#[test]
fn a_script_that_links_out_of_the_workspace_is_refused() {
    let folder = workspace();
    let outside = tempfile::tempdir().unwrap();
    write(&outside, "x.fountain", "ANA\nHi.\n");
    let link = folder
        .path()
        .join("characters/harbour/scripts/two.fountain");
    std::os::unix::fs::symlink(outside.path().join("x.fountain"), link).unwrap();
    write(
        &folder,
        "characters/harbour/show.yaml",
        "title: Harbour\nscripts: [scripts/two.fountain, scripts/three.fountain]\n",
    );
    let problems = open(&folder)
        .load_show(&ShowId::new("harbour"))
        .unwrap_err();
    insta::assert_snapshot!(problems, @r"
    characters/harbour/show.yaml:2:11: characters/harbour/scripts/two.fountain leads out of the workspace
    characters/harbour/show.yaml:2:33: there is no file characters/harbour/scripts/three.fountain
    ");
}

#[test]
fn a_new_character_passes_the_check() {
    let folder = workspace();
    let show = ShowId::new("harbour");
    let (id, yaml) = crate::template::new_character_yaml("Doña Paz", &show).unwrap();
    write(&folder, &format!("characters/harbour/{id}.yaml"), &yaml);
    let workspace = open(&folder);
    assert_eq!(told(&workspace.check()), "");
    assert!(workspace.load_character(&show, &id).is_ok());
}

/// What `check` says of the harbour with another pier, quay or episode.
fn told_of(pier: &str, quay: &str, episode: &str) -> String {
    let folder = workspace();
    let scene = |what: &str| format!("title: Here\nsetting: {{ place: Here }}\n{what}\n");
    if !pier.is_empty() {
        write(&folder, "scenes/harbour/pier.yaml", &scene(pier));
    }
    if !quay.is_empty() {
        write(&folder, "scenes/harbour/quay.yaml", &scene(quay));
    }
    if !episode.is_empty() {
        let text = format!("title: All\n{episode}\n");
        write(&folder, "scenes/harbour/all.episode.yaml", &text);
    }
    told(&open(&folder).check())
}

#[test]
fn an_episode_carries_its_threads_from_scene_to_scene() {
    let folder = workspace();
    let workspace = open(&folder);
    let piece = workspace.find_piece("all").unwrap();
    assert!(matches!(piece, Piece::Episode(_)));
    let path = folder.path().join("scenes/harbour/all.episode.yaml");
    assert_eq!(workspace.find_piece(path.to_str().unwrap()).unwrap(), piece);
    let episode = workspace.load_episode(piece.file()).unwrap();
    assert_eq!(episode.title, "All of it");
    let last = episode.scenes[0].beats.last().unwrap();
    let cliffhanger = last.cliffhanger.as_ref().unwrap();
    assert_eq!(cliffhanger.thread.as_str(), "fog");
    assert_eq!(cliffhanger.card, "To be continued…");
    assert_eq!(last.title, "Will it lift?");
    assert!(
        episode.scenes[1]
            .beats
            .iter()
            .all(|beat| beat.cliffhanger.is_none())
    );
    let threads = crate::episode::threads(&episode.scenes);
    assert_eq!(threads.len(), 1);
    assert!(matches!(
        workspace.find_piece("pier").unwrap(),
        Piece::Scene(_)
    ));
    assert_eq!(workspace.episodes(&ShowId::new("harbour")).len(), 1);
}

#[test]
fn what_does_not_fit_together_in_an_episode_is_told() {
    const FOG: &str = "cast: [ana]\nthreads: [{ id: fog, question: Will it?, MORE }]\nbeats: [{ id: a, threads: { STEPS } }]";
    let fog = |more: &str, steps: &str| FOG.replace("MORE", more).replace("STEPS", steps);
    let carried = fog("must_resolve: true, carried: true", "opens: [fog]");
    let untouched = fog("open: true", "advances: [fog]");
    let tied = fog("open: true", "resolves: [fog]");
    let secret = "cast: [ana]\nthreads: [{ id: fog, question: Will it?, open: true }]\nsecrets: [{ id: name, known_by: [ana] }]\nbeats: [{ id: a, reveals: [name] }]";
    let gone = "cast: [ana, luz]\nthreads: [{ id: fog, question: Will it?, open: true }]\nbeats: [{ id: a, exit: [ana, luz] }]";
    insta::assert_snapshot!([
        told_of(&carried, &untouched, ""),
        told_of(&tied, "", ""),
        told_of("", &fog("resolution: Yes.", "opens: [fog]"), ""),
        told_of(secret, secret, ""),
        told_of(gone, "", ""),
        told_of("", "", "scenes: [pier]"),
        told_of("", "", "scenes: [pier, pier, quya]"),
        told_of("", "", "scenes: [{ scene: pier, cliffhanger: { thread: frog, prime: Fog } }, quay]"),
        told_of("", "", "scenes: [{ scene: pier, cliffhanger: { by: bo } }, { scene: quay, cliffhanger: {} }]"),
        told_of("", "cast: [bo]\nbeats: [{ id: a }]", ""),
    ].join("\n---\n"));
}
