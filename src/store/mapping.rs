use crate::{
    access::{Basis, ConsentRecord, Objection, Recorder, Relationship},
    audit::{AnswerId, Items, Kept, LogId, PatientRows, StoredCheckpoint, StoredHead, StoredRow},
    domain::{NhsNumber, OdsCode, SealedEntry, StoreError, Timestamp},
};

/// The key of the global epoch, and of its lock; patients' keys are their numbers.
pub(super) const GLOBAL: i64 = -1;

/// A failed call, as the stages see it. The log gets the code alone: messages may quote values.
pub(super) fn failed(error: sqlx::Error) -> StoreError {
    use sqlx::Error::{ColumnDecode, Database, Decode, TypeNotFound};
    let code = match &error {
        Database(error) => error.code().unwrap_or_default().into_owned(),
        ColumnDecode { .. } | Decode(_) | TypeNotFound { .. } => "unreadable".to_owned(),
        sqlx::Error::Io(error) => error.kind().to_string(),
        sqlx::Error::PoolTimedOut => "no connection free".to_owned(),
        _ => "driver".to_owned(),
    };
    tracing::warn!(error.code = code, "a database call failed");
    if code == "unreadable" { StoreError::Corrupt } else { StoreError::Unavailable }
}

/// Where a taken key means that someone else was first.
pub(super) fn failed_or_taken(error: sqlx::Error) -> StoreError {
    match error.as_database_error() {
        Some(error) if error.is_unique_violation() => StoreError::Conflict,
        _ => failed(error),
    }
}

pub(super) fn key(patient: NhsNumber) -> i64 {
    // ten digits fit
    i64::try_from(patient.value()).unwrap_or(i64::MAX)
}

pub(super) fn count(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn size(value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| StoreError::Corrupt)
}

pub(super) fn patient(value: i64) -> Result<NhsNumber, StoreError> {
    let value = u64::try_from(value).map_err(|_| StoreError::Corrupt)?;
    NhsNumber::from_value(value).map_err(|_| StoreError::Corrupt)
}

pub(super) fn ods(text: &str) -> Result<OdsCode, StoreError> {
    OdsCode::parse(text).map_err(|_| StoreError::Corrupt)
}

pub(super) fn log_id(text: &str) -> Result<LogId, StoreError> {
    LogId::parse(text).map_err(|_| StoreError::Corrupt)
}

pub(super) fn all<C, V>(cells: Vec<C>, map: impl Fn(C) -> Result<V, StoreError>) -> Result<Vec<V>, StoreError> {
    cells.into_iter().map(map).collect()
}

pub(super) type ConsentCells = (String, i64, i64, String, bool, String, String, Option<String>, i64, String);

pub(super) fn consent(cells: ConsentCells) -> Result<ConsentRecord, StoreError> {
    let (id, version, number, scope, in_force, issuer, subject, organisation, at, resource) = cells;
    let organisation = organisation.as_deref().map(ods).transpose()?;
    Ok(ConsentRecord {
        id,
        version,
        patient: patient(number)?,
        scope: serde_json::from_str(&scope).map_err(|_| StoreError::Corrupt)?,
        in_force,
        recorded_by: Recorder { issuer, subject, organisation },
        recorded_at: Timestamp(at),
        resource,
    })
}

pub(super) fn scope_text(consent: &ConsentRecord) -> Result<String, StoreError> {
    serde_json::to_string(&consent.scope).map_err(|_| StoreError::Corrupt)
}

/// Organisation, basis, evidence, start, end.
pub(super) type RelationshipCells = (String, String, String, i64, Option<i64>);

pub(super) fn relationship(cells: RelationshipCells) -> Result<Relationship, StoreError> {
    let (organisation, basis, evidence, start, end) = cells;
    let basis = Basis::parse(&basis).ok_or(StoreError::Corrupt)?;
    let (start, end) = (Timestamp(start), end.map(Timestamp));
    Ok(Relationship { organisation: ods(&organisation)?, basis, start, end, evidence })
}

/// log, idx, leaf; nonce, body, kind, at, patient, request_id.
pub(super) type RowCells =
    (String, i64, Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>, Option<i16>, Option<i64>, Option<i64>, Option<Vec<u8>>);

pub(super) fn row(cells: RowCells) -> Result<StoredRow, StoreError> {
    let (log, index, leaf, nonce, body, kind, at, patient, request_id) = cells;
    let kept = match (nonce, body, kind, at, request_id) {
        (Some(nonce), Some(body), Some(kind), Some(at), Some(request_id)) => {
            Some(Kept { nonce, body, kind, at, patient, request_id })
        }
        (None, None, None, None, None) => None,
        // half a row: the tables do not allow it
        _ => return Err(StoreError::Corrupt),
    };
    Ok(StoredRow { log: log_id(&log)?, index: size(index)?, leaf, kept })
}

pub(super) fn head((of, peaks, root): (i64, Vec<u8>, Vec<u8>)) -> Result<StoredHead, StoreError> {
    Ok(StoredHead { size: size(of)?, peaks, root })
}

pub(super) fn checkpoint((of, note): (i64, String)) -> Result<StoredCheckpoint, StoreError> {
    Ok(StoredCheckpoint { size: size(of)?, note })
}

/// answer, source, patient, text.
pub(super) type ItemsCells = (String, String, i64, Vec<u8>);

pub(super) fn items((answer, source, number, text): ItemsCells) -> Result<Items, StoreError> {
    // bytes that are no text any more must reach the verifier as a changed list, not stop it
    let text = String::from_utf8_lossy(&text).into_owned().into();
    Ok(Items { id: AnswerId(answer), source: ods(&source)?, patient: patient(number)?, text })
}

pub(super) fn long_id((source, number, local): (String, i64, String)) -> Result<SealedEntry, StoreError> {
    Ok(SealedEntry { source: ods(&source)?, patient: patient(number)?, local })
}

pub(super) fn objection((id, scope): (String, String)) -> Result<Objection, StoreError> {
    Ok(Objection { id, scope: serde_json::from_str(&scope).map_err(|_| StoreError::Corrupt)? })
}

/// Where a page of a patient's rows begins: time, log and index that they all stand before.
pub(super) fn before(wanted: &PatientRows) -> (i64, &str, i64) {
    match &wanted.before {
        Some(place) => (place.at.0, place.log.as_str(), count(place.index)),
        None => (wanted.during.end.0, "", 0),
    }
}
