//! What is odd and yet true is passed on as it is.

use super::{BAD, GP, patient_of, stage, whole};
use crate::{
    harness::Gate,
    raw::{Act, Heard, Raw, Sound, ok, searchset},
    records::raw_matches,
};

async fn before(act: impl Fn(&Heard, &Sound) -> Act + Send + Sync + 'static) -> (Gate, Raw) {
    let raw = Raw::start(BAD).await;
    raw.does(act);
    (stage().with(&raw).start(), raw)
}

#[tokio::test]
async fn filters_counts_and_totals_are_the_gateways_own_whatever_a_provider_makes_of_them() {
    // one that promises more than came is another matter: then pages are missing
    for total in ["", r#","total":0"#] {
        // all at once, `_count` or not, and with a word beside it
        let (gate, _raw) = before(move |heard, sound| {
            let word = r#"{"resourceType":"OperationOutcome","issue":[{"severity":"warning","code":"not-supported"}]}"#;
            Act::Send(ok(searchset(&[sound.resources(heard), vec![word.to_owned()]].concat(), total)))
        })
        .await;
        whole(&gate, "Condition", patient_of(&gate), total).await;
        let page = gate.search(GP, "Condition?_count=1", patient_of(&gate)).await;
        assert_eq!(page.matches().len(), 1);
    }
}

#[tokio::test]
async fn an_entry_that_comes_twice_alike_in_a_page_and_across_pages_is_one() {
    let (gate, raw) = before(|heard, sound| {
        let own = sound.resources(heard);
        let more = match heard.query.contains_key("page") {
            true => String::new(),
            false => format!(r#","link":[{{"relation":"next","url":"{}&page=2"}}]"#, heard.target),
        };
        Act::Send(ok(searchset(&[own.clone(), own].concat(), &more)))
    })
    .await;
    whole(&gate, "Procedure", patient_of(&gate), "entries that came four times").await;
    assert!(raw.heard().iter().any(|heard| heard.query.contains_key("page")));
}

#[tokio::test]
async fn the_same_id_at_two_providers_is_two_resources() {
    let here = "Procedure";
    let (gate, raw) = before(|_, _| Act::Sound).await;
    let patient = patient_of(&gate);
    let theirs = gate.data.providers.iter().filter(|provider| provider.ods.as_str() != BAD);
    let others: Vec<_> =
        theirs.flat_map(|provider| provider.about(patient)).filter(|(kind, _)| *kind == here).collect();
    let id = others.first().expect("another holds one").1.id.clone();
    raw.does(move |heard, sound| {
        let mut own = sound.resources(heard);
        if heard.kind == here {
            own.truncate(1);
            let value: serde_json::Value = serde_json::from_str(&own[0]).unwrap();
            let [old, new] = [value["id"].as_str().unwrap(), &id].map(|id| format!("\"id\":\"{id}\""));
            own[0] = own[0].replacen(&old, &new, 1);
        }
        Act::Send(ok(searchset(&own, "")))
    });
    let found = gate.search(GP, here, patient).await;
    assert_eq!(found.header("x-completeness"), "complete", "{}", found.text);
    let mut ids = found.match_ids();
    assert_eq!(ids.len(), others.len() + 1);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), others.len() + 1, "each has an id of its own");
}

#[tokio::test]
async fn numbers_keep_every_digit_they_came_with() {
    const NUMBERS: [&str; 5] = ["1.10", "0.12345678901234567", "100000000000000000001", "1e999", "-0.0E-0"];
    let (gate, _raw) = before(|heard, sound| {
        let mut own = sound.resources(heard);
        for one in &mut own {
            let list = NUMBERS.map(|n| format!(r#"{{"url":"https://raw.example/n","valueDecimal":{n}}}"#)).join(",");
            *one = one.replacen('{', &format!("{{\"modifierExtension\":[{list}],"), 1);
        }
        Act::Send(ok(searchset(&own, "")))
    })
    .await;
    let found = gate.search(GP, "Procedure", patient_of(&gate)).await;
    assert_eq!(found.header("x-completeness"), "complete");
    let raw = raw_matches(&[found]);
    let theirs: Vec<_> = raw.iter().filter(|one| one.contains("https://raw.example/n")).collect();
    assert!(!theirs.is_empty());
    for one in theirs {
        assert!(NUMBERS.iter().all(|number| one.contains(&format!("\"valueDecimal\":{number}}}"))), "{one}");
    }
}

#[tokio::test]
async fn an_address_of_an_attachment_is_never_fetched_and_leads_nobody_past_the_gateway() {
    let trap = Raw::start("RZ903").await;
    let address = format!("http://127.0.0.1:{}/letter.pdf", trap.port);
    let there = address.clone();
    let (gate, _raw) = before(move |heard, sound| {
        let own = sound.resources(heard);
        let attached = format!(r#"{{"content":[{{"attachment":{{"url":"{there}"}}}}],"#);
        Act::Send(ok(searchset(
            &own.iter()
                .map(|one| match heard.kind.as_str() {
                    "DocumentReference" => one.replacen("\"content\"", "\"_content\"", 1).replacen('{', &attached, 1),
                    _ => one.clone(),
                })
                .collect::<Vec<_>>(),
            "",
        )))
    })
    .await;
    let mut seen = 0;
    let known = gate.data.patients.iter().filter(|one| one.gp_practice.as_str() == "F99001");
    for patient in known {
        let found = gate.search(GP, "DocumentReference", patient.nhs_number).await;
        assert!(!found.text.contains(&address), "{}", found.text);
        seen += found.text.matches(&format!("{}/fhir/Binary/", gate.url)).count();
    }
    assert!(seen > 0, "no document was shown");
    assert_eq!(trap.connections(), 0);
}
