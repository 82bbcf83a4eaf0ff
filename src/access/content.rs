//! Reads what a client sends (a Consent, Parameters) member by member, strictly: what is not understood is refused with its
//! place, so that nothing is ever half applied. Faults never repeat what was sent.

mod datatypes;

pub(crate) use datatypes::{
    coding, concept, identifier, narrative, nhs_number, ods_code, only_coding, organisation, period, reference,
};

use crate::fhir::json::{self, Limits, Tape, Value};
use std::{borrow::Cow, fmt};

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
pub(crate) struct Node<'a> {
    pub path: String,
    pub value: Value<'a>,
}

/// An object whose members are taken one by one. What nobody took was not understood: `done` refuses it.
pub(crate) struct Members<'a> {
    path: String,
    left: Vec<(Cow<'a, str>, Value<'a>)>,
}

/// Longer than any code, identifier or reference in use.
const LONGEST_TEXT: usize = 1_000;

impl<'a> Node<'a> {
    /// Reads a resource of this type, and nothing after it.
    pub fn resource(text: &'a str, resource_type: &str, tape: &'a mut Tape) -> Result<Self, ContentFault> {
        let path = resource_type.to_owned();
        match json::parse(text.as_bytes(), &mut Limits::default(), tape) {
            Ok(value) => Ok(Self { path, value }),
            Err(fault) => Err(ContentFault { code: FaultCode::Structure, path, diagnostics: fault.to_string() }),
        }
    }

    pub fn fault(&self, code: FaultCode, diagnostics: impl Into<String>) -> ContentFault {
        ContentFault { code, path: self.path.clone(), diagnostics: diagnostics.into() }
    }

    pub fn members(&self) -> Result<Members<'a>, ContentFault> {
        let left: Vec<_> = self.value.members().collect();
        if left.is_empty() {
            return Err(self.fault(FaultCode::Structure, "expected an object with members"));
        }
        Ok(Members { path: self.path.clone(), left })
    }

    pub fn items(&self) -> Result<Vec<Self>, ContentFault> {
        let node = |(at, value)| Self { path: format!("{}[{at}]", self.path), value };
        let items: Vec<_> = self.value.items().enumerate().map(node).collect();
        if items.is_empty() { Err(self.fault(FaultCode::Structure, "expected a list with items")) } else { Ok(items) }
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

    /// A text without characters that are none, of sensible length.
    pub fn text(&self) -> Result<Cow<'a, str>, ContentFault> {
        self.text_of(LONGEST_TEXT)
    }

    /// The same, of this many bytes at most.
    pub fn text_of(&self, longest: usize) -> Result<Cow<'a, str>, ContentFault> {
        let text = self.value.as_str().ok_or_else(|| self.fault(FaultCode::Structure, "expected a string"))?;
        let fits = !text.trim().is_empty() && text.len() <= longest && !text.chars().any(is_unseen);
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
        let (_, value) = self.left.swap_remove(at);
        Some(Node { path: format!("{}.{name}", self.path), value })
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
        self.left.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
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

/// What steers a screen and is seen on none: it could make a name, or a reason, look like another.
/// <https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters>
fn is_unseen(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}
