use super::{log_id, size};
use crate::{
    audit::{DayTotal, Place},
    domain::{StoreError, Timestamp},
};

/// at, log, idx.
pub(in crate::store) fn place((at, log, index): (i64, String, i64)) -> Result<Place, StoreError> {
    Ok(Place { at: Timestamp(at), log: log_id(&log)?, index: size(index)? })
}

/// day, part, times, items.
pub(in crate::store) fn day_total((day, part, times, items): (i64, String, i64, i64)) -> Result<DayTotal, StoreError> {
    Ok(DayTotal { day, part, times: size(times)?, items: size(items)? })
}
