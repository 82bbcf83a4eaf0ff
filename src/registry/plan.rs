use super::{Freshness, Narrowing, Presence, Provider, Registry, Want};
use crate::{
    access::{Asking, Permit, Permits, SkipReason},
    domain::{OdsCode, Timestamp},
};
use std::sync::Arc;

/// Whom one request asks, and whom it does not and why. Always in ODS order, so that answers are the same everywhere.
#[derive(Debug, Default)]
pub struct Plan {
    pub ask: Vec<Errand>,
    pub skip: Vec<(Arc<Provider>, SkipReason)>,
    /// Who is a part of the record, and can be asked by nobody: it is missing.
    pub out_of_use: Vec<Arc<Provider>>,
    /// How many are not asked because nothing says that they hold anything.
    pub elsewhere: usize,
    /// How many are not asked because they are still joining, and how many of those asked are with a part of what is wanted.
    pub joining: usize,
    pub joining_in_part: usize,
    /// Whether there are providers that such a question is put to by its filters, whoever is asked of this patient.
    pub by_filter: bool,
}

/// What one provider is asked: who the patient is, and its share of the record.
#[derive(Clone, Debug)]
pub struct Errand {
    pub provider: Arc<Provider>,
    pub wants: Vec<Want>,
    /// What is not asked for, since nothing that it could hold of it might be shown.
    pub withheld: Vec<Want>,
    /// What is not asked for, since it is suspended: it is missing.
    pub suspended: Vec<Want>,
    /// What is remembered may be used where it is as new as this.
    pub freshness: Freshness,
}

impl Registry {
    /// Everyone who may be asked under these permits, each for what it may be asked for. Where only one source's entries
    /// are wanted the others still say who the patient is: another person's data could hide behind an id too.
    /// The requester's own organisation is always asked, and whoever said that it cares for the patient.
    pub fn plan(
        &self,
        permits: &Permits,
        (wants, narrowing): (&[Want], Option<&Narrowing>),
        only: Option<OdsCode>,
        presence: &Presence,
    ) -> Plan {
        let mut plan = Plan::default();
        let permit = |want: &Want| permits.of(want.resource_type).unwrap_or(permits.first());
        let wants: Vec<(&Want, &Permit)> = wants.iter().map(|want| (want, permit(want))).collect();
        let not_live = Asking::Skip(SkipReason::NotLive);
        let mut firsts = permits.first().in_order();
        for (ods, provider) in self.by_code() {
            let first = firsts.asks(ods);
            let asking = |permit: &Permit| if std::ptr::eq(permit, permits.first()) { first } else { permit.asks(ods) };
            // thousands may be joining: nothing else of them is looked at
            if first == not_live && wants.iter().all(|(_, permit)| asking(permit) == not_live) {
                plan.joining += 1;
                continue;
            }
            let narrowed = narrowing.and_then(|narrowing| Some((narrowing, narrowing.at(provider)?)));
            plan.by_filter |= narrowed.is_some();
            let want = |want: &Want| match &narrowed {
                Some((narrowing, narrowed)) if narrowing.narrows(want) => narrowed.clone(),
                _ => want.clone(),
            };
            let known = only == Some(provider.ods) || permits.first().relates(provider.ods);
            if !known && !presence.asks(provider.ods, provider.locate) {
                plan.elsewhere += 1;
                continue;
            }
            let wants = if only.is_some_and(|only| only != provider.ods) { &[] } else { wants.as_slice() };
            let freshness = Freshness { recalled: permits.first().recalled_at(provider.ods), since: None };
            let mut errand = Errand { freshness, ..Errand::who(provider) };
            let (mut in_part, mut shut) = (false, None);
            for (wanted, permit) in wants.iter().filter(|(want, _)| provider.serves(want.resource_type)) {
                let asking = asking(permit);
                if let Asking::Skip(reason) = asking {
                    shut = shut.into_iter().chain([reason]).min();
                }
                match asking {
                    Asking::Ask => errand.wants.push(want(wanted)),
                    Asking::Skip(SkipReason::NotLive) => in_part = true,
                    Asking::Skip(SkipReason::Suspended) => errand.suspended.push(want(wanted)),
                    Asking::Skip(SkipReason::Objected | SkipReason::Quarantined) => errand.withheld.push(want(wanted)),
                }
            }
            match (first, errand.wants.is_empty()) {
                (Asking::Skip(first), true) => match shut.unwrap_or(first) {
                    SkipReason::NotLive => plan.joining += 1,
                    reason => plan.skip.push((Arc::clone(provider), reason)),
                },
                // nobody is asked, and no memory is looked through, for what can say nothing
                _ if provider.is_out_of_use => plan.out_of_use.push(Arc::clone(provider)),
                _ => {
                    plan.joining_in_part += usize::from(in_part);
                    plan.ask.push(errand);
                }
            }
        }
        plan
    }
}

impl Plan {
    /// Nothing is to be used that was asked for before this moment.
    pub fn since(mut self, moment: Option<Timestamp>) -> Self {
        self.ask.iter_mut().for_each(|errand| errand.freshness.since = moment);
        self
    }
}

impl Errand {
    /// To ask who the patient is, and nothing more.
    pub fn who(provider: &Arc<Provider>) -> Self {
        Self {
            provider: Arc::clone(provider),
            wants: Vec::new(),
            withheld: Vec::new(),
            suspended: Vec::new(),
            freshness: Freshness::default(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
