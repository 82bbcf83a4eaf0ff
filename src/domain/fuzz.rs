//! A target for a fuzzer (CONTRIBUTING.md, "Fuzzing"): ids that a caller presents, and what a source calls its own things.

use super::{
    EntryId, IdSealer, NhsNumber, OdsCode,
    opaque_id::{SealedDocument, SealedEntry, TypeTag},
};
use crate::fhir::fuzz::Dice;

const LOCALS: [&str; 8] = [
    "1",
    "00000000-0000-4000-8000-000000000000",
    "00000000000040008000000000000000",
    "A0000000-0000-4000-8000-000000000000",
    "twenty-bytes-exactly",
    "twenty-one-bytes-long",
    "",
    "Binary/1",
];

/// An id opens as what it was made of; another, whatever it is made of, opens as nothing but a digest that stands for nothing.
#[test]
fn an_id_opens_as_what_it_was_made_of_and_no_other_opens() {
    let sealer = IdSealer::new(&[7; 32]);
    let [patient, _] = ["9990000018", "9990000026"].map(|number| NhsNumber::parse(number).unwrap());
    let source = OdsCode::parse("RZ901").unwrap();
    bolero::check!().with_iterations(10_000).for_each(|bytes: &[u8]| {
        let mut dice = Dice::new(bytes);
        let local = if dice.one_in(2) {
            String::from_utf8_lossy(bytes).into_owned()
        } else {
            let local = dice.pick(&LOCALS).as_bytes().to_vec();
            String::from_utf8_lossy(&dice.spoil(local)).into_owned()
        };
        let (id, row, stands_for) = match dice.below(3) {
            0 => (sealer.patient(patient), None, EntryId::Patient(patient)),
            1 => {
                let (id, row) = sealer.entry(source, patient, &local);
                (id, row, EntryId::Entry(SealedEntry { source, patient, local: local.clone() }))
            }
            _ => {
                let (id, row) = sealer.document(source, patient, "Flag", &local);
                let referrer = TypeTag::of("Flag");
                (id, row, EntryId::Document(SealedDocument { source, patient, referrer, address: local.clone() }))
            }
        };
        assert!(id.len() <= 64 && crate::fhir::is_id(&id));
        // of a long one the row says it; no entry's own id has a space, which tells a document's row
        match row {
            Some(row) if matches!(stands_for, EntryId::Document(_)) || !local.contains(' ') => {
                assert_eq!(sealer.open(&id), Some(EntryId::Long(id.clone())));
                assert_eq!(EntryId::from(row.entry), stands_for);
            }
            Some(_) => {}
            None => assert_eq!(sealer.open(&id), Some(stands_for)),
        }
        let spoilt = dice.spoil(id.clone().into_bytes());
        for other in [&spoilt, bytes].into_iter().filter_map(|text| std::str::from_utf8(text).ok()) {
            let opened = sealer.open(other);
            assert!(other == id || matches!(opened, None | Some(EntryId::Long(_))), "{other} opens");
        }
    });
}
