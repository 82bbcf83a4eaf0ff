//! Two cookies: who is signed in, and, while somebody is away to sign in, what they are to bring back.

use super::Base;
use actix_web::http::header::{COOKIE, HeaderMap};

/// Which of them. With TLS the name itself says that it was set by this host alone, for all of it, over TLS
/// (<https://httpwg.org/http-extensions/draft-ietf-httpbis-rfc6265bis.html#name-the-__host-prefix>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cookie {
    Session,
    Ticket,
}

impl Cookie {
    fn name(self, base: &Base) -> &'static str {
        match (self, base.is_secure()) {
            (Self::Session, true) => "__Host-caregate-session",
            (Self::Session, false) => "caregate-session",
            (Self::Ticket, true) => "__Host-caregate-ticket",
            (Self::Ticket, false) => "caregate-ticket",
        }
    }

    /// Its value, if the browser sends one. Two of the name say two things: then none is believed.
    pub fn of<'a>(self, headers: &'a HeaderMap, base: &Base) -> Option<&'a str> {
        let name = self.name(base);
        // one of another host's that is no text takes none of ours with it
        let pairs = headers.get_all(COOKIE).flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
        let mut values = pairs.filter_map(|pair| {
            let (known, value) = std::str::from_utf8(pair).ok()?.trim().split_once('=')?;
            (known == name).then_some(value)
        });
        match (values.next(), values.next()) {
            (Some(value), None) => Some(value),
            _ => None,
        }
    }

    /// What has the browser keep it: until it is closed, or for so many seconds. No script reads it, no other site's form
    /// sends it.
    pub fn set(self, value: &str, seconds: Option<u64>, base: &Base) -> String {
        let secure = if base.is_secure() { "; Secure" } else { "" };
        let age = seconds.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
        format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}", self.name(base))
    }

    /// What has the browser forget it.
    pub fn forgotten(self, base: &Base) -> String {
        self.set("", Some(0), base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn sent(texts: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        texts.iter().for_each(|text| headers.append(COOKIE, HeaderValue::from_static(text)));
        headers
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name_and_not_where_there_are_two() {
        let (plain, secure) = (Base::new("http://127.0.0.1:1").unwrap(), Base::new("https://records.example").unwrap());
        let of = |texts: &[&'static str], base| Cookie::Session.of(&sent(texts), base).map(str::to_owned);
        assert_eq!(of(&["a=b; caregate-session=1; c=d"], &plain).as_deref(), Some("1"));
        assert_eq!(of(&["caregate-session=1", "caregate-session=2"], &plain), None);
        assert_eq!(of(&["caregate-session=1; caregate-session=1"], &plain), None);
        assert_eq!(of(&["xcaregate-session=1; caregate-sessionx=1"], &plain), None);
        // over TLS the one without the prefix could be anybody's
        assert_eq!(of(&["caregate-session=1"], &secure), None);
        assert_eq!(of(&["__Host-caregate-session=1"], &secure).as_deref(), Some("1"));
        assert_eq!(of(&[], &secure), None);
    }

    #[test]
    fn over_tls_a_cookie_is_this_hosts_alone() {
        let secure = Base::new("https://records.example/region").unwrap();
        assert_eq!(
            Cookie::Session.set("v", None, &secure),
            "__Host-caregate-session=v; Path=/; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(
            Cookie::Ticket.forgotten(&secure),
            "__Host-caregate-ticket=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0"
        );
    }
}
