use super::{Connections, begin};
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
impl PresenceStore for Connections {
    async fn point(&self, patient: NhsNumber, pointers: &[Pointer]) -> Result<(), StoreError> {
        let mut sorted: Vec<&Pointer> = pointers.iter().collect();
        // in one order everywhere: two nodes that learn the same must not wait for each other crosswise
        sorted.sort_by_key(|pointer| pointer.source);
        let mut writer = self.writer().await?;
        let mut change = begin(&mut writer).await?;
        for pointer in sorted {
            let put = sqlx::query(sql::POINT).bind(key(patient)).bind(pointer.source.as_str()).bind(pointer.sent);
            let put = put.bind(pointer.present).bind(pointer.at.0).bind(pointer.until.0);
            put.execute(&mut *change).await.map_err(failed)?;
        }
        change.commit().await.map_err(failed)
    }

    async fn pointers(&self, patient: NhsNumber, now: Timestamp) -> Result<Vec<Pointer>, StoreError> {
        let found = sqlx::query_as(sql::POINTERS).bind(key(patient)).bind(now.0);
        mapping::all(found.fetch_all(self.readers()).await.map_err(failed)?, mapping::pointer)
    }
}
