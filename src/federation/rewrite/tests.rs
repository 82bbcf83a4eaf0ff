use super::*;
use crate::{
    federation::testing::{BASE, patient, patient_json, provider, resolution, rewriter},
    fhir::json::{self, Limits, Tape},
};
use proptest::{collection, prelude::*};

fn rewrite(text: &str, links: Option<&str>) -> Result<String, Failure> {
    let provider = provider("RZ901");
    let held = resolution(&provider, &[patient_json("1", ""), patient_json("2", "")]).unwrap();
    let mut tape = Tape::new();
    let resource = json::parse(text.as_bytes(), &mut Limits::default(), &mut tape).unwrap();
    let mut out = b"before".to_vec();
    rewriter(&provider, &held).write(resource, "NEW", links, &mut out)?;
    Ok(String::from_utf8(out).unwrap().strip_prefix("before").unwrap().to_owned())
}

fn sealed(local: &str) -> String {
    super::super::testing::ids().entry(provider("RZ901").ods, patient(), local).0
}

const META: &str = r#""source":"https://fhir.nhs.uk/Id/ods-organization-code#RZ901","tag":[TAG"#;
const TAG: &str =
    r#"{"system":"https://fhir.nhs.uk/Id/ods-organization-code","code":"RZ901","display":"The \"RZ901\" Trust"}"#;
const KEPT: &str = r#"{"url":"https://caregate.example/StructureDefinition/original-source","valueUri":"urn:x"}"#;

#[test]
fn where_it_came_from_is_written_into_every_shape_of_meta_before_what_the_source_says() {
    let meta = META.replace("TAG", TAG);
    for (given, written) in [
        (r#"{"a":1.10}"#, format!(r#"{{"meta":{{{meta}]}},"a":1.10}}"#)),
        ("{}", format!(r#"{{"meta":{{{meta}]}}}}"#)),
        (r#"{ "meta" : { } }"#, format!(r#"{{ "meta" : {{{meta}] }} }}"#)),
        (r#"{"m\u0065ta":{"versionId":"7"}}"#, format!(r#"{{"m\u0065ta":{{{meta}],"versionId":"7"}}}}"#)),
        (
            r#"{"meta":{"tag":[ ]}}"#,
            format!(r#"{{"meta":{{{},"tag":[{TAG} ]}}}}"#, &meta[..meta.find(",\"tag").unwrap()]),
        ),
        (
            r#"{"meta":{"tag":[{"code":"x"}],"source":"urn:x"}}"#,
            format!(
                r#"{{"meta":{{"extension":[{KEPT}],"tag":[{TAG},{{"code":"x"}}],{}}}}}"#,
                &meta[..meta.find(",\"tag").unwrap()]
            ),
        ),
        (
            r#"{"meta":{"source":"urn:x","extension":[{"url":"u"}]}}"#,
            format!(
                r#"{{"meta":{{"tag":[{TAG}],{},"extension":[{KEPT},{{"url":"u"}}]}}}}"#,
                &meta[..meta.find(",\"tag").unwrap()]
            ),
        ),
    ] {
        assert_eq!(rewrite(given, None).unwrap(), written, "{given}");
    }
}

#[test]
fn a_tag_that_a_source_forges_in_the_gateways_name_goes_and_all_others_stay_behind_ours() {
    let meta = META.replace("TAG", TAG);
    let forged = r#"{ "system":"https://caregate.example/CodeSystem/same-event","code":"x"}"#;
    let shouted = r#"{"system":" HTTPS://caregate.EXAMPLE/CodeSystem/same-event","extension":[{"url":"u","valueReference":{"reference":"Patient/1"}}]}"#;
    let (own, other) = (r#"{"code":"x"}"#, r#"{"system":"urn:y","code":"y"}"#);
    for (given, kept) in [
        (forged.to_owned(), String::new()),
        (format!("{forged} , {shouted}"), String::new()),
        (format!("{own} , {forged},{other},{shouted}"), format!(",{own},{other}")),
    ] {
        let written = rewrite(&format!(r#"{{"meta":{{"tag":[{given}]}},"a":1.10}}"#), None).unwrap();
        let head = &meta[..meta.find(r#","tag""#).unwrap()];
        assert_eq!(written, format!(r#"{{"meta":{{{head},"tag":[{TAG}{kept}]}},"a":1.10}}"#), "{given}");
    }
}

#[test]
fn a_meta_or_link_of_another_shape_than_fhirs_is_refused() {
    for odd in [
        r#"{"meta":null}"#,
        r#"{"meta":[]}"#,
        r#"{"meta":"x"}"#,
        r#"{"meta":{"tag":{}}}"#,
        r#"{"meta":{"tag":null}}"#,
        r#"{"meta":{"source":{"reference":"Patient/1"}}}"#,
        r#"{"meta":{"source":null}}"#,
        r#"{"meta":{"source":"urn:x","extension":{}}}"#,
    ] {
        assert_eq!(rewrite(odd, None), Err(Failure::UnexpectedEntry), "{odd}");
    }
    assert_eq!(rewrite(r#"{"link":{}}"#, Some("{}")), Err(Failure::UnexpectedEntry));
}

/// One member rewritten, without the provenance.
fn member(member: &str) -> String {
    let written = rewrite(&format!(r#"{{"meta":{{}},{member}}}"#), None).unwrap();
    written[written.find("]},").unwrap() + 3..written.len() - 1].to_owned()
}

#[test]
fn references_within_the_source_become_the_gateways_and_all_others_stay() {
    let patient = format!("Patient/{}", super::super::testing::ids().patient(patient()));
    for (given, written) in [
        (r#""subject":{"reference":"Patient/1"}"#, format!(r#""subject":{{"reference":"{patient}"}}"#)),
        (
            r#""subject":{"reference":"https://rz901.example/fhir/Patient/2"}"#,
            format!(r#""subject":{{"reference":"{patient}"}}"#),
        ),
        (r#""x":[[{"re\u0066erence" : "Patient\/1"}]]"#, format!(r#""x":[[{{"re\u0066erence" : "{patient}"}}]]"#)),
        (r#""x":{"reference":"Patient/9"}"#, format!(r#""x":{{"reference":"Patient/{}"}}"#, sealed("9"))),
        (
            r#""x":{"reference":"Encounter/9/_history/2"}"#,
            format!(r#""x":{{"reference":"Encounter/{}"}}"#, sealed("9")),
        ),
        (
            r#""contained":[{"id":"1","x":{"reference":"Device/9"}}]"#,
            format!(r#""contained":[{{"id":"1","x":{{"reference":"Device/{}"}}}}]"#, sealed("9")),
        ),
    ] {
        assert_eq!(member(given), written, "{given}");
    }
    for kept in [
        r##""x":{"reference":"#1"}"##,
        r#""x":{"reference":"https://other.example/fhir/Patient/1"}"#,
        r#""x":{"reference":"urn:uuid:1"}"#,
        r#""x":{"reference":"Patient/1?y"}"#,
        r#""x":{"reference":["Patient/1"]}"#,
        r#""x":{"reference":{"display":"Patient/1"}}"#,
        r#""x":{"id":"1","display":"Patient/1"}"#,
    ] {
        assert_eq!(member(kept), kept);
    }
}

#[test]
fn no_attachment_leads_past_the_gateway() {
    let binary = |address: &str| {
        let (id, _) = super::super::testing::ids().document(provider("RZ901").ods, patient(), "", address);
        format!("{BASE}Binary/{id}")
    };
    for (given, local) in [
        (r#""content":[{"attachment":{"url":"URL","title":"t"}}]"#, "https://elsewhere.example/a.pdf?sig=1"),
        (r#""presentedForm":[{"url":"URL"},{"url":""}]"#, "//elsewhere.example/a"),
        (r#""photo":[{"extension":[{"url":"https://kept.example"}],"url":"URL"}]"#, "javascript:alert(1)"),
        (r#""extension":[{"url":"https://kept.example","valueAttachment":{"url":"URL"}}]"#, "ftp://x.example/y"),
        (r#""contained":[{"resourceType":"Media","content":{"url":"URL"}}]"#, "https://elsewhere.example/b"),
    ] {
        assert_eq!(member(&given.replace("URL", local)), given.replace("URL", &binary(local)), "{given}");
    }
    for own in ["Binary/9", "https://rz901.example/fhir/Binary/9"] {
        let given = format!(r#""presentedForm":[{{"url":"{own}"}}]"#);
        assert_eq!(member(&given), format!(r#""presentedForm":[{{"url":"{}"}}]"#, binary("Binary/9")));
    }
    // the same text is another address where it is not that of a Binary, and another document where another type refers to it
    assert_ne!(binary("9"), binary("Binary/9"));
    let of_report =
        rewrite(r#"{"resourceType":"DiagnosticReport","presentedForm":[{"url":"Binary/9"}]}"#, None).unwrap();
    assert!(of_report.contains(&format!("{BASE}Binary/")) && !of_report.contains(&binary("Binary/9")));
    for kept in [
        r#""presentedForm":[{"url":"data:text/plain;base64,eA=="},{"url":"DATA:,x"},{"url":null},{"data":"eA=="}]"#,
        r#""extension":[{"url":"https://kept.example/photo"}]"#,
        r#""url":"https://kept.example""#,
    ] {
        assert_eq!(member(kept), kept);
    }
    // one too long to be an address costs neither the entry nor what else it refers to
    let long = format!(r#""photo":[{{"url":"https://x.example/{}","title":"t"}}]"#, "x".repeat(LONGEST_ADDRESS));
    assert_eq!(member(&long), r#""photo":[{"url":"about:invalid","title":"t"}]"#);
}

#[test]
fn links_are_added_to_a_patients_own() {
    let written = rewrite(r#"{"id":"1","meta":{},"link":[{"type":"refer"}]}"#, Some(r#"{"type":"seealso"}"#)).unwrap();
    assert!(written.ends_with(r#""link":[{"type":"seealso"},{"type":"refer"}]}"#), "{written}");
    let written = rewrite(r#"{"id":"1"}"#, Some(r#"{"type":"seealso"}"#)).unwrap();
    assert!(
        written.starts_with(r#"{"meta":{"#) && written.ends_with(r#","link":[{"type":"seealso"}],"id":"NEW"}"#),
        "{written}"
    );
}

#[test]
fn ids_too_long_to_seal_are_told_so_that_their_rows_can_be_stored() {
    let provider = provider("RZ901");
    let held = resolution(&provider, &[patient_json("1", "")]).unwrap();
    let mut rewriter = rewriter(&provider, &held);
    let text = format!(
        r#"{{"x":{{"reference":"Device/{}"}},"y":{{"reference":"Device/1"}},"z":{{"reference":"Procedure/{}"}}}}"#,
        "x".repeat(64),
        "x".repeat(64)
    );
    let mut tape = Tape::new();
    let resource = json::parse(text.as_bytes(), &mut Limits::default(), &mut tape).unwrap();
    let mut out = Vec::new();
    rewriter.write(resource, "NEW", None, &mut out).unwrap();
    let rows: Vec<_> = rewriter.long_ids.iter().collect();
    let [row] = rows[..] else { panic!("{}", rows.len()) };
    assert!(String::from_utf8(out).unwrap().contains(&format!("Device/{}", row.digest)));
}

/// JSON as a source may write it, in its own spelling; its keys are too short to be rewritten.
fn raw() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "(null|true|false)",
        r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,4})?([eE][+-]?[0-9]{1,3})?",
        "\\PC{0,6}".prop_map(|text| quoted(&text)),
        r#""(\\u00[4-6]1|\\/|\\n|é){0,3}""#,
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let items = collection::vec(inner.clone(), 0..4);
        let members = collection::btree_map("[a-z]{1,3}", inner, 0..4);
        prop_oneof![
            (items, " ?").prop_map(|(items, space)| format!("[{space}{}]", items.join(&format!(",{space}")))),
            (members, " ?").prop_map(|(members, space)| {
                let members: Vec<_> = members.iter().map(|(k, v)| format!(r#""{k}"{space}:{v}"#)).collect();
                format!("{{{}{space}}}", members.join(","))
            }),
        ]
    })
}

fn object(members: &[(String, String)]) -> String {
    format!("{{{}}}", members.iter().map(|(k, v)| format!(r#""{k}": {v}"#)).collect::<Vec<_>>().join(" ,"))
}

fn meta() -> impl Strategy<Value = String> {
    let list = || prop_oneof![3 => collection::vec(raw(), 0..3).prop_map(|l| format!("[{}]", l.join(","))), 1 => raw()];
    let source = prop_oneof![3 => Just(r#""urn:x""#.to_owned()), 1 => raw()];
    let members = (prop::option::of(source), prop::option::of(list()), prop::option::of(list()), raw(), any::<bool>());
    let object = members.prop_map(|(source, tag, extension, other, reverse)| {
        let mut members: Vec<(String, String)> =
            [("source", source), ("tag", tag), ("extension", extension), ("profile", Some(other))]
                .into_iter()
                .filter_map(|(key, value)| Some((key.to_owned(), value?)))
                .collect();
        if reverse {
            members.reverse()
        }
        self::object(&members)
    });
    prop_oneof![4 => object, 1 => raw()]
}

proptest! {
    #[test]
    fn whatever_meta_is_the_result_is_json_in_which_all_else_is_as_it_was(
        // no `id` of their own
        members in collection::btree_map("[j-z][a-z]{0,2}", raw(), 0..5),
        meta in prop::option::of(meta()),
        (at, id) in (any::<prop::sample::Index>(), any::<bool>()),
        links in any::<bool>(),
    ) {
        let mut members: Vec<(String, String)> = members.into_iter().collect();
        if id { members.insert(at.index(members.len() + 1), ("id".to_owned(), r#""1""#.to_owned())) }
        if let Some(meta) = &meta { members.insert(at.index(members.len() + 1), ("meta".to_owned(), meta.clone())) }
        let text = object(&members);
        let Ok(written) = rewrite(&text, links.then_some("{}")) else {
            // refused, then for a shape of meta that is none
            prop_assert!(meta.is_some());
            return Ok(());
        };
        let (mut before, mut after) = (Tape::new(), Tape::new());
        let given = json::parse(text.as_bytes(), &mut Limits::default(), &mut before).unwrap();
        let read = json::parse(written.as_bytes(), &mut Limits::default(), &mut after).unwrap();
        for (key, value) in given.members().filter(|(key, _)| !["id", "meta"].contains(&key.as_ref())) {
            prop_assert_eq!(read.get(&key).map(Value::raw), Some(value.raw()));
        }
        prop_assert_eq!(read.text("id").is_some(), id);
        let ours = read.get("meta").unwrap();
        prop_assert_eq!(ours.text("source").unwrap(), "https://fhir.nhs.uk/Id/ods-organization-code#RZ901");
        prop_assert_eq!(ours.get("tag").unwrap().items().next().unwrap().raw_str(), TAG);
        let kept = |key: &str| ours.get(key).into_iter().flat_map(|list| list.items().skip(1).map(Value::raw));
        for (key, value) in given.get("meta").into_iter().flat_map(Value::members) {
            match key.as_ref() {
                "source" => prop_assert_eq!(ours.get("extension").unwrap().items().next().unwrap().get("valueUri").unwrap().raw(), value.raw()),
                "tag" => prop_assert!(kept("tag").eq(value.items().map(Value::raw))),
                "extension" if given.get("meta").unwrap().get("source").is_some() => prop_assert!(kept("extension").eq(value.items().map(Value::raw))),
                other => prop_assert_eq!(ours.get(other).map(Value::raw), Some(value.raw())),
            }
        }
    }
}
