//! The bridge to plotters: a drawing backend that turns the axes of a chart into shapes of a scene.
//!
//! Plotters counts in whole pixels, and its own backends place text roughly. Here a pixel of plotters is a tenth
//! of a logical one, and text is measured with the embedded typeface. So a chart is as sharp as the rest of the
//! picture, and the same in PNG and SVG. Knows only lines and text: axes have nothing else.

use std::convert::Infallible;

use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
    FontTransform,
    text_anchor::{HPos, VPos},
};

use super::{
    color::Color,
    font::{CAPITALS, DESCENT},
    scene::{Align, Pen, Point, Rect, Scene, TextStyle},
};

/// Plotters' pixels per logical pixel.
const FINENESS: f64 = 10.0;

/// Logical pixels in plotters' unit.
pub(super) fn units(pixels: f64) -> i32 {
    (pixels * FINENESS).round() as i32
}

/// A position of plotters in logical pixels.
pub(super) fn pixels(at: BackendCoord) -> Point {
    (f64::from(at.0) / FINENESS, f64::from(at.1) / FINENESS)
}

/// Draws on a scene for plotters.
pub(super) struct Recorder<'a>(pub(super) &'a mut Scene);

type Outcome<T = ()> = Result<T, DrawingErrorKind<Infallible>>;

fn color(color: BackendColor) -> Color {
    let (red, green, blue) = color.rgb;
    Color { rgb: [red, green, blue], alpha: color.alpha }
}

impl DrawingBackend for Recorder<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        ((self.0.width * FINENESS) as u32, (self.0.height * FINENESS) as u32)
    }

    fn ensure_prepared(&mut self) -> Outcome {
        Ok(())
    }

    fn present(&mut self) -> Outcome {
        Ok(())
    }

    fn draw_pixel(&mut self, point: BackendCoord, ink: BackendColor) -> Outcome {
        let ((left, top), side) = (pixels(point), 1.0 / FINENESS);
        self.0.rectangle(Rect::new(left, top, side, side), color(ink));
        Ok(())
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Outcome {
        self.draw_path([from, to], style)
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Outcome {
        let pen = Pen::new(color(style.color()), f64::from(style.stroke_width()) / FINENESS);
        self.0.line(path.into_iter().map(pixels).collect(), pen);
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, at: BackendCoord) -> Outcome {
        let align = match style.anchor().h_pos {
            HPos::Left => Align::Left,
            HPos::Center => Align::Centre,
            HPos::Right => Align::Right,
        };
        let size = style.size() / FINENESS;
        // From the anchor down to the base line, in the text's own frame.
        let down = match style.anchor().v_pos {
            VPos::Top => CAPITALS,
            VPos::Center => CAPITALS / 2.0,
            VPos::Bottom => -DESCENT,
        } * size;
        let degrees = degrees(&style.transform());
        let ((x, y), (sine, cosine)) = (pixels(at), f64::to_radians(degrees).sin_cos());
        let drawn = TextStyle { color: color(style.color()), align, degrees, ..TextStyle::new(size) };
        self.0.text(text, (x - down * sine, y + down * cosine), drawn);
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(&self, text: &str, style: &S) -> Outcome<(u32, u32)> {
        let drawn = TextStyle::new(style.size());
        Ok((drawn.width(text).ceil() as u32, (drawn.size * (CAPITALS + DESCENT)).ceil() as u32))
    }
}

fn degrees(transform: &FontTransform) -> f64 {
    match transform {
        FontTransform::None => 0.0,
        FontTransform::Rotate90 => 90.0,
        FontTransform::Rotate180 => 180.0,
        FontTransform::Rotate270 => -90.0,
    }
}
