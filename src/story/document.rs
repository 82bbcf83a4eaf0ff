//! A document, by the id that a resource of the record gave it: decided as the read of that resource, which is looked up
//! again (mostly from the cache) and must still refer to it, be disclosed, and stand there when the release commits.

use super::{
    Ending, Gateway, Undeliverable, Wishes, identity,
    record::{join, with_long_id},
    released_along,
};
use crate::{
    access::{Action, Wanted},
    audit::{Opened, Released},
    federation::{Asker, DocumentQuestion, Failure, Question},
    identity::Requester,
    query::DocumentAsk,
};

pub async fn document(
    g: &Gateway,
    requester: &Requester,
    asked: DocumentAsk,
    opened: &mut Opened,
) -> Result<Released, Ending> {
    let name = asked.canonical();
    let mut ask = with_long_id(g, asked.ask, opened).await?;
    ask.names_referrer();
    opened.asks("read", name, Some(ask.resource_type().as_str()), ask.patient);
    let wanted = Wanted { action: Action::ReadDocument(ask.resource_type()), patient: ask.patient };
    released_along(g, requester, wanted, &[], opened, async |permits, opened| {
        let permit = permits.first();
        let document = ask.document().ok_or(Ending::NotFound)?;
        let mut intent = None;
        // from a concealed record no document can be opened: its attachment addresses were cut out, since a letter's head names
        // its sender
        let whose = identity::whose(g, requester, ask.patient, permit, None, &mut intent, opened).await?;
        let registry = g.registries.of(permit.global()).await?;
        let record = join(g, requester, &ask, (whose, intent), (permits, &registry), Wishes::default(), opened).await?;
        let referrer = record.referrer(permit, document).map_err(|not| {
            opened.heard(record.lines());
            Ending::from(not)
        })?;
        let (referrers, resolution) = referrer.named();
        let question = DocumentQuestion {
            provider: referrer.provider(),
            address: &document.address,
            announced: referrer.announced(),
            referrers: &referrers,
            resolution: resolution.ok_or(Ending::Internal)?,
            question: Question::new(
                permit.numbers(),
                permit.epochs().patient,
                permit.policy().sensitivities(),
                Asker::of(requester),
            ),
        };
        let intent = opened.intent().await?;
        let found = g.federation.document(question, &intent).await.map_err(|failure| {
            opened.heard(record.lines_without(document.source, failure));
            not_opened(failure)
        })?;
        if !referrer.admits(permit, &found.labels) {
            return Err(Ending::NotFound);
        }
        let form = asked.accepted.form(&found.content_type);
        let form = form.ok_or(Ending::Undeliverable(Undeliverable::NotAcceptable))?;
        referrer.redacted(found, form).ok_or(Ending::Internal)
    })
    .await
}

fn not_opened(failure: Failure) -> Ending {
    match failure {
        Failure::Elsewhere => Ending::Undeliverable(Undeliverable::Elsewhere),
        Failure::TooLarge => Ending::Undeliverable(Undeliverable::TooLarge),
        // what refers to it is there, and it is not
        Failure::Status(404 | 410) => Ending::NotFound,
        failure => Ending::ProvidersFailed { timeout: failure == Failure::Timeout },
    }
}
