//! Files and options in, rule set and every problem out.

use super::check::Checker;
use super::document;
use super::list::ListValues;
use super::model::Level;
use super::problem::{Place, Problem, Severity};
use super::report::Report;
use super::set::RuleSet;
use super::yaml;
use crate::event::Source;
use crate::units::Span;

/// A rule file as text.
#[derive(Debug, Clone)]
pub struct RuleFile {
    /// What messages call it: its path, or `builtin:…`.
    pub name: String,
    /// Its content.
    pub text: String,
    /// Shipped with tidegate: problems that only a deployment can solve switch it off.
    pub builtin: bool,
}

/// What a deployment decides about rules.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// Values of lists, by name.
    pub lists: Vec<ListValues>,
    /// For each source the fields that its producer used as key; `None` (and a source that is not
    /// here): one partition, every rule is local. `Some(vec![])`: the key is not known.
    pub partition_key: Vec<(Source, Option<Vec<String>>)>,
    /// Names or ids of rules that are switched off.
    pub disable: Vec<String>,
    /// Changes to rules by name or id.
    pub tune: Vec<Tune>,
    /// Warnings stop the load as errors do.
    pub deny_warnings: bool,
}

/// Changes to one rule (`[rule.NAME]`); `None` leaves it as it is.
#[derive(Debug, Clone)]
pub struct Tune {
    /// Name or id of the rule.
    pub rule: String,
    /// Where it was written.
    pub place: Place,
    /// Switches it on or off.
    pub enabled: Option<bool>,
    /// Its level.
    pub level: Option<Level>,
    /// The least amount that fires; tiers at or below it give it their level.
    pub threshold: Option<u64>,
    /// All tiers above the threshold: least amount and level, ascending.
    pub tiers: Option<Vec<(u64, Level)>>,
    /// Length of the window.
    pub timespan: Option<Span>,
    /// How long one finding stands for more; zero: never.
    pub dedup_period: Option<Span>,
}

impl Tune {
    /// Changes nothing yet.
    #[must_use]
    pub fn new(rule: &str, place: Place) -> Self {
        Self {
            rule: rule.to_owned(),
            place,
            enabled: None,
            level: None,
            threshold: None,
            tiers: None,
            timespan: None,
            dedup_period: None,
        }
    }
}

/// What came of a load.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The rules; `None` when a problem stops the load.
    pub rules: Option<RuleSet>,
    /// All problems of all files, by place.
    pub problems: Vec<Problem>,
}

/// Reads, checks and compiles rule files.
///
/// Every problem of every file is reported in one go. Rules keep the order of the files and of the
/// documents in them; [`super::RuleIndex`] counts the alerting ones.
#[must_use]
pub fn load(files: &[RuleFile], options: &LoadOptions) -> Loaded {
    let mut checker = Checker::new(options);
    for file in files {
        let mut report = Report::new(&file.name);
        let documents: Vec<_> = yaml::read(&file.text, &mut report)
            .iter()
            .filter_map(|node| document::read(node, &mut report))
            .collect();
        for document in &documents {
            super::tests::check(document, &mut report);
        }
        checker.add(file.builtin, documents, report);
    }
    let (rules, mut problems) = checker.finish();
    problems.sort_by(|left, right| {
        (&left.place, left.severity, left.code, &left.what).cmp(&(
            &right.place,
            right.severity,
            right.code,
            &right.what,
        ))
    });
    problems.dedup();
    let is_stopped =
        problems.iter().any(|problem| problem.severity == Severity::Error || options.deny_warnings);
    Loaded { rules: rules.filter(|_| !is_stopped), problems }
}
