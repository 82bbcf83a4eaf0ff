//! The rules of access, read twice: `tests/checker/`, in Python, was written from docs/ACCESS.md alone, and the gateway must
//! agree with it over HTTP, world by world. `./test` installs what it needs; CONTRIBUTING.md has the run over a million.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "all of it is test code")]

use std::{path::Path, process::Command};

#[test]
fn the_gateway_agrees_with_a_second_reading_of_the_rules_on_thousands_of_random_worlds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("target/test-tools/checker/bin/python");
    if !python.exists() {
        eprintln!("NOT CHECKED: the second reading of the rules needs Python and Hypothesis, which ./test installs");
        return;
    }
    let mut checker = Command::new(python);
    checker.arg(root.join("tests/checker/run.py")).arg("--gateway-binary").arg(env!("CARGO_BIN_EXE_caregate"));
    // with a quarter less than threads have: a request that needs nearly all of its stack would end the program
    checker.env("RUST_MIN_STACK", "1500000");
    let status = checker.args(["--worlds", "6000", "--asks", "40", "--patients", "24"]).status().unwrap();
    assert!(status.success(), "the gateway and docs/ACCESS.md disagree, or a rule was never met with: see above");
}
