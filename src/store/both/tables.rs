//! What is asked of the tables, in one text for both databases: compiled once beside SQLite's connections and once beside
//! PostgreSQL's, so that each is checked against its own types.

mod assertions;
mod claims;
mod desk;
mod directory;
mod facts;
mod ledger;
mod long_ids;
mod numbers;
mod policies;
mod presence;
mod reader;
mod recalls;
mod sessions;
mod standing;

use super::{Connection, Connections, Db, MISSING_ITEMS, REMEMBER, Transaction, begin};
use crate::{
    domain::{NhsNumber, StoreError},
    store::{
        mapping::{GLOBAL, failed},
        sql,
    },
};

/// Begins a change of one patient's facts, or everyone's.
async fn raising(writer: &mut Connection, patient: Option<NhsNumber>) -> Result<Transaction<'_>, StoreError> {
    let mut transaction = begin(writer).await?;
    match patient {
        Some(patient) => numbers::raise(&mut transaction, &[patient]).await?,
        None => {
            sqlx::query(sql::RAISE).bind(GLOBAL).execute(&mut *transaction).await.map_err(failed)?;
        }
    }
    Ok(transaction)
}
