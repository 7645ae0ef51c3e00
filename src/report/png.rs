//! A scene as PNG: anti-aliased, at twice the logical size, without any metadata.

use anyhow::{Context, Result};
use imgref::ImgVec;
use png::{BitDepth, ColorType, DeflateCompression, Encoder, Filter};
use tiny_skia::{
    Color as SkiaColor, FillRule, FilterQuality, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap,
    PixmapPaint, Stroke, StrokeDash, Transform,
};

use super::{
    color::Color,
    font,
    scene::{Pen, Point, Scene, Shape, TextStyle},
};

/// Pixels per logical pixel, each way.
const DENSITY: f64 = 2.0;

/// Draws and compresses a scene. The same scene gives the same bytes.
///
/// # Errors
/// The picture is too large (several gigapixels).
pub(super) fn png(scene: &Scene) -> Result<Vec<u8>> {
    let (width, height) = ((scene.width * DENSITY) as u32, (scene.height * DENSITY) as u32);
    let mut pixmap = Pixmap::new(width, height).with_context(|| {
        format!("a picture of {width} x {height} pixels cannot be drawn; show fewer patches")
    })?;
    pixmap.fill(SkiaColor::WHITE);
    for shape in &scene.shapes {
        draw(&mut pixmap, shape);
    }
    // The sheet is opaque, so premultiplied colours equal the colours.
    let opaque: Vec<u8> =
        pixmap.data().chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
    encode(&opaque, width, height)
}

/// Compresses opaque pixels with fixed settings.
pub(super) fn encode(rgb: &[u8], width: u32, height: u32) -> Result<Vec<u8>> {
    encode_as(rgb, width, height, |encoder| {
        encoder.set_color(ColorType::Rgb);
        encoder.set_deflate_compression(DeflateCompression::Level(6));
        encoder.set_filter(Filter::Adaptive);
    })
}

/// Compresses pixels of 8 bits per channel, with the settings of `set`.
pub(super) fn encode_as(
    pixels: &[u8],
    width: u32,
    height: u32,
    set: impl FnOnce(&mut Encoder<'_, &mut Vec<u8>>),
) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, width, height);
    encoder.set_depth(BitDepth::Eight);
    set(&mut encoder);
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(pixels)?;
        writer.finish()
    });
    written.context("cannot encode a PNG")?;
    Ok(bytes)
}

/// An image as PNG, pixel by pixel.
pub(super) fn image_png(image: &ImgVec<[u8; 3]>) -> Result<Vec<u8>> {
    encode(image.buf().as_flattened(), image.width() as u32, image.height() as u32)
}

fn scale() -> Transform {
    Transform::from_scale(DENSITY as f32, DENSITY as f32)
}

fn paint(color: Color) -> Paint<'static> {
    let mut paint = Paint::default();
    let [red, green, blue] = color.rgb;
    paint.set_color_rgba8(red, green, blue, (color.alpha.clamp(0.0, 1.0) * 255.0).round() as u8);
    paint
}

fn draw(pixmap: &mut Pixmap, shape: &Shape) {
    match shape {
        Shape::Area { outline, color } => fill(pixmap, polygon(outline, true), *color, scale()),
        Shape::Line { points, pen, closed } => stroke(pixmap, polygon(points, *closed), *pen),
        Shape::Disc { centre, radius, color } => {
            let circle = PathBuilder::from_circle(centre.0 as f32, centre.1 as f32, *radius as f32);
            fill(pixmap, circle, *color, scale());
        }
        Shape::Text { text, at, style } => write(pixmap, text, *at, *style),
        Shape::Image { pixels, corner, size } => blit(pixmap, pixels, *corner, *size),
    }
}

fn polygon(points: &[Point], closed: bool) -> Option<Path> {
    let mut path = PathBuilder::new();
    for (index, &(x, y)) in points.iter().enumerate() {
        if index == 0 { path.move_to(x as f32, y as f32) } else { path.line_to(x as f32, y as f32) }
    }
    if closed {
        path.close();
    }
    path.finish()
}

fn fill(pixmap: &mut Pixmap, path: Option<Path>, color: Color, transform: Transform) {
    if let Some(path) = path {
        pixmap.fill_path(&path, &paint(color), FillRule::Winding, transform, None);
    }
}

fn stroke(pixmap: &mut Pixmap, path: Option<Path>, pen: Pen) {
    let Some(path) = path else { return };
    let stroke = Stroke {
        width: pen.width as f32,
        line_cap: if pen.dash.is_some() { LineCap::Butt } else { LineCap::Round },
        line_join: LineJoin::Round,
        dash: pen.dash.and_then(|dash| StrokeDash::new(dash.map(|length| length as f32).to_vec(), 0.0)),
        ..Stroke::default()
    };
    pixmap.stroke_path(&path, &paint(pen.color), &stroke, scale(), None);
}

fn write(pixmap: &mut Pixmap, text: &str, at: Point, style: TextStyle) {
    let place = Transform::from_translate(style.offset(text) as f32, 0.0)
        .post_rotate(style.degrees as f32)
        .post_translate(at.0 as f32, at.1 as f32)
        .post_concat(scale());
    fill(pixmap, font::outline(text, style.size, style.bold), style.color, place);
}

/// Draws an image, enlarged smoothly: tissue is easier to see so than as squares of uneven size.
fn blit(pixmap: &mut Pixmap, image: &ImgVec<[u8; 3]>, corner: Point, size: Point) {
    let (width, height) = (image.width() as u32, image.height() as u32);
    let Some(mut source) = Pixmap::new(width, height) else { return };
    for (target, pixel) in source.data_mut().chunks_exact_mut(4).zip(image.pixels()) {
        let [red, green, blue] = pixel;
        target.copy_from_slice(&[red, green, blue, 255]);
    }
    let stretch = (size.0 / f64::from(width), size.1 / f64::from(height));
    let place = Transform::from_scale(stretch.0 as f32, stretch.1 as f32)
        .post_translate(corner.0 as f32, corner.1 as f32)
        .post_concat(scale());
    let paint = PixmapPaint { quality: FilterQuality::Bicubic, ..PixmapPaint::default() };
    pixmap.draw_pixmap(0, 0, source.as_ref(), &paint, place, None);
}
