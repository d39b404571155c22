//! The reference page `docs/configuration.md`, written from the key table.

use super::table::{KEYS, SECTIONS};
use std::fmt::Write;

/// The page in Markdown.
#[must_use]
pub fn reference() -> String {
    let mut text = String::from(HEAD);
    for section in SECTIONS {
        let keys: Vec<_> = KEYS.iter().filter(|key| key.section() == section.path).collect();
        if keys.is_empty() {
            continue;
        }
        let title = match section.path.strip_suffix("[]") {
            Some(repeated) => format!("[[{repeated}]]"),
            None => format!("[{}]", section.path.replace('*', "NAME")),
        };
        let _ = write!(text, "\n## `{title}`\n\n{}\n\n", section.help);
        text.push_str("| Key | Default | Value | Meaning |\n|---|---|---|---|\n");
        for key in keys {
            let default = key.default.map_or_else(|| "unset".to_owned(), |d| format!("`{d}`"));
            let name = key.name().replace('*', "\"PROPERTY\"");
            let _ = writeln!(
                text,
                "| `{name}` | {default} | {}, e.g. `{}` | {} |",
                key.kind.expects(),
                key.example,
                key.help
            );
        }
    }
    text
}

const HEAD: &str = r#"# Configuration

<!-- Generated from src/config/table.rs; a test compares; `make generate` writes it. -->

Layers, later wins: defaults, files (`-c FILE`, repeatable; else `./tidegate.toml`, else
`/etc/tidegate/config.toml`), environment variables `TIDEGATE__SECTION__KEY`, arguments
`--set section.key=value`. Without any `[[source]]` there is one, on topic `cloudtrail`.

- Lists in variables and arguments are split at commas. `[[source]]` can be set in a file only; the
  sources of a later file replace those of an earlier one.
- Durations are whole numbers with `ms`, `s`, `m`, `h` or `d`; sizes with `B`, `KB`, `KiB`, `MB`,
  `MiB`, `GB`, `GiB`, `TB` or `TiB`.
- A property of librdkafka has dots in its name: quote it in a file (`"linger.ms" = 5`); a variable
  writes `_` for them (`TIDEGATE__KAFKA__LIBRDKAFKA__LINGER_MS=5`).
- No key holds a secret. A key that ends in `password_file` names a file; a trailing newline is
  removed, and a file that everybody may read gives a warning.
- An unknown key, a value of the wrong kind and values that do not fit together are all listed, then
  the exit status is 78. `tidegate config show --resolved --origin` shows what is in force and why.
"#;
