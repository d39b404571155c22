//! Points at which tests stop the world; production passes [`NoFault`], which compiles to nothing.

/// Places in a commit where a crash must lose and double nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Point {
    /// Everything is collected, no transaction is open.
    BeforeBegin,
    /// All records are acknowledged; no alert is among them.
    AfterDrain,
    /// All records are acknowledged, alerts among them; the transaction is open.
    AfterDrainWithAlerts,
    /// The coordinator has the offsets; the transaction is open.
    AfterSendOffsets,
    /// Kafka has committed; the store on disk is one commit behind.
    AfterCommitBeforeStore,
    /// Kafka and the store agree.
    AfterStore,
    /// A partition was given away.
    AfterRevoke,
    /// Rows of a changelog were applied, more are to come.
    DuringRestore,
}

/// What happens at a [`Point`].
pub trait Fault {
    /// Called when the worker gets there; returning lets it go on.
    fn at(&self, point: Point);
}

/// Nothing happens.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFault;

impl Fault for NoFault {
    #[inline]
    fn at(&self, _point: Point) {}
}
