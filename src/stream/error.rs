//! Errors named by what must happen next.
//!
//! | call | retriable | abort required | fatal or unknown |
//! |---|---|---|---|
//! | produce (queue full) | drain, then again | – | restart the worker |
//! | drain | again | abort, ask for the truth, replay | restart the worker |
//! | send offsets | same call again | abort; still ours: replay the burst; lost: drop it | restart the worker |
//! | commit | **commit** again | abort, then as above | restart the worker; its reload reads the truth |
//! | abort | again | – | restart the worker |
//! | reads (offsets, ends, changelog) | again | – | restart the worker |
//!
//! A broker error travels as [`BrokerError`] with the broker's own words; [`recovery`] turns it,
//! together with the call that failed, into a [`WorkerError`]; the supervisor knows no more.

use crate::state::StoreError;
use crate::units::Position;
use std::fmt;

/// What the worker was doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Connecting and joining the group.
    Join,
    /// Serving events of the group.
    Poll,
    /// Answering a rebalance.
    Rebalance,
    /// Reading input.
    Consume,
    /// Moving or resuming a partition.
    Start,
    /// Reading committed offsets.
    ReadOffsets,
    /// Reading the changelog or its end.
    ReadChangelog,
    /// Making a transactional producer.
    InitTransactions,
    /// Opening a transaction.
    Begin,
    /// Handing a record to the producer.
    Produce,
    /// Waiting for delivery reports.
    Drain,
    /// Adding offsets to the transaction.
    SendOffsets,
    /// Committing.
    Commit,
    /// Aborting.
    Abort,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Action::Join => "join the consumer group",
            Action::Poll => "serve the consumer group",
            Action::Rebalance => "answer a rebalance",
            Action::Consume => "read input",
            Action::Start => "start a partition",
            Action::ReadOffsets => "read committed offsets",
            Action::ReadChangelog => "read the changelog",
            Action::InitTransactions => "start a transactional producer",
            Action::Begin => "begin a transaction",
            Action::Produce => "produce",
            Action::Drain => "wait for delivery reports",
            Action::SendOffsets => "add offsets to the transaction",
            Action::Commit => "commit",
            Action::Abort => "abort",
        })
    }
}

/// What a broker or its client said, and what kind of answer that is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct BrokerError {
    /// What it means for the call.
    pub kind: BrokerErrorKind,
    /// The client's name of the error, a closed set.
    pub code: String,
    /// The broker's or client's own words.
    pub text: String,
}

/// Kinds of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BrokerErrorKind {
    /// The same call may succeed.
    Retriable,
    /// The transaction must be aborted; the producer lives.
    AbortRequired,
    /// Another process joined with our static member id.
    FencedInstance,
    /// Another producer initialised our transactional id.
    FencedProducer,
    /// The topic or partition does not exist.
    UnknownTopic,
    /// A person must act: authorisation, authentication, an impossible setting.
    Refused,
    /// Outcome or state unknown.
    Unclear,
}

/// What went wrong in a worker, named by what must happen next.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WorkerError {
    /// The same call may succeed: queue full, coordinator loading, time-out of an idempotent read.
    #[error("could not {action} yet")]
    Retry {
        /// The call.
        action: Action,
        /// The answer.
        #[source]
        source: BrokerError,
    },
    /// The transaction is void, memory is intact: abort, ask who owns what, replay the burst.
    #[error("the transaction was aborted while trying to {action}")]
    AbortAndReplay {
        /// The call.
        action: Action,
        /// The answer.
        #[source]
        source: BrokerError,
    },
    /// Outcome unknown or producer fenced: drop everything and start cold; Kafka knows the truth.
    #[error("the worker restarts: {reason}")]
    RestartWorker {
        /// Why.
        reason: RestartReason,
    },
    /// A person must act: another process took this instance name, partition counts differ.
    #[error("cannot run: {reason}")]
    Exit {
        /// Why.
        reason: ExitReason,
    },
}

/// Why a worker starts cold (`tidegate_worker_restarts_total`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestartReason {
    /// Our transactional id has a newer producer.
    #[error("its producer was fenced while trying to {0}")]
    Fenced(Action),
    /// The client cannot go on.
    #[error("could not {action}: {text}")]
    Fatal {
        /// The call.
        action: Action,
        /// The client's words.
        text: String,
    },
    /// A commit whose outcome nobody told us.
    #[error("the outcome of a commit is unclear: {0}")]
    UnclearCommit(String),
    /// Aborted again and again.
    #[error("{0} attempts of one transaction were aborted: {1}")]
    Aborts(u32, String),
    /// The thread ended by a panic.
    #[error("it panicked: {0}")]
    Panic(String),
}

impl RestartReason {
    /// The metric label.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            RestartReason::Fenced(_) => "fenced",
            RestartReason::Fatal { .. } | RestartReason::Panic(_) => "fatal",
            RestartReason::UnclearCommit(_) => "unclear_commit",
            RestartReason::Aborts(..) => "lost",
        }
    }
}

/// Why the state of a partition cannot be trusted or used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateProblem {
    /// The meta row and Kafka name different input positions.
    #[error(
        "its state was built up to input position {}, but the group has committed {}; \
         the topic or the group's offsets were changed from outside, or records of the changelog \
         are missing. hint: stop all workers, then delete the state directory and the changelog \
         topic and reset the group, or restore both to one point in time",
        position(*expected),
        position(*committed)
    )]
    OffsetsDiffer {
        /// The meta row's.
        expected: Option<Position>,
        /// The group's.
        committed: Option<Position>,
    },
    /// The input cannot be read where the group left off.
    #[error("its input cannot be read from where the group left off: {0}")]
    InputLost(String),
}

/// Why the process must end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExitReason {
    /// Static membership: the newer process took over.
    #[error(
        "another process with the same app.instance '{instance}' has joined the consumer group \
         and taken over. hint: give each process its own app.instance"
    )]
    InstanceTaken {
        /// `app.instance`.
        instance: String,
    },
    /// The state directory cannot be used.
    #[error("{0}")]
    Store(String),
    /// The broker refuses what we need.
    #[error("the broker refuses to let us {action}: {text}")]
    Refused {
        /// The call.
        action: Action,
        /// Its words.
        text: String,
    },
    /// A topic is gone.
    #[error("could not {action}: {text}. hint: tidegate topics create")]
    MissingTopic {
        /// The call.
        action: Action,
        /// The client's words.
        text: String,
    },
    /// `start_from = "error"` and no committed offset.
    #[error(
        "partition {partition} has no committed offset and kafka.start_from is \"error\". \
         hint: set it to \"earliest\" or \"latest\" for the first start"
    )]
    NoCommittedOffset {
        /// Which.
        partition: i32,
    },
    /// Stopping took longer than allowed.
    #[error("stopping took longer than app.shutdown_limit; what was not committed is read again")]
    StopLimit,
    /// A stop came while a worker was about to start anew.
    #[error(
        "asked to stop while a worker had to restart ({last}); what it had not committed is read \
         again at the next start"
    )]
    StoppedInRestart {
        /// Why it had to restart.
        last: String,
    },
    /// Restarting did not help.
    #[error("a worker restarted {times} times in a row without a commit; last: {last}")]
    RestartsExhausted {
        /// How often.
        times: u32,
        /// The last reason.
        last: String,
    },
}

fn position(position: Option<Position>) -> String {
    position.map_or_else(|| "nothing".to_owned(), |position| position.to_string())
}

/// What must happen after `source` was the answer to `action`; every pair is decided here.
#[must_use]
pub(super) fn recovery(action: Action, source: BrokerError, instance: &str) -> WorkerError {
    let fatal = |source: BrokerError| WorkerError::RestartWorker {
        reason: match action {
            Action::Commit => RestartReason::UnclearCommit(source.text),
            _ => RestartReason::Fatal { action, text: source.text },
        },
    };
    match source.kind {
        BrokerErrorKind::Retriable => WorkerError::Retry { action, source },
        BrokerErrorKind::AbortRequired => match action {
            Action::Begin
            | Action::Produce
            | Action::Drain
            | Action::SendOffsets
            | Action::Commit => WorkerError::AbortAndReplay { action, source },
            Action::Join
            | Action::Poll
            | Action::Rebalance
            | Action::Consume
            | Action::Start
            | Action::ReadOffsets
            | Action::ReadChangelog
            | Action::InitTransactions
            | Action::Abort => fatal(source),
        },
        BrokerErrorKind::FencedInstance => WorkerError::Exit {
            reason: ExitReason::InstanceTaken { instance: instance.to_owned() },
        },
        BrokerErrorKind::FencedProducer => {
            WorkerError::RestartWorker { reason: RestartReason::Fenced(action) }
        }
        // A broker that has not heard of a fresh topic yet says the same as one that never will;
        // the restore gives up after a while.
        BrokerErrorKind::UnknownTopic if action == Action::ReadChangelog => {
            WorkerError::Retry { action, source }
        }
        BrokerErrorKind::UnknownTopic => {
            WorkerError::Exit { reason: ExitReason::MissingTopic { action, text: source.text } }
        }
        BrokerErrorKind::Refused => {
            WorkerError::Exit { reason: ExitReason::Refused { action, text: source.text } }
        }
        BrokerErrorKind::Unclear => fatal(source),
    }
}

/// Why a store cannot be used, as a reason to end the process; damage is repaired elsewhere.
#[must_use]
pub(super) fn store_exit(error: &StoreError) -> WorkerError {
    WorkerError::Exit { reason: ExitReason::Store(error.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(kind: BrokerErrorKind) -> BrokerError {
        BrokerError { kind, code: "X".to_owned(), text: "said so".to_owned() }
    }

    #[test]
    fn a_commit_is_never_answered_by_an_abort_after_a_time_out() {
        let next = recovery(Action::Commit, said(BrokerErrorKind::Retriable), "a");

        assert!(matches!(next, WorkerError::Retry { action: Action::Commit, .. }));
    }

    #[test]
    fn a_taken_instance_name_ends_the_process_whatever_was_going_on() {
        for action in [Action::Poll, Action::SendOffsets, Action::Commit, Action::ReadOffsets] {
            let next = recovery(action, said(BrokerErrorKind::FencedInstance), "pod-0");

            assert!(next.to_string().contains("same app.instance 'pod-0'"), "{next}");
        }
    }

    #[test]
    fn an_unknown_outcome_of_a_commit_restarts_the_worker() {
        let next = recovery(Action::Commit, said(BrokerErrorKind::Unclear), "a");

        assert!(matches!(
            next,
            WorkerError::RestartWorker { reason: RestartReason::UnclearCommit(_) }
        ));
    }

    #[test]
    fn an_abort_that_must_be_aborted_is_no_loop() {
        let next = recovery(Action::Abort, said(BrokerErrorKind::AbortRequired), "a");

        assert!(matches!(next, WorkerError::RestartWorker { .. }));
    }
}
