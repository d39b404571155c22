//! Starts the built binary in a folder of its own, without this machine's environment.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// What a call left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Exit status; `None` after a signal.
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The binary with `arguments`, in `folder`, where no configuration is found by chance.
pub(crate) fn tidegate(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TIDEGATE") {
            command.env_remove(name);
        }
    }
    command.current_dir(folder).args(arguments).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Calls the binary in an empty folder.
pub(crate) fn call(arguments: &[&str]) -> Ended {
    let folder = tempfile::tempdir().expect("a folder");
    call_in(folder.path(), arguments)
}

/// Calls the binary in `folder`.
pub(crate) fn call_in(folder: &Path, arguments: &[&str]) -> Ended {
    within(Duration::from_mins(2), tidegate(folder, arguments))
}

/// Waits for the end of `command`; kills it and fails when it takes longer than `limit`.
pub(crate) fn within(limit: Duration, mut command: Command) -> Ended {
    let mut child = command.spawn().expect("the binary starts");
    let (mut out, mut err) =
        (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
    let (sender, texts) = mpsc::channel();
    let errors = sender.clone();
    std::thread::spawn(move || sender.send((false, read(&mut out))));
    std::thread::spawn(move || errors.send((true, read(&mut err))));
    let (mut stdout, mut stderr) = (String::new(), String::new());
    for _ in 0..2 {
        match texts.recv_timeout(limit) {
            Ok((false, text)) => stdout = text,
            Ok((true, text)) => stderr = text,
            Err(_) => {
                child.kill().expect("a child can be killed");
                panic!("still running after {limit:?}: {command:?}");
            }
        }
    }
    Ended { status: child.wait().expect("a child ends").code(), stdout, stderr }
}

fn read(pipe: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    pipe.read_to_end(&mut bytes).expect("a pipe can be read");
    String::from_utf8(bytes).expect("the program writes UTF-8")
}
