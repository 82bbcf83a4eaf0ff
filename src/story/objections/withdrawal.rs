use super::{Sees, another_organisation, answer, numbers, patient_of, stored};
use crate::{
    access::{
        Action, ConsentRecord, ConsentState, Sequel, Wanted, Withdrawer, consent,
        desk::{Alert, Notice, TaskKind},
    },
    audit::Opened,
    domain::{NhsNumber, OdsCode, Timestamp},
    identity::{Party, Requester},
    story::{Ending, Gateway, OrClose, Wrote, is_current, written},
};
use serde_json::{Map, json};
use uuid::Uuid;

/// `PUT Consent/[id]` with status inactive. By the patient: the objection is taken back. By staff or a system: it is written down
/// that the patient did, on evidence; it then stands for them and their organisation until that is confirmed.
pub async fn withdraw(
    g: &Gateway,
    requester: &Requester,
    id: &str,
    if_match: Option<&str>,
    body: &str,
    opened: &mut Opened,
) -> Result<Wrote, Ending> {
    let found = stored(g, id, "update", "", opened).await?;
    let read = consent::read_withdrawal(body, |reference| patient_of(g, reference)).or_close(opened).await?;
    // the patient's own, or one that their own organisation wrote down; any other is not there for them
    let sees = match &requester.party {
        Party::Patient { nhs_number } => Sees::Own(numbers(g, *nhs_number).await.or_close(opened).await?),
        Party::Staff { organisation, .. } | Party::System { organisation } => Sees::RecordedBy(*organisation),
    };
    let found = found.filter(|consent| sees.may(consent, false));
    let wanted = Wanted { action: Action::WithdrawObjection, patient: found.as_ref().map(|consent| consent.patient) };
    let id = found.map(|consent| consent.id).unwrap_or_default();
    written(g, requester, wanted, opened, async |_, _| {
        let current = g.facts.store().consent(&id).await?.ok_or(Ending::NotFound)?;
        let numbers = numbers(g, current.patient).await?;
        let same = numbers.all().any(|number| read.consent.patient == Some(number))
            && read.repeats(&current.resource)
            && read.consent.id.as_deref().is_none_or(|given| given == current.id);
        if !same {
            return Err(Ending::content("Consent", "a withdrawal repeats the objection's id, patient and provision"));
        }
        if read.consent.organisation.is_some_and(|ods| current.first_recorded_by.organisation != Some(ods)) {
            return Err(another_organisation());
        }
        is_current(if_match, current.version)?;
        let version = current.version + 1;
        let (state, withdrawer) = match requester.party.organisation() {
            None => (ConsentState::Withdrawn, None),
            Some(organisation) => {
                read.proved().map_err(Ending::Content)?;
                let withdrawer = Withdrawer { person: requester.person(), organisation: Some(organisation) };
                (ConsentState::WithdrawalRecorded, Some(withdrawer))
            }
        };
        if !current.state.in_force() || current.state == state {
            return Err(Ending::InState(current.state));
        }
        let (by, at) = (requester.recorder(), Timestamp::now());
        let record = ConsentRecord {
            resource: read.consent.stored(&current.id, version, at, state),
            version,
            state,
            withdrawer,
            note: None,
            recorded_by: by,
            recorded_at: at,
            ..current
        };
        let organisation = record.recorded_by.organisation;
        let sequel = organisation.map(|organisation| sequel(&record, organisation, &g.base));
        g.facts.store().update_consent(&record, sequel.as_ref()).await?;
        Ok(answer(g, 200, record))
    })
    .await
}

/// The privacy office looks at it; the patient is told that something changed, without a word of who, where or why. The message
/// names them alone, by what a messaging service reaches people by.
fn sequel(consent: &ConsentRecord, organisation: OdsCode, base: &str) -> Sequel {
    let (at, by) = (consent.recorded_at, &consent.recorded_by);
    let mut detail = Map::new();
    detail.insert("issuer".into(), json!(by.issuer));
    detail.insert("subject".into(), json!(by.subject));
    detail.insert("version".into(), json!(consent.version.to_string()));
    let alert = Alert::new(TaskKind::Withdrawal, organisation, consent.patient, &consent.id, detail, at, base);
    let id = Uuid::new_v4().to_string();
    let recipient = json!({"system": NhsNumber::SYSTEM, "value": consent.patient.digits()});
    let link = format!("{base}Consent/{}", consent.id);
    let body = json!({"id": id, "kind": "patient-told", "recipient": recipient, "at": at.fhir(), "link": link});
    Sequel { alert, to_patient: Notice { id, body: body.to_string() } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Matter, Recorder, Terms};
    use serde_json::Value;

    #[test]
    fn the_patient_is_told_without_a_word_of_who_where_or_why() {
        let ods = |code| OdsCode::parse(code).unwrap();
        let by =
            Recorder { issuer: "https://id.example".into(), subject: "clerk".into(), organisation: Some(ods("RZ901")) };
        let covers = Matter { sources: vec![ods("RZ903")], ..Matter::default() };
        let consent = ConsentRecord {
            id: "c-1".into(),
            version: 5,
            patient: NhsNumber::parse("9990000018").unwrap(),
            terms: Terms { covers, ..Terms::default() },
            state: ConsentState::WithdrawalRecorded,
            withdrawer: None,
            note: None,
            recorded_by: by.clone(),
            recorded_at: Timestamp(0),
            first_recorded_by: by,
            resource: "{}".into(),
        };
        let Sequel { alert, to_patient } = sequel(&consent, ods("RZ901"), "https://gate.example/fhir/");
        let said: Value = serde_json::from_str(&to_patient.body).unwrap();
        let expected = json!({
            "id": to_patient.id, "kind": "patient-told", "at": "1970-01-01T00:00:00.000Z",
            "recipient": {"system": NhsNumber::SYSTEM, "value": "9990000018"},
            "link": "https://gate.example/fhir/Consent/c-1",
        });
        assert_eq!(said, expected);
        assert_eq!((alert.organisation, alert.about.as_str()), (ods("RZ901"), "c-1"));
        assert_eq!((&alert.detail["subject"], &alert.detail["version"]), (&json!("clerk"), &json!("5")));
    }
}
