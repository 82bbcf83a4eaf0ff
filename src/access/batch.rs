//! Many Parameters in one body: a Bundle of type batch (<https://hl7.org/fhir/R4/http.html#transaction>), or NDJSON, one a
//! line (<https://hl7.org/fhir/R4/nd-json.html>). Only the envelope is read here: an item that is not understood is its own matter.

use super::{ContentFault, FaultCode, content::Node};
use crate::fhir::json::{self, Limits, Tape};

/// In one body: they are to be in force well within one request's deadline, on a small machine too.
pub const MAX_ITEMS: usize = 500;

/// The items of a Bundle, in its order, each of which is to be posted to this operation; `None` if it is no Bundle.
pub fn read_bundle(text: &str, operation: &str) -> Result<Option<Vec<String>>, ContentFault> {
    let mut tape = Tape::new();
    match json::parse(text.as_bytes(), &mut Limits::default(), &mut tape) {
        Ok(value) if value.text("resourceType").as_deref() == Some("Bundle") => {}
        // whoever reads the one resource says what is wrong with it
        _ => return Ok(None),
    }
    let mut tape = Tape::new();
    let mut root = Node::resource(text, "Bundle", &mut tape)?.members()?;
    root.skip("resourceType");
    root.need("type")?.must_be("batch")?;
    ["id", "meta", "timestamp"].into_iter().for_each(|name| root.skip(name));
    let entries = root.need("entry")?;
    root.done()?;
    let mut items = Vec::new();
    for entry in entries.items()? {
        let mut members = entry.members()?;
        let (resource, mut request) = (members.need("resource")?, members.need("request")?.members()?);
        members.skip("fullUrl");
        members.done()?;
        request.need("method")?.must_be("POST")?;
        request.need("url")?.must_be(operation)?;
        request.done()?;
        items.push(resource.value.raw_str().to_owned());
    }
    within(items, &entries.path).map(Some)
}

/// The lines that hold something, in their order.
pub fn read_lines(text: &str) -> Result<Vec<String>, ContentFault> {
    let lines: Vec<String> = text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
    if lines.is_empty() {
        return Err(fault(FaultCode::Required, "Parameters", "a line with Parameters is required"));
    }
    within(lines, "Parameters")
}

fn within(items: Vec<String>, path: &str) -> Result<Vec<String>, ContentFault> {
    if items.len() > MAX_ITEMS {
        return Err(fault(FaultCode::NotSupported, path, "no more than 500 are taken at once"));
    }
    Ok(items)
}

fn fault(code: FaultCode, path: &str, diagnostics: &str) -> ContentFault {
    ContentFault { code, path: path.to_owned(), diagnostics: diagnostics.to_owned() }
}
