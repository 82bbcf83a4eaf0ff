//! The joined-up answer is the same whichever server holds which part.

use crate::{
    answers::{Shown, asked, completeness, shown, without_fragment},
    harness::{BUILT_IN, Gate, canary, named_in, source_of},
    queries::{Grammar, Query, Random},
    region::{gateway, gateway_that_asks_for},
    servers::Maker::{self, Hapi, Helios, Medplum, Ours},
    tools::{HAPI, HFS, NODE, have},
};
use caregate::{domain::NhsNumber, sandbox::data::PatientInfo};
use futures::future::join_all;
use std::collections::BTreeMap;

const QUERIES: usize = 250;

/// Who holds a practice's part, a hospital's, and everybody else's.
const ASSIGNMENTS: &[[Maker; 3]] = &[
    [Ours, Ours, Ours],
    [Helios, Medplum, Ours],
    [Medplum, Ours, Helios],
    [Ours, Helios, Medplum],
    [Helios, Helios, Helios],
    [Medplum, Medplum, Medplum],
    [Hapi, Ours, Helios],
    [Medplum, Hapi, Ours],
];

#[tokio::test]
async fn answers_are_equal_whichever_server_holds_which_part() {
    if !have(&[HFS, NODE], "the union over servers of other makers") {
        return;
    }
    let hapi = have(&[HAPI], "the union over HAPI FHIR");
    let mut gates = Vec::new();
    for makers in ASSIGNMENTS.iter().filter(|makers| hapi || !makers.contains(&Hapi)) {
        let [practices, hospitals, others] = makers;
        let gate = gateway(|slug| match BUILT_IN.provider(slug).unwrap().kind.as_str() {
            "gp-practice" => *practices,
            "acute-trust" => *hospitals,
            _ => *others,
        });
        gates.push((makers, gate.await));
    }
    let grammar = Grammar::of(&gates[0].1).await;
    let mut random = Random(1);
    let (mut compared, mut included, mut ids) = (0, 0, BTreeMap::new());
    for n in 0..QUERIES {
        let mut query = grammar.query(n, &mut random);
        let patient = random.one(&BUILT_IN.patients).nhs_number;
        query.ids.retain(|canary| ids.contains_key(canary));
        let (entries, along) = equal(&gates, patient, &query, &mut ids).await;
        compared += entries;
        included += along;
    }
    assert!(compared * 2 > QUERIES, "{compared} entries: hardly anything was found");
    assert!(included > 4, "{included} entries: hardly anything came along");
}

#[tokio::test]
async fn a_server_that_cuts_its_answer_and_leads_nowhere_is_named_as_failed() {
    if !have(&[NODE], "a server without further pages") {
        return;
    }
    let gate = gateway_that_asks_for(100, |slug| if slug == "saltmarsh" { Medplum } else { Ours }).await;
    let many = |patient: &&PatientInfo| held(&gate, "Observation", patient.nhs_number) > 100;
    let patient = BUILT_IN.patients.iter().find(many).expect("somebody with many").nhs_number;
    let answer = gate.search("gp-saltmarsh", "Observation", patient).await;
    assert_eq!(answer.header("x-completeness"), "partial");
    let failed = answer.issues().into_iter().find(|issue| named_in(issue).as_deref() == Some("F99001")).unwrap();
    assert!(failed.to_string().contains("missing-pages"), "{failed}");
    assert!(answer.matches().iter().all(|entry| source_of(entry) != "F99001"), "none of what was cut is shown");
}

fn held(gate: &Gate, kind: &str, patient: NhsNumber) -> usize {
    gate.provider("F99001").about(patient).iter().filter(|(one, _)| *one == kind).count()
}

/// Who holds what, and the gateway over it.
type Held = (&'static [Maker; 3], Gate);

/// How many entries were compared, and how many of them came along with others. `ids` are those the gateways give, by canary.
async fn equal(
    gates: &[Held],
    patient: NhsNumber,
    query: &Query,
    ids: &mut BTreeMap<String, String>,
) -> (usize, usize) {
    let mut pairs = query.parameters(|canary| ids[canary].clone());
    pairs.extend(query.sort.iter().map(|(sort, _)| ("_sort".to_owned(), (*sort).to_owned())));
    pairs.extend(query.shapes.iter().chain(&query.view).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let answers = join_all(gates.iter().map(|(_, gate)| asked(gate, patient, &query.kind, &pairs))).await;
    let first = shown(&gates[0].1, &answers[0]);
    for ((holders, gate), pages) in gates.iter().zip(&answers).skip(1) {
        let other = shown(gate, pages);
        let names = |shown: &[(String, String, _)]| shown.iter().map(|one| one.1.clone()).collect::<Vec<_>>();
        assert_eq!(names(&other), names(&first), "{holders:?}: {} {pairs:?} of {patient:?}", query.kind);
        for (theirs, ours) in other.iter().zip(&first) {
            let kept = |one: &Shown| if holders.contains(&Hapi) { without_fragment(one) } else { one.clone() };
            assert_eq!(kept(theirs), kept(ours), "{holders:?}: {} {pairs:?}", query.kind);
        }
        assert_eq!(completeness(pages), completeness(&answers[0]), "{holders:?}: {} {pairs:?}", query.kind);
    }
    let whole = answers[0].iter().flat_map(|page| page.matches()).filter(|_| query.view.is_none());
    for resource in whole {
        ids.insert(canary(&resource), resource["id"].as_str().unwrap().to_owned());
    }
    (first.len(), first.iter().filter(|(mode, ..)| mode == "include").count())
}
