//! What is learned from records never changes what is read: a decoder that has seen many gives for every
//! record what a new one gives.

use super::*;
use std::fmt::Write as _;

/// Members of a record with every kind of value, in the order of their coming.
const MEMBERS: [&str; 17] = [
    r#""eventVersion":"1.11""#,
    r#""userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/r/s","accountId":"111122223333","sessionContext":{"sessionIssuer":{"type":"Role","arn":"arn:aws:iam::111122223333:role/p/r"},"attributes":{"mfaAuthenticated":"false"}}}"#,
    r#""eventTime":"2026-01-01T00:00:00Z""#,
    r#""eventSource":"s3.amazonaws.com""#,
    r#""eventName":"GetObject""#,
    r#""sourceIPAddress":"198.51.100.24""#,
    r#""errorCode":null"#,
    r#""requestParameters":{"bucketName":"orders","Host":["a","b"],"key":"k/l"}"#,
    r#""responseElements":null"#,
    r#""additionalEventData":{"SignatureVersion":"SigV4","bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader","bytesTransferredOut":1048576.0}"#,
    r#""eventID":"00000000-0000-4000-8000-000000000001""#,
    r#""readOnly":true"#,
    r#""resources":[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::orders/k/l"},{"accountId":"444455556666","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::orders"}]"#,
    r#""eventType":"AwsApiCall""#,
    r#""managementEvent":false"#,
    r#""tlsDetails":{"tlsVersion":"TLSv1.3","a":{},"b":[]}"#,
    r#""eventCategory":"Data""#,
];

/// Fields of each way to read: texts, literals, numbers, objects, and what follows from them.
const WANTED: [&[&str]; 3] = [
    &["eventName", "userIdentity.arn", "additionalEventData.bytesTransferredOut"],
    &[
        "eventSource",
        "readOnly",
        "errorCode",
        "responseElements",
        "tidegate.principal",
        "tidegate.bucket",
        "tidegate.key",
        "tidegate.bytes_out",
        "tidegate.outcome",
        "tidegate.service_call",
    ],
    &["requestParameters", "userIdentity", "resources.arn", "tidegate.resource_accounts"],
];

fn record(members: &[&str]) -> String {
    format!("{{{}}}", members.join(","))
}

fn entries(decoder: &mut Decoder, bytes: &[u8]) -> String {
    let mut text = String::new();
    let answer: Result<(), Infallible> = decoder.decode(bytes, |entry| {
        writeln!(text, "{entry:?}").expect("a string takes all");
        Ok(())
    });
    answer.expect("cannot fail");
    text
}

/// A decoder that knows some records, and how many of the fields they differ in.
struct Both {
    fields: FieldSet,
    knowing: Decoder,
}

impl Both {
    fn new(wanted: &[&str], known: &[String]) -> Self {
        let fields = fields(wanted);
        let mut both = Both { knowing: decoder(&fields), fields };
        for _ in 0..3 {
            for text in known {
                both.check(text.as_bytes());
            }
        }
        both
    }

    fn check(&mut self, bytes: &[u8]) {
        let expected = entries(&mut decoder(&self.fields), bytes);
        let found = entries(&mut self.knowing, bytes);
        assert_eq!(found, expected, "{}", String::from_utf8_lossy(bytes));
    }
}

fn decoder(fields: &FieldSet) -> Decoder {
    Decoder::new(fields, Format::Auto, DecodeLimits::default())
}

/// Reads each of `texts` by a decoder that knows `known` and all texts before.
fn check(known: &[String], texts: &(impl Iterator<Item = Vec<u8>> + Clone)) {
    for wanted in WANTED {
        let mut both = Both::new(wanted, known);
        texts.clone().for_each(|text| both.check(&text));
    }
}

#[test]
fn a_known_record_is_read_alike_when_it_is_cut_off_anywhere() {
    let text = record(&MEMBERS);
    let bytes = text.as_bytes();
    check(std::slice::from_ref(&text), &(0..bytes.len()).map(|end| bytes[..end].to_vec()));
}

#[test]
fn a_known_record_is_read_alike_with_a_byte_changed_put_in_or_left_out_anywhere() {
    let text = record(&MEMBERS);
    let bytes = text.as_bytes();
    let other = b"\"{}[],: \\0-n\n\x00\x80";
    let changed = (0..bytes.len()).flat_map(|at| {
        let without = [&bytes[..at], &bytes[at + 1..]].concat();
        let with = other.iter().flat_map(move |&byte| {
            let put_in = [&bytes[..at], &[byte], &bytes[at..]].concat();
            let instead = [&bytes[..at], &[byte], &bytes[at + 1..]].concat();
            [put_in, instead]
        });
        with.chain([without])
    });
    check(std::slice::from_ref(&text), &changed);
}

#[test]
fn a_known_record_is_read_alike_with_members_gone_moved_or_repeated() {
    let text = record(&MEMBERS);
    let changed = (0..MEMBERS.len()).flat_map(|at| {
        let mut without = MEMBERS.to_vec();
        let moved = without.remove(at);
        let without_text = record(&without).into_bytes();
        let elsewhere = (0..MEMBERS.len()).flat_map(move |to| {
            let mut members = without.clone();
            members.insert(to, moved);
            let mut repeated = MEMBERS.to_vec();
            repeated.insert(to, moved);
            [record(&members).into_bytes(), record(&repeated).into_bytes()]
        });
        elsewhere.chain([without_text])
    });
    check(std::slice::from_ref(&text), &changed);
}

#[test]
fn a_known_record_is_read_alike_with_another_kind_of_value_anywhere() {
    let text = record(&MEMBERS);
    let kinds = [
        "null",
        "true",
        "7",
        "-0.5e3",
        "1e999",
        r#""""#,
        r#""text""#,
        r#""es\"caped\\""#,
        r#""é""#,
        "{}",
        "[]",
        r#"[{"type":"x"}]"#,
        r#"{"type":"x","bucketName":"y"}"#,
    ];
    // Behind every colon, one value instead of another; some of the "values" are no whole ones.
    let colons: Vec<usize> = text.match_indices("\":").map(|(at, _)| at + 2).collect();
    let changed = colons.into_iter().flat_map(|at| {
        let (before, rest) = text.split_at(at);
        let rest = &rest[rest.find([',', '}', ']']).expect("a record ends")..];
        kinds.map(|kind| format!("{before}{kind}{rest}").into_bytes())
    });
    check(std::slice::from_ref(&text), &changed);
}

#[test]
fn resources_are_passed_over_only_where_the_bucket_is_known() {
    let of = |bucket: &str| {
        let mut members = MEMBERS.to_vec();
        let parameters = format!(r#""requestParameters":{{"bucketName":{bucket},"key":"k"}}"#);
        members[7] = &parameters;
        record(&members)
    };
    let texts: Vec<String> =
        [r#""orders""#, r#""ap-1-s3alias""#, r#""orders""#, "null", r#""""#, r#""a:b""#, r#""o""#]
            .map(of)
            .to_vec();
    for known in &texts {
        let again = texts.iter().chain(&texts).map(|text| text.clone().into_bytes());
        check(std::slice::from_ref(known), &again);
    }
}

#[test]
fn more_shapes_than_are_kept_are_read_alike() {
    // Long names, deep objects, many names: each of them more than the learned forms have room for.
    let shapes = (0..3000_usize).map(|number| {
        let name = "n".repeat(number % 90);
        let deep = number % 20;
        let value = format!("{}{number}{}", r#"{"a":"#.repeat(deep), "}".repeat(deep));
        let extra = format!(r#""{name}{}":{value}"#, number % 700);
        let mut members = MEMBERS.to_vec();
        members.insert(number % MEMBERS.len(), &extra);
        record(&members).into_bytes()
    });
    check(&[record(&MEMBERS)], &shapes);
}
