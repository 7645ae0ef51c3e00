//! Closed, slightly irregular outlines of nuclei, cells, vessels and fat vacuoles.
//!
//! Does not know dyes or cell types. Lobes are computed from complex powers of a unit vector, because sines
//! are not the same on every platform.

use super::random::Draw;

/// An ellipse with lobes: the radius is multiplied by 1 + waves with 2, 3, 4 and 5 periods per turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outline {
    pub(super) x: f32,
    pub(super) y: f32,
    /// Mean radius in pixels.
    pub(super) radius: f32,
    /// Square root of the ratio of length to width.
    stretch: f32,
    /// Direction of the long axis.
    axis: (f32, f32),
    /// For each wave, its amplitude and phase as a vector.
    lobes: [(f32, f32); 4],
}

impl Outline {
    /// An ellipse with a random axis. `ratio` is length divided by width, `roughness` is the approximate
    /// height of the lobes relative to the radius.
    pub(super) fn draw(draw: &mut Draw, (x, y): (f32, f32), radius: f32, ratio: f32, roughness: f32) -> Self {
        let axis = draw.direction();
        Self::along(draw, (x, y), radius, (ratio, axis), roughness)
    }

    /// Like [`Self::draw`], with a given direction of the long axis.
    pub(super) fn along(
        draw: &mut Draw,
        (x, y): (f32, f32),
        radius: f32,
        (ratio, axis): (f32, (f32, f32)),
        roughness: f32,
    ) -> Self {
        let lobes = [1.0, 0.9, 0.7, 0.5].map(|share| {
            let height = draw.between(0.0, 1.6) * roughness * share;
            let (c, s) = draw.direction();
            (height * c, height * s)
        });
        Self { x, y, radius, stretch: ratio.sqrt(), axis, lobes }
    }

    /// An upper bound for the distance of the outline from its centre.
    pub(super) fn reach(&self) -> f32 {
        let lobes: f32 = self.lobes.iter().map(|(c, s)| (c * c + s * s).sqrt()).sum();
        self.radius * self.stretch * (1.0 + lobes)
    }

    /// Approximate distance of (x, y) from the outline in pixels, negative inside.
    pub(super) fn distance(&self, x: f32, y: f32) -> f32 {
        let (dx, dy) = (x - self.x, y - self.y);
        let u = (dx * self.axis.0 + dy * self.axis.1) / self.stretch;
        let v = (dy * self.axis.0 - dx * self.axis.1) * self.stretch;
        let length = (u * u + v * v).sqrt();
        if length < 1e-3 {
            return -self.radius;
        }
        let (c, s) = (u / length, v / length);
        let mut power = (c, s);
        let mut wave = 1.0;
        for lobe in self.lobes {
            power = (power.0 * c - power.1 * s, power.0 * s + power.1 * c);
            wave += power.0 * lobe.0 + power.1 * lobe.1;
        }
        // Converts from the stretched frame to pixels, along the ray from the centre.
        (length - self.radius * wave) * (dx * dx + dy * dy).sqrt() / length
    }
}

#[cfg(test)]
mod tests {
    use super::{super::random::Purpose, *};

    #[test]
    fn distances_from_a_circle_are_exact() {
        let mut draw = Draw::new(1, Purpose::Scene, 0);
        let circle = Outline::draw(&mut draw, (10.0, 20.0), 5.0, 1.0, 0.0);
        for (x, y, expected) in [(10.0, 20.0, -5.0), (18.0, 20.0, 3.0), (10.0, 16.0, -1.0), (13.0, 24.0, 0.0)]
        {
            assert!((circle.distance(x, y) - expected).abs() < 1e-5, "({x}, {y})");
        }
    }

    #[test]
    fn no_outline_exceeds_its_reach() {
        let mut draw = Draw::new(2, Purpose::Scene, 0);
        for _ in 0..200 {
            let (ratio, roughness) = (draw.between(1.0, 3.0), draw.between(0.0, 0.1));
            let outline = Outline::draw(&mut draw, (0.0, 0.0), 6.0, ratio, roughness);
            let (c, s) = draw.direction();
            let reach = outline.reach() + 1e-3;
            assert!(outline.distance(c * reach, s * reach) >= -1e-3);
        }
    }
}
