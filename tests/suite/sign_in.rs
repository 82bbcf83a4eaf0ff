//! How the gateway signs in to providers, with servers between that see what it sends.

#[path = "sign_in/certificates.rs"]
mod certificates;
#[path = "sign_in/context.rs"]
mod context;
#[path = "sign_in/tap.rs"]
pub mod tap;
#[path = "sign_in/tokens.rs"]
mod tokens;

use crate::{
    harness::{Answer, Gate, own, shared, soon},
    joined::with,
    program::Region,
};
use caregate::domain::NhsNumber;
use reqwest::Method;
use std::fs;
use tap::{Behind, Seen, Tap};

const GP: &str = "gp-saltmarsh";

/// The provider of the region behind a tap: by the credential that the region wrote for it.
fn behind(region: &Region, slug: &str) -> Behind {
    let token = fs::read_to_string(region.secret(&format!("{slug}.token"))).unwrap();
    let base = format!("{}/fhir", region.provider(slug));
    Behind { base, header: ("authorization".to_owned(), format!("Bearer {token}")) }
}

/// The code by which the answer says that this source failed; `None` if it did not.
fn failure(answer: &Answer, ods: &str) -> Option<String> {
    let issues = answer.issues();
    let failed = issues.iter().find(|issue| {
        issue["details"]["coding"][0]["code"] == "failed" && crate::harness::named_in(issue).as_deref() == Some(ods)
    })?;
    let extensions = failed["extension"].as_array().unwrap();
    let reason = extensions.iter().find_map(|extension| extension["valueCode"].as_str());
    Some(reason.unwrap_or_default().to_owned())
}

/// None of these is in what the gateway logs, or tells anybody.
async fn kept(gate: &Gate, answers: &[&Answer], secrets: &[&str]) {
    let log = gate.stderr();
    for secret in secrets {
        assert!(secret.len() > 3 && !log.contains(secret), "{secret} is in the log: {log}");
        assert!(answers.iter().all(|answer| !answer.text.contains(secret)), "{secret} is in an answer");
    }
}

#[tokio::test]
async fn the_region_lets_the_gateway_in_by_bearer_by_api_key_and_by_an_assertion_brought_once() {
    let gate = own().await;
    let patients = gate.shared_with("F99001", "colneside");
    let asked = futures::future::join_all(patients.iter().map(|patient| gate.search(GP, "Encounter", *patient))).await;
    for answer in &asked {
        assert_eq!((answer.status, answer.header("x-completeness")), (200, "complete"), "{}", answer.text);
    }
    let colneside = gate.asked("colneside").await;
    assert_eq!((&colneside["tokens"], &colneside["refused"]), (&1.into(), &0.into()), "{colneside}");
    assert_eq!(gate.asked("quayside").await["refused"], 0);
    // a server that was started anew knows no token: one refusal, one other token, and the answer is whole
    let control = gate.providers["colneside"].replace("/fhir", "/token");
    assert_eq!(gate.http.delete(control).send().await.unwrap().status(), 204);
    let again = gate.search(GP, "Condition", patients[0]).await;
    assert_eq!((again.status, again.header("x-completeness")), (200, "complete"), "{}", again.text);
    let colneside = gate.asked("colneside").await;
    assert_eq!((&colneside["tokens"], &colneside["refused"]), (&2.into(), &1.into()), "{colneside}");
}

#[tokio::test]
async fn a_secret_that_changed_on_disk_is_taken_up_and_one_that_cannot_be_used_changes_nothing() {
    let region = Region::start();
    let door = behind(&region, "estuary");
    let tap = Tap::start(Some(door), None, |_| None).await;
    let file = region.folder.path().join("api-key");
    fs::write(&file, "canary-first").unwrap();
    let config = with(&region.config(), "RZ901", |entry| {
        let credential = format!("{{ header = {{ name = \"x-api-key\", value = {{ file = {file:?} }} }} }}");
        entry.set("base_url", &format!("{:?}", format!("{}/fhir", tap.url))).set("credential", &credential)
    });
    let gate = region.join(&config, &[]);
    let patients: Vec<NhsNumber> = gate.shared_with("F99001", "estuary");
    let first = gate.search(GP, "Encounter", patients[0]).await;
    assert_eq!(first.header("x-completeness"), "complete", "{}", first.text);
    let keys = |seen: Vec<Seen>| seen.iter().map(|one| one.header("x-api-key").to_owned()).collect::<Vec<_>>();
    assert!(keys(tap.take()).iter().all(|key| key == "canary-first"));
    // not to be sent in a header
    fs::write(&file, "canary-\u{7}").unwrap();
    gate.hang_up();
    soon("the fault is told", async || gate.stderr().contains("a secret cannot be used").then_some(())).await;
    gate.search(GP, "Encounter", patients[1]).await;
    assert!(keys(tap.take()).iter().all(|key| key == "canary-first"));
    fs::write(&file, "canary-second\n").unwrap();
    gate.hang_up();
    soon("it is read", async || (gate.stderr().matches("the secrets were read again").count() == 2).then_some(()))
        .await;
    let last = gate.search(GP, "Condition", patients[0]).await;
    assert!(keys(tap.take()).iter().all(|key| key == "canary-second"));
    kept(&gate, &[&first, &last], &["canary-first", "canary-second"]).await;
}

#[tokio::test]
async fn a_refused_credential_is_read_again_and_sent_once_more_and_only_if_it_is_another() {
    let region = Region::start();
    let tap = Tap::start(Some(behind(&region, "estuary")), None, |seen| {
        (seen.header("authorization") != "Bearer canary-new").then(|| (401, "{}".to_owned()))
    })
    .await;
    let file = region.folder.path().join("token");
    fs::write(&file, "canary-old").unwrap();
    let config = with(&region.config(), "RZ901", |entry| {
        entry
            .set("base_url", &format!("{:?}", format!("{}/fhir", tap.url)))
            .set("credential", &format!("{{ bearer = {{ file = {file:?} }} }}"))
    });
    let gate = region.join(&config, &[]);
    let patient = gate.shared_with("F99001", "estuary")[0];
    let refused = gate.search(GP, "Encounter", patient).await;
    assert_eq!(failure(&refused, "RZ901").as_deref(), Some("credential-refused"), "{}", refused.text);
    assert_eq!(tap.take().len(), 1);
    fs::write(&file, "canary-new").unwrap();
    // it was read a moment ago
    let (answer, seen) = soon("the new credential is sent", async || {
        tap.take();
        let answer = gate.search(GP, "Encounter", patient).await;
        (answer.header("x-completeness") == "complete").then(|| (answer, tap.take()))
    })
    .await;
    assert_eq!(seen.iter().filter(|one| one.header("authorization") == "Bearer canary-old").count(), 1);
    kept(&gate, &[&refused, &answer], &["canary-old", "canary-new"]).await;
}

#[test]
fn check_names_each_fault_of_a_sign_in_with_its_place_and_nothing_of_the_secret() {
    let region = Region::start();
    let file = |name: &str, text: &str| {
        let file = region.folder.path().join(name);
        fs::write(&file, text).unwrap();
        format!("{{ file = {file:?} }}")
    };
    let key = || rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let (own, other) = (key(), key());
    let certificate = rcgen::CertificateParams::new(vec!["gateway".to_owned()]).unwrap().self_signed(&own).unwrap();
    let pem = file("own.pem", &own.serialize_pem());
    let shown = file("own.crt", &certificate.pem());
    let garbage = file("garbage.pem", "canary-garbage");
    let missing = "{ file = \"/nowhere/canary.pem\" }";
    let smart = |key: &str, more: &str| {
        format!("{{ smart = {{ client_id = \"c\", scope = \"system/*.rs\", key = {key}{more} }} }}")
    };
    let pair = |certificate: &str, key: &str| format!("{{ certificate = {certificate}, key = {key} }}");
    let checked = |name: &str, value: &str| {
        let (success, said) = region.check(&with(&region.config(), "RZ901", |entry| entry.set(name, value)));
        assert!(!said.contains("canary-garbage") && !said.contains(&own.serialize_pem()), "{said}");
        (success, said)
    };
    for (name, value) in [
        ("credential", smart(&pem, "")),
        (
            "credential",
            smart(&pem, ", algorithm = \"ES384\", kid = \"k-1\", token_endpoint = \"https://id.example/token\""),
        ),
        ("client_certificate", pair(&shown, &pem)),
        ("reader_context", "\"informs\"".to_owned()),
        ("reader_context", "\"decides\"".to_owned()),
    ] {
        let (success, said) = checked(name, &value);
        assert!(success, "{name} = {value}: {said}");
    }
    for (name, value, fault) in [
        (
            "credential",
            smart(&garbage, ""),
            "RZ901: credential: key: the key is neither a private key in PEM nor a JWK",
        ),
        ("credential", smart(missing, ""), "RZ901: credential: key: /nowhere/canary.pem cannot be read"),
        (
            "credential",
            smart(&pem, ", algorithm = \"RS384\""),
            "RZ901: credential: key: the algorithm does not fit the key",
        ),
        ("credential", smart(&pem, ", kid = \"a b\""), "RZ901: credential: key: kid is"),
        ("credential", smart(&pem, ", algorithm = \"none\""), "[[provider]] number 3:"),
        (
            "credential",
            smart(&pem, ", token_endpoint = \"ftp://id.example\""),
            "RZ901: credential.smart.token_endpoint is not https",
        ),
        (
            "credential",
            smart(&pem, ", token_endpoint = \"https://u:p@id.example\""),
            "RZ901: credential.smart.token_endpoint holds",
        ),
        ("credential", smart(&pem, "").replace("system/*.rs", "a  b"), "RZ901: credential: scope is"),
        ("credential", smart(&pem, "").replace("\"c\"", "\"\""), "RZ901: credential: client_id is empty"),
        ("client_certificate", pair(&garbage, &pem), "RZ901: client_certificate: no certificate"),
        ("client_certificate", pair(missing, &pem), "RZ901: client_certificate: certificate: /nowhere"),
        (
            "client_certificate",
            pair(&shown, &file("other.pem", &other.serialize_pem())),
            "RZ901: client_certificate: the key is not",
        ),
        ("reader_context", "\"perhaps\"".to_owned(), "[[provider]] number 3:"),
    ] {
        let (success, said) = checked(name, &value);
        let place = said.lines().any(|line| {
            line.trim_start_matches("[[provider]] ").starts_with(fault.trim_start_matches("[[provider]] "))
        });
        assert!(!success && place, "{fault} is not among\n{said}");
    }
    let config = region.config();
    let unsigned = config.lines().filter(|line| !line.starts_with("statement = ")).collect::<Vec<_>>().join("\n");
    let (success, said) = region.check(&unsigned);
    assert!(!success && said.starts_with("[[provider]] RZ903: reader_context needs a key"), "{said}");
    let (success, said) = region.check(&config.replacen("statement.pem", "ids.key", 1));
    assert!(!success && said.starts_with("keys.statement: the key is neither"), "{said}");
}

#[tokio::test]
async fn anyone_may_read_the_public_halves_of_our_keys_and_nothing_else_of_them() {
    let gate = shared().await;
    let answer = Answer::of(gate.request(Method::GET, &format!("{}/.well-known/jwks.json", gate.url))).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    let keys = answer.json()["keys"].as_array().unwrap().clone();
    // the keys of statements and of tokens, and that of the one provider which wants assertions
    assert_eq!(keys.len(), 3, "{}", answer.text);
    for key in keys {
        let mut members: Vec<_> = key.as_object().unwrap().keys().cloned().collect();
        members.sort();
        assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"], "no private half");
    }
}
