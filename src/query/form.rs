//! `application/x-www-form-urlencoded`, strictly: what two readers could read in two ways is refused, so that nothing in
//! front of the gateway sees another query than the gateway does.

use super::fault::QueryFault;
use crate::fhir::outcome::IssueCode::{Structure, TooCostly, TooLong};

const MAX_BYTES: usize = 8 * 1024;
const MAX_PAIRS: usize = 100;

pub struct Pair {
    pub name: String,
    pub value: String,
    /// Whether it came in a body rather than in the URL.
    pub body: bool,
}

/// The parameters of a request, in the URL's order and then the body's.
pub fn pairs(query: &str, body: &[u8]) -> Result<Vec<Pair>, QueryFault> {
    let mut pairs = Vec::new();
    for (text, body) in [(query.as_bytes(), false), (body, true)] {
        if text.len() > MAX_BYTES {
            return Err(QueryFault::bad(TooLong, "a query may have 8192 bytes"));
        }
        for pair in text.split(|b| *b == b'&').filter(|p| !p.is_empty()) {
            if pairs.len() == MAX_PAIRS {
                return Err(QueryFault::bad(TooCostly, "a query may have 100 parameters"));
            }
            let equals = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
            let (name, value) = pair.split_at_checked(equals).unwrap_or((pair, b""));
            pairs.push(Pair { name: decode(name)?, value: decode(value.get(1..).unwrap_or_default())?, body });
        }
    }
    Ok(pairs)
}

fn decode(text: &[u8]) -> Result<String, QueryFault> {
    let fault = |what| QueryFault::bad(Structure, format!("the query {what}"));
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => rest
                .next()
                .zip(rest.next())
                .and_then(hex)
                .ok_or_else(|| fault("has a % without two hexadecimal digits"))?,
            b'!'..=b'~' => *byte,
            _ => return Err(fault("has bytes that must be percent-encoded")),
        });
    }
    let text = String::from_utf8(bytes).map_err(|_| fault("is not UTF-8 once decoded"))?;
    if text.contains(char::is_control) {
        return Err(fault("holds a control character"));
    }
    Ok(text)
}

fn hex((high, low): (&u8, &u8)) -> Option<u8> {
    let digit = |b: &u8| char::from(*b).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// The canonical spelling of a value: all but unreserved characters and `:/,` as percent escapes.
pub fn encode(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        push(&mut text, byte, byte.is_ascii_alphanumeric() || b"-._~:/,".contains(&byte));
    }
    text
}

/// A path's segment as it came, escapes and all; only what a URL could not have held is escaped now.
pub fn segment(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    for byte in raw.bytes() {
        push(&mut text, byte, byte.is_ascii_graphic() && !b"/?#".contains(&byte));
    }
    text
}

fn push(text: &mut String, byte: u8, itself: bool) {
    if itself {
        text.push(char::from(byte));
    } else {
        text.push_str(&format!("%{byte:02X}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn two_readings_of_one_query_are_refused() {
        for query in [
            "a=%",
            "a=%4",
            "a=%g0",
            "a=% 1",
            "a=%00",
            "a=%0A",
            "a=%0d",
            "a=%7f",
            "a=%C2%80",
            "a=%ff",
            "a=%C0%80",
            "a=%ED%A0%80",
            "a=é",
            "a=\n",
            "a=\u{0}",
            "%00=a",
            "a b=c",
        ] {
            let fault = pairs(query, b"").map(|_| ()).unwrap_err();
            assert_eq!((fault.status, fault.code), (400, Structure), "{query:?}");
        }
    }

    #[test]
    fn a_pair_is_split_at_its_first_equals_sign_and_only_ampersands_part_pairs() {
        let read: Vec<_> =
            pairs("a=b=c&&d&e=f;g=h+i&=j", b"k=%2541").unwrap().into_iter().map(|p| (p.name, p.value)).collect();
        let expected = [("a", "b=c"), ("d", ""), ("e", "f;g=h i"), ("", "j"), ("k", "%41")];
        assert_eq!(read, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
    }

    #[test]
    fn a_hundred_parameters_and_eight_kibibytes_are_enough() {
        assert_eq!(pairs(&"a=b&".repeat(100), b"").map(|p| p.len()), Ok(100));
        assert_eq!(pairs(&"a=b&".repeat(100), b"c=d").map(|_| ()).unwrap_err().code, TooCostly);
        assert_eq!(pairs(&"a".repeat(8193), b"").map(|_| ()).unwrap_err().code, TooLong);
        assert_eq!(pairs("", "a".repeat(8193).as_bytes()).map(|_| ()).unwrap_err().code, TooLong);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded_as_it_was(text in "\\PC{0,30}") {
            prop_assert_eq!(decode(encode(&text).as_bytes()), Ok(text));
        }
    }
}
