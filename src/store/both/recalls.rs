use super::{Connections, begin, desk, numbers, raising};
use crate::{
    access::{RecallStore, Recalled, desk::Alert},
    domain::StoreError,
    store::{
        mapping::{failed, key},
        sql,
    },
};
use async_trait::async_trait;

#[async_trait]
impl RecallStore for Connections {
    async fn recall(&self, recalled: &Recalled) -> Result<(), StoreError> {
        let mut writer = self.writer().await?;
        let mut change = raising(&mut writer, Some(recalled.patient)).await?;
        for item in &recalled.items {
            let before = sqlx::query(sql::RECALL_ANEW)
                .bind(recalled.source.as_str())
                .bind(key(recalled.patient))
                .bind(item.resource_type.as_str())
                .bind(&item.local)
                .bind(recalled.at.0)
                .bind(recalled.reason.as_str())
                .bind(&recalled.id);
            before.execute(&mut *change).await.map_err(failed)?;
            let insert = sqlx::query(sql::RECALL)
                .bind(&recalled.id)
                .bind(recalled.source.as_str())
                .bind(key(recalled.patient))
                .bind(item.resource_type.as_str())
                .bind(&item.local)
                .bind(recalled.reason.as_str())
                .bind(&recalled.note)
                .bind(&recalled.by.issuer)
                .bind(&recalled.by.subject)
                .bind(recalled.at.0);
            insert.execute(&mut *change).await.map_err(failed)?;
        }
        change.commit().await.map_err(failed)
    }

    async fn withdraw(&self, recalled: &Recalled) -> Result<u64, StoreError> {
        let mut writer = self.writer().await?;
        let mut change = raising(&mut writer, Some(recalled.patient)).await?;
        let mut ended = 0;
        // by whatever number it was recalled
        for number in numbers::family(&mut change, &[recalled.patient]).await? {
            for item in &recalled.items {
                let update = sqlx::query(sql::WITHDRAW_RECALL)
                    .bind(recalled.source.as_str())
                    .bind(key(number))
                    .bind(item.resource_type.as_str())
                    .bind(&item.local)
                    .bind(recalled.at.0);
                ended += update.execute(&mut *change).await.map_err(failed)?.rows_affected();
            }
        }
        change.commit().await.map_err(failed)?;
        Ok(ended)
    }

    async fn tell(&self, alerts: &[Alert]) -> Result<(), StoreError> {
        let mut writer = self.writer().await?;
        let mut change = begin(&mut writer).await?;
        for alert in alerts {
            desk::alert(&mut change, alert).await?;
        }
        change.commit().await.map_err(failed)
    }
}
