//! A report for a person, in at most 96 columns.

use super::{
    check::{Group, Level},
    report::{Finding, Outcome, Report},
};
use std::fmt;

const WIDTH: usize = 96;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |wanted: &dyn Fn(&&Finding) -> bool| self.findings.iter().filter(|one| wanted(one)).count();
        let verdict = if self.passed() { "PASSED" } else { "FAILED" };
        writeln!(f, "{verdict}  {}", self.address)?;
        writeln!(f)?;
        let types = if self.types.len() == 1 { "type" } else { "types" };
        let patients = if self.patients == 1 { "test patient" } else { "test patients" };
        writeln!(f, "  probed     {}, in {} ms by {} calls", self.began.fhir(), self.took_ms, self.calls)?;
        writeln!(f, "  asked      {}, {} {patients}, {} {types}", self.idiom, self.patients, self.types.len())?;
        writeln!(f, "  request id {}", self.request)?;
        let failed = count(&|one| one.outcome == Outcome::Failed);
        let open = count(&|one| one.outcome == Outcome::NotTested && one.blocks());
        let warned = count(&|one| one.outcome == Outcome::Warned);
        let passed = count(&|one| one.outcome == Outcome::Passed);
        writeln!(
            f,
            "  result     {passed} passed, {failed} failed, {warned} warned of, {open} not tested that must be"
        )?;
        let (open, wrong): (Vec<_>, Vec<_>) =
            self.to_mend().into_iter().partition(|finding| finding.outcome == Outcome::NotTested);
        if !wrong.is_empty() {
            writeln!(f, "\nTo mend first")?;
        }
        for (nth, (finding, abouts)) in (1..).zip(alike(wrong)) {
            writeln!(f)?;
            wrapped(f, &format!("{nth:>3}. {}: ", named(finding, &abouts)), 5, &format!("{}.", finding.title))?;
            wrapped(f, "     seen  ", 11, &finding.seen)?;
            wrapped(f, "     mend  ", 11, &finding.mend)?;
            wrapped(f, "     see   ", 11, &finding.see)?;
        }
        if !open.is_empty() {
            writeln!(f, "\nNot tested, and has to be")?;
        }
        let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
        for (finding, abouts) in alike(open) {
            let name = named(finding, &abouts);
            match reasons.iter_mut().find(|(why, _)| *why == finding.seen) {
                Some((_, names)) => names.push(name),
                None => reasons.push((&finding.seen, vec![name])),
            }
        }
        for (why, names) in reasons {
            writeln!(f)?;
            wrapped(f, "     why   ", 11, why)?;
            wrapped(f, "     what  ", 11, &names.join(", "))?;
        }
        for group in Group::ALL {
            let own = alike(self.findings.iter().filter(|finding| finding.group == group).collect());
            if !own.is_empty() {
                writeln!(f, "\n{}", group.title())?;
            }
            for (finding, abouts) in own {
                let name = named(finding, &abouts);
                wrapped(f, &format!("  {:<10} {name:<38} ", word(finding)), 52, &finding.seen)?;
            }
        }
        Ok(())
    }
}

/// Those of which the same is told for several types, once.
fn alike(findings: Vec<&Finding>) -> Vec<(&Finding, Vec<&str>)> {
    let mut told: Vec<(&Finding, Vec<&str>)> = Vec::new();
    for finding in findings {
        let same =
            |one: &Finding| one.check == finding.check && one.outcome == finding.outcome && one.seen == finding.seen;
        match told.iter_mut().find(|(one, _)| same(one)) {
            Some((_, abouts)) => abouts.extend(finding.about.as_deref()),
            None => told.push((finding, finding.about.as_deref().into_iter().collect())),
        }
    }
    told
}

fn named(finding: &Finding, abouts: &[&str]) -> String {
    match abouts {
        [] => finding.check.clone(),
        [one] => format!("{} ({one})", finding.check),
        several => format!("{} ({} types)", finding.check, several.len()),
    }
}

/// Failures of what must hold stand out.
fn word(finding: &Finding) -> &'static str {
    match (finding.outcome, finding.level) {
        (Outcome::Passed, _) => "passed",
        (Outcome::Warned, _) => "warned",
        (Outcome::Failed, Level::Must) => "FAILED",
        (Outcome::Failed, Level::Should) => "failed",
        (Outcome::NotTested, _) if finding.blocks() => "NOT TESTED",
        (Outcome::NotTested, _) => "not tested",
    }
}

/// `text` after `head`, its further lines indented.
fn wrapped(f: &mut fmt::Formatter<'_>, head: &str, indent: usize, text: &str) -> fmt::Result {
    let mut line = head.to_owned();
    let mut begun = false;
    for word in text.split(' ') {
        if begun && line.chars().count() + 1 + word.chars().count() > WIDTH {
            writeln!(f, "{}", line.trim_end())?;
            line = " ".repeat(indent);
            begun = false;
        }
        if begun {
            line.push(' ');
        }
        line.push_str(word);
        begun = true;
    }
    writeln!(f, "{}", line.trim_end())
}
