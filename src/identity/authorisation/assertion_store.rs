use crate::domain::{StoreError, Timestamp};
use async_trait::async_trait;
use std::{
    sync::{Arc, Weak},
    time::Duration,
};

/// The assertions that were used, for all nodes and across restarts.
#[async_trait]
pub trait AssertionStore: Send + Sync {
    /// Commits that this client has used the assertion of this digest; `Conflict` if it had before. It is kept until then.
    async fn spend(&self, client: &str, digest: &[u8; 32], until: Timestamp) -> Result<(), StoreError>;
    /// Forgets those that were kept until before this.
    async fn prune(&self, before: Timestamp) -> Result<(), StoreError>;
}

/// Clocks of nodes may differ: one is forgotten long after the last of them would take it.
const KEPT_LONGER: Duration = Duration::from_secs(600);

/// Forgets now and then what can no longer be used anyway, as long as anyone holds this.
pub async fn keep_pruning(held: Weak<dyn AssertionStore>) {
    loop {
        tokio::time::sleep(Duration::from_secs(60)).await;
        let Some(store) = held.upgrade() else { return };
        prune(&store).await;
    }
}

async fn prune(store: &Arc<dyn AssertionStore>) {
    if store.prune(Timestamp::now().minus(KEPT_LONGER)).await.is_err() {
        tracing::warn!("used client assertions could not be pruned: they are kept longer");
    }
}
