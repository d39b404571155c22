//! How fast is the whole engine on one core: decode, match, windows, episodes, commit to memory?
//!
//! Input: the bench stream (about 1,730 bytes an event, 20,000 principals), once with uniform keys in
//! order and once zipf(1.1) with up to 300 s of disorder, first through the one rule of the comparison
//! with other engines (benches/rules/large_download.yml), then through the four rules on volume, then
//! through all shipped rules; every 5,000 events the changed rows are encoded as a commit would and
//! forgotten. Baseline in the same run: parsing the same events into `serde_json::Value` and nothing
//! else.
//! Read it as ratios: `engine / Value` (performance.md: at least 3) and `zipf / uniform` (at least 0.6).

#![allow(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::unchecked_time_subtraction,
    clippy::indexing_slicing,
    reason = "a bench prints its answer"
)]

mod support;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Takes rows and forgets them: what RocksDB costs is in benches/kafka.rs.
struct Forgetful;

impl Store for Forgetful {
    fn get(&self, _key: &[u8], _read: &mut dyn FnMut(&[u8])) -> Result<bool, StoreError> {
        Ok(false)
    }

    fn scan(&self, _prefix: &[u8], _each: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreError> {
        Ok(())
    }

    fn apply(&mut self, changes: &Changes, _at: Option<Position>) -> Result<(), StoreError> {
        black_box(changes.byte_len());
        Ok(())
    }

    fn changelog_position(&self) -> Result<Option<Position>, StoreError> {
        Ok(None)
    }
}

use std::hint::black_box;
use std::sync::Arc;
use support::{Events, Rules, least_cpu};
use tidegate::detect::{Engine, Limits, Origin};
use tidegate::event::{DecodeLimits, Decoder, Entry, Format};
use tidegate::generate::{BenchSettings, Skew};
use tidegate::rule::RuleSet;
use tidegate::state::{Changes, Store, StoreError};
use tidegate::units::{Offset, PartitionId, Position, Span, WallTime};

const EVENTS: usize = 200_000;
const COMMIT_EVERY: usize = 5000;
const ROUNDS: usize = 5;

fn main() {
    let uniform = Events::generate(
        BenchSettings { skew: Skew::Uniform, disorder: Span::ZERO, ..BenchSettings::default() },
        EVENTS,
    );
    let zipf = Events::generate(BenchSettings::default(), EVENTS);
    let value = least_cpu(ROUNDS, || {
        for event in uniform.iter() {
            black_box(serde_json::from_slice::<serde_json::Value>(event).expect("JSON"));
        }
    });
    let rate = |seconds: f64| EVENTS as f64 / seconds / 1000.0;
    println!("events                         {EVENTS} of {} bytes", uniform.mean_bytes());
    println!("serde_json::Value              {:8.0} k events per CPU second", rate(value));
    for which in Rules::ALL {
        let rules = Arc::new(which.load());
        let in_order = least_cpu(ROUNDS, || run(&rules, &uniform));
        let skewed = least_cpu(ROUNDS, || run(&rules, &zipf));
        println!("\n{}", which.name());
        println!("engine, uniform in order       {:8.0} k events per CPU second", rate(in_order));
        println!("engine, zipf(1.1), 300 s       {:8.0} k events per CPU second", rate(skewed));
        println!("engine / serde_json::Value     {:8.2}", value / skewed);
        println!("zipf with disorder / uniform   {:8.2}", in_order / skewed);
    }
}

fn run(rules: &Arc<RuleSet>, events: &Events) {
    let limits = DecodeLimits { max_record_bytes: 8 << 20, max_inflated_bytes: 64 << 20 };
    let mut decoder = Decoder::new(rules.fields(), Format::Auto, limits);
    let mut engine = Engine::open(
        Arc::clone(rules),
        Limits {
            allowed_lateness: Span::from_hours(1),
            max_future_skew: Span::from_minutes(5),
            duplicate_horizon: None,
            cache_bytes: 256 << 20,
            ..Limits::default()
        },
        Forgetful,
    )
    .expect("an empty store opens");
    let (mut findings, mut changes) = (Vec::new(), Changes::default());
    for (index, event) in events.iter().enumerate() {
        let offset = Offset(i64::try_from(index).expect("small"));
        let origin = Origin {
            partition: PartitionId(0),
            offset,
            record_time: None,
            wall: WallTime::from_millis(0),
        };
        decoder
            .decode(event, |entry| {
                if let Entry::Event(event) = entry {
                    engine.step(event, &origin, &mut findings)?;
                }
                Ok::<(), tidegate::detect::StateError>(())
            })
            .expect("memory works");
        if index % COMMIT_EVERY == COMMIT_EVERY - 1 {
            changes.clear();
            engine.collect_changes(offset.next(), "bench", &mut changes);
            engine.committed(&changes, Some(Position(0))).expect("memory works");
            findings.clear();
        }
    }
    black_box(engine.groups());
}
