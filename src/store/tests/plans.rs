//! That no statement of every request walks a whole table. Asked of SQLite, whose planner goes by the indexes alone: both
//! databases have the same.

use super::*;
use crate::store::sql;
use sqlx::{ConnectOptions as _, Row as _};

#[tokio::test]
async fn what_every_request_asks_is_found_by_an_index() {
    let fixture = Fixture::sqlite();
    fixture.open().await;
    let DatabaseUrl::Sqlite(path) = &fixture.url else { unreachable!() };
    let mut connection = sqlx::sqlite::SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    for statement in [
        sql::EPOCH,
        sql::OBJECTIONS,
        sql::RELATIONSHIPS,
        sql::OVERRIDES,
        sql::QUARANTINED,
        sql::RECALLS,
        sql::POLICY,
        sql::STANDING_CLAIM,
        sql::desk::TASKS,
        sql::desk::ANY_DUE,
        sql::desk::RELEASED_HOLDS,
    ] {
        let explained = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}")));
        let steps = explained.fetch_all(&mut connection).await.unwrap();
        let steps: Vec<String> = steps.iter().map(|step| step.get("detail")).collect();
        // the last of a table, or its order, by its key: that is no walk
        let walks = |step: &String| step.starts_with("SCAN") && !step.contains("policy_in_force");
        let sorts = |step: &String| step.contains("TEMP B-TREE") && statement == sql::desk::TASKS;
        assert!(!steps.iter().any(|step| walks(step) || sorts(step)), "{statement}\n{steps:#?}");
    }
}
