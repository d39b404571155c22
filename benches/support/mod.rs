//! What the benches share: CPU time of this process, and a stream held in memory.

#![allow(dead_code, reason = "each bench uses a part")]

use std::time::Duration;
use tidegate::event::Source;
use tidegate::generate::{BenchSettings, BenchStream};
use tidegate::rule::{self, LoadOptions, RuleFile, RuleSet};

mod volume;

/// The one rule of the comparison with other engines.
const ONE_RULE: &str = include_str!("../rules/large_download.yml");

/// Which rules a question is asked with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Rules {
    /// The one window that other engines were given.
    One,
    /// Those of the shipped rules that every read of the stream concerns: what the figures are of.
    Volume,
    /// Everything that the program brings along.
    Shipped,
}

impl Rules {
    /// All, in the order in which they are asked.
    pub const ALL: [Self; 3] = [Self::One, Self::Volume, Self::Shipped];

    pub const fn name(self) -> &'static str {
        match self {
            Self::One => "one rule",
            Self::Volume => "volume rules",
            Self::Shipped => "shipped rules",
        }
    }

    /// What an engine runs.
    pub fn load(self) -> RuleSet {
        let files = match self {
            Self::One => vec![RuleFile {
                name: "benches/rules/large_download.yml".to_owned(),
                text: ONE_RULE.to_owned(),
                builtin: false,
            }],
            Self::Volume => volume::files(),
            Self::Shipped => rule::builtin(),
        };
        // As the program loads them: what one partition cannot count is left out.
        let key = Some(vec!["tidegate.principal".to_owned()]);
        let partition_key = vec![(Source::CloudTrail, key)];
        let loaded = rule::load(&files, &LoadOptions { partition_key, ..LoadOptions::default() });
        loaded.rules.unwrap_or_else(|| panic!("the rules load: {:?}", loaded.problems))
    }

    /// The section `[rules]` of a configuration.
    pub fn section(self) -> String {
        match self {
            Self::One => format!(
                "builtin = false\npaths = [\"{}/benches/rules/large_download.yml\"]",
                env!("CARGO_MANIFEST_DIR")
            ),
            Self::Volume => {
                let (volume, shipped) = (self.load(), Self::Shipped.load());
                let others = shipped.rules().iter().map(|rule| rule.text.name.as_str());
                let others: Vec<&str> = others.filter(|name| volume.find(name).is_none()).collect();
                format!("disable = {others:?}")
            }
            Self::Shipped => String::new(),
        }
    }
}

/// User and system time of the whole process, all threads; to 10 ms.
pub fn cpu_time() -> Duration {
    cpu_of("self", [11, 12])
}

/// The same of another process.
pub fn cpu_time_of(process: u32) -> Duration {
    cpu_of(&process.to_string(), [11, 12])
}

/// User and system time of all children that have ended and were waited for; to 10 ms.
pub fn cpu_time_of_children() -> Duration {
    cpu_of("self", [13, 14])
}

/// Adds up two fields of `/proc/…/stat`, counted from behind the process's name; Linux shows
/// user space 100 ticks a second whatever its own clock does.
fn cpu_of(process: &str, fields: [usize; 2]) -> Duration {
    let stat =
        std::fs::read_to_string(format!("/proc/{process}/stat")).expect("Linux shows the process");
    let (_, numbers) = stat.rsplit_once(')').expect("a name in brackets");
    let numbers: Vec<&str> = numbers.split_whitespace().collect();
    let ticks = |field: usize| -> u64 {
        numbers.get(field).and_then(|number| number.parse().ok()).expect("a number")
    };
    Duration::from_millis(10 * (ticks(fields[0]) + ticks(fields[1])))
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
            cpu_time().saturating_sub(before).as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min)
}
