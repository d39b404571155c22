//! Checks that look at this machine: files that the settings name, and the folder of the state.
//!
//! Apart from the other checks because it does IO: `run` and `validate` ask for it; [`super::load`]
//! reads nothing but its own files.

use super::problem::Problem;
use super::quantity::show_size;
use super::secret::SecretFile;
use super::settings::{List, ListKind, Settings};
use super::show::Origins;
use crate::rule::{self, ListForm, ListType, ListValues, Place, read_list};
use rustix::fs::{Access, access, statfs};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Below it `RocksDB` cannot even rotate its files.
const FREE_BYTES_MIN: u64 = 64 << 20;
/// Below it a compaction may fail.
const FREE_BYTES_ADVISED: u64 = 1 << 30;
/// Largest file of a list.
const LIST_BYTES_MAX: u64 = 64 << 20;

/// File systems on which a store is slow, or gone after a restart: magic number and name.
const NOT_LOCAL: [(i64, &str); 6] = [
    (0x6969, "nfs"),
    (0x0102_1994, "tmpfs"),
    (0x794c_7630, "overlay"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb"),
    (0x6573_5546, "fuse"),
];

/// Checks V9 (files can be read), secrets that everybody may read, and V21 (the state's folder).
#[must_use]
pub fn check_host(settings: &Settings, origins: &Origins) -> Vec<Problem> {
    let mut problems = Vec::new();
    let tls = &settings.kafka.tls;
    let own = tls.own.as_ref();
    let password = own.and_then(|own| own.key_password.as_ref());
    let sasl = settings.kafka.sasl.as_ref();
    let files = [
        ("kafka.tls.ca_file", tls.ca_file.as_deref(), Holds::Public),
        ("kafka.tls.cert_file", own.map(|own| own.cert_file.as_path()), Holds::Public),
        ("kafka.tls.key_file", own.map(|own| own.key_file.as_path()), Holds::Secret),
        ("kafka.tls.key_password_file", password.map(SecretFile::path), Holds::Secret),
        ("kafka.sasl.password_file", sasl.map(|sasl| sasl.password.path()), Holds::Secret),
    ];
    for (key, path, holds) in files {
        problems.extend(path.and_then(|path| check_file(key, path, holds, origins)));
    }
    problems.extend(check_state_dir(&settings.state.dir, origins));
    problems
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Public,
    Secret,
}

fn check_file(key: &str, path: &Path, holds: Holds, origins: &Origins) -> Option<Problem> {
    let shown = path.display();
    let about = std::fs::File::open(path).and_then(|file| file.metadata());
    let about = match about {
        Ok(about) if about.is_file() => about,
        Ok(_) => {
            let what = format!("{key} is not a file: {shown}");
            return Some(Problem::error("V9", key, origins.of(key), what));
        }
        Err(error) => {
            let what = format!("{key} could not be read: {shown}: {error}");
            return Some(Problem::error("V9", key, origins.of(key), what));
        }
    };
    let for_everybody = about.permissions().mode() & 0o004 != 0;
    (holds == Holds::Secret && for_everybody).then(|| {
        let what = format!("{key} names a file that everybody may read: {shown}");
        Problem::warning("secret-readable", key, origins.of(key), what).hint("chmod o-r")
    })
}

fn check_state_dir(dir: &Path, origins: &Origins) -> Vec<Problem> {
    const KEY: &str = "state.dir";
    let mut problems = Vec::new();
    // A folder that does not exist yet is made at start; then its parent decides.
    let Some(existing) = dir.ancestors().find(|path| path.exists()) else { return problems };
    let existing = if existing.as_os_str().is_empty() { Path::new(".") } else { existing };
    let mut error = |code, what| problems.push(Problem::error(code, KEY, origins.of(KEY), what));
    if !existing.is_dir() {
        error("V21", format!("{KEY} is not a folder: {}", existing.display()));
        return problems;
    }
    if let Err(refused) = access(existing, Access::WRITE_OK | Access::EXEC_OK) {
        let refused = std::io::Error::from(refused);
        error("V21", format!("{KEY} cannot be written: {}: {refused}", existing.display()));
        return problems;
    }
    let Ok(about) = statfs(existing) else { return problems };
    let block = u64::try_from(about.f_bsize).unwrap_or(0);
    let free = about.f_bavail.saturating_mul(block);
    if free < FREE_BYTES_MIN {
        let (free, need) = (show_mib(free), show_size(FREE_BYTES_MIN));
        error("V21", format!("{KEY} has {free} free, needs at least {need}"));
    }
    let mut warn = |what| problems.push(Problem::warning("V21", KEY, origins.of(KEY), what));
    if (FREE_BYTES_MIN..FREE_BYTES_ADVISED).contains(&free) {
        warn(format!("{KEY} has {} free, 1GiB is advised", show_mib(free)));
    }
    if let Some((_, name)) = NOT_LOCAL.iter().find(|(magic, _)| *magic == about.f_type) {
        warn(format!("{KEY} is on {name}, a local disk is advised: {}", existing.display()));
    }
    problems
}

fn show_mib(bytes: u64) -> String {
    format!("{}MiB", bytes >> 20)
}

impl List {
    /// The list as rules take it: the values of the configuration and then those of the file, each
    /// with its place.
    ///
    /// # Errors
    /// The file cannot be read or is larger than 64 MiB: one problem that names the key. What is
    /// wrong inside the file: each with its line.
    pub fn read(&self, origins: &Origins) -> Result<ListValues, Vec<rule::Problem>> {
        let place = origins.of(&super::layer::dotted(&["lists", &self.name])).to_place();
        let mut list = ListValues {
            name: self.name.clone(),
            kind: self.kind.map(|kind| match kind {
                ListKind::String => ListType::String,
                ListKind::Glob => ListType::Glob,
                ListKind::Cidr => ListType::Cidr,
                ListKind::Account => ListType::Account,
            }),
            values: self.values.clone(),
            required: self.required,
            empty: self.empty,
            places: vec![place.clone(); self.values.len()],
            place,
        };
        let Some(path) = &self.file else { return Ok(list) };
        let bytes = self.read_file(path, origins).map_err(|one| vec![one.to_rule_problem()])?;
        let name = path.display().to_string();
        let form = ListForm::of_name(&name);
        for value in read_list(&name, &bytes, form, self.column.as_deref())? {
            list.values.push(value.text);
            list.places.push(Place { file: name.clone(), line: value.line, column: 1 });
        }
        Ok(list)
    }

    fn read_file(&self, path: &Path, origins: &Origins) -> Result<Vec<u8>, Problem> {
        let key = super::layer::dotted(&["lists", &self.name, "file"]);
        let refuse = |what: String| {
            let what = format!("{key} {what}: {}", path.display());
            Problem::error("list-file", &key, origins.of(&key), what)
        };
        let length = std::fs::metadata(path)
            .map_err(|error| refuse(format!("could not be read ({error})")))?;
        if length.len() > LIST_BYTES_MAX {
            return Err(refuse("is larger than 64 MiB".into()));
        }
        std::fs::read(path).map_err(|error| refuse(format!("could not be read ({error})")))
    }
}
