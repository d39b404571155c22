//! `tidegate publish`: CloudTrail files into a topic.

use super::bar::{bytes_bar, follow};
use super::failure::{ExitCode, Failure};
use super::global::Global;
use super::moment::{Moment, now_ms};
use super::output::Output;
use super::pipeline::access;
use super::scan::document_limits;
use super::scan_summary::{counted, input_text};
use crate::config::Settings;
use crate::scan::{ReadBytes, find_inputs, first_event_time, sort_inputs};
use crate::stream::publish::{
    Bound, Key, Outgoing, Producer, ProducerSettings, ProgressFile, PublishError, PublishOptions,
    Published, RecordTimeOf, Sink, Work, publish,
};
use crate::units::{EventTime, Span};
use clap::ValueEnum;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Put CloudTrail files into a topic: single events, keyed by principal
///
/// Each event becomes one record: its JSON without blanks, keyed, in the partition that Java
/// clients choose (murmur2). What the brokers acknowledged is remembered while a run is unfinished:
/// started again after a crash it goes on and leaves no event out; some may arrive twice, which
/// tidegate drops as duplicates.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// Files and folders; - reads standard input
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Topic [default: that of the source, if there is one source]
    #[arg(long, value_name = "TOPIC")]
    pub topic: Option<String>,
    /// What decides the partition: principal, account, none or a field
    #[arg(long, value_name = "KEY", default_value = "principal")]
    pub key: Key,
    /// Events a second at most
    #[arg(long, value_name = "EVENTS", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: Option<u32>,
    /// Pass over events before this time
    #[arg(long, value_name = "TIME", value_parser = clap::value_parser!(Moment), allow_hyphen_values = true)]
    from: Option<Moment>,
    /// Pass over events at or after this time
    #[arg(long, value_name = "TIME", value_parser = clap::value_parser!(Moment), allow_hyphen_values = true)]
    to: Option<Moment>,
    /// Kafka's timestamp; old ones may be deleted by the topic's retention at once
    #[arg(long, value_enum, value_name = "TIME", default_value = "now")]
    pub record_time: RecordTimeChoice,
    /// Where an unfinished run is remembered [default: in state.dir, if that can be written]
    #[arg(long, value_name = "FILE")]
    pub resume: Option<PathBuf>,
    /// Read and split everything, send nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `--record-time`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RecordTimeChoice {
    /// The moment of sending
    Now,
    /// The delivery stamp in the file's name, else the moment of sending
    File,
}

const EXAMPLE: &str = "\
Example: a folder of delivery files, at most 5,000 events a second
  tidegate publish AWSLogs/111111111111/CloudTrail --topic cloudtrail --rate 5000";

/// How long the last acknowledgements may take.
const DRAIN_LIMIT: Span = Span::from_minutes(2);

/// Publishes and prints what was done.
///
/// # Errors
/// No broker, no topic, or records that are refused: exit status 69.
pub fn run(args: &Args, global: &Global, output: &mut Output<'_>) -> Result<ExitCode, Failure> {
    let (settings, _) = global.settings()?;
    let topic = topic(args, &settings)?;
    let mut options = options(args);
    let mut work = work(args, &topic, &options);
    let mut inputs = find_inputs(&args.paths);
    sort_inputs(&mut inputs.files, |input| first_event_time(input, options.decode));

    let mut sink: Box<dyn Sink> = if args.dry_run {
        Box::new(Nowhere::default())
    } else {
        let access = access(&settings)?;
        let compression = settings.kafka.producer_compression.clone();
        let to = ProducerSettings { topic: topic.clone(), compression };
        let producer = Producer::connect(&access, &to).map_err(failure)?;
        work.cluster = producer.cluster_id();
        Box::new(producer)
    };
    let mut progress = if args.dry_run { None } else { memory(args, &settings, &work)? };
    if let Some(progress) = &progress {
        let moment = |bound: &Option<Bound>| {
            bound.as_ref().map(|bound| EventTime::from_millis(bound.millis))
        };
        options.from = moment(&progress.work().from);
        options.to = moment(&progress.work().to);
    }
    if progress.as_ref().is_some_and(ProgressFile::is_resumed) {
        eprintln!("tidegate: going on where an unfinished run stopped; some events may come twice");
    }

    let started = Instant::now();
    let taken = ReadBytes::default();
    let bar = bytes_bar(inputs.files.iter().map(|input| input.bytes).sum());
    let mut watch = |published: &Published| {
        bar.set_message(format!("{} published", counted(published.sent, "event")));
        follow(&bar, &taken);
    };
    let result =
        publish(&inputs.files, sink.as_mut(), progress.as_mut(), &options, &taken, &mut watch);
    bar.finish_and_clear();
    let mut done = result.map_err(failure)?;
    done.read.left_aside = inputs.left_aside;
    done.read.unreadable.extend(inputs.unreadable);
    let is_whole = done.read.unreadable.is_empty() && done.read.refusals() == 0;
    // A file that could not be read may be readable in the next run, which then goes on from here.
    if done.read.unreadable.is_empty()
        && let Some(progress) = progress
    {
        progress.finish()?;
    }
    output.print(&report(&done, &topic, args, started.elapsed()))?;
    eprint!("{}", input_text(&done.read));
    Ok(if is_whole { ExitCode::Done } else { ExitCode::Failure })
}

fn topic(args: &Args, settings: &Settings) -> Result<String, Failure> {
    match (&args.topic, settings.sources.as_slice()) {
        (Some(topic), _) => Ok(topic.clone()),
        (None, [source]) => Ok(source.topic.clone()),
        (None, _) => {
            let what = "the configuration has several sources: say which with --topic";
            Err(Failure::new(ExitCode::Usage, anyhow::anyhow!(what)))
        }
    }
}

fn options(args: &Args) -> PublishOptions {
    let now = now_ms();
    let time = |moment: Option<Moment>| moment.map(|at| EventTime::from_millis(at.millis(now)));
    PublishOptions {
        key: args.key.clone(),
        decode: document_limits(),
        rate: args.rate,
        record_time: match args.record_time {
            RecordTimeChoice::Now => RecordTimeOf::Now,
            RecordTimeChoice::File => RecordTimeOf::File,
        },
        from: time(args.from),
        to: time(args.to),
        drain_limit: DRAIN_LIMIT,
    }
}

/// What this run does; which cluster is known when it is reached.
fn work(args: &Args, topic: &str, options: &PublishOptions) -> Work {
    let bound = |asked: Option<Moment>, means: Option<EventTime>| {
        Some(Bound { asked: asked?.to_string(), millis: means?.as_millis() })
    };
    Work {
        topic: topic.to_owned(),
        key: args.key.to_string(),
        cluster: String::new(),
        from: bound(args.from, options.from),
        to: bound(args.to, options.to),
    }
}

/// The memory of an unfinished run; none for standard input alone, which cannot be read again.
fn memory(args: &Args, settings: &Settings, work: &Work) -> Result<Option<ProgressFile>, Failure> {
    if let Some(path) = &args.resume {
        return Ok(Some(ProgressFile::open(path, work)?));
    }
    if args.paths.iter().all(|path| path.as_os_str() == "-") {
        return Ok(None);
    }
    let path = settings.state.dir.join(format!("publish-{}.json", work.topic));
    match ProgressFile::open(&path, work) {
        Ok(progress) => Ok(Some(progress)),
        // Nobody asked for this file, so a folder that cannot be written is no reason to stop.
        Err(error @ crate::stream::publish::ProgressError::Disk { .. }) => {
            eprintln!(
                "tidegate: {error}; an interrupted run would start over (hint: --resume FILE)"
            );
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn failure(error: PublishError) -> Failure {
    let exit = match error {
        PublishError::Progress(_) => ExitCode::Failure,
        PublishError::NoBroker { .. }
        | PublishError::NoTopic { .. }
        | PublishError::TooLarge { .. }
        | PublishError::Refused { .. }
        | PublishError::NotAcknowledged { .. } => ExitCode::Unavailable,
    };
    Failure::new(exit, error)
}

fn report(done: &Published, topic: &str, args: &Args, elapsed: Duration) -> String {
    let verb = if args.dry_run { "would be published" } else { "published" };
    let mut text = format!(
        "{} ({:.1} MB) {verb} to {topic} in {:.1} s\n",
        counted(done.sent, "event"),
        done.sent_bytes as f64 / 1e6,
        elapsed.as_secs_f64()
    );
    for (count, what) in [
        (done.published_before, "published by an earlier run"),
        (done.read.outside, "outside of --from and --to"),
        (done.without_key, "without a value for the key, so in any partition"),
    ] {
        if count > 0 {
            text.push_str(&format!("  {} {what}\n", counted(count, "event")));
        }
    }
    text
}

/// Takes everything and sends nothing.
#[derive(Default)]
struct Nowhere {
    taken: u64,
}

impl Sink for Nowhere {
    fn send(&mut self, number: u64, _: &Outgoing<'_>) -> Result<(), PublishError> {
        self.taken = number + 1;
        Ok(())
    }

    fn pass_over(&mut self, number: u64) {
        self.taken = number + 1;
    }

    fn acknowledged(&mut self, _: Duration) -> Result<u64, PublishError> {
        Ok(self.taken)
    }
}
