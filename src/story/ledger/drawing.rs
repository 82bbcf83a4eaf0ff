//! Each organisation's lists, drawn from the log off the path of any request.

use crate::{
    audit::{LogId, StoredRow, ledger},
    domain::Timestamp,
    story::{Ending, Gateway},
};
use std::{sync::Weak, time::Duration};

/// Drawn from the log at once, in one transaction.
const A_DRAW: u32 = 500;
const OWN_LOG: Duration = Duration::from_secs(2);
/// Other nodes draw their own: this is for what a node that is gone has left.
const OTHERS_EVERY: u32 = 30;

/// Draws what has been written down into the lists, as long as anyone holds the gateway, whose own log is `own`.
pub async fn keep_drawing(held: Weak<Gateway>, own: LogId) {
    for round in 0_u32.. {
        tokio::time::sleep(OWN_LOG).await;
        let Some(g) = held.upgrade() else { return };
        let drawn = if round % OTHERS_EVERY == 0 { draw_all(&g).await } else { draw(&g, &own).await };
        if let Err(error) = drawn {
            tracing::warn!(error = error.code(), "what was written down could not be drawn into the ledger");
        }
    }
}

async fn draw_all(g: &Gateway) -> Result<(), Ending> {
    for log in g.reader.logs().await? {
        draw(g, &log).await?;
    }
    Ok(())
}

async fn draw(g: &Gateway, log: &LogId) -> Result<(), Ending> {
    loop {
        let from = g.ledger.drawn(log).await?;
        let rows = g.reader.rows(log, from, A_DRAW).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        let mut lines = Vec::new();
        for stored in &rows {
            // one that was erased before it was drawn tells nothing any more
            lines.extend(stored.row()?.iter().flat_map(|row| ledger::lines(row, stored.index)));
        }
        let until = last.index + 1;
        if !g.ledger.enter(log, from..until, &lines).await? {
            // another node is at it
            return Ok(());
        }
    }
}

/// Up to when the ledger holds all of it: the moment of the first row that is not drawn yet.
pub(super) async fn drawn_until(g: &Gateway) -> Result<Timestamp, Ending> {
    let mut until = Timestamp::now();
    for log in g.reader.logs().await? {
        let (mut from, mut some) = (g.ledger.drawn(&log).await?, 1);
        loop {
            let waiting = g.reader.rows(&log, from, some).await?;
            if let Some(place) = waiting.iter().find_map(StoredRow::place) {
                until = until.min(place.at);
                break;
            }
            // of rows that were erased nobody knows when they were
            let Some(last) = waiting.last() else { break };
            (from, some) = (last.index + 1, A_DRAW);
        }
    }
    Ok(until)
}
