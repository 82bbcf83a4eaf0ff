//! Takes the token from a request, by RFC 6750 §2.1 alone: one Authorization header, one token, never the URL, where
//! it would end in histories and logs. Knows no web framework.

use super::{IdentityError, Reason};
use url::form_urlencoded;

/// Finds the bearer token among the values of the request's Authorization headers.
///
/// # Errors
/// `Missing` where there is no such header; else `Refused`, also where `query` (the raw query string) names an
/// `access_token`, however it is spelt.
pub fn bearer<'a>(authorization: impl Iterator<Item = &'a [u8]>, query: &str) -> Result<&'a str, IdentityError> {
    let found = find(authorization, query);
    match found {
        Err(IdentityError::Missing) => super::verifier::count("none".into(), "missing"),
        Err(IdentityError::Refused { reason, .. }) => super::verifier::count("none".into(), reason.code()),
        _ => {}
    }
    found
}

fn find<'a>(mut authorization: impl Iterator<Item = &'a [u8]>, query: &str) -> Result<&'a str, IdentityError> {
    let refused = |reason| Err(IdentityError::Refused { reason, token: None });
    if query.split(['&', ';']).any(names_a_token) {
        return refused(Reason::InUrl);
    }
    let Some(value) = authorization.next() else { return Err(IdentityError::Missing) };
    if authorization.next().is_some() {
        return refused(Reason::ManyHeaders);
    }
    let Ok(value) = std::str::from_utf8(value) else { return refused(Reason::Malformed) };
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return refused(Reason::Scheme);
    }
    let token = token.trim_start_matches(' ');
    // RFC 6750's b64token: a comma, a space or a second token does not fit in it
    if token.is_empty() || !token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b)) {
        return refused(Reason::Malformed);
    }
    Ok(token)
}

/// A name is looked at under this many escapes. One under more hides something; and to decode it to its end, a pair of bytes a
/// time, would let anybody keep a core busy for seconds with one request.
const ESCAPES: usize = 8;

/// Decodes as often as it changes anything: something behind us might decode once more than we do.
fn names_a_token(pair: &str) -> bool {
    let mut name = pair.split('=').next().unwrap_or_default().to_owned();
    for _ in 0..ESCAPES {
        if name.to_ascii_lowercase().contains("access_token") {
            return true;
        }
        let decoded: String = form_urlencoded::parse(name.as_bytes()).flat_map(|(key, value)| [key, value]).collect();
        if decoded.len() >= name.len() {
            return false;
        }
        name = decoded;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(headers: &[&'static str], query: &str) -> Result<&'static str, IdentityError> {
        bearer(headers.iter().map(|h| h.as_bytes()), query)
    }

    fn refused(reason: Reason) -> Result<&'static str, IdentityError> {
        Err(IdentityError::Refused { reason, token: None })
    }

    #[test]
    fn one_header_with_one_token_gives_the_token() {
        for header in ["Bearer a.b-_c.d", "bearer a.b-_c.d", "BEARER   a.b-_c.d"] {
            assert_eq!(from(&[header], "patient=1&_count=2"), Ok("a.b-_c.d"), "{header}");
        }
    }

    #[test]
    fn no_header_is_missing_and_not_refused() {
        assert_eq!(from(&[], ""), Err(IdentityError::Missing));
    }

    #[test]
    fn two_authorization_headers_are_refused_even_if_they_are_the_same() {
        assert_eq!(from(&["Bearer a.b.c", "Bearer a.b.c"], ""), refused(Reason::ManyHeaders));
    }

    #[test]
    fn other_schemes_and_more_than_one_token_are_refused() {
        for header in ["Basic YTpi", "", "Bearer\ta.b.c", "BearerX a", "Token a.b.c", "DPoP a.b.c"] {
            assert_eq!(from(&[header], ""), refused(Reason::Scheme), "{header:?}");
        }
        for header in
            ["Bearer", "Bearer ", "Bearer a b", "Bearer a, Bearer b", "Bearer a.b.c ", "Bearer ä", "Bearer \"a\""]
        {
            assert_eq!(from(&[header], ""), refused(Reason::Malformed), "{header:?}");
        }
        assert_eq!(bearer([&b"Bearer \xff"[..]].into_iter(), ""), refused(Reason::Malformed));
    }

    /// Found by fuzzing: each escape was decoded by itself, and the whole name copied for it.
    #[test]
    fn a_name_under_many_escapes_is_refused_and_not_decoded_to_its_end() {
        for escapes in [9, 30_000] {
            let query = format!("%{}=x", "25".repeat(escapes));
            assert_eq!(from(&["Bearer a.b.c"], &query), refused(Reason::InUrl), "{escapes}");
        }
    }

    #[test]
    fn a_token_in_the_url_is_refused_however_its_name_is_spelt() {
        for query in [
            "access_token=x",
            "a=1&access_token=x",
            "a=1;access_token=x",
            "access%5Ftoken=x",
            "%61ccess_token=x",
            "ACCESS_TOKEN=x",
            "access_token",
            "%2561ccess_token=x",
            "access%255ftoken=x",
            "access_token%00=x",
            "x%26%2561ccess_token=x",
            "+access_token=x",
        ] {
            assert_eq!(from(&["Bearer a.b.c"], query), refused(Reason::InUrl), "{query}");
            assert_eq!(from(&[], query), refused(Reason::InUrl), "{query}");
        }
        assert_eq!(from(&["Bearer a.b.c"], &format!("%{}=x", "25".repeat(6))), Ok("a.b.c"));
        assert_eq!(from(&["Bearer a.b.c"], "code=http://x|access&_=%"), Ok("a.b.c"));
    }
}
