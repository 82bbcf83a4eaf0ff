use serde_json::Value;
use std::borrow::Cow;

/// One page of a searchset. <https://hl7.org/fhir/R4/bundle.html#searchset>
pub struct Page<'d> {
    pub total: usize,
    pub itself: String,
    pub next: Option<String>,
    pub entries: Vec<Entry<'d>>,
}

pub struct Entry<'d> {
    full_url: Option<String>,
    pub resource: Cow<'d, str>,
    mode: &'static str,
}

impl<'d> Entry<'d> {
    pub fn found(base: &str, kind: &str, id: &str, resource: Cow<'d, str>) -> Self {
        Self { full_url: Some(format!("{base}/{kind}/{id}")), resource, mode: "match" }
    }

    pub fn outcome(outcome: String) -> Self {
        Self { full_url: None, resource: Cow::Owned(outcome), mode: "outcome" }
    }

    fn to_json(&self) -> String {
        let full_url =
            self.full_url.as_deref().map(|url| format!("\"fullUrl\":{},", Value::from(url))).unwrap_or_default();
        format!("{{{full_url}\"resource\":{},\"search\":{{\"mode\":\"{}\"}}}}", self.resource, self.mode)
    }
}

impl Page<'_> {
    /// Written by hand, so that each resource goes out as the bytes it came in.
    pub fn to_json(&self) -> String {
        let link = |relation: &str, url: &str| format!("{{\"relation\":\"{relation}\",\"url\":{}}}", Value::from(url));
        let mut links = vec![link("self", &self.itself)];
        links.extend(self.next.iter().map(|url| link("next", url)));
        let entries: Vec<String> = self.entries.iter().map(Entry::to_json).collect();
        // an empty array is not FHIR
        let entries = if entries.is_empty() { String::new() } else { format!(",\"entry\":[{}]", entries.join(",")) };
        format!(
            "{{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"total\":{},\"link\":[{}]{entries}}}",
            self.total,
            links.join(",")
        )
    }
}
