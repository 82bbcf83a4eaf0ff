//! A search's filters, asked of a provider that declares them. What that answers is a part of the whole, so it is used only
//! where the provider was seen to lose nothing by them, and only where the whole is not remembered anyway.

use super::{
    Answer, Failure, Federation, Question, Resolution,
    question::Asked,
    trust::{Check, Finding, Way},
};
use crate::{
    fhir::ResourceType,
    query::grammar,
    registry::{Freshness, Portion, Provider, Test, Want},
};
use std::{collections::HashSet, sync::Arc};
use tokio::time::{Instant, timeout_at};

/// An answer, and what it is the answer to: a want by filters may have been met by all of the type.
pub(super) type Met = (Want, Arc<Answer>);

impl Federation {
    /// What is remembered and serves this want.
    pub(super) async fn known(
        &self,
        provider: &Provider,
        question: Question<'_>,
        freshness: Freshness,
        want: &Want,
        found: &Resolution,
    ) -> Option<Met> {
        for want in self.meeting(provider, want) {
            let known = self.cache.known_answer(&question.key(provider, &want, found)).await;
            let serves = |known: &Arc<Answer>| known.is_about(found) && freshness.allows(known.epoch, known.fetched_at);
            if let Some(answer) = known.filter(serves) {
                return Some((want, answer));
            }
        }
        None
    }

    /// The wants whose answers meet this one, the whole first.
    pub(super) fn meeting(&self, provider: &Provider, want: &Want) -> Vec<Want> {
        match &want.portion {
            Portion::Matching(tests) if self.trust.keeps(provider, want.resource_type, tests) => {
                vec![Want::all(want.resource_type), want.clone()]
            }
            Portion::Matching(_) => vec![Want::all(want.resource_type)],
            Portion::All | Portion::Named(_) | Portion::Of(_) => vec![want.clone()],
        }
    }

    /// An answer that meets this want.
    pub(super) async fn met(&self, asked: Asked<'_>, want: &Want, found: &Arc<Resolution>) -> Result<Met, Failure> {
        let Asked { provider, question, freshness, .. } = asked;
        let Portion::Matching(tests) = &want.portion else {
            return Ok((want.clone(), self.answer_by(asked, want, found).await?));
        };
        if let Some(known) = self.known(provider, question, freshness, want, found).await {
            return Ok(known);
        }
        let all = Want::all(want.resource_type);
        match self.trust.way(provider, want.resource_type, tests) {
            Way::All => {}
            Way::Checked(check) => {
                count(provider, "checked");
                return Ok((all, self.checked(asked, want, tests, found, check).await?));
            }
            Way::ByFilters => {
                count(provider, "narrowed");
                // so that there is time left for the whole
                match self.answer_by(Asked { deadline: half_of(asked.deadline), ..asked }, want, found).await {
                    Ok(answer) => return Ok((want.clone(), answer)),
                    Err(failure) if !failure.is_of_the_question() => return Err(failure),
                    Err(Failure::Unlabelled) => {}
                    Err(_) => {
                        count(provider, "refused");
                        self.trust.failed(provider, want.resource_type, tests);
                    }
                }
            }
        }
        Ok((all.clone(), self.answer_by(asked, &all, found).await?))
    }

    /// The whole, against which what comes by the filters is held.
    async fn checked(
        &self,
        asked: Asked<'_>,
        want: &Want,
        tests: &[Test],
        found: &Arc<Resolution>,
        check: Check<'_>,
    ) -> Result<Arc<Answer>, Failure> {
        let all = Want::all(want.resource_type);
        let (whole, narrowed) = futures::join!(self.answer_by(asked, &all, found), self.locals(asked, want, found));
        if let Err(Failure::WrongPatient) = narrowed {
            return Err(Failure::WrongPatient);
        }
        let whole = whole?;
        let finding = match narrowed {
            Err(_) => Finding::Failed,
            Ok(narrowed) => {
                let matching = matching(&whole, want.resource_type, tests);
                let lacking: Vec<&str> = matching.iter().copied().filter(|local| !narrowed.contains(*local)).collect();
                match (matching.is_empty(), lacking.is_empty()) {
                    (true, _) => Finding::Nothing,
                    (false, true) => Finding::Kept,
                    (false, false) => self.confirmed(asked, want, tests, found, &lacking).await?,
                }
            }
        };
        if finding == Finding::Failed {
            count(asked.provider, "refused");
        }
        if check.ends(finding) {
            count(asked.provider, "lost");
            let (provider, resource_type) = (asked.provider.ods, want.resource_type);
            tracing::error!(provider.ods = %provider, resource.type = %resource_type, "provider lost a match by a filter that it declares: it is asked by none from now on");
        }
        Ok(whole)
    }

    /// Two answers are of two moments: what one lacked may have come, gone or changed between them. Lost is what stays
    /// lacking between two answers that have it.
    async fn confirmed(
        &self,
        asked: Asked<'_>,
        want: &Want,
        tests: &[Test],
        found: &Arc<Resolution>,
        lacking: &[&str],
    ) -> Result<Finding, Failure> {
        let all = Want::all(want.resource_type);
        let again = async {
            let narrowed = self.locals(asked, want, found).await?;
            let still: Vec<&str> = lacking.iter().copied().filter(|local| !narrowed.contains(*local)).collect();
            if still.is_empty() {
                return Ok(Finding::Kept);
            }
            let whole = self.asked_for(asked, &all, found).await?;
            let matching = matching(&whole, want.resource_type, tests);
            let lost = still.iter().any(|local| matching.contains(local));
            Ok::<_, Failure>(if lost { Finding::Lost } else { Finding::Nothing })
        };
        match again.await {
            Err(Failure::WrongPatient) => Err(Failure::WrongPatient),
            again => Ok(again.unwrap_or(Finding::Failed)),
        }
    }

    /// What a provider calls the entries that it answers; they are remembered for nobody. It is not waited for as long as an
    /// answer would be.
    async fn locals(&self, asked: Asked<'_>, want: &Want, found: &Arc<Resolution>) -> Result<HashSet<String>, Failure> {
        let splitter = timeout_at(half_of(asked.deadline), self.ask(asked, want, found)).await;
        match splitter.unwrap_or(Err(Failure::Timeout)) {
            Ok(splitter) => Ok(splitter.into_locals()),
            // it may be the patient's own under a Patient newer than the one that is remembered: `settled` finds out
            Err(Failure::WrongPatient) if asked.remembers(found) => Err(Failure::WrongPatient),
            Err(failure) => Err(self.alarmed(asked, failure).await),
        }
    }
}

/// What the source calls the entries that pass the tests.
fn matching<'a>(whole: &'a Answer, resource_type: ResourceType, tests: &[Test]) -> HashSet<&'a str> {
    let rule = grammar::rule(resource_type);
    let passes = |entry: &&super::Entry| tests.iter().all(|test| whole.passes(entry, &rule, test));
    whole.entries.iter().filter(passes).map(|entry| &*entry.local).collect()
}

fn half_of(deadline: Instant) -> Instant {
    let now = Instant::now();
    now + deadline.saturating_duration_since(now) / 2
}

fn count(provider: &Provider, outcome: &'static str) {
    metrics::counter!("caregate_push_down_total", "provider" => provider.ods.to_string(), "outcome" => outcome)
        .increment(1);
}
