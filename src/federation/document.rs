//! A document at its source: one GET below the registered base, its bytes passed on as they come. Nothing of it is kept: it
//! may be large, it is opened once or twice, and a copy here would be one more place from which it could not be taken back.

use super::{Announced, Failure, Federation, Question, http::Incoming, marks, pages, question::Asked};
use crate::{
    access::Sensitivities,
    domain::{Labels, RequestId, Timestamp},
    fhir::{
        MediaType,
        json::{self, Limits, Tape},
    },
    registry::{Freshness, Provider},
};
use bytes::Bytes;
use data_encoding::BASE64;
use futures::{StreamExt, future, stream, stream::BoxStream};
use std::sync::Arc;
use tokio::time::{Instant, timeout};

/// A document's bytes. One that ends without a failure was whole.
pub type DocumentBody = BoxStream<'static, Result<Bytes, Failure>>;

/// What is asked of a source.
#[derive(Clone, Copy)]
pub struct DocumentQuestion<'a> {
    pub provider: &'a Arc<Provider>,
    /// As the source wrote it.
    pub address: &'a str,
    /// The media type that the resource says it has.
    pub announced: Option<&'a str>,
    pub question: Question<'a>,
}

/// A document, opened: its first bytes have come.
pub struct SourceDocument {
    /// As the source declares it; never guessed from the bytes.
    pub content_type: String,
    /// In bytes, where it is known before they have come.
    pub length: Option<u64>,
    /// Its own, where the source sends it as a resource that has any.
    pub labels: Labels,
    pub body: DocumentBody,
}

/// An attachment's address in the one spelling that ids are made of.
pub(super) fn address_of<'a>(address: &'a str, provider: &Provider) -> &'a str {
    // a Binary below the base is the same whether its address is relative or not
    let below = address.strip_prefix(provider.base.as_str());
    below.filter(|path| path.starts_with("Binary/")).unwrap_or(address)
}

impl Federation {
    /// Opens it. The caller sends nothing of it before its release has committed. The provider's deadline covers all until its
    /// first bytes, and then each wait for more.
    ///
    /// # Errors
    /// Why it cannot be opened: `Elsewhere` where its address is not below the source's base, `TooLarge` past
    /// `max_document_bytes`, `NotDocument` where what came is none, else what any call may end in.
    pub async fn document(
        &self,
        asked: DocumentQuestion<'_>,
        announced: &impl Announced,
    ) -> Result<SourceDocument, Failure> {
        let opened = timeout(asked.provider.deadline, self.open(asked, announced.request_id())).await;
        opened.unwrap_or(Err(Failure::Timeout)).inspect_err(|failure| {
            let (provider, outcome) = (asked.provider.ods, failure.code());
            tracing::warn!(provider.ods = %provider, failure = outcome, "document could not be opened");
            metrics::counter!("caregate_documents_total", "provider" => provider.to_string(), "outcome" => outcome)
                .increment(1);
        })
    }

    async fn open(&self, asked: DocumentQuestion<'_>, request: RequestId) -> Result<SourceDocument, Failure> {
        let DocumentQuestion { provider, question, .. } = asked;
        let url = pages::own_page(provider, &provider.base, asked.address).map_err(|_| Failure::Elsewhere)?;
        let (deadline, freshness) = (Instant::now() + provider.deadline, Freshness::default());
        let call = Asked { provider, question, request, began: Timestamp::now(), deadline, freshness };
        let incoming = self.calls.open(call, url, self.max_document_bytes).await?;
        let declared = incoming.content_type.as_deref().or(asked.announced).unwrap_or("application/octet-stream");
        let content_type = declared.to_owned();
        let media = MediaType::of(&content_type);
        if !is_media_type(&content_type) || is_a_sign_in_page(&media, asked.announced) {
            return Err(Failure::NotDocument);
        }
        if media.is_json() {
            return self.resource(provider, incoming, content_type, question.sensitivities).await;
        }
        let (length, labels) = (incoming.length, Labels::default());
        Ok(SourceDocument { content_type, length, labels, body: incoming.into_stream() })
    }

    /// Some servers send a Binary as a resource whatever they are asked for: then what it holds is the document. Other JSON
    /// is one itself. Either is read whole first, so it is held to what any other answer is.
    async fn resource(
        &self,
        provider: &Arc<Provider>,
        incoming: Incoming,
        content_type: String,
        sensitivities: &Arc<Sensitivities>,
    ) -> Result<SourceDocument, Failure> {
        let bytes = incoming.collect(self.budget.bytes).await?;
        let (mut limits, sensitivities) = (self.budget.limits, Arc::clone(sensitivities));
        pages::on_pool(&self.calls, provider, move || {
            let found = unwrapped(&bytes, &mut limits, &sensitivities)?;
            let (content_type, bytes, labels) = found.unwrap_or((content_type, bytes, Labels::default()));
            let length = u64::try_from(bytes.len()).ok();
            Ok(SourceDocument { content_type, length, labels, body: stream::once(future::ready(Ok(bytes))).boxed() })
        })
        .await?
    }
}

/// What a Binary resource holds; `None` of a JSON document that is no such resource.
fn unwrapped(
    bytes: &Bytes,
    limits: &mut Limits,
    sensitivities: &Sensitivities,
) -> Result<Option<(String, Bytes, Labels)>, Failure> {
    let mut tape = Tape::new();
    let resource = json::parse(bytes, limits, &mut tape).map_err(|_| Failure::NotJson)?;
    match resource.text("resourceType").as_deref() {
        Some("Binary") => {}
        Some("OperationOutcome") => return Err(Failure::NotDocument),
        _ => return Ok(None),
    }
    let content_type = resource.text("contentType").filter(|declared| is_media_type(declared));
    // <https://hl7.org/fhir/R4/datatypes.html#base64Binary>: with white space, perhaps
    let data = resource.text("data").map(|data| data.split_ascii_whitespace().collect::<String>());
    let data = data.and_then(|data| BASE64.decode(data.as_bytes()).ok());
    let (content_type, data) = content_type.zip(data).ok_or(Failure::NotDocument)?;
    Ok(Some((content_type.into_owned(), data.into(), marks::labels_of(resource, sensitivities)?)))
}

/// It is written into a header and into the audit.
fn is_media_type(text: &str) -> bool {
    let essence = text.split(';').next().unwrap_or_default().trim();
    let token =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b));
    let parts = essence.split_once('/');
    text.len() <= 200
        && text.bytes().all(|b| b == b' ' || b.is_ascii_graphic())
        && parts.is_some_and(|(kind, subtype)| token(kind) && token(subtype))
}

/// A page where something else was announced is a server that wants somebody to sign in.
fn is_a_sign_in_page(media: &MediaType<'_>, announced: Option<&str>) -> bool {
    let is_page = |media: &MediaType<'_>| ["text/html", "application/xhtml+xml"].contains(&media.essence());
    is_page(media) && announced.is_some_and(|announced| !is_page(&MediaType::of(announced)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::federation::testing::{provider, sensitivities};

    #[test]
    fn a_binary_below_the_base_has_one_address_and_no_other_becomes_one() {
        let provider = provider("RZ901");
        for (address, one) in [
            ("Binary/9", "Binary/9"),
            ("https://rz901.example/fhir/Binary/9", "Binary/9"),
            ("https://rz901.example/fhir/Binary/9/_history/2", "Binary/9/_history/2"),
            ("https://rz901.example/fhir/files/9", "https://rz901.example/fhir/files/9"),
            ("https://rz901.example/fhir/https://evil.example/9", "https://rz901.example/fhir/https://evil.example/9"),
            ("https://rz901.example/fhir2/Binary/9", "https://rz901.example/fhir2/Binary/9"),
            ("9", "9"),
        ] {
            assert_eq!(address_of(address, &provider), one);
        }
    }

    #[test]
    fn a_binary_sent_as_a_resource_is_what_it_holds_and_other_json_is_itself() {
        let read = |json: &'static str| {
            unwrapped(&Bytes::from_static(json.as_bytes()), &mut Limits::default(), &sensitivities())
        };
        let (content_type, bytes, labels) = read(
            r#"{"resourceType":"Binary","meta":{"security":[{"code":"R"}]},"contentType":"text/plain","data":"aGVs\nbG8="}"#,
        )
        .unwrap()
        .unwrap();
        assert_eq!((content_type.as_str(), &bytes[..], labels.restricted()), ("text/plain", &b"hello"[..], true));
        assert!(read(r#"{"resourceType":"Bundle"}"#).is_ok_and(|found| found.is_none()));
        for (bad, failure) in [
            (r#"{"resourceType":"OperationOutcome"}"#, Failure::NotDocument),
            (r#"{"resourceType":"Binary","contentType":"text/plain"}"#, Failure::NotDocument),
            (r#"{"resourceType":"Binary","contentType":"text/plain","data":"a"}"#, Failure::NotDocument),
            (r#"{"resourceType":"Binary","contentType":"a\nb/c","data":""}"#, Failure::NotDocument),
            (r#"{"resourceType":"Binary""#, Failure::NotJson),
        ] {
            assert_eq!(read(bad).map(drop), Err(failure), "{bad}");
        }
    }

    #[test]
    fn a_page_is_a_document_only_where_one_was_announced() {
        let page = |served, announced| is_a_sign_in_page(&MediaType::of(served), announced);
        assert!(
            page("text/html; charset=utf-8", Some("application/pdf")) && page("application/xhtml+xml", Some("x/y"))
        );
        assert!(!page("text/html", Some("text/html;charset=utf-8")) && !page("text/html", None));
        assert!(!page("application/pdf", Some("text/plain")));
        assert!(is_media_type("text/plain; charset=\"utf-8\"") && !is_media_type("text") && !is_media_type("text/a b"));
    }
}
