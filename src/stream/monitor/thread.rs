//! The thread that turns a [`Monitor`], and its end.

use super::Monitor;
use crate::units::WallTime;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

/// Turns a monitor until it is stopped or dropped; both wait for the end of the thread.
pub struct MonitorThread {
    signal: Arc<Signal>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Signal {
    is_stopping: Mutex<bool>,
    changed: Condvar,
}

impl MonitorThread {
    /// Starts a thread that turns `monitor` now and then once in `every`. The histograms are looked
    /// after by the listener that shows them (`serve`).
    ///
    /// # Errors
    /// The system cannot start a thread.
    pub fn start(mut monitor: Monitor, every: Duration) -> std::io::Result<MonitorThread> {
        let signal = Arc::new(Signal::default());
        let theirs = Arc::clone(&signal);
        let thread = std::thread::Builder::new().name("monitor".to_owned()).spawn(move || {
            monitor.turn(wall());
            while !theirs.is_stopping_within(every) {
                monitor.turn(wall());
            }
            // What the workers committed last.
            monitor.turn(wall());
        })?;
        Ok(MonitorThread { signal, thread: Some(thread) })
    }

    /// Turns once more, so that what the workers said last is counted, and ends the thread.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for MonitorThread {
    fn drop(&mut self) {
        *self.signal.is_stopping.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.signal.changed.notify_all();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the monitor panicked: metrics and readiness had stopped");
        }
    }
}

impl Signal {
    /// Waits for a stop for so long; whether it came.
    fn is_stopping_within(&self, wait: Duration) -> bool {
        let is_stopping = self.is_stopping.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(is_stopping, wait, |stopping| !*stopping);
        let (is_stopping, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *is_stopping
    }
}

fn wall() -> WallTime {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    WallTime::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Process, committed};
    use super::*;

    #[test]
    fn a_stop_counts_what_was_published_last_and_ends_the_thread() {
        let process = Process::new(1);
        let monitor = process.monitor();
        let hour = Duration::from_hours(1);
        let thread = MonitorThread::start(monitor, hour).expect("starts");

        process.publish(0, committed(7));
        thread.stop();

        process.check(&["tidegate_transactions_total{result=\"committed\"} 7"]);
    }
}
