//! What each path of the admin listener answers.

use crate::telemetry::{Check, Exporter, Health};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// An answer that is not ready by then is a failure.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// Prometheus text format.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What the listener shows.
#[derive(Clone)]
pub struct Admin {
    /// Written by the workers.
    pub health: Arc<Health>,
    /// Renders `/metrics`.
    pub render_metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Called every five seconds.
    pub upkeep: Arc<dyn Fn() + Send + Sync>,
    /// Answer of `/version`.
    pub version: Version,
    /// Answer of `/rules`: JSON, without entity names.
    pub render_rules: Arc<dyn Fn() -> serde_json::Value + Send + Sync>,
}

/// What runs.
#[derive(Debug, Clone, Serialize)]
pub struct Version {
    /// Version of tidegate.
    pub version: String,
    /// Revision of the source, or `unknown`.
    pub revision: String,
    /// Operating system and processor.
    pub target: String,
    /// Version of librdkafka.
    pub librdkafka: String,
    /// Version of RocksDB.
    pub rocksdb: String,
}

impl Admin {
    /// The listener of a process whose metrics `exporter` renders.
    #[must_use]
    pub fn new(
        health: Arc<Health>,
        exporter: Exporter,
        version: Version,
        render_rules: Arc<dyn Fn() -> serde_json::Value + Send + Sync>,
    ) -> Admin {
        let upkeep = exporter.clone();
        Admin {
            health,
            render_metrics: Arc::new(move || exporter.render()),
            upkeep: Arc::new(move || upkeep.run_upkeep()),
            version,
            render_rules,
        }
    }
}

/// The routes. GET (and with it HEAD) only; anything else is 405, an unknown path 404.
pub(super) fn routes(admin: Admin) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics_text))
        .route("/version", get(version))
        .route("/rules", get(rules))
        .fallback(|| async { (StatusCode::NOT_FOUND, "no such path\n") })
        .layer(middleware::from_fn(guard))
        .with_state(admin)
}

async fn livez(State(admin): State<Admin>) -> Response {
    let hanging = admin.health.hanging(admin.health.now_ms());
    if hanging.is_empty() {
        return (StatusCode::OK, "ok\n").into_response();
    }
    let text = format!("no tick from workers {hanging:?}\n");
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}

async fn readyz(State(admin): State<Admin>, request: Request) -> Response {
    let checks = admin.health.checks(admin.health.now_ms());
    let ready = checks.iter().all(|check| check.ok);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    if is_verbose(request.uri().query()) {
        let body = |check: &Check| {
            let detail = &check.detail;
            serde_json::json!({"name": check.name, "ok": check.ok, "detail": detail})
        };
        let checks: Vec<_> = checks.iter().map(body).collect();
        return (status, axum::Json(serde_json::json!({"ready": ready, "checks": checks})))
            .into_response();
    }
    let failing = checks.iter().filter(|check| !check.ok);
    let lines: Vec<String> =
        failing.map(|check| format!("{}: {}\n", check.name, check.detail)).collect();
    (status, if ready { "ok\n".to_owned() } else { lines.concat() }).into_response()
}

fn is_verbose(query: Option<&str>) -> bool {
    let pairs = query.unwrap_or_default().split('&');
    pairs.into_iter().any(|pair| pair == "verbose" || pair.starts_with("verbose="))
}

async fn metrics_text(State(admin): State<Admin>) -> Response {
    let text = (admin.render_metrics)();
    ([(header::CONTENT_TYPE, METRICS_TYPE)], text).into_response()
}

async fn version(State(admin): State<Admin>) -> Response {
    axum::Json(admin.version).into_response()
}

async fn rules(State(admin): State<Admin>) -> Response {
    axum::Json((admin.render_rules)()).into_response()
}

/// What holds for every route: methods, the time limit, headers, the count of requests.
async fn guard(request: Request, next: Next) -> Response {
    // The template and never the path: a path is the caller's text.
    let route = match request.uri().path() {
        "/livez" => "/livez",
        "/readyz" => "/readyz",
        "/metrics" => "/metrics",
        "/version" => "/version",
        "/rules" => "/rules",
        _ => "other",
    };
    let mut response = if matches!(*request.method(), Method::GET | Method::HEAD) {
        match tokio::time::timeout(ANSWER_LIMIT, next.run(request)).await {
            Ok(response) => response,
            Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "no answer in time\n").into_response(),
        }
    } else {
        let allow = [(header::ALLOW, "GET, HEAD")];
        (StatusCode::METHOD_NOT_ALLOWED, allow, "GET and HEAD only\n").into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let status = response.status().as_u16().to_string();
    let labels =
        [("listener", "admin".to_owned()), ("route", route.to_owned()), ("status", status)];
    metrics::counter!("tidegate_http_requests_total", &labels).increment(1);
    response
}
