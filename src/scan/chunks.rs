//! Cuts a text into records: one a line, or the whole text when it is one document.
//!
//! A big file of JSON lines is read line by line; a delivery file is one document, printed on one
//! line or on many. Which it is shows in the first two lines. What the record holds is the decoder's
//! business. A record over the bound is passed over without being kept in memory.

use std::io::{self, BufRead, ErrorKind};

/// A piece of a text.
#[derive(Debug, PartialEq, Eq)]
pub enum Chunk<'a> {
    /// A record and the line in which it starts, from 1.
    Record {
        /// Its bytes, without the end of the line.
        bytes: &'a [u8],
        /// Where it starts.
        line: usize,
    },
    /// A record that is larger than allowed and was passed over; the line in which it starts.
    TooLarge {
        /// Where it starts.
        line: usize,
    },
}

/// The records of one text.
#[derive(Debug)]
pub struct Chunks<R> {
    reader: R,
    max_record_bytes: usize,
    layout: Layout,
    record: Vec<u8>,
    /// A second line that was read to tell the layout.
    ahead: Option<(Vec<u8>, Line)>,
    /// Lines that were given out.
    lines: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    Unknown,
    Lines,
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// With its end.
    Whole,
    /// The last one, without an end.
    Last,
    TooLarge,
    /// Nothing was left.
    None,
}

impl<R: BufRead> Chunks<R> {
    /// Cuts what `reader` gives; no record over `max_record_bytes` is kept.
    pub fn new(reader: R, max_record_bytes: usize) -> Self {
        let (record, ahead) = (Vec::new(), None);
        Self { reader, max_record_bytes, layout: Layout::Unknown, record, ahead, lines: 0 }
    }

    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// The text cannot be read any further: the disk, or broken gzip.
    pub fn next_chunk(&mut self) -> io::Result<Option<Chunk<'_>>> {
        if self.layout == Layout::End {
            return Ok(None);
        }
        let end = self.read_line()?;
        let line = self.lines + 1;
        self.lines = line;
        match end {
            Line::None => {
                self.layout = Layout::End;
                Ok(None)
            }
            Line::TooLarge => {
                // Whoever writes one line that long writes lines.
                self.layout = Layout::Lines;
                Ok(Some(Chunk::TooLarge { line }))
            }
            Line::Whole if self.layout == Layout::Unknown && !is_closed(&self.record) => {
                self.tell_layout(line)
            }
            Line::Whole | Line::Last => {
                if !self.record.trim_ascii().is_empty() {
                    self.layout = Layout::Lines;
                }
                Ok(Some(Chunk::Record { bytes: &self.record, line }))
            }
        }
    }

    /// The first line is no whole value: half a line of many, or the start of a document.
    fn tell_layout(&mut self, line: usize) -> io::Result<Option<Chunk<'_>>> {
        let mut second = Vec::new();
        let end = read_line(&mut self.reader, &mut second, self.max_record_bytes)?;
        if end == Line::TooLarge || second.starts_with(b"{") && is_closed(&second) {
            self.layout = Layout::Lines;
            self.ahead = Some((second, end));
            return Ok(Some(Chunk::Record { bytes: &self.record, line }));
        }
        self.layout = Layout::End;
        self.record.push(b'\n');
        self.record.extend_from_slice(&second);
        let mut next = Vec::new();
        while self.record.len() <= self.max_record_bytes {
            match read_line(&mut self.reader, &mut next, self.max_record_bytes)? {
                Line::None => return Ok(Some(Chunk::Record { bytes: &self.record, line })),
                Line::TooLarge => break,
                Line::Whole | Line::Last => {
                    reserve(&mut self.record, next.len() + 1, self.max_record_bytes);
                    self.record.push(b'\n');
                    self.record.extend_from_slice(&next);
                }
            }
        }
        self.record = Vec::new();
        Ok(Some(Chunk::TooLarge { line }))
    }

    fn read_line(&mut self) -> io::Result<Line> {
        if let Some((bytes, end)) = self.ahead.take() {
            self.record = bytes;
            return Ok(end);
        }
        read_line(&mut self.reader, &mut self.record, self.max_record_bytes)
    }
}

/// Replaces `line` by the next line; one over `max_bytes` is read to its end and not kept.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>, max_bytes: usize) -> io::Result<Line> {
    line.clear();
    let (mut is_empty, mut is_too_large) = (true, false);
    loop {
        let available = match reader.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if available.is_empty() {
            return Ok(match (is_empty, is_too_large) {
                (true, _) => Line::None,
                (false, true) => Line::TooLarge,
                (false, false) => Line::Last,
            });
        }
        is_empty = false;
        let end = memchr::memchr(b'\n', available);
        let part = available.get(..end.unwrap_or(available.len())).unwrap_or_default();
        is_too_large |= line.len() + part.len() > max_bytes;
        if is_too_large {
            // Gives the memory back: what follows may be gigabytes.
            *line = Vec::new();
        } else {
            reserve(line, part.len(), max_bytes);
            line.extend_from_slice(part);
        }
        let taken = part.len() + usize::from(end.is_some());
        reader.consume(taken);
        if end.is_some() {
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            return Ok(if is_too_large { Line::TooLarge } else { Line::Whole });
        }
    }
}

/// Doubles the room for a line as a `Vec` does, but never beyond `max_bytes`: the last doubling of a
/// line near the bound would take twice the bound, and the copy half as much again.
fn reserve(line: &mut Vec<u8>, more: usize, max_bytes: usize) {
    let needed = line.len() + more;
    if needed > line.capacity() {
        let wanted = line.capacity().saturating_mul(2).min(max_bytes).max(needed);
        line.reserve_exact(wanted - line.len());
    }
}

/// Whether every bracket and every text that is opened is closed again.
fn is_closed(text: &[u8]) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0i64, false, false);
    for byte in text {
        match (in_text, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_text = !in_text,
            (false, b'{' | b'[') => depth += 1,
            (false, b'}' | b']') => depth -= 1,
            _ => {}
        }
    }
    depth <= 0 && !in_text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The records of `text` as `line:bytes`, one that is too large as `line:!`.
    fn cut(text: &str, max: usize) -> Vec<String> {
        // A tiny buffer, so that lines lie across its border.
        let mut chunks = Chunks::new(io::BufReader::with_capacity(5, text.as_bytes()), max);
        let mut records = Vec::new();
        while let Some(chunk) = chunks.next_chunk().expect("memory can be read") {
            records.push(match chunk {
                Chunk::Record { bytes, line } => {
                    format!("{line}:{}", String::from_utf8_lossy(bytes))
                }
                Chunk::TooLarge { line } => format!("{line}:!"),
            });
        }
        records
    }

    #[test]
    fn lines_are_records_and_keep_their_numbers() {
        let text = "{\"a\":1}\r\n\n{\"b\":\"}{\"}\n{\"half\":";

        assert_eq!(cut(text, 100), ["1:{\"a\":1}", "2:", "3:{\"b\":\"}{\"}", "4:{\"half\":"]);
    }

    #[test]
    fn a_document_over_many_lines_is_one_record() {
        let text = "{\n  \"Records\": [\n    {\"a\": \"\\\"{\"}\n  ]\n}\n";

        assert_eq!(cut(text, 100), [format!("1:{}", text.trim_end())]);
    }

    #[test]
    fn half_a_line_at_the_start_does_not_swallow_the_lines_behind_it() {
        assert_eq!(cut("{\"half\":\n{\"b\":2}\n", 100), ["1:{\"half\":", "2:{\"b\":2}"]);
    }

    #[test]
    fn a_record_over_the_bound_is_passed_over_and_the_next_is_read() {
        let long = "x".repeat(50);

        assert_eq!(cut(&format!("{{}}\n{long}\n{{}}"), 20), ["1:{}", "2:!", "3:{}"]);
        assert_eq!(cut(&format!("{long}\n{{}}"), 20), ["1:!", "2:{}"]);
        assert_eq!(cut(&long, 20), ["1:!"]);
        assert_eq!(cut(&format!("[\n{}]", "1,\n".repeat(20)), 20), ["1:!"]);
    }

    #[test]
    fn a_record_of_exactly_the_bound_is_kept() {
        let text = "x".repeat(20);

        assert_eq!(cut(&text, 20), [format!("1:{text}")]);
        assert_eq!(cut(&text, 19), ["1:!"]);
    }

    #[test]
    fn a_long_line_takes_no_more_room_than_the_bound() {
        let mut line = Vec::new();
        for _ in 0..10 {
            reserve(&mut line, 7, 70);
            line.extend_from_slice(b"1234567");
            assert!(line.capacity() <= 70, "{}", line.capacity());
        }
        assert_eq!(line.len(), 70);
    }

    #[test]
    fn an_empty_text_has_no_records() {
        assert!(cut("", 10).is_empty());
    }
}
