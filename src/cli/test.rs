//! `tidegate test`: the tests that stand inside rules, through decoder, engine and alert writer.

use super::catalogue;
use super::failure::{ExitCode, Failure};
use super::global::Global;
use super::output::Output;
use crate::rule::tests::{self, RuleTest};
use crate::rule::{self, Place, Problem, RuleFile, Severity};
use crate::trial::{self, Coverage, Suite, TestResult};
use clap::ValueEnum;
use std::path::{Path, PathBuf};

/// Run the tests inside rules
///
/// Each test feeds its events to its rule as scan would, and compares alerts, level, title, group and
/// context with what it expects. Without a path the rules of the configuration are tested, the shipped
/// ones among them, each as its file says: [rule.NAME] and lists of the configuration do not apply.
/// Also run are the tests that a SigmaHQ rule names by regression_tests_path, where they are JSON.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    /// Rule files, and folders of them
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Only the tests of this rule, by name or id
    #[arg(long, value_name = "NAME")]
    rule: Option<String>,
    /// Form of the results
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Also say which kinds of test each rule has and lacks; exit with 1 when it lacks one
    #[arg(long)]
    coverage: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One line for each test, what differs below it
    Text,
    /// One JSON object
    Json,
    /// JUnit's XML, for a pipeline
    Junit,
}

const EXAMPLE: &str = "\
Example: the shipped rules, then your own in a pipeline
  tidegate test --coverage
  tidegate test rules/ --format junit > tests.xml";

pub(super) fn run(
    args: &Args,
    global: &Global,
    output: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    let (files, tested) = files(args, global)?;
    let tested = files.get(..tested).unwrap_or_default();
    let (tests, problems) = tests(tested);
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(Failure::rules(&problems));
    }
    catalogue::print_problems(&problems);
    let outlines = rule::outlines(tested);
    let is_wanted = |label: &str| {
        let called = outlines.iter().find(|outline| outline.label() == label);
        called.is_some_and(|outline| {
            args.rule.as_ref().is_none_or(|rule| label == rule || outline.is_called(rule))
        })
    };
    let tests: Vec<RuleTest> = tests.into_iter().filter(|test| is_wanted(&test.rule)).collect();
    if tests.is_empty() && args.rule.is_some() && !args.coverage {
        let what = format!("there is no test of a rule {:?}", args.rule.as_deref().unwrap_or(""));
        return Err(Failure::new(ExitCode::Usage, anyhow::anyhow!(what)));
    }
    // What a pipeline relies on must not pass since its folder is empty or its path is another one.
    let rules = outlines.iter().filter(|outline| outline.is_rule()).count();
    if tests.is_empty() && (rules == 0 || !args.coverage) {
        return Err(Failure::new(ExitCode::Failure, anyhow::anyhow!(nothing_to_test(args, rules))));
    }
    let mut suite = Suite::new(&files);
    let mut results = Vec::with_capacity(tests.len());
    for test in &tests {
        results.push(TestResult { test, verdict: suite.play(test) });
    }
    let coverage = args.coverage.then(|| {
        let rules = rule::speaking(&outlines).into_iter().map(|outline| outline.label().to_owned());
        let rules: Vec<String> = rules.filter(|label| is_wanted(label)).collect();
        Coverage::of(&mut suite, &rules, &tests)
    });
    let shown = coverage.as_deref();
    match args.format {
        Format::Text => output.print(&trial::text(&results, shown))?,
        Format::Json => {
            output.print(&(serde_json::to_string_pretty(&trial::json(&results, shown))? + "\n"))?;
        }
        Format::Junit => output.print(&trial::junit(&results))?,
    }
    let holds = results.iter().all(|result| result.verdict.holds());
    let covers = coverage.iter().flatten().all(|row| row.missing.is_empty());
    Ok(if holds && covers { ExitCode::Done } else { ExitCode::Failure })
}

/// Why there is no test, and what to do.
fn nothing_to_test(args: &Args, rules: usize) -> String {
    let paths: Vec<String> = args.paths.iter().map(|path| path.display().to_string()).collect();
    let place = match paths.as_slice() {
        [] => "the configuration's rules".to_owned(),
        paths => paths.join(", "),
    };
    match rules {
        0 => format!(
            "nothing is tested: there is no rule in {place} (hint: name files, or folders with .yml or .yaml files)"
        ),
        rules => format!(
            "nothing is tested: none of the {rules} rules in {place} has a test (hint: tidegate: {{tests: [{{name, events, expect}}]}} in the rule)"
        ),
    }
}

/// All files that rules may need, those to be tested first; and how many these are.
fn files(args: &Args, global: &Global) -> Result<(Vec<RuleFile>, usize), Failure> {
    if args.paths.is_empty() {
        let (settings, _) = global.settings()?;
        let files = catalogue::rule_files(&settings.rules)?;
        let tested = files.len();
        return Ok((files, tested));
    }
    let mut files = Vec::new();
    for path in &args.paths {
        files.extend(catalogue::read_rules(path)?);
    }
    let tested = files.len();
    // A rule may count the matches of a shipped one.
    files.extend(rule::builtin());
    Ok((files, tested))
}

/// The tests inside the files and those that they name.
fn tests(files: &[RuleFile]) -> (Vec<RuleTest>, Vec<Problem>) {
    let (mut tests, mut problems) = tests::of(files);
    for test in &mut tests {
        let folder = Path::new(&test.place.file).parent().unwrap_or(Path::new("")).to_owned();
        let place = test.place.clone();
        let read = |path: &str| {
            let path = folder.join(path);
            let what =
                |error| format!("the events in {} could not be read: {error}", path.display());
            std::fs::read_to_string(&path)
                .map_err(|error| problem(&place, Severity::Error, what(error)))
        };
        problems.extend(test.attach(read).err());
    }
    for (rule, path, place) in tests::regression_paths(files) {
        let Some(found) = beside(Path::new(&place.file), &path) else {
            // Rules are often copied without the repository's tests.
            let what = format!("{path:?} is in no folder above the rule, so its tests are not run");
            problems.push(problem(&place, Severity::Warning, what));
            continue;
        };
        let name = found.display().to_string();
        let text = match std::fs::read_to_string(&found) {
            Ok(text) => text,
            Err(error) => {
                let what = format!("{name} could not be read: {error}");
                problems.push(problem(&place, Severity::Error, what));
                continue;
            }
        };
        let (entries, wrong) = tests::regressions(&RuleFile { name, text, builtin: false });
        problems.extend(wrong);
        for entry in entries {
            match data_of(&entry, &found) {
                Ok(data) => tests.push(entry.test(&rule, &data)),
                Err(problem) => problems.push(problem),
            }
        }
    }
    (tests, problems)
}

fn problem(place: &Place, severity: Severity, what: String) -> Problem {
    let hint = Some("a file of JSON, or of JSON lines".to_owned());
    Problem { place: place.clone(), severity, code: "test-data", what, hint }
}

/// The JSON text of one entry; SigmaHQ's paths begin at the root of the repository.
fn data_of(entry: &tests::Regression, info: &Path) -> Result<String, Problem> {
    const ENDS: [&str; 3] = ["json", "jsonl", "ndjson"];
    let path = Path::new(&entry.path);
    let is_json = path.extension().is_some_and(|end| ENDS.iter().any(|json| end == *json));
    // Of other forms SigmaHQ keeps a copy as JSON beside the original.
    let candidates: Vec<PathBuf> = if is_json {
        vec![path.to_owned()]
    } else {
        ENDS.iter().map(|end| path.with_extension(end)).collect()
    };
    let found = candidates.iter().find_map(|path| beside(info, &path.to_string_lossy()));
    let Some(found) = found else {
        let what = format!("there is no JSON of {:?}, so the test is not run", entry.path);
        return Err(problem(&entry.place, Severity::Warning, what));
    };
    std::fs::read_to_string(&found).map_err(|error| {
        let what = format!("{} could not be read: {error}", found.display());
        problem(&entry.place, Severity::Error, what)
    })
}

/// `path` below the nearest folder above `file` that has it.
fn beside(file: &Path, path: &str) -> Option<PathBuf> {
    let whole = std::fs::canonicalize(file).ok()?;
    whole.ancestors().skip(1).map(|folder| folder.join(path)).find(|path| path.is_file())
}
