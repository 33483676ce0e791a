//! The elements of a plate, one vector register at a time.

use super::{Dual, Lanes};

/// Up to one register of consecutive elements. Lanes past `count` repeat the last element, so that they hold valid data
/// and only their results must be dropped.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// The position of its first element in the columns of its plate.
    pub first: usize,
    /// The number of its elements.
    pub count: usize,
}

impl Block {
    /// Returns the position of the element in lane `i`.
    #[inline(always)]
    pub fn element(self, i: usize) -> usize {
        self.first + i.min(self.count - 1)
    }

    /// Returns the elements' values in a column.
    ///
    /// Here and below, what is outside of a column is NaN and no panic: after a call that may panic, the compiler does not know
    /// that the rest of the loop runs, and what does not depend on the element is worked out again for each.
    #[inline(always)]
    pub fn load<V: Lanes>(self, column: &[f64]) -> V {
        match column.get(self.first..self.first + V::WIDTH) {
            Some(numbers) if self.count == V::WIDTH => V::load(numbers),
            _ => self.load_by(column, |x| x),
        }
    }

    /// Returns the elements' values in a column of something else than numbers.
    #[inline(always)]
    pub fn load_by<V: Lanes, X: Copy>(self, column: &[X], number: impl Fn(X) -> f64) -> V {
        // A whole register, with one check for all of it.
        if let Some(whole) = column.get(self.first..self.first + V::WIDTH)
            && self.count == V::WIDTH
        {
            return V::from_fn(|i| number(whole[i]));
        }
        V::from_fn(|i| match column.get(self.element(i)) {
            Some(x) => number(*x),
            None => f64::NAN,
        })
    }

    /// Returns the values in the column of another plate that the elements read by an index.
    #[inline(always)]
    pub fn gather_by<V: Lanes, X: Copy>(self, column: &[X], index: &[usize], number: impl Fn(X) -> f64) -> V {
        self.load_by(index, |at| match column.get(at) {
            Some(x) => number(*x),
            None => f64::NAN,
        })
    }

    /// Returns the one value of a covariate that a branch or an index depends on; marks the block as diverged if it
    /// differs among the elements.
    #[inline(always)]
    pub fn uniform<V: Lanes, X: Copy, Y: Default + Into<Structural>>(self, column: &[X], value: impl Fn(X) -> Y) -> Y {
        let of = |i: usize| match column.get(i) {
            Some(x) => value(*x),
            None => Y::default(),
        };
        V::from_fn(|i| of(self.element(i)).into().0 as f64).uniform();
        of(self.first)
    }

    /// Does what [`Block::uniform`] does for the column of another plate, read by an index.
    #[inline(always)]
    pub fn gather_uniform<V: Lanes, X: Copy + Default + Into<Structural>>(self, column: &[X], index: &[usize]) -> X {
        self.uniform::<V, _, X>(index, |at| match column.get(at) {
            Some(x) => *x,
            None => X::default(),
        })
    }

    /// Returns how many elements each one stands for; one if there are no weights.
    #[inline(always)]
    pub fn weights<V: Lanes>(self, weights: &[f64]) -> V {
        if weights.is_empty() { V::splat(1.0) } else { self.load(weights) }
    }

    /// Adds the elements' numbers to a column.
    #[inline(always)]
    pub fn add<V: Lanes>(self, column: &mut [f64], numbers: V) {
        if self.count == V::WIDTH {
            let place = &mut column[self.first..];
            (V::load(place) + numbers).store(place);
        } else {
            for i in 0..self.count {
                column[self.first + i] += numbers.lane(i);
            }
        }
    }
}

/// A `bool`, `usize` or other whole number that code may branch on or index with.
pub struct Structural(pub(super) i64);

impl From<bool> for Structural {
    #[inline(always)]
    fn from(x: bool) -> Self {
        Self(x as i64)
    }
}
impl From<usize> for Structural {
    #[inline(always)]
    fn from(x: usize) -> Self {
        Self(x as i64)
    }
}

/// The blocks that cover the elements `start..end`.
#[derive(Debug)]
pub struct Blocks {
    next: usize,
    end: usize,
    /// The elements before this are processed one at a time, since a branch differed among them.
    single: usize,
}

impl Blocks {
    /// Creates the blocks of the elements `start..end`.
    #[inline(always)]
    pub fn new(start: usize, end: usize) -> Self {
        Self { next: start, end, single: start }
    }

    /// Creates the blocks of the elements `start..end`, with the first in one of its own.
    #[inline(always)]
    pub fn with_first_alone(start: usize, end: usize) -> Self {
        Self { single: start + 1, ..Self::new(start, end) }
    }

    /// Returns the next block, for lanes of type `V`.
    #[inline(always)]
    pub fn next_block<V: Lanes>(&mut self) -> Option<Block> {
        if self.next >= self.end {
            return None;
        }
        let most = if self.next < self.single { 1 } else { V::WIDTH };
        let block = Block { first: self.next, count: most.min(self.end - self.next) };
        self.next += block.count;
        Some(block)
    }

    /// Returns whether a branch followed one lane where others differed. If so, the block is repeated element by
    /// element, and its results must be dropped.
    #[inline(always)]
    pub fn diverged<V: Lanes>(&mut self, block: Block) -> bool {
        let again = V::take_divergence() && block.count > 1;
        if again {
            self.next = block.first;
            self.single = block.first + block.count;
        }
        again
    }
}

/// Returns the part of `column` that begins at `start`. It is empty if `column` is shorter than that.
#[inline(always)]
pub fn from(column: &[f64], start: usize) -> &[f64] {
    match column.get(start..) {
        Some(rest) => rest,
        None => &[],
    }
}

/// Adds the elements' numbers to another plate's column, by index.
#[inline(always)]
pub fn scatter<V: Lanes>(block: Block, column: &mut [f64], index: &[usize], numbers: V) {
    for i in 0..block.count {
        column[index[block.first + i]] += numbers.lane(i);
    }
}

impl Block {
    /// Writes the elements' numbers to a column.
    #[inline(always)]
    pub fn store<V: Lanes>(self, column: &mut [f64], numbers: V) {
        if self.count == V::WIDTH {
            numbers.store(&mut column[self.first..]);
        } else {
            for i in 0..self.count {
                column[self.first + i] = numbers.lane(i);
            }
        }
    }

    /// Returns each element's own entry of a vector, by a covariate; NaN where it has no such entry.
    #[inline(always)]
    pub fn pick<V: Lanes, const K: usize, const N: usize>(
        self,
        values: &[Dual<V, K>; N],
        index: impl Fn(usize) -> usize,
    ) -> Dual<V, K> {
        let of = |i: usize| values.get(index(self.element(i)));
        let mut picked = Dual::constant(V::from_fn(|i| of(i).map_or(f64::NAN, |x| x.value.lane(i))));
        for k in 0..K {
            picked.partials[k] = V::from_fn(|i| of(i).map_or(f64::NAN, |x| x.partials[k].lane(i)));
        }
        picked
    }

    /// Adds the elements' log densities to the sum over the plate, without the lanes that only repeat an element.
    #[inline(always)]
    pub fn accumulate<V: Lanes, const K: usize>(self, total: &mut Dual<V, K>, mut lp: Dual<V, K>) {
        if self.count < V::WIDTH {
            lp.value = lp.value.keep(self.count);
            for p in &mut lp.partials {
                *p = p.keep(self.count);
            }
        }
        *total += lp;
    }
}

/// Adds the sum over a plate to the log density of the code around it: the element's derivative in slot `k` goes to
/// slot `slots[k]`.
#[inline(always)]
pub fn absorb<V: Lanes, const P: usize, const K: usize>(outer: &mut Dual<f64, P>, total: Dual<V, K>, slots: &[usize]) {
    outer.value += total.value.sum();
    for (k, &slot) in slots.iter().enumerate() {
        if k < K && slot < P {
            outer.partials[slot] += total.partials[k].sum();
        }
    }
}

/// Returns the positions in consecutive runs of slots, each run given by its start and its length.
pub const fn slots<const N: usize>(runs: &[(usize, usize)]) -> [usize; N] {
    let mut all = [0; N];
    let (mut run, mut filled) = (0, 0);
    while run < runs.len() {
        let mut i = 0;
        while i < runs[run].1 {
            all[filled] = runs[run].0 + i;
            filled += 1;
            i += 1;
        }
        run += 1;
    }
    all
}
