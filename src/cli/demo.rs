//! `tidegate demo`: the whole way on generated data, with a verdict.

use super::demo_pipeline;
use super::failure::{ExitCode, Failure};
use super::global::Global;
use super::moment::{now_ms, span_ms};
use super::output::Output;
use super::pipeline::access;
use super::scan::colour;
use super::scan_summary::counted;
use crate::alert::{Colour, pretty, visible};
use crate::config::Settings;
use crate::generate::{Expected, Organization, OrganizationSettings, Sighting, Verdict};
use crate::stream::rehearsal::{
    Audience, PipelineOptions, RehearsalError, Stage, Status, rehearse,
};
use crate::units::{EventTime, Span};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Watch tidegate find planted exfiltrations in a generated organization
///
/// Thousands of principals read from S3, out of order and with duplicates; some of them take too
/// much. Their events go through a topic, tidegate reads it with the shipped rules, and the alerts
/// topic is counted at the end: planted, found, missed, false. Needs neither a configuration nor a
/// Kafka: by default it runs on the broker that is built into the client library.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// How long events are published
    #[arg(long, value_name = "TIME", default_value = "45s", value_parser = seconds)]
    pub duration: u32,
    /// Events a second
    #[arg(long, value_name = "EVENTS", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate: u32,
    /// Use this Kafka, with topics of its own
    #[arg(long, value_name = "HOST:PORT,…")]
    pub brokers: Option<String>,
    /// Another number gives another organization
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Print alerts and the verdict only
    #[arg(long)]
    pub no_ui: bool,
}

const EXAMPLE: &str = "\
Example: a longer run on a real Kafka
  tidegate demo --brokers localhost:9092 --duration 2m --rate 5000 --seed 7";

/// Fewer events hold no normal behaviour beside the planted ones.
const EVENTS_LEAST: u32 = 8000;
/// Event time of the stream; it ends a minute before now.
const SPAN: Span = Span::from_hours(6);
const MAX_DELAY: Span = Span::from_minutes(10);
/// Rounds of planted downloads and of planted object counts, and their events.
const DOWNLOADS: usize = 2;
const COUNTS: usize = 1;
const PLANTED_EVENTS: u32 = 5000;
/// How often a line about the state is printed where nothing can be redrawn.
const LINE_EVERY: Duration = Duration::from_secs(5);

fn seconds(text: &str) -> Result<u32, String> {
    span_ms(text)
        .and_then(|millis| u32::try_from(millis / 1000).ok())
        .filter(|seconds| *seconds > 0)
        .ok_or_else(|| format!("\"{text}\" is no duration: write for example 45s or 2m"))
}

/// Runs the demo; exit status 1 when something was missed or is false.
///
/// # Errors
/// Too many events for the embedded broker (usage); no broker (69); the pipeline fails.
pub fn run(args: &Args, global: &Global, output: &mut Output<'_>) -> Result<ExitCode, Failure> {
    let (settings, origins) = global.settings()?;
    let rules = demo_pipeline::rules(&settings, &origins)?;
    let organization = organization(args)?;
    let stage = stage(args, &settings)?;
    output.print(&introduction(args, &organization))?;
    let state = StateFolder::create()?;
    let mut screen = Screen::new(args, output, colour(global));
    let mut start =
        |options: &PipelineOptions| demo_pipeline::start(&settings, &rules, &state.0, options);
    let verdict = rehearse(&stage, &organization, args.rate, &mut start, &mut screen);
    let output = screen.finish()?;
    let verdict = verdict.map_err(failure)?;
    output.print(&summary(&verdict))?;
    Ok(if verdict.is_clean() { ExitCode::Done } else { ExitCode::Failure })
}

fn organization(args: &Args) -> Result<Organization, Failure> {
    let events = args.rate.saturating_mul(args.duration);
    if events < EVENTS_LEAST {
        let what = format!(
            "--rate {} for {} s are {events} events; the planted ones alone need {EVENTS_LEAST}",
            args.rate, args.duration
        );
        return Err(Failure::new(ExitCode::Usage, anyhow::anyhow!(what)));
    }
    // One in twenty normal events is delivered twice.
    let normal = u64::from(events - PLANTED_EVENTS) * 20 / 21;
    let end = EventTime::from_millis(now_ms() / 1000 * 1000).minus(Span::from_minutes(1));
    Ok(Organization::generate(&OrganizationSettings {
        seed: args.seed,
        events: usize::try_from(normal)?,
        start: end.minus(MAX_DELAY).minus(SPAN),
        span: SPAN,
        max_delay: MAX_DELAY,
        downloads: DOWNLOADS,
        counts: COUNTS,
        ..OrganizationSettings::default()
    }))
}

fn stage(args: &Args, settings: &Settings) -> Result<Stage, Failure> {
    let Some(brokers) = &args.brokers else { return Ok(Stage::Embedded) };
    let mut access = access(settings)?;
    access.brokers.clone_from(brokers);
    // Two demos that start in the same millisecond differ in their process ids.
    let suffix = format!("-{:x}-{:x}", now_ms(), std::process::id());
    Ok(Stage::Cluster { access, suffix })
}

fn introduction(args: &Args, organization: &Organization) -> String {
    let planted = organization.truth().expected.len();
    let stage = match &args.brokers {
        None => {
            "on the embedded broker of librdkafka, which has no transactions: this shows the\n\
             plumbing and is no evidence of exactly-once; for that, name a Kafka with --brokers"
        }
        Some(_) => "on your Kafka, in topics tidegate-demo-…, which stay there afterwards",
    };
    format!(
        "{} of an organization, {} a second, with {planted} findings planted (seed {}),\n{stage}\n\n",
        counted(organization.len() as u64, "event"),
        args.rate,
        args.seed
    )
}

fn failure(error: RehearsalError) -> Failure {
    let exit = match &error {
        RehearsalError::TooMuch { .. } => ExitCode::Usage,
        RehearsalError::Topics(_)
        | RehearsalError::Topic(..)
        | RehearsalError::Publish(_)
        | RehearsalError::Read(_) => ExitCode::Unavailable,
        RehearsalError::Embedded(_)
        | RehearsalError::Pipeline(_)
        | RehearsalError::StandsStill { .. } => ExitCode::Failure,
    };
    Failure::new(exit, error)
}

/// A folder for the state, gone when the demo is over.
struct StateFolder(PathBuf);

impl StateFolder {
    fn create() -> Result<Self, Failure> {
        use std::os::unix::fs::DirBuilderExt;
        let name = format!("tidegate-demo-{:x}-{:x}", now_ms(), std::process::id());
        let path = std::env::temp_dir().join(name);
        // Not recursive: a folder that is there already belongs to somebody else.
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for StateFolder {
    fn drop(&mut self) {
        // It lies where the system cleans up.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Alerts scroll; the line below them is redrawn on a terminal and printed now and then elsewhere.
struct Screen<'a, 'o> {
    output: &'a mut Output<'o>,
    line: Line,
    colour: Colour,
    broken: Option<std::io::Error>,
    last: Option<Status>,
}

enum Line {
    Redrawn(ProgressBar),
    Printed(Instant),
    None,
}

impl<'a, 'o> Screen<'a, 'o> {
    fn new(args: &Args, output: &'a mut Output<'o>, colour: Colour) -> Self {
        let line = if args.no_ui {
            Line::None
        } else if std::io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                bar.set_style(style);
            }
            Line::Redrawn(bar)
        } else {
            Line::Printed(Instant::now())
        };
        Self { output, line, colour, broken: None, last: None }
    }

    fn finish(self) -> std::io::Result<&'a mut Output<'o>> {
        if let Line::Redrawn(bar) = &self.line {
            bar.finish_and_clear();
        }
        match self.broken {
            Some(error) => Err(error),
            None => Ok(self.output),
        }
    }
}

impl Audience for Screen<'_, '_> {
    fn alert(&mut self, alert: &Value) {
        let text = pretty(alert, self.colour);
        let mut print = || self.output.print(&text);
        let printed = match &self.line {
            Line::Redrawn(bar) => bar.suspend(print),
            Line::Printed(_) | Line::None => print(),
        };
        if let Err(error) = printed {
            self.broken.get_or_insert(error);
        }
    }

    fn tick(&mut self, status: &Status) {
        let text = status_line(status, self.last.as_ref());
        match &mut self.line {
            Line::Redrawn(bar) => {
                bar.set_message(text);
                bar.tick();
            }
            Line::Printed(at) if at.elapsed() >= LINE_EVERY => {
                *at = Instant::now();
                eprintln!("{text}");
            }
            Line::Printed(_) | Line::None => return,
        }
        self.last = Some(*status);
    }
}

fn status_line(status: &Status, last: Option<&Status>) -> String {
    let pipeline = &status.pipeline;
    let (since, before) = match last {
        Some(last) => (status.elapsed.saturating_sub(last.elapsed), last.pipeline.events),
        None => (status.elapsed, 0),
    };
    let events = pipeline.events.saturating_sub(before) as f64;
    let a_second = if since.is_zero() { 0.0 } else { events / since.as_secs_f64() };
    let watermark = match pipeline.watermark {
        Some(time) => jiff::Timestamp::from_millisecond(time.as_millis())
            .map_or_else(|_| "-".to_owned(), |time| time.strftime("%F %T").to_string()),
        None => "-".to_owned(),
    };
    format!(
        "{a_second:.0} events/s · {} of {} detected on · watermark {watermark} · {} · {}",
        pipeline.events,
        status.total,
        counted(pipeline.windows, "window"),
        counted(status.alerts, "alert"),
    )
}

/// What was planted, found, missed and false, counted from the alerts topic.
fn summary(verdict: &Verdict) -> String {
    let Verdict { planted, found, missed, unexpected } = verdict;
    let mut text = format!(
        "\ncounted from the alerts topic by a read_committed consumer:\n  \
         planted {planted} · found {found} · missed {} · false {}\n",
        missed.len(),
        unexpected.len()
    );
    for Expected { rule, group, level, scenario, .. } in missed {
        let group = group_text(group);
        text.push_str(&format!("  missed: {rule} {} {group} ({scenario})\n", level.name()));
    }
    for Sighting { rule, group, level, .. } in unexpected {
        let (rule, group) = (visible(rule, 100), group_text(group));
        text.push_str(&format!("  false: {rule} {} {group}\n", level.name()));
    }
    text
}

fn group_text(group: &[(String, Option<String>)]) -> String {
    let values: Vec<String> = group
        .iter()
        .map(|(_, value)| visible(value.as_deref().unwrap_or("absent"), 200).into_owned())
        .collect();
    values.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Level;
    use crate::stream::rehearsal::PipelineProgress;

    fn args(rate: u32, duration: u32) -> Args {
        Args { duration, rate, brokers: None, seed: 1, no_ui: true }
    }

    #[test]
    fn the_organization_has_about_as_many_events_as_rate_and_duration_say() {
        let organization = organization(&args(1000, 45)).expect("is generated");

        let difference = organization.len().abs_diff(45_000);
        assert!(difference < 1500, "{}", organization.len());
        assert!(organization.truth().expected.len() > 2 * 16);
    }

    #[test]
    fn too_few_events_are_a_usage_error() {
        let failure = organization(&args(100, 10)).map(|_| ()).expect_err("is too short");

        assert_eq!(failure.exit(), ExitCode::Usage);
    }

    #[test]
    fn a_duration_has_a_unit() {
        assert_eq!(seconds("2m"), Ok(120));
        assert!(seconds("45").is_err() && seconds("0s").is_err());
    }

    #[test]
    fn the_status_line_names_speed_watermark_windows_and_alerts() {
        let status = Status {
            published: 3000,
            total: 9000,
            pipeline: PipelineProgress {
                events: 2500,
                watermark: Some(EventTime::from_millis(1_767_225_600_000)),
                windows: 12,
            },
            alerts: 1,
            elapsed: Duration::from_secs(5),
        };

        assert_eq!(
            status_line(&status, None),
            "500 events/s · 2500 of 9000 detected on · watermark 2026-01-01 00:00:00 · \
             12 windows · 1 alert"
        );
    }

    #[test]
    fn the_summary_names_what_was_missed_and_what_is_false() {
        let group = vec![("tidegate.principal".into(), Some("eve\u{202e}".into()))];
        let verdict = Verdict {
            planted: 2,
            found: 1,
            missed: vec![Expected {
                rule: "s3_large_download",
                group: group.clone(),
                level: Level::Low,
                opens_from: EventTime::from_millis(0),
                opens_until: EventTime::from_millis(0),
                scenario: "burst on one bucket",
            }],
            unexpected: vec![Sighting {
                rule: "other".into(),
                group,
                level: Level::High,
                opened: EventTime::from_millis(0),
            }],
        };

        let text = summary(&verdict);

        assert!(text.contains("planted 2 · found 1 · missed 1 · false 1\n"), "{text}");
        assert!(text.contains("missed: s3_large_download low eve<U+202E> (burst on one bucket)"));
        assert!(text.contains("false: other high eve<U+202E>"), "{text}");
    }
}
