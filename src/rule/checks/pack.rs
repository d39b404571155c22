//! The shipped rules: complete, clean, tested, valid by our schema and by Sigma's.

use super::super::{Kind, LoadOptions, builtin, load, schema, tests};
use super::super::{report::Report, yaml};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn documents() -> Vec<(String, Value)> {
    let mut documents = Vec::new();
    for file in builtin() {
        let mut report = Report::new(&file.name);
        for node in yaml::read(&file.text, &mut report) {
            documents.push((file.name.clone(), node.to_json()));
        }
    }
    documents
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the test reads its data; the room does not")]
fn every_file_of_the_folder_is_embedded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let mut on_disk = Vec::new();
    for group in fs::read_dir(folder).unwrap() {
        let group = group.unwrap().path();
        for file in fs::read_dir(&group).unwrap() {
            let file = file.unwrap().path();
            let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
            let text = fs::read_to_string(&file).unwrap();
            on_disk.push((format!("builtin:{}/{}", name(&group), name(&file)), text));
        }
    }
    on_disk.sort();

    let mut embedded: Vec<_> = builtin().into_iter().map(|file| (file.name, file.text)).collect();
    embedded.sort();

    assert_eq!(on_disk, embedded);
}

#[test]
fn the_pack_loads_without_any_problem() {
    let loaded = load(&builtin(), &LoadOptions { deny_warnings: true, ..LoadOptions::default() });

    assert!(loaded.problems.is_empty(), "{:#?}", loaded.problems);
    let rules = loaded.rules.unwrap();
    let ids: Vec<_> =
        rules.rules().iter().map(|rule| (rule.text.name.as_str(), rule.text.id.as_str())).collect();
    assert_eq!(
        ids,
        [
            ("s3_large_download", "0c8e6c1a-4c1f-4a8e-9a75-6f6d4a4f8b11"),
            ("s3_large_download_principal", "47eaa099-2cb6-416d-86dc-283cf0480ff9"),
            ("s3_object_count", "00a154d8-5ed8-4bcc-b5c7-19c2add9ca88"),
            ("vpce_s3_external_ip", "9a1e40b4-5815-4a99-99e2-d15364c7a500"),
        ]
    );
}

#[test]
fn the_pack_is_local_where_cloudtrail_is_keyed_by_principal() {
    let key = Some(vec!["tidegate.principal".to_owned()]);
    let options = LoadOptions {
        partition_key: vec![(crate::event::Source::CloudTrail, key)],
        deny_warnings: true,
        ..LoadOptions::default()
    };

    assert_eq!(load(&builtin(), &options).rules.unwrap().rules().len(), 4);
}

#[test]
fn every_alerting_rule_has_a_positive_and_a_negative_test() {
    let (tests, problems) = tests::of(&builtin());
    assert!(problems.is_empty(), "{problems:#?}");
    let rules = load(&builtin(), &LoadOptions::default()).rules.unwrap();

    for rule in rules.rules() {
        let of_rule: Vec<_> = tests.iter().filter(|test| test.rule == rule.text.name).collect();
        assert!(of_rule.iter().any(|test| test.expect.alerts > 0), "{}", rule.text.name);
        assert!(of_rule.iter().any(|test| test.expect.alerts == 0), "{}", rule.text.name);
        assert!(rule.text.alert_title.is_some() && !rule.text.runbook.is_empty());
    }
}

#[test]
fn every_test_loads_with_its_own_values_and_makes_its_events() {
    let (tests, _) = tests::of(&builtin());

    for test in tests {
        let mut options = test.options();
        options.deny_warnings = true;
        let loaded = load(&builtin(), &options);
        let rules = loaded.rules.unwrap_or_else(|| panic!("{}: {:#?}", test.name, loaded.problems));
        assert!(rules.find(&test.rule).is_some());
        for event in &test.events {
            let record: Value = serde_json::from_str(event).unwrap();
            assert!(record.get("eventID").is_some_and(Value::is_string), "{event}");
            assert!(record.get("eventTime").is_some_and(Value::is_string), "{event}");
        }
    }
}

#[test]
fn the_pack_fits_our_schema() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for (file, document) in documents() {
        let errors: Vec<_> =
            validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{file}: {errors:#?}");
    }
}

#[test]
fn the_schema_refuses_what_the_check_refuses() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let (_, good) =
        documents().into_iter().find(|(_, one)| one.get("correlation").is_some()).unwrap();
    assert!(validator.is_valid(&good));
    for (pointer, value) in [
        ("/tidegate/windov", Value::from("sliding")),
        ("/tidegate/window", Value::from("session")),
        ("/tidegate/new-terms", Value::from("x")),
        ("/level", Value::from("hgh")),
        ("/correlation/timespan", Value::from("1x")),
        ("/tidegate/dedup/period", Value::from(10)),
    ] {
        let mut wrong = good.clone();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = wrong.pointer_mut(parent).and_then(Value::as_object_mut).unwrap();
        parent.insert(key.into(), value);
        assert!(!validator.is_valid(&wrong), "{pointer}");
    }
}

#[test]
fn windows_of_the_pack_are_what_the_titles_say() {
    let rules = load(&builtin(), &LoadOptions::default()).rules.unwrap();
    for (name, millis, least) in [
        ("s3_large_download", 600_000, 52_428_800),
        ("s3_large_download_principal", 600_000, 52_428_800),
        ("s3_object_count", 3_600_000, 1001),
    ] {
        let Kind::Window(window) = &rules.rule(rules.find(name).unwrap()).kind else { panic!() };
        assert_eq!((window.span.as_millis(), window.tiers[0].gte), (millis, least), "{name}");
    }
}
