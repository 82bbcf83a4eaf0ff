//! JSON as its tokens: members in their order, numbers and strings as they are spelt. And the gateway's listed rewrites,
//! undone: what is left of an answer must be what the source holds.

use crate::harness::ODS;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

#[derive(Clone, Debug, PartialEq)]
pub enum Tokens {
    Object(Vec<(String, Tokens)>),
    Array(Vec<Tokens>),
    /// A string, number or literal, as it is spelt.
    Spelt(String),
}

impl Tokens {
    pub fn parse(json: &str) -> Self {
        let json = json.trim();
        match json.as_bytes().first() {
            Some(b'{') => {
                let Members(members) = serde_json::from_str(json).unwrap();
                Self::Object(members.into_iter().map(|(name, raw)| (name, Self::parse(raw.get()))).collect())
            }
            Some(b'[') => {
                let items: Vec<Box<RawValue>> = serde_json::from_str(json).unwrap();
                Self::Array(items.iter().map(|raw| Self::parse(raw.get())).collect())
            }
            _ => Self::Spelt(json.to_owned()),
        }
    }

    pub fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members.iter().find(|(one, _)| one == name).map(|(_, value)| value)
    }

    pub fn items(&self) -> &[Self] {
        if let Self::Array(items) = self { items } else { &[] }
    }

    pub fn text(&self) -> Option<String> {
        if let Self::Spelt(spelt) = self { serde_json::from_str(spelt).ok() } else { None }
    }

    fn members(&mut self) -> &mut Vec<(String, Self)> {
        if let Self::Object(members) = self { members } else { panic!("not an object: {self}") }
    }

    /// Every literal reference in it, in order.
    pub fn references(&self) -> Vec<String> {
        match self {
            Self::Object(members) => {
                let own = |(name, value): &(String, Self)| {
                    let here = (name == "reference").then(|| value.text()).flatten();
                    here.map_or_else(|| value.references(), |address| vec![address])
                };
                members.iter().flat_map(own).collect()
            }
            Self::Array(items) => items.iter().flat_map(Self::references).collect(),
            Self::Spelt(_) => Vec::new(),
        }
    }

    /// The resource with its id, its references and its attachments' addresses made neutral: what the gateway may write
    /// anew, and what only reading by id can compare.
    pub fn neutral(mut self) -> Self {
        self.members().iter_mut().filter(|(name, _)| name == "id").for_each(|(_, id)| *id = spelt("*"));
        self.addresses(false);
        self
    }

    fn addresses(&mut self, in_attachment: bool) {
        match self {
            Self::Object(members) => {
                for (name, value) in members {
                    let text = value.text();
                    match (name.as_str(), text) {
                        ("reference", Some(address)) => *value = spelt(&without_id(&address)),
                        ("url", Some(address)) if in_attachment && !address.starts_with("data:") => *value = spelt("*"),
                        _ => value.addresses(matches!(
                            name.as_str(),
                            "attachment" | "valueAttachment" | "presentedForm" | "photo"
                        )),
                    }
                }
            }
            Self::Array(items) => items.iter_mut().for_each(|item| item.addresses(in_attachment)),
            Self::Spelt(_) => {}
        }
    }

    /// An answered resource as its source has it, but for what [`Self::neutral`] leaves out. The source's code is answered
    /// beside it. Whatever is not undone here shows as a difference.
    pub fn without_provenance(mut self) -> (String, Self) {
        let mut ods = None;
        let meta = self.members().iter_mut().find(|(name, _)| name == "meta").map(|(_, meta)| meta);
        let meta = meta.expect("every answered resource has a meta").members();
        let tagged = take_first(meta, "tag", |tag| tag.get("system").and_then(Self::text).as_deref() == Some(ODS));
        let tagged = tagged.get("code").and_then(Self::text);
        let is_group = |tag: &Tokens| tag.get("system").and_then(Self::text).as_deref() == Some(SAME_EVENT);
        while meta.iter().any(|(name, tags)| name == "tag" && tags.items().first().is_some_and(is_group)) {
            take_first(meta, "tag", is_group);
        }
        let original = meta.iter().any(|(name, extensions)| {
            name == "extension" && extensions.items().first().is_some_and(|one| extension_url(one) == ORIGINAL)
        });
        let original = original.then(|| take_first(meta, "extension", |one| extension_url(one) == ORIGINAL));
        meta.retain_mut(|(name, value)| {
            if name != "source" {
                return true;
            }
            let source = value.text().unwrap();
            ods = source.strip_prefix(ODS).and_then(|rest| rest.strip_prefix('#')).map(str::to_owned);
            original.iter().for_each(|kept| *value = kept.get("valueUri").unwrap().clone());
            original.is_some()
        });
        if meta.is_empty() {
            self.members().retain(|(name, _)| name != "meta");
        }
        assert_eq!(ods, tagged, "meta.source and the tag name the same organisation");
        (ods.expect("meta.source names an organisation"), self)
    }
}

const SAME_EVENT: &str = "https://caregate.example/CodeSystem/same-event";
const ORIGINAL: &str = "https://caregate.example/StructureDefinition/original-source";

fn extension_url(extension: &Tokens) -> String {
    extension.get("url").and_then(Tokens::text).unwrap_or_default()
}

/// Takes the first item of a list member, and the member with it if that leaves it empty.
fn take_first(members: &mut Vec<(String, Tokens)>, name: &str, is: impl Fn(&Tokens) -> bool) -> Tokens {
    let at = members.iter().position(|(one, _)| one == name).unwrap_or_else(|| panic!("no {name}"));
    let Tokens::Array(items) = &mut members[at].1 else { panic!("{name} is no list") };
    assert!(items.first().is_some_and(is), "{name} does not begin as it should");
    let first = items.remove(0);
    if items.is_empty() {
        members.remove(at);
    }
    first
}

/// `Type/*` for a resource of the same server; anything else as it is.
fn without_id(address: &str) -> String {
    match address.split('/').collect::<Vec<_>>().as_slice() {
        [kind, _] | [kind, _, "_history", _] if kind.starts_with(char::is_uppercase) => format!("{kind}/*"),
        _ => address.to_owned(),
    }
}

fn spelt(text: &str) -> Tokens {
    Tokens::Spelt(serde_json::Value::from(text).to_string())
}

impl fmt::Display for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(members) => {
                f.write_str("{")?;
                for (at, (name, value)) in members.iter().enumerate() {
                    let comma = if at == 0 { "" } else { "," };
                    write!(f, "{comma}{}:{value}", serde_json::Value::from(name.as_str()))?;
                }
                f.write_str("}")
            }
            Self::Array(items) => {
                f.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    let comma = if at == 0 { "" } else { "," };
                    write!(f, "{comma}{item}")?;
                }
                f.write_str("]")
            }
            Self::Spelt(spelt) => f.write_str(spelt),
        }
    }
}

struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

#[test]
fn a_changed_digit_or_a_member_moved_is_a_difference_and_the_listed_rewrites_are_none() {
    let source =
        r#"{"resourceType":"Goal","id":"7","meta":{"source":"urn:x"},"subject":{"reference":"Patient/1"},"n":1.10}"#;
    let answer = r#"{"resourceType":"Goal","id":"Zz","meta":{"tag":[{"system":"https://fhir.nhs.uk/Id/ods-organization-code","code":"RZ901"}],
        "extension":[{"url":"https://caregate.example/StructureDefinition/original-source","valueUri":"urn:x"}],
        "source":"https://fhir.nhs.uk/Id/ods-organization-code#RZ901"},"subject":{"reference":"Patient/Qq"},"n":1.10}"#;
    let undone = |answer: &str| Tokens::parse(answer).without_provenance().1.neutral().to_string();
    let held = Tokens::parse(source).neutral().to_string();
    assert_eq!(undone(answer), held);
    assert_ne!(undone(&answer.replace("1.10", "1.1")), held);
    assert_ne!(undone(&answer.replace("Patient/Qq", "Group/Qq")), held);
    assert_ne!(undone(&answer.replace(r#","n":1.10"#, "").replacen('{', r#"{"n":1.10,"#, 1)), held);
}
