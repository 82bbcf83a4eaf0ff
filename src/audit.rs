//! The audit: what was asked, decided and shown, committed before a byte leaves.
//!
//! Rows are leaves of an append-only Merkle log. One writer a node gathers what waits while the last commit is in flight
//! (group commit); a release row commits only while the epochs its permit was decided under still stand. Read in this
//! order: [`Row`] (what is kept), [`AuditLog`] (how a request writes it), `writer` (one transaction for many), `merkle`
//! and [`Checkpoint`] (why it cannot be rewritten unseen), [`verify`] and [`shown`] (what can be asked of it later).

pub mod balp;
mod checkpoint;
mod checkpoint_file;
pub mod ledger;
mod log;
mod log_id;
mod log_store;
mod merkle;
mod note;
mod opened;
mod past;
mod reader;
mod report;
mod row;
mod writer;

pub use crate::{
    federation::{AnswerId, Items},
    record::{ItemRanges, SourceLine},
};
pub mod shown;
pub mod verify;

pub use checkpoint::{Checkpoint, InvalidCheckpoint};
pub use ledger::{DayTotal, LedgerPage, LedgerStore, Line, List, TAKEN};
pub use log::{AuditLog, Commit, LogError, LogOptions, NotCommitted, Receipt};
pub use log_id::{InvalidLogId, LogId};
pub use log_store::{Batch, ClaimError, CommitError, LogStore, Seal, SealedRow};
pub use merkle::{Frontier, Hash};
pub use note::{InvalidKey, Signer, VerifierKey};
pub use opened::{Intent, Opened, Released};
pub use past::{Again, Past};
pub use reader::{Kept, LogReader, PatientRows, Place, StoredCheckpoint, StoredHead, StoredRow};
pub use report::{Fault, Report, Where};
pub use row::{Asked, Guard, Identified, Kind, Overriding, Row, Who};
