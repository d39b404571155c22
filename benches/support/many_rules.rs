//! Rule files of any length whose rules look for calls as often as SigmaHQ's AWS rules do.
//!
//! Source and names of each of those rules, in turn; every rule asks one thing more, so that no two are
//! the same, and every tenth names no call at all: it looks for a tool, an error, a role or an address.

use std::fmt::Write as _;

/// `eventSource` (empty where a rule names none) and `eventName` of SigmaHQ's rules that name a call.
const CALLS: [(&str, &[&str]); 53] = [
    ("bedrock.amazonaws.com", &["DeleteGuardrail"]),
    ("bedrock.amazonaws.com", &["UpdateGuardrail"]),
    ("", &["DeleteBucket"]),
    ("", &["ConsoleLogin"]),
    ("", &["ConsoleLogin"]),
    ("cloudtrail.amazonaws.com", &["StopLogging", "UpdateTrail", "DeleteTrail"]),
    ("guardduty.amazonaws.com", &["DeleteDetector", "UpdateDetector"]),
    ("ec2.amazonaws.com", &["CreateNetworkAclEntry"]),
    ("ec2.amazonaws.com", &["CreateRoute"]),
    ("account.amazonaws.com", &["EnableRegion"]),
    (
        "ec2.amazonaws.com",
        &[
            "AuthorizeSecurityGroupEgress",
            "AuthorizeSecurityGroupIngress",
            "RevokeSecurityGroupEgress",
            "RevokeSecurityGroupIngress",
        ],
    ),
    (
        "elasticloadbalancing.amazonaws.com",
        &["ApplySecurityGroupsToLoadBalancer", "SetSecurityGroups"],
    ),
    (
        "rds.amazonaws.com",
        &[
            "AuthorizeDBSecurityGroupIngress",
            "CreateDBSecurityGroup",
            "DeleteDBSecurityGroup",
            "RevokeDBSecurityGroupIngress",
        ],
    ),
    ("ssm.amazonaws.com", &["SendCommand"]),
    ("", &["DeleteFlowLogs"]),
    ("config.amazonaws.com", &["DeleteDeliveryChannel", "StopConfigurationRecorder"]),
    ("signin.amazonaws.com", &["GetSigninToken"]),
    ("ses.amazonaws.com", &["DeleteIdentity"]),
    ("iam.amazonaws.com", &["DeleteSAMLProvider"]),
    ("s3.amazonaws.com", &["PutBucketVersioning"]),
    ("ec2.amazonaws.com", &["DisableEbsEncryptionByDefault"]),
    ("ec2.amazonaws.com", &["ImportKeyPair"]),
    ("ec2.amazonaws.com", &["ModifyInstanceAttribute"]),
    ("ec2.amazonaws.com", &["CreateInstanceExportTask"]),
    ("ecs.amazonaws.com", &["DescribeTaskDefinition", "RegisterTaskDefinition", "RunTask"]),
    ("elasticfilesystem.amazonaws.com", &["DeleteFileSystem"]),
    ("elasticfilesystem.amazonaws.com", &["DeleteMountTarget"]),
    ("eks.amazonaws.com", &["CreateCluster", "DeleteCluster"]),
    ("elasticache.amazonaws.com", &["CreateCacheSecurityGroup"]),
    (
        "elasticache.amazonaws.com",
        &[
            "DeleteCacheSecurityGroup",
            "AuthorizeCacheSecurityGroupIngress",
            "RevokeCacheSecurityGroupIngress",
            "AuthorizeCacheSecurityGroupEgress",
            "RevokeCacheSecurityGroupEgress",
        ],
    ),
    ("s3.amazonaws.com", &["ListBuckets"]),
    ("guardduty.amazonaws.com", &["CreateIPSet"]),
    ("iam.amazonaws.com", &["CreateAccessKey"]),
    ("iam.amazonaws.com", &["GetLoginProfile", "CreateLoginProfile"]),
    ("iam.amazonaws.com", &["PutUserPolicy"]),
    ("iam.amazonaws.com", &["CreateUser", "CreateAccessKey"]),
    ("kms.amazonaws.com", &["ImportKeyMaterial", "DeleteImportedKeyMaterial"]),
    ("lambda.amazonaws.com", &["CreateFunctionUrlConfig"]),
    ("lambda.amazonaws.com", &["UpdateFunctionConfiguration"]),
    ("glue.amazonaws.com", &["CreateDevEndpoint", "DeleteDevEndpoint", "UpdateDevEndpoint"]),
    ("rds.amazonaws.com", &["ModifyDBInstance"]),
    ("rds.amazonaws.com", &["ModifyDBCluster", "DeleteDBCluster"]),
    ("rds.amazonaws.com", &["RestoreDBInstanceFromDBSnapshot"]),
    ("route53.amazonaws.com", &["DisableDomainTransferLock"]),
    ("route53.amazonaws.com", &["TransferDomainToAnotherAwsAccount"]),
    (
        "s3.amazonaws.com",
        &[
            "PutBucketLogging",
            "PutBucketWebsite",
            "PutEncryptionConfiguration",
            "PutLifecycleConfiguration",
            "PutReplicationConfiguration",
            "ReplicateObject",
            "RestoreObject",
        ],
    ),
    (
        "securityhub.amazonaws.com",
        &["BatchUpdateFindings", "DeleteInsight", "UpdateFindings", "UpdateInsight"],
    ),
    ("ec2.amazonaws.com", &["ModifySnapshotAttribute"]),
    (
        "sso-directory.amazonaws.com",
        &[
            "AssociateDirectory",
            "DisableExternalIdPConfigurationForDirectory",
            "DisassociateDirectory",
            "EnableExternalIdPConfigurationForDirectory",
        ],
    ),
    ("sts.amazonaws.com", &["GetCallerIdentity"]),
    ("sts.amazonaws.com", &["GetSessionToken"]),
    ("iam.amazonaws.com", &["AssumeRoleWithSAML", "UpdateSAMLProvider"]),
    ("iam.amazonaws.com", &["UpdateLoginProfile"]),
];

/// The text of a file with so many rules.
pub(crate) fn text(count: usize) -> String {
    let mut text = String::new();
    for number in 0..count {
        let _ = write!(
            text,
            "---\ntitle: R{number}\nname: r{number}\nlogsource: {{product: aws, service: cloudtrail}}\n\
             detection:\n  selection:\n"
        );
        if number % 10 == 9 {
            text.push_str(&without_call(number));
        } else {
            text.push_str(&with_call(number));
        }
        text.push_str("  condition: selection\n");
    }
    text
}

fn with_call(number: usize) -> String {
    let (source, names) = CALLS.get(number % CALLS.len()).copied().unwrap_or_default();
    let mut items = String::new();
    if !source.is_empty() {
        let _ = writeln!(items, "    eventSource: {source}");
    }
    let _ = writeln!(items, "    eventName: [{}]", names.join(", "));
    let _ = match number % 4 {
        0 => writeln!(items, "    userAgent|contains: [tool-{number}, 'client {number}/']"),
        1 => writeln!(items, "    userIdentity.arn|endswith: role/job-{number}"),
        2 => writeln!(items, "    requestParameters.name: item-{number}"),
        _ => writeln!(items, "    sourceIPAddress|cidr: 10.{}.0.0/16", number % 256),
    };
    items
}

fn without_call(number: usize) -> String {
    match number / 10 % 5 {
        0 => format!("    userAgent|contains: scanner-{number}\n"),
        1 => format!("    errorCode: Client.Error{number}\n"),
        2 => format!("    userIdentity.arn|contains: ':role/break-glass-{number}'\n"),
        3 => format!(
            "    sourceIPAddress: 203.0.113.{}\n    userAgent|re: 'v{number}$'\n",
            number % 256
        ),
        _ => format!("    userIdentity.type: Root\n    eventType: Kind{number}\n"),
    }
}
