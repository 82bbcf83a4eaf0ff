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
        writeln!(f, "  result     {passed} passed, {failed} failed, {warned} warned of, {open} not tested that must be")?;
        let to_mend = self.to_mend();
        if !to_mend.is_empty() {
            writeln!(f, "\nTo mend first")?;
        }
        for (nth, finding) in (1..).zip(to_mend) {
            writeln!(f)?;
            wrapped(f, &format!("{nth:>3}. {}: ", finding.name()), 5, &format!("{}.", finding.title))?;
            wrapped(f, "     seen  ", 11, &finding.seen)?;
            if finding.outcome != Outcome::NotTested {
                wrapped(f, "     mend  ", 11, &finding.mend)?;
                wrapped(f, "     see   ", 11, &finding.see)?;
            }
        }
        for group in Group::ALL {
            let mut own = self.findings.iter().filter(|finding| finding.group == group).peekable();
            if own.peek().is_some() {
                writeln!(f, "\n{}", group.title())?;
            }
            for finding in own {
                let name = finding.name();
                wrapped(f, &format!("  {:<10} {name:<36} ", word(finding)), 50, &finding.seen)?;
            }
        }
        Ok(())
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
