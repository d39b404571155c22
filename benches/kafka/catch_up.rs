//! What share of the floor's speed does `tidegate run` reach while it catches up with a full topic?

use crate::TOPIC;
use crate::broker::Broker;
use crate::deployment::Deployment;
use crate::process::{Tidegate, Watcher, wait};
use crate::support::cpu_time;
use std::process::{Command, ExitCode};
use std::time::Instant;
use tidegate::stream::measure::consume_raw;

const FLOOR: &str = "TIDEGATE_BENCH_FLOOR";

/// CPU seconds of one process.
#[derive(Clone, Copy)]
struct Cost {
    /// From start to end, events for each CPU second.
    whole: f64,
    /// Between 20 % and 95 % of the events.
    steady: f64,
}

/// Where a process stood when it passed a mark: events, CPU seconds.
type Mark = (u64, f64);

fn cost(marks: &[Mark], whole: Mark) -> Cost {
    let (from, to) = (marks[0], marks[1]);
    Cost { whole: whole.0 as f64 / whole.1, steady: (to.0 - from.0) as f64 / (to.1 - from.1) }
}

pub fn ask(broker: &Broker, events: u64) {
    let before = floor(broker, events);
    let deployment = Deployment::new(broker, "catch-up", TOPIC, ["", "", ""]);
    let watcher = Watcher::new(broker, &deployment, TOPIC);
    let process = Tidegate::start(&deployment);
    let mut marks = Vec::new();
    let mut first = None;
    for share in [20, 95, 100] {
        wait("events to be committed", || {
            let now = watcher.committed();
            if now > 0 {
                first.get_or_insert((Instant::now(), now));
            }
            (now * 100 >= events * share).then(|| marks.push((now, process.cpu().as_secs_f64())))
        });
    }
    let (since, already) = first.expect("events were committed");
    let wall = (events - already) as f64 / since.elapsed().as_secs_f64();
    let changelog = process.metric("tidegate_changelog_bytes_total") / events as f64;
    let peak = process.peak_mb();
    let run = cost(&marks, marks[2]);
    process.kill();
    let after = floor(broker, events);
    let thousand = |rate: f64| rate / 1000.0;
    println!("\ncatching up with {events} events, thousand events per CPU second: steady, whole");
    for (name, cost) in [("floor, before", before), ("tidegate run", run), ("floor, after", after)]
    {
        println!("  {name:<15} {:>8.0} {:>8.0}", thousand(cost.steady), thousand(cost.whole));
    }
    let steady = f64::max(before.steady, after.steady);
    let whole = f64::max(before.whole, after.whole);
    println!("  share of the better floor: steady {:.3}, whole {:.3}", run.steady / steady, {
        run.whole / whole
    });
    println!(
        "  {:.0} k events/s by the clock, {changelog:.0} changelog bytes an event, peak {peak} MB",
        thousand(wall)
    );
}

/// Starts this program again as the floor.
fn floor(broker: &Broker, events: u64) -> Cost {
    let me = std::env::current_exe().expect("this program");
    let asked = format!("{}|{TOPIC}|{events}", broker.bootstrap);
    let output = Command::new(me).env(FLOOR, asked).output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let marks: Vec<Mark> = text
        .lines()
        .filter_map(|line| {
            let (events, seconds) = line.split_once(' ')?;
            Some((events.parse().ok()?, seconds.parse().ok()?))
        })
        .collect();
    assert!(marks.len() == 3, "the floor said: {text}{}", String::from_utf8_lossy(&output.stderr));
    cost(&marks, marks[2])
}

/// Runs as the floor if the environment asks for it: prints events and CPU seconds at 20 %, 95 %
/// and the end.
pub fn run_floor_if_asked() -> Option<ExitCode> {
    let asked = std::env::var(FLOOR).ok()?;
    let mut words = asked.split('|');
    let (brokers, topic) = (words.next()?, words.next()?);
    let events: u64 = words.next()?.parse().ok()?;
    let mut shares = [20, 95, 100].into_iter().peekable();
    let taken = consume_raw(brokers, topic, events, &mut |count| {
        while shares.next_if(|share| count * 100 >= events * share).is_some() {
            println!("{count} {}", cpu_time().as_secs_f64());
        }
    });
    Some(match taken {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    })
}
