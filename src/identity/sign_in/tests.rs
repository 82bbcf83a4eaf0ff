use super::*;
use serde_json::{Value, json};

fn config(change: impl FnOnce(&mut Value)) -> SignInConfig {
    let mut value = json!({
        "authorize_url": "https://id.example/authorize", "token_url": "https://id.example/token",
        "client_id": "pages", "proof": {"secret": {"env": "PATH"}},
    });
    change(&mut value);
    serde_json::from_value(value).unwrap()
}

#[test]
fn every_unsafe_setting_of_a_sign_in_is_a_fault() {
    assert_eq!(config(|_| ()).faults(true, false), Vec::<String>::new());
    assert_eq!(config(|_| ()).faults(false, false).len(), 1, "without what its ID tokens must be");
    for (member, value) in [
        ("authorize_url", json!("http://id.example/authorize")),
        ("authorize_url", json!("https://u:p@id.example/authorize")),
        ("token_url", json!("http://id.example/token")),
        ("token_url", json!("https://id.example/token#a")),
        ("client_id", json!("")),
        ("client_id", json!("a b")),
        ("scope", json!("profile")),
        ("parameters", json!({"redirect_uri": "https://elsewhere.example"})),
        ("parameters", json!({"state": "1"})),
        ("proof", json!({"secret": {"file": "/nowhere/at/all"}})),
        ("proof", json!({"key": {"key": {"env": "PATH"}}})),
    ] {
        let faults = config(|v| v[member] = value.clone()).faults(true, false);
        assert_eq!(faults.len(), 1, "{member} {value}: {faults:?}");
    }
    let plain = config(|v| v["token_url"] = json!("http://127.0.0.1/token"));
    assert_eq!(plain.faults(true, true), Vec::<String>::new());
}

#[test]
fn nothing_that_a_browser_brings_back_is_shown_where_it_is_logged() {
    let returned = Returned { code: Some("canary".into()), ticket: Some("canary".into()), ..Returned::default() };
    assert!(!format!("{returned:?}").contains("canary"));
}
