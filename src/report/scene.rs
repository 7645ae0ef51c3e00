//! A picture as a list of shapes, which is written as PNG and as SVG.
//!
//! Lengths are logical pixels, y downwards, later shapes over earlier ones. Knows no charts and no file formats.

use imgref::ImgVec;

use super::{
    color::{Color, INK},
    font,
};

/// Logical pixels from the left and from the top.
pub(super) type Point = (f64, f64);

/// One visible element.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    /// A filled polygon.
    Area { outline: Vec<Point>, color: Color },
    /// A line through points.
    Line { points: Vec<Point>, pen: Pen, closed: bool },
    /// A filled circle.
    Disc { centre: Point, radius: f64, color: Color },
    /// A line of text.
    Text { text: String, at: Point, style: TextStyle },
    /// A raster image of red, green and blue, stretched over a rectangle.
    Image { pixels: ImgVec<[u8; 3]>, corner: Point, size: Point },
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pen {
    pub(super) color: Color,
    pub(super) width: f64,
    /// Lengths of dash and gap.
    pub(super) dash: Option<[f64; 2]>,
}

impl Pen {
    pub(super) const fn new(color: Color, width: f64) -> Self {
        Self { color, width, dash: None }
    }

    pub(super) const fn dashed(self, dash: f64, gap: f64) -> Self {
        Self { dash: Some([dash, gap]), ..self }
    }
}

/// Which end of a text is at its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Centre,
    Right,
}

/// How a text is drawn; its point is on the base line.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextStyle {
    /// Em in pixels.
    pub(super) size: f64,
    pub(super) bold: bool,
    pub(super) color: Color,
    pub(super) align: Align,
    /// Clockwise rotation about its point.
    pub(super) degrees: f64,
}

impl TextStyle {
    pub(super) const fn new(size: f64) -> Self {
        Self { size, bold: false, color: INK, align: Align::Left, degrees: 0.0 }
    }

    pub(super) const fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    pub(super) const fn color(self, color: Color) -> Self {
        Self { color, ..self }
    }

    pub(super) const fn align(self, align: Align) -> Self {
        Self { align, ..self }
    }

    pub(super) const fn turned(self, degrees: f64) -> Self {
        Self { degrees, ..self }
    }

    /// The width of a text in this style.
    pub(super) fn width(self, text: &str) -> f64 {
        font::width(text, self.size, self.bold)
    }

    /// The start of a text, right of its point.
    pub(super) fn offset(self, text: &str) -> f64 {
        match self.align {
            Align::Left => 0.0,
            Align::Centre => -self.width(text) / 2.0,
            Align::Right => -self.width(text),
        }
    }
}

/// A rectangle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rect {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Rect {
    pub(super) const fn new(left: f64, top: f64, width: f64, height: f64) -> Self {
        Self { left, top, width, height }
    }

    pub(super) fn right(self) -> f64 {
        self.left + self.width
    }

    pub(super) fn bottom(self) -> f64 {
        self.top + self.height
    }

    pub(super) fn centre(self) -> Point {
        (self.left + self.width / 2.0, self.top + self.height / 2.0)
    }

    /// Smaller by `margin` on every side.
    pub(super) fn inset(self, margin: f64) -> Self {
        let Self { left, top, width, height } = self;
        Self::new(left + margin, top + margin, width - 2.0 * margin, height - 2.0 * margin)
    }

    fn corners(self) -> Vec<Point> {
        let (right, bottom) = (self.right(), self.bottom());
        vec![(self.left, self.top), (right, self.top), (right, bottom), (self.left, bottom)]
    }
}

/// A white sheet and its shapes.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) shapes: Vec<Shape>,
}

impl Scene {
    /// An empty sheet; sizes are rounded up to whole pixels.
    pub(super) fn new(width: f64, height: f64) -> Self {
        Self { width: width.ceil(), height: height.ceil(), shapes: Vec::new() }
    }

    pub(super) fn area(&mut self, outline: Vec<Point>, color: Color) {
        self.shapes.push(Shape::Area { outline, color });
    }

    pub(super) fn rectangle(&mut self, rect: Rect, color: Color) {
        self.area(rect.corners(), color);
    }

    pub(super) fn frame(&mut self, rect: Rect, pen: Pen) {
        self.outline(rect.corners(), pen);
    }

    pub(super) fn line(&mut self, points: Vec<Point>, pen: Pen) {
        self.shapes.push(Shape::Line { points, pen, closed: false });
    }

    /// A closed line.
    pub(super) fn outline(&mut self, points: Vec<Point>, pen: Pen) {
        self.shapes.push(Shape::Line { points, pen, closed: true });
    }

    pub(super) fn disc(&mut self, centre: Point, radius: f64, color: Color) {
        self.shapes.push(Shape::Disc { centre, radius, color });
    }

    pub(super) fn text(&mut self, text: impl Into<String>, at: Point, style: TextStyle) {
        self.shapes.push(Shape::Text { text: text.into(), at, style });
    }

    pub(super) fn image(&mut self, pixels: ImgVec<[u8; 3]>, rect: Rect) {
        let (corner, size) = ((rect.left, rect.top), (rect.width, rect.height));
        self.shapes.push(Shape::Image { pixels, corner, size });
    }
}
