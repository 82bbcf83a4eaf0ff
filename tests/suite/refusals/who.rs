//! Who is refused, and as what.

use Group::*;

/// Whom a way in refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Somebody of another practice, no relationship, a job that reaches nothing, one that reaches other things, a patient who
    /// is not this one, a system; and a GP of the patient's own practice whose token says too little or something else.
    Readers,
    /// The same, for what begins with the Patient, whom a receptionist may see.
    ReadersOfAll,
    LogReaders,
    /// Whoever has nothing to do with this patient's objections.
    Keepers,
    /// Whoever is not the patient: taking back what they recorded themselves is theirs alone.
    Withdrawers,
    /// Whoever does not keep the review desk, or of an organisation that an objection to the whole record does not concern.
    Reviewers,
    /// Whoever is not the system of the organisation named, RZ902.
    Asserters,
    /// Whoever's job is not to treat, whoever is no person on the staff, and a consultant whose token says too little.
    Claimants,
    /// Whoever may not override: no relationship, no such job, too little scope.
    Overriders,
    /// Whoever is no member of staff, or not here for care; all staff may ask why for themselves, and only an officer of a
    /// colleague.
    AskersWhy,
    AskersWhyOfAColleague,
    /// Whoever keeps no desk.
    Deskless,
    /// ... and who keeps another's.
    NotItsKeepers,
    /// Whoever is no officer of Estuary's, and of those who keep its registration too.
    NotItsOfficers,
    NeitherOfficersNorKeepers,
    /// Whoever keeps no organisation's entry in the registry, or whose token says too little.
    Registryless,
    /// ... and who keeps another's than RZ950's.
    Strangers,
    /// ... and who keeps that one: it is let in by operators.
    Unapproving,
}

impl Group {
    pub fn members(self) -> impl Iterator<Item = &'static Who> {
        WHO.iter().filter(move |who| who.refused_as.contains(&self))
    }
}

/// A persona, and the purpose or scope of its token where that is not the usual one.
pub struct Who {
    pub persona: &'static str,
    pub wishes: &'static [(&'static str, &'static str)],
    refused_as: &'static [Group],
}

const fn who(persona: &'static str, refused_as: &'static [Group]) -> Who {
    Who { persona, wishes: &[], refused_as }
}

const fn saying(
    persona: &'static str,
    wishes: &'static [(&'static str, &'static str)],
    refused_as: &'static [Group],
) -> Who {
    Who { persona, wishes, refused_as }
}

// one line a persona
#[rustfmt::skip]
const WHO: &[Who] = &[
    who("gp-blackwater", &[Readers, ReadersOfAll, Keepers, Overriders, NotItsOfficers, NeitherOfficersNorKeepers]),
    who("consultant-estuary", &[Readers, ReadersOfAll, LogReaders, Keepers, Withdrawers, Reviewers, AskersWhyOfAColleague, NotItsOfficers, NeitherOfficersNorKeepers]),
    saying("consultant-estuary", &[("purpose", "HRESCH")], &[Claimants]),
    saying("consultant-estuary", &[("scope", "user/Patient.s user/Observation.rs")], &[Claimants]),
    who("receptionist-saltmarsh", &[Readers, Keepers, Claimants, Overriders, Deskless, NotItsKeepers]),
    who("pharmacist-quayside", &[Readers, ReadersOfAll]),
    who("researcher", &[Readers, ReadersOfAll, LogReaders, Keepers, Reviewers, Claimants, Overriders, Deskless, AskersWhyOfAColleague]),
    who("caldicott-guardian", &[Readers, ReadersOfAll, Withdrawers, Reviewers, Claimants, Overriders, NotItsKeepers]),
    who("patient:9990012024", &[
        Readers, ReadersOfAll, LogReaders, Keepers, Withdrawers, Reviewers, Asserters, Claimants, Overriders, AskersWhy, Deskless, NotItsKeepers,
        NotItsOfficers, NeitherOfficersNorKeepers,
    ]),
    who("system:F99001", &[Readers, ReadersOfAll, LogReaders, Withdrawers, Reviewers, Asserters, Overriders, AskersWhy, Deskless, NotItsKeepers, NotItsOfficers, NeitherOfficersNorKeepers]),
    who("gp-saltmarsh", &[LogReaders, Withdrawers, Reviewers, Asserters, Deskless, NotItsKeepers, AskersWhyOfAColleague]),
    saying("gp-saltmarsh", &[("purpose", "HRESCH")], &[Readers, ReadersOfAll, Keepers, Overriders, AskersWhy]),
    saying("gp-saltmarsh", &[("purpose", "CLINTRL")], &[Readers]),
    saying("gp-saltmarsh", &[("purpose", "HMARKT")], &[Readers]),
    saying("gp-saltmarsh", &[("scope", "user/Condition.rs")], &[Readers]),
    saying("gp-saltmarsh", &[("scope", "patient/Observation.rs system/Observation.rs")], &[Readers]),
    saying("gp-saltmarsh", &[("scope", "user/Observation.rs")], &[ReadersOfAll, Keepers, Overriders, AskersWhy]),
    saying("gp-saltmarsh", &[("scope", "user/Patient.s")], &[ReadersOfAll]),
    who("privacy-officer-estuary", &[Reviewers, Claimants, NotItsKeepers]),
    saying("privacy-officer-estuary", &[("purpose", "HRESCH")], &[LogReaders, Reviewers]),
    saying("privacy-officer-estuary", &[("scope", "user/Task.rs")], &[LogReaders, NotItsOfficers, NeitherOfficersNorKeepers]),
    saying("privacy-officer-estuary", &[("scope", "user/Consent.rs")], &[Reviewers]),
    who("system:RZ901", &[Keepers, Asserters, Claimants, AskersWhyOfAColleague, NotItsOfficers]),
    who("consultant-colneside", &[Asserters]),
    saying("system:RZ902", &[("scope", "system/Patient.rs")], &[Asserters]),
    saying("system:RZ902", &[("purpose", "HRESCH")], &[Asserters]),
    who("privacy-officer-saltmarsh", &[NotItsOfficers, NeitherOfficersNorKeepers]),
    who("health-visitor-hedgerow", &[Registryless, Strangers, Unapproving]),
    who("patient:9990012016", &[Registryless, Strangers, Unapproving]),
    who("systems:RZ951", &[Strangers, Unapproving]),
    who("system:RZ951", &[Strangers, Unapproving]),
    who("system:RZ950", &[Unapproving]),
    saying("system:RZ950", &[("scope", "system/Patient.rs")], &[Registryless, Strangers]),
    saying("system:RZ950", &[("purpose", "HMARKT")], &[Registryless, Strangers]),
    saying("operator-estuary", &[("scope", "user/Patient.rs")], &[Registryless, Strangers, Unapproving]),
    saying("privacy-officer-saltmarsh", &[("purpose", "HRESCH")], &[Deskless]),
    saying("privacy-officer-saltmarsh", &[("scope", "user/AuditEvent.rs")], &[Deskless, NotItsKeepers]),
];
