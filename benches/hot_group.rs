//! What does one more event cost a group that already holds 1 s, 1 min, 10 min or 1 h of panes?
//!
//! Input: one group under a sliding window of that length that has an event in every second; then
//! events in order, and events 150 s behind, each measured by itself, with the sum far below the
//! threshold, and in an open episode that has reported its highest tier. Read the ratios to the
//! window of a second: they must stay flat in W. Last, the worst case: the group hovers just below
//! its threshold, so that events behind the newest make the engine read every window they changed;
//! this one may grow with how far behind the event is, not with W. Last figures, two shared cores:
//! 160 ns in order, 240 ns behind, flat within the noise; 600 to 1,500 ns in the worst case.

#![allow(clippy::indexing_slicing, clippy::print_stdout, reason = "a bench prints its own table")]

#[path = "support/stream.rs"]
mod support;

use support::{HotGroup, Threshold};

fn main() {
    for (name, behind_s, threshold) in [
        ("in order, far below", 0, Threshold::FarAbove),
        ("in order, crossed before", 0, Threshold::Crossed),
        ("150 s behind, far below", 150, Threshold::FarAbove),
        ("150 s behind, crossed before", 150, Threshold::Crossed),
        ("150 s behind, just below (worst case)", 150, Threshold::JustAbove),
    ] {
        let costs: Vec<f64> = [1, 60, 600, 3600]
            .into_iter()
            .map(|window_s| {
                let runs = (0..3).map(|_| HotGroup::new(window_s, threshold).cost_ns(behind_s));
                runs.fold(f64::INFINITY, f64::min)
            })
            .collect();
        print!("{name:<40}");
        for (cost, window) in costs.iter().zip(["1 s", "1 min", "10 min", "1 h"]) {
            print!("{window:>8} {cost:>6.0} ns ({:.1}×)", cost / costs[0]);
        }
        println!();
    }
}
