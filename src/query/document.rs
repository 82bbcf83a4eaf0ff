use super::ask::{Ask, What};
use super::fault::QueryFault;
use super::fields::Fields;
use super::parse::{nothing, pairs, read};
use super::{RawQuery, Setting, grammar, media};
use crate::domain::{EntryId, SealedDocument, TypeTag};
use crate::fhir::{MediaType, ResourceType};

/// A document is asked for: `Binary/[id]`.
#[derive(Clone, Debug)]
pub struct DocumentAsk {
    /// The read of what refers to it, by the document's id.
    pub ask: Ask,
    pub accepted: Accepted,
}

/// In which forms a document is taken, the best first. <https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted(Vec<Range>);

/// A media range, by its `type/subtype`; `json` where it asks for FHIR in JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Range {
    essence: String,
    json: bool,
}

/// <https://hl7.org/fhir/R4/binary.html#rest>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Its own bytes.
    Native,
    /// A Binary resource in JSON, the bytes in base64.
    Resource,
}

/// Reads `Binary/[id]`; the path has been seen to lead there.
pub fn parse_document(request: &RawQuery<'_>, setting: &Setting<'_>) -> Result<DocumentAsk, QueryFault> {
    let id = match request.path {
        [_, id] if !id.is_empty() && !id.starts_with(['_', '$']) => *id,
        _ => return Err(nothing()),
    };
    let fields = Fields::read(&pairs(request)?, grammar::read_parameters(), false, setting)?;
    let accepted = match fields.format.as_deref() {
        Some(format) => {
            media::json_wanted(Some(format), None)?;
            Accepted::of("application/fhir+json")
        }
        None => Accepted::of(request.accept.unwrap_or_default()),
    };
    // what refers to it is known once the id is: an id that leads nowhere is refused as a DocumentReference's
    let mut ask = read(ResourceType::DocumentReference, id, setting);
    ask.names_referrer();
    Ok(DocumentAsk { ask, accepted })
}

impl DocumentAsk {
    /// As the audit says it.
    pub fn canonical(&self) -> String {
        format!("Binary/{}", self.ask.id)
    }
}

impl Ask {
    /// The document that is asked for by its id, where that is one's.
    pub fn document(&self) -> Option<&SealedDocument> {
        match &self.what {
            What::Read(read) => match &read.id {
                Some(EntryId::Document(document)) => Some(document),
                _ => None,
            },
            _ => None,
        }
    }

    /// Makes it ask for the type that refers to the document, as the id says.
    pub fn names_referrer(&mut self) {
        let tag = self.document().map(|document| document.referrer);
        let referrer = ResourceType::ALL.iter().find(|t| tag == Some(TypeTag::of(t.as_str())));
        if let (Some(referrer), What::Read(read)) = (referrer, &mut self.what) {
            read.resource_type = *referrer;
        }
    }
}

impl Accepted {
    fn of(accept: &str) -> Self {
        let mut ranges: Vec<(f32, Range)> = accept
            .split(',')
            .filter_map(|range| {
                let range = MediaType::of(range);
                let weight: f32 = range.parameter("q").unwrap_or("1").parse().ok()?;
                let essence = range.essence().to_owned();
                (weight > 0.0 && !essence.is_empty()).then(|| (weight, Range { json: range.is_json(), essence }))
            })
            .collect();
        // stable: of two that weigh the same the first is meant
        ranges.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        Self(ranges.into_iter().map(|(_, range)| range).collect())
    }

    /// How a document of this media type is sent; `None` where it is not taken in any form.
    pub fn form(&self, content_type: &str) -> Option<Form> {
        if self.0.is_empty() {
            return Some(Form::Native);
        }
        let declared = MediaType::of(content_type);
        self.0.iter().find_map(|range| range.form(declared.essence()))
    }
}

impl Range {
    fn form(&self, declared: &str) -> Option<Form> {
        let kind = self.essence.strip_suffix('*').filter(|kind| kind.ends_with('/'));
        match kind {
            _ if self.json => Some(Form::Resource),
            Some("*/") => Some(Form::Native),
            Some(kind) if declared.starts_with(kind) => Some(Form::Native),
            _ => (self.essence == declared).then_some(Form::Native),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Form::*, *};

    #[test]
    fn a_document_goes_out_in_the_form_that_is_liked_best_or_not_at_all() {
        for (accept, form) in [
            ("", Some(Native)),
            ("*/*", Some(Native)),
            ("application/pdf", Some(Native)),
            ("Application/PDF; q=0.3", Some(Native)),
            ("application/*", Some(Native)),
            ("text/html,application/xml;q=0.9,*/*;q=0.8", Some(Native)),
            ("application/fhir+json", Some(Resource)),
            ("application/json, text/plain, */*", Some(Resource)),
            ("application/fhir+json;q=0.5, application/pdf", Some(Native)),
            ("application/fhir+json;q=0.5, text/plain", Some(Resource)),
            ("*/*;q=0.1, application/fhir+json; fhirVersion=4.0", Some(Resource)),
            ("text/plain", None),
            ("image/*", None),
            ("application/fhir+xml", None),
            ("application/fhir+json; fhirVersion=3.0", None),
            ("application/pdf;q=0, text/plain", None),
        ] {
            assert_eq!(Accepted::of(accept).form("application/pdf; version=1.7"), form, "{accept}");
        }
    }

    #[test]
    fn no_two_types_have_the_same_tag() {
        let tags: std::collections::HashSet<_> = ResourceType::ALL.iter().map(|t| TypeTag::of(t.as_str())).collect();
        assert_eq!(tags.len(), ResourceType::ALL.len());
    }
}
