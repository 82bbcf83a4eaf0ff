//! `POST /token`: a token for the persona named, with nothing proved.
//!
//! With a `client_id` the answer is what that client would be given at a sign-in: an ID token, and an access token that says
//! nothing and opens userinfo. So it is for the code that a sign-in at `/authorize` ended with.
//!
//! Beside the personas of the region there is `staff`: whoever the form's `organisation` (ODS code), `role` (job role
//! code), `activities` (codes, with spaces between) and `user` say, for tests of who may see what.

use super::State;
use super::authorize;
use super::claims::{Wishes, claims, sign_in};
use super::persona::{Anybody, Persona};
use crate::domain::OdsCode;
use actix_web::http::header::{CACHE_CONTROL, ContentType};
use actix_web::{HttpRequest, HttpResponse, web};
use aws_lc_rs::digest;
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const USUAL_LIFE_SECONDS: i64 = 3600;
const LONGEST_LIFE_SECONDS: i64 = 366 * 24 * 3600;

/// An error of the token endpoint. <https://www.rfc-editor.org/rfc/rfc6749#section-5.2>
pub struct Refusal(pub &'static str, pub &'static str);

pub async fn issue(state: web::Data<State>, request: HttpRequest, body: String) -> HttpResponse {
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let (mut response, answer) = match answer(&state, &request, &form) {
        Ok(answer) => (HttpResponse::Ok(), answer),
        Err(Refusal(error, why)) => (HttpResponse::BadRequest(), json!({"error": error, "error_description": why})),
    };
    response.content_type(ContentType::json()).insert_header((CACHE_CONTROL, "no-store")).body(answer.to_string())
}

fn answer(state: &State, request: &HttpRequest, form: &BTreeMap<String, String>) -> Result<Value, Refusal> {
    if form.get("grant_type").map(String::as_str) == Some("authorization_code") {
        let (persona, nonce) = authorize::redeemed(state, request, form)?;
        return signed_in(state, &persona, authorize::CLIENT, Algorithm::RS256, USUAL_LIFE_SECONDS, Some(nonce));
    }
    if form.get("grant_type").map(String::as_str) != Some("persona") {
        return Err(Refusal("unsupported_grant_type", "grant_type is persona or authorization_code"));
    }
    let name = form.get("persona").ok_or(Refusal("invalid_request", "persona is missing"))?;
    let persona = match name.as_str() {
        "staff" => Persona::Anybody(anybody(form)?),
        name => state.directory.find(name).ok_or(Refusal("invalid_grant", "no such persona: see /personas"))?,
    };
    let algorithm = match form.get("alg").map(String::as_str) {
        None | Some("ES256") => Algorithm::ES256,
        Some("RS256") => Algorithm::RS256,
        Some(_) => return Err(Refusal("invalid_request", "alg is RS256 or ES256")),
    };
    let wishes = wishes(form)?;
    if let Some(client) = form.get("client_id") {
        return signed_in(state, &persona, client, algorithm, wishes.expires_in, None);
    }
    let expires_in = wishes.expires_in;
    let (claims, scope) = claims(&state.url, &persona, wishes);
    let token = state
        .keys()
        .sign(algorithm, "at+jwt", &claims)
        .ok_or(Refusal("invalid_request", "the token could not be signed"))?;
    Ok(json!({"access_token": token, "token_type": "Bearer", "expires_in": expires_in, "scope": scope}))
}

fn signed_in(
    state: &State,
    persona: &Persona<'_>,
    client: &str,
    algorithm: Algorithm,
    expires_in: i64,
    nonce: Option<String>,
) -> Result<Value, Refusal> {
    let nowhere = Refusal("invalid_request", "a system signs in nowhere");
    let mut signed = sign_in(&state.url, persona, client, expires_in).ok_or(nowhere)?;
    let access_token = state.remember(signed.userinfo);
    if let Some(claims) = signed.id_token.as_object_mut() {
        claims.insert("at_hash".to_owned(), at_hash(&access_token).into());
        claims.extend(nonce.map(|nonce| ("nonce".to_owned(), nonce.into())));
    }
    let id_token = state.keys().sign(algorithm, "JWT", &signed.id_token);
    let id_token = id_token.ok_or(Refusal("invalid_request", "the token could not be signed"))?;
    Ok(json!({"access_token": access_token, "id_token": id_token, "token_type": "Bearer", "expires_in": expires_in}))
}

/// <https://openid.net/specs/openid-connect-core-1_0.html#CodeIDToken>: both algorithms hash by SHA-256.
fn at_hash(access_token: &str) -> String {
    let whole = digest::digest(&digest::SHA256, access_token.as_bytes());
    BASE64URL_NOPAD.encode(whole.as_ref().split_at(whole.as_ref().len() / 2).0)
}

fn anybody(form: &BTreeMap<String, String>) -> Result<Anybody, Refusal> {
    const PLAIN: Refusal = Refusal("invalid_request", "user, role and activities are of letters, digits and '-'");
    let organisation = form.get("organisation").and_then(|code| OdsCode::parse(code).ok());
    let organisation = organisation.ok_or(Refusal("invalid_request", "staff has an organisation, by its ODS code"))?;
    let user = form.get("user").cloned().unwrap_or_else(|| "555021499999".to_owned());
    let role = form.get("role").cloned();
    let activities: Vec<String> =
        form.get("activities").iter().flat_map(|list| list.split_whitespace()).map(str::to_owned).collect();
    let plain = |text: &String| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !(plain(&user) && role.iter().all(plain) && activities.iter().all(plain)) {
        return Err(PLAIN);
    }
    Ok(Anybody { user, organisation, role, activities })
}

fn wishes(form: &BTreeMap<String, String>) -> Result<Wishes, Refusal> {
    let expires_in = form.get("expires_in").map_or(Some(USUAL_LIFE_SECONDS), |text| text.parse().ok());
    let expires_in = expires_in
        .filter(|seconds| (-LONGEST_LIFE_SECONDS..=LONGEST_LIFE_SECONDS).contains(seconds))
        .ok_or(Refusal("invalid_request", "expires_in is a number of seconds, a year at most"))?;
    let scope = form.get("scope").cloned();
    if scope.as_deref().is_some_and(|scope| !scope.bytes().all(is_scope_byte)) {
        return Err(Refusal("invalid_scope", "a scope is of printable ASCII without quotes and backslashes"));
    }
    let purpose = form.get("purpose").cloned();
    if purpose.as_deref().is_some_and(|code| !code.bytes().all(|b| b.is_ascii_uppercase())) {
        return Err(Refusal("invalid_request", "purpose is a v3-ActReason code, such as TREAT"));
    }
    Ok(Wishes { expires_in, scope, purpose })
}

/// <https://www.rfc-editor.org/rfc/rfc6749#section-3.3>
fn is_scope_byte(byte: u8) -> bool {
    matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~')
}
