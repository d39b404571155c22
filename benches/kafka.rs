//! From consuming to the committed transaction on real Apache Kafka: what share of the floor, how
//! soon is an alert visible, how much memory, how long until a killed process commits again?
//!
//! Input: the bench stream (about 1,730 bytes an event, 20,000 principals, zipf(1.1), up to 300 s of
//! disorder) in a topic of 8 partitions, lz4, LogAppendTime, on one broker that the bench starts on
//! this machine; `tidegate run` is the real program with its default settings and shipped rules
//! unless a question says otherwise; `catch-up` is asked first with the one rule that other engines
//! were given (benches/rules/large_download.yml). CPU seconds are those of its whole process, all
//! threads.
//!
//! Baseline in the same run, before and after: a process that takes the same records in batches,
//! with the same fetch settings, and does nothing with them (`stream::measure`). Read the answers as
//! ratios; "steady" is between 20 % and 95 % of the events, "whole" is from start to end of the
//! process.
//!
//! `cargo bench --bench kafka -- catch-up paced memory restart` asks some of the questions;
//! `TIDEGATE_BENCH_EVENTS` changes how many events are caught up with (2,000,000).
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::unchecked_time_subtraction,
    clippy::indexing_slicing,
    reason = "a bench prints its answer"
)]

mod support;

/// Starts the broker, as the tests do.
#[path = "../tests/kafka/broker.rs"]
#[allow(dead_code, reason = "the bench uses a part")]
mod broker;
/// Share of the floor.
#[path = "kafka/catch_up.rs"]
mod catch_up;
/// Topics, configuration, and events into Kafka.
#[path = "kafka/deployment.rs"]
mod deployment;
/// Memory with many groups.
#[path = "kafka/memory.rs"]
mod memory;
/// Latency of alerts.
#[path = "kafka/paced.rs"]
mod paced;
/// `tidegate run` as a process that is watched.
#[path = "kafka/process.rs"]
mod process;
/// Time from a kill to the next commit.
#[path = "kafka/restart.rs"]
mod restart;

use broker::Broker;
use deployment::{Load, load};
use std::process::ExitCode;
use tidegate::generate::BenchSettings;

/// Input of the questions that catch up.
const TOPIC: &str = "bench-in";

fn main() -> ExitCode {
    if let Some(code) = catch_up::run_floor_if_asked() {
        return code;
    }
    let asked: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let is_asked = |name: &str| asked.is_empty() || asked.iter().any(|one| one == name);
    let events = std::env::var("TIDEGATE_BENCH_EVENTS").ok();
    let events = events.map_or(2_000_000, |text| text.parse().expect("a number of events"));
    let broker = match Broker::start(1) {
        Ok(broker) => broker,
        Err(error) => {
            eprintln!("the bench on real Kafka cannot run: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("Apache Kafka {}, one broker, events in 8 partitions", broker::VERSION);
    if is_asked("catch-up") || is_asked("restart") {
        deployment::create_input(&broker, TOPIC);
        load(&broker, TOPIC, &Load { settings: BenchSettings::default(), events });
    }
    if is_asked("catch-up") {
        catch_up::ask(&broker, events);
    }
    if is_asked("restart") {
        restart::ask(&broker, events);
    }
    if is_asked("memory") {
        memory::ask(&broker);
    }
    if is_asked("paced") {
        paced::ask(&broker);
    }
    ExitCode::SUCCESS
}
