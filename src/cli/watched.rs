//! Whether files have changed: what tells two states of them apart, without reading them.
//!
//! Looked at again and again instead of being told by the system: that also sees a folder on another
//! machine, a mounted secret whose link is exchanged, and a file that is not there yet.

use super::catalogue::find_rule_files;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Files at one moment; equal as long as none was written, replaced, added or removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Watched(BTreeMap<PathBuf, Option<Stamp>>);

/// Changes whenever a file's content does; links are followed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    /// Device and number of the file.
    file: (u64, u64),
    length: u64,
    /// Of the content and of everything about it: the second cannot be set back.
    changed: [(i64, i64); 2],
}

impl Watched {
    /// Files as they are now; of a folder the rule files below it.
    pub(super) fn now(paths: &[PathBuf]) -> Self {
        let mut stamps = BTreeMap::new();
        for path in paths {
            let mut files = vec![path.clone()];
            // One that cannot be listed is as one that is not there: reading it says why.
            drop(find_rule_files(path, &mut files));
            for file in files {
                let stamp = stamp(&file);
                stamps.insert(file, stamp);
            }
        }
        Self(stamps)
    }

    /// The same, with those of `earlier` that it has, too.
    pub(super) fn since(mut self, earlier: &Self) -> Self {
        for (file, stamp) in &mut self.0 {
            if let Some(known) = earlier.0.get(file) {
                stamp.clone_from(known);
            }
        }
        self
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let about = std::fs::metadata(path).ok()?;
    Some(Stamp {
        file: (about.dev(), about.ino()),
        length: about.len(),
        changed: [(about.mtime(), about.mtime_nsec()), (about.ctime(), about.ctime_nsec())],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_happens_to_files_is_seen_and_nothing_else() {
        let dir = tempfile::tempdir().expect("a folder");
        let rules = dir.path().join("rules");
        fs::create_dir(&rules).expect("writes");
        fs::write(rules.join("a.yml"), "a").expect("writes");
        let list = dir.path().join("list.txt");
        let paths = [rules.clone(), list.clone()];

        let first = Watched::now(&paths);
        assert_eq!(Watched::now(&paths), first);
        fs::write(&list, "1").expect("writes");
        let with_list = Watched::now(&paths);
        assert_ne!(with_list, first);
        // Of the same length, in place of the old one.
        fs::write(dir.path().join("new"), "2").expect("writes");
        fs::rename(dir.path().join("new"), &list).expect("moves");
        let replaced = Watched::now(&paths);
        assert_ne!(replaced, with_list);
        fs::write(rules.join("b.yml"), "b").expect("writes");
        let added = Watched::now(&paths);
        assert_ne!(added, replaced);
        fs::remove_file(rules.join("a.yml")).expect("removes");
        let removed = Watched::now(&paths);
        assert_ne!(removed, added);

        assert_eq!(removed.clone().since(&removed), removed);
        assert_eq!(Watched::now(&[list]).since(&with_list).0.len(), 1);
    }

    #[test]
    fn a_link_that_is_exchanged_is_seen() {
        let dir = tempfile::tempdir().expect("a folder");
        let (one, two) = (dir.path().join("one"), dir.path().join("two"));
        fs::write(&one, "1").expect("writes");
        fs::write(&two, "2").expect("writes");
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&one, &link).expect("links");
        let first = Watched::now(std::slice::from_ref(&link));

        fs::remove_file(&link).expect("removes");
        std::os::unix::fs::symlink(&two, &link).expect("links");

        assert_ne!(Watched::now(&[link]), first);
    }
}
