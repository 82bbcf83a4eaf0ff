//! Every way in, on one screen. What is not here is not there; a test fails for a route without a test of its refusal.

use super::{batch::Assertions, directory::Registers};
use crate::access::Listed;
use actix_web::http::Method;
use std::collections::BTreeSet;

/// What a route does, and by which story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Shows(Shows),
    Writes(Writes),
    Asserts(Assertions),
    /// Of the registry.
    Registers(Listed, Registers),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    AccessLog,
    Consents,
    Consent,
    Tasks,
    Task,
    ExplainAccess,
    Disclosures,
    DisclosureTotals,
    /// A document that the record refers to.
    Document,
    Everything,
    Summary,
    EndpointStages,
    EndpointProbe,
    /// Any other GET or POST below `/fhir`: the record's grammar decides.
    Record,
}

/// One resource taken in, and what comes of it told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    CreateConsent,
    UpdateConsent,
    ReviewConsent,
    EndRelationship,
    Recall,
    Override,
    CloseTask,
    ReleaseHold,
    ClaimRelationship,
    StageEndpoint,
    ProbeEndpoint,
}

impl Told {
    /// The largest body it takes, in bytes: forms, Parameters and what is kept here; or many Parameters.
    pub fn max_body(self) -> usize {
        match self {
            Self::Asserts(_) => 1 << 20,
            Self::Shows(_) | Self::Writes(_) | Self::Registers(..) => 64 << 10,
        }
    }
}

/// A method and a path below `/fhir`, in which `*` stands for any one segment.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    pub method: &'static str,
    pub path: &'static [&'static str],
    pub told: Told,
}

pub const ROUTES: &[Route] = &[
    Route { method: "GET", path: &["AuditEvent"], told: Told::Shows(Shows::AccessLog) },
    Route { method: "POST", path: &["AuditEvent", "_search"], told: Told::Shows(Shows::AccessLog) },
    Route { method: "GET", path: &["Consent"], told: Told::Shows(Shows::Consents) },
    Route { method: "POST", path: &["Consent", "_search"], told: Told::Shows(Shows::Consents) },
    Route { method: "POST", path: &["Consent"], told: Told::Writes(Writes::CreateConsent) },
    Route { method: "GET", path: &["Consent", "*"], told: Told::Shows(Shows::Consent) },
    Route { method: "PUT", path: &["Consent", "*"], told: Told::Writes(Writes::UpdateConsent) },
    Route { method: "POST", path: &["Consent", "*", "$review"], told: Told::Writes(Writes::ReviewConsent) },
    Route {
        method: "POST",
        path: &["Patient", "$assert-relationship"],
        told: Told::Asserts(Assertions::Relationships),
    },
    Route { method: "POST", path: &["Patient", "$assert-presence"], told: Told::Asserts(Assertions::Presence) },
    Route { method: "POST", path: &["Patient", "$end-relationship"], told: Told::Writes(Writes::EndRelationship) },
    Route { method: "POST", path: &["Patient", "$recall"], told: Told::Writes(Writes::Recall) },
    Route { method: "POST", path: &["Patient", "$override"], told: Told::Writes(Writes::Override) },
    Route { method: "GET", path: &["Task"], told: Told::Shows(Shows::Tasks) },
    Route { method: "POST", path: &["Task", "_search"], told: Told::Shows(Shows::Tasks) },
    Route { method: "GET", path: &["Task", "*"], told: Told::Shows(Shows::Task) },
    Route { method: "PUT", path: &["Task", "*"], told: Told::Writes(Writes::CloseTask) },
    Route { method: "POST", path: &["Task", "*", "$release-hold"], told: Told::Writes(Writes::ReleaseHold) },
    Route { method: "GET", path: &["Patient", "$explain-access"], told: Told::Shows(Shows::ExplainAccess) },
    Route { method: "POST", path: &["Patient", "$claim-relationship"], told: Told::Writes(Writes::ClaimRelationship) },
    Route { method: "GET", path: &["Organization", "*", "$disclosures"], told: Told::Shows(Shows::Disclosures) },
    Route {
        method: "GET",
        path: &["Organization", "*", "$disclosure-totals"],
        told: Told::Shows(Shows::DisclosureTotals),
    },
    Route { method: "GET", path: &["Endpoint", "*", "$stage"], told: Told::Shows(Shows::EndpointStages) },
    Route { method: "POST", path: &["Endpoint", "*", "$stage"], told: Told::Writes(Writes::StageEndpoint) },
    Route { method: "GET", path: &["Endpoint", "*", "$probe"], told: Told::Shows(Shows::EndpointProbe) },
    Route { method: "POST", path: &["Endpoint", "*", "$probe"], told: Told::Writes(Writes::ProbeEndpoint) },
    Route { method: "GET", path: &["Binary", "*"], told: Told::Shows(Shows::Document) },
    Route { method: "GET", path: &["Patient", "*", "$everything"], told: Told::Shows(Shows::Everything) },
    Route { method: "GET", path: &["Patient", "*", "$summary"], told: Told::Shows(Shows::Summary) },
    Route { method: "GET", path: &["Organization"], told: Told::Registers(Listed::Organization, Registers::Search) },
    Route {
        method: "POST",
        path: &["Organization", "_search"],
        told: Told::Registers(Listed::Organization, Registers::Search),
    },
    Route { method: "POST", path: &["Organization"], told: Told::Registers(Listed::Organization, Registers::Create) },
    Route { method: "GET", path: &["Organization", "*"], told: Told::Registers(Listed::Organization, Registers::Read) },
    Route {
        method: "PUT",
        path: &["Organization", "*"],
        told: Told::Registers(Listed::Organization, Registers::Update),
    },
    Route {
        method: "GET",
        path: &["Organization", "*", "_history"],
        told: Told::Registers(Listed::Organization, Registers::History),
    },
    Route {
        method: "POST",
        path: &["Organization", "*", "$approve"],
        told: Told::Registers(Listed::Organization, Registers::Approve),
    },
    Route { method: "GET", path: &["Endpoint"], told: Told::Registers(Listed::Endpoint, Registers::Search) },
    Route {
        method: "POST",
        path: &["Endpoint", "_search"],
        told: Told::Registers(Listed::Endpoint, Registers::Search),
    },
    Route { method: "POST", path: &["Endpoint"], told: Told::Registers(Listed::Endpoint, Registers::Create) },
    Route { method: "GET", path: &["Endpoint", "*"], told: Told::Registers(Listed::Endpoint, Registers::Read) },
    Route { method: "PUT", path: &["Endpoint", "*"], told: Told::Registers(Listed::Endpoint, Registers::Update) },
    Route {
        method: "GET",
        path: &["Endpoint", "*", "_history"],
        told: Told::Registers(Listed::Endpoint, Registers::History),
    },
    Route {
        method: "POST",
        path: &["Endpoint", "*", "$approve"],
        told: Told::Registers(Listed::Endpoint, Registers::Approve),
    },
    Route { method: "GET", path: &["*"], told: Told::Shows(Shows::Record) },
    Route { method: "POST", path: &["*", "_search"], told: Told::Shows(Shows::Record) },
    Route { method: "GET", path: &["*", "*"], told: Told::Shows(Shows::Record) },
];

/// The first route that fits; else the methods that the path does have, as an Allow header lists them.
pub fn find(method: &Method, path: &[String]) -> Result<Told, String> {
    let fits = |route: &&Route| {
        route.path.len() == path.len()
            && route.path.iter().zip(path).all(|(pattern, segment)| *pattern == "*" || pattern == segment)
    };
    let by_method = ROUTES.iter().filter(fits).find(|route| route.method == method.as_str());
    by_method.map(|route| route.told).ok_or_else(|| {
        let methods: BTreeSet<&str> = ROUTES.iter().filter(fits).map(|route| route.method).collect();
        methods.into_iter().collect::<Vec<_>>().join(", ")
    })
}

/// A method as logs and the audit may name it: any token may stand in a request line.
pub fn method(method: &Method) -> &'static str {
    ["GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH"]
        .into_iter()
        .find(|known| *known == method.as_str())
        .unwrap_or("other")
}

/// A path as the audit may keep it: the names of types and operations, not the ids. (What was asked of a patient is in the
/// row's canonical request, once it has been understood.)
pub fn shape(path: &str) -> String {
    let known = |segment: &&str| {
        segment.len() <= 40 && segment.starts_with(|c: char| c.is_ascii_uppercase() || c == '$' || c == '_')
    };
    path.split('/')
        .map(|s| {
            if s == "fhir"
                || s.is_empty()
                || (known(&s) && s.bytes().all(|b| b.is_ascii_alphabetic() || b"$_-".contains(&b)))
            {
                s
            } else {
                "*"
            }
        })
        .collect::<Vec<_>>()
        .join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_without_the_method_says_which_it_has() {
        let find = |method: &str, path: &str| {
            let path: Vec<String> = path.split('/').map(str::to_owned).collect();
            find(&method.parse().unwrap(), &path)
        };
        assert_eq!(find("DELETE", "Consent/1"), Err("GET, PUT".to_owned()));
        assert_eq!(find("PUT", "Consent"), Err("GET, POST".to_owned()));
        assert_eq!(find("get", "Consent"), Err("GET, POST".to_owned()));
        assert_eq!(find("GET", "a/b/c"), Err(String::new()));
        assert_eq!(find("PUT", "Consent/1"), Ok(Told::Writes(Writes::UpdateConsent)));
    }

    #[test]
    fn neither_a_method_nor_a_path_carries_a_callers_words_into_the_audit() {
        assert_eq!(method(&"X9990000018".parse().unwrap()), "other");
        assert_eq!(shape("/fhir/Patient/9990000018/%0a/Consent"), "/fhir/Patient/*/*/Consent");
    }
}
