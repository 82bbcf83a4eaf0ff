//! What `./bench` measures has an aim, and docs/BENCH.md tells of all of it. The measuring itself is no test.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails loudly"
)]

const FROM: &str = "<!-- measured by ./bench -->";
const TO: &str = "<!-- to here -->";

#[allow(dead_code, reason = "the names of single lines are the bench's")]
#[path = "../benches/region/aims.rs"]
mod aims;

use aims::{Aim, LINES, ROWS};
use std::{collections::BTreeSet, fs, path::Path};

fn text(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect("the file is there")
}

#[test]
fn every_row_has_a_line_with_an_aim_and_every_line_has_a_row() {
    for row in ROWS {
        let aims: Vec<Aim> = LINES.iter().filter(|line| line.row == row).map(|line| line.aim).collect();
        assert!(aims.iter().any(|aim| *aim != Aim::NoneSet), "{row} has no aim");
    }
    let unknown: Vec<_> = LINES.iter().filter(|line| !ROWS.contains(&line.row)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let names: BTreeSet<&str> = LINES.iter().map(|line| line.what).collect();
    assert_eq!(names.len(), LINES.len(), "each line is told once");
}

#[test]
fn the_document_says_how_each_row_is_measured() {
    let document = text("docs/BENCH.md");
    for row in ROWS {
        assert!(document.contains(&format!("\n| `{row}` | ")), "docs/BENCH.md does not say how {row} is measured");
    }
}

/// Of a run of all rows, by `./bench --write`; or of none.
#[test]
fn a_table_that_is_told_has_every_line_and_no_other() {
    for file in ["docs/BENCH.md", "README.md"] {
        let text = text(file);
        let (_, rest) = text.split_once(FROM).expect("a place for the table");
        let (table, _) = rest.split_once(TO).expect("the place has an end");
        let told: BTreeSet<&str> = table.lines().filter_map(|line| told(line, file)).collect();
        let judged = LINES.iter().filter(|line| file == "docs/BENCH.md" || line.aim != Aim::NoneSet);
        let lines: BTreeSet<&str> = judged.map(|line| line.what).collect();
        assert!(told.is_empty() || told == lines, "{file}: {:?}", told.symmetric_difference(&lines));
    }
}

/// What a row of the table is about.
fn told<'a>(line: &'a str, file: &str) -> Option<&'a str> {
    let mut cells = line.strip_prefix("| ")?.split(" | ");
    let what = if file == "README.md" { cells.next()? } else { cells.nth(1)? };
    (what != "measured").then_some(what)
}
