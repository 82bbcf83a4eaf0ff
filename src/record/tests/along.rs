use super::*;
use crate::{federation::Referred, registry::Errand};
use std::collections::{BTreeMap, BTreeSet};

const RESTRICTED: &str =
    r#","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]}"#;

/// What one source holds: Conditions with the Encounter each was made in, and the Encounters, some restricted.
type Held = (Vec<(String, Option<String>)>, BTreeMap<String, bool>);

fn encounter(id: &str, restricted: bool) -> String {
    let meta = if restricted { RESTRICTED } else { "" };
    format!(r#"{{"resourceType":"Encounter","id":"{id}","subject":{{"reference":"Patient/1"}}{meta}}}"#)
}

fn conditions(held: &Held) -> Vec<String> {
    let made_in = |id: &Option<String>| {
        id.as_ref().map(|id| format!(r#","encounter":{{"reference":"Encounter/{id}"}}"#)).unwrap_or_default()
    };
    held.0.iter().map(|(id, encounter)| condition(id, &made_in(encounter))).collect()
}

/// The answers to what is lacking, as the sources hold it.
fn brought(errands: &[(Arc<crate::federation::Resolution>, Errand)], held: &[Held]) -> Vec<(OdsCode, Vec<Part>)> {
    let part = |(found, errand): &(Arc<crate::federation::Resolution>, Errand)| {
        let at = usize::from(errand.provider.ods.as_str().as_bytes()[4] - b'1');
        let encounters: Vec<String> = held[at].1.iter().map(|(id, restricted)| encounter(id, *restricted)).collect();
        let parts = errand.wants.iter().map(|want| {
            assert_eq!(*want, Want::all(ResourceType::Encounter));
            let answer = answer(&errand.provider, found, ResourceType::Encounter, &encounters).unwrap();
            Part { want: want.clone(), said: PartSaid::Answered(Arc::new(answer)) }
        });
        (errand.provider.ods, parts.chain(errand.withheld.iter().map(Part::withheld)).collect())
    };
    errands.iter().map(part).collect()
}

fn along(permits: &[ResourceType]) -> Permits {
    permit_along(Basis::Encounter, PatientFacts::default(), &[], permits)
}

/// A page and what came along with it.
fn page(ask: &Ask, held: &[Held], permits: &Permits) -> (Value, Redacted, usize) {
    let source = |at: usize| holds(&provider(&format!("RZ90{}", at + 1)), &conditions(&held[at]));
    let mut record = join(ask, (0..held.len()).map(source).collect());
    let errands = record.lacks(permits, &reader("someone"));
    let asked = errands.iter().map(|(_, errand)| errand.wants.len()).sum();
    record.bring(brought(&errands, held).into_iter());
    assert!(record.lacks(permits, &reader("someone")).is_empty(), "nothing is asked for twice");
    let redacted = record.redact(permits, &reader("someone")).unwrap();
    (json(&redacted), redacted, asked)
}

fn of_mode<'a>(bundle: &'a Value, mode: &str) -> Vec<&'a Value> {
    bundle["entry"].as_array().unwrap().iter().filter(|entry| entry["search"]["mode"] == mode).collect()
}

fn id_of(source: usize, local: &str) -> String {
    ids().entry(ods(&format!("RZ90{}", source + 1)), patient(), local).0
}

fn some_held() -> impl Strategy<Value = Held> {
    let encounters = collection::btree_map("[e-h]", any::<bool>(), 0..4);
    encounters.prop_flat_map(|encounters| {
        let made_in = prop_oneof![Just(None), "[e-i]".prop_map(Some)];
        let conditions = collection::btree_map("[a-f]", made_in, 0..6).prop_map(|all| all.into_iter().collect());
        (conditions, Just(encounters))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Each page has what its own matches refer to at their own source, where a search would show it; the matches are those
    /// of the search without includes; and the audit knows of each.
    #[test]
    fn pages_with_what_comes_along_lose_and_repeat_nothing_and_show_no_more_than_a_search_would(
        held in collection::vec(some_held(), 1..4),
        count in 1..4_u32,
        reaches in any::<bool>(),
    ) {
        let plain_ask = search("Condition", &format!("&_count={count}"));
        let mut ask = search("Condition", &format!("&_count={count}&_include=Condition:encounter"));
        let permits = along(if reaches { &[ResourceType::Encounter] } else { &[] });
        let sources = || held.iter().enumerate().map(|(at, held)| holds(&provider(&format!("RZ90{}", at + 1)), &conditions(held))).collect();
        let expected: String = pages(&plain_ask, &sources).iter().map(|page| String::from_utf8(page.clone()).unwrap()).collect();
        let expected: Vec<Value> = serde_json::from_str(&format!("[{}]", expected.trim_end_matches(','))).unwrap();
        let mut shown = Vec::new();
        loop {
            let (bundle, redacted, _) = page(&ask, &held, &permits);
            let matches = of_mode(&bundle, "match");
            let mut meant = BTreeSet::new();
            for (at, held) in held.iter().enumerate() {
                for (local, encounter) in &held.0 {
                    let here = matches.iter().any(|one| one["resource"]["id"] == id_of(at, local).as_str());
                    let open = encounter.as_ref().filter(|id| held.1.get(*id) == Some(&false));
                    meant.extend(open.filter(|_| here && reaches).map(|id| id_of(at, id)));
                }
            }
            let included = of_mode(&bundle, "include");
            let along: Vec<_> = included.iter().map(|one| one["resource"]["id"].as_str().unwrap().to_owned()).collect();
            prop_assert_eq!(along.len(), meant.len());
            prop_assert_eq!(along.into_iter().collect::<BTreeSet<_>>(), meant);
            let told: usize = redacted.lines.iter().map(|line| (0..20).filter(|at| line.released.contains(*at)).count()).sum();
            prop_assert_eq!(told, matches.len() + included.len());
            shown.extend(matches.into_iter().cloned());
            match next(&bundle) {
                Some(token) => ask = with_page(ask, token),
                None => break,
            }
        }
        prop_assert_eq!(shown, expected);
    }
}

fn made_in(condition: &str, encounter: &str, restricted: bool) -> Held {
    (vec![(condition.to_owned(), Some(encounter.to_owned()))], [(encounter.to_owned(), restricted)].into())
}

#[test]
fn what_is_withheld_of_what_would_come_along_is_told_of_as_something_and_stands_in_the_audit() {
    let ask = search("Condition", "&_include=Condition:encounter");
    let (bundle, redacted, _) = page(&ask, &[made_in("a", "e", true)], &along(&[ResourceType::Encounter]));
    assert_eq!((of_mode(&bundle, "match").len(), of_mode(&bundle, "include").len()), (1, 0));
    assert!(issue_codes(&bundle).contains(&"suppressed"));
    assert!(redacted.lines.iter().any(|line| line.withheld.contains(0)), "{:?}", redacted.lines);
    let registered = permit_along(Basis::Registered, PatientFacts::default(), &[], &[ResourceType::Encounter]);
    let (bundle, ..) = page(&ask, &[made_in("a", "e", true)], &registered);
    assert_eq!(of_mode(&bundle, "include").len(), 1);
}

#[test]
fn nothing_is_asked_for_that_may_not_be_shown_or_that_nothing_on_the_page_refers_to() {
    let ask = search("Condition", "&_include=Condition:encounter&_count=1");
    let one = made_in("a", "e", false);
    assert_eq!(page(&ask, std::slice::from_ref(&one), &along(&[])).2, 0, "no permit for it");
    assert_eq!(page(&ask, &[(vec![("a".into(), None)], one.1.clone())], &along(&[ResourceType::Encounter])).2, 0);
    // the second source's comes with the second page
    let both = [one.clone(), one];
    assert_eq!(page(&ask, &both, &along(&[ResourceType::Encounter])).2, 1);
}

#[test]
fn a_permit_newer_than_what_came_along_takes_it_out_again() {
    let ask = search("Condition", "&_include=Condition:encounter");
    let held = [made_in("a", "e", false), made_in("b", "f", false)];
    let source = |at: usize| holds(&provider(&format!("RZ90{}", at + 1)), &conditions(&held[at]));
    let mut record = join(&ask, (0..2).map(source).collect());
    let permits = along(&[ResourceType::Encounter]);
    let errands = record.lacks(&permits, &reader("someone"));
    record.bring(brought(&errands, &held).into_iter());
    let covers = Matter { sources: vec![ods("RZ902")], ..Matter::default() };
    let terms = Terms { covers, ..Terms::default() };
    let objections = vec![Objection { id: "o".to_owned(), terms, recorded_by: None, stands_only_for: None }];
    let facts = PatientFacts { objections, ..PatientFacts::default() };
    let objected = permit_along(Basis::Encounter, facts, &[], &[ResourceType::Encounter]);
    assert!(record.lacks(&objected, &reader("someone")).is_empty());
    let bundle = shown(&record, &objected).unwrap();
    assert_eq!((of_mode(&bundle, "match").len(), of_mode(&bundle, "include").len()), (1, 1));
    assert!(!bundle.to_string().contains("RZ902"));
    // nor is it shown once the type itself is out of reach
    assert_eq!(of_mode(&shown(&record, &along(&[])).unwrap(), "include").len(), 0);
}

#[test]
fn provenance_is_asked_for_by_what_it_is_of_and_shown_with_that_alone() {
    let ask = search("Condition", "&_revinclude=Provenance:target");
    let source = provider("RZ901");
    let mut record = join(&ask, vec![holds(&source, &[condition("a", ""), condition("b", "")])]);
    let permits = along(&[ResourceType::Provenance]);
    let errands = record.lacks(&permits, &reader("someone"));
    let (found, errand) = &errands[0];
    assert_eq!(errand.wants, [Want::provenance_of(vec!["Condition/b".into(), "Condition/a".into()])]);
    let of = |id: &str, target: &str| {
        format!(
            r#"{{"resourceType":"Provenance","id":"{id}","target":[{{"reference":"{target}"}}],"recorded":"2024-01-01T00:00:00Z"}}"#
        )
    };
    let said = [of("p", "Condition/a"), of("q", "Condition/z"), of("r", "Patient/2"), of("s", "Observation/a")];
    let answer = crate::federation::testing::answer_to(&source, found, &errand.wants[0], &said).unwrap();
    let locals: Vec<_> = answer.entries.iter().map(|entry| &*entry.local).collect();
    assert_eq!(locals, ["p"], "of others it is nobody's business, and no alarm");
    assert_eq!(answer.references, [Referred { resource_type: ResourceType::Condition, local: "a".into() }][..]);
    let part = Part { want: errand.wants[0].clone(), said: PartSaid::Answered(Arc::new(answer)) };
    record.bring([(source.ods, vec![part])].into_iter());
    let bundle = shown(&record, &permits).unwrap();
    assert_eq!(of_mode(&bundle, "include").len(), 1);
    assert_eq!(
        of_mode(&bundle, "include")[0]["resource"]["target"][0]["reference"],
        format!("Condition/{}", id_of(0, "a"))
    );
}

#[test]
fn a_provenance_is_shown_only_where_all_that_it_is_of_could_be() {
    let ask = search("Condition", "&_revinclude=Provenance:target");
    let source = provider("RZ901");
    let said = r#"{"resourceType":"Provenance","id":"p","target":[{"reference":"Condition/a"},{"reference":"CarePlan/c"}],"recorded":"2024-01-01T00:00:00Z"}"#;
    let mut record = join(&ask, vec![holds(&source, &[condition("a", "")])]);
    let both = along(&[ResourceType::Provenance, ResourceType::CarePlan]);
    let errands = record.lacks(&both, &reader("someone"));
    let (found, errand) = &errands[0];
    let answer = crate::federation::testing::answer_to(&source, found, &errand.wants[0], &[said]).unwrap();
    let part = Part { want: errand.wants[0].clone(), said: PartSaid::Answered(Arc::new(answer)) };
    record.bring([(source.ods, vec![part])].into_iter());
    assert_eq!(of_mode(&shown(&record, &both).unwrap(), "include").len(), 1);
    let one = shown(&record, &along(&[ResourceType::Provenance])).unwrap();
    assert_eq!((of_mode(&one, "match").len(), of_mode(&one, "include").len()), (1, 0));
}

#[test]
fn a_type_that_would_come_along_and_is_not_reached_is_named() {
    let ask = search("Condition", "&_include=Condition:encounter&_revinclude=Provenance:target");
    let held = [made_in("a", "e", false)];
    let (bundle, ..) = page(&ask, &held, &along(&[]));
    let said = bundle.to_string();
    assert!(said.contains("Not looked for") && said.contains("Encounter, Provenance."), "{said}");
    let (bundle, ..) = page(&search("Condition", "&_include=Condition:encounter"), &held, &along(ResourceType::ALL));
    assert!(!bundle.to_string().contains("Not looked for"));
}

/// What is withheld is there, and is not said to be lost.
#[test]
fn what_is_referred_to_and_not_found_is_told_of_as_something_and_what_is_withheld_is_not() {
    let ask = search("Condition", "&_include=Condition:asserter");
    let by = |id: &str| format!(r#","asserter":{{"reference":"Practitioner/{id}"}}"#);
    let person = |id: &str, meta: &str| format!(r#"{{"resourceType":"Practitioner","id":"{id}"{meta}}}"#);
    for (sent, lost) in [
        (vec![person("p", ""), person("q", "")], false),
        (vec![person("p", ""), person("q", RESTRICTED)], false),
        (vec![person("p", "")], true),
        (vec![], true),
    ] {
        let source = provider("RZ901");
        let held = [condition("a", &by("p")), condition("b", &by("q"))];
        let mut record = join(&ask, vec![holds(&source, &held)]);
        let permits = along(&[ResourceType::Practitioner]);
        let errands = record.lacks(&permits, &reader("someone"));
        let (found, errand) = &errands[0];
        let answer = crate::federation::testing::answer_to(&source, found, &errand.wants[0], &sent).unwrap();
        let part = Part { want: errand.wants[0].clone(), said: PartSaid::Answered(Arc::new(answer)) };
        record.bring([(source.ods, vec![part])].into_iter());
        let bundle = shown(&record, &permits).unwrap();
        assert_eq!(bundle.to_string().contains("was not found at its source"), lost, "{sent:?}");
    }
}
