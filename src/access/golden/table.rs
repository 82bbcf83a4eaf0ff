//! A table with an answer in every cell, written for people: cells that answer alike become one row.

use std::{collections::BTreeMap, fmt::Write as _};

pub struct Table {
    title: &'static str,
    dimensions: Vec<(&'static str, Vec<&'static str>)>,
    /// One for each cell, the last dimension varying first.
    answers: Vec<String>,
}

/// Which values of each dimension a row stands for, in order.
type Where = Vec<Vec<usize>>;
type Rows<'a> = Vec<(Where, &'a str)>;

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

    fn sizes(&self) -> Vec<usize> {
        self.dimensions.iter().map(|(_, values)| values.len()).collect()
    }

    /// Rows that together cover each cell once: dimension by dimension, those that differ in nothing else are joined. Of
    /// the first only values whose whole blocks are alike, so that each is read in one place.
    fn blocks(&self) -> Vec<(Vec<usize>, Rows<'_>)> {
        let sizes = self.sizes();
        let single = |cell| place(cell, &sizes).into_iter().map(|at| vec![at]).collect();
        let mut rows: Rows<'_> =
            self.answers.iter().enumerate().map(|(cell, answer)| (single(cell), answer.as_str())).collect();
        for dimension in (1..sizes.len()).rev() {
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
        let mut blocks: Vec<(Vec<usize>, Rows<'_>)> = Vec::new();
        for first in 0..sizes[0] {
            let of_first = rows.iter().filter(|(at, _)| at[0] == [first]);
            let block: Rows<'_> = of_first.map(|(at, answer)| (at[1..].to_vec(), *answer)).collect();
            match blocks.iter_mut().find(|(_, same)| *same == block) {
                Some((values, _)) => values.push(first),
                None => blocks.push((vec![first], block)),
            }
        }
        let covers = |(at, _): &(Where, &str)| at.iter().map(Vec::len).product::<usize>();
        let covered: usize =
            blocks.iter().map(|(values, rows)| values.len() * rows.iter().map(covers).sum::<usize>()).sum();
        assert_eq!(covered, self.answers.len(), "{}: every cell is in one row", self.title);
        blocks
    }

    pub fn text(&self) -> String {
        let sizes = self.dimensions.iter().map(|(name, values)| format!("{} of {name}", values.len()));
        let sizes = sizes.collect::<Vec<_>>().join(" x ");
        let columns = self.dimensions.iter().skip(1).map(|(name, _)| *name).collect::<Vec<_>>().join(" | ");
        let mut text = format!("# {}\n# {} cells: {sizes}\n# {columns} -> answer\n", self.title, self.answers.len());
        for (values, rows) in self.blocks() {
            let _ = writeln!(text, "\n== {}", listed(&self.dimensions[0].1, &values));
            for (at, answer) in rows {
                let names = self.dimensions.iter().skip(1).zip(&at).map(|((_, values), at)| listed(values, at));
                let _ = writeln!(text, "  {}\n    -> {answer}", names.collect::<Vec<_>>().join(" | "));
            }
        }
        text
    }
}

fn listed(values: &[&str], at: &[usize]) -> String {
    let others: Vec<&str> = (0..values.len()).filter(|n| !at.contains(n)).map(|n| values[n]).collect();
    match others.len() {
        0 => "any".to_owned(),
        few if few <= 4 && at.len() > few => format!("any but {}", others.join("; ")),
        _ => at.iter().map(|n| values[*n]).collect::<Vec<_>>().join("; "),
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
