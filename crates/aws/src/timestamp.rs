//! Moments, as people write them, as the API wants them and as the command-line program prints them.

use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};

/// A moment that a person or a service wrote: RFC 3339, without a zone (then UTC), a date, or seconds since 1970.
pub(crate) fn read(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return from_seconds(seconds);
    }
    let utc = |civil: DateTime| civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    text.parse::<Timestamp>()
        .ok()
        .or_else(|| text.parse::<DateTime>().ok().and_then(utc))
        .or_else(|| text.parse::<Date>().ok().and_then(|date| utc(date.into())))
}

/// A moment by its seconds since 1970, to the microsecond.
pub(crate) fn from_seconds(seconds: f64) -> Option<Timestamp> {
    #[expect(clippy::cast_possible_truncation, reason = "a float beyond the range saturates and is refused below")]
    let micros = (seconds * 1e6).round() as i64;
    Timestamp::from_microsecond(micros).ok().filter(|_| seconds.is_finite())
}

/// As version 2 of the command-line program prints it: `2026-11-21T06:56:07.232330+00:00`, microseconds only where
/// there are any.
pub(crate) fn print(moment: Timestamp) -> String {
    format!("{}+00:00", civil(moment))
}

/// As the API wants it in a form: `2026-11-21T06:56:07Z`.
pub(crate) fn wire(moment: Timestamp) -> String {
    format!("{}Z", civil(moment))
}

fn civil(moment: Timestamp) -> String {
    let zoned: Zoned = moment.to_zoned(TimeZone::fixed(Offset::UTC));
    let seconds = zoned.strftime("%Y-%m-%dT%H:%M:%S");
    match moment.subsec_microsecond() + moment.subsec_millisecond() * 1000 {
        0 => seconds.to_string(),
        _ => format!("{seconds}.{:06}", moment.subsec_nanosecond() / 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_in_the_forms_of_runbooks() {
        for (written, printed) in [
            ("2026-11-21T06:56:07Z", "2026-11-21T06:56:07+00:00"),
            ("2026-11-21T06:56:07.232330Z", "2026-11-21T06:56:07.232330+00:00"),
            ("2026-11-21T08:56:07+02:00", "2026-11-21T06:56:07+00:00"),
            ("2026-11-21T06:56:07", "2026-11-21T06:56:07+00:00"),
            ("2026-11-21", "2026-11-21T00:00:00+00:00"),
            ("1795244167", "2026-11-21T06:56:07+00:00"),
            ("1795244167.5", "2026-11-21T06:56:07.500000+00:00"),
        ] {
            assert_eq!(read(written).map(print).as_deref(), Some(printed), "{written}");
        }
        assert_eq!(read("foo"), None);
        assert_eq!(read("inf"), None);
        assert_eq!(read("2026-11-21T06:56:07Z").map(wire).as_deref(), Some("2026-11-21T06:56:07Z"));
    }
}
