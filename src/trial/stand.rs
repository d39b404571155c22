//! One event against a state: is it late or a duplicate, which groups does it join, how far are they.
//!
//! Nothing is computed beside the engine. What the rules would say is what an engine over the state
//! says. How far a group is, is what the same state tells a *probe*: the same rules, firing from an
//! amount of zero on and at every event. Thresholds and periods are not part of a state's fingerprint
//! (semantics.md §10), so the probe finds every group as the rules left it. What one probe of all
//! cannot tell is asked in `apart`.

use super::apart::{Trial, any_of, comers};
use crate::detect::{
    Engine, Finding, FindingKind, Limits, Origin, Outcome, Sightings, StateError, WindowSpan,
};
use crate::event::{Event, FieldId};
use crate::rule::{Kind, Level, Matched, MissingGroup, RuleIndex, RuleSet};
use crate::state::MemoryStore;
use crate::units::{EventTime, Span};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What becomes of one event.
#[derive(Debug, Clone)]
pub struct Stood {
    /// Matched, ignored, late or duplicate.
    pub outcome: Outcome,
    /// How far event time was before it; `None` for an empty state.
    pub watermark: Option<EventTime>,
    /// Its own time, or its record's when it lies too far ahead.
    pub time: EventTime,
    /// The rules that it matches.
    pub rules: Vec<Standing>,
    /// What would come of it in correlations that count what these rules find.
    pub chain: Vec<Link>,
}

/// One correlation over what another rule finds.
#[derive(Debug, Clone)]
pub struct Link {
    /// The rule that finds.
    pub inner: RuleIndex,
    /// The correlation that counts it.
    pub outer: RuleIndex,
    /// Its group, as the event has it.
    pub group: Vec<(String, Option<String>)>,
    /// Its window with a find of the inner rule at this event; `None` when it would not hold then, or
    /// the event is late for it.
    pub window: Option<Amount>,
}

/// One rule that the event matches, or that counts what a rule finds that it matches.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Which.
    pub rule: RuleIndex,
    /// Names and values of the group that it joins, as the event has them; `None` = absent.
    pub group: Vec<(String, Option<String>)>,
    /// The window that ends with the event, once it is counted; `None` when it is not.
    pub window: Option<Amount>,
    /// Why there is none, for a rule with windows.
    pub uncounted: Option<Uncounted>,
    /// For rules together: which of them the window holds.
    pub together: Option<Together>,
    /// How the event comes to it.
    pub comes: Comes,
    /// For a rule that waits until its windows have closed: the time of the first event that closes
    /// this one.
    pub closes: Option<EventTime>,
    /// For a rule of new terms: what it knew before the event.
    pub term: Option<Sightings>,
    /// What the rule says: the kind of record and its level.
    pub says: Vec<(FindingKind, Level)>,
}

/// How an event comes to a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comes {
    /// The rule counts the event itself.
    ByItself,
    /// Another rule finds something with this event, and the rule counts that.
    Found,
    /// The event matches a rule whose findings the rule counts, and that finds nothing with it.
    NotFound,
}

/// Why an event is in no window of a rule that it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uncounted {
    /// It was seen before.
    Duplicate,
    /// It is further behind than the rule allows.
    Late(Span),
    /// A field of the group is absent, and the rule skips such events.
    GroupAbsent,
    /// No rule that this one counts finds anything with the event, and what it measures needs one.
    NothingFound,
    /// No event of the window has an amount.
    NoAmount,
}

/// Rules that must match together, by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Together {
    /// They matched in the window.
    pub seen: Vec<u8>,
    /// They must match too; of several combinations those of the one that lacks least.
    pub missing: Vec<u8>,
    /// They matched and must not.
    pub unwanted: Vec<u8>,
    /// The window holds what the rule asks for, in its order too.
    pub holds: bool,
}

/// How much a window holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    /// What the rule counts or sums.
    pub amount: u64,
    /// Events in the window.
    pub events: u64,
    /// Which window.
    pub window: WindowSpan,
}

/// Steps `event` into the state of `store`, which is left as it is.
///
/// # Errors
/// The rows of the store cannot be read.
pub fn stand(
    rules: &Arc<RuleSet>,
    limits: Limits,
    store: &MemoryStore,
    event: &Event<'_>,
    origin: &Origin,
) -> Result<Stood, StateError> {
    let mut engine = Engine::open(Arc::clone(rules), limits, store.clone())?;
    let watermark = engine.watermark();
    let time = crate::detect::Watermark::new(watermark, limits.max_future_skew)
        .effective(event.time, origin.record_time)
        .time;
    let mut matched = Vec::new();
    rules.matching(event, &mut matched);
    let mut terms = BTreeMap::new();
    for one in &matched {
        if let Some(known) = engine.sightings(one.rule, event, time)? {
            terms.insert(one.rule, known);
        }
    }
    let mut said = Vec::new();
    let outcome = engine.step(event, origin, &mut said)?;
    // Not of this event: windows that it closed.
    said.retain(|finding| *finding.trigger == *event.raw);

    let asked = Arc::new(rules.as_probe());
    let mut probe = Engine::open(Arc::clone(&asked), limits, store.clone())?;
    let mut probed = Vec::new();
    probe.step(event, origin, &mut probed)?;
    let mut chain = Vec::new();
    if !matches!(outcome, Outcome::Duplicate | Outcome::Ignored) {
        let open = || Engine::open(Arc::clone(&asked), limits, store.clone());
        chain = links(rules, &matched, event, origin, open)?;
    }

    let trial = Trial { rules, limits, store, event, origin };
    let mut standing = Vec::new();
    for (rule, comes) in comers(rules, &matched) {
        let counts_events = comes.inner.is_empty() && any_of(rules, rule).is_none();
        let mut told = if counts_events {
            trial.told_by(&probed, rule, &comes)
        } else {
            trial.told(rule, &comes)?
        };
        told.closes = told.window.and_then(|amount| engine.closes_at(rule, amount.window.end));
        if told.window.is_none() {
            let lateness = rules.rule(rule).allowed_lateness.unwrap_or(limits.allowed_lateness);
            let behind = watermark.map_or(0, |mark| mark.as_millis() - time.as_millis());
            told.uncounted = match outcome {
                _ if !matches!(rules.rule(rule).kind, Kind::Window(_)) => None,
                Outcome::Duplicate => Some(Uncounted::Duplicate),
                _ if behind > lateness.as_millis() => Some(Uncounted::Late(lateness)),
                _ if rules.rule(rule).missing_group == MissingGroup::Skip
                    && told.group.iter().any(|(_, value)| value.is_none()) =>
                {
                    Some(Uncounted::GroupAbsent)
                }
                _ if told.comes == Comes::NotFound => Some(Uncounted::NothingFound),
                _ => Some(Uncounted::NoAmount),
            };
        }
        told.term = terms.get(&rule).copied();
        let says = said.iter().filter(|finding| finding.rule == rule);
        told.says = says.map(|finding| (finding.kind, finding.level)).collect();
        standing.push(told);
    }
    Ok(Stood { outcome, watermark, time, rules: standing, chain })
}

/// The correlations that count what the matched rules find, and those that count these, each over a state
/// of its own.
fn links(
    rules: &RuleSet,
    matched: &[Matched],
    event: &Event<'_>,
    origin: &Origin,
    open: impl Fn() -> Result<Engine<MemoryStore>, StateError>,
) -> Result<Vec<Link>, StateError> {
    let (mut links, mut next) = (Vec::new(), Vec::new());
    for one in matched {
        let base = one.bases.trailing_zeros() as usize;
        next.push((one.rule, open()?.way_of(one.rule, base, 0)));
    }
    while let Some((inner, way)) = next.pop() {
        for &(outer, base) in &rules.rule(inner).feeds {
            let mut engine = open()?;
            let mut found = Vec::new();
            engine.step_as_found((outer, base, way), event, origin, &mut found)?;
            let found = found.iter().find(|finding| finding.rule == outer);
            // None refers to itself, over however many others: this ends.
            let way = engine.way_of(outer, usize::from(base), way);
            next.push((outer, way));
            let group = found.map(|finding| finding.group.clone());
            let group = group.unwrap_or_else(|| {
                let rule = rules.rule(outer);
                group_of(rules, outer, rule.group_by_of.get(way).unwrap_or(&rule.group_by), event)
            });
            links.push(Link { inner, outer, group, window: found.and_then(amount_of) });
        }
    }
    links.sort_by_key(|link| (link.inner, link.outer));
    links.dedup_by_key(|link| (link.inner, link.outer));
    Ok(links)
}

impl Standing {
    /// Nothing is known of it yet.
    pub(super) fn of(rule: RuleIndex, comes: Comes) -> Self {
        Self {
            rule,
            group: Vec::new(),
            window: None,
            uncounted: None,
            together: None,
            comes,
            closes: None,
            term: None,
            says: Vec::new(),
        }
    }
}

/// The group as the event has it in these fields, by the names of the rule's group-by.
pub(super) fn group_of(
    rules: &RuleSet,
    rule: RuleIndex,
    group_by: &[FieldId],
    event: &Event<'_>,
) -> Vec<(String, Option<String>)> {
    let of_field = |(name, field): (&FieldId, &FieldId)| {
        let value = crate::rule::text_of(event.value(*field));
        (rules.fields().name(*name).to_owned(), value)
    };
    rules.rule(rule).group_by.iter().zip(group_by).map(of_field).collect()
}

pub(super) fn amount_of(finding: &Finding) -> Option<Amount> {
    let window = finding.window?;
    Some(Amount { amount: finding.amount, events: finding.count, window })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{DecodeLimits, Decoder, Entry, Format};
    use crate::rule::{self, LoadOptions};
    use crate::state::Changes;
    use crate::units::{Offset, PartitionId, Position, WallTime};
    use std::convert::Infallible;

    const ORIGIN: Origin = Origin {
        partition: PartitionId(0),
        offset: Offset(0),
        record_time: None,
        wall: WallTime::from_millis(0),
    };

    fn read(rules: &RuleSet, id: u32, time: &str, bytes: u64) -> String {
        assert!(rules.find("s3_large_download").is_some());
        format!(
            "{{\"eventVersion\":\"1.11\",\"eventTime\":\"2025-03-10T{time}Z\",\"eventID\":\"{id}\",\
             \"eventSource\":\"s3.amazonaws.com\",\"eventName\":\"GetObject\",\
             \"userIdentity\":{{\"type\":\"IAMUser\",\"arn\":\"arn:aws:iam::111122223333:user/a\"}},\
             \"requestParameters\":{{\"bucketName\":\"b\",\"key\":\"k\"}},\
             \"additionalEventData\":{{\"bytesTransferredOut\":{bytes}}}}}"
        )
    }

    fn with_event<T>(rules: &RuleSet, text: &str, mut then: impl FnMut(&Event<'_>) -> T) -> T {
        let mut decoder = Decoder::new(rules.fields(), Format::Auto, DecodeLimits::default());
        let mut out = None;
        let done: Result<(), Infallible> = decoder.decode(text.as_bytes(), |entry| {
            let Entry::Event(event) = entry else { panic!("{entry:?}") };
            out = Some(then(event));
            Ok(())
        });
        let Ok(()) = done;
        out.expect("one event")
    }

    /// Different amounts in ten minutes, and amounts not seen for a day, beside the shipped rules.
    const OWN: &str = "title: D
name: amounts
correlation: {type: value_count, rules: [s3_object_read], group-by: [tidegate.bucket], timespan: 10m, condition: {field: tidegate.bytes_out, gte: 3}}
---
title: N
name: new_amount
logsource: {product: aws, service: cloudtrail}
detection: {s: {eventName: GetObject}, condition: s}
tidegate: {new-terms: {fields: [tidegate.bytes_out], history: 1d}, dedup: {period: 0, key: [tidegate.bytes_out]}}
---
title: E
name: even
correlation: {type: value_median, rules: [s3_object_read], group-by: [tidegate.bucket], timespan: 30m, condition: {field: tidegate.bytes_out, lt: 100}}
tidegate: {window: tumbling}
";

    /// Rules, and the state after these reads.
    fn after(reads: &[(u32, &str, u64)]) -> (Arc<RuleSet>, MemoryStore) {
        after_with(OWN, reads)
    }

    fn after_with(own: &str, reads: &[(u32, &str, u64)]) -> (Arc<RuleSet>, MemoryStore) {
        let mut files = rule::builtin();
        files.push(rule::RuleFile { name: "own.yml".into(), text: own.into(), builtin: false });
        let loaded = rule::load(&files, &LoadOptions::default());
        assert!(loaded.rules.is_some(), "{:#?}", loaded.problems);
        let rules = Arc::new(loaded.rules.expect("the pack loads"));
        let store = MemoryStore::default();
        let mut engine = Engine::open(Arc::clone(&rules), Limits::default(), store).expect("opens");
        for (id, time, bytes) in reads {
            let text = read(&rules, *id, time, *bytes);
            with_event(&rules, &text, |event| {
                engine.step(event, &ORIGIN, &mut Vec::new()).expect("rows are read")
            });
        }
        let mut changes = Changes::default();
        engine.collect_changes(Position(0), "test", &mut changes);
        engine.committed(&changes, None).expect("rows are written");
        (rules, engine.into_store())
    }

    /// Outcome; amount and events of the window; what the rule says.
    type Told = (Outcome, Option<(u64, u64)>, Vec<(FindingKind, Level)>);

    fn of(state: &(Arc<RuleSet>, MemoryStore), event: (u32, &str, u64)) -> Told {
        of_rule("s3_large_download", state, event)
    }

    fn of_rule(
        rule: &str,
        (rules, store): &(Arc<RuleSet>, MemoryStore),
        (id, time, bytes): (u32, &str, u64),
    ) -> Told {
        let text = read(rules, id, time, bytes);
        let stood = with_event(rules, &text, |event| {
            stand(rules, Limits::default(), store, event, &ORIGIN).expect("rows are read")
        });
        let index = rules.find(rule).expect("is loaded");
        let standing = stood.rules.iter().find(|standing| standing.rule == index).expect("matches");
        let amount = standing.window.map(|window| (window.amount, window.events));
        (stood.outcome, amount, standing.says.clone())
    }

    #[test]
    fn the_amount_of_the_group_is_told_far_from_the_threshold_and_at_it() {
        let state = after(&[(1, "08:00:00", 100), (2, "08:05:00", 52_428_000)]);

        let far = of(&state, (3, "08:09:59", 1));
        let over = of(&state, (3, "08:09:59", 700));
        let gone = of(&state, (3, "08:10:00", 1));

        assert_eq!(far, (Outcome::Matched, Some((52_428_101, 3)), vec![]));
        assert_eq!(
            over,
            (Outcome::Matched, Some((52_428_800, 3)), vec![(FindingKind::Create, Level::Low)])
        );
        assert_eq!(gone.1, Some((52_428_001, 2)));
    }

    #[test]
    fn a_cold_group_has_its_amount_too() {
        let state = after(&[(1, "08:00:00", 7)]);

        assert_eq!(of(&state, (2, "08:00:01", 5)).1, Some((12, 2)));
    }

    #[test]
    fn different_values_and_first_sightings_are_told_too() {
        let state = after(&[(1, "08:00:00", 7), (2, "08:00:01", 8), (3, "08:00:02", 7)]);

        let known = of_rule("amounts", &state, (4, "08:00:03", 8));
        let another = of_rule("amounts", &state, (4, "08:00:03", 9));

        assert_eq!((known.1.map(|told| told.0), known.2), (Some(2), vec![]));
        assert_eq!(another.1.map(|told| told.0), Some(3));
        assert_eq!(another.2, [(FindingKind::Create, Level::Medium)]);
        assert_eq!(of_rule("new_amount", &state, (4, "08:00:03", 8)).2, []);
        assert_eq!(
            of_rule("new_amount", &state, (4, "08:00:03", 9)).2,
            [(FindingKind::Create, Level::Medium)]
        );
    }

    #[test]
    fn a_rule_that_waits_tells_what_its_window_holds_and_when_it_closes() {
        let state = after(&[(1, "08:00:00", 7), (2, "08:00:01", 8), (3, "08:40:00", 7)]);
        let told = |id, time: &str, bytes| {
            let text = read(&state.0, id, time, bytes);
            let index = state.0.find("even").expect("is loaded");
            with_event(&state.0, &text, |event| {
                let stood = stand(&state.0, Limits::default(), &state.1, event, &ORIGIN);
                let stood = stood.expect("rows are read");
                let standing = stood.rules.into_iter().find(|one| one.rule == index);
                let standing = standing.expect("matches");
                let amount = standing.window.map(|window| (window.amount, window.events));
                let wait = standing.closes.map(|at| at.since(event.time).as_millis() / 60_000);
                (amount, wait, standing.says)
            })
        };

        // In the half hour from 08:00 on it makes a third amount; it closes at 09:30.
        assert_eq!(told(4, "08:05:00", 9), (Some((8, 3)), Some(85), vec![]));
        // The event that closes it is no part of it.
        assert_eq!(told(4, "10:00:00", 9), (Some((9, 1)), Some(90), vec![]));
    }

    #[test]
    fn what_a_term_was_last_seen_is_told_with_what_the_state_knows() {
        let at = |text: &str| {
            let time: jiff::Timestamp = format!("2025-03-10T{text}Z").parse().expect("a time");
            Some(EventTime::from_millis(time.as_millisecond()))
        };
        let state = after(&[(1, "08:00:00", 7), (2, "08:30:00", 7), (3, "08:31:00", 8)]);
        let known_of = |bytes| {
            let text = read(&state.0, 4, "09:00:00", bytes);
            let stood = with_event(&state.0, &text, |event| {
                stand(&state.0, Limits::default(), &state.1, event, &ORIGIN).expect("rows")
            });
            let rule = state.0.find("new_amount").expect("is loaded");
            let standing = stood.rules.iter().find(|one| one.rule == rule).expect("matches");
            standing.term.expect("a rule of new terms")
        };

        let (seven, nine) = (known_of(7), known_of(9));

        assert_eq!((seven.first, seven.last), (at("08:00:00"), at("08:30:00")));
        assert_eq!((nine.first, nine.last), (None, None));
        assert_eq!(seven.learns_until, None, "the rule does not learn");
    }

    #[test]
    fn a_correlation_over_others_tells_how_far_it_would_be() {
        let chain = "title: I
name: inner
correlation: {type: event_count, rules: [s3_object_read], group-by: [tidegate.bucket], timespan: 10m, condition: {gte: 2}}
---
title: O
name: outer
correlation: {type: event_count, rules: [inner], group-by: [tidegate.bucket], timespan: 1h, condition: {gte: 3}}
---
title: L
name: last
correlation: {type: event_count, rules: [outer], group-by: [tidegate.bucket], timespan: 1h, condition: {gte: 1}}
";
        // The second and the third read are a crossing of the inner rule each.
        let state = after_with(
            chain,
            &[(1, "08:00:00", 1), (2, "08:00:01", 1), (3, "08:20:00", 1), (4, "08:20:01", 1)],
        );
        let text = read(&state.0, 5, "08:40:00", 1);

        let stood = with_event(&state.0, &text, |event| {
            stand(&state.0, Limits::default(), &state.1, event, &ORIGIN).expect("rows are read")
        });

        let name = |rule| state.0.rule(rule).text.name.clone();
        let told: Vec<_> = stood
            .chain
            .iter()
            .map(|link| (name(link.inner), name(link.outer), link.window.map(|one| one.amount)))
            .collect();
        let expected = [("inner", "outer", Some(3)), ("outer", "last", Some(1))]
            .map(|(inner, outer, amount)| (inner.to_owned(), outer.to_owned(), amount));
        assert_eq!(told, expected);
        let says = |wanted: &str| {
            stood.rules.iter().any(|one| name(one.rule) == wanted && !one.says.is_empty())
        };
        assert!(!says("last"), "one read in ten minutes is no find of the inner rule");
    }

    #[test]
    fn late_and_duplicate_events_join_no_window() {
        let state = after(&[(1, "08:00:00", 7), (2, "10:00:00", 1)]);

        assert_eq!(of(&state, (2, "10:00:00", 1)), (Outcome::Duplicate, None, vec![]));
        assert_eq!(of(&state, (3, "08:59:59", 1)), (Outcome::Late, None, vec![]));
        assert_eq!(of(&state, (3, "09:00:00", 1)), (Outcome::Matched, Some((1, 1)), vec![]));
    }

    #[test]
    fn an_open_episode_does_not_hide_the_amount() {
        let state = after(&[(1, "08:00:00", 52_428_800)]);

        let again = of(&state, (2, "08:00:00", 10));

        assert_eq!(again, (Outcome::Matched, Some((52_428_810, 2)), vec![]));
    }

    /// Gets and puts alone, together, in order, many gets, and what counts that.
    const CHAIN: &str = "title: G
name: get
logsource: {product: aws, service: cloudtrail}
detection: {s: {eventName: GetObject}, condition: s}
---
title: P
name: put
logsource: {product: aws, service: cloudtrail}
detection: {s: {eventName: PutObject}, condition: s}
---
title: B
name: both
correlation: {type: temporal, rules: [put, get], group-by: [tidegate.bucket], timespan: 10m}
---
title: I
name: in_order
correlation: {type: temporal_ordered, rules: [put, get], group-by: [tidegate.bucket], timespan: 10m}
tidegate: {allowed-lateness: 5m}
---
title: M
name: many
correlation: {type: event_count, rules: [get], group-by: [where], aliases: {where: {get: tidegate.bucket}}, timespan: 10m, condition: {gte: 3}}
---
title: O
name: often
correlation: {type: event_count, rules: [many], group-by: [where], timespan: 1h, condition: {gte: 2}}
---
title: U
name: upon
correlation: {type: temporal, rules: [many, put], group-by: [at], aliases: {at: {many: where, put: tidegate.bucket}}, timespan: 1h}
---
title: T
name: top
correlation: {type: event_count, rules: [upon], group-by: [at], timespan: 1d, condition: {gte: 1}}
generate: true
level: high
";

    /// How `rule` stands with the last of these calls, after those before it.
    fn last_of(rule: &str, calls: &[(&str, &str)]) -> Option<Standing> {
        let file = rule::RuleFile { name: "c.yml".into(), text: CHAIN.into(), builtin: false };
        let rules = rule::load(&[file], &LoadOptions::default()).rules.expect("loads");
        let rules = Arc::new(rules);
        let text = |id: usize, (time, name): (&str, &str)| {
            format!(
                "{{\"eventVersion\":\"1.11\",\"eventTime\":\"2025-03-10T{time}Z\",\"eventID\":\"{id}\",\
                 \"eventSource\":\"s3.amazonaws.com\",\"eventName\":\"{name}\",\
                 \"requestParameters\":{{\"bucketName\":\"b\",\"key\":\"k\"}}}}"
            )
        };
        let (last, before) = calls.split_last().expect("a call");
        let store = MemoryStore::default();
        let mut engine = Engine::open(Arc::clone(&rules), Limits::default(), store).expect("opens");
        for (id, call) in before.iter().enumerate() {
            with_event(&rules, &text(id, *call), |event| {
                engine.step(event, &ORIGIN, &mut Vec::new()).expect("rows are read")
            });
        }
        let mut changes = Changes::default();
        engine.collect_changes(Position(0), "test", &mut changes);
        engine.committed(&changes, None).expect("rows are written");
        let store = engine.into_store();
        let stood = with_event(&rules, &text(before.len(), *last), |event| {
            stand(&rules, Limits::default(), &store, event, &ORIGIN).expect("rows are read")
        });
        let index = rules.find(rule).expect("is loaded");
        stood.rules.into_iter().find(|standing| standing.rule == index)
    }

    /// Seen, missing, whether it holds; events of the window; whether it says something.
    type ToldTogether = (Vec<u8>, Vec<u8>, bool, Option<u64>, bool);

    fn told_together(rule: &str, calls: &[(&str, &str)]) -> ToldTogether {
        let told = last_of(rule, calls).expect("stands");
        let Together { seen, missing, holds, .. } = told.together.expect("rules together");
        (seen, missing, holds, told.window.map(|window| window.events), !told.says.is_empty())
    }

    const GET: &str = "GetObject";
    const PUT: &str = "PutObject";

    #[test]
    fn rules_together_tell_which_were_seen_and_which_are_missing() {
        let one = [("08:00:00", GET), ("08:01:00", GET)];
        let all = [("08:00:00", GET), ("08:01:00", PUT)];
        let late = [("08:00:00", GET), ("08:10:00", PUT)];

        assert_eq!(told_together("both", &one), (vec![1], vec![0], false, Some(2), false));
        assert_eq!(told_together("both", &all), (vec![0, 1], vec![], true, Some(2), true));
        assert_eq!(told_together("both", &late), (vec![0], vec![1], false, Some(1), false));
        // All are there, in another order than it asks for.
        assert_eq!(told_together("in_order", &all), (vec![0, 1], vec![], false, Some(2), false));
    }

    #[test]
    fn what_is_behind_a_rule_s_own_lateness_is_told_so() {
        let behind = [("08:10:00", PUT), ("08:04:59", GET)];
        let told = last_of("in_order", &behind).expect("stands");

        assert_eq!(
            (told.window, told.uncounted),
            (None, Some(Uncounted::Late(Span::from_minutes(5))))
        );
        // The window that holds is the one that ends with the newest event.
        assert_eq!(told_together("both", &behind), (vec![0, 1], vec![], true, Some(2), true));
        let alone = [("08:10:00", GET), ("08:04:59", GET)];
        assert_eq!(told_together("both", &alone), (vec![1], vec![0], false, Some(1), false));
    }

    #[test]
    fn a_rule_over_another_one_tells_its_window_whether_that_finds_something_or_not() {
        let gets = [("08:00:00", GET), ("08:01:00", GET), ("08:02:00", GET), ("08:20:00", GET)];
        let told = |rule: &str, calls: &[(&str, &str)]| {
            let told = last_of(rule, calls).expect("stands");
            let amount = told.window.map(|window| (window.amount, window.events));
            (told.comes, amount, told.uncounted, told.group)
        };
        let group = |name: &str| vec![(name.to_owned(), Some("b".to_owned()))];

        let by_itself = told("many", &gets[..3]);
        assert_eq!(by_itself, (Comes::ByItself, Some((3, 3)), None, group("where")));
        let found = told("often", &gets[..3]);
        assert_eq!(found, (Comes::Found, Some((1, 1)), None, group("where")));
        let before = told("often", &gets[..2]);
        assert_eq!(before, (Comes::NotFound, Some((0, 0)), None, group("where")));
        let after = told("often", &gets);
        assert_eq!(after, (Comes::NotFound, Some((1, 1)), None, group("where")));

        assert_eq!(told_together("upon", &gets[..2]), (vec![], vec![0, 1], false, Some(0), false));
        assert_eq!(told_together("upon", &gets[..3]), (vec![0], vec![1], false, Some(1), false));
        assert_eq!(told_together("upon", &gets), (vec![0], vec![1], false, Some(1), false));
        let both = [gets.as_slice(), &[("08:30:00", PUT)]].concat();
        assert_eq!(told_together("upon", &both), (vec![0, 1], vec![], true, Some(2), true));
        let top = last_of("top", &both).expect("stands");
        assert_eq!((top.comes, top.window.map(|window| window.amount)), (Comes::Found, Some(1)));
        assert_eq!(top.says, [(FindingKind::Create, Level::High)]);
        assert_eq!(last_of("often", &both).map(|told| told.comes), None);
    }
}
