//! A token's parts and an issuer's documents are JSON that means one thing only: a signer and a verifier must not read
//! one text differently, so it passes the gateway's strict reader before serde takes it apart.

use super::Reason;
use crate::fhir::json::{self, JsonFault, Limits, Tape};
use serde_json::{Map, Value};

/// Reads one JSON object; `Duplicate` if a name is repeated anywhere in it, `Malformed` for anything else.
pub(super) fn object(text: &[u8]) -> Result<Map<String, Value>, Reason> {
    json::parse(text, &mut Limits::default(), &mut Tape::new()).map_err(|fault| match fault {
        JsonFault::DuplicateKey(_) => Reason::Duplicate,
        _ => Reason::Malformed,
    })?;
    serde_json::from_slice(text).map_err(|_| Reason::Malformed)
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
            r#"{"a":"\u0000"}"#,
            r#"{"a":1e999}"#,
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
            "\\PC{0,5}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("\\PC{0,4}", inner, 0..5)
                    .prop_map(|m| Value::Object(m.into_iter().collect())),
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
