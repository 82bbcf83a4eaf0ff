//! The built-in region: nine made-up organisations, twenty made-up patients, the same bytes on every start.
//!
//! It is built to be awkward in the ways real regions are: counted ids collide across organisations, one event is held
//! twice under two ids, decimals carry trailing zeros, dates come in every precision, labels mark what is sensitive,
//! some patients are known in many places. Every resource carries a canary, a string of its own by which a test can
//! follow it wherever it goes.

mod chart;
mod concepts;
mod documents;
mod general_practice;
mod hospital;
mod people;
mod services;
mod shelf;

use super::data::{Dataset, IndexRecord, PatientInfo, ProviderData};
use crate::domain::OdsCode;
use chart::Chart;
use people::{Person, people};
use shelf::Shelf;

pub struct Organisation {
    pub slug: &'static str,
    pub ods: &'static str,
    pub name: &'static str,
    pub kind: &'static str,
    /// Whether it numbers its resources from 1; else its ids are like UUIDs.
    pub counts: bool,
}

const fn org(
    slug: &'static str,
    ods: &'static str,
    name: &'static str,
    kind: &'static str,
    counts: bool,
) -> Organisation {
    Organisation { slug, ods, name, kind, counts }
}

static ORGANISATIONS: [Organisation; 9] = [
    org("saltmarsh", "F99001", "Saltmarsh Surgery", "gp-practice", true),
    org("blackwater", "F99002", "Blackwater Medical Centre", "gp-practice", false),
    org("estuary", "RZ901", "Estuary Hospitals NHS Foundation Trust", "acute-trust", false),
    org("colneside", "RZ902", "Colneside University Hospital NHS Trust", "acute-trust", true),
    org("quietwater", "RZ903", "Quietwater Mental Health NHS Trust", "mental-health-trust", false),
    org("eastline", "RZ904", "Eastline Ambulance and 111 Service", "ambulance-trust", true),
    org("hedgerow", "NZ901", "Hedgerow Community and Child Health", "community-services", false),
    org("lantern", "NZ902", "Lantern Hospice", "voluntary-sector", false),
    org("quayside", "FZ901", "Quayside Community Pharmacy", "pharmacy", true),
];

pub fn region() -> Dataset {
    let people = people();
    let patients = people.iter().filter_map(info).collect();
    let index = people.iter().filter_map(|person| index_record(person, &people)).collect();
    let providers = ORGANISATIONS.iter().filter_map(|organisation| provider(organisation, &people)).collect();
    Dataset { providers, patients, index }
}

fn provider(organisation: &'static Organisation, people: &[Person]) -> Option<ProviderData> {
    let mut shelf = Shelf::new(organisation);
    for (n, person) in people.iter().enumerate().filter(|(_, person)| person.held_by.contains(&organisation.slug)) {
        let mut chart = Chart::open(&mut shelf, n, person);
        match organisation.kind {
            "gp-practice" => general_practice::fill(&mut chart),
            "acute-trust" => hospital::fill(&mut chart),
            "mental-health-trust" => services::mental_health(&mut chart),
            "ambulance-trust" => services::ambulance(&mut chart),
            "community-services" => services::community(&mut chart),
            _ => services::pharmacy(&mut chart),
        }
    }
    Some(ProviderData {
        slug: organisation.slug.to_owned(),
        ods: OdsCode::parse(organisation.ods).ok()?,
        name: organisation.name.to_owned(),
        kind: organisation.kind.to_owned(),
        resources: shelf.into_resources(),
    })
}

fn info(person: &Person) -> Option<PatientInfo> {
    Some(PatientInfo {
        nhs_number: person.number,
        name: format!("{} {}", person.given, person.family),
        birth_date: person.born.to_owned(),
        gp_practice: OdsCode::parse(person.practice).ok()?,
        held_by: person.held_by.iter().map(|slug| (*slug).to_owned()).collect(),
    })
}

/// Whoever was given another number is in the index by that one alone.
fn index_record(person: &Person, people: &[Person]) -> Option<IndexRecord> {
    let same = |other: &&Person| (other.given, other.family, other.born) == (person.given, person.family, person.born);
    let mut numbers = people.iter().filter(same).map(|one| one.number);
    let current = numbers.next().filter(|first| *first == person.number)?;
    let oddity = people::oddity(person.family);
    Some(IndexRecord {
        nhs_number: current,
        supersedes: numbers.collect(),
        family: person.family.to_owned(),
        given: person.given.to_owned(),
        gender: person.gender.to_owned(),
        birth_date: person.born.to_owned(),
        deceased: oddity.deceased.map(str::to_owned),
        gp_practice: OdsCode::parse(person.practice).ok(),
        verification: oddity.verification.to_owned(),
        flag: oddity.flag,
    })
}

#[cfg(test)]
mod tests;
