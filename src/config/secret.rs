//! A secret that lives in a file and is read each time it is needed.

use secrecy::SecretString;
use std::path::{Path, PathBuf};

/// Path of a file with a secret; the secret itself is never kept here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretFile(PathBuf);

impl SecretFile {
    /// Names the file; it is not read.
    #[must_use]
    pub fn new(path: PathBuf) -> SecretFile {
        SecretFile(path)
    }

    /// Where the secret lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Reads the secret without its trailing newline.
    ///
    /// # Errors
    /// The file cannot be read or is not UTF-8.
    pub fn read(&self) -> std::io::Result<SecretString> {
        let mut text = std::fs::read_to_string(&self.0)?;
        if text.ends_with('\n') {
            text.pop();
        }
        if text.ends_with('\r') {
            text.pop();
        }
        Ok(SecretString::from(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn a_secret_loses_its_last_newline_and_prints_as_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("password");
        std::fs::write(&path, "pass word\n").expect("is written");

        let secret = SecretFile::new(path).read().expect("is read");

        assert_eq!(secret.expose_secret(), "pass word");
        assert!(!format!("{secret:?}").contains("pass word"));
    }
}
