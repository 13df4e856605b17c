//! Kubernetes quantities: `250m`, `128Mi`, `1e3`.

use std::cmp::Ordering;

/// The amount in billionths of a unit, rounded up; `None` when it is no quantity.
pub(crate) fn nano(text: &str) -> Option<i128> {
    let end = text.find(|letter: char| !letter.is_ascii_digit() && !"+-.".contains(letter)).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (negative, digits) = match number.as_bytes().first()? {
        b'-' => (true, &number[1..]),
        b'+' => (false, &number[1..]),
        _ => (false, number),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let only_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && part.is_empty()) || !only_digits(whole) || !only_digits(part) || digits.len() > 20 {
        return None;
    }
    let power = |exponent: u32| 10_i128.checked_pow(exponent);
    let multiply: i128 = match suffix {
        "n" => 1,
        "u" => power(3)?,
        "m" => power(6)?,
        "" => power(9)?,
        "k" => power(12)?,
        "M" => power(15)?,
        "G" => power(18)?,
        "T" => power(21)?,
        "P" => power(24)?,
        "E" => power(27)?,
        "Ki" => power(9)? << 10,
        "Mi" => power(9)? << 20,
        "Gi" => power(9)? << 30,
        "Ti" => power(9)? << 40,
        "Pi" => power(9)? << 50,
        "Ei" => power(9)? << 60,
        _ => power(suffix.strip_prefix(['e', 'E'])?.parse::<u32>().ok()?.checked_add(9)?)?,
    };
    let scale = power(u32::try_from(part.len()).ok()?)?;
    let unscaled: i128 = format!("{whole}{part}").parse().ok()?;
    let value = divided_up(unscaled.checked_mul(multiply)?, scale);
    Some(if negative { -value } else { value })
}

fn divided_up(value: i128, by: i128) -> i128 {
    value.div_euclid(by) + i128::from(value.rem_euclid(by) != 0)
}

/// Thousandths of a unit, rounded up, as `Quantity.MilliValue` gives them.
pub(crate) fn milli(nano: i128) -> i128 {
    divided_up(nano, 1_000_000)
}

/// Whole units, rounded up, as `Quantity.Value` gives them.
pub(crate) fn units(nano: i128) -> i128 {
    divided_up(nano, 1_000_000_000)
}

/// Compares two quantities; `None` when either is none.
pub(crate) fn compare(left: &str, right: &str) -> Option<Ordering> {
    Some(nano(left)?.cmp(&nano(right)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read() {
        for (text, expected) in [
            ("250m", Some(250)),
            ("1", Some(1_000)),
            ("0.5", Some(500)),
            ("1500000n", Some(2)),
            ("128Mi", Some(128 * 1024 * 1024 * 1_000)),
            ("1k", Some(1_000_000)),
            ("1e3", Some(1_000_000)),
            ("-1", Some(-1_000)),
            ("", None),
            ("web", None),
            ("1x", None),
            (".", None),
            ("1e99999999999", None),
        ] {
            assert_eq!(nano(text).map(milli), expected, "{text}");
        }
        assert_eq!(units(1_000_000_001), 2);
        assert_eq!(compare("1Gi", "1G"), Some(Ordering::Greater));
    }
}
