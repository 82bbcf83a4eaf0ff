use super::{Connections, REMEMBER, begin};
use crate::{
    domain::{LongId, SealedEntry, StoreError},
    federation::LongIds,
    store::{
        mapping::{self, failed, key},
        sql,
    },
};
use async_trait::async_trait;
use serde_json::json;

#[async_trait]
impl LongIds for Connections {
    async fn remember(&self, ids: &[LongId]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut sorted: Vec<&LongId> = ids.iter().collect();
        // in one order everywhere: two nodes that store the same ids must not wait for each other crosswise
        sorted.sort_unstable_by(|a, b| a.digest.cmp(&b.digest));
        let mut writer = self.writer().await?;
        let mut change = begin(&mut writer).await?;
        let rows = sorted.into_iter().map(|LongId { digest, entry: SealedEntry { source, patient, local } }| {
            json!([digest, source.as_str(), key(*patient), local])
        });
        let rows = rows.collect::<serde_json::Value>().to_string();
        sqlx::query(REMEMBER).bind(rows).execute(&mut *change).await.map_err(failed)?;
        change.commit().await.map_err(failed)
    }

    async fn find(&self, digest: &str) -> Result<Option<SealedEntry>, StoreError> {
        let cells = sqlx::query_as(sql::FIND).bind(digest).fetch_optional(self.readers()).await.map_err(failed)?;
        cells.map(mapping::long_id).transpose()
    }
}
