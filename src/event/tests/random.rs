//! Random documents and random damage: nothing panics, and the fast way never differs from serde_json.

use super::*;
use crate::event::reader::Reader;
use crate::event::tree::Tree;
use proptest::prelude::*;

const NAMES: [&str; 8] = [
    "eventName",
    "userIdentity",
    "userIdentity.type",
    "userIdentity.sessionContext.sessionIssuer.arn",
    "requestParameters.bucketName",
    "resources.arn",
    "resources.type",
    "a.b",
];

/// Any JSON, with the names that the projection wants on every level.
fn json() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        "[a-zA-Z0-9 :/.é😀]{0,40}",
        Just("x\\n\\u00e9\\ud83d\\ude00\\\\\\\"".to_owned()),
        Just("{[,\\\"]}".to_owned()),
    ];
    let scalar = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        any::<u64>().prop_map(|number| number.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        (any::<i32>(), -12i32..13).prop_map(|(digits, exponent)| format!("{digits}.5e{exponent}")),
        prop::sample::select(vec![
            "0",
            "-0",
            "-0.0",
            "1e5",
            "1E-7",
            "2356.0",
            "18446744073709551616"
        ])
        .prop_map(str::to_owned),
        text.prop_map(|text| format!("\"{text}\"")),
    ];
    let name = prop::sample::select(vec![
        "eventVersion",
        "eventName",
        "eventTime",
        "eventType",
        "eventID",
        "userIdentity",
        "type",
        "arn",
        "ARN",
        "accountId",
        "sessionContext",
        "sessionIssuer",
        "requestParameters",
        "bucketName",
        "resources",
        "a",
        "b",
        "Records",
        "detail",
        "x\\u0061",
        "é",
    ]);
    scalar.prop_recursive(5, 40, 6, move |inner| {
        let blank = prop::sample::select(vec!["", "", " ", "\n\t "]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|members| format!("[{}]", members.join(","))),
            (prop::collection::vec((name.clone(), inner), 0..7), blank).prop_map(
                |(members, blank)| {
                    let members: Vec<String> = members
                        .into_iter()
                        .map(|(name, value)| {
                            format!("{blank}\"{name}\"{blank}:{blank}{value}{blank}")
                        })
                        .collect();
                    format!("{{{}}}", members.join(","))
                }
            ),
        ]
    })
}

/// A few bytes changed, removed, doubled or put in.
fn damage() -> impl Strategy<Value = Vec<(prop::sample::Index, u8, u8)>> {
    let byte = prop_oneof![
        any::<u8>(),
        prop::sample::select(b"{}[]\",:\\ \n\t0123456789.eE+-tfnu\x00\x1f\x7f".to_vec()),
    ];
    prop::collection::vec((any::<prop::sample::Index>(), 0u8..3, byte), 0..4)
}

fn damaged(text: &str, damage: Vec<(prop::sample::Index, u8, u8)>) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for (place, what, byte) in damage {
        if bytes.is_empty() {
            break;
        }
        let place = place.index(bytes.len());
        match what {
            0 => bytes[place] = byte,
            1 => drop(bytes.remove(place)),
            _ => bytes.insert(place, byte),
        }
    }
    bytes
}

/// Values for comparison: beyond 15 digits serde_json may miss the last one, the others do not.
fn rounded(values: &[Value<'_>]) -> Vec<String> {
    fn json(value: serde_json::Value) -> String {
        use serde_json::Value as Json;
        match value {
            Json::Number(number) if number.is_f64() => {
                format!("{:.12e}", number.as_f64().expect("it is"))
            }
            Json::Array(members) => {
                format!("{:?}", members.into_iter().map(json).collect::<Vec<_>>())
            }
            Json::Object(members) => {
                let members = members.into_iter().map(|(name, member)| (name, json(member)));
                format!("{:?}", members.collect::<Vec<_>>())
            }
            other => other.to_string(),
        }
    }
    let one = |value: &Value<'_>| match value {
        Value::Number(Number::Float(number)) => format!("{number:.12e}"),
        Value::List(members) => format!("{:?}", rounded(members)),
        Value::Object(text) => json(serde_json::from_str(text).expect("compact JSON")),
        other => format!("{other:?}"),
    };
    values.iter().map(one).collect()
}

fn wanted() -> FieldSet {
    let mut set = fields(&NAMES);
    set.intern("tidegate.resource_accounts");
    set
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_fast_way_gives_what_serde_json_gives(text in json(), damage in damage()) {
        let bytes = damaged(&text, damage);
        let Ok(text) = std::str::from_utf8(&bytes) else { return Ok(()) };
        let projection = Projection::new(&wanted());

        let mut sonic = sonic_rs::Deserializer::from_str(text);
        let fast = projection.project(&mut sonic, Vec::new());
        let fast_end = sonic.end().is_ok();
        let mut slow = serde_json::Deserializer::from_str(text);
        let slowly = projection.project(&mut slow, Vec::new());
        let slow_end = slow.end().is_ok();

        // Where the fast parser refuses, serde_json decides; so only its acceptance has to be right.
        if let (Ok(fast), true) = (fast, fast_end) {
            match slowly {
                // The one thing that the fast parser does not look at in what it skips.
                _ if text.contains("\\u") && !slow_end => {}
                Ok(slowly) => {
                    prop_assert!(slow_end, "accepted: {}", text);
                     prop_assert_eq!(rounded(&fast), rounded(&slowly), "{}", text);
 }
                Err(error) => prop_assert!(false, "accepted: {} ({})", text, error),
            }
        }
    }

    #[test]
    fn the_plain_way_gives_what_serde_json_gives(text in json(), damage in damage()) {
        // Without the blanks and escapes that would send every document the other way.
        let text = text.replace(['\n', '\t'], "").replace('\\', "");
        let bytes = damaged(&text, damage);
        let Ok(text) = std::str::from_utf8(&bytes) else { return Ok(()) };
        let projection = Projection::new(&wanted());

        if let Some(plain) = PlainReader::new(projection.clone()).read(text, Vec::new()) {
            let mut slow = serde_json::Deserializer::from_str(text);
            let slowly = projection.project(&mut slow, Vec::new());
            prop_assert!(slow.end().is_ok(), "accepted: {}", text);
            match slowly {
                Ok(slowly) => prop_assert_eq!(rounded(&plain), rounded(&slowly), "{}", text),
                Err(error) => prop_assert!(false, "accepted: {} ({})", text, error),
            }
        }
    }

    #[test]
    fn a_document_of_several_windows_is_read_alike(
        text in json(), before in 16_300usize..16_420, after in 0usize..40_000,
    ) {
        let text = text.replace(['\n', '\t'], "").replace('\\', "");
        let (before, after) = ("x".repeat(before), "y".repeat(after));
        let text = format!(r#"{{"x":"{before}","userIdentity":{text},"z":"{after}","eventName":"n"}}"#);
        let projection = Projection::new(&wanted());

        let plain = PlainReader::new(projection.clone()).read(&text, Vec::new());

        let mut slow = serde_json::Deserializer::from_str(&text);
        let slowly = projection.project(&mut slow, Vec::new());
        if let Some(plain) = plain {
            prop_assert_eq!(rounded(&plain), rounded(&slowly.expect("accepted")), "{}", text);
        }
    }

    #[test]
    fn the_whole_document_and_the_walk_give_equal_values(text in json()) {
        let projection = Projection::new(&wanted());
        let mut slow = serde_json::Deserializer::from_str(&text);
        let walked = projection.project(&mut slow, Vec::new());
        let Ok(walked) = walked else { return Ok(()) };

        let tree: Tree<'_> = serde_json::from_str(&text).expect("the walk read it");
        let mut reader = Reader::new(projection);
        prop_assert_eq!(rounded(&reader.read_tree(&tree).values), rounded(&walked));
        let read = reader.read(&text).expect("the walk read it");
        prop_assert_eq!(rounded(&read.values), rounded(&walked));
    }

    #[test]
    fn a_reader_that_knows_other_documents_reads_alike(
        texts in prop::collection::vec((json(), damage(), any::<prop::sample::Index>()), 1..8),
    ) {
        // Plain for the most part, some of them again and again.
        let texts: Vec<_> = texts
            .into_iter()
            .map(|(text, damage, again)| {
                let text = text.replace(['\n', '\t'], "").replace('\\', "");
                let text = format!(r#"{{"eventName":"n","userIdentity":{text}}}"#);
                (if again.index(2) == 0 { text.into_bytes() } else { damaged(&text, damage) }, again)
            })
            .collect();
        let projection = Projection::new(&wanted());
        let mut reader = Reader::new(projection.clone());
        for (_, again) in texts.iter().chain(&texts) {
            let (bytes, _) = again.get(&texts);
            let Some((text, read)) = reader.read_usual(bytes) else { continue };
            prop_assert_eq!(text.as_bytes(), bytes);
            let mut slow = serde_json::Deserializer::from_str(text);
            let slowly = projection.project(&mut slow, Vec::new());
            prop_assert!(slow.end().is_ok() && slowly.is_ok(), "accepted: {}", text);
            prop_assert_eq!(rounded(&read.values), rounded(&slowly.expect("asked above")), "{}", text);
            let mut new = Reader::new(projection.clone());
            let expected = new.read(text).expect("serde_json reads it");
            prop_assert_eq!(read.marks, expected.marks, "{}", text);
            prop_assert_eq!(read.resources.len(), expected.resources.len(), "{}", text);
            reader.finish(read);
        }
    }

    #[test]
    fn damaged_documents_and_their_neighbours_never_panic(
        texts in prop::collection::vec((json(), damage()), 1..4),
        glue in prop::sample::select(vec!["", "\n", " ", "\r\n\n"]),
    ) {
        let all: Vec<Vec<u8>> = texts.into_iter().map(|(text, damage)| damaged(&text, damage)).collect();
        let joined = all.join(glue.as_bytes());
        prop_assert!(!decode(&joined).is_empty() || joined.iter().all(u8::is_ascii_whitespace));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(!decode(&bytes).is_empty());
        prop_assert!(!decode(&[&[0x1f, 0x8b, 8][..], &bytes].concat()).is_empty());
        prop_assert!(!decode(&[b"H4sI", &bytes[..]].concat()).is_empty());
    }

    #[test]
    fn any_json_is_read_or_refused(text in json()) {
        prop_assert!(!decode(text.as_bytes()).is_empty());
        let _ = Facts::read(&FactNames::default(), Source::CloudTrail, text.as_bytes()).map(|facts| {
            for name in derived_names().iter().chain(&NAMES) {
                let _ = facts.text(name);
            }
        });
    }

    #[test]
    fn records_are_found_however_they_are_joined(
        count in 1usize..5,
        glue in prop::sample::select(vec!["", "\n", " ", "\r\n", " \n "]),
    ) {
        let one = |id: usize| format!(r#"{{"eventVersion":"1.1","eventName":"x","eventTime":"2025-01-01T00:00:00Z","eventID":"{id}"}}"#);
        let text = (0..count).map(one).collect::<Vec<_>>().join(glue);
        let ids: Vec<String> = decode(text.as_bytes()).into_iter().map(|entry| entry.event().id).collect();
        prop_assert_eq!(ids, (0..count).map(|id| id.to_string()).collect::<Vec<_>>());
    }
}
