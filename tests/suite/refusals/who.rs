//! Who is refused, by what they ask for.

/// A persona, and the purpose and scope of its token where they are not the usual ones.
pub struct Who(pub &'static str, pub &'static [(&'static str, &'static str)]);

const fn who(persona: &'static str) -> Who {
    Who(persona, &[])
}

/// Somebody of another practice, no relationship, a job that reaches nothing, one that reaches other things, a patient who
/// is not this one, a system; and a GP of the patient's own practice whose token says too little or something else.
pub const READERS: &[Who] = &[
    who("gp-blackwater"),
    who("consultant-estuary"),
    who("receptionist-saltmarsh"),
    who("pharmacist-quayside"),
    who("researcher"),
    who("caldicott-guardian"),
    who("patient:9990012024"),
    who("system:F99001"),
    Who("gp-saltmarsh", &[("purpose", "HRESCH")]),
    Who("gp-saltmarsh", &[("purpose", "CLINTRL")]),
    Who("gp-saltmarsh", &[("purpose", "HMARKT")]),
    Who("gp-saltmarsh", &[("scope", "user/Condition.rs")]),
    Who("gp-saltmarsh", &[("scope", "patient/Observation.rs system/Observation.rs")]),
];

/// The same, for what begins with the Patient, whom a receptionist may see.
pub const READERS_OF_ALL: &[Who] = &[
    who("gp-blackwater"),
    who("consultant-estuary"),
    who("pharmacist-quayside"),
    who("researcher"),
    who("caldicott-guardian"),
    who("patient:9990012024"),
    who("system:F99001"),
    Who("gp-saltmarsh", &[("purpose", "HRESCH")]),
    Who("gp-saltmarsh", &[("scope", "user/Observation.rs")]),
    Who("gp-saltmarsh", &[("scope", "user/Patient.s")]),
];

pub const LOG_READERS: &[Who] = &[
    who("gp-saltmarsh"),
    who("consultant-estuary"),
    who("researcher"),
    who("patient:9990012024"),
    who("system:F99001"),
    Who("privacy-officer-estuary", &[("purpose", "HRESCH")]),
    Who("privacy-officer-estuary", &[("scope", "user/Task.rs")]),
];

pub const KEEPERS: &[Who] = &[
    who("gp-blackwater"),
    who("consultant-estuary"),
    who("receptionist-saltmarsh"),
    who("researcher"),
    who("patient:9990012024"),
    who("system:RZ901"),
    Who("gp-saltmarsh", &[("purpose", "HRESCH")]),
    Who("gp-saltmarsh", &[("scope", "user/Observation.rs")]),
];

/// Whoever is not the patient: taking back what they recorded themselves is theirs alone.
pub const WITHDRAWERS: &[Who] = &[
    who("gp-saltmarsh"),
    who("system:F99001"),
    who("consultant-estuary"),
    who("caldicott-guardian"),
    who("patient:9990012024"),
];

/// Whoever does not keep the review desk, or of an organisation that an objection to the whole record does not concern.
pub const REVIEWERS: &[Who] = &[
    who("gp-saltmarsh"),
    who("consultant-estuary"),
    who("privacy-officer-estuary"),
    who("caldicott-guardian"),
    who("researcher"),
    who("patient:9990012024"),
    who("system:F99001"),
    Who("privacy-officer-estuary", &[("scope", "user/Consent.rs")]),
    Who("privacy-officer-estuary", &[("purpose", "HRESCH")]),
];

/// Whoever is not the system of the organisation named, RZ902.
pub const ASSERTERS: &[Who] = &[
    who("gp-saltmarsh"),
    who("consultant-colneside"),
    who("patient:9990012024"),
    who("system:RZ901"),
    who("system:F99001"),
    Who("system:RZ902", &[("scope", "system/Patient.rs")]),
    Who("system:RZ902", &[("purpose", "HRESCH")]),
];

/// Whoever's job is not to treat, whoever is no person on the staff, and a consultant whose token says too little.
pub const CLAIMANTS: &[Who] = &[
    who("receptionist-saltmarsh"),
    who("researcher"),
    who("privacy-officer-estuary"),
    who("caldicott-guardian"),
    who("patient:9990012024"),
    who("system:RZ901"),
    Who("consultant-estuary", &[("purpose", "HRESCH")]),
    Who("consultant-estuary", &[("scope", "user/Patient.s user/Observation.rs")]),
];

/// Whoever may not override: no relationship, no such job, too little scope.
pub const OVERRIDERS: &[Who] = &[
    who("gp-blackwater"),
    who("receptionist-saltmarsh"),
    who("researcher"),
    who("caldicott-guardian"),
    who("patient:9990012024"),
    who("system:F99001"),
    Who("gp-saltmarsh", &[("purpose", "HRESCH")]),
    Who("gp-saltmarsh", &[("scope", "user/Observation.rs")]),
];

/// Whoever is no member of staff, or not here for care; all staff may ask why for themselves, and only an officer of a colleague.
pub const ASKERS_WHY: &[Who] = &[
    who("patient:9990012024"),
    who("system:F99001"),
    Who("gp-saltmarsh", &[("purpose", "HRESCH")]),
    Who("gp-saltmarsh", &[("scope", "user/Observation.rs")]),
];

/// Whoever keeps no desk.
pub const DESKLESS: &[Who] = &[
    who("gp-saltmarsh"),
    who("receptionist-saltmarsh"),
    who("researcher"),
    who("patient:9990012024"),
    who("system:F99001"),
    Who("privacy-officer-saltmarsh", &[("purpose", "HRESCH")]),
    Who("privacy-officer-saltmarsh", &[("scope", "user/AuditEvent.rs")]),
];

/// ... and who keeps another's.
pub const NOT_ITS_KEEPERS: &[Who] = &[
    who("gp-saltmarsh"),
    who("receptionist-saltmarsh"),
    who("patient:9990012024"),
    who("system:F99001"),
    who("privacy-officer-estuary"),
    who("caldicott-guardian"),
    Who("privacy-officer-saltmarsh", &[("scope", "user/AuditEvent.rs")]),
];

pub const ASKERS_WHY_OF_A_COLLEAGUE: &[Who] =
    &[who("gp-saltmarsh"), who("consultant-estuary"), who("researcher"), who("system:RZ901")];
