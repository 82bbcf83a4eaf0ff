use super::{Fixture, items, log_id, ods, patient, release_of, start};
use crate::{
    audit::{DayTotal, LedgerPage, List, Row, Who, ledger},
    domain::Timestamp,
};

fn shown_to(organisation: &str, row: Row) -> Row {
    let who = Who {
        issuer: "https://id.example".into(),
        subject: "someone".into(),
        party: "staff".into(),
        user: None,
        name: None,
        role: None,
        role_name: None,
        activities: Vec::new(),
        scopes: String::new(),
        organisation: Some(ods(organisation)),
        organisation_kind: None,
        acting: None,
        client: "client".into(),
        token: "token".into(),
        network: None,
    };
    Row { who: Some(who), ..row }
}

#[tokio::test]
async fn each_release_is_entered_once_however_many_nodes_draw_it_and_told_by_source_newest_first() {
    for fixture in Fixture::both().await {
        let store = fixture.open().await;
        let log = start(&store, "node").await;
        let shown = items(patient(0), "a");
        for organisation in ["F99001", "F99001", "RZ902"] {
            let row = shown_to(organisation, release_of(&shown));
            log.commit(row, None, vec![shown.clone()]).await.unwrap();
        }
        let (one, other, id) = (store.ledger(), fixture.open().await.ledger(), log_id("node"));
        assert_eq!(one.drawn(&id).await.unwrap(), 0);
        let rows = store.log_reader().rows(&id, 0, 10).await.unwrap();
        let drawn: Vec<_> =
            rows.iter().flat_map(|stored| ledger::lines(&stored.row().unwrap().unwrap(), stored.index)).collect();
        assert_eq!(
            drawn.iter().map(|one| (one.list, one.organisation, one.items, one.part.as_str())).collect::<Vec<_>>(),
            [
                (List::Disclosures, ods("RZ901"), 1, "F99001"),
                (List::Disclosures, ods("RZ901"), 1, "F99001"),
                (List::Disclosures, ods("RZ901"), 1, "RZ902"),
            ]
        );
        let entered = futures::join!(one.enter(&id, 0..3, &drawn), other.enter(&id, 0..3, &drawn));
        assert_eq!([entered.0.unwrap(), entered.1.unwrap()].iter().filter(|mine| **mine).count(), 1);
        assert_eq!((one.drawn(&id).await.unwrap(), one.enter(&id, 0..3, &drawn).await.unwrap()), (3, false));

        let (list, organisation) = (List::Disclosures, ods("RZ901"));
        let during = Timestamp(0)..Timestamp::MAX;
        let page = |before, limit| LedgerPage { list, organisation, during: during.clone(), before, limit };
        let first = one.places(&page(None, 2)).await.unwrap();
        assert_eq!(first.iter().map(|place| place.index).collect::<Vec<_>>(), [2, 1]);
        let rest = one.places(&page(first.last().cloned(), 2)).await.unwrap();
        assert_eq!(rest.iter().map(|place| place.index).collect::<Vec<_>>(), [0]);
        let before = LedgerPage { during: Timestamp(0)..first[1].at, ..page(None, 9) };
        assert!(one.places(&before).await.unwrap().iter().all(|place| place.at < first[1].at));
        assert!(one.places(&LedgerPage { organisation: ods("RZ902"), ..page(None, 9) }).await.unwrap().is_empty());

        let day = ledger::day(drawn[0].at);
        let total = |to: &str, times| DayTotal { day, part: to.to_owned(), times, items: times };
        let totals = one.totals(list, organisation, day..day + 1).await.unwrap();
        assert_eq!(totals, [total("F99001", 2), total("RZ902", 1)]);
        assert!(one.totals(list, organisation, day + 1..day + 2).await.unwrap().is_empty());
    }
}
