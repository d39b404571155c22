//! Planted exfiltrations are found, and nothing else is, whatever the delay up to the allowed lateness.

use crate::support::{Pipeline, records, shipped_rules};
use tidegate::generate::{Organization, OrganizationSettings, Verdict};
use tidegate::units::Span;

/// Runs a generated organization with delays of up to `jitter` through the shipped rules.
fn judge(seed: u64, jitter: Span, disable: &[&str]) -> Verdict {
    let organization = Organization::generate(&OrganizationSettings {
        seed,
        max_delay: jitter,
        ..OrganizationSettings::default()
    });
    let mut pipeline = Pipeline::new(shipped_rules(disable));
    for (place, record) in records(&organization).iter().enumerate() {
        pipeline.take(record.value.as_bytes(), record.time);
        if place % 5000 == 0 {
            pipeline.commit();
        }
    }
    organization.truth().judge(pipeline.sightings())
}

#[test]
fn the_result_equals_the_truth_at_every_delay_up_to_the_allowed_lateness() {
    for seconds in [0, 60, 300, 900, 3300] {
        let verdict = judge(1, Span::from_secs(seconds), &[]);

        assert!(verdict.planted >= 17, "only {} planted", verdict.planted);
        assert!(
            verdict.is_clean(),
            "jitter {seconds} s: missed {:#?}, unexpected {:#?}",
            verdict.missed,
            verdict.unexpected
        );
    }
}

#[test]
fn three_seeds_find_everything_that_was_planted() {
    for seed in [2, 3, 4] {
        let verdict = judge(seed, Span::from_minutes(10), &[]);

        assert!(verdict.is_clean(), "seed {seed}: {:#?} {:#?}", verdict.missed, verdict.unexpected);
    }
}

#[test]
fn with_the_byte_rules_off_the_verdict_says_what_was_missed() {
    let off = ["s3_large_download", "s3_large_download_principal"];

    let verdict = judge(1, Span::from_minutes(10), &off);

    assert!(!verdict.missed.is_empty());
    assert!(verdict.missed.iter().all(|missed| off.contains(&missed.rule)), "{verdict:#?}");
    assert!(verdict.unexpected.is_empty(), "{:#?}", verdict.unexpected);
}
