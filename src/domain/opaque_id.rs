//! The gateway's own ids: opaque, stable, the same on every node, and unforgeable without the key.
//!
//! An id is a sealed note to ourselves. It is encrypted with AES-SIV (RFC 5297: deterministic, and authenticated by
//! its own tag), so that it tells its holder nothing (no organisation, no number), guessing one is hopeless, and
//! reading it back needs no table. Written in the 64 characters that a FHIR id may have
//! (<https://hl7.org/fhir/R4/datatypes.html#id>), 48 bytes fit: 16 of tag, 7 of ODS code, 5 of NHS number, and up to
//! 20 of the source's own id, in which a UUID takes 16. A longer source id becomes a keyed digest with a stored row.
//! A document's id is of another kind: it holds the address that a resource gives for it, and which type of resource.

use super::{NhsNumber, OdsCode};
use aes_siv::{KeyInit, siv::Aes128Siv};
use aws_lc_rs::{
    digest::{SHA256, digest},
    hmac,
};
use data_encoding::{Encoding, HEXLOWER, Specification};
use std::sync::LazyLock;

const PATIENT: &[u8] = b"caregate patient id 1";
const ENTRY: &[u8] = b"caregate entry id 1";
const DOCUMENT: &[u8] = b"caregate document id 1";

const TAG: usize = 16;
const ODS: usize = 7;
const NUMBER: usize = 5;
const LOCAL_MAX: usize = 20;
const DIGEST: usize = 24;
const TYPE: usize = 2;

/// How the source's own id is packed; it rides in the bits that an NHS number leaves free.
const AS_TEXT: u8 = 0;
const AS_UUID: u8 = 1;
const AS_HEX: u8 = 2;
/// Beside one of these: the address is `Binary/` and what is packed.
const OF_BINARY: u8 = 4;
const BINARY: &str = "Binary/";

static ALPHABET: LazyLock<Option<Encoding>> = LazyLock::new(|| {
    let mut spec = Specification::new();
    spec.symbols.push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.");
    spec.encoding().ok()
});

/// Makes and opens the gateway's ids. One key a region, shared by its nodes; changing it changes every id.
pub struct IdSealer {
    key: aes_siv::Key<Aes128Siv>,
    digest: hmac::Key,
    events: hmac::Key,
}

/// One event in one patient's life, as a business identifier names it: the same on every node and every day, and to whoever
/// has not the key it tells neither the identifier nor the patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Event([u8; 16]);

/// What an entry's id stands for: this source's resource with this local id, in this patient's record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SealedEntry {
    pub source: OdsCode,
    pub patient: NhsNumber,
    pub local: String,
}

/// What a document's id stands for: what this source keeps at this address, which a resource of this type in this patient's
/// record refers to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SealedDocument {
    pub source: OdsCode,
    pub patient: NhsNumber,
    pub referrer: TypeTag,
    /// As the source writes it: `Binary/ID` or any URL.
    pub address: String,
}

/// A resource type in two bytes, by its name alone: it stays the same whatever types come or go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TypeTag([u8; TYPE]);

/// A source id or address too long to seal, kept as a row so that its digest can be read back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LongId {
    pub digest: String,
    /// Of a document `local` is the referring type, a space, and the address: no entry's id has a space.
    pub entry: SealedEntry,
}

/// An id as a caller may present it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryId {
    Patient(NhsNumber),
    Entry(SealedEntry),
    Document(SealedDocument),
    /// A digest: its row, if there is one, says what it is.
    Long(String),
}

impl IdSealer {
    /// `secret` is 32 bytes or more of key material; the two keys are derived from it.
    pub fn new(secret: &[u8]) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let siv = hmac::sign(&root, b"caregate id siv");
        let digest = hmac::sign(&root, b"caregate id digest");
        let events = hmac::sign(&root, b"caregate event digest");
        let mut key = aes_siv::Key::<Aes128Siv>::default();
        key.copy_from_slice(siv.as_ref());
        let keyed = |digest: hmac::Tag| hmac::Key::new(hmac::HMAC_SHA256, digest.as_ref());
        Self { key, digest: keyed(digest), events: keyed(events) }
    }

    /// The event that a resource of this type with this business identifier records.
    pub fn event(&self, patient: NhsNumber, resource_type: &str, system: &str, value: &str) -> Event {
        let said = [&number_bytes(patient, 0), resource_type.as_bytes(), system.as_bytes(), value.as_bytes()];
        // a part's length goes before it: no two lists of parts read alike
        let said = said.iter().fold(Vec::new(), |mut said, part| {
            said.extend_from_slice(&(part.len() as u64).to_be_bytes());
            said.extend_from_slice(part);
            said
        });
        self.event_of(&said)
    }

    /// What tells a group of copies of one event that say the same.
    pub fn group(&self, event: Event, content: &[u8]) -> String {
        let Event(digest) = self.event_of(&[event.0.as_slice(), content].concat());
        HEXLOWER.encode(&digest)
    }

    fn event_of(&self, said: &[u8]) -> Event {
        let mut digest = [0; 16];
        digest.iter_mut().zip(hmac::sign(&self.events, said).as_ref()).for_each(|(to, from)| *to = *from);
        Event(digest)
    }

    pub fn patient(&self, patient: NhsNumber) -> String {
        self.seal(PATIENT, number_bytes(patient, 0).as_slice())
    }

    /// The id of a source's resource, with the row to store first where the source's id is too long to seal.
    pub fn entry(&self, source: OdsCode, patient: NhsNumber, local: &str) -> (String, Option<LongId>) {
        let (packing, packed) = pack(local);
        if packed.len() > LOCAL_MAX {
            return self.long(source, patient, local);
        }
        (self.seal(ENTRY, &plain(source, patient, packing, &[], &packed)), None)
    }

    /// The id of what a resource of `referrer`, a type's name, refers to as a document.
    pub fn document(
        &self,
        source: OdsCode,
        patient: NhsNumber,
        referrer: &str,
        address: &str,
    ) -> (String, Option<LongId>) {
        let (packing, packed) = match address.strip_prefix(BINARY) {
            Some(local) => {
                let (packing, packed) = pack(local);
                (packing | OF_BINARY, packed)
            }
            None => (AS_TEXT, address.as_bytes().to_vec()),
        };
        if TYPE + packed.len() > LOCAL_MAX {
            return self.long(source, patient, &format!("{referrer} {address}"));
        }
        let TypeTag(tag) = TypeTag::of(referrer);
        (self.seal(DOCUMENT, &plain(source, patient, packing, &tag, &packed)), None)
    }

    fn long(&self, source: OdsCode, patient: NhsNumber, local: &str) -> (String, Option<LongId>) {
        let said = plain(source, patient, 0, &[], local.as_bytes());
        let tag = hmac::sign(&self.digest, &said);
        let digest = encode(tag.as_ref().get(..DIGEST).unwrap_or_default());
        let entry = SealedEntry { source, patient, local: local.to_owned() };
        (digest.clone(), Some(LongId { digest, entry }))
    }

    /// Opens an id; `None` for anything this key did not make.
    pub fn open(&self, id: &str) -> Option<EntryId> {
        let sealed = ALPHABET.as_ref()?.decode(id.as_bytes()).ok()?;
        if sealed.len() == DIGEST {
            return Some(EntryId::Long(id.to_owned()));
        }
        if sealed.len() == TAG + NUMBER {
            let plain = self.unseal(PATIENT, &sealed)?;
            return number_from(&plain).map(|(patient, _)| EntryId::Patient(patient));
        }
        if let Some(plain) = self.unseal(ENTRY, &sealed) {
            let (source, patient, packing, packed) = opened(&plain)?;
            return Some(EntryId::Entry(SealedEntry { source, patient, local: unpack(packing, packed)? }));
        }
        let plain = self.unseal(DOCUMENT, &sealed)?;
        let (source, patient, packing, rest) = opened(&plain)?;
        let (tag, packed) = rest.split_at_checked(TYPE)?;
        let local = unpack(packing & !OF_BINARY, packed)?;
        let address = if packing & OF_BINARY == 0 { local } else { format!("{BINARY}{local}") };
        Some(EntryId::Document(SealedDocument { source, patient, referrer: TypeTag(tag.try_into().ok()?), address }))
    }

    fn seal(&self, what: &[u8], plain: &[u8]) -> String {
        // encryption fails only for more than 126 associated headers
        Aes128Siv::new(&self.key).encrypt([what], plain).map(|sealed| encode(&sealed)).unwrap_or_default()
    }

    fn unseal(&self, what: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        Aes128Siv::new(&self.key).decrypt([what], sealed).ok()
    }
}

impl TypeTag {
    pub fn of(name: &str) -> Self {
        let mut tag = [0; TYPE];
        tag.iter_mut().zip(digest(&SHA256, name.as_bytes()).as_ref()).for_each(|(to, from)| *to = *from);
        Self(tag)
    }
}

/// What the row of a digest says it is.
impl From<SealedEntry> for EntryId {
    fn from(row: SealedEntry) -> Self {
        let SealedEntry { source, patient, local } = row;
        match local.split_once(' ') {
            None => Self::Entry(SealedEntry { source, patient, local }),
            Some((referrer, address)) => {
                let (referrer, address) = (TypeTag::of(referrer), address.to_owned());
                Self::Document(SealedDocument { source, patient, referrer, address })
            }
        }
    }
}

fn plain(source: OdsCode, patient: NhsNumber, packing: u8, tag: &[u8], packed: &[u8]) -> Vec<u8> {
    [&ods_bytes(source), &number_bytes(patient, packing)[..], tag, packed].concat()
}

fn opened(plain: &[u8]) -> Option<(OdsCode, NhsNumber, u8, &[u8])> {
    let (ods, rest) = plain.split_at_checked(ODS)?;
    let (number, packed) = rest.split_at_checked(NUMBER)?;
    let (patient, packing) = number_from(number)?;
    Some((ods_from(ods)?, patient, packing, packed))
}

fn encode(bytes: &[u8]) -> String {
    ALPHABET.as_ref().map(|a| a.encode(bytes)).unwrap_or_default()
}

fn number_bytes(patient: NhsNumber, packing: u8) -> [u8; NUMBER] {
    let value = patient.value() | (u64::from(packing) << 34);
    let [_, _, _, a, b, c, d, e] = value.to_be_bytes();
    [a, b, c, d, e]
}

fn number_from(bytes: &[u8]) -> Option<(NhsNumber, u8)> {
    let [a, b, c, d, e] = bytes.try_into().ok()?;
    let value = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]);
    let packing = u8::try_from(value >> 34).ok()?;
    Some((NhsNumber::from_value(value & ((1 << 34) - 1)).ok()?, packing))
}

/// Base 37 (nothing, digits, capitals): ten characters take 53 bits.
fn ods_bytes(code: OdsCode) -> [u8; ODS] {
    let value = code.as_str().bytes().fold(0_u64, |sum, b| {
        let digit = if b.is_ascii_digit() { b - b'0' + 1 } else { b - b'A' + 11 };
        sum * 37 + u64::from(digit)
    });
    let [_, a, b, c, d, e, f, g] = value.to_be_bytes();
    [a, b, c, d, e, f, g]
}

fn ods_from(bytes: &[u8]) -> Option<OdsCode> {
    let [a, b, c, d, e, f, g] = bytes.try_into().ok()?;
    let mut value = u64::from_be_bytes([0, a, b, c, d, e, f, g]);
    let mut text = Vec::with_capacity(10);
    while value > 0 {
        let digit = u8::try_from(value % 37).ok()?;
        text.push(match digit {
            0 => return None,
            1..=10 => digit - 1 + b'0',
            _ => digit - 11 + b'A',
        });
        value /= 37;
    }
    text.reverse();
    OdsCode::parse(std::str::from_utf8(&text).ok()?).ok()
}

fn pack(local: &str) -> (u8, Vec<u8>) {
    let canonical = local.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b) || b == b'-');
    match uuid::Uuid::try_parse(local) {
        Ok(uuid) if canonical && local.len() == 36 => (AS_UUID, uuid.into_bytes().to_vec()),
        Ok(uuid) if canonical && local.len() == 32 => (AS_HEX, uuid.into_bytes().to_vec()),
        _ => (AS_TEXT, local.as_bytes().to_vec()),
    }
}

fn unpack(packing: u8, packed: &[u8]) -> Option<String> {
    let uuid = || uuid::Uuid::from_slice(packed).ok();
    match packing {
        AS_TEXT => String::from_utf8(packed.to_vec()).ok(),
        AS_UUID => uuid().map(|u| u.hyphenated().to_string()),
        AS_HEX => uuid().map(|u| u.simple().to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sealer() -> IdSealer {
        IdSealer::new(&[7; 32])
    }

    fn number() -> NhsNumber {
        NhsNumber::parse("9990000018").unwrap()
    }

    #[test]
    fn a_patients_id_opens_to_the_patient_and_is_always_the_same() {
        let id = sealer().patient(number());
        assert_eq!(id.len(), 28);
        assert_eq!(id, sealer().patient(number()));
        assert_eq!(sealer().open(&id), Some(EntryId::Patient(number())));
        assert_eq!(IdSealer::new(&[8; 32]).open(&id), None);
    }

    #[test]
    fn an_id_too_long_to_seal_becomes_a_digest_with_a_row() {
        let local = "x".repeat(64);
        let (id, row) = sealer().entry(OdsCode::parse("RZ901").unwrap(), number(), &local);
        assert_eq!(row.as_ref().map(|r| r.entry.local.as_str()), Some(local.as_str()));
        assert_eq!(sealer().open(&id), Some(EntryId::Long(id)));
    }

    proptest! {
        #[test]
        fn every_short_source_id_and_every_uuid_comes_back(
            ods in "[A-Z0-9]{3,10}", local in "[A-Za-z0-9.-]{1,20}|[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
        ) {
            let source = OdsCode::parse(&ods).unwrap();
            let (id, row) = sealer().entry(source, number(), &local);
            prop_assert!(row.is_none());
            prop_assert!(id.len() <= 64);
            prop_assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.'));
            prop_assert_eq!(sealer().open(&id), Some(EntryId::Entry(SealedEntry { source, patient: number(), local })));
        }

        #[test]
        fn a_documents_id_opens_to_the_address_as_it_was_written_and_is_no_entrys(
            address in "(Binary/)?([A-Za-z0-9.-]{0,18}|[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})|https://[a-z/?]{0,10}"
        ) {
            let source = OdsCode::parse("RZ901").unwrap();
            let (id, row) = sealer().document(source, number(), "DocumentReference", &address);
            let opened = row.map_or_else(|| sealer().open(&id), |row| {
                assert_eq!(sealer().open(&id), Some(EntryId::Long(id.clone())));
                Some(row.entry.into())
            });
            let referrer = TypeTag::of("DocumentReference");
            prop_assert_ne!(&id, &sealer().entry(source, number(), &address).0);
            prop_assert_ne!(&id, &sealer().document(source, number(), "Patient", &address).0);
            prop_assert!(id.len() <= 64);
            prop_assert_eq!(opened, Some(EntryId::Document(SealedDocument { source, patient: number(), referrer, address })));
        }

        #[test]
        fn one_changed_character_opens_nothing(at in 0..39_usize, to in "[A-Za-z0-9.-]") {
            let (id, _) = sealer().entry(OdsCode::parse("RZ901").unwrap(), number(), "1");
            let mut forged = id.clone();
            forged.replace_range(at..=at, &to);
            prop_assume!(forged != id);
            prop_assert_eq!(sealer().open(&forged), None);
        }

        #[test]
        fn garbage_opens_nothing_but_a_digest(text in ".{0,80}") {
            let opened = sealer().open(&text);
            prop_assert!(matches!(opened, None | Some(EntryId::Long(_))));
        }
    }
}
