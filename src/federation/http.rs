//! One GET at one address of a provider: its own credential, no redirect, no proxy, a body read under a cap.

mod incoming;
mod inspection;

pub use incoming::Incoming;
pub use inspection::{CertificateFault, Inspection, Media, Seen, Unseen};

use super::{Failure, question::Asked, retry_after::retry_after};
use crate::{
    domain::RequestId,
    fhir::{
        MediaType,
        json::{self, Limits, Tape},
    },
    identity::{CONTEXT_HEADER, NotPublic, PublicOnly, Statements, Told},
    registry::{Clients, Header, Provider, ReaderContext, SignInFault},
};
use bytes::{Bytes, BytesMut};
use reqwest::{
    Client, ClientBuilder, Response, StatusCode,
    header::{self, HeaderMap, HeaderValue},
    redirect,
};
use std::{
    io,
    sync::Arc,
    time::{Duration, SystemTime},
};
use url::Url;

/// The clients that reach providers: one that will only connect to public addresses, one for providers that a
/// deployment allows inside its own network.
pub struct Http {
    public: Client,
    private: Client,
    /// None where no provider is told who asks.
    statements: Option<Arc<Statements>>,
}

/// How one provider is reached.
pub struct Connection {
    client: Client,
    statements: Option<Arc<Statements>>,
}

/// In whose name a request is made, and what goes with it of who asks.
struct Sender<'a> {
    provider: &'a Provider,
    /// None of what nobody asked for.
    request: Option<RequestId>,
    context: Option<HeaderValue>,
}

impl<'a> Sender<'a> {
    fn of(asked: Asked<'a>, context: Option<HeaderValue>) -> Self {
        Self { provider: asked.provider, request: Some(asked.request), context }
    }
}

const FHIR: &str = "application/fhir+json";
/// Of an answer that is no answer.
const MAX_OUTCOME: usize = 64 << 10;

/// Why there is no answer, and whether it may be asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Miss {
    pub failure: Failure,
    pub again: Again,
    /// The FHIR server itself says that there is no such resource, and not whatever stands before it.
    pub none_such: bool,
    /// Why its certificate is not trusted, where that is why.
    pub untrusted: Option<CertificateFault>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// It would fail alike, or has taken its time already.
    No,
    /// It failed at once.
    Soon,
    /// It said when.
    After(Duration),
}

impl From<Failure> for Miss {
    fn from(failure: Failure) -> Self {
        Self { failure, again: Again::No, none_such: false, untrusted: None }
    }
}

impl Http {
    pub fn new(statements: Option<Arc<Statements>>) -> Result<Self, reqwest::Error> {
        Ok(Self { public: builder(false).build()?, private: builder(true).build()?, statements })
    }

    /// The connection to this provider; a client of its own where it has authorities of its own.
    pub fn connection(&self, provider: &Provider) -> Result<Connection, reqwest::Error> {
        let client = match (provider.authorities.is_empty(), provider.allow_private_addresses) {
            (false, _) => for_provider(provider).build()?,
            (true, true) => self.private.clone(),
            (true, false) => self.public.clone(),
        };
        Ok(Connection { client, statements: self.statements.clone() })
    }
}

#[cfg(test)]
impl Http {
    pub fn resolving_by(resolver: impl reqwest::dns::Resolve + 'static) -> Self {
        let client = builder(true).dns_resolver(Arc::new(resolver)).build().unwrap();
        Self { public: client.clone(), private: client, statements: None }
    }
}

fn for_provider(provider: &Provider) -> ClientBuilder {
    let builder = builder(provider.allow_private_addresses);
    if provider.authorities.is_empty() { builder } else { builder.tls_certs_only(provider.authorities.iter().cloned()) }
}

fn builder(may_be_private: bool) -> ClientBuilder {
    let builder = Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .http1_only()
        .tcp_nodelay(true)
        .pool_idle_timeout(Duration::from_secs(60))
        .connect_timeout(Duration::from_secs(5))
        .user_agent(concat!("caregate/", env!("CARGO_PKG_VERSION")));
    if may_be_private { builder } else { builder.dns_resolver(Arc::new(PublicOnly)) }
}

impl Connection {
    /// Gets `url`, which the caller has made from one of the provider's bases. `most` is how many decoded bytes may be read;
    /// a body past it is given up at once.
    pub async fn get(&self, asked: Asked<'_>, url: Url, most: usize) -> Result<Bytes, Miss> {
        let response = self.send(Sender::of(asked, self.context(asked)?), url, FHIR).await?;
        body(accepted(response).await?, most).await
    }

    /// Gets what a provider says of itself, which is of no patient and asked for by nobody.
    pub async fn own_word(&self, provider: &Provider, url: Url, most: usize) -> Result<Bytes, Miss> {
        let response = self.send(Sender { provider, request: None, context: None }, url, FHIR).await?;
        body(accepted(response).await?, most).await
    }

    /// The head of an answer, whatever it says. The request goes with what the provider wants to see of us; where it
    /// answers 401, once more with something fresh.
    async fn send(&self, sender: Sender<'_>, url: Url, accept: &'static str) -> Result<Response, Miss> {
        let Sender { provider, request, context } = sender;
        let certified = provider.sign_in.client(|identity| for_provider(provider).identity(identity).build());
        let certified = certified.transpose().map_err(|_| Failure::Internal)?;
        let own = certified.as_ref().unwrap_or(&self.client);
        let send = async |signed: Option<&Header>| {
            let mut call = own
                .get(url.clone())
                .header(header::ACCEPT, accept)
                // never compressed: a bomb would be decoded before it could be counted
                .header(header::ACCEPT_ENCODING, "identity");
            if let Some(request) = request {
                call = call.header("x-request-id", request.to_string());
            }
            if let Some(statement) = &context {
                call = call.header(CONTEXT_HEADER, statement);
            }
            if let Some((name, value)) = signed {
                call = call.header(name, value);
            }
            call.send().await.map_err(|e| missed(&e))
        };
        let clients = || Clients { own, plain: &self.client };
        let signed = provider.sign_in.header(clients(), None).await.map_err(not_signed_in)?;
        let mut response = send(signed.as_ref()).await?;
        if response.status() == StatusCode::UNAUTHORIZED
            && signed.is_some()
            && let Ok(fresh) = provider.sign_in.header(clients(), signed.as_ref()).await
        {
            response = send(fresh.as_ref()).await?;
        }
        Ok(response)
    }

    /// The statement of who asks, where the provider is to know. Without one it would not be asked.
    fn context(&self, asked: Asked<'_>) -> Result<Option<HeaderValue>, Failure> {
        let Asked { provider, question, request, .. } = asked;
        if provider.reader_context == ReaderContext::Untold {
            return Ok(None);
        }
        let told = Told { audience: provider.base.as_str(), request, patient: question.patient() };
        let requester = question.asker.requester;
        let statement = self.statements.as_ref().and_then(|statements| statements.sign(requester, told));
        let mut value = HeaderValue::try_from(statement.ok_or(Failure::Internal)?).map_err(|_| Failure::Internal)?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

/// One that says 200.
async fn accepted(response: Response) -> Result<Response, Miss> {
    match status(response.status(), response.headers()) {
        Ok(()) => Ok(response),
        Err(miss) if miss.failure == Failure::Status(404) => {
            let none_such = body(response, MAX_OUTCOME).await.is_ok_and(|said| says_none_such(&said));
            Err(Miss { none_such, ..miss })
        }
        Err(miss) if response.status() == StatusCode::BAD_REQUEST => {
            let said = body(response, MAX_OUTCOME).await;
            Err(if said.is_ok_and(|said| says_not_supported(&said)) { Failure::NotSupported.into() } else { miss })
        }
        Err(miss) => Err(miss),
    }
}

/// <https://hl7.org/fhir/R4/valueset-issue-type.html>
fn says_not_supported(body: &[u8]) -> bool {
    let mut tape = Tape::new();
    let Ok(outcome) = json::parse(body, &mut Limits::default(), &mut tape) else { return false };
    let mut not_supported = false;
    outcome.each("issue.code", &mut |code| not_supported |= code.as_str().as_deref() == Some("not-supported"));
    not_supported && outcome.text("resourceType").as_deref() == Some("OperationOutcome")
}

fn not_signed_in(fault: SignInFault) -> Failure {
    match fault {
        SignInFault::Refused => Failure::CredentialRefused,
        SignInFault::Timeout => Failure::Timeout,
        SignInFault::Unreachable => Failure::Unreachable,
        SignInFault::NoToken | SignInFault::NoEndpoint => Failure::NotSignedIn,
    }
}

fn status(status: StatusCode, headers: &HeaderMap) -> Result<(), Miss> {
    let said = headers.get(header::RETRY_AFTER).and_then(|v| v.to_str().ok());
    let when = said.and_then(|value| retry_after(value, SystemTime::now()));
    let failure = match status {
        StatusCode::OK => return Ok(()),
        // its 401 is about us, never about the user
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Failure::CredentialRefused,
        StatusCode::TOO_MANY_REQUESTS => Failure::Throttled,
        other if other.is_redirection() => Failure::Redirected,
        other => Failure::Status(other.as_u16()),
    };
    let again = match (failure, when) {
        (Failure::Throttled | Failure::Status(503), Some(when)) => Again::After(when),
        (Failure::Status(502..=504), _) => Again::Soon,
        _ => Again::No,
    };
    Err(Miss { again, ..failure.into() })
}

/// Whether a 404 comes with an OperationOutcome that says so: PDS's by its own codes, others' by FHIR's.
fn says_none_such(body: &[u8]) -> bool {
    let mut tape = Tape::new();
    let Ok(outcome) = json::parse(body, &mut Limits::default(), &mut tape) else { return false };
    let mut said = false;
    outcome.each("issue.details.coding", &mut |coding| {
        said |= matches!(coding.text("code").as_deref(), Some("RESOURCE_NOT_FOUND" | "INVALIDATED_RESOURCE"));
    });
    outcome.each("issue", &mut |issue| {
        let own = matches!(issue.text("code").as_deref(), Some("not-found" | "deleted"));
        said |= own && issue.get("details").is_none_or(|details| details.get("coding").is_none());
    });
    said && outcome.text("resourceType").as_deref() == Some("OperationOutcome")
}

/// A body of FHIR JSON, read under a cap.
async fn body(response: Response, most: usize) -> Result<Bytes, Miss> {
    let declared = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !MediaType::of(declared).is_json() || response.headers().contains_key(header::CONTENT_ENCODING) {
        return Err(Failure::NotJson.into());
    }
    read(response, most).await
}

/// Any body, read under a cap.
async fn read(mut response: Response, most: usize) -> Result<Bytes, Miss> {
    let expected = response.content_length().and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    if expected > most {
        return Err(Failure::TooLarge.into());
    }
    // what it says is believed for the first megabyte
    let mut body = BytesMut::with_capacity(expected.min(1 << 20));
    while let Some(chunk) = response.chunk().await.map_err(|e| body_failure(&e))? {
        if chunk.len() > most - body.len() {
            return Err(Failure::TooLarge.into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// There is no answer, not even the head of one.
fn missed(error: &reqwest::Error) -> Miss {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(e) = cause {
        if e.is::<NotPublic>() {
            return Failure::AddressRefused.into();
        }
        if let Some(fault) = e.downcast_ref::<rustls::Error>() {
            return Miss { untrusted: Some(CertificateFault::of(fault)), ..Failure::Untrusted.into() };
        }
        // an I/O error does not tell what it wraps as its source
        let within = e.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = within.map(|e| e as &(dyn std::error::Error + 'static)).or_else(|| e.source());
    }
    if error.is_timeout() {
        Failure::Timeout.into()
    } else if error.is_connect() {
        Miss { again: Again::Soon, ..Failure::Unreachable.into() }
    } else {
        Miss { again: Again::Soon, ..Failure::Cut.into() }
    }
}

fn body_failure(error: &reqwest::Error) -> Miss {
    if error.is_timeout() { Failure::Timeout.into() } else { Failure::Cut.into() }
}
