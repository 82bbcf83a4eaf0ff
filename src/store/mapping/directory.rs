use super::{json, ods, text};
use crate::{
    access::{Listed, Recorder},
    domain::{StoreError, Timestamp},
    registry::directory::{Content, Decided, Entry, EntryState, Staged},
};

/// listed, version, state, content, by issuer, subject, organisation, through its system, at; decided by issuer, subject,
/// organisation, at, reason.
pub(in crate::store) type EntryCells = (
    String,
    i64,
    String,
    String,
    String,
    String,
    Option<String>,
    bool,
    i64,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<String>,
);

pub(in crate::store) fn entry(cells: EntryCells) -> Result<Entry, StoreError> {
    let (
        listed,
        version,
        state,
        content,
        issuer,
        subject,
        of,
        by_system,
        at,
        judge,
        judge_subject,
        judge_of,
        when,
        why,
    ) = cells;
    let content = match Listed::parse(&listed).ok_or(StoreError::Corrupt)? {
        Listed::Organization => Content::Organization(json(&content)?),
        Listed::Endpoint => Content::Endpoint(json(&content)?),
    };
    let decided = match (judge, judge_subject, when) {
        (Some(issuer), Some(subject), Some(at)) => {
            Some(Decided { by: recorder(issuer, subject, judge_of)?, at: Timestamp(at), reason: why })
        }
        (None, None, None) => None,
        // half a decision is nobody's
        _ => return Err(StoreError::Corrupt),
    };
    let state = EntryState::parse(&state).ok_or(StoreError::Corrupt)?;
    let (by, at) = (recorder(issuer, subject, of)?, Timestamp(at));
    Ok(Entry { version, content, state, by, by_system, at, decided })
}

pub(in crate::store) fn content(content: &Content) -> Result<String, StoreError> {
    match content {
        Content::Organization(organisation) => text(organisation),
        Content::Endpoint(endpoint) => text(endpoint),
    }
}

/// stages, reason, by issuer, subject, organisation, at.
pub(in crate::store) type StagedCells = (String, String, String, String, Option<String>, i64);

pub(in crate::store) fn staged(cells: StagedCells) -> Result<Staged, StoreError> {
    let (stages, reason, issuer, subject, organisation, at) = cells;
    let by = recorder(issuer, subject, organisation)?;
    Ok(Staged { stages: json(&stages)?, reason, by, at: Timestamp(at) })
}

fn recorder(issuer: String, subject: String, organisation: Option<String>) -> Result<Recorder, StoreError> {
    Ok(Recorder { issuer, subject, organisation: organisation.as_deref().map(ods).transpose()? })
}
