//! `caregate provider probe`, as people run it, over the servers of the sandbox's region.

use super::{Report, probed, provider};
use crate::harness::{BUILT_IN, own, program, shared};
use caregate::{
    domain::NhsNumber,
    probe::{Outcome, Target, Verdict},
};
use serde_json::json;
use std::process::Output;

/// Two whom the gateway signs in to in other ways than by a token.
const BY_API_KEY: &str = "quayside";
const BY_SMART: &str = "colneside";

fn run(arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } =
        program().args(["provider", "probe"]).args(arguments).output().expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// The numbers of those of whom this organisation holds most.
fn patients(slug: &str) -> Vec<String> {
    let provider = BUILT_IN.provider(slug).unwrap();
    let mut all: Vec<_> = BUILT_IN.patients.iter().map(|patient| patient.nhs_number).collect();
    all.sort_by_key(|number| std::cmp::Reverse(provider.about(*number).len()));
    all.iter().take(3).map(|number| number.digits()).collect()
}

fn arguments<'a>(url: &'a str, token: &'a str, numbers: &'a [String]) -> Vec<&'a str> {
    let mut all = vec![url, "--allow-private", "--allow-http", "--bearer-file", token, "--json"];
    all.extend(numbers.iter().flat_map(|number| ["--patient", number.as_str()]));
    all
}

#[tokio::test]
async fn the_regions_own_servers_pass_and_how_far_it_has_come_is_told_meanwhile() {
    let gate = shared().await;
    let mut seen = 0;
    for (slug, url) in &gate.providers {
        let token = gate.state().join(format!("{slug}.token"));
        // some are signed in to in other ways, below; and one holds nobody
        let holds_nobody = BUILT_IN.provider(slug).unwrap().of_type("Patient").is_empty();
        if holds_nobody || !token.exists() || slug == BY_API_KEY {
            continue;
        }
        let (token, numbers) = (token.display().to_string(), patients(slug));
        for idiom in ["chained", "resolve-first"] {
            let mut arguments = arguments(url, &token, &numbers);
            arguments.extend(["--idiom", idiom]);
            let (code, out, told) = run(&arguments);
            let report: Report = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{told}"));
            assert_eq!((code, report.verdict), (0, Verdict::Passed), "{slug} {idiom}: {report}");
            assert_eq!((report.idiom.as_str(), report.patients), (idiom, numbers.len()));
            assert!(told.lines().all(|line| line.starts_with('[')), "{told}");
            assert!(told.lines().count() > 9 && told.contains(" done\n"), "{told}");
            assert!(!out.contains("canary") && numbers.iter().all(|number| !out.contains(number.as_str())));
            seen += 1;
        }
    }
    assert!(seen >= 10, "{seen}");
}

#[tokio::test]
async fn one_that_is_signed_in_to_by_an_api_key_or_as_smart_has_it_passes_too() {
    let gate = shared().await;
    let kept = |name: String| json!({"file": gate.state().join(name)});
    let api_key = json!({"header": {"name": "x-api-key", "value": kept(format!("{BY_API_KEY}.token"))}});
    let key = kept(format!("{BY_SMART}.pem"));
    let smart = json!({"smart": {"client_id": "caregate", "scope": "system/*.rs", "key": key}});
    for (slug, credential) in [(BY_API_KEY, api_key), (BY_SMART, smart)] {
        let provider = provider(&gate.providers[slug], json!({"credential": credential}));
        let numbers = patients(slug).iter().map(|digits| NhsNumber::parse(digits).unwrap()).collect();
        let report = probed(&Target::new(provider, numbers, []).unwrap()).await;
        assert_eq!(report.verdict, Verdict::Passed, "{slug}: {report}");
        let signed_in = ["credential-accepted", "credential-required"];
        let passed = report.findings.iter().filter(|one| one.outcome == Outcome::Passed);
        assert_eq!(passed.filter(|one| signed_in.contains(&one.check.as_str())).count(), 2, "{slug}: {report}");
    }
}

#[tokio::test]
async fn one_that_is_slow_is_warned_of_and_one_that_has_turned_hostile_fails() {
    let gate = own().await;
    let (url, slug) = (&gate.providers["saltmarsh"], "saltmarsh");
    let (token, numbers) = (gate.state().join("saltmarsh.token").display().to_string(), patients(slug));
    let mut arguments = arguments(url, &token, &numbers[..2]);
    arguments.extend(["--type", "Condition", "--deadline-ms", "800"]);
    gate.fault(slug, json!({"fault": "delay", "milliseconds": 350})).await;
    let (_, out, _) = run(&arguments);
    let report: Report = serde_json::from_str(&out).unwrap();
    let warned = |check: &str| report.findings.iter().any(|one| one.check == check && one.outcome == Outcome::Warned);
    assert!(warned("speed"), "{report}");
    for (fault, check) in [
        (json!({"fault": "other-patient"}), "another-patient"),
        (json!({"fault": "replay", "types": ["Condition"]}), "answers-mixed-up"),
        (json!({"fault": "duplicate-keys"}), "duplicate-keys"),
        (json!({"fault": "next-loop"}), "next-loop"),
        (json!({"fault": "garbage"}), "content-type"),
        (json!({"fault": "bad-utf8"}), "bad-text"),
        (json!({"fault": "deep", "depth": 500}), "body-depth"),
        (json!({"fault": "huge", "megabytes": 17}), "body-size"),
    ] {
        gate.fault(slug, fault.clone()).await;
        let (code, out, told) = run(&arguments);
        let report: Report = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{fault}: {out}{told}"));
        let failed = report.findings.iter().any(|one| one.check == check && one.outcome == Outcome::Failed);
        assert!(failed && code == 1, "{fault}: {report}");
        assert!(!out.contains("canary"), "{out}");
    }
}

#[tokio::test]
async fn without_patients_it_says_what_it_could_not_test_and_what_cannot_begin_ends_with_two() {
    let gate = shared().await;
    let url = gate.providers["saltmarsh"].as_str();
    let token = gate.state().join("saltmarsh.token").display().to_string();
    let (code, out, _) = run(&[url, "--allow-private", "--allow-http", "--bearer-file", &token]);
    assert_eq!(code, 1, "{out}");
    assert!(out.starts_with("FAILED") && out.contains("No test patients were given."), "{out}");
    assert!(out.lines().all(|line| line.len() <= 100), "{out}");
    for (arguments, words) in [
        (vec![url, "--allow-private"], "--allow-http"),
        (vec![url, "--allow-http"], "--allow-private"),
        (vec!["ftp://provider.example/fhir"], "not https"),
        (vec!["https://user:secret@provider.example/fhir"], "--bearer-file"),
        (vec!["https://provider.example/fhir", "--patient", "9434765919"], "999"),
        (vec!["https://provider.example/fhir", "--patient", "12"], "NHS number"),
        (vec!["https://provider.example/fhir", "--type", "Practitioner"], "Practitioner"),
        (vec!["https://provider.example/fhir", "--type", "Nothing"], "Nothing"),
        (vec!["https://provider.example/fhir", "--bearer-file", "/nowhere/at/all"], "--bearer-file"),
        (vec!["https://provider.example/fhir", "--ca", "/nowhere/at/all"], "ca"),
        (vec!["no url"], "URL"),
    ] {
        let (code, out, told) = run(&arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {told}");
        assert!(told.contains(words), "{arguments:?}: {told}");
    }
}
