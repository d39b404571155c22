//! One function for each claim of the protocol, on a real broker.

use crate::broker::{Broker, Isolation, Outcome, Read, wait_until};
use crate::counting::expected;
use crate::process::{Process, Settings};
use std::time::Duration;
use tidegate::stream::access::Access;
use tidegate::stream::embedded::EmbeddedBroker;
use tidegate::stream::topics::{Action, Deployment, SourceTopics, WithSource};
use tidegate::stream::{Guarantee, Point, topics};

pub(crate) type Scenario = fn(&Broker) -> Outcome<()>;
type Records = Vec<(i32, String, Vec<u8>)>;

const LIMIT: Duration = Duration::from_mins(1);

/// Names are sentences; the runner prints them.
pub(crate) const ALL: &[(&str, Scenario)] = &[
    ("two_workers_over_eight_partitions_alert_exactly_once", two_workers),
    ("killed_inside_a_transaction_with_drained_alerts_nothing_is_lost_or_doubled", killed_open),
    ("killed_at_every_point_of_a_commit_nothing_is_lost_or_doubled", killed_everywhere),
    ("started_at_the_end_and_killed_before_the_first_record_it_skips_nothing", from_latest),
    ("a_second_process_with_the_same_instance_ends_the_first_with_the_reason", same_instance),
    ("a_changelog_with_another_partition_count_is_refused", wrong_changelog),
    ("a_missing_topic_is_named_with_the_command_that_creates_it", missing_topic),
    ("a_wiped_state_directory_comes_back_from_the_changelog", wiped),
    ("killed_and_started_again_a_worker_commits_within_three_seconds", warm_restart),
    ("an_instance_that_joins_and_one_that_leaves_change_nothing_in_the_alerts", add_and_remove),
    ("a_frozen_process_that_wakes_after_its_session_commits_nothing", zombie),
    ("offsets_changed_from_outside_stop_the_partition_with_an_explanation", offsets_changed),
    ("a_record_that_cannot_be_read_arrives_unchanged_in_the_dead_letter_topic", dead_letters),
    ("topics_that_create_made_are_fit_for_run", topics_created),
    ("scan_and_run_with_one_partition_find_the_same", crate::whole::scan_equals_run),
    ("a_full_disk_under_the_state_is_said_and_nothing_is_lost", crate::whole::full_disk),
    ("reloaded_five_times_under_load_the_rules_that_stay_find_all", crate::reload::five_times),
    (
        "a_member_that_joins_and_one_that_leaves_change_nothing_about_what_is_new",
        crate::terms::join_and_leave,
    ),
    (
        "killed_ten_times_over_three_brokers_the_alerts_equal_the_reference",
        crate::acceptance::killed_ten_times,
    ),
];

/// What needs no Apache Kafka; not counted as having run on it.
pub(crate) const WITHOUT_KAFKA: &[(&str, Scenario)] =
    &[("the_embedded_broker_carries_the_demo", embedded)];

fn two_workers(broker: &Broker) -> Outcome<()> {
    let (settings, _dir) = fresh(broker, "two", 8)?;
    let settings = Settings { workers: 2, ..settings };
    let records = records(8, 4000, 1);
    broker.produce(&topic(&settings, "in"), &records)?;

    let mut process = Process::start(&settings)?;
    let alerts = settled(broker, &settings, &records)?;

    same(&alerts, &records)?;
    is_ended_well(&process.stop()?)
}

/// The fault that the protocol is about: everything is acknowledged, nothing is committed.
fn killed_open(broker: &Broker) -> Outcome<()> {
    let (settings, _dir) = fresh(broker, "open", 4)?;
    let records = records(4, 3000, 2);
    broker.produce(&topic(&settings, "in"), &records)?;
    for _ in 0..3 {
        let dying = Settings { kill: Some((Point::AfterDrainWithAlerts, 2)), ..settings.clone() };
        let mut process = Process::start(&dying)?;
        process.wait_for("dying", LIMIT)?;
        process.wait_end(LIMIT)?;
    }

    let mut process = Process::start(&settings)?;
    let alerts = settled(broker, &settings, &records)?;

    same(&alerts, &records)?;
    let all = broker.read(&topic(&settings, "alerts"), Isolation::Uncommitted)?;
    if all.len() <= alerts.len() {
        return Err(format!("no aborted alert is visible: {} of {}", all.len(), alerts.len()));
    }
    is_ended_well(&process.stop()?)
}

fn killed_everywhere(broker: &Broker) -> Outcome<()> {
    let (settings, _dir) = fresh(broker, "points", 4)?;
    let records = records(4, 6000, 3);
    broker.produce(&topic(&settings, "in"), &records)?;
    let points = [
        (Point::BeforeBegin, 3),
        (Point::AfterSendOffsets, 2),
        (Point::AfterCommitBeforeStore, 2),
        (Point::AfterStore, 2),
    ];
    for (point, times) in points {
        let dying = Settings { kill: Some((point, times)), ..settings.clone() };
        let mut process = Process::start(&dying)?;
        process.wait_for("dying", LIMIT)?;
        process.wait_end(LIMIT)?;
    }

    let mut process = Process::start(&settings)?;
    let alerts = settled(broker, &settings, &records)?;

    same(&alerts, &records)?;
    is_ended_well(&process.stop()?)
}

/// The place to begin at is committed before any record has come.
fn from_latest(broker: &Broker) -> Outcome<()> {
    let (settings, _dir) = fresh(broker, "latest", 2)?;
    let settings = Settings { from_latest: true, ..settings };
    // What was there before counts for nothing.
    let before = records(2, 400, 11)
        .into_iter()
        .map(|(partition, key, _)| (partition, key, b"not read".to_vec()));
    let (before, after): (Records, Records) = (before.collect(), records(2, 600, 12));
    broker.produce(&topic(&settings, "in"), &before)?;
    let mut process = Process::start(&settings)?;
    settled(broker, &settings, &before)?;
    process.signal("KILL")?;
    process.wait_end(LIMIT)?;

    broker.produce(&topic(&settings, "in"), &after)?;
    let mut process = Process::start(&settings)?;
    let all: Records = before.iter().chain(&after).cloned().collect();
    let alerts = settled(broker, &settings, &all)?;

    same(&alerts, &all)?;
    is_ended_well(&process.stop()?)
}

fn same_instance(broker: &Broker) -> Outcome<()> {
    let (settings, dir) = fresh(broker, "twin", 2)?;
    let records = records(2, 500, 4);
    broker.produce(&topic(&settings, "in"), &records)?;
    let mut older = Process::start(&settings)?;
    older.wait_for("committed", LIMIT)?;

    let other_dir = dir.path().join("other").display().to_string();
    let mut newer = Process::start(&Settings { dir: other_dir, ..settings.clone() })?;
    newer.wait_for("restored", LIMIT)?;
    let (_, line) = older.wait_for("ended", LIMIT)?;

    if !line.contains("another process with the same app.instance 'one'") {
        return Err(format!("the older process ended with: {line}"));
    }
    let alerts = settled(broker, &settings, &records)?;
    same(&alerts, &records)?;
    is_ended_well(&newer.stop()?)
}

fn wrong_changelog(broker: &Broker) -> Outcome<()> {
    let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
    let settings = Settings::new(&broker.bootstrap, "counts", dir.path());
    broker.create_topic(&topic(&settings, "in"), 4, &[])?;
    broker.create_topic(&topic(&settings, "alerts"), 1, &[])?;
    broker.create_topic(&topic(&settings, "dlq"), 1, &[])?;
    broker.create_topic(&changelog(&settings), 3, &[("cleanup.policy", "compact")])?;

    let (_, line) = Process::start(&settings)?.wait_for("ended", LIMIT)?;

    says(&line, "has 3 partitions, but its source 'counts-in' has 4")
}

fn missing_topic(broker: &Broker) -> Outcome<()> {
    let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
    let settings = Settings::new(&broker.bootstrap, "absent", dir.path());
    broker.create_topic(&topic(&settings, "in"), 1, &[])?;

    let (_, line) = Process::start(&settings)?.wait_for("ended", LIMIT)?;

    says(&line, "absent-alerts")?;
    says(&line, "hint: tidegate topics create")
}

fn wiped(broker: &Broker) -> Outcome<()> {
    let (settings, _dir) = fresh(broker, "wiped", 4)?;
    let all = records(4, 3000, 5);
    let (first, second) = all.split_at(1500);
    broker.produce(&topic(&settings, "in"), first)?;
    let mut process = Process::start(&settings)?;
    settled(broker, &settings, &first.to_vec())?;
    is_ended_well(&process.stop()?)?;

    std::fs::remove_dir_all(&settings.dir).map_err(|error| error.to_string())?;
    broker.produce(&topic(&settings, "in"), second)?;
    let mut process = Process::start(&settings)?;
    let alerts = settled(broker, &settings, &all)?;

    same(&alerts, &all)?;
    let (_, line) = process.wait_for("restored", LIMIT)?;
    if line.contains("rows=0 ") {
        return Err(format!("nothing was read from the changelog: {line}"));
    }
    is_ended_well(&process.stop()?)
}

fn warm_restart(broker: &Broker) -> Outcome<()> {
    let (settings, _dir) = fresh(broker, "warm", 4)?;
    let all = records(4, 2000, 6);
    let (first, second) = all.split_at(1000);
    broker.produce(&topic(&settings, "in"), first)?;
    let mut process = Process::start(&settings)?;
    settled(broker, &settings, &first.to_vec())?;
    process.kill()?;
    broker.produce(&topic(&settings, "in"), second)?;

    let mut process = Process::start(&settings)?;
    let (took, _) = process.wait_for("committed", LIMIT)?;

    if took > Duration::from_secs(3) {
        return Err(format!("the first commit came after {took:?}: {:?}", process.heard));
    }
    same(&settled(broker, &settings, &all)?, &all)?;
    is_ended_well(&process.stop()?)
}

fn add_and_remove(broker: &Broker) -> Outcome<()> {
    let (settings, _dir) = fresh(broker, "members", 8)?;
    let all = records(8, 9000, 7);
    let (first, rest) = all.split_at(3000);
    let (second, third) = rest.split_at(3000);
    broker.produce(&topic(&settings, "in"), first)?;
    let mut one = Process::start(&settings)?;
    one.wait_for("committed", LIMIT)?;

    let mut two = Process::start(&settings.clone().instance("two"))?;
    broker.produce(&topic(&settings, "in"), second)?;
    // Whatever the other gives away arrives here.
    two.wait_for("restored", LIMIT)?;
    is_ended_well(&one.stop()?)?;
    broker.produce(&topic(&settings, "in"), third)?;
    // A static member that stops does not leave: its partitions move when its session is over.
    let alerts = settled(broker, &settings, &all)?;

    same(&alerts, &all)?;
    is_ended_well(&two.stop()?)
}

fn zombie(broker: &Broker) -> Outcome<()> {
    let (settings, _dir) = fresh(broker, "zombie", 2)?;
    let all = records(2, 3000, 8);
    let (first, second) = all.split_at(1000);
    broker.produce(&topic(&settings, "in"), first)?;
    let mut frozen = Process::start(&settings)?;
    frozen.wait_for("committed", LIMIT)?;
    frozen.signal("STOP")?;
    broker.produce(&topic(&settings, "in"), second)?;
    let mut heir = Process::start(&settings.clone().instance("heir"))?;
    heir.wait_for("committed", LIMIT)?;

    frozen.signal("CONT")?;
    let alerts = settled(broker, &settings, &all)?;

    same(&alerts, &all)?;
    // It may be about to start anew when it is asked to stop, and then says so.
    frozen.stop()?;
    is_ended_well(&heir.stop()?)?;
    same(&broker.read(&topic(&settings, "alerts"), Isolation::Committed)?, &all)
}

fn offsets_changed(broker: &Broker) -> Outcome<()> {
    let (settings, _dir) = fresh(broker, "reset", 1)?;
    let all = records(1, 600, 9);
    broker.produce(&topic(&settings, "in"), &all)?;
    let mut process = Process::start(&settings)?;
    settled(broker, &settings, &all)?;
    is_ended_well(&process.stop()?)?;
    broker.reset_offset(&settings.app, &topic(&settings, "in"), 0, 5)?;

    let mut process = Process::start(&settings)?;
    let (_, line) = process.wait_for("stopped", LIMIT)?;

    says(&line, "built up to input position 600, but the group has committed 5")?;
    let alerts = broker.read(&topic(&settings, "alerts"), Isolation::Uncommitted)?;
    same(&alerts, &all)?;
    is_ended_well(&process.stop()?)
}

fn dead_letters(broker: &Broker) -> Outcome<()> {
    let (settings, _dir) = fresh(broker, "dead", 1)?;
    let mut all = records(1, 20, 10);
    let bytes = b"\xff\x00 not a record".to_vec();
    all.insert(7, (0, "mallory".to_owned(), bytes.clone()));
    all.insert(12, (0, "large".to_owned(), vec![b'x'; 980_000]));
    broker.produce(&topic(&settings, "in"), &all)?;
    let mut process = Process::start(&settings)?;
    settled(broker, &settings, &all)?;

    let letters = broker.read(&topic(&settings, "dlq"), Isolation::Committed)?;
    let [letter, large] = letters.as_slice() else {
        return Err(format!("{} dead letters, 2 expected", letters.len()));
    };
    if letter.value != bytes || letter.key != "mallory" {
        return Err("key or value changed".to_owned());
    }
    if large.value.len() != 980_000 {
        return Err(format!("the large one has {} bytes", large.value.len()));
    }
    for (name, value) in [("dlq_offset", "7"), ("dlq_reason", "line"), ("dlq_stage", "decode")] {
        let header = (name.to_owned(), value.to_owned());
        if !letter.headers.contains(&header) {
            return Err(format!("{name} differs: {:?}", letter.headers));
        }
    }
    is_ended_well(&process.stop()?)
}

fn topics_created(broker: &Broker) -> Outcome<()> {
    let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
    let settings = Settings::new(&broker.bootstrap, "made", &dir.path().join("state"));
    let deployment = Deployment {
        sources: vec![SourceTopics {
            topic: topic(&settings, "in"),
            changelog: changelog(&settings),
            max_record_bytes: 1 << 20,
        }],
        alerts: topic(&settings, "alerts"),
        dead_letters: Some(topic(&settings, "dlq")),
        gzip_alerts: true,
        source_partitions: 2,
        replication: None,
        changelog_replication: None,
    };
    let access = Access::plain(&broker.bootstrap);
    let plan = || -> Outcome<Vec<topics::Planned>> {
        let cluster = topics::look_at(&access, &deployment).map_err(|error| error.to_string())?;
        Ok(topics::plan(&deployment, WithSource::Yes, &cluster))
    };
    let made = topics::create(&access, &plan()?).map_err(|error| error.to_string())?;
    for (name, result) in made {
        result.map_err(|error| format!("{name}: {error}"))?;
    }
    let after = plan()?;
    if after.len() != 4 || after.iter().any(|planned| planned.action != Action::Keep) {
        return Err(format!("the plan after create: {after:?}"));
    }
    let all = records(2, 300, 11);
    broker.produce(&topic(&settings, "in"), &all)?;

    let mut process = Process::start(&settings)?;

    same(&settled(broker, &settings, &all)?, &all)?;
    is_ended_well(&process.stop()?)
}

/// No Apache Kafka here: the demo's broker accepts what the protocol does and forgets offsets.
fn embedded(_broker: &Broker) -> Outcome<()> {
    let inside = EmbeddedBroker::start().map_err(|error| error.to_string())?;
    let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut settings = Settings::new(&inside.brokers(), "demo", &dir.path().join("state"));
    settings.guarantee = Guarantee::Embedded;
    for (name, partitions) in [
        (topic(&settings, "in"), 4),
        (topic(&settings, "alerts"), 1),
        (topic(&settings, "dlq"), 1),
        (changelog(&settings), 4),
    ] {
        inside.create_topic(&name, partitions).map_err(|error| error.to_string())?;
    }
    let reader = Broker::outside(&inside.brokers());
    let all = records(4, 2000, 12);
    reader.produce(&topic(&settings, "in"), &all)?;

    let mut process = Process::start(&settings)?;
    let alerts = wait_until("all alerts of the demo", LIMIT, || {
        let alerts = reader.read(&topic(&settings, "alerts"), Isolation::Committed)?;
        Ok((alerts.len() >= expected(&all).len()).then_some(alerts))
    })?;

    same(&alerts, &all)?;
    is_ended_well(&process.stop()?)
}

/// Topics of an application of its own, and a folder for its state.
fn fresh(broker: &Broker, app: &str, partitions: i32) -> Outcome<(Settings, tempfile::TempDir)> {
    let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
    let settings = Settings::new(&broker.bootstrap, app, &dir.path().join("state"));
    broker.create_topic(&topic(&settings, "in"), partitions, &[])?;
    broker.create_topic(&topic(&settings, "alerts"), 3, &[("compression.type", "gzip")])?;
    broker.create_topic(&topic(&settings, "dlq"), 1, &[])?;
    broker.create_topic(
        &changelog(&settings),
        partitions,
        &[("cleanup.policy", "compact"), ("delete.retention.ms", "3600000")],
    )?;
    Ok((settings, dir))
}

fn topic(settings: &Settings, name: &str) -> String {
    format!("{}-{name}", settings.app)
}

fn changelog(settings: &Settings) -> String {
    format!("tidegate-{}-in-changelog", settings.app)
}

/// Deterministic records: several keys a partition, some of them far busier than others.
fn records(partitions: i32, count: u32, seed: u32) -> Records {
    let mut state = seed.wrapping_mul(2_654_435_761).max(1);
    let mut next = |below: u32| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state % below
    };
    (0..count)
        .map(|id| {
            let key = next(40).min(next(40));
            let partition = i32::try_from(key).unwrap_or(0) % partitions;
            let bytes = next(200);
            (partition, format!("k{key}"), format!("e{id} k{key} {bytes}").into_bytes())
        })
        .collect()
}

/// Waits until every input record is committed, then reads the committed alerts.
fn settled(broker: &Broker, settings: &Settings, records: &Records) -> Outcome<Vec<Read>> {
    let partitions = records.iter().map(|(partition, ..)| partition + 1).max().unwrap_or(1);
    let counts: Vec<i64> = (0..partitions)
        .map(|wanted| {
            let in_it = records.iter().filter(|(partition, ..)| *partition == wanted).count();
            i64::try_from(in_it).unwrap_or(0)
        })
        .collect();
    wait_until("all input to be committed", LIMIT, || {
        // A coordinator that is still moving in says so; only the deadline counts.
        let answer = broker.committed(&settings.app, &topic(settings, "in"), partitions);
        let Ok(offsets) = answer else { return Ok(None) };
        let done = offsets.iter().zip(&counts).all(|(offset, count)| offset.unwrap_or(0) == *count);
        Ok(done.then_some(()))
    })?;
    broker.read(&topic(settings, "alerts"), Isolation::Committed)
}

fn same(alerts: &[Read], records: &Records) -> Outcome<()> {
    let mut found: Vec<(String, String)> = alerts
        .iter()
        .map(|read| (read.key.clone(), String::from_utf8_lossy(&read.value).into_owned()))
        .collect();
    found.sort();
    let wanted = expected(records);
    if found == wanted {
        return Ok(());
    }
    let lost = wanted.iter().filter(|alert| !found.contains(alert)).count();
    Err(format!("{} alerts found, {} expected, {lost} lost", found.len(), wanted.len()))
}

fn says(line: &str, wanted: &str) -> Outcome<()> {
    if line.contains(wanted) { Ok(()) } else { Err(format!("'{wanted}' is not in: {line}")) }
}

fn is_ended_well(line: &str) -> Outcome<()> {
    if line == "ended well" { Ok(()) } else { Err(line.to_owned()) }
}
