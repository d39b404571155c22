//! A worker's totals → increments of the counters that all workers share.
//!
//! Labels are closed sets; each `match` below is complete, so that a new variant asks for its label.

use crate::detect::FindingKind;
use crate::event::Skip;
use crate::rule::Level;
use crate::stream::cluster::TaskId;
use crate::stream::dead_letter;
use crate::stream::edition::{Enrolled, RuleNumber};
use crate::stream::progress::{Counts, Progress, RebuildReason};
use crate::telemetry::{
    AlertLabels, ClientMetrics, EventCounts, Growth, PartitionMetrics, RuleMetrics, TopicMetrics,
    WorkerMetrics,
};

/// Which total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Total {
    /// Of the worker: metric and label value.
    Worker(&'static str, &'static str),
    /// Of a partition: what is counted and the label value, if it has one.
    Partition(TaskId, &'static str),
    /// Entries of a partition that were left aside.
    Skipped(TaskId, Skip),
    /// Of a rule: what is counted.
    Rule(RuleNumber, &'static str),
    /// Alerts of a rule.
    Alerts(RuleNumber, Level, FindingKind),
}

/// What one worker had counted when it was last looked at.
#[derive(Default)]
pub(super) struct WorkerCounters {
    growth: Growth<Total>,
}

impl WorkerCounters {
    /// Adds what grew since the last call, partitions aside.
    pub(super) fn add(
        &mut self,
        progress: &Progress,
        metrics: &WorkerMetrics,
        rules: &RuleMetrics,
        client: &ClientMetrics,
    ) {
        self.add_transactions(progress, metrics);
        self.add_rules(&progress.counts, rules);
        let rebalances = &progress.rebalances;
        let by_type = [
            ("assign", rebalances.assigned),
            ("revoke", rebalances.revoked),
            ("lost", rebalances.lost),
        ];
        for (kind, total) in by_type {
            client.rebalances.add(kind, self.worker("rebalances", kind, total));
        }
        for (reason, total) in &progress.restarts {
            metrics.restarts.add(reason, self.worker("restarts", reason, *total));
        }
        for (reason, total) in &progress.rebuilds {
            let reason = rebuild_reason(*reason);
            metrics.rebuilds.add(reason, self.worker("rebuilds", reason, *total));
        }
        for (reason, total) in &progress.counts.refused {
            let reason = dead_letter::reason(*reason);
            metrics.dead_letters.add(reason, self.worker("refused", reason, *total));
        }
        let expired = progress.counts.expired_groups;
        metrics.evictions.add("expired", self.worker("evictions", "expired", expired));
    }

    /// A transaction whose producer was fenced, or whose outcome nobody knows, ends its worker and
    /// is seen as the reason of a restart.
    fn add_transactions(&mut self, progress: &Progress, metrics: &WorkerMetrics) {
        let restarts = |label: &str| progress.restarts.get(label).copied().unwrap_or(0);
        let by_result = [
            ("committed", progress.transactions.committed),
            ("aborted", progress.transactions.aborted),
            ("fenced", restarts("fenced")),
            ("failed", restarts("unclear_commit")),
        ];
        for (result, total) in by_result {
            metrics.transactions.add(result, self.worker("transactions", result, total));
        }
        let bytes = progress.transactions.changelog_bytes;
        metrics.add_changelog_bytes(self.worker("changelog_bytes", "", bytes));
    }

    fn add_rules(&mut self, counts: &Counts, rules: &RuleMetrics) {
        for (rule, total) in &counts.rule_matches {
            let grown = self.growth.since_last(Total::Rule(*rule, "matches"), *total);
            rules.add_matches(index(*rule), grown);
        }
        for (rule, total) in &counts.suppressed {
            let grown = self.growth.since_last(Total::Rule(*rule, "suppressed"), *total);
            rules.add_suppressed(index(*rule), "dedup", grown);
        }
        for ((rule, level, kind), total) in &counts.alerts {
            let grown = self.growth.since_last(Total::Alerts(*rule, *level, *kind), *total);
            rules.add_alerts(index(*rule), level.name(), activity(*kind), grown);
        }
    }

    /// Adds what one partition's counts grew by to the partition and to its topic.
    pub(super) fn add_partition(
        &mut self,
        task: TaskId,
        counts: &Counts,
        partition: &PartitionMetrics,
        topic: &TopicMetrics,
    ) {
        let mut grown = |what, total| self.growth.since_last(Total::Partition(task, what), total);
        partition.add_records(
            grown("records", counts.records),
            grown("record_bytes", counts.record_bytes),
        );
        topic.add(&EventCounts {
            matched: grown("matched", counts.matched),
            ignored: grown("ignored", counts.ignored),
            late: grown("late", counts.late),
            duplicate: grown("duplicate", counts.duplicate),
            malformed: grown("malformed", counts.malformed),
            future: grown("future", counts.future),
            bad_amount: grown("bad_amount", counts.bad_amount),
            bad_policy: grown("bad_policy", counts.bad_policy),
        });
        for (skip, total) in &counts.skipped {
            let grown = self.growth.since_last(Total::Skipped(task, *skip), *total);
            topic.skipped.add(skip_kind(*skip), grown);
        }
    }

    fn worker(&mut self, metric: &'static str, value: &'static str, total: u64) -> u64 {
        self.growth.since_last(Total::Worker(metric, value), total)
    }
}

/// The numbers of rules count up from 0, so they are indexes of what is registered for them.
fn index(rule: RuleNumber) -> usize {
    usize::try_from(rule.0).unwrap_or(usize::MAX)
}

/// What the alerts of a rule can be labelled with.
pub(super) fn alert_labels(rule: Enrolled) -> AlertLabels {
    AlertLabels { rule_id: rule.id, severities: rule.levels.into_iter().map(Level::name).collect() }
}

const fn activity(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::Create => "create",
        FindingKind::Escalate => "escalate",
    }
}

const fn skip_kind(skip: Skip) -> &'static str {
    match skip {
        Skip::Digest => "digest",
        Skip::Insight => "insight",
        Skip::Aggregated => "aggregated",
        Skip::Control => "control",
        Skip::TestEvent => "test_event",
        Skip::Blank => "blank",
        Skip::Empty => "empty",
    }
}

const fn rebuild_reason(reason: RebuildReason) -> &'static str {
    match reason {
        RebuildReason::Absent => "absent",
        RebuildReason::TooOld => "too_old",
        RebuildReason::Corrupt => "corrupt",
        RebuildReason::Ahead => "ahead",
    }
}
