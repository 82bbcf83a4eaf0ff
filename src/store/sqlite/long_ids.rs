use super::{Sqlite, begin};
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
impl LongIds for Sqlite {
    async fn remember(&self, ids: &[LongId]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut writer = self.writer.lock().await;
        let mut change = begin(&mut writer).await?;
        for LongId { digest, entry } in ids {
            let insert = sqlx::query(sql::REMEMBER).bind(digest).bind(entry.source.as_str()).bind(key(entry.patient));
            insert.bind(&entry.local).execute(&mut *change).await.map_err(failed)?;
        }
        change.commit().await.map_err(failed)
    }

    async fn find(&self, digest: &str) -> Result<Option<SealedEntry>, StoreError> {
        let cells = sqlx::query_as(sql::FIND).bind(digest).fetch_optional(&self.readers).await.map_err(failed)?;
        cells.map(mapping::long_id).transpose()
    }
}
