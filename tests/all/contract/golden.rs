//! Records of every release: they parse, round-trip and validate for ever (alerts.md §10).

use super::fixture::{
    GET_OBJECT, contract_path, create, escalate, json, matched, triggered_by, write,
};
use super::ocsf::validator;
use serde_json::Value;
use std::path::PathBuf;
use tidegate::alert::rewrite;
use tidegate::detect::Finding;

/// Where the records of the coming release are.
const COMING: &str = "golden/0.1.0";

fn today() -> Vec<(&'static str, Finding)> {
    let anonymous = {
        let mut event: Value = serde_json::from_str(GET_OBJECT).expect("the fixture is JSON");
        event["userIdentity"] =
            serde_json::json!({"type": "AWSAccount", "principalId": "", "accountId": "anonymous"});
        event["sourceIPAddress"] = "2001:db8::1".into();
        event["userAgent"] = "evil\u{202e}\u{1b}[2J".into();
        event
    };
    vec![
        ("create", create()),
        ("escalate", escalate()),
        ("match", Finding { per_event: true, ..matched() }),
        ("anonymous-hostile", triggered_by(matched(), &anonymous)),
    ]
}

#[test]
fn todays_records_are_the_golden_ones() {
    for (name, finding) in today() {
        let path = contract_path(COMING).join(format!("{name}.json"));
        let value = write(&finding).value;
        if std::env::var_os("TIDEGATE_BLESS").is_some() {
            std::fs::write(&path, &value).expect("the golden folder can be written");
        }
        let golden = std::fs::read(&path).expect("golden records are in the clone");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(text(&golden), text(&value), "{name}: TIDEGATE_BLESS=1 records a new one");
    }
}

/// Keys and headers of the golden records, one JSON object a line, for judges in other languages.
#[test]
fn todays_envelopes_are_the_golden_ones() {
    let mut lines = String::new();
    for (name, finding) in today() {
        let alert = write(&finding);
        let headers: Vec<Value> =
            alert.headers.iter().map(|(name, value)| serde_json::json!([name, value])).collect();
        let line = serde_json::json!({
            "file": format!("{name}.json"), "key": alert.key, "headers": headers,
        });
        lines.push_str(&format!("{line}\n"));
    }
    let path = contract_path(COMING).join("envelopes.jsonl");
    if std::env::var_os("TIDEGATE_BLESS").is_some() {
        std::fs::write(&path, &lines).expect("the golden folder can be written");
    }
    let golden = std::fs::read_to_string(&path).expect("golden envelopes are in the clone");
    assert_eq!(golden, lines, "TIDEGATE_BLESS=1 records new ones");
}

#[test]
fn golden_records_of_every_release_round_trip_and_validate() {
    let newest = validator("1.8.0");
    let files = golden_files();
    assert!(files.len() >= today().len());
    for path in files {
        let value = std::fs::read(&path).expect("golden records can be read");
        let golden: Value = serde_json::from_slice(&value).expect("golden records are JSON");
        let again = rewrite(&value).expect("today's types read it");
        let again: Value = serde_json::from_slice(&again).expect("an alert is JSON");
        assert_eq!(again, golden, "{}", path.display());
        assert!(newest.is_valid(&golden), "{}", path.display());
    }
}

#[test]
fn what_is_no_alert_is_not_read_as_one() {
    for value in [&b"{}"[..], b"null", b"[1]", br#"{"message":"x"}"#] {
        assert!(rewrite(value).is_err());
    }
}

#[test]
fn a_written_record_is_read_back_in_the_same_order() {
    for (_, finding) in today() {
        let value = write(&finding).value;
        assert_eq!(rewrite(&value).expect("our own record"), value);
        assert!(json(&write(&finding)).is_object());
    }
}

fn golden_files() -> Vec<PathBuf> {
    let releases = std::fs::read_dir(contract_path("golden")).expect("golden/ is in the clone");
    let mut files = Vec::new();
    for release in releases {
        let folder = release.expect("a folder entry").path();
        for file in std::fs::read_dir(folder).expect("a release's folder") {
            files.push(file.expect("a file entry").path());
        }
    }
    files.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    files.sort();
    files
}
