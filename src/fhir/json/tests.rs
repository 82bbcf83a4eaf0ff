use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use serde::de::IgnoredAny;

fn read(text: &str) -> Result<(), JsonFault> {
    parse(text.as_bytes(), &mut Limits::default(), &mut Tape::new()).map(|_| ())
}

/// What serde_json would have made of it, built through the cursor alone.
fn tree(value: Value<'_>) -> serde_json::Value {
    match value.kind() {
        Kind::Object => value.members().map(|(k, v)| (k.into_owned(), tree(v))).collect(),
        Kind::Array => value.items().map(tree).collect(),
        Kind::String => value.as_str().unwrap().into(),
        Kind::True | Kind::False => value.as_bool().unwrap().into(),
        Kind::Null => serde_json::Value::Null,
        // not by serde_json, which is off by one in a float's last digit now and then
        Kind::Number => match value.raw_str().parse::<i64>() {
            Ok(whole) => whole.into(),
            Err(_) => value.raw_str().parse::<f64>().unwrap().into(),
        },
    }
}

#[test]
fn what_is_not_strict_json_is_refused_and_says_where() {
    use JsonFault::*;
    for (text, fault) in [
        ("", Truncated),
        (" \n", Truncated),
        ("{", Truncated),
        ("[1", Truncated),
        ("\"ab", Truncated),
        ("\"a\\", Truncated),
        ("\"\\u12", Truncated),
        ("tru", Truncated),
        ("-", Truncated),
        ("1e", Truncated),
        ("{\"a\"", Truncated),
        ("{\"a\":", Truncated),
        ("[,1]", Syntax(1)),
        ("[1,]", Syntax(3)),
        ("[1}", Syntax(2)),
        ("{\"a\":1]", Syntax(6)),
        ("{\"a\":1,}", Syntax(7)),
        ("{\"a\" 1}", Syntax(5)),
        ("{1:2}", Syntax(1)),
        ("{\"a\"}", Syntax(4)),
        ("nul!", Syntax(0)),
        ("nullx", Trailing(4)),
        ("'a'", Syntax(0)),
        ("NaN", Syntax(0)),
        ("[1 2]", Syntax(3)),
        ("[1]/**/", Trailing(3)),
        ("{} {}", Trailing(3)),
        ("\u{a0}1", Syntax(0)),
        ("\u{feff}1", Bom),
        ("01", Number(0)),
        ("-01", Number(0)),
        ("1.", Truncated),
        ("[1.]", Number(1)),
        ("[.5]", Syntax(1)),
        ("[+5]", Syntax(1)),
        ("[-a]", Number(1)),
        ("[1e+]", Number(1)),
        ("[0x10]", Number(1)),
        ("[1_0]", Syntax(2)),
        ("\"a\nb\"", ControlCharacter(2)),
        ("\"abcdefgh\u{1f}\"", ControlCharacter(9)),
        ("\"\0\"", ControlCharacter(1)),
        ("\"\\u0000\"", Nul(1)),
        ("\"\\x41\"", Escape(1)),
        ("\"\\u00g1\"", Escape(1)),
        ("\"\\ud800\"", LoneSurrogate(1)),
        ("\"\\ud800x\"", LoneSurrogate(1)),
        ("\"\\ud800\\n\"", LoneSurrogate(1)),
        ("\"\\ud800\\ud800\"", LoneSurrogate(1)),
        ("\"\\udc00\"", LoneSurrogate(1)),
        ("{\"subject\":1,\"subject\":2}", DuplicateKey(13)),
        ("{\"subject\":1,\"\\u0073ubject\":2}", DuplicateKey(13)),
        ("[{\"a\":{\"b\":1,\"c\":2,\"b\":3}}]", DuplicateKey(19)),
    ] {
        assert_eq!(read(text), Err(fault), "{text:?}");
    }
    let mut tape = Tape::new();
    assert_eq!(parse(b"\"a\xff\"", &mut Limits::default(), &mut tape).err(), Some(Utf8(2)));
    assert_eq!(parse(b"\"\xed\xa0\x80\"", &mut Limits::default(), &mut tape).err(), Some(Utf8(1)), "a CESU surrogate");
    assert_eq!(parse(b"\"\xc0\x80\"", &mut Limits::default(), &mut tape).err(), Some(Utf8(1)), "an overlong NUL");
}

/// Eight bytes are looked at together: each byte must count at each place among them, and beside non-ASCII neighbours.
#[test]
fn every_byte_counts_at_every_place_in_a_string() {
    for (filler, byte, at) in ["x", "é", "\u{10ffff}"]
        .into_iter()
        .flat_map(|f| (0..0x80_u8).flat_map(move |b| (0..20).map(move |at| (f, b, at))))
    {
        let text = format!("\"{}{}{}\"", filler.repeat(at), char::from(byte), filler.repeat(19 - at));
        let place = 1 + filler.len() * at;
        match (read(&text), byte) {
            (Err(JsonFault::ControlCharacter(p)), ..0x20) => assert_eq!(p, place),
            (Err(JsonFault::Trailing(p)), b'"') => assert_eq!(p, place + 1),
            (Err(JsonFault::Escape(_) | JsonFault::Truncated), b'\\') => {}
            (Ok(()), 0x20..) if byte != b'"' && byte != b'\\' => {}
            (other, _) => panic!("{other:?} for {byte:#x} at {at}"),
        }
    }
}

#[test]
fn any_number_of_keys_must_differ_however_they_are_spelt() {
    let many: Vec<String> = (0..5_000).map(|n| format!("\"key{n}\":0")).collect();
    assert_eq!(read(&format!("{{{}}}", many.join(","))), Ok(()));
    assert!(matches!(read(&format!("{{{},\"\\u006bey4711\":0}}", many.join(","))), Err(JsonFault::DuplicateKey(_))));
    assert_eq!(read("{\"a\":{\"a\":1},\"b\":{\"a\":1},\"A\":2}"), Ok(()), "only within one object");
}

#[test]
fn a_number_keeps_its_digits() {
    let mut tape = Tape::new();
    let text = br#"[1.10, 12345678901234567.00, 1e999, -0.0, 1E-7]"#;
    let read = parse(text, &mut Limits::default(), &mut tape).unwrap();
    let raw: Vec<_> = read.items().map(Value::raw_str).collect();
    assert_eq!(raw, ["1.10", "12345678901234567.00", "1e999", "-0.0", "1E-7"]);
}

#[test]
fn a_hundred_thousand_brackets_are_a_fault_and_no_overflow() {
    for open in ["[", "{\"a\":", "[{\"a\":"] {
        assert!(matches!(read(&open.repeat(100_000)), Err(JsonFault::TooDeep(_))));
    }
    let mut deep = Limits { depth: u32::MAX, nodes: u32::MAX };
    let nested = "[".repeat(100_000) + &"]".repeat(100_000);
    assert!(parse(nested.as_bytes(), &mut deep, &mut Tape::new()).is_ok());
    let just = "[".repeat(64) + &"]".repeat(64);
    assert_eq!(read(&just), Ok(()));
    assert_eq!(read(&format!("[{just}]")), Err(JsonFault::TooDeep(64)));
}

#[test]
fn nodes_are_spent_over_all_the_texts_of_one_answer() {
    let mut limits = Limits { depth: 9, nodes: 8 };
    let mut tape = Tape::new();
    assert!(parse(b"{\"a\":[1,2]}", &mut limits, &mut tape).is_ok());
    assert_eq!(limits.nodes, 3);
    assert_eq!(parse(b"[1,2,3]", &mut limits, &mut tape).err(), Some(JsonFault::TooManyNodes(5)));
}

#[test]
fn a_cursor_finds_members_items_and_paths_and_shows_no_content() {
    let text = r#" { "a" : [ {"b":{"c":"x\n\u00e9\ud83d\ude00"}}, {"b":[{"c":"y"},{"c":["z"]}]}, [{"b":{"c":"no"}}] ], "\u0064": null } "#;
    let mut tape = Tape::new();
    let value = parse(text.as_bytes(), &mut Limits::default(), &mut tape).unwrap();
    let mut found = Vec::new();
    value.each("a.b.c", &mut |v| found.push(v.as_str().unwrap().into_owned()));
    assert_eq!(found, ["x\né😀", "y", "z"]);
    assert_eq!(value.get("d").unwrap().raw(), b"null");
    assert_eq!(value.get("a").unwrap().items().count(), 3);
    assert_eq!(&text[value.span()], text.trim());
    assert!(value.get("c").is_none() && value.get("a").unwrap().get("b").is_none());
    assert!(value.as_str().is_none() && value.items().next().is_none());
    assert_eq!(format!("{value:?}"), format!("Value(Object at 1..{})", text.len() - 1));
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        (-1e9..1e9_f64).prop_map(Into::into),
        text().prop_map(Into::into),
    ];
    leaf.prop_recursive(6, 80, 24, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
            vec((text(), inner), 0..24).prop_map(|m| m.into_iter().collect()),
        ]
    })
}

/// Any text FHIR lets pass, rich in what has to be escaped.
fn text() -> impl Strategy<Value = String> {
    "([\u{1}-\u{1f}\"\\\\/]|[a-c]|\\PC|[\u{10000}-\u{10fff}]){0,12}"
}

/// Each character as itself where JSON lets it, or as `\u` escapes where `escape` says so.
fn spell(text: &str, escape: &mut impl FnMut() -> bool) -> String {
    let mut said = String::from("\"");
    for c in text.chars() {
        if c < ' ' || c == '"' || c == '\\' || escape() {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| said += &format!("\\u{unit:04X}"));
        } else {
            said.push(c);
        }
    }
    said + "\""
}

fn write(value: &serde_json::Value, escape: &mut impl FnMut() -> bool) -> String {
    match value {
        serde_json::Value::String(s) => spell(s, escape),
        serde_json::Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|i| write(i, escape)).collect();
            format!("[ {}\t]", items.join(" ,"))
        }
        serde_json::Value::Object(members) => {
            let members: Vec<_> =
                members.iter().map(|(k, v)| format!("{} :\r\n{}", spell(k, escape), write(v, escape))).collect();
            format!("{{{}}}", members.join(","))
        }
        scalar => scalar.to_string(),
    }
}

proptest! {
    #[test]
    fn every_json_value_reads_back_as_itself_however_it_is_spelt(value in any_json(), escapes in vec(any::<bool>(), 1..50)) {
        let mut turns = escapes.iter().cycle();
        let said = write(&value, &mut || *turns.next().unwrap());
        for text in [said, value.to_string()] {
            let mut tape = Tape::new();
            let read = parse(text.as_bytes(), &mut Limits::default(), &mut tape);
            prop_assert!(read.is_ok(), "{:?} {}", read, text);
            prop_assert_eq!(tree(read.unwrap()), value.clone());
        }
    }

    /// Soup of everything JSON is made of: right now and then, mostly wrong in every way.
    #[test]
    fn it_reads_just_what_serde_json_reads_but_for_its_stricter_rules(
        soup in vec(proptest::sample::select(vec![
            "{", "}", "[", "]", ",", ":", "\"", "\"a\"", "\"b\":", "\\", "\\u", "00", "d8", "\\udc00", "0", "-", "1", ".", "e", "+",
            "true", "false", "null", "nul", " ", "\n", "\t", "\u{1}", "\u{b}", "é", "\u{feff}", "[]", "{}", "\"\\n\"",
        ]), 0..9)
    ) {
        let text = soup.concat();
        let ours = read(&text);
        let serde = serde_json::from_str::<IgnoredAny>(&text);
        match ours {
            Ok(()) => prop_assert!(serde.is_ok(), "{:?} was read", text),
            Err(JsonFault::DuplicateKey(_) | JsonFault::LoneSurrogate(_) | JsonFault::Nul(_)) => {}
            Err(fault) => prop_assert!(serde.is_err(), "{:?} gave {}", text, fault),
        }
    }

    #[test]
    fn a_text_with_bytes_changed_cut_or_put_in_never_panics_nor_lets_bad_json_through(
        value in any_json(), hits in vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..6)
    ) {
        let mut bytes = value.to_string().into_bytes();
        for (at, byte, how) in hits {
            if bytes.is_empty() { break }
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.truncate(at),
                _ => bytes.insert(at, byte),
            }
        }
        let mut tape = Tape::new();
        if let Ok(value) = parse(&bytes, &mut Limits::default(), &mut tape) {
            prop_assert!(serde_json::from_slice::<IgnoredAny>(&bytes).is_ok());
            let mut count = 0;
            value.each("a.b", &mut |v| count += v.raw().len());
            prop_assert!(count <= bytes.len());
        }
    }
}

/// `cargo test --release --lib fhir::json -- --ignored --nocapture`; the dev profile is several times slower.
#[test]
#[ignore = "a measurement, not a check; reads ../shared/data/region where it is there"]
fn speed_against_a_bare_scan() {
    let Some(bundle) = region_bundle() else { return println!("no ../shared/data/region: nothing measured") };
    let megabytes = bundle.len() as f64 / 1e6;
    let best = |mut f: Box<dyn FnMut() + '_>| {
        (0..40)
            .map(|_| {
                let start = std::time::Instant::now();
                f();
                megabytes / start.elapsed().as_secs_f64()
            })
            .fold(0.0, f64::max)
    };
    let mut tape = Tape::new();
    let scan = best(Box::new(|| assert!(serde_json::from_slice::<IgnoredAny>(&bundle).is_ok())));
    let ours = best(Box::new(|| {
        let each = |_: crate::fhir::bundle::BundleEntry<'_>| Ok::<_, crate::fhir::bundle::BundleFault>(());
        crate::fhir::bundle::read(&bundle, &mut Limits::default(), &mut tape, each).map(drop).unwrap();
    }));
    println!("{megabytes:.2} MB: IgnoredAny {scan:.0} MB/s, bundle::read {ours:.0} MB/s, ratio {:.2}", ours / scan);
}

fn region_bundle() -> Option<Vec<u8>> {
    let region = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/region");
    let mut entries = Vec::new();
    for provider in std::fs::read_dir(region).ok()?.flatten().filter(|e| e.path().is_dir()) {
        for file in std::fs::read_dir(provider.path()).ok()?.flatten() {
            let text = std::fs::read_to_string(file.path()).ok()?;
            entries.extend(text.lines().filter(|l| !l.is_empty()).map(|l| format!("{{\"resource\":{l}}}")));
        }
    }
    Some(
        format!("{{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"entry\":[{}]}}", entries.join(","))
            .into_bytes(),
    )
}
