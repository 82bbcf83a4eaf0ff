//! Targets for a fuzzer (CONTRIBUTING.md, "Fuzzing"): what a caller may write in a URL, in a form and in a page's token.

use super::{
    grammar::{self, Kind},
    page_token::{Cursor, Fingerprint, Gone, PageToken},
    tests::{PATIENT, setting},
    *,
};
use crate::{
    domain::{Epochs, NhsNumber, OdsCode, Timestamp},
    fhir::{ResourceType, fuzz::Dice},
};
use data_encoding::BASE64URL_NOPAD;
use std::{sync::LazyLock, time::Duration};

/// Names that no type has, or only some, beside those of the type that is asked for.
const ODD_NAMES: [&str; 8] =
    ["", "_has:Observation:patient:code", "code:not", "patient.name", "_include:iterate", "date ", "_ID", "%00"];

fn value(kind: Kind, of: ResourceType, dice: &mut Dice<'_>) -> String {
    let id = PATIENT.as_str();
    let other = "99900000-0000-4000-8000-000000000026";
    let date = |dice: &mut Dice<'_>| {
        let prefix = dice.pick(&["", "ge", "eq", "ne", "lt", "sa"]);
        format!(
            "{prefix}{}",
            dice.pick(&["2024", "2024-02-29", "2024-05-01T10:00:00.5+01:00", "2024-05-01T10:00", "9999", "soon"])
        )
    };
    let several = |dice: &mut Dice<'_>, one: &mut dyn FnMut(&mut Dice<'_>) -> String| {
        (0..=dice.below(4)).map(|_| one(dice)).collect::<Vec<_>>().join(",")
    };
    match kind {
        Kind::Patient => match dice.below(6) {
            0 | 1 => id.to_owned(),
            2 => format!("Patient/{id}"),
            3 => format!("https://caregate.example/fhir/Patient/{id}"),
            4 => other.to_owned(),
            _ => format!("{id}/_history/1"),
        },
        Kind::NhsNumber => {
            format!("{}|{}", NhsNumber::SYSTEM, dice.pick(&["9990000018", "9990000017", "999 000 0018"]))
        }
        Kind::Id => several(dice, &mut |dice| dice.pick(&["a", "b.c", "", "a b", id]).to_owned()),
        Kind::Date(_) => several(dice, &mut |dice| date(dice)),
        Kind::Token(..) => several(dice, &mut |dice| {
            let mut word =
                || dice.pick(&["final", "http://loinc.org", r"a\,b", r"\|", r"\\", "", "\u{e9}", "$", r"\"]).to_owned();
            let (system, code) = (word(), word());
            if dice.below(2) == 0 { code } else { format!("{system}|{code}") }
        }),
        Kind::Code(codes) => dice.pick(codes).to_owned(),
        Kind::Include(_) => {
            let names: Vec<_> = grammar::rule(of).includes.iter().map(|one| one.name).chain(["patient"]).collect();
            let target = dice.pick(&["", "", ":Practitioner", ":Encounter", ":Patient", ":"]);
            format!("{of}:{}{target}", dice.pick(&names))
        }
        Kind::Organisation => {
            dice.pick(&["RZ950", "https://fhir.nhs.uk/Id/ods-organization-code|RZ950", "rz950", "|"]).to_owned()
        }
        Kind::OrganisationReference => dice.pick(&["RZ950", "Organization/RZ950", "Organization/", "urn:x"]).to_owned(),
        Kind::Name => dice.pick(&["Lantern", "\u{e9}t\u{e9} & more", "\u{0}", "%"]).to_owned(),
        Kind::WithEndpoints => dice.pick(&[grammar::WITH_ENDPOINTS, "Organization:partof"]).to_owned(),
        Kind::RevInclude => dice.pick(&["Provenance:target", "Provenance:target", "Observation:subject"]).to_owned(),
        Kind::Total => dice.pick(&["none", "accurate", "estimate", "all"]).to_owned(),
        Kind::Summary => dice.pick(&["false", "true", "text", "data", "count", "TRUE"]).to_owned(),
        Kind::Elements => several(dice, &mut |dice| dice.pick(&["status", "code", "id", "", "code.text"]).to_owned()),
        Kind::Sort => dice.pick(&["date", "-date", "_lastUpdated", "-_lastUpdated", "date,_id", "--date"]).to_owned(),
        Kind::Count => dice.pick(&["1", "50", "200", "2147483647", "0", "007", "99999999999999999999"]).to_owned(),
        Kind::Start | Kind::End => dice.pick(&["2024", "2024-05", "2024-05-01", "2024-05-01T00:00:00Z"]).to_owned(),
        Kind::Since => dice.pick(&["2024-05-01T00:00:00Z", "2024-05-01T00:00:00.123+01:00", "2024"]).to_owned(),
        Kind::Types => {
            several(dice, &mut |dice| dice.pick(&["Condition", "Flag", "Patient", "Practitioner", "x"]).to_owned())
        }
        Kind::Page => dice.pick(&["a-b_c", "%", "\u{1f600}"]).to_owned(),
        Kind::Format => dice.pick(&["json", "application/fhir+json", "application/fhir json", "xml"]).to_owned(),
        Kind::Pretty => dice.pick(&["true", "false", "1"]).to_owned(),
    }
}

/// Percent escapes where they must be, and now and then where they need not.
fn escaped(text: &str, dice: &mut Dice<'_>) -> String {
    let all = dice.one_in(16);
    let one = |byte: u8| match byte {
        b'%' | b'&' | b'+' | b'#' | b'=' | b' ' | 0x7f.. | ..0x20 => format!("%{byte:02x}"),
        _ if all => format!("%{byte:02X}"),
        _ => char::from(byte).to_string(),
    };
    text.bytes().map(one).collect()
}

/// Parameters of what is asked for, as these bytes decide, joined as in a query.
fn parameters(of: ResourceType, offered: &[grammar::Parameter], dice: &mut Dice<'_>) -> String {
    let naming = offered.iter().position(|p| matches!(p.kind, Kind::Patient | Kind::NhsNumber));
    let chosen = naming.into_iter().chain((0..dice.below(6)).map(|_| dice.below(offered.len()))).collect::<Vec<_>>();
    let mut all = Vec::new();
    for at in chosen {
        let grammar::Parameter { name, kind } = offered[at];
        let value = value(kind, of, dice);
        let name = if dice.one_in(32) { dice.pick(&ODD_NAMES) } else { name };
        all.push(format!("{}={}", escaped(name, dice), escaped(&value, dice)));
    }
    all.join("&")
}

/// Printing what was accepted, and reading that, gives the same again; what is refused is refused in words of our own.
fn printing_reads_back(request: &RawQuery<'_>, read: &dyn Fn(&RawQuery<'_>) -> Result<Ask, QueryFault>) {
    let first = match read(request) {
        Ok(ask) => ask,
        Err(told) => {
            assert!([400, 404, 405, 406, 415].contains(&told.status), "{told:?}");
            assert!(told.diagnostics.bytes().all(|b| b.is_ascii_graphic() || b == b' '), "{told:?}");
            return;
        }
    };
    let page = match &first.what {
        What::Search(search) => search.page.as_deref(),
        What::Everything(everything) => everything.page.as_deref(),
        What::Read(_) | What::Summary => None,
    };
    let printed = first.link(page);
    assert!(printed.bytes().all(|b| b.is_ascii_graphic()), "{printed}");
    let (path, query) = printed.split_once('?').unwrap_or((&printed, ""));
    let path: Vec<_> = path.split('/').collect();
    let again =
        read(&RawQuery { path: &path, query, method: Method::Get, body: b"", accept: None, content_type: None });
    assert_eq!(again.as_ref(), Ok(&first), "{printed}");
    assert_eq!(first.canonical(), again.unwrap().canonical());
}

#[test]
fn what_is_accepted_reads_back_from_its_canonical_form() {
    const FORM: &str = "application/x-www-form-urlencoded";
    bolero::check!().with_iterations(20_000).for_each(|bytes: &[u8]| {
        let mut dice = Dice::new(bytes);
        let of = ResourceType::ALL[dice.below(ResourceType::ALL.len())];
        let id = dice.pick(&[PATIENT.as_str(), "a", "%41", "\u{e9}", "..", "$x", ""]);
        let (searched, posted) = (grammar::rule(of).parameters().collect(), "_search");
        let (method, path, offered): (_, Vec<&str>, Vec<_>) = match dice.below(8) {
            0..4 => (Method::Get, vec![of.as_str()], searched),
            4 | 5 => (Method::Post, vec![of.as_str(), posted], searched),
            6 => (Method::Get, vec!["Patient", id, "$everything"], grammar::everything_parameters().collect()),
            _ => (Method::Get, vec![of.as_str(), id], grammar::read_parameters().collect()),
        };
        let mut query = if offered.is_empty() { String::new() } else { parameters(of, &offered, &mut dice) };
        let mut body = String::new();
        if method == Method::Post {
            body = std::mem::replace(&mut query, dice.pick(&["", "", "_count=7", "_format=json"]).to_owned());
        }
        let body = dice.spoil(body.into_bytes());
        // a URL that is no text never comes this far
        let query = String::from_utf8(dice.spoil(query.into_bytes())).unwrap_or_default();
        let content_type = Some(dice.pick(&[FORM, "application/x-www-form-urlencoded; charset=UTF-8", "text/plain"]));
        let accept = Some(dice.pick(&["*/*;q=0.1", "application/fhir+json", "application/xml", ",;=\""]));
        let request = RawQuery { method, path: &path, query: &query, content_type, body: &body, accept };
        printing_reads_back(&request, &|request| match request.path {
            ["Patient", id, "$everything"] => parse_everything(request, id, &setting()),
            _ => parse(request, &setting()),
        });
        let _ = (parse_log(&request, &setting()), parse_consents(&request, &setting()));
        let _ = (parse_desk(&request, &setting()), parse_explain(&request, &setting()));
        let _ = parse_document(&request, &setting());
        let bare = RawQuery { query: std::str::from_utf8(bytes).unwrap_or_default(), body: b"", ..request };
        printing_reads_back(&bare, &|request| parse(request, &setting()));
    });
}

static SEALER: LazyLock<PageSealer> = LazyLock::new(|| PageSealer::new(&[7; 32], PageSealer::LIFETIME));
static TOKENS: LazyLock<[(PageToken, String); 2]> = LazyLock::new(|| {
    let token = |local: &str, query: &str| PageToken {
        cursor: Cursor { key: Some(5), source: OdsCode::parse("RZ901").unwrap(), local: local.to_owned() },
        reader: Fingerprint::of(&["reader"]),
        query: Fingerprint::of(&[query]),
        epochs: Epochs { patient: 3, global: 9 },
        sources: Fingerprint::of(&["sources"]),
        issued_at: Timestamp(1_790_000_000_000_000),
    };
    [token("a", "Observation"), token("b", "Condition")].map(|token| (token.clone(), SEALER.seal(&token).unwrap()))
});

/// Whatever is made of two real tokens, it is one of them, to the letter, or none.
#[test]
fn a_page_token_opens_as_itself_or_not_at_all() {
    bolero::check!().with_iterations(20_000).for_each(|bytes: &[u8]| {
        let mut dice = Dice::new(bytes);
        let [(_, one), (_, two)] = &*TOKENS;
        let sealed = BASE64URL_NOPAD.decode(one.as_bytes()).unwrap();
        let at = dice.below(one.len());
        let made = match dice.below(8) {
            0 => one.clone().into_bytes(),
            1 => [&one.as_bytes()[..at], &two.as_bytes()[at.min(two.len())..]].concat(),
            2 => [one.as_bytes(), &bytes[bytes.len() / 2..]].concat(),
            3 => BASE64URL_NOPAD.encode(&dice.spoil(sealed)).into_bytes(),
            4 => one.replace('-', "+").replace('_', "/").into_bytes(),
            5 => format!("{one}=").into_bytes(),
            6 => bytes.to_vec(),
            _ => one.to_ascii_uppercase().into_bytes(),
        };
        let made = dice.spoil(made);
        let Ok(text) = std::str::from_utf8(&made) else { return };
        for (token, sealed) in &*TOKENS {
            let opened = SEALER.open::<Cursor>(text, &token.reader, &token.query, token.issued_at);
            assert_eq!(opened, if text == sealed { Ok(token.clone()) } else { Err(Gone) });
            let late = token.issued_at.plus(PageSealer::LIFETIME + Duration::from_secs(1));
            assert_eq!(SEALER.open::<Cursor>(text, &token.reader, &token.query, late), Err(Gone));
        }
    });
}
