//! Which providers are known to keep to which filters. A declaration is a claim: it is held against what the provider
//! holds, before it is relied on and now and then afterwards.

use crate::{
    domain::OdsCode,
    fhir::ResourceType,
    registry::{Provider, Statement, Test},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Until it is known whether a provider keeps to a form, so many of the first questions are checked...
const EAGERLY: u32 = 8;
/// ... then one in so many; it may hold nothing that would tell.
const SELDOM: u32 = 16;
/// One that keeps to it is checked again once in so many.
const AGAIN: u32 = 64;
/// A provider that could not answer by a filter is asked by none for so long.
const PAUSE: Duration = Duration::from_secs(60);
/// Forms that are kept count of at one provider. Those beyond are not asked by.
const MAX_FORMS: usize = 2_000;

#[derive(Default)]
pub struct Trust(Mutex<HashMap<OdsCode, Standing>>);

/// One provider's, as long as it declares the same.
struct Standing {
    statement: Arc<Statement>,
    /// It lost a match.
    lost: bool,
    paused: Option<Instant>,
    forms: HashMap<Form, Tally>,
}

/// The type, and how it is asked: parameters and the forms of their values.
type Form = (ResourceType, String);

#[derive(Default)]
struct Tally {
    asked: u32,
    /// What it answered so far can be relied on...
    keeps: bool,
    /// ... and since then it could not answer: that it still can is to be seen.
    failed: bool,
    checking: bool,
}

/// How a question that could be asked by filters is asked now.
pub enum Way<'a> {
    All,
    ByFilters,
    /// Both ways at once.
    Checked(Check<'a>),
}

/// A check under way, until dropped.
pub struct Check<'a> {
    trust: &'a Trust,
    provider: &'a Provider,
    form: Form,
}

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Every match came by the filters too.
    Kept,
    /// There was no match.
    Nothing,
    /// A match did not come by the filters.
    Lost,
    /// It gave no answer.
    Failed,
}

impl Trust {
    fn standings(&self) -> MutexGuard<'_, HashMap<OdsCode, Standing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known under the statement that the provider has now; `None` where it has none.
    fn with<T>(&self, provider: &Provider, look: impl FnOnce(&mut Standing) -> T) -> Option<T> {
        let statement = provider.declared.statement()?;
        let mut standings = self.standings();
        let anew = |statement| Standing { statement, lost: false, paused: None, forms: HashMap::new() };
        let standing = standings.entry(provider.ods).or_insert_with(|| anew(Arc::clone(&statement)));
        if !Arc::ptr_eq(&standing.statement, &statement) {
            *standing = anew(statement);
        }
        Some(look(standing))
    }

    /// Whether what it answered to these tests can be relied on, as long as it was remembered.
    pub fn keeps(&self, provider: &Provider, resource_type: ResourceType, tests: &[Test]) -> bool {
        let form = form(resource_type, tests);
        let keeps = |standing: &mut Standing| !standing.lost && standing.forms.get(&form).is_some_and(|of| of.keeps);
        self.with(provider, keeps).unwrap_or(false)
    }

    /// Another question is to be asked.
    pub fn way<'a>(&'a self, provider: &'a Provider, resource_type: ResourceType, tests: &[Test]) -> Way<'a> {
        let form = form(resource_type, tests);
        let choose = |standing: &mut Standing| {
            let paused = standing.paused.is_some_and(|until| Instant::now() < until);
            let full = standing.forms.len() >= MAX_FORMS && !standing.forms.contains_key(&form);
            if standing.lost || paused || full {
                return Way::All;
            }
            let tally = standing.forms.entry(form.clone()).or_default();
            tally.asked = tally.asked.wrapping_add(1);
            let sure = tally.keeps && !tally.failed;
            let due = match sure {
                true => tally.asked.is_multiple_of(AGAIN),
                false => tally.asked <= EAGERLY || tally.asked.is_multiple_of(SELDOM),
            };
            if due && !tally.checking {
                tally.checking = true;
                return Way::Checked(Check { trust: self, provider, form });
            }
            if sure { Way::ByFilters } else { Way::All }
        };
        self.with(provider, choose).unwrap_or(Way::All)
    }

    /// It could not answer by these: it has to show anew that it can.
    pub fn failed(&self, provider: &Provider, resource_type: ResourceType, tests: &[Test]) {
        self.found(provider, &form(resource_type, tests), Finding::Failed);
    }

    /// Whether it is the first time that this provider is found to have lost a match.
    fn found(&self, provider: &Provider, form: &Form, finding: Finding) -> bool {
        let found = |standing: &mut Standing| {
            let tally = standing.forms.entry(form.clone()).or_default();
            match finding {
                Finding::Kept => (tally.keeps, tally.failed) = (true, false),
                Finding::Nothing => {}
                Finding::Failed => {
                    (tally.asked, tally.failed) = (0, true);
                    standing.paused = Some(Instant::now() + PAUSE);
                }
                Finding::Lost => return !std::mem::replace(&mut standing.lost, true),
            }
            false
        };
        self.with(provider, found).unwrap_or(false)
    }
}

impl Check<'_> {
    /// Whether it is the first time that this provider is found to have lost a match.
    pub fn ends(self, finding: Finding) -> bool {
        self.trust.found(self.provider, &self.form, finding)
    }
}

impl Drop for Check<'_> {
    fn drop(&mut self) {
        let ended = |standing: &mut Standing| {
            if let Some(tally) = standing.forms.get_mut(&self.form) {
                tally.checking = false;
            }
        };
        self.trust.with(self.provider, ended);
    }
}

fn form(resource_type: ResourceType, tests: &[Test]) -> Form {
    let mut forms: Vec<String> = tests.iter().map(Test::form).collect();
    forms.sort_unstable();
    forms.dedup();
    (resource_type, forms.join("&"))
}
