use super::Setting;
use super::ask::Sort;
use super::everything::Moment;
use super::fault::{QueryFault, shown};
use super::filter::{DateFilter, TokenFilter};
use super::form::Pair;
use super::grammar::{Kind, Parameter};
use super::patient::{self, Named};
use super::results::{Include, Total, View};
use super::values;
use crate::domain::OdsCode;
use crate::fhir::ResourceType;
use crate::fhir::outcome::IssueCode::{Invariant, NotSupported, Required, Value};

/// The parameters of one request, each read by its kind.
#[derive(Default)]
pub struct Fields {
    patient: Option<Named>,
    pub dates: Vec<DateFilter>,
    pub tokens: Vec<TokenFilter>,
    pub ids: Option<Vec<String>>,
    pub include: Vec<Include>,
    pub with_provenance: bool,
    pub total: Total,
    summary: Option<View>,
    elements: Option<View>,
    pub sort: Option<Sort>,
    pub count: Option<u32>,
    pub page: Option<String>,
    pub code: Option<&'static str>,
    pub organisation: Option<OdsCode>,
    pub name: Option<String>,
    pub with_endpoints: bool,
    pub start: Option<Moment>,
    pub end: Option<Moment>,
    pub since: Option<Moment>,
    pub types: Option<Vec<ResourceType>>,
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
            let repeats = matches!(known.kind, Kind::Date(_) | Kind::Include(_));
            let earlier = pairs.iter().take(at).filter(|e| e.name == pair.name);
            if earlier.into_iter().any(|e| !repeats || e.body != pair.body) {
                let said = "only date parameters and _include may be repeated, and nothing may stand both in the URL and \
                            in the body";
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
        fields.tokens.sort_by_key(|token| token.parameter);
        Include::sort(&mut fields.include);
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
            Kind::Patient => self.person(patient::by_reference(value, setting)?)?,
            Kind::NhsNumber => self.person(patient::by_nhs_number(value, setting)?)?,
            Kind::Id => self.ids = Some(values::ids(value)?),
            Kind::Date(paths) => {
                self.dates.push(DateFilter { parameter: known.name, paths, any: values::dates(value)? });
            }
            Kind::Token(..) => {
                self.tokens.push(TokenFilter { parameter: known.name, any: values::tokens(value)? });
            }
            Kind::Code(codes) => self.code = Some(values::code(value, codes)?),
            Kind::Include(resource_type) => self.include.push(values::include(value, resource_type)?),
            Kind::RevInclude => self.with_provenance = values::rev_include(value).map(|()| true)?,
            Kind::Organisation => self.of(values::organisation(value)?)?,
            Kind::OrganisationReference => self.of(values::organisation_reference(value, setting)?)?,
            Kind::Name => self.name = Some(values::name(value)?),
            Kind::WithEndpoints => self.with_endpoints = values::with_endpoints(value).map(|()| true)?,
            Kind::Total => self.total = values::total(value)?,
            Kind::Summary => self.summary = Some(values::summary(value)?),
            Kind::Elements => self.elements = Some(values::elements(value)?),
            Kind::Sort => self.sort = Some(values::sort(value, sortable)?),
            Kind::Count => self.count = Some(values::count(value, setting.page_size)?),
            Kind::Start => self.start = Some(values::day(value)?),
            Kind::End => self.end = Some(values::day(value)?),
            Kind::Since => self.since = Some(values::instant(value)?),
            Kind::Types => self.types = Some(values::types(value)?),
            Kind::Page => self.page = Some(value.to_owned()),
            Kind::Format => self.format = Some(value.to_owned()),
            Kind::Pretty if ["true", "false"].contains(&value) => {}
            Kind::Pretty => return Err(QueryFault::bad(Value, "_pretty is true or false")),
        }
        Ok(())
    }

    fn of(&mut self, organisation: OdsCode) -> Result<(), QueryFault> {
        match self.organisation.replace(organisation) {
            None => Ok(()),
            Some(_) => Err(QueryFault::bad(Invariant, "an organisation is named once")),
        }
    }

    /// Two names are refused even where they name the same patient: which was meant is not for us to choose.
    fn person(&mut self, named: Named) -> Result<(), QueryFault> {
        match self.patient.replace(named) {
            None => Ok(()),
            Some(_) => Err(patient::one_patient()),
        }
    }

    pub fn patient(&mut self, how: &'static str) -> Result<Named, QueryFault> {
        let missing = || QueryFault::bad(Required, format!("a search names one patient: {how}"));
        self.patient.take().ok_or_else(missing)
    }

    /// How much of each resource is wanted, where that is said in one way.
    pub fn view(&mut self) -> Result<View, QueryFault> {
        let fault = |said, name: &str| Err(QueryFault::bad(Invariant, said).at(name));
        match (self.summary.take(), self.elements.take()) {
            (None | Some(View::Whole), elements) => Ok(elements.unwrap_or_default()),
            (Some(_), Some(_)) => fault("_elements is said where _summary says something else", "_elements"),
            // <https://hl7.org/fhir/R4/search.html#summary>
            (Some(View::Text), None) if self.with_provenance || !self.include.is_empty() => {
                fault("nothing is included where _summary=text", "_summary")
            }
            (Some(summary), None) => Ok(summary),
        }
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
