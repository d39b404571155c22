//! Ours, pySigma's and rsigma's answers over one corpus; every difference has a reason.

use super::corpus::{Corpus, decoded, folder, lines};
use super::deviations;
use crate::support::decode_limits;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use tidegate::event::{Decoder, Format};
use tidegate::rule::{LoadOptions, RuleFile, load};

/// What one engine says of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    Refused,
    /// Numbers of the events that match.
    Matches(BTreeSet<usize>),
}

/// Every modifier of the appendix: each must be seen to match and to refuse.
const MODIFIERS: [&str; 34] = [
    "all",
    "startswith",
    "endswith",
    "contains",
    "exists",
    "cased",
    "neq",
    "windash",
    "re",
    "i",
    "m",
    "s",
    "ignorecase",
    "multiline",
    "dotall",
    "base64",
    "base64offset",
    "utf16le",
    "utf16be",
    "utf16",
    "wide",
    "lt",
    "lte",
    "gt",
    "gte",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "year",
    "cidr",
    "expand",
    "fieldref",
];

fn ours(text: &str, events: &[Value]) -> Answer {
    let file = RuleFile { name: "corpus.yml".into(), text: text.to_owned(), builtin: false };
    let Some(rules) = load(&[file], &LoadOptions::default()).rules else { return Answer::Refused };
    let mut decoder = Decoder::new(rules.fields(), Format::Auto, decode_limits());
    let (mut matched, mut out) = (BTreeSet::new(), Vec::new());
    for (at, event) in events.iter().enumerate() {
        decoded(&mut decoder, event, |event| rules.matching(event, &mut out));
        if !out.is_empty() {
            matched.insert(at);
        }
    }
    Answer::Matches(matched)
}

/// Lines of recorded answers by the name of the rule.
fn recorded(file: &str) -> BTreeMap<String, Value> {
    let lines = lines(&folder().join(file));
    lines
        .into_iter()
        .map(|line| (line["name"].as_str().expect("a name").to_owned(), line))
        .collect()
}

fn numbers(value: &Value) -> BTreeSet<usize> {
    let numbers = value.as_array().expect("a list of events").iter();
    numbers.map(|at| usize::try_from(at.as_u64().expect("a number")).expect("small")).collect()
}

#[test]
fn the_committed_corpus_is_the_generated_one() {
    let corpus = Corpus::generate();
    for (file, text) in
        [("rules.jsonl", corpus.rules_text()), ("events.jsonl", corpus.events_text())]
    {
        let path = folder().join(file);
        if std::env::var_os("UPDATE_GENERATED").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap();
        assert!(committed == text, "{file} is stale: make generate, then record the answers again");
    }
}

/// What is counted for one construct.
#[derive(Default)]
struct Row {
    rules: usize,
    accepted: [usize; 3],
    differing: [usize; 2],
}

#[test]
fn every_difference_from_other_engines_has_a_reason() {
    let corpus = Corpus::generate();
    let (pysigma, rsigma) = (recorded("pysigma.jsonl"), recorded("rsigma.jsonl"));
    let deviations = deviations::all();
    let mut used = BTreeSet::new();
    let mut unexplained = Vec::new();
    let mut table: BTreeMap<&str, Row> = BTreeMap::new();
    let (mut matching, mut hits, mut misses) = (0, BTreeSet::new(), BTreeSet::new());
    for rule in &corpus.rules {
        let our_answer = ours(&rule.text, &corpus.events);
        let says = |answers: &BTreeMap<String, Value>| {
            answers.get(&rule.name).unwrap_or_else(|| panic!("{} has no answer", rule.name)).clone()
        };
        let pysigma_takes = says(&pysigma)["accepts"] == true;
        let rsigma_answer = match says(&rsigma) {
            answer if answer["loads"] == true => Answer::Matches(numbers(&answer["matches"])),
            _ => Answer::Refused,
        };
        let takes = our_answer != Answer::Refused;
        let differs = [takes != pysigma_takes, our_answer != rsigma_answer];
        let mut explain = |with: &str, construct: &dyn Fn(&str) -> bool| {
            let reason =
                deviations.iter().position(|row| row.with == with && construct(&row.construct));
            used.extend(reason);
            reason.is_some()
        };
        let of_rule = |construct: &str| rule.constructs.iter().any(|it| it == construct);
        if differs[0] && !explain("pysigma", &of_rule) {
            let taken = if pysigma_takes { "takes" } else { "refuses" };
            unexplained.push(format!("pysigma {taken} {} {:?}", rule.name, rule.constructs));
        }
        match (&our_answer, &rsigma_answer) {
            (Answer::Matches(ours), Answer::Matches(theirs)) => {
                let unlike = ours.symmetric_difference(theirs);
                let not_explained: Vec<_> = unlike
                    .filter(|&&at| {
                        let change = corpus.changes[at];
                        !explain("rsigma", &|it| of_rule(it) || change == Some(it))
                    })
                    .collect();
                if let Some(&&at) = not_explained.first() {
                    unexplained.push(format!(
                        "rsigma {} {:?} on {} events; {} matches {}",
                        rule.name,
                        rule.constructs,
                        not_explained.len(),
                        if ours.contains(&at) { "ours alone" } else { "theirs alone" },
                        corpus.events[at]
                    ));
                }
            }
            _ if differs[1] && !explain("rsigma", &of_rule) => {
                let taken = if takes { "refuses" } else { "takes" };
                unexplained.push(format!("rsigma {taken} {} {:?}", rule.name, rule.constructs));
            }
            _ => {}
        }
        if let Answer::Matches(events) = &our_answer {
            matching += usize::from(!events.is_empty());
            for modifier in &rule.constructs {
                if !events.is_empty() {
                    hits.insert(modifier.as_str());
                }
                if events.len() < corpus.events.len() {
                    misses.insert(modifier.as_str());
                }
            }
        }
        for construct in &rule.constructs {
            let row = table.entry(construct).or_default();
            row.rules += 1;
            let accepted = [takes, pysigma_takes, rsigma_answer != Answer::Refused];
            for (count, is_accepted) in row.accepted.iter_mut().zip(accepted) {
                *count += usize::from(is_accepted);
            }
            for (count, is_differing) in row.differing.iter_mut().zip(differs) {
                *count += usize::from(is_differing);
            }
        }
    }

    show(&table, &corpus, matching);
    assert!(unexplained.is_empty(), "{}\n{}", unexplained.len(), unexplained.join("\n"));
    let stale: Vec<_> = (0..deviations.len()).filter(|at| !used.contains(at)).collect();
    let stale: Vec<_> = stale.iter().map(|at| &deviations[*at].construct).collect();
    assert!(stale.is_empty(), "rows that explain nothing: {stale:?}");
    assert!(corpus.rules.len() >= 300 && matching * 2 >= corpus.rules.len(), "{matching}");
    for modifier in MODIFIERS {
        assert!(hits.contains(modifier) && misses.contains(modifier), "{modifier}");
    }
}

/// Prints the table past the test harness, which would keep it for failures: it is there to be read.
fn show(table: &BTreeMap<&str, Row>, corpus: &Corpus, matching: usize) {
    let mut text = String::from(
        "conformance: rules of the corpus by construct\n\
         construct                           rules  we take  pySigma  rsigma  differs: pySigma  rsigma\n",
    );
    for (construct, row) in table {
        let ([us, py, rs], [py_differs, rs_differs]) = (row.accepted, row.differing);
        let _ = writeln!(
            text,
            "{construct:35} {:5}  {us:7}  {py:7}  {rs:6}  {py_differs:16}  {rs_differs:6}",
            row.rules
        );
    }
    let (rules, events) = (corpus.rules.len(), corpus.events.len());
    let _ =
        writeln!(text, "{rules} rules, of which {matching} match something, on {events} events");
    std::io::stdout().write_all(text.as_bytes()).expect("the table is printed");
}
