//! How files look and what texts promise: headers, lengths, the top level, commands, references.

use super::source::{self, Fault, File, Source};

/// Most of our files are far below; past this a file holds more than one idea.
const LINES_MAX: usize = 800;

/// What may stand at the top of the clone.
const TOP: [&str; 20] = [
    ".ci",
    ".gitignore",
    "ARCHITECTURE.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "Makefile",
    "README.md",
    "SECURITY.md",
    "benches",
    "clippy.toml",
    "deny.toml",
    "deploy",
    "docs",
    "rules",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "schemas",
    "src",
    "tests",
];

/// Beginnings of paths that exist on somebody's machine only. Put together here, so that this file
/// does not hold what it looks for.
const MACHINE: [&str; 5] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Use", "rs/"),
    concat!("/tmp/", "scratch"),
];

/// A file that does not open with `//!`.
pub(super) fn no_header(source: &Source<'_>) -> Vec<Fault> {
    if source.text.starts_with("//!") {
        return Vec::new();
    }
    vec![source.fault(1, "does not open with a `//!` header that says what it owns")]
}

/// A file beyond the bound.
pub(super) fn too_long(source: &Source<'_>) -> Vec<Fault> {
    let lines = source.text.lines().count();
    if lines <= LINES_MAX {
        return Vec::new();
    }
    vec![source.fault(LINES_MAX + 1, format!("has {lines} lines, more than {LINES_MAX}"))]
}

/// A test that never runs, or whose name says what the attribute says already.
pub(super) fn weak_test(source: &Source<'_>) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (index, line) in source.code.lines().enumerate() {
        if line.contains("#[ignore") {
            faults.push(source.fault(index + 1, "a test is ignored"));
        }
        if line.trim_start().starts_with("fn test_") {
            faults.push(source.fault(index + 1, "a test's name is a sentence without `test_`"));
        }
    }
    faults
}

/// A path of one machine in a text that everybody gets.
pub(super) fn machine_path(file: &File) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for start in MACHINE {
            if line.contains(start) {
                let what = format!("names a path of one machine: `{start}…`");
                faults.push(Fault::new(&file.path, index + 1, what));
            }
        }
    }
    faults
}

/// An entry at the top that is not among those that may stand there.
pub(super) fn stranger_at_the_top(names: &[String]) -> Vec<Fault> {
    names
        .iter()
        .filter(|name| !TOP.contains(&name.as_str()))
        .map(|name| Fault::new(name, 0, "does not belong at the top of the clone"))
        .collect()
}

/// `make x` in code of a text, where the Makefile has no target x.
pub(super) fn no_such_target(file: &File, makefile: &File) -> Vec<Fault> {
    let is_target = |name: &str| {
        makefile.text.lines().any(|line| {
            line.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with(':'))
        })
    };
    commands(file, "make")
        .into_iter()
        .filter(|(_, target)| !is_target(target))
        .map(|(line, target)| {
            Fault::new(&file.path, line, format!("`make {target}` is not in the Makefile"))
        })
        .collect()
}

/// `tidegate x` in code of a text, where no file of `verbs` is the verb's.
pub(super) fn no_such_verb(file: &File, verbs: &[String]) -> Vec<Fault> {
    let has_file = |verb: &str| {
        let (alone, folder) = (format!("src/cli/{verb}.rs"), format!("src/cli/{verb}/mod.rs"));
        verbs.iter().any(|path| *path == alone || *path == folder)
    };
    commands(file, "tidegate")
        .into_iter()
        .filter(|(_, verb)| !has_file(verb))
        .map(|(line, verb)| {
            Fault::new(&file.path, line, format!("`tidegate {verb}` has no file in src/cli"))
        })
        .collect()
}

/// First words behind `program` in code: a block's line that begins with it, or a span in backticks.
fn commands(file: &File, program: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (line, code) in code_of(file) {
        let Some(rest) = code.trim_start().trim_start_matches("$ ").strip_prefix(program) else {
            continue;
        };
        let word: String = rest
            .strip_prefix(' ')
            .unwrap_or_default()
            .chars()
            .take_while(|c| c.is_ascii_lowercase() || *c == '-')
            .collect();
        if word.starts_with(|c: char| c.is_ascii_lowercase()) {
            found.push((line, word));
        }
    }
    found
}

/// Lines of fenced blocks and spans in backticks, with their line. A file that is not Markdown is
/// code as a whole.
fn code_of(file: &File) -> Vec<(usize, &str)> {
    let is_markdown = has_ending(&file.path, "md");
    let mut in_block = false;
    let mut code = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        if is_markdown && line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if in_block || !is_markdown {
            code.push((index + 1, line));
        } else {
            code.extend(line.split('`').skip(1).step_by(2).map(|span| (index + 1, span)));
        }
    }
    code
}

/// A relative link, or a path of the clone in backticks, that leads nowhere.
pub(super) fn dead_reference(file: &File, exists: impl Fn(&str) -> bool) -> Vec<Fault> {
    let mut faults = Vec::new();
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    for (line, target) in links(file) {
        if !exists(&joined(folder, &target)) {
            faults.push(Fault::new(&file.path, line, format!("links to `{target}`, not there")));
        }
    }
    for (line, code) in code_of(file) {
        let Some(path) = clone_path(code) else { continue };
        if !exists(&path) {
            faults.push(Fault::new(&file.path, line, format!("names `{code}`, not there")));
        }
    }
    faults
}

/// A metric in a text or an alert rule that the generated list of metrics does not have.
pub(super) fn no_such_metric(file: &File, metrics: &File) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for (at, _) in line.match_indices("tidegate_") {
            let before = line[..at].chars().next_back();
            if before.is_some_and(source::is_name) {
                continue;
            }
            let name: String = line[at..].chars().take_while(|c| source::is_name(*c)).collect();
            if !metrics.text.contains(&format!("`{name}`")) {
                let what = format!("names the metric `{name}`, not in {}", metrics.path);
                faults.push(Fault::new(&file.path, index + 1, what));
            }
        }
    }
    faults
}

/// Targets of `[text](target)` and `src="target"` without anchors and addresses.
fn links(file: &File) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let round = line.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        let quoted = line.split("src=\"").skip(1).filter_map(|rest| rest.split_once('"'));
        for (target, _) in round.chain(quoted) {
            let target = target.split('#').next().unwrap_or_default();
            if !target.is_empty() && !target.contains(':') {
                found.push((index + 1, target.to_owned()));
            }
        }
    }
    found
}

fn joined(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            ".." => {
                parts.pop();
            }
            "." | "" => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// A code span that is one path of the clone: it begins with an entry of the top level that is a
/// folder, or is a Rust file of a room (`detect/window.rs`).
fn clone_path(code: &str) -> Option<String> {
    const FOLDERS: [&str; 8] =
        [".ci/", "benches/", "deploy/", "docs/", "rules/", "schemas/", "src/", "tests/"];
    let plain = |c: char| source::is_name(c) || matches!(c, '/' | '.' | '-');
    if !code.contains('/') || !code.chars().all(plain) {
        return None;
    }
    if FOLDERS.iter().any(|folder| code.starts_with(folder)) {
        return Some(code.to_owned());
    }
    (has_ending(code, "rs") && !code.starts_with('/')).then(|| format!("src/{code}"))
}

fn has_ending(path: &str, ending: &str) -> bool {
    std::path::Path::new(path).extension().is_some_and(|found| found == ending)
}

#[cfg(test)]
mod planted_faults {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    fn lines(faults: Vec<Fault>) -> Vec<usize> {
        faults.into_iter().map(|fault| fault.line).collect()
    }

    #[test]
    fn a_file_without_header_is_found() {
        let found = |text: &str| lines(no_header(&Source::read(&file("src/a.rs", text), &[])));

        assert_eq!(found("// a comment\nfn f() {}"), [1]);
        assert!(found("//! Owns f.\nfn f() {}").is_empty());
    }

    #[test]
    fn a_file_that_is_one_line_too_long_is_found() {
        let found =
            |count| lines(too_long(&Source::read(&file("src/a.rs", &"\n".repeat(count)), &[])));

        assert_eq!(found(801), [801]);
        assert!(found(800).is_empty());
    }

    #[test]
    fn an_ignored_test_and_a_test_named_test_are_found() {
        let text = "#[test]\n#[ignore = \"slow\"]\nfn test_a() {}\n// #[ignore]\nfn latest_a() {}";

        assert_eq!(lines(weak_test(&Source::read(&file("src/a.rs", text), &[]))), [2, 3]);
    }

    #[test]
    fn a_path_of_one_machine_is_found() {
        let text = format!("fine\nsee {}somebody/notes", MACHINE[2]);

        assert_eq!(lines(machine_path(&file("docs/a.md", &text))), [2]);
        assert!(machine_path(&file("docs/a.md", "/var/lib/tidegate")).is_empty());
    }

    #[test]
    fn a_stranger_at_the_top_is_found() {
        let names = ["src".to_owned(), "notes.txt".to_owned()];

        let faults = stranger_at_the_top(&names);

        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].to_string(), "notes.txt: does not belong at the top of the clone");
    }

    #[test]
    fn a_command_that_make_does_not_know_is_found() {
        let makefile = file("Makefile", "demo: build\ndemo-kafka: build\n");
        let readme =
            "make sure\n`make demo` or `make dem`\n```\nmake demo-kafka\nmake chaos\n```\n";

        assert_eq!(lines(no_such_target(&file("README.md", readme), &makefile)), [2, 5]);
    }

    #[test]
    fn a_verb_without_a_file_is_found() {
        let verbs = ["src/cli/scan.rs".to_owned(), "src/cli/topics/mod.rs".to_owned()];
        let text =
            "tidegate finds\n`tidegate scan logs/`, `tidegate topics create`, `tidegate fly`";

        assert_eq!(lines(no_such_verb(&file("docs/a.md", text), &verbs)), [2]);
    }

    #[test]
    fn a_metric_that_is_not_there_is_found() {
        let metrics = file("docs/metrics.md", "| `tidegate_ready` | gauge |");
        let text = "expr: tidegate_ready == 0\nexpr: rate(tidegate_gone_total[5m])\nx_tidegate_y";

        assert_eq!(lines(no_such_metric(&file("a.yml", text), &metrics)), [2]);
    }

    #[test]
    fn a_reference_that_leads_nowhere_is_found() {
        let there = ["docs/a.svg", "src/detect/window.rs", "README.md", "docs/b.md"];
        let exists = |path: &str| there.contains(&path);
        let found = |text: &str| lines(dead_reference(&file("docs/b.md", text), exists));

        assert!(found("![x](a.svg) [up](../README.md#part) [this](#here)").is_empty());
        assert!(found("`detect/window.rs` `src/detect/window.rs` `a/b` `rules/*.yml`").is_empty());
        assert_eq!(found("[x](c.md)\n`detect/gone.rs`\n`tests/gone/`"), [1, 2, 3]);
    }
}
