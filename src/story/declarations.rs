use super::Gateway;
use crate::registry::Provider;
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
        let due: Vec<Arc<Provider>> =
            g.registry.all().filter(|provider| all || failed.contains(&provider.ods)).map(Arc::clone).collect();
        failed = g.federation.read_statements(due).await;
        drop(g);
        let left = next.saturating_duration_since(Instant::now());
        sleep(if failed.is_empty() { left } else { left.min(SOON) }).await;
    }
}

/// Up to a tenth less, so that nodes do not ask in step.
fn spread(every: Duration) -> Duration {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    every.mul_f64(1.0 - f64::from(nanos % 1_000) / 10_000.0)
}
