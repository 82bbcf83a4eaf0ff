use crate::domain::{NhsNumber, Numbers, OdsCode, StoreError, Timestamp};
use async_trait::async_trait;
use moka::future::Cache;
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// Whether a provider is asked about a patient that nothing says it holds. A region has thousands of providers, and a patient
/// is known to a handful.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Locate {
    /// About every patient.
    #[default]
    Always,
    /// Unless it said lately, when asked, that it holds nothing: that is believed for a while.
    Learned,
    /// Only where a pointer says that it holds something: it has agreed to send them.
    Pointers,
}

/// A presence pointer: that a provider holds something about a patient, or no longer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pointer {
    pub source: OdsCode,
    /// Sent by the provider's own system, or learned by asking it.
    pub sent: bool,
    pub present: bool,
    pub at: Timestamp,
    /// Exclusive.
    pub until: Timestamp,
}

/// What is known of who holds anything about one patient.
#[derive(Debug, Default)]
pub struct Presence {
    present: BTreeSet<OdsCode>,
    absent: BTreeSet<OdsCode>,
}

/// The database's part of it. Nothing here is a fact that a decision rests on, so no epoch is raised.
#[async_trait]
pub trait PresenceStore: Send + Sync {
    /// Replaces what was known of the same source in the same way.
    async fn point(&self, patient: NhsNumber, pointers: &[Pointer]) -> Result<(), StoreError>;
    /// Those that stand at `now`.
    async fn pointers(&self, patient: NhsNumber, now: Timestamp) -> Result<Vec<Pointer>, StoreError>;
}

/// Who is to be asked about whom, remembered for some seconds: a pointer sent to another node is followed that much later.
pub struct Locator {
    store: Arc<dyn PresenceStore>,
    known: Cache<NhsNumber, Arc<Presence>>,
    lifetimes: LocatorConfig,
}

/// `[locator]`: how long what is known of who holds what is believed, in seconds.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LocatorConfig {
    /// A pointer that a provider sent; it sends it again before then.
    pub sent_seconds: u64,
    /// That a provider held something when it was asked...
    pub learned_seconds: u64,
    /// ... and that it held nothing. Short: for so long a first visit is not seen.
    pub learned_absence_seconds: u64,
}

impl Default for LocatorConfig {
    fn default() -> Self {
        Self { sent_seconds: 90 * 86_400, learned_seconds: 30 * 86_400, learned_absence_seconds: 3_600 }
    }
}

impl Locator {
    const REMEMBERED: Duration = Duration::from_secs(5);

    pub fn new(store: Arc<dyn PresenceStore>, lifetimes: LocatorConfig) -> Self {
        let known = Cache::builder().max_capacity(100_000).time_to_live(Self::REMEMBERED).build();
        Self { store, known, lifetimes }
    }

    pub async fn presence(&self, patient: NhsNumber) -> Result<Arc<Presence>, StoreError> {
        let load = async {
            let pointers = self.store.pointers(patient, Timestamp::now()).await?;
            Ok(Arc::new(Presence::of(&pointers)))
        };
        self.known.try_get_with(patient, load).await.map_err(|error: Arc<StoreError>| *error)
    }

    /// The same of a person with several numbers: who holds something under one is asked, and who is not known to hold nothing
    /// under each.
    pub async fn presence_of(&self, numbers: &Numbers) -> Result<Arc<Presence>, StoreError> {
        let mut known = self.presence(numbers.current).await?;
        for number in numbers.all().skip(1) {
            let other = self.presence(number).await?;
            known = Arc::new(Presence {
                present: known.present.union(&other.present).copied().collect(),
                absent: known.absent.intersection(&other.absent).copied().collect(),
            });
        }
        Ok(known)
    }

    /// A provider's own system says so.
    pub async fn sent(&self, patient: NhsNumber, source: OdsCode, present: bool) -> Result<(), StoreError> {
        self.point(patient, &[(source, present)], true).await
    }

    /// Providers that were asked said so.
    pub async fn learned(&self, patient: NhsNumber, said: &[(OdsCode, bool)]) -> Result<(), StoreError> {
        self.point(patient, said, false).await
    }

    async fn point(&self, patient: NhsNumber, said: &[(OdsCode, bool)], sent: bool) -> Result<(), StoreError> {
        let at = Timestamp::now();
        let pointers: Vec<Pointer> = said
            .iter()
            .map(|(source, present)| {
                let seconds = match (sent, present) {
                    (true, _) => self.lifetimes.sent_seconds,
                    (false, true) => self.lifetimes.learned_seconds,
                    (false, false) => self.lifetimes.learned_absence_seconds,
                };
                Pointer { source: *source, sent, present: *present, at, until: at.plus(Duration::from_secs(seconds)) }
            })
            .collect();
        self.store.point(patient, &pointers).await?;
        self.known.invalidate(&patient).await;
        Ok(())
    }
}

impl Presence {
    /// Of what was sent and what was learned about one source, that it holds something wins over that it does not, unless it
    /// said so itself afterwards: asking it once too often is the better mistake.
    pub fn of(pointers: &[Pointer]) -> Self {
        let mut by_source: BTreeMap<OdsCode, Vec<&Pointer>> = BTreeMap::new();
        for pointer in pointers {
            by_source.entry(pointer.source).or_default().push(pointer);
        }
        let mut known = Self::default();
        for (source, pointers) in by_source {
            let taken_back = pointers.iter().find(|pointer| pointer.sent && !pointer.present).map(|pointer| pointer.at);
            let held = pointers.iter().any(|p| p.present && taken_back.is_none_or(|taken_back| p.at > taken_back));
            let places = if held { &mut known.present } else { &mut known.absent };
            places.insert(source);
        }
        known
    }

    /// The same, where nothing is believed to be held nowhere because it was so: who sends pointers is not asked without one.
    pub fn asked_again(&self) -> Self {
        Self { present: self.present.clone(), absent: BTreeSet::new() }
    }

    /// Whether a provider that wants to be asked so is asked.
    pub fn asks(&self, source: OdsCode, locate: Locate) -> bool {
        match locate {
            Locate::Always => true,
            Locate::Learned => !self.absent.contains(&source),
            Locate::Pointers => self.present.contains(&source),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pointer(sent: bool, present: bool, at: i64) -> Pointer {
        Pointer { source: OdsCode::parse("RZ901").unwrap(), sent, present, at: Timestamp(at), until: Timestamp::MAX }
    }

    fn asked(pointers: &[Pointer]) -> (bool, bool, bool) {
        let (presence, source) = (Presence::of(pointers), OdsCode::parse("RZ901").unwrap());
        let asks = |locate| presence.asks(source, locate);
        (asks(Locate::Always), asks(Locate::Learned), asks(Locate::Pointers))
    }

    #[test]
    fn whom_nothing_is_known_of_is_asked_unless_it_sends_pointers() {
        assert_eq!(asked(&[]), (true, true, false));
        assert_eq!(asked(&[pointer(false, false, 1)]), (true, false, false));
        assert_eq!(asked(&[pointer(false, true, 1)]), (true, true, true));
        assert_eq!(asked(&[pointer(true, true, 1)]), (true, true, true));
        assert_eq!(asked(&[pointer(true, false, 1)]), (true, false, false));
        // that it held nothing when it was asked does not take back what it sent
        assert_eq!(asked(&[pointer(true, true, 1), pointer(false, false, 2)]), (true, true, true));
        // what it took back stands until it is found to hold something again
        assert_eq!(asked(&[pointer(true, false, 2), pointer(false, true, 1)]), (true, false, false));
        assert_eq!(asked(&[pointer(true, false, 1), pointer(false, true, 2)]), (true, true, true));
    }

    #[test]
    fn whoever_wants_all_has_all_asked_again_but_those_who_send_pointers() {
        let presence = Presence::of(&[pointer(false, false, 1)]).asked_again();
        let source = OdsCode::parse("RZ901").unwrap();
        assert!(presence.asks(source, Locate::Learned) && !presence.asks(source, Locate::Pointers));
    }

    proptest! {
        #[test]
        fn the_order_of_pointers_says_nothing(sent: bool, learned: bool, first in 0..3_i64, second in 0..3_i64) {
            let (a, b) = (pointer(true, sent, first), pointer(false, learned, second));
            prop_assert_eq!(asked(&[a, b]), asked(&[b, a]));
        }
    }
}
