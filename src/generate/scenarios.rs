//! The exfiltrations that are planted, and the near misses beside them as negative controls.
//!
//! The numbers are those of the shipped rules (detections.md §2.2, §3.1, §4.2). Each scenario has a
//! principal of its own, so that nothing but its own events decides what has to be found.

use super::event_text::{AmountForm, Caller, Log};
use super::random::Random;
use super::truth::Expected;
use crate::rule::Level;
use crate::units::EventTime;
use std::net::Ipv4Addr;

const MIB: u64 = 1_048_576;
/// First tier of the byte rules.
pub(super) const FIRST_TIER_BYTES: u64 = 50 * MIB;
/// Second tier of the byte rules.
pub(super) const SECOND_TIER_BYTES: u64 = 100 * MIB;
/// Third tier of the byte rules.
pub(super) const THIRD_TIER_BYTES: u64 = 1024 * MIB;
/// Window of the byte rules, in seconds.
pub(super) const BYTES_WINDOW_S: i64 = 600;
/// The count rule asks for more than this.
pub(super) const COUNT_ABOVE: u64 = 1000;
/// Window of the count rule, in seconds.
pub(super) const COUNT_WINDOW_S: i64 = 3600;
/// How much of the stream's event time one scenario may take, in seconds.
pub(super) const LONGEST_S: i64 = 3 * 3600;

/// An event as it was thought up: 64 bytes or so, its text is written when it is needed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Planned {
    /// Event time in seconds since the Unix epoch.
    pub(super) second: i64,
    pub(super) caller: Caller,
    pub(super) log: Log,
    pub(super) name: &'static str,
    pub(super) address: Ipv4Addr,
    pub(super) bucket: u64,
    pub(super) bytes_out: u64,
    pub(super) amount_form: AmountForm,
    pub(super) denied: bool,
    pub(super) by_service: bool,
    /// How often and when it is delivered.
    pub(super) delivery: Delivery,
}

/// How an event reaches the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    /// Once, after a delay within the bound.
    Once,
    /// Twice, each time after a delay within the bound.
    Twice,
    /// Long after every bound.
    Late,
}

/// What planting needs to know.
pub(super) struct Planter<'a> {
    pub(super) random: &'a mut Random,
    pub(super) events: &'a mut Vec<Planned>,
    pub(super) expected: &'a mut Vec<Expected>,
    /// Second at which the scenario may begin.
    pub(super) from: i64,
    /// Its own principal.
    pub(super) principal: u64,
}

type Scenario = fn(&mut Planter<'_>);

/// Scenarios of bytes and endpoints: 8 that have to be found, 11 that must not be.
pub(super) const DOWNLOADS: &[Scenario] = &[
    one_bucket_low,
    exactly_the_first_tier,
    exactly_the_second_tier,
    third_tier,
    spread_over_buckets,
    everything_rotates,
    twice_with_a_long_pause,
    endpoint_from_outside,
    one_byte_short,
    one_second_too_long,
    every_event_delivered_twice,
    denied_calls,
    made_by_a_service,
    server_side_copies,
    amounts_absent,
    low_and_slow,
    endpoint_from_inside,
    endpoint_from_a_documentation_network,
    external_address_without_endpoint,
];

/// Scenarios of object counts, about a thousand events each: one to be found, three not.
pub(super) const COUNTS: &[Scenario] =
    &[one_object_too_many, as_many_objects_as_allowed, too_many_in_too_long, too_many_denied];

fn one_bucket_low(planter: &mut Planter<'_>) {
    let total = planter.random.between(55 * MIB, 95 * MIB);
    let count = planter.random.between(3, 40);
    planter.reads(&Burst { total, count, last_s: 540, ..Burst::default() });
    planter.expect_download(0, Level::Low, 0, 540, "burst on one bucket");
    planter.expect_principal(Level::Informational, 0, 540, "burst on one bucket");
}

fn exactly_the_first_tier(planter: &mut Planter<'_>) {
    let burst = Burst { total: FIRST_TIER_BYTES, count: 12, last_s: 599, ..Burst::default() };
    planter.reads(&burst);
    planter.expect_download(0, Level::Low, 0, 599, "exactly 50 MiB in 599 s");
    planter.expect_principal(Level::Informational, 0, 599, "exactly 50 MiB in 599 s");
}

fn exactly_the_second_tier(planter: &mut Planter<'_>) {
    let burst = Burst { total: SECOND_TIER_BYTES, count: 20, last_s: 500, ..Burst::default() };
    planter.reads(&burst);
    planter.expect_download(0, Level::Medium, 0, 500, "exactly 100 MiB: escalates to medium");
    planter.expect_principal(Level::Medium, 0, 500, "exactly 100 MiB: escalates to medium");
}

fn third_tier(planter: &mut Planter<'_>) {
    let total = planter.random.between(THIRD_TIER_BYTES, THIRD_TIER_BYTES * 3 / 2);
    planter.reads(&Burst { total, count: 40, last_s: 560, ..Burst::default() });
    planter.expect_download(0, Level::High, 0, 560, "more than 1 GiB: escalates to high");
    planter.expect_principal(Level::High, 0, 560, "more than 1 GiB: escalates to high");
}

fn spread_over_buckets(planter: &mut Planter<'_>) {
    for bucket in 0..20 {
        let offset_s = i64::try_from(bucket).unwrap_or(0) * 20;
        planter.reads(&Burst {
            bucket,
            total: 25 * MIB,
            count: 2,
            first_s: offset_s,
            last_s: offset_s + 30,
            ..Burst::default()
        });
    }
    planter.expect_principal(Level::Medium, 0, 410, "20 buckets at 25 MiB each");
}

fn everything_rotates(planter: &mut Planter<'_>) {
    // Only roles have sessions that could rotate.
    planter.principal = planter.principal / 5 * 5 + 4;
    let burst = Burst { total: 60 * MIB, count: 30, last_s: 590, rotate: true, ..Burst::default() };
    planter.reads(&burst);
    planter.expect_download(0, Level::Low, 0, 590, "session, address and agent rotate");
    planter.expect_principal(Level::Informational, 0, 590, "session, address and agent rotate");
}

fn twice_with_a_long_pause(planter: &mut Planter<'_>) {
    for first_s in [0, 7200] {
        let last_s = first_s + 300;
        let burst = Burst { total: 70 * MIB, count: 9, first_s, last_s, ..Burst::default() };
        planter.reads(&burst);
        planter.expect_download(0, Level::Low, first_s, last_s, "two bursts two hours apart");
        let scenario = "two bursts two hours apart";
        planter.expect_principal(Level::Informational, first_s, last_s, scenario);
    }
}

fn one_byte_short(planter: &mut Planter<'_>) {
    let burst = Burst { total: FIRST_TIER_BYTES - 1, count: 12, last_s: 500, ..Burst::default() };
    planter.reads(&burst);
}

fn one_second_too_long(planter: &mut Planter<'_>) {
    // The window is (t − 600 s, t]: the first event lies just outside the last one's.
    let burst =
        Burst { total: FIRST_TIER_BYTES, count: 12, last_s: BYTES_WINDOW_S, ..Burst::default() };
    planter.reads(&burst);
}

fn every_event_delivered_twice(planter: &mut Planter<'_>) {
    planter.reads(&Burst {
        total: 30 * MIB,
        count: 10,
        last_s: 300,
        delivery: Delivery::Twice,
        ..Burst::default()
    });
}

fn denied_calls(planter: &mut Planter<'_>) {
    let burst = Burst { total: 80 * MIB, count: 10, last_s: 300, ..Burst::default() };
    planter.calls(&burst, |event| event.denied = true);
}

fn made_by_a_service(planter: &mut Planter<'_>) {
    let burst = Burst { total: 80 * MIB, count: 10, last_s: 300, ..Burst::default() };
    planter.calls(&burst, |event| event.by_service = true);
}

fn server_side_copies(planter: &mut Planter<'_>) {
    let burst = Burst { total: 80 * MIB, count: 10, last_s: 300, ..Burst::default() };
    planter.calls(&burst, |event| event.name = "CopyObject");
}

fn amounts_absent(planter: &mut Planter<'_>) {
    let burst = Burst { total: 49 * MIB, count: 10, last_s: 300, ..Burst::default() };
    planter.reads(&burst);
    planter.calls(&burst, |event| event.amount_form = AmountForm::Absent);
}

fn low_and_slow(planter: &mut Planter<'_>) {
    // At most four of these parts lie in ten minutes: 40 MiB, although it is 100 in half an hour.
    for part in 0..10 {
        let first_s = part * 180;
        let burst = Burst { total: 10 * MIB, first_s, last_s: first_s, ..Burst::default() };
        planter.reads(&burst);
    }
}

fn endpoint_from_outside(planter: &mut Planter<'_>) {
    let address = Ipv4Addr::new(8, 8, 4, u8::try_from(planter.random.between(1, 250)).unwrap_or(1));
    planter.network_reads(address);
    planter.expected.push(Expected {
        rule: "vpce_s3_external_ip",
        group: vec![
            ("tidegate.principal".into(), Some(planter.caller(0).to_string())),
            ("tidegate.source_ip".into(), Some(address.to_string())),
            ("tidegate.bucket".into(), None),
        ],
        level: Level::Medium,
        opens_from: planter.at(0),
        opens_until: planter.at(120),
        scenario: "VPC endpoint used from an external address",
    });
}

fn endpoint_from_inside(planter: &mut Planter<'_>) {
    planter.network_reads(Ipv4Addr::new(10, 20, 30, 40));
}

fn endpoint_from_a_documentation_network(planter: &mut Planter<'_>) {
    planter.network_reads(Ipv4Addr::new(203, 0, 113, 9));
}

fn external_address_without_endpoint(planter: &mut Planter<'_>) {
    let burst = Burst { total: MIB, count: 3, last_s: 120, ..Burst::default() };
    planter.calls(&burst, |event| event.address = Ipv4Addr::new(8, 8, 8, 8));
}

fn one_object_too_many(planter: &mut Planter<'_>) {
    planter.small_reads(COUNT_ABOVE + 1, COUNT_WINDOW_S - 1, |_| {});
    planter.expected.push(Expected {
        rule: "s3_object_count",
        group: vec![("tidegate.principal".into(), Some(planter.caller(0).to_string()))],
        level: Level::Low,
        opens_from: planter.at(0),
        opens_until: planter.at(COUNT_WINDOW_S),
        scenario: "1,001 objects in 3,599 s",
    });
}

fn as_many_objects_as_allowed(planter: &mut Planter<'_>) {
    planter.small_reads(COUNT_ABOVE, COUNT_WINDOW_S - 1, |_| {});
}

fn too_many_in_too_long(planter: &mut Planter<'_>) {
    planter.small_reads(COUNT_ABOVE + 1, COUNT_WINDOW_S, |_| {});
}

fn too_many_denied(planter: &mut Planter<'_>) {
    planter.small_reads(COUNT_ABOVE + 1, 1800, |event| event.denied = true);
}

/// Reads of one principal on one bucket.
struct Burst {
    bucket: u64,
    total: u64,
    count: u64,
    /// Seconds after the scenario's begin; the first event is exactly there.
    first_s: i64,
    /// The last event is exactly there.
    last_s: i64,
    rotate: bool,
    delivery: Delivery,
}

impl Default for Burst {
    fn default() -> Self {
        let (first_s, last_s) = (0, 0);
        let delivery = Delivery::Once;
        Self { bucket: 0, total: 0, count: 1, first_s, last_s, rotate: false, delivery }
    }
}

impl Planter<'_> {
    fn caller(&self, session: u64) -> Caller {
        Caller { number: self.principal, session }
    }

    fn at(&self, seconds: i64) -> EventTime {
        EventTime::from_millis((self.from + seconds) * 1000)
    }

    fn bucket(&self, number: u64) -> u64 {
        (self.principal * 31 + number) % 400
    }

    fn reads(&mut self, burst: &Burst) {
        self.calls(burst, |_| {});
    }

    fn calls(&mut self, burst: &Burst, change: impl Fn(&mut Planned)) {
        let home = super::bench_stream::address_of(self.principal, 7);
        for (index, bytes_out) in (0..).zip(parts(self.random, burst.total, burst.count)) {
            let offset_s = self.place(burst, index);
            let turn = if burst.rotate { index } else { 0 };
            let last = home.octets()[3].wrapping_add(u8::try_from(turn % 100).unwrap_or(0));
            let [a, b, c, _] = home.octets();
            let mut event = Planned {
                second: self.from + offset_s,
                caller: self.caller(turn),
                log: Log::Data,
                name: "GetObject",
                address: Ipv4Addr::new(a, b, c, last),
                bucket: self.bucket(burst.bucket),
                bytes_out,
                amount_form: match index % 3 {
                    0 => AmountForm::Float,
                    1 => AmountForm::Integer,
                    _ => AmountForm::Text,
                },
                denied: false,
                by_service: false,
                delivery: burst.delivery,
            };
            change(&mut event);
            self.events.push(event);
        }
    }

    /// Both ends are taken, all others lie between them.
    fn place(&mut self, burst: &Burst, index: u64) -> i64 {
        match index {
            0 => burst.first_s,
            _ if index + 1 == burst.count => burst.last_s,
            _ => {
                let length = (burst.last_s - burst.first_s).unsigned_abs();
                burst.first_s + i64::try_from(self.random.between(0, length)).unwrap_or(0)
            }
        }
    }

    fn small_reads(&mut self, count: u64, last_s: i64, change: impl Fn(&mut Planned)) {
        // 4 KiB on average: the bytes of all together stay far below the byte rules.
        let burst = Burst { total: count * 4096, count, last_s, ..Burst::default() };
        self.calls(&burst, change);
    }

    fn network_reads(&mut self, address: Ipv4Addr) {
        let burst = Burst { total: 3, count: 3, last_s: 120, ..Burst::default() };
        self.calls(&burst, |event| {
            event.log = Log::Network;
            event.address = address;
        });
    }

    fn expect_download(
        &mut self,
        bucket: u64,
        level: Level,
        from: i64,
        to: i64,
        what: &'static str,
    ) {
        let name = super::event_text::BucketName(self.bucket(bucket)).to_string();
        let principal = ("tidegate.principal".into(), Some(self.caller(0).to_string()));
        let group = vec![principal, ("tidegate.bucket".into(), Some(name))];
        self.expect("s3_large_download", group, level, (from, to), what);
    }

    fn expect_principal(&mut self, level: Level, from: i64, to: i64, what: &'static str) {
        let group = vec![("tidegate.principal".into(), Some(self.caller(0).to_string()))];
        self.expect("s3_large_download_principal", group, level, (from, to), what);
    }

    fn expect(
        &mut self,
        rule: &'static str,
        group: Vec<(String, Option<String>)>,
        level: Level,
        (from, to): (i64, i64),
        scenario: &'static str,
    ) {
        // A window may end up to W after the last event that it holds.
        let (opens_from, opens_until) = (self.at(from), self.at(to + BYTES_WINDOW_S));
        self.expected.push(Expected { rule, group, level, opens_from, opens_until, scenario });
    }
}

/// `count` parts, each at least 1, that add up to exactly `total`.
fn parts(random: &mut Random, total: u64, count: u64) -> Vec<u64> {
    let count = count.max(1);
    let mut left = total;
    let mut parts = Vec::new();
    for open in (1..=count).rev() {
        let fair = left / open;
        let part =
            if open == 1 { left } else { random.between(fair / 2 + 1, (fair * 3 / 2).max(1)) };
        let part = part.min(left.saturating_sub(open - 1)).max(1);
        parts.push(part);
        left = left.saturating_sub(part);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_and_none_is_empty() {
        let mut random = Random::new(3);
        for (total, count) in [(FIRST_TIER_BYTES, 12), (3, 3), (4_100_096, 1001), (10, 1)] {
            let parts = parts(&mut random, total, count);

            assert_eq!(parts.iter().sum::<u64>(), total);
            assert_eq!(parts.len() as u64, count);
            assert!(parts.iter().all(|part| *part > 0));
        }
    }
}
