//! The numbers of one person, as the patient index has told them.

use super::Connection;
use crate::{
    domain::{NhsNumber, StoreError, Timestamp},
    store::{
        mapping::{self, failed, key},
        sql,
    },
};
use std::collections::BTreeSet;

/// The number in use for this one, and the epoch it stood at before that was read.
pub(super) async fn current(
    connection: &mut Connection,
    mut number: NhsNumber,
) -> Result<(NhsNumber, i64), StoreError> {
    loop {
        let epoch = super::facts::epoch(connection, key(number)).await?;
        match superseded_by(connection, number).await? {
            None => return Ok((number, epoch)),
            Some(current) => number = current,
        }
    }
}

/// All numbers of the person whose number in use stood at this epoch, each with the epoch it stood at itself.
pub(super) async fn at(
    connection: &mut Connection,
    current: NhsNumber,
    epoch: i64,
) -> Result<Vec<(NhsNumber, i64)>, StoreError> {
    let mut all = vec![(current, epoch)];
    let mut next = 0;
    while let Some((current, epoch)) = all.get(next).copied() {
        let given_up = sqlx::query_as(sql::GIVEN_UP_AT).bind(key(current)).bind(epoch);
        let given_up: Vec<(i64, i64, i64)> = given_up.fetch_all(&mut *connection).await.map_err(failed)?;
        for (number, then, from) in given_up {
            all.push((mapping::patient(number)?, then + (epoch - from)));
        }
        next += 1;
    }
    Ok(all)
}

/// Raises the epochs of all numbers of these persons. What is learned of them while a lock was waited for counts too.
pub(super) async fn raise(connection: &mut Connection, of: &[NhsNumber]) -> Result<(), StoreError> {
    let mut raised = BTreeSet::new();
    loop {
        let all = family(connection, of).await?;
        let more: Vec<NhsNumber> = all.difference(&raised).copied().collect();
        if more.is_empty() {
            return Ok(());
        }
        for number in more {
            sqlx::query(sql::RAISE).bind(key(number)).execute(&mut *connection).await.map_err(failed)?;
            raised.insert(number);
        }
    }
}

/// Within a transaction that has raised both.
pub(super) async fn supersede(
    connection: &mut Connection,
    number: NhsNumber,
    current: NhsNumber,
) -> Result<bool, StoreError> {
    let now = Timestamp::now().0;
    let before = superseded_by(connection, number).await?;
    let in_use = superseded_by(connection, current).await?.is_none();
    if in_use && before == (number != current).then_some(current) {
        return Ok(false);
    }
    for over in [number, current] {
        sqlx::query(sql::END_SUPERSESSION).bind(key(over)).bind(now).execute(&mut *connection).await.map_err(failed)?;
    }
    if number != current {
        let insert = sqlx::query(sql::SUPERSEDE_NUMBER).bind(key(number)).bind(key(current)).bind(now);
        insert.execute(&mut *connection).await.map_err(failed)?;
    }
    Ok(true)
}

/// All numbers of these persons, each known to be theirs now.
pub(super) async fn family(connection: &mut Connection, of: &[NhsNumber]) -> Result<BTreeSet<NhsNumber>, StoreError> {
    let mut all = BTreeSet::new();
    let mut left = of.to_vec();
    while let Some(number) = left.pop() {
        if !all.insert(number) {
            continue;
        }
        left.extend(superseded_by(connection, number).await?);
        let given_up = sqlx::query_scalar(sql::GIVEN_UP_FOR).bind(key(number));
        let given_up: Vec<i64> = given_up.fetch_all(&mut *connection).await.map_err(failed)?;
        left.extend(mapping::all(given_up, mapping::patient)?);
    }
    Ok(all)
}

async fn superseded_by(connection: &mut Connection, number: NhsNumber) -> Result<Option<NhsNumber>, StoreError> {
    let current = sqlx::query_scalar(sql::SUPERSEDED_BY).bind(key(number));
    let current: Option<i64> = current.fetch_optional(connection).await.map_err(failed)?;
    current.map(mapping::patient).transpose()
}
