//! The pipeline of `run` for the demo: own topics, state in a folder that goes with it.

use super::catalogue::{self, Locality};
use super::pipeline::{alert_settings, processors};
use crate::config::Settings;
use crate::rule::RuleSet;
use crate::stream::rehearsal::{Pipeline, PipelineError, PipelineOptions, PipelineProgress};
use crate::stream::{
    Ended, Guarantee, NoFault, Properties, RulesInForce, Shared, SourceOptions, Supervisor,
    preflight, settings,
};
use crate::units::Span;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);
const STOP_LIMIT: Duration = Duration::from_secs(20);
/// The demo's alerts shall follow their cause at once.
const COMMIT_INTERVAL: Span = Span::from_millis(200);

struct DemoPipeline {
    supervisor: Supervisor,
}

/// Starts workers on the topics that `options` names.
///
/// # Errors
/// The topics do not fit, or no thread can be started.
pub(super) fn start(
    configured: &Settings,
    rules: &Arc<RuleSet>,
    dir: &Path,
    options: &PipelineOptions,
) -> Result<Box<dyn Pipeline>, PipelineError> {
    let mut settings = configured.clone();
    settings.sources.truncate(1);
    if let Some(source) = settings.sources.first_mut() {
        source.topic.clone_from(&options.source);
    }
    settings.alerts.topic.clone_from(&options.alerts);
    settings.alerts.dlq_topic = Some(options.dead_letters.clone());
    let mut stream = settings::options(&settings)?;
    app_of(&options.changelog).clone_into(&mut stream.app);
    stream.brokers.clone_from(&options.access.brokers);
    stream.client = Properties(options.access.properties.clone());
    stream.sources =
        vec![SourceOptions { name: "cloudtrail".to_owned(), topic: options.source.clone() }];
    stream.rhythm.commit_interval = COMMIT_INTERVAL;
    if options.is_embedded {
        stream.guarantee = Guarantee::Embedded;
        stream.workers = 1;
    }
    let stream = Arc::new(stream);
    let checked = Arc::new(preflight::check(&stream, PATIENCE)?);
    let in_force = Arc::new(RulesInForce::new(Arc::clone(rules), alert_settings(&settings)));
    let supervisor = Supervisor::start(Shared {
        processors: Arc::new(processors(&settings, &in_force, &checked, dir)),
        options: stream,
        fault: NoFault,
        observer: Arc::new(()),
        topics: checked,
    })?;
    Ok(Box::new(DemoPipeline { supervisor }))
}

/// The rules that the demo runs with: those of the configuration.
///
/// # Errors
/// A rule or a list is wrong.
pub(super) fn rules(
    settings: &Settings,
    origins: &crate::config::Origins,
) -> Result<Arc<RuleSet>, super::Failure> {
    catalogue::rules(settings, origins, Locality::OfSources)
}

/// `tidegate-{app}-cloudtrail-changelog` without what tidegate adds.
fn app_of(changelog: &str) -> &str {
    let inner = changelog.strip_prefix("tidegate-").unwrap_or(changelog);
    inner.strip_suffix("-cloudtrail-changelog").unwrap_or(inner)
}

impl Pipeline for DemoPipeline {
    fn progress(&self) -> PipelineProgress {
        let mut total = PipelineProgress::default();
        let mut watermarks = Vec::new();
        for published in self.supervisor.published() {
            let progress = published.read();
            total.events += progress.counts.events();
            for partition in progress.partitions.values() {
                total.windows += partition.windows as u64;
                watermarks.extend(partition.watermark);
            }
        }
        total.watermark = watermarks.into_iter().min();
        total
    }

    fn stop(self: Box<Self>) -> Result<(), PipelineError> {
        match self.supervisor.stop(STOP_LIMIT) {
            Ended::Stopped => Ok(()),
            Ended::Failed(error) => Err(error.into()),
        }
    }
}
