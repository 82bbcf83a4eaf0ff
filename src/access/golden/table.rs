//! A table with an answer in every cell, written for people: cells that answer alike become one row.

use std::{collections::BTreeMap, fmt::Write as _};

pub struct Table {
    pub title: &'static str,
    dimensions: Vec<(&'static str, Vec<&'static str>)>,
    /// One for each cell, the last dimension varying first.
    answers: Vec<String>,
}

/// Which values of each dimension a row stands for, in order.
type Where = Vec<Vec<usize>>;

impl Table {
    /// Asks for every cell.
    pub fn new(
        title: &'static str,
        dimensions: Vec<(&'static str, Vec<&'static str>)>,
        mut answer: impl FnMut(&[usize]) -> String,
    ) -> Self {
        let sizes: Vec<usize> = dimensions.iter().map(|(_, values)| values.len()).collect();
        let answers = (0..sizes.iter().product()).map(|cell| answer(&place(cell, &sizes))).collect();
        Self { title, dimensions, answers }
    }

    pub fn cells(&self) -> usize {
        self.answers.len()
    }

    fn sizes(&self) -> Vec<usize> {
        self.dimensions.iter().map(|(_, values)| values.len()).collect()
    }

    /// Rows that together cover each cell once: dimension by dimension, those that differ in nothing else are joined.
    fn rows(&self) -> Vec<(Where, &str)> {
        let sizes = self.sizes();
        let single = |cell| place(cell, &sizes).into_iter().map(|at| vec![at]).collect();
        let mut rows: Vec<(Where, &str)> =
            self.answers.iter().enumerate().map(|(cell, answer)| (single(cell), answer.as_str())).collect();
        for dimension in (0..sizes.len()).rev() {
            let mut joined: BTreeMap<(Where, &str), Vec<usize>> = BTreeMap::new();
            for (mut at, answer) in rows {
                let values = std::mem::take(&mut at[dimension]);
                joined.entry((at, answer)).or_default().extend(values);
            }
            let whole = joined.into_iter().map(|((mut at, answer), values)| {
                at[dimension] = values;
                (at, answer)
            });
            rows = whole.collect();
        }
        rows.sort();
        let covered: usize = rows.iter().map(|(at, _)| at.iter().map(Vec::len).product::<usize>()).sum();
        assert_eq!(covered, self.cells(), "{}: every cell is in one row", self.title);
        rows
    }

    pub fn text(&self) -> String {
        let mut text = format!("# {}\n# {} cells: ", self.title, self.cells());
        let sizes = self.dimensions.iter().map(|(name, values)| format!("{} of {name}", values.len()));
        let _ = writeln!(text, "{}\n", sizes.collect::<Vec<_>>().join(" x "));
        let mut before: Option<Vec<usize>> = None;
        for (at, answer) in self.rows() {
            let mut names = self.dimensions.iter().zip(&at).map(|((_, values), at)| listed(values, at));
            let first = names.next().unwrap_or_default();
            if before.as_ref() != at.first() {
                let _ = writeln!(text, "== {first}");
                before = at.first().cloned();
            }
            let _ = writeln!(text, "  {}\n    -> {answer}", names.collect::<Vec<_>>().join(" | "));
        }
        text
    }
}

fn listed(values: &[&str], at: &[usize]) -> String {
    let others: Vec<&str> = (0..values.len()).filter(|n| !at.contains(n)).map(|n| values[n]).collect();
    match others.len() {
        0 => "any".to_owned(),
        few if few <= 3 && at.len() > 3 * few => format!("any but {}", others.join(", ")),
        _ => at.iter().map(|n| values[*n]).collect::<Vec<_>>().join(", "),
    }
}

/// The place of the n-th cell.
fn place(cell: usize, sizes: &[usize]) -> Vec<usize> {
    let mut rest = cell;
    let mut at: Vec<usize> = sizes
        .iter()
        .rev()
        .map(|size| {
            let here = rest % size;
            rest /= size;
            here
        })
        .collect();
    at.reverse();
    at
}
