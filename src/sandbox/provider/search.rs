//! Search by patient, identifier, id and filters, page by page. <https://hl7.org/fhir/R4/search.html>

use super::bundle::{Entry, Page};
use super::fault::{self, Fault};
use super::filter::{self, Filter};
use super::interaction::Problem;
use crate::sandbox::data::{ProviderData, Resource};
use data_encoding::BASE64URL_NOPAD;
use std::borrow::Cow;
use url::form_urlencoded;

const USUAL_COUNT: usize = 50;
const LARGEST_COUNT: usize = 200;

/// A search, and how far into its result.
pub struct Query {
    pub kind: String,
    /// The parameters this server knows, as given: what the self link says.
    used: Vec<(String, String)>,
    count: usize,
    offset: usize,
    further: bool,
}

/// One condition, its alternatives already resolved against what the provider holds.
enum Criterion {
    Id(Vec<String>),
    Identifier(Vec<(Option<String>, String)>),
    /// Local ids of Patients.
    Patient(Vec<String>),
    Filter(Filter),
}

impl Query {
    pub fn parse(kind: &str, sources: [&[u8]; 2]) -> Result<Self, Problem> {
        let given = sources.into_iter().flat_map(form_urlencoded::parse).map(|(k, v)| (k.into_owned(), v.into_owned()));
        let used: Vec<(String, String)> = given.filter(|(name, _)| is_known(kind, name)).collect();
        if used.iter().any(|(name, value)| matches!(Filter::parse(kind, name, value), Some(None))) {
            return Err(Problem::bad_value());
        }
        let count = match used.iter().rfind(|(name, _)| name == "_count") {
            Some((_, text)) => text.parse::<usize>().map_err(|_| Problem::bad_value())?.min(LARGEST_COUNT),
            None => USUAL_COUNT,
        };
        Ok(Self { kind: kind.to_owned(), used, count, offset: 0, further: false })
    }

    /// The further page that `_page=` stands for. The token is opaque to clients; here it is the query itself.
    pub fn of_page(query: &str) -> Result<Self, Problem> {
        let token = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "_page").map(|(_, token)| token);
        let page = || {
            let bytes = BASE64URL_NOPAD.decode(token?.as_bytes()).ok()?;
            let text = String::from_utf8(bytes).ok()?;
            let (offset, rest) = text.split_once(' ')?;
            let (kind, parameters) = rest.split_once('?')?;
            Some(Self {
                offset: offset.parse().ok()?,
                further: true,
                ..Self::parse(kind, [parameters.as_bytes(), &[]]).ok()?
            })
        };
        page().ok_or(Problem::bad_page())
    }

    pub fn is_further_page(&self) -> bool {
        self.further
    }

    pub fn is_filtered(&self) -> bool {
        self.used.iter().any(|(name, _)| filter::parameters(&self.kind).any(|(known, _)| known == name))
    }

    fn token(&self, offset: usize) -> String {
        BASE64URL_NOPAD.encode(format!("{offset} {}?{}", self.kind, self.parameters()).as_bytes())
    }

    fn parameters(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.used).finish()
    }

    fn criteria(&self, data: &ProviderData) -> Vec<Criterion> {
        self.used.iter().filter_map(|(name, value)| criterion(&self.kind, name, value, data)).collect()
    }
}

/// One page of the query's result, with whatever the fault does to a result.
pub fn run<'d>(query: &Query, data: &'d ProviderData, base: &str, fault: &Fault) -> Page<'d> {
    let mut criteria = query.criteria(data);
    if fault.asks_of_another(&query.kind) {
        criteria.iter_mut().for_each(|criterion| another_patient(criterion, &query.kind, data));
    }
    let found: Vec<&Resource> =
        data.of_type(&query.kind).iter().filter(|one| criteria.iter().all(|c| c.holds(one))).collect();
    let start = if *fault == Fault::Endless { query.offset % found.len().max(1) } else { query.offset };
    let entry = |resource: &&'d Resource| Entry::found(base, &query.kind, &resource.id, Cow::Borrowed(&*resource.json));
    let mut page = Page {
        total: found.len(),
        itself: if query.further {
            format!("{base}?_page={}", query.token(query.offset))
        } else {
            format!("{base}/{}?{}", query.kind, query.parameters()).trim_end_matches('?').to_owned()
        },
        next: None,
        entries: found.iter().skip(start).take(query.count).map(entry).collect(),
    };
    let end = query.offset.saturating_add(page.entries.len());
    let more = query.count > 0 && end < found.len();
    let link = |offset| format!("{base}?_page={}", query.token(offset));
    page.next = fault.next_link(
        more.then(|| link(end)),
        || link(query.offset),
        || link(query.offset.saturating_add(query.count)),
    );
    fault::entries(&mut page.entries, &query.kind, data, fault);
    page
}

fn is_known(kind: &str, name: &str) -> bool {
    match name {
        "_id" | "_count" | "identifier" => true,
        "patient" | "subject" | "patient.identifier" | "patient:identifier" | "subject.identifier"
        | "subject:identifier" => kind != "Patient",
        _ => filter::parameters(kind).any(|(known, _)| known == name),
    }
}

fn criterion(kind: &str, name: &str, value: &str, data: &ProviderData) -> Option<Criterion> {
    if let Some(filter) = Filter::parse(kind, name, value) {
        return filter.map(Criterion::Filter);
    }
    let alternatives = value.split(',');
    Some(match name {
        "_count" => return None,
        "_id" => Criterion::Id(alternatives.map(str::to_owned).collect()),
        "identifier" => Criterion::Identifier(alternatives.map(token).collect()),
        // ID, Patient/ID or an absolute URL
        "patient" | "subject" => Criterion::Patient(alternatives.map(last_segment).collect()),
        _ => {
            let locals = alternatives.map(token).flat_map(|(system, value)| {
                data.local_patients(system.as_deref(), &value).into_iter().map(str::to_owned)
            });
            Criterion::Patient(locals.collect())
        }
    })
}

/// `system|value`, `|value` (no system) or `value` (any system).
fn token(text: &str) -> (Option<String>, String) {
    match text.split_once('|') {
        Some((system, value)) => (Some(system.to_owned()), value.to_owned()),
        None => (None, text.to_owned()),
    }
}

fn last_segment(reference: &str) -> String {
    reference.rsplit('/').next().unwrap_or_default().to_owned()
}

impl Criterion {
    fn holds(&self, resource: &Resource) -> bool {
        match self {
            Self::Id(ids) => ids.contains(&resource.id),
            Self::Identifier(any) => {
                any.iter().any(|(system, value)| resource.has_identifier(system.as_deref(), value))
            }
            Self::Patient(ids) => resource.patients.iter().any(|id| ids.contains(id)),
            Self::Filter(filter) => filter.holds(resource),
        }
    }
}

/// Turns "this patient" into somebody else here, by preference one of whom there is something to show.
fn another_patient(criterion: &mut Criterion, kind: &str, data: &ProviderData) {
    match criterion {
        Criterion::Patient(ids) => {
            let of_others =
                data.of_type(kind).iter().flat_map(|resource| &resource.patients).find(|id| !ids.contains(id));
            *ids = of_others.into_iter().cloned().collect();
        }
        Criterion::Identifier(any) => {
            let known =
                |patient: &Resource| any.iter().any(|(system, value)| patient.has_identifier(system.as_deref(), value));
            let other = data.of_type(kind).iter().find(|patient| !known(patient));
            *criterion = Criterion::Id(other.into_iter().map(|patient| patient.id.clone()).collect());
        }
        Criterion::Id(_) | Criterion::Filter(_) => {}
    }
}
