//! Worlds of every sort: who asks what, and all that may be known of patient and region.

use super::super::{worlds::*, *};
use crate::{
    domain::{Labels, NhsNumber, OdsCode, Timestamp},
    fhir::ResourceType,
    fhir::date::Interval,
    identity::{Party, Purpose, Requester, Scopes},
};
use proptest::{
    collection::{btree_map, btree_set, vec},
    option::weighted,
    prelude::*,
    sample::{select, subsequence},
};
use std::{collections::BTreeSet, sync::Arc};

#[derive(Clone, Debug)]
pub struct World {
    pub requester: Requester,
    pub wanted: Wanted,
    pub facts: Facts,
}

/// One entry as a source could hold it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub source: OdsCode,
    pub labels: Labels,
    pub date: Option<Interval>,
}

impl World {
    pub fn decide(&self) -> Decision {
        policy().decide(&self.requester, &self.wanted, &self.facts)
    }

    pub fn permit(&self) -> Option<Permit> {
        match self.decide() {
            Decision::Permit(permit) => Some(permit),
            _ => None,
        }
    }

    /// `None` without a permit; with one, which entries it releases.
    pub fn released(&self) -> Option<BTreeSet<Entry>> {
        self.permit().as_ref().map(released)
    }
}

pub fn released(permit: &Permit) -> BTreeSet<Entry> {
    let shown = |entry: &Entry| permit.disclosure(entry.source, &entry.labels, entry.date) == Disclosure::Release;
    entries().into_iter().filter(shown).collect()
}

/// Every source's entries, of every mark and date.
pub fn entries() -> Vec<Entry> {
    let marks = ["", "mental-health", "hiv", "domestic-violence", "gender-recognition", "horoscope"];
    let labels = marks.into_iter().flat_map(|mark| {
        [Labels::default(), Labels::restricted_only()].map(|mut labels| {
            if !mark.is_empty() {
                labels.mark(mark);
            }
            labels
        })
    });
    let labels: Vec<Labels> = labels.collect();
    let of = |source: OdsCode| {
        let at = |days: i64| Interval::new(self::days(days).0, self::days(days + 1).0);
        let year = Interval::new(days(-1_200).0, days(-835).0);
        let dates = [None, at(-10), at(-1_000), year];
        let labels = labels.clone();
        dates
            .into_iter()
            .flat_map(move |date| labels.clone().into_iter().map(move |labels| Entry { source, labels, date }))
    };
    organisations().into_iter().flat_map(of).collect()
}

pub fn organisations() -> Vec<OdsCode> {
    vec![own(), other(), ods("NZ901")]
}

pub fn organisation() -> impl Strategy<Value = OdsCode> {
    select(organisations())
}

/// Mostly the reader's own: those of others seldom matter.
fn mostly_own() -> impl Strategy<Value = OdsCode> {
    prop_oneof![5 => Just(own()), 1 => organisation()]
}

pub fn days(days: i64) -> Timestamp {
    Timestamp(NOW.0 + days * 86_400_000_000)
}

/// Near enough to now that it matters.
fn moment() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        4 => (-3_i64..4).prop_map(|minutes| Timestamp(NOW.0 + minutes * 60_000_000)),
        1 => (-400_i64..30).prop_map(days),
    ]
}

fn anybody() -> impl Strategy<Value = Person> {
    prop_oneof![3 => Just(person()), 1 => Just(Person { subject: "another".to_owned(), ..person() })]
}

fn party() -> impl Strategy<Value = Party> {
    let limited = select(vec!["R8004", "R1290", "R8009", "R1330", "R0001", "R5100", "R8015", "R1860", "R9999", ""]);
    let roles = prop_oneof![2 => select(vec!["R0260", "R0050"]), 1 => limited];
    let activities = subsequence(vec!["B0380", "B0401", "B0560", "B0015", "B9999"], 0..3);
    let staff = (weighted(0.95, roles), mostly_own(), activities).prop_map(|(role, at, codes)| match staff(role) {
        Party::Staff { user, name, role, role_name, .. } => {
            let activities = codes.into_iter().map(str::to_owned).collect();
            Party::Staff { user, name, role, role_name, activities, organisation: at }
        }
        party => party,
    });
    let number = prop_oneof![4 => Just(patient()), 1 => Just(somebody_else())];
    prop_oneof![
        8 => staff,
        1 => number.prop_map(|nhs_number| Party::Patient { nhs_number }),
        1 => organisation().prop_map(|organisation| Party::System { organisation }),
    ]
}

fn asker() -> impl Strategy<Value = Requester> {
    let scopes = prop_oneof![
        15 => Just(EVERY_SCOPE),
        1 => select(vec!["", "user/Observation.rs", "patient/AuditEvent.rs", "system/Patient.u", "user/*.s"]),
    ];
    let purpose = select(vec!["TREAT", "COC", "ETREAT", "BTG", "CLINTRL", "HMARKT", "PATRQT", ""]);
    (party(), scopes, weighted(0.1, purpose), weighted(0.05, "[a-z]{3}")).prop_map(
        |(party, scopes, purpose, acting)| {
            let asker = requester(party);
            let purpose = purpose.map_or_else(|| asker.purpose.clone(), |purpose| Purpose(purpose.to_owned()));
            Requester { scopes: Scopes::parse(scopes), purpose, acting, ..asker }
        },
    )
}

fn action() -> impl Strategy<Value = Action> {
    let interaction = || select(vec![Interaction::Read, Interaction::Search]);
    prop_oneof![
        12 => (select(ResourceType::ALL), interaction()).prop_map(|(t, i)| Action::ReadRecord(t, i)),
        3 => select(ResourceType::ALL).prop_map(Action::ReadDocument),
        1 => interaction().prop_map(Action::ReadLog),
        1 => interaction().prop_map(Action::ReadObjections),
        1 => (interaction(), any::<bool>())
            .prop_map(|(interaction, concerns_own)| Action::InspectObjections { interaction, concerns_own }),
        1 => any::<bool>().prop_map(|concerns_own| Action::ReviewObjection { concerns_own }),
        1 => (interaction(), any::<bool>()).prop_map(|(interaction, concerns_own)| Action::ReadDesk { interaction, concerns_own }),
        1 => any::<bool>().prop_map(|concerns_own| Action::KeepDesk { concerns_own }),
        1 => any::<bool>().prop_map(|concerns_own| Action::KeepRegistry { listed: Listed::Endpoint, is_new: false, concerns_own }),
        1 => organisation().prop_map(|organisation| Action::AssertRelationship { organisation }),
        1 => organisation().prop_map(|organisation| Action::EndRelationship { organisation }),
        1 => organisation().prop_map(|organisation| Action::Recall { organisation }),
        1 => select(OverrideReason::ALL.to_vec()).prop_map(Action::Override),
        3 => select(vec![
            Action::RecordObjection,
            Action::WithdrawObjection,
            Action::ClaimRelationship,
            Action::Explain,
            Action::ExplainColleague,
        ]),
    ]
}

fn named(of: &[&'static str]) -> impl Strategy<Value = Vec<String>> {
    let one = subsequence(of.to_vec(), 1..3).prop_map(|names| names.into_iter().map(str::to_owned).collect());
    prop_oneof![4 => Just(Vec::new()), 1 => one]
}

fn matter() -> impl Strategy<Value = Matter> {
    let user = |digit: u8| Recipient::Person(format!("55500000000{digit}"));
    let recipient = prop_oneof![organisation().prop_map(Recipient::Organisation), (1_u8..3).prop_map(user)];
    let period = (weighted(0.7, (-1_500_i64..0).prop_map(days)), weighted(0.7, (-1_500_i64..30).prop_map(days)));
    (
        prop_oneof![3 => Just(Vec::new()), 1 => vec(recipient, 1..3)],
        prop_oneof![3 => Just(Vec::new()), 1 => vec(organisation(), 1..3)],
        named(&["Observation", "MedicationRequest", "Patient", "Horoscope"]),
        named(&["demographics", "clinical-detail", "mental-health", "safeguarding", "gossip"]),
        named(&["mental-health", "hiv", "gender-recognition", "horoscope"]),
        weighted(0.2, period),
    )
        .prop_map(|(recipients, sources, types, kinds, sensitivities, period)| Matter {
            recipients,
            sources,
            types,
            kinds,
            sensitivities,
            data: period.map(|(from, until)| DataPeriod { from, until }),
        })
}

pub fn terms() -> impl Strategy<Value = Terms> {
    let except = prop_oneof![3 => Just(Vec::new()), 1 => vec(matter(), 1..3)];
    let span = (weighted(0.3, moment()), weighted(0.3, moment()));
    (matter(), except, span, weighted(0.3, Just(()))).prop_map(|(covers, except, (from, until), firmly)| Terms {
        covers,
        except,
        from,
        until,
        not_even_in_an_emergency: firmly.is_some(),
    })
}

pub fn any_objection() -> impl Strategy<Value = Objection> {
    let withdrawer = (anybody(), weighted(0.5, organisation()))
        .prop_map(|(person, organisation)| Withdrawer { person, organisation });
    (terms(), weighted(0.2, withdrawer))
        .prop_map(|(terms, stands_only_for)| Objection { stands_only_for, ..objection(terms) })
}

fn related() -> impl Strategy<Value = Relationship> {
    let bases = Basis::ASSERTED.into_iter().chain([Basis::Claim, Basis::Claim]).collect::<Vec<_>>();
    let start = prop_oneof![2 => (-30_i64..0).prop_map(days), 1 => moment()];
    let end = prop_oneof![1 => (0_i64..30).prop_map(days), 1 => moment()];
    let span = (start, weighted(0.5, end), any::<bool>());
    (mostly_own(), select(bases), span, anybody()).prop_map(|(organisation, basis, (start, end, closed), person)| {
        let plain = relationship(organisation, basis);
        let person = plain.person.as_ref().map(|_| person);
        let closed = closed && end.is_some() && basis != Basis::Claim;
        Relationship { start, end: end.or(plain.end), closed, person, ..plain }
    })
}

pub fn grant() -> impl Strategy<Value = Override> {
    let end = prop_oneof![1 => (0_i64..2).prop_map(days), 1 => moment()];
    (anybody(), select(OverrideReason::ALL.to_vec()), moment(), end).prop_map(|(person, reason, start, end)| {
        let id = format!("{}-{}", reason.as_str(), end.0);
        Override { id, person, organisation: own(), reason, start, end }
    })
}

pub fn patient_facts() -> impl Strategy<Value = PatientFacts> {
    let facts = (vec(any_objection(), 0..3), vec(related(), 0..6), vec(grant(), 0..3), btree_set(organisation(), 0..2));
    facts.prop_map(|(objections, relationships, overrides, quarantined)| PatientFacts {
        objections,
        relationships,
        overrides,
        quarantined,
        ..PatientFacts::default()
    })
}

fn stages() -> impl Strategy<Value = Stages> {
    let stage = || select(Stage::ALL.to_vec());
    let types = btree_map(select(ResourceType::ALL), stage(), 0..2);
    let reviewers = weighted(0.5, Just("555000000001".to_owned())).prop_map(|user| user.into_iter().collect());
    (stage(), types, reviewers).prop_map(|(usual, types, reviewers)| Stages { usual, types, reviewers, before: None })
}

pub fn any_world() -> impl Strategy<Value = World> {
    let others = select(vec!["acute-trust", "care-home", "voluntary-sector", "icb", "police", "circus"]);
    let kinds = prop_oneof![4 => Just("gp-practice"), 1 => others];
    let about = prop_oneof![9 => Just(patient()), 1 => Just(somebody_else())];
    let standing = (btree_set(organisation(), 0..2), btree_map(organisation(), stages(), 0..2));
    let known = (patient_facts(), standing, weighted(0.95, kinds));
    let evidence = select(vec![
        Evidence::NotAsked,
        found(&[Basis::Registered]),
        found(&[Basis::Encounter]),
        found(&[]),
        Evidence::Unreachable,
    ]);
    (asker(), action(), weighted(0.95, about), known, evidence).prop_map(
        |(requester, action, patient, (about, (suspended, stages), kind), evidence): (
            _,
            _,
            Option<NhsNumber>,
            _,
            _,
        )| World {
            requester,
            wanted: Wanted { action, patient },
            facts: Facts {
                patient: Arc::new(about),
                global: Arc::new(GlobalFacts { suspended, stages, ..GlobalFacts::default() }),
                evidence,
                organisation: kind.map(Arc::from),
                until: None,
                now: NOW,
            },
        },
    )
}
