//! Writes one S3 call as the CloudTrail record that AWS would deliver, into a reused text.
//!
//! All values are made of numbers, so that nothing needs escaping and nothing is allocated.

use crate::units::EventTime;
use std::fmt::{self, Write as _};
use std::net::Ipv4Addr;

/// Who calls. The names follow from the number, so that one number is always the same principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Caller {
    /// Which principal; two in five are users, the others are roles.
    pub(super) number: u64,
    /// Which session of a role; of no meaning for a user.
    pub(super) session: u64,
}

/// What is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Log {
    /// A data event: a call on an object.
    Data,
    /// A management event: a call on a bucket.
    Management,
    /// A network activity event: a call seen by a VPC endpoint; AWS logs no parameters there.
    Network,
}

/// In which form `bytesTransferredOut` is written; all of them occur in real logs (sources.md §2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AmountForm {
    /// `2356.0`
    Float,
    /// `2356`
    Integer,
    /// `"2356"`
    Text,
    /// Not there.
    Absent,
}

/// One call on S3.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub(super) time: EventTime,
    pub(super) caller: Caller,
    pub(super) log: Log,
    pub(super) name: &'static str,
    pub(super) address: Ipv4Addr,
    /// Decides the versions in the user agent.
    pub(super) agent: u64,
    pub(super) bucket: u64,
    /// Decides the object's key.
    pub(super) object: u64,
    pub(super) bytes_out: u64,
    pub(super) amount_form: AmountForm,
    pub(super) denied: bool,
    /// Made by a service for the caller (`invokedBy`).
    pub(super) by_service: bool,
    /// Decides the event id; different for different calls.
    pub(super) id: u64,
}

impl Caller {
    /// The account that the principal belongs to.
    pub(super) const fn account(self) -> u64 {
        111_122_223_333 + self.number % 40
    }

    const fn is_user(self) -> bool {
        self.number % 5 < 2
    }
}

/// The partition key and group value of a caller: `tidegate.principal` (sources.md §2.5).
impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (account, number) = (self.account(), self.number);
        if self.is_user() {
            write!(f, "arn:aws:iam::{account:012}:user/analyst-{number:05}")
        } else {
            write!(f, "arn:aws:iam::{account:012}:role/data-pipeline-{number:05}")
        }
    }
}

/// The name of a bucket.
pub(super) struct BucketName(pub(super) u64);

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "corp-data-lake-{:03}", self.0)
    }
}

struct Key(u64);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let object = self.0;
        write!(f, "warehouse/table-{}/part-{:05}-", object % 64, object % 4000)?;
        write!(f, "{:016x}.snappy.parquet", spread(object))
    }
}

/// A 1:1 mapping of numbers to numbers without visible order, for ids.
const fn spread(number: u64) -> u64 {
    let mixed = (number ^ (number >> 31)).wrapping_mul(0x7fb5_d329_728e_a185);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x81da_def4_bc2d_d44d);
    mixed ^ (mixed >> 33)
}

/// Appends `call` as one line of JSON.
///
/// # Errors
/// Never: writing to a `String` cannot fail; the type only says that formatting could.
pub(super) fn write_record(call: &Call, out: &mut String) -> fmt::Result {
    out.push_str(r#"{"eventVersion":"1.11","userIdentity":{"#);
    write_identity(call, out)?;
    out.push_str(r#"},"eventTime":""#);
    write_time(call.time, out)?;
    let (name, address, agent) = (call.name, call.address, call.agent);
    write!(
        out,
        r#"","eventSource":"s3.amazonaws.com","eventName":"{name}","awsRegion":"us-east-1","sourceIPAddress":"{address}""#
    )?;
    if call.log != Log::Network {
        write!(
            out,
            r#","userAgent":"[aws-sdk-java/2.29.{} Linux/6.1.{}-amzn2023 OpenJDK_64-Bit_Server_VM/17.0.{}+10-LTS Java/17.0.{} kotlin/1.9.25 vendor/Amazon.com_Inc. exec-env/AWS_ECS_FARGATE io/async http/NettyNio cfg/retry-mode/standard]""#,
            agent % 50,
            agent % 120,
            agent % 12,
            agent % 12
        )?;
    }
    if call.denied {
        out.push_str(r#","errorCode":"AccessDenied","errorMessage":"Access Denied""#);
    }
    if call.log != Log::Network {
        write_parameters(call, out)?;
    }
    write_ids(call, out)?;
    match call.log {
        Log::Data => write_resources(call, out)?,
        Log::Management | Log::Network => {}
    }
    write_tail(call, out)
}

fn write_identity(call: &Call, out: &mut String) -> fmt::Result {
    let Caller { number, session } = call.caller;
    let account = call.caller.account();
    if call.caller.is_user() {
        write!(
            out,
            r#""type":"IAMUser","principalId":"AIDA{number:017X}","arn":"{}","accountId":"{account:012}","accessKeyId":"AKIA{:016X}","userName":"analyst-{number:05}""#,
            call.caller,
            spread(number)
        )?;
    } else {
        write!(
            out,
            r#""type":"AssumedRole","principalId":"AROA{number:017X}:session-{session:05}","arn":"arn:aws:sts::{account:012}:assumed-role/data-pipeline-{number:05}/session-{session:05}","accountId":"{account:012}","accessKeyId":"ASIA{:016X}","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"AROA{number:017X}","arn":"{}","accountId":"{account:012}","userName":"data-pipeline-{number:05}"}},"attributes":{{"creationDate":""#,
            spread(session),
            call.caller
        )?;
        write_time(call.time, out)?;
        out.push_str(r#"","mfaAuthenticated":"false"}}"#);
    }
    if call.by_service {
        out.push_str(r#","invokedBy":"athena.amazonaws.com""#);
    }
    Ok(())
}

fn write_parameters(call: &Call, out: &mut String) -> fmt::Result {
    let bucket = BucketName(call.bucket);
    write!(
        out,
        r#","requestParameters":{{"bucketName":"{bucket}","Host":"{bucket}.s3.us-east-1.amazonaws.com""#
    )?;
    if call.log == Log::Data {
        write!(out, r#","key":"{}""#, Key(call.object))?;
    }
    let salt = spread(call.id);
    write!(
        out,
        r#"}},"responseElements":null,"additionalEventData":{{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0.0,"SSEApplied":"Default_SSE_S3","AuthenticationMethod":"AuthHeader","x-amz-id-2":"{salt:016x}{:016x}{salt:016X}+abcdefghijklmnopqrstuvwxyz012345=""#,
        salt.rotate_left(17)
    )?;
    let bytes = call.bytes_out;
    match call.amount_form {
        AmountForm::Float => write!(out, r#","bytesTransferredOut":{bytes}.0}}"#),
        AmountForm::Integer => write!(out, r#","bytesTransferredOut":{bytes}}}"#),
        AmountForm::Text => write!(out, r#","bytesTransferredOut":"{bytes}"}}"#),
        AmountForm::Absent => write!(out, "}}"),
    }
}

fn write_ids(call: &Call, out: &mut String) -> fmt::Result {
    let high = spread(call.id);
    // The plain number in the last group keeps ids different whatever `spread` does.
    write!(
        out,
        r#","requestID":"{:016X}","eventID":"{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}""#,
        high.rotate_left(29),
        high >> 32,
        (high >> 16) & 0xffff,
        (high >> 4) & 0xfff,
        high & 0xfff,
        call.id & 0xffff_ffff_ffff
    )
}

fn write_resources(call: &Call, out: &mut String) -> fmt::Result {
    let (bucket, account) = (BucketName(call.bucket), call.caller.account());
    write!(
        out,
        r#","resources":[{{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::{bucket}/{}"}},{{"accountId":"{account:012}","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::{bucket}"}}]"#,
        Key(call.object)
    )
}

fn write_tail(call: &Call, out: &mut String) -> fmt::Result {
    let account = call.caller.account();
    let read_only = !matches!(call.name, "PutObject" | "CopyObject" | "PutBucketTagging");
    match call.log {
        Log::Data => write!(
            out,
            r#","readOnly":{read_only},"eventType":"AwsApiCall","managementEvent":false,"recipientAccountId":"{account:012}","eventCategory":"Data","tlsDetails":{{"tlsVersion":"TLSv1.3"}}}}"#
        ),
        Log::Management => write!(
            out,
            r#","readOnly":{read_only},"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"{account:012}","eventCategory":"Management","tlsDetails":{{"tlsVersion":"TLSv1.3"}}}}"#
        ),
        Log::Network => write!(
            out,
            r#","eventType":"AwsVpceEvent","recipientAccountId":"{account:012}","vpcEndpointId":"vpce-{:017x}","vpcEndpointAccountId":"{account:012}","eventCategory":"NetworkActivity"}}"#,
            call.caller.number % 9
        ),
    }
}

/// `YYYY-MM-DDTHH:MM:SSZ`; a fraction of a second is cut, as CloudTrail does.
fn write_time(time: EventTime, out: &mut String) -> fmt::Result {
    let seconds = time.as_millis().div_euclid(1000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second % 3600 / 60, second % 60);
    write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day of a day since the Unix epoch (Hinnant, "chrono-compatible low-level date
/// algorithms"); much cheaper than a formatter, which the bench stream would feel.
const fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> Call {
        Call {
            time: EventTime::from_millis(1_767_225_600_000),
            caller: Caller { number: 7, session: 3 },
            log: Log::Data,
            name: "GetObject",
            address: Ipv4Addr::new(3, 4, 5, 6),
            agent: 1,
            bucket: 12,
            object: 99,
            bytes_out: 2356,
            amount_form: AmountForm::Float,
            denied: false,
            by_service: false,
            id: 42,
        }
    }

    fn written(call: &Call) -> serde_json::Value {
        let mut text = String::new();
        write_record(call, &mut text).expect("a String takes everything");
        serde_json::from_str(&text).expect("the writer writes JSON")
    }

    #[test]
    fn a_record_is_json_with_the_members_that_rules_read() {
        let record = written(&call());

        assert_eq!(record["eventTime"], "2026-01-01T00:00:00Z");
        assert_eq!(record["userIdentity"]["type"], "AssumedRole");
        assert_eq!(
            record["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"],
            call().caller.to_string()
        );
        assert_eq!(record["requestParameters"]["bucketName"], "corp-data-lake-012");
        assert_eq!(record["additionalEventData"]["bytesTransferredOut"], 2356.0);
        assert_eq!(record["eventCategory"], "Data");
        assert_eq!(record["errorCode"], serde_json::Value::Null);
    }

    #[test]
    fn a_user_is_named_by_its_arn_and_amounts_take_every_form() {
        let user = Call { caller: Caller { number: 5, session: 0 }, ..call() };
        let text = Call { amount_form: AmountForm::Text, ..user };
        let integer = Call { amount_form: AmountForm::Integer, ..user };
        let absent = Call { amount_form: AmountForm::Absent, ..user };

        assert_eq!(written(&user)["userIdentity"]["arn"], user.caller.to_string());
        assert_eq!(written(&text)["additionalEventData"]["bytesTransferredOut"], "2356");
        assert_eq!(written(&integer)["additionalEventData"]["bytesTransferredOut"], 2356);
        assert!(written(&absent)["additionalEventData"].get("bytesTransferredOut").is_none());
    }

    #[test]
    fn a_network_activity_event_has_an_endpoint_and_no_parameters() {
        let record = written(&Call { log: Log::Network, denied: true, ..call() });

        assert_eq!(record["eventType"], "AwsVpceEvent");
        assert_eq!(record["eventCategory"], "NetworkActivity");
        assert_eq!(record["errorCode"], "AccessDenied");
        assert!(record.get("requestParameters").is_none());
        assert!(record.get("resources").is_none());
    }

    #[test]
    fn dates_are_right_at_the_ends_of_months_and_years() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_868_799, "2000-02-29T23:59:59Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (1_767_225_600, "2026-01-01T00:00:00Z"),
        ] {
            let mut text = String::new();
            write_time(EventTime::from_millis(seconds * 1000), &mut text).expect("a String");
            assert_eq!(text, expected);
        }
    }
}
