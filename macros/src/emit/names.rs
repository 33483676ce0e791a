//! The names in the generated code.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};

use crate::ast::Shape;
use crate::names::text;
use crate::tree::{Plate, Step, Tree, plates};

/// The names of the generated types.
pub struct Names {
    pub globals: Ident,
    pub locals: Ident,
    pub data: Ident,
}

impl Names {
    pub fn new(tree: &Tree) -> Self {
        let name = &tree.name;
        Self {
            globals: format_ident!("{name}Globals"),
            locals: format_ident!("{name}Locals"),
            data: format_ident!("{name}Data"),
        }
    }
}

/// Names the type of the columns of `plate` in the data: `ResonanceEvents`.
pub fn plate_data(tree: &Tree, plate: &Plate) -> Ident {
    format_ident!("{}{}", tree.name, camel(&plate.name))
}

/// Names the type of the latent columns of `plate`: `ResonanceEventsLocals`.
pub fn plate_locals(tree: &Tree, plate: &Plate) -> Ident {
    format_ident!("{}{}Locals", tree.name, camel(&plate.name))
}

fn camel(name: &Ident) -> String {
    text(name)
        .split('_')
        .map(|w| {
            let mut letters = w.chars();
            letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
        })
        .collect()
}

/// Makes a name of the generated code, which can be no name of the user's.
pub fn hidden(text: &str) -> Ident {
    Ident::new(&format!("__{}", text.replace("r#", "")), Span::mixed_site())
}

/// Names the position in a vector whose numbers have a distribution each.
pub fn position(shape: &Shape) -> Ident {
    shape.position.clone().unwrap_or_else(|| hidden("position"))
}

/// Names the buffer of the values of a variable that other plates read by index.
pub fn all_of(name: &Ident) -> Ident {
    hidden(&format!("all_{name}"))
}

/// Emits the path of fields from a data set to the columns of `plate`: `counties.houses`.
pub fn data_path(tree: &Tree, plate: &Plate) -> TokenStream {
    fn find(steps: &[Step], name: &Ident) -> Option<Vec<Ident>> {
        plates(steps).find_map(|p| {
            if p.name == *name {
                return Some(vec![p.name.clone()]);
            }
            let mut path = vec![p.name.clone()];
            path.extend(find(&p.steps, name)?);
            Some(path)
        })
    }
    let path = find(&tree.root, &plate.name).unwrap_or_default();
    quote!(#(#path).*)
}
