//! Every decision, as tables that a reviewer reads: one file in `golden/` for each step, each with an answer in every cell.
//! `UPDATE_GOLDEN=1 cargo test --lib golden` rewrites them, and the change is reviewed like any other.
//!
//! The steps know nothing of each other, so the tables together are the whole matrix of role, relationship, objection,
//! override, sensitivity and purpose: `every_whole_decision_is_what_the_tables_say_step_by_step` goes through all of it.

mod dimensions;
mod table;
mod whole;

use super::{policy::StepName, worlds::*, *};
use crate::{
    domain::{Labels, OdsCode},
    fhir::ResourceType,
    fhir::date::Interval,
    identity::{Party, Purpose, Requester},
};
use dimensions::*;
use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path, sync::Arc};
use table::Table;

const READ: Action = Action::ReadRecord(ResourceType::Condition, Interaction::Search);

/// A world with these facts; whatever is left out is the plainest.
#[derive(Clone, Default)]
struct Case {
    relationships: Vec<Relationship>,
    evidence: Option<Evidence>,
    objection: Option<Objection>,
    overriding: Option<Override>,
    at: Option<&'static str>,
    quarantined: Option<OdsCode>,
    suspended: Option<OdsCode>,
    stage: Option<(OdsCode, Stages)>,
}

impl Case {
    fn facts(&self) -> Facts {
        let mut facts = facts();
        let patient = Arc::make_mut(&mut facts.patient);
        patient.relationships.clone_from(&self.relationships);
        patient.objections.extend(self.objection.clone());
        patient.overrides.extend(self.overriding.clone());
        patient.quarantined.extend(self.quarantined);
        let global = Arc::make_mut(&mut facts.global);
        global.suspended.extend(self.suspended);
        global.stages.extend(self.stage.clone());
        global.revoked.insert(Person { subject: "revoked".to_owned(), ..person() });
        let evidence = self.evidence.clone().unwrap_or(Evidence::NotAsked);
        Facts { evidence, organisation: self.at.map(Arc::from), ..facts }
    }

    /// At a general practice that cares for the patient.
    fn related() -> Self {
        let relationships = vec![relationship(own(), Basis::Encounter)];
        Self { relationships, at: Some("gp-practice"), ..Self::default() }
    }
}

/// How a decision ended, with its rules step by step.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Outcome {
    end: &'static str,
    steps: [Vec<String>; 3],
}

impl Outcome {
    fn of(decision: &Decision) -> Self {
        let (end, rules): (_, &[RuleId]) = match decision {
            Decision::Permit(permit) => ("yes", permit.rules()),
            Decision::NeedsEvidence => ("ask their organisation, decide again", &[]),
            Decision::Refused(refusal) => (refused(refusal.kind), &refusal.rules),
        };
        let of = |step| rules.iter().filter(|id| policy().step_of(id) == Some(step)).map(ToString::to_string).collect();
        Self { end, steps: [StepName::Reach, StepName::Relate, StepName::See].map(of) }
    }

    fn said(&self, step: usize) -> String {
        format!("{} [{}]", self.end, self.steps[step].join(", "))
    }
}

fn refused(kind: RefusalKind) -> &'static str {
    match kind {
        RefusalKind::Uniform => "NO, access denied",
        RefusalKind::NoConsent => "NO, the patient objects",
        RefusalKind::CouldNotCheck => "NO, could not be checked",
    }
}

fn decide(requester: &Requester, action: Action, case: &Case) -> Outcome {
    Outcome::of(&policy().decide(requester, &wanted(action), &case.facts()))
}

fn doctor() -> Requester {
    requester(staff(Some("R0260")))
}

/// The permit of a member of staff who reads: any other answer is a fault of the test.
fn permit(requester: &Requester, action: Action, case: &Case) -> Permit {
    match policy().decide(requester, &wanted(action), &case.facts()) {
        Decision::Permit(permit) => permit,
        other => panic!("{other:?}"),
    }
}

fn names<T>(of: &[(&'static str, T)]) -> Vec<&'static str> {
    of.iter().map(|(name, _)| *name).collect()
}

fn reach() -> Table {
    let (askers, actions) = (askers(), actions());
    let dimensions = vec![
        ("who asks", askers.iter().map(|asker| asker.name).collect()),
        ("what for", names(&actions)),
        ("purpose", PURPOSE_NAMES.to_vec()),
    ];
    Table::new("1. Reach: may they ask for such a thing at all?", dimensions, |at| {
        let asker = &askers[at[0]];
        let purpose = Purpose(PURPOSES[at[2]].to_owned());
        let requester = Requester { purpose, ..asker.requester.clone() };
        let outcome = decide(&requester, actions[at[1]].1, &Case { at: asker.at, ..Case::related() });
        let passed = !outcome.steps[1].is_empty();
        format!("{} [{}]", if passed { "yes" } else { outcome.end }, outcome.steps[0].join(", "))
    })
}

/// Who reaches each action, so that *relate* is asked: the same for all who do.
fn relating() -> Vec<(&'static str, Requester)> {
    vec![
        ("clinician", doctor()),
        ("privacy officer", requester(staff(Some("R0001")))),
        ("systems support", requester(staff(Some("R8015")))),
        ("the patient", requester(Party::Patient { nhs_number: worlds::patient() })),
        ("another patient", requester(Party::Patient { nhs_number: somebody_else() })),
        ("an organisation's system", requester(Party::System { organisation: own() })),
    ]
}

fn relate() -> Table {
    let (who, actions, relations) = (relating(), actions(), relations());
    let of_relations = relations.iter().map(|(name, ..)| *name).collect();
    let dimensions = vec![("who asks", names(&who)), ("what for", names(&actions)), ("relationship", of_relations)];
    Table::new("2. Relate: what is this patient to them?", dimensions, |at| {
        let (_, relationships, evidence) = relations[at[2]].clone();
        let case = Case { relationships, evidence: Some(evidence), ..Case::related() };
        let outcome = decide(&who[at[0]].1, actions[at[1]].1, &case);
        let asked = outcome.end.starts_with("ask");
        if asked || !outcome.steps[1].is_empty() { outcome.said(1) } else { "(does not reach it)".to_owned() }
    })
}

fn see() -> Table {
    let (objections, overrides) = (objections(), overrides());
    let dimensions = vec![
        ("what for", vec!["read the record", "read objections"]),
        ("objection", names(&objections)),
        ("override", names(&overrides)),
    ];
    Table::new("3. See: may the record be looked into?", dimensions, |at| {
        let (objection, overriding) = (objections[at[1]].1.clone(), overrides[at[2]].1.clone());
        let action = if at[0] == 0 { READ } else { Action::ReadObjections(Interaction::Read) };
        decide(&doctor(), action, &Case { objection, overriding, ..Case::related() }).said(2)
    })
}

fn types() -> [(&'static str, ResourceType); 3] {
    [
        ("Condition", ResourceType::Condition),
        ("MedicationRequest", ResourceType::MedicationRequest),
        ("Patient", ResourceType::Patient),
    ]
}

/// What an objection says of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Covered {
    No,
    Yes,
    Firmly,
}

const COVERED: [(&str, Covered); 3] =
    [("no", Covered::No), ("yes", Covered::Yes), ("yes, not even in an emergency", Covered::Firmly)];

/// Asked of a reader for whom an override opens what it can.
fn covered(objection: &Objection, resource_type: ResourceType, item: &Item<'_>) -> Covered {
    let answer = |reason| {
        let end = hours(1);
        let overriding =
            Some(Override { id: "g".to_owned(), person: person(), organisation: own(), reason, start: NOW, end });
        let case = Case { objection: Some(objection.clone()), overriding, ..Case::related() };
        let permit = permit(&doctor(), Action::ReadRecord(resource_type, Interaction::Search), &case);
        permit.objected(item.source, item.labels, item.date)
    };
    let said = answer(OverrideReason::HarmToChild);
    match (said.any, said.not_even_in_an_emergency) {
        (false, _) => Covered::No,
        (true, false) => Covered::Yes,
        (true, true) => Covered::Firmly,
    }
}

struct Item<'a> {
    source: OdsCode,
    labels: &'a Labels,
    date: Option<Interval>,
}

fn objected() -> Table {
    let (objections, labels) = (objections(), labels());
    let dimensions = vec![
        ("objection", names(&objections)),
        ("type", names(&types())),
        ("source", names(&sources())),
        ("mark", names(&labels)),
        ("date", names(&dates())),
    ];
    Table::new("4. Which entries an objection covers", dimensions, |at| {
        let item = Item { source: sources()[at[2]].1, labels: &labels[at[3]].1, date: dates()[at[4]].1 };
        let said = objections[at[0]].1.as_ref().map(|o| covered(o, types()[at[1]].1, &item));
        let said = said.unwrap_or(Covered::No);
        COVERED.iter().find(|(_, covered)| *covered == said).unwrap().0.to_owned()
    })
}

/// Readers of each reach of the sensitive kinds.
fn readers() -> Vec<(&'static str, Requester)> {
    ["R0260", "R8004", "R1290", "R1330"]
        .map(|code| requester(staff(Some(code))))
        .into_iter()
        .zip(["clinical", "clinical-support", "pharmacy", "social-care"])
        .map(|(requester, name)| (name, requester))
        .collect()
}

const GRADES: [(&str, Basis); 3] =
    [("registered", Basis::Registered), ("evidenced", Basis::Encounter), ("claimed", Basis::Claim)];

/// An answer of the fourth step: of demographics, which every reader reaches, and with no other objection than this.
fn disclosed(
    reader: &Requester,
    basis: Basis,
    covered: Covered,
    (source, labels): (OdsCode, &Labels),
    case: Case,
) -> String {
    let terms = Terms { not_even_in_an_emergency: covered == Covered::Firmly, ..of_source(source) };
    let case = Case {
        relationships: vec![relationship(own(), basis)],
        objection: (covered != Covered::No).then(|| objection(terms)),
        ..case
    };
    let permit = permit(reader, Action::ReadRecord(ResourceType::Patient, Interaction::Search), &case);
    shown(&permit, source, labels, None)
}

fn shown(permit: &Permit, source: OdsCode, labels: &Labels, date: Option<Interval>) -> String {
    let answer = permit.disclose(source, labels, date);
    let rules: Vec<&str> = answer.rules.iter().map(RuleId::as_str).collect();
    format!("{} [{}]", if answer.permitted { "shown" } else { "WITHHELD" }, rules.join(", "))
}

/// The stages are of endpoints that joined by themselves.
const STATES: [&str; 8] = [
    "in order",
    "quarantined",
    "suspended",
    "suspended for this",
    "registered",
    "shadow",
    "safety-only",
    "safety-only, to a reviewer",
];

fn stages(state: &str) -> Option<Stages> {
    let usual = match state {
        "suspended for this" => Stage::Suspended,
        "registered" => Stage::Registered,
        "shadow" => Stage::Shadow,
        "safety-only" | "safety-only, to a reviewer" => Stage::SafetyOnly,
        _ => return None,
    };
    let user = doctor().party.user().map(str::to_owned);
    let reviewers = user.filter(|_| state.ends_with("reviewer")).into_iter().collect();
    Some(Stages { usual, reviewers, ..Stages::default() })
}

fn disclose() -> Table {
    let (readers, overrides, labels) = (readers(), overrides(), labels());
    let dimensions = vec![
        ("mark", names(&labels)),
        ("source", names(&sources())),
        ("that source", STATES.to_vec()),
        ("covered by an objection", names(&COVERED)),
        ("relationship", names(&GRADES)),
        ("job role", names(&readers)),
        ("override", names(&overrides)),
    ];
    Table::new("5. Disclose: may this entry be shown?", dimensions, |at| {
        let (source, state) = (sources()[at[1]].1, STATES[at[2]]);
        let case = Case {
            overriding: overrides[at[6]].1.clone(),
            quarantined: (state == "quarantined").then_some(source),
            suspended: (state == "suspended").then_some(source),
            stage: stages(state).map(|stages| (source, stages)),
            ..Case::related()
        };
        disclosed(&readers[at[5]].1, GRADES[at[4]].1, COVERED[at[3]].1, (source, &labels[at[0]].1), case)
    })
}

/// Which kinds each job role reaches, and what it may take upon itself.
fn roles() -> String {
    let mut text = "# Job roles: what each reaches at an organisation that treats patients\n\n".to_owned();
    let roles = policy().roles();
    for code in roles.codes().collect::<BTreeSet<_>>() {
        let kinds: Vec<_> = roles.reaches(code, &[]).iter().map(|kind| roles.kind_name(kind)).collect();
        let _ = write!(text, "{code} {}: ", roles.name_of(code).unwrap_or_default());
        let _ = writeln!(text, "{}", if kinds.is_empty() { "nothing".to_owned() } else { kinds.join(", ") });
    }
    text
}

fn files() -> Vec<(&'static str, String)> {
    let tables = [
        ("1-reach.txt", reach()),
        ("2-relate.txt", relate()),
        ("3-see.txt", see()),
        ("4-objections.txt", objected()),
        ("5-disclose.txt", disclose()),
    ];
    let mut files: Vec<_> = tables.into_iter().map(|(name, table)| (name, table.text())).collect();
    files.push(("roles.txt", roles()));
    files
}

#[test]
fn the_decisions_are_those_that_were_reviewed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/access/golden");
    for (name, now) in files() {
        let file = folder.join(name);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&file, &now).unwrap();
        }
        let reviewed = fs::read_to_string(&file).unwrap();
        let first = now.lines().zip(reviewed.lines()).enumerate().find(|(_, (now, then))| now != then);
        assert!(now == reviewed, "{name} changed; first difference (line, (now, reviewed)): {first:#?}");
    }
}

#[test]
fn every_rule_decides_something_in_the_tables() {
    let text: String = files().into_iter().map(|(_, text)| text).collect();
    let words: BTreeSet<&str> = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').collect();
    let idle: Vec<_> = policy().rule_ids().filter(|id| !words.contains(id.as_str())).collect();
    assert!(idle.is_empty(), "{idle:?}");
}
