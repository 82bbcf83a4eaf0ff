use super::*;
use crate::{
    access::{
        Action, Basis, Decision, Evidence, Facts, GlobalFacts, Interaction, PatientFacts, Policy, Relationship, Stage,
        Stages,
    },
    domain::NhsNumber,
    fhir::ResourceType,
    identity::{Party, Purpose, Requester, Scopes},
    registry::ProviderConfig,
};
use serde_json::json;
use std::{collections::BTreeMap, sync::LazyLock, time::Duration};

static POLICY: LazyLock<Arc<Policy>> = LazyLock::new(|| Arc::new(Policy::load(None).unwrap()));
const USER: &str = "555000000001";

fn ods(code: &str) -> OdsCode {
    OdsCode::parse(code).unwrap()
}

/// Of a consultant of RZ900 who cares for the patient: for Conditions, and with those for every type.
pub fn permits(global: GlobalFacts) -> Permits {
    permits_at("RZ900", global, PatientFacts::default())
}

fn permits_at(own: &str, global: GlobalFacts, patient: PatientFacts) -> Permits {
    let organisation = ods(own);
    let requester = Requester {
        issuer: "https://identity.example".to_owned(),
        subject: "someone".to_owned(),
        party: Party::Staff {
            user: USER.to_owned(),
            name: None,
            role: Some("R0260".to_owned()),
            role_name: None,
            activities: Vec::new(),
            organisation,
        },
        given_by: "https://gateway.example".into(),
        client_id: "client".to_owned(),
        token_id: "token".to_owned(),
        scopes: Scopes::parse("user/*.rs"),
        purpose: Purpose("TREAT".to_owned()),
        acting: None,
        expires: Timestamp::MAX,
    };
    let relationship = Relationship::of(organisation, Basis::Encounter, Timestamp(0), None, "urn:x|1".to_owned());
    let facts = Facts {
        patient: Arc::new(PatientFacts { relationships: vec![relationship], ..patient }),
        global: Arc::new(global),
        evidence: Evidence::NotAsked,
        organisation: Some("gp-practice".into()),
        until: None,
        now: Timestamp(1),
    };
    let action = Action::ReadRecord(ResourceType::Condition, Interaction::Search);
    let patient = Some(NhsNumber::parse("9990000018").unwrap());
    match POLICY.decide(&requester, &crate::access::Wanted { action, patient }, &facts) {
        Decision::Permit(permit) => POLICY.along(permit, ResourceType::ALL, &requester, &facts),
        other => panic!("{other:?}"),
    }
}

fn registry(codes: &[&str]) -> Registry {
    let provider = |code: &&str| -> ProviderConfig {
        let base = format!("https://{code}.example/fhir/");
        serde_json::from_value(json!({"ods": code, "name": code, "kind": "acute-trust", "base_url": base})).unwrap()
    };
    let configs: Vec<_> = codes.iter().map(provider).collect();
    Registry::new(&configs, &[], Duration::from_secs(3)).unwrap()
}

fn staged(code: &str, stages: Stages) -> GlobalFacts {
    GlobalFacts { stages: BTreeMap::from([(ods(code), stages)]), ..GlobalFacts::default() }
}

const WANTED: [ResourceType; 2] = [ResourceType::Condition, ResourceType::Observation];

fn planned(permits: &Permits, types: &[ResourceType]) -> Plan {
    let wants: Vec<Want> = types.iter().map(|kind| Want::all(*kind)).collect();
    registry(&["RZ901", "RZ902"]).plan(permits, (&wants, None), None, &Presence::default())
}

/// Who is asked for how many types, and who is skipped.
fn shape(plan: &Plan) -> (Vec<(&str, usize)>, Vec<SkipReason>, usize, usize) {
    let ask = plan.ask.iter().map(|errand| (errand.provider.name.as_str(), errand.wants.len())).collect();
    (ask, plan.skip.iter().map(|(_, reason)| *reason).collect(), plan.joining, plan.joining_in_part)
}

#[test]
fn one_that_is_not_live_for_the_reader_is_not_asked_and_only_counted() {
    let reviewers: std::collections::BTreeSet<String> = [USER.to_owned()].into();
    let (both, one) = (vec![("RZ901", 2), ("RZ902", 2)], vec![("RZ901", 2)]);
    for (stage, own, reviewed, asked) in [
        (Stage::Live, false, false, true),
        (Stage::SafetyOnly, false, false, false),
        (Stage::SafetyOnly, true, false, true),
        (Stage::SafetyOnly, false, true, true),
        (Stage::Shadow, true, true, false),
        (Stage::Registered, true, true, false),
        (Stage::Suspended, true, true, false),
    ] {
        let reviewers = if reviewed { reviewers.clone() } else { Default::default() };
        let global = staged("RZ902", Stages { usual: stage, reviewers, ..Stages::default() });
        let permits = permits_at(if own { "RZ902" } else { "RZ900" }, global, PatientFacts::default());
        let expected = if asked { (both.clone(), vec![], 0, 0) } else { (one.clone(), vec![], 1, 0) };
        assert_eq!(shape(&planned(&permits, &WANTED)), expected, "{stage:?} {own} {reviewed}");
    }
}

#[test]
fn of_one_that_is_not_live_nothing_else_is_told_whatever_is_known_of_it() {
    let stages = || Stages { usual: Stage::Shadow, ..Stages::default() };
    let suspended = GlobalFacts { suspended: [ods("RZ902")].into(), ..staged("RZ902", stages()) };
    let quarantined = PatientFacts { quarantined: [ods("RZ902")].into(), ..PatientFacts::default() };
    for permits in [
        permits_at("RZ900", suspended, PatientFacts::default()),
        permits_at("RZ900", staged("RZ902", stages()), quarantined),
    ] {
        assert_eq!(shape(&planned(&permits, &WANTED)), (vec![("RZ901", 2)], vec![], 1, 0));
    }
}

#[test]
fn a_type_that_is_not_live_is_not_asked_for_while_others_are_and_one_that_is_suspended_is_missing() {
    let of = |stage| BTreeMap::from([(WANTED[1], stage)]);
    let part = Stages { usual: Stage::Live, types: of(Stage::Shadow), ..Stages::default() };
    let plan = planned(&permits(staged("RZ902", part.clone())), &WANTED);
    assert_eq!(shape(&plan), (vec![("RZ901", 2), ("RZ902", 1)], vec![], 0, 1));
    assert!(plan.ask[1].withheld.is_empty() && plan.ask[1].suspended.is_empty());
    // of a type by itself: whoever has it only to come is one who is joining
    let permit = permits(staged("RZ902", Stages { types: BTreeMap::from([(WANTED[0], Stage::Shadow)]), ..part }));
    assert_eq!(shape(&planned(&permit, &WANTED[..1])), (vec![("RZ901", 1)], vec![], 1, 0));

    let before = crate::access::Before { usual: Stage::Live, ..Default::default() };
    let was_live =
        Stages { usual: Stage::Live, types: of(Stage::Suspended), before: Some(before), ..Stages::default() };
    let plan = planned(&permits(staged("RZ902", was_live.clone())), &WANTED);
    assert_eq!(shape(&plan), (vec![("RZ901", 2), ("RZ902", 1)], vec![], 0, 0));
    assert_eq!(plan.ask[1].suspended, [Want::all(WANTED[1])]);
    let whole = Stages { usual: Stage::Suspended, ..was_live };
    let plan = planned(&permits(staged("RZ902", whole)), &WANTED);
    assert_eq!(shape(&plan), (vec![("RZ901", 2)], vec![SkipReason::Suspended], 0, 0));
}

#[test]
fn one_is_asked_for_the_types_that_its_entry_names() {
    let mut registry = registry(&["RZ901"]);
    let provider =
        Provider { types: Some([WANTED[0]].into()), ..Provider::clone(registry.provider(ods("RZ901")).unwrap()) };
    registry.insert(Arc::new(provider));
    let wants: Vec<Want> = WANTED.iter().map(|kind| Want::all(*kind)).collect();
    let plan = registry.plan(&permits(GlobalFacts::default()), (&wants, None), None, &Presence::default());
    assert_eq!(plan.ask[0].wants, [Want::all(WANTED[0])]);
}
