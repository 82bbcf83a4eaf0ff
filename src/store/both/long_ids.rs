use super::{Connections, begin};
use crate::{
    domain::{LongId, SealedEntry, StoreError},
    federation::LongIds,
    store::{
        mapping::{self, failed, key},
        sql,
    },
};
use async_trait::async_trait;

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
        for LongId { digest, entry } in sorted {
            let insert = sqlx::query(sql::REMEMBER).bind(digest).bind(entry.source.as_str()).bind(key(entry.patient));
            insert.bind(&entry.local).execute(&mut *change).await.map_err(failed)?;
        }
        change.commit().await.map_err(failed)
    }

    async fn find(&self, digest: &str) -> Result<Option<SealedEntry>, StoreError> {
        let cells = sqlx::query_as(sql::FIND).bind(digest).fetch_optional(self.readers()).await.map_err(failed)?;
        cells.map(mapping::long_id).transpose()
    }
}
