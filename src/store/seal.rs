//! Sealed texts, which show damage: the first line is the digest of the rest.
//!
//! Both parts are JSON, so the whole is still a stream of JSON values for `jq`.

use crate::digest::Digest;

/// Seals a text.
pub(super) fn close(text: &str) -> String {
    format!("{}{text}", header(text.as_bytes()))
}

/// The text behind an unbroken seal; `None` if a single bit was changed, added or removed.
pub(super) fn open(sealed: &[u8]) -> Option<&str> {
    let end = sealed.iter().position(|&byte| byte == b'\n')?;
    let (first, text) = sealed.split_at(end + 1);
    // Compared as bytes: `close` never writes an equivalent header.
    (first == header(text).as_bytes()).then(|| std::str::from_utf8(text).ok())?
}

fn header(text: &[u8]) -> String {
    format!("{{\"blake3\":\"{}\"}}\n", Digest::of(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_comes_back_and_no_truncation_of_it_does(text in "(?s).{0,60}") {
            let sealed = close(&text);
            prop_assert_eq!(open(sealed.as_bytes()), Some(text.as_str()));
            for end in 0..sealed.len() {
                prop_assert_eq!(open(&sealed.as_bytes()[..end]), None, "cut at {}", end);
            }
        }

        #[test]
        fn no_flipped_bit_and_no_added_byte_is_missed(text in "(?s).{0,60}", bit in any::<prop::sample::Index>(), added: u8) {
            let mut sealed = close(&text).into_bytes();
            let bit = bit.index(8 * sealed.len());
            sealed[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(open(&sealed), None);
            sealed[bit / 8] ^= 1 << (bit % 8);
            sealed.push(added);
            prop_assert_eq!(open(&sealed), None);
        }
    }
}
