//! `tidegate tail`: alerts as they are committed.

use super::failure::{ExitCode, Failure};
use super::global::Global;
use super::moment::{Moment, now_ms};
use super::output::Output;
use super::pipeline::access;
use super::scan::{Format, Severity, colour, printed};
use crate::alert::Colour;
use crate::stream::reader::{ReadError, ReadFrom, TopicReader};
use crate::units::RecordTime;
use serde_json::Value;
use std::io::IsTerminal;
use std::str::FromStr;
use std::time::Duration;

/// Print alerts as they are committed, until interrupted
///
/// Reads committed records only and joins no group: nothing else is disturbed, and nothing is
/// remembered.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// Topic [default: alerts.topic]
    #[arg(long, value_name = "TOPIC")]
    pub topic: Option<String>,
    /// Where to begin: end, beginning, -15m or a time
    #[arg(long, value_name = "FROM", default_value = "end", allow_hyphen_values = true)]
    from: Start,
    /// Only alerts of this severity or a higher one
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub severity: Option<Severity>,
    /// Only alerts of this rule, by name or id
    #[arg(long, value_name = "RULE")]
    pub rule: Option<String>,
    /// Form of the alerts [default: pretty on a terminal, else json]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// Stop after so many alerts
    #[arg(short = 'n', value_name = "COUNT")]
    pub count: Option<u64>,
}

/// `--from`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    End,
    Beginning,
    Moment(Moment),
}

impl FromStr for Start {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "end" => Ok(Start::End),
            "beginning" => Ok(Start::Beginning),
            moment => moment.parse().map(Start::Moment),
        }
    }
}

const EXAMPLE: &str = "\
Example: what was found in the last hour, and what comes
  tidegate tail --from -1h --severity medium";

/// Prints alerts until there were enough.
///
/// # Errors
/// No broker or no topic: exit status 69.
pub fn run(args: &Args, global: &Global, output: &mut Output<'_>) -> Result<ExitCode, Failure> {
    let (settings, _) = global.settings()?;
    let access = access(&settings)?;
    let topic = args.topic.as_deref().unwrap_or(&settings.alerts.topic);
    let from = match args.from {
        Start::End => ReadFrom::End,
        Start::Beginning => ReadFrom::Beginning,
        Start::Moment(at) => ReadFrom::Time(RecordTime::from_millis(at.millis(now_ms()))),
    };
    let mut reader = TopicReader::open(&access, topic, from).map_err(failure)?;
    let is_for_people = std::io::stdout().is_terminal();
    let format = args.format.unwrap_or(if is_for_people { Format::Pretty } else { Format::Json });
    let colour = colour(global);
    let mut left = args.count;
    while left != Some(0) {
        let Some(record) = reader.next(Duration::from_millis(500)).map_err(failure)? else {
            continue;
        };
        let Some(line) = line(record.value.as_deref(), args, format, colour) else { continue };
        output.print(&line)?;
        left = left.map(|left| left - 1);
    }
    Ok(ExitCode::Done)
}

/// What is printed of one record; nothing when it was not asked for.
fn line(value: Option<&[u8]>, args: &Args, format: Format, colour: Colour) -> Option<String> {
    let value = value?;
    let alert: Option<Value> = serde_json::from_slice(value).ok();
    if args.severity.is_none() && args.rule.is_none() && alert.is_none() {
        // Somebody else writes to this topic: shown, but never as it is, since it may be anything.
        return Some(format!("{}\n", crate::alert::visible(&String::from_utf8_lossy(value), 500)));
    }
    let alert = alert?;
    let severity = alert.get("severity_id").and_then(Value::as_u64);
    if args.severity.is_some_and(|least| severity < Some(least.level() as u64 + 1)) {
        return None;
    }
    let is_named = |name: &&String| {
        let id = alert.pointer("/finding_info/analytic/uid");
        let rule = alert.pointer("/unmapped/alert_context/rule_name");
        [id, rule].into_iter().flatten().any(|value| value == name.as_str())
    };
    if args.rule.as_ref().is_some_and(|rule| !is_named(&rule)) {
        return None;
    }
    Some(match format {
        Format::Json => format!("{}\n", escaped(&alert.to_string())),
        Format::Pretty => printed(value, format, colour),
    })
}

/// The same JSON with every character that could steer a terminal written as an escape. They stand
/// in texts only: anywhere else they would be no JSON.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '\u{7f}'..='\u{9f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}' => out.push_str(&format!("\\u{:04x}", u32::from(character))),
            harmless => out.push(harmless),
        }
    }
    out
}

fn failure(error: ReadError) -> Failure {
    Failure::new(ExitCode::Unavailable, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args() -> Args {
        Args {
            topic: None,
            from: Start::End,
            severity: None,
            rule: None,
            format: None,
            count: None,
        }
    }

    fn shown(text: &str, args: &Args) -> Option<String> {
        line(Some(text.as_bytes()), args, Format::Json, Colour::Never)
    }

    const ALERT: &str = r#"{"severity_id":3,"finding_info":{"analytic":{"uid":"id-1"}},"unmapped":{"alert_context":{"rule_name":"name-1"}}}"#;

    #[test]
    fn severity_and_rule_choose_what_is_shown() {
        for (severity, rule, is_shown) in [
            (None, None, true),
            (Some(Severity::Medium), Some("id-1"), true),
            (Some(Severity::Low), Some("name-1"), true),
            (Some(Severity::High), None, false),
            (None, Some("name-2"), false),
        ] {
            let args = Args { severity, rule: rule.map(str::to_owned), ..args() };
            assert_eq!(shown(ALERT, &args).is_some(), is_shown, "{severity:?} {rule:?}");
        }
    }

    #[test]
    fn a_record_that_is_no_alert_is_shown_without_its_control_characters() {
        let text = shown("\u{1b}[31m not json \u{202e}", &args()).expect("is shown");

        assert!(text.contains("not json"), "{text}");
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text:?}");
    }

    #[test]
    fn json_is_the_same_value_without_characters_that_steer_a_terminal() {
        let hostile = r#"{"a":"x\u202ey\u009bz"}"#;

        let text = shown(hostile, &args()).expect("is shown");

        assert!(text.chars().all(|character| character == '\n' || character.is_ascii_graphic()));
        let same = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        assert_eq!(same(&text), same(hostile));
    }

    #[test]
    fn tombstones_are_passed_over() {
        assert_eq!(line(None, &args(), Format::Json, Colour::Never), None);
    }

    #[test]
    fn a_start_is_an_end_a_beginning_or_a_moment() {
        assert_eq!("end".parse(), Ok(Start::End));
        assert_eq!("beginning".parse(), Ok(Start::Beginning));
        assert_eq!("-15m".parse(), Ok(Start::Moment(Moment::Ago(900_000))));
        assert!("middle".parse::<Start>().is_err());
    }
}
