//! Standard output, with the end of a pipe as a normal end.

use std::io::{self, ErrorKind, Write};

/// Where a verb prints its data.
pub struct Output<'a> {
    out: &'a mut dyn Write,
}

impl<'a> Output<'a> {
    /// Prints to `out`.
    pub fn new(out: &'a mut dyn Write) -> Output<'a> {
        Output { out }
    }

    /// Writes text as it is. A reader that has gone (`| head`) is no failure; the rest is dropped.
    ///
    /// # Errors
    /// The text cannot be written for another reason, such as a full disk.
    pub fn print(&mut self, text: &str) -> io::Result<()> {
        match self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }
}
