//! Every shape of AWS identity is a valid OCSF user (alerts.md §4.4).

use super::fixture::{GET_OBJECT, create, json, matched, triggered_by, write};
use super::ocsf::validators;
use serde_json::{Value, json};

/// (userIdentity, members of `evidences[0].actor` that must be there)
fn shapes() -> Vec<(Value, Value)> {
    let account = json!({"uid": "1", "type_id": 10, "type": "AWS Account"});
    vec![
        (
            json!({"type": "AssumedRole", "principalId": "AROA:s", "accountId": "1",
                "arn": "arn:aws:sts::1:assumed-role/R/s",
                "sessionContext": {"sessionIssuer": {"type": "Role", "userName": "R",
                    "arn": "arn:aws:iam::1:role/path/R"}, "attributes": {
                    "mfaAuthenticated": "true", "creationDate": "2025-01-15T14:00:00Z"}}}),
            json!({"user": {"uid": "arn:aws:sts::1:assumed-role/R/s", "uid_alt": "AROA:s",
                    "name": "R", "type_id": 1, "type": "User", "account": account},
                "session": {"issuer": "arn:aws:iam::1:role/path/R", "uid": "s", "is_mfa": true,
                    "created_time": 1_736_949_600_000_i64,
                    "created_time_dt": "2025-01-15T14:00:00.000Z"}}),
        ),
        (
            json!({"type": "Root", "principalId": "1", "accountId": "1",
                "arn": "arn:aws:iam::1:root"}),
            json!({"user": {"uid": "arn:aws:iam::1:root", "uid_alt": "1", "name": "root",
                    "type_id": 2, "type": "Admin", "account": account},
                "session": {"issuer": "arn:aws:iam::1:root"}}),
        ),
        (
            json!({"type": "AWSAccount", "principalId": "AIDA2", "accountId": "1"}),
            json!({"user": {"uid_alt": "AIDA2", "type_id": 0, "type": "Unknown",
                "account": account}}),
        ),
        (
            json!({"type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL"}),
            json!({"user": {"name": "anonymous", "type_id": 0, "type": "Unknown"}}),
        ),
        (
            json!({"type": "AWSService", "invokedBy": "config.amazonaws.com"}),
            json!({"user": {"name": "config.amazonaws.com", "type_id": 4, "type": "Service"},
                "invoked_by": "config.amazonaws.com"}),
        ),
        (
            json!({"invokedBy": "config.amazonaws.com"}),
            json!({"user": {"name": "config.amazonaws.com", "type_id": 4, "type": "Service"},
                "invoked_by": "config.amazonaws.com"}),
        ),
        (
            json!({"type": "FederatedUser", "principalId": "1:n", "accountId": "1",
                "arn": "arn:aws:sts::1:federated-user/n", "userName": "n"}),
            json!({"user": {"uid": "arn:aws:sts::1:federated-user/n", "uid_alt": "1:n",
                    "name": "n", "type_id": 1, "type": "User", "account": account},
                "session": {"issuer": "arn:aws:sts::1:federated-user/n"}}),
        ),
        (
            json!({"type": "SAMLUser", "principalId": "p", "userName": "n"}),
            json!({"user": {"uid_alt": "p", "name": "n", "type_id": 1, "type": "User"}}),
        ),
    ]
}

#[test]
fn every_identity_has_its_shape_and_validates_in_every_pinned_release() {
    let validators = validators();
    for (identity, expected) in shapes() {
        let mut event: Value = serde_json::from_str(GET_OBJECT).expect("the fixture is JSON");
        event["userIdentity"] = identity.clone();
        for finding in [create(), matched()] {
            let body = json(&write(&triggered_by(finding, &event)));
            assert_eq!(body["evidences"][0]["actor"], expected, "{identity}");
            for (version, validator) in validators {
                let problems: Vec<String> =
                    validator.iter_errors(&body).map(|e| e.to_string()).collect();
                assert!(problems.is_empty(), "{identity} in {version}: {problems:?}");
            }
        }
    }
}

#[test]
fn a_source_address_goes_where_its_form_says() {
    for (written, endpoint, expected) in [
        (json!("2.2.2.2"), json!(null), json!({"ip": "2.2.2.2"})),
        (json!("::ffff:8.8.8.8"), json!(null), json!({"ip": "8.8.8.8"})),
        (json!("s3.amazonaws.com"), json!(null), json!({"domain": "s3.amazonaws.com"})),
        (json!("AWS Internal"), json!(null), json!({"svc_name": "AWS Internal"})),
        (json!("10.0.0.1"), json!("vpce-1"), json!({"ip": "10.0.0.1", "uid": "vpce-1"})),
        (json!(""), json!(null), json!(null)),
        (json!(null), json!("vpce-1"), json!({"uid": "vpce-1"})),
    ] {
        let mut event: Value = serde_json::from_str(GET_OBJECT).expect("the fixture is JSON");
        event["sourceIPAddress"] = written;
        event["vpcEndpointId"] = endpoint;
        let body = json(&write(&triggered_by(matched(), &event)));
        let found = body["evidences"][0].get("src_endpoint").cloned().unwrap_or(Value::Null);
        assert_eq!(found, expected);
        assert!(validators().iter().all(|(_, validator)| validator.is_valid(&body)));
    }
}

#[test]
fn partitions_of_other_clouds_come_from_the_arn_or_the_region() {
    for (arn, region, expected) in [
        (json!("arn:aws-cn:iam::1:user/a"), "cn-north-1", "aws-cn"),
        (json!("arn:aws-us-gov:iam::1:user/a"), "us-gov-west-1", "aws-us-gov"),
        (json!(null), "cn-north-1", "aws-cn"),
        (json!("arn:<evil>:iam"), "us-gov-west-1", "aws-us-gov"),
        (json!(null), "eu-west-1", "aws"),
    ] {
        let mut event: Value = serde_json::from_str(GET_OBJECT).expect("the fixture is JSON");
        event["userIdentity"]["arn"] = arn;
        event["awsRegion"] = region.into();
        let body = json(&write(&triggered_by(create(), &event)));
        assert_eq!(body["cloud"]["cloud_partition"], expected);
        let uid = format!("arn:{expected}:s3:::sensitive-data-bucket");
        assert_eq!(body["resources"][0]["uid"], uid);
    }
}
