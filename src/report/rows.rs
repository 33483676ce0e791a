//! Specifications and data as rows of tables.

use crate::model::{Column, Frame, Missing, Plate, PlateSize, Role, Variable};

pub(super) fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1e-3 => format!("{:.0} µs", 1e6 * s),
        s if s < 1.0 => format!("{:.1} ms", 1e3 * s),
        s if s < 120.0 => format!("{s:.1} s"),
        s => format!("{:.1} min", s / 60.0),
    }
}

/// The row of a variable in the table of the model.
pub(super) fn variable(v: &Variable, plate: &str) -> Vec<String> {
    let role = match v.role {
        Role::Global => "global",
        Role::Nuisance => "nuisance",
        Role::Local => "local",
        Role::Observed => "observed",
        Role::Given => "given",
        Role::Index => "index",
        Role::Derived => "derived",
        Role::Factor => "factor",
    };
    let shape: Vec<String> = v.shape.iter().map(usize::to_string).collect();
    let name = if shape.is_empty() { v.name.clone() } else { format!("{}[{}]", v.name, shape.join(", ")) };
    let sign = match v.role {
        _ if v.definition.is_empty() => "",
        Role::Derived | Role::Index | Role::Factor => "= ",
        _ => "~ ",
    };
    let name = if v.missing == Missing::Never { name } else { format!("{name}: Option") };
    vec![name, role.to_owned(), plate.to_owned(), format!("{sign}{}", v.definition)]
}

pub(super) fn plate(plate: &Plate, rows: &mut Vec<Vec<String>>) {
    let size = match &plate.size {
        PlateSize::Fixed(n) => n.to_string(),
        PlateSize::Range(low, high) => format!("{low}..={high}"),
        PlateSize::Random { name, distribution, .. } => format!("{name} ~ {distribution}"),
    };
    let name = format!("{}({size})", plate.name);
    rows.extend(plate.variables.iter().map(|v| variable(v, &name)));
    plate.plates.iter().for_each(|inner| self::plate(inner, rows));
}

/// The columns of a data set with more than one value; vectors of up to four numbers by component.
pub(super) fn columns(frame: &Frame<'_>) -> Vec<(String, Vec<f64>)> {
    fn of_column(column: &Column<'_>, found: &mut Vec<(String, Vec<f64>)>) {
        let values = |from: usize, step: usize| -> Vec<f64> {
            let places = (from..column.values.len()).step_by(step).filter(|&i| column.is_there(i));
            places.map(|i| column.get(i)).collect()
        };
        if (2..=4).contains(&column.width) {
            let component = |c: usize| (format!("{}[{c}]", column.name), values(c, column.width));
            found.extend((0..column.width).map(component));
        } else {
            found.push((column.name.to_owned(), values(0, 1)));
        }
    }
    fn visit(frame: &Frame<'_>, found: &mut Vec<(String, Vec<f64>)>) {
        frame.columns.iter().filter(|c| c.values.len() > 1).for_each(|column| of_column(column, found));
        frame.plates.iter().for_each(|plate| visit(plate, found));
    }
    let mut found = Vec::new();
    visit(frame, &mut found);
    found
}
