//! Which elements are neighbours, and matrices of which only neighbours have entries.

/// A map of neighbours.
#[derive(Clone, Debug)]
pub struct Graph {
    /// The neighbours of each element.
    pub neighbours: Vec<Vec<usize>>,
    /// The elements of each connected part, in an order in which neighbours are near each other.
    pub parts: Vec<Vec<usize>>,
    /// What does not fit the elements.
    pub misfit: Option<String>,
}

impl Graph {
    /// Makes a map of `elements` elements from pairs of neighbours. A pair may stand twice, also the other way round.
    pub fn new(edges: &[(usize, usize)], elements: usize) -> Self {
        let mut neighbours = vec![Vec::new(); elements];
        let mut misfit = None;
        for (k, &(a, b)) in edges.iter().enumerate() {
            if a == b {
                misfit.get_or_insert(format!("edge {k} joins element {a} with itself: leave it out"));
            } else if a.max(b) >= elements {
                misfit.get_or_insert(format!(
                    "edge {k} joins elements {a} and {b}, but there are {elements}, counted from 0"
                ));
            } else {
                neighbours[a].push(b);
                neighbours[b].push(a);
            }
        }
        neighbours.iter_mut().for_each(|of| {
            of.sort_unstable();
            of.dedup();
        });
        let parts = parts(&neighbours);
        Self { neighbours, parts, misfit }
    }

    /// Lists each pair of neighbours once.
    pub fn edges(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let later = |(i, of): (usize, &'_ Vec<usize>)| (i, of.partition_point(|j| *j <= i));
        (self.neighbours.iter().enumerate().map(later))
            .flat_map(|(i, from)| self.neighbours[i][from..].iter().map(move |j| (i, *j)))
    }
}

/// Finds the connected parts, each in the order of Cuthill and McKee: breadth first, from an element at the edge of the map.
fn parts(neighbours: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut seen = vec![false; neighbours.len()];
    let mut parts = Vec::new();
    for start in 0..neighbours.len() {
        if seen[start] {
            continue;
        }
        // The last of a search from anywhere is far from the middle.
        let mut from = start;
        for _ in 0..2 {
            let mut found = vec![false; neighbours.len()];
            from = breadth_first(neighbours, from, &mut found).last().copied().unwrap_or(start);
        }
        parts.push(breadth_first(neighbours, from, &mut seen));
    }
    parts
}

fn breadth_first(neighbours: &[Vec<usize>], from: usize, seen: &mut [bool]) -> Vec<usize> {
    let mut order = vec![from];
    seen[from] = true;
    let mut at = 0;
    while at < order.len() {
        let mut next: Vec<usize> = neighbours[order[at]].iter().copied().filter(|j| !seen[*j]).collect();
        next.sort_by_key(|j| neighbours[*j].len());
        next.iter().for_each(|j| seen[*j] = true);
        order.extend(next);
        at += 1;
    }
    order
}

/// The Cholesky factor of a symmetric matrix that has entries near its diagonal only.
#[derive(Clone, Debug)]
pub struct Banded {
    /// Row by row, the last of each is on the diagonal.
    l: Vec<f64>,
    width: usize,
    size: usize,
}

impl Banded {
    /// Factorises the matrix that has `diagonal(i)` on its diagonal, and `beside` between neighbours, for the first `size` elements
    /// of `part`; `None` if it is not positive definite.
    pub fn new(
        graph: &Graph,
        part: &[usize],
        size: usize,
        diagonal: impl Fn(usize) -> f64,
        beside: f64,
    ) -> Option<Self> {
        let mut position = vec![usize::MAX; graph.neighbours.len()];
        part[..size].iter().enumerate().for_each(|(at, i)| position[*i] = at);
        let before = |at: usize| {
            let of = graph.neighbours[part[at]].iter().map(|j| position[*j]);
            of.filter(move |other| *other < at)
        };
        let width = (0..size).flat_map(|at| before(at).map(move |other| at - other)).max().unwrap_or(0);
        let mut l = vec![0.0; size * (width + 1)];
        for at in 0..size {
            l[at * (width + 1) + width] = diagonal(part[at]);
            before(at).for_each(|other| l[at * (width + 1) + width + other - at] = beside);
        }
        let mut banded = Self { l, width, size };
        banded.factorise()?;
        Some(banded)
    }

    /// Returns the row `i` without the diagonal, and the column that it begins with.
    fn row(&self, i: usize) -> (&[f64], usize) {
        let first = i.saturating_sub(self.width);
        let start = i * (self.width + 1) + self.width - (i - first);
        (&self.l[start..start + i - first], first)
    }

    fn diagonal(&self, i: usize) -> f64 {
        self.l[i * (self.width + 1) + self.width]
    }

    fn factorise(&mut self) -> Option<()> {
        for i in 0..self.size {
            let first = i.saturating_sub(self.width);
            for j in first..=i {
                let ((of_i, from_i), (of_j, from_j)) = (self.row(i), self.row(j));
                let from = from_i.max(from_j);
                let dot: f64 = of_i[from - from_i..].iter().zip(&of_j[from - from_j..]).map(|(a, b)| a * b).sum();
                let at = i * (self.width + 1) + self.width + j - i;
                let left = self.l[at] - dot;
                if i == j && (left <= 0.0 || !left.is_finite()) {
                    return None;
                }
                self.l[at] = if i == j { left.sqrt() } else { left / self.diagonal(j) };
            }
        }
        Some(())
    }

    /// Returns the logarithm of the determinant of the matrix.
    pub fn log_determinant(&self) -> f64 {
        2.0 * (0..self.size).map(|i| self.diagonal(i).ln()).sum::<f64>()
    }

    /// Replaces `b`, which is zero before `from`, by the x such that l x = b.
    pub fn forward(&self, b: &mut [f64], from: usize) {
        for i in from..self.size {
            let (row, first) = self.row(i);
            let known: f64 = row.iter().zip(&b[first..]).map(|(l, x)| l * x).sum();
            b[i] = (b[i] - known) / self.diagonal(i);
        }
    }

    /// Replaces `b` by the x such that l' x = b.
    pub fn backward(&self, b: &mut [f64]) {
        for i in (0..self.size).rev() {
            b[i] /= self.diagonal(i);
            let (x, (row, first)) = (b[i], self.row(i));
            b[first..i].iter_mut().zip(row).for_each(|(b, l)| *b -= l * x);
        }
    }
}
