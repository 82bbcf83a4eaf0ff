//! The table, as Markdown, and whether each line comes up to its aim: by its median, whatever the best round was.

use crate::{
    aims::{Aim, LINES, Line},
    machine,
    spread::Spread,
};
use std::fmt::Write as _;

#[derive(Default)]
pub struct Report {
    lines: Vec<(&'static Line, Spread, String)>,
}

impl Report {
    pub fn tell(&mut self, line: &'static Line, measured: Spread, beside: impl Into<String>) {
        let beside = beside.into();
        crate::progress(&format!("{}: {} ({beside})", line.what, figures(&measured)));
        self.lines.push((line, measured, beside));
    }

    /// Every line of these rows must have been measured.
    pub fn is_whole(&self, rows: &[&str]) {
        for line in LINES.iter().filter(|line| rows.contains(&line.row)) {
            assert!(self.lines.iter().any(|(told, ..)| told.what == line.what), "not measured: {}", line.what);
        }
    }

    pub fn markdown(&self, quick: bool) -> String {
        let mut text = String::new();
        if quick {
            text.push_str("**A smoke run: too short for its figures to mean anything.**\n\n");
        }
        text.push_str(&machine::facts());
        text.push_str(
            "\n| row | measured | median (lowest to highest round) | aim | | beside it |\n|---|---|---|---|---|---|\n",
        );
        for (line, measured, beside) in &self.lines {
            let Line { row, what, aim } = line;
            let (aim, verdict) = judged(*aim, measured.median());
            // a String takes all
            let _ = writeln!(text, "| {row} | {what} | {} | {aim} | {verdict} | {beside} |", figures(measured));
        }
        text
    }

    /// What has an aim, and how it stands.
    pub fn summary(&self) -> String {
        let mut text = machine::facts();
        text.push_str("\n| measured | median | aim | |\n|---|---|---|---|\n");
        for (line, measured, _) in self.lines.iter().filter(|(line, ..)| line.aim != Aim::NoneSet) {
            let (aim, verdict) = judged(line.aim, measured.median());
            // a String takes all
            let _ = writeln!(text, "| {} | {} | {aim} | {verdict} |", line.what, number(measured.median()));
        }
        text
    }
}

fn judged(aim: Aim, median: f64) -> (String, &'static str) {
    let (text, meets) = match aim {
        Aim::AtLeast(least) => (format!(">= {}", number(least)), median >= least),
        Aim::AtMost(most) => (format!("<= {}", number(most)), median <= most),
        Aim::NoneSet => return ("none set".to_owned(), ""),
    };
    (text, if meets { "meets it" } else { "**falls short**" })
}

fn figures(measured: &Spread) -> String {
    match measured.rounds() {
        1 => format!("{} (once)", number(measured.median())),
        _ => format!("{} ({} to {})", number(measured.median()), number(measured.low()), number(measured.high())),
    }
}

/// Three digits that matter; four where the last decides.
pub fn number(value: f64) -> String {
    let text = match value.abs() {
        0.0 => "0".to_owned(),
        v if v < 0.1 => format!("{value:.4}"),
        v if v < 10.0 => format!("{value:.3}"),
        v if v < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
