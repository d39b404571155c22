//! Finding → OCSF Detection Finding with `CloudEvents` headers: what leaves tidegate (alerts.md).
//!
//! Owns the body, the identity, the headers, the size and the safety of an alert. An alert is a pure
//! function of the finding, the rules and the settings: the wall clock arrives inside the finding.
//! Knows nothing of topics beyond their names, of Kafka, files or clocks. Alerts are rare, so plain
//! code wins over fast code everywhere in this room.
//!
//! ```text
//! Finding ─▶ Case (finding, rule, facts of the trigger, ids, cleaner)
//!              ├▶ body: ocsf/, evidence, principal, attack, severity, title, context/
//!              ├▶ size: bytes at most `max_bytes`
//!              └▶ headers
//! ```

mod attack;
mod body;
mod case;
mod catalogue;
mod context;
mod evidence;
mod headers;
mod identity;
mod ocsf;
mod pretty;
mod principal;
mod related;
mod severity;
mod size;
mod stable;
mod text;
mod time;
mod title;
mod value;
mod writer;

pub use catalogue::Catalogue;
pub use context::context_schema;
pub use pretty::{Colour, pretty};
pub use stable::stable;
pub use text::visible;
pub use writer::{Alert, Settings, Writer, rewrite};
