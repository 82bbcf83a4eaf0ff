use clap::Parser as _;
use std::process::ExitCode;

#[cfg(feature = "control-answer-before-commit")]
compile_error!(
    "only `caregate-control` may be built with this feature: a `caregate` answers after its audit has committed"
);

fn main() -> ExitCode {
    caregate::cli::run(caregate::cli::Arguments::parse())
}
