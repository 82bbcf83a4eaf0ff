//! What must hold however a process ends, and whatever the database does: real gateways, killed, drained and starved.
//!
//! Each test has a region, databases and gateways of its own; nothing of theirs outlives the test process. One runs at a
//! time, so that what is measured is measured alone. Beside each promise stands its control where there is one: the same
//! procedure over something unsafe, which must fail.
//!
//! `cargo test --test endurance` takes minutes. `CAREGATE_KILLS=300 cargo test --test endurance kill` kills three hundred
//! times; `cargo test --test endurance -- --ignored --nocapture` prints the requests a second that this build answers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in a test each of these is a failure, and says where"
)]

mod database;
mod drain;
mod kill;
mod load;
mod locator;
mod memory;
mod objection;
mod outage;
mod power;
mod process;
mod recall;
mod single_flight;
mod suspension;
mod tamper;
mod throughput;

#[allow(dead_code, reason = "each test binary uses its own part of it")]
#[path = "../common/postgres.rs"]
mod postgres;
#[allow(dead_code, reason = "each test binary uses its own part of it")]
#[path = "../common/raw.rs"]
mod raw;

/// How often the kill tests kill.
fn kills() -> usize {
    std::env::var("CAREGATE_KILLS").map_or(20, |kills| kills.parse().expect("CAREGATE_KILLS is a number"))
}
