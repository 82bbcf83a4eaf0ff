use super::everything::Everything;
use super::filter::{DateFilter, Filter};
use super::form::encode;
use super::patient::Named;
use super::results::{Include, Total, View};
use crate::domain::{EntryId, NhsNumber};
use crate::fhir::ResourceType;
use std::fmt::Write as _;

/// One interaction on one patient's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// `None`: the id presented is none of ours (uniform refusal), or, in a read, one whose row must be looked up first
    /// ([`EntryId::Long`]).
    pub patient: Option<NhsNumber>,
    pub what: What,
    /// The patient's id; in a read, the resource's. In a path, as that spells it.
    pub(super) id: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Search(Search),
    Read(Read),
    /// `Patient/[id]/$everything`.
    Everything(Everything),
    /// `Patient/[id]/$summary`.
    Summary,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    pub resource_type: ResourceType,
    /// All must pass.
    pub filters: Vec<Filter>,
    /// What comes along with the matches: sorted, none twice.
    pub include: Vec<Include>,
    /// `_revinclude=Provenance:target`: what says where the matches come from comes along.
    pub with_provenance: bool,
    pub total: Total,
    pub view: View,
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

impl Ask {
    pub fn resource_type(&self) -> ResourceType {
        match &self.what {
            What::Search(search) => search.resource_type,
            What::Read(read) => read.resource_type,
            What::Everything(_) | What::Summary => ResourceType::Patient,
        }
    }

    /// The one spelling of everything that asks this, relative to the base, but for the page: what the audit says and caches
    /// and page tokens are keyed by.
    pub fn canonical(&self) -> String {
        self.link(None)
    }

    /// The same with a page's token: a self or next link.
    pub fn link(&self, page: Option<&str>) -> String {
        let search = match &self.what {
            What::Read(read) => return format!("{}/{}", read.resource_type, self.id),
            What::Summary => return format!("Patient/{}/$summary", self.id),
            What::Everything(everything) => {
                let url = Url::new(format!("Patient/{}/$everything", self.id));
                return url.with(everything.parameters()).page(everything.count, page);
            }
            What::Search(search) => search,
        };
        let resource_type = search.resource_type;
        let patient = match (resource_type, self.patient) {
            (ResourceType::Patient, Some(number)) => {
                ("identifier", format!("{}|{}", NhsNumber::SYSTEM, number.digits()))
            }
            _ => ("patient", self.id.clone()),
        };
        Url::new(resource_type.to_string()).with([patient]).with(search.parameters()).page(search.count, page)
    }
}

impl Search {
    /// In canonical order, but for the page's.
    fn parameters(&self) -> Vec<(&'static str, String)> {
        let mut all: Vec<_> = self.filters.iter().map(Filter::print).collect();
        all.extend(self.include.iter().map(|include| ("_include", include.value(self.resource_type))));
        all.extend(self.with_provenance.then(|| ("_revinclude", "Provenance:target".to_owned())));
        all.extend(self.total.value().map(|total| ("_total", total.to_owned())));
        all.extend(self.view.print());
        all.push(("_sort", self.sort.as_str().to_owned()));
        all
    }
}

impl LogAsk {
    /// As [`Ask::canonical`].
    pub fn canonical(&self) -> String {
        self.link(None)
    }

    pub fn link(&self, page: Option<&str>) -> String {
        let dates = self.dates.iter().map(|date| (date.parameter, date.value()));
        Url::new("AuditEvent".to_owned()).with([("patient", self.id.clone())]).with(dates).page(self.count, page)
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

/// A canonical URL, relative to the base, as it grows.
struct Url {
    text: String,
    asked: bool,
}

impl Url {
    fn new(path: String) -> Self {
        Self { text: path, asked: false }
    }

    fn with(mut self, parameters: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        for (name, value) in parameters {
            let mark = if self.asked { '&' } else { '?' };
            // writing to a String cannot fail
            let _ = write!(self.text, "{mark}{name}={}", encode(&value));
            self.asked = true;
        }
        self
    }

    /// How many a page, and which: always last.
    fn page(self, count: u32, page: Option<&str>) -> String {
        let page = page.map(|page| ("page", page.to_owned()));
        self.with([("_count", count.to_string())]).with(page).text
    }
}
