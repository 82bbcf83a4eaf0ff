use super::{Connections, MISSING_ITEMS};
use crate::{
    audit::{AnswerId, Items, LogId, LogReader, PatientRows, StoredCheckpoint, StoredHead, StoredRow},
    domain::{NhsNumber, OdsCode, RequestId, StoreError},
    store::{
        mapping::{self, count, failed, key},
        sql,
    },
};
use async_trait::async_trait;

#[async_trait]
impl LogReader for Connections {
    async fn logs(&self) -> Result<Vec<LogId>, StoreError> {
        let names: Vec<String> = sqlx::query_scalar(sql::LOGS).fetch_all(self.readers()).await.map_err(failed)?;
        names.iter().map(|name| mapping::log_id(name)).collect()
    }

    async fn head(&self, log: &LogId) -> Result<Option<StoredHead>, StoreError> {
        let head = sqlx::query_as(sql::HEAD).bind(log.as_str()).fetch_optional(self.readers()).await.map_err(failed)?;
        head.map(mapping::head).transpose()
    }

    async fn rows(&self, log: &LogId, from: u64, limit: u32) -> Result<Vec<StoredRow>, StoreError> {
        let rows = sqlx::query_as(sql::ROWS).bind(log.as_str()).bind(count(from)).bind(i64::from(limit));
        mapping::all(rows.fetch_all(self.readers()).await.map_err(failed)?, mapping::row)
    }

    async fn rows_outside(&self, log: &LogId) -> Result<u64, StoreError> {
        let outside = sqlx::query_scalar(sql::ROWS_OUTSIDE).bind(log.as_str());
        let outside: i64 = outside.fetch_one(self.readers()).await.map_err(failed)?;
        u64::try_from(outside).map_err(|_| StoreError::Corrupt)
    }

    async fn checkpoints(&self, log: &LogId, beyond: u64, limit: u32) -> Result<Vec<StoredCheckpoint>, StoreError> {
        let notes = sqlx::query_as(sql::CHECKPOINTS).bind(log.as_str()).bind(count(beyond)).bind(i64::from(limit));
        mapping::all(notes.fetch_all(self.readers()).await.map_err(failed)?, mapping::checkpoint)
    }

    async fn patient_rows(&self, wanted: &PatientRows) -> Result<Vec<StoredRow>, StoreError> {
        let (at, log, index) = mapping::before(wanted.before.as_ref(), wanted.during.end);
        let rows = sqlx::query_as(sql::PATIENT_ROWS)
            .bind(key(wanted.patient))
            .bind(wanted.during.start.0)
            .bind(wanted.during.end.0)
            .bind(at)
            .bind(log)
            .bind(index)
            .bind(i64::from(wanted.limit));
        mapping::all(rows.fetch_all(self.readers()).await.map_err(failed)?, mapping::row)
    }

    async fn request_rows(&self, request: RequestId) -> Result<Vec<StoredRow>, StoreError> {
        let rows = sqlx::query_as(sql::REQUEST_ROWS).bind(request.0.as_bytes().as_slice());
        let newest = rows.fetch_all(self.readers()).await.map_err(failed)?;
        mapping::all(newest.into_iter().rev().collect(), mapping::row)
    }

    async fn items(&self, answer: &AnswerId) -> Result<Option<Items>, StoreError> {
        let items = sqlx::query_as(sql::ITEMS).bind(&answer.0).fetch_optional(self.readers()).await.map_err(failed)?;
        items.map(mapping::items).transpose()
    }

    async fn item_lists(
        &self,
        of: Option<(OdsCode, Option<NhsNumber>)>,
        after: Option<&AnswerId>,
        limit: u32,
    ) -> Result<Vec<Items>, StoreError> {
        let after = after.map_or("", |answer| &answer.0);
        let lists = match &of {
            None => sqlx::query_as(sql::ALL_ITEMS).bind(after).bind(i64::from(limit)),
            Some((source, None)) => {
                sqlx::query_as(sql::SOURCE_ITEMS).bind(after).bind(i64::from(limit)).bind(source.as_str())
            }
            Some((source, Some(patient))) => {
                let lists = sqlx::query_as(sql::PATIENT_ITEMS).bind(after).bind(i64::from(limit));
                lists.bind(source.as_str()).bind(key(*patient))
            }
        };
        mapping::all(lists.fetch_all(self.readers()).await.map_err(failed)?, mapping::items)
    }

    async fn missing_items(&self, answers: &[AnswerId]) -> Result<Vec<AnswerId>, StoreError> {
        let ids = serde_json::to_string(answers).map_err(|_| StoreError::Corrupt)?;
        let ids: Vec<String> =
            sqlx::query_scalar(MISSING_ITEMS).bind(ids).fetch_all(self.readers()).await.map_err(failed)?;
        Ok(ids.into_iter().map(AnswerId).collect())
    }
}
