//! Which FHIR interaction a request is. <https://hl7.org/fhir/R4/http.html>

use super::answer::Answer;
use super::search::Query;
use crate::sandbox::data::is_fhir_type;
use actix_web::HttpResponse;
use actix_web::http::{Method, StatusCode};
use serde_json::json;

pub enum Interaction {
    Metadata,
    Read {
        kind: String,
        id: String,
    },
    /// The first page of a search, or a further one.
    Search(Query),
}

/// Why there is no answer: a status, an IssueType code, constant text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem(StatusCode, &'static str, &'static str);

impl Interaction {
    pub fn parse(method: &Method, tail: &str, query: &str, body: &[u8]) -> Result<Self, Problem> {
        let (get, post) = (method == Method::GET, method == Method::POST);
        match tail.split('/').collect::<Vec<_>>().as_slice() {
            [""] if get => Query::of_page(query).map(Self::Search),
            ["metadata"] if get => Ok(Self::Metadata),
            [kind, ..] if !is_fhir_type(kind) => Err(Problem::unknown_type()),
            [kind] if get => Query::parse(kind, [query.as_bytes(), &[]]).map(Self::Search),
            [kind, "_search"] if get || post => Query::parse(kind, [query.as_bytes(), body]).map(Self::Search),
            [kind, id] if get => Ok(Self::Read { kind: (*kind).to_owned(), id: (*id).to_owned() }),
            _ => Err(Problem(StatusCode::METHOD_NOT_ALLOWED, "not-supported", "This server reads and searches only.")),
        }
    }

    /// The resource type asked for; none for the metadata.
    pub fn kind(&self) -> Option<&str> {
        match self {
            Self::Metadata => None,
            Self::Read { kind, .. } => Some(kind),
            Self::Search(query) => Some(&query.kind),
        }
    }
}

impl Problem {
    pub const fn unauthorised() -> Self {
        Self(StatusCode::UNAUTHORIZED, "login", "A bearer credential of this provider is required.")
    }

    pub const fn not_found() -> Self {
        Self(StatusCode::NOT_FOUND, "not-found", "There is no such resource here.")
    }

    pub const fn unknown_type() -> Self {
        Self(StatusCode::NOT_FOUND, "not-supported", "That is no resource type of FHIR R4.")
    }

    pub const fn bad_value() -> Self {
        Self(StatusCode::BAD_REQUEST, "value", "A parameter's value cannot be read.")
    }

    pub const fn bad_page() -> Self {
        Self(StatusCode::BAD_REQUEST, "value", "That is no page of this server.")
    }

    pub const fn ordered() -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, "transient", "A fault was ordered.")
    }

    pub fn outcome(self, severity: &str) -> String {
        let Self(_, code, text) = self;
        json!({"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": code, "diagnostics": text}]})
            .to_string()
    }
}

impl From<Problem> for Answer {
    fn from(problem: Problem) -> Self {
        Answer { status: problem.0, ..Answer::ok(problem.outcome("error")) }
    }
}

impl From<Problem> for HttpResponse {
    fn from(problem: Problem) -> Self {
        Answer::from(problem).into()
    }
}
