//! Numbers by name as arrays with named dimensions: `theta[0]`, `theta[1]`, ... as `theta` along its plate.

use std::collections::HashMap;

use crate::model::{Frame, Kind, Plate, Role, Specification, Variable, component_names};

/// A variable whose numbers are among those of each draw.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Placed {
    pub(crate) name: String,
    /// The dimensions after chain and draw: a plate, then the components of a vector.
    pub(crate) dims: Vec<String>,
    pub(crate) shape: Vec<usize>,
    /// The position of each of its numbers in a draw, the last dimension first.
    pub(crate) at: Vec<usize>,
    /// Whether its numbers are whole: counts and categories.
    pub(crate) whole: bool,
    /// Whether its numbers are 0 for no and 1 for yes.
    pub(crate) yes_or_no: bool,
}

/// The name and the size of a plate.
type PlateOf<'a> = (&'a str, usize);

/// The variables of a data set, and the plate of each that is in one.
pub(crate) struct Layout<'a> {
    variables: HashMap<&'a str, (&'a Variable, Option<PlateOf<'a>>)>,
}

impl<'a> Layout<'a> {
    /// Reads the plates of `specification`, with their sizes in the data of `frame`.
    pub(crate) fn new(specification: &'a Specification, frame: &Frame<'_>) -> Self {
        let outside = specification.variables.iter().map(|v| (v.name.as_str(), (v, None)));
        let mut layout = Self { variables: outside.collect() };
        layout.add(&specification.plates, frame);
        layout
    }

    fn add(&mut self, plates: &'a [Plate], outer: &Frame<'_>) {
        for frame in &outer.plates {
            let Some(plate) = plates.iter().find(|plate| plate.name == frame.name) else { continue };
            let here = Some((plate.name.as_str(), frame.size));
            self.variables.extend(plate.variables.iter().map(|v| (v.name.as_str(), (v, here))));
            self.add(&plate.plates, frame);
        }
    }

    /// Places the numbers with those names, each variable where its first number is. A variable that is not whole is left as
    /// its numbers, each under its own name.
    pub(crate) fn place(&self, names: &[String]) -> Vec<Placed> {
        let at: HashMap<&str, usize> = names.iter().enumerate().map(|(i, name)| (name.as_str(), i)).collect();
        let mut order: Vec<&str> = Vec::new();
        let mut numbers: HashMap<&str, Vec<usize>> = HashMap::new();
        for (i, name) in names.iter().enumerate() {
            let variable = name.split('[').next().unwrap_or_default();
            let known = numbers.entry(variable).or_default();
            if known.is_empty() {
                order.push(variable);
            }
            known.push(i);
        }
        let mut placed = Vec::new();
        for variable in order {
            let numbers = &numbers[variable];
            match self.of_variable(variable, numbers, names, &at) {
                Some(one) => placed.push(one),
                None => placed.extend(numbers.iter().map(|&i| Placed {
                    name: names[i].clone(),
                    dims: Vec::new(),
                    shape: Vec::new(),
                    at: vec![i],
                    whole: false,
                    yes_or_no: false,
                })),
            }
        }
        placed
    }

    fn of_variable(
        &self,
        name: &str,
        numbers: &[usize],
        names: &[String],
        at: &HashMap<&str, usize>,
    ) -> Option<Placed> {
        let known = self.variables.get(name);
        let plate = known.and_then(|(_, plate)| *plate);
        // What follows the name of the variable, and in a plate that of the element, in the name of each component.
        let (components, shape): (Vec<String>, Vec<usize>) = match known {
            Some((variable, _)) if variable.role != Role::Derived => {
                let all = component_names(variable).into_iter().map(|name| name[variable.name.len()..].to_owned());
                (all.collect(), variable.shape.clone())
            }
            // A `let` has as many components as it has numbers.
            _ => {
                let count = numbers.len() / plate.map_or(1, |(_, size)| size.max(1));
                let first = &names[numbers[0]];
                let is_one_of_each = plate.is_some() && count == 1 && !first.starts_with(&format!("{name}[0]["));
                let alone = is_one_of_each || first == name;
                match alone {
                    true => (vec![String::new()], Vec::new()),
                    false => ((0..count).map(|c| format!("[{c}]")).collect(), vec![count]),
                }
            }
        };
        let found: Option<Vec<usize>> = match plate {
            None => components.iter().map(|component| at.get(format!("{name}{component}").as_str()).copied()).collect(),
            Some((_, size)) => {
                let of_element = |i: usize| components.iter().map(move |component| format!("{name}[{i}]{component}"));
                (0..size).flat_map(of_element).map(|name| at.get(name.as_str()).copied()).collect()
            }
        };
        let found = found.filter(|found| found.len() == numbers.len())?;
        let mut dims: Vec<String> = plate.map(|(plate, _)| plate.to_owned()).into_iter().collect();
        dims.extend((0..shape.len()).map(|i| format!("{name}_dim_{i}")));
        let kind = known.map_or(Kind::Real, |(variable, _)| variable.kind);
        let latent = known.is_some_and(|(variable, _)| variable.role != Role::Derived);
        Some(Placed {
            name: name.to_owned(),
            dims,
            shape: plate.map(|(_, size)| size).into_iter().chain(shape).collect(),
            at: found,
            whole: latent && matches!(kind, Kind::Count | Kind::Category),
            yes_or_no: latent && kind == Kind::Bool,
        })
    }
}
