//! Every stage of a transaction with every kind of answer: what comes next.

use super::*;
use crate::stream::cluster::{ChangelogRange, ChangelogRecord, InputRecord, SourceIndex, Start};
use crate::stream::error::BrokerError;
use crate::stream::event::WorkerEvent;
use crate::stream::fault::NoFault;
use crate::units::{EndOffset, PartitionId};

/// A cluster that gives one answer to every transaction call and records the calls.
struct Scripted {
    answer: Option<BrokerErrorKind>,
    now: Duration,
    calls: Vec<&'static str>,
}

impl Scripted {
    fn say(&mut self, call: &'static str) -> Result<(), BrokerError> {
        self.calls.push(call);
        self.answer.map_or(Ok(()), |kind| {
            Err(BrokerError { kind, code: "X".to_owned(), text: "said so".to_owned() })
        })
    }
}

impl Cluster for Scripted {
    fn now(&self) -> Duration {
        self.now
    }
    fn wall(&self) -> WallTime {
        WallTime::from_millis(0)
    }
    fn poll(&mut self, _: Duration, _: &mut dyn FnMut(WorkerEvent)) {}
    fn accept_assignment(&mut self, _: &[TaskId]) -> Result<(), BrokerError> {
        Ok(())
    }
    fn accept_revocation(&mut self, _: &[TaskId]) -> Result<(), BrokerError> {
        Ok(())
    }
    fn membership(&mut self) -> Membership {
        member()
    }
    fn consume(
        &mut self,
        _: TaskId,
        _: usize,
        _: &mut dyn FnMut(InputRecord<'_>),
    ) -> Result<usize, BrokerError> {
        Ok(0)
    }
    fn start(&mut self, _: TaskId, _: Start) -> Result<(), BrokerError> {
        Ok(())
    }
    fn pause(&mut self, _: TaskId) -> Result<(), BrokerError> {
        Ok(())
    }
    fn high_watermark(&self, _: TaskId) -> Option<EndOffset> {
        None
    }
    fn input_end(&mut self, _: TaskId) -> Result<Position, BrokerError> {
        Ok(Position(0))
    }
    fn committed(&mut self, _: &[TaskId]) -> Result<Vec<Option<Position>>, BrokerError> {
        Ok(Vec::new())
    }
    fn changelog_range(
        &mut self,
        _: TaskId,
        _: Option<WallTime>,
    ) -> Result<ChangelogRange, BrokerError> {
        Ok(ChangelogRange { start: Position(0), end: EndOffset(0), tombstones_kept_from: None })
    }
    fn open_changelog(&mut self, _: TaskId, _: Position) -> Result<(), BrokerError> {
        Ok(())
    }
    fn read_changelog(
        &mut self,
        _: TaskId,
        _: usize,
        _: &mut dyn FnMut(ChangelogRecord<'_>),
    ) -> Result<Position, BrokerError> {
        Ok(Position(0))
    }
    fn close_changelog(&mut self, _: TaskId) {}
    fn renew_producer(&mut self) -> Result<(), BrokerError> {
        self.say("renew")
    }
    fn begin(&mut self) -> Result<(), BrokerError> {
        self.say("begin")
    }
    fn produce(&mut self, _: Target, _: &OutputRecord<'_>) -> Result<(), BrokerError> {
        // The clock moves, so that a queue that stays full is given up.
        self.now += Duration::from_secs(1);
        self.say("produce")
    }
    fn drain(&mut self, _: Duration) -> Result<Drained, BrokerError> {
        if self.calls.last() == Some(&"produce") {
            return Ok(Drained::InFlight(1));
        }
        self.say("drain").map(|()| Drained::Complete(vec![(task(), Position(8))]))
    }
    fn send_offsets(
        &mut self,
        _: &[(TaskId, Position)],
        _: &Membership,
    ) -> Result<(), BrokerError> {
        self.say("offsets")
    }
    fn commit(&mut self) -> Result<(), BrokerError> {
        self.say("commit")
    }
    fn abort(&mut self) -> Result<(), BrokerError> {
        self.say("abort")
    }
}

fn task() -> TaskId {
    TaskId { source: SourceIndex(0), partition: PartitionId(3) }
}

fn member() -> Membership {
    Membership { generation: 4, member_id: "m".to_owned(), is_lost: false }
}

fn burst() -> Commit {
    let mut changes = Changes::default();
    changes.put(b"row", |value| value.push(1));
    let part = Part {
        task: task(),
        next_input: Position(5),
        changes,
        alerts: Vec::new(),
        dead_letters: Vec::new(),
        counts: Counts::default(),
        changelog: None,
    };
    Commit::new(vec![part], Duration::ZERO, WallTime::from_millis(0), Span::from_secs(1))
}

fn cluster(answer: Option<BrokerErrorKind>) -> Scripted {
    Scripted { answer, now: Duration::ZERO, calls: Vec::new() }
}

/// The stage after one answer, or what the error asks for.
fn after(stage: Stage, answer: Option<BrokerErrorKind>) -> Result<Stage, &'static str> {
    let mut commit = burst();
    commit.stage = stage;
    match commit.advance(&mut cluster(answer), &NoFault, &member(), "one") {
        Ok(()) => Ok(commit.stage),
        Err(WorkerError::RestartWorker { .. }) => Err("restart"),
        Err(WorkerError::Exit { .. }) => Err("exit"),
        Err(_) => Err("unexpected"),
    }
}

#[test]
fn each_stage_goes_where_the_drawing_says_for_each_kind_of_answer() {
    use BrokerErrorKind::{
        AbortRequired, FencedInstance, FencedProducer, Refused, Retriable, Unclear,
    };
    let truth = Stage::Truth { since: Duration::ZERO };
    let stages = [
        (Stage::Begin, Stage::Produce, Ok(Stage::Begin), Ok(Stage::Renew)),
        (Stage::Produce, Stage::Drain, Ok(Stage::Abort), Ok(Stage::Abort)),
        (Stage::Drain, Stage::SendOffsets, Ok(Stage::Drain), Ok(Stage::Abort)),
        (Stage::SendOffsets, Stage::End, Ok(Stage::SendOffsets), Ok(Stage::Abort)),
        (Stage::End, Stage::Committed, Ok(Stage::End), Ok(Stage::Abort)),
        (Stage::Abort, Stage::Renew, Ok(Stage::Abort), Err("restart")),
        (Stage::Renew, truth, Ok(Stage::Renew), Err("restart")),
    ];
    for (stage, next, when_retriable, when_aborted) in stages {
        assert_eq!(after(stage, None), Ok(next), "{stage:?} and no error");
        assert_eq!(after(stage, Some(Retriable)), when_retriable, "{stage:?} and retriable");
        assert_eq!(after(stage, Some(AbortRequired)), when_aborted, "{stage:?} and abort");
        assert_eq!(after(stage, Some(Unclear)), Err("restart"), "{stage:?} and unclear");
        assert_eq!(after(stage, Some(FencedProducer)), Err("restart"), "{stage:?} and fenced");
        assert_eq!(after(stage, Some(FencedInstance)), Err("exit"), "{stage:?} and taken");
        assert_eq!(after(stage, Some(Refused)), Err("exit"), "{stage:?} and refused");
    }
    for stage in [Stage::Committed, truth] {
        assert_eq!(after(stage, Some(Unclear)), Ok(stage), "{stage:?} makes no call");
    }
}

#[test]
fn a_transaction_drains_before_it_sends_offsets_and_knows_its_changelog_position() {
    let (mut commit, mut cluster) = (burst(), cluster(None));
    while commit.stage != Stage::Committed {
        // The scripted drain answers "in flight" directly after a produce.
        if cluster.calls.last() == Some(&"produce") {
            cluster.calls.push("-");
        }
        commit.advance(&mut cluster, &NoFault, &member(), "one").expect("no error is scripted");
    }

    cluster.calls.retain(|call| *call != "-");
    assert_eq!(cluster.calls, ["begin", "produce", "drain", "offsets", "commit"]);
    assert_eq!(commit.parts.first().and_then(|part| part.changelog), Some(Position(8)));
    assert!(!commit.is_unclear);
}

#[test]
fn a_membership_that_is_not_valid_never_reaches_the_broker() {
    let (mut commit, mut cluster) = (burst(), cluster(None));
    commit.stage = Stage::SendOffsets;
    let nobody = Membership { generation: -1, member_id: String::new(), is_lost: false };

    commit.advance(&mut cluster, &NoFault, &nobody, "one").expect("it aborts instead");

    assert_eq!(commit.stage, Stage::Abort);
    assert!(cluster.calls.is_empty());
}

#[test]
fn a_commit_that_was_asked_twice_renews_the_producer_afterwards() {
    let mut commit = burst();
    commit.stage = Stage::End;
    let mut retriable = cluster(Some(BrokerErrorKind::Retriable));
    commit.advance(&mut retriable, &NoFault, &member(), "one").expect("it asks again");

    commit.advance(&mut cluster(None), &NoFault, &member(), "one").expect("now it is told");

    assert_eq!(commit.stage, Stage::Committed);
    assert!(commit.is_unclear);
}

#[test]
fn a_commit_that_is_never_answered_restarts_the_worker_and_does_not_abort() {
    let mut commit = burst();
    commit.stage = Stage::End;
    let mut silent = cluster(Some(BrokerErrorKind::Retriable));
    silent.now = Duration::from_secs(4);

    let error = commit.advance(&mut silent, &NoFault, &member(), "one").expect_err("no answer");

    assert!(matches!(
        error,
        WorkerError::RestartWorker { reason: RestartReason::UnclearCommit(_) }
    ));
    assert_eq!(silent.calls, ["commit"]);
}

#[test]
fn an_aborted_burst_without_its_lost_part_has_nothing_to_say() {
    let mut commit = burst();
    commit.stage = Stage::Truth { since: Duration::ZERO };

    commit.drop_part(task());

    assert!(commit.parts.is_empty());
}
