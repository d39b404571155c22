//! What a call opens or hides: policies, grants, trail selectors, replication (sources.md §2.7, §2.7.1).

use super::*;

/// The derived fields of a call with these request parameters.
fn call(name: &str, parameters: &str) -> ReadEvent {
    let record = format!(
        r#"{{"eventVersion":"1.11","eventTime":"2025-03-10T08:01:07Z","eventSource":"s3.amazonaws.com","eventName":"{name}","eventID":"id-1","requestParameters":{parameters}}}"#
    );
    decode_one(record.as_bytes(), &[])
}

/// The fields of a policy with these statements, the same as object and as JSON text.
fn policy(statements: &str) -> ReadEvent {
    let policy = format!(r#"{{"Version":"2012-10-17","Statement":{statements}}}"#);
    let read = |parameters: &str| call("PutBucketPolicy", parameters);
    let object = read(&format!(r#"{{"bucketName":"b","policy":"","bucketPolicy":{policy}}}"#));
    let quoted = serde_json::to_string(&policy).unwrap();
    let text = read(&format!(r#"{{"bucketName":"b","policy":[{quoted}]}}"#));
    for name in ["policy_public", "policy_accounts", "policy_vpce_deny"] {
        let name = format!("tidegate.{name}");
        assert_eq!(object.value(&name), text.value(&name), "{name} of {statements}");
    }
    object
}

fn is_public(statements: &str) -> bool {
    match policy(statements).value("tidegate.policy_public") {
        Value::Bool(answer) => *answer,
        other => panic!("{other:?} of {statements}"),
    }
}

fn denies_vpce(statements: &str) -> bool {
    *policy(statements).value("tidegate.policy_vpce_deny") == Value::Bool(true)
}

/// The texts of a field, none when it is absent.
fn texts(event: &ReadEvent, name: &str) -> Vec<String> {
    match event.value(&format!("tidegate.{name}")) {
        Value::Absent => Vec::new(),
        Value::List(members) if !members.is_empty() => members
            .iter()
            .map(|member| member.as_text().expect("a set holds texts").to_owned())
            .collect(),
        other => panic!("{name}: {other:?}"),
    }
}

const READ: &str = r#""Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*""#;

/// A statement that lets everyone read, on a condition.
fn open_on(condition: &str) -> String {
    format!(r#"[{{"Effect":"Allow","Principal":"*",{READ},"Condition":{condition}}}]"#)
}

#[test]
fn a_policy_for_everyone_is_public_in_each_form() {
    for principal in [r#""*""#, r#"{"AWS":"*"}"#, r#"{"AWS":["111122223333","*"]}"#, r#"["*"]"#] {
        let statement = format!(r#"{{"Effect":"Allow","Principal":{principal},{READ}}}"#);
        assert!(is_public(&statement), "{principal} in a statement that is no array");
        assert!(is_public(&format!("[{statement}]")), "{principal}");
    }
    assert!(is_public(&format!(r#"[{{"effect":"ALLOW","Principal":"*",{READ}}}]"#)));
    let named = format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"111122223333"}},{READ}}}"#);
    let open = format!(r#"{{"Effect":"Allow","Principal":"*",{READ}}}"#);
    assert!(is_public(&format!("[{named},{open}]")), "one of two statements is enough");
}

#[test]
fn what_is_not_for_everyone_or_not_allowed_is_not_public() {
    for statement in [
        format!(r#"{{"Effect":"Deny","Principal":"*",{READ}}}"#),
        format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"111122223333"}},{READ}}}"#),
        format!(r#"{{"Effect":"Allow","Principal":{{"Service":"logs.amazonaws.com"}},{READ}}}"#),
        format!(r#"{{"Effect":"Allow","Principal":{{"Federated":"*"}},{READ}}}"#),
        format!(r#"{{"Effect":"Allow",{READ}}}"#),
    ] {
        assert!(!is_public(&statement), "{statement}");
    }
}

#[test]
fn each_restricting_condition_closes_a_policy() {
    for (key, value) in [
        ("aws:PrincipalOrgID", "o-a1b2c3"),
        ("aws:PrincipalOrgPaths", "o-a1b2c3/r-ab12/*"),
        ("aws:SourceOrgID", "o-a1b2c3"),
        ("aws:SourceOrgPaths", "o-a1b2c3/*"),
        ("aws:PrincipalAccount", "111122223333"),
        ("aws:PrincipalArn", "arn:aws:iam::111122223333:role/*"),
        ("aws:SourceAccount", "111122223333"),
        ("aws:SourceArn", "arn:aws:cloudfront::111122223333:distribution/E1"),
        ("aws:SourceVpc", "vpc-1"),
        ("aws:SourceVpce", "vpce-1"),
        ("aws:SourceIp", "198.51.100.0/24"),
        ("aws:userid", "AIDAEXAMPLE"),
    ] {
        let (lower, upper) = (key.to_ascii_lowercase(), key.to_ascii_uppercase());
        for key in [key, &lower, &upper] {
            let one = format!(r#"{{"StringEquals":{{"{key}":"{value}"}}}}"#);
            let many = format!(r#"{{"ForAnyValue:StringLike":{{"{key}":["{value}","x"]}}}}"#);
            assert!(!is_public(&open_on(&one)), "{one}");
            assert!(!is_public(&open_on(&many)), "{many}");
        }
        for open in ["StringNotEquals", "StringLikeIfExists", "ForAllValues:StringLike", "Null"] {
            let condition = format!(r#"{{"{open}":{{"{key}":"{value}"}}}}"#);
            assert!(is_public(&open_on(&condition)), "{condition}");
        }
        let everything = format!(r#"{{"StringLike":{{"{key}":["{value}","*"]}}}}"#);
        assert!(is_public(&open_on(&everything)), "{everything}");
        let nothing = format!(r#"{{"StringLike":{{"{key}":[]}}}}"#);
        assert!(is_public(&open_on(&nothing)), "{nothing}");
    }
}

#[test]
fn conditions_that_are_not_known_do_not_close_a_policy() {
    for condition in [
        r#"{"Bool":{"aws:SecureTransport":"true"}}"#,
        r#"{"StringEquals":{"s3:x-amz-acl":"bucket-owner-full-control"}}"#,
        r#"{"IpAddress":{"aws:SourceIp":["198.51.100.0/24","0.0.0.0/0"]}}"#,
        r#"{"IpAddress":{"aws:SourceIp":"::/0"}}"#,
        r#"{"NotIpAddress":{"aws:SourceIp":"198.51.100.0/24"}}"#,
        "{}",
        r#""none""#,
    ] {
        assert!(is_public(&open_on(condition)), "{condition}");
    }
    let both =
        r#"{"Bool":{"aws:SecureTransport":"true"},"IpAddress":{"aws:SourceIp":"198.51.100.0/24"}}"#;
    assert!(!is_public(&open_on(both)), "one that restricts is enough");
}

#[test]
fn accounts_are_those_that_are_allowed_by_name() {
    let allow = |principal: &str| {
        let statement = format!(r#"{{"Effect":"Allow","Principal":{principal},{READ}}}"#);
        texts(&policy(&statement), "policy_accounts")
    };
    assert_eq!(allow(r#"{"AWS":"arn:aws:iam::193672423079:root"}"#), ["193672423079"]);
    assert_eq!(
        allow(r#"{"AWS":["111122223333","arn:aws-cn:iam::444455556666:role/x","111122223333"]}"#),
        ["111122223333", "444455556666"]
    );
    assert_eq!(allow(r#"{"Service":"cloudtrail.amazonaws.com"}"#), [""; 0]);
    assert_eq!(allow(r#""*""#), [""; 0]);
    let front = r#"{"AWS":"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"}"#;
    assert_eq!(allow(front), [""; 0]);
    let denied = format!(r#"{{"Effect":"Deny","Principal":{{"AWS":"111122223333"}},{READ}}}"#);
    assert_eq!(texts(&policy(&denied), "policy_accounts"), [""; 0]);
}

#[test]
fn accounts_of_a_condition_are_allowed_too() {
    let on = |condition: &str| texts(&policy(&open_on(condition)), "policy_accounts");
    assert_eq!(
        on(r#"{"StringEquals":{"AWS:principalaccount":["111122223333","444455556666"]}}"#),
        ["111122223333", "444455556666"]
    );
    assert_eq!(on(r#"{"StringEquals":{"aws:SourceAccount":"111122223333"}}"#), ["111122223333"]);
    assert_eq!(on(r#"{"StringNotEquals":{"aws:PrincipalAccount":"111122223333"}}"#), [""; 0]);
    assert_eq!(on(r#"{"StringEquals":{"aws:PrincipalOrgID":"111122223333"}}"#), [""; 0]);
}

#[test]
fn a_deny_outside_the_endpoint_is_seen_with_every_action_that_covers_a_read() {
    let deny = |effect: &str, principal: &str, action: &str, condition: &str| {
        format!(
            r#"[{{"Effect":"{effect}","Principal":{principal},"Action":{action},"Resource":"*","Condition":{condition}}}]"#
        )
    };
    let everyone = r#""*""#;
    let vpce = r#"{"StringNotEquals":{"aws:SourceVpce":"vpce-1"}}"#;
    for action in [
        r#""s3:GetObject""#,
        r#""s3:Get*""#,
        r#""s3:*""#,
        r#""*""#,
        r#"["s3:PutObject","s3:getobject"]"#,
    ] {
        assert!(denies_vpce(&deny("Deny", everyone, action, vpce)), "{action}");
    }
    for condition in [
        r#"{"StringNotLike":{"aws:sourceVpc":["vpc-1"]}}"#,
        r#"{"StringNotEqualsIfExists":{"aws:SourceVpce":"vpce-1"}}"#,
        r#"{"ForAnyValue:StringNotEqualsIgnoreCase":{"aws:SourceVpce":"vpce-1"}}"#,
    ] {
        assert!(denies_vpce(&deny("Deny", everyone, r#""s3:*""#, condition)), "{condition}");
    }
    assert!(denies_vpce(&deny("Deny", r#"{"AWS":"*"}"#, r#""s3:*""#, vpce)));

    assert!(!denies_vpce(&deny("Allow", everyone, r#""s3:*""#, vpce)));
    assert!(!denies_vpce(&deny("Deny", r#"{"AWS":"111122223333"}"#, r#""s3:*""#, vpce)));
    assert!(!denies_vpce(&deny("Deny", everyone, r#""s3:PutObject""#, vpce)));
    for condition in [
        r#"{"StringEquals":{"aws:SourceVpce":"vpce-1"}}"#,
        r#"{"NotIpAddress":{"aws:SourceIp":"198.51.100.0/24"}}"#,
        r#"{"StringNotEquals":{"aws:PrincipalOrgID":"o-1"}}"#,
        "{}",
    ] {
        assert!(!denies_vpce(&deny("Deny", everyone, r#""s3:*""#, condition)), "{condition}");
    }
}

#[test]
fn a_policy_that_cannot_be_read_gives_no_field() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for parameters in [
        r#"{"policy":""}"#.to_owned(),
        r#"{"policy":"{\"Statement\":"}"#.to_owned(),
        r#"{"policy":"[]"}"#.to_owned(),
        r#"{"policy":7,"bucketPolicy":null}"#.to_owned(),
        r#"{"bucketPolicy":{"Version":"2012-10-17"}}"#.to_owned(),
        r#"{"bucketPolicy":{"Statement":"none"}}"#.to_owned(),
        format!(r#"{{"policy":"{{\"Statement\":{deep}}}"}}"#),
        "null".to_owned(),
    ] {
        let event = call("PutBucketPolicy", &parameters);
        for name in ["policy_public", "policy_accounts", "policy_vpce_deny"] {
            let value = event.value(&format!("tidegate.{name}"));
            assert_eq!(*value, Value::Absent, "{name} of {parameters}");
        }
    }
}

#[test]
fn a_policy_that_cannot_be_read_is_counted_once_where_a_rule_looks_into_policies() {
    let counted = |parameters: &str, wanted: &[&str]| {
        let record = format!(
            r#"{{"eventVersion":"1.11","eventTime":"2025-03-10T08:01:07Z","eventSource":"s3.amazonaws.com","eventName":"PutBucketPolicy","eventID":"id-1","requestParameters":{parameters}}}"#
        );
        let mut decoder = Decoder::new(&fields(wanted), Format::Auto, DecodeLimits::default());
        let read: Result<(), Infallible> = decoder.decode(record.as_bytes(), |_| Ok(()));
        let Ok(()) = read;
        let count = decoder.take_bad_policies();
        assert_eq!(decoder.take_bad_policies(), 0, "it is taken");
        count
    };
    let all = ["tidegate.policy_public", "tidegate.policy_accounts", "tidegate.policy_vpce_deny"];
    for (parameters, expected) in [
        (r#"{"policy":"{\"Statement\":"}"#, 1),
        (r#"{"policy":["no JSON"]}"#, 1),
        (r#"{"bucketPolicy":{"Statement":"none"}}"#, 1),
        (r#"{"policy":"","bucketPolicy":{"Version":"2012-10-17"}}"#, 1),
        (r#"{"policy":"","bucketPolicy":{"Statement":[{"Effect":"Allow"}]}}"#, 0),
        (r#"{"policy":"{\"Statement\":{\"Effect\":\"Deny\"}}"}"#, 0),
        (r#"{"policy":" "}"#, 0),
        (r#"{"policy":null}"#, 0),
        ("null", 0),
    ] {
        assert_eq!(counted(parameters, &all), expected, "{parameters}");
        assert_eq!(counted(parameters, &["tidegate.bucket"]), 0, "{parameters}");
    }
}

#[test]
fn grants_of_acl_body_and_headers_are_one_set_of_words() {
    let grants = |parameters: &str| texts(&call("PutBucketAcl", parameters), "grants");
    let uri = |group: &str| format!("http://acs.amazonaws.com/groups/global/{group}");
    let body = |grant: &str| {
        format!(r#"{{"AccessControlPolicy":{{"AccessControlList":{{"Grant":{grant}}}}}}}"#)
    };
    let to = |grantee: &str| format!(r#"{{"Grantee":{grantee},"Permission":"READ"}}"#);
    let all = to(&format!(r#"{{"xsi:type":"Group","URI":"{}"}}"#, uri("AllUsers")));
    let known = to(&format!(r#"{{"URI":"{}"}}"#, uri("AuthenticatedUsers")));
    let logs = to(r#"{"URI":"http://acs.amazonaws.com/groups/s3/LogDelivery"}"#);
    let owner = to(r#"{"ID":"79a5","DisplayName":"owner"}"#);
    let mail = to(r#"{"EmailAddress":"x@example.com"}"#);

    assert_eq!(grants(r#"{"x-amz-acl":"public-read"}"#), ["public-read"]);
    assert_eq!(grants(r#"{"x-amz-acl":["public-read-write"]}"#), ["public-read-write"]);
    assert_eq!(grants(r#"{"x-amz-acl":["authenticated-read"]}"#), ["authenticated-read"]);
    assert_eq!(grants(r#"{"x-amz-acl":["private"]}"#), ["other"]);
    assert_eq!(grants(&body(&all)), ["AllUsers"]);
    assert_eq!(
        grants(&body(&format!("[{owner},{known},{all},{all},{logs},{mail}]"))),
        ["AuthenticatedUsers", "AllUsers", "other", "id:79a5"]
    );
    let header = format!(r#"uri=\"{}\", id=\"79a5\""#, uri("AllUsers"));
    assert_eq!(grants(&format!(r#"{{"x-amz-grant-read":"{header}"}}"#)), ["AllUsers", "id:79a5"]);
    for name in ["write", "read-acp", "write-acp", "full-control"] {
        let parameters = format!(r#"{{"x-amz-grant-{name}":["uri={}"]}}"#, uri("AllUsers"));
        assert_eq!(grants(&parameters), ["AllUsers"], "{name}");
    }
    assert_eq!(grants(r#"{"x-amz-grant-read":"emailAddress=\"x@example.com\""}"#), ["other"]);
    assert_eq!(grants(r#"{"acl":[""],"x-amz-acl":""}"#), [""; 0]);
}

#[test]
fn only_calls_that_may_set_an_acl_have_grants() {
    for name in ["PutBucketAcl", "PutObjectAcl", "CreateBucket", "PutObject", "CopyObject"] {
        let event = call(name, r#"{"x-amz-acl":"public-read"}"#);
        assert_eq!(texts(&event, "grants"), ["public-read"], "{name}");
    }
    let event = call("GetBucketAcl", r#"{"x-amz-acl":"public-read"}"#);
    assert_eq!(texts(&event, "grants"), [""; 0]);
}

#[test]
fn a_trail_selects_reads_when_a_selector_names_objects_and_reads() {
    let selects = |parameters: &str| {
        call("PutEventSelectors", parameters).value("tidegate.selects_s3_reads").clone()
    };
    let basic = |kind: &str, resources: &str| {
        selects(&format!(
            r#"{{"eventSelectors":[{{"readWriteType":"WriteOnly","dataResources":[]}},{{"readWriteType":"{kind}","includeManagementEvents":true,"dataResources":{resources}}}]}}"#
        ))
    };
    let objects = r#"[{"type":"AWS::S3::Object","values":["arn:aws:s3"]}]"#;
    assert_eq!(basic("All", objects), Value::Bool(true));
    assert_eq!(basic("ReadOnly", objects), Value::Bool(true));
    assert_eq!(basic("WriteOnly", objects), Value::Bool(false));
    assert_eq!(basic("All", r#"[{"type":"AWS::S3::Object","values":[]}]"#), Value::Bool(false));
    assert_eq!(
        basic("All", r#"[{"type":"AWS::Lambda::Function","values":["arn:aws:lambda"]}]"#),
        Value::Bool(false)
    );
    assert_eq!(basic("All", "[]"), Value::Bool(false));

    let advanced = |fields: &str| {
        selects(&format!(
            r#"{{"advancedEventSelectors":[{{"name":"x","fieldSelectors":[{{"field":"eventCategory","equals":["Data"]}},{fields}]}}]}}"#
        ))
    };
    let of_objects = r#"{"field":"resources.type","equals":["AWS::S3::Object"]}"#;
    assert_eq!(advanced(of_objects), Value::Bool(true));
    let read_only = |truth: &str| {
        advanced(&format!(r#"{of_objects},{{"field":"readOnly","equals":["{truth}"]}}"#))
    };
    assert_eq!(read_only("true"), Value::Bool(true));
    assert_eq!(read_only("false"), Value::Bool(false));
    assert_eq!(
        advanced(r#"{"field":"resources.type","equals":["AWS::DynamoDB::Table"]}"#),
        Value::Bool(false)
    );
}

#[test]
fn selectors_that_are_not_shown_say_nothing() {
    let selects = |name: &str, parameters: &str| {
        call(name, parameters).value("tidegate.selects_s3_reads").clone()
    };
    assert_eq!(selects("PutEventSelectors", r#"{"omitted":true}"#), Value::Absent);
    assert_eq!(selects("PutEventSelectors", "null"), Value::Absent);
    assert_eq!(selects("GetEventSelectors", r#"{"eventSelectors":[]}"#), Value::Absent);
    assert_eq!(selects("PutEventSelectors", r#"{"eventSelectors":[]}"#), Value::Bool(false));
}

#[test]
fn replication_names_the_owners_of_its_destinations() {
    let accounts = |rule: &str| {
        let parameters =
            format!(r#"{{"bucketName":"b","ReplicationConfiguration":{{"Rule":{rule}}}}}"#);
        texts(&call("PutBucketReplication", &parameters), "replication_accounts")
    };
    let to = |account: &str| {
        format!(r#"{{"Status":"Enabled","Destination":{{"Account":{account},"Bucket":"x"}}}}"#)
    };
    let (one, other) = (to(r#""111122223333""#), to(r#""444455556666""#));

    assert_eq!(accounts(&one), ["111122223333"]);
    assert_eq!(accounts(&format!("[{one},{other},{one}]")), ["111122223333", "444455556666"]);
    assert_eq!(accounts(&to("12345678901")), ["012345678901"], "as a number it lost its zero");
    assert_eq!(accounts(r#"{"Destination":{"Bucket":"x"}}"#), [""; 0]);
}
