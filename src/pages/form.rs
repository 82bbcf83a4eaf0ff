use crate::api;
use actix_web::{
    HttpRequest,
    http::header::{CONTENT_ENCODING, CONTENT_TYPE},
    web::Payload,
};
use std::{collections::BTreeMap, fmt, time::Duration};
use tokio::time::timeout;

/// The hidden field by which a form is known to be ours.
pub const TOKEN: &str = "form_token";
const KIND: &str = "application/x-www-form-urlencoded";
const BYTES_MAX: usize = 64 << 10;
const FIELDS_MAX: usize = 200;
const DEADLINE: Duration = Duration::from_secs(5);

/// What a person filled in, or what stands behind the question mark of an address: each field once. `Debug` shows none of it.
#[derive(Clone, Default)]
pub struct Fields(BTreeMap<String, String>);

/// Why a form is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormFault {
    Kind,
    TooLarge,
    Late,
    Malformed,
}

impl Fields {
    /// `None` where a field is there twice, there are too many, or one holds what no keyboard writes.
    pub fn read(text: &[u8]) -> Option<Self> {
        let mut read = BTreeMap::new();
        for (at, (name, value)) in url::form_urlencoded::parse(text).enumerate() {
            // browsers write a line's end as CR LF; a replacement character stands for what was no UTF-8
            let odd =
                |c: char| (c.is_control() && !matches!(c, '\r' | '\n' | '\t')) || c == char::REPLACEMENT_CHARACTER;
            if name.contains(odd) || value.contains(odd) || at >= FIELDS_MAX {
                return None;
            }
            if read.insert(name.into_owned(), value.into_owned()).is_some() {
                return None;
            }
        }
        Some(Self(read))
    }

    /// The form that comes with this request.
    pub async fn take(request: &HttpRequest, payload: Payload) -> Result<Self, FormFault> {
        let headers = request.headers();
        let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case(KIND) || headers.contains_key(CONTENT_ENCODING) {
            return Err(FormFault::Kind);
        }
        let body = timeout(DEADLINE, api::body(payload, BYTES_MAX)).await.map_err(|_| FormFault::Late)?;
        let body = body.map_err(|_| FormFault::TooLarge)?;
        Self::read(&body).ok_or(FormFault::Malformed)
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// What was written into it, without the space around; nothing where it is not there.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default().trim()
    }

    /// What a form is filled in with before anybody has typed.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), value.into());
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl FormFault {
    pub fn status(self) -> u16 {
        match self {
            Self::Kind => 415,
            Self::TooLarge => 413,
            Self::Late => 408,
            Self::Malformed => 400,
        }
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fields")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_says_each_thing_once() {
        let read = |text: &str| Fields::read(text.as_bytes());
        assert_eq!(read("a=1&b=two+words%0D%0A").unwrap().get("b"), Some("two words\r\n"));
        assert_eq!(read("").unwrap().get("a"), None);
        for odd in ["a=1&a=2", "a=1&%61=1", "a=%00", "a=%1b", "a=%ff", "%00=a"] {
            assert!(read(odd).is_none(), "{odd}");
        }
        let many: String = (0..201).map(|n| format!("&p{n}=")).collect();
        assert!(read(&many[1..]).is_none());
    }
}
