use super::outcome;
use serde::Serialize;
use uuid::Uuid;

/// A searchset of resources of the gateway's own, written. <https://hl7.org/fhir/R4/bundle.html>
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Searchset<R> {
    resource_type: &'static str,
    id: String,
    meta: Meta,
    #[serde(rename = "type")]
    bundle_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<usize>,
    link: Vec<Link>,
    // FHIR knows no empty list
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entry: Vec<Entry<R>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    last_updated: String,
}

#[derive(Debug, Serialize)]
struct Link {
    relation: &'static str,
    url: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<R> {
    full_url: String,
    resource: R,
    search: Search,
}

#[derive(Debug, Serialize)]
struct Search {
    mode: &'static str,
}

impl<R: Serialize> Searchset<R> {
    /// Without entries, at an instant; `itself` is the URL that asks for it, and `next` the one that asks for what follows.
    pub fn new(itself: String, next: Option<String>, at: String) -> Self {
        let itself = Link { relation: "self", url: itself };
        let next = next.map(|url| Link { relation: "next", url });
        Self {
            resource_type: "Bundle",
            id: Uuid::new_v4().to_string(),
            meta: Meta { last_updated: at },
            bundle_type: "searchset",
            total: None,
            link: [itself].into_iter().chain(next).collect(),
            entry: Vec::new(),
        }
    }

    pub fn add_match(&mut self, full_url: String, resource: R) {
        self.entry.push(Entry { full_url, resource, search: Search { mode: "match" } });
    }

    /// What comes along with a match.
    pub fn add_include(&mut self, full_url: String, resource: R) {
        self.entry.push(Entry { full_url, resource, search: Search { mode: "include" } });
    }

    /// What is said of the search itself.
    pub fn add_outcome(&mut self, resource: R) {
        self.entry.push(Entry { full_url: outcome::passing(), resource, search: Search { mode: "outcome" } });
    }

    /// There is no other page: all matches are here.
    pub fn is_whole(&mut self) {
        self.total = Some(self.entry.iter().filter(|entry| entry.search.mode == "match").count());
    }

    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}
