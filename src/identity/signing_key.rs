use super::{Algorithm, jwk::is_key_id, strict_json};
use aws_lc_rs::{
    digest,
    rand::SystemRandom,
    rsa::{KeyPairComponents, PublicKeyComponents},
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair,
        RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaEncoding, RsaKeyPair,
    },
};
use data_encoding::BASE64URL_NOPAD;
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use serde_json::{Map, Value, json};
use std::fmt;

/// A private key with which the gateway says who it is, or what it knows of a requester: a signed JWT that others verify
/// by its public half.
pub struct SigningKey {
    pair: Pair,
    algorithm: Algorithm,
    kid: String,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair, &'static str),
}

const CURVES: [(&str, &EcdsaSigningAlgorithm, Algorithm); 2] = [
    ("P-384", &ECDSA_P384_SHA384_FIXED_SIGNING, Algorithm::Es384),
    ("P-256", &ECDSA_P256_SHA256_FIXED_SIGNING, Algorithm::Es256),
];

const RSA_BITS_MIN: usize = 2048;

impl SigningKey {
    /// Reads a private key: RSA of 2048 bits or more, P-256 or P-384; PEM (PKCS #8, SEC 1, PKCS #1) or a JWK.
    ///
    /// Without `algorithm` it is ES384, ES256 or RS384, as the key is. Without `kid` it is the JWK's own, else the key's
    /// thumbprint (<https://www.rfc-editor.org/rfc/rfc7638>). The error says what is wrong and nothing of the key.
    pub fn read(text: &str, algorithm: Option<Algorithm>, kid: Option<&str>) -> Result<Self, String> {
        let (pair, named) = if text.trim_start().starts_with('{') {
            let jwk = strict_json::object(text.as_bytes()).map_err(|_| "the key is no JSON object".to_owned())?;
            let named = jwk.get("kid").and_then(Value::as_str).map(str::to_owned);
            (
                Pair::of_jwk(&jwk)
                    .ok_or("the JWK is no private key of a kind that can be used: RSA, P-256 or P-384")?,
                named,
            )
        } else {
            let der = PrivateKeyDer::from_pem_slice(text.as_bytes())
                .map_err(|_| "the key is neither a private key in PEM nor a JWK".to_owned())?;
            (Pair::of_der(&der).ok_or("the key is of a kind that cannot be used: RSA, P-256 or P-384")?, None)
        };
        let algorithm = match algorithm {
            Some(chosen) if !pair.fits(chosen) => return Err("the algorithm does not fit the key".to_owned()),
            Some(chosen) => chosen,
            None => pair.usual(),
        };
        if matches!(&pair, Pair::Rsa(rsa) if rsa.public_modulus_len() * 8 < RSA_BITS_MIN) {
            return Err("an RSA key of fewer than 2048 bits".to_owned());
        }
        let kid = match kid.map(str::to_owned).or(named) {
            Some(kid) if is_key_id(&kid) => kid,
            Some(_) => return Err("kid is 1 to 128 letters, digits and ._~:+/=-".to_owned()),
            None => pair.thumbprint(),
        };
        Ok(Self { pair, algorithm, kid })
    }

    pub fn key_id(&self) -> &str {
        &self.kid
    }

    /// Its public half, as others find it in a JWK set. <https://www.rfc-editor.org/rfc/rfc7517>
    pub fn public_jwk(&self) -> Value {
        let mut jwk = self.pair.public();
        jwk.extend([
            ("kid".to_owned(), self.kid.as_str().into()),
            ("use".to_owned(), "sig".into()),
            ("alg".to_owned(), self.algorithm.name().into()),
        ]);
        Value::Object(jwk)
    }

    /// A JWT of these claims; `None` if the machine has no randomness to sign with.
    pub fn sign(&self, typ: &str, claims: &Value) -> Option<String> {
        let header = json!({ "alg": self.algorithm.name(), "typ": typ, "kid": self.kid });
        let encode = |part: &Value| BASE64URL_NOPAD.encode(part.to_string().as_bytes());
        let signed = format!("{}.{}", encode(&header), encode(claims));
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let padding: &'static dyn RsaEncoding = match self.algorithm {
                    Algorithm::Rs512 => &RSA_PKCS1_SHA512,
                    Algorithm::Rs256 => &RSA_PKCS1_SHA256,
                    _ => &RSA_PKCS1_SHA384,
                };
                let mut room = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, signed.as_bytes(), &mut room).ok()?;
                room
            }
            Pair::Ec(pair, _) => pair.sign(&random, signed.as_bytes()).ok()?.as_ref().to_vec(),
        };
        Some(format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature)))
    }
}

impl PartialEq for SigningKey {
    fn eq(&self, other: &Self) -> bool {
        self.public_jwk() == other.public_jwk()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.kid).field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

impl Pair {
    fn of_der(der: &PrivateKeyDer<'_>) -> Option<Self> {
        let bytes = der.secret_der();
        let rsa = RsaKeyPair::from_pkcs8(bytes).or_else(|_| RsaKeyPair::from_der(bytes)).ok().map(Self::Rsa);
        rsa.or_else(|| {
            CURVES.iter().find_map(|(curve, signing, _)| {
                Some(Self::Ec(EcdsaKeyPair::from_private_key_der(signing, bytes).ok()?, curve))
            })
        })
    }

    fn of_jwk(jwk: &Map<String, Value>) -> Option<Self> {
        let text = |member: &str| jwk.get(member).and_then(Value::as_str);
        let bytes = |member: &str| BASE64URL_NOPAD.decode(text(member)?.as_bytes()).ok();
        match text("kty")? {
            "RSA" => {
                let components = KeyPairComponents {
                    public_key: PublicKeyComponents { n: bytes("n")?, e: bytes("e")? },
                    d: bytes("d")?,
                    p: bytes("p")?,
                    q: bytes("q")?,
                    dP: bytes("dp")?,
                    dQ: bytes("dq")?,
                    qInv: bytes("qi")?,
                };
                RsaKeyPair::from_components(&components).ok().map(Self::Rsa)
            }
            "EC" => {
                let (curve, signing, _) = CURVES.iter().find(|(curve, ..)| Some(*curve) == text("crv"))?;
                // an uncompressed point (SEC 1 §2.3.3)
                let point = [vec![4], bytes("x")?, bytes("y")?].concat();
                EcdsaKeyPair::from_private_key_and_public_key(signing, &bytes("d")?, &point)
                    .ok()
                    .map(|pair| Self::Ec(pair, curve))
            }
            _ => None,
        }
    }

    fn usual(&self) -> Algorithm {
        match self {
            Self::Ec(_, "P-256") => Algorithm::Es256,
            Self::Ec(..) => Algorithm::Es384,
            Self::Rsa(_) => Algorithm::Rs384,
        }
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        match self {
            Self::Ec(..) => algorithm == self.usual(),
            Self::Rsa(_) => matches!(algorithm, Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Rs512),
        }
    }

    /// The members that make the key what it is.
    fn public(&self) -> Map<String, Value> {
        let text = |bytes: &[u8]| Value::from(BASE64URL_NOPAD.encode(bytes));
        let members = match self {
            Self::Rsa(pair) => {
                let public = pair.public_key();
                vec![
                    ("e", text(public.exponent().big_endian_without_leading_zero())),
                    ("kty", "RSA".into()),
                    ("n", text(public.modulus().big_endian_without_leading_zero())),
                ]
            }
            Self::Ec(pair, curve) => {
                let point = pair.public_key().as_ref().get(1..).unwrap_or_default();
                let (x, y) = point.split_at(point.len() / 2);
                vec![("crv", (*curve).into()), ("kty", "EC".into()), ("x", text(x)), ("y", text(y))]
            }
        };
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Over the members in the order of their names, which is how a JSON map is written.
    fn thumbprint(&self) -> String {
        let members = Value::Object(self.public()).to_string();
        BASE64URL_NOPAD.encode(digest::digest(&digest::SHA256, members.as_bytes()).as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::jwk;
    use aws_lc_rs::encoding::{AsBigEndian, AsDer, EcPrivateKeyBin, EcPrivateKeyRfc5915Der, Pkcs8V1Der};
    use aws_lc_rs::rsa::KeySize;
    use data_encoding::BASE64;

    fn pem(label: &str, der: &[u8]) -> String {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64.encode(der))
    }

    fn p384() -> EcdsaKeyPair {
        EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap()
    }

    /// Whether the verifier of issuers' tokens takes what this key signs.
    fn verifies(key: &SigningKey) {
        let token = key.sign("JWT", &json!({"sub": "me"})).unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let set = json!({ "keys": [key.public_jwk()] });
        let keys = jwk::read_set(set.as_object().unwrap()).unwrap();
        let (kid, public) = keys.iter().next().expect("a public key that may be used");
        assert_eq!(kid, &key.kid);
        public.verify(key.algorithm, signed, signature).expect("it verifies");
        assert!(public.verify(key.algorithm, &format!("{signed}x"), signature).is_err());
    }

    #[test]
    fn what_a_key_signs_is_verified_by_its_published_half_however_the_key_is_written() {
        let ec = p384();
        let sec1 = AsDer::<EcPrivateKeyRfc5915Der<'_>>::as_der(&ec.private_key()).unwrap();
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let rsa = AsDer::<Pkcs8V1Der<'_>>::as_der(&rsa).unwrap();
        let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let d: EcPrivateKeyBin<'_> = ec.private_key().as_be_bytes().unwrap();
        let mut jwk = Value::Object(Pair::Ec(p384(), "P-384").public());
        jwk["d"] = BASE64URL_NOPAD.encode(d.as_ref()).into();
        let of_another = SigningKey::read(&jwk.to_string(), None, None);
        assert!(of_another.is_err(), "the halves of two keys");
        jwk = Value::Object(Pair::of_der(&PrivateKeyDer::Sec1(sec1.as_ref().to_vec().into())).unwrap().public());
        jwk["d"] = BASE64URL_NOPAD.encode(d.as_ref()).into();
        for (text, algorithm) in [
            (pem("PRIVATE KEY", ec.to_pkcs8v1().unwrap().as_ref()), Algorithm::Es384),
            (pem("EC PRIVATE KEY", sec1.as_ref()), Algorithm::Es384),
            (jwk.to_string(), Algorithm::Es384),
            (pem("PRIVATE KEY", p256.to_pkcs8v1().unwrap().as_ref()), Algorithm::Es256),
            (pem("PRIVATE KEY", rsa.as_ref()), Algorithm::Rs384),
        ] {
            let key = SigningKey::read(&text, None, None).unwrap();
            assert_eq!(key.algorithm, algorithm);
            verifies(&key);
        }
        let text = pem("PRIVATE KEY", rsa.as_ref());
        for algorithm in [Algorithm::Rs256, Algorithm::Rs512] {
            verifies(&SigningKey::read(&text, Some(algorithm), Some("k-1")).unwrap());
        }
        assert!(SigningKey::read(&text, Some(Algorithm::Es384), None).is_err());
        assert!(SigningKey::read(&text, None, Some("a b")).is_err());
    }

    #[test]
    fn a_kid_is_the_thumbprint_of_the_key_where_none_is_given() {
        let key = pem("PRIVATE KEY", p384().to_pkcs8v1().unwrap().as_ref());
        let key = SigningKey::read(&key, None, None).unwrap();
        let public: jsonwebtoken::jwk::Jwk = serde_json::from_value(key.public_jwk()).unwrap();
        assert_eq!(public.thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256).unwrap(), key.kid);
    }

    #[test]
    fn what_is_no_private_key_of_a_kind_that_can_be_used_is_told_and_nothing_of_it_is() {
        let canary = "canary-9f3b";
        for bad in [
            canary.to_owned(),
            format!("{{\"kty\":\"oct\",\"k\":\"{canary}\"}}"),
            format!("{{\"kty\":\"EC\",\"crv\":\"P-384\",\"d\":\"{canary}\"}}"),
            format!("{{{canary}"),
            pem("PRIVATE KEY", canary.as_bytes()),
            pem("PUBLIC KEY", p384().public_key().as_ref()),
            pem("CERTIFICATE", b"no"),
        ] {
            let said = SigningKey::read(&bad, None, None).unwrap_err();
            assert!(!said.contains(canary), "{said}");
        }
        let key = SigningKey::read(&pem("PRIVATE KEY", p384().to_pkcs8v1().unwrap().as_ref()), None, None).unwrap();
        assert_eq!(format!("{key:?}"), format!("SigningKey {{ kid: {:?}, algorithm: Es384, .. }}", key.kid));
    }
}
