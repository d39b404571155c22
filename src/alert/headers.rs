//! `CloudEvents` 1.0 in binary mode: headers that repeat what the body says (alerts.md §5, A5).

use super::case::Case;
use super::ocsf::{DetectionFinding, VERSION};
use super::severity::severity;
use super::writer::Settings;
use crate::detect::FindingKind;

/// The headers in the order in which they are written; none is empty.
pub(super) fn headers(
    settings: &Settings,
    case: &Case<'_>,
    body: &DetectionFinding,
) -> Vec<(&'static str, String)> {
    let account = body.cloud.account.as_ref().map(|account| account.uid.clone());
    let mut headers = vec![
        ("content-type", "application/json".to_owned()),
        ("ce_specversion", "1.0".to_owned()),
        ("ce_id", case.ids.record.clone()),
        ("ce_source", format!("/tidegate/{}", settings.app_id)),
        ("ce_type", ce_type(case.finding.kind).to_owned()),
        ("ce_subject", case.ids.finding.clone()),
        ("ce_time", body.time_dt.clone()),
        ("ce_dataschema", dataschema()),
        ("ce_partitionkey", case.ids.finding.clone()),
        ("ce_ruleid", body.finding_info.analytic.uid.clone()),
        ("ce_severitytext", severity(case.finding.level).header.to_owned()),
        ("ce_accountid", account.unwrap_or_default()),
    ];
    headers.retain(|(_, value)| !value.is_empty());
    headers
}

const fn ce_type(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::Create => "dev.tidegate.finding.created.v1",
        FindingKind::Escalate => "dev.tidegate.finding.escalated.v1",
    }
}

fn dataschema() -> String {
    format!("https://schema.ocsf.io/{VERSION}/classes/detection_finding?profiles=cloud,datetime")
}
