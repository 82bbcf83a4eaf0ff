/// Why a store could not do what a stage asked. Nothing of the database's own words goes further than the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Down, slow, full, read-only, or it is unknown whether the commit happened.
    #[error("the database is unavailable")]
    Unavailable,
    /// What was to be changed has changed meanwhile (a version, an id already taken).
    #[error("the stored version is another one")]
    Conflict,
    /// What is stored does not read back as what was written: a fault to be looked at by a person.
    #[error("a stored row could not be read")]
    Corrupt,
}
