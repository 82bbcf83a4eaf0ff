use super::{log_id, ods, size};
use crate::{
    audit::{DayTotal, Place},
    domain::{StoreError, Timestamp},
};

/// at, log, idx.
pub(in crate::store) fn place((at, log, index): (i64, String, i64)) -> Result<Place, StoreError> {
    Ok(Place { at: Timestamp(at), log: log_id(&log)?, index: size(index)? })
}

/// day, recipient, releases, items.
pub(in crate::store) fn day_total((day, to, releases, items): (i64, String, i64, i64)) -> Result<DayTotal, StoreError> {
    let to = Some(to).filter(|to| !to.is_empty()).as_deref().map(ods).transpose()?;
    Ok(DayTotal { day, to, releases: size(releases)?, items: size(items)? })
}
