//! Where the quotes of a text are: one pass of vector instructions instead of a search for each string.
//!
//! In plain text (no backslash, no control character) quotes open and close strings by turns, so their
//! places are all that the walk (`scan`) needs to jump from name to value to name. Places are found a
//! window ahead of the walk: memory does not grow with the text, and what is odd is seen before the
//! walk comes to it.
//!
//! The one file of `event/` with unsafe code: loading a block into registers, storing places from one,
//! taking bytes that are all ASCII as text, and calling what needs AVX2 or AVX-512 after asking the processor. Each pointer comes from an array of
//! the right length; every index into text and places is checked.
#![expect(unsafe_code, reason = "vector registers; see the SAFETY lines")]

/// Bytes that are looked at in one step: a bit for each in a word.
const BLOCK: usize = 64;
/// Bytes that are looked at ahead of the walk; most records fit.
const WINDOW: usize = 16 << 10;
/// Places written without asking how many quotes a block holds: rarely more, and a branch costs more.
const AT_ONCE: usize = 12;

/// Finds quotes; keeps its buffer between texts.
#[derive(Debug)]
pub struct QuoteFinder {
    /// By twos: a string's opening and its closing quote.
    places: Box<[[u32; 2]]>,
    vectors: Vectors,
}

/// What the processor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Vectors {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Sse2,
    #[cfg_attr(
        all(target_arch = "x86_64", not(test)),
        expect(dead_code, reason = "what other processors take")
    )]
    Words,
}

impl Vectors {
    fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vbmi2")
                && is_x86_feature_detected!("popcnt")
            {
                return Vectors::Avx512;
            }
            if is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("popcnt")
            {
                return Vectors::Avx2;
            }
            Vectors::Sse2
        }
        #[cfg(not(target_arch = "x86_64"))]
        Vectors::Words
    }
}

impl Default for QuoteFinder {
    fn default() -> Self {
        Self::new()
    }
}

impl QuoteFinder {
    /// One that uses what the processor has.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Vectors::detect())
    }

    fn with(vectors: Vectors) -> Self {
        // One place is left over from the window before; the last block may write a block too far.
        QuoteFinder { places: vec![[0; 2]; (1 + WINDOW + BLOCK).div_ceil(2)].into(), vectors }
    }

    /// The quotes of one text, in order.
    pub(super) fn quotes<'f, 't>(&'f mut self, text: &'t [u8]) -> Quotes<'f, 't> {
        Quotes { finder: self, text, ahead: 0, next: 0, pairs: 0, is_odd: false }
    }

    /// The text and its quotes when one look is enough: it is no longer than a window, plain and all ASCII.
    /// That saves looking whether it is UTF-8.
    pub(super) fn survey<'f, 't>(
        &'f mut self,
        bytes: &'t [u8],
    ) -> Option<(&'t str, Quotes<'f, 't>)> {
        if bytes.len() > WINDOW {
            return None;
        }
        let count = self.look::<true>(bytes, 0, 0)?;
        // SAFETY: `look` found no byte of 0x80 or more.
        let text = unsafe { std::str::from_utf8_unchecked(bytes) };
        let (pairs, is_odd) = (count / 2, count % 2 == 1);
        let ahead = bytes.len();
        Some((text, Quotes { finder: self, text: bytes, ahead, next: 0, pairs, is_odd }))
    }

    /// Writes the places of the quotes in `window`, each plus `base`, from `places[count]` on; gives the new
    /// count, `None` when a byte is odd. With `ASCII` every other byte is odd as well.
    fn look<const ASCII: bool>(&mut self, window: &[u8], base: u32, count: usize) -> Option<usize> {
        let places = self.places.as_flattened_mut().get_mut(count..)?;
        let found = match self.vectors {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `Vectors::detect` found AVX-512 F, BW and VBMI2, and POPCNT on this processor.
            Vectors::Avx512 => unsafe { x86::look_avx512::<ASCII>(window, base, places) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `Vectors::detect` found AVX2, BMI1 and POPCNT on this processor.
            Vectors::Avx2 => unsafe { x86::look_avx2::<ASCII>(window, base, places) },
            #[cfg(target_arch = "x86_64")]
            Vectors::Sse2 => look::<x86::Sse2, ASCII>(window, base, places),
            Vectors::Words => look::<Words, ASCII>(window, base, places),
        };
        found.map(|found| count + found)
    }
}

/// The quotes of one text on the way through it.
pub(super) struct Quotes<'f, 't> {
    finder: &'f mut QuoteFinder,
    text: &'t [u8],
    /// How far was looked.
    ahead: usize,
    /// `places[next..pairs]` are to come.
    next: usize,
    pairs: usize,
    /// Whether an opening quote is left over at `places[pairs]`.
    is_odd: bool,
}

impl Quotes<'_, '_> {
    /// The next two quotes; `None` when there are none, or when something odd is ahead.
    #[inline]
    pub(super) fn pair(&mut self) -> Option<(usize, usize)> {
        if self.next >= self.pairs {
            self.look_on()?;
        }
        let &[opening, closing] = self.finder.places.get(self.next)?;
        self.next += 1;
        Some((opening as usize, closing as usize))
    }

    /// The pairs that are to come as far as was looked.
    #[inline]
    pub(super) fn coming(&self) -> &[[u32; 2]] {
        self.finder.places.get(self.next..self.pairs).unwrap_or_default()
    }

    /// Does some work by the processor's vectors.
    pub(super) fn with_vectors<W: VectorWork>(&self, work: W) -> W::Answer {
        match self.finder.vectors {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `Vectors::detect` found AVX-512 F, BW and VBMI2, and POPCNT on this processor.
            Vectors::Avx512 => unsafe { x86::with_avx512(work) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `Vectors::detect` found AVX2, BMI1 and POPCNT on this processor.
            Vectors::Avx2 => unsafe { x86::with_avx2(work) },
            _ => work.run(),
        }
    }

    /// Passes over some of [`Self::coming`].
    #[inline]
    pub(super) fn pass(&mut self, pairs: usize) {
        self.next += pairs;
    }

    /// Looks at windows until there are two quotes.
    #[cold]
    fn look_on(&mut self) -> Option<()> {
        let mut count = usize::from(self.is_odd);
        if self.is_odd {
            let left = *self.finder.places.get(self.pairs)?;
            *self.finder.places.first_mut()? = left;
        }
        (self.next, self.pairs, self.is_odd) = (0, 0, false);
        while count < 2 {
            let rest = self.text.get(self.ahead..).filter(|rest| !rest.is_empty())?;
            let window = rest.get(..WINDOW).unwrap_or(rest);
            let base = u32::try_from(self.ahead).ok()?;
            base.checked_add(u32::try_from(WINDOW + BLOCK).ok()?)?;
            count = self.finder.look::<false>(window, base, count)?;
            self.ahead += window.len();
        }
        (self.pairs, self.is_odd) = (count / 2, count % 2 == 1);
        Some(())
    }
}

/// What is compiled once for each kind of vectors: `run` is to be inlined with all that it calls.
pub(super) trait VectorWork {
    type Answer;
    fn run(self) -> Self::Answer;
}

/// Looks at a block of 64 bytes.
trait Lanes {
    /// Collects what was odd over many blocks.
    type Odd: Copy;
    fn nothing_odd() -> Self::Odd;
    /// A bit for each quote; adds to `odd`.
    fn quotes<const ASCII: bool>(block: &[u8; BLOCK], odd: &mut Self::Odd) -> u64;
    fn is_odd(odd: Self::Odd) -> bool;

    /// Writes `base` plus the place of each bit that is set, in order, then whatever.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "else the instructions of the caller are lost")]
    fn write(mut quotes: u64, base: u32, places: &mut [u32; BLOCK]) {
        let (first, more) = places.split_at_mut(AT_ONCE);
        for place in first {
            *place = base.wrapping_add(quotes.trailing_zeros());
            quotes &= quotes.wrapping_sub(1);
        }
        if quotes != 0 {
            for place in more {
                *place = base.wrapping_add(quotes.trailing_zeros());
                quotes &= quotes.wrapping_sub(1);
            }
        }
    }
}

/// The loop over a window. Inlined, so that it is compiled with its caller's instructions.
#[inline(always)]
#[expect(clippy::inline_always, reason = "else the instructions of the caller are lost")]
fn look<L: Lanes, const ASCII: bool>(
    window: &[u8],
    base: u32,
    places: &mut [u32],
) -> Option<usize> {
    let (blocks, tail) = window.as_chunks::<BLOCK>();
    let (mut count, mut base, mut odd) = (0usize, base, L::nothing_odd());
    for block in blocks {
        let quotes = L::quotes::<ASCII>(block, &mut odd);
        L::write(quotes, base, places.get_mut(count..)?.first_chunk_mut()?);
        count += quotes.count_ones() as usize;
        base += 64;
    }
    if !tail.is_empty() {
        let mut block = [b' '; BLOCK];
        block.get_mut(..tail.len())?.copy_from_slice(tail);
        let quotes = L::quotes::<ASCII>(&block, &mut odd);
        L::write(quotes, base, places.get_mut(count..)?.first_chunk_mut()?);
        count += quotes.count_ones() as usize;
    }
    (!L::is_odd(odd)).then_some(count)
}

/// Eight bytes at a time in general registers.
struct Words;

impl Lanes for Words {
    type Odd = u64;

    fn nothing_odd() -> u64 {
        0
    }

    #[inline]
    fn quotes<const ASCII: bool>(block: &[u8; BLOCK], odd: &mut u64) -> u64 {
        const LOW: u64 = u64::from_le_bytes([0x7f; 8]);
        /// The high bit of each byte that is zero.
        fn zeros(word: u64) -> u64 {
            !(((word & LOW) + LOW) | word | LOW)
        }
        let mut quotes = 0;
        for (at, chunk) in block.as_chunks::<8>().0.iter().enumerate() {
            let word = u64::from_le_bytes(*chunk);
            *odd |= zeros(word ^ u64::from_le_bytes([b'\\'; 8]));
            // Below 0x20: the three high bits are zero.
            *odd |= zeros(word & u64::from_le_bytes([0xe0; 8]));
            if ASCII {
                *odd |= word & !LOW;
            }
            let bits = zeros(word ^ u64::from_le_bytes([b'"'; 8])) >> 7;
            // Moves the lowest bit of byte n to bit n of the highest byte.
            quotes |= (bits.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (at * 8);
        }
        quotes
    }

    fn is_odd(odd: u64) -> bool {
        odd != 0
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    #![expect(clippy::inline_always, reason = "else the instructions of the caller are lost")]
    #![expect(clippy::cast_ptr_alignment, reason = "the loads and stores need no alignment")]

    use super::{BLOCK, Lanes, VectorWork, look};
    use std::arch::x86_64::{
        __m128i, __m256i, __m512i, _mm_cmpeq_epi8, _mm_cmpgt_epi8, _mm_loadu_si128, _mm_min_epu8,
        _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8, _mm_setzero_si128, _mm256_cmpeq_epi8,
        _mm256_cmpgt_epi8, _mm256_loadu_si256, _mm256_min_epu8, _mm256_movemask_epi8,
        _mm256_or_si256, _mm256_set1_epi8, _mm256_setzero_si256, _mm512_add_epi32,
        _mm512_castsi512_si128, _mm512_cmpeq_epi8_mask, _mm512_cmple_epi8_mask,
        _mm512_cmple_epu8_mask, _mm512_cvtepu8_epi32, _mm512_extracti32x4_epi32,
        _mm512_loadu_si512, _mm512_maskz_compress_epi8, _mm512_set1_epi8, _mm512_set1_epi32,
        _mm512_storeu_si512,
    };

    const QUOTE: i8 = b'"'.cast_signed();
    const BACKSLASH: i8 = b'\\'.cast_signed();
    const LAST_CONTROL: i8 = 0x1f;

    /// # Safety
    /// The processor has AVX2, BMI1 and POPCNT.
    #[target_feature(enable = "avx2,bmi1,popcnt")]
    pub(super) unsafe fn look_avx2<const ASCII: bool>(
        window: &[u8],
        base: u32,
        places: &mut [u32],
    ) -> Option<usize> {
        look::<Avx2, ASCII>(window, base, places)
    }

    /// # Safety
    /// The processor has AVX-512 F, BW and VBMI2, and POPCNT.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,popcnt")]
    pub(super) unsafe fn look_avx512<const ASCII: bool>(
        window: &[u8],
        base: u32,
        places: &mut [u32],
    ) -> Option<usize> {
        look::<Avx512, ASCII>(window, base, places)
    }

    /// # Safety
    /// The processor has AVX2, BMI1 and POPCNT.
    #[target_feature(enable = "avx2,bmi1,popcnt")]
    pub(super) unsafe fn with_avx2<W: VectorWork>(work: W) -> W::Answer {
        work.run()
    }

    /// # Safety
    /// The processor has AVX-512 F, BW and VBMI2, and POPCNT.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,popcnt")]
    pub(super) unsafe fn with_avx512<W: VectorWork>(work: W) -> W::Answer {
        work.run()
    }

    /// One register of 64 bytes; one instruction collects the places of a mask. Only for [`look_avx512`].
    struct Avx512;

    /// The place of each byte in a block.
    const PLACES: [u8; BLOCK] = {
        let mut places = [0; BLOCK];
        let mut at = 0;
        while at < BLOCK {
            #[expect(clippy::indexing_slicing, reason = "evaluated when compiled")]
            #[expect(clippy::cast_possible_truncation, reason = "less than 64")]
            {
                places[at] = at as u8;
            }
            at += 1;
        }
        places
    };

    impl Lanes for Avx512 {
        type Odd = u64;

        #[inline(always)]
        fn nothing_odd() -> u64 {
            0
        }

        #[inline(always)]
        fn quotes<const ASCII: bool>(block: &[u8; BLOCK], odd: &mut u64) -> u64 {
            // SAFETY: only `look_avx512` uses these lanes, its caller asked for AVX-512; the load reads
            // the 64 bytes of `block`, aligned or not.
            unsafe {
                let bytes = _mm512_loadu_si512(block.as_ptr().cast::<__m512i>());
                // With signs, what is not ASCII comes before the control characters.
                *odd |= if ASCII {
                    _mm512_cmple_epi8_mask(bytes, _mm512_set1_epi8(LAST_CONTROL))
                } else {
                    _mm512_cmple_epu8_mask(bytes, _mm512_set1_epi8(LAST_CONTROL))
                };
                *odd |= _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(BACKSLASH));
                _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(QUOTE))
            }
        }

        #[inline(always)]
        fn is_odd(odd: u64) -> bool {
            odd != 0
        }

        #[inline(always)]
        fn write(quotes: u64, base: u32, places: &mut [u32; BLOCK]) {
            // SAFETY: AVX-512 as above; the load reads the 64 bytes of `PLACES`, each store writes the 16
            // numbers of its part of `places`, aligned or not.
            unsafe {
                let all = _mm512_loadu_si512(PLACES.as_ptr().cast::<__m512i>());
                let found = _mm512_maskz_compress_epi8(quotes, all);
                let base = _mm512_set1_epi32(base.cast_signed());
                let store = |sixteen: __m128i, places: &mut [u32; 16]| {
                    let wide = _mm512_add_epi32(_mm512_cvtepu8_epi32(sixteen), base);
                    _mm512_storeu_si512(places.as_mut_ptr().cast::<__m512i>(), wide);
                };
                let [first, more @ ..] = places.as_chunks_mut().0 else { return };
                store(_mm512_castsi512_si128(found), first);
                if let ([second, third, fourth], true) = (more, quotes.count_ones() > 16) {
                    store(_mm512_extracti32x4_epi32::<1>(found), second);
                    store(_mm512_extracti32x4_epi32::<2>(found), third);
                    store(_mm512_extracti32x4_epi32::<3>(found), fourth);
                }
            }
        }
    }

    /// Two registers of 32 bytes. Only for [`look_avx2`].
    struct Avx2;

    impl Lanes for Avx2 {
        type Odd = __m256i;

        #[inline(always)]
        fn nothing_odd() -> __m256i {
            // SAFETY: only `look_avx2` uses these lanes; its caller asked for AVX2.
            unsafe { _mm256_setzero_si256() }
        }

        #[inline(always)]
        fn quotes<const ASCII: bool>(block: &[u8; BLOCK], odd: &mut __m256i) -> u64 {
            let mut bits = 0;
            for (at, half) in block.as_chunks::<32>().0.iter().enumerate() {
                // SAFETY: AVX2 as above; the load reads the 32 bytes of `half`, aligned or not.
                let mask = unsafe {
                    let bytes = _mm256_loadu_si256(half.as_ptr().cast::<__m256i>());
                    let control = if ASCII {
                        _mm256_cmpgt_epi8(_mm256_set1_epi8(LAST_CONTROL + 1), bytes)
                    } else {
                        let least = _mm256_min_epu8(bytes, _mm256_set1_epi8(LAST_CONTROL));
                        _mm256_cmpeq_epi8(least, bytes)
                    };
                    let backslash = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(BACKSLASH));
                    *odd = _mm256_or_si256(*odd, _mm256_or_si256(control, backslash));
                    _mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(QUOTE)))
                };
                bits |= u64::from(mask.cast_unsigned()) << (at * 32);
            }
            bits
        }

        #[inline(always)]
        fn is_odd(odd: __m256i) -> bool {
            // SAFETY: AVX2 as above.
            unsafe { _mm256_movemask_epi8(odd) != 0 }
        }
    }

    /// Four registers of 16 bytes: SSE2 is part of every processor of this architecture.
    pub(super) struct Sse2;

    impl Lanes for Sse2 {
        type Odd = __m128i;

        #[inline]
        fn nothing_odd() -> __m128i {
            // SAFETY: x86-64 has SSE2.
            unsafe { _mm_setzero_si128() }
        }

        #[inline]
        fn quotes<const ASCII: bool>(block: &[u8; BLOCK], odd: &mut __m128i) -> u64 {
            let mut bits = 0;
            for (at, quarter) in block.as_chunks::<16>().0.iter().enumerate() {
                // SAFETY: SSE2 as above; the load reads the 16 bytes of `quarter`, aligned or not.
                let mask = unsafe {
                    let bytes = _mm_loadu_si128(quarter.as_ptr().cast::<__m128i>());
                    let control = if ASCII {
                        _mm_cmpgt_epi8(_mm_set1_epi8(LAST_CONTROL + 1), bytes)
                    } else {
                        let least = _mm_min_epu8(bytes, _mm_set1_epi8(LAST_CONTROL));
                        _mm_cmpeq_epi8(least, bytes)
                    };
                    let backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(BACKSLASH));
                    *odd = _mm_or_si128(*odd, _mm_or_si128(control, backslash));
                    _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(QUOTE)))
                };
                bits |= u64::from(mask.cast_unsigned()) << (at * 16);
            }
            bits
        }

        #[inline]
        fn is_odd(odd: __m128i) -> bool {
            // SAFETY: SSE2 as above.
            unsafe { _mm_movemask_epi8(odd) != 0 }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every way that this processor can go.
    fn finders() -> Vec<QuoteFinder> {
        let mut all = vec![Vectors::Words, Vectors::detect()];
        #[cfg(target_arch = "x86_64")]
        {
            all.push(Vectors::Sse2);
            if is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("popcnt")
            {
                all.push(Vectors::Avx2);
            }
        }
        all.into_iter().map(QuoteFinder::with).collect()
    }

    fn pairs(finder: &mut QuoteFinder, text: &[u8]) -> (Vec<(usize, usize)>, usize) {
        let mut quotes = finder.quotes(text);
        let found = std::iter::from_fn(|| quotes.pair()).collect();
        (found, quotes.ahead)
    }

    fn check(text: &[u8]) {
        let odd = text.iter().position(|&byte| byte < 0x20 || byte == b'\\');
        // What is odd stops the walk at the window that holds it.
        let plain = odd.map_or(text.len(), |at| at / WINDOW * WINDOW);
        let quotes: Vec<usize> = (0..plain).filter(|&at| text.get(at) == Some(&b'"')).collect();
        let expected: Vec<_> = quotes.as_chunks().0.iter().map(|&[a, b]| (a, b)).collect();
        for mut finder in finders() {
            let (found, ahead) = pairs(&mut finder, text);
            assert_eq!(found, expected, "{:?}", finder.vectors);
            assert_eq!(ahead, plain, "{:?}", finder.vectors);
            let survey = finder.survey(text).map(|(same, quotes)| {
                assert_eq!(same.as_bytes(), text);
                quotes.coming().iter().map(|&[a, b]| (a as usize, b as usize)).collect::<Vec<_>>()
            });
            let is_one_look = odd.is_none() && text.is_ascii() && text.len() <= WINDOW;
            assert_eq!(survey.as_ref(), is_one_look.then_some(&expected), "{:?}", finder.vectors);
            // The buffer of the text before does no harm.
            assert_eq!(pairs(&mut finder, b"\"\"").0, [(0, 1)]);
        }
    }

    #[test]
    fn quotes_are_found_at_every_place_of_a_block_and_of_a_window() {
        for len in [0, 1, 63, 64, 65, 127, 128, 129, WINDOW - 1, WINDOW, WINDOW + 1, 2 * WINDOW + 3]
        {
            check(&vec![b'"'; len]);
            check(&vec![b'x'; len]);
            for at in [0, 1, 31, 32, 63, 64, WINDOW - 1, WINDOW, 2 * WINDOW]
                .into_iter()
                .filter(|&at| at < len)
            {
                let mut text = vec![b'"'; len];
                text[at] = b'\\';
                check(&text);
                let mut text = vec![b'x'; len];
                text[at] = b'"';
                text[len - 1] = b'"';
                check(&text);
            }
        }
    }

    #[test]
    fn every_byte_is_judged_alike() {
        for byte in 0..=u8::MAX {
            for at in 0..64 {
                let mut text = [b'"'; 64];
                text[at] = byte;
                check(&text);
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged_alike(text in prop::collection::vec(any::<u8>(), 0..300)) {
            check(&text);
        }

        #[test]
        fn any_plain_text_is_judged_alike(text in "[\"a{}é]{0,600}") {
            check(text.as_bytes());
        }
    }
}
