//! Numbers, counts and truth values as text.

/// Reads a finite number.
pub fn real<X: std::str::FromStr + Into<f64> + Copy>(text: &str) -> Result<X, &'static str> {
    match text.parse::<X>() {
        Ok(x) if x.into().is_finite() => Ok(x),
        Err(_) if is_decimal_comma(text) => {
            Err("a number with a decimal point, such as 1.5: read it with `CsvOptions { decimal: ',', .. }`")
        }
        Err(_) => Err("a number such as 1.5"),
        Ok(_) => Err("a finite number: remove the row or correct it"),
    }
}

/// Reads a whole number from 0, also with a decimal point and zeros, as some programs write it if a column has gaps.
pub fn count(text: &str) -> Result<u64, &'static str> {
    // Above this number an f64 has lost the last digit.
    const EXACT: f64 = 9007199254740992.0;
    let digits =
        text.split_once('.').filter(|(_, zeros)| zeros.bytes().all(|b| b == b'0')).map_or(text, |(digits, _)| digits);
    let whole = |x: &f64| x.fract() == 0.0 && *x >= 0.0 && *x < EXACT;
    let number = digits.parse().ok().or_else(|| text.parse().ok().filter(whole).map(|x| x as u64));
    number.ok_or("a whole number from 0")
}

pub fn position(text: &str) -> Result<usize, &'static str> {
    count(text).and_then(|n| n.try_into().map_err(|_| "a whole number from 0"))
}

pub fn truth(text: &str) -> Result<bool, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" | "1.0" => Ok(true),
        "false" | "f" | "no" | "n" | "0" | "0.0" => Ok(false),
        _ => Err("true or false, yes or no, 1 or 0"),
    }
}

/// Returns whether a text is a number but for a decimal comma.
fn is_decimal_comma(text: &str) -> bool {
    text.matches(',').count() == 1 && text.replace(',', ".").parse::<f64>().is_ok()
}
