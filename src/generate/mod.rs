//! Made-up CloudTrail streams that are the same for the same settings: for benches, tests, the demo.
//!
//! Owns two streams. [`BenchStream`] has the shape of performance.md and no meaning: it measures.
//! [`Organization`] is people and jobs that read from S3 without ever crossing a threshold, and
//! planted exfiltrations beside them with the exact [`Truth`] of what has to be found. Knows nothing
//! of the engine: the truth is written down when an exfiltration is planted, never computed by the
//! code that is to be checked. No clock and no other source of chance than the seed.

mod bench_stream;
mod event_text;
mod organization;
mod random;
mod scenarios;
mod truth;

pub use bench_stream::{BenchSettings, BenchStream, Skew};
pub use organization::{Organization, OrganizationSettings};
pub use random::Random;
pub use truth::{Expected, Sighting, Truth, Verdict};
