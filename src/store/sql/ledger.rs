//! The statements of the lists that are drawn from the log.

pub(in crate::store) const DRAWN: &str = "SELECT size FROM ledger_drawn WHERE log = $1";
pub(in crate::store) const BEGIN_DRAWING: &str =
    "INSERT INTO ledger_drawn (log, size) VALUES ($1, 0) ON CONFLICT DO NOTHING";
/// Only from where the last draw ended: of two nodes at it, one.
pub(in crate::store) const DRAW: &str = "UPDATE ledger_drawn SET size = $3 WHERE log = $1 AND size = $2";
pub(in crate::store) const ENTER: &str =
    "INSERT INTO ledger (organisation, list, at, log, idx) VALUES ($1, $2, $3, $4, $5)";
pub(in crate::store) const ADD: &str = "INSERT INTO ledger_day (organisation, list, day, part, times, items) \
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (organisation, list, day, part) \
    DO UPDATE SET times = ledger_day.times + excluded.times, items = ledger_day.items + excluded.items";
pub(in crate::store) const PLACES: &str = "SELECT at, log, idx FROM ledger \
    WHERE organisation = $1 AND list = $2 AND at >= $3 AND at < $4 AND (at, log, idx) < ($5, $6, $7) \
    ORDER BY at DESC, log DESC, idx DESC LIMIT $8";
pub(in crate::store) const TOTALS: &str = "SELECT day, part, times, items FROM ledger_day \
    WHERE organisation = $1 AND list = $2 AND day >= $3 AND day < $4 ORDER BY day DESC, times DESC, part";
