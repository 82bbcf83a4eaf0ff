use super::{Connections, begin, desk, facts::add_relationship, raising};
use crate::{
    access::{ClaimRecord, ClaimStore, Person, Settlement},
    domain::{NhsNumber, OdsCode, StoreError, Timestamp},
    store::{
        mapping::{self, failed, key},
        sql,
    },
};
use async_trait::async_trait;

#[async_trait]
impl ClaimStore for Connections {
    async fn claim(&self, claim: &ClaimRecord) -> Result<ClaimRecord, StoreError> {
        let mut writer = self.writer().await?;
        let mut change = raising(&mut writer, Some(claim.patient)).await?;
        let standing = sqlx::query_as(sql::STANDING_CLAIM)
            .bind(key(claim.patient))
            .bind(claim.organisation.as_str())
            .bind(&claim.person.issuer)
            .bind(&claim.person.subject)
            .bind(claim.at.0);
        if let Some(cells) = standing.fetch_optional(&mut *change).await.map_err(failed)? {
            // nothing has changed, so no permit need be decided again
            return mapping::claim(cells);
        }
        let insert = sqlx::query(sql::ADD_CLAIM)
            .bind(&claim.id)
            .bind(key(claim.patient))
            .bind(claim.organisation.as_str())
            .bind(&claim.person.issuer)
            .bind(&claim.person.subject)
            .bind(&claim.reason)
            .bind(claim.at.0)
            .bind(claim.confirm_by.0)
            .bind(claim.until.0);
        insert.execute(&mut *change).await.map_err(failed)?;
        let (relationship, by) = mapping::claimed(claim);
        add_relationship(claim.patient, &relationship, &by, claim.at).execute(&mut *change).await.map_err(failed)?;
        change.commit().await.map_err(failed)?;
        Ok(claim.clone())
    }

    async fn confirm(
        &self,
        patient: NhsNumber,
        organisation: OdsCode,
        person: &Person,
        evidence: &str,
    ) -> Result<(), StoreError> {
        let open = sqlx::query_scalar(sql::UNCONFIRMED_CLAIM)
            .bind(key(patient))
            .bind(organisation.as_str())
            .bind(&person.issuer)
            .bind(&person.subject);
        let open: Vec<String> = open.fetch_all(self.readers()).await.map_err(failed)?;
        for id in open {
            let mut writer = self.writer().await?;
            let confirm = sqlx::query(sql::CONFIRM_CLAIM).bind(id).bind(Timestamp::now().0).bind(evidence);
            confirm.execute(&mut *writer).await.map_err(failed)?;
        }
        Ok(())
    }

    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<ClaimRecord>, StoreError> {
        let due = sqlx::query_as(sql::DUE_CLAIMS).bind(now.0).bind(i64::from(limit));
        mapping::all(due.fetch_all(self.readers()).await.map_err(failed)?, mapping::claim)
    }

    async fn settle(&self, claim: &ClaimRecord, settlement: &Settlement) -> Result<(), StoreError> {
        let now = Timestamp::now().0;
        let mut writer = self.writer().await?;
        let mut change = begin(&mut writer).await?;
        let settle = sqlx::query(sql::SETTLE_CLAIM)
            .bind(&claim.id)
            .bind(now)
            .bind(&settlement.confirmed_by)
            .bind(&claim.confirmed_by);
        if settle.execute(&mut *change).await.map_err(failed)?.rows_affected() == 0 {
            return Ok(());
        }
        if let Some(task) = &settlement.task {
            desk::alert(&mut change, task).await?;
        }
        change.commit().await.map_err(failed)
    }
}
