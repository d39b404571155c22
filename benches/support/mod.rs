//! What the benches share: CPU time of this process, and a stream held in memory.

#![allow(dead_code, reason = "each bench uses a part")]

use std::time::Duration;
use tidegate::generate::{BenchSettings, BenchStream};

/// User and system time of the whole process, all threads.
pub fn cpu_time() -> Duration {
    cpu_of(libc::RUSAGE_SELF)
}

/// User and system time of all children that have ended and were waited for.
pub fn cpu_time_of_children() -> Duration {
    cpu_of(libc::RUSAGE_CHILDREN)
}

#[allow(unsafe_code, reason = "getrusage has no safe form in the standard library")]
fn cpu_of(who: libc::c_int) -> Duration {
    // SAFETY: `usage` is a plain struct of integers for which all zeros is valid, and the call
    // only writes into it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(who, &raw mut usage);
        usage
    };
    let time = |t: libc::timeval| {
        Duration::from_secs(u64::try_from(t.tv_sec).unwrap_or(0))
            + Duration::from_micros(u64::try_from(t.tv_usec).unwrap_or(0))
    };
    time(usage.ru_utime) + time(usage.ru_stime)
}

/// Events of the bench stream, back to back in one buffer.
pub struct Events {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Events {
    pub fn generate(settings: BenchSettings, count: usize) -> Self {
        let mut stream = BenchStream::new(settings);
        let (mut key, mut value) = (String::new(), String::new());
        let mut events = Self { bytes: Vec::new(), ends: Vec::with_capacity(count) };
        for _ in 0..count {
            stream.write_next(&mut key, &mut value);
            events.bytes.extend_from_slice(value.as_bytes());
            events.ends.push(events.bytes.len());
        }
        events
    }

    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.bytes[start..end])
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn mean_bytes(&self) -> usize {
        self.bytes.len() / self.ends.len().max(1)
    }
}

/// CPU seconds that `work` took, the least of `rounds`.
pub fn least_cpu(rounds: usize, mut work: impl FnMut()) -> f64 {
    (0..rounds)
        .map(|_| {
            let before = cpu_time();
            work();
            (cpu_time() - before).as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min)
}
