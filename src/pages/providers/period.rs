use super::written::Written;
use crate::pages::Fields;
use serde_json::{Map, Value};

/// A period of two fields, as they were typed; none where both are empty.
pub fn written(fields: &Fields, (from, until): (&str, &str), place: &str, written: &mut Written) -> Option<Value> {
    let mut period = Map::new();
    for (member, field) in [("start", from), ("end", until)] {
        written.came_of(format!("{place}.{member}"), field);
        if !fields.text(field).is_empty() {
            period.insert(member.to_owned(), fields.text(field).into());
        }
    }
    written.came_of(place, from);
    (!period.is_empty()).then(|| period.into())
}
