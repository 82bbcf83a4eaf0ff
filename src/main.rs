use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    caregate::cli::run(caregate::cli::Arguments::parse())
}
