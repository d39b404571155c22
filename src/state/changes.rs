//! What one commit changes: the same rows go to the changelog and, after the commit, to the store.

/// Rows changed since the last commit, in one allocation that is reused.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    bytes: Vec<u8>,
    rows: Vec<Spot>,
}

#[derive(Debug, Clone, Copy)]
struct Spot {
    key: (usize, usize),
    value: Option<(usize, usize)>,
}

/// One changed row; `value: None` is a tombstone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change<'a> {
    /// Key of the row, never empty.
    pub key: &'a [u8],
    /// Its full value, or `None` to delete it.
    pub value: Option<&'a [u8]>,
}

impl Changes {
    /// Adds a row whose value `write` appends to the buffer it is given.
    pub fn put(&mut self, key: &[u8], write: impl FnOnce(&mut Vec<u8>)) {
        let key = self.append(key);
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.rows.push(Spot { key, value: Some((start, self.bytes.len())) });
    }

    /// Adds a tombstone.
    pub fn delete(&mut self, key: &[u8]) {
        let key = self.append(key);
        self.rows.push(Spot { key, value: None });
    }

    /// The rows in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = Change<'_>> {
        self.rows.iter().map(|spot| Change {
            key: self.slice(spot.key),
            value: spot.value.map(|value| self.slice(value)),
        })
    }

    /// How many rows changed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Bytes of all keys and values.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// Forgets the rows and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.rows.clear();
    }

    fn append(&mut self, bytes: &[u8]) -> (usize, usize) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        (start, self.bytes.len())
    }

    fn slice(&self, (start, end): (usize, usize)) -> &[u8] {
        self.bytes.get(start..end).unwrap_or_default()
    }
}
