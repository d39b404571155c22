//! What a JSON object is when it is not plainly one record: sources.md §3.1 rows 4 to 18, first match wins.
//!
//! Only recognises; the decoder unwraps. What is recognised and not read says in one sentence what it
//! looks like and what to send instead.

use super::entry::Skip;
use super::raw;
use std::borrow::Cow;

/// What an object turns out to be.
#[derive(Debug)]
pub(super) enum Shape<'a> {
    /// The raw array of a delivery file's records.
    Records(&'a str),
    /// The raw array of CloudWatch Logs events; each `message` is a record as text.
    LogEvents(&'a str),
    /// Base64 of a CloudWatch Logs payload, as a Lambda function receives it.
    PackedLogs(Cow<'a, str>),
    /// The raw object inside an EventBridge event.
    Detail(&'a str),
    /// The raw array of a `LookupEvents` answer; each `CloudTrailEvent` is a record as text.
    LookupEvents(&'a str),
    /// A CloudTrail record.
    Record,
    Skip(Skip),
    /// Recognised or not, it is not read; the sentence says what it looks like.
    Refused(&'static str),
}

const S3_NOTIFICATION: &str = "S3 event notification: it names an object and does not contain the log; send the object's content to this topic";
const QUEUE_WRAPPER: &str =
    "Lambda wrapping of SQS or SNS messages: send the log records themselves to this topic";
const SNS_MESSAGE: &str = "SNS message: it tells of a log file and does not contain it; send the file's content to this topic";
const TRAIL_NOTIFICATION: &str = "trail notification: it names log files and does not contain them; send the files' content to this topic";

/// Top-level members that decide, as raw text; of equal names the last.
#[derive(Default)]
struct Top<'a> {
    records: Option<&'a str>,
    r#type: Option<&'a str>,
    message: Option<&'a str>,
    s3_bucket: Option<&'a str>,
    s3_object_key: Option<&'a str>,
    event: Option<&'a str>,
    message_type: Option<&'a str>,
    log_events: Option<&'a str>,
    awslogs: Option<&'a str>,
    digest_start_time: Option<&'a str>,
    log_files: Option<&'a str>,
    detail_type: Option<&'a str>,
    detail: Option<&'a str>,
    events: Option<&'a str>,
    event_version: Option<&'a str>,
    event_name: Option<&'a str>,
    event_category: Option<&'a str>,
    event_type: Option<&'a str>,
    event_time: Option<&'a str>,
    event_source: Option<&'a str>,
    schema_version: Option<&'a str>,
    service: Option<&'a str>,
    category: Option<&'a str>,
    resources_affected: Option<&'a str>,
    findings: Option<&'a str>,
    class_uid: Option<&'a str>,
    schema_version_id: Option<&'a str>,
    bucket_arn: Option<&'a str>,
}

impl<'a> Top<'a> {
    fn of(object: &'a str) -> Self {
        let mut top = Top::default();
        for (name, raw) in raw::members(object) {
            let member = match &*name {
                "Records" => &mut top.records,
                "Type" => &mut top.r#type,
                "Message" => &mut top.message,
                "s3Bucket" => &mut top.s3_bucket,
                "s3ObjectKey" => &mut top.s3_object_key,
                "Event" => &mut top.event,
                "messageType" => &mut top.message_type,
                "logEvents" => &mut top.log_events,
                "awslogs" => &mut top.awslogs,
                "digestStartTime" => &mut top.digest_start_time,
                "logFiles" => &mut top.log_files,
                "detail-type" => &mut top.detail_type,
                "detail" => &mut top.detail,
                "Events" => &mut top.events,
                "eventVersion" => &mut top.event_version,
                "eventName" => &mut top.event_name,
                "eventCategory" => &mut top.event_category,
                "eventType" => &mut top.event_type,
                "eventTime" => &mut top.event_time,
                "eventSource" => &mut top.event_source,
                "schemaVersion" | "SchemaVersion" => &mut top.schema_version,
                "service" | "Service" => &mut top.service,
                "category" => &mut top.category,
                "resourcesAffected" => &mut top.resources_affected,
                "Findings" | "findings" => &mut top.findings,
                "class_uid" => &mut top.class_uid,
                "schema_version_id" => &mut top.schema_version_id,
                "bucket_arn" => &mut top.bucket_arn,
                _ => continue,
            };
            *member = Some(raw);
        }
        top
    }
}

/// Recognises a checked JSON object. `any_record`: a record needs no more than one CloudTrail name
/// (fixed format), since records cut down by pipelines are still records.
pub(super) fn recognise(object: &str, any_record: bool) -> Shape<'_> {
    let top = Top::of(object);
    if let Some(records) = top.records.filter(|raw| raw.starts_with('[')) {
        // A mixed array is judged again element by element.
        let first = raw::elements(records).next().and_then(foreign_record);
        return first.map_or(Shape::Records(records), Shape::Refused);
    }
    if let Some(refusal) = foreign_record(object) {
        return Shape::Refused(refusal);
    }
    let is_sns = top.r#type.and_then(raw::string).is_some_and(|kind| {
        matches!(&*kind, "Notification" | "SubscriptionConfirmation" | "UnsubscribeConfirmation")
    });
    if is_sns && top.message.is_some() {
        return Shape::Refused(SNS_MESSAGE);
    }
    if top.s3_bucket.is_some() && top.s3_object_key.is_some() {
        return Shape::Refused(TRAIL_NOTIFICATION);
    }
    if text_is(top.event, "s3:TestEvent") {
        return Shape::Skip(Skip::TestEvent);
    }
    if let (Some(kind), Some(events)) = (top.message_type, top.log_events) {
        return if text_is(Some(kind), "CONTROL_MESSAGE") {
            Shape::Skip(Skip::Control)
        } else if text_is(Some(kind), "DATA_MESSAGE") && events.starts_with('[') {
            Shape::LogEvents(events)
        } else {
            Shape::Refused("CloudWatch Logs payload of a kind that is not known")
        };
    }
    let packed = top.awslogs.and_then(|raw| member(raw, "data")).and_then(raw::string);
    if let Some(packed) = packed {
        return Shape::PackedLogs(packed);
    }
    if top.digest_start_time.is_some() && top.log_files.is_some() {
        return Shape::Skip(Skip::Digest);
    }
    if let (Some(kind), Some(detail)) = (top.detail_type, top.detail) {
        return event_bridge(kind, detail);
    }
    if let Some(events) = top.events.filter(|raw| raw.starts_with('[')) {
        let answers = |element| member(element, "CloudTrailEvent").is_some();
        if raw::elements(events).next().is_none_or(answers) {
            return Shape::LookupEvents(events);
        }
    }
    record_of_a_source(&top, any_record)
}

/// Rows 13 to 18: single records, of CloudTrail and of other sources.
fn record_of_a_source<'a>(top: &Top<'a>, any_record: bool) -> Shape<'a> {
    let names_a_call = top.event_name.is_some() || top.event_category.is_some();
    let is_aws_type =
        top.event_type.and_then(raw::string).is_some_and(|kind| kind.starts_with("Aws"));
    let has_any = top.event_time.is_some() || top.event_source.is_some() || names_a_call;
    if (top.event_version.is_some() && names_a_call) || is_aws_type || (any_record && has_any) {
        return Shape::Record;
    }
    if top.schema_version.is_some() && top.service.is_some() {
        return Shape::Refused("GuardDuty finding: this source reads CloudTrail");
    }
    if top.category.is_some() && top.resources_affected.is_some() {
        return Shape::Refused("Macie finding: this source reads CloudTrail");
    }
    if top.findings.is_some() {
        return Shape::Refused("list of GuardDuty or Macie findings: this source reads CloudTrail");
    }
    if top.class_uid.is_some() {
        return Shape::Refused("OCSF is not read yet");
    }
    if top.schema_version_id.is_some() && top.bucket_arn.is_some() {
        return Shape::Refused(
            "S3 server access log in its CloudWatch form: this source reads CloudTrail",
        );
    }
    Shape::Refused("JSON object that is neither a CloudTrail record nor a known container of such")
}

/// Row 11. The detail-type itself is text of the input, so only known ones are named.
fn event_bridge<'a>(kind: &str, detail: &'a str) -> Shape<'a> {
    let Some(kind) = raw::string(kind) else {
        return Shape::Refused("EventBridge event whose detail-type is no text");
    };
    match &*kind {
        "GuardDuty Finding" => Shape::Refused(
            "EventBridge event with detail-type \"GuardDuty Finding\": this source reads CloudTrail",
        ),
        "Macie Finding" => Shape::Refused(
            "EventBridge event with detail-type \"Macie Finding\": this source reads CloudTrail",
        ),
        "Object Created" | "Object Deleted" => Shape::Refused(
            "EventBridge event of S3 (\"Object Created\" and the like): it names an object and does not contain the log",
        ),
        kind if kind.ends_with(" via CloudTrail") => Shape::Detail(detail),
        _ => Shape::Refused(
            "EventBridge event with a detail-type that does not end with \"via CloudTrail\"",
        ),
    }
}

/// Rows 4 and 5 for one element of `Records`: what it is when it is no CloudTrail record.
pub(super) fn foreign_record(object: &str) -> Option<&'static str> {
    let (mut source, mut version, mut body) = (None, None, false);
    for (name, raw) in raw::members(object) {
        match &*name {
            "eventSource" | "EventSource" => source = raw::string(raw),
            "eventVersion" => version = raw::string(raw),
            "body" | "Sns" => body = true,
            _ => {}
        }
    }
    match source.as_deref() {
        Some("aws:s3") => return Some(S3_NOTIFICATION),
        Some("aws:sqs" | "aws:sns") => return Some(QUEUE_WRAPPER),
        _ => {}
    }
    if version.is_some_and(|version| version.starts_with("2.")) && member(object, "s3").is_some() {
        return Some(S3_NOTIFICATION);
    }
    (body && source.is_none()).then_some(QUEUE_WRAPPER)
}

/// The raw text of a member, the last of its name.
pub(super) fn member<'a>(object: &'a str, wanted: &str) -> Option<&'a str> {
    raw::members(object).filter(|(name, _)| name == wanted).map(|(_, raw)| raw).last()
}

fn text_is(raw: Option<&str>, expected: &str) -> bool {
    raw.and_then(raw::string).is_some_and(|text| text == expected)
}

/// What a line of plain text looks like (rows 21 and 22), when it is no JSON.
pub(super) fn foreign_line(line: &str) -> Option<&'static str> {
    let mut words = line.split_ascii_whitespace();
    let (first, second, third) = (words.next()?, words.next()?, words.next()?);
    let is_owner =
        (32..=64).contains(&first.len()) && first.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_owner && third.starts_with('[') {
        return Some("S3 server access log line: this source reads CloudTrail");
    }
    let is_flow_header = first == "version" && second == "account-id";
    let is_flow_line = (first == "2" || first == "3" || first == "5")
        && second.len() == 12
        && second.bytes().all(|byte| byte.is_ascii_digit())
        && third.starts_with("eni-");
    (is_flow_header || is_flow_line).then_some("VPC flow log line: this source reads CloudTrail")
}
