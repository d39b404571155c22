//! The stream that benches run on (performance.md, "The bench stream").
//!
//! S3 events of about 1,730 bytes; event time runs on with the place in the stream and each event
//! is up to `disorder` older than its place; 2 % errors, 10 % other event names, bytes log-normal.

use super::event_text::{AmountForm, Call, Caller, Log, write_record};
use super::random::{Random, Zipf};
use crate::units::{EventTime, Span};
use std::fmt::Write as _;
use std::net::Ipv4Addr;

/// How events are spread over principals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Skew {
    /// All principals alike.
    Uniform,
    /// The principal of rank r in proportion to r^−exponent.
    Zipf(f64),
}

/// What the stream is like; [`Default`] is the stream of performance.md.
#[derive(Debug, Clone)]
pub struct BenchSettings {
    /// Decides everything that is left open.
    pub seed: u64,
    /// How many different keys.
    pub principals: usize,
    /// Which of them are busy.
    pub skew: Skew,
    /// How much older than its place in the stream an event may be.
    pub disorder: Span,
    /// Of 100 events, how many were denied.
    pub error_percent: u64,
    /// Of 100 data events, how many are no `GetObject`.
    pub other_name_percent: u64,
    /// Of 100 events, how many are management events.
    pub management_percent: u64,
    /// Event time of the first place.
    pub start: EventTime,
    /// Event time between two places, in microseconds.
    pub step_micros: i64,
}

impl Default for BenchSettings {
    fn default() -> Self {
        Self {
            seed: 7,
            principals: 20_000,
            skew: Skew::Zipf(1.1),
            disorder: Span::from_secs(300),
            error_percent: 2,
            other_name_percent: 10,
            management_percent: 0,
            // 2026-01-01T01:00:00Z: disorder does not reach into another day.
            start: EventTime::from_millis(1_767_229_200_000),
            // Two million events in four hours.
            step_micros: 7200,
        }
    }
}

/// An endless stream of events in arrival order.
#[derive(Debug, Clone)]
pub struct BenchStream {
    settings: BenchSettings,
    random: Random,
    ranks: Zipf,
    written: u64,
}

impl BenchStream {
    /// Starts the stream; costs 8 bytes for each principal.
    #[must_use]
    pub fn new(settings: BenchSettings) -> Self {
        let exponent = match settings.skew {
            Skew::Uniform => 0.0,
            Skew::Zipf(exponent) => exponent,
        };
        let ranks = Zipf::new(settings.principals, exponent);
        Self { random: Random::new(settings.seed), ranks, settings, written: 0 }
    }

    /// Replaces `key` and `value` by the next event's principal and JSON text.
    ///
    /// Both texts are reused: once they have grown, nothing is allocated.
    pub fn write_next(&mut self, key: &mut String, value: &mut String) {
        key.clear();
        value.clear();
        let call = self.next_call();
        write!(key, "{}", call.caller).expect("a String takes everything");
        write_record(&call, value).expect("a String takes everything");
    }

    /// Leaves out the next `count` events.
    pub fn skip_events(&mut self, count: u64) {
        for _ in 0..count {
            self.next_call();
        }
    }

    fn next_call(&mut self) -> Call {
        let (settings, random) = (&self.settings, &mut self.random);
        let number = u64::try_from(self.ranks.rank(random)).unwrap_or(0);
        let place = i64::try_from(self.written).unwrap_or(i64::MAX);
        let age = random.between(0, settings.disorder.as_millis().unsigned_abs());
        let time = settings
            .start
            .plus(Span::from_millis(place.saturating_mul(settings.step_micros) / 1000))
            .minus(Span::from_millis(i64::try_from(age).unwrap_or(0)));
        let management = random.percent(settings.management_percent);
        let other = random.percent(settings.other_name_percent);
        let name = match (management, other, random.below(10)) {
            (true, _, 0..=4) => "ListBuckets",
            (true, _, _) => "GetBucketLocation",
            (false, true, 0..=4) => "HeadObject",
            (false, true, 5..=7) => "PutObject",
            (false, true, _) => "ListObjects",
            (false, false, _) => "GetObject",
        };
        self.written += 1;
        Call {
            time,
            caller: Caller { number, session: number },
            log: if management { Log::Management } else { Log::Data },
            name,
            address: address_of(number, random.below(250)),
            agent: number,
            bucket: number % 400,
            object: random.below(1 << 40),
            bytes_out: random.log_normal(60_000.0, 2.0, 5_000_000_000),
            amount_form: AmountForm::Float,
            denied: random.percent(settings.error_percent),
            by_service: false,
            id: self.written,
        }
    }
}

/// An address that belongs to the principal, out of networks that are global.
pub(super) fn address_of(principal: u64, last: u64) -> Ipv4Addr {
    let octet = |number: u64| u8::try_from(number % 256).unwrap_or(0);
    Ipv4Addr::new(52, octet(principal), octet(principal >> 8), octet(1 + last % 250))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn first(settings: BenchSettings, count: usize) -> Vec<(String, String)> {
        let mut stream = BenchStream::new(settings);
        let (mut key, mut value) = (String::new(), String::new());
        (0..count)
            .map(|_| {
                stream.write_next(&mut key, &mut value);
                (key.clone(), value.clone())
            })
            .collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_stream_and_another_seed_another() {
        let same = first(BenchSettings::default(), 500);

        assert_eq!(same, first(BenchSettings::default(), 500));
        assert_ne!(same, first(BenchSettings { seed: 8, ..BenchSettings::default() }, 500));
    }

    #[test]
    fn a_stream_that_skips_goes_on_where_the_skipped_events_end() {
        let whole = first(BenchSettings::default(), 300);
        let mut rest = BenchStream::new(BenchSettings::default());
        let (mut key, mut value) = (String::new(), String::new());

        rest.skip_events(200);
        rest.write_next(&mut key, &mut value);

        assert_eq!((&key, &value), (&whole[200].0, &whole[200].1));
    }

    #[test]
    fn events_have_the_size_and_the_shares_of_the_bench_page() {
        let events = first(BenchSettings::default(), 20_000);

        let bytes: usize = events.iter().map(|(_, value)| value.len()).sum();
        let share = |text: &str| {
            let count = events.iter().filter(|(_, value)| value.contains(text)).count();
            count * 1000 / events.len()
        };

        assert!((1_680..1_780).contains(&(bytes / events.len())), "{}", bytes / events.len());
        assert!((880..920).contains(&share(r#""eventName":"GetObject""#)));
        assert!((15..25).contains(&share(r#""errorCode""#)));
    }

    #[test]
    fn ids_are_different_and_the_hottest_key_has_its_zipf_share() {
        let events = first(BenchSettings::default(), 20_000);

        let mut ids = HashMap::new();
        let mut keys = HashMap::<&str, usize>::new();
        for (key, value) in &events {
            let record: serde_json::Value = serde_json::from_str(value).expect("JSON");
            *ids.entry(record["eventID"].to_string()).or_insert(0) += 1;
            *keys.entry(key).or_default() += 1;
        }

        assert_eq!(ids.len(), events.len());
        let hottest = keys.values().max().copied().unwrap_or(0);
        assert!((2_700..3_150).contains(&hottest), "{hottest}");
    }

    #[test]
    fn event_time_runs_on_with_disorder_below_its_bound() {
        let settings = BenchSettings::default();
        let mut stream = BenchStream::new(settings.clone());

        for place in 0..10_000i64 {
            let time = stream.next_call().time;
            let latest = settings.start.plus(Span::from_millis(place * 7200 / 1000));
            assert!(time <= latest && time >= latest.minus(settings.disorder));
        }
    }
}
