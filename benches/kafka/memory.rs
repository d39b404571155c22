//! How much memory does a process need for 100,000 active groups?

use crate::broker::Broker;
use crate::deployment::{Deployment, Load, create_input, load};
use crate::process::{Tidegate, Watcher, wait};
use tidegate::generate::{BenchSettings, Skew};

/// All of them are busy; each has a window in each of three states.
const PRINCIPALS: usize = 100_000;
const EVENTS: u64 = 400_000;
const TOPIC: &str = "memory-in";

pub fn ask(broker: &Broker) {
    create_input(broker, TOPIC);
    let settings =
        BenchSettings { principals: PRINCIPALS, skew: Skew::Uniform, ..BenchSettings::default() };
    load(broker, TOPIC, &Load { settings, events: EVENTS });
    let small = ["", r#"block_cache = "32MiB""#, r#""queued.max.messages.kbytes" = "8192""#];
    let deployment = Deployment::new(broker, "memory", TOPIC, small);
    let watcher = Watcher::new(broker, &deployment, TOPIC);
    let process = Tidegate::start(&deployment);
    let (mut at_wanted, mut groups) = (None, 0.0);
    wait("all events to be committed", || {
        groups = process.metric("tidegate_windows_open");
        if groups >= 100_000.0 {
            at_wanted.get_or_insert((groups, process.peak_mb()));
        }
        (watcher.committed() >= EVENTS).then_some(())
    });
    let (first, peak) = at_wanted.expect("more than 100,000 groups are open");
    println!("\nmemory with a 32 MiB block cache and 8 MB queues, everything else by default");
    println!("  {first:.0} groups: at most {peak} MB so far; at most 300 MB wanted");
    println!(
        "  {groups:.0} groups of {PRINCIPALS} principals: peak {} MB, {} MB at the end",
        process.peak_mb(),
        process.resident_mb()
    );
    process.kill();
}
