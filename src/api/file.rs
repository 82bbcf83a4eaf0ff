//! A document on its way through: from its source to the caller, a piece at a time, on a task of its own. It keeps its
//! place among the requests under way until it ends, and neither a slow source nor a slow caller keeps it for ever.

use crate::{domain::RequestId, record::File};
use actix_web::{
    body::{BodyStream, BoxBody, MessageBody, SizedStream},
    rt,
};
use bytes::Bytes;
use futures::{StreamExt, stream};
use std::time::Duration;
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::{Instant, timeout},
};

/// A place among the requests under way, and whose it is.
pub struct Place {
    request: RequestId,
    /// Given back by being dropped.
    _permit: OwnedSemaphorePermit,
}

impl Place {
    pub fn new(permit: OwnedSemaphorePermit, request: RequestId) -> Self {
        Self { request, _permit: permit }
    }
}

/// How long it may be waited for without a byte that passes; at less than this pace, in bytes a second, that runs out.
const PATIENCE: Duration = Duration::from_secs(30);
const PACE: u32 = 16 << 10;

/// How long all of it may take: the largest that is passed on needs a line of one megabit a second.
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// Types that a browser shows and does not run: all others are kept from being opened in place.
const SHOWN: [&str; 4] = ["text/plain", "application/pdf", "image/", "audio/"];

/// The document did not pass whole. Whoever reads it finds the connection ended too soon.
#[derive(Debug, thiserror::Error)]
#[error("the document ended too soon")]
struct Broken;

/// `inline` for what cannot run in a browser; SVG can.
pub fn disposition(content_type: &str) -> &'static str {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let shown = SHOWN.iter().any(|shown| essence == *shown || (shown.ends_with('/') && essence.starts_with(shown)));
    if shown && !essence.contains("svg") && !essence.contains("xml") { "inline" } else { "attachment" }
}

/// The body that passes it on.
pub fn body(file: File, place: Option<Place>) -> BoxBody {
    let (length, source) = (file.length, file.source);
    let (to, from) = mpsc::channel(1);
    rt::spawn(async move {
        let outcome = pass(file, &to, PATIENCE, LONGEST).await;
        metrics::counter!("caregate_documents_total", "provider" => source.to_string(), "outcome" => outcome)
            .increment(1);
        let request = place.as_ref().map(|place| place.request.to_string());
        if outcome != WHOLE {
            tracing::warn!(request.id = request, provider.ods = %source, outcome, "a released document did not pass whole");
        }
        drop(place);
    });
    // only what says that it was all ends well: a task that is gone has not said so
    let passed = stream::unfold(Some(from), async |from: Option<mpsc::Receiver<Option<Bytes>>>| {
        let mut from = from?;
        match from.recv().await {
            Some(Some(bytes)) => Some((Ok(bytes), Some(from))),
            Some(None) => None,
            None => Some((Err(Broken), None)),
        }
    });
    match length {
        Some(length) => SizedStream::new(length, Box::pin(passed)).boxed(),
        None => BodyStream::new(Box::pin(passed)).boxed(),
    }
}

const WHOLE: &str = "whole";

/// Passes it on to its end, and says how it ended.
async fn pass(file: File, to: &mpsc::Sender<Option<Bytes>>, most: Duration, longest: Duration) -> &'static str {
    timeout(longest, paced(file, to, most)).await.unwrap_or("too-slow")
}

async fn paced(mut file: File, to: &mpsc::Sender<Option<Bytes>>, most: Duration) -> &'static str {
    let mut patience = most;
    loop {
        let began = Instant::now();
        let step = async {
            let next = file.body.next().await.transpose().map_err(|failure| failure.code())?;
            let bytes = next.as_ref().map(|bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX));
            to.send(next).await.map_err(|_| "caller-gone")?;
            Ok(bytes)
        };
        match timeout(patience, step).await {
            Err(_) => return "too-slow",
            Ok(Err(outcome)) => return outcome,
            Ok(Ok(None)) => return WHOLE,
            Ok(Ok(Some(bytes))) => {
                let earned = Duration::from_secs(1) * bytes / PACE;
                patience = patience.saturating_sub(began.elapsed()).saturating_add(earned).min(most);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::OdsCode, federation::Failure};
    use futures::Stream;

    fn file(body: impl Stream<Item = Result<Bytes, Failure>> + Send + 'static) -> File {
        let source = OdsCode::parse("RZ901").unwrap();
        File { source, content_type: "text/plain".into(), length: None, body: body.boxed() }
    }

    fn byte() -> Result<Bytes, Failure> {
        Ok(Bytes::from_static(b"x"))
    }

    /// How it ends, and the pieces that came before.
    async fn passed(body: impl Stream<Item = Result<Bytes, Failure>> + Send + 'static) -> (&'static str, usize, bool) {
        let (to, mut from) = mpsc::channel::<Option<Bytes>>(1);
        let took = tokio::spawn(async move {
            let (mut pieces, mut ended) = (0, false);
            while let Some(piece) = from.recv().await {
                pieces += usize::from(piece.is_some());
                ended |= piece.is_none();
            }
            (pieces, ended)
        });
        let outcome = pass(file(body), &to, Duration::from_millis(60), LONGEST).await;
        drop(to);
        let (pieces, ended) = took.await.unwrap();
        (outcome, pieces, ended)
    }

    #[tokio::test]
    async fn only_a_document_that_passed_whole_is_said_to_have_ended() {
        assert_eq!(passed(stream::iter([byte(), byte()])).await, (WHOLE, 2, true));
        assert_eq!(passed(stream::iter([byte(), Err(Failure::Cut)])).await, ("cut", 1, false));
        assert_eq!(passed(stream::iter([byte()]).chain(stream::pending())).await, ("too-slow", 1, false));
    }

    #[tokio::test]
    async fn neither_a_source_that_drips_nor_a_caller_who_does_not_read_keeps_a_place_for_ever() {
        let drip = stream::repeat_with(byte).then(async |byte| {
            tokio::time::sleep(Duration::from_millis(2)).await;
            byte
        });
        let (outcome, pieces, ended) = passed(drip).await;
        assert!(outcome == "too-slow" && pieces > 0 && !ended, "{outcome} {pieces}");

        let (to, from) = mpsc::channel(1);
        assert_eq!(pass(file(stream::repeat_with(byte)), &to, Duration::from_millis(20), LONGEST).await, "too-slow");
        drop(from);
        assert_eq!(pass(file(stream::repeat_with(byte)), &to, Duration::from_millis(20), LONGEST).await, "caller-gone");
    }

    #[tokio::test]
    async fn one_that_keeps_its_pace_for_ever_ends_all_the_same() {
        let endless = stream::repeat_with(|| Ok(Bytes::from(vec![0; 1 << 20]))).then(async |piece| {
            tokio::time::sleep(Duration::from_millis(1)).await;
            piece
        });
        let (to, mut from) = mpsc::channel::<Option<Bytes>>(1);
        let reading = tokio::spawn(async move { while from.recv().await.is_some() {} });
        assert_eq!(pass(file(endless), &to, PATIENCE, Duration::from_millis(50)).await, "too-slow");
        drop(to);
        reading.await.unwrap();
    }

    #[test]
    fn what_a_browser_could_run_is_not_opened_in_place() {
        for shown in ["text/plain; charset=utf-8", "Application/PDF", "image/png", "audio/ogg"] {
            assert_eq!(disposition(shown), "inline", "{shown}");
        }
        for kept in
            ["text/html", "image/svg+xml", "image/SVG", "application/xml", "text/xml", "application/octet-stream", "x"]
        {
            assert_eq!(disposition(kept), "attachment", "{kept}");
        }
    }
}
