//! An identity provider's keys and tokens, in the words of NHS CIS2: a general practitioner at the first practice.

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
};
use caregate::{domain::Timestamp, identity::IssuerConfig};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

pub const PRACTICE: &str = "F99001";
const AUDIENCE: &str = "https://caregate.example/fhir";

pub struct Issuer {
    ec: EcdsaKeyPair,
    rsa: RsaKeyPair,
}

#[derive(Clone, Copy, Debug)]
pub enum Algorithm {
    Es256,
    Rs256,
}

impl Issuer {
    pub fn new() -> Self {
        let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        Self { ec, rsa: RsaKeyPair::generate(KeySize::Rsa2048).expect("a key") }
    }

    /// What is published.
    pub fn key_set(&self) -> String {
        let text = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        let (x, y) = self.ec.public_key().as_ref()[1..].split_at(32);
        let (n, e) = (self.rsa.public_key().modulus(), self.rsa.public_key().exponent());
        let (n, e) = (n.big_endian_without_leading_zero(), e.big_endian_without_leading_zero());
        let ec = json!({"kty": "EC", "crv": "P-256", "kid": "Es256", "use": "sig", "x": text(x), "y": text(y)});
        let rsa = json!({"kty": "RSA", "kid": "Rs256", "use": "sig", "n": text(n), "e": text(e)});
        json!({"keys": [ec, rsa]}).to_string()
    }

    /// Another token each time `n` is another.
    pub fn token(&self, algorithm: Algorithm, n: usize) -> String {
        let name = format!("{algorithm:?}");
        let header = json!({"alg": name.to_uppercase(), "typ": "at+jwt", "kid": name});
        let signed = format!("{}.{}", part(&header), part(&claims(n)));
        let signature = match algorithm {
            Algorithm::Es256 => {
                let signature = self.ec.sign(&SystemRandom::new(), signed.as_bytes()).expect("a signature");
                signature.as_ref().to_vec()
            }
            Algorithm::Rs256 => {
                let mut room = vec![0; self.rsa.public_modulus_len()];
                let random = SystemRandom::new();
                self.rsa.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut room).expect("a signature");
                room
            }
        };
        format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature))
    }

    /// `[[issuer]]`, as a node is configured to trust it.
    pub fn config(keys: &str) -> IssuerConfig {
        serde_json::from_value(json!({
            "name": "staff", "issuer": ISSUER, "profile": "cis2", "audience": AUDIENCE,
            "algorithms": ["ES256", "RS256"], "jwks_url": keys, "allow_http": true,
        }))
        .expect("a configuration")
    }

    pub fn toml(keys: &str) -> String {
        format!(
            "[[issuer]]\nname = \"staff\"\nissuer = \"{ISSUER}\"\nprofile = \"cis2\"\naudience = \"{AUDIENCE}\"\n\
             algorithms = [\"ES256\", \"RS256\"]\njwks_url = \"{keys}\"\nallow_http = true\n\n"
        )
    }
}

pub const ISSUER: &str = "https://identity.example";

fn part(value: &Value) -> String {
    BASE64URL_NOPAD.encode(value.to_string().as_bytes())
}

fn claims(n: usize) -> Value {
    let now = Timestamp::now().seconds();
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + 36_000, "jti": format!("token-{n}"),
        "scope": "user/*.rs", "sub": "555021400101", "client_id": "bench", "acr": "AAL3_ANY", "id_assurance_level": "3",
        "name": "Dr A Fielding (synthetic)", "nhsid_useruid": "555021400101", "selected_roleid": "5550214001010260",
        "nhsid_nrbac_roles": [{
            "org_code": PRACTICE, "person_orgid": "9555021400101", "person_roleid": "5550214001010260",
            "role_code": "S8000:G8000:R0260", "role_name": "General Medical Practitioner",
            "activity_codes": ["B0380", "B0401", "B0028"],
        }],
        "extensions": {"ihe_iua": {"purpose_of_use": [
            {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "TREAT"}
        ]}},
    })
}
