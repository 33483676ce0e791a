//! Plate diagrams, laid out in layers from causes to effects.
//!
//! Each plate, and the space outside all plates, is a scope. A scope puts its items, nodes and whole plates, into
//! layers so that arrows point down, and the layers under each other. An arrow that would run through a node is bent
//! around it. The order within layers, and the room in them, is improved by trying small changes.

use super::geometry::{Curve, Point, Rect, cross};
use super::plate_marks::{SMALL, TEXT, arrow, hex, outline, text, text_on_white};
use super::{FAMILIES, Figure, width};
use crate::model::diagram::{Graph, Look, Node};
use crate::model::specification::Specification;
use std::fmt::Write;

/// The gaps between neighbours in a layer, and between layers, in pixels.
const GAP: (f64, f64) = (34.0, 48.0);
/// The padding of a plate: at the sides and top; and below, where its label is.
const PAD: (f64, f64) = (26.0, 40.0);
/// The largest number of items in a layer.
const LONGEST: usize = 7;
/// The width of a space left in a layer.
const SPACE: f64 = 24.0;

/// The plate diagram of a model: latent variables white, observed ones grey, discrete locals with a double outline,
/// covariates as grey boxes, `let` with a thin outline, `param` as plain text; plates with name and size.
pub fn plate_diagram(specification: &Specification) -> Figure {
    let graph = Graph::new(specification);
    let mut layout = Layout::new(&graph);
    layout.improve();
    Figure { svg: layout.svg(&specification.name) }
}

#[derive(Clone, Copy, PartialEq)]
enum Item {
    Node(usize),
    Plate(usize),
    /// Room for an arrow.
    Space,
}

/// The gap between the layers of a scope: larger in a wide one, where arrows would be nearly horizontal.
fn layer_gap(width: f64) -> f64 {
    GAP.1 + 0.1 * (width - 400.0).max(0.0)
}

/// All changes of a layer in one step: a space less, a space more, or two items swapped.
fn changes(layer: &[Item]) -> Vec<Vec<Item>> {
    let n = layer.len();
    let spliced = |at: std::ops::Range<usize>, by: &[Item]| [&layer[..at.start], by, &layer[at.end..]].concat();
    let is_space = |i: &usize| layer[*i] == Item::Space;
    let mut all: Vec<_> = (0..n).filter(is_space).map(|i| spliced(i..i + 1, &[])).collect();
    if let [Item::Space, inner @ .., Item::Space] = layer {
        all.push(inner.to_vec());
    }
    if (0..n).filter(is_space).count() < 4 {
        // Two spaces at once as well: one alone may move things too little to lower the cost.
        all.extend((0..=n).flat_map(|i| [spliced(i..i, &[Item::Space]), spliced(i..i, &[Item::Space; 2])]));
    }
    for (i, j) in (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))) {
        let mut swapped = layer.to_vec();
        swapped.swap(i, j);
        all.push(swapped);
    }
    all
}

struct Layout<'a> {
    graph: &'a Graph,
    /// For each scope, the space outside plates first, its items by layer.
    layers: Vec<Vec<Vec<Item>>>,
    nodes: Vec<Rect>,
    plates: Vec<Rect>,
    /// Width and height of the figure.
    size: Point,
}

impl<'a> Layout<'a> {
    fn new(graph: &'a Graph) -> Self {
        let half = |i: &Node| {
            let text = width(&i.label, TEXT) / 2.0;
            match i.look {
                Look::Latent | Look::Discrete | Look::Observed => ((text + 14.0).max(30.0), 25.0),
                Look::Given => (text + 12.0, 18.0),
                Look::Derived => ((text + 13.0).max(26.0), 19.0),
                Look::Param => (text + 4.0, 13.0),
            }
        };
        let nodes = graph.nodes.iter().map(|n| Rect { centre: (0.0, 0.0), half: half(n) }).collect();
        let plates = vec![Rect::default(); graph.plates.len()];
        let mut layout = Self { graph, layers: vec![], nodes, plates, size: (0.0, 0.0) };
        layout.layers =
            std::iter::once(None).chain((0..graph.plates.len()).map(Some)).map(|s| layout.rank(s)).collect();
        layout.place();
        layout
    }

    fn parent(&self, item: Item) -> Option<usize> {
        match item {
            Item::Node(i) => self.graph.nodes[i].plate,
            Item::Plate(i) => self.graph.plates[i].parent,
            Item::Space => None,
        }
    }

    /// The item of `scope` that is or contains `item`.
    fn holder(&self, item: Item, scope: Option<usize>) -> Option<Item> {
        std::iter::successors(Some(item), |i| self.parent(*i).map(Item::Plate)).find(|i| self.parent(*i) == scope)
    }

    /// All arrows: between nodes, and from a random size to its plate.
    fn arrows(&self) -> Vec<(usize, Item)> {
        let between = self.graph.edges.iter().map(|e| (e.0, Item::Node(e.1)));
        between.chain(self.graph.sizes.iter().map(|s| (s.0, Item::Plate(s.1)))).collect()
    }

    /// Puts the items of `scope` in layers: each below all that it depends on, and those that depend on nothing just
    /// above the items that depend on them.
    fn rank(&self, scope: Option<usize>) -> Vec<Vec<Item>> {
        let nodes = (0..self.graph.nodes.len()).map(Item::Node);
        let all = nodes.chain((0..self.graph.plates.len()).map(Item::Plate));
        let items: Vec<Item> = all.filter(|i| self.parent(*i) == scope).collect();
        let index = |item: Item| self.holder(item, scope).and_then(|h| items.iter().position(|i| *i == h));
        let pairs: Vec<(usize, usize)> = self
            .arrows()
            .into_iter()
            .filter_map(|(from, to)| Some((index(Item::Node(from))?, index(to)?)))
            .filter(|(from, to)| from != to)
            .collect();
        let mut ranks = vec![0; items.len()];
        // Longest paths; as many rounds as there are items suffice, and the bound ends the loop for plates that depend
        // on each other.
        for _ in 0..items.len() {
            for (from, to) in &pairs {
                ranks[*to] = ranks[*to].max(ranks[*from] + 1).min(items.len());
            }
        }
        for i in 0..items.len() {
            let lowest = pairs.iter().filter(|p| p.0 == i).map(|p| ranks[p.1]).min();
            if let Some(lowest) = lowest.filter(|_| !pairs.iter().any(|p| p.1 == i)) {
                ranks[i] = lowest.saturating_sub(1);
            }
        }
        let in_rank = |r| items.iter().zip(&ranks).filter(|(_, k)| **k == r).map(|(i, _)| *i).collect::<Vec<_>>();
        // Nothing in a layer depends on anything in it, so a long one may be split into two rows.
        let rows = |layer: Vec<Item>| {
            let rows = layer.len().div_ceil(LONGEST).max(1);
            layer.chunks(layer.len().div_ceil(rows).max(1)).map(<[Item]>::to_vec).collect::<Vec<_>>()
        };
        (0..=items.len()).map(in_rank).flat_map(rows).collect()
    }

    fn half(&self, item: Item) -> Point {
        match item {
            Item::Node(i) => self.nodes[i].half,
            Item::Plate(i) => self.plates[i].half,
            Item::Space => (SPACE / 2.0, 0.0),
        }
    }

    fn layer_size(&self, layer: &[Item]) -> Point {
        let widths: f64 = layer.iter().map(|i| 2.0 * self.half(*i).0).sum();
        let height = layer.iter().map(|i| 2.0 * self.half(*i).1).fold(0.0, f64::max);
        (widths + GAP.0 * (layer.len() as f64 - 1.0), height)
    }

    /// Width and height of the content of a scope whose plates have their sizes.
    fn content_size(&self, scope: usize) -> Point {
        let sizes: Vec<Point> = self.layers[scope].iter().map(|l| self.layer_size(l)).collect();
        let width = sizes.iter().map(|s| s.0).fold(0.0, f64::max);
        let height: f64 = sizes.iter().map(|s| s.1).sum();
        (width, height + layer_gap(width) * (sizes.len() as f64 - 1.0).max(0.0))
    }

    /// Sizes from the innermost plates out, then places from the outside in.
    fn place(&mut self) {
        for plate in (0..self.plates.len()).rev() {
            let (w, h) = self.content_size(plate + 1);
            let label = width(&self.graph.plates[plate].label, SMALL);
            self.plates[plate].half = (w.max(label - 24.0) / 2.0 + PAD.0, (h + PAD.0 + PAD.1) / 2.0);
        }
        self.size = self.content_size(0);
        for scope in 0..self.layers.len() {
            let gap = layer_gap(self.content_size(scope).0);
            let (centre, mut top) = match scope.checked_sub(1) {
                None => (self.size.0 / 2.0, 0.0),
                Some(p) => (self.plates[p].centre.0, self.plates[p].centre.1 - self.plates[p].half.1 + PAD.0),
            };
            for layer in self.layers[scope].clone() {
                let (w, h) = self.layer_size(&layer);
                let mut left = centre - w / 2.0;
                for item in layer {
                    let half = self.half(item);
                    let rect = Rect { centre: (left + half.0, top + h / 2.0), half };
                    match item {
                        Item::Node(i) => self.nodes[i] = rect,
                        Item::Plate(i) => self.plates[i] = rect,
                        Item::Space => {}
                    }
                    left += 2.0 * half.0 + GAP.0;
                }
                top += h + gap;
            }
        }
    }

    /// Returns the best result of small changes, starting from close layers and from layers with space between all
    /// items.
    fn improve(&mut self) {
        let close = self.layers.clone();
        let mut best: Option<(f64, Vec<Vec<Vec<Item>>>)> = None;
        for spaces in 0..3 {
            let roomy = |layer: &Vec<Item>| {
                let pieces: Vec<&[Item]> = layer.chunks(1).collect();
                pieces.join(&vec![Item::Space; spaces][..])
            };
            self.layers = close.iter().map(|scope| scope.iter().map(roomy).collect()).collect();
            self.place();
            let cost = self.descend();
            if best.as_ref().is_none_or(|b| cost < b.0) {
                best = Some((cost, self.layers.clone()));
            }
        }
        self.layers = best.map_or(close, |b| b.1);
        self.place();
    }

    /// Tries swaps in layers, and spaces in them, and keeps those that lower the cost of the figure, until none does;
    /// returns the remaining cost.
    fn descend(&mut self) -> f64 {
        let mut best = self.cost();
        // It ends by itself, since every change kept lowers the cost; the bound limits the time.
        for _ in 0..10 {
            let before = best;
            for scope in 0..self.layers.len() {
                for layer in 0..self.layers[scope].len() {
                    let mut changes = changes(&self.layers[scope][layer]);
                    while let Some(changed) = changes.pop() {
                        let old = std::mem::replace(&mut self.layers[scope][layer], changed);
                        self.place();
                        let cost = self.cost();
                        if cost < best - 1e-9 {
                            best = cost;
                            changes = self::changes(&self.layers[scope][layer]);
                        } else {
                            self.layers[scope][layer] = old;
                        }
                    }
                }
            }
            if best == before {
                break;
            }
        }
        best
    }

    /// The cost of a figure: crossings, arrows over nodes and foreign plates or ending in one spot, bends, sideways
    /// runs, and size.
    fn cost(&self) -> f64 {
        let arrows = self.arrows();
        let routes: Vec<(Curve, f64)> = arrows.iter().map(|a| self.route(*a)).collect();
        let lines: Vec<Vec<Point>> = routes.iter().map(|(c, _)| c.points(8).collect()).collect();
        let spaces = self.layers.iter().flatten().flatten().filter(|i| **i == Item::Space).count();
        let mut cost = 0.12 * spaces as f64 + self.size.0 / 1000.0;
        for (i, (curve, blame)) in routes.iter().enumerate() {
            let [start, _, end] = curve.0;
            cost += blame + (start.0 - end.0).abs() / 600.0;
            for j in 0..i {
                let other = routes[j].0.0[2];
                let crossed = lines[i].windows(2).any(|a| lines[j].windows(2).any(|b| cross(a, b)));
                cost +=
                    f64::from(u8::from(crossed)) + f64::from(u8::from((end.0 - other.0).hypot(end.1 - other.1) < 11.0));
            }
        }
        cost
    }

    /// The ends of an arrow: between centres, or down to the top of a plate.
    fn ends(&self, (from, to): (usize, Item)) -> (Point, Point) {
        let start = self.nodes[from].centre;
        let end = match to {
            Item::Node(i) => self.nodes[i].centre,
            Item::Plate(i) => {
                let Rect { centre, half } = self.plates[i];
                let inset = (half.0 - 20.0).max(0.0);
                (start.0.clamp(centre.0 - inset, centre.0 + inset), centre.1 - half.1)
            }
            Item::Space => start,
        };
        (start, end)
    }

    /// The cost of obstacles of an arrow: the nodes that it crosses, and the plates that contain neither of its ends;
    /// and whether it leaves a plate that contains both, or the figure, or enters a plate from the side.
    fn obstacles(&self, (from, to): (usize, Item), curve: &Curve) -> f64 {
        let points: Vec<Point> = curve.points(24).collect();
        let over = |r: &Rect, margin| points.iter().any(|p| r.holds(*p, margin));
        let nodes = self.nodes.iter().enumerate().filter(|(i, r)| *i != from && to != Item::Node(*i) && over(r, 5.0));
        let inside = |item: Item, plate| {
            std::iter::successors(Some(item), |i| self.parent(*i).map(Item::Plate)).any(|i| i == Item::Plate(plate))
        };
        let foreign = |i: usize| !inside(Item::Node(from), i) && !inside(to, i);
        let plates = self.plates.iter().enumerate().filter(|(i, r)| foreign(*i) && over(r, 2.0));
        // An arrow between nodes of a plate stays in it.
        let strays = |i: usize, r: &Rect| {
            inside(Item::Node(from), i) && inside(to, i) && points.iter().any(|p| !r.holds(*p, -5.0))
        };
        let strays = self.plates.iter().enumerate().filter(|(i, r)| strays(*i, r));
        let outside = points.iter().any(|p| p.0 < -8.0 || p.1 < 0.0 || p.0 > self.size.0 + 8.0 || p.1 > self.size.1);
        // An arrow into a plate should enter by its top.
        let below_top = |r: &Rect| points.iter().any(|p| p.1 > r.centre.1 - r.half.1 && !r.holds(*p, 1.0));
        let aside = |i: usize, r: &Rect| inside(to, i) && !inside(Item::Node(from), i) && below_top(r);
        let aside = self.plates.iter().enumerate().filter(|(i, r)| aside(*i, r));
        (nodes.count() + usize::from(outside)) as f64
            + 0.5 * (plates.count() + strays.count()) as f64
            + 0.25 * aside.count() as f64
    }

    /// Returns the least bent curve with the fewest obstacles, from outline to outline, and its cost.
    fn route(&self, arrow: (usize, Item)) -> (Curve, f64) {
        let (a, b) = self.ends(arrow);
        let bends = (0..=9).flat_map(|i| [0.06 * f64::from(i), -0.06 * f64::from(i)]);
        let mut best = (Curve::bent(a, b, 0.0), f64::INFINITY);
        for bend in bends {
            if 1.5 * bend.abs() >= best.1 {
                break;
            }
            let curve = Curve::bent(a, b, bend);
            let blame = 2.0 * self.obstacles(arrow, &curve) + 1.5 * bend.abs();
            if blame < best.1 {
                best = (curve, blame);
            }
        }
        let (curve, blame) = best;
        let start = last_inside(|t| self.covers(arrow.0, curve.blossom(t, t)));
        let end = match arrow.1 {
            Item::Node(i) => 1.0 - last_inside(|t| self.covers(i, curve.blossom(1.0 - t, 1.0 - t))),
            _ => 1.0,
        };
        (Curve([curve.blossom(start, start), curve.blossom(start, end), curve.blossom(end, end)]), blame)
    }

    /// Whether `p` is in the outline of a node.
    fn covers(&self, node: usize, p: Point) -> bool {
        let Rect { centre, half } = self.nodes[node];
        let (x, y) = ((p.0 - centre.0) / (half.0 + 2.0), (p.1 - centre.1) / (half.1 + 2.0));
        match self.graph.nodes[node].look {
            Look::Given | Look::Param => x.abs().max(y.abs()) < 1.0,
            _ => x.hypot(y) < 1.0,
        }
    }

    fn svg(&self, title: &str) -> String {
        let (margin, head) = (28.0, 52.0);
        let legend = self.legend();
        let wide = (self.size.0.max(width(title, 19.0)) + 2.0 * margin).max(legend.1 + 2.0 * margin).max(320.0).ceil();
        let high = (head + self.size.1 + 70.0).ceil();
        let mut out = format!(
            "<svg width=\"{wide}\" height=\"{high}\" viewBox=\"0 0 {wide} {high}\" xmlns=\"http://www.w3.org/2000/svg\" \
             font-family=\"{FAMILIES}\" fill=\"#1e1e1e\">\n<rect width=\"{wide}\" height=\"{high}\" fill=\"#ffffff\"/>\n"
        );
        out += &text((wide / 2.0, 26.0), 19.0, title);
        let _ = writeln!(out, "<g transform=\"translate({:.1} {head})\">", (wide - self.size.0) / 2.0);
        for rect in &self.plates {
            let ((x, y), (w, h)) = (rect.centre, rect.half);
            let _ = writeln!(
                out,
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"10\" fill=\"none\" stroke=\"{}\" \
                 stroke-width=\"1.4\"/>",
                x - w,
                y - h,
                2.0 * w,
                2.0 * h,
                hex(0)
            );
        }
        let curves: Vec<Curve> = self.arrows().into_iter().map(|a| self.route(a).0).collect();
        curves.iter().for_each(|c| out += &arrow(c));
        for (rect, frame) in self.plates.iter().zip(&self.graph.plates) {
            out += &text_on_white(self.label_place(rect, &frame.label, &curves), &frame.label);
        }
        for (rect, node) in self.nodes.iter().zip(&self.graph.nodes) {
            out += &outline(rect, node.look);
            out += &text(rect.centre, TEXT, &node.label);
        }
        let _ = writeln!(out, "</g>\n<g transform=\"translate({:.1} {:.1})\">", (wide - legend.1) / 2.0, high - 34.0);
        out + &legend.0 + "</g>\n</svg>\n"
    }

    /// Returns the centre of a plate's label, at the lower corner where fewer arrows cross it.
    fn label_place(&self, plate: &Rect, label: &str, curves: &[Curve]) -> Point {
        let half = (width(label, SMALL) / 2.0, 9.0);
        let aside = plate.half.0 - half.0 - 12.0;
        let at = |x: f64| (plate.centre.0 + x, plate.centre.1 + plate.half.1 - 17.0);
        let hits = |p: Point| {
            let rect = Rect { centre: p, half };
            curves.iter().filter(|c| c.points(24).any(|q| rect.holds(q, 3.0))).count()
        };
        if hits(at(-aside)) < hits(at(aside)) { at(-aside) } else { at(aside) }
    }

    /// Returns the legend of the outlines that occur, and its width.
    fn legend(&self) -> (String, f64) {
        let kinds = [
            (Look::Latent, "latent"),
            (Look::Discrete, "latent, discrete"),
            (Look::Observed, "observed"),
            (Look::Given, "covariate"),
            (Look::Derived, "derived"),
        ];
        let (mut out, mut x) = (String::new(), 0.0);
        for (look, label) in kinds.into_iter().filter(|k| self.graph.nodes.iter().any(|n| n.look == k.0)) {
            out += &outline(&Rect { centre: (x + 14.0, 10.0), half: (13.0, 9.0) }, look);
            let w = width(label, SMALL);
            out += &text((x + 34.0 + w / 2.0, 10.0), SMALL, label);
            x += 34.0 + w + 22.0;
        }
        (out, (x - 22.0).max(0.0))
    }
}

/// The largest t in [0, 1/2] up to which `inside` holds, for a curve that leaves the outline once.
fn last_inside(inside: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 0.5);
    for _ in 0..30 {
        let middle = (low + high) / 2.0;
        if inside(middle) { low = middle } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::diagram::tests::{crossed, nested};

    #[test]
    fn plates_hold_their_own_and_nothing_overlaps() {
        for specification in [nested(), crossed()] {
            let graph = Graph::new(&specification);
            let mut layout = Layout::new(&graph);
            layout.improve();
            let apart = |a: &Rect, b: &Rect| {
                (a.centre.0 - b.centre.0).abs() >= a.half.0 + b.half.0
                    || (a.centre.1 - b.centre.1).abs() >= a.half.1 + b.half.1
            };
            for (i, a) in layout.nodes.iter().enumerate() {
                assert!(layout.nodes[..i].iter().all(|b| apart(a, b)), "{}", graph.nodes[i].label);
                for (p, plate) in layout.plates.iter().enumerate() {
                    let within = layout.holder(Item::Node(i), Some(p)).is_some();
                    assert_eq!(within, plate.holds(a.centre, 0.0), "{}", graph.nodes[i].label);
                    assert!(within || apart(a, plate), "{}", graph.nodes[i].label);
                }
            }
            for (from, to) in layout.arrows() {
                assert_eq!(
                    layout.obstacles((from, to), &layout.route((from, to)).0),
                    0.0,
                    "{}",
                    graph.nodes[from].label
                );
            }
        }
    }

    #[test]
    fn draws_a_model_with_nothing_in_it() {
        let empty = crate::model::diagram::tests::model("a < b", &[], vec![], vec![]);
        plate_diagram(&empty).png().unwrap();
    }
}
