use crate::{audit::Row, story::Ending};

const COLUMNS: [&str; 13] = [
    "at",
    "request",
    "patient",
    "asked",
    "user",
    "name",
    "role",
    "organisation",
    "client",
    "purpose",
    "basis",
    "rules",
    "items",
];

/// What a spreadsheet reads, in which no cell is a formula. <https://www.rfc-editor.org/rfc/rfc4180>
pub(super) fn table<'a>(rows: impl Iterator<Item = &'a Row>) -> Result<String, Ending> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(COLUMNS).map_err(|_| Ending::Internal)?;
    for row in rows {
        table.write_record(cells(row).map(|cell| plain(&cell))).map_err(|_| Ending::Internal)?;
    }
    let text = table.into_inner().map_err(|_| Ending::Internal)?;
    String::from_utf8(text).map_err(|_| Ending::Internal)
}

fn cells(row: &Row) -> [String; COLUMNS.len()] {
    let who = row.who.as_ref();
    let said = |text: Option<&String>| text.cloned().unwrap_or_default();
    let items: u64 = row.sources.iter().map(|line| line.released.count()).sum();
    [
        row.at.fhir(),
        row.request_id.to_string(),
        row.patient.map(|patient| patient.digits()).unwrap_or_default(),
        row.request.clone(),
        said(who.and_then(|who| who.user.as_ref())),
        said(who.and_then(|who| who.name.as_ref())),
        said(who.and_then(|who| who.role.as_ref())),
        who.and_then(|who| who.organisation).map(|ods| ods.to_string()).unwrap_or_default(),
        who.map(|who| who.client.clone()).unwrap_or_default(),
        said(row.purpose.as_ref()),
        said(row.basis.as_ref()),
        row.rules.join(" "),
        items.to_string(),
    ]
}

/// <https://owasp.org/www-community/attacks/CSV_Injection>: what a spreadsheet would take for a formula is text.
fn plain(cell: &str) -> String {
    let text: String = cell.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.trim_start().starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn no_cell_is_a_formula_and_none_ends_its_line() {
        for (cell, said) in [
            ("=HYPERLINK(\"x\")", "'=HYPERLINK(\"x\")"),
            (" @SUM(A1)", "' @SUM(A1)"),
            ("\t-1", "' -1"),
            ("+44", "'+44"),
            ("a\r\nb", "a  b"),
            ("Dr A", "Dr A"),
        ] {
            assert_eq!(plain(cell), said);
        }
    }
}
