/// A code system as a source spelt it. Where a spelling could hide what is sensitive the same system is recognised in any:
/// with or without TLS, in any case, with a version, a slash at the end or spaces about it, as its OID, and a national
/// edition as the system it extends. <https://hl7.org/fhir/R4/terminologies-systems.html>
#[derive(Clone, Copy, Debug)]
pub struct CodeSystem<'a>(&'a str);

/// OID -> canonical URI, each without its scheme.
const OIDS: [(&str, &str); 5] = [
    ("2.16.840.1.113883.6.96", "snomed.info/sct"),
    ("2.16.840.1.113883.6.1", "loinc.org"),
    ("2.16.840.1.113883.6.3", "hl7.org/fhir/sid/icd-10"),
    ("2.16.840.1.113883.5.4", "terminology.hl7.org/CodeSystem/v3-ActCode"),
    ("2.16.840.1.113883.5.25", "terminology.hl7.org/CodeSystem/v3-Confidentiality"),
];

impl<'a> CodeSystem<'a> {
    pub fn spelt(text: &'a str) -> Self {
        let text = text.split('|').next().unwrap_or_default().trim();
        let text = ["http://", "https://", "urn:oid:"].iter().find_map(|scheme| without(text, scheme)).unwrap_or(text);
        let text = text.trim_end_matches('/');
        Self(OIDS.iter().find(|(oid, _)| *oid == text).map_or(text, |(_, canonical)| *canonical))
    }

    /// It is not said at all.
    pub fn is_unsaid(self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is the system of this URI, or an edition of it (<http://snomed.info/sct/83821000000107>).
    pub fn is(self, canonical: &str) -> bool {
        let canonical = CodeSystem::spelt(canonical).0;
        !canonical.is_empty() && without(self.0, canonical).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether its name ends so: `v3-ActCode`, as FHIR has moved it about, ends with `ActCode`.
    pub fn ends_with(self, name: &str) -> bool {
        let at = self.0.len().checked_sub(name.len());
        at.and_then(|at| self.0.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(name))
    }
}

/// What follows this beginning, in any case.
fn without<'a>(text: &'a str, beginning: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(beginning.len())?;
    start.eq_ignore_ascii_case(beginning).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::CodeSystem;

    #[test]
    fn a_system_is_itself_in_every_spelling_and_no_other() {
        const SNOMED: &str = "http://snomed.info/sct";
        for spelt in [
            SNOMED,
            "https://snomed.info/sct",
            " HTTP://SNOMED.info/SCT/ ",
            "http://snomed.info/sct|20260401",
            "http://snomed.info/sct/83821000000107/version/20260401",
            "urn:oid:2.16.840.1.113883.6.96",
            "2.16.840.1.113883.6.96",
        ] {
            assert!(CodeSystem::spelt(spelt).is(SNOMED), "{spelt}");
        }
        for other in
            ["", "|", "http://snomed.info", "http://snomed.info/sctx", "http://loinc.org", "urn:oid:2.16.840", "é"]
        {
            assert!(!CodeSystem::spelt(other).is(SNOMED), "{other}");
            assert!(!CodeSystem::spelt(other).is(""), "{other}");
        }
        assert!(CodeSystem::spelt(" | ").is_unsaid() && !CodeSystem::spelt(SNOMED).is_unsaid());
        assert!(CodeSystem::spelt("http://hl7.org/fhir/v3/actcode/").ends_with("ActCode"));
        assert!(CodeSystem::spelt("urn:oid:2.16.840.1.113883.5.4").ends_with("ActCode"));
        assert!(!CodeSystem::spelt("Code").ends_with("ActCode") && !CodeSystem::spelt("xéActCod").ends_with("ActCode"));
    }
}
