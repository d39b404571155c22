//! What a rule set is, for comparing two of them: names, state ids, amounts, fingerprints of lists.
//!
//! A running process shows it on its admin listener, and `validate --against` compares it with what a
//! configuration would load. It names no entity: of a list there are only its length and a hash.

use super::fingerprint;
use super::model::{CollectHow, Combination, Kind, Measure, MissingGroup, Rule, WindowKind};
use super::set::RuleSet;
use crate::event::FieldId;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What becomes of a rule's state when one rule set replaces another (semantics.md §10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateFate {
    /// It goes on; these members of its overview change.
    Kept(Vec<String>),
    /// What it counts has changed: it starts empty, old rows leave with time.
    Reset,
    /// The rule was not there.
    New,
    /// The rule is gone, its rows leave with time.
    Dropped,
}

/// A rule of one of two rule sets, or of both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFate {
    /// Its name.
    pub name: String,
    /// Its id: a rule whose id changes is another rule.
    pub id: String,
    /// What becomes of its state.
    pub state: StateFate,
}

/// The overview of a rule set as JSON.
#[must_use]
pub fn overview(rules: &RuleSet) -> Value {
    let lists = rules.lists.names().map(|name| {
        let values = rules.lists.values(name).unwrap_or_default();
        // Half of the hash: enough to see a change, too little to tell an account by trying all.
        let hash = fingerprint::of_texts(values) >> 32;
        json!({"name": name, "values": values.len(), "fingerprint": format!("{hash:08x}")})
    });
    json!({
        "fingerprint": format!("{:08x}", rules.fingerprint()),
        "rules": rules.rules().iter().map(|rule| of_rule(rules, rule)).collect::<Vec<_>>(),
        "lists": lists.collect::<Vec<_>>(),
    })
}

fn of_rule(rules: &RuleSet, rule: &Rule) -> Value {
    let mut told = json!({
        "name": rule.text.name,
        "id": rule.text.id,
        "state": format!("{:016x}", rule.state_id.0),
        "level": rule.level.name(),
        "dedup_period": rule.dedup.period.to_string(),
    });
    let Some(members) = told.as_object_mut() else { return told };
    let names = |fields: &[FieldId]| -> Value {
        fields.iter().map(|field| rules.fields().name(*field)).collect()
    };
    if let Kind::Window(window) = &rule.kind {
        let tiers = window.tiers.iter();
        let tiers = tiers.map(|tier| json!({"gte": tier.gte, "level": tier.level.name()}));
        members.insert("tiers".into(), tiers.collect());
        members.insert("timespan".into(), window.span.to_string().into());
        let kind = match window.kind {
            WindowKind::Sliding => "sliding",
            WindowKind::Tumbling => "tumbling",
        };
        members.insert("window".into(), kind.into());
        if window.closes {
            members.insert("when_closed".into(), window.condition.to_string().into());
        }
        match &window.measure {
            Measure::Count => {}
            Measure::Sum(field) => {
                members.insert("sums".into(), names(&[*field]));
            }
            Measure::Distinct { fields, .. } => {
                members.insert("values_of".into(), names(fields));
            }
            Measure::Signals { .. } => {
                members.insert("values_of".into(), json!(["tidegate.signal"]));
            }
            Measure::Mean(field) => {
                members.insert("average_of".into(), names(&[*field]));
            }
            Measure::Percentile { field, percent } => {
                members.insert("percentile_of".into(), names(&[*field]));
                members.insert("percentile".into(), json!(percent));
            }
            Measure::Rules { any_of, ordered } => {
                let any_of = any_of.iter().map(Combination::to_json);
                members.insert("together".into(), any_of.collect());
                members.insert("ordered".into(), json!(ordered));
            }
        }
    }
    if let Kind::NewTerms(terms) = &rule.kind {
        members.insert("history".into(), terms.history.to_string().into());
        members.insert("learn".into(), terms.learn.to_string().into());
    }
    members.insert("group_by".into(), names(&rule.group_by));
    // What no rule needs is there only where it differs from what holds without it.
    if rule.missing_group == MissingGroup::Skip {
        members.insert("missing_group".into(), "skip".into());
    }
    if let Some(lateness) = rule.allowed_lateness {
        members.insert("allowed_lateness".into(), lateness.to_string().into());
    }
    if let Some(key) = &rule.dedup.key {
        members.insert("dedup_key".into(), names(key));
    }
    if !rule.collect.is_empty() {
        let collect = rule.collect.iter().map(|one| {
            let field = rules.fields().name(one.field);
            Value::from(format!("{}: {} of {field}", one.name, how_text(one.how)))
        });
        members.insert("collect".into(), collect.collect());
    }
    let filters = filters_of(rules, rule);
    if !filters.is_empty() {
        members.insert("filters".into(), filters.into_iter().collect());
    }
    told
}

fn how_text(how: CollectHow) -> String {
    match how {
        CollectHow::Sample(count) => format!("sample {count}"),
        CollectHow::Set(count) => format!("set {count}"),
        CollectHow::Sum => "sum".to_owned(),
        CollectHow::Min => "min".to_owned(),
        CollectHow::Max => "max".to_owned(),
        CollectHow::Distinct => "distinct".to_owned(),
    }
}

/// The filters on what a rule counts: name, and half of a hash of what it says.
fn filters_of(rules: &RuleSet, rule: &Rule) -> BTreeSet<String> {
    let index = rules.find(&rule.text.id);
    let counted = rules
        .conditions
        .iter()
        .filter(|condition| condition.rules.iter().any(|matched| Some(matched.rule) == index));
    let filters = counted.flat_map(|condition| &condition.filters);
    filters.map(|(name, says)| format!("{name} ({:08x})", says >> 32)).collect()
}

/// What becomes of each rule's state, by name and id, when `old` is replaced by `new`; `None` when one
/// of them is no overview.
#[must_use]
pub fn compare(old: &Value, new: &Value) -> Option<Vec<RuleFate>> {
    let (old, new) = (by_id(old)?, by_id(new)?);
    let mut fates = Vec::new();
    for (id, rule) in &new {
        let state = match old.get(id) {
            None => StateFate::New,
            Some(before) if before.get("state") != rule.get("state") => StateFate::Reset,
            Some(before) => StateFate::Kept(differing(before, rule)),
        };
        fates.push(fate_of(rule, id, state));
    }
    for (id, rule) in old.iter().filter(|(id, _)| !new.contains_key(*id)) {
        fates.push(fate_of(rule, id, StateFate::Dropped));
    }
    fates.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
    Some(fates)
}

fn by_id(overview: &Value) -> Option<BTreeMap<&str, &Value>> {
    let rules = overview.get("rules")?.as_array()?;
    rules.iter().map(|rule| Some((rule.get("id")?.as_str()?, rule))).collect()
}

fn fate_of(rule: &Value, id: &str, state: StateFate) -> RuleFate {
    let name = rule.get("name").and_then(Value::as_str).unwrap_or(id).to_owned();
    RuleFate { name, id: id.to_owned(), state }
}

/// `level: low → medium` for each member that differs, also one that only one of them has.
fn differing(before: &Value, after: &Value) -> Vec<String> {
    let members = |of: &Value| {
        of.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>()
    };
    let names = &members(before) | &members(after);
    let of = |rule: &Value, name: &str| rule.get(name).map_or("none".to_owned(), Value::to_string);
    let differing = names.into_iter().filter(|name| before.get(name) != after.get(name));
    differing.map(|name| format!("{name}: {} → {}", of(before, &name), of(after, &name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{LoadOptions, Place, RuleFile, Tune, builtin, load};
    use crate::units::Span;

    fn of(files: &[RuleFile], tune: impl FnOnce(&mut Tune)) -> Value {
        let place = Place { file: "t".into(), line: 0, column: 0 };
        let mut change = Tune::new("s3_large_download", place);
        tune(&mut change);
        let options = LoadOptions { tune: vec![change], ..LoadOptions::default() };
        overview(&load(files, &options).rules.expect("loads"))
    }

    fn fate(old: &Value, new: &Value, name: &str) -> StateFate {
        let fates = compare(old, new).expect("overviews");
        fates.into_iter().find(|one| one.name == name).expect("is told").state
    }

    #[test]
    fn a_threshold_keeps_the_state_and_a_window_does_not() {
        let files = builtin();
        let shipped = of(&files, |_| {});
        let raised = of(&files, |tune| tune.threshold = Some(60_000_000));
        let longer = of(&files, |tune| tune.timespan = Some(Span::from_minutes(11)));

        let fate = |new| fate(&shipped, new, "s3_large_download");

        assert_eq!(fate(&shipped), StateFate::Kept(vec![]));
        let StateFate::Kept(changed) = fate(&raised) else { panic!("{:?}", fate(&raised)) };
        assert!(
            changed[0].starts_with("tiers: ") && changed[0].contains("60000000"),
            "{changed:?}"
        );
        assert_eq!(fate(&longer), StateFate::Reset);
    }

    #[test]
    fn rules_that_come_and_go_are_told() {
        let all = of(&builtin(), |_| {});
        let fewer = of(&builtin(), |tune| tune.enabled = Some(false));

        assert_eq!(fate(&all, &fewer, "s3_large_download"), StateFate::Dropped);
        assert_eq!(fate(&fewer, &all, "s3_large_download"), StateFate::New);
        assert_eq!(compare(&all, &json!({"rules": 1})), None);
    }

    #[test]
    fn the_values_of_lists_are_not_in_it() {
        let all = of(&builtin(), |_| {});

        let told = all.pointer("/lists").expect("lists").to_string();

        assert!(told.contains("s3_event_sources") && !told.contains("amazonaws"), "{told}");
    }

    fn with(own: &str) -> Value {
        let files =
            [builtin(), vec![RuleFile { name: "o.yml".into(), text: own.into(), builtin: false }]];
        of(&files.concat(), |_| {})
    }

    const OWN: &str = "title: C\nname: mine\nid: one\ncorrelation: {type: event_count, rules: [s3_object_read], group-by: [tidegate.bucket], timespan: 10m, condition: {gte: 3}}\n";

    #[test]
    fn a_rule_with_another_id_is_gone_and_new() {
        let fates = compare(&with(OWN), &with(&OWN.replace("id: one", "id: two")));

        let fates = fates.expect("overviews").into_iter().filter(|one| one.name == "mine");
        let fates: Vec<_> = fates.map(|one| (one.id, one.state)).collect();
        assert_eq!(fates, [("one".into(), StateFate::Dropped), ("two".into(), StateFate::New)]);
    }

    #[test]
    fn what_changes_beside_the_state_is_told() {
        let filter = "---\ntitle: F\nname: quiet\nlogsource: {product: aws, service: cloudtrail}\nfilter: {rules: [mine], s: {eventName: X}, condition: not s}\n";
        let own = |inside: &str| format!("{OWN}tidegate: {{{inside}}}\n");
        let told = |new: &str| match fate(&with(OWN), &with(new), "mine") {
            StateFate::Kept(changes) => changes,
            other => panic!("{other:?}"),
        };

        assert_eq!(told(OWN), [""; 0]);
        let filtered = told(&format!("{OWN}{filter}"));
        assert!(filtered[0].starts_with("filters: none → [\"quiet ("), "{filtered:?}");
        let changed = format!("{OWN}{}", filter.replace('X', "Y"));
        let StateFate::Kept(changes) =
            fate(&with(&format!("{OWN}{filter}")), &with(&changed), "mine")
        else {
            panic!("kept")
        };
        assert_eq!(changes.len(), 1, "{changes:?}");
        assert_eq!(told(&own("missing-group: skip")), ["missing_group: none → \"skip\""]);
        assert_eq!(told(&own("allowed-lateness: 5m")), ["allowed_lateness: none → \"5m\""]);
        assert_eq!(
            told(&own("collect: {keys: {field: tidegate.key, set: 3}}")),
            ["collect: none → [\"keys: set 3 of tidegate.key\"]"]
        );
        assert_eq!(
            told(&own("dedup: {key: [tidegate.bucket, awsRegion]}")),
            ["dedup_key: none → [\"tidegate.bucket\",\"awsRegion\"]"]
        );
    }
}
