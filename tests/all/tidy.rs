//! The house rules as tests: they read the clone and fail with `file:line`.
//!
//! Each rule is a pure function over paths and texts (`rooms`, `house`), and beside it stands a
//! planted fault that it must refuse: a rule that accepts everything would look green for ever.

mod house;
mod rooms;
mod source;

use source::{Fault, File, Source};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every text file of the clone below `folder`, with its path from the top, in path order.
fn files_below(folder: &str) -> Vec<File> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).expect("a folder of the clone can be read");
        for entry in entries {
            let path = entry.expect("an entry of the clone can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                files.push(File { path: from_top(&path), text });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn from_top(path: &Path) -> String {
    path.strip_prefix(root()).expect("below the top").to_string_lossy().replace('\\', "/")
}

fn rust_files(folders: &[&str]) -> Vec<File> {
    let mut files: Vec<File> = folders
        .iter()
        .filter(|folder| root().join(folder).is_dir())
        .flat_map(|folder| files_below(folder))
        .collect();
    files.retain(|file| has_ending(file, "rs"));
    files
}

fn file(path: &str) -> File {
    let text = std::fs::read_to_string(root().join(path))
        .unwrap_or_else(|problem| panic!("{path} cannot be read: {problem}"));
    File { path: path.to_owned(), text }
}

fn has_ending(file: &File, ending: &str) -> bool {
    Path::new(&file.path).extension().is_some_and(|found| found == ending)
}

/// Names that stand at the top of the clone, without what git and cargo make themselves.
fn top_level() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(root())
        .expect("the top of the clone can be read")
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
        .filter(|name| name != ".git" && name != "target")
        .collect();
    names.sort();
    names
}

/// Texts that people and machines follow: prose, scripts, samples for deployment.
fn instructions() -> Vec<File> {
    let mut files: Vec<File> =
        ["README.md", "ARCHITECTURE.md", "SECURITY.md", ".ci/run"].into_iter().map(file).collect();
    files.extend(files_below("docs"));
    files.extend(files_below("deploy"));
    files
}

fn no_faults(faults: &[Fault]) {
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "\n{}\n", lines.join("\n"));
}

fn check_sources(files: &[File], rule: impl Fn(&Source<'_>) -> Vec<Fault>) {
    assert!(!files.is_empty(), "the rule was given no file");
    let tests = source::test_places(files);
    let sources = files.iter().map(|file| Source::read(file, &tests));
    no_faults(&sources.flat_map(|source| rule(&source)).collect::<Vec<_>>());
}

#[test]
fn no_room_uses_a_room_above_it() {
    check_sources(&rust_files(&["src"]), rooms::use_goes_up);
}

#[test]
fn the_engine_rooms_touch_no_clock_chance_thread_file_or_socket() {
    check_sources(&rust_files(&["src"]), rooms::reaches_outside);
}

#[test]
fn each_guest_crate_is_used_in_its_own_room_alone() {
    check_sources(&rust_files(&["src"]), rooms::guest_elsewhere);
}

#[test]
fn unsafe_code_stays_in_its_one_file() {
    check_sources(&rust_files(&["src", "tests", "benches"]), rooms::unsafe_elsewhere);
}

#[test]
fn every_source_file_opens_with_its_header() {
    check_sources(&rust_files(&["src", "tests", "benches"]), house::no_header);
}

#[test]
fn no_source_file_is_longer_than_a_reader_bears() {
    check_sources(&rust_files(&["src", "tests", "benches"]), house::too_long);
}

#[test]
fn no_test_is_ignored_or_named_test() {
    check_sources(&rust_files(&["src", "tests", "benches"]), house::weak_test);
}

#[test]
fn no_file_names_a_path_of_one_machine() {
    let mut files = instructions();
    files.extend(rust_files(&["src", "tests", "benches"]));
    files.extend(["Cargo.toml", "Makefile", "deny.toml", "clippy.toml"].into_iter().map(file));

    no_faults(&files.iter().flat_map(house::machine_path).collect::<Vec<_>>());
}

#[test]
fn the_top_level_holds_what_it_may_hold_and_nothing_else() {
    no_faults(&house::stranger_at_the_top(&top_level()));
}

#[test]
fn every_make_command_that_a_text_names_is_a_target() {
    let makefile = file("Makefile");

    no_faults(
        &instructions()
            .iter()
            .flat_map(|text| house::no_such_target(text, &makefile))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn every_verb_that_a_text_names_has_its_file() {
    let verbs: Vec<String> = files_below("src/cli").into_iter().map(|file| file.path).collect();

    no_faults(
        &instructions()
            .iter()
            .flat_map(|text| house::no_such_verb(text, &verbs))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn every_metric_that_a_text_or_an_alert_rule_names_is_there() {
    let metrics = file("docs/metrics.md");

    no_faults(
        &instructions()
            .iter()
            .flat_map(|text| house::no_such_metric(text, &metrics))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn every_link_and_file_that_a_text_names_exists() {
    let exists = |path: &str| root().join(path).exists();
    let texts: Vec<File> =
        instructions().into_iter().filter(|file| has_ending(file, "md")).collect();

    no_faults(
        &texts.iter().flat_map(|text| house::dead_reference(text, exists)).collect::<Vec<_>>(),
    );
}
