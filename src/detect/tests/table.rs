//! A rule set made of a plain table, and the way from the reference's types to the engine's.

use super::reference::{self, Kind as Plain};
use crate::detect::{Catalogue, Collected, Finding, FindingKind, Limits, Origin};
use crate::event::{Event, EventId, FieldId, FieldSet, Identity, Number, Source, Value};
use crate::rule::{
    Collect, CollectHow, Combination, Comparison, Condition, Dedup, Kind, Level, Matched, Measure,
    MissingGroup, NewTerms, Rule, RuleIndex, RuleText, StateId, Status, Tier, Window, WindowKind,
};
use crate::units::{EventTime, Offset, PartitionId, RecordTime, Span, WallTime};

/// Bits of a mask for each rule.
const BASES: u16 = 4;

/// Rules that match an event by the bits of its field `rules`.
#[derive(Debug)]
pub(super) struct Table {
    rules: Vec<Rule>,
    /// By index: the number that the rule has for the reference, and whether it is that rule or only
    /// matches as it does.
    stands_for: Vec<(usize, Role)>,
    fields: FieldSet,
    mask: FieldId,
}

/// What a rule of an edition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The reference has it, too.
    Known,
    /// It came with a reload, matches what the other matches, and has a state of its own.
    Added,
}

impl Catalogue for Table {
    fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Of each rule the lowest `BASES` bits are the referenced rules that the event matches.
    fn matching(&self, event: &Event<'_>, out: &mut Vec<Matched>) {
        out.clear();
        if let Value::Number(Number::Unsigned(mask)) = event.value(self.mask) {
            let all = (0..64 / BASES).map(|rule| {
                let bases = u32::try_from(mask >> (rule * BASES) & ((1 << BASES) - 1)).unwrap();
                Matched { rule: RuleIndex(rule), bases }
            });
            out.extend(all.filter(|one| one.bases > 0));
        }
    }

    fn fields(&self) -> &FieldSet {
        &self.fields
    }
}

impl Table {
    pub(super) fn new(rules: &[reference::Rule]) -> Self {
        let all: Vec<_> = (0..rules.len()).map(|number| (number, Role::Known)).collect();
        Self::edition(rules, &all)
    }

    /// Rules by number in another order, with others among them.
    pub(super) fn edition(rules: &[reference::Rule], stands_for: &[(usize, Role)]) -> Self {
        let mut fields = FieldSet::default();
        let mask = fields.intern("rules");
        let place = |number: usize| {
            let at = stands_for.iter().position(|one| *one == (number, Role::Known)).unwrap();
            RuleIndex(u16::try_from(at).unwrap())
        };
        let all = stands_for.iter().map(|&(number, role)| {
            let plain = &rules[number];
            let mut rule = rule_of(number, plain, &mut fields);
            rule.feeds = plain.feeds.iter().map(|&(outer, base)| (place(outer), base)).collect();
            if role == Role::Added {
                rule.text.id = format!("added_{number}");
                rule.state_id = StateId(1000 + number as u64);
                rule.feeds.clear();
                // With more to show, and a fire that is easier to start.
                rule.silent = false;
                rule.collect.truncate(1);
            }
            rule
        });
        let rules = all.collect();
        Self { rules, stands_for: stands_for.to_vec(), fields, mask }
    }

    /// Which rule of the reference it is, if it is one.
    pub(super) fn number_of(&self, rule: RuleIndex) -> Option<usize> {
        let (number, role) = self.stands_for[usize::from(rule.0)];
        (role == Role::Known).then_some(number)
    }

    /// Gives all rules the state of the first.
    pub(super) fn share_state(&mut self) {
        for rule in &mut self.rules {
            rule.state_id = StateId(1);
        }
    }

    /// The event as the decoder would hand it over.
    pub(super) fn event<'a>(&self, plain: &'a reference::Event) -> Event<'a> {
        let mut values = vec![Value::Absent; self.fields.len()];
        for (id, name) in self.fields.iter() {
            if let Some(Some(text)) = plain.fields.get(name) {
                values[usize::from(id.0)] = Value::Text(text.as_str().into());
            }
        }
        let matched = self.stands_for.iter().enumerate();
        let matched = matched.filter(|(_, (number, _))| plain.rules.contains(number));
        let mask = matched.fold(0u64, |mask, (at, (number, _))| {
            let bases = plain.bases.get(number).copied().unwrap_or(1);
            mask | u64::from(bases) << (at * usize::from(BASES))
        });
        values[usize::from(self.mask.0)] = Value::Number(Number::Unsigned(mask));
        Event {
            source: Source::CloudTrail,
            time: EventTime::from_millis(plain.time),
            identity: identity(&plain.id),
            shared_identity: plain.shared_id.as_deref().map(identity),
            id: plain.id.as_str().into(),
            raw: plain.id.as_bytes(),
            values,
        }
    }
}

pub(super) fn origin(event: &reference::Event, offset: i64) -> Origin {
    Origin {
        partition: PartitionId(0),
        offset: Offset(offset),
        record_time: event.record_time.map(RecordTime::from_millis),
        wall: WallTime::from_millis(0),
    }
}

pub(super) fn limits(settings: reference::Settings, cache_bytes: usize) -> Limits {
    Limits {
        allowed_lateness: Span::from_millis(settings.lateness),
        max_future_skew: Span::from_millis(settings.future_skew),
        duplicate_horizon: Some(Span::from_millis(settings.duplicate_horizon)),
        cache_bytes,
        look_back: settings.look_back,
        distinct_values: settings.distinct_values,
    }
}

/// What the engine said, in the reference's words.
pub(super) fn plain(finding: &Finding) -> reference::Finding {
    let collected = finding.collected.iter().map(|(name, value)| {
        let value = match value {
            Collected::Values(texts) => reference::Collected::Values(texts.clone()),
            Collected::Amount(amount) => reference::Collected::Amount(*amount),
        };
        (name.clone(), value)
    });
    reference::Finding {
        rule: finding.rule.0.into(),
        escalates: finding.kind == FindingKind::Escalate,
        sequence: finding.sequence,
        opened: finding.opened.as_millis(),
        level: finding.level as u8,
        previous_level: finding.previous_level.map(|level| level as u8),
        amount: finding.amount,
        count: finding.count,
        threshold: finding.threshold,
        window: finding.window.map(|window| (window.start.as_millis(), window.end.as_millis())),
        first_seen: finding.first_seen.as_millis(),
        last_seen: finding.last_seen.as_millis(),
        group: finding.group.clone(),
        dedup_key: finding.dedup_key.clone(),
        per_event: finding.per_event,
        collected: collected.collect(),
        events: finding.events.iter().map(|event| text(&event.id)).collect(),
        late: finding.late,
        trigger: text(&finding.trigger_id),
    }
}

fn text(id: &EventId) -> String {
    match id {
        EventId::Guid(bytes) => format!("{bytes:x?}"),
        EventId::Text(text) => text.to_string(),
    }
}

fn identity(text: &str) -> Identity {
    Identity(crate::detect::fingerprint::tag([text.as_bytes()]))
}

fn rule_of(index: usize, plain: &reference::Rule, fields: &mut FieldSet) -> Rule {
    let name = format!("rule_{index}");
    let mut ids = |names: &[String]| -> Vec<FieldId> {
        names.iter().map(|name| fields.intern(name)).collect()
    };
    let group_by = ids(&plain.group_by);
    let key = plain.dedup_key.as_deref().map(&mut ids);
    let group_by_of = plain.group_by_of.iter().map(|names| ids(names)).collect();
    let collect = plain.collect.iter().map(|(name, field, how)| Collect {
        name: name.clone(),
        field: fields.intern(field),
        how: match how {
            // Both show the same; they are kept in different ways.
            reference::Collect::Distinct(most) if index.is_multiple_of(2) => CollectHow::Set(*most),
            reference::Collect::Distinct(most) => CollectHow::Sample(*most),
            reference::Collect::Sum => CollectHow::Sum,
            reference::Collect::Min => CollectHow::Min,
            reference::Collect::Max => CollectHow::Max,
            reference::Collect::Different => CollectHow::Distinct,
        },
    });
    let collect = collect.collect();
    let (kind, first_level) = kind_of(plain, fields);
    Rule {
        text: RuleText {
            id: name.clone(),
            name: name.clone(),
            title: name,
            description: String::new(),
            author: String::new(),
            version: String::new(),
            status: Status::Test,
            tags: Vec::new(),
            references: Vec::new(),
            category: String::new(),
            runbook: String::new(),
            alert_title: None,
            alert_context: Vec::new(),
        },
        source: Source::CloudTrail,
        kind,
        state_id: StateId(index as u64 + 1),
        group_by,
        missing_group: if plain.skip_missing_group {
            MissingGroup::Skip
        } else {
            MissingGroup::Group
        },
        allowed_lateness: plain.lateness.map(Span::from_millis),
        level: first_level,
        level_from: None,
        bump: None,
        dedup: Dedup { period: Span::from_millis(plain.period), key },
        collect,
        group_by_of,
        first_way: plain.first_way.iter().map(|way| u16::try_from(*way).unwrap()).collect(),
        feeds: Vec::new(),
        silent: plain.silent,
    }
}

fn kind_of(plain: &reference::Rule, fields: &mut FieldSet) -> (Kind, Level) {
    let (sliding, span, measure, tiers, asks) = match &plain.kind {
        Plain::Window { sliding, span, measure, tiers, asks } => {
            (sliding, span, measure, tiers, asks)
        }
        Plain::Match => return (Kind::Match, level(plain.level)),
        Plain::NewTerms { history, learn } => {
            let history = Span::from_millis(*history);
            let terms = NewTerms { history, learn: Span::from_millis(*learn) };
            return (Kind::NewTerms(terms), level(plain.level));
        }
    };
    let tiers: Vec<_> =
        tiers.iter().map(|&(gte, number)| Tier { gte, level: level(number) }).collect();
    let first = tiers[0];
    let window = Window {
        kind: if *sliding { WindowKind::Sliding } else { WindowKind::Tumbling },
        span: Span::from_millis(*span),
        measure: match measure {
            reference::Measure::Count => Measure::Count,
            reference::Measure::Sum(field) => Measure::Sum(fields.intern(field)),
            reference::Measure::Distinct(names) => Measure::Distinct {
                fields: names.iter().map(|name| fields.intern(name)).collect(),
                sampled: 0,
            },
            reference::Measure::Signals(signals) => Measure::Signals {
                of: signals.iter().map(|signal| signal.map(u64::from)).collect(),
            },
            reference::Measure::Mean(field) => Measure::Mean(fields.intern(field)),
            reference::Measure::Percentile(field, percent) => {
                Measure::Percentile { field: fields.intern(field), percent: *percent }
            }
            reference::Measure::Rules { any_of, ordered } => {
                let one = |(all, none): &(Vec<u8>, Vec<u8>)| Combination {
                    all: all.clone(),
                    none: none.clone(),
                };
                Measure::Rules { any_of: any_of.iter().map(one).collect(), ordered: *ordered }
            }
        },
        condition: match asks {
            Some(asks) => Condition(asks.iter().map(|(ask, to)| (comparison(*ask), *to)).collect()),
            None => Condition::at_least(first.gte),
        },
        closes: asks.is_some(),
        tiers,
    };
    (Kind::Window(window), first.level)
}

fn comparison(ask: reference::Ask) -> Comparison {
    match ask {
        reference::Ask::Above => Comparison::Above,
        reference::Ask::AtLeast => Comparison::AtLeast,
        reference::Ask::Below => Comparison::Below,
        reference::Ask::AtMost => Comparison::AtMost,
        reference::Ask::Equal => Comparison::Equal,
        reference::Ask::Other => Comparison::Other,
    }
}

/// In which order the engine takes groups whose windows close at once.
pub(super) fn order(group: &[reference::Value]) -> (u64, u64) {
    let of = |value: &reference::Value| match value {
        Some(text) => Value::Text(text.clone().into()),
        None => Value::Absent,
    };
    let event = Event {
        source: Source::CloudTrail,
        time: EventTime::default(),
        identity: Identity(0),
        shared_identity: None,
        id: "".into(),
        raw: b"",
        values: group.iter().map(of).collect(),
    };
    let fields: Vec<FieldId> = (0..).map(FieldId).take(group.len()).collect();
    let key = crate::detect::fingerprint::of_values(&event, &fields).key;
    (key.0, key.1)
}

fn level(number: u8) -> Level {
    [Level::Informational, Level::Low, Level::Medium, Level::High, Level::Critical]
        [usize::from(number)]
}
