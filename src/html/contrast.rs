//! Tests that text and lines of the style sheet can be seen, on light and on dark ground: contrasts as in WCAG 2.

use std::collections::BTreeMap;

const STYLE: &str = include_str!("style.css");

/// The variables of the blocks that begin with a text, block by block.
fn blocks(start: &str) -> Vec<BTreeMap<&'static str, [u8; 3]>> {
    let blocks = STYLE.match_indices(start).map(|(at, _)| &STYLE[at..]);
    let inner = blocks.map(|block| &block[block.find('{').unwrap() + 1..block.find('}').unwrap()]);
    inner.map(|inner| inner.split(';').filter_map(variable).collect()).collect()
}

/// `--ink: #1f2430`.
fn variable(text: &'static str) -> Option<(&'static str, [u8; 3])> {
    let (name, color) = text.trim().strip_prefix("--")?.split_once(": #")?;
    let channel = |at: usize| u8::from_str_radix(&color[2 * at..2 * at + 2], 16).unwrap();
    Some((name, [0, 1, 2].map(channel)))
}

fn luminance(color: [u8; 3]) -> f64 {
    let linear = |value: u8| {
        let value = f64::from(value) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    let [red, green, blue] = color.map(linear);
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let (a, b) = (luminance(one), luminance(other));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn the_contrast_of_black_and_white_is_21() {
    assert!((contrast([0; 3], [255; 3]) - 21.0).abs() < 1e-9);
}

#[test]
fn text_and_lines_can_be_seen_in_both_modes() {
    let [light, dark] = [blocks(":root {"), blocks(":root.dark {")];
    let lines = ["line-0", "line-1", "line-2", "line-3", "line-4", "line-5", "line-6", "zero", "one"];
    let texts = ["ink", "muted", "accent", "good", "bad"];
    for colors in [&light[0], &dark[0]] {
        for ground in ["ground", "card"] {
            for (name, least) in lines.map(|it| (it, 3.0)).into_iter().chain(texts.map(|it| (it, 4.5))) {
                let found = contrast(colors[name], colors[ground]);
                assert!(found >= least, "{name} on {ground}: {found:.2}");
            }
        }
        for name in ["warn-ink", "bad"] {
            let found = contrast(colors[name], colors["warn"]);
            assert!(found >= 4.5, "{name} on warn: {found:.2}");
        }
    }
}

#[test]
fn the_button_and_the_system_give_the_same_dark_page() {
    assert_eq!(blocks(":root.dark {")[0], blocks(":root:not(.light) {")[0]);
}
