//! What the grammar refuses, spelling by spelling, with status and issue code.

use super::*;

#[test]
fn whatever_the_table_does_not_name_is_refused_and_never_ignored() {
    for parameter in "_include=Observation:subject _include=* _include:iterate=Observation:subject _include:recurse=x \
         _revinclude=* _INCLUDE=Observation:device %5Finclude:iterate=x _revinclude:iterate=Provenance:target \
         patient.name=x subject:Patient.name=x \
         patient:Patient.identifier=x subject.organization.name=x _has:Observation:patient:code=x \
         _has:Group:member:_id=1 patient._has:Group:member:_id=1 %5Fhas:Observation:patient:code=x _filter=x \
         _query=x _text=x _content=x _list=1 _type=Observation _contained=true _containedType=both _graph=x \
         _elements:exclude=subject _elements:x=id _summary:x=count _total:x=accurate _score=1 _Filter=x \
         code:in=x code:not=x code:text=x code:above=x status:not=final category:missing=true identifier:of-type=x|y|z \
         code.x=y code-value-quantity=x combo-code=x component-code=x class=x type=x intent=x clinical-status=x \
         _security=R _tag=x _profile=x _source=x _method=DELETE _at=2020 _since=2020 _offset=3 _getpages=x \
         _cursor=x encounter=x performer=x value-quantity=5 Patient=1 Code=x CODE=x c%6Fde%20=x \
         PATIENT=1 DATE=2020 Date=2020 _COUNT=5 _Count=5 _sort:asc=date _count:max=5 _id:not=1 \
         _id:missing=true date:missing=true date:exact=2020 date.x=2020 patient:missing=false \
         patient:Patient=1 patient:above=1 patient:identifier:exact=1 _lastUpdated:missing=true \
         _format:x=json page:x=1 access_token=abc patient%5B%5D=1 patient%20=1 %20patient=1 patient;date=2020 \
         date%3Amissing=true =1 _ &x format=json callback=x birthdate=2020 recorded-date=2020 __proto__=1 \
         %EF%BC%9Fdate=1"
        .split(' ')
    {
        let url = format!("Observation?{BY_NUMBER}&{parameter}");
        assert_eq!(fault(get(&url)), (400, NotSupported), "{parameter}");
        let body = format!("{BY_NUMBER}&{parameter}");
        assert_eq!(fault(post(&["Observation", "_search"], "", &body)), (400, NotSupported), "{parameter} in a body");
    }
    for parameter in
        ["patient={id}", "_count=5", "_sort=date", "page=x", "_id=1", "_elements=id", "_summary=true", "date=2020"]
    {
        assert_eq!(fault(get(&format!("Patient/{{id}}?{parameter}"))), (400, NotSupported), "a read with {parameter}");
    }
    assert_eq!(fault(get(&format!("Patient?{BY_NUMBER}"))), (400, NotSupported));
    assert_eq!(fault(get(&format!("EpisodeOfCare?subject={}", *PATIENT))), (400, NotSupported), "R4 has none there");
}

#[test]
fn a_refusal_tells_what_there_is_and_repeats_only_harmless_names() {
    let told = get("Flag?patient={id}&code=x").unwrap_err();
    assert_eq!(told.expression.as_deref(), Some("code"));
    assert!(told.diagnostics.contains("patient.identifier") && told.diagnostics.contains("_lastUpdated"), "{told}");
    assert!(get("Flag?patient={id}&date:near=x").unwrap_err().diagnostics.contains("modifier"));
    for name in ["<script>", "a%0Ab", &"x".repeat(65), "%E2%80%AEx", "caf%C3%A9"] {
        let told = get(&format!("Flag?patient={{id}}&{name}=SECRET")).unwrap_err();
        assert_eq!(told.expression, None, "{name}");
        let text = told.to_string();
        assert!(![name, &form::encode(name), "SECRET"].iter().any(|said| text.contains(said)), "{text}");
    }
    let told = get("Flag?patient.identifier=https://fhir.nhs.uk/Id/nhs-number|9990000019").unwrap_err();
    assert!(!told.to_string().contains("999"), "{told}");
    let plus = get("Flag?patient={id}&date=2020-01-01T10:00:00+01:00").unwrap_err();
    assert!(plus.diagnostics.contains("%2B"), "{plus}");
}

#[test]
fn two_patients_or_one_named_twice_are_refused() {
    for query in [
        "patient={id},{id}",
        "patient=A,B",
        "patient=Patient/A,Patient/B",
        "patient={id}&patient={id}",
        "patient={id}&patient=B",
        "patient={id}&subject={id}",
        &format!("patient={{id}}&{BY_NUMBER}"),
        &format!("{BY_NUMBER}&{}", BY_NUMBER.replace("patient.", "patient:")),
        &format!("{BY_NUMBER},https://fhir.nhs.uk/Id/nhs-number|9990000026"),
        &format!("{BY_NUMBER}&{BY_NUMBER}"),
    ] {
        assert_eq!(fault(get(&format!("Observation?{query}"))), (400, Invariant), "{query}");
    }
    for query in ["", "date=2020", "_id={id}", "&", "page=x"] {
        assert_eq!(fault(get(&format!("Observation?{query}"))), (400, Required), "{query:?}");
    }
}

#[test]
fn references_that_are_no_reference_to_a_patient_here_are_refused() {
    for reference in [
        "",
        "Patient/",
        "/",
        "/Patient/{id}",
        "Practitioner/{id}",
        "patient/{id}",
        "Patient/{id}/",
        "Patient//{id}",
        "Group/1",
        "Patient/{id}/_history/1",
        "Patient%2F{id}%2F_history%2F1",
        "Patient/{id}/Observation",
        "..%2FPatient%2F{id}",
        "https://elsewhere.example/fhir/Patient/{id}",
        "https://caregate.example.evil.example/fhir/Patient/{id}",
        "https://caregate.example/fhirPatient/{id}",
        "https://caregate.example/fhir/Observation/{id}",
        "https://caregate.example/fhir/{id}",
        "https://caregate.example/fhir/https://elsewhere.example/Patient/{id}",
        "https://caregate.example/fhir/Patient/{id}/_history/1",
        "http://caregate.example/fhir/Patient/{id}",
        "urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7",
        "urn:oid:1.2.3",
        "URN:uuid:1",
        "Patient/urn:uuid:1",
        "https://fhir.nhs.uk/Id/nhs-number|9990000018",
        "javascript:1",
    ] {
        assert_eq!(fault(get(&format!("Observation?patient={reference}"))), (400, Value), "{reference}");
    }
}

#[test]
fn an_identifier_that_is_no_nhs_number_is_named_for_what_it_is() {
    let told = |value: &str| {
        let told = get(&format!("Observation?patient.identifier={value}")).unwrap_err();
        assert_eq!((told.status, told.code), (400, Value), "{value}");
        assert_eq!(told.expression.as_deref(), Some("patient.identifier"));
        told.spine
    };
    for value in [
        "9990000018",
        "|9990000018",
        "https://fhir.nhs.uk/Id/nhs-number",
        "https://fhir.nhs.uk/Id/local|1",
        "http://fhir.nhs.uk/Id/nhs-number|9990000018",
        "HTTPS://fhir.nhs.uk/Id/nhs-number|9990000018",
        "https://fhir.nhs.uk/Id/nhs-number/|9990000018",
        "https://fhir.nhs.uk/Id/nhs-number%257C9990000018",
    ] {
        assert_eq!(told(value), Some("INVALID_IDENTIFIER_SYSTEM"), "{value}");
    }
    for digits in [
        "",
        "9990000019",
        "999000001",
        "99900000180",
        "999+000+0018",
        "999%20000%200018",
        "%EF%BC%99990000018",
        "9990000018%7C",
        "9990000018;",
        "%209990000018",
        "0000000000",
        "x",
    ] {
        assert_eq!(
            told(&format!("https://fhir.nhs.uk/Id/nhs-number|{digits}")),
            Some("INVALID_NHS_NUMBER"),
            "{digits}"
        );
    }
}

#[test]
fn counts_are_held_to_fhirs_range_and_lowered_to_ours() {
    for (count, lowered) in [("1", 1), ("200", 200), ("201", 200), ("2147483647", 200)] {
        let ask = get(&format!("Flag?patient={{id}}&_count={count}")).unwrap();
        assert!(ask.canonical().ends_with(&format!("&_count={lowered}")), "{count}");
        assert_eq!(search(ask).count, lowered);
    }
    for count in [
        "0",
        "-1",
        "%2B5",
        "+5",
        "2147483648",
        "99999999999999999999",
        "1.0",
        "1e2",
        "05",
        "",
        "ten",
        "%EF%BC%95",
        "1,2",
    ] {
        assert_eq!(fault(get(&format!("Flag?patient={{id}}&_count={count}"))), (400, Value), "{count}");
    }
    assert_eq!(search(get("Flag?patient={id}").unwrap()).count, 50);
}

#[test]
fn a_sort_is_one_of_four() {
    for sort in ["date", "-date", "_lastUpdated", "-_lastUpdated"] {
        let ask = get(&format!("MedicationRequest?patient={{id}}&_sort={sort}")).unwrap();
        assert!(ask.canonical().contains(&format!("&_sort={sort}&")));
    }
    for sort in ["--date", "+date", "Date", "date,-date", "status", "_id", "date:asc", "authoredon", "-"] {
        assert_eq!(
            fault(get(&format!("MedicationRequest?patient={{id}}&_sort={sort}"))),
            (400, NotSupported),
            "{sort}"
        );
    }
    let identifier = BY_NUMBER.replace("patient.", "");
    assert!(get(&format!("Patient?{identifier}&_sort=_lastUpdated")).is_ok());
    assert_eq!(
        fault(get(&format!("Patient?{identifier}&_sort=date"))),
        (400, NotSupported),
        "a Patient has no such date"
    );
}

#[test]
fn paths_lead_to_what_there_is_or_nowhere() {
    let nowhere = [
        "",
        "observation",
        "OBSERVATION",
        "Observations",
        "RelatedPerson",
        "PRACTITIONER",
        "Group",
        "Bundle",
        "Binary",
        "AuditEvent",
        "Consent",
        "metadata",
        "%4Fbservation",
        "Observation%2F1",
        "Observation/",
        "Observation/_history",
        "Observation/1/_history",
        "Observation/1/_history/1",
        "Observation/$lastn",
        "Patient/$match",
        "$export",
        "$graphql",
        "Patient/$export",
        "Patient/1/$graphql",
        "Patient/1/Observation",
        "Patient/1/*",
        "Observation/1/",
        "//Observation",
        "Observation;x",
        "Observation.json",
        "_history",
        "_search",
        "Observation/_search/",
        "Patient/1/2/3/4",
        "Observation ",
    ];
    for path in nowhere {
        assert_eq!(fault(get(path)), (404, NotSupported), "GET {path}");
        let segments: Vec<_> = path.split('/').collect();
        assert_eq!(fault(post(&segments, "", "patient=1")), (404, NotSupported), "POST {path}");
    }
    for (path, method) in [
        (&["Observation"][..], Method::Post),
        (&["Observation", "1"], Method::Post),
        (&["Observation", "_search"], Method::Get),
    ] {
        let told = ask(raw(method, path, "")).unwrap_err();
        assert_eq!((told.status, told.code), (405, NotSupported), "{path:?}");
        assert_eq!(told.allow, Some(if method == Method::Post { "GET" } else { "POST" }));
    }
    assert_eq!(fault(ask(raw(Method::Post, &[], ""))), (404, NotSupported), "a batch");
}
