//! The objections that concern an organisation: those that name it, or that its people wrote down. For its own officers.

use crate::{
    access::{Action, ConsentRecord, Interaction, desk::Concerned},
    audit::{Opened, Released},
    domain::{OdsCode, Timestamp},
    identity::Requester,
    record::Redacted,
    story::{
        Ending, Gateway, is_own,
        paging::{Paging, cut},
        released_cleared,
    },
};

/// On one page.
const A_PAGE: u32 = 50;

/// What a page of them is made of.
pub struct Concerning {
    /// As they stand, each with when it was first recorded.
    pub consents: Vec<(Timestamp, ConsentRecord)>,
    /// The token of the page with those before.
    pub next: Option<String>,
}

/// As a page of ours. `opened` knows already what is asked.
pub async fn objections_page(
    g: &Gateway,
    requester: &Requester,
    id: &str,
    page: Option<&str>,
    opened: &mut Opened,
    make: impl Fn(OdsCode, &Concerning) -> String,
) -> Result<Released, Ending> {
    let action = Action::InspectObjections { interaction: Interaction::Search, concerns_own: is_own(requester, id) };
    released_cleared(g, requester, action, opened, async |clearance| {
        let organisation = clearance.organisation();
        let paging = Paging::new(g, requester, &[organisation.as_str(), "objections"]);
        let concerned = Concerned { organisation, after: paging.after(page)?, limit: A_PAGE + 1 };
        let mut places = g.desk.objections(&concerned).await?;
        let more = cut(&mut places, A_PAGE);
        let mut consents = Vec::new();
        for place in &places {
            let consent = g.facts.store().consent(&place.id).await?;
            consents.extend(consent.map(|consent| (place.at, consent)));
        }
        let next = paging.next(places.pop().filter(|_| more))?;
        Ok(Redacted::own(make(organisation, &Concerning { consents, next })))
    })
    .await
}
