//! The corpus: hand-written rules with their probes, and rules made from real events by a seed.
//!
//! A generated rule starts from a field of a real event and asks something that holds for it; the
//! event goes into the corpus, and a copy in which the field is changed. What the rule means is never
//! computed here: the engines say it, and are compared.

use crate::support::decode_limits;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use tidegate::event::{Decoder, Entry, FieldSet, Format};
use tidegate::scan::{
    ReadBytes, find_inputs, first_event_time, open_input, read_entries, sort_inputs,
};

/// Where everything of this test lies.
pub(super) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/conformance")
}

/// A rule file with what it is about.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) constructs: Vec<String>,
    pub(super) text: String,
}

/// Rules and the events they are asked about.
pub(super) struct Corpus {
    pub(super) rules: Vec<Case>,
    pub(super) events: Vec<Value>,
    /// By event: how it was changed, where that alone makes engines differ.
    pub(super) changes: Vec<Option<&'static str>>,
}

impl Corpus {
    /// The same on every machine.
    pub(super) fn generate() -> Corpus {
        let real = real_events();
        let mut corpus = Corpus { rules: Vec::new(), events: Vec::new(), changes: Vec::new() };
        corpus.add_hand_written();
        for event in real.iter().take(REAL_EVENTS) {
            corpus.add_event(event.clone(), None);
        }
        let mut chance = Chance(0x7469_6465_6761_7465);
        for (kind, make) in KINDS {
            for number in 0..RULES_OF_A_KIND {
                let Some(made) = (0..200).find_map(|_| {
                    let event = &real[chance.below(real.len())];
                    make(event, &mut chance)
                }) else {
                    panic!("no event gives a rule of kind {kind}");
                };
                corpus.add_generated(&format!("{kind}_{number}"), kind, made, &real, &mut chance);
            }
        }
        for (at, event) in corpus.events.iter_mut().enumerate() {
            event["eventID"] = format!("00000000-0000-4000-8000-{at:012x}").into();
        }
        corpus
    }

    fn add_event(&mut self, event: Value, change: Option<&'static str>) {
        self.events.push(event);
        self.changes.push(change);
    }

    /// Each rule has a field of its own in place of `probe`, so that it is asked about its own probes
    /// and, with every other event, about an absent field.
    fn add_hand_written(&mut self) {
        for line in lines(&folder().join("hand.jsonl")) {
            let name = line["name"].as_str().expect("a rule has a name").to_owned();
            let text = match line["document"].as_str() {
                Some(document) => document.to_owned(),
                None => {
                    let detection = line["detection"].as_str().expect("a rule has a detection");
                    document(&name, detection) + line["own"].as_str().unwrap_or_default()
                }
            };
            let text = text.replace("probe.", &format!("{name}."));
            let constructs = line["constructs"].as_array().expect("a rule has constructs");
            let constructs = constructs.iter().map(|it| it.as_str().expect("text").to_owned());
            for probe in line["probes"].as_array().expect("a rule has probes") {
                let mut event = plain_event();
                event.insert(name.clone(), probe["probe"].clone());
                self.add_event(Value::Object(event), None);
            }
            self.rules.push(Case { name, constructs: constructs.collect(), text });
        }
    }

    fn add_generated(
        &mut self,
        name: &str,
        kind: &str,
        made: Made,
        real: &[Value],
        chance: &mut Chance,
    ) {
        let other = &real[chance.below(real.len())]["eventName"];
        let other = quoted(other.as_str().unwrap_or_default());
        let (searches, condition) = match chance.below(5) {
            0 => (format!("other: {{eventName: {other}}}\n"), "selection and not other"),
            1 => (format!("other: {{eventName: {other}}}\n"), "selection or other"),
            2 => (format!("sel_other: {{eventName: {other}}}\n"), "1 of sel*"),
            _ => (String::new(), "selection"),
        };
        let item = &made.item;
        let detection = format!("selection:\n  {item}\n{searches}condition: {condition}");
        let constructs = made.constructs.iter().chain([&kind]).map(ToString::to_string);
        let constructs: BTreeSet<String> = constructs.collect();
        self.rules.push(Case {
            name: name.to_owned(),
            constructs: constructs.into_iter().collect(),
            text: document(name, &detection),
        });
        let (changed, change) = mutated(&made.event, &made.path, chance);
        self.add_event(made.event, None);
        self.add_event(changed, change);
    }

    /// As it is committed.
    pub(super) fn rules_text(&self) -> String {
        let lines = self.rules.iter().map(|rule| {
            json!({"name": rule.name, "constructs": rule.constructs, "text": rule.text}).to_string()
        });
        lines.map(|line| line + "\n").collect()
    }

    /// As it is committed.
    pub(super) fn events_text(&self) -> String {
        self.events.iter().map(|event| event.to_string() + "\n").collect()
    }
}

/// The lines of a file as JSON.
pub(super) fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path)
        .unwrap_or_else(|problem| panic!("{}: {problem}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

const REAL_EVENTS: usize = 60;
const RULES_OF_A_KIND: usize = 7;

fn document(name: &str, detection: &str) -> String {
    let indented = format!("  {}\n", detection.replace('\n', "\n  "));
    format!(
        "title: {name}\nname: {name}\nlogsource:\n  product: aws\n  service: cloudtrail\ndetection:\n{indented}"
    )
}

/// An event that probes are put into.
fn plain_event() -> Map<String, Value> {
    let event = json!({
        "eventVersion": "1.09",
        "userIdentity": {"type": "IAMUser", "accountId": "111122223333", "userName": "zoe"},
        "eventTime": "2025-03-10T08:00:00Z",
        "eventSource": "ec2.amazonaws.com",
        "eventName": "DescribeTags",
        "awsRegion": "eu-central-1",
        "sourceIPAddress": "198.51.100.24",
        "eventID": "",
        "eventType": "AwsApiCall",
        "recipientAccountId": "111122223333",
    });
    event.as_object().expect("an object").clone()
}

/// One real event for each outline: source, name, success or not, type of identity.
fn real_events() -> Vec<Value> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cloudtrail");
    let mut inputs = find_inputs(&[data]);
    sort_inputs(&mut inputs.files, |input| first_event_time(input, decode_limits()));
    let mut decoder = Decoder::new(&FieldSet::default(), Format::Auto, decode_limits());
    let (mut events, mut seen) = (Vec::new(), BTreeSet::new());
    for input in &inputs.files {
        let reader = open_input(input, &ReadBytes::default()).expect("the file opens");
        let done = read_entries(reader, &mut decoder, decode_limits(), |_, entry| {
            if let Entry::Event(event) = entry {
                let event: Value = serde_json::from_slice(event.raw).expect("an event is JSON");
                let outline = (
                    event["eventSource"].to_string(),
                    event["eventName"].to_string(),
                    event["errorCode"].is_null(),
                    event["userIdentity"]["type"].to_string(),
                );
                // Long ones say nothing that short ones do not.
                if event.to_string().len() < 3000 && seen.insert(outline) {
                    events.push(event);
                }
            }
            Ok::<(), Infallible>(())
        });
        let Ok(()) = done.expect("the file is read");
    }
    events
}

/// A question that holds for its event.
struct Made {
    /// `'field|modifier': value`
    item: String,
    constructs: Vec<&'static str>,
    /// The field that the rule asks.
    path: String,
    event: Value,
}

type Maker = fn(&Value, &mut Chance) -> Option<Made>;

/// What rules are made of: a name, which is the construct it is about, and how.
const KINDS: [(&str, Maker); 26] = [
    ("equals", |event, chance| text_rule(event, chance, "", &[], |text, _| text.to_owned())),
    ("wildcard", |event, chance| {
        text_rule(event, chance, "", &[], |text, chance| {
            let (at, end) = chance.range(text.len());
            format!("{}*{}", &text[..at], &text[end..])
        })
    }),
    ("cased", |event, chance| text_rule(event, chance, "|cased", &[], |text, _| text.to_owned())),
    ("startswith", |event, chance| {
        text_rule(event, chance, "|startswith", &[], |text, chance| {
            text[..=chance.below(text.len() - 1)].to_ascii_uppercase()
        })
    }),
    ("endswith", |event, chance| {
        text_rule(event, chance, "|endswith", &[], |text, chance| {
            text[chance.below(text.len() - 1)..].to_ascii_uppercase()
        })
    }),
    ("contains", |event, chance| {
        text_rule(event, chance, "|contains", &[], |text, chance| {
            let (at, end) = chance.range(text.len());
            text[at..end].to_owned()
        })
    }),
    ("contains_cased", |event, chance| {
        text_rule(event, chance, "|contains|cased", &["contains", "cased"], |text, chance| {
            let (at, end) = chance.range(text.len());
            text[at..end].to_owned()
        })
    }),
    ("all", contains_all),
    ("list", |event, chance| {
        let (path, text) = pick(event, chance)?;
        let item = format!("{}: [{}, nothing, '*none*']", key(&path, ""), quoted(&text));
        Some(Made { item, constructs: vec![], path, event: event.clone() })
    }),
    ("re", |event, chance| {
        text_rule(event, chance, "|re", &[], |text, chance| {
            let (at, end) = chance.range(text.len());
            format!("{}.{{{}}}{}$", escaped(&text[..at]), end - at, escaped(&text[end..]))
        })
    }),
    ("re_i", |event, chance| {
        text_rule(event, chance, "|re|i", &["re", "i"], |text, _| {
            format!("^{}", escaped(&text.to_ascii_uppercase()))
        })
    }),
    ("exists", |event, chance| {
        let (path, _) = pick(event, chance)?;
        let item = format!("{}: true", key(&path, "|exists"));
        Some(Made { item, constructs: vec![], path, event: event.clone() })
    }),
    ("neq", |event, chance| {
        let (path, text) = pick(event, chance)?;
        let item = format!("{}: {}", key(&path, "|neq"), quoted(&format!("{text}x")));
        Some(Made { item, constructs: vec![], path, event: event.clone() })
    }),
    ("null", |event, _| {
        event.get("errorCode").is_none().then(|| Made {
            item: "'errorCode': null".into(),
            constructs: vec![],
            path: "errorCode".into(),
            event: event.clone(),
        })
    }),
    ("cidr", |event, chance| {
        let address = event["sourceIPAddress"].as_str()?;
        let address: std::net::Ipv4Addr = address.parse().ok()?;
        let prefix = 8 * (1 + u32::try_from(chance.below(4)).ok()?);
        let network =
            std::net::Ipv4Addr::from_bits(address.to_bits() >> (32 - prefix) << (32 - prefix));
        let item = format!("'sourceIPAddress|cidr': {network}/{prefix}");
        Some(Made {
            item,
            constructs: vec![],
            path: "sourceIPAddress".into(),
            event: event.clone(),
        })
    }),
    ("lt", |event, chance| number_rule(event, chance, "lt", 1)),
    ("lte", |event, chance| number_rule(event, chance, "lte", 0)),
    ("gt", |event, chance| number_rule(event, chance, "gt", -1)),
    ("gte", |event, chance| number_rule(event, chance, "gte", 0)),
    ("fieldref", |event, _| {
        let owner = event["userIdentity"]["accountId"].as_str()?;
        (event["recipientAccountId"] == owner).then(|| Made {
            item: "'userIdentity.accountId|fieldref': recipientAccountId".into(),
            constructs: vec![],
            path: "recipientAccountId".into(),
            event: event.clone(),
        })
    }),
    ("windash", |event, chance| {
        let dash = ["-", "/", "–", "—", "―"][chance.below(5)];
        let word = chance.word();
        Some(planted(
            event,
            &format!("tool {dash}{word} now"),
            &format!(" -{word} "),
            "|windash|contains",
            &["contains"],
        ))
    }),
    ("base64", |event, chance| {
        let word = chance.word();
        Some(planted(event, &STANDARD.encode(&word), &word, "|base64", &[]))
    }),
    ("base64offset", |event, chance| {
        let word = chance.word();
        let text = format!("{}{word}{}", &"xyz"[..chance.below(4)], &"abc"[..chance.below(4)]);
        Some(planted(event, &STANDARD.encode(text), &word, "|base64offset|contains", &["contains"]))
    }),
    ("wide", |event, chance| {
        let word = chance.word();
        let bytes: Vec<u8> = word.encode_utf16().flat_map(u16::to_le_bytes).collect();
        Some(planted(event, &STANDARD.encode(bytes), &word, "|wide|base64", &["base64"]))
    }),
    ("hour", |event, _| {
        let hour: u8 = event["eventTime"].as_str()?.get(11..13)?.parse().ok()?;
        let item = format!("'eventTime|hour': {hour}");
        Some(Made { item, constructs: vec![], path: "eventTime".into(), event: event.clone() })
    }),
    ("minute", |event, _| {
        let minute: u8 = event["eventTime"].as_str()?.get(14..16)?.parse().ok()?;
        let item = format!("'eventTime|minute': {minute}");
        Some(Made { item, constructs: vec![], path: "eventTime".into(), event: event.clone() })
    }),
];

fn text_rule(
    event: &Value,
    chance: &mut Chance,
    modifiers: &str,
    constructs: &[&'static str],
    value: impl Fn(&str, &mut Chance) -> String,
) -> Option<Made> {
    let (path, text) = pick(event, chance)?;
    let item = format!("{}: {}", key(&path, modifiers), quoted(&value(&text, chance)));
    Some(Made { item, constructs: constructs.to_vec(), path, event: event.clone() })
}

fn contains_all(event: &Value, chance: &mut Chance) -> Option<Made> {
    let (path, text) = pick(event, chance)?;
    let (middle, end) = (text.len() / 2, text.len() - 1);
    let (first, last) = (quoted(&text[1..middle]), quoted(&text[middle..end]));
    let item = format!("{}: [{last}, {first}]", key(&path, "|contains|all"));
    Some(Made { item, constructs: vec!["contains"], path, event: event.clone() })
}

/// A number is put into the event: real management events have few.
fn number_rule(event: &Value, chance: &mut Chance, modifier: &str, distance: i64) -> Option<Made> {
    let number = i64::try_from(1000 + chance.below(100_000)).ok()?;
    let mut event = event.clone();
    let path = "additionalEventData.bytesTransferredOut";
    set(&mut event, path, number.into());
    let item = format!("'{path}|{modifier}': {}", number + distance);
    Some(Made { item, constructs: vec![], path: path.into(), event })
}

/// A text is put into the event, and the rule asks for a value that finds it.
fn planted(
    event: &Value,
    text: &str,
    value: &str,
    modifiers: &str,
    constructs: &[&'static str],
) -> Made {
    let mut event = event.clone();
    let path = "planted.command";
    set(&mut event, path, text.into());
    let item = format!("{}: {}", key(path, modifiers), quoted(value));
    Made { item, constructs: constructs.to_vec(), path: path.into(), event }
}

/// What an event is known by: without it, a record is none.
const KEPT: [&str; 5] = ["eventID", "eventTime", "eventVersion", "eventType", "eventCategory"];

/// A field of the event that holds plain text, by its path; none inside arrays.
fn pick(event: &Value, chance: &mut Chance) -> Option<(String, String)> {
    let mut found = Vec::new();
    collect(event, "", &mut found);
    let is_plain = |text: &str| {
        (6..80).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || " .:/-_@=".contains(c))
    };
    found.retain(|(path, text)| is_plain(text) && !KEPT.contains(&path.as_str()));
    (!found.is_empty()).then(|| found.swap_remove(chance.below(found.len())))
}

fn collect(value: &Value, path: &str, found: &mut Vec<(String, String)>) {
    let Some(members) = value.as_object() else { return };
    for (name, member) in members {
        if name.contains(['.', '|', '\'']) {
            continue;
        }
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match member {
            Value::String(text) => found.push((path, text.clone())),
            member => collect(member, &path, found),
        }
    }
}

/// A copy in which the field says something else, or nothing, and the name of the change where it is
/// one of kind.
fn mutated(event: &Value, path: &str, chance: &mut Chance) -> (Value, Option<&'static str>) {
    let mut event = event.clone();
    if path == "eventTime" {
        // The event's own time must stay one.
        set(&mut event, path, "2024-02-29T00:59:59Z".into());
        return (event, None);
    }
    let pointer = format!("/{}", path.replace('.', "/"));
    let text = match event.pointer(&pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => "text".to_owned(),
    };
    let kinds = if ["eventSource", "eventName"].contains(&path) { 4 } else { 7 };
    let (value, change) = match chance.below(kinds) {
        0 | 1 => (text.to_ascii_uppercase().into(), None),
        2 => (format!("{text}x").into(), None),
        3 => (text.chars().rev().collect::<String>().into(), None),
        4 => (json!([text, "other"]), Some("a list in place of a text")),
        5 => (Value::Null, Some("null in place of a text")),
        _ => {
            remove(&mut event, path);
            return (event, None);
        }
    };
    set(&mut event, path, value);
    (event, change)
}

fn set(event: &mut Value, path: &str, value: Value) {
    let mut at = event;
    for name in path.split('.') {
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[name];
    }
    *at = value;
}

fn remove(event: &mut Value, path: &str) {
    let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
    let parent =
        if parent.is_empty() { String::new() } else { format!("/{}", parent.replace('.', "/")) };
    if let Some(members) = event.pointer_mut(&parent).and_then(Value::as_object_mut) {
        members.remove(name);
    }
}

fn key(path: &str, modifiers: &str) -> String {
    format!("'{path}{modifiers}'")
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn escaped(text: &str) -> String {
    let escape = |c: char| if c.is_ascii_alphanumeric() { c.to_string() } else { format!("[{c}]") };
    text.chars().map(escape).collect()
}

/// Splitmix64: numbers from a seed that are the same everywhere.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).expect("small").max(1);
        usize::try_from(self.next() % bound).expect("small")
    }

    /// A part of a text of this length: at least two characters, and not all of it.
    fn range(&mut self, len: usize) -> (usize, usize) {
        let at = self.below(len - 3);
        (at, at + 2 + self.below(len - at - 2))
    }

    fn word(&mut self) -> String {
        (0..8).map(|_| char::from(b'a' + u8::try_from(self.below(26)).expect("small"))).collect()
    }
}

/// What our decoder makes of the event, asked by `ask`.
pub(super) fn decoded(
    decoder: &mut Decoder,
    event: &Value,
    mut ask: impl FnMut(&tidegate::event::Event<'_>),
) {
    let done: Result<(), Infallible> = decoder.decode(event.to_string().as_bytes(), |entry| {
        match entry {
            Entry::Event(event) => ask(event),
            other => panic!("{event} is no event: {other:?}"),
        }
        Ok(())
    });
    let Ok(()) = done;
}
