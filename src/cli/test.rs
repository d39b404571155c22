//! `tidegate test`: the tests that stand inside rules, through decoder, engine and alert writer.

use super::catalogue;
use super::failure::{ExitCode, Failure};
use super::global::Global;
use super::output::Output;
use crate::rule::tests::{self, RuleTest};
use crate::rule::{self, Problem, RuleFile, Severity};
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
    let stops: Vec<Problem> =
        problems.into_iter().filter(|problem| problem.severity == Severity::Error).collect();
    if !stops.is_empty() {
        return Err(Failure::rules(&stops));
    }
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
    for (rule, path, place) in tests::regression_paths(files) {
        let Some(found) = beside(Path::new(&place.file), &path) else {
            problems.push(Problem {
                place,
                severity: Severity::Error,
                code: "regression-tests",
                what: format!("there is no file {path:?} in a folder above the rule"),
                hint: Some("take the line out, or put the tests beside the rules".into()),
            });
            continue;
        };
        let name = found.display().to_string();
        match std::fs::read_to_string(&found) {
            Err(error) => problems.push(unreadable(name, &error)),
            Ok(text) => {
                let info = RuleFile { name, text, builtin: false };
                let (entries, wrong) = tests::regressions(&info);
                problems.extend(wrong);
                for entry in entries {
                    match data_of(&entry, &found) {
                        Ok(data) => tests.push(entry.test(&rule, &data)),
                        Err(problem) => problems.push(problem),
                    }
                }
            }
        }
    }
    (tests, problems)
}

/// The JSON text of one entry; SigmaHQ's paths begin at the root of the repository.
fn data_of(entry: &tests::Regression, info: &Path) -> Result<String, Problem> {
    let wrong = |what: String| Problem {
        place: entry.place.clone(),
        severity: Severity::Error,
        code: "regression-tests",
        what,
        hint: Some("a file of JSON, or of JSON lines".into()),
    };
    let path = Path::new(&entry.path);
    // Of other forms SigmaHQ keeps a copy as JSON beside the original.
    let as_json = ["json", "jsonl", "ndjson"].map(|end| path.with_extension(end));
    let is_json =
        path.extension().is_some_and(|end| end == "json" || end == "jsonl" || end == "ndjson");
    let candidates: Vec<PathBuf> = if is_json { vec![path.to_owned()] } else { as_json.to_vec() };
    let found = candidates.iter().find_map(|path| beside(info, &path.to_string_lossy()));
    let found = found.ok_or_else(|| wrong(format!("there is no JSON of {:?}", entry.path)))?;
    std::fs::read_to_string(&found)
        .map_err(|error| wrong(format!("could not read {}: {error}", found.display())))
}

/// `path` below the nearest folder above `file` that has it.
fn beside(file: &Path, path: &str) -> Option<PathBuf> {
    let whole = std::fs::canonicalize(file).ok()?;
    whole.ancestors().skip(1).map(|folder| folder.join(path)).find(|path| path.is_file())
}

fn unreadable(file: String, error: &std::io::Error) -> Problem {
    Problem {
        place: rule::Place { file, line: 0, column: 0 },
        severity: Severity::Error,
        code: "regression-tests",
        what: format!("could not be read: {error}"),
        hint: None,
    }
}
