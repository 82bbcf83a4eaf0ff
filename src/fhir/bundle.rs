//! A searchset read entry by entry: each is on the tape only while it is looked at, so that an answer of any size costs
//! the memory of its largest entry. <https://hl7.org/fhir/R4/bundle.html>
//!
//! Promises: every byte of the text has been checked once [`read`] answers `Ok`, the order of the Bundle's members does
//! not matter, and until then nothing an entry said may be believed: keep it aside.

use super::json::{JsonFault, Kind, Limits, Reader, Tape, Value};
use std::borrow::Cow;
use std::collections::HashSet;

/// What the Bundle says of itself. A text that is no Bundle has another `resource_type`, or none at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BundleHead {
    pub resource_type: Option<String>,
    pub bundle_type: Option<String>,
    /// The `next` link, as the source wrote it: not checked to lead anywhere good.
    pub next: Option<String>,
    /// How many matches it says there are, over all pages.
    pub total: Option<u64>,
}

impl BundleHead {
    pub fn is_searchset(&self) -> bool {
        self.resource_type.as_deref() == Some("Bundle") && self.bundle_type.as_deref() == Some("searchset")
    }
}

/// One element of `Bundle.entry`; its spans are places in the whole text.
#[derive(Clone, Copy, Debug)]
pub struct BundleEntry<'a>(Value<'a>);

impl<'a> BundleEntry<'a> {
    pub fn value(self) -> Value<'a> {
        self.0
    }

    pub fn resource(self) -> Option<Value<'a>> {
        self.0.get("resource").filter(|r| r.kind() == Kind::Object)
    }

    pub fn full_url(self) -> Option<Cow<'a, str>> {
        self.0.text("fullUrl")
    }

    /// match, include or outcome. <https://hl7.org/fhir/R4/valueset-search-entry-mode.html>
    pub fn search_mode(self) -> Option<Cow<'a, str>> {
        self.0.get("search")?.text("mode")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleFault {
    #[error(transparent)]
    Json(#[from] JsonFault),
    /// JSON, but this member of it is not what FHIR says it is, or says two things.
    #[error("Bundle.{0} is not what FHIR says it is")]
    Shape(&'static str),
}

/// Reads a Bundle, calling `each` with its entries in order; the first error, its or the text's, ends it.
pub fn read<E: From<BundleFault>>(
    bytes: &[u8],
    limits: &mut Limits,
    tape: &mut Tape,
    mut each: impl FnMut(BundleEntry<'_>) -> Result<(), E>,
) -> Result<BundleHead, E> {
    let mut reader = Reader::new(bytes).map_err(BundleFault::Json)?;
    let mut head = BundleHead::default();
    if reader.take(b'{') {
        members(&mut reader, limits, tape, &mut head, &mut each)?;
    } else {
        reader.value(limits, 0, tape).map_err(BundleFault::Json)?;
    }
    reader.end().map_err(BundleFault::Json)?;
    Ok(head)
}

fn members<'a, E: From<BundleFault>>(
    reader: &mut Reader<'a>,
    limits: &mut Limits,
    tape: &mut Tape,
    head: &mut BundleHead,
    each: &mut impl FnMut(BundleEntry<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut seen = HashSet::new();
    while !reader.take(b'}') {
        if !seen.is_empty() && !reader.take(b',') {
            return Err(BundleFault::Json(reader.unexpected()).into());
        }
        let (at, key) = reader.member(limits).map_err(BundleFault::Json)?;
        if !seen.insert(key.clone()) {
            return Err(BundleFault::Json(JsonFault::DuplicateKey(at)).into());
        }
        if key == "entry" && reader.peek() == Some(b'[') {
            entries(reader, limits, tape, each)?;
        } else {
            reader.value(limits, 1, tape).map_err(BundleFault::Json)?;
            head.note(&key, Value::root(reader.source(), tape))?;
        }
    }
    Ok(())
}

fn entries<E: From<BundleFault>>(
    reader: &mut Reader<'_>,
    limits: &mut Limits,
    tape: &mut Tape,
    each: &mut impl FnMut(BundleEntry<'_>) -> Result<(), E>,
) -> Result<(), E> {
    reader.take(b'[');
    let mut first = true;
    while !reader.take(b']') {
        if !first && !reader.take(b',') {
            return Err(BundleFault::Json(reader.unexpected()).into());
        }
        first = false;
        reader.value(limits, 2, tape).map_err(BundleFault::Json)?;
        let entry = Value::root(reader.source(), tape);
        if entry.kind() != Kind::Object {
            return Err(BundleFault::Shape("entry").into());
        }
        each(BundleEntry(entry))?;
    }
    Ok(())
}

impl BundleHead {
    fn note(&mut self, key: &str, value: Value<'_>) -> Result<(), BundleFault> {
        match key {
            "resourceType" => self.resource_type = Some(text(value).ok_or(BundleFault::Shape("resourceType"))?),
            "type" => self.bundle_type = Some(text(value).ok_or(BundleFault::Shape("type"))?),
            "link" => self.next = next(value)?,
            // what is no unsignedInt could be a number meant: then it is not known how many there are
            "total" => self.total = Some(value.raw_str().parse().map_err(|_| BundleFault::Shape("total"))?),
            // an array was read entry by entry
            "entry" => return Err(BundleFault::Shape("entry")),
            _ => {}
        }
        Ok(())
    }
}

/// Two next links could mean two ways on, of which one would be lost without a word.
fn next(links: Value<'_>) -> Result<Option<String>, BundleFault> {
    const FAULT: BundleFault = BundleFault::Shape("link");
    if links.kind() != Kind::Array {
        return Err(FAULT);
    }
    let mut next = None;
    for link in links.items().filter(|l| l.text("relation").as_deref() == Some("next")) {
        let url = link.get("url").and_then(text).ok_or(FAULT)?;
        if next.replace(url).is_some() {
            return Err(FAULT);
        }
    }
    Ok(next)
}

fn text(value: Value<'_>) -> Option<String> {
    value.as_str().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The head, and the raw text of every entry.
    fn split(text: &str) -> Result<(BundleHead, Vec<String>), BundleFault> {
        let mut entries = Vec::new();
        let head = read(text.as_bytes(), &mut Limits::default(), &mut Tape::new(), |entry| {
            assert_eq!(&text[entry.value().span()], entry.value().raw_str());
            entries.push(entry.value().raw_str().to_owned());
            Ok::<_, BundleFault>(())
        })?;
        Ok((head, entries))
    }

    const MEMBERS: [&str; 5] = [
        r#""resourceType":"Bundle""#,
        r#""type" : "searchset""#,
        r#""link":[{"relation":"self","url":"s"},{"relation":"next","url":"http://p/n?\u0026a=1"}]"#,
        r#""entry":[{"fullUrl":"u","resource":{"a":1.10}}, {"search":{"mode":"outcome"} } ]"#,
        r#""total":7"#,
    ];

    proptest! {
        #[test]
        fn the_order_of_members_does_not_matter(order in Just(MEMBERS.to_vec()).prop_shuffle()) {
            let (head, entries) = split(&format!("{{ {} }}\n", order.join(" , "))).unwrap();
            prop_assert!(head.is_searchset());
            prop_assert_eq!(head.next.as_deref(), Some("http://p/n?&a=1"));
            prop_assert_eq!(head.total, Some(7));
            prop_assert_eq!(entries, [r#"{"fullUrl":"u","resource":{"a":1.10}}"#, r#"{"search":{"mode":"outcome"} }"#]);
        }

        #[test]
        fn a_bundle_cut_at_any_byte_or_followed_by_anything_is_refused(cut in any::<prop::sample::Index>(), more in "[!-~]") {
            let text = format!("{{{}}}", MEMBERS.join(","));
            prop_assert!(split(&text[..cut.index(text.len())]).is_err());
            prop_assert!(split(&(text + &more)).is_err());
        }
    }

    #[test]
    fn what_is_no_searchset_says_so_in_its_head() {
        for text in [
            r#"{"resourceType":"OperationOutcome","issue":[]}"#,
            r#"{"resourceType":"Bundle","type":"collection","entry":[]}"#,
            r#"{"resourceType":"Bundle"}"#,
            "{}",
            "[]",
            "\"Bundle\"",
            "null",
        ] {
            assert!(!split(text).unwrap().0.is_searchset(), "{text}");
        }
    }

    #[test]
    fn members_of_the_wrong_shape_said_twice_or_not_json_are_faults() {
        for (text, fault) in [
            (r#"{"resourceType":["Bundle"]}"#, BundleFault::Shape("resourceType")),
            (r#"{"type":{}}"#, BundleFault::Shape("type")),
            (r#"{"total":"7"}"#, BundleFault::Shape("total")),
            (r#"{"total":7.0}"#, BundleFault::Shape("total")),
            (r#"{"total":-1}"#, BundleFault::Shape("total")),
            (r#"{"total":null}"#, BundleFault::Shape("total")),
            (r#"{"entry":{}}"#, BundleFault::Shape("entry")),
            (r#"{"entry":null}"#, BundleFault::Shape("entry")),
            (r#"{"entry":[{},1]}"#, BundleFault::Shape("entry")),
            (r#"{"link":"next"}"#, BundleFault::Shape("link")),
            (r#"{"link":[{"relation":"next"}]}"#, BundleFault::Shape("link")),
            (r#"{"link":[{"relation":"next","url":"a"},{"relation":"next","url":"b"}]}"#, BundleFault::Shape("link")),
            (r#"{"entry":[],"\u0065ntry":[]}"#, BundleFault::Json(JsonFault::DuplicateKey(12))),
            (r#"{"a":1,}"#, BundleFault::Json(JsonFault::Syntax(7))),
            (r#"{,"a":1}"#, BundleFault::Json(JsonFault::Syntax(1))),
            (r#"{"a":1 "b":2}"#, BundleFault::Json(JsonFault::Syntax(7))),
            (r#"{"entry":[{},]}"#, BundleFault::Json(JsonFault::Syntax(13))),
            (r#"{"entry":[{}{}]}"#, BundleFault::Json(JsonFault::Syntax(12))),
            (r#"{} {}"#, BundleFault::Json(JsonFault::Trailing(3))),
            ("<html>", BundleFault::Json(JsonFault::Syntax(0))),
            ("", BundleFault::Json(JsonFault::Truncated)),
        ] {
            assert_eq!(split(text).err(), Some(fault), "{text}");
        }
    }

    #[test]
    fn depth_is_counted_from_the_bundle_and_nodes_over_all_entries() {
        let nested = |n: usize| format!(r#"{{"entry":[{}{}]}}"#, "{\"a\":".repeat(n) + "1", "}".repeat(n));
        assert!(split(&nested(62)).is_ok());
        assert!(matches!(split(&nested(63)), Err(BundleFault::Json(JsonFault::TooDeep(_)))));

        let mut limits = Limits { depth: 64, nodes: 10 };
        let text = format!(r#"{{"entry":[{}]}}"#, ["{}"; 20].join(","));
        let read = read(text.as_bytes(), &mut limits, &mut Tape::new(), |_| Ok::<_, BundleFault>(()));
        assert!(matches!(read, Err(BundleFault::Json(JsonFault::TooManyNodes(_)))));
    }

    #[test]
    fn the_first_entry_refused_ends_the_reading() {
        let mut seen = 0;
        let answer = read(br#"{"entry":[{},{},"#, &mut Limits::default(), &mut Tape::new(), |_| {
            seen += 1;
            if seen == 2 { Err(BundleFault::Shape("subject")) } else { Ok(()) }
        });
        assert_eq!((answer.err(), seen), (Some(BundleFault::Shape("subject")), 2));
    }
}
