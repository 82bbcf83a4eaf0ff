//! A public key as an issuer publishes it (RFC 7517), admitted only if it can do nothing but verify: RSA of 2048 bits
//! or more, or EC on P-256 or P-384. Any other key in the set is as if it were not there.

use super::{Algorithm, Reason};
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{DecodingKey, crypto};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::HashMap;

const KEY_ID_MAX: usize = 128;
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The members only a private or a shared key has. One that was published is anybody's.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

pub(super) struct Key {
    kind: Kind,
    /// The one algorithm the issuer uses this key with, where it says so.
    algorithm: Option<Algorithm>,
    public: Vec<u8>,
    verifying: DecodingKey,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rsa,
    P256,
    P384,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// The usable keys of a set by their `kid`; `None` if it is no JWK set. Of two keys with one `kid` neither is usable:
/// which of them signed would be a guess.
pub(super) fn read_set(document: &Map<String, Value>) -> Option<HashMap<String, Key>> {
    let mut keys: HashMap<String, Option<Key>> = HashMap::new();
    for entry in document.get("keys")?.as_array()? {
        let Some(kid) = entry.get("kid").and_then(Value::as_str).filter(|kid| is_key_id(kid)) else { continue };
        let key = if keys.contains_key(kid) { None } else { Key::read(entry) };
        keys.insert(kid.to_owned(), key);
    }
    Some(keys.into_iter().filter_map(|(kid, key)| key.map(|k| (kid, k))).collect())
}

/// What is wrong with the first of a client's keys that may not be registered: its place in the list, and why in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyFault {
    pub at: usize,
    pub why: &'static str,
}

/// The members of a public key, and of it alone.
const PUBLIC: [&str; 11] = ["kty", "use", "key_ops", "alg", "kid", "crv", "x", "y", "n", "e", "x5t#S256"];

/// Whether each of these is a public key that a client's assertions may be signed with here. Read as strictly as those of a set
/// that is fetched, and told why not: whoever registers a key should not wonder why it never works.
pub fn vet_keys(keys: &[Value]) -> Result<(), KeyFault> {
    for (at, entry) in keys.iter().enumerate() {
        vet(entry, keys.get(..at).unwrap_or_default()).map_err(|why| KeyFault { at, why })?;
    }
    Ok(())
}

fn vet(entry: &Value, earlier: &[Value]) -> Result<(), &'static str> {
    let members = entry.as_object().ok_or("expected a JWK, which is a JSON object")?;
    if PRIVATE.iter().any(|member| members.contains_key(*member)) {
        return Err(
            "holds a member of a private or shared key: whoever reads this could use it by now, so make a new pair of keys and \
                    send the public one alone",
        );
    }
    if members.keys().any(|name| !PUBLIC.contains(&name.as_str())) {
        return Err("holds a member that no public key needs here: kty, kid, use, key_ops, alg and n, e or crv, x, y");
    }
    let kid = members.get("kid").and_then(Value::as_str).filter(|kid| is_key_id(kid));
    let kid = kid.ok_or("needs a kid of 1 to 128 letters, digits and ._~:+/=-")?;
    if earlier.iter().any(|other| other.get("kid").and_then(Value::as_str) == Some(kid)) {
        return Err("has the kid of another: which of them signed would be a guess");
    }
    let unusable = "is no key that is taken here: RSA of 2048 to 8192 bits or P-384, for signatures (use sig), of RS384, RS512 or ES384";
    let key = Key::read(entry).ok_or(unusable)?;
    let fits = |algorithm| matches!(algorithm, Algorithm::Rs384 | Algorithm::Rs512 | Algorithm::Es384);
    if key.kind == Kind::P256 || !key.algorithm.is_none_or(fits) { Err(unusable) } else { Ok(()) }
}

/// A `kid` is compared and nothing else: never a path, a query or a URL. The bounds keep it out of trouble anyway.
pub(super) fn is_key_id(kid: &str) -> bool {
    (1..=KEY_ID_MAX).contains(&kid.len()) && kid.bytes().all(|b| b.is_ascii_alphanumeric() || b"._~:+/=-".contains(&b))
}

impl Key {
    fn read(entry: &Value) -> Option<Self> {
        if PRIVATE.iter().any(|member| entry.get(member).is_some()) {
            return None;
        }
        let jwk = Jwk::deserialize(entry).ok()?;
        let signs = jwk.usage.as_deref().is_none_or(|u| u == "sig");
        let verifies = jwk.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        if !signs || !verifies {
            return None;
        }
        let algorithm = match &jwk.alg {
            Some(name) => Some(Algorithm::parse(name)?),
            None => None,
        };
        match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => Self::rsa(&jwk, algorithm),
            ("EC", Some("P-256")) => Self::ec(&jwk, algorithm, Kind::P256, 32),
            ("EC", Some("P-384")) => Self::ec(&jwk, algorithm, Kind::P384, 48),
            _ => None,
        }
    }

    fn rsa(jwk: &Jwk, algorithm: Option<Algorithm>) -> Option<Self> {
        let n = number(jwk.n.as_deref()?)?;
        let e = number(jwk.e.as_deref()?)?;
        let bits = n.len() * 8 - usize::try_from(n.first()?.leading_zeros()).ok()?;
        let odd = |number: &[u8]| number.last().is_some_and(|b| b % 2 == 1);
        // an exponent of 1 would make every message its own signature
        let exponent_good = e.len() <= 4 && odd(&e) && e != [1];
        if !RSA_BITS.contains(&bits) || !odd(&n) || !exponent_good {
            return None;
        }
        let verifying = DecodingKey::from_rsa_raw_components(&n, &e);
        Some(Self { kind: Kind::Rsa, algorithm, public: [n, e].concat(), verifying })
    }

    fn ec(jwk: &Jwk, algorithm: Option<Algorithm>, kind: Kind, size: usize) -> Option<Self> {
        let (x, y) = (jwk.x.as_deref()?, jwk.y.as_deref()?);
        let public = [decode(x)?, decode(y)?];
        if public.iter().any(|coordinate| coordinate.len() != size) {
            return None;
        }
        let verifying = DecodingKey::from_ec_components(x, y).ok()?;
        Some(Self { kind, algorithm, public: public.concat(), verifying })
    }

    /// Whether this is the same key, said the same way.
    pub fn same(&self, other: &Self) -> bool {
        self.kind == other.kind && self.algorithm == other.algorithm && self.public == other.public
    }

    /// Verifies `signature` (base64url) over `signed`. The algorithm must fit the key's type and, where the issuer
    /// fixed one for the key, be that one.
    pub fn verify(&self, algorithm: Algorithm, signed: &str, signature: &str) -> Result<(), Reason> {
        let fits = match algorithm {
            Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Rs512 => self.kind == Kind::Rsa,
            Algorithm::Es256 => self.kind == Kind::P256,
            Algorithm::Es384 => self.kind == Kind::P384,
        };
        if !fits || self.algorithm.is_some_and(|fixed| fixed != algorithm) {
            return Err(Reason::Key);
        }
        match crypto::verify(signature, signed.as_bytes(), &self.verifying, algorithm.into()) {
            Ok(true) => Ok(()),
            _ => Err(Reason::Signature),
        }
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(text.as_bytes()).ok()
}

/// A Base64urlUInt; some issuers write the sign's zero byte in front, though RFC 7518 §2 forbids it.
fn number(text: &str) -> Option<Vec<u8>> {
    let mut bytes = decode(text)?;
    let zeros = bytes.iter().take_while(|b| **b == 0).count();
    bytes.drain(..zeros);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::testing::Signer;
    use super::*;
    use serde_json::json;

    fn kids(keys: Value) -> Vec<String> {
        let document = json!({ "keys": keys });
        let mut kids: Vec<_> = read_set(document.as_object().unwrap()).unwrap().into_keys().collect();
        kids.sort();
        kids
    }

    fn with(jwk: Value, member: &str, value: Value) -> Value {
        let mut jwk = jwk;
        jwk[member] = value;
        jwk
    }

    #[test]
    fn rsa_and_the_two_curves_are_usable() {
        let keys = json!([Signer::rs256("a").jwk(), Signer::es256("b").jwk(), Signer::es384("c").jwk()]);
        assert_eq!(kids(keys), ["a", "b", "c"]);
    }

    #[test]
    fn a_key_that_is_not_only_for_verifying_is_as_if_it_were_not_there() {
        let (rsa, ec) = (Signer::rs256("a").jwk(), Signer::es256("a").jwk());
        let short = data_encoding::BASE64URL_NOPAD.encode(&[0xff; 128]);
        for bad in [
            with(rsa.clone(), "use", json!("enc")),
            with(rsa.clone(), "key_ops", json!(["encrypt"])),
            with(rsa.clone(), "d", json!("AQAB")),
            with(ec.clone(), "d", json!("AQAB")),
            with(rsa.clone(), "k", json!("AQAB")),
            with(rsa.clone(), "alg", json!("PS256")),
            with(rsa.clone(), "alg", json!("HS256")),
            with(rsa.clone(), "n", json!(short)),
            with(rsa.clone(), "e", json!("AQ")),
            with(rsa.clone(), "e", json!("AAAB")),
            with(rsa.clone(), "kty", json!("oct")),
            with(rsa.clone(), "kid", json!("")),
            with(rsa.clone(), "kid", json!("a b")),
            with(rsa, "kid", Value::Null),
            with(ec.clone(), "crv", json!("P-521")),
            with(ec.clone(), "crv", json!("P-384")),
            with(ec.clone(), "crv", json!("secp256k1")),
            with(ec.clone(), "kty", json!("OKP")),
            with(ec, "x", json!("AQAB")),
        ] {
            assert_eq!(kids(json!([bad])), Vec::<String>::new(), "{bad}");
        }
    }

    #[test]
    fn of_two_keys_with_one_id_neither_is_usable() {
        let (one, two) = (Signer::rs256("a").jwk(), Signer::es256("a").jwk());
        assert_eq!(kids(json!([one, two, Signer::es256("b").jwk(), one])), ["b"]);
    }

    #[test]
    fn a_key_that_is_registered_is_public_whole_and_one_that_a_client_signs_with() {
        let (rsa, ec) = (Signer::rs256("a").jwk(), Signer::es384("b").jwk());
        let rsa = with(rsa, "alg", json!("RS384"));
        assert_eq!(vet_keys(&[rsa.clone(), ec.clone()]), Ok(()));
        let short = data_encoding::BASE64URL_NOPAD.encode(&[0xff; 128]);
        for (bad, why) in [
            (with(rsa.clone(), "d", json!("AQAB")), "private or shared"),
            (json!({"kty": "oct", "kid": "c", "k": "AQAB"}), "private or shared"),
            (json!({"kty": "oct", "kid": "c"}), "no key that is taken"),
            (with(rsa.clone(), "n", json!(short)), "no key that is taken"),
            (with(rsa.clone(), "alg", json!("RS256")), "no key that is taken"),
            (with(rsa.clone(), "use", json!("enc")), "no key that is taken"),
            (with(rsa.clone(), "kid", json!("a b")), "needs a kid"),
            (with(rsa.clone(), "client_secret", json!("x")), "no public key needs"),
            (with(rsa.clone(), "kid", json!("b")), "the kid of another"),
            (Signer::es256("c").jwk(), "no key that is taken"),
            (json!("a"), "a JSON object"),
        ] {
            let fault = vet_keys(&[ec.clone(), bad.clone()]).unwrap_err();
            assert!(fault.at == 1 && fault.why.contains(why), "{bad}: {fault:?}");
        }
    }

    #[test]
    fn what_is_no_key_set_is_told_from_an_empty_one() {
        for bad in [json!({}), json!({ "keys": {} }), json!({ "keys": null })] {
            assert!(read_set(bad.as_object().unwrap()).is_none(), "{bad}");
        }
        assert_eq!(kids(json!([])), Vec::<String>::new());
        assert_eq!(kids(json!([1, "a", null, {}])), Vec::<String>::new());
    }
}
