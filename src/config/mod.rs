//! Text → raw → settings (operations.md §6).
//!
//! Owns what can be configured. Keys are listed once, in `table.rs`; from it come the defaults, the
//! check of each layer, the JSON Schema, `config init` and `docs/configuration.md`. The way of a key:
//!
//! ```text
//! file.rs, environment.rs ─▶ layer.rs ─────▶ load.rs ─▶ raw.rs ─▶ from_raw.rs ─▶ settings.rs
//! text with positions        known? fits?    merge      shape     rules V1…V21   what rooms get
//! ```
//!
//! A room below takes its part as its own small struct and never sees this one. IO beyond reading
//! its own files is in `host.rs` and `secret.rs` only.

mod check;
mod environment;
mod file;
mod from_raw;
mod host;
mod key;
mod layer;
mod load;
mod names;
mod passthrough;
mod problem;
mod quantity;
mod raw;
mod reference;
mod schema;
mod secret;
mod settings;
mod show;
mod table;
mod template;
#[cfg(test)]
mod tests;

pub use from_raw::Machine;
pub use host::check_host;
pub use key::{Key, Kind};
pub use load::{Loaded, Request, load};
pub use problem::{Origin, Problem, Severity};
pub use quantity::{parse_amount, parse_size, parse_span, show_size, show_span};
pub use reference::reference;
pub use schema::{schema, schema_text};
pub use secret::SecretFile;
pub use settings::{
    AlertCompression, Alerts, App, Emit, Format, Kafka, List, ListKind, Log, Mechanism,
    OwnCertificate, Rules, Sasl, SecurityProtocol, Settings, SourceSettings, StartFrom, State,
    Time, Tls,
};
pub use show::{Merged, Origins, ShowKeys, ShowOrigin};
pub use table::{KEYS, SECTIONS};
pub use template::{Extent, template};
