//! Tokens an attacker would try. Each is refused for its own reason; the same token without its one fault is taken.

use super::super::testing::{AUDIENCE, FakeIssuer, Signer, good_claims, hmac_token, signing_input};
use super::super::{Algorithm, Party};
use super::*;
use data_encoding::BASE64URL_NOPAD;
use proptest::prelude::*;
use serde_json::{Value, json};

struct Gate {
    issuer: FakeIssuer,
    signer: Signer,
    verifier: Verifier,
}

impl Gate {
    async fn open() -> Self {
        let signer = Signer::rs256("k1");
        let issuer = FakeIssuer::start(&[&signer]).await;
        let verifier = Verifier::new(vec![issuer.config()]).unwrap();
        Self { issuer, signer, verifier }
    }

    fn claims(&self) -> Value {
        good_claims(&self.issuer.url)
    }

    async fn reason(&self, token: &str) -> Option<Reason> {
        match self.verifier.requester(token, None).await {
            Ok(_) => None,
            Err(IdentityError::Refused { reason, token: Some(digest) }) => {
                assert_eq!(digest, TokenDigest::of(token));
                Some(reason)
            }
            Err(other) => panic!("{other:?}"),
        }
    }

    /// What becomes of a token with this header and good claims, rightly signed.
    async fn with_header(&self, change: impl FnOnce(&mut Value)) -> Option<Reason> {
        let mut header = self.signer.header();
        change(&mut header);
        self.reason(&self.signer.sign(&header.to_string(), &self.claims().to_string())).await
    }

    /// What becomes of a token with this claim, or without it for null, rightly signed.
    async fn with_claim(&self, name: &str, value: Value) -> Option<Reason> {
        let mut claims = self.claims();
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value,
        }
        self.reason(&self.signer.token(&claims)).await
    }
}

fn now() -> i64 {
    Timestamp::now().seconds()
}

#[tokio::test]
async fn a_good_token_makes_its_holder_known() {
    let gate = Gate::open().await;
    let requester = gate.verifier.requester(&gate.signer.token(&gate.claims()), None).await.unwrap();
    assert_eq!(requester.subject, "warden");
    assert_eq!(requester.token_id, "t-1");
    assert_eq!(requester.purpose.0, "TREAT");
    assert!(matches!(requester.party, Party::System { organisation } if organisation.as_str() == "RZ901"));
    assert!(requester.scopes.allow(super::super::Whose::System, "Observation", 'r'));
}

#[tokio::test]
async fn a_token_without_a_signature_is_refused_in_every_spelling_of_none() {
    let gate = Gate::open().await;
    for alg in ["none", "None", "NONE", "nOnE", "none ", ""] {
        assert_eq!(gate.with_header(|h| h["alg"] = json!(alg)).await, Some(Reason::Algorithm), "{alg}");
        let header = json!({ "alg": alg, "typ": "at+jwt", "kid": "k1" }).to_string();
        let bare = signing_input(&header, &gate.claims().to_string());
        assert_eq!(gate.reason(&format!("{bare}.")).await, Some(Reason::Malformed), "{alg}");
        assert_eq!(gate.reason(&bare).await, Some(Reason::Malformed), "{alg}");
    }
    assert_eq!(gate.with_header(|h| drop(h.as_object_mut().unwrap().remove("alg"))).await, Some(Reason::Algorithm));
    assert_eq!(gate.with_header(|h| h["alg"] = json!(["RS256"])).await, Some(Reason::Algorithm));
}

#[tokio::test]
async fn the_public_key_used_as_an_hmac_secret_opens_nothing() {
    let gate = Gate::open().await;
    let claims = gate.claims().to_string();
    for secret in gate.signer.public_spellings() {
        for alg in ["HS256", "hs256"] {
            let header = json!({ "alg": alg, "typ": "at+jwt", "kid": "k1" }).to_string();
            assert_eq!(gate.reason(&hmac_token(&header, &claims, &secret)).await, Some(Reason::Algorithm));
        }
        let header = gate.signer.header().to_string();
        assert_eq!(gate.reason(&hmac_token(&header, &claims, &secret)).await, Some(Reason::Signature));
    }
}

#[tokio::test]
async fn a_key_id_is_only_ever_compared() {
    let gate = Gate::open().await;
    for kid in ["../../etc/passwd", "https://evil.example/jwks", "k2", "K1", "k1/", "file:///dev/null"] {
        assert_eq!(gate.with_header(|h| h["kid"] = json!(kid)).await, Some(Reason::Key), "{kid}");
    }
    let long = "k".repeat(129);
    for kid in ["k1' OR '1'='1", "k1;DROP TABLE keys", "k1\r\nX: y", "", "ｋ1", "k1 ", "|id", &long] {
        assert_eq!(gate.with_header(|h| h["kid"] = json!(kid)).await, Some(Reason::KeyId), "{kid}");
    }
    assert_eq!(
        gate.with_header(|h| h["kid"] = json!("k1\0")).await,
        Some(Reason::Malformed),
        "NUL is nowhere in a token"
    );
    for kid in [json!(1), json!(["k1"]), json!({ "k1": 1 }), Value::Null] {
        assert_eq!(gate.with_header(|h| h["kid"] = kid.clone()).await, Some(Reason::KeyId), "{kid}");
    }
    assert_eq!(gate.with_header(|h| h["kid"] = json!("k".repeat(1 << 20))).await, Some(Reason::TooLong));
    assert_eq!(gate.issuer.paths(), ["/jwks"], "nothing but its keys was ever fetched");
}

#[tokio::test]
async fn a_header_that_brings_its_own_key_or_extension_is_refused() {
    let gate = Gate::open().await;
    let own = gate.signer.jwk();
    for (name, value) in [
        ("jku", json!(format!("{}/jwks", gate.issuer.url))),
        ("x5u", json!("https://evil.example/cert")),
        ("jwk", own),
        ("x5c", json!(["AAAA"])),
        ("x5t", json!("AAAA")),
        ("x5t#S256", json!("AAAA")),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
        ("enc", json!("A128GCM")),
        ("Alg", json!("none")),
        ("", json!("")),
    ] {
        assert_eq!(gate.with_header(|h| h[name] = value.clone()).await, Some(Reason::Header), "{name}");
    }
}

#[tokio::test]
async fn an_expiry_is_a_whole_number_in_the_future_and_not_far_ahead() {
    let gate = Gate::open().await;
    let soon = now() + 300;
    for bad in [
        json!(soon.to_string()),
        json!(-1),
        Value::Null,
        json!(soon as f64 + 0.5),
        json!(1e12),
        json!([soon]),
        json!(true),
        json!({ "value": soon }),
        json!(u64::MAX),
    ] {
        assert_eq!(gate.with_claim("exp", bad.clone()).await, Some(Reason::Claim), "{bad}");
    }
    let text = gate.claims().to_string().replace(r#""exp":"#, r#""exp":null,"x":"#);
    assert_eq!(gate.reason(&gate.signer.sign(&gate.signer.header().to_string(), &text)).await, Some(Reason::Claim));
    for (exp, reason) in [
        (0, Some(Reason::Expired)),
        (now() - 31, Some(Reason::Expired)),
        (now() - 20, None),
        (now() + 86_400, None),
        (now() + 86_500, Some(Reason::TooLongLived)),
        (i64::MAX, Some(Reason::TooLongLived)),
    ] {
        assert_eq!(gate.with_claim("exp", json!(exp)).await, reason, "{exp}");
    }
}

#[tokio::test]
async fn a_token_from_the_future_is_refused() {
    let gate = Gate::open().await;
    for name in ["nbf", "iat"] {
        assert_eq!(gate.with_claim(name, json!(now() + 60)).await, Some(Reason::NotYetValid), "{name}");
        assert_eq!(gate.with_claim(name, json!(now() + 20)).await, None, "{name}");
        assert_eq!(gate.with_claim(name, Value::Null).await, None, "{name}");
        for bad in [json!("1"), json!(-1), json!(1.5)] {
            assert_eq!(gate.with_claim(name, bad.clone()).await, Some(Reason::Claim), "{name} {bad}");
        }
    }
}

#[tokio::test]
async fn a_token_of_another_issuer_or_for_another_audience_is_refused() {
    let gate = Gate::open().await;
    let url = gate.issuer.url.clone();
    for iss in [
        json!(format!("{url}/")),
        json!(url.replace("http", "HTTP")),
        json!("https://evil.example"),
        json!(format!("{url}.evil.example")),
    ] {
        assert_eq!(gate.with_claim("iss", iss.clone()).await, Some(Reason::Issuer), "{iss}");
    }
    for iss in [Value::Null, json!([url]), json!(""), json!(1)] {
        assert_eq!(gate.with_claim("iss", iss.clone()).await, Some(Reason::Claim), "{iss}");
    }
    for aud in [
        json!("https://other.example"),
        json!([]),
        json!(format!("{AUDIENCE}/")),
        json!("https://gateway.example"),
        json!([AUDIENCE.to_uppercase()]),
    ] {
        assert_eq!(gate.with_claim("aud", aud.clone()).await, Some(Reason::Audience), "{aud}");
    }
    for aud in [Value::Null, json!([AUDIENCE, 1]), json!({ "aud": AUDIENCE }), json!(true)] {
        assert_eq!(gate.with_claim("aud", aud.clone()).await, Some(Reason::Claim), "{aud}");
    }
    assert_eq!(gate.with_claim("aud", json!(["https://other.example", AUDIENCE])).await, None);
}

#[tokio::test]
async fn an_id_token_or_another_kind_of_jwt_is_not_an_access_token() {
    let gate = Gate::open().await;
    for typ in [json!("JWT"), json!("id_token"), json!(""), json!("logout+jwt"), json!(["at+jwt"]), Value::Null] {
        assert_eq!(gate.with_header(|h| h["typ"] = typ.clone()).await, Some(Reason::TokenType), "{typ}");
    }
    assert_eq!(gate.with_header(|h| drop(h.as_object_mut().unwrap().remove("typ"))).await, Some(Reason::TokenType));
    assert_eq!(gate.with_header(|h| h["typ"] = json!("application/AT+jwt")).await, None);
    for mark in ["nonce", "at_hash", "c_hash"] {
        assert_eq!(gate.with_claim(mark, json!("x")).await, Some(Reason::IdToken), "{mark}");
    }
}

#[tokio::test]
async fn a_token_that_says_something_twice_is_refused() {
    let gate = Gate::open().await;
    let (header, claims) = (gate.signer.header().to_string(), gate.claims().to_string());
    let twice = |text: &str, more: &str| text.replacen('{', &format!("{{{more},"), 1);
    for more in [
        r#""sub":"other""#,
        r#""\u0073ub":"other""#,
        r#""exp":1"#,
        r#""act":{"sub":"a","sub":"b"}"#,
        r#""extensions":{"ihe_iua":{"purpose_of_use":[{"code":"TREAT","code":"HMARKT"}]}}"#,
    ] {
        let token = gate.signer.sign(&header, &twice(&claims, more));
        assert_eq!(gate.reason(&token).await, Some(Reason::Duplicate), "{more}");
    }
    for more in [r#""alg":"none""#, r#""alg":"RS256""#, r#""kid":"k1""#, r#""\u0061lg":"RS256""#] {
        let token = gate.signer.sign(&twice(&header, more), &claims);
        assert_eq!(gate.reason(&token).await, Some(Reason::Duplicate), "{more}");
    }
}

#[tokio::test]
async fn what_is_not_three_strict_base64url_parts_of_json_is_refused() {
    let gate = Gate::open().await;
    let good = gate.signer.token(&gate.claims());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let padded = format!("{signed}.{signature}==");
    // RSA signatures of 256 bytes leave four unused bits in the last character
    let spare = |c: char| if c == 'A' { 'B' } else { char::from(c as u8 + 1) };
    let mut loose = good.clone();
    let last = loose.pop().unwrap();
    loose.push(spare(last));
    let array = gate.signer.sign(&gate.signer.header().to_string(), "[]");
    for bad in [
        "",
        ".",
        "..",
        "a.b.c",
        "a.b",
        &format!("{good}.x"),
        &format!("{good}."),
        &format!(".{good}"),
        &format!(" {good}"),
        &format!("{good}\n"),
        &padded,
        &loose,
        &array,
        &good.replace('.', ","),
        &format!("{good}.{good}.x"),
    ] {
        assert_eq!(gate.reason(bad).await, Some(Reason::Malformed), "{bad:?}");
    }
    assert_eq!(gate.reason(&"a".repeat(16 * 1024 + 1)).await, Some(Reason::TooLong));
    assert_eq!(gate.reason(&good).await, None);
}

#[tokio::test]
async fn who_and_which_token_must_be_said_and_be_printable() {
    let gate = Gate::open().await;
    for name in ["sub", "jti", "client_id"] {
        for bad in [Value::Null, json!(""), json!(1), json!("x".repeat(257)), json!("a\nb"), json!(["a"])] {
            assert_eq!(gate.with_claim(name, bad.clone()).await, Some(Reason::Claim), "{name} {bad}");
        }
    }
    assert_eq!(gate.with_claim("azp", json!("another")).await, Some(Reason::Client));
    assert_eq!(gate.with_claim("azp", json!("warden")).await, None);
    assert_eq!(gate.with_claim("cnf", json!({ "jkt": "x" })).await, Some(Reason::Bound));
}

#[tokio::test]
async fn an_algorithm_not_pinned_for_the_issuer_is_refused_though_the_signature_is_right() {
    let (rsa, p384) = (Signer::rs256("k1"), Signer::es384("k2"));
    let issuer = FakeIssuer::start(&[&rsa, &p384]).await;
    let mut config = issuer.config();
    config.algorithms = vec![Algorithm::Es384];
    let gate = Gate { verifier: Verifier::new(vec![config]).unwrap(), issuer, signer: rsa };
    let claims = gate.claims();
    assert_eq!(gate.reason(&gate.signer.token(&claims)).await, Some(Reason::Algorithm));
    assert_eq!(gate.with_header(|h| h["alg"] = json!("RS512")).await, Some(Reason::Algorithm));
    assert_eq!(gate.reason(&p384.token(&claims)).await, None);
}

#[tokio::test]
async fn a_key_verifies_only_the_algorithms_of_its_type_and_only_the_one_it_is_marked_with() {
    let gate = Gate::open().await;
    assert_eq!(gate.with_header(|h| h["alg"] = json!("ES256")).await, Some(Reason::Key));
    let mut marked = gate.signer.jwk();
    marked["alg"] = json!("RS512");
    let issuer = FakeIssuer::start(&[]).await;
    issuer.publish_text(json!({ "keys": [marked] }).to_string());
    let mut config = issuer.config();
    config.algorithms = vec![Algorithm::Rs256, Algorithm::Rs512];
    let gate = Gate { verifier: Verifier::new(vec![config]).unwrap(), issuer, signer: Signer::rs256("k1") };
    assert_eq!(gate.with_header(|_| ()).await, Some(Reason::Key));
    assert_eq!(gate.with_header(|h| h["alg"] = json!("RS512")).await, None);
}

#[tokio::test]
async fn one_issuers_key_signs_nothing_in_another_issuers_name() {
    let (a, b) = (Signer::rsa("k1", 0), Signer::rsa("k1", 1));
    let (first, second) = (FakeIssuer::start(&[&a]).await, FakeIssuer::start(&[&b]).await);
    let mut other = second.config();
    other.name = "other".into();
    let verifier = Verifier::new(vec![first.config(), other]).unwrap();
    let gate = Gate { verifier, issuer: first, signer: a };
    assert_eq!(gate.reason(&b.token(&good_claims(&gate.issuer.url))).await, Some(Reason::Signature));
    assert_eq!(gate.reason(&gate.signer.token(&good_claims(&second.url))).await, Some(Reason::Signature));
    assert_eq!(gate.reason(&gate.signer.token(&gate.claims())).await, None);
    assert_eq!(gate.reason(&b.token(&good_claims(&second.url))).await, None);
}

#[tokio::test]
async fn parts_of_two_good_tokens_do_not_make_a_third() {
    let gate = Gate::open().await;
    let one = gate.signer.token(&gate.claims());
    let mut claims = gate.claims();
    claims["ods_code"] = json!("RZ902");
    let two = gate.signer.token(&claims);
    let mixed = format!("{}.{}", two.rsplit_once('.').unwrap().0, one.rsplit_once('.').unwrap().1);
    assert_eq!(gate.reason(&one).await, None);
    assert_eq!(gate.reason(&mixed).await, Some(Reason::Signature), "the memory compares the whole token");
    let empty = format!("{}.{}", one.rsplit_once('.').unwrap().0, BASE64URL_NOPAD.encode(&[0; 256]));
    assert_eq!(gate.reason(&empty).await, Some(Reason::Signature));
}

#[test]
fn two_issuers_with_one_name_or_url_or_a_faulty_one_make_no_verifier() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = runtime.block_on(FakeIssuer::start(&[])).config();
    assert!(matches!(Verifier::new(vec![config.clone(), config.clone()]), Err(VerifierError::Repeated(_))));
    let mut renamed = config.clone();
    renamed.name = "other".into();
    assert!(matches!(Verifier::new(vec![config.clone(), renamed]), Err(VerifierError::Repeated(_))));
    let mut faulty = config;
    faulty.allow_http = false;
    assert!(matches!(Verifier::new(vec![faulty]), Err(VerifierError::Config(..))));
}

#[test]
fn no_changed_byte_anywhere_in_a_token_verifies() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let ec = Signer::es256("k2");
    let rsa = Signer::rs256("k1");
    let issuer = runtime.block_on(FakeIssuer::start(&[&rsa, &ec]));
    let verifier = Verifier::new(vec![issuer.config()]).unwrap();
    let tokens = [rsa.token(&good_claims(&issuer.url)), ec.token(&good_claims(&issuer.url))];
    for token in &tokens {
        runtime.block_on(verifier.requester(token, None)).unwrap();
    }
    proptest!(ProptestConfig::with_cases(2_000), |(which in 0..2_usize, at: prop::sample::Index, to in "[ -~]|[A-Za-z0-9_-]")| {
        let good = &tokens[which];
        let mut forged = good.clone();
        let at = at.index(good.len());
        forged.replace_range(at..=at, &to);
        prop_assume!(&forged != good);
        let answer = runtime.block_on(verifier.requester(&forged, None));
        let refused = matches!(answer, Err(IdentityError::Refused { .. }));
        prop_assert!(refused, "{} at {}", to, at);
    });
}
