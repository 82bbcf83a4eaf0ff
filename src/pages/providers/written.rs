use crate::{
    access::{ContentFault, FaultCode},
    pages::{Fields, input::Faults},
};
use serde_json::Value;

/// A form as the resource that a system would have sent, and of each part of it which field it came of. It is read by the one reader
/// there is: what that says of a part is said of its field.
pub struct Written {
    pub resource: Value,
    places: Vec<(String, String)>,
}

/// What a form's fields are called in a sentence, and what stands in for each while the rest is read.
pub struct FieldKind {
    pub field: &'static str,
    /// "Enter ..."
    pub name: &'static str,
    /// What the reader has nothing against.
    pub stand_in: &'static str,
}

impl Written {
    pub fn new(resource: Value) -> Self {
        Self { resource, places: Vec::new() }
    }

    /// What stands at this path, or below it, came of this field.
    pub fn came_of(&mut self, path: impl Into<String>, field: impl Into<String>) {
        self.places.push((path.into(), field.into()));
    }

    /// The field that a fault's path leads to; none for what no field asks for.
    pub fn field(&self, path: &str) -> Option<&str> {
        let leads = |(place, _): &&(String, String)| {
            path.strip_prefix(place.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let best = self.places.iter().filter(leads).max_by_key(|(place, _)| place.len());
        best.map(|(_, field)| field.as_str())
    }
}

/// Everything that the reader has against a form, field by field: each fault it finds is put out of its way, and it reads on.
pub fn faults(
    filled: &Fields,
    kinds: &[FieldKind],
    write: impl Fn(&Fields) -> Written,
    read: impl Fn(&str) -> Result<(), ContentFault>,
) -> Faults {
    // no form has more fields than that
    const MOST: usize = 60;
    let mut faults = Faults::default();
    let mut left = filled.clone();
    for _ in 0..MOST {
        let written = write(&left);
        let Err(fault) = read(&written.resource.to_string()) else { break };
        let Some(field) = written.field(&fault.path).map(str::to_owned) else {
            faults.add("", fault.diagnostics);
            break;
        };
        let told_already = faults.of(&field).is_some();
        faults.add(&field, in_words(&fault, &field, kinds));
        if told_already {
            break;
        }
        left.set(&field, kind(&field, kinds).map_or("", |kind| kind.stand_in));
    }
    // as the form asks, and not as the resource is read
    let place =
        |field: &str| kinds.iter().position(|one| kind(field, kinds).is_some_and(|kind| kind.field == one.field));
    faults.ordered(place)
}

fn in_words(fault: &ContentFault, field: &str, kinds: &[FieldKind]) -> String {
    let name = kind(field, kinds).map_or("this", |kind| kind.name);
    match fault.code {
        FaultCode::Required => format!("Enter {name}"),
        _ => {
            let (first, rest) = name.split_at_checked(1).unwrap_or_default();
            format!("{}{rest}: {}", first.to_ascii_uppercase(), fault.diagnostics)
        }
    }
}

/// `contact-2-value` is of the kind `contact-value`.
fn kind<'a>(field: &str, kinds: &'a [FieldKind]) -> Option<&'a FieldKind> {
    let plain = |field: &str| field.split('-').filter(|part| part.parse::<u8>().is_err()).collect::<Vec<_>>().join("-");
    kinds.iter().find(|kind| kind.field == field || kind.field == plain(field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_fault_is_said_of_the_field_that_the_part_came_of_and_reading_goes_on() {
        const KINDS: &[FieldKind] = &[
            FieldKind { field: "name", name: "the name", stand_in: "x" },
            FieldKind { field: "contact-value", name: "a number", stand_in: "" },
        ];
        let write = |fields: &Fields| {
            let mut written =
                Written::new(json!({"name": fields.text("name"), "value": fields.text("contact-2-value")}));
            written.came_of("R.name", "name");
            written.came_of("R.telecom[1]", "contact-2-value");
            written
        };
        let read = |text: &str| {
            let fault =
                |path: &str, code| ContentFault { code, path: path.to_owned(), diagnostics: "is odd".to_owned() };
            let value: Value = serde_json::from_str(text).unwrap();
            match (value["name"].as_str().unwrap(), value["value"].as_str().unwrap()) {
                ("", _) => Err(fault("R.name", FaultCode::Required)),
                (_, "odd") => Err(fault("R.telecom[1].value", FaultCode::Value)),
                _ => Ok(()),
            }
        };
        let mut filled = Fields::default();
        filled.set("contact-2-value", "odd");
        let found = faults(&filled, KINDS, write, read);
        assert_eq!(found.of("name"), Some("Enter the name"));
        assert_eq!(found.of("contact-2-value"), Some("A number: is odd"));
        // a path that begins alike is another
        assert_eq!(write(&filled).field("R.telecom[10].value"), None);
        assert_eq!(write(&filled).field("R.name[0]"), Some("name"));
    }
}
