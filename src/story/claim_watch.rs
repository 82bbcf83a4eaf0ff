use super::{Ending, Gateway};
use crate::domain::Timestamp;
use std::{sync::Weak, time::Duration};

/// As many as one look takes; the next look takes more.
const AT_A_TIME: u32 = 200;

/// Settles now and then what claims have come due, as long as anyone holds the gateway. It goes by what is stored: no
/// provider is asked, as nobody is there in whose name. Several nodes may look at the same claim; one settles it.
pub async fn keep_settling(held: Weak<Gateway>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let Some(g) = held.upgrade() else { return };
        // what failed is still due the next time
        if let Err(error) = settle(&g).await {
            tracing::warn!(error = error.code(), "claims that are due could not be looked at");
        }
    }
}

async fn settle(g: &Gateway) -> Result<(), Ending> {
    let policy = g.policies.of(&*g.facts.global().await?).await?;
    let mut told = Ok(());
    for claim in g.claims.due(Timestamp::now(), AT_A_TIME).await? {
        let settled = async {
            let facts = g.facts.store().patient_facts(claim.patient).await?;
            Ok(g.claims
                .settle(&claim, &claim.settled(&facts, policy.relationships(), Timestamp::now(), &g.base))
                .await?)
        };
        // one that cannot be settled holds up no other
        told = told.and(settled.await);
    }
    told
}
