//! `./bench`: every row of the design's table "Speed", measured beside what it is to be held against, as ratios within one run.
//!
//! What is compared takes turns, round by round, and a line is the median of its rounds' ratios, with the lowest and the
//! highest: so what the machine does meanwhile tells on both sides. Nothing here is a promise of so many a second.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a measurement that goes wrong is to end, and to say where; how far it has come is no part of its answer"
)]

mod aims;
mod delays;
mod gateway;
mod issuer;
mod load;
mod machine;
mod peers;
mod program;
mod providers;
mod records;
mod report;
mod spread;

mod rows {
    pub mod answers;
    pub mod audit;
    pub mod black_hole;
    pub mod epochs;
    pub mod fan_out;
    pub mod hedging;
    pub mod registered;
    pub mod scale;
    pub mod split;
    pub mod token;
}

#[allow(dead_code, reason = "each binary uses its own part of it")]
#[path = "../../tests/common/postgres.rs"]
mod postgres;

use aims::ROWS;
use report::Report;
use std::{fs, process::ExitCode, sync::OnceLock, time::Instant};

/// How much is measured.
#[derive(Clone, Copy)]
pub struct Effort {
    pub quick: bool,
}

impl Effort {
    /// So much of it, or a little in a smoke run.
    pub fn of(self, whole: usize, quick: usize) -> usize {
        if self.quick { quick } else { whole }
    }
}

static BEGAN: OnceLock<Instant> = OnceLock::new();

pub fn progress(what: &str) {
    eprintln!("[{:4}s] {what}", BEGAN.get_or_init(Instant::now).elapsed().as_secs());
}

/// Where the table goes, whole and in short: between these lines.
const DOCUMENT: &str = "docs/BENCH.md";
const README: &str = "README.md";
const FROM: &str = "<!-- measured by ./bench -->\n";
const TO: &str = "<!-- to here -->";

fn write(file: &str, table: &str) {
    let text = fs::read_to_string(file).expect("the document is there");
    let (before, rest) = text.split_once(FROM).expect("it has a place for the table");
    let (_, after) = rest.split_once(TO).expect("the place has an end");
    fs::write(file, format!("{before}{FROM}\n{table}\n{TO}{after}")).expect("the document is written");
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [bare, file] = arguments.as_slice()
        && bare == peers::BARE
    {
        return peers::be_bare(file).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
    }
    // cargo says that it is a benchmark
    let chosen: Vec<&str> = arguments.iter().map(String::as_str).filter(|one| *one != "--bench").collect();
    let (options, rows): (Vec<&str>, Vec<&str>) = chosen.iter().partition(|one| one.starts_with('-'));
    let known = options.iter().all(|one| ["--quick", "--write"].contains(one));
    // the tables in the documents are of whole runs
    let known = known && (chosen.len() == 1 || !options.contains(&"--write"));
    if !known || !rows.iter().all(|row| ROWS.contains(row)) {
        eprintln!("./bench [--quick] [ROW...]\n./bench --write\nrows: {}", ROWS.join(" "));
        return ExitCode::FAILURE;
    }
    let effort = Effort { quick: options.contains(&"--quick") };
    let rows = if rows.is_empty() { ROWS.to_vec() } else { rows };
    machine::note_load();
    machine::pin(std::process::id(), machine::MEASURING);
    progress("begun");
    let mut report = Report::default();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(measure(&rows, effort, &mut report));
    report.is_whole(&rows);
    let table = report.markdown(effort.quick);
    println!("{table}");
    if options.contains(&"--write") {
        write(DOCUMENT, &table);
        write(README, &report.summary());
    }
    ExitCode::SUCCESS
}

async fn measure(rows: &[&str], effort: Effort, report: &mut Report) {
    let has = |row: &str| rows.contains(&row);
    if has("memory") || has("audited") {
        rows::answers::measure(effort, report, has("memory"), has("audited")).await;
    }
    if has("token") {
        rows::token::measure(effort, report).await;
    }
    if has("audit") {
        rows::audit::measure(effort, report).await;
    }
    if has("epochs") {
        rows::epochs::measure(effort, report).await;
    }
    if has("split") {
        rows::split::measure(effort, report);
    }
    if has("fan-out") {
        rows::fan_out::measure(effort, report).await;
    }
    if has("hedging") {
        rows::hedging::measure(effort, report).await;
    }
    if has("black-hole") {
        rows::black_hole::measure(effort, report).await;
    }
    if has("scale") {
        rows::scale::measure(effort, report).await;
    }
    if has("registered") {
        rows::registered::measure(effort, report).await;
    }
}
