//! FHIR's dates as what they are for a search: intervals. `2020-06` is all of June, `2020-06-01T10:00Z` a whole minute, a
//! Period runs from the beginning of its start to the end of its end, a Timing between its outer limits.
//! <https://hl7.org/fhir/R4/datatypes.html#dateTime> and <https://hl7.org/fhir/R4/search.html#date>
//!
//! A time without a zone is taken to be UTC and says so ([`FhirDate::zoned`]): whoever compares it may be an hour off.

mod comparison;

pub use comparison::{DateTest, InvalidDateTest, Prefix};

use super::json::{Kind, Value};
use chrono::{NaiveDate, NaiveTime};

const SECOND: i64 = 1_000_000;

/// From `start` up to but not including `end`, in microseconds since 1970-01-01T00:00:00Z; never empty. An end that is
/// open is `i64::MIN` or `i64::MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    start: i64,
    end: i64,
}

impl Interval {
    pub fn new(start: i64, end: i64) -> Option<Self> {
        (start < end).then_some(Self { start, end })
    }

    pub fn start(self) -> i64 {
        self.start
    }

    pub fn end(self) -> i64 {
        self.end
    }

    pub fn contains(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// The smallest interval around both.
    pub fn with(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Precision {
    Year,
    Month,
    Day,
    Minute,
    Second,
    Fraction,
}

/// A date, dateTime or instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FhirDate {
    pub interval: Interval,
    pub precision: Precision,
    /// Whether it had a time and a zone. Days, months and years never have one in FHIR: theirs are UTC too.
    pub zoned: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a date is YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm[:ss[.fff]] with Z or +hh:mm after it")]
pub struct InvalidDate;

impl FhirDate {
    /// Reads what FHIR's regular expressions admit, and besides a time without seconds or zone, as searches may write it.
    /// 24:00 is refused; second 60 is the second after 59, as a leap second is.
    pub fn parse(text: &str) -> Result<Self, InvalidDate> {
        scan(text).ok_or(InvalidDate)
    }

    /// Reads what an element of type date, dateTime or instant may hold: a time has seconds and a zone.
    pub fn parse_element(text: &str) -> Result<Self, InvalidDate> {
        let dated = |d: &Self| d.precision <= Precision::Day || (d.precision >= Precision::Second && d.zoned);
        scan(text).filter(dated).ok_or(InvalidDate)
    }
}

/// The interval of a date, dateTime, instant, Period or Timing element; `None` if it says nothing that can be compared.
pub fn interval_of(value: Value<'_>) -> Option<Interval> {
    match value.kind() {
        Kind::String => scan(&value.as_str()?).map(|d| d.interval),
        Kind::Object if value.get("event").is_some() || value.get("repeat").is_some() => timing(value),
        Kind::Object => period(value),
        _ => None,
    }
}

fn period(value: Value<'_>) -> Option<Interval> {
    let (start, end) = (value.get("start"), value.get("end"));
    if start.is_none() && end.is_none() {
        return None;
    }
    // a boundary that cannot be read must not count as an open one
    let start = start.map_or(Some(i64::MIN), |v| scan(&v.as_str()?).map(|d| d.interval.start))?;
    let end = end.map_or(Some(i64::MAX), |v| scan(&v.as_str()?).map(|d| d.interval.end))?;
    Interval::new(start, end)
}

/// R4: "the specified scheduling details are ignored and only the outer limits matter".
fn timing(value: Value<'_>) -> Option<Interval> {
    let mut limits: Option<Interval> = None;
    let mut note = |found: Option<Interval>| {
        limits = match (limits, found) {
            (Some(a), Some(b)) => Some(a.with(b)),
            (a, b) => a.or(b),
        }
    };
    value.each("event", &mut |event| note(interval_of(event)));
    value.each("repeat.boundsPeriod", &mut |bounds| note(period(bounds)));
    limits
}

fn scan(text: &str) -> Option<FhirDate> {
    let mut rest = Scan(text.as_bytes());
    let year = rest.number(4).filter(|y| *y > 0)?;
    if rest.is_empty() {
        return whole(Precision::Year, midnight(year, 1, 1)?, midnight(year + 1, 1, 1)?);
    }
    let month = rest.after(b'-')?.number(2)?;
    if rest.is_empty() {
        let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        return whole(Precision::Month, midnight(year, month, 1)?, midnight(next_year, next_month, 1)?);
    }
    let day = rest.after(b'-')?.number(2)?;
    let date = midnight(year, month, day)?;
    if rest.is_empty() {
        return whole(Precision::Day, date, date + 86_400 * SECOND);
    }
    let hour = rest.after(b'T')?.number(2).filter(|h| *h < 24)?;
    let minute = rest.after(b':')?.number(2).filter(|m| *m < 60)?;
    let mut start = date + (i64::from(hour) * 60 + i64::from(minute)) * 60 * SECOND;
    let mut lasts = 60 * SECOND;
    let mut precision = Precision::Minute;
    if rest.after(b':').is_some() {
        start += i64::from(rest.number(2).filter(|s| *s <= 60)?) * SECOND;
        lasts = SECOND;
        precision = Precision::Second;
        if rest.after(b'.').is_some() {
            let (micros, resolution) = rest.fraction()?;
            start += micros;
            lasts = resolution;
            precision = Precision::Fraction;
        }
    }
    let offset = rest.zone()?;
    start -= offset.unwrap_or(0) * 60 * SECOND;
    let interval = Interval::new(start, start + lasts)?;
    Some(FhirDate { interval, precision, zoned: offset.is_some() })
}

fn whole(precision: Precision, start: i64, end: i64) -> Option<FhirDate> {
    Some(FhirDate { interval: Interval::new(start, end)?, precision, zoned: false })
}

fn midnight(year: u32, month: u32, day: u32) -> Option<i64> {
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    Some(date.and_time(NaiveTime::MIN).and_utc().timestamp_micros())
}

struct Scan<'a>(&'a [u8]);

impl Scan<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn after(&mut self, byte: u8) -> Option<&mut Self> {
        self.0 = self.0.strip_prefix(&[byte])?;
        Some(self)
    }

    fn number(&mut self, digits: usize) -> Option<u32> {
        let (taken, rest) = self.0.split_at_checked(digits).filter(|(d, _)| d.iter().all(u8::is_ascii_digit))?;
        self.0 = rest;
        std::str::from_utf8(taken).ok()?.parse().ok()
    }

    /// Microseconds, and for how many of them this spelling stands. Digits past the sixth are too fine to tell apart.
    fn fraction(&mut self) -> Option<(i64, i64)> {
        let length = self.0.iter().take_while(|b| b.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at_checked(length).filter(|(d, _)| !d.is_empty())?;
        self.0 = rest;
        let (mut micros, mut resolution) = (0, SECOND);
        for digit in digits.iter().take(6) {
            resolution /= 10;
            micros += i64::from(digit - b'0') * resolution;
        }
        Some((micros, resolution))
    }

    /// Minutes east of UTC at the text's end: `Some(None)` where no zone is given, `None` where something else is.
    fn zone(&mut self) -> Option<Option<i64>> {
        let sign = match self.0 {
            [] => return Some(None),
            b"Z" => return Some(Some(0)),
            [b'+', ..] => 1,
            [b'-', ..] => -1,
            _ => return None,
        };
        self.0 = self.0.get(1..)?;
        let hours = self.number(2)?;
        let minutes = self.after(b':')?.number(2).filter(|m| *m < 60)?;
        let offset = i64::from(hours * 60 + minutes);
        (self.is_empty() && offset <= 14 * 60).then_some(Some(sign * offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhir::json::{Limits, Tape, parse};
    use chrono::{DateTime, TimeZone, Utc};
    use proptest::prelude::*;

    fn micros(rfc3339: &str) -> i64 {
        DateTime::parse_from_rfc3339(rfc3339).unwrap().timestamp_micros()
    }

    fn element(json: &str) -> Option<Interval> {
        interval_of(parse(json.as_bytes(), &mut Limits::default(), &mut Tape::new()).unwrap())
    }

    #[test]
    fn a_date_is_the_interval_its_precision_leaves_open() {
        for (text, start, end, zoned) in [
            ("2020", "2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z", false),
            ("2020-02", "2020-02-01T00:00:00Z", "2020-03-01T00:00:00Z", false),
            ("2020-12", "2020-12-01T00:00:00Z", "2021-01-01T00:00:00Z", false),
            ("2020-02-29", "2020-02-29T00:00:00Z", "2020-03-01T00:00:00Z", false),
            ("2020-06-01T10:30", "2020-06-01T10:30:00Z", "2020-06-01T10:31:00Z", false),
            ("2020-06-01T10:30:05", "2020-06-01T10:30:05Z", "2020-06-01T10:30:06Z", false),
            ("2020-06-01T10:30+01:00", "2020-06-01T09:30:00Z", "2020-06-01T09:31:00Z", true),
            ("2020-06-01T00:30:00-14:00", "2020-06-01T14:30:00Z", "2020-06-01T14:30:01Z", true),
            ("2020-06-01T10:30:05.1Z", "2020-06-01T10:30:05.100Z", "2020-06-01T10:30:05.200Z", true),
            ("2020-06-01T10:30:05.120Z", "2020-06-01T10:30:05.120Z", "2020-06-01T10:30:05.121Z", true),
            ("2020-06-01T10:30:05.1234567Z", "2020-06-01T10:30:05.123456Z", "2020-06-01T10:30:05.123457Z", true),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z", "2017-01-01T00:00:01Z", true),
            ("9999-12-31", "9999-12-31T00:00:00Z", "+10000-01-01T00:00:00Z", false),
        ] {
            let read = FhirDate::parse(text).unwrap();
            let end = if end.starts_with('+') { micros("9999-12-31T23:59:59Z") + SECOND } else { micros(end) };
            assert_eq!((read.interval, read.zoned), (Interval { start: micros(start), end }, zoned), "{text}");
        }
    }

    #[test]
    fn what_is_no_fhir_date_is_refused() {
        for text in [
            "",
            "20",
            "0000",
            "20200",
            "2020-",
            "2020-1",
            "2020-00",
            "2020-13",
            "2020-6-01",
            "2020-02-30",
            "2021-02-29",
            "2020-06-00",
            "20200601",
            "2020-06-01T",
            "2020-06-01T10",
            "2020-06-01T24:00",
            "2020-06-01T24:00:00Z",
            "2020-06-01T10:60Z",
            "2020-06-01T10:30:61Z",
            "2020-06-01T10:30:05.Z",
            "2020-06-01T10:30:05,1Z",
            "2020-06-01t10:30:05z",
            "2020-06-01 10:30",
            "2020-06-01T10:30z",
            "2020-06-01T10:30+1:00",
            "2020-06-01T10:30+0100",
            "2020-06-01T10:30+14:01",
            "2020-06-01T10:30+01:60",
            "2020-06-01T10:30Z ",
            " 2020",
            "+2020",
            "-2020",
            "２０２０",
            "2020-06-01Z",
            "2020-06-01+01:00",
            "today",
        ] {
            assert_eq!(FhirDate::parse(text), Err(InvalidDate), "{text:?}");
        }
    }

    #[test]
    fn an_element_with_a_time_has_seconds_and_a_zone() {
        for text in ["2026", "2026-01", "2026-01-01", "2026-01-01T09:30:00Z", "2026-01-01T09:30:00.25+01:00"] {
            assert_eq!(FhirDate::parse_element(text), FhirDate::parse(text), "{text}");
        }
        for text in ["2026-01-01T09:30Z", "2026-01-01T09:30+01:00", "2026-01-01T09:30:00", "2026-01-01T09:30:00.5"] {
            assert!(FhirDate::parse(text).is_ok(), "{text}");
            assert_eq!(FhirDate::parse_element(text), Err(InvalidDate), "{text}");
        }
    }

    #[test]
    fn periods_and_timings_are_their_outer_limits() {
        let of = |text: &str| FhirDate::parse(text).unwrap().interval;
        let span = |start, end| Some(Interval { start, end });
        assert_eq!(element(r#""2020-06""#), Some(of("2020-06")));
        assert_eq!(element(r#"{"start":"2020","end":"2021-03"}"#), span(of("2020").start, of("2021-03").end));
        assert_eq!(element(r#"{"start":"2020"}"#), span(of("2020").start, i64::MAX));
        assert_eq!(element(r#"{"end":"2020"}"#), span(i64::MIN, of("2020").end));
        assert_eq!(
            element(
                r#"{"event":["2020-06-05","2020-06-01"],"repeat":{"boundsPeriod":{"start":"2020-06-03","end":"2020-07"}}}"#
            ),
            span(of("2020-06-01").start, of("2020-07").end)
        );
        for nothing in [
            "{}",
            "[]",
            "5",
            "\"soon\"",
            r#"{"start":"2021","end":"2020"}"#,
            r#"{"start":"2020","end":"soon"}"#,
            r#"{"start":5,"end":"2020"}"#,
            r#"{"repeat":{"count":3}}"#,
            r#"{"event":[]}"#,
        ] {
            assert_eq!(element(nothing), None, "{nothing}");
        }
    }

    proptest! {
        #[test]
        fn every_instant_is_read_as_chrono_reads_it(seconds in -62_135_596_800_i64..253_402_300_800, nanos in 0..1_000_000_000_u32) {
            let text = Utc.timestamp_opt(seconds, nanos).unwrap().to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
            prop_assert_eq!(FhirDate::parse(&text).unwrap().interval.start, micros(&text));
        }

        #[test]
        fn no_text_panics_and_a_longer_spelling_lies_within_its_shorter_one(text in "[0-9TZ:.+-]{0,30}", cut in 0..4_usize) {
            let _ = FhirDate::parse(&text);
            let long = "2020-06-01T10:30:05.5Z";
            let short = [4, 7, 10, 19][cut];
            let around = FhirDate::parse(&long[..short]).unwrap().interval;
            prop_assert!(around.contains(FhirDate::parse(long).unwrap().interval));
        }
    }
}
