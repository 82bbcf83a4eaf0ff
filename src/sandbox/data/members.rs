use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use std::fmt;

/// The members of a JSON object in their order, each value as its own bytes: what is not touched stays as it was.
pub struct Members(Vec<(String, Box<RawValue>)>);

impl Members {
    pub fn parse(json: &str) -> serde_json::Result<Self> {
        serde_json::from_str(json)
    }

    pub fn has(&self, key: &str) -> bool {
        self.0.iter().any(|(name, _)| name == key)
    }

    /// One member read as a value, for looking at only; null if it is not there.
    pub fn value(&self, key: &str) -> Value {
        let raw = self.0.iter().find(|(name, _)| name == key).map(|(_, raw)| raw.get());
        raw.and_then(|raw| serde_json::from_str(raw).ok()).unwrap_or_default()
    }

    pub fn remove(&mut self, key: &str) {
        self.0.retain(|(name, _)| name != key);
    }

    /// Puts another member at the end, even where one of that name is there already.
    pub fn append(&mut self, key: &str, value: &Value) -> serde_json::Result<()> {
        self.0.push((key.to_owned(), serde_json::value::to_raw_value(value)?));
        Ok(())
    }

    pub fn to_json(&self) -> String {
        let member = |(key, value): &(String, Box<RawValue>)| format!("{}:{value}", Value::from(key.as_str()));
        format!("{{{}}}", self.0.iter().map(member).collect::<Vec<_>>().join(","))
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_left_alone_keep_order_and_bytes() {
        let mut members =
            Members::parse(r#"{"z":1.10,"a":{ "n":12345678901234567 },"subject":{},"k\"":[1e999]}"#).unwrap();
        members.remove("subject");
        assert_eq!(members.to_json(), r#"{"z":1.10,"a":{ "n":12345678901234567 },"k\"":[1e999]}"#);
    }
}
