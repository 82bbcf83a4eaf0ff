//! A search's filters, as far as a provider can be asked by them without losing a match: what it is asked is always
//! looser than what is wanted, and the filters are applied again to what it answers.

use super::{Provider, ReaderContext, Want};
use crate::{
    fhir::{
        ResourceType,
        date::{DateTest, Interval, Prefix},
    },
    query::{
        DateFilter, Filter, Search, Token, TokenFilter, TokenTest,
        grammar::{self, DataType},
    },
};
use chrono::{DateTime, Datelike, TimeDelta};

/// What a provider is asked an entry to have; each is one parameter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Test {
    /// Any of these, each a `code` or `system|code`. `bare` where the element itself says no system.
    Token { parameter: &'static str, any: Vec<TokenTest>, bare: bool },
    /// Some of it after the beginning of this day...
    From { parameter: &'static str, day: Day },
    /// ... or before this day's end. In UTC.
    Until { parameter: &'static str, day: Day },
}

/// In days since 1970-01-01.
pub type Day = i32;

/// The filters of one search that providers may be asked by.
#[derive(Clone, Debug)]
pub struct Narrowing {
    resource_type: ResourceType,
    tests: Vec<Test>,
}

const DAY: i64 = 86_400_000_000;
/// A server that takes a day for its own zone's is off by 14 hours at most, and what goes on past the day asked for has to
/// reach into the next to be found.
const SLACK: Day = 2;
/// A URL should stay below 4,000 characters.
const MAX_VALUE: usize = 1_000;

impl Narrowing {
    /// `None` where all of the type is to be seen: its entries are held against those of other sources for safety's sake, or
    /// are referred to by what comes along.
    pub fn of(search: &Search) -> Option<Self> {
        let resource_type = search.resource_type;
        let brings = search.with_provenance || search.include.iter().any(|i| i.targets().contains(&resource_type));
        if brings || !may_be_narrowed(resource_type) {
            return None;
        }
        let tests: Vec<Test> = search.filters.iter().flat_map(|filter| tests(filter, resource_type)).collect();
        (!tests.is_empty()).then_some(Self { resource_type, tests })
    }

    /// What is wanted of this provider instead of all of the type, where it declares what that takes.
    pub fn at(&self, provider: &Provider) -> Option<Want> {
        // one that answers each reader otherwise cannot be held to what it answered another
        if !provider.push_down || provider.reader_context == ReaderContext::Decides {
            return None;
        }
        let statement = provider.declared.statement()?;
        let declared = |test: &&Test| statement.declares(self.resource_type, test.parameter());
        let tests: Vec<Test> = self.tests.iter().filter(declared).cloned().collect();
        (!tests.is_empty()).then(|| Want::matching(self.resource_type, tests))
    }

    pub fn narrows(&self, want: &Want) -> bool {
        *want == Want::all(self.resource_type)
    }
}

/// Allergies, medicines and warnings are always asked for whole: what is lost of them kills.
fn may_be_narrowed(resource_type: ResourceType) -> bool {
    use ResourceType as T;
    match resource_type {
        T::Patient
        | T::AllergyIntolerance
        | T::MedicationRequest
        | T::MedicationStatement
        | T::MedicationDispense
        | T::Flag => false,
        T::Condition
        | T::Procedure
        | T::Immunization
        | T::Observation
        | T::DiagnosticReport
        | T::Encounter
        | T::EpisodeOfCare
        | T::Appointment
        | T::ServiceRequest
        | T::CarePlan
        | T::CareTeam
        | T::Goal
        | T::DocumentReference
        | T::FamilyMemberHistory
        | T::List
        | T::QuestionnaireResponse
        | T::Composition
        | T::ImagingStudy => true,
        // no search is for them
        T::Practitioner
        | T::PractitionerRole
        | T::Organization
        | T::Location
        | T::Medication
        | T::Specimen
        | T::Device
        | T::Provenance => false,
    }
}

fn tests(filter: &Filter, resource_type: ResourceType) -> Vec<Test> {
    match filter {
        Filter::Id(_) => Vec::new(),
        Filter::Date(date) => date_tests(date, resource_type),
        Filter::Token(token) => token_test(token, resource_type).into_iter().collect(),
    }
}

fn token_test(filter: &TokenFilter, resource_type: ResourceType) -> Option<Test> {
    let mut parameters = grammar::rule(resource_type).tokens.iter();
    let (parameter, data_type, _) = parameters.find(|(name, ..)| *name == filter.parameter)?;
    let bare = match data_type {
        DataType::Code(_) => true,
        DataType::CodeableConcept => false,
        DataType::Identifier => return None,
    };
    // nothing that would have to be escaped: who reads that otherwise loses it
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_graphic() && !br"\,|$".contains(&b));
    let named =
        |test: &TokenTest| test.named().is_some_and(|(system, code)| plain(code) && (bare || system.is_none_or(plain)));
    if !filter.any.iter().all(named) {
        return None;
    }
    let test = Test::Token { parameter, any: filter.any.clone(), bare };
    (test.asked().1.len() <= MAX_VALUE).then_some(test)
}

fn date_tests(filter: &DateFilter, resource_type: ResourceType) -> Vec<Test> {
    // _lastUpdated is not among them
    let mut parameters = grammar::rule(resource_type).dates.iter();
    let (Some((parameter, _)), [test]) = (parameters.find(|(name, _)| *name == filter.parameter), &*filter.any) else {
        return Vec::new();
    };
    bounds(test, parameter)
}

fn bounds(test: &DateTest, parameter: &'static str) -> Vec<Test> {
    let (from, until) = match test.prefix() {
        Prefix::Eq => (true, true),
        Prefix::Ge | Prefix::Gt => (true, false),
        Prefix::Le | Prefix::Lt => (false, true),
        Prefix::Ne => return Vec::new(),
    };
    let at = test.date().interval;
    let day = |micros: i64| Day::try_from(micros.div_euclid(DAY)).ok();
    let from = from.then(|| day(at.start())).flatten().map(|day| Test::From { parameter, day });
    let until = until.then(|| day(at.end() - 1)).flatten().map(|day| Test::Until { parameter, day });
    // a year that four digits cannot say is no bound
    from.into_iter().chain(until).filter(|test| !test.asked().1.is_empty()).collect()
}

impl Test {
    /// What providers are asked for in place of a filter of this type's; nothing where they are asked for all of it.
    pub fn of(filter: &Filter, resource_type: ResourceType) -> Vec<Self> {
        if may_be_narrowed(resource_type) { tests(filter, resource_type) } else { Vec::new() }
    }

    pub fn parameter(&self) -> &'static str {
        match self {
            Self::Token { parameter, .. } | Self::From { parameter, .. } | Self::Until { parameter, .. } => parameter,
        }
    }

    /// Name and value, as the provider is asked.
    pub fn asked(&self) -> (&'static str, String) {
        let value = match self {
            Self::Token { any, bare, .. } => {
                let one = |test: &TokenTest| match test.named() {
                    Some((Some(system), code)) if !bare => format!("{system}|{code}"),
                    named => named.map(|(_, code)| code.to_owned()).unwrap_or_default(),
                };
                let mut all: Vec<String> = any.iter().map(one).collect();
                all.sort_unstable();
                all.dedup();
                all.join(",")
            }
            Self::From { day, .. } => written("ge", day - SLACK),
            Self::Until { day, .. } => written("le", day + SLACK),
        };
        (self.parameter(), value)
    }

    /// How it is asked, whatever for: who keeps to one value keeps to another that is written alike.
    pub fn form(&self) -> String {
        match self {
            Self::Token { parameter, any, bare } => {
                let systems = any.iter().filter(|test| !bare && matches!(test.named(), Some((Some(_), _)))).count();
                let form = match systems {
                    0 => "code",
                    all if all == any.len() => "system|code",
                    _ => "mixed",
                };
                format!("{parameter}={form}{}", if any.len() > 1 { ",..." } else { "" })
            }
            Self::From { parameter, .. } => format!("{parameter}=ge"),
            Self::Until { parameter, .. } => format!("{parameter}=le"),
        }
    }

    pub fn passes_token(&self, held: &Token) -> bool {
        matches!(self, Self::Token { any, .. } if any.iter().any(|test| test.matches(held)))
    }

    pub fn passes_time(&self, held: Interval) -> bool {
        match self {
            Self::Token { .. } => false,
            Self::From { day, .. } => held.end() > i64::from(*day) * DAY,
            Self::Until { day, .. } => held.start() < (i64::from(*day) + 1) * DAY,
        }
    }
}

/// Nothing where no four digits say the year.
fn written(prefix: &str, day: Day) -> String {
    let date = TimeDelta::try_days(day.into()).and_then(|days| DateTime::UNIX_EPOCH.checked_add_signed(days));
    let date = date.map(|at| at.date_naive()).filter(|date| (1..=9999).contains(&date.year()));
    date.map(|date| format!("{prefix}{}", date.format("%Y-%m-%d"))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhir::date::FhirDate;
    use proptest::prelude::*;

    const HOUR: i64 = 3_600_000_000;

    /// What a server finds that takes days for those of a zone so many hours east, by the strictest reading of R4.
    fn finds(asked: &str, east: i64, held: Interval) -> bool {
        let test = DateTest::parse(asked).unwrap();
        let local = Interval::new(held.start().saturating_add(east * HOUR), held.end().saturating_add(east * HOUR));
        test.matches(local.unwrap())
    }

    fn held() -> impl Strategy<Value = Interval> {
        let at = 946_684_800_000_000_i64..1_900_000_000_000_000;
        let lasts = prop_oneof![Just(1), Just(1_000_000), 1..90 * DAY, Just(i64::MAX)];
        let begins = prop_oneof![9 => at.prop_map(Some), 1 => Just(None)];
        (begins, lasts).prop_map(|(at, lasts)| {
            let end = at.unwrap_or(1_577_836_800_000_000).saturating_add(lasts);
            Interval::new(at.unwrap_or(i64::MIN), end).unwrap()
        })
    }

    proptest! {
        /// Around the very days that are asked for, so that edges are met.
        #[test]
        fn whatever_passes_a_date_is_found_by_what_a_server_in_any_zone_is_asked(
            prefix in "(eq|ne|gt|lt|ge|le)?", date in "20[0-2][0-9](-0[1-9](-[12][0-8](T[01][0-9]:30:00(Z|[+]13:00|-12:00))?)?)?",
            near in -3 * DAY..3 * DAY, held in held(), east in -12_i64..=14,
        ) {
            let test = DateTest::parse(&format!("{prefix}{date}")).unwrap();
            let at = FhirDate::parse(&date).unwrap().interval;
            let moved = Interval::new(at.start() + near, (at.start() + near).saturating_add(held.end().saturating_sub(held.start()).max(1)));
            for held in [Some(held), moved].into_iter().flatten().filter(|held| test.matches(*held)) {
                for bound in bounds(&test, "date") {
                    prop_assert!(bound.passes_time(held), "{bound:?}");
                    prop_assert!(finds(&bound.asked().1, east, held), "{:?} {held:?}", bound.asked());
                }
            }
        }
    }

    #[test]
    fn a_year_that_cannot_be_written_is_no_bound() {
        for (test, asked) in [("ge0001-01-01", None), ("le9999-12-31", None), ("le9999-12-29", Some("le9999-12-31"))] {
            let bounds = bounds(&DateTest::parse(test).unwrap(), "date");
            assert_eq!(bounds.first().map(|bound| bound.asked().1).as_deref(), asked, "{test}");
        }
    }

    #[test]
    fn a_code_is_asked_for_without_the_system_that_its_element_does_not_say() {
        let test = |bare| Test::Token {
            parameter: "code",
            any: ["s|b", "a", "t|b"].map(|text| TokenTest::parse(text).unwrap()).to_vec(),
            bare,
        };
        assert_eq!(test(false).asked().1, "a,s|b,t|b");
        assert_eq!(test(true).asked().1, "a,b");
        assert_eq!((test(false).form(), test(true).form()), ("code=mixed,...".to_owned(), "code=code,...".to_owned()));
    }
}
