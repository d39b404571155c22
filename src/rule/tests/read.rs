//! `tidegate.tests` → tests.

use super::expect::Expect;
use super::record::{self, Attached, Step};
use crate::rule::document::{self, Document};
use crate::rule::list::ListValues;
use crate::rule::load::{LoadOptions, RuleFile, Tune};
use crate::rule::problem::{Place, Problem};
use crate::rule::report::Report;
use crate::rule::yaml::{self, Mark, Node};
use crate::rule::{Level, shape};
use crate::units::Span;
use serde_json::{Map, Value};

/// One test of one rule.
#[derive(Debug, Clone)]
pub struct RuleTest {
    /// Name of the rule, or its id.
    pub rule: String,
    /// What must hold, as a sentence.
    pub name: String,
    /// Where it was written.
    pub place: Place,
    /// CloudTrail records as JSON texts, in arrival order.
    pub events: Vec<String>,
    /// Files whose events come between them; [`Self::attach`] puts them in place.
    pub files: Vec<Attached>,
    /// Other values for this test alone.
    pub with: With,
    /// What must follow.
    pub expect: Expect,
}

/// Other values for one test.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct With {
    /// Values of lists, by name.
    pub lists: Vec<(String, Vec<String>)>,
    /// The least amount.
    pub threshold: Option<u64>,
    /// Each match of a rule without a window is a finding: what SigmaHQ's tests count.
    pub counts_matches: bool,
}

impl RuleTest {
    /// Puts the events of its files in place; `read` gives the text of one.
    ///
    /// # Errors
    /// What `read` says of a file that cannot be read; the test is then as it was.
    pub fn attach<E>(&mut self, mut read: impl FnMut(&str) -> Result<String, E>) -> Result<(), E> {
        let texts: Result<Vec<String>, E> =
            self.files.iter().map(|file| read(&file.path)).collect();
        // From the end, so that the places before stay what they are.
        for (file, text) in self.files.drain(..).zip(texts?).rev() {
            self.events.insert(file.before.min(self.events.len()), text);
        }
        Ok(())
    }

    /// How to load the rules for this test: the tested one switched on, with the test's values.
    #[must_use]
    pub fn options(&self) -> LoadOptions {
        let lists = self.with.lists.iter().map(|(name, values)| ListValues {
            name: name.clone(),
            kind: None,
            values: values.clone(),
            required: false,
            empty: None,
            place: self.place.clone(),
            places: Vec::new(),
        });
        let mut tune = Tune::new(&self.rule, self.place.clone());
        tune.enabled = Some(true);
        tune.threshold = self.with.threshold;
        tune.dedup_period = self.with.counts_matches.then_some(Span::ZERO);
        LoadOptions { lists: lists.collect(), tune: vec![tune], ..LoadOptions::default() }
    }
}

/// All tests of the files, with their events made, and what is wrong with the files.
#[must_use]
pub fn of(files: &[RuleFile]) -> (Vec<RuleTest>, Vec<Problem>) {
    let mut tests = Vec::new();
    let mut problems = Vec::new();
    for file in files {
        let mut report = Report::new(&file.name);
        for node in yaml::read(&file.text, &mut report) {
            let Some(document) = document::read(&node, &mut report) else { continue };
            for draft in drafts(&document, &mut report) {
                let (events, attached) = record::expand(&draft.steps);
                tests.push(RuleTest {
                    events,
                    files: attached,
                    rule: document.label(),
                    place: Place {
                        file: file.name.clone(),
                        line: draft.mark.line,
                        column: draft.mark.column,
                    },
                    name: draft.name,
                    with: draft.with,
                    expect: draft.expect,
                });
            }
        }
        problems.extend(report.into_problems());
    }
    (tests, problems)
}

/// Reports what is wrong with a document's tests, without making their events.
pub(in crate::rule) fn check(document: &Document, report: &mut Report) {
    drafts(document, report);
}

struct Draft {
    mark: Mark,
    name: String,
    steps: Vec<Step>,
    with: With,
    expect: Expect,
}

fn drafts(document: &Document, report: &mut Report) -> Vec<Draft> {
    let tests = shape::items(document.own.tests.as_ref());
    tests.iter().filter_map(|test| draft(test, report)).collect()
}

fn draft(test: &Node, report: &mut Report) -> Option<Draft> {
    let name = shape::text(test.get("name"))?.text;
    let events = shape::items(test.get("events"));
    let steps: Vec<Step> = events.iter().filter_map(|step| record::read(step, report)).collect();
    record::check_count(&steps, test.mark, report);
    let expect = test.get("expect")?;
    let with = test.get("with");
    let lists = shape::entries(with.and_then(|with| with.get("lists")));
    let lists = lists.iter().map(|(name, values)| {
        let values = shape::texts(Some(values)).into_iter().map(|value| value.text);
        (name.text.clone(), values.collect())
    });
    let size =
        |key: &str| shape::count(expect.get(key)).and_then(|count| usize::try_from(count).ok());
    let word = |key: &str| shape::text(expect.get(key)).map(|word| word.text);
    Some(Draft {
        mark: test.mark,
        name,
        steps,
        with: With {
            lists: lists.collect(),
            threshold: shape::count(with.and_then(|with| with.get("threshold"))),
            counts_matches: false,
        },
        expect: Expect {
            alerts: size("alerts")?,
            escalations: size("escalations"),
            late: size("late"),
            duplicates: size("duplicates"),
            level: word("level").and_then(|word| Level::from_name(&word)),
            title: word("title"),
            group: members(expect, "group"),
            context: members(expect, "context"),
        },
    })
}

fn members(expect: &Node, key: &str) -> Map<String, Value> {
    match expect.get(key).map(Node::to_json) {
        Some(Value::Object(members)) => members,
        _ => Map::new(),
    }
}
