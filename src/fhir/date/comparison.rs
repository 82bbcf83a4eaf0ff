use super::{FhirDate, Interval};
use std::fmt;

/// How a search compares; `sa`, `eb` and `ap` are not offered. <https://hl7.org/fhir/R4/search.html#prefix>
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Prefix {
    Eq,
    Ne,
    Gt,
    Lt,
    Ge,
    Le,
}

impl Prefix {
    const ALL: [(&'static str, Self); 6] =
        [("eq", Self::Eq), ("ne", Self::Ne), ("gt", Self::Gt), ("lt", Self::Lt), ("ge", Self::Ge), ("le", Self::Le)];
}

/// One value of a date parameter, such as `ge2020-06`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DateTest {
    prefix: Prefix,
    date: FhirDate,
    /// As it was written, without the prefix: how precise it is matters.
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDateTest {
    #[error("the prefixes sa, eb and ap are not offered: use eq, ne, gt, lt, ge or le")]
    Prefix,
    #[error(transparent)]
    Date(#[from] super::InvalidDate),
}

impl DateTest {
    pub fn parse(text: &str) -> Result<Self, InvalidDateTest> {
        if ["sa", "eb", "ap"].iter().any(|p| text.starts_with(p)) {
            return Err(InvalidDateTest::Prefix);
        }
        let (prefix, text) = Prefix::ALL
            .into_iter()
            .find_map(|(said, prefix)| Some((prefix, text.strip_prefix(said)?)))
            .unwrap_or((Prefix::Eq, text));
        Ok(Self { prefix, date: FhirDate::parse(text)?, text: text.to_owned() })
    }

    pub fn prefix(&self) -> Prefix {
        self.prefix
    }

    pub fn date(&self) -> FhirDate {
        self.date
    }

    /// Whether an element with this interval passes. One without any passes no test, `ne` included.
    pub fn matches(&self, target: Interval) -> bool {
        let search = self.date.interval;
        match self.prefix {
            Prefix::Eq => search.contains(target),
            Prefix::Ne => !search.contains(target),
            Prefix::Gt => target.end > search.end,
            Prefix::Lt => target.start < search.start,
            Prefix::Ge => target.end > search.end || search.contains(target),
            Prefix::Le => target.start < search.start || search.contains(target),
        }
    }
}

/// The canonical spelling: equality goes without saying.
impl fmt::Display for DateTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix =
            Prefix::ALL.iter().find(|(_, p)| *p == self.prefix && *p != Prefix::Eq).map_or("", |(said, _)| said);
        write!(f, "{prefix}{}", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(test: &str, target: &str) -> bool {
        let target = match target.split_once('/') {
            Some((start, end)) => {
                let start = if start.is_empty() { i64::MIN } else { FhirDate::parse(start).unwrap().interval.start };
                let end = if end.is_empty() { i64::MAX } else { FhirDate::parse(end).unwrap().interval.end };
                Interval::new(start, end).unwrap()
            }
            None => FhirDate::parse(target).unwrap().interval,
        };
        DateTest::parse(test).unwrap().matches(target)
    }

    /// The columns are eq ne gt lt ge le. Targets around, inside, across either edge of, and over 2020-06.
    #[test]
    fn each_prefix_compares_ranges_as_r4_says() {
        for (target, expected) in [
            ("2020-05", "ne lt le"),
            ("2020-05-31T23:59:59Z", "ne lt le"),
            ("2020-06-01", "eq ge le"),
            ("2020-06", "eq ge le"),
            ("2020-06-30T23:59:59.999Z", "eq ge le"),
            ("2020-07-01", "ne gt ge"),
            ("2020", "ne gt lt ge le"),
            ("2020-05-20/2020-06-10", "ne lt le"),
            ("2020-06-20/2020-07-10", "ne gt ge"),
            ("2020-06-20/", "ne gt ge"),
            ("/2020-06-20", "ne lt le"),
            ("/", "ne gt lt ge le"),
        ] {
            let passed: Vec<_> = ["eq", "ne", "gt", "lt", "ge", "le"]
                .into_iter()
                .filter(|prefix| matches(&format!("{prefix}2020-06"), target))
                .collect();
            assert_eq!(passed.join(" "), expected, "{target}");
            assert_eq!(matches("2020-06", target), matches("eq2020-06", target));
        }
    }

    #[test]
    fn other_prefixes_and_spellings_are_refused() {
        for text in ["sa2020", "eb2020", "ap2020"] {
            assert_eq!(DateTest::parse(text), Err(InvalidDateTest::Prefix));
        }
        for text in ["GE2020", "ge", "", "ge 2020", "gege2020", ">2020", "ge2020,2021", "2020..2021"] {
            assert!(matches!(DateTest::parse(text), Err(InvalidDateTest::Date(_))), "{text}");
        }
    }

    proptest! {
        #[test]
        fn opposites_never_both_fail_and_printing_reads_back(
            prefix in "(eq|ne|gt|lt|ge|le)?", search in "20[12][0-9](-0[13-9](-[12][0-9])?)?", target in "20[12][0-9](-0[13-9](-[12][0-9])?)?"
        ) {
            let test = DateTest::parse(&format!("{prefix}{search}")).unwrap();
            prop_assert_eq!(&DateTest::parse(&test.to_string()).unwrap(), &test);
            let passes = |p: &str| matches(&format!("{p}{search}"), &target);
            prop_assert!(passes("eq") != passes("ne"));
            prop_assert!(passes("ge") || passes("lt"));
            prop_assert!(passes("le") || passes("gt"));
            prop_assert_eq!(passes("ge"), passes("gt") || passes("eq"));
            prop_assert_eq!(passes("le"), passes("lt") || passes("eq"));
        }
    }
}
