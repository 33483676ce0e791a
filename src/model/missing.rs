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

/// Writes the numbers of what is missing, `numbers`, to the places of their elements.
pub fn spread<X>(column: &[Option<X>], numbers: &[f64], to: &mut [f64]) {
    let places = column.iter().zip(to).filter(|(x, _)| x.is_none());
    places.zip(numbers).for_each(|((_, to), x)| *to = *x);
}

/// Adds what stands at the places of missing elements to the numbers of these: the transpose of [`spread`].
pub fn gather<X>(column: &[Option<X>], from: &[f64], numbers: &mut [f64]) {
    let places = column.iter().zip(from).filter(|(x, _)| x.is_none());
    places.zip(numbers).for_each(|((_, from), x)| *x += from);
}

#[cfg(test)]
mod tests {
    use super::{gather, missing, ranks, spread};

    #[test]
    fn numbers_stand_at_the_places_of_what_is_missing() {
        let column = [Some(1.0), None, None, Some(2.0), None];
        assert_eq!((missing(&column), ranks(&column)), (3, vec![0, 0, 1, 2, 2]));
        let mut all = [0.0; 5];
        spread(&column, &[7.0, 8.0, 9.0], &mut all);
        assert_eq!(all, [0.0, 7.0, 8.0, 0.0, 9.0]);
        let mut numbers = [1.0; 3];
        gather(&column, &all, &mut numbers);
        assert_eq!(numbers, [8.0, 9.0, 10.0]);
    }
}
