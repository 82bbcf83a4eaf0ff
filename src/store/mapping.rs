mod directory;
mod ledger;
pub(super) mod probes;

pub(super) use directory::{content, entry, staged};
pub(super) use ledger::{day_total, place};

use crate::{
    access::{
        Basis, ClaimRecord, ConsentRecord, ConsentState, InForce, Item, Matter, Objection, Override, OverrideReason,
        Person, Recall, RecallReason, Recorder, Relationship, Relationships, Stages, Terms,
        desk::{DeskPlace, DeskTask, Hold, Notice, Remark, TaskKind},
    },
    alerts::DueNotice,
    audit::{AnswerId, Items, Kept, LogId, Place, StoredCheckpoint, StoredHead, StoredRow},
    domain::{NhsNumber, OdsCode, SealedEntry, StoreError, Timestamp},
    registry::Pointer,
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

pub(super) fn size(value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| StoreError::Corrupt)
}

pub(super) fn patient(value: i64) -> Result<NhsNumber, StoreError> {
    let value = u64::try_from(value).map_err(|_| StoreError::Corrupt)?;
    NhsNumber::from_value(value).map_err(|_| StoreError::Corrupt)
}

pub(super) fn ods(text: &str) -> Result<OdsCode, StoreError> {
    OdsCode::parse(text).map_err(|_| StoreError::Corrupt)
}

/// ods, and its stages as JSON, where it has any.
pub(super) fn stages((source, stages): &(String, Option<String>)) -> Result<(OdsCode, Stages), StoreError> {
    Ok((ods(source)?, stages.as_deref().map(json).transpose()?.unwrap_or_default()))
}

pub(super) fn log_id(text: &str) -> Result<LogId, StoreError> {
    LogId::parse(text).map_err(|_| StoreError::Corrupt)
}

pub(super) fn all<C, V>(cells: Vec<C>, map: impl Fn(C) -> Result<V, StoreError>) -> Result<Vec<V>, StoreError> {
    cells.into_iter().map(map).collect()
}

/// id, version, patient, scope, terms, issuer, subject, organisation, at, resource, state, withdrawer, note; the first
/// version's issuer, subject, organisation.
pub(super) type ConsentCells = (
    String,
    i64,
    i64,
    String,
    Option<String>,
    String,
    String,
    Option<String>,
    i64,
    String,
    String,
    Option<String>,
    Option<String>,
    String,
    String,
    Option<String>,
);

pub(super) fn consent(cells: ConsentCells) -> Result<ConsentRecord, StoreError> {
    let (id, version, number, scope, terms, by, subject, of, at, resource, state, withdrawer, note, first, user, own) =
        cells;
    let recorder = |issuer, subject, organisation: Option<String>| {
        let organisation = organisation.as_deref().map(ods).transpose()?;
        Ok(Recorder { issuer, subject, organisation })
    };
    Ok(ConsentRecord {
        id,
        version,
        patient: patient(number)?,
        terms: self::terms(&scope, terms.as_deref())?,
        state: ConsentState::parse(&state).ok_or(StoreError::Corrupt)?,
        withdrawer: withdrawer.as_deref().map(json).transpose()?,
        note,
        recorded_by: recorder(by, subject, of)?,
        recorded_at: Timestamp(at),
        first_recorded_by: recorder(first, user, own)?,
        resource,
    })
}

/// What of a Consent is stored beside the resource: terms, withdrawer, and the terms as the version before reads them.
pub(super) struct ConsentTexts {
    pub scope: String,
    pub terms: String,
    pub withdrawer: Option<String>,
}

pub(super) fn consent_texts(consent: &ConsentRecord) -> Result<ConsentTexts, StoreError> {
    Ok(ConsentTexts {
        scope: match &consent.terms {
            Terms { covers: Matter { sources, .. }, .. }
                if sources.len() == 1
                    && consent.terms
                        == (Terms {
                            covers: Matter { sources: sources.clone(), ..Matter::default() },
                            ..Terms::default()
                        }) =>
            {
                format!(r#"{{"Source":"{}"}}"#, sources.first().map(OdsCode::as_str).unwrap_or_default())
            }
            // wider than it is, never narrower
            _ => r#""WholeRecord""#.to_owned(),
        },
        terms: text(&consent.terms)?,
        withdrawer: consent.withdrawer.as_ref().map(text).transpose()?,
    })
}

/// Objections of before had their scope alone.
fn terms(scope: &str, terms: Option<&str>) -> Result<Terms, StoreError> {
    #[derive(serde::Deserialize)]
    enum Scope {
        WholeRecord,
        Source(OdsCode),
    }
    match terms {
        Some(terms) => json(terms),
        None => Ok(match json(scope)? {
            Scope::WholeRecord => Terms::default(),
            Scope::Source(source) => {
                Terms { covers: Matter { sources: vec![source], ..Matter::default() }, ..Terms::default() }
            }
        }),
    }
}

pub(super) fn json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Corrupt)
}

pub(super) fn text(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| StoreError::Corrupt)
}

/// Organisation, basis, evidence, start, end, closed, person's issuer and subject.
pub(super) type RelationshipCells = (String, String, String, i64, Option<i64>, bool, Option<String>, Option<String>);

pub(super) fn relationship(cells: RelationshipCells) -> Result<Relationship, StoreError> {
    let (organisation, basis, evidence, start, end, closed, issuer, subject) = cells;
    let basis = Basis::parse(&basis).ok_or(StoreError::Corrupt)?;
    let (start, end) = (Timestamp(start), end.map(Timestamp));
    let person = match (issuer, subject) {
        (Some(issuer), Some(subject)) => Some(Person { issuer, subject }),
        // a claim is somebody's
        _ if basis == Basis::Claim => return Err(StoreError::Corrupt),
        _ => None,
    };
    Ok(Relationship { organisation: ods(&organisation)?, basis, start, end, closed, evidence, person })
}

/// id, patient, organisation, issuer, subject, reason, at, confirm by, until, confirmed by.
pub(super) type ClaimCells = (String, i64, String, String, String, String, i64, i64, i64, Option<String>);

pub(super) fn claim(cells: ClaimCells) -> Result<ClaimRecord, StoreError> {
    let (id, number, organisation, issuer, subject, reason, at, confirm_by, until, confirmed_by) = cells;
    Ok(ClaimRecord {
        id,
        patient: patient(number)?,
        organisation: ods(&organisation)?,
        person: Person { issuer, subject },
        reason,
        at: Timestamp(at),
        confirm_by: Timestamp(confirm_by),
        until: Timestamp(until),
        confirmed_by,
    })
}

/// A claim as the relationship that it is, and who says so.
pub(super) fn claimed(claim: &ClaimRecord) -> (Relationship, Recorder) {
    let ClaimRecord { id, organisation, person, at, until, .. } = claim;
    let relationship = Relationship {
        person: Some(person.clone()),
        ..Relationship::of(*organisation, Basis::Claim, *at, Some(*until), id.clone())
    };
    let (issuer, subject) = (person.issuer.clone(), person.subject.clone());
    (relationship, Recorder { issuer, subject, organisation: Some(*organisation) })
}

/// What ended before is not even loaded: no policy lets it hold.
pub(super) fn long_over(at: Timestamp) -> Timestamp {
    at.minus(Relationships::LONGEST_AFTER)
}

/// id, issuer, subject, organisation, reason, start, end.
pub(super) type OverrideCells = (String, String, String, String, String, i64, i64);

pub(super) fn overriding(cells: OverrideCells) -> Result<Override, StoreError> {
    let (id, issuer, subject, organisation, reason, start, end) = cells;
    let organisation = ods(&organisation)?;
    let reason = OverrideReason::parse(&reason).ok_or(StoreError::Corrupt)?;
    let (start, end) = (Timestamp(start), Timestamp(end));
    Ok(Override { id, person: Person { issuer, subject }, organisation, reason, start, end })
}

/// source, resource type, local, reason, from_epoch.
pub(super) type RecallCells = (String, String, String, String, i64);

pub(super) fn recall((source, resource_type, local, reason, epoch): RecallCells) -> Result<Recall, StoreError> {
    let item = Item::parse(&resource_type, &local).ok_or(StoreError::Corrupt)?;
    let reason = RecallReason::parse(&reason).ok_or(StoreError::Corrupt)?;
    Ok(Recall { source: ods(&source)?, item, reason, epoch })
}

/// fingerprint, from_epoch, at.
pub(super) fn in_force((fingerprint, from_epoch, at): (String, i64, i64)) -> Result<InForce, StoreError> {
    Ok(InForce { fingerprint: fingerprint.into(), from_epoch, at: Timestamp(at) })
}

/// id, organisation, kind, patient, about, detail, at; closed at, by issuer, by subject, note; hold's id, released at, by
/// issuer, by subject, why.
pub(super) type TaskCells = (
    String,
    String,
    String,
    i64,
    String,
    String,
    i64,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<String>,
);

pub(super) fn task(cells: TaskCells) -> Result<DeskTask, StoreError> {
    let (id, organisation, kind, number, about, detail, at, closed, closer, close_subject, note, hold, released, ..) =
        &cells;
    let (.., releaser, release_subject, why) = &cells;
    let released = remark(released, releaser, release_subject, why)?;
    Ok(DeskTask {
        id: id.clone(),
        organisation: ods(organisation)?,
        kind: TaskKind::parse(kind).ok_or(StoreError::Corrupt)?,
        patient: patient(*number)?,
        about: about.clone(),
        detail: json(detail)?,
        at: Timestamp(*at),
        closed: remark(closed, closer, close_subject, note)?,
        hold: hold.is_some().then_some(Hold { released }),
    })
}

fn remark(
    at: &Option<i64>,
    issuer: &Option<String>,
    subject: &Option<String>,
    text: &Option<String>,
) -> Result<Option<Remark>, StoreError> {
    match (at, issuer.clone(), subject.clone(), text.clone()) {
        (None, ..) => Ok(None),
        (Some(at), Some(issuer), Some(subject), Some(text)) => {
            Ok(Some(Remark { by: Person { issuer, subject }, at: Timestamp(*at), text }))
        }
        // half a remark is nobody's
        _ => Err(StoreError::Corrupt),
    }
}

/// id, body, attempts.
pub(super) fn due((id, body, attempts): (String, String, i64)) -> Result<DueNotice, StoreError> {
    Ok(DueNotice { notice: Notice { id, body }, attempts })
}

/// Where a page of what the desk lists begins: time and id that it all stands before.
pub(super) fn after(place: Option<&DeskPlace>) -> (i64, &str) {
    place.map_or((i64::MAX, ""), |place| (place.at.0, &place.id))
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

pub(super) fn pointer(
    (source, sent, present, at, until): (String, bool, bool, i64, i64),
) -> Result<Pointer, StoreError> {
    Ok(Pointer { source: ods(&source)?, sent, present, at: Timestamp(at), until: Timestamp(until) })
}

/// id, scope, terms, withdrawer, the organisation that first recorded it.
pub(super) type ObjectionCells = (String, String, Option<String>, Option<String>, Option<String>);

pub(super) fn objection((id, scope, terms, withdrawer, by): ObjectionCells) -> Result<Objection, StoreError> {
    Ok(Objection {
        id,
        terms: self::terms(&scope, terms.as_deref())?,
        recorded_by: by.as_deref().map(ods).transpose()?,
        stands_only_for: withdrawer.as_deref().map(json).transpose()?,
    })
}

/// Where a page of rows begins: time, log and index that they all stand before.
pub(super) fn before(place: Option<&Place>, until: Timestamp) -> (i64, &str, i64) {
    place.map_or((until.0, "", 0), |place| (place.at.0, place.log.as_str(), count(place.index)))
}
