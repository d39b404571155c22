//! Advice about rules that load: what a reader of an alert, or the engine, will miss.
//!
//! Errors and warnings are the loader's. Here is what works and could be better; each piece of advice
//! has a place and says what to write.

use super::builtin::builtin;
use super::derived;
use super::load::RuleFile;
use super::outline::{outlines, speaking};
use super::problem::{Place, Problem, Severity};
use super::report::{Report, shown};
use super::set::RuleSet;
use super::shape;
use super::yaml::{self, Key, Mark, Node};
use std::collections::BTreeSet;

/// Fields that differ in nearly every event: a group of each is a group of one.
const ALWAYS_NEW: [&str; 6] =
    ["eventID", "requestID", "eventTime", "sharedEventID", "tidegate.key", "requestParameters.key"];

/// Fields whose text the caller chooses: whoever changes it starts a new group.
const CHOSEN_BY_CALLER: [&str; 3] = ["userAgent", "userIdentity.arn", "userIdentity.principalId"];

/// What advice there is, with what it says.
pub(super) const ADVICE: [(&str, &str); 15] = [
    ("no-id", "no `id`: a renamed rule is another rule, with other findings"),
    ("no-uuid", "the `id` is no UUID"),
    ("no-name", "no `name`: configuration and correlations refer to rules by name"),
    ("no-level", "no `level`: alerts are medium"),
    ("no-description", "no `description`: whoever gets the alert reads it"),
    (
        "no-falsepositives",
        "no `falsepositives`: whoever gets the alert asks first what is harmless",
    ),
    ("no-technique", "no tag names an ATT&CK technique"),
    ("no-runbook", "no `runbook`: alerts say what happened and not what to do"),
    ("no-tests", "no tests"),
    ("no-positive-test", "no test shows that the rule fires"),
    ("no-negative-test", "no test shows that the rule stays silent"),
    ("unbounded-group", "a group field differs in nearly every event, and each value takes memory"),
    (
        "chosen-group",
        "the caller can change a group field from call to call, which splits the group",
    ),
    (
        "slow",
        "neither `eventName` nor `eventSource` is asked, and nothing else that events could be found by: \
         every event is asked in full, or the text of every record is searched",
    ),
    ("unknown-member", "no CloudTrail record has this member as it is written; names mind case"),
];

/// Advice about the rules of `files`; `rules` is what they load to, where they do.
#[must_use]
pub fn lint(files: &[RuleFile], rules: Option<&RuleSet>) -> Vec<Problem> {
    let outlines = outlines(files);
    let speaks: BTreeSet<&Place> =
        speaking(&outlines).iter().map(|outline| &outline.place).collect();
    let mut problems = unknown_members(files);
    for file in files {
        let mut advice = Advice { report: Report::new(&file.name) };
        for node in nodes(file) {
            let Mark { line, column } = node.mark;
            let place = Place { file: file.name.clone(), line, column };
            if speaks.contains(&place) {
                advice.alerting(&node, rules);
            }
        }
        problems.extend(advice.report.into_problems());
    }
    debug_assert!(problems.iter().all(|problem| problem.severity == Severity::Warning));
    problems
}

/// Fields that no record has as they are written, wherever the documents of `files` name one.
#[must_use]
pub fn unknown_members(files: &[RuleFile]) -> Vec<Problem> {
    // A correlation groups by the aliases of those that it counts, shipped ones among them.
    let shipped = builtin();
    let of_all = files.iter().chain(&shipped).flat_map(nodes);
    let aliases: BTreeSet<String> =
        of_all.flat_map(|node| aliases_of(&node).collect::<Vec<_>>()).collect();
    let mut problems = Vec::new();
    for file in files {
        let mut advice = Advice { report: Report::new(&file.name) };
        for node in nodes(file) {
            advice.members(&node, &aliases);
        }
        problems.extend(advice.report.into_problems());
    }
    problems
}

/// The documents of a file; what is wrong with its text is the loader's to say.
fn nodes(file: &RuleFile) -> Vec<Node> {
    yaml::read(&file.text, &mut Report::new(&file.name))
}

struct Advice {
    report: Report,
}

impl Advice {
    fn say(&mut self, at: Mark, code: &'static str, what: impl Into<String>, hint: &str) {
        self.report.warning(at, code, what, Some(hint.to_owned()));
    }

    /// What holds for a rule that alerts.
    fn alerting(&mut self, node: &Node, rules: Option<&RuleSet>) {
        let at = node.mark;
        let id = shape::text(node.get("id"));
        // Without id and name the rule does not load, and the loader says so.
        let is_nameless = id.is_none() && shape::text(node.get("name")).is_none();
        match &id {
            None if is_nameless => {}
            None => self.say(
                at,
                "no-id",
                "the rule has no \"id\": a renamed rule is another rule, with other findings",
                "id: a UUID (uuidgen makes one)",
            ),
            Some(id) if !is_uuid(&id.text) => {
                let what = format!("the id {:?} is no UUID", shown(&id.text));
                self.say(id.mark, "no-uuid", what, "id: a UUID (uuidgen makes one)");
            }
            Some(_) => {}
        }
        for (key, code, why, hint) in [
            (
                "name",
                "no-name",
                "configuration and correlations refer to rules by name",
                "name: a_unique_name",
            ),
            (
                "level",
                "no-level",
                "its alerts are medium",
                "level: one of informational, low, medium, high, critical",
            ),
            (
                "description",
                "no-description",
                "whoever gets the alert reads it",
                "description: what it finds and why it matters",
            ),
            (
                "falsepositives",
                "no-falsepositives",
                "whoever gets the alert asks first what is harmless",
                "falsepositives: [what looks the same]",
            ),
        ] {
            let is_told = is_nameless && key == "name";
            if node.get(key).is_none_or(Node::is_null) && !is_told {
                self.say(at, code, format!("the rule has no {key:?}: {why}"), hint);
            }
        }
        let tags = shape::texts(node.get("tags"));
        if !tags.iter().any(|tag| tag.text.starts_with("attack.t")) {
            let mark = node.get("tags").map_or(at, |tags| tags.mark);
            self.say(
                mark,
                "no-technique",
                "no tag names an ATT&CK technique",
                "tags: [attack.t1530]",
            );
        }
        let own = node.get("tidegate");
        self.tests(at, own.and_then(|own| own.get("tests")));
        if own.and_then(|own| own.get("runbook")).is_none() {
            self.say(
                at,
                "no-runbook",
                "the rule has no \"runbook\": its alerts say what happened and not what to do",
                "tidegate: {runbook: what to do when it fires}",
            );
        }
        self.groups(node);
        let name = shape::text(node.get("name")).or(id).map(|key| key.text);
        if let (Some(rules), Some(name)) = (rules, name) {
            self.speed(at, rules, &name);
        }
    }

    fn tests(&mut self, at: Mark, tests: Option<&Node>) {
        let expected: Vec<u64> = shape::items(tests)
            .iter()
            .filter_map(|test| shape::count(test.get("expect")?.get("alerts")))
            .collect();
        if expected.is_empty() {
            self.say(
                at,
                "no-tests",
                "the rule has no tests",
                "tidegate: {tests: [{name, events, expect}]}",
            );
            return;
        }
        let at = tests.map_or(at, |tests| tests.mark);
        if expected.iter().all(|alerts| *alerts == 0) {
            self.say(
                at,
                "no-positive-test",
                "no test shows that the rule fires",
                "a test with expect: {alerts: 1}",
            );
        }
        if expected.iter().all(|alerts| *alerts > 0) {
            self.say(
                at,
                "no-negative-test",
                "no test shows that the rule stays silent",
                "the nearest event that it must not match, with expect: {alerts: 0}",
            );
        }
    }

    fn groups(&mut self, node: &Node) {
        let Some(correlation) = node.get("correlation") else { return };
        let is_counted_anyway = |field: &Key| ALWAYS_NEW.contains(&field.text.as_str());
        for field in shape::texts(correlation.get("group-by")) {
            let name = shown(&field.text);
            if is_counted_anyway(&field) {
                let what = format!(
                    "{name:?} differs in nearly every event: each is a group of its own, and takes memory for a window"
                );
                self.say(
                    field.mark,
                    "unbounded-group",
                    what,
                    "group by who or what is acted on; collect the rest",
                );
            } else if CHOSEN_BY_CALLER.contains(&field.text.as_str()) {
                let what = format!(
                    "{name:?} can be changed by the caller from call to call: that splits the group"
                );
                self.say(
                    field.mark,
                    "chosen-group",
                    what,
                    "group by tidegate.principal, which sessions share",
                );
            }
        }
    }

    fn speed(&mut self, at: Mark, rules: &RuleSet, name: &str) {
        let (Some(index), Some(event_name)) = (rules.find(name), rules.fields.get("eventName"))
        else {
            return;
        };
        let source = rules.fields.get("eventSource");
        let of_rule = rules
            .conditions
            .iter()
            .filter(|condition| condition.rules.iter().any(|one| one.rule == index));
        for condition in of_rule {
            // What the dispatch looks up: a source or a name, or else any text that must be there.
            let needs = |field| condition.predicate.required_texts(field).is_some();
            if needs(event_name) || source.is_some_and(needs) {
                continue;
            }
            let base = &condition.base;
            let what = match condition.predicate.anchor() {
                None => format!("{base:?} names no text at all: every event is asked in full"),
                Some(anchor) if anchor.field.is_none() => {
                    format!("{base:?} has keywords alone: the text of every record is searched")
                }
                Some(_) => continue,
            };
            self.say(at, "slow", what, "add eventName or eventSource with its values");
        }
    }

    /// Fields that are not there as they are written: names mind case. Those of ours that do not exist
    /// are the loader's errors.
    fn members(&mut self, node: &Node, aliases: &BTreeSet<String>) {
        for field in fields_of(node) {
            let is_ours = field.text.starts_with("tidegate.");
            let is_known = derived::is_readable(&field.text) || aliases.contains(&field.text);
            if field.text.is_empty() || is_ours || is_known {
                continue;
            }
            let what = format!("no record has a member {:?}", shown(&field.text));
            self.say(field.mark, "unknown-member", what, &derived::mend(&field.text));
        }
    }
}

/// Names in a document that stand for no field of an event.
fn aliases_of(node: &Node) -> impl Iterator<Item = String> {
    let aliases = node.get("correlation").and_then(|correlation| correlation.get("aliases"));
    shape::entries(aliases).iter().map(|(name, _)| name.text.clone())
}

/// Every place of a document where the name of a field stands.
fn fields_of(node: &Node) -> Vec<Key> {
    let mut fields = Vec::new();
    for searches in [node.get("detection"), node.get("filter")] {
        for (search, value) in shape::entries(searches) {
            let is_search = !matches!(search.text.as_str(), "condition" | "rules");
            let maps = match value.as_map() {
                Some(_) => std::slice::from_ref(value),
                None => shape::items(Some(value)),
            };
            let maps = maps.iter().filter(|_| is_search);
            for (key, value) in maps.flat_map(|map| shape::entries(Some(map))) {
                let mut parts = key.text.split('|');
                let text = parts.next().unwrap_or_default().to_owned();
                fields.push(Key { text, mark: key.mark });
                if parts.any(|modifier| modifier == "fieldref") {
                    fields.extend(shape::texts(Some(value)));
                }
            }
        }
    }
    if let Some(correlation) = node.get("correlation") {
        fields.extend(shape::texts(correlation.get("group-by")));
        let condition = correlation.get("condition");
        fields.extend(shape::texts(condition.and_then(|condition| condition.get("field"))));
        for (_, by_rule) in shape::entries(correlation.get("aliases")) {
            let by_rule = shape::entries(Some(by_rule)).iter();
            fields.extend(by_rule.filter_map(|(_, field)| shape::text(Some(field))));
        }
    }
    if let Some(own) = node.get("tidegate") {
        let inside = |key: &str, of: &str| shape::texts(own.get(key).and_then(|map| map.get(of)));
        fields.extend(inside("dedup", "key"));
        fields.extend(inside("new-terms", "fields"));
        fields.extend(inside("level-from", "field"));
        let collect = shape::entries(own.get("collect")).iter();
        fields.extend(collect.filter_map(|(_, entry)| shape::text(entry.get("field"))));
    }
    fields
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [8, 4, 4, 4, 12]
        && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{LoadOptions, load};

    fn codes(text: &str) -> Vec<&'static str> {
        let file = RuleFile { name: "a.yml".into(), text: text.into(), builtin: false };
        let files = [builtin(), vec![file.clone()]].concat();
        let loaded = load(&files, &LoadOptions::default());
        assert!(loaded.rules.is_some(), "{:#?}", loaded.problems);
        let advice = lint(&[file], loaded.rules.as_ref());
        assert!(advice.iter().all(|one| one.hint.is_some()), "{advice:#?}");
        let is_listed = |one: &Problem| ADVICE.iter().any(|(code, _)| *code == one.code);
        assert!(advice.iter().all(is_listed), "{advice:#?}");
        advice.iter().map(|problem| problem.code).collect()
    }

    const WHOLE: &str = "title: T\nid: 8d6f3f62-4b0e-4b58-9a7b-6a1d5f0b3c11\nname: t\n\
         description: d\nfalsepositives: [f]\nlevel: low\ntags: [attack.t1530]\n\
         logsource: {product: aws, service: cloudtrail}\n\
         detection: {s: {eventName: GetObject}, condition: s}\n\
         tidegate:\n  runbook: r\n  tests:\n    - {name: 'P: one', events: [{template: getobject}], expect: {alerts: 1}}\n    - {name: 'N: none', events: [{template: getobject, event: {eventName: X}}], expect: {alerts: 0}}\n";

    #[test]
    fn a_whole_rule_gets_no_advice() {
        assert_eq!(codes(WHOLE), [""; 0]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let bare = "title: T\nname: t\nlogsource: {product: aws, service: cloudtrail}\n\
                    detection: {s: {eventname: GetObject}, condition: s}\n";

        // Without any text that an event must hold.
        let bare = bare.replace("eventname: GetObject", "eventname|exists: true");
        assert_eq!(
            codes(&bare),
            [
                "unknown-member",
                "no-id",
                "no-level",
                "no-description",
                "no-falsepositives",
                "no-technique",
                "no-tests",
                "no-runbook",
                "slow"
            ]
        );
        assert_eq!(codes(&WHOLE.replace("8d6f3f62-", "")), ["no-uuid"]);
        assert_eq!(codes(&WHOLE.replace("alerts: 0", "alerts: 1")), ["no-negative-test"]);
        assert_eq!(codes(&WHOLE.replace("alerts: 1", "alerts: 0")), ["no-positive-test"]);
    }

    #[test]
    fn what_makes_every_event_be_looked_at_is_slow() {
        let detection = |search: &str| {
            codes(&WHOLE.replace("{s: {eventName: GetObject}, condition: s}", search))
        };

        for search in [
            "{s: [rclone, s5cmd], condition: s}",
            "{s: {eventName|re: Get}, condition: s}",
            "{s: {eventName: GetObject}, condition: not s}",
            "{s: {eventName: GetObject}, t: [rclone], condition: s or t}",
        ] {
            assert_eq!(detection(search), ["slow"], "{search}");
        }
        for search in [
            "{s: [rclone, s5cmd], t: {eventSource: s3.amazonaws.com}, condition: s and t}",
            "{s: {userAgent|contains: rclone}, condition: s}",
            "{s: {userIdentity.arn: x}, condition: s}",
        ] {
            assert_eq!(detection(search), [""; 0], "{search}");
        }
    }

    #[test]
    fn a_rule_without_id_and_name_is_told_so_once() {
        let text = WHOLE
            .replace("name: t\n", "")
            .replace("id: 8d6f3f62-4b0e-4b58-9a7b-6a1d5f0b3c11\n", "");
        let file = RuleFile { name: "a.yml".into(), text, builtin: false };

        assert!(load(std::slice::from_ref(&file), &LoadOptions::default()).rules.is_none());
        assert_eq!(lint(&[file], None), []);
    }

    #[test]
    fn groups_that_never_meet_and_groups_that_a_caller_splits_are_told() {
        let start = WHOLE.find("logsource").unwrap_or_default();
        let end = WHOLE.find("tidegate:").unwrap_or_default();
        let correlation = "correlation: {type: event_count, rules: [s3_object_read], group-by: [GROUP], timespan: 1m, condition: {gte: 2}}\n";
        let counting = |group: &str| {
            let (head, rest) = (&WHOLE[..start], &WHOLE[end..]);
            codes(&format!("{head}{}{rest}", correlation.replace("GROUP", group)))
        };

        assert_eq!(counting("tidegate.principal"), [""; 0]);
        assert_eq!(counting("tidegate.key"), ["unbounded-group"]);
        assert_eq!(counting("userAgent"), ["chosen-group"]);
    }

    #[test]
    fn a_misspelt_field_is_told_wherever_fields_stand() {
        let text = "title: A\nname: a\nlogsource: {product: aws, service: cloudtrail}\n\
            detection: {s: {EventName: x, awsRegion|fieldref: awsRegoin}, condition: s}\n\
            tidegate: {dedup: {key: [userIdentty.arn]}, collect: {c: {field: sourceIpAddress, set: 3}}, level-from: {field: readonly, map: [{value: x, level: low}]}}\n\
            ---\ntitle: N\nname: n\nlogsource: {product: aws, service: cloudtrail}\n\
            detection: {s: {eventName: x}, condition: s}\ntidegate: {new-terms: {fields: [useragent], history: 1d}}\n\
            ---\ntitle: C\nname: c\ncorrelation: {type: value_count, rules: [a, n], group-by: [who, principal, awsregion], aliases: {who: {a: useridentity.arn, n: tidegate.principle}}, timespan: 1m, condition: {field: errorcode, gte: 1}}\n\
            ---\ntitle: O\nname: o\ncorrelation: {type: event_count, rules: [c], group-by: [who, source_bucket], timespan: 1m, condition: {gte: 1}}\n\
            ---\ntitle: F\nlogsource: {product: aws, service: cloudtrail}\nfilter: {rules: [a], s: {errorMesage: x}, condition: not s}\n";
        let file = RuleFile { name: "a.yml".into(), text: text.into(), builtin: false };

        let told: Vec<String> = unknown_members(&[file])
            .iter()
            .map(|one| format!("{} {}", one.what, one.hint.clone().unwrap_or_default()))
            .collect();

        let slip = |wrong: &str, right: &str| {
            format!("no record has a member \"{wrong}\" did you mean \"{right}\"")
        };
        assert_eq!(
            told,
            [
                slip("EventName", "eventName"),
                slip("awsRegoin", "awsRegion"),
                slip("userIdentty.arn", "userIdentity.arn"),
                slip("readonly", "readOnly"),
                slip("sourceIpAddress", "sourceIPAddress"),
                slip("useragent", "userAgent"),
                slip("principal", "tidegate.principal"),
                slip("awsregion", "awsRegion"),
                slip("errorcode", "errorCode"),
                slip("useridentity.arn", "userIdentity.arn"),
                slip("errorMesage", "errorMessage"),
            ]
        );
    }

    #[test]
    fn the_shipped_rules_get_no_advice() {
        let rules = load(&builtin(), &LoadOptions::default()).rules;

        let mut advice = lint(&builtin(), rules.as_ref());

        // They count by the caller's own name on purpose: that is what their originals do.
        let as_upstream = [
            "s3_large_download_compat",
            "iam_recon_denied",
            "macie_evasion",
            "s3_controls_disabled",
        ];
        advice.retain(|one| {
            let named = |name: &&str| one.place.file.contains(*name);
            one.code != "chosen-group" || !as_upstream.iter().any(named)
        });
        assert_eq!(advice.iter().map(ToString::to_string).collect::<Vec<_>>(), [""; 0]);
    }
}
