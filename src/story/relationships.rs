//! What an organisation's own system says of whom it cares for.

use super::{Answer, Ending, Gateway, OrClose, Wrote, written};
use crate::{
    access::{
        Action, Basis, GENERAL_PRACTICE, Wanted,
        parameters::{self, Assertion},
    },
    audit::Opened,
    domain::{StoreError, Timestamp},
    fhir::outcome::{Issue, IssueCode, OperationOutcome, Severity},
    identity::Requester,
};

/// `Patient/$assert-relationship`
pub async fn assert_relationship(
    g: &Gateway,
    requester: &Requester,
    body: &str,
    opened: &mut Opened,
) -> Result<Wrote, Ending> {
    opened.asks("operation", "Patient/$assert-relationship".to_owned(), Some("Patient"), None);
    let assertion = parameters::read_assertion(body, Timestamp::now()).or_close(opened).await?;
    let Assertion { patient, relationship, begins } = assertion;
    let sent = [("basis", relationship.basis.as_str()), ("evidence", &relationship.evidence)];
    opened.asks("operation", asked("Patient/$assert-relationship", &sent), Some("Patient"), None);
    opened.names(patient);
    let registry = async { Ok::<_, Ending>(g.registries.of(&*g.facts.global().await?).await?) };
    let registry = registry.await.or_close(opened).await?;
    let kind = registry.kind_of(relationship.organisation).map(|kind| &**kind);
    if relationship.basis == Basis::Registered && kind != Some(GENERAL_PRACTICE) {
        let said = "only a general practice has registered patients: say caseload or care-team";
        return Err(Ending::content("Parameters.parameter.where(name='basis')", said).close(opened).await);
    }
    let action = Action::AssertRelationship { organisation: relationship.organisation };
    let wanted = Wanted { action, patient: Some(patient) };
    // under the number that was sent: should the index part it from the one in use, it goes with it
    written(g, requester, wanted, opened, async |_, _| {
        match g.facts.store().assert_relationship(patient, &relationship, begins, &requester.recorder()).await {
            Err(StoreError::Conflict) => Err(Ending::content("Parameters.parameter.where(name='period')", ENDED)),
            done => Ok(done.map(|()| Answer::new(201, said("The relationship is recorded.")))?),
        }
    })
    .await
}

/// As the log keeps it: what its sender finds it by.
fn asked(operation: &str, sent: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let query = query.extend_pairs(sent).finish();
    if query.is_empty() { operation.to_owned() } else { format!("{operation}?{query}") }
}

const ENDED: &str = "this relationship was ended, and is not begun again by an assertion sent late or twice: if it has begun \
                     again, period.start says when, no earlier than it ended";

/// `Patient/$end-relationship`
pub async fn end_relationship(
    g: &Gateway,
    requester: &Requester,
    body: &str,
    opened: &mut Opened,
) -> Result<Wrote, Ending> {
    opened.asks("operation", "Patient/$end-relationship".to_owned(), Some("Patient"), None);
    let ending = parameters::read_relationship_end(body).or_close(opened).await?;
    let sent: Vec<_> = ending.evidence.iter().map(|evidence| ("evidence", evidence.as_str())).collect();
    opened.asks("operation", asked("Patient/$end-relationship", &sent), Some("Patient"), None);
    opened.names(ending.patient);
    let action = Action::EndRelationship { organisation: ending.organisation };
    let wanted = Wanted { action, patient: Some(ending.patient) };
    written(g, requester, wanted, opened, async |patient, _| {
        let (store, by) = (g.facts.store(), requester.recorder());
        let (organisation, evidence, now) = (ending.organisation, ending.evidence.as_deref(), Timestamp::now());
        // by whatever number it was asserted
        let numbers = store.patient_facts(patient).await?.numbers(patient);
        let mut ended = 0;
        for number in numbers.all() {
            ended += store.end_relationship(number, organisation, evidence, now, &by).await?;
        }
        Ok(Answer::new(200, said(format!("{ended} relationships ended."))))
    })
    .await
}

pub(super) fn said(text: impl Into<std::borrow::Cow<'static, str>>) -> String {
    let issue = Issue::new(Severity::Information, IssueCode::Informational).diagnostics(text);
    OperationOutcome::from(issue).to_json()
}
