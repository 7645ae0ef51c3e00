//! A pipeline as a picture for browsers: stages in rows, each below what it needs, edges as curves.
//!
//! The layout is the usual one for layered graphs (Sugiyama et al. 1981): the longest way gives the row;
//! edges over several rows get a place in each; sweeps to the middle of the neighbours give the order.

use std::fmt::Write as _;

use super::{
    dot::short,
    nodes::{Node, Nodes, PLAIN, Standing},
    shape,
};

const MARGIN: f64 = 24.0;
const HEIGHT: f64 = 44.0;
const ROW: f64 = 96.0;
const GAP: f64 = 24.0;
/// Of one letter, at the size of the names; sans-serif faces are narrower.
const LETTER: f64 = 8.0;

/// Something that has a place in a row: a stage, or an edge on its way.
struct Place {
    row: usize,
    width: f64,
    x: f64,
}

/// The picture.
struct Layout {
    /// The first ones are the nodes.
    places: Vec<Place>,
    rows: Vec<Vec<usize>>,
    /// The places of each edge, from its maker to its reader.
    ways: Vec<Vec<usize>>,
}

/// A whole SVG document.
pub(super) fn text(nodes: &Nodes) -> String {
    let layout = Layout::new(nodes);
    let right = layout.places.iter().map(|place| place.x + place.width / 2.0).fold(0.0, f64::max);
    let (width, height) =
        (right + MARGIN, MARGIN * 2.0 + HEIGHT + ROW * (layout.rows.len().max(1) - 1) as f64);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"sans-serif\">\n<title>{}</title>\n<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0.8 L8 4 L0 7.2 z\" fill=\"#888888\"/></marker></defs>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
        escaped(&nodes.pipeline)
    );
    for (way, (_, _, artifacts)) in layout.ways.iter().zip(&nodes.edges) {
        text += &curve(way, &layout.places, artifacts);
    }
    for (node, place) in nodes.nodes.iter().zip(&layout.places) {
        text += &boxed(node, place);
    }
    text + "</svg>\n"
}

impl Layout {
    fn new(nodes: &Nodes) -> Self {
        let rows_of = shape::layers(&nodes.feeds());
        let mut places: Vec<Place> = nodes
            .nodes
            .iter()
            .zip(&rows_of)
            .map(|(node, row)| Place { row: *row, width: width(node), x: 0.0 })
            .collect();
        let mut ways = Vec::with_capacity(nodes.edges.len());
        for (from, to, _) in &nodes.edges {
            let between = rows_of[*from] + 1..rows_of[*to];
            let first = places.len();
            places.extend(between.map(|row| Place { row, width: GAP, x: 0.0 }));
            ways.push([*from].into_iter().chain(first..places.len()).chain([*to]).collect());
        }
        let mut rows = vec![Vec::new(); rows_of.iter().max().map_or(0, |last| last + 1)];
        for (index, place) in places.iter().enumerate() {
            rows[place.row].push(index);
        }
        let mut layout = Self { places, rows, ways };
        layout.settle();
        layout
    }

    /// Sweeps down and up, each time ordering a row by the middle of what its places are joined with.
    fn settle(&mut self) {
        let steps: Vec<(usize, usize)> =
            self.ways.iter().flat_map(|way| way.windows(2).map(|pair| (pair[0], pair[1]))).collect();
        let down = shape::feeds(self.places.len(), &steps);
        let back: Vec<(usize, usize)> = steps.iter().map(|(from, to)| (*to, *from)).collect();
        let up = shape::feeds(self.places.len(), &back);
        (0..self.rows.len()).for_each(|row| self.spread(row));
        for sweep in 0..12 {
            let (order, joined): (Vec<usize>, _) = match sweep % 2 {
                0 => ((0..self.rows.len()).collect(), &up),
                _ => ((0..self.rows.len()).rev().collect(), &down),
            };
            for row in order {
                self.order(row, joined);
            }
        }
        let left = self.places.iter().map(|place| place.x - place.width / 2.0).fold(f64::INFINITY, f64::min);
        self.places.iter_mut().for_each(|place| place.x += MARGIN - left);
    }

    fn order(&mut self, row: usize, joined: &[Vec<usize>]) {
        let wish = |place: usize| match joined[place].as_slice() {
            [] => self.places[place].x,
            others => others.iter().map(|other| self.places[*other].x).sum::<f64>() / others.len() as f64,
        };
        let mut wishes: Vec<(usize, f64)> =
            self.rows[row].iter().map(|place| (*place, wish(*place))).collect();
        wishes.sort_by(|one, other| one.1.total_cmp(&other.1));
        self.rows[row] = wishes.iter().map(|(place, _)| *place).collect();
        let middle = wishes.iter().map(|(_, x)| x).sum::<f64>() / wishes.len().max(1) as f64;
        self.spread(row);
        let now = self.rows[row].iter().map(|place| self.places[*place].x).sum::<f64>();
        let shift = middle - now / wishes.len().max(1) as f64;
        for place in &self.rows[row] {
            self.places[*place].x += shift;
        }
    }

    /// Puts the places of a row side by side, around 0.
    fn spread(&mut self, row: usize) {
        let mut x = 0.0;
        for place in &self.rows[row] {
            let place = &mut self.places[*place];
            place.x = x + place.width / 2.0;
            x += place.width + GAP;
        }
        for place in &self.rows[row] {
            self.places[*place].x -= (x - GAP) / 2.0;
        }
    }
}

fn width(node: &Node) -> f64 {
    let letters = |text: &str| console::measure_text_width(text) as f64;
    (letters(&node.label) * LETTER).max(letters(&note(node)) * LETTER * 0.8) + GAP
}

fn note(node: &Node) -> String {
    match (node.standing, node.note.as_str()) {
        (None, _) => String::new(),
        (Some(standing), "") => standing.word().to_owned(),
        (Some(standing), note) => format!("{}: {}", standing.word(), short(note)),
    }
}

fn top(row: usize) -> f64 {
    MARGIN + ROW * row as f64
}

fn curve(way: &[usize], places: &[Place], artifacts: &[String]) -> String {
    let mut path = String::new();
    for pair in way.windows(2) {
        let [from, to] = [&places[pair[0]], &places[pair[1]]];
        let (y1, y2) = (top(from.row) + HEIGHT, top(to.row));
        let bend = (y2 - y1) / 2.0;
        let _ = match path.is_empty() {
            true => write!(path, "M{:.1} {y1:.1}", from.x),
            false => write!(path, " L{:.1} {y1:.1}", from.x),
        };
        let _ =
            write!(path, " C{:.1} {:.1} {:.1} {:.1} {:.1} {y2:.1}", from.x, y1 + bend, to.x, y2 - bend, to.x);
    }
    format!(
        "<path d=\"{path}\" fill=\"none\" stroke=\"#888888\" stroke-width=\"1.4\" marker-end=\"url(#arrow)\"><title>{}</title></path>\n",
        escaped(&artifacts.join(", "))
    )
}

fn boxed(node: &Node, place: &Place) -> String {
    let [fill, line] = node.standing.map_or(PLAIN, Standing::colours);
    let (left, y) = (place.x - place.width / 2.0, top(place.row));
    let note = note(node);
    let base = if note.is_empty() { y + HEIGHT / 2.0 + 5.0 } else { y + 19.0 };
    let mut text = format!(
        "<rect x=\"{left:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{HEIGHT}\" rx=\"7\" fill=\"{fill}\" stroke=\"{line}\"/>\n<text x=\"{:.1}\" y=\"{base:.1}\" text-anchor=\"middle\" font-size=\"14\" fill=\"#222222\">{}</text>\n",
        place.width,
        place.x,
        escaped(&node.label)
    );
    if !note.is_empty() {
        let _ = writeln!(
            text,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"11\" fill=\"{line}\">{}</text>",
            place.x,
            y + 35.0,
            escaped(&note)
        );
    }
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
