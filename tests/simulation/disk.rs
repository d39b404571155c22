//! The disks of the processes: stores that survive a kill up to some earlier batch, as RocksDB does
//! without its write-ahead log.

use crate::state::{Changes, Store, StoreError};
use crate::stream::cluster::TaskId;
use crate::units::Position;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(super) type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// Thrown through a worker that is killed.
pub(super) struct Killed;

/// When a process dies: at the so-manyth crash point from now.
#[derive(Debug, Default)]
pub(super) struct Kill {
    /// Counts down to 0; negative: it lives.
    left: AtomicI64,
    /// Where it died, the newest last.
    places: Mutex<Vec<String>>,
}

impl Kill {
    pub(super) fn none() -> Self {
        Self { left: AtomicI64::new(-1), places: Mutex::default() }
    }

    pub(super) fn after(&self, points: i64) {
        self.left.store(points, Ordering::Relaxed);
    }

    pub(super) fn is_set(&self) -> bool {
        self.left.load(Ordering::Relaxed) >= 0
    }

    pub(super) fn clear(&self) {
        self.left.store(-1, Ordering::Relaxed);
    }

    /// A crash point.
    pub(super) fn at(&self, when: &str, method: &str) {
        let left = self.left.load(Ordering::Relaxed);
        if left < 0 {
            return;
        }
        self.left.store(left - 1, Ordering::Relaxed);
        if left == 0 {
            lock(&self.places).push(format!("{when} {method}"));
            std::panic::resume_unwind(Box::new(Killed));
        }
    }

    pub(super) fn places(&self) -> Vec<String> {
        lock(&self.places).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All directories, by process and partition.
#[derive(Debug, Clone, Default)]
pub(super) struct Disks {
    all: Arc<Mutex<BTreeMap<(usize, TaskId), Directory>>>,
}

type Batch = (Vec<(Vec<u8>, Option<Vec<u8>>)>, Option<Position>);

#[derive(Debug, Default)]
struct Directory {
    batches: Vec<Batch>,
    /// So many of them survive a kill.
    flushed: usize,
    is_open: bool,
    is_damaged: bool,
}

impl Directory {
    fn rows(&self) -> (Rows, Option<Position>) {
        let (mut rows, mut position) = (Rows::new(), None);
        for (batch, at) in &self.batches {
            position = at.or(position);
            for (key, value) in batch {
                match value {
                    Some(value) => drop(rows.insert(key.clone(), value.clone())),
                    None => drop(rows.remove(key)),
                }
            }
        }
        (rows, position)
    }
}

impl Disks {
    pub(super) fn open(
        &self,
        at: (usize, TaskId),
        kill: &Arc<Kill>,
    ) -> Result<SimStore, StoreError> {
        kill.at("before", "open_store");
        let mut all = lock(&self.all);
        let directory = all.entry(at).or_default();
        if directory.is_open {
            return Err(StoreError::Locked("another worker".to_owned()));
        }
        if directory.is_damaged {
            return Err(StoreError::Damaged("a block".to_owned()));
        }
        directory.is_open = true;
        let (rows, position) = directory.rows();
        drop(all);
        let store = SimStore { disks: self.clone(), at, rows, position, kill: Arc::clone(kill) };
        kill.at("after", "open_store");
        Ok(store)
    }

    pub(super) fn remove(&self, at: (usize, TaskId)) {
        lock(&self.all).remove(&at);
    }

    /// Removes everything that a process has on disk.
    pub(super) fn wipe(&self, process: usize) {
        lock(&self.all).retain(|(of, _), _| *of != process);
    }

    /// A process was killed: of each store `survive` says how many of the last batches are there.
    pub(super) fn crash(&self, process: usize, mut survive: impl FnMut(usize, usize) -> usize) {
        let mut all = lock(&self.all);
        for (_, directory) in all.iter_mut().filter(|((of, _), _)| *of == process) {
            let length = survive(directory.flushed, directory.batches.len());
            directory.batches.truncate(length);
            directory.flushed = length;
            directory.is_open = false;
        }
    }

    /// Damages the stores of a process that does not run.
    pub(super) fn damage(&self, process: usize) {
        let mut all = lock(&self.all);
        let own = all.iter_mut().filter(|((of, _), _)| *of == process);
        own.for_each(|(_, directory)| directory.is_damaged = true);
    }

    /// What each store holds.
    pub(super) fn contents(&self) -> Vec<((usize, TaskId), Rows, Option<Position>)> {
        let all = lock(&self.all);
        let sound = all.iter().filter(|(_, directory)| !directory.is_damaged);
        let contents = sound.map(|(at, directory)| {
            let (rows, position) = directory.rows();
            (*at, rows, position)
        });
        contents.collect()
    }
}

/// A store over a directory that outlives it.
pub(super) struct SimStore {
    disks: Disks,
    at: (usize, TaskId),
    rows: Rows,
    position: Option<Position>,
    kill: Arc<Kill>,
}

impl Store for SimStore {
    fn get(&self, key: &[u8], read: &mut dyn FnMut(&[u8])) -> Result<bool, StoreError> {
        self.kill.at("before", "get");
        let value = self.rows.get(key);
        if let Some(value) = value {
            read(value);
        }
        self.kill.at("after", "get");
        Ok(value.is_some())
    }

    fn scan(&self, prefix: &[u8], each: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreError> {
        self.kill.at("before", "scan");
        let rows = self.rows.iter().filter(|(key, _)| key.starts_with(prefix));
        rows.for_each(|(key, value)| each(key, value));
        self.kill.at("after", "scan");
        Ok(())
    }

    fn apply(&mut self, changes: &Changes, changelog: Option<Position>) -> Result<(), StoreError> {
        self.kill.at("before", "apply");
        let batch: Vec<(Vec<u8>, Option<Vec<u8>>)> = changes
            .iter()
            .map(|change| (change.key.to_vec(), change.value.map(<[u8]>::to_vec)))
            .collect();
        for (key, value) in &batch {
            match value {
                Some(value) => drop(self.rows.insert(key.clone(), value.clone())),
                None => drop(self.rows.remove(key)),
            }
        }
        self.position = changelog.or(self.position);
        if let Some(directory) = lock(&self.disks.all).get_mut(&self.at) {
            directory.batches.push((batch, changelog));
        }
        self.kill.at("after", "apply");
        Ok(())
    }

    fn changelog_position(&self) -> Result<Option<Position>, StoreError> {
        self.kill.at("before", "changelog_position");
        let position = self.position;
        self.kill.at("after", "changelog_position");
        Ok(position)
    }
}

impl Drop for SimStore {
    fn drop(&mut self) {
        // A process that is killed closes nothing.
        if std::thread::panicking() {
            return;
        }
        if let Some(directory) = lock(&self.disks.all).get_mut(&self.at) {
            directory.is_open = false;
            directory.flushed = directory.batches.len();
        }
    }
}
