//! How numbers are written in pictures and texts.

use crate::metrics::Interval;

/// A count with a comma between thousands: `12,345`.
pub(super) fn thousands(count: u64) -> String {
    let (rest, last) = (count / 1000, count % 1000);
    if rest == 0 { last.to_string() } else { format!("{},{last:03}", thousands(rest)) }
}

/// A number of images: `1 image`, `12,345 images`.
pub(super) fn images(count: u64) -> String {
    format!("{} image{}", thousands(count), if count == 1 { "" } else { "s" })
}

/// The number of slides, after that of images: ` of 40 slides`, or nothing if it is not known.
pub(super) fn of_slides(count: Option<u64>) -> String {
    count.map_or_else(String::new, |count| {
        format!(" of {} slide{}", thousands(count), if count == 1 { "" } else { "s" })
    })
}

/// The units that are resampled: slides if they are known.
pub(super) fn units(slides: Option<u64>) -> &'static str {
    if slides.is_some() { "slides" } else { "images" }
}

/// A share in per cent: `91.6 %`.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// The interval of a share, after it: ` (95 % CI 90.1 to 92.9 %)`, or nothing.
pub(super) fn percent_interval(interval: Option<Interval>, level: f64) -> String {
    interval.map_or_else(String::new, |Interval { low, high }| {
        format!(" ({} % CI {:.1} to {:.1} %)", level_in_percent(level), 100.0 * low, 100.0 * high)
    })
}

/// The interval of a number, after it: ` (95 % CI 0.901 to 0.929)`, or nothing.
pub(super) fn interval(interval: Option<Interval>, level: f64) -> String {
    interval.map_or_else(String::new, |Interval { low, high }| {
        format!(" ({} % CI {low:.3} to {high:.3})", level_in_percent(level))
    })
}

/// A confidence level in per cent: `95`.
pub(super) fn level_in_percent(level: f64) -> String {
    // 0.999 * 100 is not quite 99.9.
    format!("{}", (level * 1e6).round() / 1e4)
}

/// Three significant digits, short: `0.0123`, `4.56`, `1.2e-7`.
pub(super) fn short(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude == 0.0 {
        "0".to_owned()
    } else if (1e-3..1e4).contains(&magnitude) {
        let digits = (2 - magnitude.log10().floor() as i32).max(0) as usize;
        format!("{value:.digits$}")
    } else {
        format!("{value:.1e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_easy_to_read() {
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([1, 4000].map(images), ["1 image", "4,000 images"]);
        assert_eq!([None, Some(1), Some(1200)].map(of_slides), ["", " of 1 slide", " of 1,200 slides"]);
        assert_eq!(percent(0.9156), "91.6 %");
        assert_eq!(
            [0.0, 0.01234, 4.561, -123.4, 1.2e-7].map(short),
            ["0", "0.0123", "4.56", "-123", "1.2e-7"]
        );
    }

    #[test]
    fn intervals_are_in_brackets_or_left_out() {
        let some = Some(Interval { low: 0.9012, high: 0.9288 });
        assert_eq!(percent_interval(some, 0.95), " (95 % CI 90.1 to 92.9 %)");
        assert_eq!(interval(some, 0.999), " (99.9 % CI 0.901 to 0.929)");
        assert_eq!(interval(None, 0.95), "");
    }
}
