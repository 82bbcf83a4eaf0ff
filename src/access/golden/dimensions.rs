//! What the tables run through: each list begins with the plainest case.

use super::super::{worlds::*, *};
use crate::{
    domain::{Labels, OdsCode, Timestamp},
    fhir::ResourceType,
    fhir::date::Interval,
    identity::{Party, Requester, Scopes},
};
use std::time::Duration;

pub const PURPOSES: [&str; 13] = [
    "TREAT", "COC", "ETREAT", "PATRQT", "BTG", "ERTREAT", "CLINTRL", "POPHLTH", "HRESCH", "HMARKT", "HPAYMT", "treat",
    "",
];

/// Purposes as they are written in a table.
pub const PURPOSE_NAMES: [&str; 13] = [
    "TREAT", "COC", "ETREAT", "PATRQT", "BTG", "ERTREAT", "CLINTRL", "POPHLTH", "HRESCH", "HMARKT", "HPAYMT", "treat",
    "(none)",
];

pub struct Asker {
    pub name: &'static str,
    pub requester: Requester,
    /// The kind of their organisation.
    pub at: Option<&'static str>,
}

/// One of each group of job roles, and those that no table knows.
pub fn askers() -> Vec<Asker> {
    let at = |name, requester, at| Asker { name, requester, at };
    let practice = |name, requester| at(name, requester, Some("gp-practice"));
    let role = |code| requester(staff(Some(code)));
    let patient = |number| requester(Party::Patient { nhs_number: number });
    let with = |code: &str, activity: &str| match staff(Some(code)) {
        Party::Staff { user, name, role, role_name, organisation, .. } => {
            let activities = vec![activity.to_owned()];
            requester(Party::Staff { user, name, role, role_name, activities, organisation })
        }
        party => requester(party),
    };
    let somebody = worlds::patient();
    vec![
        practice("clinical (R0260)", role("R0260")),
        practice("clinical-support (R8004)", role("R8004")),
        practice("pharmacy (R1290)", role("R1290")),
        practice("social-care (R1330)", role("R1330")),
        practice("governance (R0001)", role("R0001")),
        practice("audit (R5100)", role("R5100")),
        practice("audit with B0015", with("R5100", "B0015")),
        practice("administrative (R8009)", role("R8009")),
        practice("administrative with B0401", with("R8009", "B0401")),
        practice("administrative with B0380, which is not theirs", with("R8009", "B0380")),
        practice("systems (R8015)", role("R8015")),
        practice("no-access (R1860)", role("R1860")),
        practice("a role that is not in the table (R9999)", role("R9999")),
        practice("no role selected", requester(staff(None))),
        at("R0260 at a care home", role("R0260"), Some("care-home")),
        at("R0260 at a charity", role("R0260"), Some("voluntary-sector")),
        at("R0260 at a commissioner", role("R0260"), Some("icb")),
        at("R0260 at the police", role("R0260"), Some("police")),
        at("R0260 at an organisation of an unknown kind", role("R0260"), Some("circus")),
        at("R0260 at an organisation nobody registered", role("R0260"), None),
        practice("R0260, barred", Requester { subject: "revoked".to_owned(), ..role("R0260") }),
        practice("R0260 with no scope", Requester { scopes: Scopes::default(), ..role("R0260") }),
        at("the patient", patient(somebody), None),
        at("another patient", patient(somebody_else()), None),
        at("a patient's representative", Requester { acting: Some("a".to_owned()), ..patient(somebody) }, None),
        practice("an organisation's system", requester(Party::System { organisation: own() })),
        at("a system of the police", requester(Party::System { organisation: own() }), Some("police")),
    ]
}

pub fn actions() -> Vec<(&'static str, Action)> {
    use Interaction::{Read, Search};
    let read = |resource_type| Action::ReadRecord(resource_type, Search);
    let registration =
        |concerns_own| Action::ReadRegistry { listed: Listed::Organization, interaction: Read, concerns_own };
    vec![
        ("read demographics", read(ResourceType::Patient)),
        ("read medicines-and-allergies", read(ResourceType::MedicationRequest)),
        ("read summary", read(ResourceType::Condition)),
        ("read care-coordination", read(ResourceType::CarePlan)),
        ("read clinical-detail", read(ResourceType::Observation)),
        ("read documents", read(ResourceType::DocumentReference)),
        ("read the log", Action::ReadLog(Search)),
        ("read objections", Action::ReadObjections(Read)),
        ("record an objection", Action::RecordObjection),
        ("withdraw an objection", Action::WithdrawObjection),
        ("look into objections of one's own", Action::InspectObjections { interaction: Read, concerns_own: true }),
        ("look into another's objections", Action::InspectObjections { interaction: Read, concerns_own: false }),
        ("review an objection of one's own", Action::ReviewObjection { concerns_own: true }),
        ("review another's objection", Action::ReviewObjection { concerns_own: false }),
        ("assert its relationship", Action::AssertRelationship { organisation: own() }),
        ("assert another's relationship", Action::AssertRelationship { organisation: other() }),
        ("end its relationship", Action::EndRelationship { organisation: own() }),
        ("end another's relationship", Action::EndRelationship { organisation: other() }),
        ("recall its own entries", Action::Recall { organisation: own() }),
        ("recall another's entries", Action::Recall { organisation: other() }),
        ("claim a relationship", Action::ClaimRelationship),
        ("override: own-risk", Action::Override(OverrideReason::OwnRisk)),
        ("override: emergency", Action::Override(OverrideReason::Emergency)),
        ("override: harm-to-other", Action::Override(OverrideReason::HarmToOther)),
        ("override: harm-to-child", Action::Override(OverrideReason::HarmToChild)),
        ("explain own access", Action::Explain),
        ("explain a colleague's", Action::ExplainColleague),
        ("see own queue", Action::ReadDesk { interaction: Interaction::Search, concerns_own: true }),
        ("see another's queue", Action::ReadDesk { interaction: Interaction::Search, concerns_own: false }),
        ("keep own queue", Action::KeepDesk { concerns_own: true }),
        ("keep another's queue", Action::KeepDesk { concerns_own: false }),
        ("see own registration", registration(true)),
        ("see another's registration", registration(false)),
        (
            "make own registration",
            Action::KeepRegistry { listed: Listed::Organization, is_new: true, concerns_own: true },
        ),
        ("change own endpoint", Action::KeepRegistry { listed: Listed::Endpoint, is_new: false, concerns_own: true }),
        (
            "change another's endpoint",
            Action::KeepRegistry { listed: Listed::Endpoint, is_new: false, concerns_own: false },
        ),
    ]
}

/// Name, what is stored, what the own organisation said.
pub fn relations() -> Vec<(&'static str, Vec<Relationship>, Evidence)> {
    let stored = |basis| vec![relationship(own(), basis)];
    let over = |basis| vec![Relationship { end: Some(NOW), ..relationship(own(), basis) }];
    let anothers = Person { subject: "another".to_owned(), ..person() };
    let later = Relationship { start: hours(1), ..relationship(own(), Basis::Encounter) };
    let closed = Relationship { end: Some(NOW), closed: true, ..relationship(own(), Basis::Appointment) };
    let of_another = Relationship { person: Some(anothers), ..relationship(own(), Basis::Claim) };
    let no = || found(&[]);
    vec![
        ("registered", stored(Basis::Registered), Evidence::NotAsked),
        ("asked: registered", vec![], found(&[Basis::Registered])),
        ("claimed, asked: registered", stored(Basis::Claim), found(&[Basis::Registered])),
        ("encounter", stored(Basis::Encounter), Evidence::NotAsked),
        ("referral", stored(Basis::Referral), Evidence::NotAsked),
        ("appointment just over", over(Basis::Appointment), Evidence::NotAsked),
        ("caseload", stored(Basis::Caseload), Evidence::NotAsked),
        ("care-team, unreachable", stored(Basis::CareTeam), Evidence::Unreachable),
        ("asked: encounter", vec![], found(&[Basis::Encounter])),
        ("claimed", stored(Basis::Claim), Evidence::NotAsked),
        ("claimed, unreachable", stored(Basis::Claim), Evidence::Unreachable),
        ("none, not asked", vec![], Evidence::NotAsked),
        ("none, asked: no", vec![], no()),
        ("none, unreachable", vec![], Evidence::Unreachable),
        ("another organisation's", vec![relationship(other(), Basis::Registered)], no()),
        ("another person's claim", vec![of_another], no()),
        ("a claim run out", over(Basis::Claim), no()),
        ("registration over", over(Basis::Registered), no()),
        ("appointment ended explicitly", vec![closed], no()),
        ("encounter to come", vec![later], no()),
    ]
}

pub fn hours(hours: i64) -> Timestamp {
    Timestamp(NOW.0 + hours * 3_600_000_000)
}

fn years_ago(years: u64) -> Timestamp {
    NOW.minus(Duration::from_secs(years * 365 * 86_400))
}

pub fn objections() -> Vec<(&'static str, Option<Objection>)> {
    let covering = |covers| Terms { covers, ..Terms::default() };
    let to = |recipient| covering(Matter { recipients: vec![recipient], ..Matter::default() });
    let stands = |person: Person, organisation| Objection {
        stands_only_for: Some(Withdrawer { person, organisation }),
        ..objection(Terms::default())
    };
    let anothers = || Person { subject: "another".to_owned(), ..person() };
    let kind = |name: &str| covering(Matter { kinds: vec![name.to_owned()], ..Matter::default() });
    let of_type = |name: &str| covering(Matter { types: vec![name.to_owned()], ..Matter::default() });
    let marked = |name: &str| covering(Matter { sensitivities: vec![name.to_owned()], ..Matter::default() });
    let data = DataPeriod { from: Some(years_ago(6)), until: Some(years_ago(2)) };
    let of_period = || Matter { data: Some(data), ..Matter::default() };
    let except = |matter| Terms { except: vec![matter], ..Terms::default() };
    let firmly = |terms| Terms { not_even_in_an_emergency: true, ..terms };
    let user = || Recipient::Person("555000000001".to_owned());
    let all = [
        ("whole record", Terms::default()),
        ("whole record, not even in an emergency", firmly(Terms::default())),
        ("to this organisation", to(Recipient::Organisation(own()))),
        ("to this person", to(user())),
        ("to another organisation", to(Recipient::Organisation(other()))),
        ("to another person", to(Recipient::Person("555000000002".to_owned()))),
        ("one source", of_source(other())),
        ("one source, not even in an emergency", firmly(of_source(other()))),
        ("a third source", of_source(ods("NZ901"))),
        ("the reader's own source", of_source(own())),
        ("type Condition", of_type("Condition")),
        ("a type nobody knows", of_type("Horoscope")),
        ("kind medicines-and-allergies", kind("medicines-and-allergies")),
        ("kind mental-health", kind("mental-health")),
        ("a kind nobody knows", kind("gossip")),
        ("sensitivity hiv", marked("hiv")),
        ("a sensitivity nobody knows", marked("horoscope")),
        ("data of a period", covering(of_period())),
        ("whole but a source", except(Matter { sources: vec![other()], ..Matter::default() })),
        ("whole but for this organisation", except(to(Recipient::Organisation(own())).covers)),
        ("whole but for another organisation", except(to(Recipient::Organisation(other())).covers)),
        ("whole but data of a period", except(of_period())),
        ("whole but a kind nobody knows", except(kind("gossip").covers)),
        ("to come", Terms { from: Some(hours(1)), ..Terms::default() }),
        ("just begun", Terms { from: Some(NOW), ..Terms::default() }),
        ("just over", Terms { until: Some(NOW), ..Terms::default() }),
    ];
    let mut objections = vec![("none", None)];
    objections.extend(all.map(|(name, terms)| (name, Some(objection(terms)))));
    objections.extend([
        ("withdrawal recorded by this person", Some(stands(person(), None))),
        ("withdrawal recorded at this organisation", Some(stands(anothers(), Some(own())))),
        ("withdrawal recorded elsewhere", Some(stands(anothers(), Some(other())))),
    ]);
    objections
}

pub fn overrides() -> Vec<(&'static str, Option<Override>)> {
    let grant = |reason| Override {
        id: "g".to_owned(),
        person: person(),
        organisation: own(),
        reason,
        start: hours(-1),
        end: hours(1),
    };
    let mut all = vec![("none", None)];
    all.extend(OverrideReason::ALL.map(|reason| (reason.as_str(), Some(grant(reason)))));
    let child = || grant(OverrideReason::HarmToChild);
    all.extend([
        (
            "another person's",
            Some(Override { person: Person { subject: "another".to_owned(), ..person() }, ..child() }),
        ),
        ("just over", Some(Override { end: NOW, ..child() })),
        ("to come", Some(Override { start: hours(1), end: hours(2), ..child() })),
    ]);
    all
}

pub fn labels() -> Vec<(&'static str, Labels)> {
    let marked = |names: &[&str], restricted: bool| {
        let mut labels = if restricted { Labels::restricted_only() } else { Labels::default() };
        names.iter().for_each(|name| labels.mark(name));
        labels
    };
    vec![
        ("unmarked", marked(&[], false)),
        ("restricted", marked(&[], true)),
        ("mental-health", marked(&["mental-health"], false)),
        ("substance-use", marked(&["substance-use"], false)),
        ("hiv", marked(&["hiv"], false)),
        ("domestic-violence", marked(&["domestic-violence"], false)),
        ("hiv and mental-health, restricted", marked(&["hiv", "mental-health"], true)),
        ("gender-recognition", marked(&["gender-recognition"], false)),
        ("assisted-fertilisation", marked(&["assisted-fertilisation"], false)),
        ("a mark of another list", marked(&["horoscope"], false)),
    ]
}

pub fn sources() -> [(&'static str, OdsCode); 2] {
    [("another's", other()), ("own", own())]
}

pub fn dates() -> [(&'static str, Option<Interval>); 4] {
    let at = |time: Timestamp| Interval::new(time.0, time.0 + 1);
    let partly = Interval::new(years_ago(3).0, years_ago(1).0);
    [("undated", None), ("of the period", at(years_ago(4))), ("partly of the period", partly), ("of now", at(NOW))]
}
