//! Rules and lists of the configuration → a rule set, or every problem.

use super::failure::{ExitCode, Failure};
use crate::config::{List, ListKind, Settings};
use crate::event::Source;
use crate::rule::{self, ListType, ListValues, LoadOptions, Place, RuleFile, RuleSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Loads the shipped rules, those of the configuration and those in `own`, for one partition.
///
/// # Errors
/// Every problem of rules and lists: exit status 78.
pub(super) fn load_for_scan(settings: &Settings, own: &[PathBuf]) -> Result<Arc<RuleSet>, Failure> {
    let mut files = if settings.rules.builtin { rule::builtin() } else { Vec::new() };
    for path in settings.rules.paths.iter().chain(own) {
        read_rules(path, &mut files)?;
    }
    let mut lists = Vec::new();
    for list in &settings.lists {
        lists.push(values(list)?);
    }
    let options = LoadOptions {
        lists,
        partition_key: vec![(Source::CloudTrail, None)],
        disable: settings.rules.disable.clone(),
        tune: Vec::new(),
        deny_warnings: settings.rules.deny_warnings,
    };
    let loaded = rule::load(&files, &options);
    match loaded.rules {
        Some(rules) => {
            for problem in &loaded.problems {
                eprintln!("tidegate: {problem}");
            }
            Ok(Arc::new(rules))
        }
        None => Err(Failure::rules(&loaded.problems)),
    }
}

fn read_rules(path: &Path, files: &mut Vec<RuleFile>) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        let what = format!("cannot read the rules in {}", path.display());
        Failure::new(ExitCode::Configuration, anyhow::Error::new(error).context(what))
    };
    if fs::metadata(path).map_err(failed)?.is_dir() {
        let mut entries = Vec::new();
        for entry in fs::read_dir(path).map_err(failed)? {
            entries.push(entry.map_err(failed)?.path());
        }
        entries.sort();
        for entry in entries {
            let is_rule =
                entry.extension().is_some_and(|suffix| suffix == "yml" || suffix == "yaml");
            // Links to folders are not followed: they could lead back.
            if is_rule || entry.is_dir() && !entry.is_symlink() {
                read_rules(&entry, files)?;
            }
        }
        return Ok(());
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    files.push(RuleFile { name: path.display().to_string(), text, builtin: false });
    Ok(())
}

fn values(list: &List) -> Result<ListValues, Failure> {
    let mut values = list.values.clone();
    if let Some(file) = &list.file {
        let text = fs::read_to_string(file).map_err(|error| {
            let what = format!("cannot read the list \"{}\" in {}", list.name, file.display());
            Failure::new(ExitCode::Configuration, anyhow::Error::new(error).context(what))
        })?;
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        values.extend(lines.filter(|line| !line.is_empty()).map(str::to_owned));
    }
    Ok(ListValues {
        name: list.name.clone(),
        kind: Some(match list.kind {
            ListKind::String => ListType::String,
            ListKind::Glob => ListType::Glob,
            ListKind::Cidr => ListType::Cidr,
            ListKind::Account => ListType::Account,
        }),
        values,
        required: false,
        empty: None,
        place: Place { file: format!("lists.{}", list.name), line: 0, column: 0 },
    })
}
