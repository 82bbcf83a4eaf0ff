//! Who is registered, and by which keys.

use super::{CLIENT, Signer, asked, error_of, token_of};
use crate::{harness::soon, program::Region, sign_in::tap::Tap};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use std::{
    fs,
    sync::{Arc, Mutex},
};

/// A client more, with these lines in its entry.
fn with(config: &str, id: &str, lines: &str) -> String {
    format!("{config}\n[[client]]\nclient_id = {id:?}\norganisation = \"RZ902\"\nscopes = \"system/*.rs\"\n{lines}\n")
}

#[tokio::test]
async fn keys_at_an_address_of_the_clients_are_fetched_once_and_one_clients_key_opens_no_others_name() {
    let region = Region::start();
    let (own, rsa) = (Signer::es384("own-1"), Signer::rsa("own-2", Algorithm::RS384));
    let hasty = Signer::rsa("own-2", Algorithm::RS512);
    let published = Arc::new(Mutex::new((200, json!({"keys": [own.jwk(), rsa.jwk()]}))));
    let served = Arc::clone(&published);
    let tap = Tap::start(None, None, move |_| {
        let (status, keys) = served.lock().unwrap().clone();
        Some((status, Value::to_string(&keys)))
    })
    .await;
    let down = Tap::start(None, None, |_| Some((500, "{}".to_owned()))).await;
    let at = |tap: &Tap| format!("jwks_url = \"{}/jwks\"\nallow_http = true\nallow_private_addresses = true", tap.url);
    let config = with(&region.config(), "fetched", &at(&tap));
    let config = with(&config, "national", &format!("{}\nalgorithms = [\"RS512\"]", at(&tap)));
    let config = with(&config, "unreachable", &at(&down));
    // a name that leads inside our own network, where that was not said to be meant
    let inside = format!("jwks_url = \"{}/jwks\"\nallow_http = true", tap.url);
    let gate = region.join(&with(&config, "inside", &inside), &[]);
    let url = format!("{}/jwks", tap.url);
    let assertions: Vec<_> = (0..8).map(|n| if n % 2 == 0 { &own } else { &rsa }.assertion("fetched", &gate)).collect();
    let tries = assertions.iter().map(|assertion| asked(&gate, assertion, "system/*.rs"));
    futures::future::join_all(tries).await.iter().for_each(|answer| drop(token_of(answer)));
    assert_eq!(tap.take().len(), 1, "one fetch for all");
    let mut header = own.header();
    header.jku = Some(url);
    let named = own.sign_under(&header, &super::assertion_of("fetched", &gate));
    token_of(&asked(&gate, &named, "system/*.rs").await);
    token_of(&asked(&gate, &hasty.assertion("national", &gate), "system/*.rs").await);
    let sandbox = Signer::of_sandbox(&region.file().with_extension("d"));
    for (assertion, what) in [
        (hasty.assertion("fetched", &gate), "RS512 is nothing it is registered for"),
        (rsa.assertion("national", &gate), "nor RS384 of one that has RS512"),
        (own.assertion(CLIENT, &gate), "another client's key"),
        (sandbox.assertion("fetched", &gate), "another client's key"),
    ] {
        assert_eq!(error_of(&asked(&gate, &assertion, "system/*.rs").await).1, "invalid_client", "{what}");
    }
    for client in ["unreachable", "inside"] {
        let answer = asked(&gate, &own.assertion(client, &gate), "system/*.rs").await;
        let stranger = asked(&gate, &own.assertion("no-such-client", &gate), "system/*.rs").await;
        assert_eq!(error_of(&answer), error_of(&stranger), "nobody is told that there is such a client");
    }
    // what is known goes on being good while the client's own server is down
    published.lock().unwrap().0 = 503;
    token_of(&asked(&gate, &own.assertion("fetched", &gate), "system/*.rs").await);
}

#[tokio::test]
async fn a_key_that_is_replaced_where_it_is_kept_is_taken_up_and_one_that_cannot_be_used_changes_nothing() {
    let region = Region::start();
    let (first, second) = (Signer::es384("k-1"), Signer::es384("k-2"));
    let file = region.folder.path().join("keys.json");
    let publish = |keys: Value| fs::write(&file, json!({ "keys": keys }).to_string()).unwrap();
    publish(json!([first.jwk()]));
    let config = with(&region.config(), "kept", &format!("jwks = {{ file = {file:?} }}"));
    let jwk = second.jwk();
    let text = |member: &str| jwk[member].as_str().unwrap().to_owned();
    let here = format!(
        "jwks = {{ keys = [{{ kty = \"EC\", crv = \"P-384\", kid = \"k-2\", x = {:?}, y = {:?} }}] }}",
        text("x"),
        text("y")
    );
    let gate = region.join(&with(&config, "written-here", &here), &[]);
    token_of(&asked(&gate, &second.assertion("written-here", &gate), "system/*.rs").await);
    token_of(&asked(&gate, &first.assertion("kept", &gate), "system/*.rs").await);
    assert_eq!(asked(&gate, &second.assertion("kept", &gate), "system/*.rs").await.status, 401);
    // the gateway's own key changes hands at the same time: what it signed before is good while the key is published
    let (tokens, before) = (region.secret("tokens.pem"), region.folder.path().join("before.pem"));
    let given = token_of(&asked(&gate, &first.assertion("kept", &gate), "system/*.rs").await);
    fs::rename(&tokens, &before).unwrap();
    fs::write(&tokens, rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap().serialize_pem()).unwrap();
    publish(json!([second.jwk()]));
    let reread = async |times: usize| {
        gate.hang_up();
        soon("secrets are read", async || {
            (gate.stderr().matches("the secrets were read again").count() == times).then_some(())
        })
        .await;
    };
    reread(1).await;
    assert_eq!(asked(&gate, &first.assertion("kept", &gate), "system/*.rs").await.status, 401);
    let fresh = token_of(&asked(&gate, &second.assertion("kept", &gate), "system/*.rs").await);
    assert_eq!(super::bearing(&gate, &given, "Task").await.status, 401, "its key is gone");
    assert_eq!(super::bearing(&gate, &fresh, "Task").await.status, 403);
    publish(json!([{ "kty": "EC", "crv": "P-384", "kid": "k-3" }]));
    fs::write(&tokens, "canary").unwrap();
    reread(2).await;
    assert!(gate.stderr().contains("a key of tokens cannot be used"));
    token_of(&asked(&gate, &second.assertion("kept", &gate), "system/*.rs").await);
    // none at all is meant: its keys are known to others
    publish(json!([]));
    reread(3).await;
    assert_eq!(asked(&gate, &second.assertion("kept", &gate), "system/*.rs").await.status, 401);
}

#[test]
fn check_names_each_fault_of_a_client_with_its_place() {
    let region = Region::start();
    let good = "jwks_url = \"https://client.example/jwks\"";
    let (success, said) = region.check(&with(&region.config(), "app", good));
    assert!(success, "{said}");
    for (lines, fault) in [
        ("", "give either jwks_url or jwks"),
        ("jwks = { file = \"/nowhere/keys\" }", "jwks: /nowhere/keys cannot be read"),
        ("jwks = { keys = [] }", "jwks: no JWK set"),
        ("jwks_url = \"http://client.example/jwks\"", "jwks_url: https"),
        ("jwks_url = \"https://u:p@client.example/jwks\"", "jwks_url: no user"),
        ("jwks_url = \"https://10.0.0.1/jwks\"", "jwks_url: an address inside our own network"),
        (&format!("{good}\nalgorithms = [\"RS256\"]"), "algorithms:"),
        (&format!("{good}\nalgorithms = []"), "algorithms:"),
        (&format!("{good}\ngrants = []"), "grants:"),
        (&format!("{good}\ngrants = [\"token_exchange\"]"), "exchange: whose ID tokens"),
        (
            &format!(
                "{good}\ngrants = [\"token_exchange\"]\nexchange = [{{ issuer = \"staff\", audience = \"a\" }}, \
                 {{ issuer = \"staff\", audience = \"b\" }}]"
            ),
            "exchange: two entries for one issuer",
        ),
        (&format!("{good}\nexchange = [{{ issuer = \"staff\", audience = \"a\" }}]"), "exchange: whose ID tokens"),
        (
            &format!(
                "{good}\ngrants = [\"token_exchange\"]\nexchange = [{{ issuer = \"systems\", audience = \"a\" }}]"
            ),
            "exchange: no [[issuer]] systems that has exchange",
        ),
    ] {
        let (success, said) = region.check(&with(&region.config(), "app", lines));
        let named = said.lines().any(|line| line.starts_with(&format!("[[client]] app: {fault}")));
        assert!(!success && named, "{fault} is not among\n{said}");
    }
    let twice = with(&with(&region.config(), "app", good), "app", good);
    for (config, fault) in [
        (twice, "[[client]] app: another entry has the same client_id"),
        (
            with(&region.config(), "app", good).replace("\"RZ902\"\nscopes", "\"ZZ999\"\nscopes"),
            "[[client]] app: organisation:",
        ),
        (
            with(&region.config(), "app", good).replace("= \"system/*.rs\"\n", "= \"system/*\"\n"),
            "[[client]] app: scopes:",
        ),
        (with(&region.config(), "app", &format!("{good}\ncertificates = [\"ab\"]")), "[[client]] number 2:"),
        (with(&region.config(), "app", &format!("{good}\nalgorithms = [\"HS256\"]")), "[[client]] number 2:"),
        (region.config().replace("tokens = { file", "tokens_also = { file"), "keys.tokens_also:"),
        (region.config().replace("tokens.pem", "ids.key"), "keys.tokens: the key is neither"),
        (region.config().replace("name = \"staff\"", "name = \"caregate\""), "[[issuer]] caregate: name:"),
        (
            region.config()
                + "\n[smart]\nissuer = \"https://a\"\njwks_uri = \"https://a\"\ntoken_endpoint = \"https://a\"\n",
            "[smart]: with keys.tokens",
        ),
        (region.config().replace("[gateway]", "[gateway]\ntrusted_proxies = [\"proxy\"]"), "[gateway]:"),
    ] {
        let (success, said) = region.check(&config);
        assert!(!success && said.lines().any(|line| line.starts_with(fault)), "{fault} is not among\n{said}");
    }
}
