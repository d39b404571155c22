//! The rules that are shipped inside the binary.

use super::load::RuleFile;

/// Name and text of each file of the CloudTrail pack.
macro_rules! cloudtrail {
    ($($name:literal,)*) => {
        [$((
            concat!("cloudtrail/", $name, ".yml"),
            include_str!(concat!("../../rules/cloudtrail/", $name, ".yml")),
        )),*]
    };
}

/// In the order in which the pack is read: volume, endpoints, counts, copies, openings, anonymous and
/// signed reads, searches, destruction, controls.
const FILES: &[(&str, &str)] = &cloudtrail![
    "s3_object_read",
    "s3_large_download",
    "s3_large_download_compat",
    "s3_download_day",
    "vpce_s3_external_ip",
    "vpce_access_denied",
    "vpce_external_principal",
    "vpce_sensitive_api",
    "s3_object_count",
    "s3_object_count_bucket",
    "s3_object_count_global",
    "s3_distinct_objects",
    "s3_list_sweep",
    "s3_read_new_address",
    "s3_read_off_hours",
    "s3_foreign_caller",
    "s3_foreign_account_new",
    "s3_copy_to_foreign_bucket",
    "s3_copy_external_compat",
    "s3_copy_burst",
    "s3_upload_to_foreign_bucket",
    "s3_uncommon_client",
    "s3_uncommon_client_compat",
    "s3_policy_public",
    "s3_policy_external_account",
    "s3_acl_public",
    "s3_replication_external",
    "s3_public_access_block_off",
    "s3_vpce_deny_removed",
    "s3_access_outside_vpce",
    "vpce_policy_opened",
    "s3_anonymous_read",
    "s3_anonymous_burst",
    "s3_anonymous_new_source",
    "s3_presigned_large",
    "imds_credentials_outside",
    "s3_denied_burst",
    "s3_guess_then_read",
    "iam_recon_denied",
    "s3_posture_sweep",
    "s3_credential_file_read",
    "s3_decoy_access",
    "s3_copy_kms_external",
    "s3_sse_c_burst",
    "s3_delete_burst",
    "s3_delete_many",
    "s3_copy_out_then_delete",
    "s3_logging_disabled",
    "s3_versioning_suspended",
    "s3_mfa_delete_disabled",
    "s3_encryption_deleted",
    "s3_replication_deleted",
    "s3_bucket_protection_deleted",
    "s3_bucket_policy_modified",
    "s3_short_expiry",
    "s3_controls_disabled",
    "cloudtrail_s3_logging_weakened",
    "flow_logs_deleted",
    "guardduty_s3_protection_off",
    "macie_evasion",
    "s3_bulk_export_job",
];

/// The shipped rules, named `builtin:…`.
#[must_use]
pub fn builtin() -> Vec<RuleFile> {
    FILES
        .iter()
        .map(|(name, text)| RuleFile {
            name: format!("builtin:{name}"),
            text: (*text).to_owned(),
            builtin: true,
        })
        .collect()
}
