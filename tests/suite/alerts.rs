//! Notices to the privacy officers: delivered however long the webhook is down, and nothing waits for them.

use crate::{
    harness::{Gate, NHS, Setup, soon},
    objections::{one_source, recorded},
    overrides::overridden,
};
use aws_lc_rs::hmac;
use data_encoding::HEXLOWER;
use serde_json::Value;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const GP: &str = "gp-saltmarsh";

/// What was delivered: each request's head and body.
type Delivered = Arc<Mutex<Vec<(String, String)>>>;

/// A relay that takes every notice, but answers the first `failures` of them with an error.
async fn relay(listener: TcpListener, failures: usize, delivered: Delivered) {
    while let Ok((mut connection, _)) = listener.accept().await {
        let mut text = String::new();
        let (head, body) = loop {
            let mut chunk = [0; 4096];
            let n = connection.read(&mut chunk).await.unwrap();
            text.push_str(std::str::from_utf8(&chunk[..n]).unwrap());
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length: Option<usize> =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if n == 0 || body.len() >= length.unwrap() {
                break (head.to_owned(), body.to_owned());
            }
        };
        let seen = {
            let mut delivered = delivered.lock().unwrap();
            delivered.push((head, body));
            delivered.len()
        };
        let status = if seen <= failures { "500 Internal Server Error" } else { "204 No Content" };
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        let _ = connection.write_all(answer.as_bytes()).await;
    }
}

async fn on_each_database(url: &str) -> [Gate; 2] {
    let setup = || {
        Setup::default()
            .set("CAREGATE__ALERTS__WEBHOOK", url)
            .set("CAREGATE__ALERTS__ALLOW_HTTP", true)
            .set("CAREGATE__ALERTS__SECRET__ENV", "RELAY_SECRET")
            .set("RELAY_SECRET", "between us")
    };
    let database = crate::postgres::Postgres::shared().database().await;
    [setup().start(), setup().database(database).start()]
}

#[tokio::test]
async fn with_the_webhook_down_an_override_is_granted_and_its_notices_come_once_it_is_up() {
    let reserved = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = reserved.local_addr().unwrap();
    drop(reserved);
    for gate in on_each_database(&format!("http://{address}/notices")).await {
        let patient = gate.shared_with("F99001", "estuary")[0];
        recorded(&gate, patient, &one_source(patient, "RZ901")).await;
        overridden(&gate, GP, patient, "emergency").await;
        let task = async |officer| gate.get(officer, "Task").await.match_ids().swap_remove(0);
        let tasks = BTreeSet::from([
            ("RZ901".to_owned(), task("privacy-officer-estuary").await),
            ("F99001".to_owned(), task("privacy-officer-saltmarsh").await),
        ]);
        soon("an attempt that failed", async || {
            gate.stderr().contains("a notice could not be delivered").then_some(())
        })
        .await;

        let delivered = Delivered::default();
        let listener = TcpListener::bind(address).await.unwrap();
        let relay = tokio::spawn(relay(listener, 1, Arc::clone(&delivered)));
        // the first is refused, and comes again
        soon("three deliveries", async || (delivered.lock().unwrap().len() >= 3).then_some(())).await;
        let told = delivered.lock().unwrap().clone();
        let mut named = BTreeSet::new();
        for (head, body) in &told {
            assert!(head.starts_with("POST /notices HTTP/1.1"), "{head}");
            let key = hmac::Key::new(hmac::HMAC_SHA256, b"between us");
            let signature = format!("sha256={}", HEXLOWER.encode(hmac::sign(&key, body.as_bytes()).as_ref()));
            let line = |line: &str| line.to_lowercase() == format!("x-caregate-signature: {signature}");
            assert!(head.lines().any(line), "{head}");
            let notice: Value = serde_json::from_str(body).unwrap();
            let text = |name: &str| notice[name].as_str().unwrap().to_owned();
            assert_eq!(notice.as_object().unwrap().len(), 6, "{notice}");
            assert_eq!(
                (text("kind"), text("link")),
                ("override".into(), format!("{}/fhir/Task/{}", gate.url, text("task")))
            );
            for absent in [patient.digits().as_str(), NHS, "unconscious", "Fielding", "555021400101"] {
                assert!(!body.contains(absent), "{body}");
            }
            named.insert((text("organisation"), text("task")));
        }
        assert_eq!(named, tasks);
        // taken is taken: nothing comes a second time
        tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
        let ids: Vec<String> = told.iter().map(|(_, body)| body.clone()).collect();
        assert_eq!((delivered.lock().unwrap().len(), ids.iter().collect::<BTreeSet<_>>().len()), (3, 2));
        relay.abort();
        let _ = relay.await;
    }
}
