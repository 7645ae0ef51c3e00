//! The frame on a patch: the centre box that its label describes.

use maud::{Markup, html};

/// The size of some patches, and of their centre box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Rows and columns of each patch.
    pub side: usize,
    /// The side of the centre box; `None` if labels describe whole patches.
    pub centre_box: Option<usize>,
}

impl Frame {
    /// The box, to be laid over a patch.
    pub(super) fn centre(self) -> Markup {
        let length = self.centre_box.filter(|length| *length < self.side);
        let inset = length.map(|length| 50.0 * (self.side - length) as f64 / self.side as f64);
        html! { @if let Some(inset) = inset { span.centre style=(format!("inset:{inset:.2}%")) {} } }
    }

    /// The coordinates of an outline over a patch.
    pub(super) fn view_box(self) -> String {
        format!("0 0 {0} {0}", self.side)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_box_is_in_the_centre_if_there_is_one() {
        let of = |side, centre_box| Frame { side, centre_box }.centre().into_string();
        assert_eq!(of(96, Some(32)), r#"<span class="centre" style="inset:33.33%"></span>"#);
        assert_eq!((of(224, None), of(50, Some(50))), (String::new(), String::new()));
    }
}
