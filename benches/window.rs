//! What does disorder on skewed keys cost the windows, against uniform keys in order?
//!
//! Input: matched events only, three window rules (10 min sum with tiers, 1 h count, 10 min sum by
//! another group), 20,000 principals; once uniform and in order, once zipf(1.1) with event times up
//! to 300 s behind. No Kafka, no parsing, a commit into a memory store every 10,000 events, outside
//! of the measured time. Read the ratio: 1.0 means that disorder is free; the goal is 0.9, the first
//! bound 0.6 (performance.md). Beside it stands the ratio with uniform keys and disorder alone.
//! Skewed keys win by the processor's caches what disorder loses, so the second ratio is the
//! stricter one. Figures are medians of five rounds. Last ones, two shared cores: 0.75 and 1.0.
//!
//! The same for one rule that counts different values (`value_count` of amounts, 1 h): the bound is 0.5.
//! Uniform keys stay far below its threshold, so that what skewed keys cost is the counting itself. Last
//! figures: 0.7 and 1.0.
//!
//! Then, in nanoseconds for each event, the three window rules as the rule pack has them, with all
//! that they collect, and their share of a commit after every 5,000 events into a store that keeps
//! nothing. Read the sum. An argument `sums`, `values` or `pack` measures one of the three alone.

#![allow(clippy::indexing_slicing, clippy::print_stdout, reason = "a bench prints its own table")]

#[path = "support/stream.rs"]
mod support;

use support::{Counts, Keys, Stream, measure, measure_pack};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// An odd number, so that one of them is the median.
const ROUNDS: usize = 5;

fn main() {
    // A number as argument replaces the number of events.
    let events = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(1_000_000);
    let only = std::env::args().find(|word| ["sums", "values", "pack"].contains(&word.as_str()));
    let is_asked = |part: &str| only.as_deref().is_none_or(|only| only == part);
    for (part, name, counts) in
        [("sums", "sums and a count", Counts::Sums), ("values", "value_count", Counts::Values)]
    {
        if is_asked(part) {
            println!("{name}");
            disorder(counts, events);
        }
    }
    if is_asked("pack") {
        pack(events);
    }
}

fn pack(events: usize) {
    for (name, keys, disorder_s) in
        [("uniform, in order", Keys::Uniform, 0), ("zipf(1.1), 300 s", Keys::Zipf, 300)]
    {
        let costs: Vec<_> =
            (0..2).map(|_| measure_pack(Stream::new(20_000, keys, disorder_s), events)).collect();
        let least =
            |pick: fn(&support::Cost) -> f64| costs.iter().map(pick).fold(f64::INFINITY, f64::min);
        let (step, commit) = (least(|cost| cost.step_ns), least(|cost| cost.commit_ns));
        println!(
            "rule pack, {name:<18} {:>6.0} ns an event: rules {step:.0}, commit {commit:.0}",
            step + commit
        );
    }
}

fn disorder(counts: Counts, events: usize) {
    // Rounds alternate, and a ratio is of one round: the machine may be shared.
    let mut rates = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        let streams = [(Keys::Uniform, 0), (Keys::Zipf, 300), (Keys::Uniform, 300)];
        for (rates, (keys, disorder_s)) in rates.iter_mut().zip(streams) {
            rates.push(measure(counts, Stream::new(20_000, keys, disorder_s), events));
        }
    }
    let [uniform, zipf, disorder] = &rates;
    let against =
        |others: &[f64]| median(others.iter().zip(uniform).map(|(one, of)| one / of).collect());
    println!("uniform, in order:            {:>10.0} events per CPU second", middle(uniform));
    for (name, rates) in
        [("zipf(1.1), 300 s of disorder:", zipf), ("uniform, 300 s of disorder:  ", disorder)]
    {
        println!(
            "{name} {:>10.0} events per CPU second, ratio {:.2}",
            middle(rates),
            against(rates)
        );
    }
}

fn middle(rates: &[f64]) -> f64 {
    median(rates.to_vec())
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
