//! What of an entry lets it be held against other sources' entries without reading it again: which event it is a record
//! of, what of that matters for safety, and what it says that another may contradict. Digests and few bits, made once,
//! when it is split.

mod content;
mod says;

use crate::{
    domain::{Event, IdSealer, NhsNumber},
    fhir::{ResourceType, json::Value},
};
pub use content::Content;
pub use says::{Categories, Says};

/// Of one answer's entries.
#[derive(Debug, Default)]
pub struct Facets {
    /// Which events they record, in the order of the events' digests.
    pub events: Box<[Recorded]>,
    /// What of what they say could be contradicted, each with the entry's position.
    pub says: Box<[(usize, Says)]>,
}

/// That an entry records an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recorded {
    pub event: Event,
    pub content: Content,
    pub position: usize,
}

/// Of one entry.
#[derive(Debug)]
pub struct EntryFacets {
    events: Vec<Event>,
    content: Option<Content>,
    says: Option<Says>,
}

impl EntryFacets {
    pub fn read(resource: Value<'_>, resource_type: ResourceType, ids: &IdSealer, patient: NhsNumber) -> Self {
        let mut events = Vec::new();
        resource.each("identifier", &mut |identifier| {
            if let Some((system, value)) = business(identifier) {
                events.push(ids.event(patient, resource_type.as_str(), &system, &value));
            }
        });
        events.sort_unstable();
        events.dedup();
        // most of what costs anything is asked of those alone that another source may have too
        let content = if events.is_empty() { None } else { Content::of(resource, resource_type) };
        Self { events, content, says: Says::read(resource, resource_type) }
    }
}

impl Facets {
    /// In the entries' order.
    pub fn of(entries: impl Iterator<Item = EntryFacets>) -> Self {
        let (mut events, mut says) = (Vec::new(), Vec::new());
        for (position, entry) in entries.enumerate() {
            if let Some(content) = entry.content {
                events.extend(entry.events.into_iter().map(|event| Recorded { event, content, position }));
            }
            says.extend(entry.says.map(|said| (position, said)));
        }
        events.sort_unstable();
        Self { events: events.into(), says: says.into() }
    }

    /// What it takes in memory, in bytes, about.
    pub fn weight(&self) -> usize {
        size_of_val(&*self.events) + self.says.len() * (size_of::<(usize, Says)>() + 32)
    }
}

/// System and value of an identifier that names one thing for ever. A number of the patient's, a temporary or an old
/// one, and what stands where there is none, name no event.
fn business<'a>(identifier: Value<'a>) -> Option<(std::borrow::Cow<'a, str>, std::borrow::Cow<'a, str>)> {
    let (system, value) = (identifier.text("system")?, identifier.text("value")?);
    let lasting = !matches!(identifier.text("use").as_deref(), Some("temp" | "old"));
    let absolute = system.contains(':') && system != NhsNumber::SYSTEM;
    (lasting && absolute && !is_placeholder(&value)).then_some((system, value))
}

fn is_placeholder(value: &str) -> bool {
    let bare: String = value.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let words = ["unknown", "none", "null", "na", "nil", "nk", "notknown", "notapplicable", "test", "tbc", "undefined"];
    let first = bare.chars().next();
    let alike = bare.chars().all(|c| Some(c) == first) && (bare.len() > 3 || matches!(first, Some('0' | 'x')));
    first.is_none() || alike || words.contains(&bare.as_str())
}

#[cfg(test)]
mod tests;
