//! At a paced 5,000 events/s: when is an alert visible to a reader of committed records?

use crate::broker::Broker;
use crate::deployment::{Deployment, PARTITIONS, Publisher, create_input};
use crate::process::{LIMIT, Tidegate, Watcher};
use crate::support::Rules;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tidegate::generate::BenchSettings;

const TOPIC: &str = "paced-in";
const RATE: u64 = 5000;
/// Not counted: broker and program warm up. Printed on a line of its own.
const WARM_UP: Duration = Duration::from_secs(15);
const SECONDS: u64 = WARM_UP.as_secs() + 60;
const ALERTS_LEAST: usize = 500;

/// Fires often: thirty reads within five minutes of event time.
const RULE: &str = "
title: Frequent reads
id: 5d1c5be4-5f0a-4a29-9a0f-0d6b7b6b0f7e
name: frequent_reads
status: test
description: Fires often enough to measure alerts.
author: bench
date: 2026-08-01
correlation:
  type: event_count
  rules: [s3_object_read]
  group-by: [tidegate.principal]
  timespan: 5m
  condition: {gte: 30}
level: low
tags: [attack.collection]
tidegate:
  dedup: {period: 5m}
";

/// An alert as a reader got it.
struct Seen {
    /// Wall clock at receipt, ms.
    at_ms: i64,
    /// LogAppendTime of the alert.
    appended_ms: i64,
    /// Partition and offset of the record that triggered it.
    trigger: (i32, i64),
}

pub fn ask(broker: &Broker) {
    create_input(broker, TOPIC);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("frequent.yml");
    std::fs::write(&file, RULE).expect("a rule file");
    let rules = format!("{}\npaths = [\"{}\"]", Rules::Volume.section(), file.display());
    let deployment = Deployment::new(broker, "paced", TOPIC, [&rules, "", ""]);
    let watcher = Watcher::new(broker, &deployment, TOPIC);
    let process = Tidegate::start(&deployment);
    process.wait_ready();
    let is_over = Arc::new(AtomicBool::new(false));
    let reader = {
        let consumer = assigned(broker, "paced-alerts", 3, "read_committed");
        let is_over = Arc::clone(&is_over);
        std::thread::spawn(move || read_alerts(&consumer, &is_over))
    };
    let mut publisher = Publisher::new(broker, BenchSettings::default(), "5");
    let (cpu, since) = (process.cpu(), Instant::now());
    publisher.send_paced(TOPIC, RATE * SECONDS, RATE);
    let paced_for = since.elapsed();
    publisher.finish();
    watcher.wait_for(RATE * SECONDS);
    let cpu = process.cpu().saturating_sub(cpu).as_secs_f64();
    let changelog = process.metric("tidegate_changelog_bytes_total");
    let commits = process.metric("tidegate_transaction_duration_seconds_count");
    let committing = process.metric("tidegate_transaction_duration_seconds_sum");
    is_over.store(true, Ordering::Relaxed);
    let seen = reader.join().expect("the reader ends");
    process.kill();

    let times = append_times(broker);
    let start_ms = times.values().min().copied().expect("there was input");
    let is_warm = |seen: &&Seen| times[&seen.trigger] >= start_ms + WARM_UP.as_millis() as i64;
    let (warm, cold): (Vec<_>, Vec<_>) = seen.iter().partition(is_warm);
    let latency = |of: &[&Seen], until: fn(&Seen) -> i64| -> Vec<i64> {
        let mut all: Vec<i64> = of.iter().map(|seen| until(seen) - times[&seen.trigger]).collect();
        all.sort_unstable();
        all
    };
    let events = (RATE * SECONDS) as f64;
    println!(
        "\npaced: {RATE} events/s for {:.1} s, {} alerts after the first {} s",
        paced_for.as_secs_f64(),
        warm.len(),
        WARM_UP.as_secs()
    );
    assert!(warm.len() >= ALERTS_LEAST, "too few alerts to say anything");
    println!("  ms from the append of the trigger    p50   p99   max");
    for (name, all) in [
        ("alert appended", latency(&warm, |seen| seen.appended_ms)),
        ("alert visible (wanted 80/200)", latency(&warm, |seen| seen.at_ms)),
        ("visible, in the first seconds", latency(&cold, |seen| seen.at_ms)),
    ] {
        println!("  {name:<34} {:>5} {:>5} {:>5}", at(&all, 50), at(&all, 99), at(&all, 100));
    }
    println!(
        "  {:.0} k events per CPU second ({:.2} cores), {:.0} changelog bytes an event",
        events / cpu / 1000.0,
        cpu / paced_for.as_secs_f64(),
        changelog / events
    );
    println!(
        "  {:.1} transactions a second of {:.1} ms on average",
        commits / paced_for.as_secs_f64(),
        committing * 1000.0 / commits
    );
}

/// The value that `percent` of a sorted list do not exceed.
fn at(sorted: &[i64], percent: usize) -> i64 {
    sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
}

fn read_alerts(consumer: &BaseConsumer, is_over: &AtomicBool) -> Vec<Seen> {
    let mut seen = Vec::new();
    loop {
        match consumer.poll(Duration::from_millis(200)) {
            Some(Ok(message)) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
                let value: serde_json::Value =
                    serde_json::from_slice(message.payload().expect("a value")).expect("JSON");
                let source = value.pointer("/unmapped/alert_context/source").expect("a trigger");
                let number = |name: &str| source[name].as_i64().expect("a number");
                seen.push(Seen {
                    at_ms: now.as_millis() as i64,
                    appended_ms: message.timestamp().to_millis().expect("LogAppendTime"),
                    trigger: (number("partition") as i32, number("offset")),
                });
            }
            Some(Err(error)) => panic!("{error}"),
            None if is_over.load(Ordering::Relaxed) => return seen,
            None => {}
        }
    }
}

/// LogAppendTime of all input records.
fn append_times(broker: &Broker) -> HashMap<(i32, i64), i64> {
    let consumer = assigned(broker, TOPIC, PARTITIONS, "read_uncommitted");
    let mut times = HashMap::new();
    let deadline = Instant::now() + LIMIT;
    while times.len() < (RATE * SECONDS) as usize {
        assert!(Instant::now() < deadline, "the input can be read again");
        if let Some(message) = consumer.poll(Duration::from_millis(200)) {
            let message = message.expect("the input can be read again");
            let time = message.timestamp().to_millis().expect("LogAppendTime");
            times.insert((message.partition(), message.offset()), time);
        }
    }
    times
}

fn assigned(broker: &Broker, topic: &str, partitions: i32, isolation: &str) -> BaseConsumer {
    let mut config = broker.config();
    config.set("group.id", "bench-reader").set("enable.auto.commit", "false");
    config.set("isolation.level", isolation).set("fetch.wait.max.ms", "20");
    let consumer: BaseConsumer = config.create().expect("a consumer");
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition_offset(topic, partition, Offset::Beginning).expect("a partition");
    }
    consumer.assign(&list).expect("partitions can be assigned");
    consumer
}
