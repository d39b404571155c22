//! One partition's processor and store, from assignment to hand-over (exactly-once.md §4).
//!
//! ```text
//!              read to the end, meta row matches
//! assigned ─▶ Restoring ─────────────────────────▶ Running
//!              ▲     │ revoked or lost                │ revoked: commit, then suspend
//!     assigned │     ▼                                │ lost: drop dirty rows, then suspend
//!      again   └─ Suspended ◀─────────────────────────┘
//!                    └─▶ Closed: a meta row that differs, input that is gone
//! ```
//!
//! A suspended task keeps nothing open: its store is closed, so that another worker of this
//! process can take the directory, and what was dirty is gone with the processor. `Running` also
//! goes back to `Restoring` when its store turns out to be damaged.

use super::cluster::{Start, TaskId};
use super::error::StateProblem;
use super::invariant;
use super::options::Guarantee;
use super::processing::{Outcomes, OwnedRecord, Processor};
use crate::state::StoreError;
use crate::units::{EndOffset, Position};
use std::time::Duration;

/// A partition in state `S`; each transition consumes the old state.
#[derive(Debug)]
pub(crate) struct Task<S> {
    /// Which partition.
    pub(crate) id: TaskId,
    /// What is known in this state.
    pub(crate) state: S,
}

/// Its changelog is being read into store `T`.
#[derive(Debug)]
pub(crate) struct Restoring<T> {
    /// Since when.
    pub(crate) since: Duration,
    /// Not before this time: the store is locked, or the broker asked for patience.
    pub(crate) not_before: Duration,
    /// The stable committed offset, once it is known.
    pub(crate) committed: Known<Option<Position>>,
    /// The answer was pending once: asked for alone, so that nobody waits for it.
    pub(crate) is_offset_pending: bool,
    /// Since when somebody else holds the store.
    pub(crate) locked_since: Option<Duration>,
    /// Where a partition without a committed offset begins, when that is behind its newest record.
    pub(crate) first: Option<Position>,
    /// The store, once it is open, and how far it is to be read.
    pub(crate) reading: Option<Reading<T>>,
    /// Rows applied.
    pub(crate) rows: u64,
}

/// An answer that may not be in yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known<T> {
    /// Nobody said.
    NotYet,
    /// This is so.
    Is(T),
}

/// A store on its way to the end of the changelog.
#[derive(Debug)]
pub(crate) struct Reading<T> {
    /// Committed rows up to `position`.
    pub(crate) store: T,
    /// Everything before it is applied.
    pub(crate) position: Position,
    /// The read-uncommitted end, taken **after** the committed offset.
    pub(crate) end: EndOffset,
}

/// Records are processed.
#[derive(Debug)]
pub(crate) struct Running<P> {
    /// The logic and its store.
    pub(crate) processor: P,
    /// Still to be started there; `None` once the client fetches.
    pub(crate) start: Option<Start>,
    /// Next record to read; `None` before the first.
    pub(crate) next_input: Option<Position>,
    /// The same as last committed.
    pub(crate) committed: Option<Position>,
    /// What came of records since the last commit.
    pub(crate) outcomes: Outcomes,
    /// Dead letters since the last commit.
    pub(crate) dead_letters: Vec<OwnedRecord>,
}

/// Given back; the directory stays for the next assignment.
#[derive(Debug)]
pub(crate) struct Suspended;

/// Never to run again in this process without a person.
#[derive(Debug)]
pub(crate) struct Closed {
    /// Why.
    pub(crate) problem: StateProblem,
}

/// Why a task is not running yet.
#[derive(Debug)]
pub(crate) enum NotRestored<T> {
    /// The end is not reached.
    Behind(Box<Task<Restoring<T>>>),
    /// State and Kafka contradict each other.
    Contradiction(Task<Closed>),
    /// The restored rows cannot be read.
    Unreadable(Task<Suspended>, StoreError),
}

impl Task<Suspended> {
    /// A partition that was just assigned.
    #[must_use]
    pub(crate) fn assigned(id: TaskId) -> Self {
        Task { id, state: Suspended }
    }

    /// Begins to restore.
    #[must_use]
    pub(crate) fn restore<T>(self, now: Duration) -> Task<Restoring<T>> {
        let state = Restoring {
            since: now,
            not_before: now,
            committed: Known::NotYet,
            is_offset_pending: false,
            locked_since: None,
            first: None,
            reading: None,
            rows: 0,
        };
        Task { id: self.id, state }
    }
}

impl<T> Task<Restoring<T>> {
    /// Becomes `Running` when the changelog is read to the end taken *after* the committed offset,
    /// else stays. End of partition alone is not enough: it also fires at the last stable offset.
    ///
    /// # Errors
    /// [`NotRestored`], which holds the task as it is then.
    pub(crate) fn finish<P: Processor>(
        self,
        open: impl FnOnce(TaskId, T) -> Result<P, StoreError>,
        guarantee: Guarantee,
    ) -> Result<Task<Running<P>>, NotRestored<T>> {
        let (id, first) = (self.id, self.state.first);
        let (committed, reading) = match (self.state.committed, self.state.reading) {
            (Known::Is(committed), Some(reading)) if reading.position.has_reached(reading.end) => {
                (committed, reading)
            }
            (committed, reading) => {
                let state = Restoring { committed, reading, ..self.state };
                return Err(NotRestored::Behind(Box::new(Task { id, state })));
            }
        };
        let processor = open(id, reading.store)
            .map_err(|error| NotRestored::Unreadable(Task { id, state: Suspended }, error))?;
        let committed = match guarantee {
            Guarantee::ExactlyOnce => {
                invariant::meta_row_agrees_with_committed_offset(processor.meta(), committed)
                    .map_err(|problem| {
                        NotRestored::Contradiction(Task { id, state: Closed { problem } })
                    })?;
                committed
            }
            // This broker forgets offsets in transactions; the meta row is all there is.
            Guarantee::Embedded => processor.meta().map(|meta| meta.next_input),
        };
        // A first position that no record led to counts as progress: it is committed soon, so that
        // a restart before the first record does not begin further behind.
        let next_input = committed.or(first);
        let start = next_input.map_or(Start::Beginning, Start::At);
        Ok(Task {
            id,
            state: Running {
                processor,
                start: Some(start),
                next_input,
                committed,
                outcomes: Outcomes::default(),
                dead_letters: Vec::new(),
            },
        })
    }

    /// The partition was revoked or lost, or its store must be opened anew.
    #[must_use]
    pub(crate) fn suspend(self) -> Task<Suspended> {
        Task { id: self.id, state: Suspended }
    }
}

impl<P: Processor> Task<Running<P>> {
    /// Whether a commit would change anything.
    #[must_use]
    pub(crate) fn has_progress(&self) -> bool {
        self.state.next_input != self.state.committed
    }

    /// Closes processor and store; what was not committed is gone.
    #[must_use]
    pub(crate) fn suspend(self) -> Task<Suspended> {
        Task { id: self.id, state: Suspended }
    }

    /// Exchanges the processor for another over the same store; position and output stay.
    ///
    /// # Errors
    /// The store's, with the task as it is then.
    pub(crate) fn renew(
        self,
        exchange: impl FnOnce(P) -> Result<P, StoreError>,
    ) -> Result<Self, (Task<Suspended>, StoreError)> {
        let Task { id, state } = self;
        match exchange(state.processor) {
            Ok(processor) => Ok(Task { id, state: Running { processor, ..state } }),
            Err(error) => Err((Task { id, state: Suspended }, error)),
        }
    }

    /// Stops for good.
    #[must_use]
    pub(crate) fn close(self, problem: StateProblem) -> Task<Closed> {
        Task { id: self.id, state: Closed { problem } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::Origin;
    use crate::state::{Changes, MetaRow};
    use crate::stream::cluster::SourceIndex;
    use crate::units::{EventTime, PartitionId};

    struct Fixed(Option<MetaRow>);

    impl Processor for Fixed {
        fn process(&mut self, _: &[u8], _: &Origin, _: &mut Outcomes) -> Result<(), StoreError> {
            Ok(())
        }
        fn collect_changes(&mut self, _: Position, _: &mut Changes) {}
        fn committed(&mut self, _: &Changes, _: Option<Position>) -> Result<(), StoreError> {
            Ok(())
        }
        fn meta(&self) -> Option<&MetaRow> {
            self.0.as_ref()
        }
        fn watermark(&self) -> Option<EventTime> {
            None
        }
        fn windows(&self) -> usize {
            0
        }
        fn dirty_bytes(&self) -> usize {
            0
        }
    }

    fn restored(position: i64, end: i64, committed: Option<i64>) -> Task<Restoring<()>> {
        let id = TaskId { source: SourceIndex(0), partition: PartitionId(0) };
        let mut task = Task::assigned(id).restore(Duration::ZERO);
        task.state.committed = Known::Is(committed.map(Position));
        task.state.reading =
            Some(Reading { store: (), position: Position(position), end: EndOffset(end) });
        task
    }

    fn meta(next_input: i64) -> MetaRow {
        MetaRow {
            next_input: Position(next_input),
            watermark: None,
            rules: Vec::new(),
            learning: Vec::new(),
            sequence: 1,
            instance: "a".to_owned(),
        }
    }

    fn finish(
        task: Task<Restoring<()>>,
        meta: Option<MetaRow>,
        guarantee: Guarantee,
    ) -> Result<Task<Running<Fixed>>, NotRestored<()>> {
        task.finish(|_, ()| Ok(Fixed(meta)), guarantee)
    }

    #[test]
    fn a_task_before_the_end_of_its_changelog_stays() {
        let result = finish(restored(9, 10, None), None, Guarantee::ExactlyOnce);

        assert!(matches!(result, Err(NotRestored::Behind(_))));
    }

    #[test]
    fn a_restored_task_runs_from_the_committed_offset() {
        let result = finish(restored(10, 10, Some(5)), Some(meta(5)), Guarantee::ExactlyOnce);

        let task = result.map_err(|_| "not restored").expect("meta row and offset agree");
        assert_eq!(task.state.start, Some(Start::At(Position(5))));
        assert!(!task.has_progress());
    }

    #[test]
    fn a_task_that_begins_behind_the_newest_record_has_a_position_to_commit() {
        let mut task = restored(0, 0, None);
        task.state.first = Some(Position(70));

        let result = finish(task, None, Guarantee::ExactlyOnce);

        let task = result.map_err(|_| "not restored").expect("both are absent");
        assert_eq!(task.state.start, Some(Start::At(Position(70))));
        assert!(task.has_progress());
    }

    #[test]
    fn a_meta_row_that_differs_closes_the_task() {
        let result = finish(restored(10, 10, Some(6)), Some(meta(5)), Guarantee::ExactlyOnce);

        assert!(matches!(result, Err(NotRestored::Contradiction(_))));
    }

    #[test]
    fn the_embedded_broker_is_believed_about_nothing() {
        let result = finish(restored(10, 10, None), Some(meta(5)), Guarantee::Embedded);

        let task = result.map_err(|_| "not restored").expect("offsets are not compared");
        assert_eq!(task.state.next_input, Some(Position(5)));
    }

    #[test]
    fn unreadable_rows_suspend_the_task_for_another_restore() {
        let result = restored(10, 10, None).finish::<Fixed>(
            |_, ()| Err(StoreError::Damaged("x".to_owned())),
            Guarantee::ExactlyOnce,
        );

        assert!(matches!(result, Err(NotRestored::Unreadable(..))));
    }
}
