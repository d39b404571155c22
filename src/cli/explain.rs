//! `tidegate explain`: why each rule matches one event or does not, and what would come of it.

use super::catalogue::{self, Locality};
use super::failure::{ExitCode, Failure};
use super::global::Global;
use super::output::Output;
use super::pipeline::alert_settings;
use super::scan::{document_limits, limits};
use super::scan_summary;
use crate::alert::{self, visible};
use crate::config::Settings;
use crate::detect::{FindingKind, Origin, Outcome, Sightings};
use crate::event::{Decoder, Entry, Event, Format as EventFormat};
use crate::rule::{
    self, Counted, ExplainedBase, ExplainedNode, Kind, Measure, Outline, Problem, Question,
    RuleIndex, RuleSet, Window, WindowKind,
};
use crate::scan::{
    Clock, ReadBytes, ScanOptions, Scanner, find_inputs, first_event_time, sort_inputs,
};
use crate::state::MemoryStore;
use crate::trial::{Comes, Link, Standing, Stood, Together, Uncounted, stand};
use crate::units::{EventTime, Offset, PartitionId, Span, WallTime};
use clap::ValueEnum;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Explain one event: which rules match, why, and what they would say
///
/// For each rule its condition as a tree, with what holds, what does not and the value seen; then the
/// group and the window that the event joins, how far that is from the threshold, and whether the event
/// is late or a duplicate. With --after the state is that of a scan of these files; without, it is empty.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    /// A file with one event, - for standard input, or the event itself as JSON
    #[arg(value_name = "EVENT")]
    event: String,
    /// Only this rule, by name or id
    #[arg(long, value_name = "NAME")]
    rule: Option<String>,
    /// File or folder with more rules, repeatable
    #[arg(long, value_name = "PATH")]
    rules: Vec<PathBuf>,
    /// Files and folders to scan first, repeatable
    #[arg(long, value_name = "PATH")]
    after: Vec<PathBuf>,
    /// Form of the explanation
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A tree for each rule
    Text,
    /// One JSON object
    Json,
}

const EXAMPLE: &str = "\
Example: why did this event not fire, after what came before it?
  tidegate explain event.json --rule s3_large_download --after AWSLogs/";

/// Largest event that is explained, as given.
const EVENT_BYTES_MAX: u64 = 64 << 20;
/// Bytes of a value or a name that are shown.
const SHOWN_BYTES: usize = 160;
/// Wanted values that are shown.
const WANTED_MAX: usize = 6;

pub(super) fn run(
    args: &Args,
    global: &Global,
    output: &mut Output<'_>,
) -> Result<ExitCode, Failure> {
    let (mut settings, origins) = global.settings()?;
    settings.rules.paths.extend(args.rules.iter().cloned());
    let loaded = catalogue::load(&settings, &origins, Locality::OnePartition)?;
    let Some(rules) = loaded.rules else { return Err(Failure::rules(&loaded.problems)) };
    catalogue::print_problems(&loaded.problems);
    let rules = Arc::new(rules);
    if let Some(name) = &args.rule
        && rules.find(name).is_none()
    {
        let what = why_not(name, &settings, &rules, &loaded.problems)?;
        return Err(Failure::new(ExitCode::Usage, anyhow::anyhow!(what)));
    }
    let record = read_event(&args.event)?;
    let limits = limits(&settings);
    let store = if args.after.is_empty() {
        MemoryStore::default()
    } else {
        let writer = alert::Writer::new(alert_settings(&settings), rules.clone());
        let options = ScanOptions {
            decode: document_limits(),
            detect: limits,
            clock: Clock::Event,
            from: None,
            to: None,
        };
        state_after(&args.after, Scanner::new(Arc::clone(&rules), writer, options)?)?
    };

    let mut decoder = Decoder::new(rules.fields(), EventFormat::Auto, document_limits());
    let mut events = 0;
    let mut explained = None;
    let mut others = Vec::new();
    decoder.decode(&record, |entry| {
        match entry {
            Entry::Event(event) => {
                events += 1;
                if events == 1 {
                    let stood = stand(&rules, limits, &store, event, &origin_of(event))?;
                    explained = Some(Explanation::new(&rules, event, stood));
                }
            }
            Entry::Skipped(skip) => {
                others.push(format!("left aside: {}", scan_summary::skip_name(skip)));
            }
            Entry::Refused(refusal) => others.push(format!("cannot be read: {}", refusal.detail)),
        }
        Ok::<_, crate::detect::StateError>(())
    })?;
    let Some(explained) = explained.filter(|_| events == 1) else {
        let what = match events {
            0 if others.is_empty() => "there is no event in it".to_owned(),
            0 => format!("there is no event in it; {}", others.join("; ")),
            count => format!("there are {count} events in it, and one is explained at a time"),
        };
        return Err(Failure::new(ExitCode::Failure, anyhow::anyhow!(what)));
    };
    let wanted = args.rule.as_deref().and_then(|name| rules.find(name));
    match args.format {
        Format::Text => output.print(&explained.text(&rules, wanted, !args.after.is_empty()))?,
        Format::Json => {
            let json = explained.json(&rules, wanted);
            output.print(&(serde_json::to_string_pretty(&json)? + "\n"))?;
        }
    }
    Ok(ExitCode::Done)
}

/// Why there is no rule of this name to explain, and what to do.
fn why_not(
    name: &str,
    settings: &Settings,
    rules: &RuleSet,
    problems: &[Problem],
) -> Result<String, Failure> {
    let named = visible(name, SHOWN_BYTES);
    let outlines = rule::outlines(&catalogue::rule_files(&settings.rules)?);
    // A deployment's own comes after the shipped one that it replaces.
    let Some(outline) = outlines.iter().rev().find(|outline| outline.is_called(name)) else {
        return Ok(format!("there is no rule {named:?} (hint: `tidegate rules list` names them)"));
    };
    let label = outline.label();
    let head = format!("{label:?} is left out: ");
    let left_out = problems.iter().find_map(|problem| {
        let why = problem.what.strip_prefix(&head)?;
        let hint = problem.hint.as_deref().map(|hint| format!(" (hint: {hint})"));
        Some(format!("{why}{}", hint.unwrap_or_default()))
    });
    if let Some(why) = left_out {
        return Ok(format!("the rule {named:?} is left out: {why}"));
    }
    let off = super::rules::off(&outlines, rules, settings);
    if let Some((_, why)) = off.iter().find(|(other, _)| other.label() == label) {
        return Ok(format!("the rule {named:?} is {why} (hint: [rule.{label}] enabled = true)"));
    }
    let calls = |other: &&Outline| other.counts().into_iter().any(|one| outline.is_called(one));
    let counting: Vec<&str> = outlines.iter().filter(calls).map(Outline::label).collect();
    Ok(if counting.is_empty() {
        format!("the rule {named:?} is not loaded (hint: `tidegate validate` says why)")
    } else {
        format!(
            "the rule {named:?} never alerts by itself, others count it (hint: --rule {})",
            counting.join(", or --rule ")
        )
    })
}

fn origin_of(event: &Event<'_>) -> Origin {
    Origin {
        partition: PartitionId(0),
        offset: Offset(0),
        record_time: None,
        wall: WallTime::from_millis(event.time.as_millis()),
    }
}

/// The bytes of the argument: JSON as it stands, else a file or standard input.
fn read_event(argument: &str) -> Result<Vec<u8>, Failure> {
    if argument.trim_start().starts_with(['{', '[']) {
        return Ok(argument.as_bytes().to_vec());
    }
    let mut bytes = Vec::new();
    let read = if argument == "-" {
        std::io::stdin().lock().take(EVENT_BYTES_MAX + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(Path::new(argument))
            .and_then(|file| file.take(EVENT_BYTES_MAX + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| {
        let what = format!("the event cannot be read from {argument}: {error}");
        Failure::new(ExitCode::Failure, anyhow::anyhow!(what))
    })?;
    if bytes.len() as u64 > EVENT_BYTES_MAX {
        let what = format!("the event in {argument} is larger than {EVENT_BYTES_MAX} bytes");
        return Err(Failure::new(ExitCode::Failure, anyhow::anyhow!(what)));
    }
    Ok(bytes)
}

fn state_after(paths: &[PathBuf], mut scanner: Scanner) -> Result<MemoryStore, Failure> {
    let mut inputs = find_inputs(paths);
    let limits = document_limits();
    sort_inputs(&mut inputs.files, |input| first_event_time(input, limits));
    let taken = ReadBytes::default();
    for input in &inputs.files {
        scanner.read(input, &taken, &mut |_| Ok(()))?;
    }
    let unreadable = inputs.unreadable.iter().chain(&scanner.summary().unreadable);
    for one in unreadable {
        eprintln!("tidegate: {} cannot be read: {}", visible(&one.path, 300), one.why);
    }
    Ok(scanner.into_state()?)
}

/// Everything that is known of one event.
struct Explanation {
    id: String,
    time: EventTime,
    bases: Vec<ExplainedBase>,
    stood: Stood,
}

impl Explanation {
    fn new(rules: &RuleSet, event: &Event<'_>, stood: Stood) -> Self {
        let bases = rules.explain(event);
        Self { id: event.id.clone().into_owned(), time: event.time, bases, stood }
    }

    /// The rules to show.
    fn rules(
        rules: &RuleSet,
        wanted: Option<RuleIndex>,
    ) -> impl Iterator<Item = RuleIndex> + use<> {
        let all = (0u16..).map(RuleIndex).take(rules.rules().len());
        all.filter(move |rule| wanted.is_none_or(|wanted| wanted == *rule))
    }

    /// The condition of a rule that `rule` counts, as the event answers it.
    fn base(&self, rule: RuleIndex, counted: &Counted) -> Option<&ExplainedBase> {
        let is_meant = |base: &&ExplainedBase| {
            base.rules.contains(&rule) && base.base == counted.name && counted.found_by.is_none()
        };
        self.bases.iter().find(is_meant)
    }

    /// Whether a rule finds something with the event, as far as that can be told now: one that waits
    /// until its window has closed does not.
    fn finds(&self, rules: &RuleSet, rule: RuleIndex) -> bool {
        let Some(standing) = self.standing(rule) else { return false };
        if !standing.says.is_empty() {
            return true;
        }
        let is_here = standing.comes != Comes::NotFound;
        match (&rules.rule(rule).kind, &standing.together, standing.window) {
            (Kind::Window(window), ..) if window.closes => false,
            (Kind::Window(_), Some(together), _) => is_here && together.holds,
            (Kind::Window(window), None, Some(found)) => {
                let least = window.tiers.first().map_or(0, |tier| tier.gte);
                is_here && found.amount >= least
            }
            _ => false,
        }
    }

    fn standing(&self, rule: RuleIndex) -> Option<&Standing> {
        self.stood.rules.iter().find(|standing| standing.rule == rule)
    }

    fn text(&self, rules: &RuleSet, wanted: Option<RuleIndex>, has_state: bool) -> String {
        let mut out = String::new();
        line(&mut out, 0, &format!("event {} at {}", shown(&self.id), time(self.time)));
        line(&mut out, 0, &self.outcome_text(has_state));
        let mut told: BTreeMap<String, String> = BTreeMap::new();
        for rule in Self::rules(rules, wanted) {
            out.push('\n');
            let name = shown(&rules.rule(rule).text.name);
            let matches = match self.standing(rule).map(|standing| standing.comes) {
                Some(Comes::ByItself) => "matches",
                Some(Comes::Found) => "matches, by what a rule that it counts finds",
                Some(Comes::NotFound) => {
                    "does not match: the rules that it counts find nothing with this event"
                }
                None => "does not match",
            };
            line(&mut out, 0, &format!("{name}: {matches}"));
            self.rule_text((&mut out, 1), rules, rule, &mut told);
        }
        out
    }

    /// The conditions of one rule, then its group and its window; of rules below it too, where they
    /// have not been told.
    fn rule_text(
        &self,
        (out, depth): (&mut String, usize),
        rules: &RuleSet,
        rule: RuleIndex,
        told: &mut BTreeMap<String, String>,
    ) {
        let name = shown(&rules.rule(rule).text.name);
        for counted in rules.counted_by(rule) {
            let base = self.base(rule, &counted);
            let mut inside = depth;
            if counted.found_by.is_some() || counted.name != rules.rule(rule).text.name {
                let holds = match counted.found_by {
                    Some(inner) => self.finds(rules, inner),
                    None => base.is_some_and(ExplainedBase::holds),
                };
                let head = format!("{} {}", mark(holds), shown(&counted.name));
                // Rules that count the same matches share their conditions, which are told once.
                if let Some(at) = told.get(&counted.name) {
                    line(out, depth, &format!("{head}, as under {at}"));
                    continue;
                }
                line(out, depth, &head);
                told.insert(counted.name.clone(), name.clone());
                inside += 1;
            }
            match (counted.found_by, base) {
                (Some(inner), _) => self.rule_text((out, inside), rules, inner, told),
                (None, Some(base)) if base.reads_source => tree(out, inside, &base.condition),
                (None, _) => line(out, inside, "the event is of another log source"),
            }
        }
        if let Some(standing) = self.standing(rule) {
            for told in self.standing_text(rules, standing) {
                line(out, depth, &told);
            }
        }
    }

    fn outcome_text(&self, has_state: bool) -> String {
        let Stood { outcome, watermark, time: effective, .. } = &self.stood;
        match outcome {
            Outcome::Matched => {
                let comes = self.stood.rules.iter().filter(|one| one.comes != Comes::NotFound);
                format!("matched by {}", counted(comes.count(), "rule"))
            }
            Outcome::Ignored => "ignored: no rule matches".to_owned(),
            Outcome::Duplicate => "duplicate: an event with this id was seen before, so it has no \
                                   effect (leave it out of --after to see what it does)"
                .to_owned(),
            Outcome::Late if has_state => {
                let behind = watermark.map_or(0, |mark| mark.as_millis() - effective.as_millis());
                let mark = watermark.map(time).unwrap_or_default();
                format!(
                    "late: {} behind the newest event ({mark}), windows leave it out",
                    Span::from_millis(behind)
                )
            }
            Outcome::Late => "late: windows leave it out".to_owned(),
        }
    }

    fn standing_text(&self, rules: &RuleSet, standing: &Standing) -> Vec<String> {
        let rule = rules.rule(standing.rule);
        let mut lines = Vec::new();
        let group: Vec<String> = standing
            .group
            .iter()
            .map(|(name, value)| {
                format!("{name} = {}", value.as_deref().map_or("absent".into(), shown))
            })
            .collect();
        let of = if group.is_empty() { "all events".to_owned() } else { group.join(", ") };
        lines.push(format!(
            "{} {of}",
            if matches!(rule.kind, Kind::Match) { "dedup  " } else { "group  " }
        ));
        if let Kind::Window(window) = &rule.kind {
            match standing.window {
                Some(found) => {
                    let amount = match window.measure {
                        Measure::Count => "count",
                        _ => "amount",
                    };
                    let least = window.tiers.first().map_or(0, |tier| tier.gte);
                    let left = match least.saturating_sub(found.amount) {
                        0 => "reached".to_owned(),
                        left => format!("{left} missing"),
                    };
                    let (from, to) = (time(found.window.start), time(found.window.end));
                    let span = match found.window.kind {
                        WindowKind::Sliding => format!("({from}, {to}]"),
                        WindowKind::Tumbling => format!("[{from}, {to})"),
                    };
                    lines.push(format!("window  {} {span}", window.span));
                    let events = usize::try_from(found.events).unwrap_or(usize::MAX);
                    let with = match standing.comes {
                        Comes::ByItself | Comes::Found => "with this one",
                        Comes::NotFound => "so far",
                    };
                    let events = format!("{} {with}", counted(events, "event"));
                    if let Some(together) = &standing.together {
                        let told = together_text(rules, standing.rule, together);
                        lines.push(format!("rules   {told}; {events}"));
                        if window.closes {
                            lines.push(asks_text(window));
                        }
                    } else if window.closes {
                        lines.push(format!("{amount:7} {}; {events}", found.amount));
                        lines.push(asks_text(window));
                    } else {
                        let of = format!("{} of {least}, {left}", found.amount);
                        lines.push(format!("{amount:7} {of}; {events}"));
                    }
                    if let Some(closes) = standing.closes {
                        let what = "judged with the first event at or after";
                        lines.push(format!("waits   {what} {}", time(closes)));
                    }
                    if window.span > Span::from_hours(1) {
                        lines.push(
                            "note    windows over an hour are exact to one 3,600th of their length"
                                .to_owned(),
                        );
                    }
                }
                None => lines.push(uncounted_text(standing.uncounted)),
            }
        }
        if let (Kind::NewTerms(terms), Some(known)) = (&rule.kind, &standing.term) {
            lines.extend(term_text(terms.history, known, self.stood.time));
        }
        lines.push(match standing.says.as_slice() {
            [] if rule.silent => "says    nothing: only rules that count it alert".to_owned(),
            [] => "says    nothing".to_owned(),
            said => {
                let said: Vec<String> = said
                    .iter()
                    .map(|(kind, level)| format!("{} {}", kind_name(*kind), level.name()))
                    .collect();
                format!("says    {}", said.join(", "))
            }
        });
        // What it really finds is told where it is counted.
        let is_told = |outer: RuleIndex| {
            self.standing(outer).is_some_and(|standing| standing.comes == Comes::Found)
        };
        let links = self.stood.chain.iter().filter(|link| link.inner == standing.rule);
        let links = links.filter(|link| !is_told(link.outer));
        lines.extend(links.map(|link| link_text(rules, link)));
        lines
    }

    fn json(&self, rules: &RuleSet, wanted: Option<RuleIndex>) -> Value {
        let of_rule = |index: RuleIndex| {
            let rule = rules.rule(index);
            let comes = self.standing(index).map(|standing| standing.comes);
            let matches = comes.is_some_and(|comes| comes != Comes::NotFound);
            let of_base = |counted: Counted| match (counted.found_by, self.base(index, &counted)) {
                (Some(inner), _) => {
                    json!({"rule": counted.name, "finds": self.finds(rules, inner)})
                }
                (None, base) => json!({
                    "rule": counted.name,
                    "reads_source": base.is_some_and(|base| base.reads_source),
                    "matches": base.is_some_and(ExplainedBase::holds),
                    "condition": base.map(|base| node_json(&base.condition)),
                }),
            };
            let bases: Vec<Value> = rules.counted_by(index).into_iter().map(of_base).collect();
            let mut told = json!({"rule": rule.text.name, "matches": matches, "bases": bases});
            if let (Some(standing), Some(members)) = (self.standing(index), told.as_object_mut()) {
                members.insert("standing".into(), standing_json(rules, standing));
                let links = self.stood.chain.iter().filter(|link| link.inner == index);
                let links: Vec<Value> = links.map(|link| link_json(rules, link)).collect();
                if !links.is_empty() {
                    members.insert("then".into(), links.into());
                }
            }
            told
        };
        json!({
            "id": shown(&self.id),
            "time": time(self.time),
            "effective_time": time(self.stood.time),
            "outcome": scan_summary::outcome_name(self.stood.outcome),
            "newest_event_before": self.stood.watermark.map(time),
            "rules": Self::rules(rules, wanted).map(of_rule).collect::<Vec<_>>(),
        })
    }
}

/// Which of the rules a window holds, by their names.
fn together_text(rules: &RuleSet, rule: RuleIndex, together: &Together) -> String {
    let names = |numbers: &[u8]| match names_of(rules, rule, numbers) {
        names if names.is_empty() => "none".to_owned(),
        names => names.join(", "),
    };
    let mut told =
        format!("seen: {}; missing: {}", names(&together.seen), names(&together.missing));
    if !together.unwanted.is_empty() {
        told.push_str(&format!("; must not match: {}", names(&together.unwanted)));
    }
    if !together.holds && together.missing.is_empty() && together.unwanted.is_empty() {
        told.push_str("; not in this order");
    }
    told
}

fn names_of(rules: &RuleSet, rule: RuleIndex, numbers: &[u8]) -> Vec<String> {
    let counted = rules.counted_by(rule).into_iter();
    counted.filter(|one| numbers.contains(&one.number)).map(|one| shown(&one.name)).collect()
}

fn uncounted_text(why: Option<Uncounted>) -> String {
    match why {
        Some(Uncounted::Duplicate) => "window  not counted: a duplicate".to_owned(),
        Some(Uncounted::Late(allowed)) => {
            format!("window  not counted: more than {allowed} behind the newest event")
        }
        Some(Uncounted::GroupAbsent) => {
            "window  not counted: a group field is absent (missing-group: skip)".to_owned()
        }
        Some(Uncounted::NothingFound) => {
            "window  unchanged: the rules that it counts find nothing with this event".to_owned()
        }
        Some(Uncounted::NoAmount) | None => "window  none of its events has an amount".to_owned(),
    }
}

/// What a rule asks of its windows once they have closed.
fn asks_text(window: &Window) -> String {
    match &window.measure {
        Measure::Rules { .. } => "asks    for its rules, some of which must not match".to_owned(),
        _ => format!("asks    {}, once the window has closed", window.condition),
    }
}

/// When the event's values were seen before it, and whether the rule speaks yet.
fn term_text(history: Span, known: &Sightings, at: EventTime) -> Vec<String> {
    let mut lines = vec![match (known.first, known.last) {
        (Some(first), Some(last)) if last >= at => {
            format!("term    known: seen from {} to {}", time(first), time(last))
        }
        (Some(first), Some(last)) => {
            let is_known = at.since(last) <= history;
            let word = if is_known { "known" } else { "new again" };
            let (first, last) = (time(first), time(last));
            format!("term    {word}: last seen {last}, first {first}; history {history}")
        }
        _ => format!("term    new: not seen for {history}"),
    }];
    if let Some(until) = known.learns_until {
        let word = if at < until { "learns until" } else { "learned until" };
        lines.push(format!("        {word} {}", time(until)));
    }
    lines
}

/// How far a correlation is that counts what the rule finds.
fn link_text(rules: &RuleSet, link: &Link) -> String {
    let outer = rules.rule(link.outer);
    let name = shown(&outer.text.name);
    let (Kind::Window(window), Some(found)) = (&outer.kind, link.window) else {
        return format!("then    {name} would not hold yet, if this rule found something now");
    };
    if window.closes {
        return format!("then    {name} would have {} in its window", found.amount);
    }
    if matches!(window.measure, Measure::Rules { .. }) {
        return format!("then    {name} would hold, if this rule found something now");
    }
    let least = window.tiers.first().map_or(0, |tier| tier.gte);
    let left = match least.saturating_sub(found.amount) {
        0 => "reached".to_owned(),
        left => format!("{left} missing"),
    };
    format!(
        "then    {name} would be at {} of {least}, {left}, if this rule found something now",
        found.amount
    )
}

fn link_json(rules: &RuleSet, link: &Link) -> Value {
    let outer = rules.rule(link.outer);
    let group = link.group.iter();
    let group: serde_json::Map<String, Value> =
        group.map(|(name, value)| (name.clone(), value.as_deref().map(shown).into())).collect();
    let least = match &outer.kind {
        Kind::Window(window) => window.tiers.first().map(|tier| tier.gte),
        Kind::Match | Kind::NewTerms(_) => None,
    };
    json!({
        "rule": outer.text.name,
        "group": group,
        "amount": link.window.map(|found| found.amount),
        "threshold": least,
    })
}

fn standing_json(rules: &RuleSet, standing: &Standing) -> Value {
    let group: serde_json::Map<String, Value> = standing
        .group
        .iter()
        .map(|(name, value)| (name.clone(), value.as_deref().map(shown).into()))
        .collect();
    let (mut threshold, mut asks) = (None, None);
    if let Kind::Window(window) = &rules.rule(standing.rule).kind {
        threshold = window.tiers.first().map(|tier| tier.gte).filter(|_| !window.closes);
        asks = window.closes.then(|| window.condition.to_string());
    }
    let together = standing.together.as_ref().map(|together| {
        let names = |numbers: &[u8]| names_of(rules, standing.rule, numbers);
        json!({
            "seen": names(&together.seen),
            "missing": names(&together.missing),
            "unwanted": names(&together.unwanted),
            "holds": together.holds,
        })
    });
    // Rules that match together have no amount.
    threshold = threshold.filter(|_| together.is_none());
    let window = standing.window.map(|found| {
        json!({
            "amount": together.is_none().then_some(found.amount),
            "together": together,
            "events": found.events,
            "threshold": threshold,
            "missing": threshold.map(|least| least.saturating_sub(found.amount)),
            "asks_when_closed": asks,
            "judged_from": standing.closes.map(time),
            "start": time(found.window.start),
            "end": time(found.window.end),
        })
    });
    let says: Vec<Value> = standing
        .says
        .iter()
        .map(|(kind, level)| json!({"kind": kind_name(*kind), "level": level.name()}))
        .collect();
    let term = standing.term.map(|known| {
        json!({
            "first_seen": known.first.map(time),
            "last_seen": known.last.map(time),
            "learns_until": known.learns_until.map(time),
        })
    });
    let comes = match standing.comes {
        Comes::ByItself => "by-itself",
        Comes::Found => "found",
        Comes::NotFound => "not-found",
    };
    let uncounted = standing.uncounted.map(|why| match why {
        Uncounted::Duplicate => "duplicate",
        Uncounted::Late(_) => "late",
        Uncounted::GroupAbsent => "group-absent",
        Uncounted::NothingFound => "nothing-found",
        Uncounted::NoAmount => "no-amount",
    });
    json!({"comes": comes, "group": group, "window": window, "uncounted": uncounted, "term": term, "says": says})
}

fn node_json(node: &ExplainedNode) -> Value {
    let parts: Vec<Value> = node.parts.iter().map(node_json).collect();
    let mut told = match &node.question {
        Question::All => json!({"ask": "all"}),
        Question::Any => json!({"ask": "any"}),
        Question::Not => json!({"ask": "not"}),
        Question::Search(name) => json!({"ask": "search", "name": name}),
        Question::Several(written) => json!({"ask": written}),
        Question::Alternative(number) => json!({"ask": "alternative", "number": number}),
        Question::Item(asked) => json!({
            "ask": "field",
            "field": asked.key,
            "wanted": asked.wanted,
            "seen": asked.seen.as_deref().map(shown),
        }),
    };
    if let Some(members) = told.as_object_mut() {
        members.insert("holds".into(), node.holds.into());
        if !parts.is_empty() {
            members.insert("parts".into(), parts.into());
        }
    }
    told
}

fn tree(out: &mut String, depth: usize, node: &ExplainedNode) {
    let asked = match &node.question {
        Question::All => "all of".to_owned(),
        Question::Any => "one of".to_owned(),
        Question::Not => "not".to_owned(),
        Question::Search(name) => shown(name),
        Question::Several(written) => shown(written),
        Question::Alternative(number) => format!("alternative {number}"),
        Question::Item(asked) => {
            let mut wanted: Vec<String> =
                asked.wanted.iter().take(WANTED_MAX).map(|value| shown(value)).collect();
            if asked.wanted.len() > WANTED_MAX {
                wanted.push(format!("… {} more", asked.wanted.len() - WANTED_MAX));
            }
            let seen = asked.seen.as_deref().map_or("absent".to_owned(), shown);
            format!("{}: {}  seen {seen}", shown(&asked.key), wanted.join(", "))
        }
    };
    line(out, depth, &format!("{} {asked}", mark(node.holds)));
    for part in &node.parts {
        tree(out, depth + 1, part);
    }
}

fn mark(holds: bool) -> &'static str {
    if holds { "+" } else { "-" }
}

fn kind_name(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::Create => "create",
        FindingKind::Escalate => "escalate",
    }
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn time(at: EventTime) -> String {
    super::moment::Moment::At(at.as_millis()).to_string()
}

/// Names and values of an event are whoever's who made it.
fn shown(text: &str) -> String {
    visible(text, SHOWN_BYTES).into_owned()
}

fn line(out: &mut String, depth: usize, text: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{:width$}{text}", "", width = depth * 2);
}
