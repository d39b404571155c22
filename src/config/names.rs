//! Names that Kafka sees: group, instance, topics (V1, V2).

use super::from_raw::Problems;
use super::raw::RawConfig;
use super::settings::changelog_topic;

/// Kafka's own limit for the name of a topic.
const TOPIC_NAME_BYTES_MAX: usize = 249;
/// Leaves room for prefixes and for the number of a worker.
const NAME_BYTES_MAX: usize = 100;

pub(super) fn check(raw: &RawConfig, problems: &mut Problems<'_>) {
    let own_names =
        [Some(("app.id", &raw.app.id)), raw.app.instance.as_ref().map(|n| ("app.instance", n))];
    for (key, name) in own_names.into_iter().flatten() {
        problems
            .require(is_name(name, NAME_BYTES_MAX), "V1", key, || expects(NAME_BYTES_MAX, name));
    }
    let mut topics = vec![("alerts.topic".to_owned(), raw.alerts.topic.clone())];
    if raw.alerts.dlq.enabled {
        topics.push(("alerts.dlq.topic".into(), raw.alerts.dlq.topic.clone()));
    }
    for (index, source) in raw.source.iter().enumerate() {
        let key = format!("source[{index}].name");
        let earlier = raw.source.iter().take(index).any(|other| other.name == source.name);
        problems.require(!earlier, "V2", &key, || {
            format!("must be unique, found {:?} twice", shown(&source.name))
        });
        problems.require(is_name(&source.name, NAME_BYTES_MAX), "V1", &key, || {
            expects(NAME_BYTES_MAX, &source.name)
        });
        topics.push((format!("source[{index}].topic"), source.topic.clone()));
        if !earlier {
            topics.push((key, changelog_topic(&raw.app.id, &source.name)));
        }
    }
    for (index, (key, topic)) in topics.iter().enumerate() {
        let fits = is_name(topic, TOPIC_NAME_BYTES_MAX) && topic != "." && topic != "..";
        let is_changelog = key.rsplit('.').next() == Some("name");
        // A changelog with a bad source name was reported above.
        if !is_changelog || topic.len() > TOPIC_NAME_BYTES_MAX {
            problems.require(fits, "V1", key, || expects(TOPIC_NAME_BYTES_MAX, topic));
        }
        // Kafka writes '.' and '_' alike in metric names and warns of topics that differ in them only.
        let same = |other: &&(String, String)| other.1.replace('.', "_") == topic.replace('.', "_");
        if let Some((other_key, other)) = topics.iter().take(index).find(same) {
            problems.require(false, "V2", key, || {
                format!(
                    "must differ from {other_key}, found topic {:?} and {:?} ('.' and '_' count as equal)",
                    shown(topic),
                    shown(other)
                )
            });
        }
    }
}

/// A host name as an instance name: what is not allowed becomes `-`.
pub(super) fn from_host(host: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = host.chars().map(allowed).take(NAME_BYTES_MAX).collect();
    if name.is_empty() { "tidegate".into() } else { name }
}

fn is_name(name: &str, bytes_max: usize) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !name.is_empty() && name.len() <= bytes_max && name.bytes().all(plain)
}

fn expects(bytes_max: usize, found: &str) -> String {
    format!("must be 1 to {bytes_max} letters, digits, '.', '_' or '-', found {:?}", shown(found))
}

fn shown(name: &str) -> String {
    name.chars().take(60).collect()
}
