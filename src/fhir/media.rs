use std::borrow::Cow;

const JSON: [&str; 3] = ["application/fhir+json", "application/json", "text/json"];

/// A media type or range, as Content-Type, Accept and `_format` write it. <https://hl7.org/fhir/R4/http.html#mime-type>
pub struct MediaType<'a> {
    essence: Cow<'a, str>,
    parameters: &'a str,
}

impl<'a> MediaType<'a> {
    pub fn of(text: &'a str) -> Self {
        let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
        let essence = essence.trim();
        let upper = essence.bytes().any(|b| b.is_ascii_uppercase());
        Self { essence: if upper { essence.to_ascii_lowercase().into() } else { essence.into() }, parameters }
    }

    /// `type/subtype` in lower case.
    pub fn essence(&self) -> &str {
        &self.essence
    }

    pub fn parameter(&self, name: &str) -> Option<&'a str> {
        let mut pairs = self.parameters.split(';').filter_map(|p| p.split_once('='));
        pairs.find(|(n, _)| n.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().trim_matches('"'))
    }

    /// FHIR R4 in JSON in UTF-8, in any of its spellings.
    pub fn is_json(&self) -> bool {
        JSON.contains(&self.essence()) && self.is_r4_in_utf8()
    }

    /// Nothing it says is against R4 or UTF-8.
    pub fn is_r4_in_utf8(&self) -> bool {
        self.is_utf8() && self.parameter("fhirVersion").is_none_or(|version| version == "4.0")
    }

    pub fn is_utf8(&self) -> bool {
        self.parameter("charset").is_none_or(|charset| charset.eq_ignore_ascii_case("utf-8"))
    }
}

#[cfg(test)]
mod tests {
    use super::MediaType;

    #[test]
    fn fhir_json_is_known_in_every_spelling_and_nothing_else_is() {
        for good in [
            "application/fhir+json",
            "Application/FHIR+JSON ; charset=\"UTF-8\"; fhirVersion=4.0",
            "application/json;charset=utf-8",
            " text/json ",
        ] {
            assert!(MediaType::of(good).is_json(), "{good}");
        }
        for bad in [
            "",
            "json",
            "text/html",
            "application/fhir+xml",
            "application/fhir+json; fhirVersion=3.0",
            "application/json; charset=utf-16",
            "application/jsonp",
            "application/json, text/html",
        ] {
            assert!(!MediaType::of(bad).is_json(), "{bad}");
        }
    }
}
