//! Health: is the process alive, and may a load balancer send it requests.

use super::Node;
use actix_web::{HttpResponse, http::header::CACHE_CONTROL, web};

pub async fn live() -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(serde_json::json!({"status": "pass"}))
}

/// Ready while audit rows can be committed: without them nothing may be shown.
pub async fn ready(node: web::Data<Node>) -> HttpResponse {
    let healthy = node.gateway.log.healthy();
    let mut response = if healthy { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    let status = if healthy { "pass" } else { "fail" };
    response
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(serde_json::json!({"status": status, "checks": {"audit": [{"status": status}]}}))
}

/// Prometheus' text format, on the metrics listener only.
pub async fn metrics(node: web::Data<Node>) -> HttpResponse {
    let text = node.metrics.as_ref().map(metrics_exporter_prometheus::PrometheusHandle::render);
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text.unwrap_or_default())
}
