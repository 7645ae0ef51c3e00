//! Two tables, column by column.

use std::path::Path;

use anyhow::Result;
use csv::StringRecord;

use super::tally::Findings;

pub(super) fn compare(old: &Path, new: &Path, findings: &mut Findings) -> Result<()> {
    let open = |path| csv::ReaderBuilder::new().flexible(true).from_path(path);
    let (mut old, mut new) = (open(old)?, open(new)?);
    let columns = old.headers()?.clone();
    if columns != *new.headers()? {
        let [is, was] = [new.headers()?, &columns].map(|names| names.iter().collect::<Vec<_>>().join(", "));
        findings.otherwise(|| format!("the columns are {is}, were {was}"));
        return Ok(());
    }
    let (mut a, mut b) = (StringRecord::new(), StringRecord::new());
    for row in 1_u64.. {
        match (old.read_record(&mut a)?, new.read_record(&mut b)?) {
            (true, true) => rows(&columns, &a, &b, row, findings),
            (false, false) => break,
            (_, longer) => {
                let word = if longer { "more" } else { "fewer" };
                findings.otherwise(|| format!("there are {word} rows than before, from row {row} on"));
                break;
            }
        }
    }
    Ok(())
}

fn rows(columns: &StringRecord, old: &StringRecord, new: &StringRecord, row: u64, findings: &mut Findings) {
    if old.len() != new.len() {
        findings.otherwise(|| format!("row {row} has {} cells, had {}", new.len(), old.len()));
    }
    for (place, (old, new)) in old.iter().zip(new).enumerate() {
        let column = columns.get(place).unwrap_or("?");
        match (old.parse::<f64>(), new.parse::<f64>()) {
            (Ok(old), Ok(new)) => findings.number(column, old, new, || format!("row {row}")),
            _ if old == new => {}
            _ => findings.otherwise(|| format!("`{column}` in row {row} is {new:?}, was {old:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::contents;

    #[test]
    fn columns_are_measured_and_texts_and_rows_named() {
        let compared =
            contents(b"row,p,name\n0,0.5,a\n1,0.25,b\n2,1,c\n", b"row,p,name\n0,0.5,a\n1,0.20,x\n", "t.csv")
                .unwrap();
        let part = &compared.parts[0];
        assert_eq!((part.name.as_str(), part.at.as_str(), part.different), ("p", "row 2", 1));
        assert_eq!(
            compared.otherwise,
            ["`name` in row 2 is \"x\", was \"b\"", "there are fewer rows than before, from row 3 on"]
        );
        let columns = contents(b"a,b\n1,2\n", b"a,c\n1,2\n", "t.csv").unwrap();
        assert_eq!(columns.otherwise, ["the columns are a, c, were a, b"]);
    }
}
