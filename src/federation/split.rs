//! A provider's answer, split once: each entry verified to be this patient's, rewritten, its labels and dates read.

use super::{
    Answer, Failure, Items,
    answer::Entry,
    facets::{EntryFacets, Facets},
    lenders::{lenders, lending_types},
    manifest::{self, sha256},
    marks::labels_of,
    pages::{self, Take},
    reference::Referred,
    references::{self, References},
    rewrite::{Left, Rewriter},
    subject,
    tokens::Tokens,
    word,
};
use crate::{
    access::Sensitivities,
    domain::{Labels, LongId, Timestamp},
    fhir::{
        ResourceType,
        bundle::BundleEntry,
        date::{Interval, interval_of},
        is_id,
        json::Value,
    },
    query::grammar::{self, Rule},
    registry::{Portion, Want},
};
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    ops::Range,
    sync::Arc,
};

/// Entries of one answer: each takes some hundred bytes beside its own, however few those are.
const MOST_ENTRIES: usize = 20_000;

/// Codes that one entry may bear with all that it inherits, and bytes of an answer's distinct label sets.
const MOST_INHERITED: usize = 128;
const LABEL_BYTES: usize = 1 << 20;

/// An entry's own label set, whether a lender could not be had, and the sets that the others bring, by their places: few, however
/// many entries share them.
type Taken = (u16, bool, BTreeSet<(ResourceType, u16)>);

/// Takes entries as pages bring them, and makes the [`Answer`] of them in the end.
pub struct Splitter {
    rewriter: Rewriter,
    sensitivities: Arc<Sensitivities>,
    resource_type: ResourceType,
    portion: Portion,
    rule: Rule,
    raw: Vec<Split>,
    by_local: HashMap<String, usize>,
    labels: Vec<Labels>,
    by_labels: HashMap<Labels, u16>,
    /// Of all label sets together.
    label_bytes: usize,
    tokens: Tokens,
    references: References,
    buffer: Vec<u8>,
}

/// An entry before all are known and sorted; its ranges are within `buffer`.
struct Split {
    entry: Entry,
    version: String,
    hash: [u8; 32],
    lenders: Box<[Referred]>,
    facets: EntryFacets,
}

impl Take for Splitter {
    fn take(&mut self, entry: BundleEntry<'_>) -> Result<(), Failure> {
        self.split(entry)
    }
}

impl Splitter {
    pub fn new(want: Want, rewriter: Rewriter, sensitivities: Arc<Sensitivities>) -> Self {
        let Want { resource_type, portion } = want;
        Self {
            rewriter,
            sensitivities,
            resource_type,
            portion,
            rule: grammar::rule(resource_type),
            raw: Vec::new(),
            by_local: HashMap::new(),
            labels: Vec::new(),
            by_labels: HashMap::new(),
            label_bytes: 0,
            tokens: Tokens::default(),
            references: References::default(),
            buffer: Vec::new(),
        }
    }

    fn split(&mut self, entry: BundleEntry<'_>) -> Result<(), Failure> {
        let resource = entry.resource().ok_or(Failure::UnexpectedEntry)?;
        if resource.text("resourceType").as_deref() != Some(self.resource_type.as_str()) {
            return Err(Failure::UnexpectedEntry);
        }
        let Rewriter { provider, numbers, resolution, .. } = &self.rewriter;
        let references = references::read(resource, &self.rule, provider);
        if let Portion::Of(targets) = &self.portion
            && !references.iter().any(|(_, of)| is_among(of, targets))
        {
            // a server that does not search by target sends everybody's
            return Ok(());
        }
        match subject::verify(resource, &self.rule, provider, numbers, resolution) {
            // an id stands for no type: asked for under another, a source rightly answers with somebody else's
            Err(_) if !self.rule.link.is_required() && matches!(self.portion, Portion::Named(_)) => return Ok(()),
            verified => verified?,
        }
        let local = resource.text("id").filter(|id| is_id(id)).ok_or(Failure::UnexpectedEntry)?.into_owned();
        if let Portion::Named(locals) = &self.portion
            && !locals.iter().any(|wanted| **wanted == *local)
        {
            // a server that does not search by id sends more; it was looked at for whose it is all the same
            return Ok(());
        }
        let hash = sha256(resource.raw());
        if let Some(before) = self.by_local.get(&local).and_then(|at| self.raw.get(*at)) {
            // pages that shift while they are read repeat an entry; the same id with other content is another matter
            return if before.hash == hash { Ok(()) } else { Err(Failure::ConflictingIds) };
        }
        if self.raw.len() >= MOST_ENTRIES {
            return Err(Failure::TooLarge);
        }
        let labels = labels_of(resource, &self.sensitivities)?;
        let labels = self.place_of(labels)?;
        let lenders = lenders(resource, self.resource_type, &self.rewriter.provider);
        let Rewriter { ids, numbers, .. } = &self.rewriter;
        let facets = EntryFacets::read(resource, self.resource_type, ids, numbers.current);
        // what it is found by is what is shown of it: whose it is, its labels and what it contradicts are the source's word
        let mut left = Left::default();
        let told = self.rewriter.told(resource, &mut left)?;
        let (entry, resource_range, tagged) = self.write(told, &local)?;
        let meta = told.get("meta");
        let tokens = self.tokens.read(told, &self.rule)?;
        let references = references::read(told, &self.rule, &self.rewriter.provider);
        let references = self.references.keep(references)?;
        let dates: Box<[Box<[Interval]>]> = self.rule.dates.iter().map(|(_, paths)| intervals(told, paths)).collect();
        let split = Split {
            version: manifest::version_of(resource),
            hash,
            lenders,
            facets,
            entry: Entry {
                entry,
                resource: resource_range,
                tagged,
                local: local.clone().into_boxed_str(),
                labels,
                under_way: word::is_under_way(self.resource_type, resource),
                date: dates.first().and_then(|found| found.iter().map(|i| i.start()).min()),
                last_updated: meta.and_then(|m| m.get("lastUpdated")).and_then(interval_of),
                dates,
                tokens,
                references,
            },
        };
        self.by_local.insert(local, self.raw.len());
        self.raw.push(split);
        Ok(())
    }

    /// Whether finishing it would hold up the event loop.
    pub fn is_heavy(&self) -> bool {
        self.buffer.len() > pages::HEAVY
    }

    /// The other types that lend entries labels: their answers must be there before this one is finished. Of what is asked for
    /// by filters all that might lend are, whatever passed: that one of them fails must not tell whether anything did.
    pub fn lending(&self) -> BTreeSet<ResourceType> {
        if matches!(self.portion, Portion::Matching(_)) {
            return lending_types(self.resource_type).collect();
        }
        let all = self.raw.iter().flat_map(|split| &split.lenders).map(|lender| lender.resource_type);
        all.filter(|lending| *lending != self.resource_type).collect()
    }

    /// The source's own ids of those of a type that lend.
    pub fn lenders_of(&self, lending: ResourceType) -> Vec<Box<str>> {
        let all = self.raw.iter().flat_map(|split| &split.lenders);
        all.filter(|lender| lender.resource_type == lending).map(|lender| lender.local.clone()).collect()
    }

    /// Whether an entry refers to what this answer of a lending type does not hold: it may be newer than the answer.
    pub fn misses(&self, lending: ResourceType, answer: &Answer) -> bool {
        let held: HashSet<&str> = answer.entries.iter().map(|entry| &*entry.local).collect();
        let mut all = self.raw.iter().flat_map(|split| &split.lenders);
        all.any(|lender| lender.resource_type == lending && !held.contains(&*lender.local))
    }

    /// Whether an entry asked for by filters takes its labels from another of its type that did not come with it.
    pub fn misses_its_own(&self) -> bool {
        let own = self
            .raw
            .iter()
            .flat_map(|split| &split.lenders)
            .filter(|lender| lender.resource_type == self.resource_type);
        matches!(self.portion, Portion::Matching(_))
            && own.into_iter().any(|lender| !self.by_local.contains_key(&*lender.local))
    }

    /// What the source calls the entries.
    pub fn into_locals(self) -> HashSet<String> {
        self.by_local.into_keys().collect()
    }

    /// Each entry takes over the labels of its lenders. One whose lender is not to be had, as the source does not serve its type or
    /// does not bring it, is restricted: what would have marked it is not known.
    pub fn inherit(
        &mut self,
        answers: &[(ResourceType, Arc<Answer>)],
        unserved: &[ResourceType],
    ) -> Result<(), Failure> {
        let mut places: HashMap<(ResourceType, &str), u16> = HashMap::new();
        for (lending, answer) in answers {
            places.extend(answer.entries.iter().map(|entry| ((*lending, &*entry.local), entry.labels)));
        }
        // of its own type, as it arrived: what one inherits itself is not passed on
        places.extend(self.raw.iter().map(|split| ((self.resource_type, &*split.entry.local), split.entry.labels)));
        let mut taken: HashMap<Taken, Vec<usize>> = HashMap::new();
        for (at, split) in self.raw.iter().enumerate() {
            let place =
                |lender: &Referred| Some((lender.resource_type, *places.get(&(lender.resource_type, &*lender.local))?));
            let lent: BTreeSet<_> = split.lenders.iter().filter_map(place).collect();
            let asked = |of: ResourceType| {
                of == self.resource_type || unserved.contains(&of) || answers.iter().any(|(one, _)| *one == of)
            };
            let lost = split.lenders.iter().any(|lender| place(lender).is_none() && asked(lender.resource_type));
            if lost || !lent.is_empty() {
                taken.entry((split.entry.labels, lost, lent)).or_default().push(at);
            }
        }
        for ((own, lost, lent), entries) in taken {
            let mut labels = self.labels.get(usize::from(own)).cloned().unwrap_or_default();
            if lost {
                labels.inherit(&Labels::restricted_only());
            }
            for (lending, place) in lent {
                let of_answer = || answers.iter().find(|(one, _)| *one == lending).map(|(_, answer)| &answer.labels);
                let all = if lending == self.resource_type { Some(&self.labels) } else { of_answer() };
                let from = all.and_then(|all| all.get(usize::from(place))).ok_or(Failure::Internal)?;
                labels.inherit(from);
                if !labels.has_at_most(MOST_INHERITED) {
                    return Err(Failure::TooLarge);
                }
            }
            let place = self.place_of(labels)?;
            for at in entries {
                if let Some(split) = self.raw.get_mut(at) {
                    split.entry.labels = place;
                }
            }
        }
        Ok(())
    }

    /// The answer, and the ids whose rows must be stored before it is used.
    pub fn finish(mut self) -> Result<(Answer, HashSet<LongId>), Failure> {
        self.raw.sort_by(|a, b| b.entry.date.cmp(&a.entry.date).then_with(|| a.entry.local.cmp(&b.entry.local)));
        let Rewriter { provider, numbers, resolution, .. } = &self.rewriter;
        let about = resolution.patients.iter().map(|patient| patient.local.as_str().into()).collect();
        let unlabelled = Labels::default();
        let lines = self.raw.iter().map(|Split { entry, version, hash, .. }| {
            let labels = self.labels.get(usize::from(entry.labels)).unwrap_or(&unlabelled);
            manifest::line(self.resource_type, &entry.local, version, hash, labels)
        });
        let items = Items::new(provider.ods, numbers.current, self.resource_type.as_str(), lines)?;
        let mut body = Vec::with_capacity(self.buffer.len());
        let mut entries = Vec::with_capacity(self.raw.len());
        let mut facets = Vec::with_capacity(self.raw.len());
        for Split { mut entry, facets: read, .. } in self.raw {
            let (from, to) = (entry.entry.start, body.len());
            body.extend_from_slice(self.buffer.get(entry.entry).unwrap_or_default());
            entry.resource = entry.resource.start - from + to..entry.resource.end - from + to;
            entry.tagged = entry.tagged - from + to;
            entry.entry = to..body.len();
            entries.push(entry);
            facets.push(read);
        }
        let answer = Answer {
            source: provider.ods,
            fetched_at: Timestamp::now(),
            epoch: 0,
            about,
            entries,
            body: body.into(),
            labels: self.labels,
            tokens: self.tokens.into_all(),
            facets: Facets::of(facets.into_iter()),
            references: self.references.into_all(),
            items: Arc::new(items),
        };
        Ok((answer, self.rewriter.long_ids))
    }

    /// Where the entry, and in it the resource, are in the buffer, and where another tag could be put.
    fn write(&mut self, resource: Value<'_>, local: &str) -> Result<(Range<usize>, Range<usize>, usize), Failure> {
        let id = self.rewriter.id(local);
        let start = self.buffer.len();
        let head = format!(r#"{{"fullUrl":"{}{}/{id}","resource":"#, self.rewriter.base, self.resource_type);
        self.buffer.extend_from_slice(head.as_bytes());
        let from = self.buffer.len();
        let tagged = self.rewriter.write(resource, &id, None, &mut self.buffer)?;
        let to = self.buffer.len();
        // with its comma: an outcome entry always follows, so that neighbours go out as one slice
        self.buffer.extend_from_slice(br#","search":{"mode":"match"}},"#);
        Ok((start..self.buffer.len(), from..to, tagged))
    }

    /// The place of a label set among the answer's, which are few.
    fn place_of(&mut self, labels: Labels) -> Result<u16, Failure> {
        if let Some(known) = self.by_labels.get(&labels) {
            return Ok(*known);
        }
        self.label_bytes += labels.weight();
        let at = u16::try_from(self.labels.len())
            .ok()
            .filter(|_| self.label_bytes <= LABEL_BYTES)
            .ok_or(Failure::TooLarge)?;
        self.labels.push(labels.clone());
        self.by_labels.insert(labels, at);
        Ok(at)
    }
}

fn is_among(referred: &Referred, addresses: &[Box<str>]) -> bool {
    addresses.binary_search(&referred.address().into()).is_ok()
}

fn intervals(resource: Value<'_>, paths: &[&str]) -> Box<[Interval]> {
    let mut found = Vec::new();
    for path in paths {
        resource.each(path, &mut |value| found.extend(interval_of(value)));
    }
    found.into_boxed_slice()
}

#[cfg(test)]
mod tests;
