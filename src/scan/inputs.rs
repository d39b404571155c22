//! Which files are read, and in which order.

use super::stamp::delivery_stamp;
use super::summary::Unreadable;
use crate::units::{EventTime, RecordTime};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// One file, or standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The file; `None` is standard input.
    pub path: Option<PathBuf>,
    /// The delivery stamp in its name: the record time of everything in it.
    pub stamp: Option<RecordTime>,
    /// Its size on disk; 0 for standard input.
    pub bytes: u64,
}

/// What the paths of a command line stand for.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// Files to read.
    pub files: Vec<Input>,
    /// Paths that cannot be read, and why.
    pub unreadable: Vec<Unreadable>,
    /// Files in folders that are no logs, by name and by their first bytes: licences, notes.
    pub left_aside: usize,
}

/// Parts of a path that hold no events (sources.md §3.2).
const NO_EVENTS: [&str; 2] = ["CloudTrail-Digest", "CloudTrail-Insight"];
/// Names that say "log": read even when their content does not look like one, so that a broken file
/// is reported and not passed over.
const LOG_SUFFIXES: [&str; 5] = [".json", ".jsonl", ".ndjson", ".gz", ".log"];

impl Input {
    /// The path as the user would type it; `-` for standard input.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.path {
            Some(path) => path.display().to_string(),
            None => "-".to_owned(),
        }
    }

    fn standard() -> Self {
        Self { path: None, stamp: None, bytes: 0 }
    }

    fn file(path: PathBuf, bytes: u64) -> Self {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        Self { stamp: delivery_stamp(name), path: Some(path), bytes }
    }
}

/// Finds the files behind `paths`; folders are searched to the bottom, `-` is standard input.
///
/// A file that is named is always read. In a folder a file is read when its name or its first bytes
/// look like a log; hidden files, digests and insights are left out. Symbolic links to folders are
/// not followed, so no loop can be entered.
#[must_use]
pub fn find_inputs(paths: &[PathBuf]) -> Inputs {
    let mut inputs = Inputs::default();
    for path in paths {
        if path.as_os_str() == "-" {
            inputs.files.push(Input::standard());
            continue;
        }
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => search(path, &mut inputs),
            Ok(found) => inputs.files.push(Input::file(path.clone(), found.len())),
            Err(error) => inputs.unreadable.push(Unreadable::new(path, &error)),
        }
    }
    // A file that is named twice, or named beside its folder, is one input.
    let mut seen = std::collections::HashSet::new();
    inputs.files.retain(|input| seen.insert(input.path.clone()));
    inputs
}

fn search(folder: &Path, inputs: &mut Inputs) {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return inputs.unreadable.push(Unreadable::new(folder, &error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        match entry {
            Ok(entry) => found.push(entry),
            Err(error) => inputs.unreadable.push(Unreadable::new(folder, &error)),
        }
    }
    found.sort_by_key(fs::DirEntry::path);
    for entry in found {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') || NO_EVENTS.contains(&name.as_ref()) {
            continue;
        }
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => search(&path, inputs),
            Ok(kind) if kind.is_file() || kind.is_symlink() => add_file(path, &name, inputs),
            Ok(_) => inputs.left_aside += 1,
            Err(error) => inputs.unreadable.push(Unreadable::new(&path, &error)),
        }
    }
}

fn add_file(path: PathBuf, name: &str, inputs: &mut Inputs) {
    let bytes = match fs::metadata(&path) {
        Ok(found) if found.is_file() => found.len(),
        Ok(_) => {
            inputs.left_aside += 1;
            return;
        }
        Err(error) => return inputs.unreadable.push(Unreadable::new(&path, &error)),
    };
    let named_as_log = LOG_SUFFIXES.iter().any(|suffix| name.ends_with(suffix));
    let is_log = if named_as_log { Ok(true) } else { begins_like_a_log(&path) };
    match is_log {
        Ok(true) => inputs.files.push(Input::file(path, bytes)),
        Ok(false) => inputs.left_aside += 1,
        Err(error) => inputs.unreadable.push(Unreadable::new(&path, &error)),
    }
}

/// gzip, base64 of gzip, an object or an array; the byte order mark and blanks count for nothing.
fn begins_like_a_log(path: &Path) -> std::io::Result<bool> {
    let mut head = Vec::new();
    fs::File::open(path)?.take(64).read_to_end(&mut head)?;
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head).trim_ascii_start();
    Ok([&b"\x1f\x8b"[..], b"H4sI", b"{", b"["].iter().any(|start| text.starts_with(start)))
}

/// Brings files into the order in which they are read (semantics.md §2).
///
/// `first_event` is asked only for files without a stamp; a file without any event comes last.
pub fn sort_inputs(files: &mut [Input], mut first_event: impl FnMut(&Input) -> Option<EventTime>) {
    if files.len() < 2 {
        return;
    }
    files.sort_by_cached_key(|input| {
        let time = match input.stamp {
            Some(stamp) => Some(stamp.as_event_time()),
            None => first_event(input),
        };
        (time.is_none(), time, input.path.clone())
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(name: &str) -> Input {
        Input::file(PathBuf::from(name), 1)
    }

    #[test]
    fn files_are_read_by_stamp_then_first_event_then_path() {
        let mut files = vec![
            input("z/1_CloudTrail_r_20230710T1200Z_a.json.gz"),
            input("b.jsonl"),
            input("empty.json"),
            input("a.jsonl"),
            input("a/1_CloudTrail_r_20230710T1145Z_b.json.gz"),
        ];
        // 2023-07-10T11:50:00Z: between the two stamps.
        let first = |input: &Input| {
            (!input.name().starts_with("empty"))
                .then_some(EventTime::from_millis(1_688_989_800_000))
        };

        sort_inputs(&mut files, first);

        let names: Vec<String> = files.iter().map(Input::name).collect();
        assert_eq!(
            names,
            [
                "a/1_CloudTrail_r_20230710T1145Z_b.json.gz",
                "a.jsonl",
                "b.jsonl",
                "z/1_CloudTrail_r_20230710T1200Z_a.json.gz",
                "empty.json",
            ]
        );
    }

    #[test]
    fn a_folder_gives_its_logs_and_leaves_the_rest_aside() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("deep/er")).expect("a folder");
        fs::create_dir_all(at("CloudTrail-Digest")).expect("a folder");
        for (name, content) in [
            ("LICENSE", "MIT License"),
            ("deep/er/events", " {\"Records\":[]}"),
            ("broken.json", "not json"),
            ("CloudTrail-Digest/digest.json", "{}"),
            (".hidden.json", "{}"),
        ] {
            fs::write(at(name), content).expect("a file");
        }

        let inputs = find_inputs(&[folder.path().to_owned(), at("LICENSE"), at("missing")]);

        let names: Vec<Option<PathBuf>> = inputs.files.into_iter().map(|file| file.path).collect();
        assert_eq!(
            names,
            [Some(at("broken.json")), Some(at("deep/er/events")), Some(at("LICENSE"))]
        );
        assert_eq!(inputs.left_aside, 1);
        assert_eq!(inputs.unreadable.len(), 1);
        assert_eq!(inputs.unreadable[0].why, "there is no such file or folder");
    }
}
