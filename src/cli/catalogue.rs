//! The rules that a configuration asks for: the shipped ones, own files, lists.

use super::failure::{ExitCode, Failure};
use crate::config::{self, Origins, Settings};
use crate::event::Source;
use crate::rule::{self, ListValues, LoadOptions, Loaded, Problem, RuleFile, RuleSet, Severity};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Which rules the input allows (semantics.md §11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locality {
    /// Partitions by the sources' keys: a rule must be local.
    OfSources,
    /// The whole input is one partition: every rule is local.
    OnePartition,
}

/// Loads what the configuration names, with every problem that was found.
///
/// # Errors
/// A list or a rule file cannot be read; exit status 78.
pub fn load(settings: &Settings, origins: &Origins, locality: Locality) -> Result<Loaded, Failure> {
    let files = rule_files(&settings.rules)?;
    let options = LoadOptions {
        lists: lists(settings, origins)?,
        partition_key: match locality {
            Locality::OnePartition => Vec::new(),
            Locality::OfSources => settings
                .sources
                .iter()
                .map(|source| (Source::CloudTrail, Some(source.key.clone())))
                .collect(),
        },
        disable: settings.rules.disable.clone(),
        tune: settings.tune.clone(),
        deny_warnings: settings.rules.deny_warnings,
    };
    Ok(rule::load(&files, &options))
}

/// As [`load`], for verbs that need the rules: warnings are printed to standard error.
///
/// # Errors
/// Exit status 78 with every problem when the rules cannot be used.
pub fn rules(
    settings: &Settings,
    origins: &Origins,
    locality: Locality,
) -> Result<Arc<RuleSet>, Failure> {
    let loaded = load(settings, origins, locality)?;
    let Some(rules) = loaded.rules else { return Err(Failure::rules(&loaded.problems)) };
    print_problems(&loaded.problems);
    Ok(Arc::new(rules))
}

/// Prints [`warnings`] to standard error.
pub fn print_problems(problems: &[Problem]) {
    for line in warnings(problems) {
        eprintln!("tidegate: {line}");
    }
}

/// One line for each warning; one for all shipped rules that are left out for the same reason.
pub fn warnings(problems: &[Problem]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut left_out: Vec<(&Problem, Vec<&str>)> = Vec::new();
    for problem in problems.iter().filter(|problem| problem.severity == Severity::Warning) {
        let is_left_out = problem.place.file.starts_with("builtin:")
            && ["list-empty", "not-local"].contains(&problem.code);
        if !is_left_out {
            lines.push(problem.to_string());
            continue;
        }
        // Such a problem names its rule first.
        let name = problem.what.split('"').nth(1).unwrap_or_default();
        let known = left_out
            .iter_mut()
            .find(|(first, _)| (first.code, &first.hint) == (problem.code, &problem.hint));
        match known {
            Some((_, names)) if names.contains(&name) => {}
            Some((_, names)) => names.push(name),
            None => left_out.push((problem, vec![name])),
        }
    }
    for (first, names) in left_out {
        let hint = first.hint.as_deref().unwrap_or_default();
        let (count, names) = (names.len(), names.join(", "));
        let code = first.code;
        lines.push(format!(
            "warning {code} {count} built-in rules are left out: {names} (hint: {hint}; \
             `tidegate rules list` tells why)"
        ));
    }
    lines
}

fn lists(settings: &Settings, origins: &Origins) -> Result<Vec<ListValues>, Failure> {
    let mut lists = Vec::new();
    let mut problems: Vec<Problem> = Vec::new();
    for list in &settings.lists {
        match list.read(origins) {
            Err(wrong) => problems.extend(wrong),
            Ok(values) => lists.push(values),
        }
    }
    if problems.is_empty() { Ok(lists) } else { Err(Failure::rules(&problems)) }
}

/// The files that the configuration names, the shipped ones first.
///
/// # Errors
/// A file or folder cannot be read; exit status 78.
pub fn rule_files(rules: &config::Rules) -> Result<Vec<RuleFile>, Failure> {
    let mut files = if rules.builtin { rule::builtin() } else { Vec::new() };
    for path in &rules.paths {
        files.extend(read_rules(path)?);
    }
    Ok(files)
}

/// The rule files at a path, by name.
///
/// # Errors
/// The file or folder cannot be read; exit status 78.
pub fn read_rules(path: &Path) -> Result<Vec<RuleFile>, Failure> {
    let mut found = Vec::new();
    find_rule_files(path, &mut found).map_err(|error| unreadable(path, &error))?;
    found.sort();
    let mut files = Vec::new();
    for path in found {
        let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
        files.push(RuleFile { name: path.display().to_string(), text, builtin: false });
    }
    Ok(files)
}

/// A file as it stands, and of a folder every `.yml` and `.yaml` below it.
pub(super) fn find_rule_files(path: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !path.is_dir() {
        std::fs::metadata(path)?;
        found.push(path.to_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(path)? {
        let path = entry?.path();
        let is_rule = path.extension().is_some_and(|end| end == "yml" || end == "yaml");
        // Links to folders are not followed: they could lead back.
        if is_rule || path.is_dir() && !path.is_symlink() {
            find_rule_files(&path, found)?;
        }
    }
    Ok(())
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        ExitCode::Configuration,
        anyhow::anyhow!("rules cannot be read from {}: {error}", path.display()),
    )
}
