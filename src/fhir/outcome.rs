//! OperationOutcome as data: what went wrong, or how complete an answer is. <https://hl7.org/fhir/R4/operationoutcome.html>

use serde::{Serialize, Serializer};
use std::borrow::Cow;
use uuid::Uuid;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(tag = "resourceType")]
pub struct OperationOutcome {
    #[serde(rename = "issue")]
    pub issues: Vec<Issue>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    pub severity: Severity,
    pub code: IssueCode,
    pub details: Option<Coding>,
    /// For the developer of the client; it names no patient and repeats nothing of the request but safe names.
    pub diagnostics: Option<Cow<'static, str>>,
    /// The parameter or FHIRPath the issue is about.
    pub expression: Option<String>,
    pub extensions: Vec<Extension>,
}

/// <https://hl7.org/fhir/R4/valueset-issue-severity.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Fatal,
    Error,
    Warning,
    Information,
}

/// <https://hl7.org/fhir/R4/valueset-issue-type.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IssueCode {
    Invalid,
    Structure,
    Required,
    Value,
    Invariant,
    Security,
    Login,
    Unknown,
    Expired,
    Forbidden,
    Suppressed,
    Processing,
    NotSupported,
    Duplicate,
    MultipleMatches,
    NotFound,
    Deleted,
    TooLong,
    CodeInvalid,
    Extension,
    TooCostly,
    BusinessRule,
    Conflict,
    Transient,
    LockError,
    NoStore,
    Exception,
    Timeout,
    Incomplete,
    Throttled,
    Informational,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Coding {
    pub system: Cow<'static, str>,
    pub code: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display: Option<Cow<'static, str>>,
}

impl Coding {
    /// An NHS error code.
    pub fn spine(code: &'static str) -> Self {
        let system = "https://fhir.nhs.uk/CodeSystem/Spine-ErrorOrWarningCode".into();
        Self { system, code: code.into(), display: None }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Extension {
    pub url: Cow<'static, str>,
    #[serde(flatten)]
    pub value: ExtensionValue,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum ExtensionValue {
    #[serde(rename = "valueIdentifier")]
    Identifier { system: Cow<'static, str>, value: String },
    #[serde(rename = "valueInstant")]
    Instant(String),
    #[serde(rename = "valueCode")]
    Code(Cow<'static, str>),
    #[serde(rename = "valueUnsignedInt")]
    UnsignedInt(u32),
}

impl Issue {
    pub fn new(severity: Severity, code: IssueCode) -> Self {
        Self { severity, code, details: None, diagnostics: None, expression: None, extensions: Vec::new() }
    }

    pub fn error(code: IssueCode) -> Self {
        Self::new(Severity::Error, code)
    }

    pub fn details(mut self, details: Coding) -> Self {
        self.details = Some(details);
        self
    }

    pub fn diagnostics(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.diagnostics = Some(text.into());
        self
    }

    pub fn expression(mut self, expression: Option<String>) -> Self {
        self.expression = expression;
        self
    }

    pub fn extension(mut self, url: &'static str, value: ExtensionValue) -> Self {
        self.extensions.push(Extension { url: url.into(), value });
        self
    }
}

impl OperationOutcome {
    /// As FHIR JSON.
    pub fn to_json(&self) -> String {
        // only maps with keys that are no strings, and failing `Serialize`s, cannot be written: here are neither
        serde_json::to_string(self).unwrap_or_default()
    }

    /// As the last entry of a searchset.
    pub fn to_entry(&self) -> String {
        format!(r#"{{"fullUrl":"{}","resource":{},"search":{{"mode":"outcome"}}}}"#, passing(), self.to_json())
    }
}

/// The fullUrl of an entry that is nowhere else: every entry of a searchset has one. <https://hl7.org/fhir/R4/bundle.html#bundle-unique>
pub fn passing() -> String {
    format!("urn:uuid:{}", Uuid::new_v4())
}

impl From<Issue> for OperationOutcome {
    fn from(issue: Issue) -> Self {
        Self { issues: vec![issue] }
    }
}

impl Serialize for Issue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'a> {
            #[serde(skip_serializing_if = "<[Extension]>::is_empty")]
            extension: &'a [Extension],
            severity: Severity,
            code: IssueCode,
            #[serde(skip_serializing_if = "Option::is_none")]
            details: Option<Details<'a>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            diagnostics: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            expression: Option<[&'a str; 1]>,
        }
        #[derive(Serialize)]
        struct Details<'a> {
            coding: [&'a Coding; 1],
        }
        Written {
            extension: &self.extensions,
            severity: self.severity,
            code: self.code,
            details: self.details.as_ref().map(|coding| Details { coding: [coding] }),
            diagnostics: self.diagnostics.as_deref(),
            expression: self.expression.as_deref().map(|e| [e]),
        }
        .serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_outcome_is_written_as_fhir_writes_it_with_nothing_empty() {
        let completeness = "https://caregate.example/CodeSystem/completeness";
        let outcome = OperationOutcome {
            issues: vec![
                Issue::error(IssueCode::NotSupported)
                    .details(Coding::spine("BAD_REQUEST"))
                    .diagnostics("no \"quotes\"\nhere")
                    .expression(Some("_filter".into())),
                Issue::new(Severity::Information, IssueCode::Informational)
                    .details(Coding {
                        system: completeness.into(),
                        code: "answered".into(),
                        display: Some("answered".into()),
                    })
                    .extension("urn:s", ExtensionValue::Identifier { system: "urn:ods".into(), value: "RZ901".into() })
                    .extension("urn:t", ExtensionValue::Instant("2026-01-01T00:00:00.000Z".into())),
            ],
        };
        let read: serde_json::Value = serde_json::from_str(&outcome.to_json()).unwrap();
        assert_eq!(
            read,
            json!({
                "resourceType": "OperationOutcome",
                "issue": [
                    {
                        "severity": "error",
                        "code": "not-supported",
                        "details": {"coding": [{
                            "system": "https://fhir.nhs.uk/CodeSystem/Spine-ErrorOrWarningCode", "code": "BAD_REQUEST"
                        }]},
                        "diagnostics": "no \"quotes\"\nhere",
                        "expression": ["_filter"],
                    },
                    {
                        "extension": [
                            {"url": "urn:s", "valueIdentifier": {"system": "urn:ods", "value": "RZ901"}},
                            {"url": "urn:t", "valueInstant": "2026-01-01T00:00:00.000Z"},
                        ],
                        "severity": "information",
                        "code": "informational",
                        "details": {"coding": [{"system": completeness, "code": "answered", "display": "answered"}]},
                    },
                ],
            })
        );
    }
}
