//! dfdx's store of gradients: taking gradients from it, and adding to them.

use dfdx::prelude::*;

use super::kernels::{Number, View, add, add_product, product};

/// Stands for an outcome, or for the weights, in the store of gradients.
pub(super) type Key<E> = Tensor<(usize,), E, Cpu>;
pub(super) type Grads<E> = Gradients<E, Cpu>;
pub(super) type Result<T> = std::result::Result<T, CpuError>;

/// Takes a finished gradient out of the store; it must not be read again.
pub(super) fn take<E: Number>(grads: &mut Grads<E>, key: &Key<E>) -> Result<Vec<E>> {
    Ok(std::mem::take(&mut **grads.get_or_alloc_mut(key)?))
}

/// Adds `values` to the gradient of `key`.
pub(super) fn give<E: Number>(grads: &mut Grads<E>, key: &Key<E>, values: Vec<E>) -> Result<()> {
    let gradient = &mut **grads.get_or_alloc_mut(key)?;
    if gradient.is_empty() {
        *gradient = values;
    } else {
        add(gradient, &values);
    }
    Ok(())
}

/// Adds the product left right to the gradient of `key`.
pub(super) fn give_product<E: Number>(grads: &mut Grads<E>, key: &Key<E>, left: View<E>, right: View<E>) -> Result<()> {
    let gradient = &mut **grads.get_or_alloc_mut(key)?;
    if gradient.is_empty() {
        *gradient = product(left, right);
    } else {
        add_product(gradient, left, right);
    }
    Ok(())
}

/// Returns the gradient of the `length` weights of the layers that read rows, zeros where there is none yet.
pub(super) fn shared<'a, E: Number>(grads: &'a mut Grads<E>, leaf: &Key<E>, length: usize) -> Result<&'a mut Vec<E>> {
    let gradient = &mut **grads.get_or_alloc_mut(leaf)?;
    gradient.resize(length, E::zero());
    Ok(gradient)
}
