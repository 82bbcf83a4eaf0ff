use super::{Sqlite, begin};
use crate::{
    domain::{NhsNumber, StoreError, Timestamp},
    registry::{Pointer, PresenceStore},
    store::{
        mapping::{self, failed, key},
        sql,
    },
};
use async_trait::async_trait;

#[async_trait]
impl PresenceStore for Sqlite {
    async fn point(&self, patient: NhsNumber, pointers: &[Pointer]) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        let mut change = begin(&mut writer).await?;
        for pointer in pointers {
            let put = sqlx::query(sql::POINT).bind(key(patient)).bind(pointer.source.as_str()).bind(pointer.sent);
            let put = put.bind(pointer.present).bind(pointer.at.0).bind(pointer.until.0);
            put.execute(&mut *change).await.map_err(failed)?;
        }
        change.commit().await.map_err(failed)
    }

    async fn pointers(&self, patient: NhsNumber, now: Timestamp) -> Result<Vec<Pointer>, StoreError> {
        let found = sqlx::query_as(sql::POINTERS).bind(key(patient)).bind(now.0);
        mapping::all(found.fetch_all(&self.readers).await.map_err(failed)?, mapping::pointer)
    }
}
