//! Signing in, pretended: whoever comes chooses who to be. What the gateway brings is checked as a real identity provider
//! would check it: the client, where it wants people sent back to, PKCE, one use of each code.
//! <https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth>

use super::State;
use super::persona::Persona;
use super::token::Refusal;
use actix_web::http::header::{AUTHORIZATION, ContentType, LOCATION};
use actix_web::{HttpRequest, HttpResponse, web};
use aws_lc_rs::digest;
use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Validation, decode};
use maud::{DOCTYPE, Markup, html};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use url::{Host, Url};
use uuid::Uuid;

/// What the gateway's pages are called here.
pub const CLIENT: &str = "caregate-pages";
const CODE_LIFE: Duration = Duration::from_secs(60);
/// More than are of use at once; past them all are forgotten.
const CODES: usize = 10_000;
/// A list that a person still looks through.
const LISTED: usize = 200;
const ASKED: [&str; 8] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
];

/// Sign-ins under way, and by what the one registered client is known: by a secret for staff, by a key for patients.
pub struct Codes {
    secret: String,
    key: DecodingKey,
    private: String,
    codes: Mutex<HashMap<String, Code>>,
    assertions: Mutex<HashSet<String>>,
}

struct Code {
    persona: String,
    path: &'static str,
    redirect: String,
    nonce: String,
    challenge: String,
    given: Instant,
}

type Fields = BTreeMap<String, String>;

impl Codes {
    /// `None` if no key can be made.
    pub fn new() -> Option<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).ok()?.to_pkcs8v1().ok()?;
        let public = Jwk::from_encoding_key(&EncodingKey::from_ec_der(pair.as_ref()), Algorithm::ES384).ok()?;
        Some(Self {
            secret: format!("pages-{}", Uuid::new_v4().simple()),
            key: DecodingKey::from_jwk(&public).ok()?,
            private: crate::sandbox::pem(pair.as_ref()),
            codes: Mutex::default(),
            assertions: Mutex::default(),
        })
    }

    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The gateway's private key, in PEM.
    pub fn private(&self) -> &str {
        &self.private
    }

    fn give(&self, code: Code) -> String {
        let text = format!("code-{}", Uuid::new_v4().simple());
        let mut codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        codes.retain(|_, code| code.given.elapsed() < CODE_LIFE);
        if codes.len() >= CODES {
            codes.clear();
        }
        codes.insert(text.clone(), code);
        text
    }

    /// Once, whatever comes of it.
    fn take(&self, text: &str) -> Option<Code> {
        let taken = self.codes.lock().unwrap_or_else(PoisonError::into_inner).remove(text);
        taken.filter(|code| code.given.elapsed() < CODE_LIFE)
    }

    fn is_client(&self, path: &str, request: &HttpRequest, form: &Fields, endpoint: &str) -> bool {
        if path.is_empty() {
            let basic = format!("Basic {}", BASE64.encode(format!("{CLIENT}:{}", self.secret).as_bytes()));
            return request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()) == Some(&basic);
        }
        let said = form.get("client_assertion").and_then(|text| verified(text, endpoint, &self.key));
        let kind = form.get("client_assertion_type").map(String::as_str);
        kind == Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
            && said.is_some_and(|id| self.assertions.lock().unwrap_or_else(PoisonError::into_inner).insert(id))
    }
}

/// The `jti` of a good assertion.
fn verified(assertion: &str, endpoint: &str, key: &DecodingKey) -> Option<String> {
    #[derive(Deserialize)]
    struct Said {
        sub: String,
        jti: String,
    }
    let mut wanted = Validation::new(Algorithm::ES384);
    wanted.set_audience(&[endpoint]);
    wanted.set_issuer(&[CLIENT]);
    wanted.set_required_spec_claims(&["iss", "sub", "aud", "exp"]);
    wanted.leeway = 5;
    let said = decode::<Said>(assertion, key, &wanted).ok()?.claims;
    (said.sub == CLIENT && !said.jti.is_empty()).then_some(said.jti)
}

/// `GET /authorize`, `GET /patients/authorize`: the list of who there is.
pub async fn choose(state: web::Data<State>, request: HttpRequest, path: &'static str) -> HttpResponse {
    let asked = fields(request.query_string().as_bytes());
    match fault(&asked, path) {
        Some(what) => page(400, "This sign-in is not understood", &html! { p { (what) } }),
        None => page(200, "Pretend sign-in", &list(&state, &asked, path)),
    }
}

/// The choice: back to where the client wanted it, with a code.
pub async fn chosen(state: web::Data<State>, body: String, path: &'static str) -> HttpResponse {
    let asked = fields(body.as_bytes());
    if let Some(what) = fault(&asked, path) {
        return page(400, "This sign-in is not understood", &html! { p { (what) } });
    }
    let said = |name: &str| asked.get(name).cloned().unwrap_or_default();
    let persona = said("persona");
    let answer = match state.directory.find(&persona) {
        Some(found) if path_of(&found) == Some(path) => {
            let (redirect, nonce, challenge) = (said("redirect_uri"), said("nonce"), said("code_challenge"));
            let code = Code { persona, path, redirect, nonce, challenge, given: Instant::now() };
            ("code", state.codes.give(code))
        }
        _ => ("error", "access_denied".to_owned()),
    };
    let Ok(mut back) = Url::parse(&said("redirect_uri")) else { return HttpResponse::BadRequest().finish() };
    back.query_pairs_mut()
        .append_pair(answer.0, &answer.1)
        .append_pair("state", &said("state"))
        .append_pair("iss", &format!("{}{path}", state.url));
    HttpResponse::SeeOther().insert_header((LOCATION, back.as_str())).finish()
}

/// Who a code is of, and the nonce that their ID token has to say.
pub fn redeemed<'s>(state: &'s State, request: &HttpRequest, form: &Fields) -> Result<(Persona<'s>, String), Refusal> {
    const NO: Refusal = Refusal("invalid_grant", "no such code, or not for this client, address or verifier");
    let said = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let code = state.codes.take(said("code")).ok_or(NO)?;
    if !state.codes.is_client(code.path, request, form, &format!("{}/token", state.url)) {
        return Err(Refusal("invalid_client", "the client is not who it says"));
    }
    let challenge = BASE64URL_NOPAD.encode(digest::digest(&digest::SHA256, said("code_verifier").as_bytes()).as_ref());
    if said("redirect_uri") != code.redirect || challenge != code.challenge {
        return Err(NO);
    }
    Ok((state.directory.find(&code.persona).ok_or(NO)?, code.nonce))
}

fn path_of(persona: &Persona<'_>) -> Option<&'static str> {
    match persona {
        Persona::Staff(_) | Persona::Anybody(_) => Some(""),
        Persona::Patient(..) => Some("/patients"),
        Persona::System(_) => None,
    }
}

fn fields(text: &[u8]) -> Fields {
    url::form_urlencoded::parse(text).into_owned().collect()
}

fn fault(asked: &Fields, path: &str) -> Option<&'static str> {
    let said = |name: &str| asked.get(name).map(String::as_str).unwrap_or_default();
    let checks = [
        (said("client_id") == CLIENT, "client_id: no such client"),
        (is_registered(said("redirect_uri"), path), "redirect_uri: not one of the client's"),
        (said("response_type") == "code", "response_type is code"),
        (said("scope").split(' ').any(|scope| scope == "openid"), "scope: openid is missing"),
        (!said("state").is_empty() && !said("nonce").is_empty(), "state and nonce are needed"),
        (said("code_challenge_method") == "S256" && said("code_challenge").len() == 43, "PKCE is needed, by S256"),
    ];
    checks.into_iter().find(|(good, _)| !good).map(|(_, what)| what)
}

/// The gateway's callback for this issuer, on any port of this machine (<https://www.rfc-editor.org/rfc/rfc8252#section-7.3>).
fn is_registered(redirect: &str, path: &str) -> bool {
    let Ok(url) = Url::parse(redirect) else { return false };
    let loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    let callback = if path.is_empty() { "/sign-in/staff/callback" } else { "/sign-in/patients/callback" };
    let plain =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    url.scheme() == "http" && loopback && url.path() == callback && plain
}

fn list(state: &State, asked: &Fields, path: &str) -> Markup {
    let described = state.directory.describe();
    let patients = !path.is_empty();
    let fits = |name: &str| state.directory.find(name).is_some_and(|found| path_of(&found) == Some(path));
    html! {
        p { "Nothing is proved here: everybody in this region is made up. Choose who to be." }
        form method="post" {
            @for (name, value) in asked.iter().filter(|(name, _)| ASKED.contains(&name.as_str())) {
                input type="hidden" name=(name) value=(value);
            }
            ul {
                @for one in described.iter().filter(|one| fits(one.name())).take(LISTED) {
                    li { button name="persona" value=(one.name()) { (one.name()) } " " (one.in_words()) }
                }
                li { button name="persona" value="" { "Nobody" } " turn back without signing in" }
            }
        }
        @if !patients {
            p { "Anybody who looks after the systems of an organisation that is not here yet, by its ODS code: systems:RZ950" }
            form method="post" {
                @for (name, value) in asked.iter().filter(|(name, _)| ASKED.contains(&name.as_str())) {
                    input type="hidden" name=(name) value=(value);
                }
                label { "Persona " input name="persona" autocomplete="off"; }
                button { "Be that persona" }
            }
        }
        @if patients { p { "At most " (LISTED) " are listed." } }
    }
}

fn page(status: u16, title: &str, main: &Markup) -> HttpResponse {
    const STYLE: &str = "body{font:1.1rem/1.5 sans-serif;max-width:45rem;margin:2rem auto;padding:0 1rem;color:#212b32}\
        ul{list-style:none;padding:0}li{margin:.5rem 0}button{font:inherit;padding:.3rem .8rem;min-width:15rem;text-align:left}";
    let whole = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { (title) }
                meta name="viewport" content="width=device-width, initial-scale=1";
                style { (maud::PreEscaped(STYLE)) }
            }
            body { main { h1 { (title) } (main) } }
        }
    };
    let status = actix_web::http::StatusCode::from_u16(status).unwrap_or_default();
    HttpResponse::build(status).content_type(ContentType::html()).body(whole.into_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_back_anywhere_but_to_the_callback_of_a_gateway_on_this_machine() {
        for good in ["http://127.0.0.1:1/sign-in/staff/callback", "http://localhost:8080/sign-in/staff/callback"] {
            assert!(is_registered(good, "") && !is_registered(good, "/patients"), "{good}");
        }
        for bad in [
            "",
            "http://evil.example/sign-in/staff/callback",
            "http://localhost.evil.example/sign-in/staff/callback",
            "http://127.0.0.1@evil.example/sign-in/staff/callback",
            "http://u@127.0.0.1/sign-in/staff/callback",
            "http://127.0.0.1/sign-in/staff/callback?a=b",
            "http://127.0.0.1/sign-in/staff/callback#a",
            "http://127.0.0.1/sign-in/staff/callback/more",
            "https://127.0.0.1/sign-in/staff/callback",
        ] {
            assert!(!is_registered(bad, ""), "{bad}");
        }
    }

    #[test]
    fn a_sign_in_without_pkce_state_or_nonce_is_not_begun() {
        let good = "client_id=caregate-pages&redirect_uri=http%3A%2F%2F127.0.0.1%2Fsign-in%2Fstaff%2Fcallback&response_type=code\
                    &scope=openid&state=s&nonce=n&code_challenge_method=S256\
                    &code_challenge=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        assert_eq!(fault(&fields(good.as_bytes()), ""), None);
        for part in good.split('&') {
            assert!(fault(&fields(good.replace(part, "").as_bytes()), "").is_some(), "{part}");
        }
        assert!(fault(&fields(good.replace("S256", "plain").as_bytes()), "").is_some());
    }
}
