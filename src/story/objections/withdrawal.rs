use super::{Sees, another_organisation, answer, is_current, patient_of, policy, stored};
use crate::{
    access::{Action, ConsentRecord, ConsentState, Recorder, Sequel, Wanted, Withdrawer, consent},
    audit::Opened,
    domain::{NhsNumber, OdsCode, Timestamp},
    identity::Requester,
    story::{Ending, Gateway, Wrote, relationships::recorder, written},
};
use serde_json::json;
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
    let read = match consent::read_withdrawal(body, |reference| patient_of(g, reference)) {
        Ok(read) => read,
        Err(fault) => return Err(Ending::Content(fault).close(opened).await),
    };
    let sees = match policy(g).await {
        Ok(policy) => Sees::of(g, &policy, requester),
        Err(ending) => return Err(ending.close(opened).await),
    };
    // one that they may not see is one that is not there
    let found = found.filter(|consent| sees.may(consent, false));
    let wanted = Wanted { action: Action::WithdrawObjection, patient: found.as_ref().map(|consent| consent.patient) };
    let id = found.map(|consent| consent.id).unwrap_or_default();
    written(g, requester, wanted, opened, 200, async |patient| {
        let current = g.facts.store().consent(&id).await?.ok_or(Ending::NotFound)?;
        let same = read.consent.patient == Some(patient)
            && read.repeats(&current.resource)
            && read.consent.id.as_deref().is_none_or(|given| given == current.id);
        if !same {
            return Err(Ending::content("Consent", "a withdrawal repeats the objection's id, patient and provision"));
        }
        if read.consent.organisation.is_some_and(|ods| current.first_recorded_by.organisation != Some(ods)) {
            return Err(another_organisation());
        }
        is_current(if_match, &current)?;
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
        let (by, at) = (recorder(requester), Timestamp::now());
        let sequel = by.organisation.map(|organisation| sequel(patient, &current, organisation, &by));
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
        g.facts.store().update_consent(&record, sequel.as_ref()).await?;
        Ok(answer(g, record))
    })
    .await
}

/// The patient is told, with nothing in the message that says whose doing it is; the privacy office looks at it.
fn sequel(patient: NhsNumber, consent: &ConsentRecord, organisation: OdsCode, by: &Recorder) -> Sequel {
    let text =
        "A choice of yours about sharing your record was changed. Sign in to see it, and to say whether that is right.";
    let id = json!({"system": NhsNumber::SYSTEM, "value": patient.digits()});
    let notice = json!({"patient": id, "consent": consent.id, "text": text});
    let detail = json!({"version": consent.version + 1, "issuer": by.issuer, "subject": by.subject});
    Sequel {
        notice_id: Uuid::new_v4().to_string(),
        notice: notice.to_string(),
        task_id: Uuid::new_v4().to_string(),
        organisation,
        detail: detail.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Matter, Terms};

    #[test]
    fn the_patient_is_told_without_a_word_of_who_or_where() {
        let patient = NhsNumber::parse("9990000018").unwrap();
        let ods = |code| OdsCode::parse(code).unwrap();
        let by =
            Recorder { issuer: "https://id.example".into(), subject: "clerk".into(), organisation: Some(ods("RZ901")) };
        let covers = Matter { sources: vec![ods("RZ903")], ..Matter::default() };
        let consent = ConsentRecord {
            id: "c-1".into(),
            version: 4,
            patient,
            terms: Terms { covers, ..Terms::default() },
            state: ConsentState::Upheld,
            withdrawer: None,
            note: Some("upheld because".into()),
            recorded_by: by.clone(),
            recorded_at: Timestamp(0),
            first_recorded_by: by.clone(),
            resource: "{}".into(),
        };
        let sequel = sequel(patient, &consent, ods("RZ901"), &by);
        assert!(sequel.notice.contains("9990000018") && sequel.notice.contains("c-1"), "{}", sequel.notice);
        for kept in ["RZ901", "RZ903", "clerk", "id.example", "because"] {
            assert!(!sequel.notice.contains(kept), "{kept}: {}", sequel.notice);
        }
        assert_eq!(sequel.organisation, ods("RZ901"));
        assert!(sequel.detail.contains("clerk") && sequel.detail.contains("5"), "{}", sequel.detail);
    }
}
