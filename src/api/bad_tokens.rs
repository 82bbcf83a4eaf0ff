use crate::{
    audit::{AuditLog, Kind, Row},
    domain::{RequestId, Timestamp},
};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError, Weak},
    time::Duration,
};

/// Refused tokens, and refusals of tokens, are rows too, but a flood of them must not fill the log: past a rate, one row stands for many.
pub struct BadTokens {
    log: AuditLog,
    window: Mutex<Window>,
}

#[derive(Default)]
struct Window {
    second: i64,
    written: u32,
    /// How many more of each kind since the window began.
    more: HashMap<Refused, (u64, RequestId)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Refused {
    /// `authenticate`, or `token` where one was asked for.
    interaction: &'static str,
    status: u16,
    reason: &'static str,
}

/// Rows of their own a second; the rest of that second is counted together.
const A_SECOND: u32 = 10;

impl BadTokens {
    pub fn new(log: AuditLog) -> Self {
        Self { log, window: Mutex::default() }
    }

    /// Queues the row; what the caller is told tells nothing and does not wait for it.
    pub fn note(&self, interaction: &'static str, status: u16, reason: &'static str, request: RequestId) {
        let refused = Refused { interaction, status, reason };
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let second = Timestamp::now().seconds();
        if window.second != second {
            self.write(&mut window);
            window.second = second;
        }
        if window.written < A_SECOND {
            window.written += 1;
            self.log.abandon(row(refused, request, None));
        } else {
            window.more.entry(refused).or_insert((0, request)).0 += 1;
        }
    }

    /// Writes now and then what has been counted, as long as anyone holds this: a flood that stops is told of too.
    pub async fn keep_flushing(held: Weak<Self>) {
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            let Some(bad_tokens) = held.upgrade() else { return };
            bad_tokens.flush();
        }
    }

    /// Writes what has been counted so far.
    pub fn flush(&self) {
        self.write(&mut self.window.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn write(&self, window: &mut Window) {
        window.written = 0;
        for (refused, (count, request)) in window.more.drain() {
            self.log.abandon(row(refused, request, Some(count)));
        }
    }
}

fn row(refused: Refused, request_id: RequestId, count: Option<u64>) -> Row {
    Row {
        interaction: refused.interaction.to_owned(),
        status: refused.status,
        reason: Some(refused.reason.to_owned()),
        count,
        ..Row::blank(Kind::Refused, request_id)
    }
}
