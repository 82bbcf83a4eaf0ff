use crate::sandbox::tests::{get, post, region};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

async fn token(identity: &str, form: &str) -> (u16, Value) {
    let (status, body) = post(&format!("{identity}/token"), &format!("grant_type=persona&{form}")).await;
    (status, serde_json::from_str(&body).unwrap())
}

async fn jwks(identity: &str) -> JwkSet {
    serde_json::from_str(&get(&format!("{identity}/jwks"), "").await.1).unwrap()
}

/// Verified as a resource server would: by kid, against the published keys, with audience and expiry.
fn verified(token: &str, keys: &JwkSet) -> Option<Value> {
    let header = decode_header(token).ok()?;
    assert_eq!(header.typ.as_deref(), Some("at+jwt"));
    let key = DecodingKey::from_jwk(keys.find(header.kid.as_deref()?)?).ok()?;
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&[super::AUDIENCE]);
    decode(token, &key, &validation).ok().map(|data| data.claims)
}

async fn claims(identity: &str, form: &str) -> Value {
    let (status, answer) = token(identity, form).await;
    assert_eq!(status, 200, "{answer}");
    verified(answer["access_token"].as_str().unwrap(), &jwks(identity).await).unwrap()
}

#[actix_web::test]
async fn a_token_of_each_kind_of_persona_verifies_against_the_published_keys() {
    let region = region().await;
    let base = &region.identity;

    let staff = claims(base, "persona=receptionist-saltmarsh").await;
    assert_eq!((&staff["iss"], &staff["acr"]), (&json!(base), &json!("AAL3_ANY")));
    let roles = staff["nhsid_nrbac_roles"].as_array().unwrap();
    assert_eq!(roles.len(), 2);
    let selected: Vec<_> = roles.iter().filter(|role| role["person_roleid"] == staff["selected_roleid"]).collect();
    assert_eq!(selected.len(), 1);
    assert_eq!((&selected[0]["role_code"], &selected[0]["org_code"]), (&json!("S8000:G8000:R8009"), &json!("F99001")));

    let researcher = claims(base, "persona=researcher&alg=RS256").await;
    assert_eq!(researcher["extensions"]["ihe_iua"]["purpose_of_use"][0]["code"], "HRESCH");

    let wished = "persona=staff&organisation=ZZ999&role=R1330&activities=B0401+B0560&user=555021488888";
    let anybody = claims(base, wished).await;
    let held = &anybody["nhsid_nrbac_roles"][0];
    assert_eq!((&anybody["sub"], &held["org_code"]), (&json!("555021488888"), &json!("ZZ999")));
    assert_eq!(
        (&held["role_code"], &held["person_roleid"]),
        (&json!("S8000:G8000:R1330"), &anybody["selected_roleid"])
    );
    assert_eq!(held["activity_codes"], json!(["B0401", "B0560"]));
    let jobless = claims(base, "persona=staff&organisation=ZZ999").await;
    assert_eq!(jobless["nhsid_nrbac_roles"][0]["role_code"], json!(null));

    let name = region.personas.iter().find(|name| name.starts_with("patient:")).unwrap();
    let patient = claims(base, &format!("persona={name}&alg=RS256")).await;
    assert_eq!(patient["iss"], format!("{base}/patients"));
    assert_eq!(format!("patient:{}", patient["nhs_number"].as_str().unwrap()), *name);
    assert!(patient["birthdate"].is_string() && patient["family_name"].is_string());
    assert!(!patient["sub"].as_str().unwrap().contains(patient["nhs_number"].as_str().unwrap()));

    let system = claims(base, "persona=system:NZ901&scope=system/Endpoint.cruds&expires_in=5").await;
    assert_eq!((&system["sub"], &system["ods_code"]), (&json!("system-NZ901"), &json!("NZ901")));
    assert_eq!(system["scope"], "system/Endpoint.cruds");
    assert_eq!(system["exp"].as_i64().unwrap() - system["iat"].as_i64().unwrap(), 5);
    // an organisation that is to join is not known yet
    let joining = claims(base, "persona=system:ZZ999").await;
    assert_eq!((&joining["sub"], &joining["ods_code"]), (&json!("system-ZZ999"), &json!("ZZ999")));
    let systems = claims(base, "persona=systems:ZZ999").await;
    let held = &systems["nhsid_nrbac_roles"][0];
    assert_eq!((&held["org_code"], &held["role_code"]), (&json!("ZZ999"), &json!("S8000:G8000:R8015")));
    region.stop().await;
}

#[actix_web::test]
async fn every_persona_listed_is_given_a_token_and_nobody_else() {
    let region = region().await;
    let base = &region.identity;
    let listed: Vec<Value> = serde_json::from_str(&get(&format!("{base}/personas"), "").await.1).unwrap();
    assert_eq!(listed.len(), region.personas.len());
    for persona in &listed {
        let (status, answer) = token(base, &format!("persona={}", persona["name"].as_str().unwrap())).await;
        assert_eq!((status, &answer["token_type"]), (200, &json!("Bearer")));
    }
    for (form, error) in [
        ("persona=surgeon-atlantis", "invalid_grant"),
        ("persona=patient:9990000019", "invalid_grant"),
        ("persona=system:zz999", "invalid_grant"),
        ("persona=systems:", "invalid_grant"),
        ("persona=researcher&alg=none", "invalid_request"),
        ("persona=researcher&expires_in=soon", "invalid_request"),
        ("persona=researcher&scope=%22", "invalid_scope"),
        ("persona=staff&role=R0260", "invalid_request"),
        ("persona=staff&organisation=F99001&role=%22", "invalid_request"),
        ("", "invalid_request"),
    ] {
        let (status, answer) = token(base, form).await;
        assert_eq!((status, &answer["error"]), (400, &json!(error)), "{form}");
    }
    let (status, answer) = post(&format!("{base}/token"), "grant_type=password").await;
    assert_eq!((status, answer.contains("unsupported_grant_type")), (400, true));
    region.stop().await;
}

#[actix_web::test]
async fn rotation_publishes_new_kids_and_keeps_the_old_only_when_told() {
    let region = region().await;
    let base = &region.identity;
    let (_, answer) = token(base, "persona=researcher").await;
    let old = answer["access_token"].as_str().unwrap();
    assert!(verified(old, &jwks(base).await).is_some());

    post(&format!("{base}/rotate"), "keep=true").await;
    let kept = jwks(base).await;
    assert_eq!(kept.keys.len(), 4);
    assert!(verified(old, &kept).is_some());

    post(&format!("{base}/rotate"), "").await;
    let fresh = jwks(base).await;
    assert_eq!(fresh.keys.len(), 2);
    assert!(fresh.keys.iter().all(|key| kept.find(key.common.key_id.as_deref().unwrap()).is_none()));
    assert!(verified(old, &fresh).is_none());
    let (_, answer) = token(base, "persona=researcher&alg=RS256").await;
    let new = answer["access_token"].as_str().unwrap();
    assert_eq!(decode_header(new).unwrap().alg, Algorithm::RS256);
    assert!(verified(new, &fresh).is_some());
    region.stop().await;
}

#[actix_web::test]
async fn an_expired_token_can_be_asked_for_and_no_longer_verifies() {
    let region = region().await;
    let (_, answer) = token(&region.identity, "persona=gp-saltmarsh&expires_in=-600").await;
    assert!(verified(answer["access_token"].as_str().unwrap(), &jwks(&region.identity).await).is_none());
    region.stop().await;
}

#[actix_web::test]
async fn each_issuer_describes_itself_below_its_own_url() {
    let region = region().await;
    for issuer in &region.issuers {
        let (status, body) = get(&format!("{}/.well-known/openid-configuration", issuer.url), "").await;
        let discovered: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &discovered["issuer"]), (200, &json!(issuer.url)));
        assert_eq!(discovered["jwks_uri"], format!("{}/jwks", region.identity));
        assert_eq!(discovered["id_token_signing_alg_values_supported"], json!(issuer.algorithms));
    }
    region.stop().await;
}
