use super::{Grant, TokenFault};
use std::{collections::BTreeMap, fmt};
use url::form_urlencoded;

/// What is asked at the token endpoint, taken from its form: each parameter once. Unknown ones are ignored, as RFC 6749 has
/// it, and what would mean another way of proving who the client is is refused. `Debug` shows none of what was brought.
pub struct TokenRequest {
    pub grant: Grant,
    pub(super) client_id: Option<String>,
    pub(super) assertion: String,
    pub(super) scope: String,
    pub(super) targets: Vec<String>,
    /// Of a token exchange.
    pub(super) subject: Option<Subject>,
}

/// A person's sign-in elsewhere.
pub(in super::super) struct Subject {
    pub id_token: String,
    /// The issuer's own access token of the same sign-in: opens its userinfo.
    pub access_token: Option<String>,
}

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
pub(super) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const PARAMETERS_MAX: usize = 50;

impl TokenRequest {
    /// The most bytes that a form may have: two signed tokens with room to spare.
    pub const BYTES_MAX: usize = 64 << 10;

    /// # Errors
    /// The first fault of the form; nothing is verified yet.
    pub fn read(form: &[u8]) -> Result<Self, TokenFault> {
        let mut form = Form::read(form)?;
        let grant = form.take("grant_type").ok_or(TokenFault::Request("grant_type is missing."))?;
        let grant = Grant::parse(&grant).ok_or(TokenFault::GrantType)?;
        if form.take("client_secret").is_some() {
            return Err(TokenFault::Request("A client proves who it is by client_assertion alone."));
        }
        if form.take("client_assertion_type").as_deref() != Some(JWT_BEARER) {
            return Err(TokenFault::Request(
                "client_assertion_type is urn:ietf:params:oauth:client-assertion-type:jwt-bearer.",
            ));
        }
        let assertion = form.take("client_assertion").ok_or(TokenFault::Request("client_assertion is missing."))?;
        let subject = if grant == Grant::TokenExchange { Some(Subject::read(&mut form)?) } else { None };
        Ok(Self {
            grant,
            client_id: form.take("client_id"),
            assertion,
            scope: form.take("scope").unwrap_or_default(),
            targets: ["resource", "audience"].into_iter().filter_map(|name| form.take(name)).collect(),
            subject,
        })
    }
}

impl Subject {
    /// <https://www.rfc-editor.org/rfc/rfc8693#section-2.1>
    fn read(form: &mut Form) -> Result<Self, TokenFault> {
        if form.take("actor_token").is_some() || form.take("actor_token_type").is_some() {
            return Err(TokenFault::Request("actor_token is not supported: who acts for whom is in the ID token."));
        }
        if form.take("requested_token_type").is_some_and(|kind| kind != ACCESS_TOKEN) {
            return Err(TokenFault::Request(
                "requested_token_type is urn:ietf:params:oauth:token-type:access_token, or left out.",
            ));
        }
        if form.take("subject_token_type").as_deref() != Some(ID_TOKEN) {
            return Err(TokenFault::Request("subject_token_type is urn:ietf:params:oauth:token-type:id_token."));
        }
        let id_token = form.take("subject_token").ok_or(TokenFault::Request("subject_token is missing."))?;
        let access_token = form.take("access_token");
        // RFC 6750's b64token: it goes into a header
        let sendable = |token: &String| {
            token.len() <= 8 << 10 && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b))
        };
        if !access_token.iter().all(sendable) {
            return Err(TokenFault::Request("access_token is no bearer token."));
        }
        Ok(Self { id_token, access_token })
    }
}

impl fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRequest").field("grant", &self.grant).finish_non_exhaustive()
    }
}

struct Form(BTreeMap<String, String>);

impl Form {
    fn read(form: &[u8]) -> Result<Self, TokenFault> {
        if form.len() > TokenRequest::BYTES_MAX {
            return Err(TokenFault::Request("The form is larger than 64 KiB."));
        }
        if !form.iter().all(u8::is_ascii_graphic) {
            return Err(TokenFault::Request("The form has bytes that must be percent-encoded."));
        }
        let mut read = BTreeMap::new();
        for (at, (name, value)) in form_urlencoded::parse(form).enumerate() {
            // a replacement character stands for what was no UTF-8
            if value.contains(|c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER) {
                return Err(TokenFault::Request("The form holds a control character, or is not UTF-8."));
            }
            if at >= PARAMETERS_MAX || read.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(TokenFault::Request("The form says a parameter twice, or has more than 50."));
            }
        }
        Ok(Self(read))
    }

    /// One without a value is one that was left out (RFC 6749 §3.2).
    fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "grant_type=client_credentials&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3A\
                        client-assertion-type%3Ajwt-bearer&client_assertion=a.b.c&scope=system%2F*.rs";

    fn fault(form: &str) -> Option<&'static str> {
        TokenRequest::read(form.as_bytes()).err().map(TokenFault::error)
    }

    #[test]
    fn a_form_says_each_thing_once_in_one_spelling() {
        assert_eq!(fault(GOOD), None);
        assert_eq!(fault(&format!("{GOOD}&unknown=1&client_id=")), None);
        for more in ["&scope=", "&%73cope=a", "&unknown=1&unknown=1", "&x=%00", "&x=%ff", "&x=a b", "&client_secret=s"]
        {
            assert_eq!(fault(&format!("{GOOD}{more}")), Some("invalid_request"), "{more}");
        }
        let many: String = (0..60).map(|n| format!("&p{n}=1")).collect();
        assert_eq!(fault(&format!("{GOOD}{many}")), Some("invalid_request"));
        assert_eq!(fault(&format!("{GOOD}&x={}", "x".repeat(64 << 10))), Some("invalid_request"));
        assert_eq!(fault(&GOOD.replace("client_credentials", "password")), Some("unsupported_grant_type"));
        assert_eq!(fault(&GOOD.replace("jwt-bearer", "saml2-bearer")), Some("invalid_request"));
        assert_eq!(fault(""), Some("invalid_request"));
    }

    #[test]
    fn nothing_that_was_brought_is_shown_where_a_request_is_logged() {
        let read = TokenRequest::read(GOOD.replace("a.b.c", "canary").as_bytes()).unwrap();
        let shown = format!("{read:?}");
        assert!(shown.contains("ClientCredentials") && !shown.contains("canary"), "{shown}");
    }

    #[test]
    fn an_exchange_is_of_an_id_token_for_an_access_token_and_nobody_acts() {
        let good = GOOD.replace("client_credentials", "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange")
            + "&subject_token=a.b.c&subject_token_type=urn:ietf:params:oauth:token-type:id_token";
        assert_eq!(fault(&good), None);
        for more in [
            "&actor_token=a.b.c",
            "&actor_token_type=urn:ietf:params:oauth:token-type:id_token",
            "&requested_token_type=urn:ietf:params:oauth:token-type:refresh_token",
            "&access_token=a%0Ab",
            "&access_token=a%20b",
        ] {
            assert_eq!(fault(&format!("{good}{more}")), Some("invalid_request"), "{more}");
        }
        for kind in ["access_token", "jwt", "refresh_token", "saml2"] {
            assert_eq!(
                fault(&good.replace("type:id_token", &format!("type:{kind}"))),
                Some("invalid_request"),
                "{kind}"
            );
        }
    }
}
