//! Numbers that look random and depend on the seed alone.
//!
//! `SplitMix64` (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014): one
//! word of state, the same sequence on every machine. Not for secrets.

/// A sequence of numbers that its seed decides.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Starts the sequence of `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in `0..bound`; 0 when `bound` is 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        // The high half of the product is uniform to within bound / 2^64, without a division.
        ((self.bits() as u128 * bound as u128) >> 64) as u64
    }

    /// A number in `least..=most`; `least` when the range is empty.
    pub const fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most.saturating_sub(least).saturating_add(1))
    }

    /// True in `percent` of 100 cases.
    pub const fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A number in `0.0..1.0`.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number of the standard normal distribution (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// A whole number of the log-normal distribution with this median, at most `most`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "the value lies in 0..=most"
    )]
    pub fn log_normal(&mut self, median: f64, sigma: f64, most: u64) -> u64 {
        (median * (sigma * self.normal()).exp()).min(most as f64) as u64
    }
}

/// Ranks in `0..n` where rank r comes up in proportion to (r + 1)^−exponent.
#[derive(Debug, Clone)]
pub(super) struct Zipf {
    cumulative: Box<[f64]>,
}

impl Zipf {
    /// Prepares `n` ranks: 8 bytes each. Exponent 0 makes all ranks equal.
    #[expect(clippy::cast_precision_loss, reason = "ranks are far below 2^53")]
    pub(super) fn new(n: usize, exponent: f64) -> Self {
        let mut sum = 0.0;
        let cumulative = (1..=n.max(1)).map(|rank| {
            sum += (rank as f64).powf(-exponent);
            sum
        });
        Self { cumulative: cumulative.collect() }
    }

    /// A rank.
    pub(super) fn rank(&self, random: &mut Random) -> usize {
        let total = self.cumulative.last().copied().unwrap_or(1.0);
        let drawn = random.unit() * total;
        self.cumulative.partition_point(|sum| *sum < drawn).min(self.cumulative.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_published_sequence() {
        let mut random = Random::new(1_234_567);

        let first: Vec<u64> = (0..3).map(|_| random.bits()).collect();

        assert_eq!(
            first,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn numbers_stay_in_their_range_and_reach_both_ends() {
        let mut random = Random::new(1);

        let drawn: Vec<u64> = (0..1000).map(|_| random.between(3, 6)).collect();

        assert_eq!(drawn.iter().min(), Some(&3));
        assert_eq!(drawn.iter().max(), Some(&6));
        assert_eq!(random.below(0), 0);
    }

    #[test]
    fn the_first_rank_of_zipf_takes_its_share() {
        let (zipf, mut random) = (Zipf::new(20_000, 1.1), Random::new(2));

        let first = (0..100_000).filter(|_| zipf.rank(&mut random) == 0).count();

        // The harmonic sum over 20,000 ranks with exponent 1.1 is 6.87, so the share is 14.6 %.
        assert!((14_000..15_200).contains(&first), "{first}");
    }
}
