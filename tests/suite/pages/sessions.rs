//! How long somebody is signed in, and where: on every node, until they sign out, leave it alone, or are barred.

use super::browser::{Browser, SESSION, TICKET};
use crate::{
    harness::{Around, Gate, Setup, on_each_database, program, started_on_each_database},
    program::Region,
};
use caregate::audit::Kind;
use std::{fs, time::Duration};

async fn is_in(browser: &Browser<'_>) -> bool {
    let page = browser.get("/providers").await;
    match page.status {
        200 => true,
        303 => false,
        other => panic!("{other}: {}", page.text),
    }
}

#[tokio::test]
async fn a_session_is_a_new_secret_that_no_script_and_no_other_site_is_given() {
    for gate in on_each_database().await {
        let browser = Browser::new(&gate);
        // whatever id a browser comes with, it is not the one it leaves with
        let planted = "A".repeat(43);
        browser.set(SESSION, &planted);
        let answer = browser.signs_in("systems-estuary", "/").await;
        let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().map(|one| one.to_str().unwrap()).collect();
        let session = cookies.iter().find(|one| one.starts_with(SESSION)).unwrap();
        assert!(session.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{session}");
        assert!(cookies.iter().any(|one| one.starts_with(&format!("{TICKET}=;")) && one.contains("Max-Age=0")));
        let first = browser.cookie(SESSION).unwrap();
        assert!(first.len() == 43 && first != planted);
        assert!(is_in(&browser).await);
        browser.set(SESSION, &planted);
        assert!(!is_in(&browser).await, "a planted id is nobody's");
        // signing in again is another session, and the one before is over
        browser.set(SESSION, &first);
        browser.signs_in("systems-saltmarsh", "/").await;
        let second = browser.cookie(SESSION).unwrap();
        assert_ne!(first, second);
        browser.set(SESSION, &first);
        assert!(!is_in(&browser).await);
        browser.set(SESSION, &second);
        assert!(browser.get("/providers").await.text.contains("F99001"));
        // whoever reads the table, or the log, can be nobody by it
        if let Some(file) = gate.database.strip_prefix("sqlite:") {
            let table = [fs::read(file).unwrap(), fs::read(format!("{file}-wal")).unwrap_or_default()].concat();
            for secret in [&first, &second, &browser.form_token().await] {
                assert!(!table.windows(43).any(|bytes| bytes == secret.as_bytes()));
            }
        }
        assert!(!gate.stderr().contains(&second));
    }
}

#[tokio::test]
async fn whoever_signs_out_is_out_at_once_and_that_is_written_down() {
    for gate in on_each_database().await {
        let browser = Browser::of(&gate, "systems-estuary").await;
        let kept = browser.cookie(SESSION).unwrap();
        let answer = browser.signs_out().await;
        assert_eq!(answer.status, 303);
        let row = gate.closing(&answer).await;
        assert_eq!((row.kind, row.interaction.as_str()), (Kind::Released, "sign-out"));
        assert_eq!(browser.cookie(SESSION), None, "the browser forgets it");
        browser.set(SESSION, &kept);
        assert!(!is_in(&browser).await, "and so does the gateway");
    }
}

#[tokio::test]
async fn a_session_left_alone_is_over_and_so_is_one_that_has_lasted_long_enough() {
    let setup = || Setup::default().set("CAREGATE__PAGES__IDLE_SECONDS", 2).set("CAREGATE__PAGES__SESSION_SECONDS", 5);
    for gate in started_on_each_database(setup).await {
        let (used, left) = (Browser::of(&gate, "systems-estuary").await, Browser::of(&gate, "systems-estuary").await);
        for _ in 0..6 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            assert!(is_in(&used).await, "one that is used goes on");
        }
        assert!(!is_in(&left).await, "one that is left alone does not");
        let mut lasted = Duration::ZERO;
        while is_in(&used).await {
            tokio::time::sleep(Duration::from_millis(500)).await;
            lasted += Duration::from_millis(500);
            assert!(lasted < Duration::from_secs(5), "however much it is used, it ends");
        }
    }
}

#[tokio::test]
async fn whoever_is_revoked_is_out_at_the_next_request_and_is_not_let_in_again() {
    for gate in on_each_database().await {
        let (browser, other) =
            (Browser::of(&gate, "systems-estuary").await, Browser::of(&gate, "systems-saltmarsh").await);
        assert!(is_in(&browser).await && is_in(&other).await);
        let mut revoke = program();
        revoke.args([
            "user",
            "revoke",
            &gate.identity,
            "555021400122",
            "--reason",
            "left",
            "--database",
            &gate.database,
        ]);
        assert!(revoke.output().unwrap().status.success());
        let page = browser.get("/providers").await;
        assert_eq!(page.status, 403, "{}", page.text);
        let row = gate.closing(&page).await;
        assert!(row.kind == Kind::Refused && row.rules.iter().any(|rule| rule == "user-revoked"), "{row:?}");
        assert_eq!(browser.cookie(SESSION), None);
        let again = browser.signs_in("systems-estuary", "/providers").await;
        assert_eq!((again.status, browser.cookie(SESSION)), (403, None));
        assert!(again.text.contains("Your access was ended"), "{}", again.text);
        assert!(is_in(&other).await, "nobody else is");
        // the application itself
        let mut revoke = program();
        revoke.args([
            "user",
            "revoke",
            &gate.identity,
            "caregate-pages",
            "--reason",
            "lost",
            "--database",
            &gate.database,
        ]);
        assert!(revoke.output().unwrap().status.success());
        assert!(other.get("/").await.text.contains("Sign in with Care Identity"), "the front page knows it too");
        assert_eq!(other.signs_in("systems-saltmarsh", "/").await.status, 403);
    }
}

/// Two gateways behind one name, on one database, and where each really listens.
async fn two(region: &Region) -> [(Gate, String); 2] {
    let database = crate::postgres::Postgres::shared().database().await;
    ["north", "south"].map(|node| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("caregate.toml");
        fs::write(&file, region.config()).unwrap();
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let settings = [
            ("CAREGATE__GATEWAY__NODE", node.to_owned()),
            ("CAREGATE__GATEWAY__LISTEN", address.to_string()),
            ("CAREGATE__GATEWAY__PUBLIC_URL", "http://localhost:18080".to_owned()),
            ("CAREGATE__DATABASE__URL", database.clone()),
        ];
        let identity = region.ready()["identity"].as_str().unwrap().to_owned();
        let around =
            Around { identity, metrics: String::new(), providers: Default::default(), database: database.clone() };
        (Gate::serve(folder, &file, &settings, around), format!("http://{address}"))
    })
}

#[tokio::test]
async fn a_sign_in_begun_at_one_gateway_ends_at_another_once_and_holds_at_both_until_it_is_over() {
    let region = Region::start();
    let [(north, at_north), (south, at_south)] = two(&region).await;
    let browser = Browser::behind(&north, &at_north);
    let at = browser.begins("staff", "/providers").await;
    let back = browser.chooses(&at, "systems-estuary").await;
    let (there, ticket) = (browser.led_to(&south, &at_south), browser.cookie(TICKET).unwrap());
    assert_eq!(there.get(&back).await.status, 303);
    let here = there.led_to(&north, &at_north);
    assert!(is_in(&here).await && is_in(&there).await);
    // the same once more, at the other
    let again = Browser::behind(&north, &at_north);
    again.set(TICKET, &ticket);
    let repeated = again.get(&back).await;
    assert_eq!((repeated.status, again.cookie(SESSION)), (400, None), "{}", repeated.text);
    assert!(is_in(&here).await, "that one is not over by it");
    let kept = here.cookie(SESSION).unwrap();
    assert_eq!(here.signs_out().await.status, 303);
    there.set(SESSION, &kept);
    assert!(!is_in(&there).await, "out at both");
}
