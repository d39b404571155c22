//! Evidence, resource and observables: the crossing event, the bucket and the measure.

use super::case::Case;
use super::ocsf::{
    Account, Api, ApiService, Databucket, DetectionFinding, Evidence, EvidenceData, HttpRequest,
    Observable, Owner, Resource, SrcEndpoint,
};
use super::principal::actor;
use super::text::cap;
use super::value::LIST_VALUES_MAX;
use crate::detect::Collected;
use crate::rule::{Kind, Measure};
use std::net::IpAddr;

/// The one piece of evidence.
pub(super) fn evidence(case: &Case<'_>) -> Evidence {
    let is_window = matches!(case.rule.kind, Kind::Window(_));
    let mut evidence = Evidence {
        name: if is_window { "window" } else { "event" }.into(),
        actor: actor(case),
        api: api(case),
        src_endpoint: src_endpoint(case),
        http_request: case
            .clean_fact("userAgent", cap::TEXT)
            .map(|user_agent| HttpRequest { user_agent }),
        databucket: databucket(case),
        data: is_window.then(|| data(case)),
    };
    let has_content = evidence.actor.is_some()
        || evidence.api.is_some()
        || evidence.src_endpoint.is_some()
        || evidence.databucket.is_some()
        || evidence.data.is_some();
    if !has_content {
        evidence.data = Some(data(case));
    }
    evidence
}

/// The bucket as affected resource; none when the record has no bucket.
pub(super) fn resources(case: &Case<'_>) -> Vec<Resource> {
    let resource = case.bucket().map(|name| Resource {
        uid: bucket_arn(case, &name),
        name,
        kind: "AWS::S3::Bucket".into(),
        region: case.clean_fact("awsRegion", cap::TEXT),
        cloud_partition: cloud_partition(case),
        role_id: 3,
        role: "Affected".into(),
        owner: case
            .clean_fact("tidegate.bucket_owner", cap::TEXT)
            .map(|uid| Owner { account: Account::aws(uid) }),
    });
    resource.into_iter().collect()
}

/// The account whose trail the trigger came from.
pub(super) fn recipient_account(case: &Case<'_>) -> Option<String> {
    case.clean_fact("recipientAccountId", cap::TEXT)
}

/// `aws`, `aws-cn`, `aws-us-gov`, …: from the caller's ARN, else from the region's name.
pub(super) fn cloud_partition(case: &Case<'_>) -> String {
    let principal = case.fact("userIdentity.arn").or_else(|| case.fact("tidegate.principal"));
    let named = principal.as_deref().and_then(|arn| arn.strip_prefix("arn:")?.split(':').next());
    let is_partition = |name: &&str| {
        name.len() <= 32
            && name.starts_with("aws")
            && name.chars().all(|c| c.is_ascii_lowercase() || c == '-')
    };
    if let Some(name) = named.filter(is_partition) {
        return name.to_owned();
    }
    let region = case.fact("awsRegion").unwrap_or_default();
    let prefixes = [("cn-", "aws-cn"), ("us-gov-", "aws-us-gov")];
    let known = prefixes.iter().find(|(prefix, _)| region.starts_with(prefix));
    known.map_or("aws", |(_, partition)| partition).to_owned()
}

/// The entities of a finished body. Called again after texts were cut, so that each path resolves
/// to its value.
pub(super) fn observables(body: &DetectionFinding) -> Vec<Observable> {
    let evidence = body.evidences.first();
    let endpoint = evidence.and_then(|evidence| evidence.src_endpoint.as_ref());
    let user = evidence.and_then(|evidence| evidence.actor.as_ref()?.user.as_ref());
    let http = evidence.and_then(|evidence| evidence.http_request.as_ref());
    let resource = body.resources.first();
    let account = body.cloud.account.as_ref();
    let entities: [(&'static str, u8, &'static str, Option<&String>); 7] = [
        ("evidences[0].src_endpoint.ip", 2, "IP Address", endpoint.and_then(|e| e.ip.as_ref())),
        ("evidences[0].actor.user.name", 4, "User Name", user.and_then(|u| u.name.as_ref())),
        ("evidences[0].actor.user.uid", 31, "User Object: uid", user.and_then(|u| u.uid.as_ref())),
        ("resources[0].uid", 10, "Resource UID", resource.map(|r| &r.uid)),
        ("resources[0].name", 38, "Resource Details Object: name", resource.map(|r| &r.name)),
        (
            "evidences[0].http_request.user_agent",
            16,
            "HTTP User-Agent",
            http.map(|http| &http.user_agent),
        ),
        ("cloud.account.uid", 35, "Account Object: uid", account.map(|account| &account.uid)),
    ];
    entities
        .into_iter()
        .filter_map(|(name, type_id, kind, value)| {
            let value = value?.clone();
            Some(Observable { name: name.into(), type_id, kind: kind.into(), value })
        })
        .collect()
}

fn api(case: &Case<'_>) -> Option<Api> {
    let operation = case.clean_fact("eventName", cap::TEXT)?;
    let service = case.clean_fact("eventSource", cap::TEXT).map(|name| ApiService { name });
    Some(Api { operation, service })
}

fn src_endpoint(case: &Case<'_>) -> Option<SrcEndpoint> {
    let mut endpoint =
        SrcEndpoint { uid: case.clean_fact("vpcEndpointId", cap::TEXT), ..SrcEndpoint::default() };
    let written = case.fact("sourceIPAddress").unwrap_or_default();
    let address = case.fact("tidegate.source_ip").unwrap_or_else(|| written.clone());
    if let Ok(ip) = address.parse::<IpAddr>() {
        endpoint.ip = Some(ip.to_canonical().to_string());
    } else if is_domain(&written) {
        endpoint.domain = case.cleaner.some(&written, cap::TEXT);
    } else {
        endpoint.svc_name = case.cleaner.some(&written, cap::TEXT);
    }
    (endpoint != SrcEndpoint::default()).then_some(endpoint)
}

/// Whether a text looks like a host's name: labels of letters, digits and inner hyphens, at least two.
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.contains('.') && text.split('.').all(is_label)
}

fn databucket(case: &Case<'_>) -> Option<Databucket> {
    let name = case.bucket()?;
    Some(Databucket {
        uid: bucket_arn(case, &name),
        name,
        type_id: 1,
        kind: "S3".into(),
        region: case.clean_fact("awsRegion", cap::TEXT),
    })
}

fn bucket_arn(case: &Case<'_>, bucket: &str) -> String {
    format!("arn:{}:s3:::{bucket}", cloud_partition(case))
}

fn data(case: &Case<'_>) -> EvidenceData {
    let finding = case.finding;
    let is_download = matches!(&case.rule.kind, Kind::Window(window)
        if matches!(window.measure, Measure::Sum(field)
            if case.catalogue.fields().name(field) == "tidegate.bytes_out"));
    let sample = finding.collected.iter().find_map(|(name, value)| match value {
        Collected::Values(values) if name == "sample_objects" => Some(values.as_slice()),
        _ => None,
    });
    let clean = |key: &String| case.cleaner.some(key, cap::KEY);
    EvidenceData {
        total_bytes_downloaded: is_download.then_some(finding.amount),
        object_count: finding.count,
        sample_objects: sample
            .unwrap_or_default()
            .iter()
            .filter_map(clean)
            .take(LIST_VALUES_MAX)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::is_domain;

    #[test]
    fn only_texts_that_look_like_hosts_are_domains() {
        for host in ["s3.amazonaws.com", "a.b", "config-1.amazonaws.com"] {
            assert!(is_domain(host), "{host}");
        }
        for other in ["AWS Internal", "localhost", "", "a..b", "-a.b", "a b.c", "é.example", "a.b."]
        {
            assert!(!is_domain(other), "{other}");
        }
    }
}
