use super::{PAGE, Stop};
use crate::{
    audit::{
        AnswerId, Fault, Hash, Kind, LogId, LogReader, StoredRow, Where,
        merkle::{leaf_hash, row_hash},
    },
    domain::{NhsNumber, RequestId, StoreError, Timestamp},
};
use serde::Deserialize;

/// What of a row's body must agree with the columns and the item lists. Rows written by later versions may hold more.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    kind: Kind,
    at: Timestamp,
    request_id: RequestId,
    patient: Option<NhsNumber>,
    identified: Option<Source>,
    #[serde(default)]
    sources: Vec<Source>,
}

#[derive(Deserialize)]
struct Source {
    answer: Option<AnswerId>,
}

/// The rows from `from` on that the head covers: without a gap, at least one.
pub(super) async fn read(reader: &dyn LogReader, log: &LogId, from: u64, size: u64) -> Result<Vec<StoredRow>, Stop> {
    let mut page = match reader.rows(log, from, PAGE).await {
        // one by one, to name the row that does not read
        Err(StoreError::Corrupt) => match reader.rows(log, from, 1).await {
            Err(StoreError::Corrupt) => return Err(Stop::row(log, from, "cannot be read")),
            other => other?,
        },
        other => other?,
    };
    page.retain(|row| row.index < size);
    let whole = (from..).zip(&page).take_while(|(index, row)| row.index == *index).count();
    page.truncate(whole);
    if page.is_empty() {
        return Err(Stop::row(log, from, format!("is missing (the head says that there are {size} rows)")));
    }
    Ok(page)
}

/// The row's leaf, once its bytes and columns are found to belong together.
pub(super) fn leaf(log: &LogId, row: &StoredRow) -> Result<Hash, Stop> {
    let bad = |what: &str| Stop::row(log, row.index, what);
    let leaf = Hash::from_slice(&row.leaf).ok_or_else(|| bad("its leaf is no hash"))?;
    if let Some(kept) = &row.kept {
        if leaf_hash(row.index, &row_hash(&kept.nonce, &kept.body)) != leaf {
            return Err(bad("its content, its nonce or its leaf was changed, or it stood elsewhere"));
        }
        let body: Body = serde_json::from_slice(&kept.body).map_err(|_| bad("its content is no audit row"))?;
        let patient = body.patient.and_then(|patient| i64::try_from(patient.value()).ok());
        let columns = [
            ("kind", kept.kind == body.kind.code()),
            ("at", kept.at == body.at.0),
            ("patient", kept.patient == patient),
            ("request_id", kept.request_id == body.request_id.0.as_bytes()),
        ];
        if let Some((column, _)) = columns.iter().find(|(_, same)| !same) {
            return Err(bad(&format!("its column {column} is not what the row says")));
        }
    }
    Ok(leaf)
}

/// Every item list that a row of this page names must be there.
pub(super) async fn check_answers(reader: &dyn LogReader, log: &LogId, page: &[StoredRow]) -> Result<(), Stop> {
    let mut named: Vec<(u64, AnswerId)> = Vec::new();
    for row in page {
        let Some(kept) = &row.kept else { continue };
        let body: Option<Body> = serde_json::from_slice(&kept.body).ok();
        let answers = body
            .into_iter()
            .flat_map(|body| body.identified.into_iter().chain(body.sources))
            .filter_map(|source| source.answer);
        named.extend(answers.map(|answer| (row.index, answer)));
    }
    let mut ids: Vec<AnswerId> = named.iter().map(|(_, answer)| answer.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(());
    }
    let missing = reader.missing_items(&ids).await?;
    match named.into_iter().find(|(_, answer)| missing.contains(answer)) {
        None => Ok(()),
        Some((index, answer)) => Err(Stop::Fault(Fault {
            place: Where::Row { log: log.clone(), index },
            what: format!("the item list {} that it names is missing", answer.0),
        })),
    }
}
