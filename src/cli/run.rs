//! `tidegate run`: detect on Kafka until a signal says stop.

use super::catalogue::{self, Locality};
use super::pipeline::{alert_settings, processors, secret_failure};
use super::reload::{self, ReloadThread, Reloader};
use super::validate::topics_failure;
use super::watched::Watched;
use super::{ExitCode, Failure, Global};
use crate::config::check_host;
use crate::rule;
use crate::serve::{Admin, Server, Version};
use crate::stream::monitor::{MetricsObserver, Monitor, MonitorThread};
use crate::stream::preflight;
use crate::stream::{
    Ended, ExitReason, Fault, NoFault, RulesInForce, Shared, Supervisor, WorkerError, settings,
};
use crate::telemetry::{Exporter, Health, ProcessMetrics};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long a missing topic or broker is waited for (operations.md §6.2 V22).
const PATIENCE: Duration = Duration::from_secs(60);
/// How often figures go from the workers to the metrics.
const MONITOR_EVERY: Duration = Duration::from_secs(1);

/// Detect on Kafka: read the sources, write alerts exactly once
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// Give up at once when a topic or the broker is missing, instead of waiting a minute
    #[arg(long)]
    pub no_wait: bool,
}

const EXAMPLE: &str = "\
Example: work on the topics of the configuration until Ctrl-C or SIGTERM
  tidegate run -c tidegate.toml";

/// Runs until a signal, or until a worker cannot go on.
///
/// # Errors
/// Configuration or rules are wrong (78), no broker or topic (69), a worker must exit (1).
pub fn run(args: &Args, global: &Global) -> Result<ExitCode, Failure> {
    run_with(args, global, NoFault)
}

/// As [`run`], with the faults of tests.
///
/// # Errors
/// As [`run`].
pub fn run_with<F>(args: &Args, global: &Global, fault: F) -> Result<ExitCode, Failure>
where
    F: Fault + Clone + Send + 'static,
{
    // Looked at before it is read: what changes from now on is reloaded.
    let read = Watched::now(&global.request().files);
    let (settings, merged) = global.merged_settings()?;
    let origins = merged.origins().clone();
    global.install_log(&settings)?;
    let problems = check_host(&settings, &origins);
    if problems.iter().any(crate::config::Problem::is_error) {
        return Err(Failure::configuration(&problems));
    }
    for problem in &problems {
        tracing::warn!("{problem}");
    }
    let read = Watched::now(&reload::paths(global, &settings)).since(&read);
    let rules = catalogue::rules(&settings, &origins, Locality::OfSources)?;
    let in_force = Arc::new(RulesInForce::new(rules, alert_settings(&settings)));
    let options = Arc::new(settings::options(&settings).map_err(secret_failure)?);

    let exporter = Exporter::install()?;
    let health = Arc::new(Health::new(options.workers));
    let process = ProcessMetrics::new(env!("CARGO_PKG_VERSION"), revision());
    health.rules_loaded();
    let admin = Admin::new(Arc::clone(&health), exporter, version(), shown(&in_force));
    let server = Server::start(settings.admin_listen, admin)
        .map_err(|error| Failure::new(ExitCode::Configuration, error))?;

    let reloader =
        Reloader::new(global.clone(), (settings.clone(), merged), Arc::clone(&in_force), read);
    let reloads = ReloadThread::start(reloader)?;

    let patience = if args.no_wait { Duration::ZERO } else { PATIENCE };
    let checked = Arc::new(preflight::check(&options, patience).map_err(topics_failure)?);
    let processors = Arc::new(processors(&settings, &in_force, &checked, &settings.state.dir));
    let supervisor = Supervisor::start(Shared {
        options: Arc::clone(&options),
        processors,
        fault,
        observer: Arc::new(MetricsObserver::new()),
        topics: checked,
    })?;
    let rules = in_force.newest().rules.rules().len();
    let monitor =
        Monitor::new(in_force, &options, process, Arc::clone(&health), supervisor.published());
    let monitor = MonitorThread::start(monitor, MONITOR_EVERY)?;
    tracing::info!(
        app = options.app,
        instance = options.instance,
        workers = options.workers,
        rules,
        admin = %server.address(),
        "tidegate runs"
    );
    let ended = wait_for_end(supervisor, settings.app.shutdown_limit.to_std(), &health)?;
    drop(reloads);
    monitor.stop();
    server.stop();
    match ended {
        Ended::Stopped => Ok(ExitCode::Done),
        Ended::Failed(error) => Err(worker_failure(error)),
    }
}

/// Waits for a signal or for the workers; a second signal ends the process at once.
fn wait_for_end(
    supervisor: Supervisor,
    limit: Duration,
    health: &Arc<Health>,
) -> std::io::Result<Ended> {
    let stopper = supervisor.stopper();
    let stopping = Arc::clone(health);
    let is_asked = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&is_asked);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        use tokio::signal::unix::{SignalKind, signal};
        runtime.block_on(async move {
            let (Ok(mut terminate), Ok(mut interrupt)) =
                (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
            else {
                tracing::error!("signals cannot be heard; only SIGKILL stops this process");
                return;
            };
            for nth in 1..=2 {
                tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
                if nth == 2 {
                    tracing::warn!("second signal: leaving without the last commit");
                    std::process::exit(1);
                }
                tracing::info!(limit_s = limit.as_secs(), "stopping: last commits");
                stopping.stopping();
                asked.store(true, Ordering::Relaxed);
                stopper.stop(limit);
            }
        });
    })?;
    loop {
        // A stop that takes longer than its limit ends in `Supervisor::stop`, not here.
        if supervisor.ended(Duration::from_millis(200)).is_some()
            || is_asked.load(Ordering::Relaxed)
        {
            return Ok(supervisor.stop(limit));
        }
    }
}

/// What `/rules` answers: the newest edition, whether or not each partition has it yet.
fn shown(in_force: &Arc<RulesInForce>) -> Arc<dyn Fn() -> serde_json::Value + Send + Sync> {
    let in_force = Arc::clone(in_force);
    Arc::new(move || {
        let newest = in_force.newest();
        let mut shown = rule::overview(&newest.rules);
        if let Some(members) = shown.as_object_mut() {
            members.insert("edition".to_owned(), newest.number.into());
        }
        shown
    })
}

fn worker_failure(error: WorkerError) -> Failure {
    let exit = match &error {
        WorkerError::Exit { reason: ExitReason::MissingTopic { .. } } => ExitCode::Unavailable,
        _ => ExitCode::Failure,
    };
    Failure::new(exit, error)
}

fn revision() -> &'static str {
    option_env!("TIDEGATE_REVISION").unwrap_or("unknown")
}

fn version() -> Version {
    Version {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        revision: revision().to_owned(),
        target: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        librdkafka: crate::stream::librdkafka_version(),
        rocksdb: crate::state::ROCKSDB_VERSION.to_owned(),
    }
}
