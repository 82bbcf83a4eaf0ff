//! The whole table of decisions, as a file that a reviewer reads: `golden/decisions.txt`. It is worked out anew for every
//! combination and compared; `UPDATE_GOLDEN=1` rewrites it, and the change is reviewed like any other.

use super::{worlds::*, *};
use crate::{
    domain::Labels,
    fhir::ResourceType,
    identity::{Party, Purpose, Requester, Scopes},
};
use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path, sync::Arc};

const PURPOSES: [&str; 13] = [
    "TREAT", "COC", "ETREAT", "PATRQT", "BTG", "ERTREAT", "CLINTRL", "POPHLTH", "HRESCH", "HMARKT", "HPAYMT", "treat",
    "",
];

fn askers() -> Vec<(&'static str, Requester)> {
    let staff = |role| requester(staff(Some(role)));
    let patient = |number| requester(Party::Patient { nhs_number: number });
    vec![
        ("R0260 General Medical Practitioner", staff("R0260")),
        ("R1290 Pharmacist", staff("R1290")),
        ("R1330 Social Worker", staff("R1330")),
        ("R0001 Privacy Officer", staff("R0001")),
        ("R5100 Audit Manager", staff("R5100")),
        ("R8009 Receptionist", staff("R8009")),
        ("R1860 Researcher", staff("R1860")),
        ("R9999, a role not in the table", staff("R9999")),
        ("staff without a role", requester(worlds::staff(None))),
        ("R0260, revoked", Requester { subject: "revoked".to_owned(), ..staff("R0260") }),
        ("R0260, with no scope", Requester { scopes: Scopes::default(), ..staff("R0260") }),
        ("the patient", patient(worlds::patient())),
        ("another patient", patient(somebody_else())),
        ("the patient's representative", Requester { acting: Some("a".to_owned()), ..patient(worlds::patient()) }),
        ("an organisation's system", requester(Party::System { organisation: own() })),
    ]
}

fn actions() -> Vec<(String, Action)> {
    use Interaction::{Read, Search};
    let of_kind = [
        ("demographics", ResourceType::Patient),
        ("medicines-and-allergies", ResourceType::MedicationRequest),
        ("summary", ResourceType::Condition),
        ("care-coordination", ResourceType::CarePlan),
        ("clinical-detail", ResourceType::Observation),
        ("documents", ResourceType::DocumentReference),
    ];
    let mut actions: Vec<_> =
        of_kind.iter().map(|(kind, t)| (format!("read {kind}"), Action::ReadRecord(*t, Search))).collect();
    actions.extend(
        [
            ("read the log", Action::ReadLog(Search)),
            ("read objections", Action::ReadObjections(Read)),
            ("record an objection", Action::RecordObjection),
            ("withdraw an objection", Action::WithdrawObjection),
            ("assert its relationship", Action::AssertRelationship { organisation: own() }),
            ("assert another's relationship", Action::AssertRelationship { organisation: other() }),
            ("end its relationship", Action::EndRelationship { organisation: own() }),
            ("end another's relationship", Action::EndRelationship { organisation: other() }),
        ]
        .map(|(name, action)| (name.to_owned(), action)),
    );
    actions
}

/// Name, what is stored, what the own organisation said.
fn relations() -> Vec<(&'static str, Vec<Relationship>, Evidence)> {
    let ended = Relationship { end: Some(NOW), ..relationship(own(), Basis::Registered) };
    let no = found(&[]);
    vec![
        ("none, not asked", vec![], Evidence::NotAsked),
        ("none, asked: no", vec![], no.clone()),
        ("none, unreachable", vec![], Evidence::Unreachable),
        ("another's", vec![relationship(other(), Basis::Registered)], no.clone()),
        ("ended", vec![ended], no.clone()),
        ("encounter", vec![relationship(own(), Basis::Encounter)], Evidence::NotAsked),
        ("encounter, unreachable", vec![relationship(own(), Basis::Encounter)], Evidence::Unreachable),
        ("registered", vec![relationship(own(), Basis::Registered)], Evidence::NotAsked),
        ("asked: registered", vec![], found(&[Basis::Registered])),
    ]
}

fn objections() -> [(&'static str, Vec<Objection>); 3] {
    [
        ("none", vec![]),
        ("one source", vec![objection(of_source(other()))]),
        ("whole record", vec![objection(Terms::default())]),
    ]
}

fn world(objections: Vec<Objection>, relationships: Vec<Relationship>, evidence: Evidence) -> Facts {
    let mut facts = facts();
    let patient = Arc::make_mut(&mut facts.patient);
    patient.objections = objections;
    patient.relationships = relationships;
    let revoked = Person { issuer: "https://identity.example".to_owned(), subject: "revoked".to_owned() };
    Arc::make_mut(&mut facts.global).revoked.insert(revoked);
    Facts { evidence, ..facts }
}

fn list(rules: &[RuleId]) -> String {
    rules.iter().map(RuleId::as_str).collect::<Vec<_>>().join(", ")
}

fn outcome(decision: &Decision) -> String {
    match decision {
        Decision::Permit(permit) => format!("PERMIT by {} [{}]", permit.basis(), list(permit.rules())),
        Decision::NeedsEvidence => "ask the own organisation, decide again".to_owned(),
        Decision::Refused(refusal) => format!("refuse {:?} [{}]", refusal.kind, list(&refusal.rules)),
    }
}

/// Rows that answer the same become one: `(names, answer)`, in the order of their first.
fn merged<T: PartialEq>(rows: impl Iterator<Item = (String, T)>) -> Vec<(Vec<String>, T)> {
    let mut merged: Vec<(Vec<String>, T)> = Vec::new();
    for (name, answer) in rows {
        match merged.iter_mut().find(|(_, same)| *same == answer) {
            Some((names, _)) => names.push(name),
            None => merged.push((vec![name], answer)),
        }
    }
    merged
}

fn any(names: &[String], of: usize) -> String {
    if names.len() == of { "any".to_owned() } else { names.join(" / ") }
}

fn decisions(table: &mut String) {
    let (relations, objections) = (relations(), objections());
    for (who, requester) in askers() {
        let _ = writeln!(table, "\n== {who}");
        let blocks = actions().into_iter().map(|(name, action)| {
            let by_purpose = PURPOSES.iter().map(|purpose| {
                let requester = Requester { purpose: Purpose((*purpose).to_owned()), ..requester.clone() };
                let by_relation = relations.iter().map(|(relation, stored, evidence)| {
                    let by_objection = objections.iter().map(|(objection, list)| {
                        let facts = world(list.clone(), stored.clone(), evidence.clone());
                        (objection.to_string(), outcome(&policy().decide(&requester, &wanted(action), &facts)))
                    });
                    (relation.to_string(), merged(by_objection))
                });
                (if purpose.is_empty() { "(none)".to_owned() } else { (*purpose).to_owned() }, merged(by_relation))
            });
            (name, merged(by_purpose))
        });
        for (names, by_purpose) in merged(blocks) {
            let _ = writeln!(table, "\n{}", names.join("; "));
            for (purposes, by_relation) in by_purpose {
                let purposes = any(&purposes, PURPOSES.len());
                if let [(_, by_objection)] = &by_relation[..]
                    && let [(_, answer)] = &by_objection[..]
                {
                    let _ = writeln!(table, "  for {purposes} -> {answer}");
                    continue;
                }
                let _ = writeln!(table, "  for {purposes}");
                for (related, by_objection) in by_relation {
                    for (objected, answer) in by_objection {
                        let (related, objected) = (any(&related, relations.len()), any(&objected, objections.len()));
                        let _ =
                            writeln!(table, "    relationship: {related} | objection: {objected}\n      -> {answer}");
                    }
                }
            }
        }
    }
}

/// What is shown of one source, once the record may be seen.
fn disclosures(table: &mut String) {
    let _ = writeln!(table, "\n\n#### Disclosure: R0260 reads; one source, in every state\n");
    for (basis, own_source, state) in (0..32).map(|n| ([Basis::Encounter, Basis::Registered][n / 16], n & 8 > 0, n & 7))
    {
        let source = if own_source { own() } else { other() };
        let mut facts = world(vec![], vec![relationship(own(), basis)], Evidence::NotAsked);
        let mut is = Vec::new();
        let patient = Arc::make_mut(&mut facts.patient);
        if state & 1 > 0 {
            patient.objections.push(objection(of_source(source)));
            is.push("objected to");
        }
        if state & 2 > 0 {
            patient.quarantined.insert(source);
            is.push("quarantined");
        }
        if state & 4 > 0 {
            Arc::make_mut(&mut facts.global).suspended.insert(source);
            is.push("suspended");
        }
        let doctor = requester(staff(Some("R0260")));
        let action = Action::ReadRecord(ResourceType::Observation, Interaction::Search);
        let Decision::Permit(permit) = policy().decide(&doctor, &wanted(action), &facts) else { panic!("no permit") };
        let mut restricted = Labels::default();
        restricted.add(Labels::CONFIDENTIALITY, "R");
        let shown = |labels: &Labels| {
            let answer = permit.disclose(source, labels, None);
            let released = permit.disclosure(source, labels, None) == Disclosure::Release;
            format!("{} [{}]", if released { "RELEASE" } else { "withhold" }, list(&answer.rules))
        };
        let (basis, whose) = (basis.as_str(), if own_source { "own" } else { "other" });
        let state = if is.is_empty() { "open".to_owned() } else { is.join(", ") };
        let _ = writeln!(
            table,
            "related by {basis} | {whose} source, {state}: {:?}\n  unlabelled -> {}\n  restricted -> {}",
            permit.asks(source),
            shown(&Labels::default()),
            shown(&restricted),
        );
    }
}

fn roles(table: &mut String) {
    let _ = writeln!(table, "\n\n#### Job roles: the kinds each reaches\n");
    let roles = policy().roles();
    for code in roles.codes().collect::<BTreeSet<_>>() {
        let kinds: Vec<_> = roles.reaches(code, &[]).iter().map(|kind| roles.kind_name(kind)).collect();
        let name = roles.name_of(code).unwrap_or_default();
        let _ = writeln!(
            table,
            "{code} {name}: {}",
            if kinds.is_empty() { "nothing".to_owned() } else { kinds.join(", ") }
        );
    }
}

fn table() -> String {
    let mut table = "#### Decisions: every asker, action, purpose, relationship and objection; what answers the same is one line.\n\
                     #### Made by src/access/golden.rs (UPDATE_GOLDEN=1 cargo test golden); the rules are in policies/.\n"
        .to_owned();
    decisions(&mut table);
    disclosures(&mut table);
    roles(&mut table);
    table
}

#[test]
fn the_decisions_are_those_that_were_reviewed() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/access/golden/decisions.txt");
    let table = table();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, &table).unwrap();
    }
    let reviewed = fs::read_to_string(&file).unwrap();
    let first = table.lines().zip(reviewed.lines()).enumerate().find(|(_, (now, then))| now != then);
    assert!(table == reviewed, "decisions changed; first difference (line, (now, reviewed)): {first:#?}");
}

#[test]
fn every_rule_decides_something_in_the_table() {
    let table = table();
    let words: BTreeSet<&str> = table.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').collect();
    let idle: Vec<_> = policy().rule_ids().filter(|id| !words.contains(id.as_str())).collect();
    assert!(idle.is_empty(), "{idle:?}");
}
