//! The shipped rules: complete, clean, tested, valid by our schema and by Sigma's.

use super::super::{
    Kind, ListValues, LoadOptions, Place, Rule, RuleSet, Severity, Tune, builtin, load, schema,
    tests,
};
use super::super::{report::Report, yaml};
use crate::event::Source;
use serde_json::Value;
use std::collections::BTreeSet;
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

/// Name and id of every rule that alerts. Neither ever changes: alerts, configurations and playbooks
/// hold them.
const INDEX: &[(&str, &str)] = &[
    ("s3_large_download", "0c8e6c1a-4c1f-4a8e-9a75-6f6d4a4f8b11"),
    ("s3_large_download_principal", "47eaa099-2cb6-416d-86dc-283cf0480ff9"),
    ("s3_large_download_compat", "1509bb0a-9bf1-4331-8a11-8783593942a4"),
    ("s3_download_day", "f5ec52ed-0108-4475-92e1-bc7656670b14"),
    ("vpce_s3_external_ip", "9a1e40b4-5815-4a99-99e2-d15364c7a500"),
    ("vpce_access_denied", "68b4aef7-3eaa-4e17-9d8a-4eace693ae2d"),
    ("vpce_external_principal", "142c8364-7806-4577-93e7-83e7eb04b39b"),
    ("vpce_sensitive_api", "3b041641-1788-44f2-a60d-f25453fe2e85"),
    ("s3_object_count", "00a154d8-5ed8-4bcc-b5c7-19c2add9ca88"),
    ("s3_object_count_bucket", "c0290103-855d-4f55-99ec-8712e8e3574f"),
    ("s3_object_count_global", "6e704245-a4ff-41e3-a794-9b80dcb0b82e"),
    ("s3_distinct_objects", "de1b1471-320a-48ea-b7a7-88d106762832"),
    ("s3_list_sweep", "4350cc17-21e5-4f21-acd5-52a09ddbef12"),
    ("s3_read_new_address", "9ed89edd-d684-4325-b600-e6129ec04ece"),
    ("s3_read_off_hours", "627bf322-5fac-4cb6-a34a-cb115ee347dd"),
    ("s3_foreign_caller", "a930d55d-9545-40f3-ae88-9fe46f2c7a8c"),
    ("s3_foreign_account_new", "43f2f193-6e85-4f08-b592-7b0fe339d309"),
    ("s3_copy_to_foreign_bucket", "990d3cd8-381d-422f-850c-86bd84e0164b"),
    ("s3_copy_external_compat", "e07cb579-3e7f-497b-bcc1-c0c8b0cdf20a"),
    ("s3_copy_burst", "78f6d824-86ea-4214-b5c3-4e7e77ca4499"),
    ("s3_upload_to_foreign_bucket", "1dcd327f-761e-47cb-bb7e-8913655c1d15"),
    ("s3_uncommon_client", "38bf8cc2-79b5-4a73-838e-4a118913c782"),
    ("s3_uncommon_client_compat", "5b0f7f0e-3a4c-4d58-9a0e-6d7a1c2e94b7"),
    ("s3_policy_public", "d38cf734-19a7-4ae4-bdf3-bae7d3f28783"),
    ("s3_policy_external_account", "61796ac4-1055-4b62-9804-abbec2b8c1c5"),
    ("s3_acl_public", "95655d03-be61-4ea4-bf28-bbfa4dee94f9"),
    ("s3_replication_external", "e5600642-060d-4a21-a64b-88b0402db603"),
    ("s3_public_access_block_off", "3c0eea66-9918-4b1d-bee7-a16b0a6bf830"),
    ("s3_vpce_deny_removed", "efdeed7f-9f6f-4756-a0cd-a0172bac7c60"),
    ("s3_access_outside_vpce", "fb474e95-e2f0-4826-ba91-53bde3221553"),
    ("vpce_policy_opened", "980f951c-e392-4fcd-b6d4-d9b1cac733f4"),
    ("s3_anonymous_read", "7acfa1b6-1d31-43ab-bd3f-3fbf902456cf"),
    ("s3_anonymous_burst", "e85a57fc-9b39-44c1-be12-7b35baaa7b43"),
    ("s3_anonymous_new_source", "4e64eff0-ad52-43c3-8c41-1c6db644c0fe"),
    ("s3_presigned_large", "bfbfc1d9-fe27-4f1a-9db8-8d09aca93b03"),
    ("imds_credentials_outside", "42eb80dc-a7c3-4599-8ff8-330c4d719ec7"),
    ("s3_denied_burst", "c1a1dbfd-f049-4dc0-9392-e4527ea2fb2b"),
    ("s3_guess_then_read", "88aaeb7c-b314-4f25-8e68-33eb0bd47e27"),
    ("iam_recon_denied", "33c6a5a5-b2b1-40da-8f65-92a5a30abf65"),
    ("s3_posture_sweep", "372c4235-87a2-4abd-9c64-4f950d5e92c8"),
    ("s3_credential_file_read", "6379e369-3367-4dd4-890d-a4fc0b39b779"),
    ("s3_decoy_access", "2a868409-3797-420b-ba32-2062ce9001ef"),
    ("s3_copy_kms_external", "cb80142c-81e8-4a41-a64f-74fea5b5c578"),
    ("s3_sse_c_burst", "4c02aa64-2a33-417d-afc5-2a098b36cd0c"),
    ("s3_delete_burst", "2c75bf61-45d1-449a-8ba1-70c9e6c39385"),
    ("s3_delete_many", "14c7fc1c-85f5-447a-b258-c319f97bf1b8"),
    ("s3_copy_out_then_delete", "d26d4b5a-c542-4767-83f7-fbb2c1465919"),
    ("s3_logging_disabled", "fdec65fe-7212-4737-b222-d7283ab5a383"),
    ("s3_versioning_suspended", "d4d49510-4513-49a4-9354-8b905e5c7474"),
    ("s3_mfa_delete_disabled", "0a3bf4d9-c097-4e13-89a5-b1d8560d8297"),
    ("s3_encryption_deleted", "ab00ca3e-e989-4e77-b218-d06eec35bea1"),
    ("s3_replication_deleted", "99fb6ec6-63bc-45c1-8c1a-87369f4b56d2"),
    ("s3_bucket_protection_deleted", "1eefb5c0-fe3f-4f14-a06f-c89649f9b43a"),
    ("s3_bucket_policy_modified", "e0776f79-4505-45f3-b345-ea49da86430a"),
    ("s3_short_expiry", "72defbc6-89b4-4b2d-b586-b1ff50295142"),
    ("s3_controls_disabled", "92c3bfee-8e9f-4526-b4ab-769e1d4756cb"),
    ("cloudtrail_s3_logging_weakened", "305a34ba-d517-44d0-bbbd-ae4687b112e8"),
    ("flow_logs_deleted", "42569925-f61e-46e9-aa22-64acc8daa038"),
    ("guardduty_s3_protection_off", "1afd72ae-e000-4d36-9a40-515e6c3b8027"),
    ("macie_evasion", "c682edf6-fa4a-4a5b-9dee-aa9ca5383ca5"),
    ("s3_bulk_export_job", "ef30ab82-9248-412c-83bc-936d3b6ad9d4"),
];

/// Rules that ship switched off.
const DISABLED: [&str; 5] = [
    "s3_large_download_compat",
    "s3_object_count_global",
    "s3_read_off_hours",
    "s3_copy_external_compat",
    "s3_uncommon_client_compat",
];

/// Rules that are left out until a deployment names its accounts.
const NEED_ACCOUNTS: [&str; 7] = [
    "s3_foreign_caller",
    "s3_foreign_account_new",
    "s3_copy_to_foreign_bucket",
    "s3_upload_to_foreign_bucket",
    "s3_policy_external_account",
    "s3_replication_external",
    "s3_copy_out_then_delete",
];

fn nowhere() -> Place {
    Place { file: "test".into(), line: 0, column: 0 }
}

/// The accounts of a deployment, and every rule switched on.
fn everything() -> LoadOptions {
    let accounts = ListValues {
        name: "our_accounts".into(),
        kind: None,
        values: vec!["111122223333".into()],
        places: Vec::new(),
        required: false,
        empty: None,
        place: nowhere(),
    };
    let on = |(name, _): &(&str, &str)| Tune { enabled: Some(true), ..Tune::new(name, nowhere()) };
    LoadOptions {
        lists: vec![accounts],
        tune: INDEX.iter().map(on).collect(),
        ..LoadOptions::default()
    }
}

/// Those that alert: helpers of correlations are rules too, and silent.
fn alerting(rules: &RuleSet) -> impl Iterator<Item = &Rule> {
    rules.rules().iter().filter(|rule| !rule.silent)
}

fn names(rules: &RuleSet) -> Vec<&str> {
    alerting(rules).map(|rule| rule.text.name.as_str()).collect()
}

#[test]
fn the_pack_loads_without_any_problem() {
    let loaded = load(&builtin(), &LoadOptions { deny_warnings: true, ..everything() });

    assert!(loaded.problems.is_empty(), "{:#?}", loaded.problems);
    let rules = loaded.rules.unwrap();
    let ids: Vec<_> =
        alerting(&rules).map(|rule| (rule.text.name.as_str(), rule.text.id.as_str())).collect();
    assert_eq!(ids, INDEX);
}

#[test]
fn without_accounts_the_rules_that_need_them_are_left_out_with_a_warning_that_names_the_list() {
    let loaded = load(&builtin(), &LoadOptions::default());

    for problem in &loaded.problems {
        assert_eq!((problem.severity, problem.code), (Severity::Warning, "list-empty"));
        assert!(problem.to_string().contains("our_accounts"), "{problem}");
    }
    let rules = loaded.rules.unwrap();
    let is_left_out = |name: &&str| DISABLED.contains(name) || NEED_ACCOUNTS.contains(name);
    let expected = INDEX.iter().map(|(name, _)| *name).filter(|name| !is_left_out(name));
    assert_eq!(names(&rules), expected.collect::<Vec<_>>());
}

#[test]
fn a_deployment_that_wants_such_a_rule_by_name_has_to_give_its_accounts() {
    let mut tune = Tune::new("s3_foreign_caller", nowhere());
    tune.enabled = Some(true);
    let options = LoadOptions { tune: vec![tune], ..LoadOptions::default() };

    let loaded = load(&builtin(), &options);

    assert!(loaded.rules.is_none());
    let errors = loaded.problems.iter().filter(|problem| problem.severity == Severity::Error);
    assert!(errors.clone().count() >= 1);
    assert!(errors.into_iter().all(|problem| problem.what.contains("our_accounts")));
}

#[test]
fn rules_that_no_single_partition_can_count_are_left_out_where_cloudtrail_is_keyed_by_principal() {
    let key = Some(vec!["tidegate.principal".to_owned()]);
    let options = LoadOptions { partition_key: vec![(Source::CloudTrail, key)], ..everything() };

    let rules = load(&builtin(), &options).rules.unwrap();

    let here = names(&rules);
    let elsewhere: Vec<&str> =
        INDEX.iter().map(|(name, _)| *name).filter(|name| !here.contains(name)).collect();
    assert_eq!(
        elsewhere,
        [
            "s3_object_count_bucket",
            "s3_object_count_global",
            "s3_foreign_account_new",
            "s3_uncommon_client_compat",
            "s3_vpce_deny_removed",
            "s3_anonymous_burst",
            "s3_copy_out_then_delete",
        ]
    );
}

#[test]
fn every_rule_says_where_it_comes_from_and_what_it_means() {
    let rules = load(&builtin(), &everything()).rules.unwrap();
    for rule in alerting(&rules) {
        let text = &rule.text;
        let has_tag = |start: &str| text.tags.iter().any(|tag| tag.starts_with(start));
        assert!(has_tag("origin.") && has_tag("attack.t"), "{}", text.name);
        assert!(!text.description.is_empty() && !text.runbook.is_empty(), "{}", text.name);
        assert!(!text.references.is_empty(), "{}", text.name);
        assert!(text.alert_title.is_some(), "{}", text.name);
        let context = |name: &str| text.alert_context.iter().any(|(ours, _)| ours == name);
        for name in ["eventName", "awsRegion", "sourceIPAddress", "user_arn", "account_id"] {
            assert!(context(name), "{} shows no {name}", text.name);
        }
        let shown = text.alert_context.len() + rule.collect.len();
        assert!(shown <= 32, "{}: an alert shows no more than 32 of {shown}", text.name);
    }
}

#[test]
fn every_alerting_rule_has_a_positive_and_a_negative_test() {
    let (tests, problems) = tests::of(&builtin());
    assert!(problems.is_empty(), "{problems:#?}");
    let rules = load(&builtin(), &everything()).rules.unwrap();

    for rule in alerting(&rules) {
        let of_rule: Vec<_> = tests.iter().filter(|test| test.rule == rule.text.name).collect();
        assert!(of_rule.iter().any(|test| test.expect.alerts > 0), "{}", rule.text.name);
        assert!(of_rule.iter().any(|test| test.expect.alerts == 0), "{}", rule.text.name);
        assert!(rule.text.alert_title.is_some() && !rule.text.runbook.is_empty());
    }
}

#[test]
fn every_test_loads_with_its_own_values_and_makes_its_events() {
    let (tests, _) = tests::of(&builtin());

    let mut loaded = BTreeSet::new();
    for test in tests {
        // Many tests have the same values, and a load of the whole pack takes a while.
        let is_off = DISABLED.contains(&test.rule.as_str());
        if loaded.insert((format!("{:?}", test.with), is_off.then(|| test.rule.clone()))) {
            let loaded = load(&builtin(), &test.options());
            let rules =
                loaded.rules.unwrap_or_else(|| panic!("{}: {:#?}", test.name, loaded.problems));
            assert!(rules.find(&test.rule).is_some());
        }
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
    let rules = load(&builtin(), &everything()).rules.unwrap();
    let windows = [
        ("s3_large_download", 600_000, 52_428_800),
        ("s3_large_download_principal", 600_000, 52_428_800),
        ("s3_large_download_compat", 600_000, 52_428_800),
        ("s3_download_day", 86_400_000, 1_073_741_824),
        ("s3_object_count", 3_600_000, 1_001),
        ("s3_object_count_bucket", 3_600_000, 1_001),
        ("s3_object_count_global", 3_600_000, 1_001),
        ("s3_distinct_objects", 3_600_000, 1_000),
        ("s3_list_sweep", 600_000, 20),
        ("s3_read_off_hours", 3_600_000, 100),
        ("s3_copy_burst", 3_600_000, 1_001),
        ("s3_upload_to_foreign_bucket", 600_000, 52_428_800),
        ("s3_anonymous_burst", 3_600_000, 15),
        ("s3_presigned_large", 600_000, 52_428_800),
        ("s3_denied_burst", 360_000, 40),
        ("s3_guess_then_read", 3_600_000, 1),
        ("iam_recon_denied", 600_000, 15),
        ("s3_posture_sweep", 10_000, 16),
        ("s3_sse_c_burst", 3_600_000, 20),
        ("s3_delete_burst", 3_600_000, 50),
        ("s3_copy_out_then_delete", 108_000_000, 1),
        ("s3_controls_disabled", 5_400_000, 2),
        ("macie_evasion", 1_000, 1),
        ("s3_vpce_deny_removed", 1_000, 1),
    ];
    for (name, millis, least) in windows {
        let Kind::Window(window) = &rules.rule(rules.find(name).unwrap()).kind else { panic!() };
        assert_eq!((window.span.as_millis(), window.tiers[0].gte), (millis, least), "{name}");
    }
    let counted = alerting(&rules).filter(|rule| matches!(rule.kind, Kind::Window(_))).count();
    assert_eq!(counted, windows.len());
}
