//! Tokens, and what shapes an answer: read, and printed again in one spelling.

use super::*;

/// Of a search of this patient's, what follows its patient; without the sort and count that go without saying.
fn canonical(url: &str) -> String {
    let text = get(url).unwrap_or_else(|fault| panic!("{url}: {fault}")).canonical();
    let (_, rest) = text.split_once(&*PATIENT).expect("a search by id");
    rest.replace("&_sort=-date", "").replace("&_count=50", "")
}

#[test]
fn a_token_parameter_offers_alternatives_in_four_forms_with_escapes() {
    for (given, expected) in [
        ("status=final", "&status=final"),
        ("status=final,amended,final", "&status=amended,final"),
        ("code=http://loinc.org|718-7", "&code=http://loinc.org%7C718-7"),
        (
            "code=http://loinc.org%7C718-7,%7Cx,http://loinc.org|",
            "&code=%7Cx,http://loinc.org%7C,http://loinc.org%7C718-7",
        ),
        (r"identifier=a%5C,b%5C%7Cc", "&identifier=a%5C,b%5C%7Cc"),
        ("identifier=a$b", "&identifier=a%5C%24b"),
        ("status=final&category=laboratory&code=x", "&category=laboratory&code=x&status=final"),
        ("status=final&date=2020&_id=a", "&_id=a&date=2020&status=final"),
    ] {
        assert_eq!(canonical(&format!("Observation?patient={{id}}&{given}")), expected, "{given}");
    }
    for value in ["", "%7C", ",", "a,", ",a", "a%7Cb%7Cc", "a%5C", "a%5Cb", "%5C%5C%5C"] {
        assert_eq!(fault(get(&format!("Observation?patient={{id}}&code={value}"))), (400, Value), "{value}");
    }
    let many = |n| get(&format!("Observation?patient={{id}}&code={}", vec!["x"; n].join(",")));
    assert!(many(100).is_ok());
    assert_eq!(fault(many(101)), (400, TooCostly));
    assert_eq!(fault(get("Observation?patient={id}&code=a&code=b")), (400, Invariant), "only dates repeat");
}

#[test]
fn a_type_has_the_token_parameters_that_r4_gives_it_and_no_others() {
    for (given, has) in [
        ("Encounter?type=x", true),
        ("Encounter?code=x", false),
        ("Encounter?class=x", false),
        ("Flag?status=x", false),
        ("Flag?identifier=x", true),
        ("Goal?category=x", true),
        ("Goal?lifecycle-status=x", false),
        ("Immunization?vaccine-code=x", true),
        ("Immunization?code=x", false),
        ("Condition?clinical-status=x", true),
        ("Condition?verification-status=x", false),
        ("Observation?clinical-status=x", false),
        ("MedicationRequest?intent=x", true),
        ("MedicationStatement?intent=x", false),
        ("DocumentReference?type=x", true),
    ] {
        let answer = get(&format!("{given}&patient={{id}}"));
        if has {
            assert!(answer.is_ok(), "{given}");
        } else {
            assert_eq!(fault(answer), (400, NotSupported), "{given}");
        }
    }
}

#[test]
fn what_is_included_is_on_the_types_list_and_said_in_one_order() {
    for (given, expected) in [
        ("_include=Observation:performer", "&_include=Observation:performer"),
        (
            "_include=Observation:performer&_include=Observation:device",
            "&_include=Observation:device&_include=Observation:performer",
        ),
        ("_include=Observation:performer:Practitioner", "&_include=Observation:performer:Practitioner"),
        (
            "_include=Observation:performer:Practitioner&_include=Observation:performer",
            "&_include=Observation:performer",
        ),
        ("_include=Observation:device:Device", "&_include=Observation:device"),
        ("_include=Observation:device&_include=Observation:device", "&_include=Observation:device"),
        ("_revinclude=Provenance:target&status=final", "&status=final&_revinclude=Provenance:target"),
    ] {
        assert_eq!(canonical(&format!("Observation?patient={{id}}&{given}")), expected, "{given}");
    }
    let ask = search(get("MedicationRequest?patient={id}&_include=MedicationRequest:requester:Device").unwrap());
    assert_eq!(
        (ask.include[0].reference.paths, ask.include[0].targets()),
        (&["requester"][..], &[ResourceType::Device][..])
    );
    for value in [
        "*",
        "Observation:*",
        "Observation:subject",
        "Observation:patient",
        "Observation:focus",
        "Observation",
        "performer",
        "Condition:encounter",
        "observation:performer",
        "Observation:Performer",
        "Observation:performer:Patient",
        "Observation:performer:Medication",
        "Observation:performer:",
        "Observation:performer:Practitioner:x",
        "Observation:performer,Observation:device",
        "%20Observation:performer",
    ] {
        let told = get(&format!("Observation?patient={{id}}&_include={value}")).unwrap_err();
        assert_eq!((told.status, told.code), (400, NotSupported), "{value}");
        assert!(told.diagnostics.contains("Observation:has-member (to Observation, QuestionnaireResponse)"), "{told}");
    }
    for value in ["*", "Provenance", "Provenance:*", "Observation:has-member", "Provenance:target:Observation"] {
        let told = get(&format!("Observation?patient={{id}}&_revinclude={value}")).unwrap_err();
        assert_eq!((told.status, told.code), (400, NotSupported), "{value}");
        assert!(told.diagnostics.contains("Provenance:target"));
    }
    for parameter in [
        "_include:iterate=Observation:device",
        "_include:recurse=Observation:device",
        "_revinclude:iterate=Provenance:target",
    ] {
        assert_eq!(fault(get(&format!("Observation?patient={{id}}&{parameter}"))), (400, NotSupported), "{parameter}");
    }
    let twice = "_revinclude=Provenance:target&_revinclude=Provenance:target";
    assert_eq!(fault(get(&format!("Observation?patient={{id}}&{twice}"))), (400, Invariant));
    let both = post(&["Flag", "_search"], "_include=Flag:author", &format!("{BY_NUMBER}&_include=Flag:encounter"));
    assert_eq!(fault(both), (400, Invariant), "in the URL and in the body");
}

#[test]
fn how_much_is_shown_is_said_in_one_way() {
    for (given, expected) in [
        ("_summary=false", ""),
        ("_summary=true", "&_summary=true"),
        ("_summary=count", "&_summary=count"),
        ("_elements=status,code,status", "&_elements=code,status"),
        ("_elements=status&_summary=false", "&_elements=status"),
        ("_total=none", ""),
        ("_total=accurate", "&_total=accurate"),
        ("_total=estimate&_summary=data", "&_total=estimate&_summary=data"),
    ] {
        assert_eq!(canonical(&format!("Observation?patient={{id}}&{given}")), expected, "{given}");
    }
    for (given, code) in [
        ("_summary=True", Value),
        ("_summary=", Value),
        ("_summary=text,data", Value),
        ("_total=exact", Value),
        ("_total=Accurate", Value),
        ("_elements=", Value),
        ("_elements=a,,b", Value),
        ("_elements=code.coding", Value),
        ("_elements=*", Value),
        ("_elements=Observation:code", Value),
        ("_elements=caf%C3%A9", Value),
        (&format!("_elements={}", vec!["a"; 51].join(",")), TooCostly),
        ("_elements=status&_summary=true", Invariant),
        ("_elements=status&_summary=count", Invariant),
        ("_summary=text&_include=Observation:device", Invariant),
        ("_summary=text&_revinclude=Provenance:target", Invariant),
        ("_summary=true&_summary=true", Invariant),
        ("_elements=a&_elements=b", Invariant),
        ("_total=none&_total=none", Invariant),
        ("_summary:x=true", NotSupported),
        ("_elements:exclude=subject", NotSupported),
    ] {
        assert_eq!(fault(get(&format!("Observation?patient={{id}}&{given}"))), (400, code), "{given}");
    }
}

#[test]
fn a_target_is_read_by_its_id_and_searched_by_nothing() {
    for t in ResourceType::ALL.iter().filter(|t| t.is_target()) {
        for query in ["", "patient={id}", BY_NUMBER, "_id=x", "name=x"] {
            let told = get(&format!("{t}?{query}")).unwrap_err();
            assert_eq!((told.status, told.code), (400, NotSupported), "{t} {query}");
            assert!(told.diagnostics.contains("_include"), "{told}");
        }
        assert_eq!(fault(post(&[t.as_str(), "_search"], "", BY_NUMBER)), (400, NotSupported));
        let id = IDS.entry(OdsCode::parse("RZ901").unwrap(), number(), "1").0;
        assert_eq!(get(&format!("{t}/{id}")).map(|a| a.patient), Ok(Some(number())));
    }
}

fn everything(query: &str) -> Result<Ask, QueryFault> {
    let path = ["Patient", &PATIENT, "$everything"];
    parse_everything(&raw(Method::Get, &path, query), &PATIENT, &setting())
}

#[test]
fn everything_is_asked_of_a_span_of_care_and_of_types_of_the_record() {
    let told = |query: &str| everything(query).map(|ask| ask.canonical());
    let path = format!("Patient/{}/$everything", *PATIENT);
    for (given, expected) in [
        ("", "?_count=50"),
        ("_count=500&_format=json&_pretty=true", "?_count=200"),
        ("end=2021-06-30&start=2020", "?start=2020&end=2021-06-30&_count=50"),
        ("_since=2020-01-01T00:00:00Z", "?_since=2020-01-01T00:00:00Z&_count=50"),
        ("_type=Flag,Condition,Flag", "?_type=Condition,Flag&_count=50"),
    ] {
        assert_eq!(told(given), Ok(format!("{path}{expected}")), "{given}");
        let (_, again) = expected.split_once('?').unwrap();
        assert_eq!(everything(again), everything(given), "{given}");
    }
    let every = ResourceType::RECORDS.iter().map(|t| t.as_str()).collect::<Vec<_>>().join(",");
    assert_eq!(told(&format!("_type={every}")), told(""), "all is all, however it is said");
    assert_eq!(everything("page=x/%2B").unwrap().link(Some("x/+")), format!("{path}?_count=50&page=x/%2B"));
    for (given, code) in [
        ("start=ge2020", Value),
        ("start=2020-01-01T10:00:00Z", Value),
        ("end=2020,2021", Value),
        ("_since=2020", Value),
        ("_since=2020-01-01T10:00Z", Value),
        ("_since=2020-01-01T10:00:00", Value),
        ("_type=Practitioner", Value),
        ("_type=condition", Value),
        ("_type=Flag,,Goal", Value),
        ("_count=0", Value),
        ("start=2020&start=2021", Invariant),
        ("_type=Flag&_type=Goal", Invariant),
        ("_sort=date", NotSupported),
        ("_include=Observation:device", NotSupported),
        ("_elements=id", NotSupported),
        ("patient=x", NotSupported),
        ("status=final", NotSupported),
    ] {
        assert_eq!(fault(everything(given)), (400, code), "{given}");
    }
}

#[test]
fn everything_covers_what_overlaps_its_span_and_what_has_no_date() {
    let ask = everything("start=2020-03&end=2020-06-30").unwrap();
    let What::Everything(asked) = ask.what else { panic!() };
    let at = |text: &str| Some(crate::fhir::date::FhirDate::parse(text).unwrap().interval);
    for (time, covered) in [
        (at("2020"), true),
        (at("2020-03-01T00:00:00Z"), true),
        (at("2020-06-30T23:59:59Z"), true),
        (at("2020-02-29"), false),
        (at("2020-07-01"), false),
        (None, true),
    ] {
        assert_eq!(asked.covers(time), covered, "{time:?}");
    }
}

#[test]
fn a_summary_is_asked_for_by_its_patient_alone() {
    let summary =
        |id: &str, query: &str| parse_summary(&raw(Method::Get, &["Patient", id, "$summary"], query), id, &setting());
    let ask = summary(&PATIENT, "_format=json").unwrap();
    assert_eq!((ask.patient, ask.canonical()), (Some(number()), format!("Patient/{}/$summary", *PATIENT)));
    assert_eq!(summary("none-of-ours", "").map(|ask| ask.patient), Ok(None), "refused like any other");
    for other in ["profile=x", "identifier=x", "_type=Flag", "_count=5", "graph=true"] {
        assert_eq!(fault(summary(&PATIENT, other)), (400, NotSupported), "{other}");
    }
}
