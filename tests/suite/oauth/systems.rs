//! SMART Backend Services: a system, by an assertion that it signs.

use super::{CLIENT, Signer, asked, asked_at, assertion_of, bearing, claims_of, error_of, now, posted, token_of};
use crate::{
    harness::{Answer, Around, Gate, on_each_database, own, shared, soon},
    postgres::Postgres,
    program::Region,
    relationships::asserted,
};
use caregate::audit::Kind;
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    time::Duration,
};

#[tokio::test]
async fn a_system_is_given_a_token_that_is_as_good_as_any_other_of_its_organisation_and_the_log_says_so() {
    for gate in on_each_database().await {
        let signer = Signer::of_sandbox(&gate.state());
        let answer = asked(&gate, &signer.assertion(CLIENT, &gate), "system/Patient.u system/*.rs").await;
        let token = token_of(&answer);
        let given = answer.json();
        assert_eq!((&given["expires_in"], &given["scope"]), (&json!(300), &json!("system/Patient.u system/*.rs")));
        let row = gate.closing(&answer).await;
        assert_eq!((row.kind, row.interaction.as_str(), row.patient), (Kind::Released, "token", None));
        let who = row.who.unwrap();
        assert_eq!((who.client.as_str(), who.party.as_str(), who.issuer), (CLIENT, "system", gate.url.clone()));
        let claims = claims_of(&token);
        assert_eq!(claims["aud"], format!("{}/fhir", gate.url));
        assert_eq!(claims["jti"], json!(who.token));
        // its own organisation's word is taken, and no other's: as the identity provider's token has it
        let patient = gate.registered("F99001", 0).nhs_number;
        let persona = gate.token("system:RZ901").await;
        for (ods, status) in [("RZ901", 201), ("RZ902", 403)] {
            for token in [&token, &persona] {
                let request = gate.request(Method::POST, "Patient/$assert-relationship").bearer_auth(token);
                let request = request.header("content-type", "application/fhir+json");
                let answer = Answer::of(request.body(asserted(patient, ods).to_string())).await;
                assert_eq!(answer.status, status, "{ods}: {}", answer.text);
            }
        }
        for token in [&token, &persona] {
            let path = crate::harness::of_patient("Observation", patient);
            assert_eq!(bearing(&gate, token, &path).await.status, 403, "a system is nobody to show a record to");
        }
    }
}

#[tokio::test]
async fn an_assertion_with_any_fault_is_refused_and_the_same_without_it_is_taken() {
    let gate = shared().await;
    let signer = Signer::of_sandbox(&gate.state());
    let endpoint = format!("{}/oauth/token", gate.url);
    let faults = [
        ("aud", json!(gate.url), "another audience"),
        ("aud", json!(format!("{}/fhir", gate.url)), "another audience"),
        ("aud", json!(format!("{endpoint}/")), "another audience"),
        ("aud", json!([endpoint, "https://elsewhere.example/token"]), "another audience"),
        ("aud", Value::Null, "a claim is missing"),
        ("exp", json!(now() + 360), "valid for longer"),
        ("exp", json!(now() - 40), "expired"),
        ("exp", json!("soon"), "a claim is missing or malformed"),
        ("exp", Value::Null, "a claim is missing"),
        ("iat", json!(now() + 120), "not valid yet"),
        ("nbf", json!(now() + 120), "not valid yet"),
        ("jti", Value::Null, "a claim is missing"),
        ("jti", json!(""), "a claim is missing or malformed"),
        ("iss", json!("somebody-else"), "not consistent"),
        ("iss", Value::Null, "a claim is missing"),
        ("sub", json!("somebody-else"), "not consistent"),
    ];
    for (name, value, said) in faults {
        let mut claims = assertion_of(CLIENT, &gate);
        match &value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
        let answer = asked(&gate, &signer.sign(&claims), "system/*.rs").await;
        let (status, error, description) = error_of(&answer);
        assert_eq!((status, error.as_str()), (401, "invalid_client"), "{name} {value}");
        assert!(description.starts_with("client_assertion: ") && description.contains(said), "{name}: {description}");
    }
    for mut claims in [assertion_of(CLIENT, &gate), assertion_of(CLIENT, &gate)] {
        claims["aud"] = json!([endpoint]);
        claims["nbf"] = json!(now());
        token_of(&asked(&gate, &signer.sign(&claims), "system/*.rs").await);
    }
}

#[tokio::test]
async fn whoever_cannot_prove_a_client_is_told_the_same_whether_there_is_one_or_not() {
    let gate = own().await;
    let signer = Signer::of_sandbox(&gate.state());
    let stranger = Signer::es384(&signer.kid);
    let wrongly = |change: fn(&mut Header)| {
        let mut header = signer.header();
        change(&mut header);
        signer.sign_under(&header, &assertion_of(CLIENT, &gate))
    };
    let mut told = Vec::new();
    for assertion in [
        stranger.assertion(CLIENT, &gate),
        stranger.assertion("no-such-client", &gate),
        signer.assertion("no-such-client", &gate),
        wrongly(|header| header.kid = Some("another-key".to_owned())),
        wrongly(|header| header.jku = Some("https://elsewhere.example/jwks".to_owned())),
        // allowed by explicit registration only
        Signer::rsa(&signer.kid, Algorithm::RS512).assertion(CLIENT, &gate),
        Signer::rsa(&signer.kid, Algorithm::RS384).assertion(CLIENT, &gate),
    ] {
        let answer = asked(&gate, &assertion, "system/*.rs").await;
        assert_eq!(answer.status, 401, "{}", answer.text);
        told.push(answer.text);
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:#?}");
    // what is no signature of any client is refused as that
    let claims = assertion_of(CLIENT, &gate);
    let none = |alg: &str| {
        let part = |part: &Value| BASE64URL_NOPAD.encode(part.to_string().as_bytes());
        format!("{}.{}.AAAA", part(&json!({"alg": alg, "typ": "JWT", "kid": signer.kid})), part(&claims))
    };
    let secret = EncodingKey::from_secret(b"canary");
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some(signer.kid.clone());
    let shared = jsonwebtoken::encode(&header, &claims, &secret).unwrap();
    let rs256 = Signer::rsa(&signer.kid, Algorithm::RS256).assertion(CLIENT, &gate);
    for assertion in [none("none"), none("None"), shared, rs256, "nonsense".to_owned(), "a.b.c".to_owned()] {
        let answer = asked(&gate, &assertion, "system/*.rs").await;
        let (status, error, _) = error_of(&answer);
        assert_eq!((status, error.as_str()), (401, "invalid_client"), "{assertion}");
    }
    // refusals are rows, and a flood of them is counted together
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let answer = asked(&gate, &stranger.assertion(CLIENT, &gate), "system/*.rs").await;
    let row = soon("the row of a refusal", async || gate.rows(&answer).await.pop()).await;
    assert_eq!((row.kind, row.interaction.as_str(), row.status), (Kind::Refused, "token", 401));
    assert_eq!((row.reason.as_deref(), row.who, row.patient), (Some("unknown-client"), None, None));
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let flood = futures::future::join_all((0..60).map(|_| asked(&gate, "nonsense", "system/*.rs"))).await;
    let mut rows = 0;
    for answer in &flood {
        rows += gate.rows(answer).await.len();
    }
    assert!(rows < 60, "every one of {rows} has a row of its own");
    let log = gate.stderr();
    assert!(!log.contains("eyJ"), "a token is in the log: {log}");
}

#[tokio::test]
async fn an_assertion_is_taken_once_and_never_again_after_a_restart_either() {
    let region = Region::start();
    let signer = Signer::of_sandbox(&region.file().with_extension("d"));
    for database in ["sqlite", "postgres"] {
        let url = match database {
            "sqlite" => format!("sqlite:{}", region.folder.path().join("once.db").display()),
            _ => Postgres::shared().database().await,
        };
        let port = free_port();
        let start = || node(&region, database, port, port, &url);
        let gate = start();
        let assertion = signer.assertion(CLIENT, &gate);
        // many at once: one of them is the first
        let tries = (0..12).map(|_| asked(&gate, &assertion, "system/*.rs"));
        let answers = futures::future::join_all(tries).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "{database}");
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            let (status, error, description) = error_of(answer);
            assert_eq!((status, error.as_str()), (401, "invalid_client"));
            assert!(description.contains("used before"), "{description}");
        }
        gate.terminate();
        assert!(gate.ended(Duration::from_secs(30)).success());
        drop(gate);
        let gate = start();
        assert_eq!(asked(&gate, &assertion, "system/*.rs").await.status, 401, "{database}");
        token_of(&asked(&gate, &signer.assertion(CLIENT, &gate), "system/*.rs").await);
    }
}

#[tokio::test]
async fn of_two_nodes_one_takes_an_assertion_and_each_takes_the_others_tokens() {
    let region = Region::start();
    let signer = Signer::of_sandbox(&region.file().with_extension("d"));
    let (database, first, second) = (Postgres::shared().database().await, free_port(), free_port());
    let north = node(&region, "north", first, first, &database);
    let _south = node(&region, "south", second, first, &database);
    let south = format!("http://127.0.0.1:{second}");
    for _ in 0..5 {
        let assertion = signer.assertion(CLIENT, &north);
        let tries =
            (0..8).map(|n| asked_at(&north, if n % 2 == 0 { &north.url } else { &south }, &assertion, "system/*.rs"));
        let answers = futures::future::join_all(tries).await;
        let given: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(given.len(), 1);
        let token = token_of(given[0]);
        for url in [&north.url, &south] {
            let answer = bearing(&north, &token, &format!("{url}/fhir/Task")).await;
            assert_eq!(answer.status, 403, "known, and no keeper of a desk: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn what_is_granted_is_what_was_asked_for_and_is_allowed_and_nothing_else() {
    let gate = shared().await;
    let signer = Signer::of_sandbox(&gate.state());
    for (scope, granted) in [
        ("system/*.cruds", "system/*.rs system/Patient.u system/Consent.crus"),
        ("system/Patient.cruds", "system/Patient.rs system/Patient.u"),
        ("system/Observation.read openid launch", "system/Observation.rs"),
        // registered for it, but not as a system
        ("user/*.rs system/Flag.r patient/AuditEvent.rs", "system/Flag.r"),
    ] {
        let answer = asked(&gate, &signer.assertion(CLIENT, &gate), scope).await;
        assert_eq!(claims_of(&token_of(&answer))["scope"], granted);
        assert_eq!(answer.json()["scope"], granted);
    }
    let many = "system/*.rs ".repeat(101);
    for scope in ["", "system/Task.u", "user/*.rs", "patient/*.rs", "openid", "system/*.rs?x=1", "SYSTEM/*.rs", &many] {
        let answer = asked(&gate, &signer.assertion(CLIENT, &gate), scope).await;
        let (status, error, _) = error_of(&answer);
        assert_eq!((status, error.as_str()), (400, "invalid_scope"), "{scope}");
    }
}

#[tokio::test]
async fn a_request_that_is_no_form_of_the_token_endpoint_is_refused_in_rfc_6749s_words() {
    let gate = shared().await;
    let signer = Signer::of_sandbox(&gate.state());
    let form = |more: &[(&str, &str)], assertion: &str| {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs([
            ("grant_type", "client_credentials"),
            ("client_assertion_type", super::JWT_BEARER),
            ("client_assertion", assertion),
            ("scope", "system/*.rs"),
        ]);
        form.extend_pairs(more).finish()
    };
    for (more, error) in [
        (vec![("scope", "system/*.rs")], "invalid_request"),
        (vec![("client_secret", "canary")], "invalid_request"),
        (vec![("client_id", "somebody-else")], "invalid_request"),
        (vec![("resource", "https://elsewhere.example/fhir")], "invalid_target"),
        (vec![("audience", "https://elsewhere.example/fhir")], "invalid_target"),
    ] {
        let body = form(&more, &signer.assertion(CLIENT, &gate));
        let request = gate.request(Method::POST, &format!("{}/oauth/token", gate.url)).body(body);
        let answer = Answer::of(request.header("content-type", "application/x-www-form-urlencoded")).await;
        let (status, said, _) = error_of(&answer);
        assert_eq!((status, said.as_str()), (400, error), "{more:?}");
    }
    let base = format!("{}/fhir", gate.url);
    let fine = [("client_id", CLIENT), ("resource", base.as_str()), ("unknown", "ignored")];
    let whole = async |change: fn(reqwest::RequestBuilder) -> reqwest::RequestBuilder, method: Method, query: &str| {
        let body = form(&fine, &signer.assertion(CLIENT, &gate));
        let request = gate.request(method, &format!("{}/oauth/token{query}", gate.url)).body(body);
        Answer::of(change(request)).await
    };
    const FORM: &str = "application/x-www-form-urlencoded";
    token_of(&whole(|request| request.header("content-type", FORM), Method::POST, "").await);
    let as_json = whole(|request| request.header("content-type", "application/json"), Method::POST, "").await;
    let basic =
        whole(|request| request.header("content-type", FORM).basic_auth("a", Some("b")), Method::POST, "").await;
    let in_url = whole(|request| request.header("content-type", FORM), Method::POST, "?scope=system/*.rs").await;
    for answer in [as_json, basic, in_url] {
        assert_eq!(error_of(&answer).1, "invalid_request", "{}", answer.text);
    }
    let got = whole(|request| request, Method::GET, "").await;
    assert_eq!((got.status, got.header("allow")), (405, "POST"));
    for grant in ["password", "authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:jwt-bearer"] {
        let answer = posted(&gate, &gate.url, &[("grant_type", grant)]).await;
        assert_eq!(error_of(&answer).1, "unsupported_grant_type", "{grant}");
    }
}

#[tokio::test]
async fn whoever_sends_a_form_slowly_takes_no_place_of_a_request() {
    let region = Region::start();
    let gate = region.join(&region.config(), &[("CAREGATE__GATEWAY__MAX_CONCURRENT_REQUESTS", "2")]);
    let mut slow = Vec::new();
    for _ in 0..8 {
        let mut stream = TcpStream::connect(gate.url.strip_prefix("http://").unwrap()).unwrap();
        let head = "POST /oauth/token HTTP/1.1\r\nhost: gateway\r\ncontent-length: 100\r\nconnection: close\r\n\
                    content-type: application/x-www-form-urlencoded\r\n\r\ngrant";
        stream.write_all(head.as_bytes()).unwrap();
        slow.push(stream);
    }
    let signer = Signer::of_sandbox(&region.file().with_extension("d"));
    let token = token_of(&asked(&gate, &signer.assertion(CLIENT, &gate), "system/*.rs").await);
    assert_eq!(bearing(&gate, &token, "Task").await.status, 403, "known, and no keeper of a desk");
    for mut stream in slow {
        let mut told = String::new();
        stream.read_to_string(&mut told).unwrap();
        assert!(told.contains("The form did not come in time."), "{told}");
    }
}

#[tokio::test]
async fn a_gateway_without_a_key_for_tokens_gives_none_and_names_no_place_where_it_would() {
    let region = Region::start();
    let config = region.config();
    let start = config.find("[[client]]").unwrap();
    let end = start + config[start..].find("[[provider]]").unwrap();
    let config = format!("{}{}", &config[..start], &config[end..]);
    let config: Vec<_> = config.lines().filter(|line| !line.starts_with("tokens = ")).collect();
    let gate = region.join(&config.join("\n"), &[]);
    let signer = Signer::of_sandbox(&region.file().with_extension("d"));
    let answer = asked(&gate, &signer.assertion(CLIENT, &gate), "system/*.rs").await;
    let (status, error, description) = error_of(&answer);
    assert_eq!((status, error.as_str()), (404, "invalid_request"));
    assert!(description.contains("issues no tokens"), "{description}");
    let smart = format!("{}/.well-known/smart-configuration", gate.url);
    assert_eq!(Answer::of(gate.request(Method::GET, &smart)).await.status, 404);
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A node of the region's gateway that listens at `port` and is called by another one.
fn node(region: &Region, name: &str, port: u16, public: u16, database: &str) -> Gate {
    let folder = tempfile::tempdir().unwrap();
    // kept over a restart, and each node's own
    let checkpoints = region.folder.path().join(format!("{name}.checkpoint"));
    let settings = [
        ("CAREGATE__AUDIT__CHECKPOINT_FILE", checkpoints.display().to_string()),
        ("CAREGATE__DATABASE__URL", database.to_owned()),
        ("CAREGATE__GATEWAY__NODE", name.to_owned()),
        ("CAREGATE__GATEWAY__LISTEN", format!("127.0.0.1:{port}")),
        ("CAREGATE__GATEWAY__PUBLIC_URL", format!("http://127.0.0.1:{public}")),
    ];
    let around = Around {
        identity: String::new(),
        metrics: String::new(),
        providers: Default::default(),
        database: database.to_owned(),
    };
    Gate::serve(folder, &region.file(), &settings, around)
}
