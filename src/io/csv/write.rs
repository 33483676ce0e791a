//! Writing a frame as tables.

use std::collections::HashSet;
use std::path::Path;

use super::{OUTSIDE, plain};
use crate::files::{atomic_write, atomic_write_set, local};
use crate::model::{Column, DataError, Frame, Values};
use crate::model::{columns, groups};

pub fn write(top: &Frame<'_>, path: &Path) -> Result<(), DataError> {
    sound(top)?;
    if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv")) {
        let text = file(top, path)?;
        return atomic_write(path, text.as_bytes()).map_err(|source| DataError::File { path: path.to_owned(), source });
    }
    let files = folder(top);
    // On some file systems `A.csv` and `a.csv` are the same file.
    let names: HashSet<_> = files.iter().map(|(name, _)| name.to_lowercase()).collect();
    if names.len() < files.len() {
        let what = format!("two plates would have the same file, or one is called as `{OUTSIDE}`: rename it");
        return Err(DataError::Table { path: path.to_owned(), what });
    }
    let failed = |path, source| DataError::File { path, source };
    local(path, "tables of several plates").map_err(|source| failed(path.to_owned(), source))?;
    atomic_write_set(path, failed, |folder| {
        let write = |(name, text): &(String, String)| {
            atomic_write(&folder.join(name), text.as_bytes()).map_err(|source| failed(path.join(name), source))
        };
        files.iter().try_for_each(write)
    })
}

/// Checks the lengths of the columns, so that the written files can be read again.
fn sound(frame: &Frame<'_>) -> Result<(), DataError> {
    columns(frame)?;
    for plate in &frame.plates {
        if let Some(offsets) = &plate.offsets {
            groups(plate, offsets, frame)?;
        }
        sound(plate)?;
    }
    Ok(())
}

/// Returns whether a plate is in the data only because of an index, so that it has no table.
fn is_bare(plate: &Frame<'_>) -> bool {
    plate.columns.is_empty() && plate.plates.is_empty()
}

/// A table as text.
#[derive(Default)]
struct Sheet {
    text: String,
    fields: usize,
}

impl Sheet {
    fn field(&mut self, text: impl std::fmt::Display) {
        if self.fields > 0 {
            self.text.push(',');
        }
        self.fields += 1;
        self.text.push_str(&text.to_string());
    }

    fn end_row(&mut self) {
        self.text.push('\n');
        self.fields = 0;
    }

    fn names(&mut self, frame: &Frame<'_>) {
        for Column { name, width, .. } in &frame.columns {
            match width {
                1 => self.field(plain(name)),
                _ => (0..*width).for_each(|c| self.field(format_args!("{}[{c}]", plain(name)))),
            }
        }
    }

    /// Adds the numbers of an element. The `Debug` text of a number is the shortest that reads back as the same number,
    /// with an exponent if it would be long.
    fn values(&mut self, frame: &Frame<'_>, element: usize) {
        for column in &frame.columns {
            for i in element * column.width..(element + 1) * column.width {
                if !column.is_there(i) {
                    self.field("NA");
                    continue;
                }
                match &column.values {
                    Values::Real(x) => self.field(format_args!("{:?}", x[i])),
                    Values::Pixels(x) => self.field(format_args!("{:?}", x[i])),
                    Values::Count(x) => self.field(x[i]),
                    Values::Category(x) => self.field(x[i]),
                    Values::Bool(x) => self.field(x[i]),
                }
            }
        }
    }
}

/// Returns one table, with a row for each element of the innermost plate.
fn file(top: &Frame<'_>, path: &Path) -> Result<String, DataError> {
    let wrong = |why: String| {
        let what = format!("{why}: give a folder, a path that does not end in `.csv`");
        Err(DataError::Table { path: path.to_owned(), what })
    };
    let mut chain = vec![top];
    while let Some(last) = chain.last() {
        let full: Vec<&Frame<'_>> = last.plates.iter().filter(|p| !is_bare(p)).collect();
        match full[..] {
            [] => break,
            [plate] => chain.push(plate),
            [one, other, ..] => {
                let (one, other) = (plain(one.name), plain(other.name));
                return wrong(format!("one table cannot hold the plates `{one}` and `{other}` side by side"));
            }
        }
    }
    // From the inside out: the element of each plate that each row describes.
    let rows = chain.last().map_or(0, |inner| inner.size);
    let mut elements: Vec<Vec<usize>> = vec![(0..rows).collect()];
    for (outer, inner) in chain.iter().zip(&chain[1..]).rev() {
        let whole = [0, inner.size];
        let offsets = inner.offsets.as_deref().unwrap_or(&whole);
        if let Some(empty) = offsets.windows(2).position(|w| w[0] == w[1]) {
            let (plate, outer) = (plain(inner.name), plain(outer.name));
            let place = if outer.is_empty() { String::new() } else { format!(" in element {empty} of `{outer}`") };
            return wrong(format!("one table cannot say that the plate `{plate}` is empty{place}"));
        }
        let outer_of: Vec<usize> =
            offsets.windows(2).enumerate().flat_map(|(outer, w)| std::iter::repeat_n(outer, w[1] - w[0])).collect();
        let next = elements[elements.len() - 1].iter().map(|&e| outer_of[e]).collect();
        elements.push(next);
    }
    elements.reverse();

    let bare: Vec<&Frame<'_>> = top.plates.iter().filter(|p| is_bare(p)).collect();
    // A plate with others inside it has a column for the labels of its elements.
    let labelled = |depth: usize| depth > 0 && depth + 1 < chain.len();
    let mut sheet = Sheet::default();
    bare.iter().for_each(|plate| sheet.field(plain(plate.name)));
    for (depth, frame) in chain.iter().enumerate() {
        if labelled(depth) {
            sheet.field(plain(frame.name));
        }
        sheet.names(frame);
    }
    sheet.end_row();
    for row in 0..rows {
        bare.iter().for_each(|plate| sheet.field(plate.size));
        for (depth, (frame, elements)) in chain.iter().zip(&elements).enumerate() {
            if labelled(depth) {
                sheet.field(elements[row]);
            }
            sheet.values(frame, elements[row]);
        }
        sheet.end_row();
    }
    Ok(sheet.text)
}

/// Returns a table for each plate, and one for the variables outside plates, with the names of their files.
fn folder(top: &Frame<'_>) -> Vec<(String, String)> {
    fn plate(frame: &Frame<'_>, files: &mut Vec<(String, String)>) {
        let mut sheet = Sheet::default();
        sheet.names(frame);
        frame.plates.iter().for_each(|inner| sheet.field(plain(inner.name)));
        sheet.end_row();
        for element in 0..frame.size {
            sheet.values(frame, element);
            for inner in &frame.plates {
                let offsets = inner.offsets.as_deref().unwrap_or_default();
                sheet.field(offsets[element + 1] - offsets[element]);
            }
            sheet.end_row();
        }
        files.push((format!("{}.csv", plain(frame.name)), sheet.text));
        frame.plates.iter().for_each(|inner| plate(inner, files));
    }
    let (bare, full): (Vec<_>, Vec<_>) = top.plates.iter().partition(|p| is_bare(p));
    let mut files = Vec::new();
    if !top.columns.is_empty() || !bare.is_empty() {
        let mut sheet = Sheet::default();
        sheet.names(top);
        bare.iter().for_each(|plate| sheet.field(plain(plate.name)));
        sheet.end_row();
        sheet.values(top, 0);
        bare.iter().for_each(|plate| sheet.field(plate.size));
        sheet.end_row();
        files.push((OUTSIDE.to_owned(), sheet.text));
    }
    full.into_iter().for_each(|frame| plate(frame, &mut files));
    files
}
