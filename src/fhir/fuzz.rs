//! Targets for a fuzzer (CONTRIBUTING.md, "Fuzzing"), and what the targets of other parts are made with.

mod dice;
mod tree;

pub(crate) use dice::Dice;
pub(crate) use tree::Tree;

use super::{
    date::{DateTest, FhirDate, interval_of},
    json::{self, Kind, Limits, Tape, Value},
};
use std::collections::BTreeSet;

/// How deep and how large a text may be here: small enough that both limits are met.
const LIMITS: Limits = Limits { depth: 12, nodes: 60 };

fn tree(value: Value<'_>) -> Tree {
    match value.kind() {
        Kind::Object => Tree::Object(value.members().map(|(key, value)| (key.into_owned(), tree(value))).collect()),
        Kind::Array => Tree::List(value.items().map(tree).collect()),
        Kind::String => Tree::Text(value.as_str().unwrap().into_owned()),
        _ => Tree::Bare(value.raw_str().to_owned()),
    }
}

fn no_key_twice(tree: &Tree) -> bool {
    let keys: BTreeSet<_> = tree.members().iter().map(|(key, _)| key).collect();
    keys.len() == tree.members().len() && tree.children().all(no_key_twice)
}

/// What is read is what serde_json reads, each key once, within the limits and at their price; what is left out is no JSON.
fn read_alike(text: &[u8]) {
    let (mut limits, mut tape) = (LIMITS, Tape::new());
    let read = json::parse(text, &mut limits, &mut tape);
    let other = std::str::from_utf8(text).ok().and_then(Tree::read);
    match (read, other) {
        (Ok(value), Some(other)) => {
            assert_eq!(tree(value), other);
            assert!(no_key_twice(&other));
            let (nodes, depth) = other.size();
            assert_eq!(nodes, LIMITS.nodes - limits.nodes);
            assert!(depth <= LIMITS.depth && nodes as usize <= text.len());
        }
        (Ok(_), None) => panic!("serde_json does not read it"),
        (Err(_), Some(other)) => {
            let (nodes, depth) = other.size();
            let nul = format!("{other:?}").contains("\\0");
            assert!(nodes > LIMITS.nodes || depth > LIMITS.depth || nul || !no_key_twice(&other), "it was refused");
        }
        (Err(_), None) => {}
    }
}

#[test]
fn json_is_read_as_serde_json_reads_it_or_not_at_all() {
    bolero::check!().with_iterations(40_000).for_each(|bytes: &[u8]| {
        read_alike(bytes);
        let mut dice = Dice::new(bytes);
        let text = dice.value();
        read_alike(&dice.spoil(text.into_bytes()));
    });
}

#[test]
fn a_date_is_an_interval_that_its_own_text_passes() {
    bolero::check!().with_iterations(40_000).for_each(|bytes: &[u8]| {
        let mut dice = Dice::new(bytes);
        let year = dice.pick(&["2024", "0001", "9999", "1970", "0000", "20"]);
        let month = dice.pick(&["-02", "-12", "-01", "-13", ""]);
        let day = dice.pick(&["-28", "-29", "-31", "-01", "-00", ""]);
        let time = dice.pick(&["", "T23:59", "T00:00:00", "T12:30:60.9999999", "T24:00", "T00:00:00.000000001"]);
        let zone = dice.pick(&["", "Z", "+14:00", "-14:00", "+00:00", "+14:01", "z"]);
        let text = dice.spoil(format!("{year}{month}{day}{time}{zone}").into_bytes());
        for text in [bytes, &text].into_iter().filter_map(|text| std::str::from_utf8(text).ok()) {
            let Ok(date) = FhirDate::parse(text) else { continue };
            assert!(date.interval.start() < date.interval.end());
            assert!((4..).contains(&text.len()) && text.is_ascii());
            let test = DateTest::parse(text).unwrap();
            assert!(test.matches(date.interval), "{text} is within itself");
            assert_eq!(DateTest::parse(&test.to_string()), Ok(test));
            let year = FhirDate::parse(&text[..4]).unwrap().interval;
            let day_around = year.start() - 86_400_000_000..year.end() + 86_400_000_000;
            assert!(day_around.contains(&date.interval.start()), "{text} is of its year, or a zone away");
            let quoted = format!("\"{text}\"");
            let mut tape = Tape::new();
            let element = json::parse(quoted.as_bytes(), &mut Limits::default(), &mut tape).unwrap();
            assert_eq!(interval_of(element), Some(date.interval));
        }
    });
}
