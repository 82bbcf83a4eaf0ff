//! `Patient/$explain-access?identifier=SYSTEM|NUMBER[&type=][&user=&role=]`, or `?request=X-REQUEST-ID` of a request past.

use super::{
    QueryFault, RawQuery, Setting,
    form::{Pair, encode},
    media, parse, patient,
};
use crate::{
    domain::{NhsNumber, RequestId},
    fhir::{
        ResourceType,
        outcome::IssueCode::{Invariant, NotSupported, Required, Value},
    },
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExplainAsk {
    /// What would be answered to a search of this type now.
    Now { patient: NhsNumber, resource_type: ResourceType, colleague: Option<Colleague> },
    /// What was answered then.
    Past { request: RequestId },
}

/// A colleague, in a job role of theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Colleague {
    /// sds-user-id.
    pub user: String,
    pub role: String,
}

const NAMES: [&str; 7] = ["identifier", "type", "user", "role", "request", "_format", "_pretty"];

/// Reads what follows the operation's `?`; the path has been seen to lead there.
pub fn parse_explain(request: &RawQuery<'_>, setting: &Setting<'_>) -> Result<ExplainAsk, QueryFault> {
    let given = Given(parse::pairs(request)?);
    given.check()?;
    media::json_wanted(given.value("_format"), request.accept)?;
    let others = ["identifier", "type", "user", "role"];
    if let Some(text) = given.value("request") {
        if others.iter().any(|name| given.value(name).is_some()) {
            let said = "a past request says itself whom and what it was about: give request alone";
            return Err(QueryFault::bad(Invariant, said).at("request"));
        }
        let id = RequestId::parse(text).ok_or_else(|| fault("request", "an X-Request-ID is a UUID"))?;
        return Ok(ExplainAsk::Past { request: id });
    }
    let missing = || QueryFault::bad(Required, "name one patient, identifier=SYSTEM|NUMBER, or a request past");
    let named = patient::by_nhs_number(given.value("identifier").ok_or_else(missing)?, setting);
    let patient = named.map_err(|fault| fault.at("identifier"))?.number.ok_or_else(missing)?;
    let resource_type = match given.value("type") {
        None => ResourceType::Patient,
        Some(name) => ResourceType::parse(name).ok_or_else(|| fault("type", "no type of the record"))?,
    };
    let colleague = match (given.value("user"), given.value("role")) {
        (None, None) => None,
        (Some(user), Some(role)) => Some(Colleague::new(user, role)?),
        _ => return Err(QueryFault::bad(Required, "a colleague is named by user and role")),
    };
    Ok(ExplainAsk::Now { patient, resource_type, colleague })
}

struct Given(Vec<Pair>);

impl Given {
    /// Each parameter is one of these, there once, with a value.
    fn check(&self) -> Result<(), QueryFault> {
        for (at, pair) in self.0.iter().enumerate() {
            if !NAMES.contains(&pair.name.as_str()) {
                let said = format!("no such parameter here; there are {}", NAMES.join(", "));
                return Err(QueryFault::bad(NotSupported, said).at(&pair.name));
            }
            if self.0.iter().take(at).any(|earlier| earlier.name == pair.name) {
                return Err(QueryFault::bad(Invariant, "no parameter may be repeated here").at(&pair.name));
            }
            if pair.value.is_empty() || (pair.name == "_pretty" && !["true", "false"].contains(&pair.value.as_str())) {
                return Err(fault(&pair.name, "the parameter has no value, or one it cannot have"));
            }
        }
        Ok(())
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|pair| pair.name == name).map(|pair| pair.value.as_str())
    }
}

impl Colleague {
    fn new(user: &str, role: &str) -> Result<Self, QueryFault> {
        let plain = |text: &str| text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let job_role =
            |text: &str| text.strip_prefix('R').is_some_and(|n| n.len() == 4 && n.bytes().all(|b| b.is_ascii_digit()));
        if !plain(user) {
            return Err(fault("user", "an sds-user-id is letters and digits"));
        }
        if !job_role(role) {
            return Err(fault("role", "a job role is R and four digits, such as R0260"));
        }
        Ok(Self { user: user.to_owned(), role: role.to_owned() })
    }
}

impl ExplainAsk {
    /// The one spelling of everything that asks this, as the audit says it.
    pub fn canonical(&self) -> String {
        match self {
            Self::Past { request } => format!("Patient/$explain-access?request={request}"),
            Self::Now { patient, resource_type, colleague } => {
                let identifier = encode(&format!("{}|{}", NhsNumber::SYSTEM, patient.digits()));
                let about = colleague.as_ref().map(|Colleague { user, role }| format!("&user={user}&role={role}"));
                format!(
                    "Patient/$explain-access?identifier={identifier}&type={resource_type}{}",
                    about.unwrap_or_default()
                )
            }
        }
    }
}

fn fault(name: &str, said: &'static str) -> QueryFault {
    QueryFault::bad(Value, said).at(name)
}
