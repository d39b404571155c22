//! How much memory does a process need for 100,000 active groups?
//!
//! A group is one group key with events that windows may still need; rules that group by the same
//! fields share it, so a busy principal has two under the volume rules: by principal, and by
//! principal and bucket. `tidegate_windows_open` counts them, and the question prints how many window
//! states they stand for. The figure to read is the peak while it catches up as fast as it can.

use crate::broker::Broker;
use crate::deployment::{Deployment, Load, create_input, load};
use crate::process::{Tidegate, Watcher, wait};
use crate::support::Rules;
use std::collections::HashSet;
use tidegate::generate::{BenchSettings, BenchStream, Skew};
use tidegate::rule::Kind;

/// All of them are busy, each in two groups.
const PRINCIPALS: usize = 51_000;
const EVENTS: u64 = 400_000;
const TOPIC: &str = "memory-in";
const WANTED: f64 = 100_000.0;

pub fn ask(broker: &Broker) {
    create_input(broker, TOPIC);
    let settings =
        BenchSettings { principals: PRINCIPALS, skew: Skew::Uniform, ..BenchSettings::default() };
    load(broker, TOPIC, &Load { settings: settings.clone(), events: EVENTS });
    let rules = Rules::Volume.section();
    let small = [&*rules, r#"block_cache = "32MiB""#, r#""queued.max.messages.kbytes" = "8192""#];
    let deployment = Deployment::new(broker, "memory", TOPIC, small);
    let watcher = Watcher::new(broker, &deployment, TOPIC);
    let process = Tidegate::start(&deployment);
    let (mut at_wanted, mut groups) = (None, 0.0);
    wait("all events to be committed", || {
        groups = process.metric("tidegate_windows_open");
        if groups >= WANTED {
            at_wanted.get_or_insert((groups, process.peak_mb(), process.resident_mb()));
        }
        (watcher.committed() >= EVENTS).then_some(())
    });
    let (first, first_peak, first_now) = at_wanted.expect("more than 100,000 groups are open");
    println!("\nmemory with a 32 MiB block cache and 8 MB queues, everything else by default");
    println!("  {first:.0} groups: {first_now} MB, at most {first_peak} MB so far; 300 MB wanted");
    println!(
        "  {groups:.0} groups at the end: {} MB, peak {} MB",
        process.resident_mb(),
        process.peak_mb()
    );
    process.kill();
    print_states(settings);
}

/// Says what a group is here: the window states of the volume rules and their groups at the end.
fn print_states(settings: BenchSettings) {
    let readers = readers(settings);
    let rules = Rules::Volume.load();
    for rule in rules.rules() {
        if let Kind::Window(window) = &rule.kind {
            let by: Vec<_> =
                rule.group_by.iter().map(|field| rules.fields().name(*field)).collect();
            // A principal of the stream reads from one bucket.
            println!(
                "    {readers} of {} over {} min by {}",
                rule.text.name,
                window.span.as_millis() / 60_000,
                by.join(", ")
            );
        }
    }
}

/// How many principals read something, counted from the stream itself.
fn readers(settings: BenchSettings) -> usize {
    let mut stream = BenchStream::new(settings);
    let (mut key, mut value) = (String::new(), String::new());
    let mut readers = HashSet::new();
    for _ in 0..EVENTS {
        stream.write_next(&mut key, &mut value);
        if value.contains(r#""eventName":"GetObject""#) && !value.contains(r#""errorCode""#) {
            readers.insert(key.clone());
        }
    }
    readers.len()
}
