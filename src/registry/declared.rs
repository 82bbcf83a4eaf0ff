//! What a provider declares of itself: its CapabilityStatement, as far as it is worth knowing how to ask it.
//! <https://hl7.org/fhir/R4/capabilitystatement.html>

use crate::{
    fhir::{ResourceType, json::Value},
    query::grammar,
};
use arc_swap::ArcSwapOption;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// What one provider's statement says, as it was last read. Nothing until it was, and where it is no real one.
#[derive(Default)]
pub struct Declared {
    statement: ArcSwapOption<Statement>,
    /// Whether it was asked for and an answer came, whatever that was.
    heard: AtomicBool,
}

/// The types that a server claims, each with those of its search parameters that could be asked for here.
#[derive(Debug, PartialEq, Eq)]
pub struct Statement {
    /// Another version may do otherwise what it declares alike.
    software: String,
    types: BTreeMap<ResourceType, BTreeSet<&'static str>>,
}

impl Declared {
    pub fn statement(&self) -> Option<Arc<Statement>> {
        self.statement.load_full()
    }

    /// What was read now. One that says the same stays the one that it was.
    pub fn hear(&self, statement: Option<Statement>) {
        let known = self.statement();
        if known.as_deref() != statement.as_ref() {
            self.statement.store(statement.map(Arc::new));
        }
        self.heard.store(true, Ordering::Relaxed);
    }

    pub fn is_heard(&self) -> bool {
        self.heard.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Declared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Declared").field(&self.statement().is_some()).finish()
    }
}

impl Statement {
    /// `None` of what is no R4 server's statement: some answer anything with 200. One that claims no Patient could not have
    /// said who the patient is, so it is not what is asked.
    pub fn read(resource: Value<'_>) -> Option<Self> {
        let is_r4 = resource.text("fhirVersion").is_some_and(|version| version == "4.0" || version.starts_with("4.0."));
        if resource.text("resourceType").as_deref() != Some("CapabilityStatement") || !is_r4 {
            return None;
        }
        let mut types: BTreeMap<ResourceType, BTreeSet<&'static str>> = BTreeMap::new();
        resource.each("rest", &mut |rest| {
            if rest.text("mode").as_deref() == Some("server") {
                rest.each("resource", &mut |claimed| {
                    if let Some(resource_type) = claimed.text("type").and_then(|name| ResourceType::parse(&name)) {
                        types.entry(resource_type).or_default().extend(searched(claimed, resource_type));
                    }
                });
            }
        });
        let software = ["software.name", "software.version"].map(|path| {
            let mut said = String::new();
            resource.each(path, &mut |text| said = text.as_str().unwrap_or_default().chars().take(100).collect());
            said
        });
        types.contains_key(&ResourceType::Patient).then_some(Self { software: software.join(" "), types })
    }

    pub fn claims(&self, resource_type: ResourceType) -> bool {
        self.types.contains_key(&resource_type)
    }

    pub fn declares(&self, resource_type: ResourceType, parameter: &str) -> bool {
        self.types.get(&resource_type).is_some_and(|parameters| parameters.contains(parameter))
    }
}

/// The parameters of a type that it is searched by, of those that the grammar has for it.
fn searched(claimed: Value<'_>, resource_type: ResourceType) -> Vec<&'static str> {
    let (mut interactions, mut searches) = (0, false);
    claimed.each("interaction.code", &mut |code| {
        interactions += 1;
        searches |= code.as_str().as_deref() == Some("search-type");
    });
    if interactions > 0 && !searches {
        return Vec::new();
    }
    let rule = grammar::rule(resource_type);
    let names = || rule.dates.iter().map(|(name, _)| *name).chain(rule.tokens.iter().map(|(name, ..)| *name));
    let mut found = Vec::new();
    claimed.each("searchParam.name", &mut |name| {
        let name = name.as_str().unwrap_or_default();
        found.extend(names().find(|known| **known == *name));
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhir::json::{self, Limits, Tape};

    fn read(text: &str) -> Option<Statement> {
        let mut tape = Tape::new();
        Statement::read(json::parse(text.as_bytes(), &mut Limits::default(), &mut tape).unwrap())
    }

    fn statement(version: &str, rest: &str) -> String {
        format!(r#"{{"resourceType":"CapabilityStatement","fhirVersion":"{version}","date":"2026","rest":[{rest}]}}"#)
    }

    const PATIENT: &str = r#"{"type":"Patient","interaction":[{"code":"search-type"}]}"#;

    #[test]
    fn it_says_what_an_r4_server_claims_and_declares_and_nothing_else() {
        let rest = format!(
            r#"{{"mode":"client","resource":[{{"type":"Goal"}}]}},{{"mode":"server","resource":[{PATIENT},
            {{"type":"Observation","interaction":[{{"code":"read"}},{{"code":"search-type"}}],
              "searchParam":[{{"name":"code"}},{{"name":"combo-code"}},{{"name":"date"}}]}},
            {{"type":"Condition","interaction":[{{"code":"read"}}],"searchParam":[{{"name":"code"}}]}},
            {{"type":"Basic","searchParam":[{{"name":"code"}}]}}]}}"#
        );
        let found = read(&statement("4.0.1", &rest)).unwrap();
        let (observation, condition) = (ResourceType::Observation, ResourceType::Condition);
        assert!(found.claims(observation) && found.claims(condition) && !found.claims(ResourceType::Goal));
        assert!(found.declares(observation, "code") && found.declares(observation, "date"));
        assert!(!found.declares(observation, "combo-code") && !found.declares(observation, "status"));
        assert!(!found.declares(condition, "code"), "it is not searched");
        assert_eq!(read(&statement("4.0.1", &rest).replace("2026", "2027")), Some(found), "another date says nothing");
    }

    #[test]
    fn what_is_no_r4_servers_statement_says_nothing() {
        let server = format!(r#"{{"mode":"server","resource":[{PATIENT}]}}"#);
        assert!(read(&statement("4.0.1", &server)).is_some());
        for text in [
            statement("3.0.2", &server),
            statement("4.3.0", &server),
            statement("4.01", &server),
            statement("4.0.1", ""),
            statement("4.0.1", &server.replace("Patient", "Observation")),
            statement("4.0.1", &server).replace("CapabilityStatement", "Conformance"),
            r#"{"resourceType":"Bundle","type":"searchset","fhirVersion":"4.0.1"}"#.to_owned(),
            "{}".to_owned(),
        ] {
            assert_eq!(read(&text), None, "{text}");
        }
    }
}
