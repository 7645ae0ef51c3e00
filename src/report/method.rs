//! One colour per method, the same in all pictures.

use super::{
    color::{AXIS, Color, SERIES},
    scene::Pen,
};

/// The methods with a colour of their own, in the order of the palette, each with the beginnings of its names.
const KNOWN: [&[&str]; 6] = [
    &["grad-cam", "gradcam", "cam"],
    &["saliency", "gradient"],
    &["occlusion"],
    &["integrated-gradients", "ig"],
    &["hires-cam", "hirescam", "hires"],
    &["smoothgrad", "smooth-grad", "smooth"],
];

/// The place of a method in the palette; `None` if the name says nothing. Names are labels (`grad-cam`,
/// `grad-cam-relu2`) and titles (`Grad-CAM, relu4`).
fn known(name: &str) -> Option<usize> {
    let name = name.to_lowercase().replace([' ', '_'], "-");
    let begins = |start: &str| {
        name.strip_prefix(start).is_some_and(|rest| !rest.starts_with(|it: char| it.is_alphanumeric()))
    };
    KNOWN.iter().position(|names| names.iter().any(|start| begins(start)))
}

/// The colour of a method that is alone in a picture, if its name says which one it is.
pub(super) fn color_of_method(name: &str) -> Option<Color> {
    known(name).map(|at| SERIES[at])
}

/// A pen for each method of a picture, given its label and whether it is a control. Known methods have their own
/// colour, unless an earlier label has it; others have the first free one. When none is free, lines are dashed.
/// Controls are grey, each with another dash.
pub(super) fn pens<'a>(methods: impl IntoIterator<Item = (&'a str, bool)>) -> Vec<Pen> {
    let methods: Vec<(&str, bool)> = methods.into_iter().collect();
    let places = own_places(&methods);
    let mut free = (0..).filter({
        let own = places.clone();
        move |place| !own.contains(&Some(*place))
    });
    let mut controls = 0;
    let mut pens = Vec::new();
    for (place, (_, control)) in places.iter().zip(&methods) {
        if *control {
            pens.push(grey(controls));
            controls += 1;
        } else {
            pens.push(colored(place.or_else(|| free.next()).unwrap_or_default()));
        }
    }
    pens
}

/// The places of the known methods; of several labels of one method, the first has its place.
fn own_places(methods: &[(&str, bool)]) -> Vec<Option<usize>> {
    let mut places: Vec<Option<usize>> = Vec::new();
    for (label, control) in methods {
        let place = known(label).filter(|place| !control && !places.contains(&Some(*place)));
        places.push(place);
    }
    places
}

fn colored(place: usize) -> Pen {
    let pen = Pen::new(SERIES[place % SERIES.len()], 2.0);
    if place >= SERIES.len() { pen.dashed(7.0, 3.0) } else { pen }
}

fn grey(control: usize) -> Pen {
    const DASHES: [[f64; 2]; 3] = [[6.0, 4.0], [2.0, 3.0], [10.0, 3.0]];
    let [dash, gap] = DASHES[control % DASHES.len()];
    Pen::new(AXIS, 1.8).dashed(dash, gap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_of_fourteen_explanations_and_three_controls_look_alike() {
        let labels: Vec<String> = (0..17).map(|at| format!("method-{at}")).collect();
        let pens = pens(labels.iter().enumerate().map(|(at, label)| (label.as_str(), at >= 14)));
        for (index, pen) in pens.iter().enumerate() {
            let alike = |other: &Pen| other.color == pen.color && other.dash == pen.dash;
            assert!(!pens[..index].iter().any(alike), "{index}");
        }
    }

    #[test]
    fn a_known_method_has_its_colour_at_every_place() {
        let colors = |labels: &[&str]| {
            pens(labels.iter().map(|label| (*label, false))).iter().map(|pen| pen.color).collect::<Vec<_>>()
        };
        let all = colors(&["saliency", "mine", "occlusion", "grad-cam"]);
        assert_eq!(all, [SERIES[1], SERIES[3], SERIES[2], SERIES[0]]);
        assert_eq!(colors(&["occlusion"]), [SERIES[2]]);
        assert_eq!(colors(&["grad-cam-relu4", "grad-cam-relu2"]), [SERIES[0], SERIES[1]]);
        assert_eq!(color_of_method("Integrated gradients, 50 steps from black"), Some(SERIES[3]));
        assert_eq!(color_of_method("HiResCAM, relu4"), Some(SERIES[4]));
        assert_eq!((color_of_method("igneous"), color_of_method("my-model")), (None, None));
    }
}
