//! An explanation as people read it on paper.

use super::{Explanation, Place, Whose};
use std::fmt;

impl Place {
    pub(super) fn text(&self) -> String {
        let whose = match self.whose {
            Whose::Own => "What their own organisation holds".to_owned(),
            Whose::Others => "What other organisations hold".to_owned(),
            Whose::Source(ods) => format!("What {ods} holds"),
        };
        // of Oneself, objections are left out of what is told here, so it says so whether there are any or not
        let unless = match self.whose {
            Whose::Others => {
                " What the patient objects to in part, or what is put right at its source, is left out besides."
            }
            Whose::Own | Whose::Source(_) => "",
        };
        let marks: Vec<&str> = self.withheld.iter().map(|(mark, _)| mark.as_str()).collect();
        match marks.as_slice() {
            [] => format!("{whose} is shown, however it is marked.{unless}"),
            ["unlabelled", ..] => format!("{whose} is not shown."),
            marks => format!("{whose} is shown, but not if marked {}.{unless}", marks.join(", ")),
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} (policy {})", self.outcome.text(), self.policy)?;
        for taken in &self.steps {
            let said = if taken.permitted { "passed" } else { "stopped" };
            writeln!(f, "\n{}: {said}", taken.step.as_str())?;
            taken.rules.iter().try_for_each(|rule| writeln!(f, "  by rule {}: {}", rule.code, rule.text))?;
            taken.inputs.iter().try_for_each(|input| writeln!(f, "  {}", input.text))?;
        }
        if !self.places.is_empty() {
            writeln!(f, "\ndisclose:")?;
        }
        for place in &self.places {
            writeln!(f, "  {}", place.text())?;
            for (mark, rule) in &place.withheld {
                writeln!(f, "    {mark}: withheld by {}: {}", rule.code, rule.text)?;
            }
        }
        if !self.next.is_empty() {
            writeln!(f, "\nwhat may be done:")?;
        }
        self.next.iter().try_for_each(|next| {
            let value = next.value.as_ref().map(|value| format!(" ({value})")).unwrap_or_default();
            writeln!(f, "  {}{value}", next.text)
        })
    }
}
