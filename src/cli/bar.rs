//! A progress bar on standard error, where that is a terminal.

use crate::scan::ReadBytes;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Bytes of `total` as they are read; without a terminal it prints nothing at all.
pub(super) fn bytes_bar(total: u64) -> ProgressBar {
    let form = "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta} {msg}";
    let unknown = "{spinner} {bytes} {bytes_per_sec} {msg}";
    let bar = if total > 0 { ProgressBar::new(total) } else { ProgressBar::no_length() };
    if let Ok(style) = ProgressStyle::with_template(if total > 0 { form } else { unknown }) {
        bar.set_style(style);
    }
    if std::io::stderr().is_terminal() {
        bar.enable_steady_tick(Duration::from_millis(200));
    } else {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar
}

/// Moves the bar to what was read.
pub(super) fn follow(bar: &ProgressBar, taken: &ReadBytes) {
    bar.set_position(taken.load(Ordering::Relaxed));
}
