use super::{Connections, begin};
use crate::{
    audit::{DayTotal, Disclosed, LedgerPage, LedgerStore, LogId, Place, ledger},
    domain::{OdsCode, StoreError},
    store::{
        mapping::{self, count, failed},
        sql::ledger as sql,
    },
};
use async_trait::async_trait;
use std::{collections::BTreeMap, ops::Range};

#[async_trait]
impl LedgerStore for Connections {
    async fn drawn(&self, log: &LogId) -> Result<u64, StoreError> {
        let size = sqlx::query_scalar(sql::DRAWN).bind(log.as_str()).fetch_optional(self.readers()).await;
        let size: Option<i64> = size.map_err(failed)?;
        mapping::size(size.unwrap_or(0))
    }

    async fn enter(&self, log: &LogId, rows: Range<u64>, disclosed: &[Disclosed]) -> Result<bool, StoreError> {
        let mut writer = self.writer().await?;
        let mut change = begin(&mut writer).await?;
        sqlx::query(sql::BEGIN_DRAWING).bind(log.as_str()).execute(&mut *change).await.map_err(failed)?;
        let draw = sqlx::query(sql::DRAW).bind(log.as_str()).bind(count(rows.start)).bind(count(rows.end));
        if draw.execute(&mut *change).await.map_err(failed)?.rows_affected() == 0 {
            return Ok(false);
        }
        // in one order everywhere: two nodes that add to the same sums must not wait for each other crosswise
        let mut sums: BTreeMap<(OdsCode, i64, Option<OdsCode>), (u64, u64)> = BTreeMap::new();
        for one in disclosed {
            let enter = sqlx::query(sql::ENTER).bind(one.source.as_str()).bind(one.at.0);
            let enter = enter.bind(log.as_str()).bind(count(one.index));
            enter.execute(&mut *change).await.map_err(failed)?;
            let (releases, items) = sums.entry((one.source, ledger::day(one.at), one.to)).or_default();
            (*releases, *items) = (*releases + 1, *items + one.items);
        }
        for ((source, day, to), (releases, items)) in &sums {
            let to = to.as_ref().map_or("", |to| to.as_str());
            let add = sqlx::query(sql::ADD).bind(source.as_str()).bind(day).bind(to);
            add.bind(count(*releases)).bind(count(*items)).execute(&mut *change).await.map_err(failed)?;
        }
        change.commit().await.map_err(failed)?;
        Ok(true)
    }

    async fn disclosures(&self, page: &LedgerPage) -> Result<Vec<Place>, StoreError> {
        let (at, log, index) = mapping::before(page.before.as_ref(), page.during.end);
        let found = sqlx::query_as(sql::DISCLOSURES)
            .bind(page.source.as_str())
            .bind(page.during.start.0)
            .bind(page.during.end.0)
            .bind(at)
            .bind(log)
            .bind(index)
            .bind(i64::from(page.limit));
        mapping::all(found.fetch_all(self.readers()).await.map_err(failed)?, mapping::place)
    }

    async fn totals(&self, source: OdsCode, days: Range<i64>) -> Result<Vec<DayTotal>, StoreError> {
        let totals = sqlx::query_as(sql::TOTALS).bind(source.as_str()).bind(days.start).bind(days.end);
        mapping::all(totals.fetch_all(self.readers()).await.map_err(failed)?, mapping::day_total)
    }
}
