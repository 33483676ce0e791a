//! Draws as CSV.

use std::path::Path;

use csv::{ReaderBuilder, Trim, Writer};

use super::{DrawColumn, columns, from_columns};
use crate::draws::Draws;
use crate::files::{atomic_write, read};
use crate::model::DataError;

impl Draws {
    /// Writes a table with a row for each draw and a column for each number, `mass` or `theta[3]`, whole or not at all. Draws of Markov
    /// chains have the columns `chain` and `draw` besides, counted from 0, and weighted ones the column `weight`. Numbers are written
    /// so that they are read back to the bit.
    ///
    /// ```
    /// use hierarch::draws::Draws;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("draws.csv");
    /// let draws = Draws::new([("mass", vec![90.1, 91.4]), ("theta[0]", vec![0.1 + 0.2, -1e-300])]);
    /// draws.to_csv(&path)?; // of chains: `chains.as_draws().to_csv(&path)?`
    /// assert_eq!(Draws::from_csv(&path)?, draws);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn to_csv(&self, path: impl AsRef<Path>) -> Result<(), DataError> {
        let path = path.as_ref();
        let failed = |source: std::io::Error| DataError::File { path: path.to_owned(), source };
        let columns = columns(self);
        let name = |column: &DrawColumn<'_>| match column {
            DrawColumn::Position(name, _) => (*name).to_owned(),
            DrawColumn::Number(name, _) => (*name).to_owned(),
        };
        // The `Debug` text of a number is the shortest that reads back as the same number.
        let entry = |column: &DrawColumn<'_>, row: usize| match column {
            DrawColumn::Position(_, column) => column[row].to_string(),
            DrawColumn::Number(_, column) => format!("{:?}", column[row]),
        };
        let mut writer = Writer::from_writer(Vec::new());
        let rows = self.columns().first().map_or(0, Vec::len);
        writer.write_record(columns.iter().map(name)).map_err(|error| failed(error.into()))?;
        for row in 0..rows {
            writer.write_record(columns.iter().map(|c| entry(c, row))).map_err(|error| failed(error.into()))?;
        }
        let text = writer.into_inner().map_err(|error| failed(std::io::Error::other(error.to_string())))?;
        atomic_write(path, &text).map_err(failed)
    }

    /// Reads what [`to_csv`](Draws::to_csv) writes, or any table of numbers with names in its first line; lines that begin with `#` are
    /// left out.
    ///
    /// # Errors
    /// The file cannot be read; an entry is no number; chains of different lengths; a weight that is negative.
    pub fn from_csv(path: impl AsRef<Path>) -> Result<Self, DataError> {
        let path = path.as_ref();
        let bytes = read(path).map_err(|source| DataError::File { path: path.to_owned(), source })?;
        let wrong = |error: csv::Error| DataError::Table { path: path.to_owned(), what: error.to_string() };
        let mut reader = ReaderBuilder::new().comment(Some(b'#')).trim(Trim::All).from_reader(bytes.as_slice());
        let names: Vec<String> = reader.headers().map_err(wrong)?.iter().map(str::to_owned).collect();
        let mut columns = vec![Vec::new(); names.len()];
        for row in reader.records() {
            let row = row.map_err(wrong)?;
            for ((entry, column), name) in row.iter().zip(&mut columns).zip(&names) {
                let number = entry.parse().map_err(|_| DataError::Entry {
                    path: path.to_owned(),
                    line: row.position().map_or(0, csv::Position::line),
                    column: name.clone(),
                    value: entry.to_owned(),
                    expected: "a number such as 1.5",
                })?;
                column.push(number);
            }
        }
        from_columns(path, names.into_iter().zip(columns).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Draws, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("draws.csv");
        std::fs::write(&path, text).unwrap();
        Draws::from_csv(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn draws_are_read_back_to_the_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/draws.csv");
        let numbers = |scale: f64| (0..6).map(|i| (f64::from(i) * 0.7).sin() * scale).collect::<Vec<f64>>();
        let draws = || Draws::new([("a", numbers(1.0)), ("b[0][1]", numbers(1e-300)), ("nan", vec![f64::INFINITY; 6])]);
        for draws in [draws(), draws().of_chains(3), draws().weighted(vec![0.25, 0.25, 0.0, 0.5, 0.0, 0.0])] {
            draws.to_csv(&path).unwrap();
            assert_eq!(Draws::from_csv(&path).unwrap(), draws);
        }
        assert!(std::fs::read_to_string(&path).unwrap().starts_with("weight,a,b[0][1],nan\n0.25,0.0,0.0,inf\n"));
    }

    #[test]
    fn chains_are_put_together_by_their_labels() {
        let draws = read("# of another program\nchain,draw,x\n2,1,0.5\n1,1,-1\n2,2,0.25\n1,2,NaN\n").unwrap();
        assert_eq!(draws.chains(), 2);
        assert_eq!(draws.get("x").unwrap()[..3], [0.5, 0.25, -1.0]);
    }

    #[test]
    fn tables_that_are_no_draws_are_refused() {
        for (text, said) in [
            ("", "has no rows"),
            ("x,y\n", "has no rows"),
            ("x\n1\ntwo\n", "line 3: `two` in the column `x` is not a number"),
            ("x,y\n1\n", "1 fields"),
            ("x,x\n1,2\n", "two columns `x`"),
            ("chain,x\n0,1\n0,2\n1,3\n", "chain 1 has 1 draws, and chain 0 has 2"),
            ("chain,x\nNaN,1\n", "row 0 names no chain"),
            ("weight,x\n-1,1\n", "the weight of row 0 is -1"),
            ("weight,x\n0,1\n", "the weights add up to 0"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(said), "{text:?}: {error}");
        }
    }
}
