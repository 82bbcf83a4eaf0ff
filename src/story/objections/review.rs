use super::{answer, stored};
use crate::{
    access::{
        Action, ConsentRecord, ConsentState, Wanted,
        consent::{self, Next, Outcome, Review},
    },
    audit::Opened,
    domain::Timestamp,
    identity::Requester,
    story::{Ending, Gateway, OrClose, Wrote, is_current, written},
};

/// `POST Consent/[id]/$review`: the privacy office of an organisation concerned decides, and says why.
pub async fn review(
    g: &Gateway,
    requester: &Requester,
    id: &str,
    if_match: Option<&str>,
    body: &str,
    opened: &mut Opened,
) -> Result<Wrote, Ending> {
    let found = stored(g, id, "operation", "/$review", opened).await?;
    let review = Review::read(body).or_close(opened).await?;
    let organisation = requester.party.organisation();
    let concerns_own =
        organisation.is_some_and(|own| found.as_ref().is_some_and(|consent| consent.is_reviewed_by(own)));
    let patient = found.as_ref().map(|consent| consent.patient);
    let wanted = Wanted { action: Action::ReviewObjection { concerns_own }, patient };
    let id = found.map(|consent| consent.id).unwrap_or_default();
    written(g, requester, wanted, opened, async |_, _| {
        let current = g.facts.store().consent(&id).await?.ok_or(Ending::NotFound)?;
        is_current(if_match, current.version)?;
        let next = review.outcome.of(current.state).ok_or(Ending::InState(current.state))?;
        let recorded_it = current.withdrawer.as_ref().is_some_and(|withdrawer| withdrawer.person == requester.person());
        if recorded_it && review.outcome == Outcome::WithdrawalConfirmed {
            let said = "whoever recorded a withdrawal does not confirm it";
            return Err(Ending::content("Parameters.parameter.where(name='outcome')", said));
        }
        if review.outcome == Outcome::PatientTold && current.recorded_by == requester.recorder() {
            let said = "another person than decided says that the patient has been told";
            return Err(Ending::content("Parameters.parameter.where(name='outcome')", said));
        }
        let (state, resource) = match next {
            Next::State(state) => (state, current.resource),
            Next::AsBefore => before(g, &current).await?,
        };
        let (version, at) = (current.version + 1, Timestamp::now());
        let record = ConsentRecord {
            resource: consent::restated(&resource, &current.id, version, at, state).ok_or(Ending::Internal)?,
            version,
            state,
            withdrawer: None,
            note: Some(review.note.clone()),
            recorded_by: requester.recorder(),
            recorded_at: at,
            ..current
        };
        g.facts.store().update_consent(&record, None).await?;
        Ok(answer(g, 200, record))
    })
    .await
}

/// The state and the words of the version that a rejected withdrawal had replaced.
async fn before(g: &Gateway, withdrawn: &ConsentRecord) -> Result<(ConsentState, String), Ending> {
    let before = g.facts.store().consent_version(&withdrawn.id, withdrawn.version - 1).await?;
    before.map(|before| (before.state, before.resource)).ok_or(Ending::Internal)
}
