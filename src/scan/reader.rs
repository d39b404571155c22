//! Opens an input and takes gzip off it, however often it was put on.

use super::inputs::Input;
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many bytes have been taken from the disk, for a progress bar.
pub type ReadBytes = Arc<AtomicU64>;

/// Layers of gzip that are taken off: a file that a shipper compressed again has two.
const GZIP_LAYERS: usize = 3;
const BUFFER_BYTES: usize = 256 * 1024;

/// Opens `input`; what is read from it is inflated, and `taken` counts the bytes as stored.
///
/// # Errors
/// The file cannot be opened or its first bytes cannot be read.
pub fn open_input(input: &Input, taken: &ReadBytes) -> io::Result<Box<dyn BufRead>> {
    let raw: Box<dyn Read> = match &input.path {
        Some(path) => Box::new(File::open(path)?),
        None => Box::new(io::stdin().lock()),
    };
    let counted = Counted { inner: raw, taken: Arc::clone(taken) };
    let mut reader: Box<dyn BufRead> = Box::new(BufReader::with_capacity(BUFFER_BYTES, counted));
    for _ in 0..GZIP_LAYERS {
        // At the start of a file the buffer is empty, so this reads at least two bytes if there are.
        if !reader.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
            break;
        }
        reader = Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(reader)));
    }
    Ok(reader)
}

struct Counted<R> {
    inner: R,
    taken: ReadBytes,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.taken.fetch_add(u64::try_from(count).unwrap_or(0), Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    fn read(content: &[u8]) -> io::Result<Vec<u8>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("input");
        std::fs::write(&path, content)?;
        let taken = ReadBytes::default();
        let input = Input { path: Some(path), stamp: None, bytes: 0 };
        let mut read = Vec::new();
        open_input(&input, &taken)?.read_to_end(&mut read)?;
        assert_eq!(taken.load(Ordering::Relaxed), content.len() as u64);
        Ok(read)
    }

    #[test]
    fn gzip_is_taken_off_by_content_once_twice_and_in_several_members() {
        let twice = gzip(&gzip(b"{}"));
        let members = [gzip(b"{\"a\":"), gzip(b"1}")].concat();

        assert_eq!(read(b"{}").expect("plain"), b"{}");
        assert_eq!(read(&gzip(b"{}")).expect("once"), b"{}");
        assert_eq!(read(&twice).expect("twice"), b"{}");
        assert_eq!(read(&members).expect("two members"), b"{\"a\":1}");
        assert_eq!(read(b"").expect("empty"), b"");
    }

    #[test]
    fn gzip_that_ends_too_early_is_an_error() {
        let whole = gzip(&[b'x'; 10_000]);

        assert!(read(&whole[..whole.len() - 9]).is_err());
    }
}
