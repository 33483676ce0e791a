//! Linear predictors and normal observations that were taken out of the elements: their matrices, which are made once for a data
//! set; their values, before the plates are run; and their derivatives, after.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Expr, parse_quote};

use super::field;
use super::gather::{adjoint_of, values_of};
use super::layout::size_of;
use super::scope::Scope;
use crate::ast::Role;
use crate::emit::choose::has_factorial;
use crate::emit::names::{data_path, hidden};
use crate::emit::params::bind_params;
use crate::linear::vector_plate;
use crate::names::{identifiers, text};
use crate::predictor::{Fit, Predictor, Sum, Term, Unknown};
use crate::tree::{Plate, Tree, Variable, all_plates};

/// Emits the method of `Explicit` that makes the matrices for a data set. What was taken out of the elements may read by index what
/// they do not read any more, as they did in the `original` tree.
pub fn prepare(tree: &Tree, original: &Tree) -> TokenStream {
    let scope = Scope::root(tree).values_only();
    let params = bind_params(tree, &scope.scalar());
    let fields = field::prepare(tree);
    let matrices: TokenStream = all_plates(&tree.root)
        .into_iter()
        .filter(|p| p.in_data)
        .map(|plate| {
            let before = all_plates(&original.root).into_iter().find(|p| p.name == plate.name);
            let gathers = before.map_or(Vec::new(), |p| p.gathers.clone());
            let plate = &Plate { gathers, ..plate.clone() };
            let element = Scope::element(plate, &scope).one_by_one();
            let predictors: TokenStream = plate.predictors.iter().map(|p| element.design(plate, p)).collect();
            let fits: TokenStream = plate.fits.iter().map(|fit| element.least_squares(plate, fit)).collect();
            let constants: TokenStream = plate.variables().map(|v| constant(tree, plate, v)).collect();
            quote!(#predictors #fits #constants)
        })
        .collect();
    if matrices.is_empty() && fields.is_empty() {
        return TokenStream::new();
    }
    quote! {
        fn prepare(&self, __data: &Self::Data, __whole: &Self::Data) -> ::hierarch::__private::Prepared {
            let mut __prepared = ::hierarch::__private::Prepared::default();
            #params
            #matrices
            #fields
            __prepared
        }
    }
}

/// Emits what adds the terms of observed counts that no parameter changes.
fn constant(tree: &Tree, plate: &Plate, v: &Variable) -> TokenStream {
    let counts = v.role == Role::Observe && !v.vector && v.definition.as_ref().is_some_and(has_factorial);
    if !counts {
        return TokenStream::new();
    }
    let (path, name) = (data_path(tree, plate), &v.name);
    let of_vectors = v.shape.is_some().then(|| quote!(.flatten()));
    let there = v.is_optional().then(|| quote!(.flatten()));
    quote!(__whole.#path.#name.iter()#of_vectors #there.for_each(|k| __prepared.add_ln_factorial(*k as f64));)
}

/// Emits the number of columns of the matrix of `sum`.
pub fn width(sum: &Sum) -> TokenStream {
    let widths = sum.terms.iter().map(|term| match &term.unknown {
        Unknown::Number(_) => quote!(1usize),
        Unknown::Vector { len, .. } => quote!((#len)),
        _ => quote!(0usize),
    });
    quote!((0usize #(+ #widths)*))
}

/// Finds the offset that is added to a sum: zero, or data.
fn offset(sum: &Sum) -> Expr {
    let offset = &sum.offset;
    parse_quote!(0.0 #(+ #offset)*)
}

/// Lists the predictors with their plates; each is known by its place in this list.
pub fn predictors(tree: &Tree) -> impl Iterator<Item = (usize, (&Plate, &Predictor))> {
    let plates = all_plates(&tree.root).into_iter().filter(|p| p.in_data);
    plates.flat_map(|plate| plate.predictors.iter().map(move |p| (plate, p))).enumerate()
}

pub fn buffer(predictor: &Predictor, of: &str) -> Ident {
    hidden(&format!("{}_{of}", predictor.name))
}

/// A term that reads a column.
struct Read<'a> {
    scale: &'a Expr,
    values: &'a Ident,
    /// `None` if it is read at the element of the plate around.
    index: Option<&'a Ident>,
    /// Whether it is a column of a plate.
    of_plate: bool,
}

fn reads(sum: &Sum) -> impl Iterator<Item = Read<'_>> {
    sum.terms.iter().filter_map(|Term { scale, unknown }| match unknown {
        Unknown::Gathered { values, index, .. } => Some(Read { scale, values, index: Some(index), of_plate: true }),
        Unknown::Picked { values, index, .. } => Some(Read { scale, values, index: Some(index), of_plate: false }),
        Unknown::Around { values } => Some(Read { scale, values, index: None, of_plate: true }),
        Unknown::Number(_) | Unknown::Vector { .. } => None,
    })
}

impl Scope<'_> {
    /// Emits a number of an element, as an `f64`.
    fn plain(&self, expr: &Expr) -> TokenStream {
        let (scalar, expr) = (self.scalar(), self.lift(|lift| lift.expr(expr)));
        quote!(::hierarch::__private::Cast::<#scalar>::cast(#expr).value)
    }

    /// Binds the data of an element that `exprs` mention.
    fn bind_data(&self, plate: &Plate, exprs: &[&TokenStream]) -> TokenStream {
        let names: BTreeSet<String> = exprs.iter().flat_map(identifiers).map(|name| name.to_string()).collect();
        let own = plate.variables().filter(|v| v.in_data() && names.contains(&v.name.to_string()));
        let own: TokenStream = own.map(|v| self.visible(v)).collect();
        let read: TokenStream = plate
            .gathers
            .iter()
            .filter(|g| g.data && names.contains(&g.local().to_string()))
            .map(|g| self.gather_data(g, &data_path(self.tree, plate)))
            .collect();
        quote!(#own #read)
    }

    /// Emits what writes the coefficients of `sum` to `__row`.
    fn row(&self, sum: &Sum) -> TokenStream {
        let entries = sum.terms.iter().filter_map(|term| {
            let scale = &term.scale;
            match &term.unknown {
                Unknown::Number(_) => {
                    let x = self.plain(scale);
                    Some(quote!(__row[__at] = #x; __at += 1;))
                }
                Unknown::Vector { data, len, .. } => {
                    let scale = self.plain(scale);
                    if let Some(column) = self.open_column(data) {
                        return Some(quote! {
                            let __scale: f64 = #scale;
                            for (__to, __x) in __row[__at..__at + #len].iter_mut().zip(#column) {
                                *__to = __scale * *__x as f64;
                            }
                            __at += #len;
                        });
                    }
                    let data = self.lift(|lift| lift.expr(data));
                    Some(quote! {
                        let __scale: f64 = #scale;
                        for __c in 0..#len { __row[__at + __c] = __scale * #data[__c].value; }
                        __at += #len;
                    })
                }
                _ => None,
            }
        });
        quote!(let mut __at = 0usize; #(#entries)*)
    }

    /// Emits the numbers of an element's vector `data`, if its length is known only when the program runs.
    fn open_column(&self, data: &Expr) -> Option<TokenStream> {
        let Expr::Path(path) = data else { return None };
        let (plate, name) = (self.plate?, path.path.get_ident()?);
        plate.variables().find(|v| v.name == *name && v.open)?;
        let path = data_path(self.tree, plate);
        Some(quote!(&__data.#path.#name[__i]))
    }

    /// Emits what makes the matrix of a predictor.
    fn design(&self, plate: &Plate, predictor: &Predictor) -> TokenStream {
        let (path, width, row) = (data_path(self.tree, plate), width(&predictor.sum), self.row(&predictor.sum));
        let offset = self.plain(&offset(&predictor.sum));
        let bind = self.bind_data(plate, &[&row, &offset]);
        let name = text(&plate.name);
        quote! {
            __prepared.predictor(#name, __data.#path.len(), #width, &mut |__i: usize, __row: &mut [f64]| -> f64 {
                let __block = ::hierarch::__private::Block { first: __i, count: 1 };
                #bind
                #row
                #offset
            });
        }
    }

    /// Emits what makes the rows of a normal observation.
    fn least_squares(&self, plate: &Plate, fit: &Fit) -> TokenStream {
        let (path, width, row) = (data_path(self.tree, plate), width(&fit.mean), self.row(&fit.mean));
        let (y, offset) = (&fit.y, self.plain(&offset(&fit.mean)));
        let sd = fit.data_sd.as_ref().map_or(quote!(1.0), |sd| self.plain(sd));
        let number = self.plain(&parse_quote!(#y));
        let y = match plate.variables().any(|v| v.name == *y && v.is_optional()) {
            true => quote!(if __data.#path.#y[__i].is_some() { #number } else { f64::NAN }),
            false => number,
        };
        let (indices, scales): (Vec<_>, Vec<_>) = reads(&fit.mean)
            .map(|read| {
                let index = match read.index {
                    Some(index) => quote!(__data.#path.#index.as_slice()),
                    None => quote!(&::hierarch::__private::outer_elements(&__data.#path.offsets)[..]),
                };
                (index, self.plain(read.scale))
            })
            .unzip();
        let bind = self.bind_data(plate, &[&row, &offset, &sd, &y, &quote!(#(#scales)*)]);
        let (name, log) = (text(&plate.name), fit.log);
        quote! {
            __prepared.fit(
                #name,
                ::hierarch::__private::Rows { rows: __data.#path.len(), width: #width, indices: &[#(#indices),*], log: #log },
                &mut |__i: usize, __row: &mut [f64]| -> [f64; 3] {
                    let __block = ::hierarch::__private::Block { first: __i, count: 1 };
                    #bind
                    #row
                    #(__row[__at] = #scales; __at += 1;)*
                    [#y, #offset, #sd]
                },
            );
        }
    }

    /// Binds what stands for the predictors in an element of `plate`.
    pub fn predicted(&self, plate: &Plate) -> TokenStream {
        let (scalar, lanes) = (self.scalar(), &self.lanes);
        let bind = |p: &Predictor| {
            let (name, values, slot) = (&p.name, buffer(p, "values"), self.predictor_slot(p));
            quote!(let #name = <#scalar>::variable(__block.load::<#lanes>(&#values), #slot);)
        };
        plate.predictors.iter().map(bind).collect()
    }

    /// Writes the derivatives with respect to the predictors of an element of `plate` down.
    pub fn scatter_predicted(&self, plate: &Plate) -> TokenStream {
        let note = |p: &Predictor| {
            let (adjoint, partial) = (buffer(p, "adjoint"), self.partial(&self.predictor_slot(p)));
            quote!({ let __c = 0usize; __block.add(&mut #adjoint, #partial); })
        };
        plate.predictors.iter().map(note).collect()
    }

    /// Emits the values of the unknowns of `sum`, in the order of its columns, as the buffer `__unknowns`.
    pub fn unknowns(&self, sum: &Sum) -> TokenStream {
        let entries = sum.terms.iter().filter_map(|term| match &term.unknown {
            Unknown::Number(expr) => {
                let x = self.plain(expr);
                Some(quote!(__unknowns[__at] = #x; __at += 1;))
            }
            Unknown::Vector { values, len, .. } => {
                if let Some(column) = vector_plate(self.tree, values).map(values_of) {
                    return Some(quote! {
                        __unknowns[__at..__at + #len].copy_from_slice(&#column);
                        __at += #len;
                    });
                }
                let values = self.lift(|lift| lift.expr(values));
                let bind = self.bind_values(&values, len);
                Some(quote! {
                    #bind
                    for __c in 0..#len { __unknowns[__at + __c] = __values[__c].value; }
                    __at += #len;
                })
            }
            _ => None,
        });
        let width = width(sum);
        quote! {
            let mut __unknowns = __scratch.take(#width);
            let mut __at = 0usize;
            #(#entries)*
        }
    }

    /// Binds the numbers of a vector of unknowns.
    fn bind_values(&self, values: &TokenStream, len: &TokenStream) -> TokenStream {
        let scalar = self.scalar();
        match self.tape {
            None => quote!(let __values: [#scalar; #len] = #values;),
            Some(_) => quote! {
                let __values = &#values;
                let __values: &[#scalar] = ::core::convert::AsRef::<[#scalar]>::as_ref(__values);
            },
        }
    }

    /// Adds the derivatives `__adjoint` with respect to the unknowns of `sum` to `__lp`, by the chain rule.
    pub fn carry_unknowns(&self, sum: &Sum) -> TokenStream {
        let scalar = self.scalar();
        let entries = sum.terms.iter().filter_map(|term| match &term.unknown {
            Unknown::Number(expr) => {
                let expr = self.lift(|lift| lift.expr(expr));
                Some(quote! {
                    __lp += ::hierarch::__private::Cast::<#scalar>::cast(#expr).carried(__adjoint[__at]);
                    __at += 1;
                })
            }
            Unknown::Vector { values, len, .. } => {
                if let Some(column) = vector_plate(self.tree, values).map(adjoint_of) {
                    return Some(quote! {
                        for __c in 0..#len { #column[__c] += __adjoint[__at + __c]; }
                        __at += #len;
                    });
                }
                let values = self.lift(|lift| lift.expr(values));
                let bind = self.bind_values(&values, len);
                Some(quote! {
                    #bind
                    for __c in 0..#len { __lp += __values[__c].carried(__adjoint[__at + __c]); }
                    __at += #len;
                })
            }
            _ => None,
        });
        quote!(let mut __at = 0usize; #(#entries)*)
    }

    /// Works the predictors of all plates out, outside plates.
    pub fn predict(&self) -> TokenStream {
        let predict = predictors(self.tree).map(|(at, (plate, p))| {
            let (values, adjoint, n) = (buffer(p, "values"), buffer(p, "adjoint"), size_of(&plate.name.to_string()));
            let unknowns = self.unknowns(&p.sum);
            quote! {
                let mut #values = __scratch.take(#n);
                let mut #adjoint = __scratch.take(#n);
                {
                    #unknowns
                    __prepared.predict(#at, &__unknowns, &mut #values);
                    __scratch.give(__unknowns);
                }
            }
        });
        predict.collect()
    }

    /// Carries what the plates found out about their predictors back to the unknowns, and gives the buffers back.
    pub fn carry_predicted(&self) -> TokenStream {
        let carry = predictors(self.tree).map(|(at, (_, p))| {
            let (values, adjoint, width) = (buffer(p, "values"), buffer(p, "adjoint"), width(&p.sum));
            let carry = self.carry_unknowns(&p.sum);
            quote! {
                {
                    let mut __adjoint = __scratch.take(#width);
                    __prepared.carry(#at, &#adjoint, &mut __adjoint);
                    #carry
                    __scratch.give(__adjoint);
                    __scratch.give(#values);
                    __scratch.give(#adjoint);
                }
            }
        });
        carry.collect()
    }

    /// Adds the normal observations of all plates to `__lp`, outside plates.
    pub fn fits(&self) -> TokenStream {
        let plates = all_plates(&self.tree.root).into_iter().filter(|p| p.in_data);
        plates.flat_map(|plate| &plate.fits).enumerate().map(|(at, fit)| self.fit(fit, at)).collect()
    }

    pub fn fit(&self, fit: &Fit, at: usize) -> TokenStream {
        let (unknowns, carry, width, scalar) =
            (self.unknowns(&fit.mean), self.carry_unknowns(&fit.mean), width(&fit.mean), self.scalar());
        let sd = fit.shared_sd.as_ref().map_or(quote!(1.0), |sd| self.lift(|lift| lift.expr(sd)));
        // A column that is read twice has one buffer for its derivatives.
        let mut columns: Vec<(&Ident, bool)> = Vec::new();
        let mut places = Vec::new();
        for Read { values, of_plate, .. } in reads(&fit.mean) {
            let known = columns.iter().position(|c| c.0 == values);
            places.push(known.unwrap_or_else(|| {
                columns.push((values, of_plate));
                columns.len() - 1
            }));
        }
        let name = |values: &Ident, of_plate: bool, of: &str| match (of_plate, of) {
            (true, "values") => values_of(values),
            (true, _) => adjoint_of(values),
            (false, of) => hidden(&format!("picked_{of}_{values}")),
        };
        let pick = columns.iter().filter(|c| !c.1).map(|(values, _)| {
            let (all, adjoint) = (name(values, false, "values"), name(values, false, "adjoint"));
            quote! {
                let mut #all = __scratch.take(#values.len());
                for __c in 0..#values.len() { #all[__c] = #values[__c].value; }
                let mut #adjoint = __scratch.take(#values.len());
            }
        });
        let put_back = columns.iter().filter(|c| !c.1).map(|(values, _)| {
            let (all, adjoint) = (name(values, false, "values"), name(values, false, "adjoint"));
            quote! {
                for __c in 0..#values.len() { __lp += #values[__c].carried(#adjoint[__c]); }
                __scratch.give(#all);
                __scratch.give(#adjoint);
            }
        });
        let values = columns.iter().map(|(values, of_plate)| name(values, *of_plate, "values"));
        let adjoints = columns.iter().map(|(values, of_plate)| name(values, *of_plate, "adjoint"));
        quote! {
            {
                #unknowns
                #(#pick)*
                let __sd = ::hierarch::__private::Cast::<#scalar>::cast(#sd);
                let mut __adjoint = __scratch.take(#width);
                let (__value, __slope) = __prepared.log_density(
                    #at,
                    __sd.value,
                    ::hierarch::__private::Unknowns {
                        numbers: &__unknowns,
                        columns: &[#(&#values[..]),*],
                        reads: &[#(#places),*],
                    },
                    &mut __adjoint,
                    &mut [#(&mut #adjoints[..]),*],
                    __scratch,
                );
                __lp.value += __value;
                __lp += __sd.carried(__slope);
                #carry
                #(#put_back)*
                __scratch.give(__adjoint);
                __scratch.give(__unknowns);
            }
        }
    }
}
