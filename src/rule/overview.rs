//! What a rule set is, for comparing two of them: names, state ids, amounts, fingerprints of lists.
//!
//! A running process shows it on its admin listener, and `validate --against` compares it with what a
//! configuration would load. It names no entity: of a list there are only its length and a hash.

use super::fingerprint;
use super::model::{Combination, Kind, Measure, Rule, WindowKind};
use super::set::RuleSet;
use crate::event::FieldId;
use serde_json::{Value, json};
use std::collections::BTreeMap;

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
        let names = |fields: &[FieldId]| -> Value {
            fields.iter().map(|field| rules.fields().name(*field)).collect()
        };
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
    let fields = rule.group_by.iter().map(|field| rules.fields().name(*field));
    members.insert("group_by".into(), fields.collect());
    told
}

/// What becomes of each rule's state, by name, when `old` is replaced by `new`; `None` when one of
/// them is no overview.
#[must_use]
pub fn compare(old: &Value, new: &Value) -> Option<BTreeMap<String, StateFate>> {
    let (old, new) = (by_id(old)?, by_id(new)?);
    let mut fates = BTreeMap::new();
    for (id, rule) in &new {
        let fate = match old.get(id) {
            None => StateFate::New,
            Some(before) if before.get("state") != rule.get("state") => StateFate::Reset,
            Some(before) => StateFate::Kept(differing(before, rule)),
        };
        fates.insert(name_of(rule, id), fate);
    }
    for (id, rule) in old.iter().filter(|(id, _)| !new.contains_key(*id)) {
        fates.insert(name_of(rule, id), StateFate::Dropped);
    }
    Some(fates)
}

fn by_id(overview: &Value) -> Option<BTreeMap<&str, &Value>> {
    let rules = overview.get("rules")?.as_array()?;
    rules.iter().map(|rule| Some((rule.get("id")?.as_str()?, rule))).collect()
}

fn name_of(rule: &Value, id: &str) -> String {
    rule.get("name").and_then(Value::as_str).unwrap_or(id).to_owned()
}

/// `level: low → medium` for each member that differs.
fn differing(before: &Value, after: &Value) -> Vec<String> {
    let members = after.as_object().into_iter().flatten();
    members
        .filter_map(|(name, value)| {
            let was = before.get(name).unwrap_or(&Value::Null);
            (was != value).then(|| format!("{name}: {was} → {value}"))
        })
        .collect()
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

    #[test]
    fn a_threshold_keeps_the_state_and_a_window_does_not() {
        let files = builtin();
        let shipped = of(&files, |_| {});
        let raised = of(&files, |tune| tune.threshold = Some(60_000_000));
        let longer = of(&files, |tune| tune.timespan = Some(Span::from_minutes(11)));

        let fate = |new| compare(&shipped, new).expect("overviews")["s3_large_download"].clone();

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

        assert_eq!(
            compare(&all, &fewer).expect("overviews")["s3_large_download"],
            StateFate::Dropped
        );
        assert_eq!(compare(&fewer, &all).expect("overviews")["s3_large_download"], StateFate::New);
        assert_eq!(compare(&all, &json!({"rules": 1})), None);
    }

    #[test]
    fn the_values_of_lists_are_not_in_it() {
        let all = of(&builtin(), |_| {});

        let told = all.pointer("/lists").expect("lists").to_string();

        assert!(told.contains("s3_event_sources") && !told.contains("amazonaws"), "{told}");
    }
}
