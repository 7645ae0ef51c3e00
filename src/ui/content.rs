//! The contents of a file as text: tables, and a line for each tensor or dataset.
//!
//! A pure function from contents to a text.

use console::truncate_str;

use super::{View, format, paint::Tone, table::Table};
use crate::inspect::{Attribute, Content, Dataset, Rows, Tensor};

/// The contents of a file.
#[must_use]
pub(super) fn text(content: &Content, view: &View) -> String {
    match content {
        Content::Table(rows) => table(rows, view),
        Content::Json { text, .. } | Content::Text { text } => {
            format::clean(text).trim_end().to_owned() + "\n"
        }
        Content::Tensors { tensors } => tensors_text(tensors, view),
        Content::Hdf5 { attributes, datasets } => hdf5(attributes, datasets, view),
        Content::Picture { width: Some(width), height: Some(height) } => {
            format!("{width} x {height} pixels\n")
        }
        Content::Picture { .. } => "a picture without a size of its own\n".to_owned(),
        Content::Bytes => "bytes of a format that is not shown here\n".to_owned(),
    }
}

fn table(Rows { columns, rows, count }: &Rows, view: &View) -> String {
    let titles: Vec<&str> = columns.iter().map(String::as_str).collect();
    let more = match count.saturating_sub(rows.len() as u64) {
        0 => String::new(),
        left => {
            let of = format!("... {} more of {} rows", format::count(left), format::count(*count));
            view.paint.tone(Tone::Faint, &of) + "\n"
        }
    };
    aligned(&titles, rows, view) + &more
}

fn tensors_text(tensors: &[Tensor], view: &View) -> String {
    let numbers = |tensor: &Tensor| tensor.shape.iter().product::<u64>();
    let row = |tensor: &Tensor| {
        let shape = format!("{:?}", tensor.shape);
        vec![tensor.name.clone(), tensor.dtype.clone(), shape, format::count(numbers(tensor))]
    };
    let rows: Vec<Vec<String>> = tensors.iter().map(row).collect();
    let all = tensors.iter().map(numbers).sum();
    let sum = format!("{}, {} numbers", format::plural(tensors.len(), "tensor"), format::count(all));
    let table = aligned(&["tensor", "type", "shape", "numbers"], &rows, view);
    format!("{table}{}\n", view.paint.tone(Tone::Faint, &sum))
}

fn hdf5(attributes: &[Attribute], datasets: &[Dataset], view: &View) -> String {
    let row = |set: &Dataset| vec![set.name.clone(), set.dtype.clone(), format!("{:?}", set.shape)];
    let rows: Vec<Vec<String>> = datasets.iter().map(row).collect();
    let line = |of: &str, attribute: &Attribute| {
        format::one_line(&format!("{of}@{} = {}", attribute.name, attribute.value)) + "\n"
    };
    let of_file = attributes.iter().map(|attribute| line("", attribute));
    let of_datasets = datasets.iter().flat_map(|set| set.attributes.iter().map(|it| line(&set.name, it)));
    aligned(&["dataset", "type", "shape"], &rows, view) + &of_file.chain(of_datasets).collect::<String>()
}

/// The largest width of a cell, so that a very long line does not fill the screen.
const WIDEST: usize = 200;

/// A table. Columns of numbers are right-aligned.
fn aligned(titles: &[&str], rows: &[Vec<String>], view: &View) -> String {
    let cut = |cell: &str| truncate_str(&format::one_line(cell), WIDEST, "…").into_owned();
    let is_number = |cell: &String| cell.is_empty() || cell.replace(',', "").parse::<f64>().is_ok();
    let letter = |column: usize| {
        let numbers = rows.iter().filter_map(|row| row.get(column)).all(is_number) && !rows.is_empty();
        if numbers { 'r' } else { 'l' }
    };
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0).max(titles.len());
    let letters: String = (0..columns).map(letter).collect();
    let mut table = Table::headed(&letters, titles.iter().map(|title| cut(title)));
    rows.iter().for_each(|row| table.row(row.iter().map(|cell| cut(cell))));
    table.text(view)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::paint::Paint;

    fn plain(content: &Content) -> String {
        text(content, &View { paint: Paint::OFF, width: None })
    }

    #[test]
    fn numbers_are_right_aligned_and_the_rows_that_are_left_are_counted() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let rows = Rows {
            columns: words(&["row", "label", "name"]),
            rows: vec![words(&["7", "0.25", "a\u{1b}[2J"]), words(&["1200", "1", "bc"])],
            count: 1_002,
        };
        let expected = " row  label  name\n   7   0.25  a\n1200      1  bc\n... 1,000 more of 1,002 rows\n";
        assert_eq!(plain(&Content::Table(rows)), expected);
    }

    #[test]
    fn an_endless_cell_is_cut() {
        let rows = Rows { columns: vec!["x".repeat(1_000_000)], rows: Vec::new(), count: 0 };
        let text = plain(&Content::Table(rows));
        assert_eq!((text.chars().count(), text.ends_with("…\n")), (WIDEST + 1, true));
    }

    #[test]
    fn tensors_and_datasets_have_a_line_each() {
        let tensor = |name: &str, shape: &[u64]| Tensor {
            name: name.into(),
            dtype: "F32".into(),
            shape: shape.into(),
        };
        let tensors = vec![tensor("fc.bias", &[2]), tensor("fc.weight", &[2, 600])];
        let expected = "\
tensor     type  shape     numbers
fc.bias    F32   [2]             2
fc.weight  F32   [2, 600]    1,200
2 tensors, 1,202 numbers
";
        assert_eq!(plain(&Content::Tensors { tensors }), expected);
        let attribute = |name: &str| Attribute { name: name.into(), value: "v".into() };
        let dataset = Dataset {
            name: "x".into(),
            dtype: "uint8".into(),
            shape: vec![4, 96],
            attributes: vec![attribute("unit")],
        };
        let content = Content::Hdf5 { attributes: vec![attribute("method")], datasets: vec![dataset] };
        assert_eq!(
            plain(&content),
            "dataset  type   shape\nx        uint8  [4, 96]\n@method = v\nx@unit = v\n"
        );
    }
}
