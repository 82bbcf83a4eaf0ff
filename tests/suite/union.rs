//! The joined-up answer is the union of what everyone holds: nothing lost, nothing merged, nothing changed.

use crate::{
    harness::{Gate, Setup, named_in},
    records::{held, shown},
};
use caregate::{fhir::ResourceType, sandbox::data::PatientInfo};
use futures::{StreamExt, stream};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

#[tokio::test]
async fn of_the_built_in_region_every_gp_gets_all_that_is_held_about_their_patients() {
    // what the patient index adds, and keeps back, is told in its own tests
    all_that_is_held(&Setup::default().without_index().start()).await;
}

/// The region that came with the work, where this checkout still stands beside it.
#[tokio::test]
async fn of_the_shared_region_every_gp_gets_all_that_is_held_about_their_patients() {
    let Some(folder) = shared_region() else {
        eprintln!("../shared/data/region is not here: the built-in region, told above, stands for it");
        return;
    };
    all_that_is_held(&Setup::default().data(&folder).start()).await;
}

fn shared_region() -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().map(|above| above.join("../shared/data/region")).find(|folder| folder.join("region.json").exists())
}

async fn all_that_is_held(gate: &Gate) {
    let patients = gate.data.patients.iter();
    let asks: Vec<(&PatientInfo, &str)> = patients
        .flat_map(|patient| ResourceType::RECORDS.iter().map(move |kind| (patient, kind.as_str())))
        .filter(|(_, kind)| *kind != "Patient")
        .collect();
    let compared: Vec<usize> =
        stream::iter(asks).map(|(patient, kind)| compared(gate, patient, kind)).buffer_unordered(8).collect().await;
    // a region that held nothing would pass too
    assert!(compared.iter().sum::<usize>() > 500, "{compared:?}");
}

/// How many entries were compared.
async fn compared(gate: &Gate, patient: &PatientInfo, kind: &str) -> usize {
    let gp = match patient.gp_practice.as_str() {
        "F99001" => "gp-saltmarsh",
        "F99002" => "gp-blackwater",
        other => panic!("no GP persona at {other}"),
    };
    let expected = held(gate, kind, patient.nhs_number);
    // the second time from memory, and cut into many pages where there is more than a little
    let small = expected.len().div_ceil(6).max(3);
    for (query, most) in [(kind.to_owned(), 50), (format!("{kind}?_count={small}"), small)] {
        let pages = gate.pages(gp, &query, patient.nhs_number).await;
        assert_eq!(pages.len(), expected.len().div_ceil(most).max(1), "{query}: pages");
        assert!(
            shown(&pages) == expected,
            "{query} of {}: {} entries, not the {} held",
            patient.name,
            shown(&pages).len(),
            expected.len()
        );
        let holders: BTreeSet<_> = expected.iter().map(|(ods, _)| ods.clone()).collect();
        for page in &pages {
            assert!(page.matches().len() <= most);
            assert!(page.json().get("total").is_none());
            assert_eq!(page.header("x-completeness"), "complete");
            let named: BTreeSet<_> = page.issues().iter().filter_map(named_in).collect();
            assert_eq!(named, holders, "{query}: every source that contributed is named, and no other");
        }
    }
    expected.len()
}
