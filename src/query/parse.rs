use super::ask::{Ask, ConsentAsk, LogAsk, Read, Search, Sort, SortKey, What};
use super::fields::Fields;
use super::filter::Filter;
use super::form::{self, Pair};
use super::grammar::{self, Link};
use super::{Method, QueryFault, RawQuery, Setting, media};
use crate::domain::EntryId;
use crate::fhir::ResourceType;
use crate::fhir::outcome::IssueCode::{NotSupported, Structure};

/// Reads a request on the record: `[type]?...`, `[type]/_search` or `[type]/[id]`. Whatever else there is under the base
/// (operations, Consent, AuditEvent, metadata) is routed before this.
pub fn parse(request: &RawQuery<'_>, setting: &Setting<'_>) -> Result<Ask, QueryFault> {
    let (resource_type, read) = route(request)?;
    let pairs = pairs(request)?;
    match read {
        Some(id) => parse_read(resource_type, id, &pairs, request, setting),
        None => parse_search(resource_type, &pairs, request, setting),
    }
}

/// Reads a search of the access log; the path has been seen to lead there.
pub fn parse_log(request: &RawQuery<'_>, setting: &Setting<'_>) -> Result<LogAsk, QueryFault> {
    let mut fields = Fields::read(&pairs(request)?, grammar::log_parameters(), false, setting)?;
    media::json_wanted(fields.format.as_deref(), request.accept)?;
    let patient = fields.patient("patient=ID or patient.identifier=SYSTEM|NUMBER")?;
    Ok(LogAsk::new(patient, fields.dates, fields.count.unwrap_or(setting.page_size.default), fields.page))
}

/// Reads a search of objections.
pub fn parse_consents(request: &RawQuery<'_>, setting: &Setting<'_>) -> Result<ConsentAsk, QueryFault> {
    let mut fields = Fields::read(&pairs(request)?, grammar::consent_parameters(), false, setting)?;
    media::json_wanted(fields.format.as_deref(), request.accept)?;
    let patient = fields.patient("patient=ID or patient.identifier=SYSTEM|NUMBER")?;
    Ok(ConsentAsk::new(patient))
}

/// Reads what may follow the `?` of a read whose path has been seen to lead to an objection: no more than of any read.
pub fn parse_own_read(request: &RawQuery<'_>, setting: &Setting<'_>) -> Result<(), QueryFault> {
    let fields = Fields::read(&pairs(request)?, grammar::read_parameters(), false, setting)?;
    media::json_wanted(fields.format.as_deref(), request.accept)
}

fn parse_search(
    resource_type: ResourceType,
    pairs: &[Pair],
    request: &RawQuery<'_>,
    setting: &Setting<'_>,
) -> Result<Ask, QueryFault> {
    if resource_type.is_target() {
        let said =
            format!("{resource_type} is not searched: it comes with what refers to it, by _include, or is read by id");
        return Err(QueryFault::bad(NotSupported, said));
    }
    let rule = grammar::rule(resource_type);
    let dated = rule.primary_date().is_some();
    let mut fields = Fields::read(pairs, rule.parameters(), dated, setting)?;
    media::json_wanted(fields.format.as_deref(), request.accept)?;
    let patient = fields.patient(match rule.link {
        Link::Itself => "identifier=SYSTEM|NUMBER",
        _ => "patient=ID or patient.identifier=SYSTEM|NUMBER",
    })?;
    let view = fields.view()?;
    let latest_first = Sort { key: if dated { SortKey::Date } else { SortKey::LastUpdated }, descending: true };
    let dates = fields.dates.into_iter().map(Filter::Date);
    let tokens = fields.tokens.into_iter().map(Filter::Token);
    let search = Search {
        resource_type,
        filters: fields.ids.map(Filter::Id).into_iter().chain(dates).chain(tokens).collect(),
        include: fields.include,
        with_provenance: fields.with_provenance,
        total: fields.total,
        view,
        sort: fields.sort.unwrap_or(latest_first),
        count: fields.count.unwrap_or(setting.page_size.default),
        page: fields.page,
    };
    Ok(Ask { patient: patient.number, what: What::Search(search), id: patient.id })
}

fn parse_read(
    resource_type: ResourceType,
    id: &str,
    pairs: &[Pair],
    request: &RawQuery<'_>,
    setting: &Setting<'_>,
) -> Result<Ask, QueryFault> {
    let fields = Fields::read(pairs, grammar::read_parameters(), false, setting)?;
    media::json_wanted(fields.format.as_deref(), request.accept)?;
    Ok(read(resource_type, id, setting))
}

pub(super) fn read(resource_type: ResourceType, id: &str, setting: &Setting<'_>) -> Ask {
    let opened = setting.ids.open(id);
    let patient = match &opened {
        Some(EntryId::Patient(number)) => Some(*number),
        Some(EntryId::Entry(entry)) => Some(entry.patient),
        Some(EntryId::Document(document)) => Some(document.patient),
        Some(EntryId::Long(_)) | None => None,
    };
    Ask { patient, what: What::Read(Read { resource_type, id: opened }), id: form::segment(id) }
}

pub(super) fn nothing() -> QueryFault {
    QueryFault::new(404, NotSupported, "there is nothing here: see the CapabilityStatement at metadata")
}

/// The type, and the id where one resource is asked for. Nothing in a path is ever decoded: no type and no id of ours needs
/// an escape, so what has one is another type or no id of ours.
fn route<'a>(request: &RawQuery<'a>) -> Result<(ResourceType, Option<&'a str>), QueryFault> {
    let other = |allow| QueryFault::new(405, NotSupported, "this path has another method").allow(allow);
    let (name, rest) = request.path.split_first().ok_or_else(nothing)?;
    let resource_type = ResourceType::parse(name).ok_or_else(nothing)?;
    match (request.method, rest) {
        (Method::Get, []) | (Method::Post, ["_search"]) => Ok((resource_type, None)),
        (Method::Post, []) => Err(other("GET")),
        (Method::Get, ["_search"]) => Err(other("POST")),
        (_, [id]) if id.is_empty() || id.starts_with(['_', '$']) => Err(nothing()),
        (Method::Get, [id]) => Ok((resource_type, Some(*id))),
        (Method::Post, [_]) => Err(other("GET")),
        _ => Err(nothing()),
    }
}

pub(super) fn pairs(request: &RawQuery<'_>) -> Result<Vec<Pair>, QueryFault> {
    if !request.body.is_empty() {
        if request.method == Method::Get {
            return Err(QueryFault::bad(
                Structure,
                "a GET has no body: send parameters in the URL, or POST to _search",
            ));
        }
        if !request.content_type.is_some_and(media::is_form) {
            let said = "a search's body is application/x-www-form-urlencoded, in UTF-8";
            return Err(QueryFault::new(415, NotSupported, said));
        }
    }
    form::pairs(request.query, request.body)
}
