use super::fields::Fields;
use super::parse::pairs;
use super::{QueryFault, RawQuery, Setting, form, grammar, media};
use crate::domain::OdsCode;

/// A search of the registry: of organisations, or of their endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryAsk {
    resource_type: &'static str,
    pub organisation: Option<OdsCode>,
    /// What its name begins with, in any case.
    pub name: Option<String>,
    /// Of an organisation `true` or `false`, whether it is active; of an endpoint its status.
    pub status: Option<&'static str>,
    /// Each organisation's endpoint with it.
    pub with_endpoints: bool,
    pub count: u32,
    pub page: Option<String>,
}

/// Reads a search of Organization; the path has been seen to lead there.
pub fn parse_organizations(request: &RawQuery<'_>, setting: &Setting<'_>) -> Result<DirectoryAsk, QueryFault> {
    DirectoryAsk::read(
        "Organization",
        Fields::read(&pairs(request)?, grammar::organization_parameters(), false, setting)?,
        request,
        setting,
    )
}

/// The same of Endpoint.
pub fn parse_endpoints(request: &RawQuery<'_>, setting: &Setting<'_>) -> Result<DirectoryAsk, QueryFault> {
    DirectoryAsk::read(
        "Endpoint",
        Fields::read(&pairs(request)?, grammar::endpoint_parameters(), false, setting)?,
        request,
        setting,
    )
}

impl DirectoryAsk {
    fn read(
        resource_type: &'static str,
        fields: Fields,
        request: &RawQuery<'_>,
        setting: &Setting<'_>,
    ) -> Result<Self, QueryFault> {
        media::json_wanted(fields.format.as_deref(), request.accept)?;
        Ok(Self {
            resource_type,
            organisation: fields.organisation,
            name: fields.name,
            status: fields.code,
            with_endpoints: fields.with_endpoints,
            count: fields.count.unwrap_or(setting.page_size.default),
            page: fields.page,
        })
    }

    /// As [`super::Ask::canonical`].
    pub fn canonical(&self) -> String {
        self.link(None)
    }

    pub fn link(&self, page: Option<&str>) -> String {
        let is_endpoint = self.resource_type == "Endpoint";
        let whose = if is_endpoint { "organization.identifier" } else { "identifier" };
        let pairs = [
            (whose, self.organisation.map(|ods| format!("{}|{ods}", OdsCode::SYSTEM))),
            ("name", self.name.clone()),
            (if is_endpoint { "status" } else { "active" }, self.status.map(str::to_owned)),
            ("_include", self.with_endpoints.then(|| grammar::WITH_ENDPOINTS.to_owned())),
            ("_count", Some(self.count.to_string())),
            ("page", page.map(str::to_owned)),
        ];
        let said = pairs.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", form::encode(&value?))));
        format!("{}?{}", self.resource_type, said.collect::<Vec<_>>().join("&"))
    }
}
