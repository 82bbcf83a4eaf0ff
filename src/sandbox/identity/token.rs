//! `POST /token`: a token for the persona named, with nothing proved.

use super::State;
use super::claims::{Wishes, claims};
use actix_web::http::header::{CACHE_CONTROL, ContentType};
use actix_web::{HttpResponse, web};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const USUAL_LIFE_SECONDS: i64 = 3600;
const LONGEST_LIFE_SECONDS: i64 = 366 * 24 * 3600;

/// An error of the token endpoint. <https://www.rfc-editor.org/rfc/rfc6749#section-5.2>
pub struct Refusal(&'static str, &'static str);

pub async fn issue(state: web::Data<State>, body: String) -> HttpResponse {
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let (mut response, answer) = match answer(&state, &form) {
        Ok(answer) => (HttpResponse::Ok(), answer),
        Err(Refusal(error, why)) => (HttpResponse::BadRequest(), json!({"error": error, "error_description": why})),
    };
    response.content_type(ContentType::json()).insert_header((CACHE_CONTROL, "no-store")).body(answer.to_string())
}

fn answer(state: &State, form: &BTreeMap<String, String>) -> Result<Value, Refusal> {
    if form.get("grant_type").map(String::as_str) != Some("persona") {
        return Err(Refusal("unsupported_grant_type", "grant_type is persona"));
    }
    let name = form.get("persona").ok_or(Refusal("invalid_request", "persona is missing"))?;
    let persona = state.directory.find(name).ok_or(Refusal("invalid_grant", "no such persona: see /personas"))?;
    let algorithm = match form.get("alg").map(String::as_str) {
        None | Some("ES256") => Algorithm::ES256,
        Some("RS256") => Algorithm::RS256,
        Some(_) => return Err(Refusal("invalid_request", "alg is RS256 or ES256")),
    };
    let wishes = wishes(form)?;
    let expires_in = wishes.expires_in;
    let (claims, scope) = claims(&state.url, &persona, wishes);
    let token =
        state.keys().sign(algorithm, &claims).ok_or(Refusal("invalid_request", "the token could not be signed"))?;
    Ok(json!({"access_token": token, "token_type": "Bearer", "expires_in": expires_in, "scope": scope}))
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
