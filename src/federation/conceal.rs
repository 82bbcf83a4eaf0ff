//! What would tell where a patient is seen or lives is taken out of an entry: for those whose address the patient index keeps
//! restricted, somebody may be looking. All other bytes stay the source's own.

use super::rewrite::is_attachment;
use crate::{
    domain::OdsCode,
    fhir::json::{Kind, Value},
    registry::Registry,
};
use std::{borrow::Cow, collections::HashSet, ops::Range};

/// Elements that go, wherever they are. <https://hl7.org/fhir/R4/> has them in many types.
const ELEMENTS: [&str; 22] = [
    "address",
    "contact",
    "contactPoint",
    "custodian",
    "destination",
    "facilityType",
    "generalPractitioner",
    "healthcareService",
    "location",
    "locationCode",
    "locationReference",
    "managingOrganization",
    "organization",
    "origin",
    "position",
    "practiceSetting",
    "receivingOrganization",
    "referringOrganization",
    "serviceProvider",
    "telecom",
    "valueAddress",
    "valueContactPoint",
];

/// What only says that a place is meant is as telling as its name.
const PLACES: [&str; 4] = ["Organization", "Location", "HealthcareService", "Endpoint"];

/// Identifiers that are the same wherever they were written down. All others name their giver.
const NATIONAL: [&str; 2] = ["https://fhir.nhs.uk/Id/", "https://fhir.hl7.org.uk/Id/"];

/// By what the region's organisations are recognised in a text: names, codes, and the hosts they answer at.
#[derive(Debug, Default)]
pub struct Places {
    /// In lower case.
    names: Vec<String>,
    codes: Vec<String>,
}

impl Places {
    pub fn of(registry: &Registry) -> Self {
        let hosts = registry.all().filter_map(|provider| provider.base.host_str());
        let names = registry.all().map(|provider| provider.name.as_str()).chain(hosts).map(str::to_lowercase);
        Self { names: names.collect(), codes: registry.codes().map(|code| code.to_string()).collect() }
    }

    #[cfg(test)]
    pub fn named(name: &str, host: &str, code: &str) -> Self {
        Self { names: [name, host].map(str::to_lowercase).into(), codes: vec![code.to_owned()] }
    }

    fn named_in(&self, text: &str) -> bool {
        let lower = text.to_lowercase();
        self.names.iter().any(|name| lower.contains(name))
            || self.codes.iter().any(|code| text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == code))
    }
}

/// The resource without them. Where all of an object or a list goes, so does it.
pub fn conceal(resource: Value<'_>, places: &Places) -> Vec<u8> {
    let mut hidden = HashSet::new();
    resource.each("contained", &mut |inner| {
        if is_place(inner) {
            hidden.extend(inner.text("id").map(Cow::into_owned));
        }
    });
    let start = resource.span().start;
    let mut concealer =
        Concealer { text: resource.raw(), start, places, is_place: is_place(resource), hidden, cuts: Vec::new() };
    concealer.children("", resource, resource.members());
    let mut out = Vec::with_capacity(resource.raw().len());
    let mut done = 0;
    for cut in concealer.cuts {
        out.extend_from_slice(resource.raw().get(done..cut.start - start).unwrap_or_default());
        done = cut.end - start;
    }
    out.extend_from_slice(resource.raw().get(done..).unwrap_or_default());
    out
}

fn is_place(resource: Value<'_>) -> bool {
    resource.text("resourceType").is_some_and(|found| PLACES.contains(&&*found))
}

struct Concealer<'a> {
    text: &'a [u8],
    start: usize,
    places: &'a Places,
    is_place: bool,
    /// Ids of contained resources that go.
    hidden: HashSet<String>,
    /// In order, none within another.
    cuts: Vec<Range<usize>>,
}

impl Concealer<'_> {
    /// Cuts what is to go from an object or a list; whether anything is left. Depth is bounded by the reader's limit.
    fn children<'v>(
        &mut self,
        parent: &str,
        whole: Value<'_>,
        children: impl Iterator<Item = (Cow<'v, str>, Value<'v>)>,
    ) -> bool {
        let before = self.cuts.len();
        let (mut from, mut kept, mut any) = (whole.span().start + 1, false, false);
        for (key, child) in children {
            any = true;
            let mut end = child.span().end;
            if self.keeps(parent, &key, child) {
                kept = true;
            } else {
                // with the comma before it, or where nothing is left before it, the one after
                if !kept {
                    end = self.after_comma(end);
                }
                self.cuts.push(from..end);
            }
            from = end;
        }
        if any && !kept {
            self.cuts.truncate(before);
        }
        kept || !any
    }

    fn keeps(&mut self, parent: &str, key: &str, value: Value<'_>) -> bool {
        match value.kind() {
            // an id of ours takes its place, whatever the source's own tells
            _ if parent.is_empty() && key == "id" => true,
            _ if self.tells(parent, key, value) => false,
            Kind::String => !value.as_str().is_some_and(|text| self.places.named_in(&text)),
            Kind::Object => self.children(key, value, value.members()),
            Kind::Array => self.children(parent, value, value.items().map(|item| (Cow::Borrowed(key), item))),
            _ => true,
        }
    }

    fn tells(&self, parent: &str, key: &str, value: Value<'_>) -> bool {
        let in_parent = match parent {
            "meta" => matches!(key, "source" | "tag"),
            // a letter's head names whom it is from
            parent if is_attachment(parent) => matches!(key, "url" | "data"),
            _ => false,
        };
        // of a place itself nothing is left but that it is one
        let is_of_place = parent.is_empty() && self.is_place && !matches!(key, "resourceType" | "id" | "meta");
        let is_foreign = || {
            let system = value.text("system").unwrap_or_default();
            system == OdsCode::SYSTEM || !NATIONAL.iter().any(|national| system.starts_with(national))
        };
        in_parent
            || is_of_place
            || ELEMENTS.contains(&key)
            || (key == "identifier" && value.kind() == Kind::Object && is_foreign())
            || (key == "text" && value.get("div").is_some())
            || (key == "contained" && is_place(value))
            || self.leads_to_place(value)
    }

    fn leads_to_place(&self, reference: Value<'_>) -> bool {
        let Some(address) = reference.text("reference") else {
            return reference.text("type").is_some_and(|found| PLACES.contains(&&*found));
        };
        address.strip_prefix('#').map_or_else(
            || address.split('/').any(|segment| PLACES.contains(&segment)),
            |contained| self.hidden.contains(contained),
        )
    }

    fn after_comma(&self, end: usize) -> usize {
        let rest = self.text.get(end - self.start..).unwrap_or_default();
        match rest.iter().position(|byte| !byte.is_ascii_whitespace()) {
            Some(at) if rest.get(at) == Some(&b',') => end + at + 1,
            _ => end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhir::json::{self, Limits, Tape};

    fn concealed(text: &str) -> String {
        let places =
            Places { names: vec!["estuary hospitals".into(), "estuary.example".into()], codes: vec!["RZ901".into()] };
        let mut tape = Tape::new();
        let resource = json::parse(text.as_bytes(), &mut Limits::default(), &mut tape).unwrap();
        let out = String::from_utf8(conceal(resource, &places)).unwrap();
        json::parse(out.as_bytes(), &mut Limits::default(), &mut Tape::new()).expect("JSON as before");
        out
    }

    #[test]
    fn what_tells_a_place_goes_and_every_other_byte_stays() {
        for (given, left) in [
            (r#"{"a":1.10, "address":[{"city":"X"}] ,"b":"\u00e9"}"#, r#"{"a":1.10 ,"b":"\u00e9"}"#),
            (r#"{ "telecom":[1] , "location" : {} , "b":[ ] }"#, r#"{ "b":[ ] }"#),
            (r#"{"a":{"address":{}},"b":{}}"#, r#"{"b":{}}"#),
            (r#"{"a":[{"telecom":1},{"c":2},{"contact":3}],"b":1}"#, r#"{"a":[{"c":2}],"b":1}"#),
            (r#"{"meta":{"source":"x","tag":[1],"versionId":"2"},"b":1}"#, r#"{"meta":{"versionId":"2"},"b":1}"#),
            (r#"{"meta":{"source":"x"},"b":1}"#, r#"{"b":1}"#),
            (r#"{"text":{"status":"generated","div":"x"},"b":1}"#, r#"{"b":1}"#),
            (
                r#"{"performer":[{"reference":"Organization/1"},{"reference":"Practitioner/1","display":"At ESTUARY Hospitals"}]}"#,
                r#"{"performer":[{"reference":"Practitioner/1"}]}"#,
            ),
            (r#"{"b":1,"actor":{"type":"Location","display":"Room 5"}}"#, r#"{"b":1}"#),
            (
                r#"{"note":[{"text":"sent to RZ901."},{"text":"RZ9012 is another"}]}"#,
                r#"{"note":[{"text":"RZ9012 is another"}]}"#,
            ),
            (r#"{"b":1,"url":"https://estuary.example/x"}"#, r#"{"b":1}"#),
            // found by fuzzing: what is sent without its id is no resource; the source's own never goes out
            (r#"{"id":"RZ901-5","part":{"id":"RZ901-6"},"b":1}"#, r#"{"id":"RZ901-5","b":1}"#),
            (
                concat!(
                    r##"{"contained":[{"resourceType":"Organization","id":"o"},{"resourceType":"Medication","id":"m"}],"##,
                    r##""x":{"reference":"#o"},"y":{"reference":"#m"}}"##,
                ),
                r##"{"contained":[{"resourceType":"Medication","id":"m"}],"y":{"reference":"#m"}}"##,
            ),
            (
                r#"{"content":[{"attachment":{"contentType":"text/plain","url":"Binary/1","data":"eA=="}}]}"#,
                r#"{"content":[{"attachment":{"contentType":"text/plain"}}]}"#,
            ),
        ] {
            assert_eq!(concealed(given), left, "{given}");
        }
    }

    #[test]
    fn of_identifiers_only_the_national_ones_stay_and_no_organisations() {
        let identifier = |system: &str| format!(r#"{{"system":"{system}","value":"1"}}"#);
        let number = identifier("https://fhir.nhs.uk/Id/nhs-number");
        let given = [identifier(OdsCode::SYSTEM), identifier("https://local.example/mrn"), number.clone()].join(",");
        assert_eq!(
            concealed(&format!(r#"{{"identifier":[{given}],"b":1}}"#)),
            format!(r#"{{"identifier":[{number}],"b":1}}"#)
        );
        let by_code = format!(r#"{{"b":1,"author":{{"identifier":{}}}}}"#, identifier(OdsCode::SYSTEM));
        assert_eq!(concealed(&by_code), r#"{"b":1}"#);
    }
}
