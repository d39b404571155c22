//! Lists that come with tidegate: `builtin: NAME` in place of `values`.

use super::list::ListType;

/// A list by its name.
pub(super) struct BuiltinList {
    pub(super) name: &'static str,
    pub(super) kind: ListType,
    pub(super) values: &'static [&'static str],
}

/// All of them.
pub(super) const ALL: [BuiltinList; 2] = [
    // RFC 1918 and RFC 4193.
    BuiltinList {
        name: "private_networks",
        kind: ListType::Cidr,
        values: &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
    },
    // Every name under which S3 writes data events.
    BuiltinList {
        name: "s3_event_sources",
        kind: ListType::String,
        values: &[
            "s3.amazonaws.com",
            "s3express.amazonaws.com",
            "s3-outposts.amazonaws.com",
            "s3-object-lambda.amazonaws.com",
        ],
    },
];
