//! One event against a state: is it late or a duplicate, which groups does it join, how far are they.
//!
//! Nothing is computed beside the engine. What the rules would say is what an engine over the state
//! says. How far a group is, is what the same state tells a *probe*: the same rules, firing from an
//! amount of zero on and at every event. Thresholds and periods are not part of a state's fingerprint
//! (semantics.md §10), so the probe finds every group as the rules left it.

use crate::detect::{
    Engine, Finding, FindingKind, Limits, Origin, Outcome, Sightings, StateError, WindowSpan,
};
use crate::event::{Event, FieldId};
use crate::rule::{Level, Matched, RuleIndex, RuleSet};
use crate::state::MemoryStore;
use crate::units::EventTime;
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

/// One rule that the event matches.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Which.
    pub rule: RuleIndex,
    /// Names and values of the group that it joins, as the event has them; `None` = absent.
    pub group: Vec<(String, Option<String>)>,
    /// The window that ends with the event, once it is counted; `None` when it is not.
    pub window: Option<Amount>,
    /// For a rule that waits until its windows have closed: the time of the first event that closes
    /// this one.
    pub closes: Option<EventTime>,
    /// For a rule of new terms: what it knew before the event.
    pub term: Option<Sightings>,
    /// What the rule says: the kind of record and its level.
    pub says: Vec<(FindingKind, Level)>,
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

    let probe_of = |rule| probed.iter().find(|finding: &&Finding| finding.rule == rule);
    let standing = |rule: RuleIndex| Standing {
        rule,
        group: match probe_of(rule) {
            Some(finding) => finding.group.clone(),
            None => group_of(rules, rule, event),
        },
        window: probe_of(rule).and_then(amount_of),
        closes: probe_of(rule).and_then(|finding| engine.closes_at(rule, finding.window?.end)),
        term: terms.get(&rule).copied(),
        says: said
            .iter()
            .filter(|finding| finding.rule == rule)
            .map(|finding| (finding.kind, finding.level))
            .collect(),
    };
    // A correlation over what others find says something without matching the event itself.
    let mut rules: Vec<RuleIndex> = matched.iter().map(|matched| matched.rule).collect();
    rules.extend(said.iter().map(|finding| finding.rule));
    rules.sort_unstable();
    rules.dedup();
    let rules = rules.into_iter().map(standing).collect();
    Ok(Stood { outcome, watermark, time, rules, chain })
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
            let group = found.map(|finding| finding.group.clone());
            links.push(Link {
                inner,
                outer,
                group: group.unwrap_or_else(|| group_of(rules, outer, event)),
                window: found.and_then(amount_of),
            });
            // None refers to itself, over however many others: this ends.
            next.push((outer, engine.way_of(outer, usize::from(base), way)));
        }
    }
    links.sort_by_key(|link| (link.inner, link.outer));
    links.dedup_by_key(|link| (link.inner, link.outer));
    Ok(links)
}

fn amount_of(finding: &Finding) -> Option<Amount> {
    let window = finding.window?;
    Some(Amount { amount: finding.amount, events: finding.count, window })
}

fn group_of(rules: &RuleSet, rule: RuleIndex, event: &Event<'_>) -> Vec<(String, Option<String>)> {
    let of_field = |field: &FieldId| {
        let value = crate::rule::text_of(event.value(*field));
        (rules.fields().name(*field).to_owned(), value)
    };
    rules.rule(rule).group_by.iter().map(of_field).collect()
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
}
