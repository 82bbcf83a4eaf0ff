//! What providers declare of themselves, read while nobody waits for it: it holds up no start and no request, and a
//! provider that cannot say it is asked as if it had none.

use super::{Failure, Federation, pages};
use crate::{
    domain::OdsCode,
    fhir::json::{self, Tape},
    registry::{Provider, Statement},
};
use futures::{StreamExt, stream};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// So many are asked at once.
const AT_ONCE: usize = 4;
/// A server of everything R4 has says so in some megabytes.
const MAX_STATEMENT: usize = 8 << 20;
/// A server that makes its statement when it is first asked for takes a while.
const PATIENCE: Duration = Duration::from_secs(20);

impl Federation {
    /// Those that could not be asked just now are returned: what was known of them stands.
    pub async fn read_statements(&self, providers: Vec<Arc<Provider>>) -> Vec<OdsCode> {
        let one = |provider: Arc<Provider>| async move {
            let failure = self.read_statement(&provider).await.err()?;
            tracing::warn!(provider.ods = %provider.ods, failure = failure.code(), "provider did not say what it can do");
            Some(provider.ods)
        };
        let read: Vec<Option<OdsCode>> = stream::iter(providers).map(one).buffer_unordered(AT_ONCE).collect().await;
        read.into_iter().flatten().collect()
    }

    async fn read_statement(&self, provider: &Arc<Provider>) -> Result<(), Failure> {
        let word = timeout(PATIENCE, self.calls.own_word(provider, self.budget.bytes.min(MAX_STATEMENT))).await;
        let said = match word.unwrap_or(Err(Failure::Timeout)) {
            // it was an answer, and no statement
            Err(failure) if !failure.is_of_the_moment() => None,
            said => Some(said?),
        };
        let mut limits = self.budget.limits;
        let statement = pages::on_pool(&self.calls, provider, move || {
            let mut tape = Tape::new();
            Statement::read(json::parse(&said?, &mut limits, &mut tape).ok()?)
        });
        let statement = statement.await?;
        let known = if statement.is_some() { 1.0 } else { 0.0 };
        provider.declared.hear(statement);
        metrics::gauge!("caregate_provider_declares", "provider" => provider.ods.to_string()).set(known);
        Ok(())
    }
}
