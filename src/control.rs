//! The control of the kill tests: the same program, built to answer before the audit has committed. Never shipped.
use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    caregate::cli::run(caregate::cli::Arguments::parse())
}
