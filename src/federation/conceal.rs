//! What would tell where a patient is seen or lives is taken out of an entry: for those whose address the patient index keeps
//! restricted, somebody may be looking. All other bytes stay the source's own.

use super::rewrite::is_attachment;
use crate::{
    domain::OdsCode,
    fhir::json::{Kind, Value},
    registry::Registry,
};
use aho_corasick::AhoCorasick;
use std::{
    borrow::Cow,
    collections::HashSet,
    ops::Range,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// Elements that go, wherever they are. <https://hl7.org/fhir/R4/> has them in many types.
const ELEMENTS: [&str; 23] = [
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
    "valueBase64Binary",
    "valueContactPoint",
];

/// What only says that a place is meant is as telling as its name.
const PLACES: [&str; 4] = ["Organization", "Location", "HealthcareService", "Endpoint"];

/// The only identifiers that are the same wherever they were written down: of the patient and of people. All others name
/// their giver, if not by the system then by how they are made: a national prescription number holds its practice's code.
const OF_PEOPLE: [&str; 6] = [
    "https://fhir.nhs.uk/Id/nhs-number",
    "https://fhir.nhs.uk/Id/sds-user-id",
    "https://fhir.hl7.org.uk/Id/gmc-number",
    "https://fhir.hl7.org.uk/Id/gphc-number",
    "https://fhir.hl7.org.uk/Id/hcpc-number",
    "https://fhir.hl7.org.uk/Id/nmc-number",
];

/// Codes of organisations and of their sites.
const OF_PLACES: &str = "https://fhir.nhs.uk/Id/ods-";

/// By what the region's organisations are recognised in a text, in one pass however many there are: names, codes, and the
/// hosts they answer at.
#[derive(Debug)]
pub struct Places {
    /// No two of this node have the same, so that what was made rid of some is not found as rid of others.
    id: u64,
    /// Of what is [spelled] so.
    words: AhoCorasick,
    /// In upper case.
    codes: HashSet<String>,
}

impl Places {
    pub fn of(registry: &Registry) -> Result<Self, String> {
        Self::new(registry.words(), registry.codes())
    }

    pub fn id(&self) -> u64 {
        self.id
    }

    fn new<'a>(words: impl Iterator<Item = &'a str>, codes: impl Iterator<Item = OdsCode>) -> Result<Self, String> {
        let words: HashSet<String> = words.map(spelled).filter(|word| !word.is_empty()).collect();
        let words = AhoCorasick::new(&words).map_err(|_| "more names of organisations than can be looked for")?;
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Ok(Self { id, words, codes: codes.map(|code| code.to_string()).collect() })
    }

    #[cfg(test)]
    pub fn named(name: &str, host: &str, code: &str) -> Self {
        Self::new([name, host].into_iter(), OdsCode::parse(code).into_iter()).unwrap()
    }

    fn named_in(&self, text: &str) -> bool {
        let mut words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        self.words.is_match(&spelled(text)) || words.any(|word| self.codes.contains(&word.to_ascii_uppercase()))
    }
}

/// The places of the registry that is in force, made anew only where somebody is called or found otherwise.
#[derive(Default)]
pub struct KnownPlaces(Mutex<Option<(Arc<Registry>, Arc<Places>)>>);

impl KnownPlaces {
    pub fn of(&self, registry: &Arc<Registry>) -> Result<Arc<Places>, String> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((as_then, places)) = &*known
            && (Arc::ptr_eq(as_then, registry) || as_then.reads_like(registry))
        {
            return Ok(Arc::clone(places));
        }
        let places = Arc::new(Places::of(registry)?);
        *known = Some((Arc::clone(registry), Arc::clone(&places)));
        Ok(places)
    }

    /// Of those made last.
    pub fn id(&self) -> Option<u64> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().map(|(_, places)| places.id)
    }
}

/// In lower case, with one space where there is any.
fn spelled(text: &str) -> String {
    let lower = text.to_lowercase();
    let mut spelled = String::with_capacity(lower.len());
    for word in lower.split_whitespace() {
        if !spelled.is_empty() {
            spelled.push(' ');
        }
        spelled.push_str(word);
    }
    spelled
}

/// The resource without them. Where all of an object or a list goes, so does it.
pub fn conceal(resource: Value<'_>, places: &Places) -> Vec<u8> {
    let mut hidden = HashSet::new();
    resource.each("contained", &mut |inner| {
        if is_hidden(inner) {
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

/// What it contains that goes: places, and files, which nobody reads here.
fn is_hidden(contained: Value<'_>) -> bool {
    is_place(contained) || contained.text("resourceType").as_deref() == Some("Binary")
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
        in_parent
            || is_of_place
            || ELEMENTS.contains(&key)
            || is_foreign(key, value)
            || (key == "text" && value.get("div").is_some())
            || (key == "contained" && is_hidden(value))
            || self.leads_to_place(value)
    }

    fn leads_to_place(&self, reference: Value<'_>) -> bool {
        if reference.get("identifier").is_some_and(|of| system(of).starts_with(OF_PLACES)) {
            return true;
        }
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

/// An Identifier, by its name or by its shape, that is none of a person's.
fn is_foreign(key: &str, value: Value<'_>) -> bool {
    let named = || key.ends_with("dentifier") || key == "requisition";
    // no other type's system is an address beside a value in words
    let shaped = || system(value).contains(':') && value.text("value").is_some();
    value.kind() == Kind::Object && (named() || shaped()) && !OF_PEOPLE.contains(&&*system(value))
}

fn system<'a>(identifier: Value<'a>) -> Cow<'a, str> {
    identifier.text("system").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhir::json::{self, Limits, Tape};

    fn concealed(text: &str) -> String {
        let names = ["Estuary  Hospitals", "estuary.example", "Lantern House", ""].into_iter();
        let places = Places::new(names, [OdsCode::parse("RZ901").unwrap()].into_iter()).unwrap();
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
            (r#"{"note":[{"text":"as rz901 wrote"},{"text":"from\nLantern\thouse"}],"b":1}"#, r#"{"b":1}"#),
            (r#"{"b":1,"url":"https://estuary.example/x"}"#, r#"{"b":1}"#),
            // found by fuzzing: what is sent without its id is no resource; the source's own never goes out
            (r#"{"id":"RZ901-5","part":{"id":"RZ901-6"},"b":1}"#, r#"{"id":"RZ901-5","b":1}"#),
            (
                concat!(
                    r#"{"b":1,"payor":{"identifier":{"system":"https://fhir.nhs.uk/Id/ods-site-code","value":"X"},"#,
                    r#""display":"Ward 5"}}"#,
                ),
                r#"{"b":1}"#,
            ),
            (
                r##"{"contained":[{"resourceType":"Binary","id":"f","data":"eA=="}],"b":{"reference":"#f"},"c":1}"##,
                r#"{"c":1}"#,
            ),
            (r#"{"extension":[{"url":"u","valueBase64Binary":"eA=="}],"c":1}"#, r#"{"extension":[{"url":"u"}],"c":1}"#),
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
        // wherever an Identifier stands, and whatever it is called
        for key in [
            "masterIdentifier",
            "groupIdentifier",
            "requisition",
            "accessionIdentifier",
            "preAdmissionIdentifier",
            "valueIdentifier",
            "somethingNew",
        ] {
            for system in [
                OdsCode::SYSTEM,
                "https://fhir.nhs.uk/Id/ods-site-code",
                "https://fhir.nhs.uk/Id/prescription-order-number",
                "urn:oid:2.16.840.1.113883.2.1.3.2.4.18.6",
            ] {
                assert_eq!(concealed(&format!(r#"{{"{key}":{},"b":1}}"#, identifier(system))), r#"{"b":1}"#, "{key}");
            }
            let own = format!(r#"{{"{key}":{number},"b":1}}"#);
            assert_eq!(concealed(&own), own);
        }
        assert_eq!(concealed(r#"{"requisition":{"value":"7"},"b":1}"#), r#"{"b":1}"#);
        for kept in [
            r#"{"valueQuantity":{"system":"http://unitsofmeasure.org","value":1.10}}"#,
            r#"{"code":{"coding":[{"system":"http://snomed.info/sct","code":"1"}]}}"#,
        ] {
            assert_eq!(concealed(kept), kept);
        }
    }
}
