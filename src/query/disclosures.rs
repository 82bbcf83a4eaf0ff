//! `Organization/[id]/$disclosures?start=&end=[&_format=text/csv]`, and its sums by day.

use super::{QueryFault, RawQuery, Setting, everything::Moment, fields::Fields, form, grammar, media, parse::pairs};
use crate::domain::Timestamp;
use std::ops::Range;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisclosuresAsk {
    start: Option<Moment>,
    end: Option<Moment>,
    pub count: u32,
    /// A page token, unopened.
    pub page: Option<String>,
    /// As a table, and all of it in one answer.
    pub csv: bool,
}

/// Reads what follows the operation's `?`; the path has been seen to lead there.
pub fn parse_disclosures(request: &RawQuery<'_>, setting: &Setting<'_>) -> Result<DisclosuresAsk, QueryFault> {
    let fields = Fields::read(&pairs(request)?, grammar::disclosure_parameters(), false, setting)?;
    let csv = fields.format.as_deref().map_or(request.accept == Some(CSV), |format| format == CSV);
    if !csv {
        media::json_wanted(fields.format.as_deref(), request.accept)?;
    }
    let count = fields.count.unwrap_or(setting.page_size.default);
    Ok(DisclosuresAsk { start: fields.start, end: fields.end, count, page: fields.page, csv })
}

const CSV: &str = "text/csv";

impl DisclosuresAsk {
    /// From the beginning of its first day or the log to the end of its last or now, in UTC.
    pub fn during(&self) -> Range<Timestamp> {
        let start = self.start.as_ref().map_or(Timestamp(0), |start| Timestamp(start.date.interval.start()));
        let end = self.end.as_ref().map_or(Timestamp::MAX, |end| Timestamp(end.date.interval.end()));
        start..end
    }

    /// As [`super::Ask::canonical`], after the operation's name.
    pub fn canonical(&self) -> String {
        self.link(None)
    }

    pub fn link(&self, page: Option<&str>) -> String {
        let moment = |name: &str, said: &Option<Moment>| {
            said.as_ref().map(|moment| format!("{name}={}&", moment.text)).unwrap_or_default()
        };
        let (start, end) = (moment("start", &self.start), moment("end", &self.end));
        let csv = if self.csv { "_format=text/csv&" } else { "" };
        let page = page.map(|page| format!("&page={}", form::encode(page))).unwrap_or_default();
        format!("?{start}{end}{csv}_count={}{page}", self.count)
    }
}
