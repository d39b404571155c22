//! Each row of the tables in sources.md §2.3 to §2.9.

use super::*;

/// A record with the given members besides the necessary ones.
fn record(members: &str) -> String {
    format!(
        r#"{{"eventVersion":"1.11","eventTime":"2025-03-10T08:01:07Z","eventName":"GetObject","eventID":"id-1"{}{members}}}"#,
        if members.is_empty() { "" } else { "," }
    )
}

fn read(members: &str) -> ReadEvent {
    decode_one(record(members).as_bytes(), &[])
}

fn check(members: &str, expected: &[(&str, Option<&str>)]) {
    let event = read(members);
    for (name, text) in expected {
        assert_eq!(event.text(&format!("tidegate.{name}")), *text, "{name} of {members}");
    }
}

fn identity(members: &str) -> String {
    format!(r#""sourceIPAddress":"192.0.2.77","userIdentity":{members}"#)
}

#[test]
fn every_variant_of_user_identity_gives_its_row() {
    let role_context = r#""sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAX","arn":"arn:aws:iam::111122223333:role/service/builder","accountId":"111122223333","userName":"builder"}}"#;
    let role = r#""type":"AssumedRole","principalId":"AROAX:i-0a1b2c3d4e5f60718","arn":"arn:aws:sts::111122223333:assumed-role/builder/i-0a1b2c3d4e5f60718","accountId":"111122223333""#;
    check(
        &identity(
            r#"{"type":"IAMUser","principalId":"AIDAX","arn":"arn:aws:iam::111122223333:user/team/dana","accountId":"111122223333","userName":"dana"}"#,
        ),
        &[
            ("principal", Some("arn:aws:iam::111122223333:user/team/dana")),
            ("actor", Some("dana")),
            ("account", Some("111122223333")),
            ("principal_name", Some("111122223333:user/dana")),
            ("principal_uid", Some("AIDAX")),
            ("actor_user", Some("dana")),
            ("session", None),
            ("instance", None),
        ],
    );
    let expected = [
        ("actor", Some("builder")),
        ("account", Some("111122223333")),
        ("principal_name", Some("111122223333:role/builder")),
        ("principal_uid", Some("AROAX")),
        ("session", Some("i-0a1b2c3d4e5f60718")),
        ("instance", Some("i-0a1b2c3d4e5f60718")),
    ];
    let with = identity(&format!("{{{role},{role_context}}}"));
    check(&with, &expected);
    check(
        &with,
        &[
            ("principal", Some("arn:aws:iam::111122223333:role/service/builder")),
            ("actor_user", Some("builder")),
        ],
    );
    let without = identity(&format!("{{{role}}}"));
    check(&without, &expected);
    check(
        &without,
        &[
            ("principal", Some("arn:aws:iam::111122223333:role/builder")),
            ("actor_user", Some("UnknownAssumedRole")),
        ],
    );
    check(
        &identity(&format!(r#"{{{role},{role_context},"invokedBy":"glue.amazonaws.com"}}"#)),
        &[("principal", Some("arn:aws:iam::111122223333:role/service/builder"))],
    );
    check(
        &identity(
            r#"{"type":"AssumedRole","principalId":"AROAS:ana@example.com","arn":"arn:aws-us-gov:sts::111122223333:assumed-role/AWSReservedSSO_Admin_1/ana@example.com","accountId":"111122223333","sessionContext":{"sessionIssuer":{"arn":"arn:aws-us-gov:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_1","userName":"AWSReservedSSO_Admin_1"}}}"#,
        ),
        &[
            (
                "principal",
                Some(
                    "arn:aws-us-gov:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_1",
                ),
            ),
            ("actor", Some("AWSReservedSSO_Admin_1")),
            ("actor_user", Some("ana@example.com")),
            ("principal_name", Some("111122223333:role/AWSReservedSSO_Admin_1")),
            ("session", Some("ana@example.com")),
            ("instance", None),
        ],
    );
    check(
        &identity(
            r#"{"type":"Role","arn":"arn:aws-cn:iam::111122223333:role/x/R","principalId":"AROAR","accountId":"111122223333"}"#,
        ),
        &[
            ("principal", Some("arn:aws-cn:iam::111122223333:role/x/R")),
            ("actor", Some("R")),
            ("principal_name", Some("111122223333:role/R")),
            ("session", None),
            ("actor_user", Some("UnknownRole")),
        ],
    );
    check(
        &identity(
            r#"{"type":"FederatedUser","principalId":"111122223333:vendor","arn":"arn:aws:sts::111122223333:federated-user/vendor","accountId":"111122223333","sessionContext":{"sessionIssuer":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/broker","userName":"broker"}}}"#,
        ),
        &[
            ("principal", Some("arn:aws:sts::111122223333:federated-user/vendor")),
            ("actor", Some("broker")),
            ("principal_name", Some("111122223333:federated/vendor")),
            ("actor_user", Some("broker")),
            ("principal_uid", Some("111122223333:vendor")),
        ],
    );
    check(
        &identity(
            r#"{"type":"Root","principalId":"111122223333","arn":"arn:aws:iam::111122223333:root","accountId":"111122223333","accessKeyId":""}"#,
        ),
        &[
            ("principal", Some("arn:aws:iam::111122223333:root")),
            ("actor", None),
            ("principal_name", Some("111122223333:root")),
            ("principal_uid", Some("111122223333")),
            ("actor_user", Some("111122223333")),
        ],
    );
    check(
        &identity(
            r#"{"type":"AWSAccount","principalId":"AROAEXT:loader","accountId":"999988887777"}"#,
        ),
        &[
            ("principal", Some("999988887777:AROAEXT")),
            ("actor", None),
            ("account", Some("999988887777")),
            ("principal_name", Some("999988887777:AROAEXT")),
            ("principal_uid", Some("AROAEXT")),
            ("actor_user", Some("UnknownAWSAccount")),
        ],
    );
    check(
        &identity(r#"{"type":"AWSService","invokedBy":"delivery.logs.amazonaws.com"}"#),
        &[
            ("principal", Some("delivery.logs.amazonaws.com")),
            ("actor", None),
            ("account", None),
            ("principal_name", None),
            ("principal_uid", None),
            ("actor_user", Some("UnknownAWSService")),
        ],
    );
    check(
        &identity(
            r#"{"type":"SAMLUser","principalId":"q:ana","userName":"ana","identityProvider":"p"}"#,
        ),
        &[
            ("principal", Some("q:ana")),
            ("actor", Some("ana")),
            ("account", None),
            ("actor_user", Some("ana")),
        ],
    );
    check(
        &identity(
            r#"{"type":"WebIdentityUser","principalId":"accounts.google.com:app:1","userName":"1","accountId":"111122223333"}"#,
        ),
        &[("principal", Some("111122223333:accounts.google.com:app:1")), ("actor", Some("1"))],
    );
    let center = format!(
        r#"{},"additionalEventData":{{"UserName":"ana"}}"#,
        identity(
            r#"{"type":"IdentityCenterUser","accountId":"111122223333","onBehalfOf":{"userId":"u-1","identityStoreArn":"x"}}"#
        )
    );
    check(
        &center,
        &[
            ("principal", Some("111122223333:u-1")),
            ("actor", Some("ana")),
            ("actor_user", Some("ana")),
        ],
    );
    check(
        &identity(
            r#"{"type":"Unknown","userName":"HIDDEN_DUE_TO_SECURITY_REASONS","accountId":"111122223333"}"#,
        ),
        &[
            ("principal", Some("111122223333")),
            ("actor", None),
            ("actor_user", Some("UnknownUnknown")),
        ],
    );
    check(
        &identity("null"),
        &[
            ("principal", Some("unknown")),
            ("principal_name", None),
            ("actor", None),
            ("account", None),
            ("actor_user", Some("UnknownUser")),
        ],
    );
    check("", &[("principal", Some("unknown"))]);
    check(&identity("{}"), &[("principal", Some("unknown"))]);
}

#[test]
fn the_three_spellings_of_an_anonymous_caller_are_one_principal() {
    for who in [
        r#"{"type":"AWSAccount","principalId":"","accountId":"ANONYMOUS_PRINCIPAL"}"#,
        r#"{"type":"AWSAccount","principalId":"anonymous","accountId":"anonymous"}"#,
        r#"{"type":"Unknown","principalId":"Anonymous"}"#,
        r#"{"type":"AWSAccount"}"#,
    ] {
        check(
            &identity(who),
            &[
                ("principal", Some("anonymous:192.0.2.77")),
                ("actor", None),
                ("principal_name", Some("anonymous:192.0.2.77")),
                ("principal_uid", None),
            ],
        );
        assert_eq!(*read(&identity(who)).value("tidegate.anonymous"), Value::Bool(true));
        check(&format!(r#""userIdentity":{who}"#), &[("principal", Some("anonymous"))]);
    }
    assert_eq!(
        *read(&identity(r#"{"type":"IAMUser","arn":"a"}"#)).value("tidegate.anonymous"),
        Value::Bool(false)
    );
}

#[test]
fn both_copies_of_a_cross_account_call_have_one_uid() {
    let caller = read(&identity(
        r#"{"type":"AssumedRole","principalId":"AROAEXT:s","arn":"arn:aws:sts::999988887777:assumed-role/r/s","accountId":"999988887777"}"#,
    ));
    let owner = read(&identity(
        r#"{"type":"AWSAccount","principalId":"AROAEXT:s","accountId":"999988887777"}"#,
    ));

    assert_eq!(caller.text("tidegate.principal_uid"), owner.text("tidegate.principal_uid"));
    assert_eq!(caller.text("tidegate.account"), owner.text("tidegate.account"));
}

#[test]
fn source_addresses_are_told_apart_and_written_one_way() {
    let source = |text: &str| format!(r#""sourceIPAddress":{text}"#);
    for (text, kind, ip, external) in [
        (r#""8.8.8.8""#, "ip", Some("8.8.8.8"), true),
        (r#""::ffff:8.8.8.8""#, "ip", Some("8.8.8.8"), true),
        (r#""::ffff:10.0.0.1""#, "ip", Some("10.0.0.1"), false),
        (r#""2001:DB8:0:0::A47""#, "ip", Some("2001:db8::a47"), false),
        (r#""2606:4700::1111""#, "ip", Some("2606:4700::1111"), true),
        (r#""cloudtrail.amazonaws.com""#, "service", None, false),
        (r#""AWS Internal""#, "internal", None, false),
        (r#""AWS Internal/1""#, "internal", None, false),
        (r#""somewhere""#, "other", None, false),
        (r#""""#, "none", None, false),
        ("null", "none", None, false),
        ("7", "none", None, false),
    ] {
        let event = read(&source(text));
        assert_eq!(event.text("tidegate.source_kind"), Some(kind), "{text}");
        assert_eq!(event.text("tidegate.source_ip"), ip, "{text}");
        assert_eq!(*event.value("tidegate.source_is_external"), Value::Bool(external), "{text}");
        let service = matches!(kind, "service" | "internal");
        assert_eq!(*event.value("tidegate.service_call"), Value::Bool(service), "{text}");
    }
}

#[test]
fn a_call_made_by_a_service_says_so() {
    for who in [
        r#"{"type":"AWSService","invokedBy":"x"}"#,
        r#"{"type":"AssumedRole","invokedBy":"x"}"#,
        r#"{"type":"AWSService"}"#,
    ] {
        assert_eq!(
            *read(&identity(who)).value("tidegate.service_call"),
            Value::Bool(true),
            "{who}"
        );
    }
    assert_eq!(
        *read(&identity(r#"{"type":"IAMUser","invokedBy":""}"#)).value("tidegate.service_call"),
        Value::Bool(false)
    );
}

#[test]
fn amounts_are_whole_bytes_and_what_cannot_be_read_stays_visible() {
    let amount = |text: &str| {
        read(&format!(
            r#""additionalEventData":{{"bytesTransferredOut":{text},"bytesTransferredIn":{text}}}"#
        ))
    };
    for (text, expected) in [
        ("2356.0", Amount::Of(2356)),
        ("2356", Amount::Of(2356)),
        (r#""2356""#, Amount::Of(2356)),
        ("0.5", Amount::Of(1)),
        ("-1", Amount::Unreadable),
        ("null", Amount::Absent),
        ("1e300", Amount::Of(u64::MAX)),
        (r#""many""#, Amount::Unreadable),
        ("[7]", Amount::Of(7)),
    ] {
        let event = amount(text);
        for name in ["tidegate.bytes_out", "tidegate.bytes_in"] {
            assert_eq!(event.value(name).as_amount(), expected, "{text}");
            if let Amount::Of(number) = expected {
                assert_eq!(*event.value(name), Value::Number(Number::Unsigned(number)));
            }
        }
    }
    assert_eq!(*read("").value("tidegate.bytes_out"), Value::Absent);
}

#[test]
fn outcome_looks_at_code_and_message() {
    for (members, outcome) in [
        ("", "success"),
        (r#""errorCode":"","errorMessage":null"#, "success"),
        (r#""errorCode":"AccessDenied""#, "failure"),
        (r#""errorMessage":"no""#, "failure"),
    ] {
        check(members, &[("outcome", Some(outcome)), ("operation", Some("GetObject"))]);
    }
}

#[test]
fn bucket_and_key_come_from_parameters_then_from_resources() {
    let bucket =
        r#"{"type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::from-bucket","accountId":"111122223333"}"#;
    let object = r#"{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::from-object/a:b/c d%20😀"}"#;
    let prefix = r#"{"type":"AWS::S3::Object","ARNPrefix":"arn:aws:s3:::from-prefix/"}"#;
    let parameters = r#""requestParameters":{"bucketName":"named","key":"k"}"#;
    let resources = |entries: &[&str]| format!(r#""resources":[{}]"#, entries.join(","));
    check(
        &format!("{parameters},{}", resources(&[object, bucket])),
        &[("bucket", Some("named")), ("key", Some("k")), ("bucket_owner", Some("111122223333"))],
    );
    check(
        &format!("{},{parameters}", resources(&[object, bucket])),
        &[("bucket", Some("named")), ("key", Some("k"))],
    );
    check(
        &resources(&[object, bucket]),
        &[
            ("bucket", Some("from-bucket")),
            ("key", Some("a:b/c d%20😀")),
            ("bucket_owner", Some("111122223333")),
        ],
    );
    check(&resources(&[object]), &[("bucket", Some("from-object")), ("bucket_owner", None)]);
    check(&resources(&[prefix]), &[("bucket", Some("from-prefix")), ("key", None)]);
    check(&resources(&[&object.replace("ARN", "arn")]), &[("bucket", Some("from-object"))]);
    check(r#""resources":null"#, &[("bucket", None), ("key", None)]);
    check(&format!(r#""resources":{bucket}"#), &[("bucket", Some("from-bucket"))]);
    check(r#""requestParameters":{"Key":"outpost"}"#, &[("key", Some("outpost"))]);
    check(
        &format!(r#""requestParameters":{{"bucketName":"b"}},{}"#, resources(&[object])),
        &[("bucket", Some("b")), ("key", None)],
    );
    check(
        &format!(
            r#""requestParameters":{{"bucketName":"alias-s3alias"}},{}"#,
            resources(&[bucket])
        ),
        &[("bucket", Some("from-bucket"))],
    );
    check(
        r#""requestParameters":{"bucketName":"arn:aws:s3:eu-central-1:111122223333:accesspoint/ap"}"#,
        &[("bucket", None)],
    );
    check(r#""requestParameters":"text""#, &[("bucket", None), ("key", None)]);
    check(r#""requestParameters":{"bucketName":7,"key":[]}"#, &[("bucket", None), ("key", None)]);
}

#[test]
fn owners_are_counted_over_bucket_entries_only() {
    let entry = |name: &str, account: &str| {
        format!(
            r#"{{"type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::{name}","accountId":"{account}"}}"#
        )
    };
    let members = format!(
        r#""requestParameters":{{"bucketName":"drop","x-amz-copy-source":"/orders/k"}},"resources":[{},{},{},{{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::orders/k","accountId":"3"}}]"#,
        entry("drop", "2"),
        entry("orders", "1"),
        entry("drop", "2"),
    );
    let event = read(&members);
    let text = |text: &'static str| Value::Text(text.into());

    assert_eq!(*event.value("tidegate.resource_accounts"), Value::List(vec![text("2"), text("1")]));
    assert_eq!(*event.value("tidegate.resource_account_count"), Value::Number(Number::Unsigned(2)));
    assert_eq!(*event.value("tidegate.resource_bucket_count"), Value::Number(Number::Unsigned(2)));
    check(
        &members,
        &[
            ("bucket_owner", Some("2")),
            ("copy_source_bucket", Some("orders")),
            ("copy_source_owner", Some("1")),
        ],
    );
    assert_eq!(*read("").value("tidegate.resource_accounts"), Value::Absent);
    assert_eq!(
        *read("").value("tidegate.resource_account_count"),
        Value::Number(Number::Unsigned(0))
    );
}

#[test]
fn a_key_of_another_account_is_seen() {
    let key = |text: &str| {
        format!(r#""requestParameters":{{"x-amz-server-side-encryption-aws-kms-key-id":"{text}"}}"#)
    };
    check(
        &key("arn:aws:kms:eu-central-1:999988887777:key/1"),
        &[("kms_key_account", Some("999988887777"))],
    );
    check(
        &key("arn:aws-cn:kms:cn-north-1:999988887777:alias/x"),
        &[("kms_key_account", Some("999988887777"))],
    );
    check(&key("alias/x"), &[("kms_key_account", None)]);
    check(&key("1234abcd"), &[("kms_key_account", None)]);
}

#[test]
fn identities_follow_id_shared_id_and_correction() {
    let plain = read("");
    assert_eq!(plain.identity, Identity::of_id("id-1"));
    assert_eq!((plain.shared_identity, plain.text("tidegate.record_id")), (None, Some("id-1")));

    let shared = read(r#""sharedEventID":"s","eventType":"AwsApiCall""#);
    assert_eq!(shared.shared_identity, Some(Identity::of_shared("s", "AwsApiCall")));
    assert_eq!(read(r#""sharedEventID":"s","eventType":"AwsVpceEvent""#).shared_identity, None);
    assert_eq!(
        read(r#""sharedEventID":"s","eventCategory":"NetworkActivity""#).shared_identity,
        None
    );
    assert_eq!(read(r#""sharedEventID":"""#).shared_identity, None);

    assert_eq!(
        read(r#""addendum":{"originalEventID":"first"}"#).identity,
        Identity::of_id("first")
    );
    assert_eq!(read(r#""addendum":{"originalEventID":""}"#).identity, Identity::of_id("id-1"));

    let without = record("").replace(r#""eventID":"id-1""#, r#""x":1"#);
    let event = decode_one(without.as_bytes(), &[]);
    assert_eq!((event.id.as_str(), event.identity), ("", Identity::of_bytes(without.as_bytes())));
    assert_eq!(event.text("tidegate.record_id"), Some(event.identity.to_string().as_str()));
}

#[test]
fn paths_descend_into_arrays_and_objects_are_compact_text() {
    let text = record(
        r#""resources":[{"ARN":"a"},{"arn":"b","type":"t"},{}],"l":[1,[2,null],{"x":3}],"o":{"b" : 1, "a":"\u00e9"},"n":null,"e":[],"d":1,"d":{"k":2}"#,
    );
    let names = [
        "resources.ARN",
        "resources.arn",
        "resources.type",
        "l",
        "l.x",
        "o",
        "o.a",
        "n",
        "e",
        "none",
        "n.x",
        "d.k",
        "d",
    ];
    let event = decode_one(text.as_bytes(), &names);
    let text = |text: &'static str| Value::Text(text.into());
    let number = |number| Value::Number(Number::Unsigned(number));

    assert_eq!(*event.value("resources.arn"), Value::List(vec![text("a"), text("b")]));
    assert_eq!(*event.value("resources.type"), Value::List(vec![text("t")]));
    let object = Value::Object(r#"{"x":3}"#.into());
    assert_eq!(*event.value("l"), Value::List(vec![number(1), number(2), Value::Null, object]));
    assert_eq!(*event.value("l.x"), Value::List(vec![number(3)]));
    assert_eq!(*event.value("o"), Value::Object(r#"{"b":1,"a":"é"}"#.into()));
    assert_eq!(*event.value("o.a"), text("é"));
    assert_eq!(*event.value("n"), Value::Null);
    assert_eq!(*event.value("e"), Value::List(vec![]));
    assert_eq!((event.value("none"), event.value("n.x")), (&Value::Absent, &Value::Absent));
    assert_eq!(*event.value("d"), Value::Object(r#"{"k":2}"#.into()));
    assert_eq!(*event.value("d.k"), number(2));
}

#[test]
fn text_without_escapes_is_borrowed_from_the_record() {
    let set = fields(&["eventName", "tidegate.principal", "tidegate.bucket", "escaped"]);
    let mut decoder = Decoder::new(&set, Format::Auto, DecodeLimits::default());
    let text = record(
        r#""escaped":"a\nb","userIdentity":{"arn":"arn:aws:iam::1:user/x"},"requestParameters":{"bucketName":"b"}"#,
    );
    let answer: Result<(), ()> = decoder.decode(text.as_bytes(), |entry| {
        let Entry::Event(event) = entry else { panic!("{entry:?}") };
        for (id, name) in set.iter() {
            let borrowed = matches!(event.value(id), Value::Text(std::borrow::Cow::Borrowed(_)));
            assert_eq!(borrowed, name != "escaped", "{name}");
        }
        Ok(())
    });
    assert_eq!(answer, Ok(()));
}

#[test]
fn facts_say_by_name_what_the_decoder_says() {
    let text = record(
        r#""userIdentity":{"type":"Root","accountId":"1"},"n":2.50,"l":[null,"x"],"o":{"a":[1]},"b":true,"e":"""#,
    );
    let names = FactNames::default();
    let facts = Facts::read(&names, Source::CloudTrail, text.as_bytes()).expect("a record");
    let event = read(r#""userIdentity":{"type":"Root","accountId":"1"}"#);
    for name in derived_names() {
        assert_eq!(facts.value(name), *event.value(name), "{name}");
    }
    let expected = [
        ("n", Some("2.5")),
        ("l", Some("x")),
        ("o", Some(r#"{"a":[1]}"#)),
        ("b", Some("true")),
        ("e", None),
        ("none", None),
        ("userIdentity.type", Some("Root")),
        ("o.a", Some("1")),
        ("tidegate.nothing", None),
    ];
    for (name, text) in expected {
        assert_eq!(facts.text(name).as_deref(), text, "{name}");
    }
    assert!(Facts::read(&FactNames::default(), Source::CloudTrail, b"[]").is_none());
    assert!(Facts::read(&FactNames::default(), Source::CloudTrail, b"{").is_none());
    assert!(Facts::read(&FactNames::default(), Source::CloudTrail, b"\xff").is_none());
}

#[test]
fn derived_names_are_sorted_and_known() {
    assert!(derived_names().is_sorted());
    assert!(derived_names().iter().all(|name| is_known_derived(name)));
    assert!(!is_known_derived("tidegate.principle") && !is_known_derived("eventName"));
}

#[test]
fn a_built_event_is_what_the_decoder_would_have_made() {
    let set = fields(&["eventName", "tidegate.bucket"]);
    let values = [
        ("eventName", Value::Text("GetObject".into())),
        ("sharedEventID", Value::Text("s".into())),
        ("eventType", Value::Text("AwsApiCall".into())),
    ];

    let event = Event::build(&set, "id-1", EventTime::from_millis(5), &values);

    assert_eq!(event.identity, Identity::of_id("id-1"));
    assert_eq!(event.shared_identity, Some(Identity::of_shared("s", "AwsApiCall")));
    assert_eq!(event.value(FieldId(0)).as_text(), Some("GetObject"));
    assert_eq!(*event.value(FieldId(1)), Value::Absent);
}
