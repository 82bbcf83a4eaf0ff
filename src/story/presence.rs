//! Where to ask: what providers' systems say of whom they hold anything about, and what asking them teaches.

use super::{Answer, Ending, Gateway, OrClose, Wrote, relationships::said, written};
use crate::{
    access::{Action, Wanted, parameters},
    audit::Opened,
    federation::Gathered,
    identity::Requester,
};

/// `Patient/$assert-presence`
pub async fn assert_presence(
    g: &Gateway,
    requester: &Requester,
    body: &str,
    opened: &mut Opened,
) -> Result<Wrote, Ending> {
    opened.asks("operation", "Patient/$assert-presence".to_owned(), Some("Patient"), None);
    let pointing = parameters::read_pointing(body).or_close(opened).await?;
    opened.names(pointing.patient);
    // whoever may say that an organisation cares for a patient may say that it holds something about them
    let action = Action::AssertRelationship { organisation: pointing.organisation };
    let wanted = Wanted { action, patient: Some(pointing.patient) };
    written(g, requester, wanted, opened, async |patient, _| {
        if g.registries.latest().provider(pointing.organisation).is_none() {
            let fault = "this organisation has no endpoint that could be asked";
            return Err(Ending::content("Parameters.parameter.where(name='organization')", fault));
        }
        g.locator.sent(patient, pointing.organisation, pointing.present).await?;
        Ok(Answer::new(200, said("The presence is recorded.")))
    })
    .await
}

/// Keeps who held something and who did not, for the next request. One that is lost costs calls, not an answer.
pub async fn learn(g: &Gateway, gathered: &Gathered) {
    let learned = gathered.learned();
    if learned.is_empty() {
        return;
    }
    if let Err(error) = g.locator.learned(gathered.patient, &learned).await {
        tracing::warn!(error = %error, "presence could not be stored");
    }
}
