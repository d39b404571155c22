//! Ready-made CloudTrail records that tests change.

use serde_json::{Value, json};

/// Names of the templates.
pub(super) const NAMES: [&str; 16] = [
    "getobject",
    "getobject-role",
    "getobject-owner-copy",
    "getobject-foreign",
    "getobject-anonymous",
    "getobject-presigned",
    "vpce-getobject",
    "vpce-foreign",
    "copyobject",
    "copyobject-foreign",
    "putobject",
    "deleteobject",
    "bucket-call",
    "put-bucket-policy",
    "api-call",
    "instance-call",
];

/// The record of a template.
pub(super) fn record(name: &str) -> Option<Value> {
    match name {
        "getobject" => Some(get_object()),
        "getobject-role" => Some(get_object_by_role()),
        "getobject-owner-copy" => Some(get_object_seen_by_owner()),
        "getobject-foreign" => Some(get_object_by_foreigner()),
        "getobject-anonymous" => Some(get_object_by_anybody()),
        "getobject-presigned" => Some(get_object_by_link()),
        "vpce-getobject" => Some(get_object_through_endpoint()),
        "vpce-foreign" => Some(get_object_through_endpoint_by_foreigner()),
        "copyobject" => Some(copy_object()),
        "copyobject-foreign" => Some(copy_object_by_foreigner()),
        "putobject" => Some(put_object()),
        "deleteobject" => Some(delete_object()),
        "bucket-call" => Some(bucket_call()),
        "put-bucket-policy" => Some(put_bucket_policy()),
        "api-call" => Some(api_call()),
        "instance-call" => Some(instance_call()),
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

/// A member of an account that is not ours reads, as the bucket's owner sees it.
fn get_object_by_foreigner() -> Value {
    by_foreigner(get_object())
}

fn by_foreigner(record: Value) -> Value {
    changed(
        record,
        json!({
            "userIdentity": {
                "type": "AWSAccount",
                "principalId": "AIDAEXAMPLEOTHER",
                "accountId": "999988887777",
            },
            "sharedEventID": "00000000-0000-4000-b000-{n}",
        }),
    )
}

/// Somebody without credentials reads.
fn get_object_by_anybody() -> Value {
    changed(
        get_object(),
        json!({
            "userIdentity": {
                "type": "AWSAccount",
                "principalId": "",
                "accountId": "ANONYMOUS_PRINCIPAL",
            },
        }),
    )
}

/// Somebody outside follows a link that was signed in advance.
fn get_object_by_link() -> Value {
    changed(
        get_object(),
        json!({
            "sourceIPAddress": "8.8.8.8",
            "additionalEventData": {
                "SignatureVersion": "SigV4",
                "AuthenticationMethod": "QueryString",
                "bytesTransferredIn": 0,
                "bytesTransferredOut": 1_048_576,
            },
        }),
    )
}

/// A user copies an object of ours into a bucket of another account; its bytes are not logged. As in real
/// records, only the destination is among the buckets of `resources`.
fn copy_object() -> Value {
    changed(
        get_object(),
        json!({
            "eventName": "CopyObject",
            "requestParameters": {
                "bucketName": "partner-drop",
                "Host": "partner-drop.s3.eu-central-1.amazonaws.com",
                "key": "in/part-{n}.parquet",
                "x-amz-copy-source": "orders-archive/2025/03/part-{n}.parquet",
            },
            "additionalEventData": {
                "SignatureVersion": "SigV4",
                "AuthenticationMethod": "AuthHeader",
                "bytesTransferredIn": 0,
                "bytesTransferredOut": 224,
            },
            "readOnly": false,
            "resources": [
                {
                    "type": "AWS::S3::Object",
                    "ARN": "arn:aws:s3:::partner-drop/in/part-{n}.parquet",
                },
                {
                    "type": "AWS::S3::Object",
                    "ARN": "arn:aws:s3:::orders-archive/2025/03/part-{n}.parquet",
                },
                {
                    "accountId": "999988887777",
                    "type": "AWS::S3::Bucket",
                    "ARN": "arn:aws:s3:::partner-drop",
                },
            ],
        }),
    )
}

/// A member of an account that is not ours copies into a bucket of ours, as we see it.
fn copy_object_by_foreigner() -> Value {
    let record = by_foreigner(copy_object());
    let ours = put_object();
    let of_ours = |name: &str| ours.get(name).cloned().unwrap_or_default();
    let mut parameters = of_ours("requestParameters");
    if let Some(members) = parameters.as_object_mut() {
        members.insert("x-amz-copy-source".into(), "their-archive/in/part-{n}.parquet".into());
    }
    changed(record, json!({"requestParameters": parameters, "resources": of_ours("resources")}))
}

/// A user writes one object of 1 MiB.
fn put_object() -> Value {
    changed(
        get_object(),
        json!({
            "eventName": "PutObject",
            "additionalEventData": {
                "SignatureVersion": "SigV4",
                "AuthenticationMethod": "AuthHeader",
                "bytesTransferredIn": 1_048_576,
                "bytesTransferredOut": 0,
            },
            "readOnly": false,
        }),
    )
}

/// A user deletes one object.
fn delete_object() -> Value {
    changed(get_object(), json!({"eventName": "DeleteObject", "readOnly": false}))
}

/// A user does something to a bucket: the test says what.
fn bucket_call() -> Value {
    changed(
        api_call(),
        json!({
            "eventSource": "s3.amazonaws.com",
            "eventName": "GetBucketLocation",
            "requestParameters": {
                "bucketName": "orders-archive",
                "Host": "orders-archive.s3.eu-central-1.amazonaws.com",
            },
        }),
    )
}

/// A user lets another account of ours read a bucket.
fn put_bucket_policy() -> Value {
    changed(
        bucket_call(),
        json!({
            "eventName": "PutBucketPolicy",
            "requestParameters": {
                "bucketName": "orders-archive",
                "Host": "orders-archive.s3.eu-central-1.amazonaws.com",
                "policy": "",
                "bucketPolicy": {
                    "Version": "2012-10-17",
                    "Statement": [{
                        "Sid": "Readers",
                        "Effect": "Allow",
                        "Principal": {"AWS": "arn:aws:iam::444455556666:root"},
                        "Action": "s3:GetObject",
                        "Resource": "arn:aws:s3:::orders-archive/*",
                    }],
                },
            },
        }),
    )
}

/// A user calls some service: the test says which and what.
fn api_call() -> Value {
    let mut record = changed(
        get_object(),
        json!({
            "eventSource": "ec2.amazonaws.com",
            "eventName": "DescribeRegions",
            "requestParameters": {},
            "readOnly": false,
            "managementEvent": true,
            "eventCategory": "Management",
        }),
    );
    if let Some(members) = record.as_object_mut() {
        members.remove("additionalEventData");
        members.remove("resources");
    }
    record
}

/// The credentials of an instance are used somewhere outside.
fn instance_call() -> Value {
    changed(
        api_call(),
        json!({
            "userIdentity": {
                "type": "AssumedRole",
                "principalId": "AROAEXAMPLEWEB:i-0a1b2c3d4e5f60718",
                "arn": "arn:aws:sts::111122223333:assumed-role/web/i-0a1b2c3d4e5f60718",
                "accountId": "111122223333",
                "accessKeyId": "ASIAEXAMPLEWEB",
                "sessionContext": {
                    "sessionIssuer": {
                        "type": "Role",
                        "principalId": "AROAEXAMPLEWEB",
                        "arn": "arn:aws:iam::111122223333:role/web",
                        "accountId": "111122223333",
                        "userName": "web",
                    },
                    "ec2RoleDelivery": "2.0",
                },
            },
            "eventSource": "s3.amazonaws.com",
            "eventName": "ListBuckets",
            "sourceIPAddress": "8.8.8.8",
        }),
    )
}

/// A network activity event whose caller is of another account: neither name nor ARN is told.
fn get_object_through_endpoint_by_foreigner() -> Value {
    changed(
        get_object_through_endpoint(),
        json!({
            "userIdentity": {
                "type": "AWSAccount",
                "principalId": "AROAEXAMPLEOTHER:session",
                "accountId": "999988887777",
            },
        }),
    )
}

/// The record with some of its members replaced.
fn changed(mut record: Value, members: Value) -> Value {
    if let (Some(record), Value::Object(members)) = (record.as_object_mut(), members) {
        record.extend(members);
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
