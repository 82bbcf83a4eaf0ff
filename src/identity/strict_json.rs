//! JSON that means one thing only. serde_json's own `Value` silently keeps the last of two members with one name, so
//! that a signer and a verifier could read one token differently; here a repeated name, at any depth and however it
//! is escaped, refuses the whole document.

use super::Reason;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::{cell::Cell, fmt};

/// Reads one JSON object; `Duplicate` if a name is repeated anywhere in it, `Malformed` for anything else.
pub(super) fn object(text: &[u8]) -> Result<Map<String, Value>, Reason> {
    let repeated = Cell::new(false);
    let mut json = serde_json::Deserializer::from_slice(text);
    let read = Strict { repeated: &repeated }.deserialize(&mut json).and_then(|value| json.end().map(|()| value));
    match read {
        Ok(Value::Object(object)) => Ok(object),
        _ if repeated.get() => Err(Reason::Duplicate),
        _ => Err(Reason::Malformed),
    }
}

#[derive(Clone, Copy)]
struct Strict<'a> {
    repeated: &'a Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                self.repeated.set(true);
                return Err(A::Error::custom("a member is repeated"));
            }
            let value = members.next_value_seed(self)?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(element) = elements.next_element_seed(self)? {
            array.push(element);
        }
        Ok(Value::Array(array))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a number"))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_said_twice_is_refused_at_every_depth_and_in_every_escape() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":1}"#,
            r#"{"o":{"a":1,"b":2,"a":3}}"#,
            r#"{"l":[1,{"l":[{"a":1,"a":2}]}]}"#,
            r#"{"a":null,"a":null}"#,
            r#"{"":1,"":1}"#,
        ] {
            assert_eq!(object(text.as_bytes()), Err(Reason::Duplicate), "{text}");
        }
    }

    #[test]
    fn what_is_not_one_json_object_is_refused() {
        let deep = format!("{}{}", r#"{"a":"#.repeat(100_000), "1");
        for text in [
            "",
            "[]",
            "1",
            "\"a\"",
            "{}{}",
            "{} x",
            "{",
            "\u{feff}{}",
            r#"{"a":1,}"#,
            r#"{"a":"\ud800"}"#,
            "{'a':1}",
            &deep,
        ] {
            assert_eq!(object(text.as_bytes()), Err(Reason::Malformed), "{}", text.get(..20).unwrap_or(text));
        }
        assert_eq!(object(b"{\"a\":\"\xff\"}"), Err(Reason::Malformed));
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            ".{0,5}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(".{0,4}", inner, 0..5).prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_object_without_repetition_is_read_as_it_was_written(value in json()) {
            let mut whole = Map::new();
            whole.insert("value".into(), value);
            let text = serde_json::to_vec(&whole).unwrap();
            prop_assert_eq!(object(&text), Ok(whole));
        }
    }
}
