//! The whole matrix, held against the tables: role, purpose, relationship, objection, override and sensitivity together
//! decide what each step's table says of its own part, and nothing else has a say.

use super::*;
use std::collections::HashMap;

/// What the tables say, worked out once for each cell.
#[derive(Default)]
struct Tables {
    relate: HashMap<(usize, bool), Outcome>,
    see: HashMap<(usize, usize), Outcome>,
    covered: HashMap<(usize, usize), Covered>,
    disclosed: HashMap<(usize, Basis, Covered, usize, usize), String>,
}

struct Entry {
    source: OdsCode,
    labels: Labels,
    date: Option<crate::fhir::date::Interval>,
}

/// Every mark and date of both sources.
fn entries() -> Vec<Entry> {
    let of = |source: OdsCode| {
        let marked = labels().into_iter().map(move |(_, labels)| Entry { source, labels, date: None });
        let dated = dates().into_iter().map(move |(_, date)| Entry { source, labels: Labels::default(), date });
        marked.chain(dated)
    };
    sources().into_iter().flat_map(|(_, source)| of(source)).collect()
}

/// The grade relied on, as one of its bases.
fn basis(permit: &Permit) -> Basis {
    match permit.basis().split(':').next() {
        Some("registered") => Basis::Registered,
        Some("claim") => Basis::Claim,
        _ => Basis::Encounter,
    }
}

#[test]
fn every_whole_decision_is_what_the_tables_say_step_by_step() {
    let (askers, relations, objections, overrides) = (askers(), relations(), objections(), overrides());
    let (entries, mut tables, mut cells) = (entries(), Tables::default(), 0_usize);
    // one of each sort of purpose: the first table holds them all
    let purposes = ["TREAT", "PATRQT", "BTG", "HMARKT", ""];
    for (asker_at, asker) in askers.iter().enumerate() {
        for purpose in purposes {
            let requester = Requester { purpose: Purpose(purpose.to_owned()), ..asker.requester.clone() };
            let plain = Case { at: asker.at, ..Case::related() };
            let reach = decide(&requester, READ, &plain);
            let reached = !reach.steps[1].is_empty();
            for (relation_at, (_, relationships, evidence)) in relations.iter().enumerate() {
                let (relationships, evidence) = (relationships.clone(), Some(evidence.clone()));
                let plain = Case { relationships, evidence, ..plain.clone() };
                // the second table's clinician, as only staff reach the record: at a practice, or where nobody is registered
                let practice = asker.at == Case::related().at;
                let at = if practice { asker.at } else { Some("acute-trust") };
                let clinician = Case { at, ..plain.clone() };
                let relate = tables.relate.entry((relation_at, practice));
                let relate = relate.or_insert_with(|| decide(&doctor(), READ, &clinician));
                let relate = relate.clone();
                for (objection_at, (_, objection)) in objections.iter().enumerate() {
                    for (override_at, (_, overriding)) in overrides.iter().enumerate() {
                        cells += 1;
                        let case =
                            Case { objection: objection.clone(), overriding: overriding.clone(), ..plain.clone() };
                        let decision = policy().decide(&requester, &wanted(READ), &case.facts());
                        let found = Outcome::of(&decision);
                        let at = || format!("{} {purpose} {relation_at} {objection_at} {override_at}", asker.name);
                        if !reached {
                            assert_eq!(found, reach, "{}", at());
                            continue;
                        }
                        if relate.end != "yes" {
                            let reached = if relate.steps[1].is_empty() { Vec::new() } else { reach.steps[0].clone() };
                            let expected = [reached, relate.steps[1].clone(), Vec::new()];
                            assert_eq!(found, Outcome { end: relate.end, steps: expected }, "{}", at());
                            continue;
                        }
                        // an override counts where the role may take it
                        let may = |grant: &&Override| policy().may_override(&requester).contains(&grant.reason);
                        let overriding = overriding.as_ref().filter(may).cloned();
                        let override_at = if overriding.is_some() { override_at } else { 0 };
                        let see = tables.see.entry((objection_at, override_at)).or_insert_with(|| {
                            let (objection, overriding) = (objection.clone(), overriding.clone());
                            decide(&doctor(), READ, &Case { objection, overriding, ..Case::related() })
                        });
                        let steps = [reach.steps[0].clone(), relate.steps[1].clone(), see.steps[2].clone()];
                        assert_eq!(found, Outcome { end: see.end, steps }, "{}", at());
                        let Decision::Permit(permit) = decision else { continue };
                        for (entry_at, entry) in entries.iter().enumerate() {
                            let item = Item { source: entry.source, labels: &entry.labels, date: entry.date };
                            let covered = *tables.covered.entry((objection_at, entry_at)).or_insert_with(|| {
                                objection.as_ref().map_or(Covered::No, |o| covered(o, ResourceType::Condition, &item))
                            });
                            let basis = basis(&permit);
                            let key = (asker_at, basis, covered, override_at, entry_at);
                            let expected = tables.disclosed.entry(key).or_insert_with(|| {
                                let item = (entry.source, &entry.labels);
                                let case = Case { overriding: overriding.clone(), at: asker.at, ..Case::related() };
                                disclosed(&requester, basis, covered, item, case)
                            });
                            let shown = shown(&permit, entry.source, &entry.labels, entry.date);
                            assert_eq!(&shown, expected, "{} {entry_at}", at());
                        }
                    }
                }
            }
        }
    }
    let product = [askers.len(), purposes.len(), relations.len(), objections.len(), overrides.len()];
    assert_eq!(cells, product.iter().product::<usize>(), "no cell was left out");
}
