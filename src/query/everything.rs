//! All of a patient's record (<https://hl7.org/fhir/R4/patient-operation-everything.html>), and its summary
//! (<https://build.fhir.org/ig/HL7/fhir-ips/OperationDefinition-summary.html>).

use super::{
    Ask, QueryFault, RawQuery, Setting, What,
    fields::Fields,
    grammar, media,
    parse::pairs,
    patient::{self, Named},
};
use crate::fhir::{
    ResourceType,
    date::{FhirDate, Interval},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Everything {
    /// In the order of [`ResourceType::RECORDS`], none twice; all of them where none is named.
    pub types: Vec<ResourceType>,
    pub start: Option<Moment>,
    pub end: Option<Moment>,
    /// Only what was changed after this.
    pub since: Option<Moment>,
    /// Entries a page, 1 to the maximum.
    pub count: u32,
    /// A page token, unopened.
    pub page: Option<String>,
}

/// A date as it was written: how precise it is matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    pub date: FhirDate,
    pub(super) text: String,
}

impl Everything {
    /// Whether care at this time is asked for. What has no date is: an allergy nobody dated is not to be missed.
    pub fn covers(&self, time: Option<Interval>) -> bool {
        let Some(time) = time else { return true };
        let started = self.start.as_ref().is_none_or(|start| time.end() > start.date.interval.start());
        started && self.end.as_ref().is_none_or(|end| time.start() < end.date.interval.end())
    }

    /// Whether what was last updated then is asked for. What does not say is, where it was asked since when.
    pub fn is_since(&self, last_updated: Option<Interval>) -> bool {
        let Some(since) = &self.since else { return true };
        last_updated.is_none_or(|updated| updated.end() > since.date.interval.end())
    }

    pub(super) fn parameters(&self) -> Vec<(&'static str, String)> {
        let moments = [("start", &self.start), ("end", &self.end), ("_since", &self.since)];
        let mut all: Vec<_> =
            moments.into_iter().filter_map(|(name, said)| Some((name, said.as_ref()?.text.clone()))).collect();
        if self.types != ResourceType::RECORDS {
            let names: Vec<_> = self.types.iter().map(|t| t.as_str()).collect();
            all.push(("_type", names.join(",")));
        }
        all
    }
}

/// Reads `Patient/[id]/$everything`; the path has been seen to lead there.
pub fn parse_everything(request: &RawQuery<'_>, id: &str, setting: &Setting<'_>) -> Result<Ask, QueryFault> {
    let fields = Fields::read(&pairs(request)?, grammar::everything_parameters(), false, setting)?;
    media::json_wanted(fields.format.as_deref(), request.accept)?;
    let Named { number, id } = patient::by_path(id, setting);
    let everything = Everything {
        types: fields.types.unwrap_or_else(|| ResourceType::RECORDS.to_vec()),
        start: fields.start,
        end: fields.end,
        since: fields.since,
        count: fields.count.unwrap_or(setting.page_size.default),
        page: fields.page,
    };
    Ok(Ask { patient: number, what: What::Everything(everything), id })
}

/// Reads `Patient/[id]/$summary`; the path has been seen to lead there.
pub fn parse_summary(request: &RawQuery<'_>, id: &str, setting: &Setting<'_>) -> Result<Ask, QueryFault> {
    let fields = Fields::read(&pairs(request)?, grammar::read_parameters(), false, setting)?;
    media::json_wanted(fields.format.as_deref(), request.accept)?;
    let Named { number, id } = patient::by_path(id, setting);
    Ok(Ask { patient: number, what: What::Summary, id })
}
