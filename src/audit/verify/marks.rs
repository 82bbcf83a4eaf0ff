use super::{Outside, Stop};
use crate::audit::{
    Checkpoint, Fault, LogId, LogReader, Report, StoredCheckpoint, VerifierKey, Where, merkle::Frontier,
};
use std::collections::VecDeque;

const PAGE: u32 = 256;

/// The checkpoints of one log, stored and held elsewhere, met as the tree grows to their sizes.
pub(super) struct Marks<'a> {
    reader: &'a dyn LogReader,
    log: &'a LogId,
    keys: Vec<&'a VerifierKey>,
    /// Largest last; taken from the front.
    held: VecDeque<&'a Checkpoint>,
    stored: VecDeque<StoredCheckpoint>,
    /// All stored ones up to this size have been read.
    read_to: u64,
    read_all: bool,
    good: u64,
    good_held: u64,
    signed: u64,
    matched: u64,
    unsigned_stored: bool,
}

impl<'a> Marks<'a> {
    pub(super) fn new(reader: &'a dyn LogReader, outside: &'a Outside, log: &'a LogId) -> Self {
        let mut held: Vec<&Checkpoint> = outside.held.iter().filter(|c| c.log().as_ref() == Some(log)).collect();
        held.sort_by_key(|checkpoint| checkpoint.size);
        let ending = format!("/{log}");
        Self {
            reader,
            log,
            keys: outside.keys.iter().filter(|key| key.name().ends_with(&ending)).collect(),
            held: held.into(),
            stored: VecDeque::new(),
            read_to: 0,
            read_all: false,
            good: 0,
            good_held: 0,
            signed: 0,
            matched: 0,
            unsigned_stored: false,
        }
    }

    /// The size up to which a checkpoint has agreed.
    pub(super) fn good(&self) -> u64 {
        self.good
    }

    /// Compares the checkpoints of the size that the tree now has.
    pub(super) async fn check(&mut self, tree: &Frontier) -> Result<(), Stop> {
        self.read_ahead().await?;
        while let Some(stored) = self.stored.pop_front_if(|stored| stored.size <= tree.size()) {
            let checkpoint = Checkpoint::parse(&stored.note)
                .ok()
                .filter(|read| read.size == stored.size && read.log().as_ref() == Some(self.log));
            let Some(checkpoint) = checkpoint else {
                return Err(self.fault(stored.size, "the stored checkpoint of that size does not read"));
            };
            self.compare(&checkpoint, tree, "stored")?;
        }
        while let Some(held) = self.held.pop_front_if(|held| held.size <= tree.size()) {
            self.compare(held, tree, "held elsewhere")?;
            self.good_held = held.size;
        }
        Ok(())
    }

    fn compare(&mut self, checkpoint: &Checkpoint, tree: &Frontier, which: &str) -> Result<(), Stop> {
        if checkpoint.size > 0 && checkpoint.root != tree.root() {
            let place =
                Where::Rows { log: self.log.clone(), first: self.good, last: checkpoint.size.saturating_sub(1) };
            let what = format!("is not what the checkpoint {which} of size {} was made over", checkpoint.size);
            return Err(Stop::Fault(Fault { place, what }));
        }
        if self.keys.is_empty() {
            self.unsigned_stored = true;
        } else if self.keys.iter().any(|key| checkpoint.signed_by(key)) {
            self.signed = checkpoint.size;
        } else {
            let what = format!("the checkpoint {which} is not signed by the given key");
            return Err(self.fault(checkpoint.size, &what));
        }
        self.good = checkpoint.size;
        self.matched += 1;
        Ok(())
    }

    async fn read_ahead(&mut self) -> Result<(), Stop> {
        if self.stored.is_empty() && !self.read_all {
            let page = self.reader.checkpoints(self.log, self.read_to, PAGE).await?;
            self.read_all = page.is_empty();
            self.read_to = page.last().map_or(self.read_to, |last| last.size);
            self.stored = page.into();
        }
        Ok(())
    }

    /// What is left is larger than the log was when its head was read.
    pub(super) async fn check_beyond(&mut self, size: u64) -> Result<(), Stop> {
        if let Some(held) = self.held.iter().find(|held| held.size > size) {
            let what = format!("was cut: a checkpoint held elsewhere says it had {} rows, now {size}", held.size);
            return Err(Stop::log(self.log, what));
        }
        self.read_ahead().await?;
        let Some(stored) = self.stored.back() else { return Ok(()) };
        // a log that is being written may have grown meanwhile
        let grown = self.reader.head(self.log).await?.map_or(0, |head| head.size);
        if stored.size > grown {
            let what = format!("was cut: its own checkpoint says it had {} rows, now {grown}", stored.size);
            return Err(Stop::log(self.log, what));
        }
        Ok(())
    }

    pub(super) fn say(&self, size: u64, report: &mut Report) {
        let log = self.log;
        if self.matched > 0 {
            report
                .proved
                .push(format!("log {log}: {} checkpoints agree, the last of size {}", self.matched, self.good));
        }
        if self.signed > 0 {
            report.proved.push(format!("log {log}: rows 0 to {} stand under a signature", self.signed - 1));
        }
        if self.unsigned_stored {
            report
                .not_proved
                .push(format!("log {log}: the checkpoints' signatures: no public key of this log was given"));
        }
        if self.good_held == size && size > 0 {
            report.proved.push(format!("log {log}: a checkpoint held elsewhere covers all of it"));
        } else if self.good_held > 0 {
            report
                .proved
                .push(format!("log {log}: rows 0 to {} are those of a checkpoint held elsewhere", self.good_held - 1));
            report.not_proved.push(format!("log {log}: that nothing after row {} was cut off", self.good_held - 1));
        } else if size > 0 {
            report.not_proved.push(format!(
                "log {log}: that the database as a whole was not rewritten, or its end cut off with the head: only a \
                 checkpoint kept elsewhere shows that (--checkpoint)"
            ));
        }
    }

    fn fault(&self, size: u64, what: &str) -> Stop {
        Stop::log(self.log, format!("at size {size}: {what}"))
    }
}
