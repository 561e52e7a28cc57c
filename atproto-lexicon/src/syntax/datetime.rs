use super::string_type::string_type;
use super::{Reason, SyntaxError};

string_type! {
    /// A point in time as AT Protocol writes it: `1985-04-12T23:20:50.123Z`
    /// (<https://atproto.com/specs/lexicon#datetime>).
    ///
    /// The text is kept to the last digit; [`unix_seconds`](Datetime::unix_seconds) and
    /// [`subsec_nanos`](Datetime::subsec_nanos) say which instant it means.
    Datetime, Datetime
}

/// The numbers in a text of the format; the fraction only to nanoseconds.
struct Parts {
    year: i64,
    month: i64,
    day: i64,
    seconds_of_day: i64,
    nanos: u32,
    offset_seconds: i64,
}

impl Datetime {
    /// The greatest length in bytes.
    pub const MAX_LEN: usize = 64;

    /// Checks a text without keeping it.
    ///
    /// # Errors
    /// [`SyntaxError`] with the first fault.
    pub fn check(text: &str) -> Result<(), SyntaxError> {
        parse(text).map(drop)
    }

    /// The instant in UTC from a count of microseconds since 1970, in the preferred form with three or six digits of a
    /// second. `None` outside the years 0 to 9999.
    pub fn from_unix_micros(micros: i64) -> Option<Self> {
        let seconds = micros.div_euclid(1_000_000);
        let fraction = micros.rem_euclid(1_000_000);
        let (year, month, day) = civil_from_days(seconds.div_euclid(86_400));
        if !(0..=9999).contains(&year) {
            return None;
        }
        let of_day = seconds.rem_euclid(86_400);
        let (hour, minute, second) =
            (of_day.div_euclid(3600), of_day.div_euclid(60).rem_euclid(60), of_day.rem_euclid(60));
        let fraction = match fraction.rem_euclid(1000) {
            0 => format!("{:03}", fraction.div_euclid(1000)),
            _ => format!("{fraction:06}"),
        };
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction}Z").parse().ok()
    }

    /// Whole seconds since 1970-01-01T00:00:00Z, negative before.
    pub fn unix_seconds(&self) -> i64 {
        parse(&self.0).map_or(0, |parts| unix_seconds(&parts))
    }

    /// The fraction of the second in nanoseconds; further digits are cut off.
    pub fn subsec_nanos(&self) -> u32 {
        parse(&self.0).map_or(0, |parts| parts.nanos)
    }
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn fail<T>(&self, reason: Reason) -> Result<T, SyntaxError> {
        let reason = if self.peek().is_none() { Reason::End } else { reason };
        Err(Datetime::error(reason, self.at))
    }

    fn literal(&mut self, byte: u8) -> Result<(), SyntaxError> {
        if self.peek() != Some(byte) {
            return self.fail(Reason::Character);
        }
        self.at = self.at.saturating_add(1);
        Ok(())
    }

    fn digit(&mut self) -> Option<i64> {
        let digit = self.peek().filter(u8::is_ascii_digit)?;
        self.at = self.at.saturating_add(1);
        Some(i64::from(digit.wrapping_sub(b'0')))
    }

    fn number(&mut self, digits: usize, range: std::ops::RangeInclusive<i64>) -> Result<i64, SyntaxError> {
        let start = self.at;
        let mut number = 0_i64;
        for _ in 0..digits {
            let Some(digit) = self.digit() else {
                return self.fail(Reason::Character);
            };
            number = number.saturating_mul(10).saturating_add(digit);
        }
        if !range.contains(&number) {
            return Err(Datetime::error(Reason::Range, start));
        }
        Ok(number)
    }
}

fn parse(text: &str) -> Result<Parts, SyntaxError> {
    if text.len() > Datetime::MAX_LEN {
        return Err(Datetime::error(Reason::TooLong { max: Datetime::MAX_LEN }, Datetime::MAX_LEN));
    }
    let mut scanner = Scanner { text, at: 0 };
    let year = scanner.number(4, 0..=9999)?;
    scanner.literal(b'-')?;
    let month = scanner.number(2, 1..=12)?;
    scanner.literal(b'-')?;
    let day = scanner.number(2, 1..=days_in_month(year, month))?;
    scanner.literal(b'T')?;
    let hour = scanner.number(2, 0..=23)?;
    scanner.literal(b':')?;
    let minute = scanner.number(2, 0..=59)?;
    scanner.literal(b':')?;
    let second = scanner.number(2, 0..=59)?;
    let nanos = if scanner.peek() == Some(b'.') { fraction(&mut scanner)? } else { 0 };
    let offset_seconds = zone(&mut scanner)?;
    if scanner.at != text.len() {
        return scanner.fail(Reason::Character);
    }
    let seconds_of_day =
        hour.saturating_mul(3600).saturating_add(minute.saturating_mul(60)).saturating_add(second);
    let parts = Parts { year, month, day, seconds_of_day, nanos, offset_seconds };
    if unix_seconds(&parts) < days_from_civil(0, 1, 1).saturating_mul(86_400) {
        return Err(Datetime::error(Reason::Range, 0));
    }
    Ok(parts)
}

/// `.` and one digit or more, as nanoseconds.
fn fraction(scanner: &mut Scanner<'_>) -> Result<u32, SyntaxError> {
    scanner.literal(b'.')?;
    let Some(first) = scanner.digit() else {
        return scanner.fail(Reason::Character);
    };
    let mut nanos = first.saturating_mul(100_000_000);
    let mut unit = 10_000_000_i64;
    while let Some(digit) = scanner.digit() {
        nanos = nanos.saturating_add(digit.saturating_mul(unit));
        unit = unit.div_euclid(10);
    }
    Ok(u32::try_from(nanos).unwrap_or_default())
}

/// `Z` or `±hh:mm`, as seconds east of UTC. `-00:00` means "unknown" in RFC 3339 and is refused.
fn zone(scanner: &mut Scanner<'_>) -> Result<i64, SyntaxError> {
    let start = scanner.at;
    let east = match scanner.peek() {
        Some(b'Z') => {
            scanner.literal(b'Z')?;
            return Ok(0);
        }
        Some(b'+') => true,
        Some(b'-') => false,
        _ => return scanner.fail(Reason::Character),
    };
    scanner.at = scanner.at.saturating_add(1);
    let hours = scanner.number(2, 0..=23)?;
    scanner.literal(b':')?;
    let minutes = scanner.number(2, 0..=59)?;
    let seconds = hours.saturating_mul(3600).saturating_add(minutes.saturating_mul(60));
    match (east, seconds) {
        (false, 0) => Err(Datetime::error(Reason::Reserved, start)),
        (true, _) => Ok(seconds),
        (false, _) => Ok(seconds.saturating_neg()),
    }
}

fn unix_seconds(parts: &Parts) -> i64 {
    days_from_civil(parts.year, parts.month, parts.day)
        .saturating_mul(86_400)
        .saturating_add(parts.seconds_of_day)
        .saturating_sub(parts.offset_seconds)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar, counted in years that begin in March.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let shifted = if month <= 2 { year.saturating_sub(1) } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let month_from_march = month.saturating_add(9).rem_euclid(12);
    let day_of_year = month_from_march
        .saturating_mul(153)
        .saturating_add(2)
        .div_euclid(5)
        .saturating_add(day)
        .saturating_sub(1);
    let day_of_era = year_of_era
        .saturating_mul(365)
        .saturating_add(year_of_era.div_euclid(4))
        .saturating_sub(year_of_era.div_euclid(100))
        .saturating_add(day_of_year);
    era.saturating_mul(146_097).saturating_add(day_of_era).saturating_sub(719_468)
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days.saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = day_of_era
        .saturating_sub(day_of_era.div_euclid(1460))
        .saturating_add(day_of_era.div_euclid(36_524))
        .saturating_sub(day_of_era.div_euclid(146_096))
        .div_euclid(365);
    let day_of_year = day_of_era.saturating_sub(
        year_of_era
            .saturating_mul(365)
            .saturating_add(year_of_era.div_euclid(4))
            .saturating_sub(year_of_era.div_euclid(100)),
    );
    let month_from_march = day_of_year.saturating_mul(5).saturating_add(2).div_euclid(153);
    let day = day_of_year
        .saturating_sub(month_from_march.saturating_mul(153).saturating_add(2).div_euclid(5))
        .saturating_add(1);
    let month = month_from_march.saturating_add(2).rem_euclid(12).saturating_add(1);
    let year = year_of_era.saturating_add(era.saturating_mul(400));
    (if month <= 2 { year.saturating_add(1) } else { year }, month, day)
}
