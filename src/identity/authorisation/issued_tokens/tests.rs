//! What is issued comes back as it was, with its certificate and for its time, and by no other key.

use super::*;
use crate::{
    domain::{NhsNumber, OdsCode, SecretRef},
    identity::{IdentityError, Party, Purpose, Reason, Scopes, testing::Signer},
};
use proptest::prelude::*;
use std::path::Path;

fn key(folder: &Path, name: &str) -> SecretRef {
    let file = folder.join(name);
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    std::fs::write(&file, pair.serialize_pem()).unwrap();
    SecretRef::File(file)
}

struct Server {
    folder: tempfile::TempDir,
    tokens: IssuedTokens,
    verifier: Verifier,
    runtime: tokio::runtime::Runtime,
}

impl Server {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key_refs = KeyRefs { key: key(folder.path(), "key"), also: Some(key(folder.path(), "also")) };
        let tokens = IssuedTokens::new("https://gateway.example", key_refs).unwrap();
        let verifier = tokens.judged_by(Verifier::new(Vec::new()).unwrap()).unwrap();
        Self { folder, tokens, verifier, runtime: tokio::runtime::Runtime::new().unwrap() }
    }

    fn judged(&self, token: &str, shown: Option<Thumbprint>) -> Result<Arc<Requester>, Reason> {
        self.runtime.block_on(self.verifier.requester(token, shown)).map_err(|error| match error {
            IdentityError::Refused { reason, .. } => reason,
            other => panic!("{other:?}"),
        })
    }
}

fn now() -> Timestamp {
    Timestamp::from_seconds(Timestamp::now().seconds())
}

fn requester(party: Party) -> Requester {
    Requester {
        issuer: "https://id.example".into(),
        subject: "s-1".into(),
        party,
        given_by: "https://gateway.example".into(),
        client_id: "ward-app".into(),
        token_id: "t-1".into(),
        scopes: Scopes::parse("user/*.rs patient/Consent.cruds system/Patient.u"),
        purpose: Purpose("TREAT".into()),
        acting: None,
        expires: IssuedTokens::taken_until(now().plus(LONGEST)),
    }
}

fn text() -> impl Strategy<Value = String> {
    "[A-Za-z0-9 ./'é#@:-]{1,40}"
}

fn parties() -> impl Strategy<Value = Party> {
    let organisation = || "[A-Z][0-9]{2,4}".prop_map(|code| OdsCode::parse(&code).unwrap());
    let staff = (
        text(),
        proptest::option::of(text()),
        proptest::option::of("R[0-9]{4}"),
        proptest::option::of(text()),
        prop::collection::vec("B[0-9]{4}", 0..4),
        organisation(),
    );
    prop_oneof![
        staff.prop_map(|(user, name, role, role_name, activities, organisation)| Party::Staff {
            user,
            name,
            role,
            role_name,
            activities,
            organisation,
        }),
        Just(Party::Patient { nhs_number: NhsNumber::parse("9990000018").unwrap() }),
        organisation().prop_map(|organisation| Party::System { organisation }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_issued_comes_back_as_the_very_requester_it_was_issued_for(
        party in parties(), issuer in text(), subject in text(), client_id in text(), acting in proptest::option::of(text()),
        purpose in "[A-Z]{3,8}", seconds in 1_u64..300, certificate in proptest::option::of(any::<[u8; 8]>()),
    ) {
        thread_local!(static SERVER: Server = Server::new());
        let expires = IssuedTokens::taken_until(now().plus(Duration::from_secs(seconds)));
        let made = Requester { issuer, subject, client_id, acting, purpose: Purpose(purpose), expires, ..requester(party) };
        let shown = certificate.map(|der| Thumbprint::of(&der));
        let back = SERVER.with(|server| {
            let token = server.tokens.issue(&made, now(), shown).unwrap();
            server.judged(&token, shown).unwrap()
        });
        prop_assert_eq!((&back.issuer, &back.subject, &back.client_id), (&made.issuer, &made.subject, &made.client_id));
        prop_assert!(back.party == made.party);
        prop_assert_eq!((&back.token_id, &back.purpose, &back.acting), (&made.token_id, &made.purpose, &made.acting));
        prop_assert_eq!((&back.scopes, back.expires), (&made.scopes, made.expires));
    }
}

#[test]
fn a_bound_token_is_good_with_its_certificate_alone_each_time_it_is_used() {
    let server = Server::new();
    let (own, other) = (Thumbprint::of(b"own"), Thumbprint::of(b"other"));
    let party = Party::System { organisation: OdsCode::parse("RZ901").unwrap() };
    let token = server.tokens.issue(&requester(party.clone()), now(), Some(own)).unwrap();
    for _ in 0..2 {
        // the second round finds it remembered
        assert_eq!(server.judged(&token, None).err(), Some(Reason::Bound));
        assert_eq!(server.judged(&token, Some(other)).err(), Some(Reason::Bound));
        assert!(server.judged(&token, Some(own)).is_ok());
    }
    let free = server.tokens.issue(&requester(party), now(), None).unwrap();
    assert!(server.judged(&free, None).is_ok() && server.judged(&free, Some(other)).is_ok());
}

#[test]
fn nobody_elses_key_and_no_other_claims_make_a_token_of_ours() {
    let server = Server::new();
    let party = Party::System { organisation: OdsCode::parse("RZ901").unwrap() };
    let good = server.tokens.issue(&requester(party), now(), None).unwrap();
    let claims: Value = {
        let payload = good.split('.').nth(1).unwrap();
        serde_json::from_slice(&data_encoding::BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap()).unwrap()
    };
    let forger = Signer::es384(server.tokens.public_keys()[0]["kid"].as_str().unwrap());
    assert_eq!(server.judged(&forger.token(&claims), None).err(), Some(Reason::Signature));
    let sign = |claims: &Value| server.tokens.signing.sign(TYPE, claims).unwrap();
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        server.judged(&sign(&claims), None).err()
    };
    assert_eq!(with("sub", json!("another")), Some(Reason::Claim));
    assert_eq!(with("party", json!({"system": {"organisation": "not one"}})), Some(Reason::Claim));
    assert_eq!(with("party", json!({"root": {}})), Some(Reason::Claim));
    assert_eq!(with("aud", json!("https://elsewhere.example/fhir")), Some(Reason::Audience));
    assert_eq!(with("exp", json!(now().seconds() + 600)), Some(Reason::TooLongLived));
    assert_eq!(with("exp", json!(now().seconds() - 3)), Some(Reason::Expired));
    // a node whose clock is ahead of ours gave it
    assert_eq!(with("iat", json!(now().seconds() + 20)), None);
    assert_eq!(with("iat", json!(now().seconds() + 60)), Some(Reason::NotYetValid));
    assert_eq!(with("cnf", json!({"jkt": "x"})), Some(Reason::Bound));
    assert_eq!(with("cnf", json!({"x5t#S256": "x"})), Some(Reason::Bound));
    assert_eq!(with("cnf", json!(null)), Some(Reason::Bound));
    // a statement of who asks is signed by us too, and is no token
    let statement = server.tokens.signing.sign("caregate-context+jwt", &claims).unwrap();
    assert_eq!(server.judged(&statement, None).err(), Some(Reason::TokenType));
}

#[test]
fn a_key_that_signs_no_more_verifies_as_long_as_it_is_published() {
    let server = Server::new();
    let party = Party::System { organisation: OdsCode::parse("RZ901").unwrap() };
    let issue = || server.tokens.issue(&requester(party.clone()), now(), None).unwrap();
    let first = issue();
    assert!(server.judged(&first, None).is_ok());
    let (key, also) = (server.folder.path().join("key"), server.folder.path().join("also"));
    std::fs::copy(&key, server.folder.path().join("old")).unwrap();
    std::fs::copy(&also, &key).unwrap();
    std::fs::copy(server.folder.path().join("old"), &also).unwrap();
    server.tokens.reload().unwrap();
    let second = issue();
    assert!(server.judged(&first, None).is_ok() && server.judged(&second, None).is_ok());
    std::fs::copy(&key, &also).unwrap();
    server.tokens.reload().unwrap();
    // the same key twice would be usable by nobody
    assert!(server.judged(&second, None).is_ok());
    // remembered or not
    assert_eq!(server.judged(&first, None).err(), Some(Reason::Key));
}

/// A key of this name, as a JWK.
fn named(kid: &str) -> String {
    use aws_lc_rs::encoding::{AsBigEndian, EcPrivateKeyBin};
    use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    let d: EcPrivateKeyBin<'_> = pair.private_key().as_be_bytes().unwrap();
    let (x, y) = pair.public_key().as_ref()[1..].split_at(48);
    let text = |bytes: &[u8]| data_encoding::BASE64URL_NOPAD.encode(bytes);
    json!({"kty": "EC", "crv": "P-384", "kid": kid, "x": text(x), "y": text(y), "d": text(d.as_ref())}).to_string()
}

#[test]
fn what_signs_is_taken_up_only_with_what_verifies_it() {
    let server = Server::new();
    let party = Party::System { organisation: OdsCode::parse("RZ901").unwrap() };
    let issue = || server.tokens.issue(&requester(party.clone()), now(), None).unwrap();
    let before = issue();
    let (key, also) = (server.folder.path().join("key"), server.folder.path().join("also"));
    std::fs::write(&key, named("one")).unwrap();
    // two keys of one name: nobody could tell by which to verify
    std::fs::write(&also, named("one")).unwrap();
    assert!(server.tokens.reload().is_err());
    assert!(server.judged(&before, None).is_ok() && server.judged(&issue(), None).is_ok());
    let refs = KeyRefs { key: SecretRef::File(key), also: Some(SecretRef::File(also.clone())) };
    assert!(IssuedTokens::new("https://gateway.example", refs).is_err());
    std::fs::write(&also, named("two")).unwrap();
    server.tokens.reload().unwrap();
    assert!(server.judged(&issue(), None).is_ok());
}
