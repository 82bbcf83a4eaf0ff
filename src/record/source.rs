use crate::{
    access::{Asking, Disclosure, Permit, Permits, SkipReason},
    domain::{Labels, Timestamp},
    federation::{Answer, Entry, Failure, Items, Part, PartSaid, Resolution, Said},
    fhir::date::Interval,
    registry::{Portion, Provider},
};
use std::sync::Arc;

/// One source's place in a record.
#[derive(Clone, Debug)]
pub struct Source {
    pub provider: Arc<Provider>,
    pub state: State,
}

#[derive(Clone, Debug)]
pub enum State {
    /// It knows the patient; beside that, a part for each type that was wanted.
    Holds {
        resolution: Arc<Resolution>,
        parts: Vec<Part>,
    },
    Nothing,
    Failed(Failure),
    /// The patient objects to this source's data being shared.
    Withheld,
    /// It was asked when it was live, and is no longer: like one that was not asked, as it is still joining.
    Joining,
}

impl State {
    pub fn of(said: Said) -> Self {
        match said {
            Said::Holds(resolution, parts) => Self::Holds { resolution, parts },
            Said::Nothing(_) => Self::Nothing,
            Said::Failed(failure) => Self::Failed(failure),
            Said::Skipped(reason) => Self::skipped(reason),
        }
    }

    /// What is ours to report, and what is the patient's choice.
    fn skipped(reason: SkipReason) -> Self {
        match reason {
            SkipReason::Quarantined => Self::Failed(Failure::Quarantined),
            SkipReason::Suspended => Self::Failed(Failure::Suspended),
            SkipReason::NotLive => Self::Joining,
            SkipReason::Objected => Self::Withheld,
        }
    }
}

impl Source {
    /// What it is under permits newer than the plan: what these would not have asked for is out of it.
    pub fn under(&self, permits: &Permits) -> Self {
        let state = match (&self.state, self.asking(permits)) {
            (State::Holds { parts, .. }, Asking::Skip(reason))
                if parts.iter().all(|part| self.shut(part, permits).is_some()) =>
            {
                State::skipped(reason)
            }
            (State::Nothing, Asking::Skip(reason)) => State::skipped(reason),
            // nor is anything else told of it
            (State::Failed(_) | State::Withheld, Asking::Skip(SkipReason::NotLive)) => State::Joining,
            (State::Holds { resolution, parts }, _) => {
                let of = |part: &Part| match self.shut(part, permits) {
                    Some(said) => Part { want: part.want.clone(), said },
                    None => part.clone(),
                };
                State::Holds { resolution: Arc::clone(resolution), parts: parts.iter().map(of).collect() }
            }
            _ => self.state.clone(),
        };
        Self { provider: Arc::clone(&self.provider), state }
    }

    /// Whether it would be asked under these permits. That the type of the first is not live there is no reason to say so of all of it: then
    /// what is said of the others is, and of several reasons the gravest.
    fn asking(&self, permits: &Permits) -> Asking {
        let asks = |permit: &Permit| permit.asks(self.provider.ods);
        let first = asks(permits.first());
        if first != Asking::Skip(SkipReason::NotLive) {
            return first;
        }
        let served = permits.all().filter(|(resource_type, _)| self.provider.serves(*resource_type));
        served.map(|(_, permit)| asks(permit)).fold(first, Asking::graver)
    }

    /// What is said of a part that these permits would not have asked for.
    fn shut(&self, part: &Part, permits: &Permits) -> Option<PartSaid> {
        let Some(permit) = permits.of(part.want.resource_type) else { return Some(PartSaid::Withheld) };
        match permit.asks(self.provider.ods) {
            Asking::Ask => None,
            Asking::Skip(SkipReason::NotLive) => Some(PartSaid::NotLive),
            Asking::Skip(SkipReason::Suspended) => Some(PartSaid::Failed(Failure::Suspended)),
            Asking::Skip(SkipReason::Quarantined | SkipReason::Objected) => Some(PartSaid::Withheld),
        }
    }

    /// Whether these permits would not have asked for something that was asked for.
    pub fn is_shut_out(&self, permits: &Permits) -> bool {
        let asking = || self.asking(permits);
        match &self.state {
            State::Holds { parts, .. } if parts.is_empty() => asking() != Asking::Ask,
            State::Holds { parts, .. } => parts.iter().any(|part| match self.shut(part, permits) {
                None => false,
                Some(PartSaid::Withheld) => !matches!(part.said, PartSaid::Withheld),
                Some(_) => true,
            }),
            State::Nothing => asking() != Asking::Ask,
            State::Failed(_) | State::Withheld => asking() == Asking::Skip(SkipReason::NotLive),
            State::Joining => false,
        }
    }

    /// Why it is missing from the answer, or a part of it is, where the reader is to be told so.
    pub fn failure(&self) -> Option<Failure> {
        match &self.state {
            State::Failed(failure) => Some(*failure),
            State::Holds { parts, .. } => parts.iter().find_map(Part::failure),
            State::Nothing | State::Withheld | State::Joining => None,
        }
    }

    /// The same, and why what is shown of it is not what it would say now.
    pub fn shortfall(&self) -> Option<Failure> {
        self.failure().or_else(|| self.parts().iter().find_map(Part::stale))
    }

    /// Since when what is shown of it stands, where it is not what it would say now: of several answers the oldest.
    pub fn stale_since(&self) -> Option<Timestamp> {
        let stale = self.parts().iter().filter(|part| part.stale().is_some());
        stale.filter_map(Part::answer).map(|answer| answer.fetched_at).min()
    }

    /// Whether all that is held of it was asked for after it last took something back.
    pub fn stands(&self, permits: &Permits) -> bool {
        let recalled = permits.first().recalled_at(self.provider.ods);
        let answers = self.parts().iter().filter_map(Part::answer).map(|answer| answer.epoch);
        answers.chain(self.resolution().map(|resolution| resolution.epoch)).all(|epoch| epoch >= recalled)
    }

    /// Whether the source has taken this entry of a part back.
    pub fn took_back(&self, permits: &Permits, part: usize, entry: &Entry) -> bool {
        let Some(part) = self.parts().get(part) else { return true };
        let epoch = part.answer().map_or(0, |answer| answer.epoch);
        permits.first().is_recalled(self.provider.ods, part.want.resource_type, &entry.local, epoch)
    }

    /// Whether something of it, or all, is withheld without a look at what it is. What was meant by name is not told of: that it was
    /// meant tells of the entries that name it.
    pub fn is_withheld(&self) -> bool {
        match &self.state {
            State::Withheld => true,
            State::Holds { parts, .. } => {
                let withheld = |part: &Part| matches!(part.said, PartSaid::Withheld);
                parts.iter().any(|part| part.want.portion == Portion::All && withheld(part))
            }
            State::Nothing | State::Failed(_) | State::Joining => false,
        }
    }

    /// Whether this reader may see what it labelled so. Of a source whose very name tells something nothing is shown to
    /// those who may not see what is restricted: what is shown names its source.
    pub fn discloses(&self, permit: &Permit, labels: &Labels, date: Option<Interval>) -> bool {
        let released = |labels| permit.disclosure(self.provider.ods, labels, date) == Disclosure::Release;
        released(labels) && (!self.provider.restricted || released(&Labels::restricted_only()))
    }

    /// Whether it is still joining.
    pub fn is_joining(&self) -> bool {
        matches!(self.state, State::Joining)
    }

    /// Whether a part of what was asked for is.
    pub fn is_joining_in_part(&self) -> bool {
        self.parts().iter().any(|part| part.want.portion == Portion::All && matches!(part.said, PartSaid::NotLive))
    }

    pub fn parts(&self) -> &[Part] {
        match &self.state {
            State::Holds { parts, .. } => parts,
            State::Nothing | State::Failed(_) | State::Withheld | State::Joining => &[],
        }
    }

    pub fn answer(&self, part: usize) -> Option<&Arc<Answer>> {
        self.parts().get(part)?.answer()
    }

    /// Since when what it answered stands: of several answers the oldest.
    pub fn since(&self) -> Option<Timestamp> {
        let answered = self.parts().iter().filter(|part| part.stale().is_none());
        let oldest = answered.filter_map(Part::answer).map(|answer| answer.fetched_at).min();
        oldest.or(self.resolution().map(|resolution| resolution.fetched_at))
    }

    /// The lists of all that it holds: who the patient is, and each part.
    pub fn items(&self) -> impl Iterator<Item = &Arc<Items>> {
        let who = self.resolution().map(|resolution| &resolution.items);
        who.into_iter().chain(self.parts().iter().filter_map(Part::answer).map(|answer| &answer.items))
    }

    fn resolution(&self) -> Option<&Arc<Resolution>> {
        match &self.state {
            State::Holds { resolution, .. } => Some(resolution),
            State::Nothing | State::Failed(_) | State::Withheld | State::Joining => None,
        }
    }
}
