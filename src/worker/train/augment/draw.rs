//! The random changes of one patch in one epoch.

use pcamflow::stages::train::Augmentation;
use rand_chacha::rand_core::Rng;

use super::{color::Adjustment, view::View};
use crate::random::{below, generator, unit};

/// The changes of one patch.
#[derive(Debug, PartialEq)]
pub(super) struct Draw {
    /// The geometric change.
    pub(super) view: View,
    /// The changes of the colours, in this order.
    pub(super) adjustments: Vec<Adjustment>,
}

impl Draw {
    /// Always draws every number: turning one change on does not affect the others.
    pub(super) fn new(settings: &Augmentation, seed: u64, epoch: u32, position: u64) -> Self {
        let parts: [&[u8]; 4] =
            [&seed.to_le_bytes(), &epoch.to_le_bytes(), &position.to_le_bytes(), b"augment"];
        let mut random = generator(&parts);
        let view = view(settings, &mut random);
        let mut adjustments = adjustments(settings, &mut random);
        for last in (1..adjustments.len()).rev() {
            adjustments.swap(last, below(last as u64 + 1, &mut random) as usize);
        }
        Self { view, adjustments: adjustments.into_iter().flatten().collect() }
    }
}

fn view(settings: &Augmentation, random: &mut impl Rng) -> View {
    let mirrored = unit(random) < settings.horizontal_flip;
    let flipped = unit(random) < settings.vertical_flip;
    let turns = below(4, random);
    let turns = if settings.quarter_turns { turns } else { 0 };
    let view = View::default();
    let view = if mirrored { view.mirrored() } else { view };
    let view = if flipped { view.flipped() } else { view };
    (0..turns).fold(view, |view, _| view.turned())
}

fn adjustments(settings: &Augmentation, random: &mut impl Rng) -> [Option<Adjustment>; 4] {
    let mut around = |centre: f64, width: f64| {
        let value = centre + width * (2.0 * unit(random) - 1.0);
        (width > 0.0).then_some(value as f32)
    };
    [
        around(1.0, settings.brightness).map(Adjustment::Brightness),
        around(1.0, settings.contrast).map(Adjustment::Contrast),
        around(1.0, settings.saturation).map(Adjustment::Saturation),
        around(0.0, settings.hue).map(Adjustment::Hue),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Augmentation {
        Augmentation {
            horizontal_flip: 0.5,
            vertical_flip: 0.25,
            quarter_turns: true,
            brightness: 0.4,
            contrast: 0.3,
            saturation: 0.2,
            hue: 0.1,
        }
    }

    #[test]
    fn a_draw_depends_on_seed_epoch_and_position() {
        let draw = |seed, epoch, position| Draw::new(&settings(), seed, epoch, position);
        assert_eq!(draw(1, 2, 3), draw(1, 2, 3));
        for other in [draw(2, 2, 3), draw(1, 3, 3), draw(1, 2, 4)] {
            assert_ne!(draw(1, 2, 3), other);
        }
    }

    #[test]
    fn draws_are_frozen() {
        // With other draws, old keys would stand for other results.
        let draw = Draw::new(&settings(), 42, 1, 7);
        assert_eq!(format!("{draw:?}"), FROZEN);
    }

    const FROZEN: &str = "Draw { view: View { down: [-1, 0], right: [0, -1] }, adjustments: \
                          [Contrast(0.86683726), Saturation(0.9544315), Brightness(0.68337256), \
                          Hue(0.074728236)] }";

    #[test]
    fn factors_fill_their_ranges_and_orders_and_views_all_come() {
        let (mut views, mut firsts) = (Vec::new(), std::collections::BTreeMap::new());
        let mut mirrored = 0;
        for position in 0..2000 {
            let draw = Draw::new(&settings(), 1, 1, position);
            for adjustment in &draw.adjustments {
                let (name, off, width) = match *adjustment {
                    Adjustment::Brightness(factor) => ("brightness", factor - 1.0, 0.4),
                    Adjustment::Contrast(factor) => ("contrast", factor - 1.0, 0.3),
                    Adjustment::Saturation(factor) => ("saturation", factor - 1.0, 0.2),
                    Adjustment::Hue(shift) => ("hue", shift, 0.1),
                };
                assert!(off.abs() <= width * 1.0001, "{name}: {off}");
                let (low, high): &mut (f32, f32) = firsts.entry(name).or_insert((0.0, 0.0));
                (*low, *high) = (low.min(off / width), high.max(off / width));
            }
            assert_eq!(draw.adjustments.len(), 4);
            let only = Augmentation { horizontal_flip: 0.25, ..Augmentation::default() };
            let alone = Draw::new(&only, 1, 1, position);
            assert!(alone.adjustments.is_empty());
            mirrored += i32::from(alone.view != View::default());
            if !views.contains(&draw.view) {
                views.push(draw.view);
            }
        }
        assert_eq!(views.len(), 8, "every symmetry of the square");
        assert!(firsts.values().all(|(low, high)| *low < -0.99 && *high > 0.99), "{firsts:?}");
        // Standard deviation 19.
        assert!((mirrored - 500).abs() < 100, "{mirrored}");
    }
}
