//! Element networks of the user's own, for the rows of a plate: dfdx modules.

use std::fmt;
use std::sync::Arc;

use dfdx::nn::tensor_collection::{
    RecursiveWalker, TensorCollection, TensorOptions, TensorVisitor, ViewTensorMut, ViewTensorRef,
};
use dfdx::prelude::*;
use dfdx::tensor_ops::Backward as _;
use serde::{Deserialize, Serialize};

/// Turns the gradient with respect to the outputs (rows x outputs) into the gradient with respect to the weights.
type Backward = Box<dyn FnOnce(Vec<f32>) -> Result<Vec<f32>, CpuError>>;

/// A network that reads single rows.
pub(super) trait ElementNetwork: Send + Sync {
    /// Returns its sizes.
    fn shape(&self) -> ElementNetworkShape;

    /// Returns the weights that it was given with.
    fn weights(&self) -> Result<Vec<f32>, CpuError>;

    /// Computes its outputs for each row with the given weights, and returns with them its backward pass.
    fn run(&self, weights: &[f32], rows: Vec<f32>) -> Result<(Vec<f32>, Backward), CpuError>;
}

/// The sizes of an element network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElementNetworkShape {
    /// Numbers in a row that it reads.
    pub inputs: usize,
    /// Numbers that it makes of a row.
    pub outputs: usize,
    /// Weights that it has.
    pub weights: usize,
}

/// Element networks of the user's own, in the place of the library's, for the rows of some plates.
///
/// A network is a dfdx module (dfdx is re-exported as `hierarch::dfdx`) from `(usize, Const<I>)` to
/// `(usize, Const<O>)`: the standardised numbers of each row to what is then averaged over the rows of a data set. What is
/// pooled of the rows without a network is still read; it can be left out with `architecture.bins = 0`.
#[derive(Clone, Default)]
pub struct ElementNetworks {
    networks: Vec<(String, UserNetwork)>,
}

impl ElementNetworks {
    /// Adds a network for the rows of the plate `name` at the top of the model. It reads the `I` numbers of a row in the
    /// order of the plate's declaration: observations and covariates; then for each plate inside it mean and standard
    /// deviation of that plate's numbers, and ln(1 + n) if its size n varies.
    pub fn plate<N, const I: usize, const O: usize>(mut self, name: &str, network: N) -> Self
    where
        N: TensorCollection<f32, Cpu> + Clone + Send + Sync + 'static,
        N: Module<
                Tensor<(usize, Const<I>), f32, Cpu, OwnedTape<f32, Cpu>>,
                Output = Tensor<(usize, Const<O>), f32, Cpu, OwnedTape<f32, Cpu>>,
                Error = CpuError,
            >,
    {
        self.networks.push((name.to_owned(), UserNetwork(Arc::new(DfdxModule::<N, I, O>(network)))));
        self
    }

    /// Returns the names of the plates.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.networks.iter().map(|(name, _)| name.as_str())
    }

    /// Returns the networks in the order in which a model's networks read its data: first `None` for the numbers outside
    /// plates, if `outside` says that there are any, then for each of `plates` its network, or `None` if it has none.
    pub fn in_order<'a>(&self, outside: bool, plates: impl Iterator<Item = &'a str>) -> Vec<Option<UserNetwork>> {
        let find = |name| self.networks.iter().find(|(known, _)| known == name).map(|(_, own)| own.clone());
        outside.then_some(None).into_iter().chain(plates.map(find)).collect()
    }
}

impl fmt::Debug for ElementNetworks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.networks.iter().map(|(name, own)| (name, own))).finish()
    }
}

/// An element network of the user's own, shared by all that use it.
///
/// ```
/// use hierarch_nn::dfdx::prelude::*;
/// use hierarch_nn::{ElementNetworkShape, ElementNetworks, UserNetwork};
///
/// type Layers = (Linear<2, 16>, Tanh, Linear<16, 8>);
/// let layers = Cpu::default().build_module::<Layers, f32>();
/// let networks = ElementNetworks::default().plate::<_, 2, 8>("points", layers);
///
/// // In the order of a model's plates, of which the first has no such network.
/// let own: Vec<Option<UserNetwork>> = networks.in_order(false, ["lines", "points"].into_iter());
/// assert!(own[0].is_none());
/// let shape = ElementNetworkShape { inputs: 2, outputs: 8, weights: (2 * 16 + 16) + (16 * 8 + 8) };
/// assert_eq!(format!("{:?}", own[1]), format!("{:?}", Some(shape)));
/// ```
#[derive(Clone)]
pub struct UserNetwork(pub(super) Arc<dyn ElementNetwork>);

impl fmt::Debug for UserNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.shape().fmt(f)
    }
}

impl PartialEq for UserNetwork {
    fn eq(&self, other: &UserNetwork) -> bool {
        self.0.shape() == other.0.shape()
    }
}

struct DfdxModule<N, const I: usize, const O: usize>(N);

impl<N, const I: usize, const O: usize> ElementNetwork for DfdxModule<N, I, O>
where
    N: TensorCollection<f32, Cpu> + Clone + Send + Sync,
    N: Module<
            Tensor<(usize, Const<I>), f32, Cpu, OwnedTape<f32, Cpu>>,
            Output = Tensor<(usize, Const<O>), f32, Cpu, OwnedTape<f32, Cpu>>,
            Error = CpuError,
        >,
    N: 'static,
{
    fn shape(&self) -> ElementNetworkShape {
        ElementNetworkShape { inputs: I, outputs: O, weights: self.0.num_trainable_params() }
    }

    fn weights(&self) -> Result<Vec<f32>, CpuError> {
        let mut read = Read::default();
        N::iter_tensors(&mut RecursiveWalker { m: &self.0, f: &mut read })?;
        Ok(read.numbers)
    }

    fn run(&self, weights: &[f32], rows: Vec<f32>) -> Result<(Vec<f32>, Backward), CpuError> {
        let device = Cpu::default();
        let mut network = self.0.clone();
        N::iter_tensors(&mut RecursiveWalker { m: &mut network, f: &mut WriteWeights(weights) })?;
        let count = rows.len() / I.max(1);
        let input = device.try_tensor_from_vec(rows, (count, Const::<I>))?;
        let output = network.try_forward(input.put_tape(OwnedTape::default()))?;
        let values = output.as_vec();
        let backward = move |upstream: Vec<f32>| {
            // The gradient of sum(output * upstream) is the gradient of the loss that upstream came from.
            let upstream = device.try_tensor_from_vec(upstream, (count, Const::<O>))?;
            let gradients = output.try_mul(upstream)?.try_sum::<Rank0, _>()?;
            let mut gradients = gradients.try_backward()?;
            let mut read = Read { gradients: Some(&mut gradients), numbers: Vec::new() };
            N::iter_tensors(&mut RecursiveWalker { m: &network, f: &mut read })?;
            Ok(read.numbers)
        };
        Ok((values, Box::new(backward)))
    }
}

/// Collects the gradients of all weights; with `None` as gradients, the weights themselves.
#[derive(Default)]
struct Read<'a> {
    gradients: Option<&'a mut Gradients<f32, Cpu>>,
    numbers: Vec<f32>,
}

impl TensorVisitor<f32, Cpu> for Read<'_> {
    type Viewer = ViewTensorRef;
    type Err = CpuError;
    type E2 = f32;
    type D2 = Cpu;

    fn visit<S: dfdx::shapes::Shape>(
        &mut self,
        options: TensorOptions<S, f32, Cpu>,
        tensor: &Tensor<S, f32, Cpu>,
    ) -> Result<Option<Tensor<S, f32, Cpu>>, CpuError> {
        if options.do_gradient_update {
            match &mut self.gradients {
                Some(gradients) => self.numbers.extend_from_slice(gradients.get_or_alloc_mut(tensor)?),
                None => self.numbers.extend(tensor.as_vec()),
            }
        }
        Ok(None)
    }
}

struct WriteWeights<'a>(&'a [f32]);

impl TensorVisitor<f32, Cpu> for WriteWeights<'_> {
    type Viewer = ViewTensorMut;
    type Err = CpuError;
    type E2 = f32;
    type D2 = Cpu;

    fn visit<S: dfdx::shapes::Shape>(
        &mut self,
        options: TensorOptions<S, f32, Cpu>,
        tensor: &mut Tensor<S, f32, Cpu>,
    ) -> Result<Option<Tensor<S, f32, Cpu>>, CpuError> {
        if options.do_gradient_update {
            let (own, rest) = self.0.split_at(tensor.shape().num_elements());
            tensor.copy_from(own);
            self.0 = rest;
        }
        Ok(None)
    }
}
