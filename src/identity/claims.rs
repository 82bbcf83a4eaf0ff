//! A token's claims, each taken out by the type it must have. A wrong type is never a missing claim.

use super::Reason;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Bounds every text taken from a token: it goes into audit rows.
const TEXT_MAX: usize = 256;

pub(super) struct Claims(Map<String, Value>);

impl Claims {
    pub fn new(claims: Map<String, Value>) -> Self {
        Self(claims)
    }

    /// These, and of what else is said the rest: where both say something, these are right.
    pub fn completed(mut self, more: Map<String, Value>) -> Self {
        for (name, value) in more {
            self.0.entry(name).or_insert(value);
        }
        self
    }

    /// Without any of these names.
    pub fn without(mut self, names: &[&str]) -> Self {
        self.0.retain(|name, _| !names.contains(&name.as_str()));
        self
    }

    /// Whether both say this, and not the same.
    pub fn contradict(&self, more: &Map<String, Value>, name: &str) -> bool {
        matches!((self.0.get(name), more.get(name)), (Some(one), Some(other)) if one != other)
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A text that must be there.
    pub fn text(&self, name: &str) -> Result<&str, Reason> {
        self.text_if_any(name)?.ok_or(Reason::Claim)
    }

    pub fn text_if_any(&self, name: &str) -> Result<Option<&str>, Reason> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => sound(text).map(Some),
            Some(_) => Err(Reason::Claim),
        }
    }

    /// Seconds since 1970, as an integer: `"1"`, `1.0`, `1e9` and `-1` are all refused.
    pub fn seconds(&self, name: &str) -> Result<Option<i64>, Reason> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        value.as_i64().filter(|s| *s >= 0).map(Some).ok_or(Reason::Claim)
    }

    /// One text or a list of texts (`aud`).
    pub fn texts(&self, name: &str) -> Result<Vec<&str>, Reason> {
        match self.0.get(name) {
            None => Err(Reason::Claim),
            Some(Value::Array(items)) => items.iter().map(|i| i.as_str().ok_or(Reason::Claim)).collect(),
            Some(one) => one.as_str().map(|text| vec![text]).ok_or(Reason::Claim),
        }
    }

    /// A claim with a structure of its own.
    pub fn read<'a, T: Deserialize<'a>>(&'a self, name: &str) -> Result<Option<T>, Reason> {
        self.0.get(name).map(T::deserialize).transpose().map_err(|_| Reason::Claim)
    }
}

/// Not empty, not long, no control characters.
pub(super) fn sound(text: &str) -> Result<&str, Reason> {
    let good = !text.is_empty() && text.len() <= TEXT_MAX && !text.chars().any(char::is_control);
    if good { Ok(text) } else { Err(Reason::Claim) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn claims(value: Value) -> Claims {
        Claims::new(value.as_object().cloned().unwrap())
    }

    #[test]
    fn a_time_is_a_whole_number_of_seconds_and_nothing_that_resembles_one() {
        for bad in
            [json!("1"), json!(-1), json!(1.0), json!(1e9), json!(null), json!([1]), json!(true), json!(u64::MAX)]
        {
            assert_eq!(claims(json!({ "exp": bad })).seconds("exp"), Err(Reason::Claim), "{bad}");
        }
        assert_eq!(claims(json!({ "exp": 1 })).seconds("exp"), Ok(Some(1)));
        assert_eq!(claims(json!({})).seconds("exp"), Ok(None));
    }

    #[test]
    fn a_text_is_short_and_printable() {
        for bad in [
            json!(""),
            json!("a\r\nb"),
            json!("\u{0}"),
            json!("\u{1b}[2J"),
            json!("x".repeat(257)),
            json!(1),
            json!(null),
        ] {
            assert_eq!(claims(json!({ "sub": bad })).text("sub"), Err(Reason::Claim), "{bad}");
        }
        assert_eq!(claims(json!({ "sub": "a b" })).text("sub"), Ok("a b"));
        assert_eq!(claims(json!({})).text("sub"), Err(Reason::Claim));
    }
}
