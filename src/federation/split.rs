//! A provider's answer, split once: each entry verified to be this patient's, rewritten, its labels and dates read.

use super::{
    Answer, Failure, Items,
    answer::Entry,
    lenders::{Lender, lenders},
    manifest::{self, sha256},
    marks::labels_of,
    pages::{self, Take},
    rewrite::Rewriter,
    subject,
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
};
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    ops::Range,
    sync::Arc,
};

/// Takes entries as pages bring them, and makes the [`Answer`] of them in the end.
pub struct Splitter {
    rewriter: Rewriter,
    sensitivities: Arc<Sensitivities>,
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
    lenders: Box<[Lender]>,
}

impl Take for Splitter {
    fn take(&mut self, entry: BundleEntry<'_>) -> Result<(), Failure> {
        self.split(entry)
    }
}

impl Splitter {
    pub fn new(resource_type: ResourceType, rewriter: Rewriter, sensitivities: Arc<Sensitivities>) -> Self {
        Self {
            rewriter,
            sensitivities,
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
        let labels = labels_of(resource, &self.sensitivities)?;
        let labels = self.place_of(labels)?;
        let lenders = lenders(resource, self.resource_type, &self.rewriter.provider);
        let (entry, resource_range) = self.write(resource, &local)?;
        let meta = resource.get("meta");
        let dates: Box<[Box<[Interval]>]> =
            self.rule.dates.iter().map(|(_, paths)| intervals(resource, paths)).collect();
        let split = Split {
            version: meta.and_then(|m| m.text("versionId")).map(|v| v.into_owned()).unwrap_or_default(),
            hash,
            lenders,
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

    /// Whether finishing it would hold up the event loop.
    pub fn is_heavy(&self) -> bool {
        self.buffer.len() > pages::HEAVY
    }

    /// The other types that lend entries labels: their answers must be there before this one is finished.
    pub fn lending(&self) -> BTreeSet<ResourceType> {
        let all = self.raw.iter().flat_map(|split| &split.lenders).map(|lender| lender.resource_type);
        all.filter(|lending| *lending != self.resource_type).collect()
    }

    /// Whether an entry refers to what this answer of a lending type does not hold: it may be newer than the answer.
    pub fn misses(&self, lending: ResourceType, answer: &Answer) -> bool {
        let held: HashSet<&str> = answer.entries.iter().map(|entry| &*entry.local).collect();
        let mut all = self.raw.iter().flat_map(|split| &split.lenders);
        all.any(|lender| lender.resource_type == lending && !held.contains(&*lender.local))
    }

    /// Each entry takes over the labels of its lenders, where the source holds them about this patient.
    pub fn inherit(&mut self, answers: &[(ResourceType, Arc<Answer>)]) -> Result<(), Failure> {
        let mut labelled: HashMap<(ResourceType, &str), &Labels> = HashMap::new();
        for (lending, answer) in answers {
            let all = answer.entries.iter().filter_map(|entry| Some((&*entry.local, answer.labels_of(entry)?)));
            labelled.extend(all.map(|(local, labels)| ((*lending, local), labels)));
        }
        let own = |at: &usize| self.labels.get(usize::from(self.raw.get(*at)?.entry.labels));
        let lent = |lender: &Lender| match lender.resource_type {
            own_type if own_type == self.resource_type => self.by_local.get(&*lender.local).and_then(own),
            other => labelled.get(&(other, &*lender.local)).copied(),
        };
        let mut changed = Vec::new();
        for (at, split) in self.raw.iter().enumerate() {
            let more: Vec<&Labels> =
                split.lenders.iter().filter_map(lent).filter(|labels| !labels.is_empty()).collect();
            if !more.is_empty() {
                let mut labels = own(&at).cloned().unwrap_or_default();
                more.into_iter().for_each(|lent| labels.inherit(lent));
                changed.push((at, labels));
            }
        }
        for (at, labels) in changed {
            let place = self.place_of(labels)?;
            if let Some(split) = self.raw.get_mut(at) {
                split.entry.labels = place;
            }
        }
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
        for Split { mut entry, version, hash, lenders: _ } in self.raw {
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

    fn write(&mut self, resource: Value<'_>, local: &str) -> Result<(Range<usize>, Range<usize>), Failure> {
        let id = self.rewriter.id(local);
        let start = self.buffer.len();
        let head = format!(r#"{{"fullUrl":"{}{}/{id}","resource":"#, self.rewriter.base, self.resource_type);
        self.buffer.extend_from_slice(head.as_bytes());
        let from = self.buffer.len();
        self.rewriter.write(resource, &id, None, &mut self.buffer)?;
        let to = self.buffer.len();
        // with its comma: an outcome entry always follows, so that neighbours go out as one slice
        self.buffer.extend_from_slice(br#","search":{"mode":"match"}},"#);
        Ok((start..self.buffer.len(), from..to))
    }

    /// The place of a label set among the answer's, which are few.
    fn place_of(&mut self, labels: Labels) -> Result<u16, Failure> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::IdSealer,
        federation::testing::{answer, patient, patient_json, provider, resolution},
        fhir::json::{self, Limits, Tape},
    };

    fn split(resource_type: ResourceType, resources: &[&str]) -> Result<Answer, Failure> {
        let provider = provider("RZ901");
        let held = resolution(&provider, &[patient_json("1", "")]).unwrap();
        answer(&provider, &held, resource_type, resources)
    }

    fn condition(id: &str, more: &str) -> String {
        format!(r#"{{"resourceType":"Condition","id":"{id}","subject":{{"reference":"Patient/1"}}{more}}}"#)
    }

    fn conditions(resources: &[String]) -> Result<Answer, Failure> {
        split(ResourceType::Condition, &resources.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn locals(answer: &Answer) -> Vec<&str> {
        answer.entries.iter().map(|entry| &*entry.local).collect()
    }

    #[test]
    fn entries_come_newest_first_then_by_id_and_those_without_a_date_last() {
        let dated = |id: &str, date: &str| condition(id, &format!(r#","recordedDate":"{date}""#));
        let answer = conditions(&[
            condition("z", ""),
            dated("b", "2024"),
            dated("c", "2025-01-01"),
            dated("a", "2024-01-01"),
            dated("d", "no date"),
        ])
        .unwrap();
        assert_eq!(locals(&answer), ["c", "a", "b", "d", "z"]);
        assert_eq!(answer.items.lines().count(), 5);
        assert!(answer.items.is_whole());
        assert!(
            answer.items.lines().zip(&answer.entries).all(|(l, e)| l.starts_with(&format!("Condition/{} ", e.local)))
        );
    }

    #[test]
    fn what_is_sent_twice_is_kept_once_and_one_id_for_two_things_costs_the_answer() {
        let twice = conditions(&[condition("a", ""), condition("b", ""), condition("a", "")]).unwrap();
        assert_eq!(locals(&twice), ["a", "b"]);
        let conflict = conditions(&[condition("a", ""), condition("a", r#","note":[]"#)]);
        assert_eq!(conflict.err(), Some(Failure::ConflictingIds));
    }

    #[test]
    fn each_entry_keeps_its_own_labels_wherever_its_meta_stands() {
        let label = |code: &str| {
            format!(r#","meta":{{"security":[{{"system":"{}","code":"{code}"}}]}}"#, Labels::CONFIDENTIALITY)
        };
        let entries =
            [condition("a", ""), condition("b", &label("R")), condition("c", &label("N")), condition("d", &label("R"))];
        let answer = conditions(&entries).unwrap();
        let restricted: Vec<_> = answer.entries.iter().map(|e| answer.labels_of(e).unwrap().restricted()).collect();
        assert_eq!(restricted, [false, true, false, true]);
        assert_eq!(answer.labels.len(), 3);
    }

    #[test]
    fn what_was_not_asked_for_has_no_id_or_is_no_resource_costs_the_answer() {
        for odd in [
            r#"{"resourceType":"Observation","id":"a","subject":{"reference":"Patient/1"}}"#.to_owned(),
            r#"{"resourceType":"Condition","subject":{"reference":"Patient/1"}}"#.to_owned(),
            condition("", ""),
            condition("a/b", ""),
            condition(&"x".repeat(65), ""),
            condition("a", r#","meta":null"#),
            "[]".to_owned(),
            "null".to_owned(),
        ] {
            assert_eq!(
                conditions(&[condition("good", ""), odd.clone()]).err(),
                Some(Failure::UnexpectedEntry),
                "{odd}"
            );
        }
        let other = r#"{"resourceType":"Condition","id":"a","subject":{"reference":"Patient/2"}}"#.to_owned();
        assert_eq!(conditions(&[condition("good", ""), other]).err(), Some(Failure::WrongPatient));
    }

    #[test]
    fn an_entry_is_ready_to_send_under_the_gateways_own_id() {
        let answer = conditions(&[condition("a", r#","onsetPeriod":{"start":"2020","end":"2021"}"#)]).unwrap();
        let entry = &answer.entries[0];
        let sent = answer.bytes(&entry.entry);
        let text = std::str::from_utf8(&sent).unwrap().strip_suffix(',').unwrap();
        let mut tape = Tape::new();
        let read = json::parse(text.as_bytes(), &mut Limits::default(), &mut tape).unwrap();
        let resource = read.get("resource").unwrap();
        assert_eq!(resource.raw(), &answer.bytes(&entry.resource)[..]);
        let (id, _) = IdSealer::new(&[7; 32]).entry(provider("RZ901").ods, patient(), "a");
        assert_eq!(resource.text("id").as_deref(), Some(id.as_str()));
        assert_eq!(read.text("fullUrl").unwrap(), format!("https://caregate.example/fhir/Condition/{id}"));
        let onset =
            grammar::rule(ResourceType::Condition).dates.iter().position(|(name, _)| *name == "onset-date").unwrap();
        assert_eq!((entry.dates[onset].len(), entry.date), (1, None));
    }
}
