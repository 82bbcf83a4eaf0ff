use super::{Connections, begin};
use crate::{
    audit::{DayTotal, LedgerPage, LedgerStore, Line, List, LogId, Place, ledger},
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

    async fn enter(&self, log: &LogId, rows: Range<u64>, lines: &[Line]) -> Result<bool, StoreError> {
        let mut writer = self.writer().await?;
        let mut change = begin(&mut writer).await?;
        sqlx::query(sql::BEGIN_DRAWING).bind(log.as_str()).execute(&mut *change).await.map_err(failed)?;
        let draw = sqlx::query(sql::DRAW).bind(log.as_str()).bind(count(rows.start)).bind(count(rows.end));
        if draw.execute(&mut *change).await.map_err(failed)?.rows_affected() == 0 {
            return Ok(false);
        }
        // in one order everywhere: two nodes that add to the same sums must not wait for each other crosswise
        let mut sums: BTreeMap<(OdsCode, List, i64, &str), (u64, u64)> = BTreeMap::new();
        for line in lines {
            let enter = sqlx::query(sql::ENTER).bind(line.organisation.as_str()).bind(line.list.as_str());
            let enter = enter.bind(line.at.0).bind(log.as_str()).bind(count(line.index));
            enter.execute(&mut *change).await.map_err(failed)?;
            let of = (line.organisation, line.list, ledger::day(line.at), line.part.as_str());
            let (times, items) = sums.entry(of).or_default();
            (*times, *items) = (*times + 1, *items + line.items);
        }
        for ((organisation, list, day, part), (times, items)) in &sums {
            let add = sqlx::query(sql::ADD).bind(organisation.as_str()).bind(list.as_str()).bind(day).bind(part);
            add.bind(count(*times)).bind(count(*items)).execute(&mut *change).await.map_err(failed)?;
        }
        change.commit().await.map_err(failed)?;
        Ok(true)
    }

    async fn places(&self, page: &LedgerPage) -> Result<Vec<Place>, StoreError> {
        let (at, log, index) = mapping::before(page.before.as_ref(), page.during.end);
        let found = sqlx::query_as(sql::PLACES)
            .bind(page.organisation.as_str())
            .bind(page.list.as_str())
            .bind(page.during.start.0)
            .bind(page.during.end.0)
            .bind(at)
            .bind(log)
            .bind(index)
            .bind(i64::from(page.limit));
        mapping::all(found.fetch_all(self.readers()).await.map_err(failed)?, mapping::place)
    }

    async fn totals(&self, list: List, organisation: OdsCode, days: Range<i64>) -> Result<Vec<DayTotal>, StoreError> {
        let totals = sqlx::query_as(sql::TOTALS).bind(organisation.as_str()).bind(list.as_str());
        let totals = totals.bind(days.start).bind(days.end);
        mapping::all(totals.fetch_all(self.readers()).await.map_err(failed)?, mapping::day_total)
    }
}
