//! Settings and rules → the pipeline of `run`, which the demo starts too.

use super::failure::{ExitCode, Failure};
use crate::alert;
use crate::config::{self, Emit, Settings};
use crate::detect::Limits;
use crate::event::{DecodeLimits, Format};
use crate::state::{RocksOptions, RocksShared};
use crate::stream::preflight::Checked;
use crate::stream::settings::SecretError;
use crate::stream::{Emission, RuleProcessors, RulesInForce, SourceLogic, access::Access};
use std::path::Path;
use std::sync::Arc;

/// A record may not inflate beyond this (sources.md §3.1).
const INFLATED_BYTES_MAX: usize = 64 << 20;

/// How clients beside the pipeline reach the cluster.
///
/// # Errors
/// A secret's file cannot be read: exit status 78.
pub(super) fn access(settings: &Settings) -> Result<Access, Failure> {
    crate::stream::settings::access(settings).map_err(secret_failure)
}

/// A secret that could not be read is a fault of the configuration.
pub(super) fn secret_failure(error: SecretError) -> Failure {
    Failure::new(ExitCode::Configuration, error)
}

/// What alerts say about this deployment.
pub(super) fn alert_settings(settings: &Settings) -> alert::Settings {
    alert::Settings {
        app_id: settings.app.id.clone(),
        topic: settings.alerts.topic.clone(),
        vendor_name: settings.alerts.vendor_name.clone(),
        console_url: settings.alerts.console_url.clone(),
        labels: settings.app.labels.clone(),
        max_bytes: settings.alerts.max_bytes,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// Decoder, engine, writer and stores for every source, with the stores in `dir`.
pub(super) fn processors(
    settings: &Settings,
    rules: &Arc<RulesInForce>,
    checked: &Checked,
    dir: &Path,
) -> RuleProcessors {
    // Which partitions come to this process is not known: as if it were all of them.
    let partitions: i32 = checked.source_partitions.iter().sum();
    let partitions = usize::try_from(partitions).unwrap_or(1).max(1);
    let cache_bytes = settings.cache_bytes_for_each(partitions);
    let bytes = |count: crate::units::ByteCount| usize::try_from(count.0).unwrap_or(usize::MAX);
    let source = |source: &config::SourceSettings| SourceLogic {
        topic: source.topic.clone(),
        format: match source.format {
            config::Format::Auto => Format::Auto,
            config::Format::CloudTrail => Format::CloudTrail,
        },
        decode: DecodeLimits {
            max_record_bytes: bytes(source.max_record_bytes),
            max_inflated_bytes: INFLATED_BYTES_MAX,
        },
        limits: Limits {
            allowed_lateness: source.allowed_lateness,
            max_future_skew: settings.time.max_future_skew,
            duplicate_horizon: settings.time.duplicate_horizon,
            cache_bytes,
            ..Limits::default()
        },
    };
    RuleProcessors {
        rules: Arc::clone(rules),
        sources: settings.sources.iter().map(source).collect(),
        emission: Emission {
            min_level: settings.alerts.min_severity,
            escalates: settings.alerts.emit == Emit::CreateAndEscalate,
        },
        instance: settings.app.instance.clone(),
        // Two deployments on one host must never meet in one store.
        dir: dir.join(&settings.app.id),
        shared: RocksShared::new(
            bytes(settings.state.block_cache),
            bytes(settings.state.write_buffer),
        ),
        options: RocksOptions { wal: settings.state.wal },
    }
}
