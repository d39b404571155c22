//! How long from the start after `kill -9` to the first commit?

use crate::TOPIC;
use crate::broker::Broker;
use crate::deployment::Deployment;
use crate::process::{Tidegate, Watcher, wait};
use std::time::Duration;

const KILLS: u64 = 5;
/// A transaction that was ending when the process was killed has ended by now, and the new process
/// has not begun one.
const SETTLED: Duration = Duration::from_millis(30);

pub fn ask(broker: &Broker, events: u64) {
    let deployment = Deployment::new(broker, "restart", TOPIC, ["", "", ""]);
    let watcher = Watcher::new(broker, &deployment, TOPIC);
    let mut process = Tidegate::start(&deployment);
    let mut took: Vec<u128> = Vec::new();
    for kill in 1..=KILLS {
        // While it works at full speed, at an eighth of the events, two eighths, …
        watcher.wait_for(events * kill / 8);
        process.kill();
        process = Tidegate::start(&deployment);
        std::thread::park_timeout(SETTLED);
        let before = watcher.committed();
        assert!(before < events, "nothing is left to commit: use more events");
        wait("the first commit", || (watcher.committed() > before).then_some(()));
        took.push(process.started.elapsed().as_millis());
    }
    process.kill();
    took.sort_unstable();
    println!("\nrestart at once after kill -9, while catching up, state kept, {KILLS} times");
    println!("  from start to the first commit, ms: {took:?}; at most 3000 wanted");
}
