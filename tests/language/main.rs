//! What declarations mean: derived densities, maps, simulators and files against plain programs and closed forms.
//!
//! These run for moments and there are many, so that compiling them is what costs: they are compiled without optimisation, as a debug
//! build would be, and with its checks of whole numbers. What runs for longer is in `tests/proofs/`.

#![allow(missing_docs)]

mod bad_input;
mod csv;
mod data_let;
mod drawn_in_sums;
mod explicit;
mod impossible;
mod least_squares;
mod let_vectors;
mod linear;
mod locals;
mod matrix_normal;
mod maxima;
mod missing_discrete;
mod missing_vectors;
mod named;
mod own;
mod plain_rust;
mod predict;
mod response;
mod simulate;
mod sizes;
mod sums;
