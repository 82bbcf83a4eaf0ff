//! What must be true of an answer, read by serde_json: written down a second time, and not by way of the code it judges.

use super::super::{
    Answer,
    testing::{BASE, ids, patient},
};
use crate::{
    domain::{EntryId, LongId, NhsNumber, OdsCode, TypeTag},
    fhir::{ResourceType, fuzz::Tree, is_id},
    query::grammar::{Link, Rule},
    registry::Provider,
};
use std::collections::BTreeSet;

pub struct Promises<'a> {
    pub of: ResourceType,
    pub rule: Rule,
    pub provider: &'a Provider,
    pub concealing: bool,
    pub long_ids: &'a [LongId],
}

fn text(text: &str) -> Tree {
    Tree::Text(text.to_owned())
}

fn object(members: &[(&str, Tree)]) -> Tree {
    Tree::Object(members.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
}

impl Promises<'_> {
    pub fn hold(&self, page: &Tree, answer: &Answer) {
        let entries = page.get("entry").map(Tree::items).unwrap_or_default();
        let matches: Vec<&Tree> = entries.iter().filter_map(|entry| entry.get("resource")).collect();
        let matches: Vec<_> =
            matches.into_iter().filter(|one| one.text("resourceType") == Some(self.of.as_str())).collect();
        let given: BTreeSet<_> = matches.iter().filter_map(|one| one.text("id")).collect();
        let sent: BTreeSet<_> = answer.entries.iter().map(|entry| &*entry.local).collect();
        assert_eq!(given, sent, "none is lost, and none is made up");
        assert_eq!(sent.len(), answer.entries.len(), "none comes twice");
        let mut end = 0;
        for entry in &answer.entries {
            assert!(
                entry.entry.start == end
                    && entry.entry.start < entry.resource.start
                    && entry.resource.end < entry.entry.end
            );
            assert!(entry.resource.contains(&entry.tagged));
            end = entry.entry.end;
            let bytes = |range: std::ops::Range<usize>| std::str::from_utf8(&answer.body[range]).unwrap();
            let whole = Tree::read(bytes(entry.entry.clone()).strip_suffix(',').unwrap()).expect("an entry is JSON");
            let resource = Tree::read(bytes(entry.resource.clone())).expect("a resource is JSON");
            assert_eq!(whole.get("resource"), Some(&resource));
            let id = resource.text("id").expect("what is sent has an id");
            assert_eq!(whole.text("fullUrl"), Some(format!("{BASE}{}/{id}", self.of).as_str()));
            assert_eq!(self.opened(id), (None, entry.local.to_string()));
            self.belongs(&resource);
            let (head, tail) = (entry.resource.start..entry.tagged, entry.tagged..entry.resource.end);
            let tagged = Tree::read(&format!("{},{{}}{}", bytes(head), bytes(tail))).expect("a tag can be added");
            assert_eq!(
                tagged.get("meta").and_then(|meta| meta.get("tag")).map(|tags| &tags.items()[1]),
                Some(&object(&[]))
            );
            let given = matches.iter().find(|one| one.text("id") == Some(&entry.local)).unwrap();
            if self.concealing {
                self.tells_no_place(&resource);
            } else {
                self.follows(&self.expected(given), &resource, false);
            }
        }
        assert_eq!(end, answer.body.len());
    }

    /// What an id that was made stands for: the type that refers to it, of a document's; and the source's own id or address.
    fn opened(&self, id: &str) -> (Option<TypeTag>, String) {
        let opened = match ids().open(id).expect("an id of ours") {
            EntryId::Long(digest) => {
                let row = self.long_ids.iter().find(|row| row.digest == digest).expect("its row is to be stored");
                row.entry.clone().into()
            }
            opened => opened,
        };
        let (source, number, stands_for) = match opened {
            EntryId::Entry(entry) => (entry.source, entry.patient, (None, entry.local)),
            EntryId::Document(document) => {
                (document.source, document.patient, (Some(document.referrer), document.address))
            }
            other => panic!("{other:?} is no id of an entry's"),
        };
        assert_eq!((source, number), (self.provider.ods, patient()));
        stands_for
    }

    /// The resource as it came, with what the gateway says of where it is from.
    fn expected(&self, given: &Tree) -> Tree {
        let Provider { ods, name, .. } = self.provider;
        let tag = object(&[("system", text(OdsCode::SYSTEM)), ("code", text(ods.as_str())), ("display", text(name))]);
        let source = text(&format!("{}#{ods}", OdsCode::SYSTEM));
        let (there, mut meta) = match given.get("meta") {
            Some(meta) => (true, meta.members().to_vec()),
            None => (false, Vec::new()),
        };
        let mut front = Vec::new();
        let mut set = |key: &str, first: Option<Tree>, meta: &mut Vec<(String, Tree)>| {
            let Some(first) = first else { return };
            match meta.iter_mut().find(|(name, _)| name == key) {
                Some((_, Tree::List(items))) => items.insert(0, first),
                Some((_, old)) => *old = first,
                None if key == "source" => front.push((key.to_owned(), first)),
                None => front.push((key.to_owned(), Tree::List(vec![first]))),
            }
        };
        let original = given.get("meta").and_then(|meta| meta.get("source")).cloned();
        let original = original.map(|original| {
            let url = "https://caregate.example/StructureDefinition/original-source";
            object(&[("url", text(url)), ("valueUri", original)])
        });
        set("source", Some(source), &mut meta);
        set("extension", original, &mut meta);
        set("tag", Some(tag), &mut meta);
        let meta = Tree::Object([front, meta].concat());
        let mut members = given.members().to_vec();
        match members.iter_mut().find(|(key, _)| key == "meta") {
            Some((_, old)) => *old = meta,
            None => members.insert(0, ("meta".to_owned(), meta)),
        }
        assert!(there || members[0].0 == "meta");
        // what its id stands for was looked at before
        members.iter_mut().filter(|(key, _)| key == "id").for_each(|(_, id)| *id = text("*"));
        Tree::Object(members)
    }

    /// What was sent is what was given, but for references within the source and addresses of attachments.
    fn follows(&self, given: &Tree, sent: &Tree, in_attachment: bool) {
        match (given, sent) {
            (Tree::Object(given), Tree::Object(sent)) => {
                assert_eq!(given.len(), sent.len(), "{given:?} {sent:?}");
                for ((key, given), (same, sent)) in given.iter().zip(sent) {
                    assert_eq!(key, same);
                    match (key.as_str(), given.as_str(), sent.as_str()) {
                        ("id", Some("*"), Some(_)) => {}
                        ("reference", Some(given), Some(sent)) => self.leads(given, sent),
                        ("url", Some(given), Some(sent)) if in_attachment => self.is_fetched_here(given, sent),
                        _ => {
                            let attachment = key.ends_with("ttachment")
                                || ["presentedForm", "photo", "content"].contains(&key.as_str());
                            self.follows(given, sent, attachment);
                        }
                    }
                }
            }
            (Tree::List(given), Tree::List(sent)) => {
                assert_eq!(given.len(), sent.len());
                given.iter().zip(sent).for_each(|(given, sent)| self.follows(given, sent, in_attachment));
            }
            _ => assert_eq!(given, sent),
        }
    }

    fn leads(&self, given: &str, sent: &str) {
        let relative = given.strip_prefix("https://rz901.example/fhir/").unwrap_or(given);
        let parts: Vec<_> = relative.split('/').collect();
        let local = match parts[..] {
            [name, id] => Some((name, id)),
            [name, id, "_history", version] if is_id(version) => Some((name, id)),
            _ => None,
        };
        let is_name = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(|c| c.is_ascii_alphabetic())
        };
        match local.filter(|(name, id)| is_name(name) && is_id(id)) {
            None => assert_eq!(given, sent),
            Some(("Patient", "1" | "2")) => assert_eq!(sent, self.our_patient()),
            Some((name, id)) => {
                let (same, sealed) = sent.split_once('/').unwrap();
                assert_eq!((name, (None, id.to_owned())), (same, self.opened(sealed)));
            }
        }
    }

    fn is_fetched_here(&self, given: &str, sent: &str) {
        if given == sent {
            return assert!(given.is_empty() || given.to_ascii_lowercase().starts_with("data:"), "{given}");
        }
        if sent == "about:invalid" {
            return assert!(given.len() > 2048, "{given}");
        }
        let address = match given.strip_prefix("https://rz901.example/fhir/") {
            Some(binary) if binary.starts_with("Binary/") => binary,
            _ => given,
        };
        let id = sent.strip_prefix(BASE).and_then(|path| path.strip_prefix("Binary/")).expect("an address of ours");
        assert_eq!(self.opened(id), (Some(TypeTag::of(self.of.as_str())), address.to_owned()));
    }

    fn our_patient(&self) -> String {
        format!("Patient/{}", ids().patient(patient()))
    }

    /// All that its type says whose it is by says that it is this patient's, in lists of lists too.
    fn belongs(&self, sent: &Tree) {
        let Some(path) = self.rule.link.path() else { return };
        let mut found = vec![sent];
        for name in path.split('.') {
            found = found.into_iter().flat_map(flat).filter_map(|value| value.get(name)).collect();
        }
        let found: Vec<_> = found.into_iter().flat_map(flat).collect();
        let is_ours = |link: &&Tree| self.ours(sent, link) == Some(true);
        let is_anothers = |link: &&Tree| self.ours(sent, link) == Some(false);
        assert!(!found.iter().any(is_anothers), "another patient's came out: {sent:?}");
        match self.rule.link {
            Link::Target(_) => {}
            // concealing takes an address that names the source away with all of it
            _ if self.concealing => {}
            Link::Actor => assert!(found.iter().any(is_ours), "it is nobody's: {sent:?}"),
            _ => assert!(!found.is_empty() && found.iter().all(is_ours), "it is not all this patient's: {sent:?}"),
        }
    }

    /// By a reference, and by an NHS number, of its own or of a contained Patient's; `None` where it says no patient.
    fn ours(&self, sent: &Tree, link: &Tree) -> Option<bool> {
        let number = numbers(link);
        let reference = link.text("reference").and_then(|to| match to.split_once('/') {
            _ if to == self.our_patient() => Some(true),
            Some((name, id)) if name.eq_ignore_ascii_case("Patient") && is_id(id) => Some(false),
            _ => to.strip_prefix('#').and_then(|id| {
                let inside = sent.get("contained").into_iter().flat_map(flat);
                let named =
                    inside.filter(|one| one.text("id") == Some(id) && one.text("resourceType") == Some("Patient"));
                named.filter_map(numbers).reduce(|one, other| one && other)
            }),
        });
        match (reference, number) {
            (Some(one), Some(other)) => Some(one && other),
            (one, other) => one.or(other),
        }
    }

    fn tells_no_place(&self, sent: &Tree) {
        if let Some(text) = sent.as_str() {
            let lower = text.to_lowercase();
            let is_said = lower.contains(&self.provider.name.to_lowercase()) || lower.contains("rz901.example");
            let is_coded = text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == "RZ901");
            assert!(!is_said && !is_coded, "{text}");
        }
        assert!(
            !["Organization", "Location"].iter().any(|place| sent.text("resourceType") == Some(place))
                || sent.get("name").is_none()
        );
        sent.children().for_each(|inner| self.tells_no_place(inner));
    }
}

/// The value itself, or what is in it where it is a list, however deep.
fn flat(value: &Tree) -> Vec<&Tree> {
    if let Tree::List(items) = value { items.iter().flat_map(flat).collect() } else { vec![value] }
}

/// Whether all NHS numbers it is identified by, but those given up, are this patient's; `None` where there is none.
fn numbers(named: &Tree) -> Option<bool> {
    let all = named.get("identifier").into_iter().flat_map(flat);
    let current = all.filter(|one| one.text("use") != Some("old") && one.text("system") == Some(NhsNumber::SYSTEM));
    let ours = current.filter_map(|one| Some(one.get("value")?.as_str() == Some(&patient().digits())));
    ours.reduce(|one, other| one && other)
}
