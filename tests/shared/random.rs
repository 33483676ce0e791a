//! Random models: declarations that are grown from a grammar of the language, and with each a plain program for its log density.
//!
//! The program knows nothing of derivatives, registers or sums that are taken out of elements: loops over elements, a sum over the
//! values of each discrete variable, and the formulas of `tests/language/random/check.rs`. With each model comes the same one with a vector
//! whose length is a size, of which the density runs on a tape, where a tape can.

use std::fmt::Write;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// The seed of the models that are tested always, and their number.
pub const SEED: u64 = 2;
pub const COUNT: usize = 8;

/// Writes `count` random models as the module of Rust that checks them.
pub fn write(seed: u64, count: usize) -> String {
    let mut text = String::from(
        "// Written by `cargo run --release -p hierarch-tests --bin random_models`.\n\nuse super::check::*;\n",
    );
    for at in 0..count {
        let model = Grower::new(seed, at as u64).grow();
        write!(text, "\n{}", model.text(&format!("M{at}"))).unwrap();
    }
    text
}

/// A model as lines of its declaration, and the lines of the plain program.
struct Grown {
    declaration: Vec<String>,
    program: Vec<String>,
    /// The observations that may be missing.
    missing: Vec<String>,
    /// Whether its density can run on a tape.
    on_tape: bool,
    has_locals: bool,
}

impl Grown {
    fn text(&self, name: &str) -> String {
        let lower = name.to_lowercase();
        let mut text = format!("pub mod {lower} {{\n    use super::*;\n\n");
        let mut declare = |name: &str, first: &str, factors: bool| {
            write!(text, "    model! {{\n        pub {name} {{\n{first}").unwrap();
            for line in self.declaration.iter().filter(|line| factors || !line.trim_start().starts_with("factor")) {
                writeln!(text, "            {line}").unwrap();
            }
            text.push_str("        }\n    }\n\n");
        };
        declare(name, "", true);
        let has_factors = self.declaration.iter().any(|line| line.trim_start().starts_with("factor"));
        let drawn = if has_factors { format!("{name}Drawn") } else { name.to_owned() };
        if has_factors {
            declare(&drawn, "", false);
        }
        if self.on_tape {
            declare(
                &format!("{name}Taped"),
                "            size LENGTH = 2;\n            global ordered[LENGTH] ~ Ordered(Normal(0.0, 1.0));\n",
                true,
            );
        }
        let locals = if self.has_locals { "l" } else { "_" };
        writeln!(
            text,
            "    fn program(g: &{drawn}Globals, {locals}: &<{drawn} as Model>::Locals, d: &{name}Data) -> f64 {{\n        let mut lp = 0.0;"
        )
        .unwrap();
        self.program.iter().for_each(|line| writeln!(text, "        {line}").unwrap());
        let taped = match self.on_tape {
            true => format!("\n        on_tape(&{name}Taped::default(), &checked)?;"),
            false => String::new(),
        };
        write!(
            text,
            "        lp\n    }}\n\n    #[test]\n    fn density_is_that_of_a_plain_program() -> Result<(), String> {{\n        let checked = check(&{drawn}::default(), &{name}::default(), program, &{:?}, seed(1000))?;{taped}\n        Ok(())\n    }}\n}}\n",
            self.missing
        )
        .unwrap();
        text
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    Real,
    Positive,
    Unit,
    Flag,
    Category(usize),
    /// Of reals.
    Vector(usize),
    Simplex(usize),
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum From {
    Data,
    /// The same for all elements.
    Outside,
    Element,
}

/// What an expression may read.
#[derive(Clone)]
struct Name {
    text: String,
    kind: Kind,
    from: From,
}

/// A variable that elements read of those before them.
struct Lagged {
    role: &'static str,
    name: String,
    kind: Kind,
}

/// What other plates may read of a plate by an index.
#[derive(Clone)]
struct Plate {
    name: String,
    exports: Vec<(String, Kind, From)>,
}

struct Grower {
    rng: Xoshiro256PlusPlus,
    names: usize,
    grown: Grown,
    plates: Vec<Plate>,
    depth: usize,
    /// Whether a discrete global is summed out.
    discrete: bool,
}

/// Where the elements of a plate are, in the plain program.
struct Element {
    /// The paths of its columns in the data and in the locals.
    path: String,
    at: String,
}

impl Grower {
    fn new(seed: u64, stream: u64) -> Self {
        let grown = Grown {
            declaration: Vec::new(),
            program: Vec::new(),
            missing: Vec::new(),
            on_tape: true,
            has_locals: false,
        };
        let rng = Xoshiro256PlusPlus::seed_from_u64(seed.wrapping_mul(1_000_003).wrapping_add(stream));
        Self { rng, names: 0, grown, plates: Vec::new(), depth: 0, discrete: false }
    }

    fn below(&mut self, n: usize) -> usize {
        self.rng.random_range(0..n)
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    fn fresh(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    fn declare(&mut self, line: impl AsRef<str>) {
        self.grown.declaration.push(format!("{}{}", "    ".repeat(self.depth), line.as_ref()));
    }

    fn program(&mut self, line: impl Into<String>) {
        self.grown.program.push(line.into());
    }

    fn grow(mut self) -> Grown {
        let mut scope = Vec::new();
        let globals = 2 + self.below(4);
        (0..globals).for_each(|_| self.global(&mut scope));
        let discrete = self.one_in(12);
        self.discrete = discrete;
        if discrete {
            self.grown.on_tape = false;
            let (z, p) = (self.fresh("z"), self.unit(&scope, 1));
            self.declare(format!("global {z} ~ Bernoulli({p});"));
            self.program(format!("let mut of_{z} = Vec::new();"));
            self.program(format!(
                "for value in [false, true] {{ let {z} = value; let mut lp = lp + bernoulli(value, {p});"
            ));
            scope.push(Name { text: z, kind: Kind::Flag, from: From::Outside });
        }
        for _ in 0..self.below(3) {
            self.binding(&mut scope, From::Outside);
        }
        if self.one_in(4) {
            self.observe(&scope, None);
        }
        if self.one_in(8) {
            let factor = self.real(&scope, 2);
            self.declare(format!("factor -0.1 * ({factor}) * ({factor});"));
            self.program(format!("lp += -0.1 * ({factor}) * ({factor});"));
        }
        for _ in 0..1 + self.below(2) {
            self.plate(&scope, None);
        }
        if discrete {
            let z = scope.iter().find(|name| name.kind == Kind::Flag).map(|name| name.text.clone()).unwrap_or_default();
            self.program(format!("of_{z}.push(lp); }}"));
            self.program(format!("lp = log_sum(&of_{z});"));
        }
        self.grown
    }

    /// A distribution of a number, with arguments that depend on `scope`: as it is declared, and its density at `x`.
    fn prior(&mut self, kind: Kind, scope: &[Name]) -> (String, String) {
        let depth = self.below(2);
        match kind {
            Kind::Positive => match self.below(5) {
                0 => {
                    let sd = self.positive(scope, depth);
                    (format!("HalfNormal({sd})"), format!("half_normal(x, {sd})"))
                }
                1 => (String::from("Gamma(5.0, 5.0)"), String::from("gamma(x, 5.0, 5.0)")),
                2 => {
                    let rate = self.positive(scope, depth);
                    (format!("Gamma(4.0, {rate})"), format!("gamma(x, 4.0, {rate})"))
                }
                _ => {
                    let mu = self.real(scope, depth);
                    (format!("LogNormal(0.3 * ({mu}).tanh(), 0.4)"), format!("log_normal(x, 0.3 * ({mu}).tanh(), 0.4)"))
                }
            },
            Kind::Unit => match self.below(3) {
                0 => (String::from("Uniform(0.0, 1.0)"), String::from("uniform(x, 0.0, 1.0)")),
                1 => {
                    let a = self.positive(scope, depth);
                    (format!("Beta({a} + 1.0, 2.0)"), format!("beta(x, {a} + 1.0, 2.0)"))
                }
                _ => (String::from("Beta(2.0, 3.0)"), String::from("beta(x, 2.0, 3.0)")),
            },
            _ => match self.below(9) {
                0 => (String::from("Uniform(-1.0, 2.0)"), String::from("uniform(x, -1.0, 2.0)")),
                1 => {
                    let (mean, sd) = (self.real(scope, depth), self.positive(scope, depth));
                    (format!("StudentT(5.0, {mean}, {sd})"), format!("student_t(x, 5.0, {mean}, {sd})"))
                }
                2 => {
                    let (mean, sd) = (self.real(scope, depth), self.positive(scope, depth));
                    (format!("Logistic({mean}, 0.5 * {sd})"), format!("logistic(x, {mean}, 0.5 * {sd})"))
                }
                3 => {
                    let low = self.real(scope, 0);
                    let (low, high) = (format!("({low}).tanh() - 2.0"), format!("({low}).tanh() + 1.5"));
                    (
                        format!("TruncatedNormal(0.0, 1.0, {low}, {high})"),
                        format!("truncated_normal(x, 0.0, 1.0, {low}, {high})"),
                    )
                }
                4..=6 => (String::from("Normal(0.0, 1.0)"), String::from("normal(x, 0.0, 1.0)")),
                _ => {
                    let (mean, sd) = (self.real(scope, depth), self.positive(scope, depth));
                    (format!("Normal({mean}, {sd})"), format!("normal(x, {mean}, {sd})"))
                }
            },
        }
    }

    fn global(&mut self, scope: &mut Vec<Name>) {
        let role = if self.one_in(8) { "nuisance" } else { "global" };
        let name = self.fresh("g");
        let kind = match self.below(12) {
            0..=3 => Kind::Real,
            4 | 5 => Kind::Positive,
            6 => Kind::Unit,
            7 | 8 => Kind::Vector(2 + self.below(3)),
            9 => Kind::Vector(34),
            10 => Kind::Simplex(2 + self.below(2)),
            _ => Kind::Category(0),
        };
        match kind {
            Kind::Vector(34) => {
                let sd = self.positive(scope, 0);
                self.declare(format!("{role} {name}[34] ~ Normal(0.2, {sd});"));
                self.program(format!(
                    "let {name} = &g.{name};\n        {name}.iter().for_each(|x| lp += normal(*x, 0.2, {sd}));"
                ));
            }
            Kind::Vector(len) => match self.below(3) {
                0 => {
                    self.declare(format!("{role} {name}[{len}] ~ Ordered(Normal(0.0, 1.0));"));
                    self.program(format!(
                        "let {name} = &g.{name};\n        {name}.iter().for_each(|x| lp += normal(*x, 0.0, 1.0));\n        lp += ln_gamma({len} as f64 + 1.0);"
                    ));
                }
                1 => {
                    let (declared, density) = self.prior(Kind::Real, scope);
                    self.declare(format!("{role} {name}[{len}] ~ {declared};"));
                    self.program(format!("let {name} = &g.{name};\n        for &x in {name} {{ lp += {density}; }}"));
                }
                _ => {
                    let vectors: Vec<Name> =
                        scope.iter().filter(|n| matches!(n.kind, Kind::Vector(l) if l >= len)).cloned().collect();
                    let mean = match vectors.is_empty() {
                        true => String::from("0.1 * (i as f64)"),
                        false => format!("{}[i]", self.pick(&vectors).text),
                    };
                    let sd = self.positive(scope, 1);
                    self.declare(format!("{role} {name}[i in 0..{len}] ~ Normal({mean}, {sd});"));
                    self.program(format!(
                        "let {name} = &g.{name};\n        for i in 0..{len} {{ lp += normal({name}[i], {mean}, {sd}); }}"
                    ));
                }
            },
            Kind::Simplex(len) => {
                let a = self.positive(scope, 0);
                self.declare(format!("{role} {name}[{len}] ~ Dirichlet([{a} + 1.0; {len}]);"));
                self.program(format!("let {name} = &g.{name};\n        lp += dirichlet({name}, {a} + 1.0);"));
            }
            Kind::Category(_) => {
                let sd = self.positive(scope, 0);
                self.declare(format!("{role} {name}[2][3] ~ Normal(0.0, {sd});"));
                self.program(format!(
                    "let {name} = &g.{name};\n        {name}.iter().flatten().for_each(|x| lp += normal(*x, 0.0, {sd}));"
                ));
                for row in 0..2 {
                    let column = self.below(3);
                    scope.push(Name {
                        text: format!("{name}[{row}][{column}]"),
                        kind: Kind::Real,
                        from: From::Outside,
                    });
                }
                return;
            }
            _ => {
                let (declared, density) = self.prior(kind, scope);
                self.declare(format!("{role} {name} ~ {declared};"));
                self.program(format!("let {name} = g.{name};\n        {{ let x = {name}; lp += {density}; }}"));
            }
        }
        scope.push(Name { text: name, kind, from: From::Outside });
    }

    /// A `let`.
    fn binding(&mut self, scope: &mut Vec<Name>, from: From) -> Vec<(String, Kind)> {
        let name = self.fresh("v");
        let flags: Vec<String> = scope.iter().filter(|n| n.kind == Kind::Flag).map(|n| n.text.clone()).collect();
        let scope_before = &scope.clone();
        let mut push = |text: &str, kind| scope.push(Name { text: text.to_owned(), kind, from });
        let (lines, bound) = match self.below(8) {
            0 if !flags.is_empty() => {
                let (other, flag) = (self.fresh("v"), self.pick(&flags));
                let [a, b] = [(); 2].map(|()| self.real(scope_before, 1));
                let [s, t] = [(); 2].map(|()| self.positive(scope_before, 1));
                push(&name, Kind::Real);
                push(&other, Kind::Positive);
                (
                    format!("let ({name}, {other}) = if {flag} {{ ({a}, {s}) }} else {{ ({b}, {t}) }};"),
                    vec![(name, Kind::Real), (other, Kind::Positive)],
                )
            }
            1 => {
                let numbers = [(); 2].map(|()| self.real(scope_before, 1));
                push(&name, Kind::Vector(2));
                (format!("let {name} = [{}, {}];", numbers[0], numbers[1]), Vec::new())
            }
            2 | 3 => {
                let e = self.positive(scope_before, 2);
                push(&name, Kind::Positive);
                (format!("let {name} = {e};"), vec![(name, Kind::Positive)])
            }
            4 => {
                let e = self.unit(scope_before, 2);
                push(&name, Kind::Unit);
                (format!("let {name} = {e};"), vec![(name, Kind::Unit)])
            }
            5 => {
                let e = self.linear(scope_before);
                push(&name, Kind::Real);
                (format!("let {name} = {e};"), vec![(name, Kind::Real)])
            }
            _ => {
                let e = self.real(scope_before, 3);
                push(&name, Kind::Real);
                (format!("let {name} = {e};"), vec![(name, Kind::Real)])
            }
        };
        self.declare(&lines);
        self.program(lines);
        bound
    }

    fn plate(&mut self, outside: &[Name], around: Option<&Element>) {
        let name = self.fresh("p");
        let path = around.map_or(name.clone(), |a| format!("{}.{name}", a.path));
        let at = format!("at_{name}");
        let inside = around.is_some();
        let size = match (self.below(6), inside) {
            (0, false) => {
                let rate = format!("4.0 + {}", self.positive(outside, 0));
                self.program(format!("lp += poisson(d.{path}.len() as u64, {rate});"));
                format!("size_{name} ~ Poisson({rate})")
            }
            (1, false) => self.pick(&["1", "5", "21"]).to_owned(),
            (_, false) => self.pick(&["1..=9", "3..=17", "8..=21"]).to_owned(),
            (0, true) => String::from("3"),
            (_, true) => self.pick(&["1..=4", "1..=9"]).to_owned(),
        };
        self.declare(format!("plate {name}({size}) {{"));
        self.depth += 1;
        let scope_at_start = self.plates.len();
        // What is read by an index is read in the plate that the index belongs to.
        let mut scope: Vec<Name> = outside.iter().filter(|n| !n.text.contains("[i")).cloned().collect();
        let index = self.plates.len();
        self.plates.push(Plate { name: name.clone(), exports: Vec::new() });
        let range = match around {
            None => format!("0..d.{path}.len()"),
            Some(a) => format!("d.{path}.offsets[{0}]..d.{path}.offsets[{0} + 1]", a.at),
        };
        let before = self.grown.program.len();
        self.program(format!("for {at} in {range} {{"));
        let element = Element { path, at };
        let lagged = self.one_in(4).then(|| self.lagged(&mut scope, before));
        let exports = self.element(&mut scope, &element, lagged.as_ref(), inside, scope_at_start);
        if let Some(Lagged { name, .. }) = &lagged {
            self.program(format!("past_{name}.push({name});"));
        }
        self.program("}");
        if !inside {
            for (export, ..) in &exports {
                self.grown.program.insert(before, format!("let mut all_{export} = Vec::new();"));
                self.program(format!("let {export} = all_{export};"));
            }
            // What depends on a discrete global is read in its own plate alone.
            self.plates[index].exports = if self.discrete { Vec::new() } else { exports };
        }
        self.depth -= 1;
        self.declare("}");
    }

    /// Binds the value one or two elements before of a variable that is to be declared; the program's loop is its line `at`.
    fn lagged(&mut self, scope: &mut Vec<Name>, at: usize) -> Lagged {
        self.grown.on_tape = false;
        let role = self.pick(&["local", "given", "observe"]);
        let (before, name) = (self.fresh("b"), self.fresh("s"));
        let kind = if role == "local" { self.pick(&[Kind::Real, Kind::Positive, Kind::Unit]) } else { Kind::Real };
        let first = if kind == Kind::Real { self.literal() } else { String::from("0.6") };
        let steps = 1 + self.below(2);
        self.declare(format!("let {before} = prev({name}, {steps}, {first});"));
        self.grown.program.insert(at, format!("let mut past_{name}: Vec<f64> = Vec::new();"));
        self.program(format!(
            "let {before} = if past_{name}.len() < {steps} {{ {first} }} else {{ past_{name}[past_{name}.len() - {steps}] }};"
        ));
        let from = if role == "local" { From::Element } else { From::Data };
        scope.push(Name { text: before, kind, from });
        Lagged { role, name, kind }
    }

    /// Declares what elements read of those before them.
    fn declare_lagged(&mut self, lagged: &Lagged, scope: &mut Vec<Name>, Element { path, at }: &Element) {
        let Lagged { role, name, kind } = lagged;
        let (declared, density) = match *role {
            "given" => (String::from("Normal(0.0, 1.0)"), String::from("0.0")),
            "observe" => {
                let (mean, sd) = (self.real(scope, 2), self.positive(scope, 1));
                (format!("Normal(({mean}).tanh(), {sd})"), format!("normal(x, ({mean}).tanh(), {sd})"))
            }
            // What the element after reads is not bounded by other variables.
            _ => loop {
                let (declared, density) = self.prior(*kind, scope);
                if !declared.starts_with("TruncatedNormal") && !declared.starts_with("Uniform(") {
                    break (declared, density);
                }
            },
        };
        self.declare(format!("{role} {name} ~ {declared};"));
        let (of, from) = match *role {
            "local" => ("l", From::Element),
            _ => ("d", From::Data),
        };
        self.grown.has_locals |= *role == "local";
        self.program(format!("let {name} = {of}.{path}.{name}[{at}];\n        {{ let x = {name}; lp += {density}; }}"));
        scope.push(Name { text: name.clone(), kind: *kind, from });
    }

    /// The statements of an element; returns what other plates may read.
    fn element(
        &mut self,
        scope: &mut Vec<Name>,
        element: &Element,
        lagged: Option<&Lagged>,
        inside: bool,
        plates: usize,
    ) -> Vec<(String, Kind, From)> {
        let mut exports = Vec::new();
        let Element { path, at } = element;
        if let Some(lagged) = lagged {
            self.declare_lagged(lagged, scope, element);
        }
        let indexed: Vec<Plate> = self.plates[..plates].iter().filter(|p| !p.exports.is_empty()).cloned().collect();
        // One index, or two for crossed plates.
        for _ in 0..[0, 1, 1, 2][self.below(4)] * usize::from(!indexed.is_empty()) {
            let (of, index) = (self.pick(&indexed), self.fresh("i"));
            self.declare(format!("given {index}: index({});", of.name));
            self.program(format!("let {index} = d.{path}.{index}[{at}];"));
            for (export, kind, from) in of.exports {
                scope.push(Name { text: format!("{export}[{index}]"), kind, from });
            }
        }
        for _ in 0..self.below(4) {
            let x = self.fresh("x");
            let (declared, kind) = match self.below(7) {
                0 | 1 => (format!("given {x} ~ Normal(0.0, 1.0);"), Kind::Real),
                2 => (format!("given {x} ~ Uniform(0.5, 2.0);"), Kind::Positive),
                3 => (format!("given {x} ~ Bernoulli(0.5);"), Kind::Flag),
                4 => (format!("given {x} ~ Categorical([0.3, 0.3, 0.4]);"), Kind::Category(3)),
                5 => (format!("given {x} ~ Categorical([0.5, 0.5]);"), Kind::Category(2)),
                _ => {
                    let len = 2 + self.below(3);
                    (format!("given {x}[{len}] ~ Normal(0.0, 1.0);"), Kind::Vector(len))
                }
            };
            self.declare(declared);
            let of = if matches!(kind, Kind::Vector(_)) { "&" } else { "" };
            self.program(format!("let {x} = {of}d.{path}.{x}[{at}];"));
            if !inside {
                let of = if matches!(kind, Kind::Vector(_)) { "*" } else { "" };
                self.program(format!("all_{x}.push({of}{x});"));
                exports.push((x.clone(), kind, From::Data));
            }
            scope.push(Name { text: x, kind, from: From::Data });
        }
        let locals = self.below(3);
        for _ in 0..locals {
            self.grown.has_locals = true;
            let u = self.fresh("h");
            let kind = self.pick(&[Kind::Real, Kind::Real, Kind::Positive, Kind::Unit, Kind::Vector(2)]);
            if kind == Kind::Vector(2) {
                let sd = self.positive(scope, 1);
                self.declare(format!("local {u}[2] ~ Normal(0.1, {sd});"));
                self.program(format!(
                    "let {u} = &l.{path}.{u}[{at}];\n        for &x in {u} {{ lp += normal(x, 0.1, {sd}); }}"
                ));
                if !inside {
                    self.program(format!("all_{u}.push(*{u});"));
                    exports.push((u.clone(), kind, From::Element));
                }
            } else {
                let (declared, density) = self.prior(kind, scope);
                self.declare(format!("local {u} ~ {declared};"));
                self.program(format!("let {u} = l.{path}.{u}[{at}];\n        {{ let x = {u}; lp += {density}; }}"));
                if !inside {
                    self.program(format!("all_{u}.push({u});"));
                    exports.push((u.clone(), kind, From::Element));
                }
            }
            scope.push(Name { text: u, kind, from: From::Element });
        }
        for _ in 0..self.below(3) {
            for (bound, kind) in self.binding(scope, From::Element) {
                if !inside {
                    self.program(format!("all_{bound}.push({bound});"));
                    exports.push((bound, kind, From::Element));
                }
            }
        }
        if !inside && self.one_in(4) {
            self.plate(scope, Some(element));
        }
        let mut summed = Vec::new();
        for _ in 0..[0, 0, 0, 1, 1, 2][self.below(6)] {
            let z = self.fresh("z");
            let (declared, values, bound, density, kind) = match self.below(4) {
                0 | 1 => {
                    let p = self.unit(scope, 1);
                    (format!("Bernoulli({p})"), "0..2", "value == 1", format!("bernoulli({z}, {p})"), Kind::Flag)
                }
                2 => {
                    let simplices: Vec<Name> = scope.iter().filter(|n| n.kind == Kind::Simplex(3)).cloned().collect();
                    let p = match simplices.is_empty() {
                        true => String::from("[0.2, 0.3, 0.5]"),
                        false => self.pick(&simplices).text,
                    };
                    (format!("Categorical({p})"), "0..3", "value", format!("({p}[{z}] as f64).ln()"), Kind::Category(3))
                }
                _ => {
                    let p = self.unit(scope, 1);
                    (
                        format!("Binomial(2, {p})"),
                        "0..3",
                        "value as f64",
                        format!("binomial({z} as u64, 2, {p})"),
                        Kind::Real,
                    )
                }
            };
            self.grown.has_locals = true;
            self.declare(format!("local {z} ~ {declared};"));
            self.program(format!("let mut of_{z} = Vec::new();"));
            self.program(format!("for value in {values} {{ let {z} = {bound}; let mut lp = {density};"));
            scope.push(Name { text: z.clone(), kind, from: From::Element });
            summed.push(z);
        }
        for _ in 0..self.below(2) {
            self.binding(scope, From::Element);
        }
        if !inside && !summed.is_empty() && self.one_in(4) {
            self.plate(scope, Some(element));
        }
        // A plate of covariates alone may have nothing that is observed.
        let latent = locals > 0 || !summed.is_empty() || lagged.is_some();
        let observed = if !latent && !exports.is_empty() && self.one_in(3) { 0 } else { 1 + self.below(2) };
        for _ in 0..observed {
            if let Some(y) = self.observe(scope, Some(element)) {
                scope.push(y);
            }
        }
        if self.one_in(10) {
            let factor = self.real(scope, 2);
            self.declare(format!("factor -0.1 * ({factor}) * ({factor});"));
            self.program(format!("lp += -0.1 * ({factor}) * ({factor});"));
        }
        for z in summed.iter().rev() {
            self.program(format!("of_{z}.push(lp); }}"));
            self.program(format!("lp += log_sum(&of_{z});"));
        }
        exports
    }

    /// An observation; returns what later statements may read of it.
    fn observe(&mut self, scope: &[Name], element: Option<&Element>) -> Option<Name> {
        let y = self.fresh("y");
        let value = match element {
            None => format!("d.{y}"),
            Some(Element { path, at }) => format!("d.{path}.{y}[{at}]"),
        };
        let flags: Vec<Name> = scope.iter().filter(|n| n.kind == Kind::Flag).cloned().collect();
        let choice = self.below(26);
        // The sd of a regression, or whatever.
        let sd = match self.below(3) {
            0 => self.positive(scope, 1),
            _ => self.outside_positive(scope),
        };
        let mean = if self.one_in(4) { self.real(scope, 3) } else { self.linear(scope) };
        let (declared, density, kind) = match choice {
            0..=5 => (format!("Normal({mean}, {sd})"), format!("normal(y, {mean}, {sd})"), Kind::Real),
            6 => (
                format!("LogNormal(({mean}).sin(), {sd})"),
                format!("log_normal(y, ({mean}).sin(), {sd})"),
                Kind::Positive,
            ),
            7 => (format!("StudentT(4.0, {mean}, {sd})"), format!("student_t(y, 4.0, {mean}, {sd})"), Kind::Real),
            8 => (format!("Cauchy({mean}, {sd})"), format!("cauchy(y, {mean}, {sd})"), Kind::Simplex(0)),
            9 => (format!("Logistic({mean}, {sd})"), format!("logistic(y, {mean}, {sd})"), Kind::Real),
            10 => {
                let rate = self.positive(scope, 2);
                (format!("Gamma({sd}, {rate})"), format!("gamma(y, {sd}, {rate})"), Kind::Positive)
            }
            11 => (format!("Exponential({sd})"), format!("exponential(y, {sd})"), Kind::Positive),
            12 => {
                let shape = self.positive(scope, 1);
                (format!("Weibull({shape} + 0.5, {sd})"), format!("weibull(y, {shape} + 0.5, {sd})"), Kind::Positive)
            }
            13 => {
                let other = self.positive(scope, 1);
                (format!("Beta({sd} + 0.5, {other} + 0.5)"), format!("beta(y, {sd} + 0.5, {other} + 0.5)"), Kind::Unit)
            }
            14 | 15 => (format!("BernoulliLogit({mean})"), format!("bernoulli_logit(y, {mean})"), Kind::Flag),
            16 => {
                let p = self.unit(scope, 2);
                (format!("Bernoulli({p})"), format!("bernoulli(y, {p})"), Kind::Flag)
            }
            17 => (format!("Poisson({sd})"), format!("poisson(y, {sd})"), Kind::Simplex(0)),
            18 => {
                (format!("PoissonLog(0.3 * ({mean}))"), format!("poisson(y, (0.3 * ({mean})).exp())"), Kind::Simplex(0))
            }
            19 => {
                let shape = self.positive(scope, 1);
                (
                    format!("NegativeBinomial({sd}, {shape})"),
                    format!("negative_binomial(y, {sd}, {shape})"),
                    Kind::Simplex(0),
                )
            }
            20 => {
                let p = self.unit(scope, 1);
                (format!("Binomial(4, {p})"), format!("binomial(y, 4, {p})"), Kind::Simplex(0))
            }
            21 => (
                format!("CategoricalLogit([0.1, {mean}, -0.2])"),
                format!("categorical_logit(y, [0.1, {mean}, -0.2])"),
                Kind::Category(3),
            ),
            22 if !flags.is_empty() => {
                let flag = self.pick(&flags).text;
                (
                    format!("if {flag} {{ Normal({mean}, {sd}) }} else {{ Logistic(0.5, 1.0) }}"),
                    format!("if {flag} {{ normal(y, {mean}, {sd}) }} else {{ logistic(y, 0.5, 1.0) }}"),
                    Kind::Real,
                )
            }
            23 => {
                let p = self.unit(scope, 1);
                (
                    format!("Mixture([{p}, 1.0 - {p}], [Normal({mean}, {sd}), Normal(0.0, 2.0)])"),
                    format!("log_sum(&[({p}).ln() + normal(y, {mean}, {sd}), (1.0 - {p}).ln() + normal(y, 0.0, 2.0)])"),
                    Kind::Real,
                )
            }
            24 => {
                let p = self.unit(scope, 1);
                (format!("ZeroInflated({p}, Poisson({sd}))"), format!("zero_inflated(y, {p}, {sd})"), Kind::Simplex(0))
            }
            _ => {
                self.declare(format!("observe {y}[2] ~ Normal({mean}, {sd});"));
                self.program(format!("for &y in &{value} {{ lp += normal(y, {mean}, {sd}); }}"));
                self.program(format!("let {y} = &{value};"));
                return Some(Name { text: y, kind: Kind::Vector(2), from: From::Data });
            }
        };
        let may_be_missing = element.is_some() && self.one_in(10);
        if may_be_missing {
            self.grown.on_tape = false;
            self.grown.missing.push(y.clone());
            self.declare(format!("observe {y}: Option ~ {declared};"));
            self.program(format!("if let Some(y) = {value} {{ lp += {density}; }}"));
            return None;
        }
        self.declare(format!("observe {y} ~ {declared};"));
        self.program(format!("let {y} = {value};\n        {{ let y = {y}; lp += {density}; }}"));
        (kind != Kind::Simplex(0)).then_some(Name { text: y, kind, from: From::Data })
    }

    fn of(&mut self, scope: &[Name], wanted: impl Fn(&Name) -> bool) -> Option<Name> {
        let all: Vec<&Name> = scope.iter().filter(|n| wanted(n)).collect();
        (!all.is_empty()).then(|| {
            let n = all.len();
            all[self.below(n)].clone()
        })
    }

    fn literal(&mut self) -> String {
        self.pick(&["0.5", "-0.7", "1.2", "2.0", "0.1", "-1.0"]).to_owned()
    }

    /// An expression for any number.
    fn real(&mut self, scope: &[Name], depth: usize) -> String {
        if depth == 0 {
            return match self.below(8) {
                0 => self.literal(),
                1 => match self.of(scope, |n| matches!(n.kind, Kind::Vector(_) | Kind::Simplex(_))) {
                    Some(Name { text, kind: Kind::Vector(len) | Kind::Simplex(len), .. }) => {
                        format!("{text}[{}]", self.below(len))
                    }
                    _ => self.literal(),
                },
                2 => self.picked(scope).unwrap_or_else(|| String::from("0.3")),
                3 => self
                    .of(scope, |n| n.kind == Kind::Positive)
                    .map_or_else(|| String::from("1.5"), |n| format!("{}.ln()", n.text)),
                4 => self.of(scope, |n| n.kind == Kind::Unit).map_or_else(|| String::from("-0.4"), |n| n.text),
                _ => self.of(scope, |n| n.kind == Kind::Real).map_or_else(|| String::from("0.9"), |n| n.text),
            };
        }
        let d = depth - 1;
        match self.below(14) {
            0 | 1 => format!("({} + {})", self.real(scope, d), self.real(scope, d)),
            2 => format!("({} - {})", self.real(scope, d), self.real(scope, d)),
            3 => format!("({} * {})", self.real(scope, d), self.real(scope, d)),
            4 => format!("({} / (0.5 + {}))", self.real(scope, d), self.positive(scope, d)),
            5 => format!("({}).tanh()", self.real(scope, d)),
            6 => format!("({}).sin()", self.real(scope, d)),
            7 => match self.of(scope, |n| n.kind == Kind::Flag) {
                Some(flag) => {
                    format!("if {} {{ {} }} else {{ {} }}", flag.text, self.real(scope, d), self.real(scope, d))
                        .bracketed()
                }
                None => self.real(scope, d),
            },
            8 => match self.of(scope, |n| matches!(n.kind, Kind::Category(_))) {
                Some(category) => {
                    format!("match {} {{ 0 => {}, _ => {} }}", category.text, self.real(scope, d), self.real(scope, d))
                        .bracketed()
                }
                None => self.real(scope, d),
            },
            9 => match self.of(scope, |n| n.kind == Kind::Real && n.from == From::Data) {
                Some(x) => {
                    format!("if {} < 0.3 {{ {} }} else {{ {} }}", x.text, self.real(scope, d), self.real(scope, d))
                        .bracketed()
                }
                None => self.real(scope, d),
            },
            10 => self.product(scope).unwrap_or_else(|| String::from("0.2")),
            11 => format!("({}).ln()", self.positive(scope, d)),
            12 => format!("(-{})", self.real(scope, d)),
            _ => format!("(0.5 * {})", self.real(scope, d)),
        }
    }

    /// One of a vector, by a category.
    fn picked(&mut self, scope: &[Name]) -> Option<String> {
        let category = self.of(scope, |n| matches!(n.kind, Kind::Category(_)))?;
        let Kind::Category(count) = category.kind else { return None };
        let long = |n: &Name| matches!(n.kind, Kind::Vector(len) | Kind::Simplex(len) if len >= count);
        let vector = self.of(scope, long)?;
        Some(format!("{}[{}]", vector.text, category.text))
    }

    /// An inner product.
    fn product(&mut self, scope: &[Name]) -> Option<String> {
        let one = self.of(scope, |n| matches!(n.kind, Kind::Vector(_)))?;
        let other = self.of(scope, |n| n.kind == one.kind)?;
        Some(format!("dot({}, {})", one.text, other.text))
    }

    fn positive(&mut self, scope: &[Name], depth: usize) -> String {
        if depth == 0 || self.one_in(3) {
            let name = self.of(scope, |n| n.kind == Kind::Positive);
            return name.map_or_else(|| self.pick(&["0.7", "1.5", "1.0"]).to_owned(), |n| n.text);
        }
        let d = depth - 1;
        match self.below(7) {
            0 => format!("({} + {})", self.positive(scope, d), self.positive(scope, d)),
            1 => format!("(0.5 * {})", self.positive(scope, d)),
            2 => format!("({}).sqrt()", self.positive(scope, d)),
            3 => format!("(({}).softplus() + 0.1)", self.real(scope, d)),
            4 => format!("(0.4 * ({}).tanh()).exp()", self.real(scope, d)),
            5 => match self.of(scope, |n| n.kind == Kind::Flag) {
                Some(flag) => {
                    format!("if {} {{ {} }} else {{ {} }}", flag.text, self.positive(scope, d), self.positive(scope, d))
                        .bracketed()
                }
                None => String::from("0.8"),
            },
            _ => format!("(1.0 + {})", self.unit(scope, d)),
        }
    }

    /// A positive number that is the same for all elements, or data times one.
    fn outside_positive(&mut self, scope: &[Name]) -> String {
        let shared = self.of(scope, |n| n.kind == Kind::Positive && n.from == From::Outside);
        let shared = shared.map_or_else(|| String::from("0.8"), |n| n.text);
        match self.of(scope, |n| n.kind == Kind::Positive && n.from == From::Data) {
            Some(data) if self.one_in(3) => format!("({} * {shared})", data.text),
            _ => shared,
        }
    }

    fn unit(&mut self, scope: &[Name], depth: usize) -> String {
        if depth == 0 || self.one_in(3) {
            let name = self.of(scope, |n| n.kind == Kind::Unit);
            return name.map_or_else(|| self.pick(&["0.2", "0.6"]).to_owned(), |n| n.text);
        }
        let d = depth - 1;
        match self.below(4) {
            0 => format!("({}).sigmoid()", self.real(scope, d)),
            1 => format!("(0.1 + 0.8 * {})", self.unit(scope, d)),
            2 => format!("(1.0 - {})", self.unit(scope, d)),
            _ => format!("(0.1 + 0.8 * (({}).normal_cdf()))", self.real(scope, d)),
        }
    }

    /// A sum of data times unknowns.
    fn linear(&mut self, scope: &[Name]) -> String {
        let mut terms = Vec::new();
        for _ in 0..1 + self.below(4) {
            let unknown = |n: &Name| n.kind == Kind::Real && n.from != From::Data;
            let term = match self.below(11) {
                0..=2 => self.of(scope, unknown).map(|n| n.text),
                3 | 4 => {
                    let x = self.of(scope, |n| n.kind == Kind::Real && n.from == From::Data);
                    let b = self.of(scope, unknown);
                    x.zip(b).map(|(x, b)| match self.one_in(2) {
                        true => format!("{} * {}", x.text, b.text),
                        false => format!("{} * ({} - 0.5)", b.text, x.text),
                    })
                }
                5 | 6 => self.product(scope),
                7 => self.picked(scope),
                8 => self
                    .of(scope, |n| n.kind == Kind::Flag)
                    .zip(self.of(scope, unknown))
                    .map(|(flag, b)| format!("if {} {{ {} }} else {{ 0.0 }}", flag.text, b.text).bracketed()),
                9 => self.of(scope, |n| n.kind == Kind::Real && n.from == From::Data).map(|n| n.text),
                _ => self.of(scope, unknown).map(|n| format!("0.5 * {}", n.text)),
            };
            terms.extend(term);
        }
        if self.one_in(5) {
            terms.push(self.real(scope, 2));
        }
        match terms.is_empty() {
            true => self.real(scope, 1),
            false => format!("({})", terms.join(if self.one_in(3) { " - " } else { " + " })),
        }
    }
}

trait Bracketed {
    fn bracketed(self) -> String;
}

impl Bracketed for String {
    fn bracketed(self) -> String {
        format!("({self})")
    }
}
