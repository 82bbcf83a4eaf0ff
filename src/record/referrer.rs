//! What refers to a document. Whoever reads a document reads a part of what refers to it: so that must be in the record,
//! say so now, and be disclosed to this reader now, whatever it was when the document's id was learnt.

use super::{Content, File, ItemRanges, NotShown, Record, Redacted, Source, SourceLine, State, patient};
use crate::{
    access::Permit,
    domain::{Labels, NhsNumber, OdsCode, SealedDocument, Timestamp},
    federation::{Failure, Items, Resolution, SourceDocument},
    fhir::{
        ResourceType,
        date::Interval,
        json::{self, Limits, Tape},
    },
    query::Form,
    registry::Provider,
};
use bytes::Bytes;
use serde_json::json;
use std::sync::Arc;

const FHIR_JSON: &str = "application/fhir+json; charset=utf-8";

/// All of a source's resources of one type that refer to one document, each of which this reader may see.
pub struct Referrer<'a> {
    record: &'a Record,
    source: &'a Source,
    patient: NhsNumber,
    /// The document's, as the gateway and as the source call it.
    id: String,
    address: &'a str,
    found: Vec<Found>,
}

struct Found {
    /// As the source calls it, and as the gateway does.
    local: String,
    reference: String,
    labels: Labels,
    time: Option<Interval>,
    /// Its source has taken it back.
    recalled: bool,
    /// The media type it says the document has.
    announced: Option<String>,
}

impl Record {
    /// What refers to this document; none may be withheld: the document is as sensitive as all of them.
    pub fn referrer<'a>(&'a self, permit: &Permit, document: &'a SealedDocument) -> Result<Referrer<'a>, NotShown> {
        let (_, source) = self.source(document.source)?;
        let (patient, address) = (permit.patient(), document.address.as_str());
        let (id, _) = self.ids.document(document.source, patient, self.ask.resource_type().as_str(), address);
        let mut referrer = Referrer { record: self, source, patient, id, address, found: Vec::new() };
        referrer.found = referrer.all(permit);
        if referrer.found.is_empty() || !referrer.admits(permit, &Labels::default()) {
            return Err(NotShown::NotFound);
        }
        Ok(referrer)
    }

    /// What the audit says of each source where a document could not be had of one.
    pub fn lines_without(&self, source: OdsCode, failure: Failure) -> Vec<SourceLine> {
        let mut lines = self.lines();
        for line in lines.iter_mut().filter(|line| line.source == source) {
            line.outcome = "failed".to_owned();
            line.reason = Some(failure.code().to_owned());
        }
        lines
    }
}

impl Referrer<'_> {
    pub fn provider(&self) -> &Arc<Provider> {
        &self.source.provider
    }

    fn all(&self, permit: &Permit) -> Vec<Found> {
        if let (State::Holds { resolution, .. }, ResourceType::Patient) =
            (&self.source.state, self.record.ask.resource_type())
        {
            let own = resolution.patients.iter().filter_map(|patient| {
                let place = super::joined::Place::INDEX;
                let found = patient::Found { place, provider: &self.source.provider, resolution, patient };
                let bytes = patient::rewritten(self.record, permit, &found, false).ok()?;
                self.found(&patient.local, &bytes, &patient.labels, None)
            });
            return own.collect();
        }
        let answer = self.source.answer(0).into_iter();
        let entries = answer.flat_map(|answer| answer.entries.iter().map(move |entry| (answer, entry)));
        let found = entries.filter_map(|(answer, entry)| {
            let (bytes, labels) = (answer.bytes(&entry.resource), answer.labels_of(entry)?);
            let found = self.found(&entry.local, &bytes, labels, entry.time())?;
            let kind = self.record.ask.resource_type();
            let recalled = permit.is_recalled(self.source.provider.ods, kind, &entry.local, answer.epoch);
            Some(Found { recalled, ..found })
        });
        found.collect()
    }

    /// A resource as the gateway writes it, if it refers to the document.
    fn found(&self, local: &str, bytes: &Bytes, labels: &Labels, time: Option<Interval>) -> Option<Found> {
        // sealed text, which is nowhere but where the gateway wrote it: few resources have to be read
        std::str::from_utf8(bytes).ok().filter(|text| text.contains(&self.id))?;
        let mut tape = Tape::new();
        let resource = json::parse(bytes, &mut Limits::default(), &mut tape).ok()?;
        let url = format!("{}Binary/{}", self.record.base, self.id);
        let attachment = resource.objects().find(|object| object.text("url").as_deref() == Some(&url))?;
        let kind = self.record.ask.resource_type();
        let (id, _) = self.record.ids.entry(self.source.provider.ods, self.patient, local);
        Some(Found {
            local: format!("{kind}/{local}"),
            reference: format!("{kind}/{id}"),
            labels: labels.clone(),
            time,
            recalled: false,
            announced: attachment.text("contentType").map(|text| text.into_owned()),
        })
    }

    /// All that refers to it, as the source calls it, and who the patient is there.
    pub fn named(&self) -> (Vec<&str>, Option<&Resolution>) {
        let resolution = match &self.source.state {
            State::Holds { resolution, .. } => Some(&**resolution),
            State::Nothing | State::Failed(_) | State::Withheld | State::Joining => None,
        };
        (self.found.iter().map(|found| found.local.as_str()).collect(), resolution)
    }

    /// The media type that the document is said to have; `None` where nothing, or more than one thing, is said.
    pub fn announced(&self) -> Option<&str> {
        let mut said = self.found.iter().map(|found| found.announced.as_deref());
        let first = said.next().flatten()?;
        said.all(|other| other == Some(first)).then_some(first)
    }

    /// Whether this reader may see all that refers to it, were each labelled so as well.
    pub fn admits(&self, permit: &Permit, more: &Labels) -> bool {
        self.found.iter().all(|found| {
            let mut labels = found.labels.clone();
            labels.inherit(more);
            !found.recalled && self.source.discloses(permit, &labels, found.time)
        })
    }

    /// The document as this reader would be sent it.
    pub fn redacted(&self, document: SourceDocument, form: Form) -> Option<Redacted> {
        let (provider, first) = (&self.source.provider, self.found.first()?);
        let mut labels = document.labels.clone();
        self.found.iter().for_each(|found| labels.inherit(&found.labels));
        let declared = (document.content_type.as_str(), document.length);
        // a recall of any of them is one of what was read in the document
        let named = self.named().0.join(",");
        let items = Arc::new(Items::of_document(provider.ods, self.patient, self.address, &labels, declared, &named));

        let line = SourceLine::new(provider.ods, "answered").resting_on(&items, Timestamp::now());
        let line = SourceLine { released: ItemRanges::of([0]), ..line };
        // in place of what said where the document is: none of that is shown
        let others = self.record.lines().into_iter().filter(|other| other.source != provider.ods);
        let mut lines: Vec<SourceLine> = others.chain([line]).collect();
        lines.sort_by_key(|line| line.source);
        let named = |items: &&Arc<Items>| lines.iter().any(|line| line.answer.as_ref() == Some(&items.id));
        let rest = self.record.sources.iter().flat_map(Source::items).filter(named).cloned();
        let items = rest.chain([Arc::clone(&items)]).collect();
        let file = match form {
            Form::Native => File::native(provider.ods, document),
            Form::Resource => {
                File::resource(provider.ods, FHIR_JSON, self.head(provider, first, &document.content_type), document)
            }
        };
        Some(Redacted { content: Content::File(file), lines, items, index: None })
    }

    /// <https://hl7.org/fhir/R4/binary.html>, up to its data.
    fn head(&self, provider: &Provider, first: &Found, content_type: &str) -> String {
        let tag = json!({"system": OdsCode::SYSTEM, "code": provider.ods.as_str(), "display": provider.name});
        let resource = json!({
            "resourceType": "Binary",
            "id": self.id,
            "meta": {"source": format!("{}#{}", OdsCode::SYSTEM, provider.ods), "tag": [tag]},
            "contentType": content_type,
            "securityContext": {"reference": first.reference},
        });
        let text = resource.to_string();
        format!(r#"{},"data":""#, text.strip_suffix('}').unwrap_or(&text))
    }
}
