//! From a verdict to a finding: everything that an alert says of its window (semantics.md §9).

use super::finding::{Collected, EventRef, Finding, FindingKind, Origin, Raised, WindowSpan};
use super::look_back::Evidence;
use super::pane_ring::View;
use super::segment::folded;
use super::shape::{Shape, is_column};
use super::sighting::{Sighting, each_text};
use super::text::text_of;
use crate::event::{Amount, Event, FieldId, FieldSet};
use crate::rule::{CollectHow, Level, Rule, RuleIndex, WindowKind};
use crate::units::{EventTime, WallTime};

/// The event that made a finding.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trigger<'t, 'a> {
    pub(super) seen: Sighting<'t, 'a>,
    pub(super) origin: &'t Origin,
    /// Behind the allowed lateness of its source.
    pub(super) is_late: bool,
}

/// The rule that fired.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fired<'r> {
    pub(super) index: RuleIndex,
    pub(super) rule: &'r Rule,
    pub(super) fields: &'r FieldSet,
    /// Whose values are the group's: the rule's group-by, or what stands for it in this event.
    pub(super) group_by: &'r [FieldId],
}

/// What the episode says.
#[derive(Debug, Clone)]
pub(super) struct Heading {
    pub(super) kind: FindingKind,
    pub(super) sequence: u32,
    pub(super) level: Level,
    pub(super) previous_level: Option<Level>,
    pub(super) raised: Option<Raised>,
    pub(super) opened: EventTime,
    pub(super) created: WallTime,
}

/// A finding of a stateless rule: the event is all there is.
pub(super) fn of_match(fired: Fired<'_>, heading: Heading, trigger: Trigger<'_, '_>) -> Finding {
    let collect = &fired.rule.collect;
    let collected = collect.iter().map(|collect| {
        let value = trigger.seen.event.value(collect.field);
        let shown = if is_column(collect.how) {
            let amount = match value.as_amount() {
                Amount::Of(amount) => Some(folded(collect.how, None, amount)),
                Amount::Absent | Amount::Unreadable => None,
            };
            Collected::Amount(amount)
        } else if collect.how == CollectHow::Distinct {
            Collected::Amount(Some(u64::from(text_of(value).is_some())))
        } else {
            Collected::Values(texts_of(trigger.seen.event, collect.field, collect.how))
        };
        (collect.name.clone(), shown)
    });
    let collected = collected.collect();
    let event = EventRef { id: trigger.seen.id.clone(), time: trigger.seen.time };
    Finding {
        amount: 1,
        count: 1,
        threshold: None,
        window: None,
        first_seen: trigger.seen.time,
        last_seen: trigger.seen.time,
        collected,
        events: vec![event],
        late: trigger.is_late,
        ..frame(fired, heading, trigger)
    }
}

/// A finding of a window that crossed.
pub(super) fn of_window(
    fired: Fired<'_>,
    heading: Heading,
    trigger: Trigger<'_, '_>,
    (shape, end, threshold): (&Shape, i64, Option<u64>),
    view: &View,
    shown: Evidence,
) -> Finding {
    let (mut numbers, mut different) = (view.numbers.iter(), view.different.iter());
    let collect = fired.rule.collect.iter().zip(shown.texts);
    let collected = collect.map(|(collect, texts)| {
        let shown = if is_column(collect.how) {
            Collected::Amount(numbers.next().copied().flatten())
        } else if collect.how == CollectHow::Distinct {
            Collected::Amount(different.next().copied())
        } else {
            Collected::Values(texts)
        };
        (collect.name.clone(), shown)
    });
    let collected = collected.collect();
    let events = shown.events.into_iter();
    Finding {
        amount: view.amount,
        count: view.count,
        threshold,
        window: Some(window_span(shape, end)),
        first_seen: view.first_seen,
        last_seen: view.last_seen,
        collected,
        events: events.map(|(id, time)| EventRef { id, time }).collect(),
        late: false,
        ..frame(fired, heading, trigger)
    }
}

/// The names of a key and the texts of its values, taken from the event that crossed.
fn key_of(
    fields: &FieldSet,
    event: &Event<'_>,
    (key, values): (&[FieldId], &[FieldId]),
) -> Vec<(String, Option<String>)> {
    let pairs = key.iter().zip(values).map(|(&name, &value)| {
        let text = text_of(event.value(value)).map(std::borrow::Cow::into_owned);
        (fields.name(name).to_owned(), text)
    });
    pairs.collect()
}

fn frame(fired: Fired<'_>, heading: Heading, trigger: Trigger<'_, '_>) -> Finding {
    let rule = fired.rule;
    let group = (rule.group_by.as_slice(), fired.group_by);
    let dedup = rule.dedup.key.as_deref().map_or(group, |key| (key, key));
    Finding {
        rule: fired.index,
        kind: heading.kind,
        sequence: heading.sequence,
        level: heading.level,
        previous_level: heading.previous_level,
        raised: heading.raised,
        opened: heading.opened,
        created: heading.created,
        wall: trigger.origin.wall,
        group: key_of(fired.fields, trigger.seen.event, group),
        dedup_key: key_of(fired.fields, trigger.seen.event, dedup),
        per_event: rule.dedup.period == crate::units::Span::ZERO,
        amount: 0,
        count: 0,
        threshold: None,
        window: None,
        first_seen: trigger.seen.time,
        last_seen: trigger.seen.time,
        collected: Vec::new(),
        events: Vec::new(),
        late: false,
        origin: *trigger.origin,
        trigger_id: trigger.seen.id.clone(),
        trigger: trigger.seen.event.raw.into(),
    }
}

fn window_span(shape: &Shape, end: i64) -> WindowSpan {
    let time = shape.time_of(end);
    let (start, end) = match shape.kind {
        WindowKind::Sliding => (time.minus(shape.span), time),
        WindowKind::Tumbling => (time, time.plus(shape.span)),
    };
    WindowSpan { kind: shape.kind, span: shape.span, start, end }
}

fn texts_of(event: &Event<'_>, field: FieldId, how: CollectHow) -> Vec<String> {
    let (CollectHow::Sample(most) | CollectHow::Set(most)) = how else { return Vec::new() };
    let mut texts: Vec<String> = Vec::new();
    each_text(event.value(field), &mut |text| {
        let text = super::text::capped(text, super::sighting::TEXT_BYTES);
        if texts.len() < most && !texts.iter().any(|known| known == text) {
            texts.push(text.to_owned());
        }
    });
    texts
}
