mod copies;

use super::{selection::Match, *};
use crate::{
    access::{
        Action, Basis, Decision, Evidence, Facts, GlobalFacts, Interaction, Matter, Objection, PatientFacts, Permits,
        Policy, Relationship, SkipReason, Terms, Wanted,
    },
    domain::{Labels, OdsCode, Timestamp},
    federation::{
        Answer, Failure, Gathered, Identity, Part, PartSaid, Said, SourceAnswer,
        testing::{BASE, answer, ids, patient, patient_json, provider, resolution},
    },
    fhir::ResourceType,
    identity::{Party, Purpose, Requester, Scopes},
    query::{self, Ask, Method, PageSealer, PageSize, RawQuery, Setting, What, page_token::Fingerprint},
    registry::{Locate, Plan, Provider, Want},
};
use proptest::{collection, prelude::*};
use serde_json::Value;
use std::sync::{Arc, LazyLock};

mod along;
mod completeness;
mod joining;

static POLICY: LazyLock<Arc<Policy>> = LazyLock::new(|| Arc::new(Policy::load(None).unwrap()));
static PAGES: LazyLock<PageSealer> = LazyLock::new(|| PageSealer::new(&[8; 32], PageSealer::LIFETIME));

fn ods(code: &str) -> OdsCode {
    OdsCode::parse(code).unwrap()
}

/// A consultant's, whose hospital is none of the sources: with a registration restricted entries are within reach.
fn permit(basis: Basis, patient_facts: PatientFacts, suspended: &[&str]) -> Permits {
    permit_along(basis, patient_facts, suspended, ResourceType::ALL)
}

/// ... and with it for these types.
fn permit_along(basis: Basis, patient_facts: PatientFacts, suspended: &[&str], along: &[ResourceType]) -> Permits {
    let suspended = suspended.iter().map(|code| ods(code)).collect();
    permit_of(basis, patient_facts, GlobalFacts { suspended, ..GlobalFacts::default() }, along)
}

/// The plain one, by what is known of everyone.
fn permit_by(global: GlobalFacts) -> Permits {
    permit_of(Basis::Encounter, PatientFacts::default(), global, ResourceType::ALL)
}

fn permit_of(basis: Basis, patient_facts: PatientFacts, global: GlobalFacts, along: &[ResourceType]) -> Permits {
    let organisation = ods("RZ900");
    let requester = Requester {
        issuer: "https://identity.example".to_owned(),
        subject: "someone".to_owned(),
        party: Party::Staff {
            user: "555000000001".to_owned(),
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
    let relationship = Relationship::of(organisation, basis, Timestamp(0), None, "urn:x|1".to_owned());
    let facts = Facts {
        patient: Arc::new(PatientFacts { relationships: vec![relationship], ..patient_facts }),
        global: Arc::new(global),
        evidence: Evidence::NotAsked,
        organisation: Some("gp-practice".into()),
        until: None,
        now: Timestamp(1),
    };
    let action = Action::ReadRecord(ResourceType::Condition, Interaction::Search);
    match POLICY.decide(&requester, &Wanted { action, patient: Some(patient()) }, &facts) {
        Decision::Permit(permit) => POLICY.along(permit, along, &requester, &facts),
        other => panic!("{other:?}"),
    }
}

fn plain() -> Permits {
    permit(Basis::Encounter, PatientFacts::default(), &[])
}

fn ask(path: &[&str], query: &str) -> Ask {
    let raw = RawQuery { method: Method::Get, path, query, content_type: None, body: b"", accept: None };
    let setting = Setting { ids: &ids(), bases: &[], page_size: PageSize::default() };
    query::parse(&raw, &setting).unwrap()
}

fn search(resource_type: &str, more: &str) -> Ask {
    let name = if resource_type == "Patient" { "identifier" } else { "patient.identifier" };
    ask(&[resource_type], &format!("{name}=https://fhir.nhs.uk/Id/nhs-number%7C{}{more}", patient().digits()))
}

fn condition(id: &str, more: &str) -> String {
    format!(r#"{{"resourceType":"Condition","id":"{id}","subject":{{"reference":"Patient/1"}}{more}}}"#)
}

fn restricted(id: &str) -> String {
    let label = format!(r#"{{"system":"{}","code":"R"}}"#, Labels::CONFIDENTIALITY);
    condition(id, &format!(r#","recordedDate":"2020","meta":{{"security":[{label}]}}"#))
}

fn holds(provider: &Provider, resources: &[String]) -> SourceAnswer {
    let held = resolution(provider, &[patient_json("1", "")]).unwrap();
    let answer = answer(provider, &held, ResourceType::Condition, resources).unwrap();
    SourceAnswer { provider: Arc::new(provider.clone()), said: Said::Holds(held, vec![part(answer)]) }
}

fn part(answer: Answer) -> Part {
    Part { want: Want::all(ResourceType::Condition), said: PartSaid::Answered(Arc::new(answer)) }
}

fn failing(provider: &Provider, failure: Failure) -> SourceAnswer {
    SourceAnswer { provider: Arc::new(provider.clone()), said: Said::Failed(failure) }
}

fn join(ask: &Ask, sources: Vec<SourceAnswer>) -> Record {
    let whose = Whose { numbers: patient().into(), identity: Identity::NoIndex, unchecked: None, concealing: None };
    Record::join(ask, whose, Gathered::of(patient(), &Plan::default(), sources), ids(), BASE.into())
}

fn reader(subject: &str) -> Reader<'_> {
    let who = Fingerprint::of(&["https://identity.example", subject]);
    Reader { who, pages: &PAGES, must_be_complete: false }
}

fn shown(record: &Record, permit: &Permits) -> Result<Value, NotShown> {
    record.redact(permit, &reader("someone")).map(|redacted| json(&redacted))
}

fn json(redacted: &Redacted) -> Value {
    serde_json::from_slice(&redacted.document().chunks.concat()).unwrap()
}

fn issue_codes(bundle: &Value) -> Vec<&str> {
    let outcome = bundle["entry"].as_array().unwrap().last().unwrap();
    assert_eq!(outcome["search"]["mode"], "outcome");
    outcome["resource"]["issue"].as_array().unwrap().iter().map(|issue| issue["code"].as_str().unwrap()).collect()
}

fn next(bundle: &Value) -> Option<&str> {
    let link = bundle["link"].as_array().unwrap().iter().find(|link| link["relation"] == "next")?;
    link["url"].as_str()?.split_once("&page=").map(|(_, token)| token)
}

fn with_page(mut ask: Ask, token: &str) -> Ask {
    let What::Search(search) = &mut ask.what else { panic!() };
    search.page = Some(token.to_owned());
    ask
}

/// The entries of each page, as they are sent.
fn pages(ask: &Ask, sources: &dyn Fn() -> Vec<SourceAnswer>) -> Vec<Vec<u8>> {
    let (mut pages, mut ask) = (Vec::new(), ask.clone());
    loop {
        let redacted = join(&ask, sources()).redact(&plain(), &reader("someone")).unwrap();
        let chunks = &redacted.document().chunks;
        pages.push(chunks[1..chunks.len() - 1].concat());
        let bundle = json(&redacted);
        let Some(token) = next(&bundle) else { return pages };
        ask = with_page(ask, token);
    }
}

fn some_conditions() -> impl Strategy<Value = Vec<String>> {
    let date = prop_oneof![Just(String::new()), (2018..2022).prop_map(|year| format!(r#","recordedDate":"{year}""#))];
    collection::btree_map("[a-e]", date, 0..5)
        .prop_map(|found| found.iter().map(|(id, date)| condition(id, date)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pages_do_not_depend_on_the_order_of_answers_and_lose_and_repeat_nothing(
        held in collection::vec(some_conditions(), 1..4).prop_flat_map(|held| (Just(held.clone()), Just((0..held.len()).collect::<Vec<_>>()).prop_shuffle())),
        count in 1..4_u32,
        sort in prop::sample::select(vec!["date", "-date", "_lastUpdated"]),
    ) {
        let (held, order) = held;
        let ask = search("Condition", &format!("&_count={count}&_sort={sort}"));
        let source = |at: &usize| holds(&provider(&format!("RZ90{}", at + 1)), &held[*at]);
        let sorted = pages(&ask, &|| (0..held.len()).map(|at| source(&at)).collect());
        let shuffled = pages(&ask, &|| order.iter().map(source).collect());
        prop_assert_eq!(&sorted, &shuffled);
        let text = sorted.iter().map(|page| String::from_utf8_lossy(page)).collect::<String>();
        let entries: Vec<Value> = serde_json::from_str(&format!("[{}]", text.trim_end_matches(','))).unwrap();
        let mut urls: Vec<_> = entries.iter().map(|entry| entry["fullUrl"].as_str().unwrap()).collect();
        let all = urls.len();
        urls.sort_unstable();
        urls.dedup();
        prop_assert_eq!((urls.len(), all), (all, held.iter().map(Vec::len).sum::<usize>()));
    }

    #[test]
    fn slices_are_the_entries_one_after_another(
        held in collection::vec(some_conditions(), 1..3),
        chosen in collection::vec((0..3_usize, 0..6_usize), 0..12),
    ) {
        let sources = held.iter().enumerate().map(|(at, held)| holds(&provider(&format!("RZ90{}", at + 1)), held));
        let record = join(&search("Condition", ""), sources.collect());
        let bytes = |found: &Match| {
            let answer = record.sources.get(found.source)?.answer(0)?;
            Some(answer.bytes(&answer.entries.get(found.position)?.entry))
        };
        let chosen: Vec<Match> = chosen.into_iter().map(|(source, position)| Match { key: None, source, part: 0, position }).collect();
        let expected: Vec<u8> = chosen.iter().filter_map(bytes).flatten().collect();
        prop_assert_eq!(page::slices(&record, &chosen, &Default::default()).concat(), expected);
    }
}

#[test]
fn neighbours_go_out_as_one_slice() {
    let held: Vec<String> = ["a", "b", "c"].iter().map(|id| condition(id, "")).collect();
    let record =
        join(&search("Condition", ""), vec![holds(&provider("RZ901"), &held), holds(&provider("RZ902"), &held)]);
    assert_eq!((record.matches.len(), page::slices(&record, &record.matches, &Default::default()).len()), (6, 2));
}

#[test]
fn no_filter_finds_out_the_date_or_the_id_of_what_is_withheld() {
    let held = [condition("a", r#","recordedDate":"2024""#), restricted("secret")];
    let (hidden, _) = ids().entry(ods("RZ901"), patient(), "secret");
    for filter in
        ["", "&recorded-date=2020", "&recorded-date=2024", "&recorded-date=gt2030", &format!("&_id={hidden}"), "&_id=x"]
    {
        let record = join(&search("Condition", filter), vec![holds(&provider("RZ901"), &held)]);
        let bundle = shown(&record, &plain()).unwrap();
        assert!(issue_codes(&bundle).contains(&"suppressed"), "{filter}");
        assert!(!bundle.to_string().contains(&hidden) || filter.contains("_id"), "{filter}");
        let registered = shown(&record, &permit(Basis::Registered, PatientFacts::default(), &[])).unwrap();
        assert!(!issue_codes(&registered).contains(&"suppressed"), "{filter}");
    }
}

#[test]
fn what_is_withheld_reads_like_what_is_not_there_and_what_failed_does_not() {
    let id = |source: &str, local: &str| ids().entry(ods(source), patient(), local).0;
    let read = |id: &str, permit: &Permits| {
        let sources = vec![
            holds(&provider("RZ901"), &[condition("open", ""), restricted("secret")]),
            failing(&provider("RZ902"), Failure::Timeout),
        ];
        shown(&join(&ask(&["Condition", id], ""), sources), permit)
    };
    assert_eq!(read(&id("RZ901", "open"), &plain()).unwrap()["id"], id("RZ901", "open").as_str());
    assert_eq!(read(&id("RZ901", "secret"), &plain()), Err(NotShown::NotFound));
    assert_eq!(read(&id("RZ901", "nothing"), &plain()), Err(NotShown::NotFound));
    assert_eq!(read(&id("RZ903", "open"), &plain()), Err(NotShown::NotFound));
    assert_eq!(read(&id("RZ902", "open"), &plain()), Err(NotShown::ProvidersFailed { timeout: true }));
    let registered = permit(Basis::Registered, PatientFacts::default(), &[]);
    assert_eq!(read(&id("RZ901", "secret"), &registered).unwrap()["id"], id("RZ901", "secret").as_str());
}

#[test]
fn a_source_whose_name_tells_something_is_not_named_to_those_who_may_not_know() {
    let clinic = Provider { restricted: true, ..provider("RZ902") };
    let registered = permit(Basis::Registered, PatientFacts::default(), &[]);
    for kind in ["Condition", "Patient"] {
        let open = || holds(&provider("RZ901"), &[condition("a", "")]);
        let answered = join(&search(kind, ""), vec![open(), holds(&clinic, &[condition("b", "")])]);
        let failed = join(&search(kind, ""), vec![open(), failing(&clinic, Failure::Timeout)]);
        for (record, code) in [(&answered, "suppressed"), (&failed, "timeout")] {
            let bundle = shown(record, &plain()).unwrap();
            assert!(!bundle.to_string().contains("RZ902"), "{kind} {bundle}");
            assert!(issue_codes(&bundle).contains(&code), "{kind} {bundle}");
            assert!(shown(record, &registered).unwrap().to_string().contains("RZ902"), "{kind}");
        }
    }
}

#[test]
fn a_permit_newer_than_the_plan_takes_sources_out_of_what_was_joined() {
    let sources =
        || vec![holds(&provider("RZ901"), &[condition("a", "")]), holds(&provider("RZ902"), &[condition("b", "")])];
    let record = join(&search("Condition", ""), sources());
    let covers = Matter { sources: vec![ods("RZ902")], ..Matter::default() };
    let terms = Terms { covers, ..Terms::default() };
    let objections = vec![Objection { id: "o".to_owned(), terms, recorded_by: None, stands_only_for: None }];
    let objected = permit(Basis::Encounter, PatientFacts { objections, ..PatientFacts::default() }, &[]);
    let quarantined = [ods("RZ902")].into();
    let quarantined = permit(Basis::Encounter, PatientFacts { quarantined, ..PatientFacts::default() }, &[]);
    for (permit, code, partial) in [
        (plain(), "informational", false),
        (objected, "suppressed", false),
        (quarantined, "incomplete", true),
        (permit(Basis::Encounter, PatientFacts::default(), &["RZ902"]), "incomplete", true),
    ] {
        let redacted = record.redact(&permit, &reader("someone")).unwrap();
        let bundle = json(&redacted);
        let matches = bundle["entry"].as_array().unwrap().len() - 1;
        assert_eq!(matches, if code == "informational" { 2 } else { 1 }, "{code}");
        assert_eq!((issue_codes(&bundle).contains(&code), redacted.document().partial), (true, partial), "{code}");
    }
}

#[test]
fn a_page_goes_on_for_its_reader_from_the_same_answers_under_the_same_epochs_only() {
    let held: Vec<String> = ["a", "b", "c"].iter().map(|id| condition(id, "")).collect();
    let source = |held: &[String]| vec![holds(&provider("RZ901"), held)];
    let first = search("Condition", "&_count=1");
    let bundle = shown(&join(&first, source(&held)), &plain()).unwrap();
    let second = with_page(first, next(&bundle).unwrap());
    let page = |sources, permit: &Permits, subject: &str| {
        join(&second, sources)
            .redact(permit, &reader(subject))
            .map(|redacted| json(&redacted)["entry"].as_array().unwrap().len())
    };
    assert_eq!(page(source(&held), &plain(), "someone"), Ok(2));
    assert_eq!(page(source(&held), &plain(), "someone-else"), Err(NotShown::Gone));
    let moved = permit(Basis::Encounter, PatientFacts { epoch: 1, ..PatientFacts::default() }, &[]);
    assert_eq!(page(source(&held), &moved, "someone"), Err(NotShown::Gone));
    assert_eq!(page(source(&held[..2]), &plain(), "someone"), Err(NotShown::Gone));
    let failed = vec![failing(&provider("RZ901"), Failure::Cut), holds(&provider("RZ902"), &held)];
    assert_eq!(page(failed, &plain(), "someone"), Err(NotShown::Gone));
}

#[test]
fn an_answer_that_nobody_gave_or_that_must_be_whole_and_is_not_is_an_error() {
    let (open, shut) = (provider("RZ901"), provider("RZ902"));
    let ask = search("Condition", "");
    let must = Reader { must_be_complete: true, ..reader("someone") };
    let failed = |timeout| Some(NotShown::ProvidersFailed { timeout });
    let none = join(&ask, vec![failing(&open, Failure::Timeout), failing(&shut, Failure::Cut)]);
    assert_eq!(none.redact(&plain(), &reader("someone")).err(), failed(false));
    let late = join(&ask, vec![failing(&open, Failure::Timeout)]);
    assert_eq!(late.redact(&plain(), &reader("someone")).err(), failed(true));
    let part = join(&ask, vec![holds(&open, &[]), failing(&shut, Failure::Cut)]);
    assert!(part.redact(&plain(), &reader("someone")).is_ok_and(|redacted| redacted.document().partial));
    assert_eq!(part.redact(&plain(), &must).err(), failed(true));
    let whole = join(&ask, vec![holds(&open, &[])]);
    assert!(whole.redact(&plain(), &must).is_ok_and(|redacted| !redacted.document().partial));
}

#[test]
fn every_item_list_that_a_line_of_the_audit_names_is_stored_with_it() {
    let sources = || {
        vec![
            holds(&provider("RZ901"), &[condition("a", r#","recordedDate":"2024""#), restricted("b")]),
            holds(&provider("RZ902"), &[]),
        ]
    };
    let (id, _) = ids().entry(ods("RZ901"), patient(), "a");
    for ask in [search("Condition", ""), search("Patient", ""), ask(&["Condition", &id], "")] {
        let redacted = join(&ask, sources()).redact(&plain(), &reader("someone")).unwrap();
        let stored: Vec<_> = redacted.items.iter().map(|items| items.id.clone()).collect();
        let named: Vec<_> = redacted.lines.iter().filter_map(|line| line.answer.clone()).collect();
        assert!(named.len() >= 2, "{}", ask.canonical());
        assert_eq!(stored, named, "{}", ask.canonical());
        assert!(redacted.lines[0].released.contains(0), "{}", ask.canonical());
        let of_other = redacted.lines.iter().filter(|line| line.source == ods("RZ902"));
        assert!(of_other.into_iter().all(|line| line.released.is_empty()), "{}", ask.canonical());
    }
}

#[test]
fn the_outcome_counts_who_said_nothing_and_says_why_others_are_missing() {
    let sources = vec![
        holds(&provider("RZ901"), &[condition("a", "")]),
        holds(&provider("RZ902"), &[]),
        SourceAnswer { provider: Arc::new(provider("RZ903")), said: Said::Skipped(SkipReason::Objected) },
        failing(&provider("RZ904"), Failure::WrongPatient),
        SourceAnswer { provider: Arc::new(provider("RZ905")), said: Said::Skipped(SkipReason::Suspended) },
    ];
    let bundle = shown(&join(&search("Condition", ""), sources), &plain()).unwrap();
    let issues = &bundle["entry"][1]["resource"]["issue"];
    assert_eq!(issue_codes(&bundle), ["informational", "incomplete", "incomplete", "informational", "suppressed"]);
    assert_eq!(issues[0]["details"]["coding"][0]["code"], "answered");
    assert_eq!(issues[0]["extension"][0]["valueIdentifier"]["value"], "RZ901");
    assert_eq!(issues[1]["severity"], "warning");
    assert_eq!(issues[1]["extension"][0]["valueCode"], "wrong-patient");
    assert_eq!(issues[2]["extension"][0]["valueCode"], "suspended");
    assert_eq!(issues[3]["extension"][0]["valueUnsignedInt"], 2);
    assert!(issues[4].get("extension").is_none() && issues[4].get("details").is_none());
    assert!(!bundle.to_string().contains("RZ903"), "who is objected to is not said");
}
