use super::CodeSystem;
use std::collections::BTreeSet;

/// The security labels of one resource (`meta.security`): confidentiality and sensitivity codes.
/// <https://hl7.org/fhir/R4/security-labels.html>
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels {
    restricted: bool,
    codes: BTreeSet<String>,
    sensitivities: BTreeSet<String>,
}

impl Labels {
    pub const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
    pub const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";

    /// Of v3-ActCode's obligations and refrain policies those that speak of disclosure to somebody like a reader here:
    /// masked or redacted, not without the subject's, the organisation's or the originator's leave, to nobody unlisted.
    const NOT_WITHOUT_LEAVE: [&str; 12] = [
        "MASK",
        "REDACT",
        "NOAUTH",
        "NODSCLCD",
        "NODSCLCDS",
        "NOLIST",
        "NOMOU",
        "NOORGPOL",
        "NORDSCLCD",
        "NORDSCLCDS",
        "NOVIP",
        "ORCON",
    ];

    /// Adds one coding. A system this gateway does not know is kept, so that the manifest shows what was there.
    pub fn add(&mut self, system: &str, code: &str) {
        self.restricted |= Self::restricts(system, code);
        self.codes.insert(match system {
            Self::CONFIDENTIALITY | Self::ACT_CODE => code.to_owned(),
            _ => format!("{system}|{code}"),
        });
    }

    /// Whether this coding marks what carries it as restricted: v3-Confidentiality R or V, or a v3-ActCode that asks for
    /// no disclosure without leave. The systems' older names, another case or no system at all must not unlock what was
    /// locked.
    pub fn restricts(system: &str, code: &str) -> bool {
        let is_any_of = |codes: &[&str]| codes.iter().any(|restricting| restricting.eq_ignore_ascii_case(code.trim()));
        let says = |name| {
            let system = CodeSystem::spelt(system);
            system.is_unsaid() || system.ends_with(name)
        };
        (is_any_of(&["R", "V"]) && says("confidentiality")) || (is_any_of(&Self::NOT_WITHOUT_LEAVE) && says("actcode"))
    }

    /// Takes over all that these say: what refers to something sensitive is sensitive too.
    pub fn inherit(&mut self, from: &Self) {
        self.restricted |= from.restricted;
        self.codes.extend(from.codes.iter().cloned());
        self.sensitivities.extend(from.sensitivities.iter().cloned());
    }

    /// What stands for being marked restricted and nothing more.
    pub fn restricted_only() -> Self {
        let mut labels = Self::default();
        labels.add(Self::CONFIDENTIALITY, "R");
        labels
    }

    /// Whether the source marked it restricted or very restricted (v3-Confidentiality R, V).
    pub fn restricted(&self) -> bool {
        self.restricted
    }

    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.codes.iter().map(String::as_str)
    }

    /// Marks it as sensitive: a name of the policy's list (sensitivities.json).
    pub fn mark(&mut self, sensitivity: &str) {
        if !self.sensitivities.contains(sensitivity) {
            self.sensitivities.insert(sensitivity.to_owned());
        }
    }

    /// In order.
    pub fn sensitivities(&self) -> impl Iterator<Item = &str> {
        self.sensitivities.iter().map(String::as_str)
    }

    /// Whether there are at most so many codes.
    pub fn has_at_most(&self, codes: usize) -> bool {
        self.codes.len() <= codes
    }

    /// What it takes in memory, and in each line of a manifest, in bytes, about.
    pub fn weight(&self) -> usize {
        self.codes.iter().chain(&self.sensitivities).map(|one| one.len() + 32).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.codes.is_empty() && self.sensitivities.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::Labels;

    fn restricted(system: &str, code: &str) -> bool {
        let mut labels = Labels::default();
        labels.add(system, code);
        labels.restricted()
    }

    #[test]
    fn a_restriction_holds_however_its_system_is_spelt() {
        for system in [
            Labels::CONFIDENTIALITY,
            "https://terminology.hl7.org/CodeSystem/v3-Confidentiality",
            "http://hl7.org/fhir/v3/Confidentiality",
            "urn:oid:2.16.840.1.113883.5.25",
            "",
        ] {
            for code in ["R", "V", "r", "v"] {
                assert!(restricted(system, code), "{system} {code}");
            }
            assert!(!restricted(system, "N"), "{system}");
        }
        for code in ["MASK", "redact", " NODSCLCD "] {
            assert!(restricted(Labels::ACT_CODE, code) && restricted("", code), "{code}");
        }
        assert!(!restricted(Labels::ACT_CODE, "HIV") && !restricted(Labels::CONFIDENTIALITY, "MASK"));
        assert!(!restricted(Labels::ACT_CODE, "R"));
        assert!(!restricted("https://local.example/colours", "R"));
        assert!(Labels::restricted_only().restricted());
    }
}
