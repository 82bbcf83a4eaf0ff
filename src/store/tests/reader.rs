use super::*;
use futures::future::join_all;

#[tokio::test]
async fn of_a_request_id_used_over_and_over_the_last_rows_are_told_oldest_first() {
    for fixture in Fixture::both().await {
        let store = fixture.open().await;
        let log = start(&store, "node-1").await;
        let one = row(Kind::Released, Some(patient(1)));
        let rows = (0..1_001).map(|n| Row { request: n.to_string(), at: Timestamp(n), ..one.clone() });
        let commits = join_all(rows.map(|row| log.commit(row, None, Vec::new()))).await;
        assert!(commits.iter().all(Result::is_ok));
        let told = store.log_reader().request_rows(one.request_id).await.unwrap();
        let told: Vec<String> = told.iter().map(|stored| stored.row().unwrap().unwrap().request).collect();
        assert_eq!(told, (1..1_001).map(|n| n.to_string()).collect::<Vec<_>>());
    }
}
