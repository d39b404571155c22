//! Raw → settings: everything that can be checked without a broker and without looking at the disk.
//!
//! All problems are collected; a rule across fields carries its number of operations.md §6.2.

use super::names;
use super::problem::Problem;
use super::quantity::{parse_amount, show_span};
use super::raw::{RawAlerts, RawConfig, RawKafka, RawList, RawRule, RawSource};
use super::secret::SecretFile;
use super::settings::{
    AlertCompression, Alerts, App, Emit, Format, Kafka, List, ListKind, Log, Mechanism,
    OwnCertificate, Rules, Sasl, SecurityProtocol, Settings, SourceSettings, StartFrom, State,
    Time, Tls,
};
use super::show::Origins;
use crate::rule::{Level, Tune, WhenEmpty};
use crate::telemetry::LogFormat;
use crate::units::Span;
use std::net::{IpAddr, SocketAddr};

/// What the defaults of the machine are made of.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Name of the host.
    pub name: String,
    /// Cores that the process may use.
    pub cores: usize,
}

/// Collects problems and knows where each key was written.
pub(super) struct Problems<'a> {
    origins: &'a Origins,
    found: Vec<Problem>,
}

impl Problems<'_> {
    /// Notes an error at `key` unless `holds`.
    pub(super) fn require(
        &mut self,
        holds: bool,
        code: &'static str,
        key: &str,
        what: impl FnOnce() -> String,
    ) {
        if !holds {
            let what = format!("{key} {}", what());
            self.found.push(Problem::error(code, key, self.origins.of(key), what));
        }
    }

    /// Notes a warning at `key` unless `holds`.
    fn advise(
        &mut self,
        holds: bool,
        code: &'static str,
        key: &str,
        what: impl FnOnce() -> String,
    ) {
        if !holds {
            let what = format!("{key} {}", what());
            self.found.push(Problem::warning(code, key, self.origins.of(key), what));
        }
    }

    pub(super) fn has_errors(&self) -> bool {
        self.found.iter().any(Problem::is_error)
    }
}

/// Checks how the values fit together and reports every problem; without an error there are settings.
pub(super) fn settings(
    raw: RawConfig,
    origins: &Origins,
    machine: &Machine,
) -> (Option<Settings>, Vec<Problem>) {
    let mut problems = Problems { origins, found: Vec::new() };

    names::check(&raw, &mut problems);
    check_times(&raw, &mut problems);
    check_alerts(&raw, &mut problems);
    let sources = sources(&raw, &mut problems);
    let lists = lists(raw.lists, &mut problems);
    let tune = tune(raw.rule, &mut problems);
    let kafka = kafka(raw.kafka, &mut problems);

    let instance = raw.app.instance.unwrap_or_else(|| names::from_host(&machine.name));
    let workers = match usize::from(raw.app.workers) {
        // The client's own threads need the rest (exactly-once.md §7).
        0 => (machine.cores * 2 / 3).max(1),
        workers => workers,
    };
    if problems.has_errors() {
        return (None, problems.found);
    }
    let Some(kafka) = kafka else { return (None, problems.found) };
    let settings = Settings {
        app: App {
            id: raw.app.id,
            instance,
            workers,
            shutdown_limit: raw.app.shutdown_limit.0,
            labels: raw.app.labels,
        },
        kafka,
        sources,
        state: State {
            dir: raw.state.dir,
            commit_interval: raw.state.commit_interval.0,
            urgent_commit: raw.state.urgent_commit.0,
            max_dirty_bytes: raw.state.max_dirty_bytes.0,
            cache: raw.state.cache.0,
            wal: raw.state.wal,
            block_cache: raw.state.block_cache.0,
            write_buffer: raw.state.write_buffer.0,
            changelog_replication_factor: raw.state.changelog_replication_factor,
        },
        time: Time {
            allowed_lateness: raw.time.allowed_lateness.0,
            max_future_skew: raw.time.max_future_skew.0,
            duplicate_horizon: raw.time.duplicate_horizon.map(|horizon| horizon.0),
        },
        alerts: alerts(raw.alerts),
        rules: Rules {
            builtin: raw.rules.builtin,
            paths: raw.rules.paths,
            disable: raw.rules.disable,
            deny_warnings: raw.rules.deny_warnings,
            watch: raw.rules.watch.0,
        },
        tune,
        lists,
        admin_listen: raw.http.admin.listen,
        log: Log {
            level: raw.log.level,
            format: match raw.log.format.as_str() {
                "pretty" => LogFormat::Pretty,
                "json" => LogFormat::Json,
                _ => LogFormat::Auto,
            },
        },
    };
    (Some(settings), problems.found)
}

fn check_times(raw: &RawConfig, problems: &mut Problems<'_>) {
    let commit_interval = raw.state.commit_interval.0;
    let times =
        |span: Span, factor: i64| Span::from_millis(span.as_millis().saturating_mul(factor));
    // V3: a commit that outlives its transaction is aborted by the broker in the middle.
    let transaction_timeout = raw.kafka.transaction_timeout.0;
    problems.require(
        transaction_timeout >= times(commit_interval, 10),
        "V3",
        "kafka.transaction_timeout",
        || {
            let (found, interval) = (show_span(transaction_timeout), show_span(commit_interval));
            format!("must be at least ten times state.commit_interval ({interval}), found {found}")
        },
    );
    // V4: an urgent commit that waits longer than a normal one is not urgent.
    let urgent = raw.state.urgent_commit.0;
    problems.require(urgent <= commit_interval, "V4", "state.urgent_commit", || {
        let (found, interval) = (show_span(urgent), show_span(commit_interval));
        format!("must be at most state.commit_interval ({interval}), found {found}")
    });
    let limit = raw.app.shutdown_limit.0;
    problems.require(limit >= times(commit_interval, 2), "V4", "app.shutdown_limit", || {
        let (found, interval) = (show_span(limit), show_span(commit_interval));
        format!("must be at least twice state.commit_interval ({interval}), found {found}")
    });
    // V5, the part that needs no broker.
    let (session, poll) = (raw.kafka.session_timeout.0, raw.kafka.max_poll_interval.0);
    problems.require(session < poll, "V5", "kafka.session_timeout", || {
        let (found, poll) = (show_span(session), show_span(poll));
        format!("must be below kafka.max_poll_interval ({poll}), found {found}")
    });
    // V19, the part that needs no rule: a duplicate of a late event must still be known.
    if let Some(horizon) = raw.time.duplicate_horizon.map(|horizon| horizon.0) {
        let by_default = raw.time.allowed_lateness.0;
        let of = |source: &RawSource| source.allowed_lateness.map_or(by_default, |own| own.0);
        let lateness = raw.source.iter().map(of).max().unwrap_or(by_default);
        problems.require(horizon >= lateness, "V19", "time.duplicate_horizon", || {
            let (found, lateness) = (show_span(horizon), show_span(lateness));
            format!("must be at least the largest allowed_lateness ({lateness}), found {found}")
        });
    }
}

fn check_alerts(raw: &RawConfig, problems: &mut Problems<'_>) {
    // V12: an Escalate of a finding that nobody has seen created cannot be matched to anything.
    let creates = raw.alerts.emit.iter().any(|activity| activity == "create");
    problems.require(creates, "V12", "alerts.emit", || "must contain \"create\"".to_owned());
    // V18: the link is built from configuration only, and it must lead to one finding.
    if let Some(url) = &raw.alerts.console_url {
        let is_plain_text = url.bytes().all(|byte| byte.is_ascii_graphic());
        problems.require(is_plain_text, "V18", "alerts.console_url", || {
            "must be a URL without spaces, in ASCII".to_owned()
        });
        problems.require(url.contains("{uid}"), "V18", "alerts.console_url", || {
            "must contain {uid}, in the place of the finding's id".to_owned()
        });
        problems.require(is_safe_link(url), "V18", "alerts.console_url", || {
            "must begin with https:// (http:// only to a loopback address)".to_owned()
        });
    }
}

fn is_safe_link(url: &str) -> bool {
    match url.split_once("://") {
        Some(("https", rest)) => !rest.is_empty() && !rest.starts_with('/'),
        Some(("http", rest)) => rest.split(['/', '?', '#']).next().is_some_and(is_loopback),
        _ => false,
    }
}

/// Whether `host`, `host:port` or `[address]:port` is this machine.
fn is_loopback(authority: &str) -> bool {
    if let Ok(address) = authority.parse::<SocketAddr>() {
        return address.ip().is_loopback();
    }
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn sources(raw: &RawConfig, problems: &mut Problems<'_>) -> Vec<SourceSettings> {
    problems.require(!raw.source.is_empty(), "no-source", "source", || {
        "must have at least one [[source]] table".to_owned()
    });
    let settings = |source: &RawSource| SourceSettings {
        name: source.name.clone(),
        topic: source.topic.clone(),
        format: match source.format.as_str() {
            "cloudtrail" => Format::CloudTrail,
            _ => Format::Auto,
        },
        key: source.key.clone(),
        max_record_bytes: source.max_record_bytes.0,
        allowed_lateness: source.allowed_lateness.map_or(raw.time.allowed_lateness.0, |own| own.0),
    };
    raw.source.iter().map(settings).collect()
}

fn lists(
    raw: std::collections::BTreeMap<String, RawList>,
    problems: &mut Problems<'_>,
) -> Vec<List> {
    let mut lists = Vec::new();
    for (name, list) in raw {
        let key = super::layer::dotted(&["lists", &name]);
        let says_empty = list.empty.is_some() && !list.required;
        problems.require(
            !list.values.is_empty() || list.file.is_some() || says_empty,
            "V16",
            &key,
            || "must have values or a file, or say what empty means".to_owned(),
        );
        problems.require(list.column.is_none() || list.file.is_some(), "V16", &key, || {
            "has a column and no file".to_owned()
        });
        let kind = list.kind.as_deref().map(|word| match word {
            "glob" => ListKind::Glob,
            "cidr" => ListKind::Cidr,
            "account" => ListKind::Account,
            _ => ListKind::String,
        });
        let empty = list.empty.as_deref().map(|word| match word {
            "match-all" => WhenEmpty::MatchAll,
            _ => WhenEmpty::MatchNone,
        });
        let RawList { values, file, column, required, .. } = list;
        lists.push(List { name, kind, values, file, column, required, empty });
    }
    lists
}

fn tune(
    raw: std::collections::BTreeMap<String, RawRule>,
    problems: &mut Problems<'_>,
) -> Vec<Tune> {
    let mut all = Vec::new();
    for (name, rule) in raw {
        let key = super::layer::dotted(&["rule", &name]);
        let mut tune = Tune::new(&name, problems.origins.of(&key).to_place());
        tune.enabled = rule.enabled;
        tune.level = rule.level.as_deref().and_then(Level::from_name);
        tune.threshold = rule.threshold.as_deref().and_then(parse_amount);
        tune.timespan = rule.timespan.map(|span| span.0);
        tune.dedup_period = rule.dedup_period.map(|span| span.0);
        if let Some(written) = rule.tiers {
            let tiers: Vec<_> = written.iter().filter_map(|tier| read_tier(tier)).collect();
            let at = format!("{key}.tiers");
            problems.require(tiers.len() == written.len(), "tiers", &at, || {
                "must hold an amount and a level each, like \"1GiB medium\"".to_owned()
            });
            let ascends = tiers.is_sorted_by(|left, right| left.0 < right.0 && left.1 <= right.1);
            problems
                .require(ascends, "tiers", &at, || "must ascend, in amount and level".to_owned());
            tune.tiers = Some(tiers);
        }
        all.push(tune);
    }
    all
}

/// `1GiB medium`
fn read_tier(text: &str) -> Option<(u64, Level)> {
    let (amount, level) = text.trim().split_once(char::is_whitespace)?;
    Some((parse_amount(amount)?, Level::from_name(level.trim())?))
}

fn kafka(raw: RawKafka, problems: &mut Problems<'_>) -> Option<Kafka> {
    problems.require(!raw.brokers.is_empty(), "no-broker", "kafka.brokers", || {
        "must name at least one broker".to_owned()
    });
    for broker in &raw.brokers {
        problems.require(is_host_and_port(broker), "broker", "kafka.brokers", || {
            format!("must hold host:port, found {:?}", broker.chars().take(80).collect::<String>())
        });
    }
    let security = match raw.security_protocol.as_str() {
        "ssl" => SecurityProtocol::Ssl,
        "sasl_plaintext" => SecurityProtocol::SaslPlaintext,
        "sasl_ssl" => SecurityProtocol::SaslSsl,
        _ => SecurityProtocol::Plaintext,
    };
    let mechanism = raw.sasl.mechanism.as_deref().map(|name| match name {
        "scram_sha_256" => Mechanism::ScramSha256,
        "scram_sha_512" => Mechanism::ScramSha512,
        _ => Mechanism::Plain,
    });
    check_security(&raw, security, mechanism, problems);
    let sasl = match (security.is_sasl(), mechanism, raw.sasl.username, raw.sasl.password_file) {
        (true, Some(mechanism), Some(username), Some(file)) => {
            Some(Sasl { mechanism, username, password: SecretFile::new(file) })
        }
        (true, ..) => return None,
        (false, ..) => None,
    };
    let own = match (raw.tls.cert_file, raw.tls.key_file) {
        (Some(cert_file), Some(key_file)) => {
            let key_password = raw.tls.key_password_file.map(SecretFile::new);
            Some(OwnCertificate { cert_file, key_file, key_password })
        }
        _ => None,
    };
    Some(Kafka {
        brokers: raw.brokers,
        security,
        tls: Tls { ca_file: raw.tls.ca_file, own },
        sasl,
        session_timeout: raw.session_timeout.0,
        max_poll_interval: raw.max_poll_interval.0,
        transaction_timeout: raw.transaction_timeout.0,
        start_from: match raw.start_from.as_str() {
            "latest" => StartFrom::Latest,
            "error" => StartFrom::Error,
            _ => StartFrom::Earliest,
        },
        producer_compression: raw.producer_compression,
        properties: raw.librdkafka.both,
        consumer_properties: raw.librdkafka.consumer,
        producer_properties: raw.librdkafka.producer,
    })
}

fn check_security(
    raw: &RawKafka,
    security: SecurityProtocol,
    mechanism: Option<Mechanism>,
    problems: &mut Problems<'_>,
) {
    let protocol = security.name();
    // V6: a log-in needs a mechanism and its fields, and a mechanism needs a log-in.
    if security.is_sasl() {
        problems.require(mechanism.is_some(), "V6", "kafka.sasl.mechanism", || {
            format!("must be set, since kafka.security_protocol is {protocol}")
        });
        if mechanism.is_some() {
            problems.require(raw.sasl.username.is_some(), "V6", "kafka.sasl.username", || {
                "must be set, since kafka.sasl.mechanism is set".to_owned()
            });
            problems.require(
                raw.sasl.password_file.is_some(),
                "V6",
                "kafka.sasl.password_file",
                || "must be set, since kafka.sasl.mechanism is set".to_owned(),
            );
        }
    } else {
        problems.require(mechanism.is_none(), "V6", "kafka.sasl.mechanism", || {
            format!("has no effect while kafka.security_protocol is {protocol}, use sasl_ssl")
        });
    }
    // V8: what is read and written may name every object of an organization.
    let remote = raw.brokers.iter().find(|broker| !is_loopback(broker));
    if let (false, Some(broker)) = (security.is_encrypted(), remote) {
        let what = || format!("is {protocol}: the connection to {broker} is not encrypted");
        if mechanism == Some(Mechanism::Plain) {
            problems.require(false, "V8", "kafka.security_protocol", || {
                format!("{} and mechanism plain shows the password", what())
            });
        } else {
            problems.advise(false, "V8", "kafka.security_protocol", what);
        }
    }
    // V9: a certificate without its key, or a key without its certificate, is an accident.
    let tls = &raw.tls;
    problems.require(
        tls.cert_file.is_none() || tls.key_file.is_some(),
        "V9",
        "kafka.tls.cert_file",
        || "needs kafka.tls.key_file".to_owned(),
    );
    problems.require(
        tls.key_file.is_none() || tls.cert_file.is_some(),
        "V9",
        "kafka.tls.key_file",
        || "needs kafka.tls.cert_file".to_owned(),
    );
    let has_key = tls.key_password_file.is_none() || tls.key_file.is_some();
    problems.require(has_key, "V9", "kafka.tls.key_password_file", || {
        "needs kafka.tls.key_file".to_owned()
    });
    let files = [("kafka.tls.ca_file", &tls.ca_file), ("kafka.tls.cert_file", &tls.cert_file)];
    for (key, file) in files {
        problems.advise(file.is_none() || security.is_encrypted(), "V9", key, || {
            format!("has no effect while kafka.security_protocol is {protocol}")
        });
    }
}

fn is_host_and_port(broker: &str) -> bool {
    broker.rsplit_once(':').is_some_and(|(host, port)| {
        let plain = host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._[]:".contains(&b));
        !host.is_empty() && plain && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

fn alerts(raw: RawAlerts) -> Alerts {
    let escalates = raw.emit.iter().any(|activity| activity == "escalate");
    Alerts {
        topic: raw.topic,
        emit: if escalates { Emit::CreateAndEscalate } else { Emit::Create },
        compression: match raw.compression.as_str() {
            "none" => AlertCompression::None,
            _ => AlertCompression::Gzip,
        },
        min_severity: match raw.min_severity.as_str() {
            "low" => Level::Low,
            "medium" => Level::Medium,
            "high" => Level::High,
            "critical" => Level::Critical,
            _ => Level::Informational,
        },
        max_bytes: usize::try_from(raw.max_bytes).unwrap_or(usize::MAX),
        vendor_name: raw.vendor_name,
        console_url: raw.console_url,
        dlq_topic: raw.dlq.enabled.then_some(raw.dlq.topic),
    }
}
