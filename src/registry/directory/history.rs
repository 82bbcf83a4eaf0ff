use super::{Entry, write::last_updated};
use crate::domain::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

/// A Bundle of versions, the newest first, each with how it came about. <https://hl7.org/fhir/R4/http.html#history>
pub fn history(base: &str, at: Timestamp, versions: Vec<(&Entry, Value)>) -> Value {
    let total = versions.len();
    let of = versions.first().map(|(entry, _)| format!("{}/{}", entry.content.listed().as_str(), entry.content.ods()));
    let of = of.unwrap_or_default();
    let entries = versions.into_iter().map(|(entry, resource)| {
        let (method, url, status) = match entry.version {
            1 => ("POST", entry.content.listed().as_str(), "201"),
            _ => ("PUT", of.as_str(), "200"),
        };
        json!({
            "fullUrl": format!("{base}{of}"),
            "resource": resource,
            "request": {"method": method, "url": url},
            "response": {
                "status": status,
                "etag": format!("W/\"{}\"", entry.version),
                "lastModified": last_updated(entry).fhir(),
            },
        })
    });
    json!({
        "resourceType": "Bundle",
        "id": Uuid::new_v4().to_string(),
        "meta": {"lastUpdated": at.fhir()},
        "type": "history",
        "total": total,
        "link": [{"relation": "self", "url": format!("{base}{of}/_history")}],
        "entry": entries.collect::<Vec<_>>(),
    })
}
