//! One function for each claim of the protocol, on a real broker.

use crate::broker::{Broker, Isolation, Outcome, Read, wait_until};
use crate::counting::expected;
use crate::process::{Process, Settings};
use std::path::Path;
use std::time::Duration;
use tidegate::stream::Point;

type Scenario = fn(&Broker) -> Outcome<()>;
type Records = Vec<(i32, String, Vec<u8>)>;

const LIMIT: Duration = Duration::from_secs(60);

/// Names are sentences; the runner prints them.
pub(crate) const ALL: &[(&str, Scenario)] =
    &[("two_workers_over_eight_partitions_alert_exactly_once", two_workers)];

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
        let offsets = broker.committed(&settings.app, &topic(settings, "in"), partitions)?;
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

fn is_ended_well(line: &str) -> Outcome<()> {
    if line == "ended well" { Ok(()) } else { Err(line.to_owned()) }
}
