//! Every table is checked row by row, and a fault is named with its place.

use super::*;

/// Each change makes this fault, which begins with its file and place.
fn each(file: &str, changes: &[(&str, &str, &str)]) {
    for (from, to, says) in changes {
        let (found, says) = (replaced(file, from, to), format!("{file}, {says}"));
        assert!(found.iter().any(|fault| fault.starts_with(&says)), "{to}: {found:#?}");
    }
}

/// `line N` of this text in the built-in file.
fn line_of(file: &str, text: &str) -> String {
    let built_in = built_in();
    let before = built_in.table(file).split_once(text).expect("it is in the file").0;
    format!("line {}", before.matches('\n').count() + 1)
}

#[test]
fn kinds_of_information() {
    each(
        Texts::ROLES_FILE,
        &[
            ("\"Goal\", ", "", "kinds: `Goal` is of no kind"),
            ("\"Goal\"", "\"Goal\", \"Patient\"", "kinds[3].types[3]: `Patient` is of another kind already"),
            ("\"Goal\"", "\"Goal\", \"Gaol\"", "kinds[3].types[3]: `Gaol` is no type this gateway knows"),
            ("\"AuditEvent\"", "", "kinds: `AuditEvent` is of no kind"),
            ("\"name\": \"summary\"", "\"name\": \"demographics\"", "kinds[2]: another kind is called `demographics`"),
            ("\"name\": \"summary\"", "\"name\": \" \"", "kinds[2]: a kind needs a name"),
        ],
    );
    let many: String = (0..32).map(|n| format!("{{\"name\": \"k{n}\", \"types\": []}}, ")).collect();
    each(
        Texts::ROLES_FILE,
        &[("{\"name\": \"registry\"", &format!("{many}{{\"name\": \"registry\""), "kinds: at most")],
    );
}

#[test]
fn job_roles_with_their_activities_claims_and_overrides() {
    let audit = line_of(Texts::ROLES_FILE, "\"name\": \"audit\",");
    let pharmacy = line_of(Texts::ROLES_FILE, "\"may_override\": [\"own-risk\", \"emergency\"],");
    each(
        Texts::ROLES_FILE,
        &[
            ("\"reaches\": [\"log\", ", "\"reaches\": [\"logs\", ", "groups[4].reaches[0]: `logs` is no kind"),
            ("\"R8003\"", "\"R8002\"", "groups[0].roles[3]: `R8002` is in the table already"),
            ("\"R1290\"", "\"R8002\"", "groups[2].roles[0]: `R8002` is in the table already"),
            ("\"R8003\"", "\"r8003\"", "groups[0].roles[3]: a role needs a code such as `R0260` and a name"),
            ("\"name\": \"Pharmacist\"", "\"name\": \"\"", "groups[2].roles[0]: a role needs a code"),
            ("They examine who looked at what.", "", "groups[5]: a group needs a name, and a why"),
            (
                "\"activities\": [\"B0401\"]",
                "\"activities\": [\"B4010\"]",
                "groups[6].activities[0]: `B4010` is no activity",
            ),
            ("\"code\": \"B0401\"", "\"code\": \"B0380\"", "activities[1]: `B0380` is in the table already"),
            (
                "\"View Patient Medication\"",
                "\"\"",
                "activities[1]: an activity needs a code such as `B0380` and a name",
            ),
            (
                "\"reaches\": [\"medicines-and-allergies\"]}",
                "\"reaches\": [\"medicines\"]}",
                "activities[1].reaches[0]: `medicines` is no kind",
            ),
            (
                "\"may_override\": [\"own-risk\", \"emergency\"],",
                "\"may_override\": [\"own-risk\", \"court-order\"],",
                &format!("{pharmacy}: unknown variant `court-order`"),
            ),
            (
                "\"name\": \"audit\",",
                "\"name\": \"audit\", \"except\": [],",
                &format!("{audit}: unknown field `except`"),
            ),
            (
                "\"name\": \"audit\",",
                "\"name\": \"audit\", \"name\": \"audit\",",
                &format!("{audit}: duplicate field `name`"),
            ),
        ],
    );
}

#[test]
fn kinds_of_organisation() {
    each(
        Texts::ORGANISATIONS_FILE,
        &[
            ("\"icb\"", "\"hospice\"", "groups[1].kinds[0]: `hospice` is in the table already"),
            ("\"icb\"", "\"\"", "groups[1].kinds[0]: a kind of organisation needs a name"),
            ("[\"log\", ", "[\"logs\", ", "groups[1].reaches[0]: `logs` is no kind"),
            ("\"name\": \"commissioners\"", "\"name\": \"\"", "groups[1]: a group needs a name, and a why"),
            ("They answer for the region and treat nobody.", " ", "groups[1]: a group needs a name, and a why"),
            ("\"groups\"", "\"group\"", "line 2: unknown field `group`"),
        ],
    );
}

#[test]
fn how_long_relationships_and_claims_hold() {
    let claim = line_of(Texts::RELATIONSHIPS_FILE, "\"claim\": {");
    each(
        Texts::RELATIONSHIPS_FILE,
        &[
            ("\"care-team\"", "\"caseload\"", "bases[5]: this basis is in the table already"),
            ("\"care-team\"", "\"caseload\"", "bases: `care-team` is missing"),
            ("\"care-team\"", "\"claim\"", "bases[5]: a claim has its own place in this file"),
            ("\"care-team\"", "\"hearsay\"", "line 8: unknown variant `hearsay`"),
            ("\"before_days\": 0", "\"before_days\": -1", "line 3: invalid value"),
            ("A list ends when the practice says so.", " ", "line 3: needs a why for its reviewer"),
            ("\"minutes\": 720", "\"minutes\": 0", "claim: holds for some minutes"),
            ("_minutes\": 240", "_minutes\": 721", "claim: holds for some minutes"),
            ("\"review_one_in\": 10", "\"review_one_in\": 0", "claim: holds for some minutes"),
            ("\"minutes\": 720", "\"days\": 12", &format!("{claim}: unknown field `days`")),
        ],
    );
}

#[test]
fn how_long_an_override_lasts() {
    each(
        Texts::OVERRIDES_FILE,
        &[
            ("3600", "0", "seconds: an override lasts 1 second to a day"),
            ("3600", "86401", "seconds: an override lasts 1 second to a day"),
            ("3600", "3600.5", "line 2: invalid type"),
            (
                "Long enough for the emergency at hand; a longer one is invoked again, and alerted again.",
                "",
                "seconds: ",
            ),
            ("\"seconds\"", "\"hours\"", "line 2: unknown field `hours`"),
        ],
    );
}

#[test]
fn what_is_sensitive() {
    each(
        Texts::SENSITIVITIES_FILE,
        &[
            ("\"kind\": \"safeguarding\"", "\"kind\": \"gossip\"", "sensitivities[5]: `gossip` is no kind"),
            ("\"kind\": \"safeguarding\", ", "", "sensitivities[5]: needs either a kind or a statute"),
            (
                "\"kind\": \"safeguarding\"",
                "\"kind\": \"safeguarding\", \"statute\": \"An Act\"",
                "sensitivities[5]: needs either a kind or a statute",
            ),
            ("Gender Recognition Act 2004, section 22", " ", "sensitivities[6]: needs either a kind or a statute"),
            (
                "\"name\": \"hiv\"",
                "\"name\": \"mental-health\"",
                "sensitivities[2]: another is called `mental-health` too",
            ),
            ("\"name\": \"hiv\"", "\"name\": \"\"", "sensitivities[2]: needs a name"),
            ("\"HIV\"", "\"MH\"", "sensitivities[2]: the label `MH` means another already"),
            ("\"86406008\"", "\"74732009\"", "sensitivities[2]: the code `74732009` means another already"),
            ("\"origin\": \"fixture\",", "", "line"),
        ],
    );
}
