//! The sandbox's own sign-ins, from end to end.

use super::{CLIENT, Signer, bearing, claims_of, exchanged, token_of};
use crate::harness::{Gate, of_patient, on_each_database, program, shared};
use serde_json::Value;
use std::time::Duration;

struct SignIn {
    id_token: String,
    access_token: String,
}

/// What the application is given when this persona signs in to it.
async fn signed_in(gate: &Gate, persona: &str, wishes: &str) -> SignIn {
    let form = format!("grant_type=persona&persona={persona}&client_id={CLIENT}{wishes}");
    let answer = gate.http.post(format!("{}/token", gate.identity)).body(form).send().await.unwrap();
    let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    let text = |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("{persona}: {answer}")).to_owned();
    SignIn { id_token: text("id_token"), access_token: text("access_token") }
}

async fn exchange(gate: &Gate, signed_in: &SignIn, scope: &str) -> String {
    let assertion = Signer::of_sandbox(&gate.state()).assertion(CLIENT, gate);
    let SignIn { id_token, access_token } = signed_in;
    token_of(&exchanged(gate, &assertion, id_token, Some(access_token), scope).await)
}

#[tokio::test]
async fn an_exchanged_sign_in_is_decided_as_the_identity_providers_own_token_is() {
    let gate = shared().await;
    let patients = [gate.registered("F99001", 0).nhs_number, gate.registered("F99002", 0).nhs_number];
    let personas = ["gp-saltmarsh", "gp-blackwater", "consultant-estuary", "receptionist-saltmarsh", "researcher"];
    for persona in personas {
        let signed_in = signed_in(&gate, persona, "").await;
        let token = exchange(&gate, &signed_in, "user/*.rs user/Consent.crus").await;
        for patient in patients {
            for query in ["Patient", "Observation?_count=5", "Consent"] {
                let path = of_patient(query, patient);
                let (ours, theirs) = (bearing(&gate, &token, &path).await, gate.get(persona, &path).await);
                assert_eq!(ours.status, theirs.status, "{persona} {path}: {}", ours.text);
                if ours.status == 200 {
                    assert_eq!(ours.match_ids(), theirs.match_ids(), "{persona} {path}");
                }
            }
        }
        let bare = bearing(&gate, &signed_in.id_token, &of_patient("Patient", patients[0])).await;
        assert_eq!((bare.status, bare.code().as_str()), (401, "login"));
    }
}

#[tokio::test]
async fn whoever_is_revoked_is_refused_whichever_token_they_come_with() {
    for gate in on_each_database().await {
        let patient = gate.registered("F99001", 0).nhs_number;
        let token = exchange(&gate, &signed_in(&gate, "gp-saltmarsh", "").await, "user/*.rs").await;
        let path = of_patient("Observation", patient);
        assert_eq!(bearing(&gate, &token, &path).await.status, 200);
        let mut revoke = program();
        revoke.args(["user", "revoke", &gate.identity, "555021400101", "--reason", "left"]);
        assert!(revoke.args(["--database", &gate.database]).output().unwrap().status.success());
        let refused = crate::harness::soon("the revocation is known", async || {
            let answer = bearing(&gate, &token, &path).await;
            (answer.status == 403).then_some(answer)
        });
        refused.await;
        let fresh = exchange(&gate, &signed_in(&gate, "gp-saltmarsh", "").await, "user/*.rs").await;
        assert_eq!(bearing(&gate, &fresh, &path).await.status, 403);
    }
}

#[tokio::test]
async fn a_revoked_client_is_given_no_more_and_what_it_was_given_opens_nothing_while_its_people_go_on() {
    for gate in on_each_database().await {
        let path = of_patient("Observation", gate.registered("F99001", 0).nhs_number);
        let signed_in = signed_in(&gate, "gp-saltmarsh", "").await;
        let token = exchange(&gate, &signed_in, "user/*.rs").await;
        assert_eq!(bearing(&gate, &token, &path).await.status, 200);
        let mut revoke = program();
        revoke.args(["user", "revoke", &gate.url, CLIENT, "--reason", "stolen"]);
        assert!(revoke.args(["--database", &gate.database]).output().unwrap().status.success());
        let assertion = || Signer::of_sandbox(&gate.state()).assertion(CLIENT, &gate);
        let SignIn { id_token, access_token } = &signed_in;
        let for_people = exchanged(&gate, &assertion(), id_token, Some(access_token), "user/*.rs").await;
        let for_itself = super::asked(&gate, &assertion(), "system/*.rs").await;
        for answer in [for_people, for_itself] {
            let (status, error, description) = super::error_of(&answer);
            assert_eq!((status, error.as_str()), (401, "invalid_client"));
            assert!(description.contains("revoked"), "{description}");
        }
        crate::harness::soon("the revocation is known", async || {
            (bearing(&gate, &token, &path).await.status == 403).then_some(())
        })
        .await;
        assert_eq!(gate.get("gp-saltmarsh", &path).await.status, 200, "by another way");
    }
}

#[tokio::test]
async fn a_token_ends_with_the_sign_in_that_it_is_of() {
    let gate = shared().await;
    let patient = gate.registered("F99001", 0).nhs_number;
    let token = exchange(&gate, &signed_in(&gate, "gp-saltmarsh", "&expires_in=4").await, "user/*.rs").await;
    let claims = claims_of(&token);
    assert!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap() <= 4, "{claims}");
    let path = of_patient("Patient", patient);
    assert_eq!(bearing(&gate, &token, &path).await.status, 200);
    crate::harness::soon("it expires", async || {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let answer = bearing(&gate, &token, &path).await;
        (answer.status == 401).then(|| assert!(answer.text.contains("expired"), "{}", answer.text))
    })
    .await;
}

#[tokio::test]
async fn the_command_signs_an_assertion_that_is_taken() {
    let gate = shared().await;
    let mut command = program();
    command.args(["token", "assertion", "--client", CLIENT, "--audience", &format!("{}/oauth/token", gate.url)]);
    let output = command.arg("--key").arg(gate.state().join("client.pem")).output().unwrap();
    assert!(output.status.success());
    let assertion = String::from_utf8(output.stdout).unwrap();
    token_of(&super::asked(&gate, assertion.trim(), "system/*.rs").await);
}
