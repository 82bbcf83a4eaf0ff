use super::{Connections, numbers, raising};
use crate::{
    domain::{NhsNumber, OdsCode, StoreError, Timestamp},
    registry::StandingStore,
    store::{
        mapping::{failed, key},
        sql,
    },
};
use async_trait::async_trait;

#[async_trait]
impl StandingStore for Connections {
    async fn suspend(&self, source: OdsCode, reason: &str) -> Result<(), StoreError> {
        let mut writer = self.writer().await?;
        let mut change = raising(&mut writer, None).await?;
        let insert = sqlx::query(sql::SUSPEND).bind(source.as_str()).bind(reason).bind(Timestamp::now().0);
        insert.execute(&mut *change).await.map_err(failed)?;
        change.commit().await.map_err(failed)
    }

    async fn resume(&self, source: OdsCode) -> Result<bool, StoreError> {
        let mut writer = self.writer().await?;
        let mut change = raising(&mut writer, None).await?;
        let update = sqlx::query(sql::RESUME).bind(source.as_str()).bind(Timestamp::now().0);
        let ended = update.execute(&mut *change).await.map_err(failed)?.rows_affected();
        change.commit().await.map_err(failed)?;
        Ok(ended > 0)
    }

    async fn quarantine(&self, source: OdsCode, patient: NhsNumber, reason: &str) -> Result<u64, StoreError> {
        let mut writer = self.writer().await?;
        let mut change = raising(&mut writer, Some(patient)).await?;
        let insert = sqlx::query(sql::QUARANTINE).bind(source.as_str()).bind(key(patient)).bind(reason);
        insert.bind(Timestamp::now().0).execute(&mut *change).await.map_err(failed)?;
        change.commit().await.map_err(failed)?;
        // one connection at a time: those who wait for a second could hold all there are
        drop(writer);
        // after the commit, so that of several nodes at once the last to count sees all
        let count: i64 = sqlx::query_scalar(sql::QUARANTINED_PATIENTS)
            .bind(source.as_str())
            .fetch_one(self.readers())
            .await
            .map_err(failed)?;
        u64::try_from(count).map_err(|_| StoreError::Corrupt)
    }

    async fn lift_quarantine(&self, source: OdsCode, patient: NhsNumber) -> Result<bool, StoreError> {
        let mut writer = self.writer().await?;
        let mut change = raising(&mut writer, Some(patient)).await?;
        let mut ended = 0;
        // by whatever number it was quarantined
        for number in numbers::family(&mut change, &[patient]).await? {
            let update =
                sqlx::query(sql::LIFT_QUARANTINE).bind(source.as_str()).bind(key(number)).bind(Timestamp::now().0);
            ended += update.execute(&mut *change).await.map_err(failed)?.rows_affected();
        }
        change.commit().await.map_err(failed)?;
        Ok(ended > 0)
    }
}
