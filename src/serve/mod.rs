//! The admin listener: health, readiness, metrics, version (operations.md §2).
//!
//! Runs in a thread of its own with a small tokio runtime. It reads what workers publish through
//! atomics ([`crate::telemetry::Health`]) and shares no lock with them. No entity name is ever
//! shown, so it may be reachable inside a cluster without a token.

mod admin;
mod server;

pub use admin::{Admin, Version};
pub use server::{ServeError, Server};
