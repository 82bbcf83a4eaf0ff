use super::Connections;
use crate::{
    domain::{StoreError, Timestamp},
    identity::{InUse, SessionStore},
    store::{mapping::failed, sql::sessions as sql},
};
use async_trait::async_trait;

#[async_trait]
impl SessionStore for Connections {
    async fn spend_ticket(&self, digest: &[u8; 32], until: Timestamp) -> Result<(), StoreError> {
        let mut writer = self.writer().await?;
        let spend = sqlx::query(sql::SPEND_TICKET).bind(digest.as_slice()).bind(until.0);
        let spent = spend.execute(&mut *writer).await.map_err(failed)?;
        if spent.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Conflict) }
    }

    async fn begin(&self, digest: &[u8; 32], whose: &str, now: Timestamp, ends: Timestamp) -> Result<(), StoreError> {
        let mut writer = self.writer().await?;
        let begin = sqlx::query(sql::BEGIN_SESSION).bind(digest.as_slice()).bind(whose).bind(now.0).bind(ends.0);
        begin.execute(&mut *writer).await.map(drop).map_err(failed)
    }

    async fn in_use(&self, digest: &[u8; 32], when: &InUse) -> Result<Option<String>, StoreError> {
        let find = sqlx::query_as(sql::SESSION).bind(digest.as_slice()).bind(when.now.0).bind(when.since.0);
        let found: Option<(String, i64)> = find.fetch_optional(self.readers()).await.map_err(failed)?;
        let Some((whose, used)) = found else { return Ok(None) };
        if used >= when.noted.0 {
            return Ok(Some(whose));
        }
        let mut writer = self.writer().await?;
        let note = sqlx::query(sql::NOTE_USE).bind(digest.as_slice()).bind(when.now.0).bind(when.since.0);
        // one that ended meanwhile is over
        let noted = note.execute(&mut *writer).await.map_err(failed)?.rows_affected();
        Ok(Some(whose).filter(|_| noted == 1))
    }

    async fn end(&self, digest: &[u8; 32]) -> Result<(), StoreError> {
        let mut writer = self.writer().await?;
        let end = sqlx::query(sql::END_SESSION).bind(digest.as_slice());
        end.execute(&mut *writer).await.map(drop).map_err(failed)
    }

    async fn forget(&self, ended: Timestamp, left_alone: Timestamp) -> Result<(), StoreError> {
        let mut writer = self.writer().await?;
        let sessions = sqlx::query(sql::FORGET_SESSIONS).bind(ended.0).bind(left_alone.0);
        sessions.execute(&mut *writer).await.map_err(failed)?;
        let tickets = sqlx::query(sql::FORGET_TICKETS).bind(ended.0);
        tickets.execute(&mut *writer).await.map(drop).map_err(failed)
    }
}
