//! Tests on real Apache Kafka; the index. One broker process is started for all of them.
//!
//! The same binary is the worker process that tests start and kill: see `process`.

#![expect(clippy::print_stderr, clippy::print_stdout, reason = "its own main reports by itself")]

/// The real rules under kill -9, over three brokers, against the slow reference.
mod acceptance;
/// Fetches, starts and stops brokers; topics, producing and reading.
mod broker;
/// What the tests' workers compute, and the store that they keep it in.
mod counting;
/// A worker process that a test starts, kills and starts again.
mod process;
/// Rules and lists replaced while records flow, against the slow reference.
mod reload;
/// The scenarios.
mod scenarios;
/// First sightings while partitions move.
mod terms;
/// `tidegate run` as a process that a test starts, kills and starts again.
mod tidegate_run;

/// `run` against `scan` on the same records, and on a disk that is full.
mod whole;

/// The slow, obvious reference of semantics.md.
#[path = "../reference/mod.rs"]
mod reference;

use libtest_mimic::{Arguments, Trial};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn main() -> ExitCode {
    if let Some(code) = process::run_if_asked().or_else(tidegate_run::run_if_asked) {
        return code;
    }
    let arguments = Arguments::from_args();
    if arguments.list {
        return libtest_mimic::run(&arguments, trials(None)).exit_code();
    }
    // On this thread, which lives as long as the tests: the broker dies with it.
    let broker = match broker::Broker::start(1) {
        Ok(broker) => Arc::new(broker),
        Err(error) => {
            eprintln!("tests on real Kafka cannot run: {error}");
            return ExitCode::FAILURE;
        }
    };
    let conclusion = libtest_mimic::run(&arguments, trials(Some(&broker)));
    println!(
        "{} tests ran on real Kafka (Apache Kafka {}); of all {} passed and {} failed",
        ON_KAFKA.load(Ordering::Relaxed),
        broker::VERSION,
        conclusion.num_passed,
        conclusion.num_failed,
    );
    drop(broker);
    conclusion.exit_code()
}

/// Tests that ran on Apache Kafka, passed or failed.
static ON_KAFKA: AtomicUsize = AtomicUsize::new(0);

fn trials(broker: Option<&Arc<broker::Broker>>) -> Vec<Trial> {
    let on_kafka = scenarios::ALL.iter().map(|scenario| (scenario, 1));
    let without = scenarios::WITHOUT_KAFKA.iter().map(|scenario| (scenario, 0));
    on_kafka
        .chain(without)
        .map(|((name, scenario), counts)| {
            let broker = broker.cloned();
            Trial::test(*name, move || {
                let broker = broker.ok_or("no broker")?;
                ON_KAFKA.fetch_add(counts, Ordering::Relaxed);
                scenario(&broker).map_err(Into::into)
            })
        })
        .collect()
}
