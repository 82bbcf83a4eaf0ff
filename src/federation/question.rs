use super::{
    Failure, Places, Resolution,
    cache::{AnswerKey, PatientKey},
};
use crate::{
    access::Sensitivities,
    domain::{NhsNumber, Numbers, RequestId, Timestamp},
    identity::Requester,
    registry::{Freshness, Idiom, Portion, Provider, ReaderContext, Test, Want},
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tokio::time::Instant;
use url::Url;

/// How many ids one search names: an id has up to 64 characters, and a URL should stay below 4,000.
const NAMED_AT_ONCE: usize = 50;

/// Of whom something is asked, for whom, and how what is answered is labelled; the plan says what of whom.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub numbers: &'a Numbers,
    /// The patient's epoch, read before anything is asked: what is asked for now is later than every fact up to it.
    pub epoch: i64,
    /// The list of the policy that permitted the question.
    pub sensitivities: &'a Arc<Sensitivities>,
    pub asker: Asker<'a>,
    /// Entries are to be rid of what tells where the patient is seen, recognised by these.
    pub concealing: Option<&'a Arc<Places>>,
}

/// For whom one question is asked. No two are the same, not even of one requester.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    pub requester: &'a Requester,
    turn: Turn,
}

/// Which question it was, where its answers are for nobody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Turn(u64);

/// One provider's part of a question, until when.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub provider: &'a Arc<Provider>,
    pub question: Question<'a>,
    pub request: RequestId,
    /// When the request came to it.
    pub began: Timestamp,
    pub deadline: Instant,
    pub freshness: Freshness,
}

impl<'a> Asker<'a> {
    pub fn of(requester: &'a Requester) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { requester, turn: Turn(NEXT.fetch_add(1, Ordering::Relaxed)) }
    }
}

impl<'a> Question<'a> {
    pub fn new(numbers: &'a Numbers, epoch: i64, sensitivities: &'a Arc<Sensitivities>, asker: Asker<'a>) -> Self {
        Self { numbers, epoch, sensitivities, asker, concealing: None }
    }

    /// By the number in use.
    pub(super) fn patient(self) -> NhsNumber {
        self.numbers.current
    }

    pub(super) fn patient_key(self, provider: &Provider) -> PatientKey {
        let (numbers, list) = (self.numbers, self.sensitivities.id());
        (provider.told_by(), numbers.current, numbers.given_up(), list, self.turn(provider))
    }

    /// `found` is who the source said that the patient is.
    pub(super) fn key(self, provider: &Provider, want: &Want, found: &Resolution) -> AnswerKey {
        let matching = matches!(want.portion, Portion::Matching(_));
        AnswerKey {
            of: self.patient_key(provider),
            want: want.clone(),
            concealed: self.concealing.map(|places| places.id()),
            under: matching.then_some(found.fetched_at),
        }
    }

    /// `None` where the provider answers all readers alike.
    fn turn(self, provider: &Provider) -> Option<Turn> {
        (provider.reader_context == ReaderContext::Decides).then_some(self.asker.turn)
    }
}

/// The searches that together ask for all of it, or for what matches: one, or one for each Patient or number where there are several, or one for
/// every so many names. `page_size` is the `_count` asked for.
pub(super) fn searches(
    provider: &Provider,
    numbers: &Numbers,
    want: &Want,
    found: &Resolution,
    page_size: u32,
) -> Result<Vec<Url>, Failure> {
    let by_name = |name, names: &[Box<str>]| names.chunks(NAMED_AT_ONCE).map(|some| (name, some.join(","))).collect();
    let asked: Vec<(&str, String)> = match (&want.portion, provider.idiom) {
        (Portion::Named(locals), _) => by_name("_id", locals),
        (Portion::Of(targets), _) => by_name("target", targets),
        (Portion::All | Portion::Matching(_), Idiom::Chained) => {
            let token = |number: NhsNumber| format!("{}|{}", NhsNumber::SYSTEM, number.digits());
            numbers.all().map(|number| ("patient.identifier", token(number))).collect()
        }
        (Portion::All | Portion::Matching(_), Idiom::ResolveFirst) => {
            found.patients.iter().map(|p| ("patient", p.local.clone())).collect()
        }
    };
    let tests: &[Test] = if let Portion::Matching(tests) = &want.portion { tests } else { &[] };
    let url = |(name, value): (&str, String)| {
        let mut url = provider.base.join(want.resource_type.as_str()).map_err(|_| Failure::Internal)?;
        url.query_pairs_mut()
            .append_pair(name, &value)
            .extend_pairs(tests.iter().map(Test::asked))
            .append_pair("_count", &page_size.to_string());
        Ok(url)
    };
    asked.into_iter().map(url).collect()
}
