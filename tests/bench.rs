//! What `./bench` measures has an aim, and docs/BENCH.md tells of all of it. The measuring itself is no test.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails loudly"
)]

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
fn the_document_says_how_each_row_is_measured_and_has_a_figure_for_each_line() {
    let document = text("docs/BENCH.md");
    for row in ROWS {
        assert!(document.contains(&format!("\n| `{row}` | ")), "docs/BENCH.md does not say how {row} is measured");
    }
    for line in LINES {
        assert!(document.contains(&format!("\n| {} | {} | ", line.row, line.what)), "no figure for: {}", line.what);
    }
    assert!(!document.contains("**A smoke run"), "the figures of a smoke run are none");
}
