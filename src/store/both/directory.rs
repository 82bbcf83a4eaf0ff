use super::{Connection, Connections, begin, raising};
use crate::{
    access::{Listed, Recorder, Stages},
    domain::{OdsCode, StoreError, Timestamp},
    registry::directory::{Content, Decided, DirectoryStore, Endpoint, Entry, EntryState, ListingPage, Staged},
    store::{
        mapping::{self, failed, failed_or_taken},
        sql::directory as sql,
    },
};
use async_trait::async_trait;

#[async_trait]
impl DirectoryStore for Connections {
    async fn latest(&self, listed: Listed, ods: OdsCode) -> Result<Option<Entry>, StoreError> {
        let found = sqlx::query_as(sql::LATEST).bind(listed.as_str()).bind(ods.as_str());
        found.fetch_optional(self.readers()).await.map_err(failed)?.map(mapping::entry).transpose()
    }

    async fn in_force(&self, listed: Listed, ods: OdsCode) -> Result<Option<Entry>, StoreError> {
        let found = sqlx::query_as(sql::IN_FORCE).bind(listed.as_str()).bind(ods.as_str());
        found.fetch_optional(self.readers()).await.map_err(failed)?.map(mapping::entry).transpose()
    }

    async fn versions(&self, listed: Listed, ods: OdsCode) -> Result<Vec<Entry>, StoreError> {
        let found = sqlx::query_as(sql::VERSIONS).bind(listed.as_str()).bind(ods.as_str());
        mapping::all(found.fetch_all(self.readers()).await.map_err(failed)?, mapping::entry)
    }

    async fn list(&self, page: &ListingPage) -> Result<Vec<Entry>, StoreError> {
        let found = sqlx::query_as(sql::LISTING)
            .bind(page.listed.as_str())
            .bind(page.of.as_ref().map(OdsCode::as_str))
            .bind(page.after.as_ref().map_or("", OdsCode::as_str))
            .bind(i64::from(page.limit));
        mapping::all(found.fetch_all(self.readers()).await.map_err(failed)?, mapping::entry)
    }

    async fn waiting(&self, listed: Listed, limit: u32) -> Result<Vec<Entry>, StoreError> {
        let found = sqlx::query_as(sql::WAITING).bind(listed.as_str()).bind(i64::from(limit));
        mapping::all(found.fetch_all(self.readers()).await.map_err(failed)?, mapping::entry)
    }

    async fn all_in_force(&self) -> Result<Vec<Entry>, StoreError> {
        let found = sqlx::query_as(sql::ALL_IN_FORCE).fetch_all(self.readers()).await.map_err(failed)?;
        mapping::all(found, mapping::entry)
    }

    async fn write(&self, entry: &Entry, in_force: Option<i64>) -> Result<(), StoreError> {
        let (listed, ods) = (entry.content.listed().as_str(), entry.content.ods());
        let at_once = match entry.state {
            EntryState::InForce => true,
            EntryState::Proposed => false,
            // nobody writes what was decided already
            EntryState::Refused | EntryState::Replaced => return Err(StoreError::Conflict),
        };
        let content = mapping::content(&entry.content)?;
        let mut writer = self.writer().await?;
        let mut change = if at_once { raising(&mut writer, None).await? } else { begin(&mut writer).await? };
        let insert = sqlx::query(sql::WRITE)
            .bind(listed)
            .bind(ods.as_str())
            .bind(entry.version)
            .bind(entry.state.as_str())
            .bind(content)
            .bind(&entry.by.issuer)
            .bind(&entry.by.subject)
            .bind(entry.by.organisation.as_ref().map(OdsCode::as_str))
            .bind(entry.at.0)
            .bind(at_once)
            .bind(in_force.unwrap_or(0))
            .bind(entry.by_system);
        if insert.execute(&mut *change).await.map_err(failed_or_taken)?.rows_affected() == 0 {
            return Err(StoreError::Conflict);
        }
        let pass_over = sqlx::query(sql::PASS_OVER).bind(listed).bind(ods.as_str()).bind(entry.version);
        pass_over.execute(&mut *change).await.map_err(failed)?;
        if at_once {
            if let Content::Endpoint(new) = &entry.content {
                restage(&mut change, (entry.version, new), false, &entry.by, entry.at).await?;
            }
            let replace = sqlx::query(sql::REPLACE).bind(listed).bind(ods.as_str()).bind(entry.version);
            replace.execute(&mut *change).await.map_err(failed)?;
        }
        change.commit().await.map_err(failed)
    }

    async fn decide(
        &self,
        listed: Listed,
        ods: OdsCode,
        version: i64,
        is_let_in: bool,
        decided: &Decided,
        is_probed: bool,
    ) -> Result<(), StoreError> {
        let state = if is_let_in { EntryState::InForce } else { EntryState::Refused };
        let mut writer = self.writer().await?;
        let mut change = if is_let_in { raising(&mut writer, None).await? } else { begin(&mut writer).await? };
        let decide = sqlx::query(sql::DECIDE)
            .bind(listed.as_str())
            .bind(ods.as_str())
            .bind(version)
            .bind(state.as_str())
            .bind(&decided.by.issuer)
            .bind(&decided.by.subject)
            .bind(decided.by.organisation.as_ref().map(OdsCode::as_str))
            .bind(decided.at.0)
            .bind(&decided.reason)
            .bind(is_let_in);
        if decide.execute(&mut *change).await.map_err(failed)?.rows_affected() == 0 {
            return Err(StoreError::Conflict);
        }
        if is_let_in {
            let new = sqlx::query_as(sql::LATEST).bind(listed.as_str()).bind(ods.as_str());
            let new = new.fetch_optional(&mut *change).await.map_err(failed)?.map(mapping::entry).transpose()?;
            if let Some(Entry { version, content: Content::Endpoint(new), .. }) = &new {
                restage(&mut change, (*version, new), is_probed, &decided.by, decided.at).await?;
            }
            let replace = sqlx::query(sql::REPLACE).bind(listed.as_str()).bind(ods.as_str()).bind(version);
            replace.execute(&mut *change).await.map_err(failed)?;
        }
        change.commit().await.map_err(failed)
    }

    async fn stages(&self, ods: OdsCode) -> Result<Option<Staged>, StoreError> {
        let staged = sqlx::query_as(sql::STAGED).bind(ods.as_str());
        staged.fetch_optional(self.readers()).await.map_err(failed)?.map(mapping::staged).transpose()
    }

    async fn stage_history(&self, ods: OdsCode) -> Result<Vec<Staged>, StoreError> {
        let staged = sqlx::query_as(sql::STAGE_HISTORY).bind(ods.as_str());
        mapping::all(staged.fetch_all(self.readers()).await.map_err(failed)?, mapping::staged)
    }

    async fn set_stages(
        &self,
        ods: OdsCode,
        version: i64,
        before: Option<&Stages>,
        staged: &Staged,
    ) -> Result<(), StoreError> {
        let mut writer = self.writer().await?;
        let mut change = raising(&mut writer, None).await?;
        // nobody else sets any, or another version in force, before this transaction has ended
        let in_force = sqlx::query_scalar(sql::VERSION_IN_FORCE).bind(ods.as_str());
        let in_force: Option<i64> = in_force.fetch_optional(&mut *change).await.map_err(failed)?;
        let standing = standing(&mut change, ods).await?;
        if in_force != Some(version) || standing.as_ref().map(|standing| &standing.stages) != before {
            return Err(StoreError::Conflict);
        }
        set(&mut change, ods, staged).await?;
        change.commit().await.map_err(failed)
    }
}

async fn standing(change: &mut Connection, ods: OdsCode) -> Result<Option<Staged>, StoreError> {
    let standing = sqlx::query_as(sql::STAGED).bind(ods.as_str());
    standing.fetch_optional(change).await.map_err(failed)?.map(mapping::staged).transpose()
}

async fn set(change: &mut Connection, ods: OdsCode, staged: &Staged) -> Result<(), StoreError> {
    let Staged { stages, reason, by, at } = staged;
    let Recorder { issuer, subject, organisation } = by;
    let end = sqlx::query(sql::END_STAGES).bind(ods.as_str());
    end.execute(&mut *change).await.map_err(failed)?;
    let set = sqlx::query(sql::SET_STAGES)
        .bind(ods.as_str())
        .bind(mapping::text(stages)?)
        .bind(reason)
        .bind(issuer)
        .bind(subject)
        .bind(organisation.as_ref().map(OdsCode::as_str))
        .bind(at.0);
    set.execute(&mut *change).await.map_err(failed_or_taken)?;
    Ok(())
}

/// The stages of an endpoint that comes into force in place of the one before, whose row still stands.
async fn restage(
    change: &mut Connection,
    (version, new): (i64, &Endpoint),
    is_probed: bool,
    by: &Recorder,
    at: Timestamp,
) -> Result<(), StoreError> {
    let Some(stood) = standing(change, new.ods).await? else { return Ok(()) };
    let before =
        sqlx::query_as(sql::REPLACED_NEXT).bind(Listed::Endpoint.as_str()).bind(new.ods.as_str()).bind(version);
    let before = before.fetch_optional(&mut *change).await.map_err(failed)?.map(mapping::entry).transpose()?;
    let before = before.and_then(|entry| match entry.content {
        Content::Endpoint(before) => Some(before),
        Content::Organization(_) => None,
    });
    let stages = new.restaged(before.as_ref(), &stood.stages, is_probed);
    if stages == stood.stages {
        return Ok(());
    }
    let reason = "another version of the entry came into force: what it changes is to be probed".to_owned();
    set(change, new.ods, &Staged { stages, reason, by: by.clone(), at }).await
}
