//! Documents and what refers to them.

use super::chart::Chart;
use super::concepts::ods;
use serde_json::{Value, json};

/// A Binary of plain text.
pub fn letter(chart: &mut Chart<'_>, text: &str) -> Value {
    chart.add("Binary", json!({"contentType": "text/plain", "data": text}))
}

/// Where a reference leads.
pub fn address(reference: &Value) -> Value {
    reference.get("reference").cloned().unwrap_or_default()
}

/// A document of this type, and the DocumentReference that leads to it.
pub fn file(chart: &mut Chart<'_>, title: &str, content_type: &str, data: &str) {
    let binary = chart.add("Binary", json!({"contentType": content_type, "data": data}));
    refer(chart, title, content_type, &address(&binary));
}

/// A letter whose DocumentReference is labelled, and which itself is not.
pub fn labelled(chart: &mut Chart<'_>, title: &str, meta: Value, text: &str) {
    let binary = letter(chart, text);
    let mut body = reference(chart, title, "text/plain", &address(&binary));
    if let Value::Object(members) = &mut body {
        members.insert("meta".to_owned(), meta);
    }
    chart.add("DocumentReference", body);
}

pub fn refer(chart: &mut Chart<'_>, title: &str, content_type: &str, url: &Value) {
    let body = reference(chart, title, content_type, url);
    chart.add("DocumentReference", body);
}

fn reference(chart: &Chart<'_>, title: &str, content_type: &str, url: &Value) -> Value {
    json!({
        "status": "current",
        "type": {"text": title},
        "subject": chart.patient,
        "date": "2025-02-04T15:00:00Z",
        "author": [chart.clinician],
        "custodian": ods(chart.ods()),
        "content": [{"attachment": {"contentType": content_type, "url": url, "title": title}}],
    })
}

/// One page that says this, with the table of offsets that ISO 32000-1 7.5.4 wants.
pub fn pdf(text: &str) -> String {
    let drawn = format!("BT /F1 18 Tf 72 720 Td ({text}) Tj ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{drawn}\nendstream", drawn.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let mut file = "%PDF-1.4\n".to_owned();
    let mut table = "0000000000 65535 f \n".to_owned();
    for (at, object) in objects.iter().enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", file.len()));
        file.push_str(&format!("{} 0 obj\n{object}\nendobj\n", at + 1));
    }
    let size = objects.len() + 1;
    let start = file.len();
    format!("{file}xref\n0 {size}\n{table}trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF")
}
