//! A scene as SVG: lines as lines, text as text, images embedded.

use anyhow::Result;
use base64::{Engine, engine::general_purpose::STANDARD};
use imgref::ImgVec;

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
    let Scene { width, height, shapes } = scene;
    let elements = shapes.iter().map(element).collect::<Result<String>>()?;
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"{}\" stroke-linejoin=\"round\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{elements}</svg>\n",
        font::FAMILY
    ))
}

fn element(shape: &Shape) -> Result<String> {
    let element = match shape {
        Shape::Area { outline, color } => {
            format!("<polygon points=\"{}\"{}/>", points(outline), ink("fill", *color))
        }
        Shape::Line { points: through, pen, closed } => {
            let tag = if *closed { "polygon" } else { "polyline" };
            format!("<{tag} points=\"{}\" fill=\"none\"{}/>", points(through), stroke(*pen))
        }
        Shape::Disc { centre, radius, color } => {
            let (x, y, radius) = (number(centre.0), number(centre.1), number(*radius));
            format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"{}/>", ink("fill", *color))
        }
        Shape::Text { text, at, style } => line_of_text(text, *at, *style),
        Shape::Image { pixels, corner, size } => embedded(pixels, *corner, *size)?,
    };
    Ok(element + "\n")
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

fn ink(attribute: &str, Color { rgb: [red, green, blue], alpha }: Color) -> String {
    let opaque = format!(" {attribute}=\"#{red:02x}{green:02x}{blue:02x}\"");
    if alpha < 1.0 { format!("{opaque} {attribute}-opacity=\"{}\"", number(alpha)) } else { opaque }
}

fn stroke(pen: Pen) -> String {
    let (cap, dashes) = match pen.dash {
        None => ("round", String::new()),
        Some([dash, gap]) => ("butt", format!(" stroke-dasharray=\"{} {}\"", number(dash), number(gap))),
    };
    let width = number(pen.width);
    format!("{} stroke-width=\"{width}\" stroke-linecap=\"{cap}\"{dashes}", ink("stroke", pen.color))
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
    let plain: String = text.chars().filter(|letter| !letter.is_control()).collect();
    plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn embedded(image: &ImgVec<[u8; 3]>, corner: Point, size: Point) -> Result<String> {
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
