//! What a log was at one moment, signed: <https://c2sp.org/tlog-checkpoint>.
//!
//! Three lines: the log's origin, its size, and the root of its tree. Whoever keeps one outside the database can show
//! later that no row below that size was changed, removed, reordered or added in between.

use super::{
    LogId,
    merkle::{Frontier, Hash},
    note::{Signature, Signer, VerifierKey},
};
use data_encoding::BASE64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: String,
    pub size: u64,
    pub root: Hash,
    /// The text the signatures are over, and they.
    text: String,
    signatures: Vec<Signature>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a checkpoint: origin, size, root, an empty line and a signature, each on a line of its own")]
pub struct InvalidCheckpoint;

impl Checkpoint {
    /// The signed note over the log as it now is.
    pub(super) fn sign(signer: &Signer, log: &LogId, head: &Frontier) -> String {
        let root = BASE64.encode(&head.root().0);
        signer.sign(log, &format!("{}\n{}\n{root}\n", signer.origin(log), head.size()))
    }

    /// Reads exactly one note. Nothing is checked but its form.
    pub fn parse(note: &str) -> Result<Self, InvalidCheckpoint> {
        match Self::parse_all(note)?.as_slice() {
            [one] => Ok(one.clone()),
            _ => Err(InvalidCheckpoint),
        }
    }

    /// Reads any number of notes, one after another: the file of the latest, or the history beside it.
    pub fn parse_all(notes: &str) -> Result<Vec<Self>, InvalidCheckpoint> {
        let mut lines = notes.lines().peekable();
        let mut read = Vec::new();
        while lines.peek().is_some() {
            read.push(Self::read(&mut lines).ok_or(InvalidCheckpoint)?);
        }
        Ok(read)
    }

    fn read<'a>(lines: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>) -> Option<Self> {
        let text: Vec<&str> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
        let mut signatures = Vec::new();
        while let Some(line) = lines.next_if(|line| line.starts_with('\u{2014}')) {
            signatures.push(Signature::parse(line)?);
        }
        // lines after the root are extensions, signed but not ours to read
        let [origin, size, root, ..] = text.as_slice() else { return None };
        let plain = size.bytes().all(|b| b.is_ascii_digit()) && (*size == "0" || !size.starts_with('0'));
        let root = Hash::from_slice(&BASE64.decode(root.as_bytes()).ok()?)?;
        let said = (!origin.is_empty() && plain && !signatures.is_empty()).then(|| text.join("\n") + "\n")?;
        Some(Self { origin: (*origin).to_owned(), size: size.parse().ok()?, root, text: said, signatures })
    }

    /// The log it is of: the last part of the origin.
    pub fn log(&self) -> Option<LogId> {
        self.origin.rsplit('/').next().and_then(|id| LogId::parse(id).ok())
    }

    /// Whether this key, under the origin's name, signed it.
    pub fn signed_by(&self, key: &VerifierKey) -> bool {
        key.name() == self.origin && self.signatures.iter().any(|signature| key.verifies(&self.text, signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer() -> Signer {
        Signer::new("caregate.example/audit", &[7; 32]).unwrap()
    }

    fn log() -> LogId {
        LogId::parse("node-1").unwrap()
    }

    fn head(size: u64) -> Frontier {
        let mut head = Frontier::default();
        (0..size).for_each(|i| head.push(Hash::of(&[&i.to_be_bytes()])));
        head
    }

    #[test]
    fn a_checkpoint_reads_back_as_signed_and_only_its_own_key_verifies_it() {
        let note = Checkpoint::sign(&signer(), &log(), &head(5));
        let read = Checkpoint::parse(&note).unwrap();
        assert_eq!((read.origin.as_str(), read.size, read.root), ("caregate.example/audit/node-1", 5, head(5).root()));
        assert_eq!(read.log(), Some(log()));

        let key = signer().verifier_key(&log()).to_string();
        assert!(read.signed_by(&VerifierKey::parse(&key).unwrap()));
        let stranger = Signer::new("caregate.example/audit", &[8; 32]).unwrap();
        assert!(!read.signed_by(&stranger.verifier_key(&log())));
        // the same key, but the name of another log
        assert!(!read.signed_by(&signer().verifier_key(&LogId::parse("node-2").unwrap())));
    }

    #[test]
    fn any_changed_character_of_the_text_breaks_the_form_or_the_signature() {
        let note = Checkpoint::sign(&signer(), &log(), &head(5));
        let key = signer().verifier_key(&log());
        let text = note.find("\n\n").unwrap();
        for at in 0..text {
            let mut forged = note.clone();
            let other = if note.as_bytes()[at] == b'x' { "y" } else { "x" };
            forged.replace_range(at..=at, other);
            assert!(!Checkpoint::parse(&forged).is_ok_and(|c| c.signed_by(&key)), "{forged}");
        }
    }

    #[test]
    fn a_history_reads_as_its_notes_in_order_and_half_a_note_is_refused() {
        let history: String = (1..4).map(|size| Checkpoint::sign(&signer(), &log(), &head(size))).collect();
        let sizes: Vec<u64> = Checkpoint::parse_all(&history).unwrap().iter().map(|c| c.size).collect();
        assert_eq!(sizes, [1, 2, 3]);
        assert_eq!(Checkpoint::parse(&history), Err(InvalidCheckpoint));
        assert_eq!(Checkpoint::parse_all(&history[..history.len() / 2]), Err(InvalidCheckpoint));
        assert_eq!(Checkpoint::parse("caregate.example/audit/a\n05\nAAAA\n\n\u{2014} a b\n"), Err(InvalidCheckpoint));
    }

    #[test]
    fn a_verifier_key_whose_hash_is_of_another_name_is_refused() {
        let key = signer().verifier_key(&log()).to_string();
        assert!(VerifierKey::parse(&key.replace("node-1", "node-2")).is_err());
        assert_eq!(VerifierKey::parse_all(&format!("# ours\n\n{key}\n")).unwrap().len(), 1);
    }
}
