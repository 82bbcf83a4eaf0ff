use super::Gateway;
use crate::{access::Stages, domain::OdsCode, registry::Provider};
use std::{
    sync::{Arc, Weak},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::time::{Instant, sleep};

/// Whoever could not be asked is asked again after so long.
const SOON: Duration = Duration::from_secs(60);

/// Reads what providers declare of themselves, now and then again, as long as anyone holds the gateway. It is of no
/// patient and released to nobody, so there is no row of it.
pub async fn keep_reading_declarations(held: Weak<Gateway>, every: Duration) {
    let (mut next, mut failed) = (Instant::now(), Vec::new());
    loop {
        let Some(g) = held.upgrade() else { return };
        let all = Instant::now() >= next;
        if all {
            next = Instant::now() + spread(every);
        }
        failed = g.federation.read_statements(due(&g, all, &failed).await).await;
        drop(g);
        // whoever is registered or comes to be asked meanwhile is read soon, too
        sleep(next.saturating_duration_since(Instant::now()).min(SOON)).await;
    }
}

/// All who are asked at all, or those of them who could not say it or never did.
async fn due(g: &Gateway, all: bool, failed: &[OdsCode]) -> Vec<Arc<Provider>> {
    let Ok(global) = g.facts.global().await else { return Vec::new() };
    let Ok(registry) = g.registries.of(&global).await else { return Vec::new() };
    let asked = |provider: &&Arc<Provider>| {
        let is_asked = global.stages.get(&provider.ods).is_none_or(Stages::is_asked);
        is_asked && (all || failed.contains(&provider.ods) || !provider.declared.is_heard())
    };
    registry.all().filter(asked).map(Arc::clone).collect()
}

/// Up to a tenth less, so that nodes do not ask in step.
fn spread(every: Duration) -> Duration {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    every.mul_f64(1.0 - f64::from(nanos % 1_000) / 10_000.0)
}
