//! JSON with even indentation. The order of keys and the digits of numbers stay.

/// The same JSON, indented by two spaces per level. Other text is returned unchanged.
pub(super) fn pretty(text: &str) -> String {
    let (mut from, mut out) = (serde_json::Deserializer::from_str(text), Vec::new());
    let read = serde_transcode::transcode(&mut from, &mut serde_json::Serializer::pretty(&mut out));
    let whole = read.and_then(|()| from.end()).ok().and_then(|()| String::from_utf8(out).ok());
    whole.unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_digits_and_strings_stay() {
        let text = r#"{"b":[0.30000000000000004,{}, [ ]],"a":"x: {\"y\"}, \\","c":null}"#;
        let expected = "{\n  \"b\": [\n    0.30000000000000004,\n    {},\n    []\n  ],\n  \"a\": \"x: {\\\"y\\\"}, \\\\\",\n  \"c\": null\n}";
        assert_eq!(pretty(text), expected);
        assert_eq!(pretty(expected), expected);
        assert_eq!(pretty("{no json"), "{no json");
        assert_eq!(pretty("{} {}"), "{} {}");
    }
}
