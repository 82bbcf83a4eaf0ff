//! What the gateway changes in a resource, and nothing else (design, promise 5): its id, the references within the
//! source, attachment addresses, and where it came from (meta.source and a tag); tags in the gateway's own code systems, which
//! are its word alone, go. All other bytes are the source's.

use super::{
    Failure, Places, Resolution, conceal,
    document::address_of,
    reference::{Target, target},
};
use crate::{
    domain::{IdSealer, LongId, Numbers, OdsCode},
    fhir::json::{self, Kind, Limits, Tape, Value},
    registry::Provider,
};
use std::{collections::HashSet, ops::Range, sync::Arc};

/// The source's own `meta.source`, which ours takes the place of.
const ORIGINAL_SOURCE: &str = "https://caregate.example/StructureDefinition/original-source";

/// What only the gateway says: a source's tag of these would be taken for its word, such as that two entries are one event.
const OURS: &str = "https://caregate.example/";

/// Bytes of an attachment's address: each becomes a stored row, and a longer one is no address.
const LONGEST_ADDRESS: usize = 2048;

/// In place of one: a document that does not exist. <https://www.w3.org/TR/css-values-4/#about-invalid>
const UNOPENABLE: &str = "about:invalid";

/// All that rewriting one source's resources for one patient needs to know.
pub struct Rewriter {
    pub ids: Arc<IdSealer>,
    pub provider: Arc<Provider>,
    pub numbers: Numbers,
    pub resolution: Arc<Resolution>,
    /// The gateway's FHIR base, ending in a slash.
    pub base: Arc<str>,
    /// Ids that need a stored row before they may be handed out.
    pub long_ids: HashSet<LongId>,
    /// For a patient whose whereabouts are not to be told: by what they are recognised.
    pub concealing: Option<Arc<Places>>,
}

/// What is left of a resource that something is taken out of.
#[derive(Default)]
pub struct Left {
    bytes: Vec<u8>,
    tape: Tape,
}

/// The bytes of `at` become `new`; an empty range inserts.
struct Edit {
    at: Range<usize>,
    new: String,
}

impl Rewriter {
    /// The gateway's id for one of this source's resources.
    pub fn id(&mut self, local: &str) -> String {
        let (id, row) = self.ids.entry(self.provider.ods, self.numbers.current, local);
        self.long_ids.extend(row);
        id
    }

    /// The resource as it may be told: all of it, or what is left where something is concealed. What an answer is searched
    /// by is read of this too: a filter would find what its bytes do not show.
    pub fn told<'a>(&self, resource: Value<'a>, left: &'a mut Left) -> Result<Value<'a>, Failure> {
        let Some(places) = &self.concealing else { return Ok(resource) };
        let Left { bytes, tape } = left;
        *bytes = conceal::conceal(resource, places);
        // it was read under the answer's limits before
        let mut limits = Limits { depth: u32::MAX, nodes: u32::MAX };
        json::parse(bytes, &mut limits, tape).map_err(|_| Failure::Internal)
    }

    /// Writes `resource`, which is [told](Self::told), to `out` under its new id. `links` come first in a Patient's `link`.
    /// What has another shape than FHIR's where something is to be written is refused: it could not be kept and still be
    /// read. The place in `out` where another tag can follow the source's.
    pub fn write(
        &mut self,
        resource: Value<'_>,
        id: &str,
        links: Option<&str>,
        out: &mut Vec<u8>,
    ) -> Result<usize, Failure> {
        let start = resource.span().start;
        let mut edits = Vec::new();
        if let Some(old) = resource.get("id") {
            edits.push(Edit { at: old.span(), new: quoted(id) });
        }
        let mut members = Vec::new();
        let tag = self.tag();
        self.provenance(resource, &tag, &mut members, &mut edits)?;
        if let Some(links) = links {
            add(resource, "link", links, &mut members, &mut edits)?;
        }
        edits.extend(insert(resource, &members));
        let referrer = resource.text("resourceType").unwrap_or_default();
        self.references(resource, &referrer, false, &mut edits);
        edits.sort_by_key(|edit| (edit.at.start, edit.at.end));
        // nothing is written within what is written anew
        let mut end = 0;
        edits.retain(|edit| {
            let outside = edit.at.start >= end;
            end = end.max(edit.at.end);
            outside
        });
        let raw = resource.raw();
        let (mut done, mut tagged) = (0, out.len());
        for Edit { at, new } in edits {
            out.extend_from_slice(raw.get(done..at.start - start).unwrap_or_default());
            // no text of the source's could hold the tag: its quotes are escaped within a string
            if let Some(at) = new.find(&tag) {
                tagged = out.len() + at + tag.len();
            }
            out.extend_from_slice(new.as_bytes());
            done = at.end - start;
        }
        out.extend_from_slice(raw.get(done..).unwrap_or_default());
        Ok(tagged)
    }

    /// Which organisation it is from; of what is concealed, that it is.
    fn tag(&self) -> String {
        if self.concealing.is_some() {
            return r#"{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"REDACTED"}"#
                .to_owned();
        }
        let Provider { ods, name, .. } = &*self.provider;
        format!(r#"{{"system":"{}","code":"{ods}","display":{}}}"#, OdsCode::SYSTEM, quoted(name))
    }

    /// Ours comes first wherever it joins others: a tag that a source wrote must not be taken for the gateway's word.
    fn provenance(
        &self,
        resource: Value<'_>,
        tag: &str,
        outside: &mut Vec<String>,
        edits: &mut Vec<Edit>,
    ) -> Result<(), Failure> {
        let source = quoted(&format!("{}#{}", OdsCode::SYSTEM, self.provider.ods));
        let Some(meta) = resource.get("meta") else {
            let source = if self.concealing.is_some() { String::new() } else { format!(r#""source":{source},"#) };
            outside.push(format!(r#""meta":{{{source}"tag":[{tag}]}}"#));
            return Ok(());
        };
        let mut members = Vec::new();
        match meta.get("source").map(|original| (original, original.kind())) {
            _ if meta.kind() != Kind::Object => return Err(Failure::UnexpectedEntry),
            _ if self.concealing.is_some() => {}
            None => members.push(format!(r#""source":{source}"#)),
            Some((original, Kind::String)) => {
                let kept = format!(r#"{{"url":"{ORIGINAL_SOURCE}","valueUri":{}}}"#, original.raw_str());
                edits.push(Edit { at: original.span(), new: source });
                add(meta, "extension", &kept, &mut members, edits)?;
            }
            Some(_) => return Err(Failure::UnexpectedEntry),
        }
        match meta.get("tag").filter(|tags| tags.items().any(is_ours)) {
            Some(tags) => edits.push(retagged(tags, tag)),
            None => add(meta, "tag", tag, &mut members, edits)?,
        }
        edits.extend(insert(meta, &members));
        Ok(())
    }

    /// `referrer` is the type of the whole resource. Depth is bounded by the reader's limit.
    fn references(&mut self, value: Value<'_>, referrer: &str, in_attachment: bool, edits: &mut Vec<Edit>) {
        for item in value.items() {
            self.references(item, referrer, in_attachment, edits);
        }
        for (key, member) in value.members() {
            let new = match (key.as_ref(), member.as_str()) {
                ("reference", Some(address)) => self.reference(&address),
                ("url", Some(address)) if in_attachment => self.attachment(&address, referrer),
                _ => {
                    self.references(member, referrer, is_attachment(&key), edits);
                    None
                }
            };
            if let Some(new) = new {
                edits.push(Edit { at: member.span(), new: quoted(&new) });
            }
        }
    }

    fn reference(&mut self, address: &str) -> Option<String> {
        match target(address, &self.provider) {
            Target::Local { resource_type: "Patient", id } if self.resolution.knows(id) => {
                Some(format!("Patient/{}", self.ids.patient(self.numbers.current)))
            }
            Target::Local { resource_type, id } => Some(format!("{resource_type}/{}", self.id(id))),
            Target::Contained(_) | Target::Elsewhere => None,
        }
    }

    /// A document is fetched through the gateway, never past it: its address becomes one of our own.
    fn attachment(&mut self, address: &str, referrer: &str) -> Option<String> {
        if address.is_empty() || address.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
            return None;
        }
        if address.len() > LONGEST_ADDRESS {
            // it is no place that leads anywhere: the entry stays, and says that what it refers to cannot be opened
            return Some(UNOPENABLE.to_owned());
        }
        let address = address_of(address, &self.provider);
        let (id, row) = self.ids.document(self.provider.ods, self.numbers.current, referrer, address);
        self.long_ids.extend(row);
        Some(format!("{}Binary/{id}", self.base))
    }
}

/// Where R4 has an Attachment: `attachment`, `valueAttachment`..., and the few elements that are called otherwise.
pub(super) fn is_attachment(key: &str) -> bool {
    key.ends_with("ttachment") || matches!(key, "presentedForm" | "photo" | "content")
}

fn is_ours(tag: Value<'_>) -> bool {
    tag.text("system").is_some_and(|system| system.trim_start().to_ascii_lowercase().starts_with(OURS))
}

/// The tags with ours first and without those that only we give.
fn retagged(tags: Value<'_>, tag: &str) -> Edit {
    let kept = tags.items().filter(|tag| !is_ours(*tag)).map(Value::raw_str);
    let all: Vec<&str> = std::iter::once(tag).chain(kept).collect();
    Edit { at: tags.span(), new: format!("[{}]", all.join(",")) }
}

/// New first members, all in one edit, so that their commas are right.
fn insert(object: Value<'_>, members: &[String]) -> Option<Edit> {
    let at = object.span().start + 1;
    let comma = if object.members().next().is_some() { "," } else { "" };
    (!members.is_empty()).then(|| Edit { at: at..at, new: format!("{}{comma}", members.join(",")) })
}

/// One more item at the beginning of an array member, or, where there is none, the array as a member to insert.
fn add(
    object: Value<'_>,
    key: &str,
    item: &str,
    members: &mut Vec<String>,
    edits: &mut Vec<Edit>,
) -> Result<(), Failure> {
    match object.get(key) {
        Some(array) if array.kind() == Kind::Array => {
            let at = array.span().start + 1;
            let comma = if array.items().next().is_some() { "," } else { "" };
            edits.push(Edit { at: at..at, new: format!("{item}{comma}") });
        }
        Some(_) => return Err(Failure::UnexpectedEntry),
        None => members.push(format!("\"{key}\":[{item}]")),
    }
    Ok(())
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests;
