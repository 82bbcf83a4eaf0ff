use super::form::encode;
use super::patient::Named;
use crate::domain::{EntryId, NhsNumber};
use crate::fhir::ResourceType;
use crate::fhir::date::{DateTest, Interval};
use std::fmt::Write as _;

/// One interaction on one patient's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// `None`: the id presented is none of ours (uniform refusal), or, in a read, one whose row must be looked up first
    /// ([`EntryId::Long`]).
    pub patient: Option<NhsNumber>,
    pub what: What,
    /// The patient's id in a search; the resource's in a read, as a path spells it.
    pub(super) id: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Search(Search),
    Read(Read),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    pub resource_type: ResourceType,
    /// All must pass.
    pub filters: Vec<Filter>,
    pub sort: Sort,
    /// Entries a page, 1 to the maximum.
    pub count: u32,
    /// A page token, unopened.
    pub page: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    pub resource_type: ResourceType,
    /// `None`: no id of ours.
    pub id: Option<EntryId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    Date(DateFilter),
    /// The entry's id, as this gateway writes it, is one of these: sorted, none twice. Compared as text, never opened.
    Id(Vec<String>),
}

/// One date parameter: any of its tests must pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateFilter {
    pub parameter: &'static str,
    /// The elements it reads (see [`super::grammar`]).
    pub paths: &'static [&'static str],
    pub any: Vec<DateTest>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    pub key: SortKey,
    pub descending: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKey {
    /// The type's primary date.
    Date,
    LastUpdated,
}

/// A search of the access log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogAsk {
    pub patient: Option<NhsNumber>,
    /// All must pass.
    pub dates: Vec<DateFilter>,
    pub count: u32,
    pub page: Option<String>,
    pub(super) id: String,
}

/// A search of the patient's objections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentAsk {
    pub patient: Option<NhsNumber>,
    id: String,
}

impl ConsentAsk {
    pub fn canonical(&self) -> String {
        format!("Consent?patient={}", encode(&self.id))
    }

    pub(super) fn new(named: Named) -> Self {
        Self { patient: named.number, id: named.id }
    }
}

impl DateFilter {
    /// Whether an element with these values passes: one of them does.
    pub fn passes(&self, values: &[Interval]) -> bool {
        values.iter().any(|value| self.any.iter().any(|test| test.matches(*value)))
    }
}

impl Ask {
    pub fn resource_type(&self) -> ResourceType {
        match &self.what {
            What::Search(search) => search.resource_type,
            What::Read(read) => read.resource_type,
        }
    }

    /// The one spelling of everything that asks this, relative to the base, but for the page: what the audit says and caches
    /// and page tokens are keyed by.
    pub fn canonical(&self) -> String {
        self.link(None)
    }

    /// The same with a page's token: a self or next link.
    pub fn link(&self, page: Option<&str>) -> String {
        let resource_type = self.resource_type();
        let search = match &self.what {
            What::Read(_) => return format!("{resource_type}/{}", self.id),
            What::Search(search) => search,
        };
        let mut text = match (resource_type, self.patient) {
            (ResourceType::Patient, Some(number)) => {
                format!("Patient?identifier={}", encode(&format!("{}|{}", NhsNumber::SYSTEM, number.digits())))
            }
            _ => format!("{resource_type}?patient={}", encode(&self.id)),
        };
        for filter in &search.filters {
            match filter {
                Filter::Date(date) => date.print(&mut text),
                Filter::Id(ids) => put(&mut text, "_id", &ids.join(",")),
            }
        }
        put(&mut text, "_sort", search.sort.as_str());
        finish(text, search.count, page)
    }
}

impl LogAsk {
    /// As [`Ask::canonical`].
    pub fn canonical(&self) -> String {
        self.link(None)
    }

    pub fn link(&self, page: Option<&str>) -> String {
        let mut text = format!("AuditEvent?patient={}", encode(&self.id));
        self.dates.iter().for_each(|date| date.print(&mut text));
        finish(text, self.count, page)
    }

    pub(super) fn new(named: Named, dates: Vec<DateFilter>, count: u32, page: Option<String>) -> Self {
        Self { patient: named.number, dates, count, page, id: named.id }
    }
}

impl Sort {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (descending, name) = text.strip_prefix('-').map_or((false, text), |name| (true, name));
        let key = match name {
            "date" => SortKey::Date,
            "_lastUpdated" => SortKey::LastUpdated,
            _ => return None,
        };
        Some(Self { key, descending })
    }

    fn as_str(self) -> &'static str {
        match (self.key, self.descending) {
            (SortKey::Date, false) => "date",
            (SortKey::Date, true) => "-date",
            (SortKey::LastUpdated, false) => "_lastUpdated",
            (SortKey::LastUpdated, true) => "-_lastUpdated",
        }
    }
}

impl DateFilter {
    /// The tests as one value, by which filters are ordered too.
    pub(super) fn value(&self) -> String {
        self.any.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    }

    fn print(&self, text: &mut String) {
        put(text, self.parameter, &self.value());
    }
}

fn finish(mut text: String, count: u32, page: Option<&str>) -> String {
    put(&mut text, "_count", &count.to_string());
    if let Some(page) = page {
        put(&mut text, "page", page);
    }
    text
}

fn put(text: &mut String, name: &str, value: &str) {
    // writing to a String cannot fail
    let _ = write!(text, "&{name}={}", encode(value));
}
