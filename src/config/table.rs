//! Every key of the configuration, once: name, kind, default, help, example.
//!
//! The order is the order of the file that `config init` writes. A key that nothing reads has no
//! place here; what the design names but nothing does yet is in [`NOT_YET`], so that setting it is
//! refused with a message of its own instead of being ignored.

use super::key::{Key, Kind, Section};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

const fn key(
    path: &'static str,
    kind: Kind,
    default: Option<&'static str>,
    help: &'static str,
    example: &'static str,
) -> Key {
    Key { path, kind, default, help, example }
}

const fn duration(min_ms: i64) -> Kind {
    Kind::Duration { min_ms }
}

const fn size(min_bytes: u64, max_bytes: u64) -> Kind {
    Kind::Size { min_bytes, max_bytes }
}

const fn integer(min: i64, max: i64) -> Kind {
    Kind::Integer { min, max }
}

/// The tables, in the order of the file.
pub const SECTIONS: &[Section] = &[
    Section { path: "app", help: "This deployment and this process." },
    Section { path: "kafka", help: "How the cluster is reached." },
    Section { path: "kafka.tls", help: "Certificates, for the protocols ssl and sasl_ssl." },
    Section { path: "kafka.sasl", help: "Log-in, for the protocols sasl_plaintext and sasl_ssl." },
    Section {
        path: "kafka.librdkafka",
        help: "Properties of librdkafka, passed through to consumers and producers; quote names with dots.",
    },
    Section { path: "kafka.librdkafka.consumer", help: "The same, for consumers only." },
    Section { path: "kafka.librdkafka.producer", help: "The same, for producers only." },
    Section { path: "source[]", help: "An input topic; repeat the table for several topics." },
    Section { path: "state", help: "State on disk, and when it is committed." },
    Section { path: "time", help: "Event time: how much disorder is tolerated." },
    Section { path: "alerts", help: "The topic that SOAR tools read." },
    Section { path: "alerts.dlq", help: "Dead letters: records that cannot be read." },
    Section { path: "rules", help: "Which rules run." },
    Section { path: "rule", help: "Changes to rules, one table for each name." },
    Section {
        path: "rule.*",
        help: "One rule, by name or id, changed without a copy of it; its state is kept unless timespan changes.",
    },
    Section { path: "lists", help: "Values for %name% in rules, one table for each name." },
    Section { path: "lists.*", help: "One list; it replaces the list of that name in rules." },
    Section { path: "http", help: "HTTP listeners." },
    Section { path: "http.admin", help: "Health and metrics; shows no entity names." },
    Section { path: "log", help: "Logs, written to standard error." },
];

/// The keys, in the order of the file.
pub const KEYS: &[Key] = &[
    key(
        "app.id",
        Kind::Text,
        Some(r#""tidegate""#),
        "Name shared by all processes of a deployment: consumer group, prefix of transactional ids and changelog topics.",
        r#""tidegate""#,
    ),
    key(
        "app.instance",
        Kind::Text,
        None,
        "Name of this process, unique and stable over restarts; the host name when unset.",
        r#""tidegate-0""#,
    ),
    key(
        "app.workers",
        integer(0, 256),
        Some("0"),
        "Worker threads; 0 means two thirds of the cores, at least one.",
        "4",
    ),
    key(
        "app.shutdown_limit",
        duration(0),
        Some(r#""60s""#),
        "How long a graceful stop may take before the open transaction is aborted.",
        r#""60s""#,
    ),
    key(
        "app.labels",
        Kind::List,
        Some("[]"),
        "Labels copied to metadata.labels of each alert.",
        r#"["env:prod"]"#,
    ),
    key(
        "kafka.brokers",
        Kind::List,
        Some(r#"["localhost:9092"]"#),
        "Brokers to ask first, as host:port.",
        r#"["kafka-0:9092", "kafka-1:9092"]"#,
    ),
    key(
        "kafka.security_protocol",
        Kind::OneOf { now: &["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"], later: &[] },
        Some(r#""plaintext""#),
        "Whether connections are encrypted (ssl) and logged in (sasl).",
        r#""sasl_ssl""#,
    ),
    key(
        "kafka.session_timeout",
        duration(1000),
        Some(r#""15s""#),
        "After how long without a heartbeat a dead process loses its partitions; a restart that is faster causes no rebalance.",
        r#""15s""#,
    ),
    key(
        "kafka.max_poll_interval",
        duration(1000),
        Some(r#""5m""#),
        "After how long without progress a hanging worker loses its partitions.",
        r#""5m""#,
    ),
    key(
        "kafka.transaction_timeout",
        duration(1000),
        Some(r#""15s""#),
        "How long a crash inside a transaction can hold readers of the alerts topic back.",
        r#""15s""#,
    ),
    key(
        "kafka.start_from",
        Kind::OneOf { now: &["earliest", "latest", "error"], later: &[] },
        Some(r#""earliest""#),
        "Where to begin when the group has no committed offset.",
        r#""earliest""#,
    ),
    key(
        "kafka.producer_compression",
        Kind::OneOf { now: &["none", "gzip", "lz4", "zstd"], later: &[] },
        Some(r#""gzip""#),
        "Codec of produced batches; lz4 and zstd need an alerts topic whose compression.type is gzip or uncompressed. With gzip, changelog topics get lz4.",
        r#""gzip""#,
    ),
    key(
        "kafka.tls.ca_file",
        Kind::Path,
        None,
        "Certificate authorities in PEM form; the system's bundle when unset.",
        r#""/etc/tidegate/ca.crt""#,
    ),
    key(
        "kafka.tls.cert_file",
        Kind::Path,
        None,
        "Own certificate in PEM form, for mutual TLS; needs key_file.",
        r#""/etc/tidegate/client.crt""#,
    ),
    key(
        "kafka.tls.key_file",
        Kind::Path,
        None,
        "Private key of cert_file in PEM form.",
        r#""/etc/tidegate/client.key""#,
    ),
    key(
        "kafka.tls.key_password_file",
        Kind::Path,
        None,
        "File that holds the pass phrase of key_file.",
        r#""/etc/tidegate/client.key.password""#,
    ),
    key(
        "kafka.sasl.mechanism",
        Kind::OneOf {
            now: &["plain", "scram_sha_256", "scram_sha_512"],
            later: &["oauthbearer", "oidc", "aws_msk_iam", "gssapi"],
        },
        None,
        "How the log-in works.",
        r#""scram_sha_512""#,
    ),
    key("kafka.sasl.username", Kind::Text, None, "User name.", r#""tidegate""#),
    key(
        "kafka.sasl.password_file",
        Kind::Path,
        None,
        "File that holds the password; a trailing newline is removed.",
        r#""/run/credentials/tidegate/kafka-password""#,
    ),
    key(
        "kafka.librdkafka.*",
        Kind::PassThrough,
        None,
        "Any property that is not on the deny-list, for consumers and producers.",
        "true",
    ),
    key(
        "kafka.librdkafka.consumer.*",
        Kind::PassThrough,
        None,
        "Any property that is not on the deny-list, for consumers.",
        "65536",
    ),
    key(
        "kafka.librdkafka.producer.*",
        Kind::PassThrough,
        None,
        "Any property that is not on the deny-list, for producers.",
        "262144",
    ),
    key(
        "source[].name",
        Kind::Text,
        Some(r#""cloudtrail""#),
        "Name of the source, part of its changelog topic's name; unique.",
        r#""cloudtrail""#,
    ),
    key(
        "source[].topic",
        Kind::Text,
        Some(r#""cloudtrail""#),
        "Exact name of the topic.",
        r#""cloudtrail""#,
    ),
    key(
        "source[].format",
        Kind::OneOf {
            now: &["auto", "cloudtrail"],
            later: &["s3_access", "guardduty", "macie", "vpcflow"],
        },
        Some(r#""auto""#),
        "What the records hold; auto recognises each record by its content.",
        r#""cloudtrail""#,
    ),
    key(
        "source[].key",
        Kind::List,
        Some(r#"["tidegate.principal"]"#),
        "Fields that the producer used as partition key; an empty list means none.",
        r#"["tidegate.principal"]"#,
    ),
    key(
        "source[].max_record_bytes",
        size(1024, 64 * MIB),
        Some(r#""8MiB""#),
        "Largest record that is decoded; larger ones become dead letters.",
        r#""8MiB""#,
    ),
    key(
        "source[].allowed_lateness",
        duration(0),
        None,
        "How late an event of this source still counts; time.allowed_lateness when unset.",
        r#""1h""#,
    ),
    key(
        "state.dir",
        Kind::Path,
        Some(r#""/var/lib/tidegate""#),
        "Folder of the stores, on a local disk; it can be lost, the changelog rebuilds it.",
        r#""/var/lib/tidegate""#,
    ),
    key(
        "state.commit_interval",
        duration(10),
        Some(r#""500ms""#),
        "How often progress and state are committed.",
        r#""500ms""#,
    ),
    key(
        "state.urgent_commit",
        duration(1),
        Some(r#""20ms""#),
        "How soon after a commit an alert on a fresh record (at most ten commit intervals old) gets the next one.",
        r#""20ms""#,
    ),
    key(
        "state.max_dirty_bytes",
        size(MIB, 4 * GIB),
        Some(r#""16MiB""#),
        "Changed state of one worker that forces a commit.",
        r#""16MiB""#,
    ),
    key(
        "state.cache",
        size(MIB, 64 * GIB),
        Some(r#""64MiB""#),
        "Memory of all partitions of the process together for panes of groups near a threshold, open episodes, and events that findings may show.",
        r#""64MiB""#,
    ),
    key(
        "state.wal",
        Kind::Flag,
        Some("false"),
        "Whether RocksDB writes its own log; safe without, since the disk is written after the Kafka commit.",
        "false",
    ),
    key(
        "state.block_cache",
        size(MIB, 64 * GIB),
        Some(r#""256MiB""#),
        "RocksDB's cache, shared by all stores of the process.",
        r#""256MiB""#,
    ),
    key(
        "state.write_buffer",
        size(MIB, GIB),
        Some(r#""8MiB""#),
        "RocksDB's write buffer of one partition.",
        r#""8MiB""#,
    ),
    key(
        "state.changelog_replication_factor",
        integer(1, 10),
        Some("3"),
        "Replication factor with which changelog topics are created.",
        "3",
    ),
    key(
        "time.allowed_lateness",
        duration(0),
        Some(r#""1h""#),
        "How far behind the watermark an event still counts; a source or a rule may set its own.",
        r#""1h""#,
    ),
    key(
        "time.max_future_skew",
        duration(0),
        Some(r#""5m""#),
        "Events further ahead of their record's time do not move the watermark.",
        r#""5m""#,
    ),
    key(
        "time.duplicate_horizon",
        duration(1000),
        None,
        "How long event ids are remembered; the largest lateness in use on the source when unset.",
        r#""1h""#,
    ),
    key(
        "alerts.topic",
        Kind::Text,
        Some(r#""tidegate.alerts.v1""#),
        "Topic of alerts.",
        r#""tidegate.alerts.v1""#,
    ),
    key(
        "alerts.emit",
        Kind::SomeOf { now: &["create", "escalate"], later: &["update", "close"] },
        Some(r#"["create", "escalate"]"#),
        "Which activities of a finding are written as alerts; create is always needed.",
        r#"["create", "escalate"]"#,
    ),
    key(
        "alerts.compression",
        Kind::OneOf { now: &["none", "gzip"], later: &[] },
        Some(r#""gzip""#),
        "What the broker stores, for consumers that know no other codec.",
        r#""gzip""#,
    ),
    key(
        "alerts.min_severity",
        Kind::OneOf { now: &["informational", "low", "medium", "high", "critical"], later: &[] },
        Some(r#""informational""#),
        "Findings below it are counted, not written; one that rises to it is then written as a Create.",
        r#""medium""#,
    ),
    key(
        "alerts.max_bytes",
        integer(65_536, 240_000),
        Some("65536"),
        "Largest alert; longer evidence is cut and says so.",
        "65536",
    ),
    key(
        "alerts.vendor_name",
        Kind::Text,
        Some(r#""tidegate""#),
        "Vendor name of the product in each alert.",
        r#""tidegate""#,
    ),
    key(
        "alerts.console_url",
        Kind::Text,
        None,
        "Link to a finding, with {uid} in place of its id; https, or http to a loopback address.",
        r#""https://tidegate.example.com/findings/{uid}""#,
    ),
    key(
        "alerts.dlq.enabled",
        Kind::Flag,
        Some("true"),
        "Whether unreadable records go to the dead-letter topic; if not they are counted and skipped.",
        "true",
    ),
    key(
        "alerts.dlq.topic",
        Kind::Text,
        Some(r#""tidegate.dlq.v1""#),
        "Topic of dead letters.",
        r#""tidegate.dlq.v1""#,
    ),
    key("rules.builtin", Kind::Flag, Some("true"), "Whether the shipped rules run.", "true"),
    key(
        "rules.paths",
        Kind::List,
        Some("[]"),
        "Rule files, or folders that are searched for *.yml and *.yaml.",
        r#"["/etc/tidegate/rules"]"#,
    ),
    key(
        "rules.disable",
        Kind::List,
        Some("[]"),
        "Rules that do not run, by id or name.",
        r#"["s3_object_count"]"#,
    ),
    key(
        "rules.deny_warnings",
        Kind::Flag,
        Some("false"),
        "Whether a warning about a rule stops the start.",
        "true",
    ),
    key(
        "rules.watch",
        duration(0),
        Some(r#""5s""#),
        "How often files of configuration, rules and lists are looked at for changes; 0s: only SIGHUP reloads.",
        r#""5s""#,
    ),
    key("rule.*.enabled", Kind::Flag, None, "Switches the rule on or off.", "true"),
    key(
        "rule.*.level",
        Kind::OneOf { now: &["informational", "low", "medium", "high", "critical"], later: &[] },
        None,
        "Level of the rule; of one with tiers, level of the first.",
        r#""medium""#,
    ),
    key(
        "rule.*.threshold",
        Kind::Amount,
        None,
        "The least amount that fires; tiers at or below it give it their level.",
        r#""100MiB""#,
    ),
    key(
        "rule.*.tiers",
        Kind::List,
        None,
        "All tiers above the threshold, each an amount and a level.",
        r#"["1GiB medium", "10GiB high"]"#,
    ),
    key(
        "rule.*.timespan",
        duration(1000),
        None,
        "Length of the window; another one starts the rule with an empty state.",
        r#""15m""#,
    ),
    key(
        "rule.*.dedup_period",
        duration(0),
        None,
        "How long one finding stands for more; zero makes each match a finding.",
        r#""60m""#,
    ),
    key(
        "lists.*.type",
        Kind::OneOf { now: &["string", "glob", "cidr", "account"], later: &[] },
        None,
        "What the values are, which decides how they compare; as the rules say when unset.",
        r#""account""#,
    ),
    key("lists.*.values", Kind::List, Some("[]"), "The values.", r#"["111111111111"]"#),
    key(
        "lists.*.file",
        Kind::Path,
        None,
        "File with more values: one on each line (# begins a comment), or .csv or .json.",
        r#""/etc/tidegate/lists/corp.txt""#,
    ),
    key(
        "lists.*.column",
        Kind::Text,
        None,
        "Column of a CSV file with a head, or member of the objects of a JSON array.",
        r#""cidr""#,
    ),
    key(
        "lists.*.required",
        Kind::Flag,
        Some("false"),
        "Whether the list must hold a value for the start to succeed.",
        "true",
    ),
    key(
        "lists.*.empty",
        Kind::OneOf { now: &["match-all", "match-none"], later: &[] },
        None,
        "What the empty list matches; as the rules say when unset.",
        r#""match-none""#,
    ),
    key(
        "http.admin.listen",
        Kind::Listen,
        Some(r#""127.0.0.1:9598""#),
        "Address of /livez, /readyz, /metrics, /version and /rules.",
        r#""0.0.0.0:9598""#,
    ),
    key(
        "log.level",
        Kind::Text,
        Some(r#""info""#),
        "Filter of the log: a level, or levels for parts of the program.",
        r#""info,tidegate::state=debug""#,
    ),
    key(
        "log.format",
        Kind::OneOf { now: &["auto", "pretty", "json"], later: &[] },
        Some(r#""auto""#),
        "Form of the log; auto is pretty on a terminal and json elsewhere.",
        r#""json""#,
    ),
];

/// Keys and tables of the design that nothing reads yet, and what to do meanwhile.
pub(super) const NOT_YET: &[(&str, &str)] = &[
    ("http.ui", "there is no status page; /metrics and /readyz?verbose are on http.admin.listen"),
    ("alerts.findings", "only alerts are written"),
    ("alerts.dedup_period", "set tidegate.dedup.period in the rule"),
    ("kafka.sasl.token_file", "mechanisms are plain, scram_sha_256 and scram_sha_512"),
    ("kafka.sasl.oidc", "mechanisms are plain, scram_sha_256 and scram_sha_512"),
    ("kafka.sasl.msk", "mechanisms are plain, scram_sha_256 and scram_sha_512"),
    ("source.fields", "vpcflow is not read yet"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_key_is_listed_once_in_a_known_section_with_a_sentence_of_help() {
        let mut seen = BTreeSet::new();
        for key in KEYS {
            assert!(seen.insert(key.path), "{} is listed twice", key.path);
            let has_section = SECTIONS.iter().any(|section| section.path == key.section());
            assert!(has_section, "{} has no section", key.path);
            assert!(key.help.len() > 8 && key.help.ends_with('.'), "{}", key.path);
            assert!(!key.example.is_empty(), "{}", key.path);
        }
    }

    #[test]
    fn a_key_that_is_refused_as_not_supported_yet_is_not_in_the_table() {
        for (path, _) in NOT_YET {
            assert!(!KEYS.iter().any(|key| key.path.replace("[]", "") == *path), "{path}");
        }
    }
}
