//! `tidegate scan`: the same rules over files.

use super::bar::{bytes_bar, follow};
use super::catalogue::{self, Locality};
use super::failure::{ExitCode, Failure};
use super::global::Global;
use super::moment::{Moment, now_ms};
use super::output::Output;
use super::pipeline::alert_settings;
use super::scan_summary;
use crate::alert::{self, Colour, pretty};
use crate::config::Settings;
use crate::detect::Limits;
use crate::event::DecodeLimits;
use crate::rule::Level;
use crate::scan::{
    Clock, Found, Input, ReadBytes, ScanOptions, Scanner, find_inputs, first_event_time,
    sort_inputs,
};
use crate::state::{RocksOptions, RocksShared, RocksStore, Store};
use crate::units::{ByteCount, EventTime, Span, WallTime};
use clap::ValueEnum;
use std::path::PathBuf;
use std::time::Instant;

/// Detect in files and folders of CloudTrail, without Kafka
///
/// Reads delivery files, single records and JSON lines, plain or gzip, whatever their names say.
/// Files are read by the delivery stamp in their name, else by their first event. Alerts go to
/// standard output as JSON lines, a summary to standard error. Entries that cannot be read are
/// counted; exit status 1 says that a whole file could not be read.
///
/// Each scan begins with an empty state unless --state-dir names a folder: then windows, findings and
/// terms that were seen go on from the scan before, and events that it read are duplicates or late.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE, visible_alias = "replay")]
pub struct Args {
    /// Files and folders; - reads standard input
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// File or folder with more rules, repeatable
    #[arg(long, value_name = "PATH")]
    pub rules: Vec<PathBuf>,
    /// Pass over events before this time
    #[arg(long, value_name = "TIME", value_parser = clap::value_parser!(Moment), allow_hyphen_values = true)]
    from: Option<Moment>,
    /// Pass over events at or after this time
    #[arg(long, value_name = "TIME", value_parser = clap::value_parser!(Moment), allow_hyphen_values = true)]
    to: Option<Moment>,
    /// Go on from the state in this folder, and keep it there
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// What stamps alerts: event makes the same input give the same bytes
    #[arg(long, value_enum, value_name = "CLOCK", default_value = "event")]
    pub clock: ClockChoice,
    /// Form of the alerts
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "json")]
    pub format: Format,
    /// Print the summary as JSON to standard output, and no alerts
    #[arg(long)]
    pub summary: bool,
    /// Exit with 1 when an alert has this severity or a higher one
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub fail_on: Option<Severity>,
}

/// `--clock`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ClockChoice {
    /// Time of the event that fired
    Event,
    /// Time of the scan
    Wall,
}

/// `--format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One JSON object for each line, as on the alerts topic
    Json,
    /// For people
    Pretty,
}

/// A severity on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Severity {
    /// Informational
    Informational,
    /// Low
    Low,
    /// Medium
    Medium,
    /// High
    High,
    /// Critical
    Critical,
}

const EXAMPLE: &str = "\
Example: what would have been found in a folder of delivery files
  tidegate scan --format pretty AWSLogs/111111111111/CloudTrail";

/// Largest delivery file that is read as one document, inflated.
const DOCUMENT_BYTES_MAX: usize = 64 << 20;

impl Severity {
    /// The rule level of that name.
    pub(super) fn level(self) -> Level {
        match self {
            Severity::Informational => Level::Informational,
            Severity::Low => Level::Low,
            Severity::Medium => Level::Medium,
            Severity::High => Level::High,
            Severity::Critical => Level::Critical,
        }
    }
}

/// Scans, prints alerts as they fire and the summary at the end.
///
/// # Errors
/// Configuration or rules are wrong; standard output cannot be written.
pub fn run(args: &Args, global: &Global, output: &mut Output<'_>) -> Result<ExitCode, Failure> {
    let (mut settings, origins) = global.settings()?;
    settings.rules.paths.extend(args.rules.iter().cloned());
    let rules = catalogue::rules(&settings, &origins, Locality::OnePartition)?;
    let writer = alert::Writer::new(alert_settings(&settings), rules.clone());
    let options = options(args, &settings);
    match &args.state_dir {
        None => {
            let scanner = Scanner::new(rules, writer, options)?;
            Ok(scan(args, global, scanner, options, output)?.0)
        }
        Some(dir) => {
            let bytes = |count: ByteCount| usize::try_from(count.0).unwrap_or(usize::MAX);
            let state = &settings.state;
            let shared = RocksShared::new(bytes(state.block_cache), bytes(state.write_buffer));
            let store = RocksStore::open(dir, &shared, RocksOptions::default())?;
            let scanner = Scanner::over(store, rules, writer, options)?;
            let (exit, scanner) = scan(args, global, scanner, options, output)?;
            // Nothing but this makes it last: there is no changelog to read again.
            scanner.into_state()?.flush()?;
            Ok(exit)
        }
    }
}

/// Scans all inputs; gives the scanner back for its state.
fn scan<S: Store>(
    args: &Args,
    global: &Global,
    mut scanner: Scanner<S>,
    options: ScanOptions,
    output: &mut Output<'_>,
) -> Result<(ExitCode, Scanner<S>), Failure> {
    let started = Instant::now();
    let files = inputs(args, options.decode, &mut scanner)?;
    let taken = ReadBytes::default();
    let bar = bytes_bar(files.iter().map(|input| input.bytes).sum());
    let colour = colour(global);
    for input in &files {
        let mut print = |found: Found<'_>| {
            if args.summary {
                return Ok(());
            }
            let line = printed(&found.alert.value, args.format, colour);
            bar.suspend(|| output.print(&line))
        };
        scanner.read(input, &taken, &mut print)?;
        follow(&bar, &taken);
    }
    bar.finish_and_clear();

    let summary = scanner.summary();
    if args.summary {
        output.print(&format!("{}\n", scan_summary::json(summary, started.elapsed())))?;
    }
    eprint!("{}", scan_summary::text(summary, started.elapsed()));
    let is_refused = args.fail_on.is_some_and(|least| summary.highest() >= Some(least.level()));
    let is_whole = summary.unreadable.is_empty();
    let exit = if is_whole && !is_refused { ExitCode::Done } else { ExitCode::Failure };
    Ok((exit, scanner))
}

fn inputs<S: Store>(
    args: &Args,
    limits: DecodeLimits,
    scanner: &mut Scanner<S>,
) -> Result<Vec<Input>, Failure> {
    if args.paths.len() > 1 && args.paths.iter().any(|path| path.as_os_str() == "-") {
        let what = "standard input (-) cannot be ordered among files: scan it alone";
        return Err(Failure::new(ExitCode::Usage, anyhow::anyhow!(what)));
    }
    let mut inputs = find_inputs(&args.paths);
    sort_inputs(&mut inputs.files, |input| first_event_time(input, limits));
    let summary = scanner.summary_mut();
    summary.left_aside = inputs.left_aside;
    summary.unreadable = inputs.unreadable;
    Ok(inputs.files)
}

fn options(args: &Args, settings: &Settings) -> ScanOptions {
    let now = now_ms();
    let time = |moment: Option<Moment>| moment.map(|at| EventTime::from_millis(at.millis(now)));
    ScanOptions {
        decode: document_limits(),
        detect: limits(settings),
        clock: match args.clock {
            ClockChoice::Event => Clock::Event,
            ClockChoice::Wall => Clock::Wall(WallTime::from_millis(now)),
        },
        from: time(args.from),
        to: time(args.to),
    }
}

/// Bounds of time and memory for an input that is one partition.
pub(super) fn limits(settings: &Settings) -> Limits {
    // Rules and sources have their own lateness; the largest keeps what any of them needs.
    let lateness = settings.sources.iter().map(|source| source.allowed_lateness).max();
    Limits {
        allowed_lateness: lateness.unwrap_or(Span::from_hours(1)),
        max_future_skew: settings.time.max_future_skew,
        duplicate_horizon: settings.time.duplicate_horizon,
        cache_bytes: settings.cache_bytes_for_each(1),
        ..Limits::default()
    }
}

/// A delivery file is one document and inflates to more than one Kafka record may hold.
pub(super) fn document_limits() -> DecodeLimits {
    DecodeLimits { max_record_bytes: DOCUMENT_BYTES_MAX, max_inflated_bytes: DOCUMENT_BYTES_MAX }
}

/// Whether standard output takes colours.
pub(super) fn colour(global: &Global) -> Colour {
    if global.color.is_wanted_on(&std::io::stdout()) { Colour::Always } else { Colour::Never }
}

/// One alert in the form that was asked for, with the end of its last line.
pub(super) fn printed(alert: &[u8], format: Format, colour: Colour) -> String {
    let as_text = || format!("{}\n", String::from_utf8_lossy(alert));
    match format {
        Format::Json => as_text(),
        Format::Pretty => match serde_json::from_slice(alert) {
            Ok(alert) => pretty(&alert, colour),
            Err(_) => "(a record that is no alert)\n".to_owned(),
        },
    }
}
