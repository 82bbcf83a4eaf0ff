use crate::fhir::outcome::IssueCode;

/// Why a request is none of this grammar, in words for whoever wrote the client. It repeats no value of the request: a value
/// may be a number or a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {diagnostics}")]
pub struct QueryFault {
    pub status: u16,
    pub code: IssueCode,
    /// A code of <https://fhir.nhs.uk/CodeSystem/Spine-ErrorOrWarningCode>, where one says more than the status.
    pub spine: Option<&'static str>,
    pub diagnostics: String,
    /// The parameter at fault, if its name is fit to be shown.
    pub expression: Option<String>,
    /// For a 405: the methods that the path does have.
    pub allow: Option<&'static str>,
}

impl QueryFault {
    pub fn new(status: u16, code: IssueCode, diagnostics: impl Into<String>) -> Self {
        Self { status, code, spine: None, diagnostics: diagnostics.into(), expression: None, allow: None }
    }

    pub(super) fn bad(code: IssueCode, diagnostics: impl Into<String>) -> Self {
        Self::new(400, code, diagnostics)
    }

    pub(super) fn spine(mut self, code: &'static str) -> Self {
        self.spine = Some(code);
        self
    }

    pub(super) fn at(mut self, name: &str) -> Self {
        self.expression = shown(name).map(str::to_owned);
        self
    }

    pub(super) fn allow(mut self, methods: &'static str) -> Self {
        self.allow = Some(methods);
        self
    }
}

/// A parameter's name is the caller's text: only what could be one is said back.
pub(super) fn shown(name: &str) -> Option<&str> {
    let fit = name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:-".contains(&b));
    (fit && !name.is_empty()).then_some(name)
}
