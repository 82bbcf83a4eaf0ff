//! JSON as serde_json reads it, with the members in their order and the numbers as they are written: a second opinion.

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::fmt;

#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    Object(Vec<(String, Tree)>),
    List(Vec<Tree>),
    Text(String),
    /// A number, `true`, `false` or `null`, to the letter.
    Bare(String),
}

impl Tree {
    pub fn read(text: &str) -> Option<Self> {
        // whole once, so that no part is taken for the whole
        Self::of(serde_json::from_str::<&RawValue>(text).ok()?.get())
    }

    fn of(text: &str) -> Option<Self> {
        match text.as_bytes().first()? {
            b'{' => {
                let Pairs(pairs) = serde_json::from_str(text).ok()?;
                let read = |(key, value): (String, &RawValue)| Some((key, Self::of(value.get())?));
                pairs.into_iter().map(read).collect::<Option<_>>().map(Self::Object)
            }
            b'[' => {
                let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
                items.into_iter().map(|item| Self::of(item.get())).collect::<Option<_>>().map(Self::List)
            }
            b'"' => serde_json::from_str(text).ok().map(Self::Text),
            _ => Some(Self::Bare(text.to_owned())),
        }
    }

    pub fn get(&self, key: &str) -> Option<&Self> {
        self.members().iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    pub fn as_str(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub fn members(&self) -> &[(String, Self)] {
        if let Self::Object(members) = self { members } else { &[] }
    }

    pub fn items(&self) -> &[Self] {
        if let Self::List(items) = self { items } else { &[] }
    }

    /// What is directly inside.
    pub fn children(&self) -> impl Iterator<Item = &Self> {
        self.members().iter().map(|(_, value)| value).chain(self.items())
    }

    /// How many values and keys there are, and how deep they lie.
    pub fn size(&self) -> (u32, u32) {
        let own = u32::from(matches!(self, Self::Object(_) | Self::List(_)));
        let keys = u32::try_from(self.members().len()).unwrap();
        self.children()
            .map(Self::size)
            .fold((1 + keys, own), |(nodes, depth), (more, inner)| (nodes + more, depth.max(own + inner)))
    }
}

struct Pairs<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    all.push(pair);
                }
                Ok(all)
            }
        }
        from.deserialize_map(Members).map(Self)
    }
}
