//! A Rust file as the rules see it: its code without comments and texts, and its production part.
//!
//! Not a parser. Blanking keeps every line and column, so a fault found in the blanked code points
//! at the place in the file.

use std::fmt;

const CFG_TEST: &str = "#[cfg(test)]";

/// A text file of the clone; `path` is from the top, with slashes.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) path: String,
    pub(super) text: String,
}

/// A broken rule; `line` from 1, 0 for the file as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) path: String,
    pub(super) line: usize,
    pub(super) what: String,
}

impl Fault {
    pub(super) fn new(path: &str, line: usize, what: impl Into<String>) -> Fault {
        Fault { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.what),
            line => write!(f, "{}:{line}: {}", self.path, self.what),
        }
    }
}

/// A Rust file with its blanked forms.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) path: &'a str,
    pub(super) text: &'a str,
    /// Comments, texts and characters blanked.
    pub(super) code: String,
    /// `code` with every item under `#[cfg(test)]` blanked; empty for a file of tests.
    pub(super) production: String,
}

impl<'a> Source<'a> {
    /// `tests` are the beginnings of paths that [`test_places`] found.
    pub(super) fn read(file: &'a File, tests: &[String]) -> Source<'a> {
        let code = without_texts(&file.text);
        let is_test = !file.path.starts_with("src/")
            || tests.iter().any(|place| file.path.starts_with(place.as_str()));
        let production = if is_test { String::new() } else { without_tests(&code) };
        Source { path: &file.path, text: &file.text, code, production }
    }

    pub(super) fn fault(&self, line: usize, what: impl Into<String>) -> Fault {
        Fault::new(self.path, line, what)
    }
}

/// Beginnings of the paths of modules that are declared as `#[cfg(test)] mod name;`, in a file or a
/// folder of their own. A name alone exempts no file.
pub(super) fn test_places(files: &[File]) -> Vec<String> {
    let mut places = Vec::new();
    for file in files {
        let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        let inside = match name {
            "mod.rs" | "lib.rs" | "main.rs" => folder.to_owned(),
            name => format!("{folder}/{}", name.trim_end_matches(".rs")),
        };
        let code = without_texts(&file.text);
        for (at, mark) in code.match_indices(CFG_TEST) {
            let start = at + mark.len();
            let Some(length) = code[start..].find([';', '{']) else { continue };
            let (declared, text) =
                (&code[start..start + length], &file.text[start..start + length]);
            if !code[start + length..].starts_with(';') {
                continue;
            }
            let Some((_, module)) = declared.rsplit_once("mod ") else { continue };
            let path = text.split_once("path = \"").and_then(|(_, rest)| rest.split_once('"'));
            if let Some((path, _)) = path {
                places.push(format!("{folder}/{path}"));
            } else {
                places.push(format!("{inside}/{}.rs", module.trim()));
                places.push(format!("{inside}/{}/", module.trim()));
            }
        }
    }
    places
}

/// Lines (from 1) of `code` on which `word` stands as a whole name or path.
pub(super) fn lines_with(code: &str, word: &str) -> Vec<usize> {
    let mut lines: Vec<usize> =
        places_of(code, word).into_iter().map(|at| line_of(code, at)).collect();
    lines.dedup();
    lines
}

/// Byte places of `word` in `code` where neither neighbour continues a name.
pub(super) fn places_of(code: &str, word: &str) -> Vec<usize> {
    let stands_alone = |at: usize| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        !before.is_some_and(is_name) && !after.is_some_and(is_name)
    };
    code.match_indices(word).map(|(at, _)| at).filter(|at| stands_alone(*at)).collect()
}

pub(super) fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

pub(super) fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Every path that the `use` items of `code` bring in, with groups written out, and its line.
pub(super) fn use_paths(code: &str) -> Vec<(usize, String)> {
    let mut paths = Vec::new();
    for at in places_of(code, "use") {
        let Some(length) = code[at..].find(';') else { continue };
        let tree: String = code[at + "use".len()..at + length]
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .replace(" ::", "::")
            .replace(":: ", "::");
        let mut found = Vec::new();
        write_out("", &tree, &mut found);
        paths.extend(found.into_iter().map(|path| (line_of(code, at), path)));
    }
    paths
}

/// `a::{b, c::{d, e}}` becomes `a::b`, `a::c::d`, `a::c::e`.
fn write_out(prefix: &str, tree: &str, found: &mut Vec<String>) {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        if !tree.is_empty() {
            found.push(format!("{prefix}{tree}"));
        }
        return;
    };
    let prefix = format!("{prefix}{}", tree[..open].trim());
    let inside = tree[open + 1..].strip_suffix('}').unwrap_or(&tree[open + 1..]);
    let mut depth = 0_usize;
    let mut start = 0;
    for (at, c) in inside.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                write_out(&prefix, &inside[start..at], found);
                start = at + 1;
            }
            _ => {}
        }
    }
    write_out(&prefix, &inside[start..], found);
}

/// Blanks comments, string texts and characters; keeps line breaks and places.
fn without_texts(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = text_end(bytes, at);
        for byte in code.get_mut(at..end).into_iter().flatten() {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end.max(at + 1);
    }
    String::from_utf8(code).expect("whole characters were blanked")
}

/// The end of the comment, text or character that starts at `at`; `at` itself when none does.
fn text_end(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let after_name = at > 0 && is_name(char::from(bytes[at - 1]));
    if rest.starts_with(b"//") {
        return at + rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
    }
    if rest.starts_with(b"/*") {
        return at + block_comment_length(rest);
    }
    let prefix = rest.iter().take_while(|b| matches!(b, b'b' | b'c' | b'r')).count();
    if !after_name && prefix <= 2 && rest[..prefix].contains(&b'r') {
        let hashes = rest[prefix..].iter().take_while(|b| **b == b'#').count();
        if rest.get(prefix + hashes) == Some(&b'"') {
            let close = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
            let body = prefix + hashes + 1;
            let length = rest[body..].windows(close.len()).position(|w| w == close);
            return at + length.map_or(rest.len(), |length| body + length + close.len());
        }
    }
    match rest[0] {
        b'"' => at + quoted_length(rest, b'"'),
        // A lifetime has no closing quote right behind its first letter.
        b'\'' if rest.get(1) == Some(&b'\\') => at + quoted_length(rest, b'\''),
        b'\'' => {
            let letter = 1 + rest[1..].iter().take_while(|b| **b >= 0x80).count().max(1);
            if rest.get(letter) == Some(&b'\'') { at + letter + 1 } else { at }
        }
        _ => at,
    }
}

fn quoted_length(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

fn block_comment_length(rest: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// Blanks the item behind each `#[cfg(test)]`, to its closing brace or semicolon.
fn without_tests(code: &str) -> String {
    let mut bytes = code.as_bytes().to_vec();
    for (start, _) in code.match_indices(CFG_TEST) {
        let mut depth = 0_usize;
        for byte in &mut bytes[start + CFG_TEST.len()..] {
            let here = *byte;
            if here != b'\n' {
                *byte = b' ';
            }
            match here {
                b'{' => depth += 1,
                b'}' if depth <= 1 => break,
                b'}' => depth -= 1,
                b';' if depth == 0 => break,
                _ => {}
            }
        }
    }
    String::from_utf8(bytes).expect("whole characters were blanked")
}

#[test]
fn comments_and_texts_are_no_code() {
    let text = "a(\"rdkafka \\\" x\"); // rocksdb\n/* tokio /* in */ tokio */ let c = '\"'; \
                let r = r#\"rand \" rand\"#; fn f<'a>(x: &'a str, q: b'\\'') { unsafe_name() }";

    let code = without_texts(text);

    assert_eq!(code.len(), text.len());
    for word in ["rdkafka", "rocksdb", "tokio", "rand", "unsafe"] {
        assert!(lines_with(&code, word).is_empty(), "{word} is left in {code}");
    }
    assert_eq!(lines_with(&code, "f"), [2]);
    assert_eq!(lines_with(&code, "unsafe_name"), [2]);
}

#[test]
fn modules_of_tests_are_no_production_code() {
    let code = "use a;\n#[cfg(test)]\nmod tests {\n fn f() { rand(); }\n}\nfn g() { rand() }\n";

    let production = without_tests(code);

    assert_eq!(lines_with(&production, "rand"), [6]);
}

#[test]
fn files_of_tests_are_those_that_their_parent_declares_so() {
    let file = |path: &str, text: &str| File { path: path.to_owned(), text: text.to_owned() };
    let files = [
        file("src/rule/mod.rs", "#[cfg(test)]\nmod checks;\nmod tests;\nmod yaml;"),
        file("src/scan/scanner.rs", "#[cfg(test)]\n#[path = \"scanner_tests.rs\"]\nmod tests;"),
        file("src/event/walk.rs", "#[cfg(test)]\nmod cases;\n#[cfg(test)]\nmod more { }"),
    ];

    let places = test_places(&files);

    assert_eq!(
        places,
        [
            "src/rule/checks.rs",
            "src/rule/checks/",
            "src/scan/scanner_tests.rs",
            "src/event/walk/cases.rs",
            "src/event/walk/cases/",
        ]
    );
}

#[test]
fn groups_of_a_use_are_written_out() {
    let code = "pub use crate::{a, b::{self, C}};\n\nuse std::{\n    fs,\n    io,\n};";

    let paths = use_paths(code);

    let written: Vec<&str> = paths.iter().map(|(_, path)| path.as_str()).collect();
    assert_eq!(written, ["crate::a", "crate::b::self", "crate::b::C", "std::fs", "std::io"]);
    assert_eq!(paths.last().map(|(line, _)| *line), Some(3));
}
