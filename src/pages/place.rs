/// A page of ours to go on to. Whatever is asked for, it is a path below our own base: no scheme, no host, nothing that a
/// browser would read as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(String);

const MOST: usize = 256;

impl Place {
    pub const FRONT: &str = "/";

    /// The place of this name; the front page where it is none of ours.
    pub fn parse(text: &str) -> Self {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-_.~?=&%".contains(&b);
        // `//host` and `/\host` are other hosts, and signing in again and again would lead nowhere
        let ours = text.starts_with('/')
            && !text.starts_with("//")
            && text.len() <= MOST
            && text.bytes().all(plain)
            && !text.starts_with("/sign-");
        Self(if ours { text } else { Self::FRONT }.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_our_own_are_gone_on_to() {
        for ours in ["/", "/providers", "/providers/endpoints?page=2&sort=-date", "/a%20b"] {
            assert_eq!(Place::parse(ours).as_str(), ours);
        }
        for other in [
            "",
            "providers",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "https://evil.example/",
            "http:evil.example",
            "javascript:alert(1)",
            "/providers\r\nSet-Cookie: a=b",
            "/\tevil",
            " /providers",
            "/@evil.example:80",
            "/providers#a",
            "/sign-in/staff",
            "/sign-out",
            &format!("/{}", "a".repeat(256)),
        ] {
            assert_eq!(Place::parse(other).as_str(), "/", "{other:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn wherever_it_leads_it_is_our_own_host(text in "[/\\\\:@.a-z%?#\\s]{0,12}") {
            let base = super::super::Base::new("https://records.example").unwrap();
            let url = url::Url::parse(&base.link(Place::parse(&text).as_str())).unwrap();
            proptest::prop_assert_eq!(url.origin().ascii_serialization(), base.origin());
        }
    }
}
