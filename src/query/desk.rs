use super::fields::Fields;
use super::parse::pairs;
use super::{QueryFault, RawQuery, Setting, grammar, media};

/// A search of the requester's own organisation's review desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeskAsk {
    /// Task.status, where only one is wanted.
    pub status: Option<&'static str>,
    pub count: u32,
    pub page: Option<String>,
}

/// Reads a search of Task; the path has been seen to lead there.
pub fn parse_desk(request: &RawQuery<'_>, setting: &Setting<'_>) -> Result<DeskAsk, QueryFault> {
    let fields = Fields::read(&pairs(request)?, grammar::task_parameters(), false, setting)?;
    media::json_wanted(fields.format.as_deref(), request.accept)?;
    let count = fields.count.unwrap_or(setting.page_size.default);
    Ok(DeskAsk { status: fields.code, count, page: fields.page })
}

impl DeskAsk {
    /// As [`super::Ask::canonical`].
    pub fn canonical(&self) -> String {
        self.link(None)
    }

    pub fn link(&self, page: Option<&str>) -> String {
        let status = self.status.map(|status| format!("status={status}&")).unwrap_or_default();
        let page = page.map(|page| format!("&page={}", super::form::encode(page))).unwrap_or_default();
        format!("Task?{status}_count={}{page}", self.count)
    }
}
