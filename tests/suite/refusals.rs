//! Who may not, at every way in. A route without a refusal here fails; and without role or relationship every refusal is
//! one body, whether the patient exists, has data or objected.

mod who;

use crate::{
    claims::claimed,
    desk::{completion, released},
    harness::{Answer, Gate, NHS, of_patient, own, shared, soon},
    oauth::{self, Signer},
    objections::{self, whole_record},
    overrides::{overridden, overriding},
    presence::present,
    recalls::recalling,
    registered,
    registry::{self, HOSPICE},
    relationships::{asserted, ended},
    reviews,
};
use caregate::{
    api::{ROUTES, Route},
    audit::Kind,
    domain::NhsNumber,
};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use who::{
    Group::{self, *},
    Who,
};

/// A patient, as a request may name them, in one of the worlds that a refusal must not tell apart.
struct World {
    number: NhsNumber,
    person: String,
    /// An Observation of theirs, and a Consent; made up where they have none.
    entry: String,
    consent: String,
    /// The id of a document that their record refers to.
    document: String,
    /// A task of Saltmarsh's desk.
    task: String,
}

/// A way in, whom it refuses whatever the patient, and how it is asked.
struct Case {
    route: (&'static str, &'static [&'static str]),
    refused: Group,
    ask: fn(&World) -> (String, Option<Body>),
}

enum Body {
    Form(String),
    Resource(Value),
}

fn searched(kind: &str, world: &World) -> (String, Option<Body>) {
    (of_patient(kind, world.number), None)
}

fn posted(kind: &str, world: &World) -> (String, Option<Body>) {
    let form = format!("patient.identifier={NHS}%7C{}", world.number.digits());
    (format!("{kind}/_search"), Some(Body::Form(form)))
}

const CASES: &[Case] = &[
    Case { route: ("GET", &["AuditEvent"]), refused: LogReaders, ask: |world| searched("AuditEvent", world) },
    Case { route: ("POST", &["AuditEvent", "_search"]), refused: LogReaders, ask: |world| posted("AuditEvent", world) },
    Case { route: ("GET", &["Consent"]), refused: Keepers, ask: |world| searched("Consent", world) },
    Case { route: ("POST", &["Consent", "_search"]), refused: Keepers, ask: |world| posted("Consent", world) },
    Case {
        route: ("POST", &["Consent"]),
        refused: Keepers,
        ask: |world| ("Consent".to_owned(), Some(Body::Resource(whole_record(world.number)))),
    },
    Case {
        route: ("GET", &["Consent", "*"]),
        refused: Keepers,
        ask: |world| (format!("Consent/{}", world.consent), None),
    },
    Case {
        route: ("PUT", &["Consent", "*"]),
        refused: Withdrawers,
        ask: |world| {
            let mut consent = whole_record(world.number);
            consent["status"] = json!("inactive");
            (format!("Consent/{}", world.consent), Some(Body::Resource(consent)))
        },
    },
    Case {
        route: ("POST", &["Consent", "*", "$review"]),
        refused: Reviewers,
        ask: |world| {
            (format!("Consent/{}/$review", world.consent), Some(Body::Resource(reviews::outcome("under-review"))))
        },
    },
    Case {
        route: ("POST", &["Patient", "$assert-relationship"]),
        refused: Asserters,
        ask: |world| ("Patient/$assert-relationship".to_owned(), Some(Body::Resource(asserted(world.number, "RZ902")))),
    },
    Case {
        route: ("POST", &["Patient", "$assert-presence"]),
        refused: Asserters,
        ask: |world| ("Patient/$assert-presence".into(), Some(Body::Resource(present(world.number, "RZ902", true)))),
    },
    Case {
        route: ("POST", &["Patient", "$end-relationship"]),
        refused: Asserters,
        ask: |world| ("Patient/$end-relationship".to_owned(), Some(Body::Resource(ended(world.number, "RZ902")))),
    },
    Case {
        route: ("POST", &["Patient", "$recall"]),
        refused: Asserters,
        ask: |world| {
            let body = recalling(world.number, "RZ902", "wrong-patient", &["Condition/1"]);
            ("Patient/$recall".to_owned(), Some(Body::Resource(body)))
        },
    },
    Case {
        route: ("POST", &["Patient", "$claim-relationship"]),
        refused: Claimants,
        ask: |world| ("Patient/$claim-relationship".to_owned(), Some(Body::Resource(claimed(world.number)))),
    },
    Case {
        route: ("POST", &["Patient", "$override"]),
        refused: Overriders,
        ask: |world| ("Patient/$override".to_owned(), Some(Body::Resource(overriding(world.number, "emergency")))),
    },
    Case { route: ("GET", &["Task"]), refused: Deskless, ask: |_| ("Task".to_owned(), None) },
    Case {
        route: ("POST", &["Task", "_search"]),
        refused: Deskless,
        ask: |_| ("Task/_search".to_owned(), Some(Body::Form("status=requested".to_owned()))),
    },
    Case {
        route: ("GET", &["Task", "*"]),
        refused: NotItsKeepers,
        ask: |world| (format!("Task/{}", world.task), None),
    },
    Case {
        route: ("PUT", &["Task", "*"]),
        refused: NotItsKeepers,
        ask: |world| (format!("Task/{}", world.task), Some(Body::Resource(completion("looked at")))),
    },
    Case {
        route: ("POST", &["Task", "*", "$release-hold"]),
        refused: NotItsKeepers,
        ask: |world| (format!("Task/{}/$release-hold", world.task), Some(Body::Resource(released("safe")))),
    },
    Case {
        route: ("GET", &["Patient", "$explain-access"]),
        refused: AskersWhy,
        ask: |world| (format!("Patient/$explain-access?identifier={NHS}%7C{}", world.number.digits()), None),
    },
    Case {
        route: ("GET", &["Patient", "$explain-access"]),
        refused: AskersWhyOfAColleague,
        ask: |world| {
            let number = world.number.digits();
            (format!("Patient/$explain-access?identifier={NHS}%7C{number}&user=555021400101&role=R0260"), None)
        },
    },
    Case {
        route: ("GET", &["Endpoint", "*", "$stage"]),
        refused: Strangers,
        ask: |_| ("Endpoint/RZ950/$stage".to_owned(), None),
    },
    Case {
        route: ("POST", &["Endpoint", "*", "$stage"]),
        refused: Strangers,
        ask: |_| ("Endpoint/RZ950/$stage".to_owned(), Some(Body::Resource(registered::staged("suspended")))),
    },
    Case {
        route: ("GET", &["Endpoint", "*", "$probe"]),
        refused: Strangers,
        ask: |_| ("Endpoint/RZ950/$probe".to_owned(), None),
    },
    Case {
        route: ("POST", &["Endpoint", "*", "$probe"]),
        refused: Strangers,
        ask: |_| ("Endpoint/RZ950/$probe".to_owned(), Some(Body::Form(String::new()))),
    },
    Case {
        route: ("GET", &["Patient", "*", "$everything"]),
        refused: ReadersOfAll,
        ask: |world| (format!("Patient/{}/$everything", world.person), None),
    },
    Case {
        route: ("GET", &["Patient", "*", "$summary"]),
        refused: ReadersOfAll,
        ask: |world| (format!("Patient/{}/$summary", world.person), None),
    },
    Case {
        route: ("GET", &["Organization", "*", "$disclosures"]),
        refused: NotItsOfficers,
        ask: |_| ("Organization/RZ901/$disclosures".to_owned(), None),
    },
    Case {
        route: ("GET", &["Organization", "*", "$disclosure-totals"]),
        refused: NeitherOfficersNorKeepers,
        ask: |_| ("Organization/RZ901/$disclosure-totals".to_owned(), None),
    },
    Case { route: ("GET", &["Organization"]), refused: Registryless, ask: |_| ("Organization".to_owned(), None) },
    Case {
        route: ("POST", &["Organization", "_search"]),
        refused: Registryless,
        ask: |_| ("Organization/_search".to_owned(), Some(Body::Form("_count=5".to_owned()))),
    },
    Case {
        route: ("POST", &["Organization"]),
        refused: Strangers,
        ask: |_| ("Organization".to_owned(), Some(Body::Resource(registry::organization(HOSPICE)))),
    },
    Case {
        route: ("GET", &["Organization", "*"]),
        refused: Strangers,
        ask: |_| ("Organization/RZ950".to_owned(), None),
    },
    Case {
        route: ("PUT", &["Organization", "*"]),
        refused: Strangers,
        ask: |_| ("Organization/RZ950".to_owned(), Some(Body::Resource(registry::organization(HOSPICE)))),
    },
    Case {
        route: ("GET", &["Organization", "*", "_history"]),
        refused: Strangers,
        ask: |_| ("Organization/RZ950/_history".to_owned(), None),
    },
    Case {
        route: ("POST", &["Organization", "*", "$approve"]),
        refused: Unapproving,
        ask: |_| {
            ("Organization/RZ950/$approve".to_owned(), Some(Body::Resource(registry::decision(1, "approve", None))))
        },
    },
    Case { route: ("GET", &["Endpoint"]), refused: Registryless, ask: |_| ("Endpoint".to_owned(), None) },
    Case {
        route: ("POST", &["Endpoint", "_search"]),
        refused: Registryless,
        ask: |_| ("Endpoint/_search".to_owned(), Some(Body::Form("_count=5".to_owned()))),
    },
    Case {
        route: ("POST", &["Endpoint"]),
        refused: Strangers,
        ask: |_| ("Endpoint".to_owned(), Some(Body::Resource(registry::endpoint(HOSPICE, registry::ADDRESS)))),
    },
    Case { route: ("GET", &["Endpoint", "*"]), refused: Strangers, ask: |_| ("Endpoint/RZ950".to_owned(), None) },
    Case {
        route: ("PUT", &["Endpoint", "*"]),
        refused: Strangers,
        ask: |_| ("Endpoint/RZ950".to_owned(), Some(Body::Resource(registry::endpoint(HOSPICE, registry::ADDRESS)))),
    },
    Case {
        route: ("GET", &["Endpoint", "*", "_history"]),
        refused: Strangers,
        ask: |_| ("Endpoint/RZ950/_history".to_owned(), None),
    },
    Case {
        route: ("POST", &["Endpoint", "*", "$approve"]),
        refused: Unapproving,
        ask: |_| ("Endpoint/RZ950/$approve".to_owned(), Some(Body::Resource(registry::decision(1, "approve", None)))),
    },
    Case { route: ("GET", &["*"]), refused: Readers, ask: |world| searched("Observation", world) },
    Case { route: ("POST", &["*", "_search"]), refused: Readers, ask: |world| posted("Observation", world) },
    Case {
        route: ("GET", &["Binary", "*"]),
        refused: Readers,
        ask: |world| (format!("Binary/{}", world.document), None),
    },
    Case { route: ("GET", &["*", "*"]), refused: Readers, ask: |world| (format!("Observation/{}", world.entry), None) },
];

impl Case {
    async fn sent(&self, gate: &Gate, world: &World, token: Option<&str>) -> Answer {
        let (path, body) = (self.ask)(world);
        let mut request = gate.request(Method::from_bytes(self.route.0.as_bytes()).unwrap(), &path);
        request = match body {
            None => request,
            Some(Body::Form(form)) => request.header("content-type", "application/x-www-form-urlencoded").body(form),
            Some(Body::Resource(json)) => {
                request.header("content-type", "application/fhir+json").body(json.to_string())
            }
        };
        Answer::of(token.into_iter().fold(request, |request, token| request.bearer_auth(token))).await
    }
}

#[test]
fn every_route_has_a_test_of_its_refusal() {
    let name = |method: &str, path: &[&str]| format!("{method} {}", path.join("/"));
    let routes: BTreeSet<_> = ROUTES.iter().map(|Route { method, path, .. }| name(method, path)).collect();
    let tested: BTreeSet<_> = CASES.iter().map(|case| name(case.route.0, case.route.1)).collect();
    assert_eq!(routes, tested);
}

#[tokio::test]
async fn without_a_token_every_route_answers_401_and_nothing_is_known_of_the_caller() {
    let gate = shared().await;
    let number = gate.registered("F99001", 0).nhs_number;
    let world = World {
        number,
        person: String::new(),
        entry: "1".into(),
        consent: "1".into(),
        document: "1".into(),
        task: "1".into(),
    };
    for case in CASES {
        let answer = case.sent(&gate, &world, None).await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "login"), "{:?}", case.route);
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        assert_eq!(answer.header("cache-control"), "no-store");
        // nobody presented anything: a count in the metrics, no row
        assert!(gate.rows(&answer).await.is_empty());
    }
}

#[tokio::test]
async fn a_bad_token_is_401_at_every_route_and_a_row() {
    let gate = shared().await;
    let number = gate.registered("F99001", 0).nhs_number;
    let one = || "1".to_owned();
    let world = World { number, person: String::new(), entry: one(), consent: one(), document: one(), task: one() };
    let good = gate.token("gp-saltmarsh").await;
    let (head, signature) = good.rsplit_once('.').unwrap();
    let swapped = if signature.starts_with('A') { "B" } else { "A" };
    let tampered = format!("{head}.{swapped}{}", &signature[1..]);
    let expired = gate.token_with("gp-saltmarsh", &[("expires_in", "-600")]).await;
    for (token, reason) in [(&tampered, "signature"), (&expired, "expired"), (&"nonsense".to_owned(), "malformed")] {
        for case in CASES {
            let answer = case.sent(&gate, &world, Some(token)).await;
            assert_eq!((answer.status, answer.code().as_str()), (401, "login"), "{:?}", case.route);
            assert_eq!(answer.header("www-authenticate"), "Bearer error=\"invalid_token\"");
        }
        // a flood is counted together past ten a second, so of twelve at least ten have rows of their own
        let answer = CASES[0].sent(&gate, &world, Some(token)).await;
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
        let alone = CASES[0].sent(&gate, &world, Some(token)).await;
        assert_eq!((answer.status, alone.status), (401, 401));
        let row = soon("the row of a refused token", async || gate.rows(&alone).await.pop()).await;
        assert_eq!((row.kind, row.status, row.reason.as_deref()), (Kind::Refused, 401, Some(reason)));
        assert_eq!((row.who, row.patient, row.request.as_str()), (None, None, ""));
    }
}

#[tokio::test]
async fn whoever_may_not_is_refused_alike_in_every_world_at_every_route() {
    let gate = own().await;
    let worlds = worlds(&gate).await;
    let mut bodies = BTreeSet::new();
    for case in CASES {
        assert!(case.refused.members().next().is_some(), "{:?} refuses nobody", case.refused);
        for Who { persona, wishes, .. } in case.refused.members() {
            let token = gate.token_with(persona, wishes).await;
            for (world, name) in worlds.iter().zip(["with data", "objected", "unheard of"]) {
                let answer = case.sent(&gate, world, Some(&token)).await;
                let told = format!("{persona} {wishes:?} at {:?}, patient {name}: {}", case.route, answer.text);
                assert_eq!(
                    (answer.status, answer.code().as_str(), answer.spine().as_str()),
                    (403, "forbidden", "ACCESS_DENIED"),
                    "{told}"
                );
                assert_eq!(answer.header("x-completeness"), "", "{told}");
                let row = gate.closing(&answer).await;
                assert_eq!((row.kind, row.reason.as_deref()), (Kind::Refused, Some("access-denied")), "{told}");
                assert!(!row.rules.is_empty() && row.sources.is_empty(), "{told}");
                bodies.insert(answer.text);
            }
        }
    }
    assert_eq!(bodies.len(), 1, "{bodies:#?}");
    // and none of them did anything
    assert_eq!(gate.search("gp-saltmarsh", "Observation", worlds[0].number).await.status, 200);
    assert_eq!(gate.search("gp-saltmarsh", "Observation", worlds[1].number).await.spine(), "NO_PATIENT_CONSENT");
    assert_eq!(gate.search("consultant-colneside", "Observation", worlds[0].number).await.status, 403);
}

/// The one way in that is no FHIR.
#[tokio::test]
async fn no_token_is_given_to_whoever_proves_no_client_and_nobody_learns_which_clients_there_are() {
    let gate = shared().await;
    let stranger = Signer::es384("k-1");
    let mut told = BTreeSet::new();
    for client in ["ward-system", "no-such-client"] {
        let answer = oauth::asked(&gate, &stranger.assertion(client, &gate), "system/*.rs").await;
        assert_eq!(answer.status, 401, "{}", answer.text);
        told.insert(answer.text);
    }
    assert_eq!(told.len(), 1, "{told:#?}");
    let answer = oauth::posted(&gate, &gate.url, &[("grant_type", "client_credentials")]).await;
    assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("invalid_request")));
}

/// Two patients of Saltmarsh, the second of whom objected, and a number nobody has heard of.
async fn worlds(gate: &Gate) -> [World; 3] {
    let mut worlds = Vec::new();
    for at in [0, 1] {
        let number = gate.registered("F99001", at).nhs_number;
        let first = async |kind| gate.search("gp-saltmarsh", kind, number).await.match_ids().swap_remove(0);
        let (person, entry) = (first("Patient").await, first("Observation").await);
        let consent = "0b0e1c4e-0000-4000-8000-000000000000".to_owned();
        let task = "0b0e1c4e-0000-4000-8000-000000000002".to_owned();
        let letters = gate.search("gp-saltmarsh", "DocumentReference", number).await.matches();
        let url = letters[0]["content"][0]["attachment"]["url"].as_str().expect("a document");
        let document = url.rsplit('/').next().unwrap_or_default().to_owned();
        worlds.push(World { number, person, entry, consent, document, task });
    }
    overridden(gate, "gp-saltmarsh", worlds[0].number, "harm-to-child").await;
    worlds[0].task = gate.get("privacy-officer-saltmarsh", "Task").await.match_ids().swap_remove(0);
    worlds[1].consent = objections::recorded(gate, worlds[1].number, &whole_record(worlds[1].number)).await;
    let number = (999_888_000..)
        .find_map(|nine| (0..10).find_map(|check| NhsNumber::from_value(nine * 10 + check).ok()))
        .unwrap();
    worlds.push(World {
        number,
        person: "A".repeat(28),
        entry: "A".repeat(39),
        consent: "0b0e1c4e-0000-4000-8000-000000000001".into(),
        document: "A".repeat(62),
        task: "unheard-of".into(),
    });
    worlds.try_into().ok().unwrap()
}

/// By id, by reference and by number, the same refusal.
#[tokio::test]
async fn a_patient_is_refused_however_they_are_named() {
    let gate = own().await;
    for world in worlds(&gate).await {
        for path in [
            format!("Observation?patient={}", world.person),
            format!("Observation?patient=Patient/{}", world.person),
            format!("Observation?subject={}/fhir/Patient/{}", gate.url, world.person),
            format!("Patient/{}", world.person),
            of_patient("Patient", world.number),
            format!("Patient?identifier={NHS}%7C{}&birthdate=1948-02-29", world.number.digits()),
        ] {
            let answer = gate.get("consultant-estuary", &path).await;
            gate.ends(&answer, 403, "forbidden", Kind::Refused, "access-denied").await;
        }
    }
    assert!(gate.asked("colneside").await["types"].get("Observation").is_some(), "the sandbox counts at all");
    // a refusal is decided before any record is asked for
    let eastline = gate.asked("eastline").await;
    let patient = gate.registered("F99002", 0).nhs_number;
    gate.search("consultant-estuary", "Observation", patient).await;
    assert_eq!(gate.asked("eastline").await["requests"], eastline["requests"]);
}

#[tokio::test]
async fn where_the_relationship_cannot_be_checked_the_answer_says_so_and_is_neither_yes_nor_no() {
    let gate = own().await;
    let patient = gate.registered("F99001", 0).nhs_number;
    gate.fault("saltmarsh", json!({"fault": "error", "status": 500})).await;
    let answer = gate.search("gp-saltmarsh", "Observation", patient).await;
    gate.ends(&answer, 503, "transient", Kind::Refused, "could-not-check").await;
    assert_eq!(answer.header("retry-after"), "2");
    // a role that could not see it anyway is refused without asking
    let answer = gate.search("researcher", "Observation", patient).await;
    gate.ends(&answer, 403, "forbidden", Kind::Refused, "access-denied").await;
    gate.lift("saltmarsh").await;
    assert_eq!(gate.search("gp-saltmarsh", "Observation", patient).await.status, 200);
}

#[tokio::test]
async fn a_job_reaches_its_own_kinds_of_information_and_no_others() {
    let gate = shared().await;
    let patient = gate.registered("F99001", 0).nhs_number;
    for (kind, status) in
        [("Patient", 200), ("Observation", 403), ("MedicationRequest", 403), ("DocumentReference", 403)]
    {
        let answer = gate.search("receptionist-saltmarsh", kind, patient).await;
        assert_eq!(answer.status, status, "{kind}: {}", answer.text);
        gate.closing(&answer).await;
    }
}
