//! Layers → merged → settings: the one way in.

use super::from_raw::{self, Machine};
use super::layer::{self, Layer};
use super::problem::{Origin, Problem};
use super::raw::RawConfig;
use super::settings::Settings;
use super::show::{Merged, Origins};
use super::{environment, file};
use std::path::{Path, PathBuf};

/// Largest configuration file that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Where the configuration is to be read from, in the order of the layers.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Files; later ones win.
    pub files: Vec<PathBuf>,
    /// The environment.
    pub variables: Vec<(String, String)>,
    /// Texts `section.key=value`.
    pub arguments: Vec<String>,
}

/// What came out of a [`Request`].
#[derive(Debug)]
pub struct Loaded {
    /// Present when no problem is an error.
    pub settings: Option<Settings>,
    /// Everything that is wrong, in the order of the layers.
    pub problems: Vec<Problem>,
    /// The merged keys with their origins, of what could be read.
    pub merged: Merged,
}

impl Request {
    /// Files of the user, or else the first of the usual places that exists; and this process's
    /// environment.
    #[must_use]
    pub fn of_process(files: Vec<PathBuf>, arguments: Vec<String>) -> Request {
        let usual = ["tidegate.toml", "/etc/tidegate/config.toml"].map(PathBuf::from);
        let files = if files.is_empty() {
            usual.into_iter().find(|path| path.exists()).into_iter().collect()
        } else {
            files
        };
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        let mut variables: Vec<_> = std::env::vars_os().map(|(k, v)| (text(k), text(v))).collect();
        variables.sort();
        Request { files, variables, arguments }
    }
}

/// Reads, checks and merges all layers. Every layer reports its own problems; only when all are
/// right are the rules across fields checked, so that one slip is not reported twice.
#[must_use]
pub fn load(request: &Request, machine: &Machine) -> Loaded {
    let mut layers = vec![layer::defaults()];
    let mut problems = Vec::new();
    for path in &request.files {
        match read_file(path) {
            Ok(text) => {
                let (layer, found) = file::read(&path.display().to_string(), &text);
                layers.push(layer);
                problems.extend(found);
            }
            Err(problem) => problems.push(problem),
        }
    }
    for (layer, found) in
        [environment::read(&request.variables), environment::read_arguments(&request.arguments)]
    {
        layers.push(layer);
        problems.extend(found);
    }
    let (merged, raw) = match merge(layers) {
        Ok(merged) => merged,
        Err(problem) => {
            problems.push(problem);
            return Loaded { settings: None, problems, merged: Merged::default() };
        }
    };
    if problems.iter().any(Problem::is_error) {
        return Loaded { settings: None, problems, merged };
    }
    let (settings, found) = from_raw::settings(raw, merged.origins(), machine);
    problems.extend(found);
    Loaded { settings, problems, merged }
}

fn read_file(path: &Path) -> Result<String, Problem> {
    let name = path.display().to_string();
    let origin = Origin::File { name, line: 0, column: 0 };
    let refuse = |what: String| Problem::error("file", "", origin.clone(), what);
    let could_not = |error: std::io::Error| refuse(format!("could not be read: {error}"));
    let about = std::fs::metadata(path).map_err(could_not)?;
    if !about.is_file() {
        return Err(refuse("is not a file".into()));
    }
    if about.len() > FILE_BYTES_MAX {
        return Err(refuse("is larger than 1 MiB".into()));
    }
    std::fs::read_to_string(path).map_err(could_not)
}

fn merge(layers: Vec<Layer>) -> Result<(Merged, RawConfig), Problem> {
    let mut origins = std::collections::BTreeMap::new();
    let mut builder = config::Config::builder();
    for layer in layers {
        origins.extend(layer.origins.clone());
        builder = builder.add_source(layer);
    }
    let refuse = |error: config::ConfigError| {
        let what = format!("the configuration cannot be merged: {error}");
        Problem::error("merge", "", Origin::Default, what)
    };
    let built = builder.build().map_err(refuse)?;
    let values = config::Source::collect(&built).map_err(refuse)?;
    let merged = Merged::new(&values, &origins);
    let raw = built.try_deserialize().map_err(refuse)?;
    Ok((merged, raw))
}

impl Machine {
    /// The machine that this process runs on.
    #[must_use]
    pub fn this() -> Machine {
        Machine {
            name: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        }
    }
}

/// Where each key of the settings was written.
impl Loaded {
    /// The origins by key.
    #[must_use]
    pub fn origins(&self) -> &Origins {
        self.merged.origins()
    }
}
