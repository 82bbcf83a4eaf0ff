//! A provider joins from nothing: docs/JOINING.md, typed in as it stands, against a real Helios HFS.

use crate::{
    harness::own,
    servers::{Maker, Server},
    tools::{HFS, have},
};
use std::process::{Command, Stdio};

/// What the document has its reader type.
fn typed() -> String {
    let text = include_str!("../../docs/JOINING.md");
    let blocks = text.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    blocks.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_server_that_nobody_knew_joins_by_curl_alone_and_is_in_the_joined_up_record_when_it_is_live_and_no_longer() {
    if !have(&[HFS], "the walk of docs/JOINING.md") {
        return;
    }
    let (gate, server) = (own().await, Server::of(Maker::Helios).await);
    let (sandbox, hospice) = (gate.state(), server.base("hospice"));
    let walked = tokio::task::spawn_blocking(move || {
        let mut shell = Command::new("bash");
        shell.args(["-eu", "-o", "pipefail", "-c", &typed()]).env("SANDBOX", sandbox).env("HFS", hospice);
        shell.env("no_proxy", "127.0.0.1").stdin(Stdio::null()).output().unwrap()
    });
    let output = walked.await.unwrap();
    let (out, error) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{out}\n{error}");
    let lines: Vec<&str> = out.lines().filter(|line| line.contains("the GP")).collect();
    assert_eq!(
        lines,
        [
            "shadow: the GP is shown 0 entries of the hospice's",
            "safety-only: the GP, who was named to look, is shown 2",
            "live: the GP is shown 2",
            "suspended: the GP is shown 0, and told that the hospice is missing",
        ],
        "{out}"
    );
    assert!(out.trim_end().ends_with("RZ960"), "{out}");
    // others than who was named see it once it is live
    for said in ["proposed", "in-force", "safety-only"] {
        assert!(out.contains(said), "{said}: {out}");
    }
}
