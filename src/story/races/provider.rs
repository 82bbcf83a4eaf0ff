//! A provider that holds one patient, one entry of each type about them, and a letter.

use crate::federation::testing::patient_json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Answers every request on this connection: one Patient, one entry of theirs, or what that refers to.
pub async fn provide(mut connection: TcpStream) {
    let mut asked = Vec::new();
    while let Ok(1..) = connection.read_buf(&mut asked).await {
        if !asked.ends_with(b"\r\n\r\n") {
            continue;
        }
        let entry = |kind: &str, more: &str| {
            format!(r#"{{"resourceType":"{kind}","id":"a","subject":{{"reference":"Patient/1"}}{more}}}"#)
        };
        let path = String::from_utf8_lossy(&asked).split(['/', '?', ' ']).nth(2).unwrap_or_default().to_owned();
        let attachment = r#","content":[{"attachment":{"contentType":"text/plain","url":"Binary/1"}}]"#;
        let resource = match path.as_str() {
            "Patient" => patient_json("1", ""),
            "DocumentReference" => entry(&path, attachment),
            _ => entry(&path, ""),
        };
        let bundle = format!(r#"{{"resourceType":"Bundle","type":"searchset","entry":[{{"resource":{resource}}}]}}"#);
        let (media, body) =
            if path == "Binary" { ("text/plain", "a letter".to_owned()) } else { ("application/fhir+json", bundle) };
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {media}");
        let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        if connection.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
        asked.clear();
    }
}
