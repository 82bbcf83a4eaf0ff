//! What is measured, and what it is to come to: the table "Speed" of the design. `tests/bench.rs` holds docs/BENCH.md to it.

/// The rows that `./bench ROW` chooses among, in the order of the table.
pub const ROWS: [&str; 11] = [
    "memory",
    "token",
    "audited",
    "audit",
    "epochs",
    "split",
    "fan-out",
    "hedging",
    "black-hole",
    "scale",
    "registered",
];

/// One line of the table that `./bench` prints.
#[derive(Debug)]
pub struct Line {
    pub row: &'static str,
    pub what: &'static str,
    pub aim: Aim,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Aim {
    AtLeast(f64),
    AtMost(f64),
    /// The design sets none: it is told, and not judged.
    NoneSet,
}

use Aim::{AtLeast, AtMost, NoneSet};

const fn line(row: &'static str, what: &'static str, aim: Aim) -> Line {
    Line { row, what, aim }
}

pub const TOKEN_AND_DECISION: Line =
    line("memory", "remembered token + decision, as a share of the CPU of a bare actix answer of 20 KB", AtMost(0.05));
pub const CACHED: Line =
    line("memory", "requests/s of a release from the cache (SQLite) over nginx's, 20 KB, 64 connections", NoneSet);
pub const VERIFIED_ONCE: Line =
    line("token", "verifications for each token, over a hundred requests with it", AtMost(1.0));
pub const ES256: Line = line("token", "a remembered token over a first-seen one, ES256", NoneSet);
pub const RS256: Line = line("token", "a remembered token over a first-seen one, RS256", NoneSet);
pub const SQLITE_64: Line = line("audited", "requests/s over nginx's: 20 KB, 64 connections, SQLite", NoneSet);
pub const POSTGRES_64: Line =
    line("audited", "requests/s over nginx's: 20 KB, 64 connections, PostgreSQL on the gateway's core", NoneSet);
pub const SQLITE_256: Line = line("audited", "requests/s over nginx's: 20 KB, 256 connections, SQLite", AtLeast(0.85));
pub const POSTGRES_256: Line =
    line("audited", "requests/s over nginx's: 20 KB, 256 connections, PostgreSQL on the gateway's core", AtLeast(0.85));
pub const SQLITE_LARGE: Line = line("audited", "requests/s over nginx's: 200 KB, 64 connections, SQLite", AtLeast(1.2));
pub const POSTGRES_LARGE: Line =
    line("audited", "requests/s over nginx's: 200 KB, 64 connections, PostgreSQL on the other core", AtLeast(1.2));
pub const AUDIT_POSTGRES_1: Line =
    line("audit", "audit rows/s over a plain INSERT's, PostgreSQL, 1 waiting", AtLeast(0.9));
pub const AUDIT_POSTGRES_64: Line =
    line("audit", "audit rows/s over a plain INSERT's, PostgreSQL, 64 waiting", AtLeast(0.9));
pub const AUDIT_POSTGRES_256: Line =
    line("audit", "audit rows/s over a plain INSERT's, PostgreSQL, 256 waiting", AtLeast(0.9));
pub const AUDIT_SQLITE_1: Line = line("audit", "audit rows/s over a plain INSERT's, SQLite, 1 waiting", AtLeast(0.9));
pub const AUDIT_SQLITE_64: Line = line("audit", "audit rows/s over a plain INSERT's, SQLite, 64 waiting", AtLeast(0.9));
pub const AUDIT_SQLITE_256: Line =
    line("audit", "audit rows/s over a plain INSERT's, SQLite, 256 waiting", AtLeast(0.9));
pub const STRICT: Line = line(
    "epochs",
    "64 releases with 64 epochs locked and read, over the same with them only read: time, PostgreSQL",
    AtMost(1.1),
);
pub const GUARDED_POSTGRES: Line =
    line("epochs", "rows/s of the log with guards over without, 64 waiting, PostgreSQL", NoneSet);
pub const GUARDED_SQLITE: Line =
    line("epochs", "rows/s of the log with guards over without, 64 waiting, SQLite", NoneSet);
pub const SPLIT: Line =
    line("split", "MB/s of a provider's answer made ready to send, over an IgnoredAny scan's", AtLeast(0.55));
pub const FAN_OUT_P50: Line = line("fan-out", "whole answer of 8 providers over the slowest alone, p50", AtMost(1.005));
pub const FAN_OUT_P99: Line = line("fan-out", "whole answer of 8 providers over the slowest alone, p99", AtMost(1.005));
pub const HEDGED_P99: Line = line("hedging", "p99 hedged over unhedged", AtMost(0.46));
pub const HEDGES: Line = line("hedging", "calls hedged over unhedged", AtMost(1.055));
pub const BLACK_HOLE: Line =
    line("black-hole", "p99 beyond the deadline of a provider that never answers, in ms", AtMost(50.0));
pub const EJECTED: Line = line("black-hole", "p99 once it is ejected, over the p99 while all answer", AtMost(1.1));
pub const START: Line = line("scale", "start-up with 3,000 providers, over 10", NoneSet);
pub const PLANNING: Line =
    line("scale", "CPU of a cached release with 2,990 more providers registered, over without them", NoneSet);
pub const IDLE: Line = line("scale", "MB of the gateway, idle, 3,000 providers asked once", AtMost(370.0));
pub const GROWTH: Line = line("scale", "GB a year of audit, 2 M queries a day, a row each, PostgreSQL", AtMost(390.0));
pub const PEAK: Line = line("scale", "peak memory over the bytes accepted, large answers", AtMost(5.0));
pub const REGISTERED_START: Line =
    line("registered", "start-up with 3,000 registered endpoints, over 10", AtMost(10.0));
pub const REGISTERED_PLANNING: Line = line(
    "registered",
    "CPU of a cached release with 3,000 registered endpoints that are not live, over 10",
    AtMost(1.5),
);
pub const REGISTERED_LIVE: Line = line(
    "registered",
    "CPU of a cached release with 3,000 registered endpoints live, asked by pointers, over 10",
    AtMost(1.5),
);
pub const REGISTERED_OPERATORS: Line =
    line("registered", "CPU of the operators' page of all with 3,000 registered endpoints, over 10", AtMost(5.0));
pub const REGISTERED_PAGE: Line =
    line("registered", "CPU of an organisation's own page with 3,000 registered endpoints, over 10", AtMost(1.5));

pub const LINES: [&Line; 37] = [
    &TOKEN_AND_DECISION,
    &CACHED,
    &VERIFIED_ONCE,
    &ES256,
    &RS256,
    &SQLITE_64,
    &POSTGRES_64,
    &SQLITE_256,
    &POSTGRES_256,
    &SQLITE_LARGE,
    &POSTGRES_LARGE,
    &AUDIT_POSTGRES_1,
    &AUDIT_POSTGRES_64,
    &AUDIT_POSTGRES_256,
    &AUDIT_SQLITE_1,
    &AUDIT_SQLITE_64,
    &AUDIT_SQLITE_256,
    &STRICT,
    &GUARDED_POSTGRES,
    &GUARDED_SQLITE,
    &SPLIT,
    &FAN_OUT_P50,
    &FAN_OUT_P99,
    &HEDGED_P99,
    &HEDGES,
    &BLACK_HOLE,
    &EJECTED,
    &START,
    &PLANNING,
    &IDLE,
    &GROWTH,
    &PEAK,
    &REGISTERED_START,
    &REGISTERED_PLANNING,
    &REGISTERED_LIVE,
    &REGISTERED_OPERATORS,
    &REGISTERED_PAGE,
];
