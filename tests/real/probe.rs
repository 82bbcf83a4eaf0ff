//! The probe of servers that others wrote: each holds what an organisation of the region does, and passes. What a server is warned of is
//! true of it, and is listed in docs/PROBE.md.

use crate::{
    harness::{BUILT_IN, program},
    servers::{Maker, Server},
    tools::{HAPI, HFS, have},
};
use caregate::probe::{Outcome, Report, Verdict};
use std::collections::BTreeSet;

/// What each server is warned of, whatever it holds.
const WARNED: &[(Maker, &[&str])] = &[(Maker::Helios, &["tls"]), (Maker::Hapi, &["tls"])];

async fn passes(maker: Maker, slug: &str, idiom: &str) {
    let provider = BUILT_IN.provider(slug).unwrap();
    let server = Server::of(maker).await;
    server.hold(provider).await;
    let mut held: Vec<_> = BUILT_IN.patients.iter().map(|patient| patient.nhs_number).collect();
    held.sort_by_key(|number| std::cmp::Reverse(provider.about(*number).len()));
    let base = server.base(slug);
    let mut command = program();
    command.args(["provider", "probe", &base, "--allow-private", "--allow-http", "--json", "--idiom", idiom]);
    // what such a server claims is all that R4 has: an organisation names what it serves
    let kinds = provider.resources.keys().map(String::as_str);
    let targets = ["Patient", "Practitioner", "PractitionerRole", "Organization", "Location", "Medication", "Binary"];
    let more = ["Specimen", "Device", "Provenance"];
    let kinds: Vec<_> = kinds.filter(|kind| !targets.contains(kind) && !more.contains(kind)).collect();
    command.args(kinds.iter().flat_map(|kind| ["--type", kind])).args(["--deadline-ms", "20000"]);
    command.args(held[..3].iter().flat_map(|number| ["--patient".to_owned(), number.digits()]));
    let output = command.output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let report: Report =
        serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(report.verdict, Verdict::Passed, "{maker:?}: {report}");
    let warned = report.findings.iter().filter(|one| one.outcome == Outcome::Warned);
    let warned: BTreeSet<&str> = warned.map(|one| one.check.as_str()).collect();
    let known = WARNED.iter().find(|(one, _)| *one == maker).unwrap().1;
    assert_eq!(warned, known.iter().copied().collect(), "{maker:?}: {report}");
}

#[tokio::test]
async fn helios_hfs_passes_the_probe_with_test_patients_loaded() {
    if have(&[HFS], "the probe of Helios HFS") {
        passes(Maker::Helios, "saltmarsh", "resolve-first").await;
        passes(Maker::Helios, "saltmarsh", "chained").await;
    }
}

#[tokio::test]
async fn hapi_fhir_passes_the_probe_with_test_patients_loaded() {
    if have(&[HAPI], "the probe of HAPI FHIR") {
        passes(Maker::Hapi, "saltmarsh", "resolve-first").await;
    }
}
