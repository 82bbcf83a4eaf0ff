//! A person's sign-in elsewhere, exchanged for a token of ours. The ID token is the issuer's word of who signed in, at this
//! client, and how; the issuer's own access token is opaque to us, and opens its userinfo, where roles are.
//! <https://www.rfc-editor.org/rfc/rfc8693>, <https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation>

use super::super::claims::Claims;
use super::super::key_store::KeyError;
use super::super::registered::{Leeway, Registered, in_date};
use super::super::token::{Sort, Unverified};
use super::super::verifier::Issuer;
use super::super::{Algorithm, ClaimProfile, IssuerConfig, Reason, Requester, Verifier, profile};
use super::form::Subject;
use super::issued_tokens::{IssuedTokens, LONGEST};
use super::userinfo::{UserInfo, UserInfoFault};
use super::{Client, TokenFault};
use crate::domain::Timestamp;
use aws_lc_rs::digest;
use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use std::{collections::HashMap, sync::Arc, time::Duration};
use url::Url;
use uuid::Uuid;

/// Of an `[[issuer]]`: that its ID tokens may be exchanged, and how they must look.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExchangeConfig {
    /// Of its ID tokens; those of its access tokens where left out.
    #[serde(default)]
    pub algorithms: Vec<Algorithm>,
    /// Where it says a person's roles, or NHS number; it is always asked, as what it says may take away too.
    pub userinfo_url: Option<Url>,
    /// How long after the ID token was issued it is still taken.
    #[serde(default = "ten_minutes")]
    pub max_age_seconds: u64,
    /// Accepted `acr`; left out, those of CIS2 that mean two factors or more, and any of an issuer that says none.
    pub acr: Option<Vec<String>>,
    /// Accepted `vot`; left out, those of NHS login that mean P9 and two factors or more, and any of an issuer that says none.
    pub vot: Option<Vec<String>>,
}

const MAX_AGE_MOST: u64 = 3600;
/// An ID token may live long; what counts here is when it was issued.
const LONGEST_ID_TOKEN: Duration = Duration::from_secs(86_400);
/// CIS2's, of authentication assurance level 3, or 2 at least.
const STRONG: [&str; 2] = ["AAL3_ANY", "AAL2_OR_AAL3_ANY"];
/// NHS login's: proved to P9, signed in with a password and a second factor, or a passkey.
const PROVED: [&str; 3] = ["P9.Cp.Cd", "P9.Cp.Ck", "P9.Cm"];
/// Marks of an access token (RFC 9068 §2.2): what the person let an application do, not that they signed in to it.
const ACCESS_TOKEN: [&str; 3] = ["scope", "scp", "client_id"];
/// What a decision may come to rest on: there the ID token and userinfo must not say different things.
const DECISIVE: [&str; 8] = [
    "sub",
    "selected_roleid",
    "nhsid_nrbac_roles",
    "nhsid_useruid",
    "nhs_number",
    "identity_proofing_level",
    "act",
    "extensions",
];
/// What an issuer grants is for itself; what we grant is decided here.
const NOT_OURS: [&str; 3] = ["scope", "scp", "cnf"];

impl ExchangeConfig {
    pub(in super::super) fn faults(&self, profile: ClaimProfile, allow_http: bool) -> Vec<&'static str> {
        let url = self.userinfo_url.as_ref();
        let tls = url.is_none_or(|url| url.scheme() == "https" || (allow_http && url.scheme() == "http"));
        let plain = url.is_none_or(|url| {
            url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none()
        });
        let people = matches!(profile, ClaimProfile::Cis2 | ClaimProfile::NhsLogin);
        [
            (people, "only for the profiles cis2 and nhs-login"),
            (tls, "userinfo_url: https, unless allow_http is true"),
            (plain, "userinfo_url: no user, password, query or fragment"),
            ((1..=MAX_AGE_MOST).contains(&self.max_age_seconds), "max_age_seconds: 1 to 3600"),
            (self.acr.as_ref().is_none_or(|accepted| !accepted.is_empty()), "acr: at least one, or left out"),
            (self.vot.as_ref().is_none_or(|accepted| !accepted.is_empty()), "vot: at least one, or left out"),
        ]
        .into_iter()
        .filter_map(|(good, fault)| (!good).then_some(fault))
        .collect()
    }

    fn takes(&self, algorithm: Algorithm, issuer: &IssuerConfig) -> bool {
        if self.algorithms.is_empty() { &issuer.algorithms } else { &self.algorithms }.contains(&algorithm)
    }

    /// Whether the sign-in was as strong as is needed. CIS2 says it as `acr`, NHS login as `vot`.
    fn is_strong(&self, claims: &Claims, profile: ClaimProfile) -> Result<bool, Reason> {
        let acr = (profile == ClaimProfile::Cis2).then_some(&STRONG);
        let vot = (profile == ClaimProfile::NhsLogin).then_some(&PROVED);
        Ok(accepts(self.acr.as_deref(), acr.map(|known| &known[..]), claims.text_if_any("acr")?)
            && accepts(self.vot.as_deref(), vot.map(|known| &known[..]), claims.text_if_any("vot")?))
    }
}

/// Whether this is among those configured, or else among the usual ones; where there are neither, anything is taken.
fn accepts(configured: Option<&[String]>, usual: Option<&[&str]>, said: Option<&str>) -> bool {
    match (configured, usual) {
        (Some(accepted), _) => said.is_some_and(|said| accepted.iter().any(|one| one == said)),
        (None, Some(accepted)) => said.is_some_and(|said| accepted.contains(&said)),
        (None, None) => true,
    }
}

/// What an ID token must be for, to be taken.
pub(in super::super) struct Meant<'a> {
    /// Whom it was issued to, by the issuer's name for them...
    pub audience: &'a str,
    /// ... and by what they are called in the audit.
    pub client_id: &'a str,
    /// Where it came straight from the issuer, at the end of a sign-in that was begun with this.
    pub nonce: Option<&'a str>,
}

/// The exchange, with the issuers that the verifier trusts.
pub(in super::super) struct Exchange {
    verifier: Arc<Verifier>,
    userinfo: HashMap<String, UserInfo>,
}

impl Exchange {
    /// `None` if no TLS roots could be loaded.
    pub fn new(verifier: Arc<Verifier>, issuers: &[IssuerConfig]) -> Option<Self> {
        let mut userinfo = HashMap::new();
        for issuer in issuers {
            if let Some(url) = issuer.exchange.as_ref().and_then(|exchange| exchange.userinfo_url.as_ref()) {
                userinfo.insert(issuer.issuer.clone(), UserInfo::new(url, issuer.allow_http)?);
            }
        }
        Some(Self { verifier, userinfo })
    }

    /// Whom the ID token is of, as far as the client may ask for them. The scopes are still to be granted.
    pub async fn requester(&self, client: &Client, brought: &Subject, now: Timestamp) -> Result<Requester, TokenFault> {
        let unverified = Unverified::read(&brought.id_token, Sort::Id).map_err(TokenFault::Subject)?;
        let issuer = unverified.issuer().ok().and_then(|url| self.verifier.issuer(url));
        let issuer = issuer.ok_or(TokenFault::Subject(Reason::Issuer))?;
        let brings = client.brings.iter().find(|one| one.issuer == issuer.config.name);
        let brings = brings.ok_or(TokenFault::Subject(Reason::Issuer))?;
        let meant = Meant { audience: &brings.audience, client_id: &client.id, nonce: None };
        self.judged(issuer, unverified, brought.access_token.as_deref(), &meant, now).await
    }

    /// Who signed in with this very issuer, which gave us both tokens itself.
    pub async fn signed_in(
        &self,
        issuer: &str,
        id_token: &str,
        access_token: &str,
        meant: &Meant<'_>,
        now: Timestamp,
    ) -> Result<Requester, TokenFault> {
        let unverified = Unverified::read(id_token, Sort::Id).map_err(TokenFault::Subject)?;
        let known = self.verifier.issuer(issuer).filter(|_| unverified.issuer() == Ok(issuer));
        let issuer = known.ok_or(TokenFault::Subject(Reason::Issuer))?;
        let access_token = Some(access_token).filter(|_| self.userinfo.contains_key(&issuer.config.issuer));
        self.judged(issuer, unverified, access_token, meant, now).await
    }

    async fn judged(
        &self,
        issuer: &Issuer,
        unverified: Unverified<'_>,
        access_token: Option<&str>,
        meant: &Meant<'_>,
        now: Timestamp,
    ) -> Result<Requester, TokenFault> {
        let subject = TokenFault::Subject;
        let algorithm = unverified.algorithm();
        let rules = issuer.config.exchange.as_ref().ok_or(subject(Reason::Issuer))?;
        if !rules.takes(algorithm, &issuer.config) {
            return Err(subject(Reason::Algorithm));
        }
        let key = issuer.keys.key(unverified.key_id()).await.map_err(|error| match error {
            KeyError::Unknown => subject(Reason::Key),
            KeyError::Unavailable => TokenFault::Unavailable,
        })?;
        let claims = unverified.verify(&key).map_err(subject)?;
        let ends = checked(&claims, &issuer.config, meant.audience, now).map_err(subject)?;
        if let Some(nonce) = meant.nonce
            && claims.text("nonce") != Ok(nonce)
        {
            return Err(TokenFault::AnotherSignIn);
        }
        let issued = claims.seconds("iat").ok().flatten().ok_or(subject(Reason::Claim))?;
        let oldest = now.minus(Duration::from_secs(rules.max_age_seconds)).minus(issuer.config.leeway());
        if Timestamp::from_seconds(issued) < oldest {
            return Err(TokenFault::Old);
        }
        if !rules.is_strong(&claims, issuer.config.profile).map_err(subject)? {
            return Err(TokenFault::Assurance);
        }
        let claims = match access_token {
            Some(access_token) => self.completed(claims, issuer, algorithm, access_token, meant).await?,
            // what restricts a person must not be left out by leaving out where it is said
            None if rules.userinfo_url.is_some() => {
                return Err(TokenFault::Request("access_token is missing: this issuer's userinfo must be asked."));
            }
            None => claims,
        };
        let claims = claims.without(&NOT_OURS);
        let registered = Registered {
            subject: claims.text("sub").map_err(subject)?.to_owned(),
            token_id: Uuid::new_v4().to_string(),
            client_id: meant.client_id.to_owned(),
            expires: IssuedTokens::taken_until(ends.min(now.plus(LONGEST))),
            bound: None,
        };
        profile::requester(&claims, registered, &issuer.config).map_err(subject)
    }

    /// With what userinfo says, where the access token is of the very same sign-in.
    async fn completed(
        &self,
        claims: Claims,
        issuer: &Issuer,
        algorithm: Algorithm,
        access_token: &str,
        meant: &Meant<'_>,
    ) -> Result<Claims, TokenFault> {
        let hash = claims.text_if_any("at_hash").map_err(|_| TokenFault::AnotherSignIn)?;
        // where both came in one answer of the issuer's it may leave it out (OpenID Connect Core §3.1.3.6)
        let left_out = hash.is_none() && meant.nonce.is_some();
        if !left_out && hash != Some(&at_hash(algorithm, access_token)) {
            return Err(TokenFault::AnotherSignIn);
        }
        let Some(userinfo) = self.userinfo.get(&issuer.config.issuer) else {
            return Err(TokenFault::Request("access_token: nothing is asked of this issuer. Leave it out."));
        };
        let more = userinfo.of(access_token).await.map_err(|fault| {
            if let UserInfoFault::Unavailable(_) = &fault {
                tracing::warn!(issuer.name = %issuer.config.name, fault = %fault, "an issuer's userinfo could not be fetched");
                return TokenFault::Unavailable;
            }
            TokenFault::AccessToken
        })?;
        // OpenID Connect Core §5.3.2: of anybody else, or of nobody, it must not be used
        if !more.contains_key("sub") || DECISIVE.iter().any(|name| claims.contradict(&more, name)) {
            return Err(TokenFault::AnotherSignIn);
        }
        Ok(claims.completed(more))
    }
}

/// An ID token of this issuer, for this client, in date: when it ends.
fn checked(claims: &Claims, issuer: &IssuerConfig, audience: &str, now: Timestamp) -> Result<Timestamp, Reason> {
    // a logout token is signed by the same keys for the same audience (OpenID Connect Back-Channel Logout §2.4)
    if claims.text("iss")? != issuer.issuer || claims.has("events") {
        return Err(Reason::Issuer);
    }
    if ACCESS_TOKEN.iter().any(|mark| claims.has(mark)) {
        return Err(Reason::TokenType);
    }
    claims.text("sub")?;
    let meant = claims.texts("aud")?;
    let party = claims.text_if_any("azp")?;
    let ours = meant.contains(&audience) && party.is_none_or(|party| party == audience);
    if !ours || (meant.len() > 1 && party.is_none()) {
        return Err(Reason::Audience);
    }
    in_date(claims, Leeway::of(issuer.leeway()), LONGEST_ID_TOKEN, now)?;
    let ends = Timestamp::from_seconds(claims.seconds("exp")?.ok_or(Reason::Claim)?);
    // the leeway is for clocks, not for a token of ours that outlives it
    if ends <= now { Err(Reason::Expired) } else { Ok(ends) }
}

/// The left half of the access token's hash. <https://openid.net/specs/openid-connect-core-1_0.html#CodeIDToken>
fn at_hash(algorithm: Algorithm, access_token: &str) -> String {
    let hash = match algorithm {
        Algorithm::Rs256 | Algorithm::Es256 => &digest::SHA256,
        Algorithm::Rs384 | Algorithm::Es384 => &digest::SHA384,
        Algorithm::Rs512 => &digest::SHA512,
    };
    let whole = digest::digest(hash, access_token.as_bytes());
    let (left, _) = whole.as_ref().split_at(whole.as_ref().len() / 2);
    BASE64URL_NOPAD.encode(left)
}

fn ten_minutes() -> u64 {
    600
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_hash_is_the_left_half_of_the_hash_that_the_algorithm_has() {
        // the example of OpenID Connect Core §A.3
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(at_hash(Algorithm::Rs256, token), "77QmUPtjPfzWtF2AnpK9RQ");
        for (algorithm, length) in [(Algorithm::Es384, 32), (Algorithm::Rs512, 43)] {
            assert_eq!(at_hash(algorithm, token).len(), length);
        }
    }
}
