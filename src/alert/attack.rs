//! The part of MITRE ATT&CK that the shipped rules use: names of tactics and techniques.
//!
//! Taken from ATT&CK Enterprise [`VERSION`]. A technique that is not listed is written with its id
//! alone; a list of all 600 would be stale weight in every binary.
//!
//! © 2024 The MITRE Corporation. This work is reproduced and distributed with the permission of The
//! MITRE Corporation. ATT&CK is its registered trademark.

use super::ocsf::{Attack, Named};

/// The release the names are from.
pub(super) const VERSION: &str = "16.1";

type Tactic = (&'static str, &'static str, &'static str);

/// Tactics: Sigma's word, id, name.
const TACTICS: [Tactic; 14] = [
    ("reconnaissance", "TA0043", "Reconnaissance"),
    ("resource-development", "TA0042", "Resource Development"),
    ("initial-access", "TA0001", "Initial Access"),
    ("execution", "TA0002", "Execution"),
    ("persistence", "TA0003", "Persistence"),
    ("privilege-escalation", "TA0004", "Privilege Escalation"),
    ("defense-evasion", "TA0005", "Defense Evasion"),
    ("credential-access", "TA0006", "Credential Access"),
    ("discovery", "TA0007", "Discovery"),
    ("lateral-movement", "TA0008", "Lateral Movement"),
    ("collection", "TA0009", "Collection"),
    ("command-and-control", "TA0011", "Command and Control"),
    ("exfiltration", "TA0010", "Exfiltration"),
    ("impact", "TA0040", "Impact"),
];

const ACCOUNTS: &[&str] = &["TA0001", "TA0003", "TA0004", "TA0005"];

/// Techniques: id, name, tactics that own it. A sub-technique has its parent's tactics here.
const TECHNIQUES: [(&str, &str, &[&str]); 22] = [
    ("T1048", "Exfiltration Over Alternative Protocol", &["TA0010"]),
    ("T1078", "Valid Accounts", ACCOUNTS),
    ("T1078.004", "Cloud Accounts", ACCOUNTS),
    ("T1098", "Account Manipulation", &["TA0003", "TA0004"]),
    ("T1110", "Brute Force", &["TA0006"]),
    ("T1485", "Data Destruction", &["TA0040"]),
    ("T1485.001", "Lifecycle-Triggered Deletion", &["TA0040"]),
    ("T1486", "Data Encrypted for Impact", &["TA0040"]),
    ("T1490", "Inhibit System Recovery", &["TA0040"]),
    ("T1526", "Cloud Service Discovery", &["TA0007"]),
    ("T1530", "Data from Cloud Storage", &["TA0009"]),
    ("T1537", "Transfer Data to Cloud Account", &["TA0010"]),
    ("T1552", "Unsecured Credentials", &["TA0006"]),
    ("T1552.001", "Credentials In Files", &["TA0006"]),
    ("T1552.005", "Cloud Instance Metadata API", &["TA0006"]),
    ("T1562", "Impair Defenses", &["TA0005"]),
    ("T1562.001", "Disable or Modify Tools", &["TA0005"]),
    ("T1562.008", "Disable or Modify Cloud Logs", &["TA0005"]),
    ("T1567", "Exfiltration Over Web Service", &["TA0010"]),
    ("T1567.002", "Exfiltration to Cloud Storage", &["TA0010"]),
    ("T1599", "Network Boundary Bridging", &["TA0005"]),
    ("T1619", "Cloud Storage Object Discovery", &["TA0007"]),
];

/// What a Sigma tag says about ATT&CK.
#[derive(Debug, PartialEq, Eq)]
enum Tag {
    Tactic(&'static Tactic),
    Technique(String),
}

/// Whether a tag belongs to ATT&CK; others go to `finding_info.tags`.
pub(super) fn is_attack_tag(tag: &str) -> bool {
    tag.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("attack."))
}

/// One entry for each technique, with the first listed tactic that owns it, then one for each tactic
/// that owns none of the techniques; at most `max`.
pub(super) fn attacks(tags: &[String], max: usize) -> Vec<Attack> {
    let tags: Vec<Tag> = tags.iter().filter_map(|tag| read(tag)).collect();
    let mut left: Vec<&Tactic> = Vec::new();
    for tag in &tags {
        if let Tag::Tactic(tactic) = tag {
            left.push(tactic);
        }
    }
    let listed = left.clone();
    let mut out = Vec::new();
    for tag in &tags {
        let Tag::Technique(uid) = tag else { continue };
        let owners = technique(uid).map_or(&[][..], |(_, owners)| owners);
        let owner = listed.iter().find(|(_, id, _)| owners.contains(id));
        left.retain(|(_, id, _)| !owners.contains(id));
        out.push(of_technique(uid, owner.map(|tactic| named_tactic(tactic))));
    }
    for tactic in left {
        let tactic = Some(named_tactic(tactic));
        out.push(Attack { version: VERSION.into(), tactic, technique: None, sub_technique: None });
    }
    out.truncate(max);
    out
}

/// What kind of trouble the tactics speak of: `finding_info.types`.
pub(super) fn finding_type(tags: &[String]) -> &'static str {
    let has = |word: &str| {
        tags.iter().any(|tag| matches!(read(tag), Some(Tag::Tactic((name, _, _))) if *name == word))
    };
    if has("exfiltration") || has("collection") {
        "Exfiltration"
    } else if has("defense-evasion") || has("persistence") {
        "Policy"
    } else {
        "Anomaly"
    }
}

fn read(tag: &str) -> Option<Tag> {
    let name = tag.get(7..).filter(|_| is_attack_tag(tag))?;
    let name = name.to_ascii_lowercase().replace('_', "-");
    if let Some(tactic) = TACTICS.iter().find(|(word, _, _)| *word == name) {
        return Some(Tag::Tactic(tactic));
    }
    let number = name.strip_prefix('t')?;
    let is_id = number.len() <= 8 && number.chars().all(|c| c.is_ascii_digit() || c == '.');
    (is_id && number.len() >= 4).then(|| Tag::Technique(name.to_ascii_uppercase()))
}

fn of_technique(uid: &str, tactic: Option<Named>) -> Attack {
    let (parent, sub) = match uid.split_once('.') {
        Some((parent, _)) => (parent, Some(named(uid))),
        None => (uid, None),
    };
    Attack { version: VERSION.into(), tactic, technique: Some(named(parent)), sub_technique: sub }
}

fn named(uid: &str) -> Named {
    Named { uid: uid.to_owned(), name: technique(uid).map(|(name, _)| name.into()) }
}

fn named_tactic((_, uid, name): &Tactic) -> Named {
    Named { uid: (*uid).to_owned(), name: Some((*name).into()) }
}

fn technique(uid: &str) -> Option<(&'static str, &'static [&'static str])> {
    TECHNIQUES.iter().find(|(id, _, _)| *id == uid).map(|(_, name, owners)| (*name, *owners))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(tags: &[&str]) -> Vec<String> {
        let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        let part = |named: &Option<Named>| {
            named.as_ref().map_or("-".to_owned(), |n| {
                format!("{} {}", n.uid, n.name.as_deref().unwrap_or("?"))
            })
        };
        attacks(&tags, 10)
            .iter()
            .map(|a| [&a.tactic, &a.technique, &a.sub_technique].map(part).join(" / "))
            .collect()
    }

    #[test]
    fn a_technique_comes_with_the_listed_tactic_that_owns_it() {
        assert_eq!(
            shown(&["attack.exfiltration", "attack.t1537", "origin.x"]),
            ["TA0010 Exfiltration / T1537 Transfer Data to Cloud Account / -"]
        );
    }

    #[test]
    fn a_sub_technique_names_its_parent() {
        assert_eq!(
            shown(&["attack.initial_access", "attack.t1078.004"]),
            ["TA0001 Initial Access / T1078 Valid Accounts / T1078.004 Cloud Accounts"]
        );
    }

    #[test]
    fn a_tactic_without_a_technique_of_its_own_gets_its_own_entry() {
        assert_eq!(
            shown(&["attack.exfiltration", "attack.t1530"]),
            ["- / T1530 Data from Cloud Storage / -", "TA0010 Exfiltration / - / -"]
        );
    }

    #[test]
    fn an_unlisted_technique_has_its_id_alone_and_groups_are_no_techniques() {
        assert_eq!(shown(&["attack.t9999.001"]), ["- / T9999 ? / T9999.001 ?"]);
        assert!(shown(&["attack.g0016", "attack.s0002", "cve.2021-1", "attack.tx"]).is_empty());
    }

    #[test]
    fn every_owner_in_the_table_is_a_tactic() {
        for (uid, _, owners) in TECHNIQUES {
            for owner in owners {
                assert!(TACTICS.iter().any(|(_, id, _)| id == owner), "{uid} {owner}");
            }
        }
    }
}
