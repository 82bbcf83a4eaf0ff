//! An identity provider that says what a test has it say: CIS2 and NHS login at two names on one server.

use super::{CLIENT, Signer, now};
use crate::{harness::Gate, program::Region, sign_in::tap::Tap};
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

pub const ACCESS_TOKEN: &str = "canary-opaque-1";

pub struct Provider {
    pub tap: Tap,
    pub signer: Signer,
    /// What userinfo answers.
    said: Arc<Mutex<(u16, String)>>,
    region: Region,
}

impl Provider {
    /// It, and a gateway whose client may bring its ID tokens.
    pub async fn start() -> (Self, Gate) {
        let region = Region::start();
        let signer = Signer::rsa("idp-1", Algorithm::RS256);
        let said = Arc::new(Mutex::new((200, String::new())));
        let (keys, answered) = (json!({"keys": [signer.jwk()]}).to_string(), Arc::clone(&said));
        let tap = Tap::start(None, None, move |seen| match seen.path.as_str() {
            "/jwks" => Some((200, keys.clone())),
            "/userinfo" if seen.header("authorization") == format!("Bearer {ACCESS_TOKEN}") => {
                Some(answered.lock().unwrap().clone())
            }
            _ => Some((401, "{}".to_owned())),
        })
        .await;
        let userinfo = format!("userinfo_url = \"{}/userinfo\", ", tap.url);
        let issuer = |name: &str, profile: &str, userinfo: &str| {
            format!(
                "[[issuer]]\nname = \"{name}\"\nissuer = \"{url}/{name}\"\nprofile = \"{profile}\"\naudience = \"canary\"\n\
                 algorithms = [\"RS256\", \"ES384\"]\njwks_url = \"{url}/jwks\"\nallow_http = true\n\
                 exchange = {{ algorithms = [\"RS256\"], {userinfo}max_age_seconds = 120 }}\n\n",
                url = tap.url
            )
        };
        let brings = "exchange = [{ issuer = \"cis2\", audience = \"ward-app\" }, \
                      { issuer = \"login\", audience = \"ward-app\" }, ";
        let config = region.config().replace("exchange = [", brings);
        // and a client that may bring nobody's but the sandbox's
        let file = region.secret("client.jwks");
        let narrow = format!(
            "[[client]]\nclient_id = \"narrow\"\norganisation = \"RZ902\"\njwks = {{ file = {file:?} }}\n\
             scopes = \"user/Observation.rs\"\ngrants = [\"token_exchange\"]\n\
             exchange = [{{ issuer = \"staff\", audience = \"ward-system\" }}]\n\n"
        );
        let config =
            format!("{config}\n{narrow}{}{}", issuer("cis2", "cis2", &userinfo), issuer("login", "nhs-login", ""));
        let gate = region.join(&config, &[]);
        (Self { tap, signer, said, region }, gate)
    }

    pub fn client(&self) -> Signer {
        Signer::of_sandbox(&self.region.file().with_extension("d"))
    }

    pub fn assertion(&self, gate: &Gate) -> String {
        self.client().assertion(CLIENT, gate)
    }

    pub fn answers(&self, status: u16, said: &Value) {
        *self.said.lock().unwrap() = (status, said.to_string());
    }

    /// What a good ID token of a GP at Saltmarsh says...
    pub fn clinician(&self) -> Value {
        let now = now();
        json!({
            "iss": format!("{}/cis2", self.tap.url), "sub": "555021400101", "aud": "ward-app", "iat": now,
            "exp": now + 3600, "acr": "AAL3_ANY", "selected_roleid": "r-1", "nonce": "n-1", "auth_time": now,
            "at_hash": at_hash(ACCESS_TOKEN),
        })
    }

    /// ... and userinfo beside it.
    pub fn roles() -> Value {
        json!({
            "sub": "555021400101", "nhsid_useruid": "555021400101", "name": "Dr A Fielding (synthetic)",
            "nhsid_nrbac_roles": [role("r-1", "F99001", "R0260"), role("r-2", "F99001", "R8009")],
        })
    }

    /// What a good ID token of a patient says.
    pub fn patient(&self, number: &str) -> Value {
        let now = now();
        json!({
            "iss": format!("{}/login", self.tap.url), "sub": "p-1", "aud": "ward-app", "iat": now, "exp": now + 3600,
            "nhs_number": number, "identity_proofing_level": "P9", "vot": "P9.Cp.Cd",
        })
    }

    pub fn signed(&self, claims: &Value) -> String {
        self.signer.sign(claims)
    }

    pub fn log_is_clean(&self, gate: &Gate) {
        let log = gate.stderr();
        for secret in ["canary", "eyJ", "Fielding", "555021400101"] {
            assert!(!log.contains(secret), "{secret} is in the log: {log}");
        }
    }
}

pub fn role(id: &str, organisation: &str, job: &str) -> Value {
    json!({
        "org_code": organisation, "person_orgid": "o-1", "person_roleid": id, "role_code": format!("S8000:G8000:{job}"),
        "role_name": "A job", "activity_codes": ["B0380", "B0401"],
    })
}

/// <https://openid.net/specs/openid-connect-core-1_0.html#CodeIDToken>
pub fn at_hash(access_token: &str) -> String {
    let whole = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, access_token.as_bytes());
    BASE64URL_NOPAD.encode(&whole.as_ref()[..16])
}
