//! Numbers by their exact value, from the digits that are written: without a float, and without writing out what an
//! exponent says, which a client may choose as it likes.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// A number as it is written (RFC 8259 section 6): its value is exact, however large or fine it is. Two are compared by
/// value: `1.0`, `10e-1` and `1` are equal, and so are `0` and `-0`.
#[derive(Debug, Clone, Copy)]
pub struct Number<'d>(pub(super) &'d str);

/// A number taken apart: its value is `0.DIGITS` times ten to the power of `point`.
#[derive(Debug, Clone, Copy)]
pub struct Decimal<'d> {
    negative: bool,
    /// The significant digits before the decimal point; the first is not zero unless all are.
    whole: &'d [u8],
    /// Those after it; the last is not zero.
    fraction: &'d [u8],
    /// Clamped to 64 bits: numbers beyond ten to the power of ±2^62 are not told apart.
    point: i64,
}

impl<'d> Number<'d> {
    /// The number that this text is, if it is one.
    #[must_use]
    pub fn of(text: &'d str) -> Option<Self> {
        let digits = |text: &'d str| {
            let rest = text.trim_start_matches(|char: char| char.is_ascii_digit());
            (rest.len() < text.len()).then_some(rest)
        };
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let mut rest = unsigned.strip_prefix('0').or_else(|| digits(unsigned))?;
        if let Some(fraction) = rest.strip_prefix('.') {
            rest = digits(fraction)?;
        }
        if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
            rest = digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))?;
        }
        rest.is_empty().then_some(Self(text))
    }

    /// As it is written.
    #[must_use]
    pub fn text(self) -> &'d str {
        self.0
    }

    /// Its value, where it is written without a fraction and an exponent and fits.
    #[must_use]
    pub fn as_i64(self) -> Option<i64> {
        // No sign but a minus, no fraction, no exponent can be in what `parse` takes of a number.
        self.0.parse().ok()
    }

    /// The same for what is not negative.
    #[must_use]
    pub fn as_u64(self) -> Option<u64> {
        self.0.parse().ok()
    }

    /// Its value rounded; an infinity where it is too large.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        self.0.parse().unwrap_or(f64::NAN)
    }

    /// Whether its value is a whole number: `1.0` and `1e2` are, `1e-2` is not.
    #[must_use]
    pub fn is_integer(self) -> bool {
        self.is_written_as_integer() || {
            let decimal = self.decimal();
            decimal.is_zero() || decimal.point >= decimal.significant()
        }
    }

    /// Whether it is written without a fraction and an exponent, as draft 4 wants an integer.
    #[must_use]
    pub fn is_written_as_integer(self) -> bool {
        self.0.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
    }

    /// Whether it is a whole number of times `divisor`; never if that is zero. In time linear in the two texts.
    #[must_use]
    pub fn is_multiple_of(self, divisor: Number<'_>) -> bool {
        if let (Some(number), Some(divisor)) = (self.as_i64(), divisor.as_i64()) {
            return number.checked_rem(divisor).map_or(divisor == -1, |rest| rest == 0);
        }
        let (number, divisor) = (self.decimal(), divisor.decimal());
        if divisor.is_zero() || number.is_zero() {
            return !divisor.is_zero();
        }
        // As whole numbers times powers of ten, neither a multiple of ten itself.
        let lowest = |decimal: Decimal<'_>| i128::from(decimal.point) - i128::from(decimal.significant());
        let shift = lowest(number) - lowest(divisor);
        // What must divide a multiple of ten and is not one itself.
        shift >= 0 && divisor.divides(number, shift)
    }

    /// The number taken apart.
    #[must_use]
    pub fn decimal(self) -> Decimal<'d> {
        let (negative, bytes) = match self.0.as_bytes() {
            [b'-', rest @ ..] => (true, rest),
            bytes => (false, bytes),
        };
        let (mantissa, exponent) = split(bytes, |byte| matches!(byte, b'e' | b'E'));
        let (mut whole, mut fraction) = split(mantissa, |byte| byte == b'.');
        let mut point = clamped(exponent).saturating_add(length(whole.len()));
        // No zeros in front, and none at the end.
        while let [b'0', rest @ ..] = whole {
            (whole, point) = (rest, point.saturating_sub(1));
        }
        while let (true, [b'0', rest @ ..]) = (whole.is_empty(), fraction) {
            (fraction, point) = (rest, point.saturating_sub(1));
        }
        while let [rest @ .., b'0'] = fraction {
            fraction = rest;
        }
        while let (true, [rest @ .., b'0']) = (fraction.is_empty(), whole) {
            whole = rest;
        }
        Decimal { negative, whole, fraction, point }
    }
}

impl Decimal<'_> {
    /// Whether this is zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.whole.is_empty() && self.fraction.is_empty()
    }

    fn digits(&self) -> impl Iterator<Item = u8> {
        self.whole.iter().chain(self.fraction).copied()
    }

    /// How many digits there are, none of them a zero at either end.
    fn significant(&self) -> i64 {
        length(self.whole.len() + self.fraction.len())
    }

    /// -1, 0 or 1.
    fn sign(&self) -> i8 {
        match (self.is_zero(), self.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }

    /// The digits as a number, where that fits.
    fn value(&self) -> Option<u64> {
        self.digits().try_fold(0_u64, |value, digit| {
            value.checked_mul(10)?.checked_add(u64::from(digit.wrapping_sub(b'0')))
        })
    }

    /// Whether the digits of this one divide those of `number` with so many zeros after them.
    fn divides(&self, number: Decimal<'_>, zeros: i128) -> bool {
        // A schema's number comes from 64 bits: that it has more digits cannot be.
        let Some(divisor) = self.value().filter(|divisor| *divisor > 0) else { return false };
        // Nearly always all of it fits, and is answered without division in 128 bits.
        let power = u32::try_from(zeros).ok().and_then(|zeros| 10_u64.checked_pow(zeros));
        if let Some(number) = number.value().zip(power).and_then(|(number, power)| number.checked_mul(power))
        {
            return number % divisor == 0;
        }
        // 128 bits are divided by a function; where the divisor has 32, as nearly always, 64 hold the products.
        let reduced = |one: u64, factor: u64, more: u64| {
            if u32::try_from(divisor).is_ok() {
                return (one * factor + more) % divisor;
            }
            let value = u128::from(one) * u128::from(factor) + u128::from(more);
            u64::try_from(value % u128::from(divisor)).unwrap_or_default()
        };
        let mut rest =
            number.digits().fold(0, |rest, digit| reduced(rest, 10, u64::from(digit.wrapping_sub(b'0'))));
        let (mut power, mut exponent) = (10 % divisor, zeros);
        while exponent > 0 {
            if exponent & 1 == 1 {
                rest = reduced(rest, power, 0);
            }
            power = reduced(power, power, 0);
            exponent >>= 1;
        }
        rest == 0
    }
}

impl Ord for Decimal<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let signs = self.sign().cmp(&other.sign());
        if signs.is_ne() || self.is_zero() {
            return signs;
        }
        let magnitudes = self.point.cmp(&other.point).then_with(|| self.digits().cmp(other.digits()));
        if self.negative { magnitudes.reverse() } else { magnitudes }
    }
}

impl PartialOrd for Decimal<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Decimal<'_> {}

impl Ord for Number<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.as_i64(), other.as_i64()) {
            (Some(one), Some(other)) => one.cmp(&other),
            _ => self.decimal().cmp(&other.decimal()),
        }
    }
}

impl PartialOrd for Number<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.cmp(other).is_eq()
    }
}

impl Eq for Number<'_> {}

impl Hash for Number<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let decimal = self.decimal();
        decimal.sign().hash(state);
        if !decimal.is_zero() {
            decimal.point.hash(state);
            decimal.digits().for_each(|digit| state.write_u8(digit));
        }
    }
}

/// What is before the first such byte, and what is after it.
fn split(bytes: &[u8], at: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| at(*byte)).and_then(|index| bytes.split_at_checked(index)) {
        Some((before, after)) => (before, after.get(1..).unwrap_or_default()),
        None => (bytes, &[]),
    }
}

/// The value of an exponent as written, clamped so that adding the length of a text to it cannot overflow.
fn clamped(exponent: &[u8]) -> i64 {
    /// Beyond every exponent that is told apart.
    const MOST: i64 = 1 << 62;
    let (negative, digits) = match exponent {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let value = digits.iter().fold(0_i64, |value, digit| {
        value.saturating_mul(10).saturating_add(i64::from(digit.wrapping_sub(b'0'))).min(MOST)
    });
    if negative { -value } else { value }
}

fn length(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
