//! todo
use super::options::Options;
use crate::units::Span;
use std::time::Duration;
/// x
pub struct Checked {
    /// y
    pub tombstones_kept: Span,
}
/// z
pub fn check(_o: &Options, _w: Duration) -> Result<Checked, String> {
    Ok(Checked { tombstones_kept: Span::from_hours(1) })
}
