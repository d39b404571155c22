//! Numbers and texts as bytes: what every row's value is made of (exactly-once.md §6).
//!
//! A value is a version byte and then fields in a fixed order, without names. Numbers are varints,
//! seven bits a byte, low bits first; signed ones zigzag first. The reader is given bytes from a
//! disk or a topic and never panics on them: what cannot be read is [`StoreError::Damaged`].

use super::StoreError;

/// Appends an unsigned number, 1 to 10 bytes.
pub fn put_number(into: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        into.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    into.push(number.to_le_bytes()[0]);
}

/// Appends a signed number; small magnitudes are short.
pub fn put_signed(into: &mut Vec<u8>, number: i64) {
    put_number(into, ((number << 1) ^ (number >> 63)).cast_unsigned());
}

/// Appends a length and the bytes.
pub fn put_bytes(into: &mut Vec<u8>, bytes: &[u8]) {
    put_number(into, bytes.len() as u64);
    into.extend_from_slice(bytes);
}

/// Appends a time or an index as eight bytes that sort as the numbers do; for keys.
pub fn put_sortable(into: &mut Vec<u8>, number: i64) {
    into.extend_from_slice(&(number.cast_unsigned() ^ (1 << 63)).to_be_bytes());
}

/// Reads a row's bytes in order.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    what: &'static str,
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the first byte; `what` names the row in errors.
    #[must_use]
    pub const fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { what, left: bytes }
    }

    /// Checks the version byte that opens a value.
    ///
    /// # Errors
    /// [`StoreError::Newer`] for a version above `known`, `Damaged` for none or zero.
    pub fn version(&mut self, known: u8) -> Result<u8, StoreError> {
        match self.byte()? {
            0 => Err(self.damaged()),
            version if version > known => Err(StoreError::Newer(u32::from(version))),
            version => Ok(version),
        }
    }

    /// One byte.
    ///
    /// # Errors
    /// `Damaged` when there is none left; so for all that follow.
    pub fn byte(&mut self) -> Result<u8, StoreError> {
        let (&byte, left) = self.left.split_first().ok_or_else(|| self.damaged())?;
        self.left = left;
        Ok(byte)
    }

    /// An unsigned number.
    ///
    /// # Errors
    /// `Damaged` when it is cut off or does not fit 64 bits.
    pub fn number(&mut self) -> Result<u64, StoreError> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if (bits << shift) >> shift != bits {
                return Err(self.damaged());
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(self.damaged())
    }

    /// An unsigned number of a narrower type.
    ///
    /// # Errors
    /// `Damaged` when it does not fit.
    pub fn narrow<T: TryFrom<u64>>(&mut self) -> Result<T, StoreError> {
        T::try_from(self.number()?).map_err(|_| self.damaged())
    }

    /// A signed number.
    ///
    /// # Errors
    /// As [`Reader::number`].
    pub fn signed(&mut self) -> Result<i64, StoreError> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    /// How many items follow; never more than the bytes left could hold.
    ///
    /// # Errors
    /// `Damaged` for a count that cannot be true, so that nobody reserves memory for it.
    pub fn count(&mut self) -> Result<usize, StoreError> {
        let count: usize = self.narrow()?;
        if count > self.left.len() {
            return Err(self.damaged());
        }
        Ok(count)
    }

    /// Exactly `N` bytes.
    ///
    /// # Errors
    /// `Damaged` when there are fewer.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        let (array, left) = self.left.split_first_chunk::<N>().ok_or_else(|| self.damaged())?;
        self.left = left;
        Ok(*array)
    }

    /// A length and that many bytes.
    ///
    /// # Errors
    /// `Damaged` when there are fewer.
    pub fn bytes(&mut self) -> Result<&'a [u8], StoreError> {
        let length = self.count()?;
        let (bytes, left) = self.left.split_at_checked(length).ok_or_else(|| self.damaged())?;
        self.left = left;
        Ok(bytes)
    }

    /// So many bytes of UTF-8.
    ///
    /// # Errors
    /// `Damaged` when there are fewer, or no UTF-8.
    pub fn text_of(&mut self, length: usize) -> Result<&'a str, StoreError> {
        let (bytes, left) = self.left.split_at_checked(length).ok_or_else(|| self.damaged())?;
        self.left = left;
        std::str::from_utf8(bytes).map_err(|_| self.damaged())
    }

    /// A length and that much UTF-8.
    ///
    /// # Errors
    /// `Damaged` when it is no UTF-8.
    pub fn text(&mut self) -> Result<&'a str, StoreError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| self.damaged())
    }

    /// A key's eight sortable bytes.
    ///
    /// # Errors
    /// `Damaged` when there are fewer.
    pub fn sortable(&mut self) -> Result<i64, StoreError> {
        Ok((u64::from_be_bytes(self.array()?) ^ (1 << 63)).cast_signed())
    }

    /// How many bytes were not read yet.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.left.len()
    }

    /// Whether every byte was read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// `Damaged` when bytes are left over.
    pub fn finish(self) -> Result<(), StoreError> {
        if self.left.is_empty() { Ok(()) } else { Err(self.damaged()) }
    }

    /// The error for bytes that no version wrote.
    #[must_use]
    pub fn damaged(&self) -> StoreError {
        StoreError::Damaged(format!("{} cannot be read", self.what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_and_bytes_come_back_as_they_went_in(
            number: u64, signed: i64, key: i64, bytes: Vec<u8>,
        ) {
            let mut row = Vec::new();
            put_number(&mut row, number);
            put_signed(&mut row, signed);
            put_sortable(&mut row, key);
            put_bytes(&mut row, &bytes);

            let mut reader = Reader::new("row", &row);

            prop_assert_eq!(reader.number().unwrap(), number);
            prop_assert_eq!(reader.signed().unwrap(), signed);
            prop_assert_eq!(reader.sortable().unwrap(), key);
            prop_assert_eq!(reader.bytes().unwrap(), &bytes[..]);
            reader.finish().unwrap();
        }

        #[test]
        fn sortable_bytes_sort_as_their_numbers(a: i64, b: i64) {
            let (mut left, mut right) = (Vec::new(), Vec::new());
            put_sortable(&mut left, a);
            put_sortable(&mut right, b);
            prop_assert_eq!(left.cmp(&right), a.cmp(&b));
        }
    }

    #[test]
    fn a_number_that_needs_more_than_64_bits_is_damage() {
        let mut reader = Reader::new("row", &[0xff; 10]);
        assert!(matches!(reader.number(), Err(StoreError::Damaged(_))));
        let mut reader =
            Reader::new("row", &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]);
        assert!(matches!(reader.number(), Err(StoreError::Damaged(_))));
    }

    #[test]
    fn a_length_beyond_the_row_reserves_nothing() {
        let mut row = Vec::new();
        put_number(&mut row, u64::MAX / 2);
        assert!(matches!(Reader::new("row", &row).bytes(), Err(StoreError::Damaged(_))));
    }

    #[test]
    fn a_version_of_the_future_is_told_apart_from_damage() {
        assert!(matches!(Reader::new("row", &[9]).version(1), Err(StoreError::Newer(9))));
        assert!(matches!(Reader::new("row", &[0]).version(1), Err(StoreError::Damaged(_))));
    }
}
