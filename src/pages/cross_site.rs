use super::Base;
use actix_web::http::header::{HeaderMap, ORIGIN};

const FETCH_SITE: &str = "sec-fetch-site";

/// Whether a form was sent from a page of ours, as far as the browser says. It is the second of two bars: the first is the
/// token in the form.
///
/// Our pages have `Referrer-Policy: same-origin`, under which browsers write our origin on our own forms
/// (<https://fetch.spec.whatwg.org/#append-a-request-origin-header>); where they write `null`, `Sec-Fetch-Site` has to say it. One
/// that says neither is no browser that these pages are for.
pub fn is_own(headers: &HeaderMap, base: &Base) -> bool {
    let one = |name: &str| {
        let mut values = headers.get_all(name).map(|value| value.to_str().unwrap_or("odd"));
        (values.next(), values.next())
    };
    match (one(ORIGIN.as_str()), one(FETCH_SITE)) {
        ((_, Some(_)), _) | (_, (_, Some(_))) => false,
        ((Some(origin), None), (site, None)) if origin != "null" => {
            origin == base.origin() && site.is_none_or(|site| site == "same-origin")
        }
        (_, (site, None)) => site == Some("same-origin"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    #[test]
    fn a_form_is_ours_where_the_browser_says_so_and_nothing_contradicts_it() {
        let base = Base::new("https://records.example").unwrap();
        let ours = "https://records.example";
        for (sent, own) in [
            (&[("origin", ours)][..], true),
            (&[("origin", ours), (FETCH_SITE, "same-origin")], true),
            (&[("origin", "null"), (FETCH_SITE, "same-origin")], true),
            (&[(FETCH_SITE, "same-origin")], true),
            (&[], false),
            (&[("origin", "null")], false),
            (&[("origin", "https://evil.example"), (FETCH_SITE, "same-origin")], false),
            (&[("origin", "http://records.example")], false),
            (&[("origin", "https://records.example.evil.example")], false),
            (&[("origin", ours), (FETCH_SITE, "cross-site")], false),
            (&[("origin", ours), (FETCH_SITE, "same-site")], false),
            (&[(FETCH_SITE, "none")], false),
            (&[("origin", ours), ("origin", ours)], false),
            (&[(FETCH_SITE, "same-origin"), (FETCH_SITE, "same-origin")], false),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in sent {
                headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            assert_eq!(is_own(&headers, &base), own, "{sent:?}");
        }
    }
}
