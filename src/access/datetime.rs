use crate::domain::Timestamp;
use chrono::{DateTime, Months, NaiveDate};

/// A FHIR dateTime is a stretch of time as long as its precision: `2026-01` is all of January (UTC where it says no zone).
/// <https://hl7.org/fhir/R4/datatypes.html#dateTime>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub start: Timestamp,
    /// Exclusive.
    pub end: Timestamp,
}

impl Stretch {
    /// Exactly FHIR's form: no lower-case letters, no spaces, no leap seconds, and a zone wherever there is a time.
    pub fn parse(text: &str) -> Option<Self> {
        if !text.is_ascii() || text.starts_with("0000") {
            return None;
        }
        match text.len() {
            4 => Self::of_months(&format!("{text}-01-01"), 12),
            7 => Self::of_months(&format!("{text}-01"), 1),
            10 => {
                let day = date(text)?;
                Self::between(day, day.succ_opt()?)
            }
            _ => Self::of_time(text),
        }
    }

    fn of_months(first: &str, months: u32) -> Option<Self> {
        let first = date(first)?;
        Self::between(first, first.checked_add_months(Months::new(months))?)
    }

    fn between(start: NaiveDate, end: NaiveDate) -> Option<Self> {
        let midnight = |day: NaiveDate| Some(Timestamp(day.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros()));
        Some(Self { start: midnight(start)?, end: midnight(end)? })
    }

    fn of_time(text: &str) -> Option<Self> {
        let (clock, rest) = text.split_at_checked(19)?;
        let digits = rest.strip_prefix('.').map_or(0, |f| f.bytes().take_while(u8::is_ascii_digit).count());
        // chrono reads more than FHIR writes: a space or `t` for `T`, `z` for `Z`, a sixtieth second
        if clock.as_bytes().get(10) != Some(&b'T') || clock.ends_with("60") || rest.ends_with('z') {
            return None;
        }
        let start = Timestamp(DateTime::parse_from_rfc3339(text).ok()?.timestamp_micros());
        let precision = (0..digits).fold(1_000_000, |micros: i64, _| micros / 10).max(1);
        Some(Self { start, end: Timestamp(start.0 + precision) })
    }
}

fn date(text: &str) -> Option<NaiveDate> {
    // chrono alone would take `+2026-1-1` and the like
    let shape = text.bytes().enumerate().all(|(at, b)| if at == 4 || at == 7 { b == b'-' } else { b.is_ascii_digit() });
    if shape { NaiveDate::parse_from_str(text, "%Y-%m-%d").ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_lasts_as_long_as_it_is_precise() {
        for (text, start, end) in [
            ("2026", "2026-01-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z"),
            ("2026-12", "2026-12-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z"),
            ("2024-02-29", "2024-02-29T00:00:00.000Z", "2024-03-01T00:00:00.000Z"),
            ("2026-03-01T09:30:00Z", "2026-03-01T09:30:00.000Z", "2026-03-01T09:30:01.000Z"),
            ("2026-03-01T09:30:00.25+01:00", "2026-03-01T08:30:00.250Z", "2026-03-01T08:30:00.260Z"),
        ] {
            let stretch = Stretch::parse(text).unwrap();
            assert_eq!((stretch.start.fhir().as_str(), stretch.end.fhir().as_str()), (start, end), "{text}");
        }
    }

    #[test]
    fn what_fhir_does_not_write_is_not_read() {
        for bad in [
            "",
            "26",
            "0000",
            "2026-1",
            "2026-13",
            "2025-02-29",
            "2026-01-01T",
            "2026-01-01T09:30Z",
            "2026-01-01T09:30:00",
            "2026-01-01 09:30:00Z",
            "2026-01-01t09:30:00Z",
            "2026-01-01T09:30:00z",
            "2026-01-01T09:30:60Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T09:30:00.Z",
            "2026-01-01T09:30:00+25:00",
            "+026",
            "２０２６",
            " 2026",
        ] {
            assert_eq!(Stretch::parse(bad), None, "{bad:?}");
        }
    }
}
