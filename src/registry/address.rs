//! What an address that calls will go to must be, whoever says it: the configuration, or an organisation that registers itself. What a
//! name leads to is vetted again at each connection (`identity::PublicOnly`).

use crate::domain::{is_public, literal_address};
use url::{Host, Url};

/// What a deployment lets such addresses be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    pub http: bool,
    pub private: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AddressFault {
    PlainHttp,
    NotHttps,
    UserInfo,
    /// A query or a fragment.
    NotARoot,
    /// An address inside our own network, however it is written.
    Private,
    /// A name that only an inside resolver, or no DNS at all, would know.
    InternalName,
    /// The port of another protocol.
    Port,
}

/// Names that lead nowhere on the public Internet: RFC 6761 and 6762, ICANN's `internal`, and what routers and clusters hand out.
const INTERNAL: [&str; 9] =
    ["localhost", "local", "internal", "home.arpa", "intranet", "lan", "corp", "private", "localdomain"];

/// Everything wrong with a service root.
pub(super) fn faults(url: &Url, reach: Reach) -> Vec<AddressFault> {
    let mut faults = Vec::new();
    match url.scheme() {
        "https" => {}
        "http" if reach.http => {}
        "http" => faults.push(AddressFault::PlainHttp),
        _ => faults.push(AddressFault::NotHttps),
    }
    if !url.username().is_empty() || url.password().is_some() {
        faults.push(AddressFault::UserInfo);
    }
    if url.query().is_some() || url.fragment().is_some() {
        faults.push(AddressFault::NotARoot);
    }
    if !reach.private && literal_address(url).is_some_and(|address| !is_public(address)) {
        faults.push(AddressFault::Private);
    }
    faults
}

/// The same of one that somebody outside registered, of whom nothing is known: they get no say over which of our own services is
/// called by which name or port. Ports from 1024 up are where FHIR servers are found beside 443; below are other protocols'.
pub(super) fn registered(url: &Url, reach: Reach) -> Vec<AddressFault> {
    let mut faults = faults(url, reach);
    if !reach.private && url.host().is_none_or(|host| is_internal(&host)) {
        faults.push(AddressFault::InternalName);
    }
    if !url.port_or_known_default().is_some_and(|port| port == 443 || port >= 1024 || (reach.http && port == 80)) {
        faults.push(AddressFault::Port);
    }
    faults
}

fn is_internal(host: &Host<&str>) -> bool {
    let Host::Domain(name) = host else { return false };
    // a name may end in the root's dot; capitals are folded when the URL is read
    let name = name.strip_suffix('.').unwrap_or(name);
    let under = |zone: &str| name.strip_suffix(zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    !name.contains('.') || INTERNAL.iter().any(|zone| under(zone))
}

#[cfg(test)]
mod tests {
    use super::{AddressFault::*, *};

    const STRICT: Reach = Reach { http: false, private: false };

    fn found(url: &str) -> Vec<AddressFault> {
        registered(&Url::parse(url).unwrap(), STRICT)
    }

    #[test]
    fn what_leads_inside_is_found_in_every_spelling() {
        for url in [
            "https://127.0.0.1/fhir",
            "https://0177.0.0.1/fhir",
            "https://0x7f.1/fhir",
            "https://2130706433/fhir",
            "https://127.1/fhir",
            "https://[::1]/fhir",
            "https://[::ffff:127.0.0.1]/fhir",
            "https://[::ffff:a9fe:a9fe]/fhir",
            "https://169.254.169.254/latest/meta-data",
            "https://10.0.0.7:8443/fhir",
            "https://[fd00::1]/fhir",
            "https://[64:ff9b::7f00:1]/fhir",
            "https://[2002:7f00:1::]/fhir",
            "https://0.0.0.0/fhir",
            "https://１２７.0.0.1/fhir",
        ] {
            assert_eq!(found(url), [Private], "{url}");
        }
        for url in [
            "https://localhost/fhir",
            "https://LOCALHOST./fhir",
            "https://fhir.localhost/fhir",
            "https://metadata.google.internal/computeMetadata",
            "https://fhir/r4",
            "https://printer.local/fhir",
            "https://db.home.arpa/",
        ] {
            assert_eq!(found(url), [InternalName], "{url}");
        }
    }

    #[test]
    fn a_service_root_is_one_and_names_no_user() {
        for (url, fault) in [
            ("http://fhir.example.org/r4", vec![PlainHttp, Port]),
            ("ftp://fhir.example.org/r4", vec![NotHttps, Port]),
            ("https://user@fhir.example.org/r4", vec![UserInfo]),
            ("https://:secret@fhir.example.org/r4", vec![UserInfo]),
            ("https://provider.nhs.uk@evil.example/r4", vec![UserInfo]),
            ("https://fhir.example.org/r4?key=1", vec![NotARoot]),
            ("https://fhir.example.org/r4#x", vec![NotARoot]),
            ("https://fhir.example.org:22/r4", vec![Port]),
            ("https://fhir.example.org:0/r4", vec![Port]),
            ("https://fhir.example.org:80/r4", vec![Port]),
        ] {
            assert_eq!(found(url), fault, "{url}");
        }
        // a name's look proves nothing either way: approval, probe and the connection's own vetting stand between
        for url in
            ["https://fhir.example.org:8443/r4", "https://provider.nhs.uk.evil.example/r4", "https://mylocal.example/"]
        {
            assert_eq!(found(url), [], "{url}");
        }
        let lenient = Reach { http: true, private: true };
        assert_eq!(registered(&Url::parse("http://127.0.0.1:40001/fhir").unwrap(), lenient), []);
        assert_eq!(registered(&Url::parse("http://provider/fhir").unwrap(), lenient), []);
    }
}
