//! JSON is all that is spoken; a client that insists on something else is told so (406) rather than surprised.
//! <https://hl7.org/fhir/R4/http.html#mime-type>

use super::fault::QueryFault;
use crate::fhir::MediaType;
use crate::fhir::outcome::IssueCode::NotSupported;

/// `_format` wins over `Accept`; saying neither is accepting JSON.
pub fn json_wanted(format: Option<&str>, accept: Option<&str>) -> Result<(), QueryFault> {
    let wanted = match format {
        // a `+` that was not percent-encoded has become a space: every client gets this wrong, and nothing hinges on it
        Some(format) => format == "json" || MediaType::of(&format.replace(' ', "+")).is_json(),
        None => accept.is_none_or(|accept| accept.trim().is_empty() || accept.split(',').any(accepts_json)),
    };
    if wanted { Ok(()) } else { Err(QueryFault::new(406, NotSupported, "only JSON is offered: application/fhir+json")) }
}

/// Whether a body of this type is a form.
pub fn is_form(content_type: &str) -> bool {
    let media = MediaType::of(content_type);
    media.essence() == "application/x-www-form-urlencoded" && media.is_utf8()
}

fn accepts_json(range: &str) -> bool {
    let range = MediaType::of(range);
    let any = ["*/*", "application/*", "text/*"].contains(&range.essence()) && range.is_r4_in_utf8();
    let weight = range.parameter("q").unwrap_or("1");
    (any || range.is_json()) && weight.parse().is_ok_and(|q: f32| q > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_answered_to_whoever_may_want_it_and_406_to_whoever_cannot() {
        for (format, accept, wanted) in [
            (None, None, true),
            (None, Some(""), true),
            (None, Some("*/*"), true),
            (None, Some("application/*;q=0.1"), true),
            (None, Some("application/fhir+json; fhirVersion=4.0"), true),
            (None, Some("Application/JSON; charset=\"UTF-8\""), true),
            (None, Some("text/html, application/xml;q=0.9, */*;q=0.8"), true),
            (None, Some("application/fhir+xml"), false),
            (None, Some("text/html"), false),
            (None, Some("application/json;q=0"), false),
            (None, Some("application/json;q=x"), false),
            (None, Some("application/fhir+json; fhirVersion=5.0"), false),
            (None, Some("application/json; charset=utf-16"), false),
            (None, Some("nonsense"), false),
            (Some("json"), Some("application/xml"), true),
            (Some("application/fhir json"), None, true),
            (Some("application/fhir+json;charset=utf-8"), None, true),
            (Some("text/json"), None, true),
            (Some("xml"), Some("application/json"), false),
            (Some("application/fhir+xml"), None, false),
            (Some("JSON"), None, false),
            (Some("html/json"), None, false),
            (Some(""), None, false),
            (Some("*/*"), None, false),
        ] {
            let answer = json_wanted(format, accept).map_err(|f| f.status);
            assert_eq!(answer, if wanted { Ok(()) } else { Err(406) }, "{format:?} {accept:?}");
        }
    }
}
