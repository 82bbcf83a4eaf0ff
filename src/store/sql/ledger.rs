//! The disclosure ledger's statements.

pub(in crate::store) const DRAWN: &str = "SELECT size FROM disclosure_drawn WHERE log = $1";
pub(in crate::store) const BEGIN_DRAWING: &str =
    "INSERT INTO disclosure_drawn (log, size) VALUES ($1, 0) ON CONFLICT DO NOTHING";
/// Only from where the last draw ended: of two nodes at it, one.
pub(in crate::store) const DRAW: &str = "UPDATE disclosure_drawn SET size = $3 WHERE log = $1 AND size = $2";
pub(in crate::store) const ENTER: &str = "INSERT INTO disclosure (source, at, log, idx) VALUES ($1, $2, $3, $4)";
pub(in crate::store) const ADD: &str = "INSERT INTO disclosure_day (source, day, recipient, releases, items) \
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (source, day, recipient) \
    DO UPDATE SET releases = disclosure_day.releases + excluded.releases, items = disclosure_day.items + excluded.items";
pub(in crate::store) const DISCLOSURES: &str = "SELECT at, log, idx FROM disclosure \
    WHERE source = $1 AND at >= $2 AND at < $3 AND (at, log, idx) < ($4, $5, $6) ORDER BY at DESC, log DESC, idx DESC LIMIT $7";
pub(in crate::store) const TOTALS: &str = "SELECT day, recipient, releases, items FROM disclosure_day \
    WHERE source = $1 AND day >= $2 AND day < $3 ORDER BY day DESC, releases DESC, recipient";
