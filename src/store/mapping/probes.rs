use super::ods;
use crate::{
    access::Recorder,
    domain::{StoreError, Timestamp},
    probe::{Begun, Ended, Kept, Verdict},
};

/// How a verdict is stored that lets an endpoint on.
pub const PASSED: &str = "passed";

/// id, ods, version, issuer, subject, organisation, began, done, total, heard, ended, verdict.
pub type Cells = (String, String, i64, String, String, Option<String>, i64, i64, i64, i64, Option<i64>, Option<String>);

pub fn kept(cells: Cells) -> Result<Kept, StoreError> {
    let (id, code, version, issuer, subject, organisation, began, done, total, heard, ended, verdict) = cells;
    let count = |value: i64| u32::try_from(value).map_err(|_| StoreError::Corrupt);
    let ended = match (ended, verdict.as_deref().and_then(Verdict::parse)) {
        (None, None) => None,
        (Some(at), Some(verdict)) => Some(Ended { at: Timestamp(at), verdict }),
        _ => return Err(StoreError::Corrupt),
    };
    Ok(Kept {
        begun: Begun {
            id: id.parse().map_err(|_| StoreError::Corrupt)?,
            ods: ods(&code)?,
            version,
            by: Recorder { issuer, subject, organisation: organisation.as_deref().map(ods).transpose()? },
            at: Timestamp(began),
        },
        done: count(done)?,
        total: count(total)?,
        heard: Timestamp(heard),
        ended,
    })
}
