use super::Connections;
use crate::{
    domain::{StoreError, Timestamp},
    identity::AssertionStore,
    store::{mapping::failed, sql},
};
use async_trait::async_trait;

#[async_trait]
impl AssertionStore for Connections {
    async fn spend(&self, client: &str, digest: &[u8; 32], until: Timestamp) -> Result<(), StoreError> {
        let mut writer = self.writer().await?;
        let spend = sqlx::query(sql::SPEND).bind(client).bind(digest.as_slice()).bind(until.0);
        let spent = spend.execute(&mut *writer).await.map_err(failed)?;
        if spent.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Conflict) }
    }

    async fn prune(&self, before: Timestamp) -> Result<(), StoreError> {
        let mut writer = self.writer().await?;
        let prune = sqlx::query(sql::PRUNE_SPENT).bind(before.0);
        prune.execute(&mut *writer).await.map(drop).map_err(failed)
    }
}
