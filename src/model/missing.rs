//! Values of an observation that are missing: how many there are, and their numbers among those of all elements.

/// Returns how many values are missing.
pub fn missing<X>(column: &[Option<X>]) -> usize {
    column.iter().filter(|x| x.is_none()).count()
}

/// Returns how many values are missing before each element.
pub fn ranks<X>(column: &[Option<X>]) -> Vec<usize> {
    let mut before = 0;
    let rank = |x: &Option<X>| {
        let rank = before;
        before += usize::from(x.is_none());
        rank
    };
    column.iter().map(rank).collect()
}

/// Writes the numbers of what is missing, `numbers`, to the places of their elements: the first number of all elements, and then the
/// second, of vectors of `width` numbers.
pub fn spread<X>(column: &[Option<X>], width: usize, numbers: &[f64], to: &mut [f64]) {
    places(column, width).zip(numbers).for_each(|(at, x)| to[at] = *x);
}

/// Adds what stands at the places of missing elements to the numbers of these: the transpose of [`spread`].
pub fn gather<X>(column: &[Option<X>], width: usize, from: &[f64], numbers: &mut [f64]) {
    places(column, width).zip(numbers).for_each(|(at, x)| *x += from[at]);
}

fn places<X>(column: &[Option<X>], width: usize) -> impl Iterator<Item = usize> {
    let (width, elements) = (width.max(1), column.len() / width.max(1));
    let missing = (0..column.len()).filter(|at| column[*at].is_none());
    missing.map(move |at| at % width * elements + at / width)
}

#[cfg(test)]
mod tests {
    use super::{gather, missing, ranks, spread};

    #[test]
    fn numbers_stand_at_the_places_of_what_is_missing() {
        let column = [Some(1.0), None, None, Some(2.0), None];
        assert_eq!((missing(&column), ranks(&column)), (3, vec![0, 0, 1, 2, 2]));
        let mut all = [0.0; 5];
        spread(&column, 1, &[7.0, 8.0, 9.0], &mut all);
        assert_eq!(all, [0.0, 7.0, 8.0, 0.0, 9.0]);
        let mut numbers = [1.0; 3];
        gather(&column, 1, &all, &mut numbers);
        assert_eq!(numbers, [8.0, 9.0, 10.0]);
        // Of three pairs.
        let pairs = [[Some(1.0), None], [None, None], [Some(2.0), Some(3.0)]];
        let (mut all, mut numbers) = ([0.0; 6], [0.0; 3]);
        spread(pairs.as_flattened(), 2, &[7.0, 8.0, 9.0], &mut all);
        assert_eq!(all, [0.0, 8.0, 0.0, 7.0, 9.0, 0.0]);
        gather(pairs.as_flattened(), 2, &all, &mut numbers);
        assert_eq!(numbers, [7.0, 8.0, 9.0]);
    }
}
