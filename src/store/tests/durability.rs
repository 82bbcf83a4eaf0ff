use super::*;
use crate::store::StoreFault;

#[tokio::test]
async fn a_server_that_may_forget_a_commit_is_refused() {
    for setting in ["fsync", "full_page_writes"] {
        let server = Postgres::start(&[&format!("{setting}=off")]);
        let url = DatabaseUrl::parse(&server.database().await).unwrap();
        let refused = Store::open(&url).await.err().unwrap();
        assert!(matches!(&refused, StoreFault::NotDurable { setting: found, .. } if *found == setting), "{refused}");
    }
}

#[tokio::test]
async fn a_standby_is_refused() {
    let server = Postgres::start(&[]);
    let url = DatabaseUrl::parse(&server.database().await).unwrap();
    drop(Store::open(&url).await.unwrap());
    server.down();
    server.touch("standby.signal");
    server.up();
    assert!(matches!(Store::open(&url).await, Err(StoreFault::Standby)));
}

#[tokio::test]
async fn a_role_whose_default_is_to_answer_before_the_disk_does_not_get_its_way() {
    let fixture = Fixture::postgres().await;
    let DatabaseUrl::Postgres(options) = &fixture.url else { unreachable!() };
    let database = options.get_database().unwrap();
    fixture.tamper(format!("ALTER DATABASE {database} SET synchronous_commit = off")).await;
    fixture.tamper(format!("ALTER DATABASE {database} SET default_transaction_isolation = 'serializable'")).await;
    assert!(fixture.open().await.log_reader().logs().await.is_ok());
}

#[tokio::test]
async fn looking_at_a_database_that_is_not_there_makes_none() {
    let fixture = Fixture::sqlite();
    assert!(matches!(Store::open_existing(&fixture.url).await, Err(StoreFault::Unreachable(_))));
    let DatabaseUrl::Sqlite(path) = &fixture.url else { unreachable!() };
    assert!(!path.exists());
}

#[tokio::test]
async fn opening_twice_at_once_migrates_once() {
    for fixture in Fixture::both().await {
        let (one, other) = tokio::join!(Store::open(&fixture.url), Store::open(&fixture.url));
        assert!(one.is_ok() && other.is_ok(), "{:?} {:?}", one.err(), other.err());
    }
}
