//! Rules and lists read anew while `run` goes on: on SIGHUP, and when their files have changed.
//!
//! ```text
//!            SIGHUP, or files changed and then at rest
//! waiting ──────────────────────────────────────────────▶ reading ──▶ compiled: a new edition
//!    ▲                                                       │                     │
//!    └──────────── all problems logged, gauge 0 ◀────────────┘                     │
//!    └──────────────────────────────── gauge 1 ◀───────────────────────────────────┘
//! ```
//!
//! All reading and compiling happens on this thread; workers take an edition between two
//! transactions (`stream/renewal.rs`). What the configuration says about anything but `[rules]`,
//! `[rule.NAME]` and `[lists.NAME]` needs a restart, and is said by name.

use super::catalogue::{self, Locality};
use super::watched::Watched;
use super::{Failure, Global};
use crate::config::{Loaded, Merged, Settings};
use crate::rule::RuleSet;
use crate::stream::RulesInForce;
use crate::telemetry::ReloadMetrics;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Keys that a reload puts into force.
const RELOADED: [&str; 3] = ["rules.", "rule.", "lists."];

/// Reads rules anew.
pub(super) struct Reloader {
    global: Global,
    /// As the process started.
    settings: Settings,
    merged: Merged,
    in_force: Arc<RulesInForce>,
    metrics: ReloadMetrics,
    /// What the newest attempt read, and the state in which it did.
    paths: Vec<PathBuf>,
    read: Watched,
    /// At the last look.
    seen: Watched,
    every: Duration,
}

/// The thread of a [`Reloader`]; ends when dropped.
pub(super) struct ReloadThread {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Reloader {
    /// For a process that runs with these settings; `read` are the files as they were before their
    /// rules were read.
    pub(super) fn new(
        global: Global,
        (settings, merged): (Settings, Merged),
        in_force: Arc<RulesInForce>,
        read: Watched,
    ) -> Self {
        Self {
            paths: paths(&global, &settings),
            every: settings.rules.watch.to_std(),
            metrics: ReloadMetrics::new(wall_ms()),
            seen: read.clone(),
            global,
            settings,
            merged,
            in_force,
            read,
        }
    }

    /// Reads anew if files have changed since the last attempt and rest since the last look: one
    /// that is being written is not read.
    pub(super) fn look(&mut self) {
        let now = Watched::now(&self.paths);
        let is_at_rest = now == self.seen;
        let has_changed = now != self.read;
        self.seen = now;
        if is_at_rest && has_changed {
            self.reload();
        }
    }

    /// Reads anew, whatever the files look like.
    pub(super) fn reload(&mut self) {
        match self.compile() {
            Ok(rules) => {
                let count = rules.rules().len();
                let edition = self.in_force.replace(Arc::new(rules));
                self.metrics.succeeded(wall_ms());
                tracing::info!(edition, rules = count, "rules and lists reloaded");
            }
            Err(failure) => {
                self.metrics.failed();
                for problem in failure.lines() {
                    tracing::error!(problem, "reload refused");
                }
                let edition = self.in_force.number();
                tracing::error!(edition, "the rules in force stay: mend the files to try again");
            }
        }
    }

    fn compile(&mut self) -> Result<RuleSet, Failure> {
        self.read = Watched::now(&self.paths);
        let Loaded { settings, problems, merged } = self.global.load();
        let Some(settings) = settings else { return Err(Failure::configuration(&problems)) };
        // Files that come into it by the new configuration are looked at before they are read.
        self.paths = paths(&self.global, &settings);
        self.read = Watched::now(&self.paths).since(&self.read);
        self.seen = self.read.clone();
        self.every = settings.rules.watch.to_std();
        for problem in &problems {
            tracing::warn!("{problem}");
        }
        self.tell_what_needs_a_restart(&merged);
        let Settings { rules, tune, lists, .. } = settings;
        let settings = Settings { rules, tune, lists, ..self.settings.clone() };
        let loaded = catalogue::load(&settings, merged.origins(), Locality::OfSources)?;
        let Some(rules) = loaded.rules else { return Err(Failure::rules(&loaded.problems)) };
        for line in catalogue::warnings(&loaded.problems) {
            tracing::warn!("{line}");
        }
        Ok(rules)
    }

    fn tell_what_needs_a_restart(&self, merged: &Merged) {
        let keys = self.merged.differing(merged);
        let waits = |key: &String| !RELOADED.iter().any(|start| key.starts_with(start));
        let keys: Vec<String> = keys.into_iter().filter(waits).collect();
        if !keys.is_empty() {
            tracing::warn!(keys = keys.join(", "), "changed in the configuration, needs a restart");
        }
    }
}

impl ReloadThread {
    /// Hears SIGHUP from now on.
    ///
    /// # Errors
    /// The system gives no thread or no signal.
    pub(super) fn start(mut reloader: Reloader) -> io::Result<Self> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let mut hang_up = {
            let _entered = runtime.enter();
            signal(SignalKind::hangup())?
        };
        let (stop, mut stopped) = oneshot::channel();
        let work = async move {
            loop {
                let next_look = async {
                    match reloader.every {
                        Duration::ZERO => std::future::pending().await,
                        every => tokio::time::sleep(every).await,
                    }
                };
                tokio::select! {
                    _ = &mut stopped => return,
                    _ = hang_up.recv() => reloader.reload(),
                    () = next_look => reloader.look(),
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("reload".to_owned())
            .spawn(move || runtime.block_on(work))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for ReloadThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that reloads rules panicked");
        }
    }
}

/// Every file and folder that rules come from.
pub(super) fn paths(global: &Global, settings: &Settings) -> Vec<PathBuf> {
    let lists = settings.lists.iter().filter_map(|list| list.file.clone());
    let rules = settings.rules.paths.iter().cloned();
    global.request().files.into_iter().chain(rules).chain(lists).collect()
}

fn wall_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::global::Color;
    use crate::cli::pipeline::alert_settings;
    use std::fs;
    use std::path::Path;

    const RULE: &str = "title: Reads\nname: reads\nlevel: low\n\
        logsource: {product: aws, service: cloudtrail}\n\
        detection:\n  one: {eventName: GetObject, 'tidegate.bucket|expand': '%ours%'}\n  condition: one\n\
        tidegate:\n  lists: {ours: {type: string}}\n";

    /// A process over files in a folder: a rule, a list and the configuration.
    struct Process {
        dir: tempfile::TempDir,
        reloader: Reloader,
    }

    fn config(dir: &Path, more: &str) -> String {
        let dir = dir.display();
        format!(
            "[kafka]\nbrokers = [\"127.0.0.1:9092\"]\n[[source]]\nname = \"ct\"\ntopic = \"in\"\n\
             key = [\"tidegate.principal\"]\n[rules]\nbuiltin = false\npaths = [\"{dir}/rules\"]\n\
             [lists.ours]\nfile = \"{dir}/ours.txt\"\n{more}"
        )
    }

    impl Process {
        fn start() -> Process {
            let dir = tempfile::tempdir().expect("a folder");
            fs::create_dir(dir.path().join("rules")).expect("writes");
            fs::write(dir.path().join("rules/reads.yml"), RULE).expect("writes");
            fs::write(dir.path().join("ours.txt"), "one\n").expect("writes");
            let file = dir.path().join("tidegate.toml");
            fs::write(&file, config(dir.path(), "")).expect("writes");
            let global = Global {
                config: vec![file],
                set: Vec::new(),
                verbose: 0,
                quiet: 0,
                log_format: None,
                color: Color::Never,
            };
            let (settings, merged) = global.merged_settings().expect("right");
            let rules = catalogue::rules(&settings, merged.origins(), Locality::OfSources);
            let rules = rules.expect("they load");
            let in_force = Arc::new(RulesInForce::new(rules, alert_settings(&settings)));
            let read = Watched::now(&paths(&global, &settings));
            let reloader = Reloader::new(global, (settings, merged), in_force, read);
            Process { dir, reloader }
        }

        fn write(&self, name: &str, text: &str) {
            fs::write(self.dir.path().join(name), text).expect("writes");
        }

        /// Edition after as many looks.
        fn after_looks(&mut self, looks: usize) -> u64 {
            for _ in 0..looks {
                self.reloader.look();
            }
            self.reloader.in_force.number()
        }

        fn buckets(&self) -> Vec<String> {
            let shown = crate::rule::overview(&self.reloader.in_force.newest().rules);
            let lists = shown["lists"].as_array().cloned().unwrap_or_default();
            lists.iter().map(|list| format!("{}:{}", list["name"], list["values"])).collect()
        }
    }

    #[test]
    fn files_that_rest_are_not_read_again_and_changed_ones_once() {
        let mut process = Process::start();
        assert_eq!(process.after_looks(3), 1);

        process.write("rules/more.yml", &RULE.replace("reads", "more"));

        assert_eq!(process.after_looks(1), 1, "it may still be written");
        assert_eq!(process.after_looks(3), 2);
        assert_eq!(process.reloader.in_force.newest().rules.rules().len(), 2);
    }

    #[test]
    fn a_list_that_changed_is_read() {
        let mut process = Process::start();
        assert_eq!(process.buckets(), ["\"ours\":1"]);

        process.write("ours.txt", "one\ntwo\n");

        assert_eq!(process.after_looks(2), 2);
        assert_eq!(process.buckets(), ["\"ours\":2"]);
    }

    #[test]
    fn what_is_wrong_changes_nothing_until_it_is_mended() {
        let mut process = Process::start();
        process.write("rules/reads.yml", "title: Reads\ndetection: [");
        assert_eq!(process.after_looks(4), 1);

        process.write("tidegate.toml", "[kafka\n");
        assert_eq!(process.after_looks(2), 1);
        process.reloader.reload();
        assert_eq!(process.after_looks(0), 1);

        process.write("rules/reads.yml", RULE);
        let right = config(process.dir.path(), "[rule.reads]\nlevel = \"high\"\n");
        process.write("tidegate.toml", &right);
        assert_eq!(process.after_looks(3), 2);
        let level = process.reloader.in_force.newest().rules.rules()[0].level;
        assert_eq!(level.name(), "high");
    }

    #[test]
    fn files_that_the_new_configuration_names_are_watched_from_then_on() {
        let mut process = Process::start();
        let more = process.dir.path().join("more.yml");
        let text = config(process.dir.path(), "")
            .replace("/rules\"]", &format!("/rules\", \"{}\"]", more.display()));
        process.write("more.yml", &RULE.replace("reads", "more"));
        process.write("tidegate.toml", &text);
        assert_eq!(process.after_looks(2), 2);

        process.write("more.yml", &RULE.replace("reads", "another"));

        assert_eq!(process.after_looks(2), 3);
        assert!(process.reloader.in_force.newest().rules.find("another").is_some());
    }

    #[test]
    fn topics_and_brokers_stay_as_they_were_at_the_start() {
        let mut process = Process::start();
        let text = config(process.dir.path(), "").replace("tidegate.principal", "tidegate.bucket");
        process.write("tidegate.toml", &text);

        assert_eq!(process.after_looks(2), 2);
        let (before, after) = (&process.reloader.merged, process.reloader.global.load().merged);
        assert_eq!(before.differing(&after), ["source[0].key"]);
    }
}
