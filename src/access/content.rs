//! Reads what a client sends (a Consent, Parameters) member by member, strictly: what is not understood is refused with its
//! place, so that nothing is ever half applied. Faults never repeat what was sent.

mod datatypes;
mod json;

pub(super) use datatypes::{identifier, nhs_number, ods_code, only_coding};
pub(super) use json::Json;

use std::fmt;

/// Why a body was refused, for an OperationOutcome: its issue's code, expression and diagnostics.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {diagnostics}")]
pub struct ContentFault {
    pub code: FaultCode,
    /// A FHIRPath such as `Consent.provision.data[0].meaning`.
    pub path: String,
    /// What was expected there.
    pub diagnostics: String,
}

/// <https://hl7.org/fhir/R4/valueset-issue-type.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultCode {
    Structure,
    Required,
    Value,
    NotSupported,
}

impl FaultCode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Structure => "structure",
            Self::Required => "required",
            Self::Value => "value",
            Self::NotSupported => "not-supported",
        }
    }
}

impl fmt::Display for FaultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One value, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    pub path: String,
    json: &'a Json,
}

/// An object whose members are taken one by one. What nobody took was not understood: `done` refuses it.
pub(super) struct Members<'a> {
    path: String,
    left: Vec<(&'a str, &'a Json)>,
}

/// Longer than any code, identifier or reference in use.
const LONGEST_TEXT: usize = 1_000;

impl Json {
    /// Reads a resource of this type, and nothing after it.
    pub fn resource(text: &str, resource_type: &'static str) -> Result<Self, ContentFault> {
        let fault =
            |diagnostics| ContentFault { code: FaultCode::Structure, path: resource_type.to_owned(), diagnostics };
        let json: Self = serde_json::from_str(text)
            .map_err(|error| fault(format!("not JSON at line {}, column {}", error.line(), error.column())))?;
        if json.repeats_a_member() {
            return Err(fault("a member is there twice".to_owned()));
        }
        Ok(json)
    }
}

impl<'a> Node<'a> {
    pub fn root(json: &'a Json, resource_type: &str) -> Self {
        Self { path: resource_type.to_owned(), json }
    }

    pub fn fault(&self, code: FaultCode, diagnostics: impl Into<String>) -> ContentFault {
        ContentFault { code, path: self.path.clone(), diagnostics: diagnostics.into() }
    }

    pub fn members(&self) -> Result<Members<'a>, ContentFault> {
        match self.json {
            Json::Object(members) if !members.is_empty() => Ok(Members {
                path: self.path.clone(),
                left: members.iter().map(|(name, json)| (name.as_str(), json)).collect(),
            }),
            _ => Err(self.fault(FaultCode::Structure, "expected an object with members")),
        }
    }

    pub fn items(&self) -> Result<Vec<Self>, ContentFault> {
        match self.json {
            Json::List(items) if !items.is_empty() => {
                let node = |(at, json)| Self { path: format!("{}[{at}]", self.path), json };
                Ok(items.iter().enumerate().map(node).collect())
            }
            _ => Err(self.fault(FaultCode::Structure, "expected a list with items")),
        }
    }

    /// The one item of a list; a second is refused at its place.
    pub fn only_item(&self) -> Result<Self, ContentFault> {
        let mut items = self.items()?.into_iter();
        match (items.next(), items.next()) {
            (Some(item), None) => Ok(item),
            (_, Some(second)) => Err(second.fault(FaultCode::NotSupported, "only one is understood here")),
            (None, None) => Err(self.fault(FaultCode::Structure, "expected a list with items")),
        }
    }

    /// A text without control characters, of sensible length.
    pub fn text(&self) -> Result<&'a str, ContentFault> {
        let Json::Text(text) = self.json else { return Err(self.fault(FaultCode::Structure, "expected a string")) };
        let fits = !text.trim().is_empty() && text.len() <= LONGEST_TEXT && !text.chars().any(char::is_control);
        if fits { Ok(text) } else { Err(self.fault(FaultCode::Value, "expected some text, not too long")) }
    }

    /// The text must be this very one.
    pub fn must_be(&self, wanted: &str) -> Result<(), ContentFault> {
        if self.text()? == wanted {
            Ok(())
        } else {
            Err(self.fault(FaultCode::NotSupported, format!("only `{wanted}` is understood here")))
        }
    }
}

impl<'a> Members<'a> {
    pub fn take(&mut self, name: &str) -> Option<Node<'a>> {
        let at = self.left.iter().position(|(n, _)| *n == name)?;
        let (_, json) = self.left.swap_remove(at);
        Some(Node { path: format!("{}.{name}", self.path), json })
    }

    pub fn need(&mut self, name: &str) -> Result<Node<'a>, ContentFault> {
        self.take(name).ok_or_else(|| ContentFault {
            code: FaultCode::Required,
            path: format!("{}.{name}", self.path),
            diagnostics: "is required".to_owned(),
        })
    }

    /// A member that says nothing beyond what the others say.
    pub fn skip(&mut self, name: &str) {
        self.take(name);
    }

    pub fn done(mut self) -> Result<(), ContentFault> {
        self.left.sort_unstable_by_key(|(name, _)| *name);
        let Some((name, _)) = self.left.first() else { return Ok(()) };
        // a member's name is the client's own text: only one that could be FHIR's is repeated
        let fhir = name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        Err(ContentFault {
            code: FaultCode::NotSupported,
            path: if fhir { format!("{}.{name}", self.path) } else { self.path },
            diagnostics: "holds a member that is not understood here, so nothing was done".to_owned(),
        })
    }
}
