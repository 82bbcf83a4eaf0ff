//! An issuer that says what a test has it say, and a gateway that people sign in to with it.

use super::browser::{Browser, said};
use crate::{
    harness::{Answer, Gate},
    oauth::{
        Signer, now,
        provider::{at_hash, role},
    },
    program::Region,
    sign_in::tap::Tap,
};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use std::{
    net::TcpListener,
    sync::{Arc, Mutex},
};
use url::Url;

pub const ACCESS_TOKEN: &str = "canary-opaque-1";
const CLIENT: &str = "pages-at-canary";
pub const SECRET: &str = "a secret: with/odd+signs";

/// What the token endpoint and userinfo answer.
pub struct Says {
    pub token: (u16, String),
    pub userinfo: (u16, String),
}

pub struct Issuer {
    pub tap: Tap,
    pub signer: Signer,
    pub says: Arc<Mutex<Says>>,
    /// A token endpoint that lets everybody connect and never answers.
    _silent: TcpListener,
    _region: Region,
}

impl Issuer {
    /// The way to sign in is called `canary`; by `silent` nobody ever is signed in.
    pub async fn start() -> (Self, Gate) {
        let region = Region::start();
        let signer = Signer::rsa("idp-1", Algorithm::RS256);
        let nothing = || (500, String::new());
        let says = Says { token: nothing(), userinfo: nothing() };
        let says = Arc::new(Mutex::new(says));
        let (keys, answered) = (json!({"keys": [signer.jwk()]}).to_string(), Arc::clone(&says));
        let tap = Tap::start(None, None, move |seen| match seen.path.as_str() {
            "/jwks" => Some((200, keys.clone())),
            "/token" => Some(answered.lock().unwrap().token.clone()),
            "/userinfo" if seen.header("authorization") == format!("Bearer {ACCESS_TOKEN}") => {
                Some(answered.lock().unwrap().userinfo.clone())
            }
            _ => Some((401, "{}".to_owned())),
        })
        .await;
        let secret = region.folder.path().join("pages.secret");
        std::fs::write(&secret, SECRET).unwrap();
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = |name: &str, token_url: &str| {
            format!(
                "\n[[issuer]]\nname = \"{name}\"\nissuer = \"{url}/{name}\"\nprofile = \"cis2\"\naudience = \"canary\"\n\
                 algorithms = [\"RS256\"]\njwks_url = \"{url}/jwks\"\nallow_http = true\n\
                 exchange = {{ userinfo_url = \"{url}/userinfo\" }}\n\
                 sign_in = {{ authorize_url = \"{url}/authorize?tenant=1\", token_url = \"{token_url}/token\", \
                 client_id = \"{CLIENT}\", proof = {{ secret = {{ file = {secret:?} }} }}, \
                 parameters = {{ acr_values = \"AAL3_ANY\" }} }}\n",
                url = tap.url,
            )
        };
        let nowhere = format!("http://{}", silent.local_addr().unwrap());
        let config = format!("{}{}{}", region.config(), issuer("canary", &tap.url), issuer("silent", &nowhere));
        let gate = region.join(&config, &[]);
        (Self { tap, signer, says, _silent: silent, _region: region }, gate)
    }

    /// What a good ID token says, for a sign-in begun at this address.
    pub fn claims(&self, at: &Url) -> Value {
        let now = now();
        json!({
            "iss": format!("{}/canary", self.tap.url), "sub": "555021400115", "aud": CLIENT, "iat": now, "exp": now + 3600,
            "acr": "AAL3_ANY", "selected_roleid": "r-1", "nonce": said(at.as_str(), "nonce"), "auth_time": now,
            "at_hash": at_hash(ACCESS_TOKEN),
        })
    }

    /// What a good userinfo says.
    pub fn person() -> Value {
        json!({
            "sub": "555021400115", "nhsid_useruid": "555021400115", "name": "N Pontoon (synthetic)",
            "nhsid_nrbac_roles": [role("r-1", "RZ901", "R8015"), role("r-2", "RZ901", "R8009")],
        })
    }

    pub fn answers(&self, claims: &Value, userinfo: &Value) {
        self.gives(&json!({
            "access_token": ACCESS_TOKEN, "id_token": self.signer.sign(claims), "token_type": "Bearer", "expires_in": 300,
        }));
        self.says.lock().unwrap().userinfo = (200, userinfo.to_string());
    }

    pub fn gives(&self, tokens: &Value) {
        self.says.lock().unwrap().token = (200, tokens.to_string());
    }

    /// The end of a sign-in begun at this address.
    pub async fn ends(&self, browser: &Browser<'_>, at: &Url) -> Answer {
        let (back, state) = (said(at.as_str(), "redirect_uri"), said(at.as_str(), "state"));
        browser.get(&format!("{back}?code=canary-code&state={state}")).await
    }
}
