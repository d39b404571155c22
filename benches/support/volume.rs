//! The rules on volume: reads by bytes and by count, and endpoints. Figures in docs/benchmarks.md are
//! of these, and stay comparable while the pack grows.

use tidegate::rule::{RuleFile, builtin};

/// Their files, the silent one among them.
const FILES: [&str; 4] =
    ["s3_object_read", "s3_large_download", "s3_object_count", "vpce_s3_external_ip"];

/// The shipped files that hold them.
pub fn files() -> Vec<RuleFile> {
    let is_wanted = |file: &RuleFile| {
        FILES.iter().any(|name| file.name == format!("builtin:cloudtrail/{name}.yml"))
    };
    let files: Vec<RuleFile> = builtin().into_iter().filter(is_wanted).collect();
    assert_eq!(files.len(), FILES.len(), "the pack has them all");
    files
}
