use super::Connections;
use crate::{
    domain::{OdsCode, StoreError, Timestamp},
    probe::{Begun, Kept, ProbeStore, Progress, Report},
    store::{
        mapping::{self, failed, failed_or_taken, probes},
        sql::probe as sql,
    },
};
use async_trait::async_trait;
use uuid::Uuid;

#[async_trait]
impl ProbeStore for Connections {
    async fn begin(&self, begun: &Begun) -> Result<(), StoreError> {
        let mut writer = self.writer().await?;
        let begin = sqlx::query(sql::BEGIN)
            .bind(begun.id.to_string())
            .bind(begun.ods.as_str())
            .bind(begun.version)
            .bind(&begun.by.issuer)
            .bind(&begun.by.subject)
            .bind(begun.by.organisation.as_ref().map(OdsCode::as_str))
            .bind(begun.at.0);
        begin.execute(&mut *writer).await.map(drop).map_err(failed_or_taken)
    }

    async fn progress(&self, id: Uuid, progress: &Progress, at: Timestamp) -> Result<(), StoreError> {
        let mut writer = self.writer().await?;
        let note = sqlx::query(sql::PROGRESS)
            .bind(id.to_string())
            .bind(i64::from(progress.done))
            .bind(i64::from(progress.total))
            .bind(at.0);
        note.execute(&mut *writer).await.map(drop).map_err(failed)
    }

    async fn end(&self, id: Uuid, report: &Report, at: Timestamp) -> Result<(), StoreError> {
        let text = mapping::text(report)?;
        let mut writer = self.writer().await?;
        let end = sqlx::query(sql::END).bind(id.to_string()).bind(at.0).bind(report.verdict.as_str()).bind(text);
        let ended = end.execute(&mut *writer).await.map_err(failed)?;
        if ended.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Conflict) }
    }

    async fn latest(&self, ods: OdsCode) -> Result<Option<Kept>, StoreError> {
        Ok(self.history(ods, 1).await?.pop())
    }

    async fn report(&self, id: Uuid) -> Result<Option<(Kept, Option<Report>)>, StoreError> {
        let one = sqlx::query_as(sql::ONE).bind(id.to_string());
        let Some(cells) = one.fetch_optional(self.readers()).await.map_err(failed)? else { return Ok(None) };
        let report = sqlx::query_scalar(sql::REPORT).bind(id.to_string());
        let report: Option<Option<String>> = report.fetch_optional(self.readers()).await.map_err(failed)?;
        let report = report.flatten().as_deref().map(mapping::json).transpose()?;
        Ok(Some((probes::kept(cells)?, report)))
    }

    async fn history(&self, ods: OdsCode, limit: u32) -> Result<Vec<Kept>, StoreError> {
        let history = sqlx::query_as(sql::HISTORY).bind(ods.as_str()).bind(i64::from(limit));
        mapping::all(history.fetch_all(self.readers()).await.map_err(failed)?, probes::kept)
    }

    async fn passed_since(&self, ods: OdsCode, version: i64, since: Timestamp) -> Result<bool, StoreError> {
        let last = sqlx::query_scalar(sql::LAST_VERDICT).bind(ods.as_str()).bind(version).bind(since.0);
        let last: Option<String> = last.fetch_optional(self.readers()).await.map_err(failed)?;
        Ok(last.as_deref() == Some(probes::PASSED))
    }
}
