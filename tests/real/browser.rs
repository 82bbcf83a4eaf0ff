//! Our pages in a real browser: what it shows without a mouse, without JavaScript, on a small screen, and what it says against them.

use crate::{
    harness::own,
    tools::{CHROMIUM, NODE, folder, have, node, ours},
};
use std::{path::Path, process::Command};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_pages_work_by_keyboard_and_without_javascript_on_every_screen_and_axe_has_nothing_to_say() {
    if !have(&[NODE, CHROMIUM], "the pages in a browser") {
        return;
    }
    let gate = own().await;
    let screenshots = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screenshots");
    let mut walk = Command::new(node());
    walk.arg(ours("browser/pages.mjs")).arg(&gate.url).arg(&screenshots).current_dir(folder());
    let done = tokio::task::block_in_place(|| walk.output()).expect("node runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let shown = std::fs::read_dir(&screenshots).expect("screenshots").count();
    assert!(shown >= 20, "{shown} screenshots");
}
