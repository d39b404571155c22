//! The whole program on one partition: `run` finds what `scan` finds, also after its disk was full.

use crate::acceptance::{
    Findings, Publisher, caught_up, compare, key, left_out, said_by_alert, shipped,
};
use crate::broker::{Broker, Isolation, Outcome, wait_until};
use crate::tidegate_run::Instance;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::time::Duration;
use tidegate::cli::Output;
use tidegate::generate::{Organization, OrganizationSettings};

const LIMIT: Duration = Duration::from_mins(1);

pub(crate) fn scan_equals_run(broker: &Broker) -> Outcome<()> {
    let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
    let instance = prepared(broker, "same", dir.path())?;

    let mut process = instance.start("")?;
    wait_until("everything to be committed", LIMIT, || caught_up(broker, "same", 1))?;
    process.signal("TERM")?;
    process.wait_end(LIMIT)?;

    compare(
        &scanned(broker, "same", dir.path())?,
        &broker.read("same-alerts", Isolation::Committed)?,
    )
}

pub(crate) fn full_disk(broker: &Broker) -> Outcome<()> {
    let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
    let instance = prepared(broker, "full", dir.path())?;

    for kib in [0, 64] {
        let (status, said) = instance.run_where_files_end_at(kib)?;
        if status != Some(1) || !said.contains("the state directory cannot be used") {
            return Err(format!("files of {kib} KiB: exit {status:?}, said: {said}"));
        }
    }
    let mut process = instance.start("")?;
    wait_until("everything to be committed", LIMIT, || caught_up(broker, "full", 1))?;
    process.signal("TERM")?;
    process.wait_end(LIMIT)?;

    compare(
        &scanned(broker, "full", dir.path())?,
        &broker.read("full-alerts", Isolation::Committed)?,
    )
}

/// Topics with one partition and a generated organization in them.
fn prepared(broker: &Broker, app: &str, dir: &Path) -> Outcome<Instance> {
    let changelog = format!("tidegate-{app}-ct-changelog");
    let input = format!("{app}-in");
    broker.create_topic(&input, 1, &[])?;
    broker.create_topic(&changelog, 1, &[("cleanup.policy", "compact")])?;
    broker.create_topic(&format!("{app}-alerts"), 1, &[("compression.type", "gzip")])?;
    broker.create_topic(&format!("{app}-dlq"), 1, &[])?;
    let organization = Organization::generate(&OrganizationSettings {
        seed: 5,
        events: 10_000,
        forged: 0,
        ..OrganizationSettings::default()
    });
    Publisher::new(broker, &input, organization)?.publish_rest()?;
    Instance::new(&broker.bootstrap, app, "one", dir, &[])
}

/// What `tidegate scan` says about the records of the topic, in their order.
fn scanned(broker: &Broker, app: &str, dir: &Path) -> Outcome<Findings> {
    let path = dir.join("records.jsonl");
    let mut file = std::fs::File::create(&path).map_err(|error| error.to_string())?;
    for read in broker.read(&format!("{app}-in"), Isolation::Committed)? {
        file.write_all(&read.value)
            .and_then(|()| file.write_all(b"\n"))
            .map_err(|e| e.to_string())?;
    }
    let mut printed = Vec::new();
    // What `run` leaves out because a partition does not see all of it, a scan could count.
    let names = |key: Option<Vec<String>>| -> Outcome<BTreeSet<String>> {
        Ok(shipped(key)?.rules().iter().map(|rule| rule.text.name.clone()).collect())
    };
    let all = names(None)?;
    let local = names(key())?;
    let mut disabled = left_out(None);
    disabled.extend(all.difference(&local).cloned());
    let disabled: Vec<String> = disabled.into_iter().collect();
    let disable = format!("rules.disable={}", disabled.join(","));
    let arguments = ["tidegate".as_ref(), "scan".as_ref(), path.as_os_str(), "--set".as_ref()];
    let arguments = arguments.into_iter().chain([disable.as_ref()]);
    let exit = tidegate::cli::call(arguments, &mut Output::new(&mut printed))
        .map_err(|failure| failure.to_string())?;
    if exit.status() != 0 {
        return Err(format!("scan ended with {}", exit.status()));
    }
    let mut findings = Findings::new();
    for line in printed.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let (key, said) = said_by_alert(line)?;
        findings.insert(key, said);
    }
    if findings.len() < 20 {
        return Err(format!("scan found only {}", findings.len()));
    }
    Ok(findings)
}
