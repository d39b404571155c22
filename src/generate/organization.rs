//! A whole organization reading from S3, with planted exfiltrations and the truth about them.
//!
//! Thousands of principals stay below every threshold by construction: a budget of bytes and objects
//! for each of them is kept while their events are thought up. The stream comes in arrival order:
//! each event is delayed by up to `max_delay`, some arrive twice, a few long after everything else.

use super::bench_stream::address_of;
use super::event_text::{AmountForm, Call, Caller, Log, write_record};
use super::random::{Random, Zipf};
use super::scenarios::{self, COUNTS, DOWNLOADS, Delivery, Planned, Planter};
use super::truth::Truth;
use crate::units::{EventTime, Span};
use std::collections::VecDeque;
use std::fmt::Write as _;

/// What a normal principal reads in ten minutes at most: below the first byte tier.
const BUDGET_BYTES: u64 = 40 * 1_048_576;
/// How many objects a normal principal reads in an hour at most: below the count rule.
const BUDGET_OBJECTS: usize = 900;
/// How long after its time a late event comes, beyond the greatest delay.
const LATE_BY: Span = Span::from_hours(2);

/// What the organization is like.
#[derive(Debug, Clone)]
pub struct OrganizationSettings {
    /// Decides everything that is left open.
    pub seed: u64,
    /// Principals with normal behaviour.
    pub principals: usize,
    /// Their events; planted events and second deliveries come on top.
    pub events: usize,
    /// Time of the first event.
    pub start: EventTime,
    /// Event time that the stream covers; at least four hours, so that every scenario fits.
    pub span: Span,
    /// Greatest delay between an event and its arrival.
    pub max_delay: Span,
    /// Of 100 normal events, how many are delivered twice.
    pub duplicate_percent: u64,
    /// Events of normal principals that come two hours after the greatest delay.
    pub late: usize,
    /// Events of normal principals that claim to be of a month ahead.
    pub forged: usize,
    /// How often each scenario of bytes and endpoints is planted.
    pub downloads: usize,
    /// How often each scenario of object counts is planted: about 4,000 events each time.
    pub counts: usize,
}

impl Default for OrganizationSettings {
    fn default() -> Self {
        Self {
            seed: 1,
            principals: 3000,
            events: 50_000,
            start: EventTime::from_millis(1_767_229_200_000),
            span: Span::from_hours(6),
            max_delay: Span::from_minutes(10),
            duplicate_percent: 5,
            late: 20,
            forged: 0,
            downloads: 1,
            counts: 1,
        }
    }
}

/// The stream in arrival order, about 100 bytes an event; texts are written when asked for.
#[derive(Debug, Clone)]
pub struct Organization {
    events: Vec<Planned>,
    arrivals: Vec<Arrival>,
    truth: Truth,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Arrival {
    at_ms: i64,
    event: usize,
}

impl Organization {
    /// Thinks up everything at once; the same settings give the same stream.
    #[must_use]
    pub fn generate(settings: &OrganizationSettings) -> Self {
        let mut random = Random::new(settings.seed);
        let mut events = normal_events(settings, &mut random);
        let mut truth = Truth::default();
        plant(settings, &mut random, &mut events, &mut truth);
        let arrivals = arrivals(settings, &mut random, &events);
        Self { events, arrivals, truth }
    }

    /// What has to be found.
    #[must_use]
    pub fn truth(&self) -> &Truth {
        &self.truth
    }

    /// How many events arrive, second deliveries among them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.arrivals.len()
    }

    /// Whether nothing arrives.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.arrivals.is_empty()
    }

    /// The moment at which the event at `place` arrives; `None` behind the end.
    #[must_use]
    pub fn arrival(&self, place: usize) -> Option<EventTime> {
        self.arrivals.get(place).map(|arrival| EventTime::from_millis(arrival.at_ms))
    }

    /// Replaces `key` and `value` by the principal and the JSON text of the event at `place`.
    ///
    /// False behind the end of the stream.
    pub fn write(&self, place: usize, key: &mut String, value: &mut String) -> bool {
        key.clear();
        value.clear();
        let Some((id, event)) = self.planned(place) else { return false };
        let call = Call {
            time: EventTime::from_millis(event.second.saturating_mul(1000)),
            caller: event.caller,
            log: event.log,
            name: event.name,
            address: event.address,
            agent: event.caller.number + event.caller.session,
            bucket: event.bucket,
            object: id,
            bytes_out: event.bytes_out,
            amount_form: event.amount_form,
            denied: event.denied,
            by_service: event.by_service,
            id,
        };
        write!(key, "{}", call.caller).expect("a String takes everything");
        write_record(&call, value).expect("a String takes everything");
        true
    }

    fn planned(&self, place: usize) -> Option<(u64, &Planned)> {
        let index = self.arrivals.get(place)?.event;
        Some((u64::try_from(index).ok()?, self.events.get(index)?))
    }
}

fn span_s(settings: &OrganizationSettings) -> i64 {
    settings.span.as_millis().max(Span::from_hours(4).as_millis()) / 1000
}

fn start_s(settings: &OrganizationSettings) -> i64 {
    settings.start.as_millis().div_euclid(1000)
}

fn normal_events(settings: &OrganizationSettings, random: &mut Random) -> Vec<Planned> {
    // Milder than the bench stream: with 1.1 a single principal would use up its budget at once, and
    // its partition would outgrow what the embedded broker holds.
    let ranks = Zipf::new(settings.principals, 0.6);
    let mut budgets = vec![Budget::default(); settings.principals.max(1)];
    let count = i64::try_from(settings.events).unwrap_or(i64::MAX);
    let mut events = Vec::with_capacity(settings.events);
    for place in 0..count {
        let second = start_s(settings) + place * span_s(settings) / count.max(1);
        let rank = ranks.rank(random);
        let mut event = normal_event(random, second, rank as u64);
        if let Some(budget) = budgets.get_mut(rank) {
            budget.spend(&mut event);
        }
        if random.percent(settings.duplicate_percent) {
            event.delivery = Delivery::Twice;
        }
        events.push(event);
    }
    add_late_and_forged(settings, random, &mut events);
    events
}

fn normal_event(random: &mut Random, second: i64, number: u64) -> Planned {
    let name = match random.below(100) {
        0..=4 => "HeadObject",
        5..=9 => "PutObject",
        10..=12 => "ListObjects",
        13 => "CopyObject",
        _ => "GetObject",
    };
    Planned {
        second,
        caller: Caller { number, session: random.below(3) },
        log: Log::Data,
        name,
        address: address_of(number, random.below(4)),
        bucket: (number * 7 + random.below(3)) % 400,
        bytes_out: if name == "GetObject" {
            random.log_normal(60_000.0, 2.0, 30 << 20)
        } else {
            300
        },
        amount_form: match random.below(10) {
            0 => AmountForm::Integer,
            1 => AmountForm::Text,
            2 => AmountForm::Absent,
            _ => AmountForm::Float,
        },
        denied: random.percent(2),
        by_service: random.percent(3),
        delivery: Delivery::Once,
    }
}

/// What one principal has read lately.
#[derive(Debug, Clone, Default)]
struct Budget {
    /// Second and bytes of the reads of the last hour, oldest first.
    reads: VecDeque<(i64, u64)>,
}

impl Budget {
    /// Turns a read that would be too much into a call that reads nothing.
    fn spend(&mut self, event: &mut Planned) {
        if event.name != "GetObject" {
            return;
        }
        let hour_ago = event.second - scenarios::COUNT_WINDOW_S;
        while self.reads.front().is_some_and(|(second, _)| *second <= hour_ago) {
            self.reads.pop_front();
        }
        let window_start = event.second - scenarios::BYTES_WINDOW_S;
        let recent = self.reads.iter().rev().take_while(|(second, _)| *second > window_start);
        let bytes: u64 = recent.map(|(_, bytes)| bytes).sum();
        if self.reads.len() >= BUDGET_OBJECTS || bytes + event.bytes_out > BUDGET_BYTES {
            event.name = "HeadObject";
            event.bytes_out = 0;
        } else {
            self.reads.push_back((event.second, event.bytes_out));
        }
    }
}

/// Small reads: whether they count or not decides nothing, so that the truth needs no watermark.
fn add_late_and_forged(
    settings: &OrganizationSettings,
    random: &mut Random,
    events: &mut Vec<Planned>,
) {
    for odd in 0..settings.late + settings.forged {
        let number = random.below(settings.principals.max(1) as u64);
        let second = start_s(settings) + i64::try_from(random.below(3600)).unwrap_or(0);
        let mut event = normal_event(random, second, number);
        event.bytes_out = event.bytes_out.min(1000);
        if odd < settings.late {
            event.delivery = Delivery::Late;
        } else {
            event.second += 30 * 86_400;
        }
        events.push(event);
    }
}

fn plant(
    settings: &OrganizationSettings,
    random: &mut Random,
    events: &mut Vec<Planned>,
    truth: &mut Truth,
) {
    let downloads = std::iter::repeat_n(DOWNLOADS, settings.downloads);
    let counts = std::iter::repeat_n(COUNTS, settings.counts);
    let room = (span_s(settings) - scenarios::LONGEST_S).unsigned_abs();
    let first = settings.principals as u64;
    for (index, scenario) in (0..).zip(downloads.chain(counts).flatten()) {
        let from = start_s(settings) + i64::try_from(random.below(room)).unwrap_or(0);
        // Five numbers for each scenario: it may choose whether it is a user or a role.
        let principal = first / 5 * 5 + 5 * (index + 1) + random.below(5);
        let expected = &mut truth.expected;
        scenario(&mut Planter { random: &mut *random, events, expected, from, principal });
    }
}

fn arrivals(
    settings: &OrganizationSettings,
    random: &mut Random,
    events: &[Planned],
) -> Vec<Arrival> {
    let mut arrivals = Vec::with_capacity(events.len());
    let end_ms = (start_s(settings) + span_s(settings)) * 1000;
    for (index, event) in events.iter().enumerate() {
        // A forged time says nothing about when the event really happened.
        let happened_ms = (event.second * 1000).min(end_ms);
        let mut arrive = |extra: Span| {
            let delay = delay(random, settings.max_delay).plus(extra);
            arrivals.push(Arrival { at_ms: happened_ms + delay.as_millis(), event: index });
        };
        match event.delivery {
            Delivery::Once => arrive(Span::ZERO),
            Delivery::Twice => {
                arrive(Span::ZERO);
                arrive(Span::ZERO);
            }
            Delivery::Late => arrive(settings.max_delay.plus(LATE_BY)),
        }
    }
    arrivals.sort_unstable();
    arrivals
}

/// Most events come after a third of the bound, some at once, some only at the bound: the shape
/// that delivery times of real trails have (median 191 s, 99 % within 542 s, at most 608 s).
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "at most the bound"
)]
fn delay(random: &mut Random, most: Span) -> Span {
    let share = match random.below(100) {
        0..=2 => 1.0,
        3..=5 => 0.0,
        _ => (0.33 * (0.5 * random.normal()).exp()).min(1.0),
    };
    Span::from_millis((most.as_millis() as f64 * share) as i64)
}

#[cfg(test)]
#[path = "organization_tests.rs"]
mod tests;
