use crate::{
    access::{ContentFault, FaultCode, content::Node},
    fhir::json::Tape,
};

/// Reads the Task with which an officer closes one: `id`, `intent`, `status` completed and one `note`. All else of a task is not
/// theirs to change, so it is not taken. The note's text.
pub fn read_completion(text: &str, id: &str) -> Result<String, ContentFault> {
    let mut tape = Tape::new();
    let mut task = Node::resource(text, "Task", &mut tape)?.members()?;
    task.need("resourceType")?.must_be("Task")?;
    task.need("status")?.must_be("completed")?;
    task.need("intent")?.must_be("order")?;
    if let Some(given) = task.take("id")
        && given.text()? != id
    {
        return Err(given.fault(FaultCode::Value, "another id than the path's"));
    }
    task.skip("meta");
    let note = task.need("note")?.only_item()?;
    task.done()?;
    let mut members = note.members()?;
    let said = members.need("text")?.text()?.into_owned();
    members.done()?;
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_completion_says_its_note_and_changes_nothing_else() {
        let whole = json!({"resourceType": "Task", "id": "t", "meta": {"versionId": "1"}, "status": "completed",
            "intent": "order", "note": [{"text": "justified"}]});
        assert_eq!(read_completion(&whole.to_string(), "t").as_deref(), Ok("justified"));
        let changed = |member: &str, value: Value| {
            let mut task = whole.clone();
            task[member] = value;
            let fault = read_completion(&task.to_string(), "t").unwrap_err();
            (fault.code, fault.path)
        };
        let (value, not_supported) = (FaultCode::Value, FaultCode::NotSupported);
        assert_eq!(changed("id", json!("u")), (value, "Task.id".into()));
        assert_eq!(changed("status", json!("requested")), (not_supported, "Task.status".into()));
        assert_eq!(changed("owner", json!({"reference": "x"})), (not_supported, "Task.owner".into()));
        assert_eq!(changed("note", json!([{"text": " "}])), (value, "Task.note[0].text".into()));
        assert_eq!(changed("note", json!([{"text": "a"}, {"text": "b"}])), (not_supported, "Task.note[1]".into()));
        assert_eq!(
            changed("note", json!([{"text": "a", "time": "2026"}])),
            (not_supported, "Task.note[0].time".into())
        );
    }
}
