use super::{Connections, Db, Transaction, raising};
use crate::{
    access::{
        Sequel,
        desk::{Alert, Concerned, DeskPlace, DeskStore, DeskTask, Grant, Notice, Queue, Remark},
    },
    alerts::{DueNotice, NoticeStore, Readers},
    domain::{NhsNumber, StoreError, Timestamp},
    store::{
        mapping::{self, failed, key},
        sql::desk as sql,
    },
};
use async_trait::async_trait;
use sqlx::query::Query;
use std::collections::BTreeSet;

#[async_trait]
impl DeskStore for Connections {
    async fn grant(&self, grant: &Grant, alerts: &[Alert]) -> Result<(), StoreError> {
        let mut writer = self.writer().await?;
        let mut change = raising(&mut writer, Some(grant.patient)).await?;
        let Grant { patient, grant: taken, .. } = grant;
        insert(grant).execute(&mut *change).await.map_err(failed)?;
        if taken.reason.is_for_anothers_sake() {
            let hold = sqlx::query(sql::HOLD).bind(&taken.id).bind(key(*patient)).bind(taken.start.0);
            hold.execute(&mut *change).await.map_err(failed)?;
        }
        for one in alerts {
            alert(&mut change, one).await?;
        }
        change.commit().await.map_err(failed)
    }

    async fn tasks(&self, queue: &Queue) -> Result<Vec<DeskTask>, StoreError> {
        let (at, id) = mapping::after(queue.after.as_ref());
        let tasks = sqlx::query_as(sql::TASKS)
            .bind(queue.organisation.as_str())
            .bind(queue.closed)
            .bind(at)
            .bind(id)
            .bind(i64::from(queue.limit));
        mapping::all(tasks.fetch_all(self.readers()).await.map_err(failed)?, mapping::task)
    }

    async fn objections(&self, concerned: &Concerned) -> Result<Vec<DeskPlace>, StoreError> {
        let (at, id) = mapping::after(concerned.after.as_ref());
        let found = sqlx::query_as(sql::CONCERNING)
            .bind(concerned.organisation.as_str())
            .bind(at)
            .bind(id)
            .bind(i64::from(concerned.limit));
        mapping::all(found.fetch_all(self.readers()).await.map_err(failed)?, |(at, id)| {
            Ok(DeskPlace { at: Timestamp(at), id })
        })
    }

    async fn task(&self, id: &str) -> Result<Option<DeskTask>, StoreError> {
        let task = sqlx::query_as(sql::TASK).bind(id).fetch_optional(self.readers()).await.map_err(failed)?;
        task.map(mapping::task).transpose()
    }

    async fn close_task(&self, id: &str, remark: &Remark) -> Result<(), StoreError> {
        let done = remarked(sql::CLOSE_TASK, id, remark).execute(&mut *self.writer().await?).await.map_err(failed)?;
        if done.rows_affected() == 0 { Err(StoreError::Conflict) } else { Ok(()) }
    }

    async fn release_hold(&self, id: &str, remark: &Remark) -> Result<(), StoreError> {
        let done = remarked(sql::RELEASE_HOLD, id, remark).execute(&mut *self.writer().await?).await.map_err(failed)?;
        if done.rows_affected() == 0 { Err(StoreError::Conflict) } else { Ok(()) }
    }

    async fn released_holds(&self, patient: NhsNumber) -> Result<BTreeSet<String>, StoreError> {
        let released = sqlx::query_scalar(sql::RELEASED_HOLDS).bind(key(patient));
        let released: Vec<String> = released.fetch_all(self.readers()).await.map_err(failed)?;
        Ok(released.into_iter().collect())
    }
}

#[async_trait]
impl NoticeStore for Connections {
    async fn claim_due(
        &self,
        readers: Readers,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<DueNotice>, StoreError> {
        let patients = readers == Readers::Patients;
        // looked at first: mostly nothing is due, and claiming waits for whoever writes
        let any: Option<String> = sqlx::query_scalar(sql::ANY_DUE)
            .bind(now.0)
            .bind(patients)
            .fetch_optional(self.readers())
            .await
            .map_err(failed)?;
        if any.is_none() {
            return Ok(Vec::new());
        }
        let due = sqlx::query_as(sql::CLAIM_DUE).bind(now.0).bind(until.0).bind(i64::from(limit)).bind(patients);
        mapping::all(due.fetch_all(&mut *self.writer().await?).await.map_err(failed)?, mapping::due)
    }

    async fn sent(&self, id: &str, at: Timestamp) -> Result<(), StoreError> {
        let update = sqlx::query(sql::SENT).bind(id).bind(at.0);
        update.execute(&mut *self.writer().await?).await.map(drop).map_err(failed)
    }

    async fn later(&self, id: &str, at: Timestamp) -> Result<(), StoreError> {
        let update = sqlx::query(sql::LATER).bind(id).bind(at.0);
        update.execute(&mut *self.writer().await?).await.map(drop).map_err(failed)
    }
}

/// Puts a task before an organisation's officers and has them told, unless there is one of its kind about the same already.
pub(super) async fn alert(change: &mut Transaction<'_>, alert: &Alert) -> Result<(), StoreError> {
    let detail = mapping::text(&alert.detail)?;
    let task = sqlx::query(sql::ADD_TASK)
        .bind(&alert.id)
        .bind(alert.organisation.as_str())
        .bind(alert.kind.as_str())
        .bind(key(alert.patient))
        .bind(&alert.about)
        .bind(&detail)
        .bind(alert.at.0);
    if task.execute(&mut **change).await.map_err(failed)?.rows_affected() > 0 {
        notify(change, alert.kind.as_str(), &alert.notice, alert.at).await?;
    }
    Ok(())
}

/// Puts a recorded withdrawal before them, and has the patient told too.
pub(super) async fn follow(
    change: &mut Transaction<'_>,
    Sequel { alert, to_patient }: &Sequel,
) -> Result<(), StoreError> {
    self::alert(change, alert).await?;
    notify(change, "patient-told", to_patient, alert.at).await
}

async fn notify(change: &mut Transaction<'_>, kind: &str, notice: &Notice, at: Timestamp) -> Result<(), StoreError> {
    let insert = sqlx::query(sql::ADD_NOTICE).bind(&notice.id).bind(kind).bind(&notice.body).bind(at.0);
    insert.execute(&mut **change).await.map(drop).map_err(failed)
}

type Statement<'q> = Query<'q, Db, <Db as sqlx::Database>::Arguments>;

fn insert(Grant { patient, organisation, text, grant }: &Grant) -> Statement<'_> {
    sqlx::query(sql::GRANT)
        .bind(&grant.id)
        .bind(key(*patient))
        .bind(&grant.person.issuer)
        .bind(&grant.person.subject)
        .bind(organisation.as_str())
        .bind(grant.reason.as_str())
        .bind(text)
        .bind(grant.start.0)
        .bind(grant.end.0)
}

fn remarked<'q>(statement: &'static str, id: &'q str, remark: &'q Remark) -> Statement<'q> {
    let Remark { by, at, text } = remark;
    sqlx::query(statement).bind(id).bind(at.0).bind(&by.issuer).bind(&by.subject).bind(text)
}
