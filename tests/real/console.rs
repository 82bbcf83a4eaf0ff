//! An organisation joins by the console's pages alone, in a real browser, with a real server behind it: Helios HFS where it is installed, and
//! else one of the sandbox's.

use crate::{
    harness::{BUILT_IN, own},
    servers::{Maker, Server},
    tools::{CHROMIUM, HFS, NODE, folder, have, node, ours},
};
use std::{path::Path, process::Command};

const SLUG: &str = "saltmarsh";
/// One for each walk that an organisation joins by.
const CODES: [&str; 8] = ["RZ950", "RZ951", "RZ952", "RZ953", "RZ954", "RZ955", "RZ956", "RZ957"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_organisation_joins_by_the_pages_alone_from_nothing_to_a_joined_up_record() {
    if !have(&[NODE, CHROMIUM, HFS], "joining by the pages in a browser") {
        return;
    }
    let provider = BUILT_IN.provider(SLUG).unwrap();
    let server = Server::of(Maker::Helios).await;
    server.hold(provider).await;
    let mut held: Vec<_> = BUILT_IN.patients.iter().map(|patient| patient.nhs_number).collect();
    held.sort_by_key(|number| std::cmp::Reverse(provider.about(*number).len()));
    let gate = own().await;
    // something has left a source before anybody looks
    let read = gate.search("gp-saltmarsh", "Condition?", gate.registered("F99001", 0).nhs_number).await;
    assert_eq!(read.status, 200, "{}", read.text);
    let numbers: Vec<String> = held[..3].iter().map(|number| number.digits()).collect();
    let screenshots = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screenshots/console");
    let mut walk = Command::new(node());
    walk.arg(ours("browser/console.mjs")).arg(&gate.url).arg(&screenshots).arg(server.base(SLUG));
    walk.arg(numbers.join(",")).arg(CODES.join(",")).current_dir(folder());
    let done = tokio::task::block_in_place(|| walk.output()).expect("node runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    // what was staged to live answers beside everybody else
    let patient = held.iter().find(|number| gate.registered("F99001", 0).nhs_number == **number).unwrap_or(&held[0]);
    let record = gate.search("gp-saltmarsh", "Condition?", *patient).await;
    let sources: Vec<_> = record.matches().iter().map(crate::harness::source_of).collect();
    for joined in &CODES[..4] {
        assert!(sources.iter().any(|source| source == joined), "{joined}: {sources:?} {}", record.text);
    }
}
