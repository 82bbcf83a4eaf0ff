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

/// One provider's, as long as it declares the same by the same entry in the registry.
struct Standing {
    version: i64,
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
    /// What it declared when the check began: of one that declares otherwise by now nothing is found out.
    statement: Arc<Statement>,
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
        let version = provider.version;
        let anew = |statement| Standing { version, statement, lost: false, paused: None, forms: HashMap::new() };
        let standing = standings.entry(provider.ods).or_insert_with(|| anew(Arc::clone(&statement)));
        // a request that began by an entry before finds out nothing of the one in force
        if standing.version > version {
            return None;
        }
        if standing.version < version || standing.statement != statement {
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
                let statement = Arc::clone(&standing.statement);
                return Way::Checked(Check { trust: self, provider, statement, form });
            }
            if sure { Way::ByFilters } else { Way::All }
        };
        self.with(provider, choose).unwrap_or(Way::All)
    }

    /// It could not answer by these: it has to show anew that it can.
    pub fn failed(&self, provider: &Provider, resource_type: ResourceType, tests: &[Test]) {
        let form = form(resource_type, tests);
        self.with(provider, |standing| standing.found(&form, Finding::Failed));
    }
}

impl Standing {
    /// Whether it is the first time that the provider is found to have lost a match.
    fn found(&mut self, form: &Form, finding: Finding) -> bool {
        let tally = self.forms.entry(form.clone()).or_default();
        match finding {
            Finding::Kept => (tally.keeps, tally.failed) = (true, false),
            Finding::Nothing => {}
            Finding::Failed => {
                (tally.asked, tally.failed) = (0, true);
                self.paused = Some(Instant::now() + PAUSE);
            }
            Finding::Lost => return !std::mem::replace(&mut self.lost, true),
        }
        false
    }
}

impl Check<'_> {
    /// Whether it is the first time that the provider is found to have lost a match.
    pub fn ends(self, finding: Finding) -> bool {
        self.with(|standing, form| standing.found(form, finding)).unwrap_or(false)
    }

    fn with<T>(&self, look: impl FnOnce(&mut Standing, &Form) -> T) -> Option<T> {
        let same = |standing: &mut Standing| (standing.statement == self.statement).then(|| look(standing, &self.form));
        self.trust.with(self.provider, same).flatten()
    }
}

impl Drop for Check<'_> {
    fn drop(&mut self) {
        let ended = |standing: &mut Standing, form: &Form| {
            if let Some(tally) = standing.forms.get_mut(form) {
                tally.checking = false;
            }
        };
        self.with(ended);
    }
}

fn form(resource_type: ResourceType, tests: &[Test]) -> Form {
    let mut forms: Vec<String> = tests.iter().map(Test::form).collect();
    forms.sort_unstable();
    forms.dedup();
    (resource_type, forms.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        federation::testing,
        fhir::json::{self, Limits, Tape},
    };

    fn provider() -> Provider {
        let provider = testing::provider("RZ901");
        declare(&provider, "1");
        provider
    }

    fn declare(provider: &Provider, version: &str) {
        let text = format!(
            r#"{{"resourceType":"CapabilityStatement","fhirVersion":"4.0.1","software":{{"version":"{version}"}},
            "rest":[{{"mode":"server","resource":[{{"type":"Patient"}}]}}]}}"#
        );
        let mut tape = Tape::new();
        let resource = json::parse(text.as_bytes(), &mut Limits::default(), &mut tape).unwrap();
        provider.declared.hear(Statement::read(resource));
    }

    const TYPE: ResourceType = ResourceType::Condition;

    fn tests(day: i32) -> [Test; 1] {
        [Test::From { parameter: "onset-date", day }]
    }

    /// How many of so many questions are checked, each with this finding, and how many are asked by filters.
    fn asked(trust: &Trust, provider: &Provider, times: u32, finding: Finding) -> (u32, u32) {
        let (mut checked, mut by_filters) = (0, 0);
        for _ in 0..times {
            match trust.way(provider, TYPE, &tests(0)) {
                Way::All => {}
                Way::ByFilters => by_filters += 1,
                Way::Checked(check) => {
                    checked += 1;
                    check.ends(finding);
                }
            }
        }
        (checked, by_filters)
    }

    #[test]
    fn a_form_is_relied_on_once_it_was_seen_to_keep_its_matches_and_checked_again_now_and_then() {
        let (trust, provider) = (Trust::default(), provider());
        assert_eq!(asked(&trust, &provider, 80, Finding::Nothing), (8 + 5, 0), "seldom, where it holds nothing");
        assert!(!trust.keeps(&provider, TYPE, &tests(0)));
        assert_eq!(asked(&trust, &provider, 16, Finding::Kept), (1, 0));
        assert!(trust.keeps(&provider, TYPE, &tests(0)) && trust.keeps(&provider, TYPE, &tests(9)), "another day");
        assert_eq!(asked(&trust, &provider, 640, Finding::Kept), (10, 630));
        for other in
            [Test::Until { parameter: "onset-date", day: 0 }, Test::From { parameter: "recorded-date", day: 0 }]
        {
            assert!(!trust.keeps(&provider, TYPE, &[other]));
        }
        assert!(!trust.keeps(&provider, ResourceType::Procedure, &tests(0)));
    }

    #[test]
    fn what_is_lost_once_shuts_the_provider_out_until_it_declares_otherwise() {
        let (trust, provider) = (Trust::default(), provider());
        asked(&trust, &provider, 1, Finding::Kept);
        let Way::ByFilters = trust.way(&provider, TYPE, &tests(0)) else { panic!("it is relied on") };
        asked(&trust, &provider, 63, Finding::Lost);
        assert_eq!(asked(&trust, &provider, 500, Finding::Kept), (0, 0));
        assert!(!trust.keeps(&provider, TYPE, &tests(0)), "nor is what it said before");
        let Way::All = trust.way(&provider, ResourceType::Procedure, &tests(0)) else { panic!("of no type") };
        declare(&provider, "1");
        assert_eq!(asked(&trust, &provider, 1, Finding::Kept), (0, 0), "the same");
        declare(&provider, "2");
        assert_eq!(asked(&trust, &provider, 1, Finding::Kept), (1, 0));
    }

    #[test]
    fn what_a_check_finds_is_of_what_was_declared_when_it_began_and_there_is_one_at_a_time() {
        let (trust, provider) = (Trust::default(), provider());
        let Way::Checked(check) = trust.way(&provider, TYPE, &tests(0)) else { panic!("the first is checked") };
        let Way::All = trust.way(&provider, TYPE, &tests(0)) else { panic!("one at a time") };
        declare(&provider, "2");
        check.ends(Finding::Kept);
        assert!(!trust.keeps(&provider, TYPE, &tests(0)));
        let Way::Checked(check) = trust.way(&provider, TYPE, &tests(0)) else { panic!("checked anew") };
        // whoever asked has gone
        drop(check);
        assert_eq!(asked(&trust, &provider, 1, Finding::Kept), (1, 0));
    }

    #[test]
    fn one_that_fails_is_left_alone_for_a_while_and_then_checked_though_what_it_said_is_kept() {
        let (trust, provider) = (Trust::default(), provider());
        asked(&trust, &provider, 1, Finding::Kept);
        trust.failed(&provider, TYPE, &tests(0));
        assert_eq!(asked(&trust, &provider, 10, Finding::Kept), (0, 0));
        assert!(trust.keeps(&provider, TYPE, &tests(0)));
        trust.standings().get_mut(&provider.ods).unwrap().paused = Some(Instant::now());
        assert_eq!(asked(&trust, &provider, 3, Finding::Kept), (1, 2));
    }
}
