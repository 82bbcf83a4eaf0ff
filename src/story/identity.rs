//! Whom does the number mean? The patient index says it, where there is one: to a story that is permitted already, so that
//! whoever is refused learns nothing of it, not even by the time it takes.

use super::{Ending, Gateway};
use crate::{
    access::Permit,
    audit::{Identified, Intent, Opened, SourceLine},
    domain::{NhsNumber, Numbers, OdsCode, Timestamp},
    federation::{Asker, Failure, Identity, PatientIndex, Question},
    identity::Requester,
    record::{Record, Whose},
};
use futures::future::join_all;
use std::{collections::BTreeSet, time::Duration};

/// Asks the index about the number that was asked for, unless it was asked lately, and `since` then. What it says of the number
/// in use is written down first where it is news: then the story is told again, with what is known under all of the numbers.
pub async fn whose(
    g: &Gateway,
    requester: &Requester,
    asked: Option<NhsNumber>,
    permit: &Permit,
    since: Option<Timestamp>,
    intent: &mut Option<Intent>,
    opened: &mut Opened,
) -> Result<Whose, Ending> {
    let asked = asked.unwrap_or(permit.patient());
    if let (Some(index), Some(since)) = (&g.index, since) {
        index.forget_before(since, asked).await;
    }
    let identity = match &g.index {
        None => Identity::NoIndex,
        Some(index) => match index.recall(asked).await.filter(|known| means(known, permit.patient())) {
            Some(known) => known,
            None => {
                let intent = intent.insert(opened.intent().await?);
                match agreed(g, index, (asked, permit.patient()), question(requester, permit), intent).await? {
                    Some(identity) => identity,
                    None => {
                        let line = SourceLine::new(index.ods(), "unknown");
                        opened.identified(Some(Identified { number: asked, concealed: false, line }));
                        return Err(Ending::NoSuchPatient);
                    }
                }
            }
        },
    };
    let concealed = identity.is_restricted() && !may_know(permit, &identity);
    let line = g.index.as_ref().map(|index| line(index.ods(), &identity));
    opened.identified(line.map(|line| Identified { number: asked, concealed, line }));
    let concealing = match concealed {
        true => {
            let registry = g.registries.of(permit.global()).await?;
            Some(g.federation.places(&registry).map_err(|_| Ending::Internal)?)
        }
        false => None,
    };
    Ok(Whose { numbers: permit.numbers().clone(), identity, unchecked: None, concealing })
}

/// The same of a log: whether where the patient is seen is to be kept from this reader. So it is of one whose record the
/// index keeps from everybody, and where it cannot say.
pub async fn is_concealed(
    g: &Gateway,
    requester: &Requester,
    asked: Option<NhsNumber>,
    permit: &Permit,
    opened: &mut Opened,
) -> Result<bool, Ending> {
    match whose(g, requester, asked, permit, None, &mut None, opened).await {
        Ok(whose) => Ok(whose.concealing.is_some()),
        Err(Ending::NoSuchPatient) => Ok(true),
        Err(ending) => Err(ending),
    }
}

/// The same of what is told to nobody who may know it: whether where the patient is seen is kept from most.
pub async fn is_restricted(
    g: &Gateway,
    requester: &Requester,
    number: NhsNumber,
    intent: &Intent,
) -> Result<bool, Ending> {
    let Some(index) = &g.index else { return Ok(false) };
    let identity = match index.recall(number).await {
        Some(known) => Some(known),
        None => {
            let (numbers, policy) = (Numbers::from(number), g.policies.of(&*g.facts.global().await?).await?);
            index.ask(number, Question::new(&numbers, 0, policy.sensitivities(), Asker::of(requester)), intent).await
        }
    };
    Ok(identity.is_none_or(|identity| identity.is_restricted()))
}

/// Numbers that the index is asked about for one record: so many of one source, and of all.
const OF_ONE_SOURCE: usize = 4;
const OF_ALL: usize = 16;

/// How old the index's word must be to be asked for again, where a source says that the number was given up.
const DOUBTED: Duration = Duration::from_secs(10);

/// Sources may know of numbers that were given up for the patient's. The index is asked about each, all at once, and believed:
/// objections made under it are to bind. What could not be asked, or was not answered, the record says.
pub async fn learn(
    g: &Gateway,
    requester: &Requester,
    record: &mut Record,
    permit: &Permit,
    opened: &mut Opened,
) -> Result<(), Ending> {
    let Some(index) = &g.index else { return Ok(()) };
    let is_news = |number: &NhsNumber| permit.numbers().all().all(|known| known != *number);
    let (mut numbers, mut many) = (BTreeSet::new(), false);
    for (source, given_up) in record.given_up() {
        let news: Vec<NhsNumber> = given_up.into_iter().filter(is_news).collect();
        if news.len() > OF_ONE_SOURCE {
            tracing::warn!(provider.ods = %source, "a source calls more NHS numbers given up than are looked up");
            many = true;
        }
        numbers.extend(news.into_iter().take(OF_ONE_SOURCE));
    }
    many |= numbers.len() > OF_ALL;
    let current = permit.patient();
    let (mut unasked, mut known) = (Vec::new(), Vec::new());
    if record.is_superseded() && index.forget_before(Timestamp::now().minus(DOUBTED), current).await {
        unasked.push(current);
    }
    for number in numbers.into_iter().take(OF_ALL).filter(|number| !index.knows_none(*number)) {
        match index.recall(number).await {
            Some(identity) => known.push((number, identity)),
            None => unasked.push(number),
        }
    }
    if !unasked.is_empty() {
        let intent = opened.intent().await?;
        let asked = unasked.into_iter().map(async |number| {
            let identity = index.ask(number, question(requester, permit), &intent).await;
            identity.map(|identity| (number, identity))
        });
        known.extend(join_all(asked).await.into_iter().flatten());
    }
    let mut unchecked = many.then_some(Failure::TooLarge);
    let mut learned = false;
    for (number, identity) in known {
        match identity {
            // one given up for the number in use, or that one itself given up: for all that is known by now each is of its own
            Identity::Known(patient) if (number == current) != (patient.current == current) => {
                let intent = opened.intent().await?;
                match agreed(g, index, (number, number), question(requester, permit), &intent).await {
                    Err(Ending::Stale) => learned = true,
                    Ok(Some(Identity::Stale(_, failure) | Identity::Unchecked(failure))) => unchecked = Some(failure),
                    Ok(_) => {}
                    Err(ending) => return Err(ending),
                }
            }
            Identity::Known(_) | Identity::NoIndex => {}
            // an objection made under it may bind, and it is not known
            Identity::Stale(_, failure) | Identity::Unchecked(failure) => unchecked = Some(failure),
        }
    }
    if learned {
        return Err(Ending::Stale);
    }
    record.leaves_unchecked(unchecked);
    Ok(())
}

/// Before something is recorded under a number: under which it belongs. It is recorded in any case.
pub async fn learn_of(g: &Gateway, requester: &Requester, number: NhsNumber, intent: &Intent) -> Result<(), Ending> {
    let Some(index) = &g.index else { return Ok(()) };
    if index.recall(number).await.is_none_or(|known| !means(&known, number)) {
        let (numbers, policy) = (Numbers::from(number), g.policies.of(&*g.facts.global().await?).await?);
        let question = Question::new(&numbers, 0, policy.sensitivities(), Asker::of(requester));
        agreed(g, index, (number, number), question, intent).await?;
    }
    Ok(())
}

fn question<'a>(requester: &'a Requester, permit: &'a Permit) -> Question<'a> {
    Question::new(permit.numbers(), permit.epochs().patient, permit.policy().sensitivities(), Asker::of(requester))
}

/// The index's word of a number, where it is the one of the person whom the number is known to be by now. Anything else is
/// written down once the index says it twice, the second time asked just now: an answer alone could be another question's, and
/// what is remembered may be older than what is known. Two persons are easily joined, and hard to part.
async fn agreed(
    g: &Gateway,
    index: &PatientIndex,
    (number, known): (NhsNumber, NhsNumber),
    question: Question<'_>,
    intent: &Intent,
) -> Result<Option<Identity>, Ending> {
    let first = index.ask(number, question, intent).await;
    let Some(other) = first.as_ref().and_then(Identity::patient).map(|patient| patient.current) else {
        return Ok(first);
    };
    if other == known {
        return Ok(first);
    }
    match index.ask_anew(number, question, intent).await {
        Some(second) if second.is_known_to_be(other) => {
            g.facts.store().supersede(number, other).await?;
            Err(Ending::Stale)
        }
        Some(second) if !means(&second, known) => Ok(Some(Identity::Unchecked(Failure::ConflictingIds))),
        second => Ok(second),
    }
}

/// Whether it is of this person, or says nothing of who it is.
fn means(identity: &Identity, known: NhsNumber) -> bool {
    identity.patient().is_none_or(|patient| patient.current == known)
}

/// Where the patient is seen is no secret to the patient, or to the practice that the index says they are registered with. Its own
/// word that they are is not enough: whoever flees is registered for a while where they fled from, and the index names no
/// practice of many of them.
fn may_know(permit: &Permit, identity: &Identity) -> bool {
    let Some(organisation) = permit.organisation() else { return true };
    let practices = identity.patient().map(|patient| patient.practices.as_slice()).unwrap_or_default();
    permit.is_of_registered() && practices.contains(&organisation)
}

fn line(index: OdsCode, identity: &Identity) -> SourceLine {
    let line = match identity {
        Identity::Stale(_, failure) => SourceLine::new(index, "stale").because(failure.code()),
        Identity::Unchecked(failure) => SourceLine::new(index, "failed").because(failure.code()),
        Identity::Known(_) | Identity::NoIndex => SourceLine::new(index, "answered"),
    };
    SourceLine { fetched_at: identity.fetched_at(), ..line }
}
