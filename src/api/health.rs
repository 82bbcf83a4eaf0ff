//! Health: is the process alive, and may a load balancer send it requests.

use super::Node;
use actix_web::{HttpResponse, http::header::CACHE_CONTROL, web};

pub async fn live() -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(serde_json::json!({"status": "pass"}))
}

/// Ready while audit rows can be committed and the policy in force be applied: without them nothing may be shown.
pub async fn ready(node: web::Data<Node>) -> HttpResponse {
    let g = &node.gateway;
    let audit = g.log.healthy();
    let policy = match g.facts.global().await {
        Ok(global) => g.policies.of(&global).await.is_ok(),
        Err(_) => false,
    };
    let healthy = audit && policy;
    let mut response = if healthy { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    let status = |pass: bool| if pass { "pass" } else { "fail" };
    response.insert_header((CACHE_CONTROL, "no-store")).json(serde_json::json!({
        "status": status(healthy),
        "checks": {"audit": [{"status": status(audit)}], "policy": [{"status": status(policy)}]},
    }))
}

/// Prometheus' text format, on the metrics listener only.
pub async fn metrics(node: web::Data<Node>) -> HttpResponse {
    let text = node.metrics.as_ref().map(metrics_exporter_prometheus::PrometheusHandle::render);
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text.unwrap_or_default())
}
