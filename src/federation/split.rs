//! A provider's answer, split once: each entry verified to be this patient's, rewritten, its labels and dates read.

use super::{
    Answer, Failure, Items,
    answer::Entry,
    manifest::{self, sha256},
    pages::Take,
    resolution::labels_of,
    rewrite::Rewriter,
    subject,
};
use crate::{
    domain::{Labels, LongId, Timestamp},
    fhir::{
        ResourceType,
        bundle::BundleEntry,
        date::{Interval, interval_of},
        is_id,
        json::Value,
    },
    query::grammar::{self, Rule},
};
use std::{collections::HashMap, sync::Arc};

/// Takes entries as pages bring them, and makes the [`Answer`] of them in the end.
pub struct Splitter {
    rewriter: Rewriter,
    resource_type: ResourceType,
    rule: &'static Rule,
    raw: Vec<Split>,
    by_local: HashMap<String, usize>,
    labels: Vec<Labels>,
    by_labels: HashMap<Labels, u16>,
    buffer: Vec<u8>,
}

/// An entry before all are known and sorted; its ranges are within `buffer`.
struct Split {
    entry: Entry,
    version: String,
    hash: [u8; 32],
}

impl Take for Splitter {
    fn take(&mut self, entry: BundleEntry<'_>) -> Result<(), Failure> {
        self.split(entry)
    }
}

impl Splitter {
    pub fn new(resource_type: ResourceType, rewriter: Rewriter) -> Self {
        Self {
            rewriter,
            resource_type,
            rule: grammar::rule(resource_type),
            raw: Vec::new(),
            by_local: HashMap::new(),
            labels: Vec::new(),
            by_labels: HashMap::new(),
            buffer: Vec::new(),
        }
    }

    fn split(&mut self, entry: BundleEntry<'_>) -> Result<(), Failure> {
        let resource = entry.resource().ok_or(Failure::UnexpectedEntry)?;
        if resource.text("resourceType").as_deref() != Some(self.resource_type.as_str()) {
            return Err(Failure::UnexpectedEntry);
        }
        let Rewriter { provider, patient, resolution, .. } = &self.rewriter;
        subject::verify(resource, self.rule, provider, *patient, resolution)?;
        let local = resource.text("id").filter(|id| is_id(id)).ok_or(Failure::UnexpectedEntry)?.into_owned();
        let hash = sha256(resource.raw());
        if let Some(before) = self.by_local.get(&local).and_then(|at| self.raw.get(*at)) {
            // pages that shift while they are read repeat an entry; the same id with other content is another matter
            return if before.hash == hash { Ok(()) } else { Err(Failure::ConflictingIds) };
        }
        let labels = self.labels(resource)?;
        let (entry, resource_range) = self.write(resource, &local);
        let meta = resource.get("meta");
        let dates: Box<[Box<[Interval]>]> =
            self.rule.dates.iter().map(|(_, paths)| intervals(resource, paths)).collect();
        let split = Split {
            version: meta.and_then(|m| m.text("versionId")).map(|v| v.into_owned()).unwrap_or_default(),
            hash,
            entry: Entry {
                entry,
                resource: resource_range,
                local: local.clone().into_boxed_str(),
                labels,
                date: dates.first().and_then(|found| found.iter().map(|i| i.start()).min()),
                last_updated: meta.and_then(|m| m.get("lastUpdated")).and_then(interval_of),
                dates,
            },
        };
        self.by_local.insert(local, self.raw.len());
        self.raw.push(split);
        Ok(())
    }

    /// The answer, and the ids whose rows must be stored before it is used.
    pub fn finish(mut self) -> (Answer, Vec<LongId>) {
        self.raw.sort_by(|a, b| b.entry.date.cmp(&a.entry.date).then_with(|| a.entry.local.cmp(&b.entry.local)));
        let Rewriter { provider, patient, .. } = &self.rewriter;
        let mut lines = Vec::with_capacity(self.raw.len());
        let unlabelled = Labels::default();
        let mut body = Vec::with_capacity(self.buffer.len());
        let mut entries = Vec::with_capacity(self.raw.len());
        for Split { mut entry, version, hash } in self.raw {
            let labels = self.labels.get(usize::from(entry.labels)).unwrap_or(&unlabelled);
            lines.push(manifest::line(self.resource_type, &entry.local, &version, &hash, labels));
            let (from, to) = (entry.entry.start, body.len());
            body.extend_from_slice(self.buffer.get(entry.entry).unwrap_or_default());
            entry.resource = entry.resource.start - from + to..entry.resource.end - from + to;
            entry.entry = to..body.len();
            entries.push(entry);
        }
        let answer = Answer {
            source: provider.ods,
            fetched_at: Timestamp::now(),
            entries,
            body: body.into(),
            labels: self.labels,
            items: Arc::new(Items::new(provider.ods, *patient, self.resource_type.as_str(), lines)),
        };
        (answer, self.rewriter.long_ids)
    }

    fn write(&mut self, resource: Value<'_>, local: &str) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
        let id = self.rewriter.id(local);
        let start = self.buffer.len();
        let head = format!(r#"{{"fullUrl":"{}{}/{id}","resource":"#, self.rewriter.base, self.resource_type);
        self.buffer.extend_from_slice(head.as_bytes());
        let from = self.buffer.len();
        self.rewriter.write(resource, &id, None, &mut self.buffer);
        let to = self.buffer.len();
        // with its comma: an outcome entry always follows, so that neighbours go out as one slice
        self.buffer.extend_from_slice(br#","search":{"mode":"match"}},"#);
        (start..self.buffer.len(), from..to)
    }

    /// The place of the entry's label set among the answer's, which are few.
    fn labels(&mut self, resource: Value<'_>) -> Result<u16, Failure> {
        let labels = labels_of(resource);
        if let Some(known) = self.by_labels.get(&labels) {
            return Ok(*known);
        }
        let at = u16::try_from(self.labels.len()).map_err(|_| Failure::TooLarge)?;
        self.labels.push(labels.clone());
        self.by_labels.insert(labels, at);
        Ok(at)
    }
}

fn intervals(resource: Value<'_>, paths: &[&str]) -> Box<[Interval]> {
    let mut found = Vec::new();
    for path in paths {
        resource.each(path, &mut |value| found.extend(interval_of(value)));
    }
    found.into_boxed_slice()
}
