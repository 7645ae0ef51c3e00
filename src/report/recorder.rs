//! The bridge to plotters: a drawing backend that turns what a chart draws into shapes of a scene.
//!
//! Plotters counts in whole pixels and its own backends place text roughly. Here a pixel of plotters
//! is a tenth of a logical one, and text is measured with the embedded typeface, so that a chart is
//! as sharp as the rest and the same in PNG and SVG.

use std::convert::Infallible;

use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontStyle,
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

/// Sides of the polygon that stands for the rim of a circle.
const CIRCLE: u32 = 60;

/// Logical pixels in plotters' unit.
pub(super) fn units(pixels: f64) -> i32 {
    (pixels * FINENESS).round() as i32
}

/// A position of plotters' in logical pixels.
pub(super) fn pixels(at: BackendCoord) -> Point {
    (f64::from(at.0) / FINENESS, f64::from(at.1) / FINENESS)
}

/// Draws on a scene on behalf of plotters.
pub(super) struct Recorder<'a>(pub(super) &'a mut Scene);

type Outcome = Result<(), DrawingErrorKind<Infallible>>;

fn color(color: BackendColor) -> Color {
    let (red, green, blue) = color.rgb;
    Color { rgb: [red, green, blue], alpha: color.alpha }
}

fn pen<S: BackendStyle>(style: &S) -> Pen {
    Pen::new(color(style.color()), f64::from(style.stroke_width()) / FINENESS)
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
        self.0.line(path.into_iter().map(pixels).collect(), pen(style));
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        upper_left: BackendCoord,
        bottom_right: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Outcome {
        let ((left, top), (right, bottom)) = (pixels(upper_left), pixels(bottom_right));
        let rect = Rect::new(left, top, right - left, bottom - top);
        if fill {
            self.0.rectangle(rect, color(style.color()))
        } else {
            self.0.frame(rect, pen(style))
        }
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        center: BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Outcome {
        let (centre, radius) = (pixels(center), f64::from(radius) / FINENESS);
        if fill {
            self.0.disc(centre, radius, color(style.color()));
        } else {
            let around = (0..=CIRCLE).map(|step| f64::from(step) / f64::from(CIRCLE) * std::f64::consts::TAU);
            let rim = around.map(|angle| (centre.0 + radius * angle.cos(), centre.1 + radius * angle.sin()));
            self.0.line(rim.collect(), pen(style));
        }
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        vert: I,
        style: &S,
    ) -> Outcome {
        self.0.area(vert.into_iter().map(pixels).collect(), color(style.color()));
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, pos: BackendCoord) -> Outcome {
        let align = match style.anchor().h_pos {
            HPos::Left => Align::Left,
            HPos::Center => Align::Centre,
            HPos::Right => Align::Right,
        };
        let size = style.size() / FINENESS;
        let down = size
            * match style.anchor().v_pos {
                VPos::Top => CAPITALS,
                VPos::Center => CAPITALS / 2.0,
                VPos::Bottom => -DESCENT,
            };
        // From the anchor down to the base line, in the text's own frame.
        let ((x, y), degrees) = (pixels(pos), degrees(&style.transform()));
        let (sine, cosine) = f64::to_radians(degrees).sin_cos();
        let at = (x - down * sine, y + down * cosine);
        let bold = matches!(style.style(), FontStyle::Bold);
        let style = TextStyle { size, bold, color: color(style.color()), align, degrees };
        self.0.text(text, at, style);
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let look = TextStyle::new(style.size());
        let look = if matches!(style.style(), FontStyle::Bold) { look.bold() } else { look };
        Ok((look.width(text).ceil() as u32, (look.size * (CAPITALS + DESCENT)).ceil() as u32))
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
