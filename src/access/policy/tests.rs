use super::*;

mod tables;

fn built_in() -> Texts {
    Texts::built_in()
}

/// The built-in texts with one file changed, and the faults found in them.
fn faults(file: &str, change: impl Fn(&str) -> String) -> Vec<String> {
    let mut texts = built_in();
    let text = match file {
        table if table.ends_with(".json") => &mut texts.tables.iter_mut().find(|(name, _)| *name == table).unwrap().1,
        _ => &mut texts.steps.iter_mut().find(|(step, _)| step.file() == file).unwrap().1,
    };
    let changed = change(text);
    assert_ne!(&changed, text.as_ref(), "the change changes nothing");
    *text = changed.into();
    let faults = Policy::read(&texts).expect_err("the change was let in");
    faults.iter().map(ToString::to_string).collect()
}

fn replaced(file: &str, from: &str, to: &str) -> Vec<String> {
    faults(file, |text| text.replacen(from, to, 1))
}

#[test]
fn the_built_in_policy_loads_and_every_rule_has_its_reason() {
    let policy = Policy::load(None).unwrap();
    assert_eq!(policy.rule_ids().count(), 47);
    for id in policy.rule_ids() {
        assert!(policy.reason(id.as_str()).is_some_and(|reason| reason.ends_with('.')), "{id}");
    }
    assert_eq!(policy.role_name("R1070"), Some("Paramedic"));
}

#[test]
fn a_fault_is_named_with_its_file_and_place() {
    let one = |faults: Vec<String>| match <[String; 1]>::try_from(faults) {
        Ok([fault]) => fault,
        Err(several) => panic!("{several:#?}"),
    };
    let found = one(replaced("see.cedar", "@id(\"record-open\")\n", ""));
    assert_eq!(found, "see.cedar, line 3: a rule needs an @id of small letters, digits and hyphens");
    let found = one(replaced("see.cedar", "@id(\"record-open\")", "@id(\"Record open\")"));
    assert_eq!(found, "see.cedar, line 3: a rule needs an @id of small letters, digits and hyphens");
    let found =
        one(replaced("disclose.cedar", "What an organisation holds is shared with whoever may see the record.", " "));
    assert_eq!(found, "disclose.cedar, line 3: the rule `source-shares` needs a @reason in plain words");
    let found = one(replaced("disclose.cedar", "source-suspended", "entry-objection"));
    assert_eq!(found, "disclose.cedar, line 23: another rule is called `entry-objection` too");
    let found = one(replaced("disclose.cedar", "source-suspended", "scope-missing"));
    assert_eq!(found, "disclose.cedar, line 23: another rule is called `scope-missing` too");
    let found = one(replaced("see.cedar", "record-open", "unknown-patient"));
    assert!(
        found.starts_with("see.cedar, line 3: `unknown-patient` is what the gateway itself answers with"),
        "{found}"
    );
    let found = one(replaced("see.cedar", "Action::\"see\", resource);", "Action::\"relate\", resource);"));
    assert_eq!(found, "see.cedar, line 3: this file's rules must say `action == Action::\"see\"`");
    let found = one(replaced("see.cedar", "(principal, action", "(principal == ?principal, action"));
    assert!(found.starts_with("see.cedar: has a rule with a slot"), "{found}");
}

#[test]
fn cedars_own_faults_point_to_their_line() {
    for (file, from, to, place, says) in [
        ("disclose.cedar", "unless { context.own };", "unless { context.own", "disclose.cedar, line 57", "unexpected"),
        ("see.cedar", "context.objected }", "context.objectd }", "see.cedar, line 10", "objectd"),
        ("see.cedar", "context.objected }", "context.objected == 1 }", "see.cedar, line 10", ""),
        ("see.cedar", "Doing::\"read-record\"", "Doing::\"raed-record\"", "see.cedar", "raed-record"),
        (
            "reach.cedar",
            "resource)\nwhen { context.revoked }",
            "resource)\nwhen { context.revoked && !context.revoked && false }",
            "reach.cedar",
            "",
        ),
        (
            "see.cedar",
            "action == Action::\"see\", resource);",
            "action == Action::\"see\", resource == Kind::\"gossip\");",
            "see.cedar, line 3",
            "gossip",
        ),
    ] {
        let found = replaced(file, from, to);
        assert!(found.iter().any(|fault| fault.starts_with(place) && fault.contains(says)), "{to}: {found:#?}");
    }
}

#[test]
fn every_fault_is_told_at_once() {
    let mut texts = built_in();
    for (_, text) in &mut texts.steps {
        *text = text.replacen("@reason", "@why", 1).into();
    }
    for (_, text) in &mut texts.tables {
        *text = text.replacen('{', "{\"x\": 1, ", 1).into();
    }
    let files: HashSet<_> = Policy::read(&texts).unwrap_err().into_iter().map(|fault| fault.file).collect();
    // what names kinds cannot be judged where the kinds are not known
    assert_eq!(files.len(), 7, "{files:?}");
}

#[test]
fn a_directory_replaces_all_files_and_may_hold_no_other_rules() {
    let dir = tempfile::tempdir().unwrap();
    let missing = Policy::load(Some(dir.path())).unwrap_err();
    assert_eq!(missing.len(), 9, "{missing:?}");

    let texts = built_in();
    for (step, text) in &texts.steps {
        std::fs::write(dir.path().join(step.file()), text.as_bytes()).unwrap();
    }
    for (file, text) in &texts.tables {
        std::fs::write(dir.path().join(file), text.as_bytes()).unwrap();
    }
    let built_in = Policy::load(None).unwrap();
    assert_eq!(Policy::load(Some(dir.path())).unwrap().fingerprint(), built_in.fingerprint());

    let more = format!("{} ", texts.of(StepName::See));
    std::fs::write(dir.path().join("see.cedar"), more).unwrap();
    assert_ne!(Policy::load(Some(dir.path())).unwrap().fingerprint(), built_in.fingerprint());

    std::fs::write(dir.path().join("extra.cedar"), "").unwrap();
    std::fs::write(dir.path().join(Texts::SCHEMA_FILE), "entity Staff;").unwrap();
    let mut files: Vec<_> = Policy::load(Some(dir.path())).unwrap_err().into_iter().map(|fault| fault.file).collect();
    files.sort();
    assert_eq!(files, ["caregate.cedarschema", "extra.cedar"]);
}
