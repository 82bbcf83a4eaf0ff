use super::Organisation;
use super::concepts::ods_identifier;
use crate::sandbox::data::Resource;
use data_encoding::BASE64;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// What one organisation holds, as it is being written: gives out ids, canaries and metadata.
pub struct Shelf {
    pub organisation: &'static Organisation,
    resources: BTreeMap<String, Vec<Resource>>,
}

/// serde_json would write 1.10 as 1.1, so a decimal travels as a marked string and is unquoted at the end.
const DECIMAL: char = '\u{e000}';

/// A number with exactly these digits.
pub fn decimal(digits: impl std::fmt::Display) -> Value {
    Value::String(format!("{DECIMAL}{digits}"))
}

impl Shelf {
    pub fn new(organisation: &'static Organisation) -> Self {
        Self { organisation, resources: BTreeMap::new() }
    }

    pub fn into_resources(self) -> BTreeMap<String, Vec<Resource>> {
        self.resources
    }

    /// The organisation's own resource, put up with the first patient: who holds nothing has none.
    pub fn home(&mut self) -> Value {
        if let Some(home) = self.resources.get("Organization").and_then(|list| list.first()) {
            return json!({"reference": format!("Organization/{}", home.id)});
        }
        let Organisation { name, ods, .. } = self.organisation;
        self.add("Organization", json!({"identifier": [ods_identifier(ods)], "active": true, "name": name}))
    }

    /// Puts up a resource of this type and answers a reference to it.
    pub fn add(&mut self, kind: &str, mut body: Value) -> Value {
        let Organisation { slug, ods, counts, .. } = self.organisation;
        let list = self.resources.entry(kind.to_owned()).or_default();
        let n = list.len() + 1;
        let id = if *counts {
            n.to_string()
        } else {
            Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{slug}/{kind}/{n}").as_bytes()).simple().to_string()
        };
        add_meta(&mut body, slug, n);
        add_canary(&mut body, kind, &format!("canary-{ods}-{kind}-{n:04}"));
        let json = render(kind, &id, &body);
        // what would not be read as a resource is missed by the tests of the region, which count the canaries
        list.extend(Resource::parse(kind, &json));
        json!({"reference": format!("{kind}/{id}")})
    }
}

/// As in life: some tell nothing about themselves, some a version, some a source or tag of their own.
fn add_meta(body: &mut Value, slug: &str, n: usize) {
    let updated = format!("2026-{:02}-{:02}T09:30:00Z", 1 + n % 6, 1 + n % 28);
    let meta = match (body.get("meta"), n % 4) {
        (Some(own), _) => json!({"versionId": "2", "lastUpdated": updated, "security": own["security"]}),
        (None, 0) => return,
        (None, 1) => json!({"versionId": "1", "lastUpdated": updated}),
        (None, 2) => json!({"lastUpdated": updated, "source": format!("https://{slug}.example/record-system#{n}")}),
        _ => json!({"lastUpdated": updated, "tag": [{"system": "https://region.example/tags", "code": "migrated"}]}),
    };
    body["meta"] = meta;
}

/// In an identifier where the type has a list of them, beside any the resource has already.
fn add_canary(body: &mut Value, kind: &str, canary: &str) {
    const SYSTEM: &str = "https://region.example/canary";
    let identifier = json!({"system": SYSTEM, "value": canary});
    match kind {
        "QuestionnaireResponse" | "Composition" => body["identifier"] = identifier,
        "Provenance" => body["extension"] = json!([{"url": SYSTEM, "valueString": canary}]),
        // has no place but its content and its tags
        "Binary" => {
            let text = format!("{}\n{canary}\n", body["data"].as_str().unwrap_or_default());
            body["data"] = BASE64.encode(text.as_bytes()).into();
            let tag = json!([{"system": SYSTEM, "code": canary}]);
            match body.get_mut("meta").and_then(Value::as_object_mut) {
                Some(meta) => drop(meta.insert("tag".to_owned(), tag)),
                None => body["meta"] = json!({"tag": tag}),
            }
        }
        _ => match body.get_mut("identifier").and_then(Value::as_array_mut) {
            Some(list) => list.push(identifier),
            None => body["identifier"] = json!([identifier]),
        },
    }
}

fn render(kind: &str, id: &str, body: &Value) -> String {
    let text = body.to_string();
    let mark = format!("\"{DECIMAL}");
    let mut parts = text.split(&mark);
    let mut json = parts.next().unwrap_or_default().to_owned();
    for (digits, rest) in parts.filter_map(|part| part.split_once('"')) {
        json.push_str(digits);
        json.push_str(rest);
    }
    let members = json.strip_prefix('{').unwrap_or_default();
    format!("{{\"resourceType\":\"{kind}\",\"id\":\"{id}\",{members}")
}
