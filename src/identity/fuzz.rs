//! Targets for a fuzzer (CONTRIBUTING.md, "Fuzzing"): what anybody on the network may send as a token.

use super::{
    IdentityError, Reason, bearer,
    token::{LENGTH_MAX, Sort, Unverified},
};
use crate::fhir::fuzz::{Dice, Tree};
use data_encoding::BASE64URL_NOPAD;

const HEADER: [(&str, &str); 7] = [
    ("alg", "RS256"),
    ("kid", "key-1"),
    ("typ", "at+jwt"),
    ("jku", "https://evil.example/keys"),
    ("crit", "exp"),
    ("b64", "false"),
    ("Alg", "none"),
];
const VALUES: [&str; 6] = ["none", "HS256", "ES384", "../../key", "", "JWT"];

fn header(dice: &mut Dice<'_>) -> String {
    let mut members = Vec::new();
    for (at, (name, value)) in HEADER.iter().enumerate() {
        let there = if at < 3 { !dice.one_in(16) } else { dice.one_in(32) };
        if there {
            let value = if dice.one_in(8) { dice.pick(&VALUES) } else { value };
            let value = if dice.one_in(16) { dice.value() } else { dice.text(value) };
            members.push(dice.member(name, &value));
        }
    }
    dice.object(members)
}

fn payload(dice: &mut Dice<'_>) -> String {
    let mut members = Vec::new();
    for name in ["iss", "sub", "aud", "exp"] {
        let value = if dice.one_in(16) { dice.value() } else { dice.text("https://issuer.example") };
        members.push(dice.member(name, &value));
    }
    dice.object(members)
}

/// What passes is three parts, each in its one spelling; its header is the three members an access token needs and no more,
/// as another reader reads them too; its algorithm is no `none` and no shared secret.
fn read(token: &str) {
    let Ok(unverified) = Unverified::read(token, Sort::Access) else { return };
    assert!(token.len() <= LENGTH_MAX && token.is_ascii());
    let parts: Vec<_> = token.split('.').collect();
    assert_eq!(parts.len(), 3);
    let decoded = parts.iter().map(|part| BASE64URL_NOPAD.decode(part.as_bytes()).unwrap());
    let decoded: Vec<_> = decoded.collect();
    assert_eq!(decoded.iter().map(|part| BASE64URL_NOPAD.encode(part)).collect::<Vec<_>>(), parts);
    let tree = |part: &[u8]| Tree::read(std::str::from_utf8(part).unwrap().trim()).unwrap();
    let (header, payload) = (tree(&decoded[0]), tree(&decoded[1]));
    let mut names: Vec<_> = header.members().iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["alg", "kid", "typ"]);
    assert!(["RS256", "RS384", "RS512", "ES256", "ES384"].contains(&header.text("alg").unwrap()));
    assert_eq!(header.text("kid"), Some(unverified.key_id()));
    match unverified.issuer() {
        Ok(issuer) => assert_eq!(payload.text("iss"), Some(issuer)),
        Err(reason) => assert_eq!(reason, Reason::Claim),
    }
}

#[test]
fn a_token_is_read_in_one_way_or_not_at_all() {
    bolero::check!().with_iterations(20_000).for_each(|bytes: &[u8]| {
        let mut dice = Dice::new(bytes);
        let (header, payload) = (header(&mut dice), payload(&mut dice));
        let mut part = |text: String| {
            let text = dice.spoil(text.into_bytes());
            BASE64URL_NOPAD.encode(&text)
        };
        let token = [part(header), part(payload), part("signature".to_owned())].join(".");
        let token = dice.spoil(token.into_bytes());
        for token in [&token, bytes].into_iter().filter_map(|token| std::str::from_utf8(token).ok()) {
            read(token);
        }
    });
}

/// One header with one token gives that token; no token is ever taken from, or beside, a URL that names one.
#[test]
fn a_token_is_taken_from_one_header_alone() {
    bolero::check!().with_iterations(20_000).for_each(|bytes: &[u8]| {
        let mut dice = Dice::new(bytes);
        let headers: Vec<Vec<u8>> = (0..dice.below(3))
            .map(|_| {
                let scheme = dice.pick(&["Bearer ", "bearer  ", "BEARER ", "Basic ", "Bearer", ""]);
                let token = dice.pick(&["a.b.c", "a.b.c, d", "a.b.c Bearer d", "\u{e9}", ""]);
                dice.spoil(format!("{scheme}{token}").into_bytes())
            })
            .collect();
        let named = dice.one_in(4);
        let name = if named { "Access_Token" } else { "patient" };
        let mut query = name.to_owned();
        for _ in 0..dice.below(6) {
            query =
                query
                    .bytes()
                    .map(|byte| {
                        if dice.one_in(4) || byte == b'%' {
                            format!("%{byte:02x}")
                        } else {
                            char::from(byte).to_string()
                        }
                    })
                    .collect();
        }
        query = format!("{}{query}=x", dice.pick(&["", "_count=1&", "a;", "a%26"]));
        match bearer(headers.iter().map(Vec::as_slice), &query) {
            Ok(token) => {
                assert!(!named && headers.len() == 1 && !token.is_empty());
                assert!(headers[0].ends_with(token.as_bytes()) && !token.contains([' ', ',']));
            }
            Err(IdentityError::Missing) => assert!(headers.is_empty() && !named),
            Err(_) => {}
        }
    });
}
