//! The verbs on rules: test, explain, rules show, lint and import, validate --against, lists in files.

use super::process::{Ended, call_in, tidegate, within};
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

/// A rule with a test whose expectation is `alerts`.
fn rule(alerts: u32) -> String {
    format!(
        "title: Read by alice
id: 8d6f3f62-4b0e-4b58-9a7b-6a1d5f0b3c11
name: read_by_alice
logsource: {{product: aws, service: cloudtrail}}
detection:
  selection:
    eventName: GetObject
    userIdentity.userName: alice
  condition: selection
level: low
tidegate:
  tests:
    - name: 'P: alice reads'
      events: [{{template: getobject}}]
      expect: {{alerts: {alerts}, level: low}}
    - name: 'N: bob reads'
      events: [{{template: getobject, event: {{userIdentity.userName: bob}}}}]
      expect: {{alerts: 0}}
"
    )
}

/// What is said beside the shipped rules that are left out without a deployment's lists and keys.
fn faults(ended: &Ended) -> Vec<&str> {
    ended.stderr.lines().filter(|line| !line.contains(" warning ")).collect()
}

fn folder_with(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("inside")).expect("a folder");
        std::fs::write(path, text).expect("is written");
    }
    folder
}

/// A read of `bytes` by alice at `time` of one day.
fn read(id: u32, time: &str, bytes: u64) -> String {
    format!(
        "{{\"eventVersion\":\"1.11\",\"eventTime\":\"2025-03-10T{time}Z\",\"eventID\":\"{id}\",\
         \"eventSource\":\"s3.amazonaws.com\",\"eventName\":\"GetObject\",\
         \"userIdentity\":{{\"type\":\"IAMUser\",\"userName\":\"alice\",\
         \"arn\":\"arn:aws:iam::111122223333:user/alice\"}},\
         \"requestParameters\":{{\"bucketName\":\"b\",\"key\":\"k\"}},\
         \"additionalEventData\":{{\"bytesTransferredOut\":{bytes}}}}}"
    )
}

#[test]
fn the_shipped_rules_pass_their_tests() {
    let folder = folder_with(&[]);

    let ended = call_in(folder.path(), &["test"]);

    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""), "{}", ended.stdout);
    assert!(ended.stdout.ends_with(" failed\n") && ended.stdout.contains(", 0 failed"));
    assert!(ended.stdout.lines().count() > 50, "{}", ended.stdout);
}

#[test]
fn a_test_that_fails_shows_what_differs_and_exits_with_1() {
    let folder = folder_with(&[("r.yml", &rule(2))]);

    let ended = call_in(folder.path(), &["test", "r.yml"]);

    assert_eq!((ended.status, ended.stderr.as_str()), (Some(1), ""));
    assert_eq!(
        ended.stdout,
        "FAIL  read_by_alice: P: alice reads (r.yml:13:7)\n        alerts\n          \
         expected  2\n          got       1\nok    read_by_alice: N: bob reads\n\
         2 tests of 1 rules, 1 failed\n"
    );
    let json = call_in(folder.path(), &["test", "r.yml", "--format", "json"]);
    let told: serde_json::Value = serde_json::from_str(&json.stdout).expect("is JSON");
    assert_eq!(told["failed"], 1);
    assert_eq!(told["results"][0]["differences"][0]["got"], "1");
    let junit = call_in(folder.path(), &["test", "r.yml", "--format", "junit"]);
    assert!(junit.stdout.contains("<failure message=\"alerts: expected 2, got 1\">"));
}

#[test]
fn coverage_names_the_kinds_of_test_that_a_rule_lacks() {
    let folder = folder_with(&[("r.yml", &rule(1))]);

    let ended = call_in(folder.path(), &["test", "r.yml", "--coverage"]);

    assert_eq!(ended.status, Some(1));
    let expected = "read_by_alice  PN---!--  missing D\n  D: the deciding event arrives twice\n";
    assert!(ended.stdout.contains(expected), "{}", ended.stdout);
}

#[test]
fn the_tests_that_a_sigmahq_rule_names_are_run() {
    let text =
        rule(1).replace("level: low\n", "level: low\nregression_tests_path: data/info.yml\n");
    let info = "id: x\nregression_tests_info:\n    - name: Positive Detection Test\n      \
                type: json\n      provider: CloudTrail\n      match_count: 2\n      \
                path: data/events.json\n";
    let events = format!("{}\n{}\n", read(1, "08:00:00", 1), read(2, "08:00:01", 1));
    let files =
        [("rules/r.yml", text.as_str()), ("data/info.yml", info), ("data/events.json", &events)];
    let folder = folder_with(&files);

    let ended = call_in(folder.path(), &["test", "rules"]);

    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""), "{}", ended.stdout);
    assert!(ended.stdout.contains("ok    read_by_alice: Positive Detection Test\n"));
    std::fs::write(folder.path().join("data/events.json"), read(1, "08:00:00", 1)).expect("writes");
    let fewer = call_in(folder.path(), &["test", "rules"]);
    assert_eq!(fewer.status, Some(1));
    assert!(fewer.stdout.contains("expected  2\n          got       1\n"), "{}", fewer.stdout);
}

#[test]
fn events_of_a_file_stand_where_the_test_names_it() {
    let text = rule(1).replace(
        "events: [{template: getobject}]",
        "events: [{template: getobject, event: {userIdentity.userName: bob}}, {file: two.jsonl}]",
    );
    let events = format!("{}\n{}\n", read(1, "08:00:00", 1), read(2, "09:30:00", 1));
    let folder = folder_with(&[("rules/r.yml", &text), ("rules/two.jsonl", &events)]);

    let ended = call_in(folder.path(), &["test", "rules"]);

    // Two reads more than an hour apart are two findings.
    assert!(ended.stdout.contains("expected  1\n          got       2\n"), "{}", ended.stdout);
    std::fs::remove_file(folder.path().join("rules/two.jsonl")).expect("is removed");
    let missing = call_in(folder.path(), &["test", "rules"]);
    assert_eq!(missing.status, Some(78));
    assert!(missing.stderr.contains("r.yml:13:7 error test-data "), "{}", missing.stderr);
}

#[test]
fn tuning_changes_what_fires_and_resets_nothing() {
    let folder = folder_with(&[("a.jsonl", &read(1, "08:00:00", 60_000_000))]);
    let raise = ["--set", "rule.s3_large_download.threshold=100MiB"];
    let alerts = |more: &[&str]| {
        let arguments = [&["scan", "a.jsonl", "--summary"], more].concat();
        call_in(folder.path(), &arguments).stdout.contains("s3_large_download\"")
    };
    let state = |more: &[&str]| {
        let arguments =
            [&["rules", "show", "s3_large_download", "--format", "json"], more].concat();
        let ended = call_in(folder.path(), &arguments);
        let told: serde_json::Value = serde_json::from_str(&ended.stdout).expect("is JSON");
        told["runs"]["state"].as_str().expect("a state").to_owned()
    };

    assert!(alerts(&[]));
    assert!(!alerts(&raise));
    assert_eq!(state(&[]), state(&raise));
    assert_ne!(state(&[]), state(&["--set", "rule.s3_large_download.timespan=11m"]));
    // The same for a filter: the read is of bucket b.
    for (bucket, fires) in [("b", true), ("finance", false)] {
        let filter = format!(
            "title: One bucket\nname: one_bucket\n\
             logsource: {{product: aws, service: cloudtrail}}\nfilter: {{rules: [s3_large_download], \
             other: {{tidegate.bucket|neq: {bucket}}}, condition: not other}}\n"
        );
        std::fs::write(folder.path().join("one.yml"), filter).expect("is written");
        let filtered = ["--set", "rules.paths=one.yml"];
        assert_eq!(alerts(&filtered), fires, "{bucket}");
        assert_eq!(state(&[]), state(&[filtered, raise].concat()), "{bucket}");
    }
}

#[test]
fn rules_that_are_off_are_listed_with_the_reason() {
    let text = rule(1).replace("tidegate:\n", "tidegate:\n  enabled: false\n");
    let folder = folder_with(&[("r.yml", &text)]);
    let set = ["--set", "rules.paths=r.yml", "--set", "rules.disable=s3_object_count"];

    let ended = call_in(folder.path(), &[&["rules", "list"], &set[..]].concat());

    assert_eq!((ended.status, faults(&ended)), (Some(0), vec![]));
    let line =
        |name: &str| ended.stdout.lines().find(|line| line.starts_with(name)).map(str::to_owned);
    assert!(line("read_by_alice").is_some_and(|line| line.contains("off: ships switched off")));
    assert!(line("s3_object_count").is_some_and(|line| line.contains("off: rules.disable")));
}

#[test]
fn an_event_is_explained_with_every_condition_and_the_value_seen() {
    let folder = folder_with(&[("r.yml", &rule(1))]);
    let event = read(1, "08:00:00", 5).replace("alice\"", "a\\u202elice\"");

    let ended = call_in(
        folder.path(),
        &["explain", &event, "--rules", "r.yml", "--set", "rules.builtin=false"],
    );

    assert_eq!((ended.status, faults(&ended)), (Some(0), vec![]));
    assert_eq!(
        ended.stdout,
        "event 1 at 2025-03-10T08:00:00Z\n\
         ignored: no rule matches\n\n\
         read_by_alice: does not match\n  - selection\n    \
         + eventName: GetObject  seen \"GetObject\"\n    \
         - userIdentity.userName: alice  seen \"a<U+202E>lice\"\n"
    );
}

#[test]
fn after_a_scan_the_distance_from_the_threshold_is_told() {
    let before: String =
        [read(1, "08:00:00", 100), read(2, "08:05:00", 200)].map(|line| line + "\n").concat();
    let folder = folder_with(&[("log/a.jsonl", &before), ("e.json", &read(3, "08:09:00", 7))]);
    let explain = |event: &str| {
        let arguments =
            ["explain", event, "--rule", "s3_large_download", "--after", "log", "--format", "json"];
        let ended = call_in(folder.path(), &arguments);
        assert_eq!((ended.status, faults(&ended)), (Some(0), vec![]));
        serde_json::from_str::<serde_json::Value>(&ended.stdout).expect("is JSON")
    };

    let told = explain("e.json");

    let window = &told["rules"][0]["standing"]["window"];
    assert_eq!(window["amount"], 307, "{told}");
    assert_eq!(window["missing"], 52_428_800 - 307);
    assert_eq!(told["outcome"], "matched");
    assert_eq!(explain(&read(2, "08:05:00", 200))["outcome"], "duplicate");
    assert_eq!(explain(&read(9, "06:00:00", 200))["outcome"], "late");
}

#[test]
fn what_was_seen_before_and_what_would_follow_is_told() {
    let rules = "title: N
name: new_key
logsource: {product: aws, service: cloudtrail}
detection: {s: {eventName: GetObject}, condition: s}
tidegate: {new-terms: {fields: [tidegate.bucket], history: 1h}}
---
title: B
name: burst
correlation: {type: event_count, rules: [new_key], group-by: [tidegate.principal], timespan: 10m, condition: {gte: 5}}
";
    let before: String =
        [read(1, "08:00:00", 1), read(2, "08:30:00", 1)].map(|line| line + "\n").concat();
    let folder = folder_with(&[("r.yml", rules), ("log/a.jsonl", &before)]);
    let explain = |event: &str| {
        let arguments = ["explain", event, "--rules", "r.yml", "--set", "rules.builtin=false"];
        let ended = call_in(folder.path(), &[&arguments[..], &["--after", "log"]].concat());
        assert_eq!((ended.status, faults(&ended)), (Some(0), vec![]));
        ended.stdout
    };

    let known = explain(&read(3, "09:00:00", 1));
    let again = explain(&read(3, "09:30:01", 1));
    let new = explain(&read(3, "09:00:00", 1).replace("\"b\"", "\"other\""));

    let says = |told: &str, text: &str| assert!(told.contains(text), "{text:?} is not in\n{told}");
    says(
        &known,
        "term    known: last seen 2025-03-10T08:30:00Z, first 2025-03-10T08:00:00Z; history 1h\n",
    );
    says(&known, "then    burst would be at 1 of 5, 4 missing, if this rule found something now\n");
    says(&again, "term    new again: last seen 2025-03-10T08:30:00Z");
    says(&new, "term    new: not seen for 1h\n");
    says(&new, "says    nothing\n");
}

#[test]
fn an_event_from_standard_input_that_is_none_is_said_to_be_none() {
    let folder = folder_with(&[]);
    let mut command = tidegate(folder.path(), &["explain", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    child.stdin.take().expect("piped").write_all(b"{\"a\": 1}").expect("is read");
    let ended = child.wait_with_output().expect("ends");

    assert_eq!(ended.status.code(), Some(1));
    let told = String::from_utf8_lossy(&ended.stderr);
    assert!(told.contains("tidegate: there is no event in it"), "{told}");
}

#[test]
fn tuning_is_shown_and_keeps_the_state() {
    let tuned = "[rule.s3_large_download]\nthreshold = \"100MiB\"\n[lists.our_accounts]\n\
                 values = [\"111122223333\"]\n";
    let folder = folder_with(&[("tidegate.toml", tuned), ("old/none.txt", "")]);

    let shown = call_in(folder.path(), &["rules", "show", "s3_large_download"]);

    assert_eq!((shown.status, shown.stderr.as_str()), (Some(0), ""));
    let (_, differs) = shown.stdout.split_once("differs from what is written\n").expect("differs");
    assert!(differs.contains("  amounts      52428800 low, "), "{differs}");
    assert!(differs.contains(" -> 104857600 medium, 1073741824 high\n"), "{differs}");
    assert!(differs.contains("  list our_accounts empty -> 111122223333\n"), "{differs}");
    assert!(!differs.contains("  state "), "{differs}");
    assert!(shown.stdout.contains("\ntitle: S3 Large Download\n"), "{}", shown.stdout);
}

#[test]
fn a_rule_that_waits_says_what_it_asks_and_when() {
    let rules = "title: Read
name: read
logsource: {product: aws, service: cloudtrail}
detection: {s: {eventName: GetObject}, condition: s}
---
title: Few reads
name: few_reads
correlation: {type: event_count, rules: [read], group-by: [tidegate.principal], timespan: 10m, condition: {gte: 2, lt: 9}}
level: low
tidegate: {window: tumbling}
";
    let folder = folder_with(&[
        ("r.yml", rules),
        ("log/one.json", &read(1, "08:01:00", 100)),
        ("e.json", &read(2, "08:05:00", 200)),
    ]);
    let call = |arguments: &[&str]| {
        let own = ["--set", "rules.paths=r.yml", "--set", "rules.builtin=false"];
        call_in(folder.path(), &[arguments, &own].concat())
    };

    let explained = call(&["explain", "e.json", "--rule", "few_reads", "--after", "log"]).stdout;
    let shown = call(&["rules", "show", "few_reads"]).stdout;
    let listed = call(&["rules", "list"]).stdout;
    let scanned = call(&["scan", "log"]).stderr;

    for line in [
        "window  10m [2025-03-10T08:00:00Z, 2025-03-10T08:10:00Z)",
        "count   2; 2 events with this one",
        "asks    >= 2 and < 9, once the window has closed",
        "waits   judged with the first event at or after 2025-03-10T09:10:00Z",
        "says    nothing",
    ] {
        assert!(explained.contains(line), "{line}\n{explained}");
    }
    assert!(shown.contains("asks         >= 2 and < 9, once the window has closed\n"), "{shown}");
    let waits = "waits for    the first event at its end plus the lateness, or later\n";
    assert!(shown.contains(waits), "{shown}");
    let what = ">= 2 and < 9 events in 10m tumbling, judged when it has closed";
    assert!(listed.contains(what), "{listed}");
    let open = "1 window not judged: no event is late enough to close them";
    assert!(scanned.contains(open), "{scanned}");
}

#[test]
fn validate_against_a_folder_tells_what_is_reset() {
    let changed = rule(1).replace("GetObject\n", "PutObject\n");
    let toml = "[rules]\npaths = [\"new\"]\n";
    let folder =
        folder_with(&[("old/r.yml", &rule(1)), ("new/r.yml", &changed), ("tidegate.toml", toml)]);

    let ended = call_in(folder.path(), &["validate", "--no-broker", "--against", "old"]);

    assert!(ended.stdout.contains("read_by_alice"), "{} {}", ended.stdout, ended.stderr);
    assert!(
        ended.stdout.contains("  starts empty: what it counts has changed\n"),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("against old: "), "{}", ended.stdout);
    let same = call_in(folder.path(), &["validate", "--no-broker", "--against", "new"]);
    assert!(same.stdout.contains(" 0 start empty, 0 new, 0 gone\n"), "{}", same.stdout);
}

#[test]
fn lint_advises_and_exits_as_it_is_told_to() {
    let folder = folder_with(&[("r.yml", &rule(1)), ("bad.yml", "title: T\nname: t\n")]);

    let advice = call_in(folder.path(), &["rules", "lint", "r.yml"]);
    let denied = call_in(folder.path(), &["rules", "lint", "--deny-warnings", "r.yml"]);
    let wrong = call_in(folder.path(), &["rules", "lint", "bad.yml"]);

    assert_eq!((advice.status, denied.status, wrong.status), (Some(0), Some(1), Some(78)));
    assert!(advice.stdout.contains("r.yml:1:1 warning no-technique "), "{}", advice.stdout);
    assert!(wrong.stdout.contains("bad.yml:1:1 error missing-key "), "{}", wrong.stdout);
}

#[test]
fn panther_tests_become_tests_that_run() {
    let data =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/panther/cloudtrail_s3_vpce.jsonl");
    let folder = folder_with(&[]);
    let id = "AWS.CloudTrail.VPCE.S3ExternalIP";

    let block =
        call_in(folder.path(), &["rules", "import", data.to_str().expect("text"), "--rule", id]);

    assert_eq!((block.status, block.stderr.as_str()), (Some(0), ""));
    let rule = format!(
        "title: T\nname: copy\nlogsource: {{product: aws, service: cloudtrail}}\n\
         detection:\n  s: {{eventSource: s3.amazonaws.com, tidegate.source_is_external: true}}\n  \
         condition: s\ntidegate:\n{}",
        block.stdout
    );
    std::fs::write(folder.path().join("copy.yml"), rule).expect("is written");
    let ended = call_in(folder.path(), &["test", "copy.yml"]);
    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""), "{}", ended.stdout);
    assert!(ended.stdout.contains("3 tests of 1 rules, 0 failed"), "{}", ended.stdout);
}

#[test]
fn a_wrong_value_in_a_list_file_is_named_with_its_line() {
    let toml = "[lists.our_accounts]\nfile = \"accounts.csv\"\ncolumn = \"account\"\n";
    let csv = "name,account\nprod,111122223333\nlab,12\n";
    let folder = folder_with(&[("tidegate.toml", toml), ("accounts.csv", csv)]);

    let wrong = call_in(folder.path(), &["rules", "list"]);
    std::fs::write(folder.path().join("accounts.csv"), csv.replace("lab,12\n", ""))
        .expect("writes");
    let right = call_in(folder.path(), &["rules", "list"]);

    assert_eq!(wrong.status, Some(78));
    assert!(
        wrong.stderr.contains("accounts.csv:3:1 error list-value \"12\" is no account id"),
        "{}",
        wrong.stderr
    );
    assert_eq!((right.status, faults(&right)), (Some(0), vec![]));
}

#[test]
fn an_empty_list_that_must_not_be_is_an_error() {
    let toml = "[lists.our_accounts]\nfile = \"accounts.txt\"\nrequired = true\n";
    let folder = folder_with(&[("tidegate.toml", toml), ("accounts.txt", "# none yet\n")]);

    let mut command = tidegate(folder.path(), &["rules", "list"]);
    command.stdin(Stdio::null());
    let ended = within(Duration::from_mins(1), command);

    assert_eq!(ended.status, Some(78));
    assert!(
        ended.stderr.contains("the list \"our_accounts\" is required and empty"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_folder_without_tests_is_no_success() {
    let bare = "title: T\nname: t\nlogsource: {product: aws, service: cloudtrail}\n\
                detection: {s: {eventName: x}, condition: s}\n";
    let folder = folder_with(&[("empty/none.txt", ""), ("bare/r.yml", bare)]);

    let empty = call_in(folder.path(), &["test", "empty"]);
    let bare = call_in(folder.path(), &["test", "bare"]);

    assert_eq!((empty.status, bare.status), (Some(1), Some(1)));
    assert!(empty.stderr.contains("there is no rule in empty (hint: "), "{}", empty.stderr);
    assert!(bare.stderr.contains("none of the 1 rules in bare has a test"), "{}", bare.stderr);
}

#[test]
fn a_rule_that_cannot_be_explained_is_told_with_the_reason() {
    let folder = folder_with(&[]);
    let why = |rule: &str, more: &[&str]| {
        let ended = call_in(folder.path(), &[&["explain", "{}", "--rule", rule], more].concat());
        assert_eq!(ended.status, Some(2), "{}", ended.stderr);
        ended.stderr
    };

    let told = why("s3_foreign_caller", &[]);
    assert!(
        told.contains("is left out: the list \"our_accounts\" is empty (hint: set its values in [lists.our_accounts])"),
        "{told}"
    );
    let told = why("s3_object_count", &["--set", "rules.disable=s3_object_count"]);
    assert!(told.contains("off: rules.disable"), "{told}");
    let told = why("s3_object_read", &[]);
    assert!(told.contains("others count it (hint: --rule s3_"), "{told}");
    assert!(why("nothing", &[]).contains("there is no rule \"nothing\" (hint: "));
}

#[test]
fn changes_to_a_rule_that_never_alerts_are_warned_of() {
    let tuned = "[rule.s3_object_read]\nlevel = \"high\"\n";
    let folder = folder_with(&[("tidegate.toml", tuned)]);

    let ended = call_in(folder.path(), &["validate", "--no-broker"]);

    let line = ended.stdout.lines().find(|line| line.contains("tuned-in-vain"));
    let line = line.unwrap_or_else(|| panic!("{}", ended.stdout));
    assert!(line.contains(" level means nothing for it (hint: change what counts it: "), "{line}");
    assert!(line.contains("[rule.s3_large_download]"), "{line}");
}

#[test]
fn validate_tells_of_members_that_no_record_has() {
    let wrong = rule(1).replace("eventName:", "EventName:");
    let toml = |rules: &str| format!("[rules]\nbuiltin = false\npaths = [\"{rules}\"]\n");
    let folder = folder_with(&[
        ("wrong.yml", &wrong),
        ("right.yml", &rule(1)),
        ("wrong.toml", &toml("wrong.yml")),
        ("right.toml", &toml("right.yml")),
    ]);
    let validate = |configuration: &str, more: &[&str]| {
        let arguments = [&["validate", "--no-broker", "-c", configuration], more].concat();
        call_in(folder.path(), &arguments)
    };

    let told = validate("wrong.toml", &[]);
    let denied = validate("wrong.toml", &["--deny-warnings"]);
    let denied_by_file = validate("wrong.toml", &["--set", "rules.deny_warnings=true"]);
    let right = validate("right.toml", &["--deny-warnings"]);

    let line = "wrong.yml:7:5 warning unknown-member no record has a member \"EventName\" \
                (hint: did you mean \"eventName\")";
    assert!(told.stdout.contains(line), "{}", told.stdout);
    assert_eq!((told.status, denied.status), (Some(0), Some(78)), "{}", denied.stdout);
    // The configuration's own word is for what stops a load, and this does not.
    assert_eq!(denied_by_file.status, Some(0), "{}", denied_by_file.stdout);
    assert_eq!(right.status, Some(0), "{}", right.stdout);
}

#[test]
fn rules_together_and_over_others_are_explained_in_the_order_of_their_rules() {
    let rules = "title: Gets\nname: gets\nlogsource: {product: aws, service: cloudtrail}\n\
        detection: {s: {eventName: GetObject}, condition: s}\n\
        ---\ntitle: Puts\nname: puts\nlogsource: {product: aws, service: cloudtrail}\n\
        detection: {s: {eventName: PutObject}, condition: s}\n\
        ---\ntitle: Many\nname: many\ncorrelation: {type: event_count, rules: [gets], group-by: [tidegate.bucket], timespan: 10m, condition: {gte: 3}}\n\
        ---\ntitle: Upon\nname: upon\ncorrelation: {type: temporal, rules: [puts, many], group-by: [tidegate.bucket], timespan: 1h}\nlevel: high\n";
    let reads = [read(1, "08:00:00", 1), read(2, "08:01:00", 1), read(3, "08:02:00", 1)];
    let (before, last) = (reads[..2].join("\n"), &reads[2]);
    let folder = folder_with(&[("r.yml", rules), ("log/a.jsonl", &before)]);
    let explain = |more: &[&str]| {
        let set = ["--rules", "r.yml", "--set", "rules.builtin=false", "--rule", "upon"];
        let ended = call_in(folder.path(), &[&["explain", last], &set[..], more].concat());
        assert_eq!((ended.status, faults(&ended)), (Some(0), vec![]));
        ended.stdout
    };

    let alone = explain(&[]);
    let after = explain(&["--after", "log"]);

    let (_, told) = alone.split_once("\n\n").expect("a rule");
    assert_eq!(
        told,
        "upon: does not match: the rules that it counts find nothing with this event\n  \
         - puts\n    - s\n      - eventName: PutObject  seen \"GetObject\"\n  \
         - many\n    + gets\n      + s\n        + eventName: GetObject  seen \"GetObject\"\n    \
         group   tidegate.bucket = b\n    \
         window  10m (2025-03-10T07:52:00Z, 2025-03-10T08:02:00Z]\n    \
         count   1 of 3, 2 missing; 1 event with this one\n    \
         says    nothing: only rules that count it alert\n    \
         then    upon would not hold yet, if this rule found something now\n  \
         group   tidegate.bucket = b\n  \
         window  1h (2025-03-10T07:02:00Z, 2025-03-10T08:02:00Z]\n  \
         rules   seen: none; missing: puts, many; 0 events so far\n  \
         says    nothing\n"
    );
    assert!(after.contains("\nupon: matches, by what a rule that it counts finds\n"), "{after}");
    assert!(after.contains("\n  + many\n"), "{after}");
    assert!(
        after.contains("rules   seen: many; missing: puts; 1 event with this one\n"),
        "{after}"
    );
}
