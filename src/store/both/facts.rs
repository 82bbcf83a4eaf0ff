use super::{Connection, Connections, Db, begin, desk, numbers, raising};
use crate::{
    access::{ConsentRecord, FactStore, GlobalFacts, PatientFacts, Person, Recall, Recorder, Relationship, Sequel},
    domain::{NhsNumber, OdsCode, StoreError, Timestamp},
    store::{
        mapping::{self, ConsentTexts, GLOBAL, failed, failed_or_taken, key},
        sql,
    },
};
use async_trait::async_trait;
use sqlx::query::Query;

#[async_trait]
impl FactStore for Connections {
    async fn patient_facts(&self, patient: NhsNumber) -> Result<PatientFacts, StoreError> {
        let mut connection = self.readers().acquire().await.map_err(failed)?;
        let (current, epoch) = numbers::current(&mut connection, patient).await?;
        patient_facts(&mut connection, current, epoch, Timestamp::now()).await
    }

    async fn global_facts(&self) -> Result<GlobalFacts, StoreError> {
        let mut connection = self.readers().acquire().await.map_err(failed)?;
        let epoch = epoch(&mut connection, GLOBAL).await?;
        global_facts(&mut connection, epoch).await
    }

    async fn patient_facts_at(
        &self,
        patient: NhsNumber,
        epoch: i64,
        at: Timestamp,
    ) -> Result<PatientFacts, StoreError> {
        let mut connection = self.readers().acquire().await.map_err(failed)?;
        patient_facts(&mut connection, patient, epoch, at).await
    }

    async fn global_facts_at(&self, epoch: i64) -> Result<GlobalFacts, StoreError> {
        let mut connection = self.readers().acquire().await.map_err(failed)?;
        global_facts(&mut connection, epoch).await
    }

    async fn create_consent(&self, consent: &ConsentRecord) -> Result<(), StoreError> {
        if consent.version != 1 {
            return Err(StoreError::Conflict);
        }
        let texts = mapping::consent_texts(consent)?;
        let mut writer = self.writer().await?;
        let mut change = raising(&mut writer, Some(consent.patient)).await?;
        let insert = bind_consent(sqlx::query(sql::CREATE_CONSENT), consent, &texts);
        let done = insert.execute(&mut *change).await.map_err(failed_or_taken)?;
        if done.rows_affected() == 0 {
            return Err(StoreError::Conflict);
        }
        for organisation in consent.concerned() {
            let add = sqlx::query(sql::ADD_CONCERNED).bind(organisation.as_str().to_owned());
            let add = add.bind(consent.recorded_at.0).bind(&consent.id);
            add.execute(&mut *change).await.map_err(failed)?;
        }
        change.commit().await.map_err(failed)
    }

    async fn update_consent(&self, consent: &ConsentRecord, sequel: Option<&Sequel>) -> Result<(), StoreError> {
        let texts = mapping::consent_texts(consent)?;
        let mut writer = self.writer().await?;
        let mut change = raising(&mut writer, Some(consent.patient)).await?;
        let insert = bind_consent(sqlx::query(sql::UPDATE_CONSENT), consent, &texts);
        let done = insert.execute(&mut *change).await.map_err(failed_or_taken)?;
        if done.rows_affected() == 0 {
            return Err(StoreError::Conflict);
        }
        if let Some(sequel) = sequel {
            desk::follow(&mut change, sequel).await?;
        }
        change.commit().await.map_err(failed)
    }

    async fn consent(&self, id: &str) -> Result<Option<ConsentRecord>, StoreError> {
        let cells = sqlx::query_as(sql::CONSENT).bind(id).fetch_optional(self.readers()).await.map_err(failed)?;
        cells.map(mapping::consent).transpose()
    }

    async fn consent_version(&self, id: &str, version: i64) -> Result<Option<ConsentRecord>, StoreError> {
        let query = sqlx::query_as(sql::CONSENT_VERSION).bind(id).bind(version);
        query.fetch_optional(self.readers()).await.map_err(failed)?.map(mapping::consent).transpose()
    }

    async fn consents(&self, patient: NhsNumber) -> Result<Vec<ConsentRecord>, StoreError> {
        let cells = sqlx::query_as(sql::CONSENTS).bind(key(patient)).fetch_all(self.readers()).await.map_err(failed)?;
        mapping::all(cells, mapping::consent)
    }

    async fn assert_relationship(
        &self,
        patient: NhsNumber,
        relationship: &Relationship,
        begins: Option<Timestamp>,
        by: &Recorder,
    ) -> Result<(), StoreError> {
        let now = Timestamp::now();
        let mut writer = self.writer().await?;
        let mut change = raising(&mut writer, Some(patient)).await?;
        // by whatever number it was asserted
        for number in numbers::family(&mut change, &[patient]).await? {
            let before = sqlx::query_scalar(sql::SUPERSEDE)
                .bind(key(number))
                .bind(relationship.organisation.as_str())
                .bind(relationship.basis.as_str())
                .bind(&relationship.evidence)
                .bind(now.0);
            let ended: Vec<Option<i64>> = before.fetch_all(&mut *change).await.map_err(failed)?;
            if ended.into_iter().flatten().any(|end| begins.is_none_or(|begins| begins.0 < end)) {
                return Err(StoreError::Conflict);
            }
        }
        add_relationship(patient, relationship, by, now).execute(&mut *change).await.map_err(failed)?;
        change.commit().await.map_err(failed)
    }

    async fn end_relationship(
        &self,
        patient: NhsNumber,
        organisation: OdsCode,
        evidence: Option<&str>,
        at: Timestamp,
        by: &Recorder,
    ) -> Result<u64, StoreError> {
        let now = Timestamp::now();
        let mut writer = self.writer().await?;
        let mut change = raising(&mut writer, Some(patient)).await?;
        let lasting = sqlx::query_as(sql::SUPERSEDE_LASTING)
            .bind(key(patient))
            .bind(organisation.as_str())
            .bind(evidence)
            .bind(at.0)
            .bind(now.0);
        let lasting = lasting.fetch_all(&mut *change).await.map_err(failed)?;
        let ended = mapping::all(lasting, mapping::relationship)?;
        for relationship in &ended {
            let end = relationship.end.map_or(at, |end| end.min(at));
            let relationship = Relationship { end: Some(end), closed: true, ..relationship.clone() };
            add_relationship(patient, &relationship, by, now).execute(&mut *change).await.map_err(failed)?;
        }
        if ended.is_empty() {
            // nothing has changed, so no permit need be decided again
            return Ok(0);
        }
        change.commit().await.map_err(failed)?;
        Ok(u64::try_from(ended.len()).unwrap_or(u64::MAX))
    }

    async fn supersede(&self, number: NhsNumber, current: NhsNumber) -> Result<bool, StoreError> {
        let mut writer = self.writer().await?;
        let mut change = begin(&mut writer).await?;
        numbers::raise(&mut change, &[number, current]).await?;
        if !numbers::supersede(&mut change, number, current).await? {
            // nothing has changed, so no permit need be decided again
            return Ok(false);
        }
        change.commit().await.map_err(failed)?;
        Ok(true)
    }

    async fn revoke(&self, issuer: &str, subject: &str, reason: &str) -> Result<(), StoreError> {
        let mut writer = self.writer().await?;
        let mut change = raising(&mut writer, None).await?;
        let insert = sqlx::query(sql::REVOKE).bind(issuer).bind(subject).bind(reason).bind(Timestamp::now().0);
        insert.execute(&mut *change).await.map_err(failed)?;
        change.commit().await.map_err(failed)
    }
}

pub(super) async fn epoch(connection: &mut Connection, key: i64) -> Result<i64, StoreError> {
    let epoch = sqlx::query_scalar(sql::EPOCH).bind(key).fetch_optional(connection).await.map_err(failed)?;
    Ok(epoch.unwrap_or(0))
}

async fn patient_facts(
    connection: &mut Connection,
    patient: NhsNumber,
    epoch: i64,
    at: Timestamp,
) -> Result<PatientFacts, StoreError> {
    let mut facts = PatientFacts { epoch, current: Some(patient), ..PatientFacts::default() };
    for (number, epoch_of) in numbers::at(connection, patient, epoch).await? {
        let key = key(number);
        let objections = sqlx::query_as(sql::OBJECTIONS).bind(key).bind(epoch_of);
        let objections = objections.fetch_all(&mut *connection).await.map_err(failed)?;
        let relationships = sqlx::query_as(sql::RELATIONSHIPS).bind(key).bind(epoch_of).bind(mapping::long_over(at).0);
        let relationships = relationships.fetch_all(&mut *connection).await.map_err(failed)?;
        let overrides = sqlx::query_as(sql::OVERRIDES).bind(key).bind(epoch_of).bind(at.0);
        let overrides = overrides.fetch_all(&mut *connection).await.map_err(failed)?;
        let quarantined = sqlx::query_scalar(sql::QUARANTINED).bind(key).bind(epoch_of);
        let quarantined: Vec<String> = quarantined.fetch_all(&mut *connection).await.map_err(failed)?;
        let recalls = sqlx::query_as(sql::RECALLS).bind(key).bind(epoch_of);
        let recalls = recalls.fetch_all(&mut *connection).await.map_err(failed)?;
        // told in the epochs of the number in use: what was asked for is dated by those
        for recall in mapping::all(recalls, mapping::recall)? {
            facts.recalls.push(Recall { epoch: recall.epoch + (epoch - epoch_of), ..recall });
        }
        facts.objections.extend(mapping::all(objections, mapping::objection)?);
        facts.relationships.extend(mapping::all(relationships, mapping::relationship)?);
        facts.overrides.extend(mapping::all(overrides, mapping::overriding)?);
        for source in &quarantined {
            facts.quarantined.insert(mapping::ods(source)?);
        }
        if number != patient {
            facts.superseded.push(number);
        }
    }
    Ok(facts)
}

async fn global_facts(connection: &mut Connection, epoch: i64) -> Result<GlobalFacts, StoreError> {
    let suspended = sqlx::query_scalar(sql::SUSPENDED).bind(epoch);
    let suspended: Vec<String> = suspended.fetch_all(&mut *connection).await.map_err(failed)?;
    let revoked = sqlx::query_as(sql::REVOKED).bind(epoch);
    let revoked: Vec<(String, String)> = revoked.fetch_all(&mut *connection).await.map_err(failed)?;
    let policy = sqlx::query_scalar(sql::POLICY).bind(epoch);
    let policy: Option<String> = policy.fetch_optional(&mut *connection).await.map_err(failed)?;
    let stages = sqlx::query_as(sql::STAGES).bind(epoch);
    let stages: Vec<(String, Option<String>)> = stages.fetch_all(&mut *connection).await.map_err(failed)?;
    let registry = sqlx::query_scalar(sql::REGISTRY_CHANGED).bind(epoch);
    let registry: Option<i64> = registry.fetch_one(&mut *connection).await.map_err(failed)?;
    Ok(GlobalFacts {
        epoch,
        stages: stages.iter().map(mapping::stages).collect::<Result<_, _>>()?,
        registry: registry.unwrap_or(0),
        suspended: suspended.iter().map(|source| mapping::ods(source)).collect::<Result<_, _>>()?,
        revoked: revoked.into_iter().map(|(issuer, subject)| Person { issuer, subject }).collect(),
        policy: policy.map(Into::into),
    })
}

type Statement<'q> = Query<'q, Db, <Db as sqlx::Database>::Arguments>;

fn bind_consent<'q>(query: Statement<'q>, consent: &'q ConsentRecord, texts: &'q ConsentTexts) -> Statement<'q> {
    let by = &consent.recorded_by;
    query
        .bind(&consent.id)
        .bind(consent.version)
        .bind(key(consent.patient))
        .bind(&texts.scope)
        .bind(consent.state.in_force())
        .bind(&by.issuer)
        .bind(&by.subject)
        .bind(by.organisation.as_ref().map(OdsCode::as_str))
        .bind(consent.recorded_at.0)
        .bind(&consent.resource)
        .bind(&texts.terms)
        .bind(consent.state.as_str())
        .bind(&texts.withdrawer)
        .bind(&consent.note)
}

pub(super) fn add_relationship<'q>(
    patient: NhsNumber,
    relationship: &'q Relationship,
    by: &'q Recorder,
    now: Timestamp,
) -> Statement<'q> {
    sqlx::query(sql::ADD_RELATIONSHIP)
        .bind(key(patient))
        .bind(relationship.organisation.as_str())
        .bind(relationship.basis.as_str())
        .bind(&relationship.evidence)
        .bind(relationship.start.0)
        .bind(relationship.end.map(|end| end.0))
        .bind(&by.issuer)
        .bind(&by.subject)
        .bind(by.organisation.as_ref().map(OdsCode::as_str))
        .bind(now.0)
        .bind(relationship.closed)
        .bind(relationship.person.as_ref().map(|person| &person.issuer))
        .bind(relationship.person.as_ref().map(|person| &person.subject))
}
