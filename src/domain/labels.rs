use std::collections::BTreeSet;

/// The security labels of one resource (`meta.security`): confidentiality and sensitivity codes.
/// <https://hl7.org/fhir/R4/security-labels.html>
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels {
    restricted: bool,
    codes: BTreeSet<String>,
}

impl Labels {
    pub const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
    pub const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";

    /// Adds one coding. A system this gateway does not know is kept, so that the manifest shows what was there.
    pub fn add(&mut self, system: &str, code: &str) {
        match system {
            Self::CONFIDENTIALITY => {
                self.restricted |= matches!(code, "R" | "V");
                self.codes.insert(code.to_owned());
            }
            Self::ACT_CODE => {
                self.codes.insert(code.to_owned());
            }
            _ => {
                self.codes.insert(format!("{system}|{code}"));
            }
        }
    }

    /// Whether the source marked it restricted or very restricted (v3-Confidentiality R, V).
    pub fn restricted(&self) -> bool {
        self.restricted
    }

    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.codes.iter().map(String::as_str)
    }

    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }
}
