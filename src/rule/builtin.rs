//! The rules that are shipped inside the binary.

use super::load::RuleFile;

const FILES: [(&str, &str); 4] = [
    ("cloudtrail/s3_object_read.yml", include_str!("../../rules/cloudtrail/s3_object_read.yml")),
    (
        "cloudtrail/s3_large_download.yml",
        include_str!("../../rules/cloudtrail/s3_large_download.yml"),
    ),
    ("cloudtrail/s3_object_count.yml", include_str!("../../rules/cloudtrail/s3_object_count.yml")),
    (
        "cloudtrail/vpce_s3_external_ip.yml",
        include_str!("../../rules/cloudtrail/vpce_s3_external_ip.yml"),
    ),
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
