//! What the elements of a sequence read of those before them: a column, `steps` rows further up.
//!
//! `first` is the first element of the sequence. What has none so many rows before is NaN, and replaced by what a sequence begins
//! with.

use super::{Block, Dual, Lanes, Structural};

impl Block {
    /// Returns the values of the elements `steps` before in a column.
    #[inline(always)]
    pub fn before<V: Lanes>(self, column: &[f64], first: usize, steps: usize) -> V {
        self.before_by(column, first, steps, |x| x)
    }

    /// Returns the values of the elements `steps` before in a column of something else than numbers.
    #[inline(always)]
    pub fn before_by<V: Lanes, X: Copy>(
        self,
        column: &[X],
        first: usize,
        steps: usize,
        number: impl Fn(X) -> f64,
    ) -> V {
        if self.first >= first + steps {
            return Block { first: self.first - steps, count: self.count }.load_by(column, number);
        }
        V::from_fn(|i| match self.row_before(i, first, steps).and_then(|row| column.get(row)) {
            Some(x) => number(*x),
            None => f64::NAN,
        })
    }

    /// Returns the one value before that a branch or an index depends on; marks the block as diverged if it differs among the
    /// elements.
    #[inline(always)]
    pub fn before_uniform<V: Lanes, X: Copy + Into<Structural>>(
        self,
        column: &[X],
        first: usize,
        steps: usize,
        initial: X,
    ) -> X {
        let of = |i: usize| match self.row_before(i, first, steps).and_then(|row| column.get(row)) {
            Some(x) => *x,
            None => initial,
        };
        V::from_fn(|i| of(i).into().0 as f64).uniform();
        of(0)
    }

    /// Returns whether the elements are among the first `steps`; marks the block as diverged if only some are.
    #[inline(always)]
    pub fn is_among_first<V: Lanes>(self, first: usize, steps: usize) -> bool {
        if self.first >= first + steps {
            return false;
        }
        V::from_fn(|i| f64::from(u8::from(self.row_before(i, first, steps).is_none()))).uniform() != 0.0
    }

    /// Returns `initial` for the elements that have none `steps` before, and what is `before` for the others.
    #[inline(always)]
    pub fn or_initial<V: Lanes, const K: usize>(
        self,
        first: usize,
        steps: usize,
        before: Dual<V, K>,
        initial: Dual<V, K>,
    ) -> Dual<V, K> {
        if self.first >= first + steps {
            return before;
        }
        let choose = |before: V, initial: V| {
            V::from_fn(|i| match self.row_before(i, first, steps) {
                Some(_) => before.lane(i),
                None => initial.lane(i),
            })
        };
        let mut all = Dual::constant(choose(before.value, initial.value));
        for k in 0..K {
            all.partials[k] = choose(before.partials[k], initial.partials[k]);
        }
        all
    }

    /// Adds the elements' numbers to a column, `steps` rows further up.
    #[inline(always)]
    pub fn add_before<V: Lanes>(self, column: &mut [f64], first: usize, steps: usize, numbers: V) {
        if self.first >= first + steps {
            return Block { first: self.first - steps, count: self.count }.add(column, numbers);
        }
        for i in 0..self.count {
            if let Some(row) = self.row_before(i, first, steps) {
                column[row] += numbers.lane(i);
            }
        }
    }

    /// Returns the row `steps` before the element in lane `i`, if the sequence has begun by then.
    #[inline(always)]
    fn row_before(self, i: usize, first: usize, steps: usize) -> Option<usize> {
        self.element(i).checked_sub(steps).filter(|row| *row >= first)
    }
}
