//! Ready-made CloudTrail records that tests change.

use serde_json::{Value, json};

/// Names of the templates.
pub(super) const NAMES: [&str; 4] =
    ["getobject", "getobject-role", "getobject-owner-copy", "vpce-getobject"];

/// The record of a template.
pub(super) fn record(name: &str) -> Option<Value> {
    match name {
        "getobject" => Some(get_object()),
        "getobject-role" => Some(get_object_by_role()),
        "getobject-owner-copy" => Some(get_object_seen_by_owner()),
        "vpce-getobject" => Some(get_object_through_endpoint()),
        _ => None,
    }
}

/// A user reads one object of 1 MiB.
fn get_object() -> Value {
    json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser",
            "principalId": "AIDAEXAMPLEALICE",
            "arn": "arn:aws:iam::111122223333:user/alice",
            "accountId": "111122223333",
            "accessKeyId": "AKIAEXAMPLEALICE",
            "userName": "alice",
        },
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "awsRegion": "eu-central-1",
        "sourceIPAddress": "198.51.100.24",
        "userAgent": "[aws-cli/2.15.30]",
        "requestParameters": {
            "bucketName": "orders-archive",
            "Host": "orders-archive.s3.eu-central-1.amazonaws.com",
            "key": "2025/03/part-{n}.parquet",
        },
        "responseElements": null,
        "additionalEventData": {
            "SignatureVersion": "SigV4",
            "AuthenticationMethod": "AuthHeader",
            "bytesTransferredIn": 0,
            "bytesTransferredOut": 1_048_576,
        },
        "requestID": "EXAMPLE000000001",
        "readOnly": true,
        "resources": [
            {
                "type": "AWS::S3::Object",
                "ARN": "arn:aws:s3:::orders-archive/2025/03/part-{n}.parquet",
            },
            {
                "accountId": "111122223333",
                "type": "AWS::S3::Bucket",
                "ARN": "arn:aws:s3:::orders-archive",
            },
        ],
        "eventType": "AwsApiCall",
        "managementEvent": false,
        "recipientAccountId": "111122223333",
        "eventCategory": "Data",
    })
}

/// The same by a role session.
fn get_object_by_role() -> Value {
    let mut record = get_object();
    if let Some(identity) = record.get_mut("userIdentity") {
        *identity = json!({
            "type": "AssumedRole",
            "principalId": "AROAEXAMPLEROLE:session-{n}",
            "arn": "arn:aws:sts::111122223333:assumed-role/report-builder/session-{n}",
            "accountId": "111122223333",
            "accessKeyId": "ASIAEXAMPLEROLE",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": "AROAEXAMPLEROLE",
                    "arn": "arn:aws:iam::111122223333:role/report-builder",
                    "accountId": "111122223333",
                    "userName": "report-builder",
                },
            },
        });
    }
    record
}

/// The same as the bucket owner's trail reports it: the caller is another account.
fn get_object_seen_by_owner() -> Value {
    let mut record = get_object();
    if let Some(members) = record.as_object_mut() {
        members.insert(
            "userIdentity".into(),
            json!({
                "type": "AWSAccount",
                "principalId": "AIDAEXAMPLEALICE",
                "accountId": "111122223333",
            }),
        );
        members.insert("recipientAccountId".into(), "444455556666".into());
        members.insert("sharedEventID".into(), "00000000-0000-4000-9000-{n}".into());
    }
    record
}

/// A network activity event: a read through a VPC endpoint, as AWS's samples show it.
fn get_object_through_endpoint() -> Value {
    json!({
        "eventVersion": "1.09",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": "AROAEXAMPLEROLE:session",
            "arn": "arn:aws:sts::111122223333:assumed-role/report-builder/session",
            "accountId": "111122223333",
            "accessKeyId": "ASIAEXAMPLEROLE",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": "AROAEXAMPLEROLE",
                    "arn": "arn:aws:iam::111122223333:role/report-builder",
                    "accountId": "111122223333",
                    "userName": "report-builder",
                },
            },
        },
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "awsRegion": "eu-central-1",
        "sourceIPAddress": "8.8.8.8",
        "requestParameters": {"bucketName": "orders-archive", "key": "2025/03/part-{n}.parquet"},
        "requestID": "EXAMPLE000000002",
        "eventType": "AwsVpceEvent",
        "recipientAccountId": "111122223333",
        "sharedEventID": "00000000-0000-4000-a000-{n}",
        "vpcEndpointId": "vpce-0example",
        "vpcEndpointAccountId": "111122223333",
        "eventCategory": "NetworkActivity",
    })
}
