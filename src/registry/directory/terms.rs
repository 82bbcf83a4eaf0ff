use super::{Content, Endpoint, Organisation};
use crate::{
    access::{ContentFault, FaultCode},
    domain::OdsCode,
    identity::{Party, Requester},
    registry::{
        Operator, RegistryConfig,
        address::{self, AddressFault, Reach},
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use url::Url;

/// What a deployment says of the registry: who its operators are, and what may be registered.
#[derive(Clone, Debug, Default)]
pub struct RegistryTerms {
    pub operators: BTreeSet<Operator>,
    pub allow_http: bool,
    pub allow_private_addresses: bool,
    /// Whom the deployment itself configures: their entries are its own, and changed there.
    pub configured: BTreeSet<OdsCode>,
    /// The names of the credentials that are kept for each organisation.
    pub credentials: BTreeMap<OdsCode, BTreeSet<String>>,
    /// For how long a passing probe is good to come further by.
    pub probe_holds: Duration,
}

impl RegistryTerms {
    pub fn new(config: &RegistryConfig, configured: BTreeSet<OdsCode>) -> Self {
        Self {
            operators: config.operators.clone(),
            allow_http: config.allow_http,
            allow_private_addresses: config.allow_private_addresses,
            configured,
            credentials: BTreeMap::new(),
            probe_holds: Duration::from_secs(u64::from(config.probe_days) * 86_400),
        }
    }

    /// Whether this is one of those who let organisations in. Systems are none: somebody answers for it.
    pub fn is_operator(&self, requester: &Requester) -> bool {
        let Party::Staff { user, .. } = &requester.party else { return false };
        // a number is one issuer's word: another that gave it out too makes nobody an operator
        self.operators.contains(&Operator { issuer: requester.issuer.clone(), user: user.clone() })
    }

    /// Whether what is registered keeps to what the deployment allows.
    pub fn vet(&self, content: &Content) -> Result<(), ContentFault> {
        match content {
            Content::Organization(organisation) => self.vet_organisation(organisation),
            Content::Endpoint(endpoint) => self.vet_endpoint(endpoint),
        }
    }

    fn vet_organisation(&self, organisation: &Organisation) -> Result<(), ContentFault> {
        let url = organisation.client.as_ref().and_then(|client| client.jwks_url.as_ref());
        url.map_or(Ok(()), |url| self.vet_address(url, "Organization.extension.extension('jwks-url').value"))
    }

    fn vet_endpoint(&self, endpoint: &Endpoint) -> Result<(), ContentFault> {
        self.vet_address(&endpoint.address, "Endpoint.address")?;
        for replica in &endpoint.replicas {
            self.vet_address(replica, "Endpoint.extension.extension('replica').value")?;
        }
        let kept = |name: &String| self.credentials.get(&endpoint.ods).is_some_and(|names| names.contains(name));
        if endpoint.credential.as_ref().is_some_and(|name| !kept(name)) {
            let said = "no credential of this name is kept for this organisation: its operator configures one first";
            return Err(fault("Endpoint.extension.extension('credential').value", said));
        }
        Ok(())
    }

    fn vet_address(&self, url: &Url, path: &str) -> Result<(), ContentFault> {
        let reach = Reach { http: self.allow_http, private: self.allow_private_addresses };
        match address::registered(url, reach).first() {
            None => Ok(()),
            Some(wrong) => Err(fault(path, words(*wrong))),
        }
    }
}

fn fault(path: &str, diagnostics: &str) -> ContentFault {
    ContentFault { code: FaultCode::Value, path: path.to_owned(), diagnostics: diagnostics.to_owned() }
}

fn words(fault: AddressFault) -> &'static str {
    match fault {
        AddressFault::PlainHttp | AddressFault::NotHttps => "expected an https URL",
        AddressFault::UserInfo => {
            "holds a user name or a password, which others would read here: have the deployment keep it as a credential"
        }
        AddressFault::NotARoot => "expected a service root, or a file: no query, no fragment",
        AddressFault::Private => "is an address that is not on the public Internet",
        AddressFault::InternalName => "is a name that is not on the public Internet",
        AddressFault::Port => "expected port 443, or one from 1024 up: those below are other protocols'",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::Timestamp,
        identity::{Purpose, Scopes},
    };

    fn staff(issuer: &str, user: &str) -> Requester {
        let party = Party::Staff {
            user: user.to_owned(),
            name: None,
            role: Some("R8015".to_owned()),
            role_name: None,
            activities: Vec::new(),
            organisation: OdsCode::parse("RZ901").unwrap(),
        };
        Requester {
            issuer: issuer.to_owned(),
            subject: user.to_owned(),
            party,
            given_by: issuer.to_owned(),
            client_id: "a-client".to_owned(),
            token_id: "a-token".to_owned(),
            scopes: Scopes::parse("user/*.cruds"),
            purpose: Purpose("TREAT".to_owned()),
            acting: None,
            expires: Timestamp::MAX,
        }
    }

    #[test]
    fn an_operator_is_one_by_the_word_of_one_issuer_alone() {
        let (known, other) = ("https://national.example", "https://trust.example");
        let operator = Operator { issuer: known.to_owned(), user: "555000000001".to_owned() };
        let terms = RegistryTerms { operators: [operator].into(), ..RegistryTerms::default() };
        assert!(terms.is_operator(&staff(known, "555000000001")));
        // a trust's own identity provider gives out the same number
        assert!(!terms.is_operator(&staff(other, "555000000001")));
        assert!(!terms.is_operator(&staff(known, "555000000002")));
    }
}
