use super::ask::{DateFilter, Sort, SortKey};
use super::fault::{QueryFault, shown};
use super::form::Pair;
use super::grammar::{Kind, Parameter};
use super::patient::{self, Named};
use super::{PageSize, Setting};
use crate::fhir::date::DateTest;
use crate::fhir::is_id;
use crate::fhir::outcome::IssueCode::{Invariant, NotSupported, Required, TooCostly, Value};

/// How many values one parameter may offer as alternatives.
const MAX_ALTERNATIVES: usize = 100;
/// FHIR's largest integer.
const MAX_COUNT: u64 = 2_147_483_647;

/// The parameters of one request, each read by its kind.
#[derive(Default)]
pub struct Fields {
    patient: Option<Named>,
    pub dates: Vec<DateFilter>,
    pub ids: Option<Vec<String>>,
    pub sort: Option<Sort>,
    pub count: Option<u32>,
    pub page: Option<String>,
    pub code: Option<&'static str>,
    pub format: Option<String>,
}

impl Fields {
    pub fn read(
        pairs: &[Pair],
        parameters: impl Iterator<Item = Parameter>,
        sortable: bool,
        setting: &Setting<'_>,
    ) -> Result<Self, QueryFault> {
        let parameters: Vec<_> = parameters.collect();
        let mut fields = Self::default();
        for (at, pair) in pairs.iter().enumerate() {
            let known =
                parameters.iter().find(|p| p.name == pair.name).ok_or_else(|| unknown(&pair.name, &parameters))?;
            let date = matches!(known.kind, Kind::Date(_));
            let earlier = pairs.iter().take(at).filter(|e| e.name == pair.name);
            if earlier.into_iter().any(|e| !date || e.body != pair.body) {
                let said = "only date parameters may be repeated, and none may stand both in the URL and in the body";
                return Err(QueryFault::bad(Invariant, said).at(known.name));
            }
            if pair.value.is_empty() {
                return Err(QueryFault::bad(Value, "the parameter has no value").at(known.name));
            }
            fields.take(known, &pair.value, sortable, setting).map_err(|fault| fault.at(known.name))?;
        }
        // repeats all have to pass, in whatever order, and saying one twice changes nothing
        fields.dates.sort_by_cached_key(|date| (date.parameter, date.value()));
        fields.dates.dedup();
        Ok(fields)
    }

    fn take(
        &mut self,
        known: &Parameter,
        value: &str,
        sortable: bool,
        setting: &Setting<'_>,
    ) -> Result<(), QueryFault> {
        match known.kind {
            Kind::Patient => self.name(patient::by_reference(value, setting)?)?,
            Kind::NhsNumber => self.name(patient::by_nhs_number(value, setting)?)?,
            Kind::Id => self.ids = Some(ids(value)?),
            Kind::Date(paths) => self.dates.push(DateFilter { parameter: known.name, paths, any: tests(value)? }),
            Kind::Code(codes) => self.code = Some(code(value, codes)?),
            Kind::Sort => self.sort = Some(sort(value, sortable)?),
            Kind::Count => self.count = Some(count(value, setting.page_size)?),
            Kind::Page => self.page = Some(value.to_owned()),
            Kind::Format => self.format = Some(value.to_owned()),
            Kind::Pretty if ["true", "false"].contains(&value) => {}
            Kind::Pretty => return Err(QueryFault::bad(Value, "_pretty is true or false")),
        }
        Ok(())
    }

    /// Two names are refused even where they name the same patient: which was meant is not for us to choose.
    fn name(&mut self, named: Named) -> Result<(), QueryFault> {
        match self.patient.replace(named) {
            None => Ok(()),
            Some(_) => Err(patient::one_patient()),
        }
    }

    pub fn patient(&mut self, how: &'static str) -> Result<Named, QueryFault> {
        let missing = || QueryFault::bad(Required, format!("a search names one patient: {how}"));
        self.patient.take().ok_or_else(missing)
    }
}

fn unknown(name: &str, parameters: &[Parameter]) -> QueryFault {
    let base = name.split([':', '.']).next().unwrap_or_default();
    let said = match shown(name) {
        Some(name) if parameters.iter().any(|p| p.name == base) => format!("{name}: no such modifier or chain here"),
        Some(name) => format!("{name}: no such parameter here"),
        None => "no such parameter here".to_owned(),
    };
    let offered: Vec<_> = parameters.iter().map(|p| p.name).collect();
    QueryFault::bad(NotSupported, format!("{said}; there are {}", offered.join(", "))).at(name)
}

fn alternatives(value: &str) -> Result<Vec<&str>, QueryFault> {
    let values: Vec<_> = value.split(',').collect();
    if values.len() > MAX_ALTERNATIVES {
        return Err(QueryFault::bad(TooCostly, "a parameter may offer 100 alternatives"));
    }
    Ok(values)
}

fn tests(value: &str) -> Result<Vec<DateTest>, QueryFault> {
    let read = |text: &str| {
        // the commonest mistake with zones deserves to be told
        let hint = if text.contains(' ') { "; in a URL, + is written %2B" } else { "" };
        DateTest::parse(text).map_err(|e| QueryFault::bad(Value, format!("{e}{hint}")))
    };
    let mut tests = alternatives(value)?.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    tests.sort_by_cached_key(ToString::to_string);
    tests.dedup();
    Ok(tests)
}

fn ids(value: &str) -> Result<Vec<String>, QueryFault> {
    let mut ids = alternatives(value)?;
    if !ids.iter().all(|id| is_id(id)) {
        return Err(QueryFault::bad(Value, "an id is 1 to 64 letters, digits, - and ."));
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids.into_iter().map(str::to_owned).collect())
}

fn sort(value: &str, by_date: bool) -> Result<Sort, QueryFault> {
    let offered = if by_date { "date, -date, _lastUpdated or -_lastUpdated" } else { "_lastUpdated or -_lastUpdated" };
    Sort::parse(value)
        .filter(|sort| by_date || sort.key != SortKey::Date)
        .ok_or_else(|| QueryFault::bad(NotSupported, format!("_sort is one of {offered}")))
}

fn code(value: &str, codes: &[&'static str]) -> Result<&'static str, QueryFault> {
    let known = codes.iter().find(|code| **code == value).copied();
    known.ok_or_else(|| QueryFault::bad(Value, format!("one of {}", codes.join(", "))))
}

fn count(value: &str, size: PageSize) -> Result<u32, QueryFault> {
    let digits = value.bytes().all(|b| b.is_ascii_digit()) && !value.starts_with('0');
    let count = value.parse().ok().filter(|c: &u64| digits && *c <= MAX_COUNT);
    let count = count.ok_or_else(|| QueryFault::bad(Value, "_count is a whole number from 1 to 2147483647"))?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX).min(size.maximum))
}
