use super::{Begun, ProbeStore, Progress, Report, Target, probe};
use crate::domain::{StoreError, Timestamp};
use tokio::sync::watch;

/// A probe that every node can see, while it runs and after.
pub async fn probe_and_keep(store: &dyn ProbeStore, begun: &Begun, target: &Target) -> Result<Report, StoreError> {
    store.begin(begun).await?;
    Ok(keep(store, begun, target).await)
}

/// The same of one that has begun. That it could not be noted how far it has come, or how it ended, takes nothing from what it found.
pub async fn keep(store: &dyn ProbeStore, begun: &Begun, target: &Target) -> Report {
    let (tell, mut told) = watch::channel(Progress { done: 0, total: 0, what: String::new() });
    let probing = async move {
        probe(target, |progress| {
            tell.send_replace(progress);
        })
        .await
    };
    let noting = async {
        while told.changed().await.is_ok() {
            let progress = told.borrow_and_update().clone();
            if store.progress(begun.id, &progress, Timestamp::now()).await.is_err() {
                tracing::warn!("how far a probe has come could not be stored");
            }
        }
    };
    let (report, ()) = tokio::join!(probing, noting);
    if let Err(error) = store.end(begun.id, &report, Timestamp::now()).await {
        tracing::warn!(provider.ods = %begun.ods, error = %error, "a probe could not be kept");
    }
    report
}
