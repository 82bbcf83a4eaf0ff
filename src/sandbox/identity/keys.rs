use crate::sandbox::pem;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RsaKeyPair};
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header};

/// One RSA-2048 and one P-256 signing key, and the public half of them (and of those kept) as a JWKS.
/// A kid is the key's own thumbprint (RFC 7638), so it is new whenever the key is.
pub struct Keys {
    rsa: (Jwk, EncodingKey),
    ec: (Jwk, EncodingKey),
    public: JwkSet,
}

impl Keys {
    /// Takes up to a second of one core, spent off the server's own thread. `None` if a key cannot be made.
    pub async fn generate() -> Option<Self> {
        tokio::task::spawn_blocking(Self::generate_now).await.ok()?
    }

    fn generate_now() -> Option<Self> {
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).ok()?;
        let rsa = AsDer::<Pkcs8V1Der<'_>>::as_der(&rsa).ok()?;
        // jsonwebtoken signs with the PKCS#1 form, which its PEM reader takes out of the PKCS#8 one
        let pem = pem(rsa.as_ref());
        let rsa = published(EncodingKey::from_rsa_pem(pem.as_bytes()).ok()?, Algorithm::RS256)?;
        let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok()?.to_pkcs8v1().ok()?;
        let ec = published(EncodingKey::from_ec_der(ec.as_ref()), Algorithm::ES256)?;
        let public = JwkSet { keys: vec![rsa.0.clone(), ec.0.clone()] };
        Some(Self { rsa, ec, public })
    }

    pub fn public(&self) -> &JwkSet {
        &self.public
    }

    /// Goes on publishing the older keys, so that what they signed still verifies.
    pub fn keep(&mut self, older: &Keys) {
        self.public.keys.extend(older.public.keys.iter().cloned());
    }

    /// A token of this type (`at+jwt`: an access token, RFC 9068) and these claims, signed with RS256 or else ES256.
    pub fn sign(&self, algorithm: Algorithm, typ: &str, claims: &serde_json::Value) -> Option<String> {
        let (jwk, key) = if algorithm == Algorithm::RS256 { &self.rsa } else { &self.ec };
        let mut header = Header::new(algorithm);
        header.typ = Some(typ.to_owned());
        header.kid = jwk.common.key_id.clone();
        jsonwebtoken::encode(&header, claims, key).ok()
    }
}

fn published(key: EncodingKey, algorithm: Algorithm) -> Option<(Jwk, EncodingKey)> {
    let mut jwk = Jwk::from_encoding_key(&key, algorithm).ok()?;
    jwk.common.key_id = Some(jwk.thumbprint(ThumbprintHash::SHA256).ok()?);
    jwk.common.public_key_use = Some(PublicKeyUse::Signature);
    Some((jwk, key))
}
