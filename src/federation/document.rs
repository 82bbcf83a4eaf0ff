//! A document at its source: one GET below the registered base, its bytes passed on as they come. Nothing of it is kept: it
//! may be large, it is opened once or twice, and a copy here would be one more place from which it could not be taken back.

use super::{
    Announced, Failure, Federation, Question, Resolution,
    http::Incoming,
    marks, pages,
    question::Asked,
    reference::{Target, target},
};
use crate::{
    access::Sensitivities,
    domain::{Labels, RequestId, Timestamp},
    fhir::{
        MediaType,
        json::{self, Limits, Tape, Value},
    },
    registry::{Freshness, Provider},
};
use bytes::Bytes;
use data_encoding::BASE64;
use futures::{StreamExt, future, stream, stream::BoxStream};
use std::sync::Arc;
use tokio::time::{Instant, timeout};
use url::Url;

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
    /// What refers to it, as the source calls it (`Type/id`), and who the patient is there.
    pub referrers: &'a [&'a str],
    pub resolution: &'a Resolution,
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
    /// What it says it is as sensitive as: <https://hl7.org/fhir/R4/binary-definitions.html#Binary.securityContext>
    context: Option<String>,
    pub body: DocumentBody,
}

/// An attachment's address in the one spelling that ids are made of.
pub(super) fn address_of<'a>(address: &'a str, provider: &Provider) -> &'a str {
    // a Binary below the base is the same whether its address is relative or not
    let below = address.strip_prefix(provider.base.as_str());
    below.filter(|path| path.starts_with("Binary/")).unwrap_or(address)
}

/// Whether it may be a file or a Binary: any other address of a FHIR server's answers with records, and whose those are
/// nobody would have looked.
fn is_of_a_file(url: &Url, base: &Url) -> bool {
    let below = url.path().strip_prefix(base.path()).filter(|_| url.origin() == base.origin());
    // below another of the provider's addresses; never a root itself
    let Some(path) = below else { return format!("{}/", url.path()) != base.path() };
    let lower = path.to_ascii_lowercase();
    let disguised = ["$", "%24", "%2f", "%5c"].iter().any(|mark| lower.contains(mark));
    let first = path.split('/').next().unwrap_or_default();
    let plain = !first.is_empty() && !first.starts_with('_') && !first.contains('%');
    // whatever is spelled as a type is taken for one, be it R4's or the server's own
    let is_type = first.starts_with(|c: char| c.is_ascii_uppercase()) && first.bytes().all(|b| b.is_ascii_alphabetic());
    url.query().is_none() && !disguised && plain && (first == "Binary" || !is_type)
}

impl Federation {
    /// Opens it. The caller sends nothing of it before its release has committed. The provider's deadline covers all until its
    /// first bytes, and then each wait for more.
    ///
    /// # Errors
    /// Why it cannot be opened: `Elsewhere` where its address is not below the source's base, or no file's, `TooLarge` past
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
        if !provider.bases().all(|base| is_of_a_file(&url, base)) {
            return Err(Failure::Elsewhere);
        }
        let (deadline, freshness) = (Instant::now() + provider.deadline, Freshness::default());
        let call = Asked { provider, question, request, began: Timestamp::now(), deadline, freshness };
        let incoming = self.calls.open(call, url, self.max_document_bytes).await?;
        let declared = incoming.content_type.as_deref().or(asked.announced).unwrap_or("application/octet-stream");
        let content_type = declared.to_owned();
        let media = MediaType::of(&content_type);
        if !is_media_type(&content_type) || is_a_sign_in_page(&media, asked.announced) {
            return Err(Failure::NotDocument);
        }
        if is_json(&media) {
            let opened = self.resource(provider, incoming, content_type, question.sensitivities).await?;
            return if opened.is_in_its_context(&asked) { Ok(opened) } else { Err(Failure::NotDocument) };
        }
        // a resource all the same, whose labels could not be read
        if media.essence().contains("fhir") {
            return Err(Failure::NotDocument);
        }
        Ok(SourceDocument::of(content_type, incoming.length, incoming.into_stream()))
    }

    /// Some servers send a Binary as a resource whatever they are asked for: then what it holds is the document. JSON that is
    /// no resource is one itself, any other resource none. Either is read whole first, so it is held to what any other answer is.
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
            let itself = || Unwrapped { content_type, bytes: bytes.clone(), labels: Labels::default(), context: None };
            let Unwrapped { content_type, bytes, labels, context } = found.unwrap_or_else(itself);
            let length = u64::try_from(bytes.len()).ok();
            let body = stream::once(future::ready(Ok(bytes))).boxed();
            Ok(SourceDocument { content_type, length, labels, context, body })
        })
        .await?
    }
}

impl SourceDocument {
    /// One that says nothing of how sensitive it is.
    pub fn of(content_type: String, length: Option<u64>, body: DocumentBody) -> Self {
        Self { content_type, length, labels: Labels::default(), context: None, body }
    }

    /// Whether what it is to be as sensitive as is what refers to it, or the patient: nothing else was decided about.
    fn is_in_its_context(&self, asked: &DocumentQuestion<'_>) -> bool {
        let Some(context) = &self.context else { return true };
        match target(context, asked.provider) {
            Target::Local { resource_type: "Patient", id } if asked.resolution.knows(id) => true,
            Target::Local { resource_type, id } => asked.referrers.contains(&&*format!("{resource_type}/{id}")),
            Target::Contained(_) | Target::Elsewhere => false,
        }
    }
}

/// What a Binary resource holds.
struct Unwrapped {
    content_type: String,
    bytes: Bytes,
    labels: Labels,
    context: Option<String>,
}

/// `None` of a JSON document that is no resource.
fn unwrapped(bytes: &Bytes, limits: &mut Limits, sensitivities: &Sensitivities) -> Result<Option<Unwrapped>, Failure> {
    let mut tape = Tape::new();
    let resource = json::parse(bytes, limits, &mut tape).map_err(|_| Failure::NotJson)?;
    match resource.get("resourceType") {
        Some(name) if name.as_str().as_deref() == Some("Binary") => {}
        Some(_) => return Err(Failure::NotDocument),
        None => return Ok(None),
    }
    // one that names none that can be read is in no context that could be looked at
    let context = resource.get("securityContext").map(|context| reference_of(context)).transpose()?;
    let content_type = resource.text("contentType").filter(|declared| is_media_type(declared));
    // <https://hl7.org/fhir/R4/datatypes.html#base64Binary>: with white space, perhaps
    let data = resource.text("data").map(|data| data.split_ascii_whitespace().collect::<String>());
    let data = data.and_then(|data| BASE64.decode(data.as_bytes()).ok());
    let (content_type, data) = content_type.zip(data).ok_or(Failure::NotDocument)?;
    let labels = marks::labels_of(resource, sensitivities)?;
    Ok(Some(Unwrapped { content_type: content_type.into_owned(), bytes: data.into(), labels, context }))
}

fn reference_of(value: Value<'_>) -> Result<String, Failure> {
    value.text("reference").map(|address| address.into_owned()).ok_or(Failure::NotDocument)
}

/// In whatever version of FHIR or none, and whatever it says of its characters: it is read, or is none.
fn is_json(media: &MediaType<'_>) -> bool {
    let essence = media.essence();
    essence.ends_with("+json") || matches!(essence, "application/json" | "text/json" | "application/json+fhir")
}

/// It is written into a header and into the audit. Where a header's values may be listed, a comma begins another type: who
/// reads it must not find another than we did.
fn is_media_type(text: &str) -> bool {
    let essence = text.split(';').next().unwrap_or_default().trim();
    let token =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b));
    let parts = essence.split_once('/');
    text.len() <= 200
        && text.bytes().all(|b| b != b',' && (b == b' ' || b.is_ascii_graphic()))
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
    use crate::federation::{
        question::Asker,
        testing::{patient, patient_json, provider, requester, resolution, sensitivities},
    };

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
        let Unwrapped { content_type, bytes, labels, context } = read(
            r#"{"resourceType":"Binary","meta":{"security":[{"code":"R"}]},"contentType":"text/plain","data":"aGVs\nbG8=",
                "securityContext":{"reference":"DocumentReference/1"}}"#,
        )
        .unwrap()
        .unwrap();
        assert_eq!((content_type.as_str(), &bytes[..], labels.restricted()), ("text/plain", &b"hello"[..], true));
        assert_eq!(context.as_deref(), Some("DocumentReference/1"));
        assert!(read(r#"{"results":[1]}"#).is_ok_and(|found| found.is_none()));
        for (bad, failure) in [
            (r#"{"resourceType":"OperationOutcome"}"#, Failure::NotDocument),
            (r#"{"resourceType":"Bundle"}"#, Failure::NotDocument),
            (r#"{"resourceType":["Observation"]}"#, Failure::NotDocument),
            (
                r#"{"resourceType":"Binary","contentType":"text/plain","data":"","securityContext":{"display":"x"}}"#,
                Failure::NotDocument,
            ),
            (r#"{"resourceType":"Binary","contentType":"text/plain"}"#, Failure::NotDocument),
            (r#"{"resourceType":"Binary","contentType":"text/plain","data":"a"}"#, Failure::NotDocument),
            (r#"{"resourceType":"Binary","contentType":"a\nb/c","data":""}"#, Failure::NotDocument),
            (r#"{"resourceType":"Binary""#, Failure::NotJson),
        ] {
            assert_eq!(read(bad).map(drop), Err(failure), "{bad}");
        }
    }

    #[test]
    fn only_a_file_or_a_binary_below_the_base_is_fetched() {
        let base: Url = "https://rz901.example/fhir/".parse().unwrap();
        let fetched = |address: &str| is_of_a_file(&base.join(address).unwrap(), &base);
        for good in ["Binary/9", "Binary/9/_history/2", "files/2024/Letter%201.pdf", "letter-9.pdf", "./x/../files/9"] {
            assert!(fetched(good), "{good}");
        }
        for bad in [
            "Observation?patient=2",
            "Binary/9?_format=json",
            "Observation/2",
            "Patient/2/$everything",
            "files/%24everything",
            "x/../Observation/2",
            "x%2f..%2fObservation/2",
            "x/..%5CObservation/2",
            "Obs%65rvation/2",
            "/fhir//Observation/2",
            "_search",
            "SomethingOfRSix/2",
            "",
            "/fhir",
        ] {
            assert!(!fetched(bad), "{bad}");
        }
    }

    #[test]
    fn what_is_json_in_any_spelling_is_read_before_it_is_passed_on() {
        for json in [
            "application/fhir+json; fhirVersion=4.0.1",
            "Application/FHIR+JSON;charset=latin1",
            "application/json",
            "text/json;x=y",
            "application/hal+json",
            "application/json+fhir",
        ] {
            assert!(is_json(&MediaType::of(json)), "{json}");
        }
        assert!(!is_json(&MediaType::of("application/fhir+xml")) && !is_json(&MediaType::of("application/pdf")));
    }

    #[test]
    fn a_binary_is_passed_on_only_in_the_context_that_was_decided_about() {
        let (provider, requester) = (Arc::new(provider("RZ901")), requester());
        let held = resolution(&provider, &[patient_json("1", "")]).unwrap();
        let (numbers, sensitivities) = (patient().into(), sensitivities());
        let asked = DocumentQuestion {
            provider: &provider,
            address: "Binary/9",
            announced: None,
            referrers: &["DocumentReference/7"],
            resolution: &held,
            question: Question::new(&numbers, 0, &sensitivities, Asker::of(&requester)),
        };
        for (context, passes) in [
            (None, true),
            (Some("DocumentReference/7"), true),
            (Some("https://rz901.example/fhir/DocumentReference/7/_history/1"), true),
            (Some("Patient/1"), true),
            (Some("Patient/2"), false),
            (Some("DocumentReference/8"), false),
            (Some("Encounter/7"), false),
            (Some("https://other.example/fhir/DocumentReference/7"), false),
            (Some("#1"), false),
        ] {
            let context = context.map(str::to_owned);
            let document = SourceDocument::of("text/plain".to_owned(), None, stream::empty().boxed());
            let document = SourceDocument { context, ..document };
            assert_eq!(document.is_in_its_context(&asked), passes, "{:?}", document.context);
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
        assert!(!is_media_type("text/plain;,text/html") && !is_media_type("text/plain, text/html"));
        assert!(is_media_type("text/plain; charset=\"utf-8\"") && !is_media_type("text") && !is_media_type("text/a b"));
    }
}
