//! What share of the floor's speed does `tidegate run` reach while it catches up with a full topic?

use crate::TOPIC;
use crate::broker::Broker;
use crate::deployment::Deployment;
use crate::process::{Tidegate, Watcher, wait};
use crate::support::{Rules, cpu_time};
use std::process::{Command, ExitCode};
use std::time::Instant;
use tidegate::stream::measure::{Fetching, consume_raw};

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

/// What a run of the program came to.
struct Run {
    cost: Cost,
    /// Events for each second of the clock, from the first commit on.
    by_clock: f64,
    changelog_per_event: f64,
    peak_mb: u64,
    alerts: f64,
}

/// Each is run so often, in turn, so that a change of the machine's mood meets all alike.
const ROUNDS: usize = 5;

/// Consuming and doing nothing: with settings that are usual, and with those of `run`.
const FLOORS: [(&str, Fetching); 2] =
    [("floor", Fetching::Plain), ("floor, fetching as run does", Fetching::AsRun)];

/// Least, median and greatest.
struct Spread([f64; 3]);

impl Spread {
    fn of(rates: impl Iterator<Item = f64>) -> Self {
        let mut rates: Vec<f64> = rates.collect();
        rates.sort_by(f64::total_cmp);
        Self([rates[0], rates[rates.len() / 2], rates[rates.len() - 1]])
    }

    fn median(&self) -> f64 {
        self.0[1]
    }

    fn print(&self, name: &str) {
        let [least, median, greatest] = self.0.map(|rate| rate / 1000.0);
        println!("  {name:<29} {least:>8.0} {median:>8.0} {greatest:>8.0}");
    }
}

pub fn ask(broker: &Broker, events: u64) {
    // Not counted: from here on the input is in memory for the floor and for the runs alike, and
    // the broker's code is compiled.
    floor(broker, events, Fetching::Plain);
    let mut floors = FLOORS.map(|_| Vec::new());
    let mut runs = Rules::ALL.map(|rules| (rules, Vec::new()));
    for round in 0..ROUNDS {
        for ((_, fetching), costs) in FLOORS.iter().zip(&mut floors) {
            costs.push(floor(broker, events, *fetching));
        }
        for (rules, runs) in &mut runs {
            runs.push(run(broker, events, *rules, round));
        }
    }
    println!(
        "\ncatching up with {events} events, {ROUNDS} times; thousand events per CPU second, \
         steady: least, median, greatest"
    );
    let floors = floors.map(|costs| {
        let steady = Spread::of(costs.iter().map(|cost| cost.steady));
        (steady, Spread::of(costs.iter().map(|cost| cost.whole)))
    });
    for ((name, _), (steady, _)) in FLOORS.iter().zip(&floors) {
        steady.print(name);
    }
    for (rules, runs) in &runs {
        let steady = Spread::of(runs.iter().map(|run| run.cost.steady));
        let whole = Spread::of(runs.iter().map(|run| run.cost.whole));
        steady.print(&format!("tidegate run, {}", rules.name()));
        for ((name, _), (floor, floor_whole)) in FLOORS.iter().zip(&floors) {
            println!(
                "    share of \"{name}\", median of median: steady {:.3}, whole {:.3}",
                steady.median() / floor.median(),
                whole.median() / floor_whole.median()
            );
        }
        let last = &runs[runs.len() - 1];
        println!(
            "    {:.0} k events/s by the clock, {:.0} changelog bytes an event, {:.0} alerts, \
             peak {} MB",
            Spread::of(runs.iter().map(|run| run.by_clock)).median() / 1000.0,
            last.changelog_per_event,
            last.alerts,
            last.peak_mb
        );
    }
}

/// The program from its start until everything is committed.
fn run(broker: &Broker, events: u64, rules: Rules, round: usize) -> Run {
    let app = format!("catch-up-{}-{round}", rules.name().replace(' ', "-"));
    let deployment = Deployment::new(broker, &app, TOPIC, [&rules.section(), "", ""]);
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
    let by_clock = (events - already) as f64 / since.elapsed().as_secs_f64();
    // The metrics are a moment behind the offsets.
    wait("the metrics to follow", || {
        (process.metric("tidegate_events_total") >= events as f64).then_some(())
    });
    let run = Run {
        cost: cost(&marks, marks[2]),
        by_clock,
        changelog_per_event: process.metric("tidegate_changelog_bytes_total") / events as f64,
        peak_mb: process.peak_mb(),
        alerts: process.metric("tidegate_alerts_total"),
    };
    process.kill();
    run
}

/// Starts this program again as the floor.
fn floor(broker: &Broker, events: u64, fetching: Fetching) -> Cost {
    let me = std::env::current_exe().expect("this program");
    let asked = format!("{}|{TOPIC}|{events}|{fetching:?}", broker.bootstrap);
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
    let fetching = if words.next()? == "AsRun" { Fetching::AsRun } else { Fetching::Plain };
    let mut shares = [20, 95, 100].into_iter().peekable();
    let taken = consume_raw(brokers, topic, events, fetching, &mut |count| {
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
