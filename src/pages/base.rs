use url::Url;

/// Where our pages are, as the configuration says it: no header of a request has a say in any link.
#[derive(Clone, Debug)]
pub struct Base {
    /// Without a slash at its end.
    url: String,
    /// As browsers write it in an Origin header.
    origin: String,
    /// The path's part of it, empty or from a slash on.
    path: String,
    secure: bool,
}

impl Base {
    /// # Errors
    /// Where the public URL is none.
    pub fn new(public_url: &str) -> Result<Self, String> {
        let url = Url::parse(public_url).map_err(|_| "gateway.public_url: an http or https address".to_owned())?;
        let whole = url.as_str().trim_end_matches('/').to_owned();
        let path = url.path().trim_end_matches('/').to_owned();
        Ok(Self { url: whole, origin: url.origin().ascii_serialization(), path, secure: url.scheme() == "https" })
    }

    /// A link to one of our own paths.
    pub fn link(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// The same without the host: for what a page loads and where its forms go, by whichever name it was opened.
    pub fn local(&self, path: &str) -> String {
        format!("{}{path}", self.path)
    }

    pub fn origin(&self) -> &str {
        &self.origin
    }

    pub fn is_secure(&self) -> bool {
        self.secure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_below_the_public_url_and_nowhere_else() {
        let base = Base::new("https://records.example:8443/region/").unwrap();
        assert_eq!(base.link("/providers"), "https://records.example:8443/region/providers");
        assert_eq!(base.local("/sign-out"), "/region/sign-out");
        assert_eq!((base.origin(), base.is_secure()), ("https://records.example:8443", true));
        let plain = Base::new("http://127.0.0.1:8080").unwrap();
        assert_eq!((plain.link("/"), plain.local("/")), ("http://127.0.0.1:8080/".into(), "/".into()));
        assert!(!plain.is_secure());
        // as a browser leaves out the port that goes without saying
        assert_eq!(Base::new("https://records.example:443").unwrap().origin(), "https://records.example");
    }
}
