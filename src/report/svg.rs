//! A scene as SVG: lines as lines, text as text, images embedded.

use std::fmt::Write;

use anyhow::Result;
use base64::{Engine, engine::general_purpose::STANDARD};
use image::RgbImage;

use super::{
    color::Color,
    font, png,
    scene::{Align, Pen, Point, Scene, Shape, TextStyle},
};

/// Writes a scene. The same scene gives the same text.
///
/// # Errors
/// An embedded image cannot be encoded.
pub(super) fn svg(scene: &Scene) -> Result<String> {
    let (width, height) = (scene.width, scene.height);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"{}\" stroke-linejoin=\"round\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
        font::FAMILY
    );
    for shape in &scene.shapes {
        text += &element(shape)?;
        text.push('\n');
    }
    text += "</svg>\n";
    Ok(text)
}

fn element(shape: &Shape) -> Result<String> {
    Ok(match shape {
        Shape::Area { outline, color } => {
            format!("<polygon points=\"{}\"{}/>", points(outline), ink("fill", *color))
        }
        Shape::Line { points: through, pen, closed } => {
            let tag = if *closed { "polygon" } else { "polyline" };
            format!("<{tag} points=\"{}\" fill=\"none\"{}/>", points(through), outlined(*pen))
        }
        Shape::Disc { centre, radius, color } => {
            let (x, y, radius) = (number(centre.0), number(centre.1), number(*radius));
            format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"{}/>", ink("fill", *color))
        }
        Shape::Text { text, at, style } => line_of_text(text, *at, *style),
        Shape::Image { pixels, corner, size } => embedded(pixels, *corner, *size)?,
    })
}

/// At most two decimals: a hundredth of a pixel is finer than any screen or printer.
fn number(value: f64) -> String {
    let rounded = (value * 100.0).round() / 100.0;
    format!("{}", rounded + 0.0)
}

fn points(points: &[Point]) -> String {
    let points: Vec<_> = points.iter().map(|&(x, y)| format!("{},{}", number(x), number(y))).collect();
    points.join(" ")
}

fn ink(attribute: &str, color: Color) -> String {
    let [red, green, blue] = color.rgb;
    let mut text = format!(" {attribute}=\"#{red:02x}{green:02x}{blue:02x}\"");
    if color.alpha < 1.0 {
        let _ = write!(text, " {attribute}-opacity=\"{}\"", number(color.alpha));
    }
    text
}

fn outlined(pen: Pen) -> String {
    let cap = if pen.dash.is_some() { "butt" } else { "round" };
    let mut text = ink("stroke", pen.color);
    let _ = write!(text, " stroke-width=\"{}\" stroke-linecap=\"{cap}\"", number(pen.width));
    if let Some([dash, gap]) = pen.dash {
        let _ = write!(text, " stroke-dasharray=\"{} {}\"", number(dash), number(gap));
    }
    text
}

fn line_of_text(text: &str, at: Point, style: TextStyle) -> String {
    let (x, y, size) = (number(at.0), number(at.1), number(style.size));
    let anchor = match style.align {
        Align::Left => "",
        Align::Centre => " text-anchor=\"middle\"",
        Align::Right => " text-anchor=\"end\"",
    };
    let weight = if style.bold { " font-weight=\"bold\"" } else { "" };
    let turn = match style.degrees {
        0.0 => String::new(),
        degrees => format!(" transform=\"rotate({} {x} {y})\"", number(degrees)),
    };
    let fill = ink("fill", style.color);
    format!(
        "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\"{anchor}{weight}{turn}{fill}>{}</text>",
        escaped(text)
    )
}

fn escaped(text: &str) -> String {
    let plain = text.chars().filter(|letter| !letter.is_control());
    plain.fold(String::new(), |mut text, letter| {
        match letter {
            '&' => text += "&amp;",
            '<' => text += "&lt;",
            '>' => text += "&gt;",
            other => text.push(other),
        }
        text
    })
}

fn embedded(image: &RgbImage, corner: Point, size: Point) -> Result<String> {
    let [x, y, width, height] = [corner.0, corner.1, size.0, size.1].map(number);
    let data = STANDARD.encode(png::image_png(image)?);
    Ok(format!(
        "<image x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" preserveAspectRatio=\"none\" \
         href=\"data:image/png;base64,{data}\"/>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_cannot_break_the_document() {
        let mut scene = Scene::new(10.0, 10.0);
        scene.text("a<b & \"c\"\u{0}", (1.0, 2.0), TextStyle::new(9.0));
        assert!(svg(&scene).unwrap().contains(">a&lt;b &amp; \"c\"</text>"));
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([1.0, 0.125, -0.001, 10.5].map(number), ["1", "0.13", "0", "10.5"]);
    }
}
