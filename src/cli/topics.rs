//! `tidegate topics`: which topics there should be, and creating the missing ones.

use super::failure::{ExitCode, Failure};
use super::global::Global;
use super::output::Output;
use super::pipeline::access;
use crate::config::{AlertCompression, Settings};
use crate::stream::topics::{
    self, Action, Deployment, Planned, SourceTopics, TopicsError, WithSource,
};
use clap::Subcommand;
use std::io::{IsTerminal, Write};

/// Compare the topics with what the configuration needs, and create the missing ones
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
}

/// What `tidegate topics` does.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Show what is wanted, what is there and what would be done
    Plan {
        /// How new topics look
        #[command(flatten)]
        shape: Shape,
        /// Exit with 1 when something is missing or differs
        #[arg(long)]
        check: bool,
    },
    /// Create what is missing; never alters or deletes a topic
    Create {
        /// How new topics look
        #[command(flatten)]
        shape: Shape,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// How new topics look.
#[derive(Debug, clap::Args)]
pub struct Shape {
    /// Create input topics too
    #[arg(long)]
    pub with_source: bool,
    /// Partitions of an input topic that is created
    #[arg(long, value_name = "COUNT", default_value_t = 8, value_parser = clap::value_parser!(i32).range(1..))]
    pub partitions: i32,
    /// Copies of each record [default: 3, fewer where there are fewer brokers]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(i32).range(1..))]
    pub replication_factor: Option<i32>,
}

const EXAMPLE: &str = "\
Example: everything for a first try on one broker
  tidegate topics create --with-source --partitions 8 --yes";

/// Plans, prints, and creates when asked to.
///
/// # Errors
/// No broker, or the brokers refuse: exit status 69.
pub fn run(args: &Args, global: &Global, output: &mut Output<'_>) -> Result<ExitCode, Failure> {
    let (settings, _) = global.settings()?;
    let access = access(&settings)?;
    let shape = match &args.verb {
        Verb::Plan { shape, .. } | Verb::Create { shape, .. } => shape,
    };
    let deployment = deployment(shape, &settings);
    let with_source = if shape.with_source { WithSource::Yes } else { WithSource::No };
    let cluster = topics::look_at(&access, &deployment).map_err(failure)?;
    let planned = topics::plan(&deployment, with_source, &cluster);
    output.print(&table(&planned))?;
    let is_right = |planned: &Planned| planned.action == Action::Keep;
    match args.verb {
        Verb::Plan { check: true, .. } if !planned.iter().all(is_right) => Ok(ExitCode::Failure),
        Verb::Plan { .. } => Ok(ExitCode::Done),
        Verb::Create { yes, .. } => create(&access, &planned, yes, output),
    }
}

fn create(
    access: &crate::stream::access::Access,
    planned: &[Planned],
    is_agreed: bool,
    output: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    let new = planned.iter().filter(|one| matches!(one.action, Action::Create(_))).count();
    if new > 0 && !is_agreed && !ask(new)? {
        return Ok(ExitCode::Failure);
    }
    let mut exit = ExitCode::Done;
    for (name, created) in topics::create(access, planned).map_err(failure)? {
        match created {
            Ok(()) => output.print(&format!("created {name}\n"))?,
            Err(why) => {
                eprintln!("tidegate: topic \"{name}\" was not created: {why}");
                exit = ExitCode::Unavailable;
            }
        }
    }
    let is_open = |one: &Planned| matches!(one.action, Action::Differs(_) | Action::Blocked(_));
    if exit == ExitCode::Done && planned.iter().any(is_open) {
        eprintln!("tidegate: some topics need a person: see the lines above");
        exit = ExitCode::Failure;
    }
    Ok(exit)
}

/// Asks at a terminal; elsewhere somebody must have agreed before.
fn ask(count: usize) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        let what = "nobody is here to agree: add --yes";
        return Err(Failure::new(ExitCode::Usage, anyhow::anyhow!(what)));
    }
    eprint!("create {count} topics? [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn deployment(shape: &Shape, settings: &Settings) -> Deployment {
    let changelog = i32::from(settings.state.changelog_replication_factor);
    Deployment {
        sources: settings
            .sources
            .iter()
            .map(|source| SourceTopics {
                topic: source.topic.clone(),
                changelog: settings.changelog_topic(source),
                max_record_bytes: source.max_record_bytes.0,
            })
            .collect(),
        alerts: settings.alerts.topic.clone(),
        dead_letters: settings.alerts.dlq_topic.clone(),
        gzip_alerts: settings.alerts.compression == AlertCompression::Gzip,
        source_partitions: shape.partitions,
        replication: shape.replication_factor,
        // What is typed wins over what is written; the written default of three is for clusters
        // that have three brokers.
        changelog_replication: match changelog {
            3 => None,
            other => shape.replication_factor.or(Some(other)),
        },
    }
}

fn failure(error: TopicsError) -> Failure {
    Failure::new(ExitCode::Unavailable, error)
}

/// One line for each topic, one more for each thing that differs.
fn table(planned: &[Planned]) -> String {
    let mut rows = vec![["topic", "wanted", "found", "action"].map(str::to_owned)];
    let mut notes = Vec::new();
    for one in planned {
        let wanted = match (&one.action, one.wanted.partitions) {
            (Action::Create(new), _) => shape_text(new.partitions, new.replication),
            (_, Some(partitions)) => format!("{partitions} partitions"),
            (_, None) => "-".to_owned(),
        };
        let found = match &one.found {
            Some(found) => shape_text(found.partitions, found.replication),
            None => "-".to_owned(),
        };
        let action = match &one.action {
            Action::Keep => "keep",
            Action::Create(_) => "create",
            Action::Differs(_) => "differs",
            Action::Blocked(_) => "blocked",
        };
        let name = one.wanted.name.clone();
        match &one.action {
            Action::Differs(what) => {
                notes.extend(what.iter().map(|what| format!("{name}: {what}")));
            }
            Action::Blocked(why) => notes.push(format!("{name}: {why}")),
            Action::Keep | Action::Create(_) => {}
        }
        rows.push([name, wanted, found, action.to_owned()]);
    }
    let mut text = aligned(&rows);
    for note in notes {
        text.push_str(&note);
        text.push('\n');
    }
    text
}

fn shape_text(partitions: i32, replication: i32) -> String {
    format!("{partitions} partitions × {replication}")
}

fn aligned(rows: &[[String; 4]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths = [width(0), width(1), width(2)];
    let mut text = String::new();
    for [name, wanted, found, action] in rows {
        let [first, second, third] = widths;
        text.push_str(&format!("{name:first$}  {wanted:second$}  {found:third$}  {action}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::topics::{Cluster, Found};

    #[test]
    fn the_table_shows_what_is_wanted_found_and_done_and_names_what_differs() {
        let deployment = Deployment {
            sources: vec![SourceTopics {
                topic: "cloudtrail".into(),
                changelog: "changelog".into(),
                max_record_bytes: 1,
            }],
            alerts: "alerts".into(),
            dead_letters: None,
            gzip_alerts: true,
            source_partitions: 8,
            replication: None,
            changelog_replication: None,
        };
        let found = |partitions| Found {
            partitions,
            replication: 3,
            settings: std::collections::BTreeMap::new(),
        };
        let topics = [("cloudtrail".into(), found(8)), ("changelog".into(), found(4))].into();

        let planned = topics::plan(&deployment, WithSource::No, &Cluster { brokers: 3, topics });

        let expected = "\
topic       wanted            found             action
cloudtrail  -                 8 partitions × 3  keep
changelog   -                 4 partitions × 3  differs
alerts      3 partitions × 3  -                 create
changelog: has 4 partitions and its source has 8
";
        assert_eq!(table(&planned), expected);
    }
}
