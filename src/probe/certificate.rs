use crate::domain::Timestamp;
use x509_parser::{extensions::GeneralName, parse_x509_certificate};

/// What a certificate says, as far as it is told.
#[derive(Debug, PartialEq, Eq)]
pub struct Certificate {
    pub names: Vec<String>,
    pub authority: String,
    pub days_left: i64,
}

const MOST_NAMES: usize = 5;
const LONGEST: usize = 80;

impl Certificate {
    pub fn read(der: &[u8], now: Timestamp) -> Option<Self> {
        let (_, read) = parse_x509_certificate(der).ok()?;
        let alternative = read.subject_alternative_name().ok().flatten();
        let names =
            alternative.into_iter().flat_map(|found| &found.value.general_names).filter_map(|name| match name {
                GeneralName::DNSName(name) => Some(plain(name)),
                _ => None,
            });
        let (organisation, common) =
            (read.issuer().iter_organization().next(), read.issuer().iter_common_name().next());
        let authority = [organisation, common].into_iter().flatten().filter_map(|part| part.as_str().ok());
        let seconds = read.validity().not_after.timestamp() - now.seconds();
        Some(Self {
            names: names.take(MOST_NAMES).collect(),
            authority: authority.map(plain).collect::<Vec<_>>().join(", "),
            days_left: seconds.div_euclid(86_400),
        })
    }
}

/// It is whoever made the certificate that chose these words: nothing in them may command a terminal.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};

    #[test]
    fn a_certificate_tells_its_names_its_authority_and_its_days_and_no_more() {
        let mut params = CertificateParams::new(vec!["a.example".to_owned(), "b.example".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::OrganizationName, "The \u{1b}[31mAuthority");
        params.distinguished_name.push(DnType::CommonName, "Root");
        params.not_after = date_time_ymd(2030, 1, 11);
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let now = Timestamp::from_seconds(1_893_456_000); // 2030-01-01
        let read = Certificate::read(certificate.der(), now).unwrap();
        assert_eq!(read.names, ["a.example", "b.example"]);
        assert_eq!((read.authority.as_str(), read.days_left), ("The [31mAuthority, Root", 10));
        assert_eq!(Certificate::read(b"no certificate", now), None);
    }
}
