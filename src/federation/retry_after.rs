//! When a provider says it may be asked again. <https://www.rfc-editor.org/rfc/rfc9110#field.retry-after>

use std::time::{Duration, SystemTime};

/// No provider silences itself for longer: a mistaken date must not outlast its mistake by years.
pub const LONGEST: Duration = Duration::from_secs(30);

/// How long to leave it alone, at most [`LONGEST`]. `None` where it says neither seconds nor a date: then it has said nothing.
pub fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    let wait = if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // more digits than a number holds are more than the longest, too
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn seconds_and_dates_are_heard_up_to_the_longest_and_all_else_is_nothing() {
        let now = httpdate::parse_http_date("Sun, 22 Nov 2026 05:00:00 GMT").unwrap();
        for (value, seconds) in [
            ("0", Some(0)),
            ("7", Some(7)),
            (" 7 ", Some(7)),
            ("31", Some(30)),
            ("99999999999999999999999999", Some(30)),
            ("Sun, 22 Nov 2026 05:00:12 GMT", Some(12)),
            ("Sunday, 22-Nov-26 05:00:12 GMT", Some(12)),
            ("Sun Nov 22 05:00:12 2026", Some(12)),
            ("Sun, 22 Nov 2026 04:00:00 GMT", Some(0)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(30)),
            ("-1", None),
            ("+7", None),
            ("1.5", None),
            ("1e3", None),
            ("", None),
            ("soon", None),
            ("9999-12-31", None),
            ("٧", None),
        ] {
            assert_eq!(retry_after(value, now), seconds.map(Duration::from_secs), "{value}");
        }
    }

    proptest! {
        #[test]
        fn whatever_it_says_it_is_not_left_alone_for_longer(value in ".{0,60}", at in 0u64..1 << 40) {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(at);
            prop_assert!(retry_after(&value, now).is_none_or(|wait| wait <= LONGEST));
        }
    }
}
