//! From an assignment to a store that equals the committed state (exactly-once.md §4).
//!
//! 1. the committed input offset, **stable**: while a transactional commit is pending the answer
//!    does not come, and that wait is the fence;
//! 2. after that the changelog's **read-uncommitted** end: whatever a zombie had acknowledged
//!    before its commit died lies below it;
//! 3. the store's own position; what is absent, too old or ahead is restored from the start;
//! 4. rows, read committed, until the position has reached the end;
//! 5. and 6. are [`Task::finish`] and the seek in the worker.
//!
//! Each call does one bounded piece, so that running partitions are served in between.

use super::cluster::{Cluster, TaskId};
use super::error::{Action, BrokerErrorKind, ExitReason, WorkerError, recovery, store_exit};
use super::fault::{Fault, Point};
use super::options::StartFrom;
use super::planted::{Rule, is_off};
use super::processing::Processors;
use super::progress::RebuildReason;
use super::task::{Known, Reading, Restoring, Task};
use crate::state::{Changes, Store, StoreError};
use crate::units::{Position, Span};
use std::time::Duration;

/// Rows applied in one write.
const BATCH_ROWS: usize = 2000;
/// How long to wait for a directory that another worker is about to close, or a broker.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long somebody else may hold a store: a worker of this process closes it within moments, so
/// it is another process.
const LOCKED: Duration = Duration::from_mins(1);
/// How long a fresh changelog may be unknown to some broker.
const PROPAGATION: Duration = Duration::from_mins(1);

/// What restoring needs to know.
#[derive(Debug, Clone)]
pub(crate) struct RestoreOptions {
    pub(crate) instance: String,
    pub(crate) start_from: StartFrom,
    /// `delete.retention.ms` of the changelogs: how long their tombstones are kept.
    pub(crate) tombstones_kept: Span,
}

/// What one piece of work came to.
pub(crate) enum Piece {
    /// There is more to do, now or later.
    More,
    /// The store was put aside and is restored from the start.
    Rebuilt(RebuildReason),
    /// The position has reached the end.
    AtEnd,
}

/// Asks for the committed offsets of the tasks that do not know theirs: of all together, and of one
/// whose answer was pending alone, so that it holds up nobody else.
pub(crate) fn read_offsets<'a, C: Cluster, T: 'a>(
    cluster: &mut C,
    tasks: impl Iterator<Item = &'a mut Task<Restoring<T>>>,
    options: &RestoreOptions,
) -> Result<(), WorkerError> {
    let now = cluster.now();
    let (pending, mut waiting): (Vec<_>, Vec<_>) = tasks
        .filter(|task| task.state.committed == Known::NotYet && task.state.not_before <= now)
        .partition(|task| task.state.is_offset_pending);
    if waiting.is_empty() {
        // Whoever has waited longest; the others are asked by the next calls.
        waiting.extend(pending.into_iter().min_by_key(|task| task.state.not_before));
    }
    if waiting.is_empty() {
        return Ok(());
    }
    let ids: Vec<TaskId> = waiting.iter().map(|task| task.id).collect();
    let answer = cluster.committed(&ids);
    match answer.map_err(|error| recovery(Action::ReadOffsets, error, &options.instance)) {
        Ok(offsets) => {
            for (task, offset) in waiting.iter_mut().zip(offsets) {
                if offset.is_none() && options.start_from == StartFrom::Error {
                    let reason = ExitReason::NoCommittedOffset { partition: task.id.partition.0 };
                    return Err(WorkerError::Exit { reason });
                }
                task.state.committed = Known::Is(offset);
            }
            Ok(())
        }
        Err(WorkerError::Retry { source, .. }) => {
            tracing::debug!(error = %source, "committed offsets are not stable yet");
            for task in &mut waiting {
                // The first time somebody else may have been the reason: ask again at once.
                let was_alone = std::mem::replace(&mut task.state.is_offset_pending, true);
                task.state.not_before =
                    cluster.now() + if was_alone { PATIENCE } else { Duration::ZERO };
            }
            Ok(())
        }
        Err(other) => Err(other),
    }
}

/// Does the next piece of work for one task.
pub(crate) fn advance<C: Cluster, P: Processors, F: Fault>(
    cluster: &mut C,
    processors: &P,
    fault: &F,
    task: &mut Task<Restoring<P::Store>>,
    options: &RestoreOptions,
) -> Result<Piece, WorkerError> {
    if task.state.committed == Known::NotYet || task.state.not_before > cluster.now() {
        return Ok(Piece::More);
    }
    let result = if task.state.reading.is_none() {
        open(cluster, processors, task, options)
    } else {
        read(cluster, fault, task, options)
    };
    match result {
        Ok(piece) => Ok(piece),
        Err(Stopped::Worker(WorkerError::Retry { action, source }))
            if source.kind == BrokerErrorKind::UnknownTopic
                && cluster.now() > task.state.since + PROPAGATION =>
        {
            let reason = ExitReason::MissingTopic { action, text: source.text };
            Err(WorkerError::Exit { reason })
        }
        Err(Stopped::Worker(WorkerError::Retry { action, source })) => {
            tracing::debug!(%action, error = %source, "restore waits");
            task.state.not_before = cluster.now() + PATIENCE;
            Ok(Piece::More)
        }
        Err(Stopped::Worker(error)) => Err(error),
        Err(Stopped::Store(error @ StoreError::Locked(_))) => wait_for_lock(cluster, task, &error),
        Err(Stopped::Store(StoreError::Damaged(detail))) => {
            tracing::warn!(partition = task.id.partition.0, detail, "state damaged, restoring it");
            rebuild(cluster, processors, task, RebuildReason::Corrupt)
        }
        Err(Stopped::Store(error @ (StoreError::Disk(_) | StoreError::Newer(_)))) => {
            Err(store_exit(&error))
        }
    }
}

/// Somebody holds the store: waits, says so, and gives up in the end.
fn wait_for_lock<C: Cluster, T>(
    cluster: &C,
    task: &mut Task<Restoring<T>>,
    error: &StoreError,
) -> Result<Piece, WorkerError> {
    let now = cluster.now();
    let since = *task.state.locked_since.get_or_insert_with(|| {
        tracing::warn!(partition = task.id.partition.0, %error, "waiting for the state directory");
        now
    });
    if now > since + LOCKED {
        return Err(store_exit(error));
    }
    task.state.not_before = now + PATIENCE;
    Ok(Piece::More)
}

/// Puts the store aside; the next piece begins with an empty one.
pub(crate) fn rebuild<C: Cluster, P: Processors>(
    cluster: &mut C,
    processors: &P,
    task: &mut Task<Restoring<P::Store>>,
    reason: RebuildReason,
) -> Result<Piece, WorkerError> {
    cluster.close_changelog(task.id);
    // Closed before the directory goes away.
    task.state.reading = None;
    processors.discard_store(task.id).map_err(|error| store_exit(&error))?;
    Ok(Piece::Rebuilt(reason))
}

enum Stopped {
    Worker(WorkerError),
    Store(StoreError),
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Stopped::Store(error)
    }
}

fn open<C: Cluster, P: Processors>(
    cluster: &mut C,
    processors: &P,
    task: &mut Task<Restoring<P::Store>>,
    options: &RestoreOptions,
) -> Result<Piece, Stopped> {
    let changelog =
        |error| Stopped::Worker(recovery(Action::ReadChangelog, error, &options.instance));
    let store = processors.open_store(task.id)?;
    let known = store.changelog_position()?;
    // Half of what the broker promises: its clock and ours may differ, and cleaning takes time.
    let young = Span::from_millis(options.tombstones_kept.as_millis() / 2);
    let young = known.map(|_| cluster.wall().minus(young));
    let range = cluster.changelog_range(task.id, young).map_err(changelog)?;
    let verdict = match known {
        Some(position) if position < range.start => Some(RebuildReason::TooOld),
        // One offset behind is the marker of the transaction that wrote the last row: a transaction
        // with a tombstone takes two, so nothing can be missing.
        Some(position)
            if !is_off(Rule::Tombstones)
                && range.end.0 - position.0 > 1
                && range.tombstones_kept_from.is_some_and(|kept| position < kept) =>
        {
            Some(RebuildReason::TooOld)
        }
        Some(position) if position.0 > range.end.0 => Some(RebuildReason::Ahead),
        Some(_) | None => None,
    };
    if let Some(reason) = verdict {
        drop(store);
        return rebuild(cluster, processors, task, reason).map_err(Stopped::Worker);
    }
    let position = known.unwrap_or(range.start);
    if task.state.committed == Known::Is(None) && options.start_from == StartFrom::Latest {
        let end = cluster
            .input_end(task.id)
            .map_err(|error| Stopped::Worker(recovery(Action::Start, error, &options.instance)))?;
        task.state.first = Some(end);
    }
    if !position.has_reached(range.end) {
        cluster.open_changelog(task.id, position).map_err(changelog)?;
    }
    task.state.reading = Some(Reading { store, position, end: range.end });
    Ok(if known.is_none() && range.end.0 > range.start.0 {
        Piece::Rebuilt(RebuildReason::Absent)
    } else {
        Piece::More
    })
}

fn read<C: Cluster, T: Store, F: Fault>(
    cluster: &mut C,
    fault: &F,
    task: &mut Task<Restoring<T>>,
    options: &RestoreOptions,
) -> Result<Piece, Stopped> {
    let Some(reading) = &mut task.state.reading else { return Ok(Piece::More) };
    if reading.position.has_reached(reading.end) {
        cluster.close_changelog(task.id);
        return Ok(Piece::AtEnd);
    }
    let mut rows = Changes::default();
    let position = cluster
        .read_changelog(task.id, BATCH_ROWS, &mut |row| match row.value {
            Some(value) => rows.put(row.key, |into| into.extend_from_slice(value)),
            None => rows.delete(row.key),
        })
        .map_err(|error| {
            Stopped::Worker(recovery(Action::ReadChangelog, error, &options.instance))
        })?;
    if position > reading.position {
        reading.store.apply(&rows, Some(position))?;
        reading.position = position;
        task.state.rows += u64::try_from(rows.len()).unwrap_or(0);
    }
    if !reading.position.has_reached(reading.end) {
        fault.at(Point::DuringRestore);
        return Ok(Piece::More);
    }
    cluster.close_changelog(task.id);
    Ok(Piece::AtEnd)
}

/// Offsets left to read; `None` before the end is known.
pub(crate) fn remaining<T>(task: &Task<Restoring<T>>) -> Option<u64> {
    let reading = task.state.reading.as_ref()?;
    let Position(position) = reading.position;
    Some(u64::try_from(reading.end.0.saturating_sub(position)).unwrap_or(0))
}
