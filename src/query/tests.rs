use super::grammar::Kind;
use super::*;
use crate::domain::{EntryId, NhsNumber, OdsCode};
use crate::fhir::ResourceType;
use crate::fhir::outcome::IssueCode::{self, *};
use std::sync::LazyLock;

mod invariants;
mod refusals;
mod registry;
mod results;

static IDS: LazyLock<IdSealer> = LazyLock::new(|| IdSealer::new(&[7; 32]));
static BASES: LazyLock<Vec<String>> = LazyLock::new(|| vec!["https://caregate.example/fhir".into()]);
pub(super) static PATIENT: LazyLock<String> = LazyLock::new(|| IDS.patient(number()));

const BY_NUMBER: &str = "patient.identifier=https://fhir.nhs.uk/Id/nhs-number%7C9990000018";

fn number() -> NhsNumber {
    NhsNumber::parse("9990000018").unwrap()
}

pub(super) fn setting() -> Setting<'static> {
    Setting { ids: &IDS, bases: &BASES, page_size: PageSize::default() }
}

fn ask(request: RawQuery<'_>) -> Result<Ask, QueryFault> {
    parse(&request, &setting())
}

fn raw<'a>(method: Method, path: &'a [&'a str], query: &'a str) -> RawQuery<'a> {
    RawQuery { method, path, query, content_type: None, body: b"", accept: None }
}

/// A GET of `Type?query` or `Type/id`; `{id}` stands for the patient's id.
fn get(url: &str) -> Result<Ask, QueryFault> {
    let url = url.replace("{id}", &PATIENT);
    let (path, query) = url.split_once('?').unwrap_or((&url, ""));
    ask(raw(Method::Get, &path.split('/').collect::<Vec<_>>(), query))
}

fn post(path: &[&str], query: &str, body: &str) -> Result<Ask, QueryFault> {
    let content_type = Some("application/x-www-form-urlencoded");
    ask(RawQuery { content_type, body: body.as_bytes(), ..raw(Method::Post, path, query) })
}

fn fault<T: std::fmt::Debug>(answer: Result<T, QueryFault>) -> (u16, IssueCode) {
    answer.map_err(|f| (f.status, f.code)).unwrap_err()
}

fn search(ask: Ask) -> Search {
    match ask.what {
        What::Search(search) => search,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_plain_search_names_its_patient_in_any_of_the_ways_there_are() {
    for query in [
        "patient={id}",
        "patient=Patient/{id}",
        "patient=https://caregate.example/fhir/Patient/{id}",
        "p%61tient=Patient%2F{id}",
        BY_NUMBER,
        "patient:identifier=https://fhir.nhs.uk/Id/nhs-number|9990000018",
        "subject={id}",
        "subject:identifier=https%3A%2F%2Ffhir.nhs.uk%2FId%2Fnhs-number%7C9990000018",
    ] {
        let ask = get(&format!("Observation?{query}")).unwrap();
        assert_eq!(ask.patient, Some(number()), "{query}");
        assert_eq!(ask.canonical(), format!("Observation?patient={}&_sort=-date&_count=50", *PATIENT));
    }
    let patient = get("Patient?identifier=https://fhir.nhs.uk/Id/nhs-number|9990000018&birthdate=1950-02-01").unwrap();
    assert_eq!(
        patient.canonical(),
        "Patient?identifier=https://fhir.nhs.uk/Id/nhs-number%7C9990000018&birthdate=1950-02-01&_sort=-_lastUpdated&_count=50"
    );
}

#[test]
fn an_id_that_is_none_of_ours_is_no_fault_but_names_nobody() {
    let long = IDS.entry(OdsCode::parse("RZ901").unwrap(), number(), &"x".repeat(64)).0;
    let entry = IDS.entry(OdsCode::parse("RZ901").unwrap(), number(), "1").0;
    for id in [
        "1",
        "AAAA",
        "%2541",
        "%20",
        "%22%3E%3Cscript%3E",
        "９９９",
        "9990000018",
        &long,
        &entry,
        "{id}x",
        "a%23b",
        "%E2%80%AE",
    ] {
        let encoded: String = if id.is_ascii() { id.to_owned() } else { form::encode(id) };
        let ask = get(&format!("Condition?patient={encoded}")).unwrap();
        assert_eq!(ask.patient, None, "{id}");
    }
}

#[test]
fn a_read_opens_the_id_in_its_path_and_nothing_else() {
    let source = OdsCode::parse("RZ901").unwrap();
    let (entry, _) = IDS.entry(source, number(), "obs-1");
    let (long, _) = IDS.entry(source, number(), &"x".repeat(64));
    let opened = |url: &str| match get(url).unwrap() {
        Ask { patient, what: What::Read(Read { id, .. }), .. } => (patient, id),
        other => panic!("{other:?}"),
    };
    assert_eq!(opened("Patient/{id}"), (Some(number()), Some(EntryId::Patient(number()))));
    let (patient, id) = opened(&format!("Observation/{entry}?_format=json&_pretty=true"));
    assert!(matches!(id, Some(EntryId::Entry(e)) if e.local == "obs-1") && patient == Some(number()));
    assert_eq!(opened(&format!("Observation/{long}")), (None, Some(EntryId::Long(long.clone()))));
    for none in ["1", "%41", "..", ".", "%2e%2e%2f", "a%2Fb", "%00", "%", "é", "a;b", "a\r\nb", &format!("{entry}%20")]
    {
        assert_eq!(opened(&format!("Observation/{none}")), (None, None), "{none:?}");
    }
}

#[test]
fn whatever_the_table_names_is_taken() {
    for t in ResourceType::RECORDS {
        for grammar::Parameter { name, kind } in grammar::rule(*t).parameters() {
            let value = match kind {
                Kind::Patient | Kind::Id => &*PATIENT,
                Kind::NhsNumber => "https://fhir.nhs.uk/Id/nhs-number|9990000018",
                Kind::Date(_) => "ge2020,lt2019-06-01T10:00Z",
                Kind::Token(..) => "final,http://loinc.org|1-8,|x,https://caregate.example/Id|",
                Kind::Include(_) => &format!("{t}:{}", grammar::rule(*t).includes[0].name),
                Kind::RevInclude => "Provenance:target",
                Kind::Total => "accurate",
                Kind::Summary => "data",
                Kind::Elements => "id,status",
                Kind::Sort => "-_lastUpdated",
                Kind::Count => "3",
                Kind::Page => "token",
                Kind::Format => "json",
                Kind::Code(codes) => codes[0],
                Kind::Pretty => "true",
                Kind::Start | Kind::End | Kind::Since | Kind::Types => panic!("{name} in a search"),
                Kind::Organisation | Kind::OrganisationReference | Kind::Name | Kind::WithEndpoints => {
                    panic!("{name} of the record")
                }
            };
            let named = matches!(kind, Kind::Patient | Kind::NhsNumber);
            let how =
                if *t == ResourceType::Patient { BY_NUMBER.replace("patient.", "") } else { BY_NUMBER.to_owned() };
            let rest = if named { String::new() } else { format!("&{how}") };
            let ask = get(&format!("{t}?{name}={value}{rest}"));
            assert_eq!(ask.as_ref().map(|a| a.patient), Ok(Some(number())), "{t} {name}");
        }
    }
}

#[test]
fn only_dates_may_be_repeated_and_repeats_all_have_to_pass() {
    let ask = get("Procedure?date=lt2021&patient={id}&date=ge2020&date=2020,eq2019,2020&date=lt2021").unwrap();
    let expected =
        format!("Procedure?patient={}&date=2019,2020&date=ge2020&date=lt2021&_sort=-date&_count=50", *PATIENT);
    assert_eq!(ask.canonical(), expected);
    let filters = search(ask).filters;
    let year = |y: &str| [crate::fhir::date::FhirDate::parse(y).unwrap().interval];
    let all = |y: &str| filters.iter().all(|f| matches!(f, Filter::Date(d) if d.passes(&year(y))));
    assert!(all("2020") && !all("2019") && !all("2021"));
    assert!(filters.iter().all(|f| matches!(f, Filter::Date(d) if !d.passes(&[]))), "no date passes no test");

    for repeat in [
        "_count=5&_count=5",
        "_sort=date&_sort=date",
        "_id=1&_id=1",
        "page=a&page=a",
        "_format=json&_format=xml",
        "_pretty=true&_pretty=true",
    ] {
        assert_eq!(fault(get(&format!("Procedure?patient={{id}}&{repeat}"))), (400, Invariant), "{repeat}");
    }
    for date in [
        "sa2020",
        "eb2020",
        "ap2020",
        "2020-13",
        "gt",
        "",
        "2020,",
        "2020-01-01T24:00",
        "x",
        "%EF%BC%92020",
        "20200101",
        "2020-01-01T10:00:00+01:00",
    ] {
        assert_eq!(fault(get(&format!("Procedure?patient={{id}}&date={date}"))), (400, Value), "{date}");
    }
    assert_eq!(fault(get(&format!("Procedure?patient={{id}}&date={}", ["2020"; 101].join(",")))), (400, TooCostly));
}

#[test]
fn ids_to_filter_by_are_a_sorted_set_of_fhir_ids() {
    let ask = get("Flag?patient={id}&_id=b,a.-9,b").unwrap();
    assert_eq!(search(ask).filters, [Filter::Id(vec!["a.-9".into(), "b".into()])]);
    for ids in ["a,,b", "a/b", "Flag/a", "a_b", "%C3%A9", &"x".repeat(65), ","] {
        assert_eq!(fault(get(&format!("Flag?patient={{id}}&_id={ids}"))), (400, Value), "{ids}");
    }
}

#[test]
fn a_form_is_read_like_a_url_and_together_with_it() {
    let asked = post(&["Flag", "_search"], "_count=5", &format!("{BY_NUMBER}&date=ge2020")).unwrap();
    assert_eq!(Ok(asked.canonical()), get("Flag?patient={id}&_count=5&date=ge2020").map(|a| a.canonical()));

    for (query, body) in [
        ("patient=A", "patient=B"),
        ("patient=A", BY_NUMBER),
        (BY_NUMBER, "subject=A"),
        ("_count=5", "_count=5&patient=A"),
        ("date=ge2020", "date=lt2021&patient=A"),
    ] {
        assert_eq!(fault(post(&["Flag", "_search"], query, body)), (400, Invariant), "{query} and {body}");
    }
    let with = |content_type, body| {
        ask(RawQuery { content_type, body, ..raw(Method::Post, &["Flag", "_search"], "patient=1") })
    };
    for wrong in [
        None,
        Some("application/json"),
        Some("application/fhir+json"),
        Some("multipart/form-data"),
        Some("text/plain"),
        Some("application/x-www-form-urlencoded; charset=utf-16"),
    ] {
        assert_eq!(fault(with(wrong, b"_count=5")), (415, NotSupported), "{wrong:?}");
    }
    assert!(with(Some("Application/X-WWW-Form-URLencoded ; charset=UTF-8"), b"_count=5").is_ok());
    assert!(with(None, b"").is_ok());
    let body = ask(RawQuery { body: b"_count=5", ..raw(Method::Get, &["Flag"], "patient=1") });
    assert_eq!(fault(body), (400, Structure), "a GET with a body");
}

#[test]
fn a_client_that_takes_no_json_is_told_so() {
    let with = |query: &str, accept| {
        let query = format!("patient={}&{query}", *PATIENT);
        ask(RawQuery { accept, ..raw(Method::Get, &["Flag"], &query) })
    };
    assert_eq!(fault(with("", Some("application/fhir+xml"))), (406, NotSupported));
    assert_eq!(fault(with("_format=xml", Some("application/json"))), (406, NotSupported));
    assert!(with("_format=application/fhir%2Bjson", Some("application/fhir+xml")).is_ok());
    assert!(with("_format=application/fhir+json;charset=utf-8", None).is_ok(), "; parts nothing");
    assert_eq!(fault(with("_pretty=maybe", None)), (400, Value));
    let plain = with("", None).unwrap();
    assert_eq!(with("_format=json&_pretty=true", None), Ok(plain), "how it is spelt is not what is asked");
    assert_eq!(
        fault(ask(RawQuery { accept: Some("text/html"), ..raw(Method::Get, &["Flag", "1"], "") })),
        (406, NotSupported)
    );
}

#[test]
fn the_access_log_is_searched_by_patient_and_date_alone() {
    let log = |query: &str| {
        let query = query.replace("{id}", &PATIENT);
        parse_log(&raw(Method::Get, &["AuditEvent"], &query), &setting())
    };
    let read = log("date=ge2020&patient={id}&date=lt2021&_count=500&page=abc").unwrap();
    assert_eq!((read.patient, read.dates.len(), read.count), (Some(number()), 2, 200));
    assert_eq!(read.page.as_deref(), Some("abc"));
    let canonical = format!("AuditEvent?patient={}&date=ge2020&date=lt2021&_count=200", *PATIENT);
    assert_eq!(read.canonical(), canonical);
    assert_eq!(log(canonical.split_once('?').unwrap().1).unwrap().canonical(), canonical);
    assert_eq!(read.link(Some("x/+")), canonical + "&page=x/%2B");
    assert_eq!(fault(log("date=2020")), (400, Required));
    assert_eq!(fault(log("patient={id}&patient={id}")), (400, Invariant));
    for other in ["agent=x", "subject={id}", "entity=x", "_sort=-date", "_id=1", "_include=*", "patient.name=x"] {
        assert_eq!(fault(log(&format!("patient={{id}}&{other}"))), (400, NotSupported), "{other}");
    }
}
