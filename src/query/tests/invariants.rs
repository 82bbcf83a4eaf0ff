use super::*;
use proptest::prelude::*;

/// A request of every kind that the grammar takes.
fn any_request() -> impl Strategy<Value = String> {
    let date = "(eq|ne|gt|lt|ge|le)?20[12][0-9](-0[1-9](-1[0-9](T1[0-9]:00(:0[0-9](\\.5)?)?(Z|%2B01:00)?)?)?)?";
    let dates = proptest::collection::vec((any::<prop::sample::Index>(), proptest::collection::vec(date, 1..3)), 0..4);
    let word = r"([a-cA-C é/:]|\\[,|$\\]){1,4}";
    let token = (word, word, 0..4_u8).prop_map(|(system, code, form)| match form {
        0 => code,
        1 => format!("{system}|{code}"),
        2 => format!("|{code}"),
        _ => format!("{system}|"),
    });
    let tokens =
        proptest::collection::vec((any::<prop::sample::Index>(), proptest::collection::vec(token, 1..3)), 0..3);
    let includes = proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..3);
    let results = (tokens, includes);
    let subject = prop_oneof![
        Just("patient={id}".to_owned()),
        Just("patient=Patient%2f{id}".to_owned()),
        Just(BY_NUMBER.to_owned()),
        "patient=[ -%'-*.0-9;-~é]{0,12}x".prop_map(|s| s
            .replace('%', "%25")
            .replace(' ', "+")
            .replace('é', "%C3%A9")
            .replace('<', "%3C")),
    ];
    let extras = proptest::sample::subsequence(
        vec![
            "_count=7",
            "_sort=_lastUpdated",
            "_id=b,a",
            "_format=json",
            "_pretty=false",
            "page=a-b_c",
            "_lastUpdated=ge2020",
            "_total=estimate",
            "_elements=status,code",
            "_summary=false",
        ],
        0..=10,
    );
    let search = (proptest::sample::select(ResourceType::RECORDS.to_vec()), subject, dates, results, extras)
        .prop_perturb(|(t, subject, dates, (tokens, includes), extras), mut rng| {
            let rule = grammar::rule(t);
            let offered: Vec<_> =
                rule.parameters().filter(|p| matches!(p.kind, Kind::Date(_))).map(|p| p.name).collect();
            let subject = if t == ResourceType::Patient { BY_NUMBER.replace("patient.", "") } else { subject };
            let mut all: Vec<_> = dates.iter().map(|(at, v)| format!("{}={}", at.get(&offered), v.join(","))).collect();
            let mut named = std::collections::BTreeSet::new();
            for (at, values) in tokens.iter().filter(|_| !rule.tokens.is_empty()) {
                let (name, ..) = at.get(rule.tokens);
                all.extend(named.insert(name).then(|| format!("{name}={}", form::encode(&values.join(",")))));
            }
            for (at, target) in includes.iter().filter(|_| !rule.includes.is_empty()) {
                let reference = at.get(rule.includes);
                let target =
                    if target.index(2) == 0 { String::new() } else { format!(":{}", target.get(reference.targets)) };
                all.push(format!("_include={t}:{}{target}", reference.name));
            }
            all.extend(extras.into_iter().map(str::to_owned));
            all.insert(rng.random_range(0..=all.len()), subject);
            format!("{t}?{}", all.join("&"))
        });
    prop_oneof![9 => search, 1 => "Observation/[ -\"$-.0-9:-~é]{0,12}x".prop_filter("a name", |s| !s.contains(['$', '_', '?']))]
}

proptest! {
    #[test]
    fn parse_print_parse_is_a_fixpoint(url in any_request()) {
        let first = get(&url);
        prop_assert!(first.is_ok(), "{} {:?}", url, first);
        let first = first.unwrap();
        let page = match &first.what { What::Search(s) => s.page.clone(), _ => None };
        let printed = first.link(page.as_deref());
        prop_assert!(printed.bytes().all(|b| b.is_ascii_graphic()), "{}", printed);
        let again = get(&printed);
        prop_assert_eq!(again.as_ref(), Ok(&first), "{}", printed);
        prop_assert_eq!(again.unwrap().link(page.as_deref()), printed);
    }

    #[test]
    fn the_order_of_parameters_is_not_part_of_what_is_asked(
        parts in Just(vec!["patient={id}", "date=ge2020", "date=lt2021", "_count=9", "value-date=2020", "_id=x"]).prop_shuffle()
    ) {
        let sorted = get("Observation?patient={id}&date=lt2021&date=ge2020&_id=x&_count=9&value-date=2020");
        prop_assert_eq!(get(&format!("Observation?{}", parts.join("&"))), sorted);
    }

    #[test]
    fn no_request_panics_and_every_fault_is_one_of_ours(
        path in proptest::collection::vec("(Observation|Patient|_search|[!-~]{0,9})", 0..4),
        query in "([a-z_:.]{0,9}[=&%;+,|]?[ -~é]{0,9}){0,6}",
        body in "[ -~]{0,40}",
    ) {
        let segments: Vec<_> = path.iter().map(String::as_str).collect();
        for answer in [ask(raw(Method::Get, &segments, &query)), post(&segments, &query, &body)] {
            if let Err(told) = answer {
                prop_assert!([400, 404, 405, 406, 415].contains(&told.status));
                prop_assert!(told.diagnostics.bytes().all(|b| b.is_ascii_graphic() || b == b' '));
            }
        }
    }
}
