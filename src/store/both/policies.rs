use super::{Connections, raising};
use crate::{
    access::{InForce, Policy, PolicyStore, PolicyTexts},
    domain::{StoreError, Timestamp},
    store::{
        mapping::{self, failed},
        sql,
    },
};
use async_trait::async_trait;

#[async_trait]
impl PolicyStore for Connections {
    async fn texts(&self, fingerprint: &str) -> Result<Option<PolicyTexts>, StoreError> {
        let texts = sqlx::query_scalar(sql::POLICY_TEXTS).bind(fingerprint);
        let texts: Option<String> = texts.fetch_optional(self.readers()).await.map_err(failed)?;
        texts.as_deref().map(mapping::json).transpose()
    }

    async fn put_in_force(&self, policy: &Policy) -> Result<bool, StoreError> {
        let (fingerprint, now) = (&**policy.fingerprint(), Timestamp::now().0);
        let texts = mapping::text(&policy.texts())?;
        let mut writer = self.writer().await?;
        let mut change = raising(&mut writer, None).await?;
        let in_force = sqlx::query_scalar(sql::POLICY_NOW).fetch_optional(&mut *change).await;
        let in_force: Option<String> = in_force.map_err(failed)?;
        if in_force.as_deref() == Some(fingerprint) {
            // nothing has changed, so no permit need be decided again
            return Ok(false);
        }
        let keep = sqlx::query(sql::KEEP_POLICY).bind(fingerprint).bind(texts).bind(now);
        keep.execute(&mut *change).await.map_err(failed)?;
        let put = sqlx::query(sql::PUT_IN_FORCE).bind(fingerprint).bind(now);
        put.execute(&mut *change).await.map_err(failed)?;
        change.commit().await.map_err(failed)?;
        Ok(true)
    }

    async fn history(&self) -> Result<Vec<InForce>, StoreError> {
        let cells = sqlx::query_as(sql::POLICIES).fetch_all(self.readers()).await.map_err(failed)?;
        mapping::all(cells, mapping::in_force)
    }
}
