use crate::{
    domain::OdsCode,
    federation::{DocumentBody, Failure, SourceDocument},
};
use bytes::{Bytes, BytesMut};
use data_encoding::BASE64;
use futures::{StreamExt, future, stream};

/// A body that comes while it is sent. One that ends with a failure was not whole.
pub struct File {
    pub source: OdsCode,
    pub content_type: String,
    /// In bytes, where it is known.
    pub length: Option<u64>,
    pub body: DocumentBody,
}

impl File {
    /// The source's own bytes.
    pub fn native(source: OdsCode, document: SourceDocument) -> Self {
        let SourceDocument { content_type, length, body, .. } = document;
        Self { source, content_type, length, body }
    }

    /// A resource that holds them in base64: `head` is all of its JSON up to the data.
    pub fn resource(source: OdsCode, content_type: &str, head: String, document: SourceDocument) -> Self {
        const TAIL: &[u8] = b"\"}";
        let outside = head.len() as u64 + TAIL.len() as u64;
        let encoded = document.body.map(Some).chain(stream::once(future::ready(None))).scan(
            BytesMut::new(),
            // three bytes become four characters: what is left of one piece goes before the next
            |left, piece| future::ready(Some(encoded(left, piece))),
        );
        let head = stream::once(future::ready(Ok(Bytes::from(head))));
        let tail = stream::once(future::ready(Ok(Bytes::from_static(TAIL))));
        Self {
            source,
            content_type: content_type.to_owned(),
            length: document.length.map(|length| outside + length.div_ceil(3) * 4),
            body: head.chain(encoded).chain(tail).boxed(),
        }
    }
}

/// The next piece in base64; the last, for `None`, is what was left, padded.
fn encoded(left: &mut BytesMut, piece: Option<Result<Bytes, Failure>>) -> Result<Bytes, Failure> {
    let last = piece.is_none();
    left.extend_from_slice(&piece.transpose()?.unwrap_or_default());
    let whole = if last { left.len() } else { left.len() - left.len() % 3 };
    Ok(BASE64.encode(&left.split_to(whole)).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;
    use proptest::prelude::*;

    fn resource(pieces: Vec<Result<Bytes, Failure>>, length: Option<u64>) -> File {
        let content_type = "text/plain".to_owned();
        let document = SourceDocument::of(content_type, length, stream::iter(pieces).boxed());
        let ods = OdsCode::parse("RZ901").unwrap();
        File::resource(ods, "application/fhir+json", r#"{"data":""#.to_owned(), document)
    }

    proptest! {
        #[test]
        fn however_a_document_is_cut_into_pieces_its_resource_holds_it_whole(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..7), 0..6)
        ) {
            let whole = pieces.concat();
            let file = resource(pieces.into_iter().map(|piece| Ok(piece.into())).collect(), Some(whole.len() as u64));
            let sent = block_on(file.body.map(Result::unwrap).collect::<Vec<_>>()).concat();
            prop_assert_eq!(&sent, &format!(r#"{{"data":"{}"}}"#, BASE64.encode(&whole)).into_bytes());
            prop_assert_eq!(file.length, Some(sent.len() as u64));
        }
    }

    #[test]
    fn a_document_that_is_cut_off_fails_in_its_resource_too() {
        let file = resource(vec![Ok(Bytes::from_static(b"abcd")), Err(Failure::Cut)], None);
        let sent: Vec<_> = block_on(file.body.collect());
        assert!(sent.contains(&Err(Failure::Cut)) && file.length.is_none());
    }
}
