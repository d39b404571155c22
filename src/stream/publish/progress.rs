//! What was acknowledged of each file, on disk, so that a killed run can go on.
//!
//! A small JSON file, replaced as a whole: written beside, synced, renamed. It exists only while a
//! run is unfinished: a run that ends well removes it, so that the same files may be published again.

use crate::scan::Input;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// How much of a file's start tells it from another one.
const HEAD_BYTES: u64 = 4096;
const VERSION: u32 = 2;

/// Why the memory of a run cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProgressError {
    /// It cannot be read or written.
    #[error("the progress file \"{path}\" cannot be used")]
    Disk {
        /// Where.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// It is no progress file, or one of a newer version.
    #[error("\"{path}\" is no progress file of this version: remove it or name another one")]
    Format {
        /// Where.
        path: String,
    },
    /// It belongs to other work.
    #[error(
        "\"{path}\" belongs to an unfinished run {work}: finish that run, name another file, or \
         remove it to start over"
    )]
    OtherWork {
        /// Where.
        path: String,
        /// The unfinished run.
        work: Box<Work>,
    },
}

/// What a run does. Its memory serves no other: what one has passed over, another may want.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// Into which topic.
    pub topic: String,
    /// Keyed by what.
    pub key: String,
    /// Of which cluster, by the id that it gave itself; empty when it has none.
    pub cluster: String,
    /// Events before are passed over.
    pub from: Option<Bound>,
    /// Events at or after are passed over.
    pub to: Option<Bound>,
}

/// A bound in time as it was asked for, and the moment that it meant when the run began: a run that
/// goes on keeps to it.
#[derive(Debug, Clone, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// As written.
    pub asked: String,
    /// Milliseconds since the Unix epoch.
    pub millis: i64,
}

impl PartialEq for Bound {
    fn eq(&self, other: &Self) -> bool {
        self.asked == other.asked
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, key, cluster, from, to } = self;
        write!(f, "into topic \"{topic}\" of cluster \"{cluster}\" with key \"{key}\"")?;
        for (name, bound) in [("from", from), ("to", to)] {
            if let Some(bound) = bound {
                write!(f, ", {name} {}", bound.asked)?;
            }
        }
        Ok(())
    }
}

/// The memory of one run.
#[derive(Debug)]
pub struct ProgressFile {
    path: PathBuf,
    content: Content,
}

#[derive(Debug, Serialize, Deserialize)]
struct Content {
    version: u32,
    work: Work,
    files: BTreeMap<String, FileProgress>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct FileProgress {
    /// So many events from the start are acknowledged.
    acknowledged: u64,
    /// Fingerprint of the first `head_bytes` bytes: another file under the same name starts over.
    head: u64,
    head_bytes: u64,
    /// Size of the file when all of it was acknowledged: it need not be read again.
    complete_bytes: Option<u64>,
}

/// What is known of a file when a run comes to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// So many events from the start are acknowledged.
    Events(u64),
    /// All of them, and the file has not grown.
    Everything,
}

impl ProgressFile {
    /// Opens the memory of an unfinished run of this work, or starts one.
    ///
    /// # Errors
    /// It cannot be read, is of another kind, or belongs to other work.
    pub fn open(path: &Path, work: &Work) -> Result<Self, ProgressError> {
        let shown = path.display().to_string();
        let content = match fs::read(path) {
            Ok(bytes) => serde_json::from_slice::<Content>(&bytes)
                .ok()
                .filter(|content| content.version == VERSION)
                .ok_or(ProgressError::Format { path: shown.clone() })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Content { version: VERSION, work: work.clone(), files: BTreeMap::new() }
            }
            Err(source) => return Err(ProgressError::Disk { path: shown, source }),
        };
        if content.work != *work {
            return Err(ProgressError::OtherWork { path: shown, work: Box::new(content.work) });
        }
        let file = Self { path: path.to_owned(), content };
        // Better now than after an hour: a folder that is missing or full must stop the start.
        file.save()?;
        Ok(file)
    }

    /// The work, with bounds in time as the first of its runs understood them.
    #[must_use]
    pub fn work(&self) -> &Work {
        &self.content.work
    }

    /// Whether an earlier run got somewhere.
    #[must_use]
    pub fn is_resumed(&self) -> bool {
        self.content.files.values().any(|file| file.acknowledged > 0)
    }

    /// What is known of `input`; nothing when another file stands under its name now.
    pub(super) fn known(&self, input: &Input) -> Known {
        let known = name_of(input).and_then(|name| self.content.files.get(&name));
        let (Some(known), Some(path)) = (known, &input.path) else { return Known::Events(0) };
        match head(path, known.head_bytes) {
            Ok((head, bytes)) if head == known.head && bytes == known.head_bytes => {
                if known.complete_bytes == Some(input.bytes) {
                    Known::Everything
                } else {
                    Known::Events(known.acknowledged)
                }
            }
            _ => Known::Events(0),
        }
    }

    /// Notes that the first `acknowledged` events of `input` are safe, all of them if `is_complete`.
    pub(super) fn note(&mut self, input: &Input, acknowledged: u64, is_complete: bool) {
        let (Some(name), Some(path)) = (name_of(input), &input.path) else { return };
        let complete_bytes = is_complete.then_some(input.bytes);
        if let Some(known) = self.content.files.get_mut(&name)
            && known.head_bytes > 0
            && acknowledged >= known.acknowledged
        {
            known.acknowledged = acknowledged;
            known.complete_bytes = complete_bytes;
            return;
        }
        // A file that cannot be read any more is simply not remembered.
        if let Ok((head, head_bytes)) = head(path, HEAD_BYTES) {
            let known = FileProgress { acknowledged, head, head_bytes, complete_bytes };
            self.content.files.insert(name, known);
        }
    }

    /// Forgets what was known of `input`: another file stands under its name.
    pub(super) fn forget(&mut self, input: &Input) {
        if let Some(name) = name_of(input) {
            self.content.files.remove(&name);
        }
    }

    /// Writes everything to disk; a crash leaves the old or the new file, never half of one.
    ///
    /// # Errors
    /// The disk refuses.
    pub(super) fn save(&self) -> Result<(), ProgressError> {
        let beside = self.path.with_extension("new");
        let write = || -> io::Result<()> {
            if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty())
            {
                fs::create_dir_all(folder)?;
            }
            let mut file = File::create(&beside)?;
            file.write_all(&serde_json::to_vec(&self.content)?)?;
            file.sync_data()?;
            fs::rename(&beside, &self.path)
        };
        write().map_err(|source| self.disk(source))
    }

    /// Removes it: the work is done.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn finish(self) -> Result<(), ProgressError> {
        match fs::remove_file(&self.path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(self.disk(source)),
            _ => Ok(()),
        }
    }

    fn disk(&self, source: io::Error) -> ProgressError {
        ProgressError::Disk { path: self.path.display().to_string(), source }
    }
}

/// The file's full path, so that a run may go on from another folder; nothing for standard input.
fn name_of(input: &Input) -> Option<String> {
    let path = input.path.as_ref()?;
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
    Some(path.display().to_string())
}

/// Fingerprint (FNV-1a) of the first bytes, at most `most`, and how many there were.
fn head(path: &Path, most: u64) -> io::Result<(u64, u64)> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    Ok((hash, u64::try_from(bytes.len()).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(path: &Path) -> Input {
        let bytes = fs::metadata(path).expect("a file").len();
        Input { path: Some(path.to_owned()), stamp: None, bytes }
    }

    #[test]
    fn a_killed_run_is_remembered_and_a_finished_one_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, log) = (folder.path().join("deep/p.json"), folder.path().join("a.json"));
        fs::write(&log, "content").expect("a file");
        let mut first = ProgressFile::open(&path, &work("t")).expect("new");
        assert!(!first.is_resumed());
        first.note(&input(&log), 5, false);
        first.save().expect("saves");
        drop(first);

        let mut second = ProgressFile::open(&path, &work("t")).expect("known");
        assert!(second.is_resumed());
        assert_eq!(second.known(&input(&log)), Known::Events(5));
        second.note(&input(&log), 9, true);
        assert_eq!(second.known(&input(&log)), Known::Everything);
        second.finish().expect("removes");

        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_grew_goes_on_and_another_file_starts_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, log) = (folder.path().join("p.json"), folder.path().join("a.json"));
        fs::write(&log, "first\n").expect("a file");
        let mut progress = ProgressFile::open(&path, &work("t")).expect("new");
        progress.note(&input(&log), 1, true);

        fs::write(&log, "first\nsecond\n").expect("a file");
        assert_eq!(progress.known(&input(&log)), Known::Events(1));

        fs::write(&log, "other\nsecond\n").expect("a file");
        assert_eq!(progress.known(&input(&log)), Known::Events(0));
    }

    fn work(topic: &str) -> Work {
        Work { topic: topic.to_owned(), cluster: "c".to_owned(), ..Work::default() }
    }

    fn bound(asked: &str, millis: i64) -> Bound {
        Bound { asked: asked.to_owned(), millis }
    }

    #[test]
    fn another_cluster_or_another_range_is_other_work() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("p.json");
        let first = Work { from: Some(bound("-2h", 1000)), ..work("t") };
        drop(ProgressFile::open(&path, &first).expect("new"));

        for other in [
            Work { cluster: "d".to_owned(), ..first.clone() },
            Work { from: None, ..first.clone() },
            Work { from: Some(bound("-3h", 1000)), ..first.clone() },
            Work { to: Some(bound("2026-01-31", 7)), ..first },
        ] {
            let error = ProgressFile::open(&path, &other).expect_err("is other work");
            assert!(error.to_string().contains("of cluster \"c\" with key"), "{error}");
            assert!(error.to_string().contains("from -2h"), "{error}");
        }
    }

    #[test]
    fn a_run_that_goes_on_keeps_the_range_that_its_first_one_began_with() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("p.json");
        let at = |millis| Work { from: Some(bound("-2h", millis)), ..work("t") };
        drop(ProgressFile::open(&path, &at(1000)).expect("new"));

        let progress = ProgressFile::open(&path, &at(9000)).expect("the same words");

        assert_eq!(progress.work().from.as_ref().map(|from| from.millis), Some(1000));
    }

    #[test]
    fn the_memory_of_other_work_and_of_other_programs_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("p.json");
        drop(ProgressFile::open(&path, &work("t")).expect("new"));

        let other = ProgressFile::open(&path, &work("u")).expect_err("another topic");
        assert!(other.to_string().contains("topic \"t\""), "{other}");
        fs::write(&path, "{}").expect("a file");
        let strange = ProgressFile::open(&path, &work("t")).expect_err("no progress file");
        assert!(strange.to_string().contains("remove it"), "{strange}");
    }
}
