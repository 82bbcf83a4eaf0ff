//! Targets for a fuzzer (CONTRIBUTING.md, "Fuzzing"): what a provider may answer, held against another reading of it.

mod page;
mod promises;

use super::{
    conceal::Places,
    pages, retry_after,
    split::Splitter,
    testing::{patient_json, provider, resolution, rewriter, sensitivities},
};
use crate::{
    fhir::{
        ResourceType,
        fuzz::{Dice, Tree},
        json::Limits,
    },
    query::grammar::{self, Link},
    registry::Want,
};
use promises::Promises;
use std::{sync::Arc, time::SystemTime};

const LIMITS: Limits = Limits { depth: 24, nodes: 600 };

/// Takes the page as an answer of this type, and holds what is made of it against what it says.
fn split(page: &[u8], of: ResourceType, concealing: bool) {
    let provider = provider("RZ901");
    let held = resolution(&provider, &[patient_json("1", ""), patient_json("2", "")]).unwrap();
    let mut rewriter = rewriter(&provider, &held);
    rewriter.concealing = concealing.then(|| Arc::new(Places::named(&provider.name, "rz901.example", "RZ901")));
    let mut splitter = Splitter::new(Want::all(of), rewriter, sensitivities());
    let mut limits = LIMITS;
    let taken = pages::read_here(page, &mut limits, &mut splitter);
    // work is bounded by what is read: no value and no key without a byte
    assert!((LIMITS.nodes - limits.nodes) as usize <= page.len() + 1);
    if taken.is_err() || splitter.inherit(&[], &[]).is_err() {
        return;
    }
    let Ok((answer, long_ids)) = splitter.finish() else { return };
    let long_ids = long_ids.into_iter().collect::<Vec<_>>();
    let given = Tree::read(std::str::from_utf8(page).unwrap()).expect("serde_json reads it too");
    let (nodes, depth) = given.size();
    assert!(nodes <= LIMITS.nodes && depth <= LIMITS.depth);
    Promises { of, rule: grammar::rule(of), provider: &provider, concealing, long_ids: &long_ids }
        .hold(&given, &answer);
}

#[test]
fn what_comes_out_of_a_providers_answer_is_this_patients_and_as_it_was_but_for_the_listed_rewrites() {
    bolero::check!().with_iterations(6_000).with_max_len(1024).for_each(|bytes: &[u8]| {
        let mut dice = Dice::new(bytes);
        let concealing = dice.one_in(4);
        let of = ResourceType::ALL[dice.below(ResourceType::ALL.len())];
        let rule = grammar::rule(of);
        if rule.link == Link::Itself {
            return;
        }
        split(&page::page(of, &rule, &mut dice), of, concealing);
    });
}

/// For a fuzzer that is led by coverage, from the pages in `__fuzz__`.
#[test]
fn whatever_a_provider_sends_is_split_or_refused() {
    bolero::check!().with_iterations(1_000).for_each(|bytes: &[u8]| split(bytes, ResourceType::Observation, false));
}

#[test]
fn no_provider_silences_itself_for_longer_than_the_longest() {
    let now = httpdate::parse_http_date("Sun, 22 Nov 2026 05:00:00 GMT").unwrap();
    bolero::check!().with_iterations(20_000).for_each(|bytes: &[u8]| {
        let mut dice = Dice::new(bytes);
        let value = dice.pick(&[
            "7",
            "99999999999999999999",
            "Sun, 22 Nov 2026 05:00:12 GMT",
            "Sunday, 22-Nov-26 05:00:12 GMT",
        ]);
        let value = dice.spoil(value.as_bytes().to_vec());
        let now = if dice.one_in(8) { SystemTime::UNIX_EPOCH } else { now };
        for value in [&value, bytes].into_iter().filter_map(|value| std::str::from_utf8(value).ok()) {
            let said = retry_after::retry_after(value, now);
            assert!(said.is_none_or(|wait| wait <= retry_after::LONGEST));
            let trimmed = value.trim();
            if !trimmed.is_empty() && trimmed.bytes().all(|b| b.is_ascii_digit()) {
                let seconds: u64 = trimmed.parse().unwrap_or(u64::MAX);
                assert_eq!(said.map(|wait| wait.as_secs()), Some(seconds.min(retry_after::LONGEST.as_secs())));
            }
        }
    });
}
