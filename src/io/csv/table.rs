//! A CSV file as text: named columns, and rows with their line numbers.

use std::path::{Path, PathBuf};

use ::csv::{ReaderBuilder, StringRecord, Trim};

use super::CsvOptions;
use crate::files::read;
use crate::model::DataError;

/// A file with a header; every row has as many fields as the header.
pub struct Table {
    pub path: PathBuf,
    header: Vec<String>,
    rows: Vec<StringRecord>,
    /// The line that each row begins on, counted from 1.
    lines: Vec<u64>,
    options: CsvOptions,
}

impl Table {
    pub fn read(path: &Path, options: &CsvOptions) -> Result<Self, DataError> {
        let bytes = read(path).map_err(|source| DataError::File { path: path.to_owned(), source })?;
        let text = match std::str::from_utf8(&bytes) {
            Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
            Err(error) => {
                let line = 1 + bytes[..error.valid_up_to()].iter().filter(|&&b| b == b'\n').count();
                let what = format!("line {line} is not text in UTF-8: save the table as CSV in UTF-8");
                return Err(DataError::Table { path: path.to_owned(), what });
            }
        };
        if text.contains('\0') {
            let what = "it seems to be text in UTF-16: save the table as CSV in UTF-8".to_owned();
            return Err(DataError::Table { path: path.to_owned(), what });
        }
        if text.trim().is_empty() {
            return Err(DataError::EmptyFile { path: path.to_owned() });
        }
        Self::parse(path, text, options)
    }

    fn parse(path: &Path, text: &str, options: &CsvOptions) -> Result<Self, DataError> {
        let wrong = |what: String| DataError::Table { path: path.to_owned(), what };
        // Rows of another width are accepted here, and reported with their line below.
        let (text, comments) = without_comments(text, options.comment.unwrap_or(b'#'));
        let separator = options.separator_of(text.lines().next().unwrap_or_default());
        if char::from(separator) == options.decimal {
            return Err(wrong(format!(
                "`{}` cannot be both the separator and the decimal mark of `CsvOptions`",
                options.decimal
            )));
        }
        let mut reader = ReaderBuilder::new();
        reader.flexible(true).trim(Trim::All).delimiter(separator).comment(options.comment);
        let mut reader = reader.from_reader(text.as_bytes());
        let header: Vec<String> =
            reader.headers().map_err(|e| wrong(e.to_string()))?.iter().map(str::to_owned).collect();
        let mut table =
            Self { path: path.to_owned(), header, rows: Vec::new(), lines: Vec::new(), options: options.clone() };
        for row in reader.into_records() {
            let row = row.map_err(|e| wrong(e.to_string()))?;
            let (start, first) = row.position().map_or((0, 1), |p| (p.byte() as usize, p.line()));
            // The reader reports a row's position as that before the blank lines and comments above it.
            let is_skipped = |line: &&[u8]| match line.first() {
                None | Some(b'\r') => true,
                first => options.comment.is_some() && first == options.comment.as_ref(),
            };
            let above = text.as_bytes()[start.min(text.len())..].split(|&b| b == b'\n').take_while(is_skipped);
            let first = first + comments;
            let line = first + above.count() as u64;
            if table.header.len() > 1 && row.len() == 1 && row[0].is_empty() {
                continue;
            }
            if table.header.len() == 1 && line > first && !row[0].is_empty() {
                let what = format!("line {first} is blank, with more lines below it: remove it or fill in its number");
                return Err(wrong(what));
            }
            table.rows.push(row);
            table.lines.push(line);
        }
        // In a table of one column a line of spaces is a row with an empty entry: ignored at the end, an error further
        // up.
        while table.header.len() == 1 && table.rows.last().is_some_and(|row| row[0].is_empty()) {
            table.rows.pop();
        }
        let width = table.header.len();
        if table.rows.len() > 1 && table.rows.iter().all(|row| row.len() == width + 1) {
            return Err(wrong(format!(
                "each row has a field more than the header, which has {width}: the first column seems to hold names of rows, \
                 as R writes them; write the table without them (`row.names = FALSE`), or give that column a name"
            )));
        }
        match table.rows.iter().position(|row| row.len() != width) {
            None => Ok(table),
            Some(i) => {
                let (line, fields) = (table.lines[i], table.rows[i].len());
                Err(wrong(match fields < width {
                    true if i + 1 == table.rows.len() => {
                        format!(
                            "line {line} has {fields} of the {width} fields of the header: the file may be cut short"
                        )
                    }
                    true => format!("line {line} has {fields} of the {width} fields of the header"),
                    false => format!(
                        "line {line} has {fields} fields, but the header has {width}: put a field with a comma in quotes"
                    ),
                }))
            }
        }
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn name(&self, column: usize) -> &str {
        &self.header[column]
    }

    pub fn line(&self, row: usize) -> u64 {
        self.lines[row]
    }

    pub fn has(&self, name: &str) -> bool {
        self.header.iter().any(|h| h == name)
    }

    /// Returns the position of the column `name`.
    pub fn column(&self, name: &str) -> Result<usize, DataError> {
        let mut found = (0..self.header.len()).filter(|&i| self.header[i] == name);
        match (found.next(), found.next()) {
            (Some(i), None) => Ok(i),
            (Some(_), Some(_)) => {
                Err(DataError::Table { path: self.path.clone(), what: format!("two columns are called `{name}`") })
            }
            (None, _) => {
                let near = self.header.iter().find(|h| letters(h) == letters(name));
                Err(DataError::MissingColumn {
                    path: self.path.clone(),
                    column: name.to_owned(),
                    found: self.header.iter().map(|h| format!("`{h}`")).collect::<Vec<_>>().join(", "),
                    hint: near.map_or(String::new(), |near| format!(": is `{near}` meant?")),
                })
            }
        }
    }

    pub fn text(&self, row: usize, column: usize) -> &str {
        &self.rows[row][column]
    }

    /// Returns the label of an element: any text except those that mark a missing value.
    pub fn label(&self, row: usize, column: usize) -> Result<&str, DataError> {
        self.entry(row, column, |_| Ok(()))?;
        Ok(self.text(row, column))
    }

    pub fn is_missing(&self, row: usize, column: usize) -> bool {
        self.options.is_missing(self.text(row, column))
    }

    /// Returns an entry that is not missing, read by `parse`, whose error is what it expects.
    pub fn entry<X>(
        &self,
        row: usize,
        column: usize,
        parse: impl Fn(&str) -> Result<X, &'static str>,
    ) -> Result<X, DataError> {
        let text = self.text(row, column);
        let value = match self.options.is_missing(text) {
            true => Err(
                "a value but one of `CsvOptions::missing`: remove the row or correct it, or, if it may be missing, say so in the \
                         model, `observe y: Option ~ ..`",
            ),
            false => parse(text),
        };
        value.map_err(|expected| DataError::Entry {
            path: self.path.clone(),
            line: self.line(row),
            column: self.header[column].clone(),
            value: text.to_owned(),
            expected,
        })
    }
}

/// Returns a text without the lines at its beginning that are comments, and the number of these.
fn without_comments(mut text: &str, mark: u8) -> (&str, u64) {
    let mut comments = 0;
    while let (true, Some((_, rest))) = (text.as_bytes().first() == Some(&mark), text.split_once('\n')) {
        (text, comments) = (rest, comments + 1);
    }
    (text, comments)
}

/// Returns the letters and digits of a name in lower case, to find a column that is spelt slightly differently.
fn letters(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
