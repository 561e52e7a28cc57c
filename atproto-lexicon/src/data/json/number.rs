use super::JsonReason as Reason;

/// Reads a number at the beginning of `bytes`, exactly, and returns it with its length.
pub(super) fn parse(bytes: &[u8]) -> Result<(i64, usize), Reason> {
    let mut at = 0_usize;
    let next = |at: usize| bytes.get(at).copied();
    let negative = next(0) == Some(b'-');
    if negative {
        at = 1;
    }
    let mut decimal = Decimal::default();
    match next(at) {
        Some(b'0') => at = at.saturating_add(1),
        Some(b'1'..=b'9') => {
            while let Some(digit @ b'0'..=b'9') = next(at) {
                decimal.push(digit);
                at = at.saturating_add(1);
            }
        }
        Some(_) => return Err(Reason::Character),
        None => return Err(Reason::End),
    }
    if next(at) == Some(b'.') {
        at = at.saturating_add(1);
        let start = at;
        while let Some(digit @ b'0'..=b'9') = next(at) {
            decimal.push(digit);
            decimal.exponent = decimal.exponent.saturating_sub(1);
            at = at.saturating_add(1);
        }
        require_digits(start, at, next(at))?;
    }
    if let Some(b'e' | b'E') = next(at) {
        at = at.saturating_add(1);
        let sign = next(at);
        if let Some(b'+' | b'-') = sign {
            at = at.saturating_add(1);
        }
        let start = at;
        let mut exponent = 0_i64;
        while let Some(digit @ b'0'..=b'9') = next(at) {
            exponent = exponent.saturating_mul(10).saturating_add(i64::from(digit.saturating_sub(b'0')));
            at = at.saturating_add(1);
        }
        require_digits(start, at, next(at))?;
        let exponent = if sign == Some(b'-') { exponent.saturating_neg() } else { exponent };
        decimal.exponent = decimal.exponent.saturating_add(exponent);
    }
    decimal.to_integer(negative).map(|number| (number, at))
}

fn require_digits(start: usize, end: usize, next: Option<u8>) -> Result<(), Reason> {
    match next {
        _ if end > start => Ok(()),
        Some(_) => Err(Reason::Character),
        None => Err(Reason::End),
    }
}

/// A number as `digits × 10^exponent`, where trailing zeros are held back so that any number of them costs nothing.
#[derive(Default)]
struct Decimal {
    digits: u128,
    /// Zeros after `digits`, which count once another digit follows.
    zeros: i64,
    exponent: i64,
    /// More digits than an `i64` can have.
    overflow: bool,
}

impl Decimal {
    fn push(&mut self, digit: u8) {
        let digit = u128::from(digit.saturating_sub(b'0'));
        if digit == 0 {
            // Leading zeros are none.
            if self.digits != 0 {
                self.zeros = self.zeros.saturating_add(1);
            }
            return;
        }
        match scale(self.digits, self.zeros.saturating_add(1)) {
            Some(scaled) => self.digits = scaled.saturating_add(digit),
            None => self.overflow = true,
        }
        self.zeros = 0;
    }

    fn to_integer(&self, negative: bool) -> Result<i64, Reason> {
        if self.digits == 0 {
            return Ok(0);
        }
        // The last digit is not zero, so that a negative exponent leaves a fraction.
        let exponent = self.exponent.saturating_add(self.zeros);
        if exponent < 0 {
            return Err(Reason::Float);
        }
        let digits = if self.overflow { None } else { scale(self.digits, exponent) };
        let signed = digits
            .and_then(|digits| i128::try_from(digits).ok())
            .map(|n| if negative { n.saturating_neg() } else { n });
        signed.and_then(|number| number.try_into().ok()).ok_or(Reason::IntegerRange)
    }
}

/// `digits × 10^exponent`, where it is below 10³⁸.
fn scale(digits: u128, exponent: i64) -> Option<u128> {
    if digits == 0 {
        return Some(0);
    }
    10_u128.checked_pow(u32::try_from(exponent).ok()?)?.checked_mul(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integral_values_are_integers() {
        for (text, number) in [
            ("0", 0),
            ("-0", 0),
            ("-0.0e5", 0),
            ("123.0", 123),
            ("1e3", 1000),
            ("1E+3", 1000),
            ("12000e-3", 12),
            ("0.00012e5", 12),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
            ("9007199254740993.0", 9_007_199_254_740_993),
            ("0e99999999999999999999", 0),
            ("100000000000000000000000000000000000000000000e-44", 1),
        ] {
            assert_eq!(parse(text.as_bytes()), Ok((number, text.len())), "{text}");
        }
        assert_eq!(parse(b"01"), Ok((0, 1)));
    }

    #[test]
    fn everything_else_is_refused() {
        for (text, reason) in [
            ("0.5", Reason::Float),
            ("-1e-1", Reason::Float),
            ("1.00000000000000000000000000000000000000000000000000000000001", Reason::Float),
            ("1e-99999999999999999999", Reason::Float),
            ("9223372036854775808", Reason::IntegerRange),
            ("-9223372036854775809", Reason::IntegerRange),
            ("1e19", Reason::IntegerRange),
            ("1e99999999999999999999", Reason::IntegerRange),
            ("123456789012345678901234567890123456789012345678901234567890", Reason::IntegerRange),
            ("-", Reason::End),
            ("-a", Reason::Character),
            ("1.", Reason::End),
            ("1.e3", Reason::Character),
            ("1e", Reason::End),
            ("1e+", Reason::End),
        ] {
            assert_eq!(parse(text.as_bytes()), Err(reason), "{text}");
        }
    }
}
