//! The plate diagram of a model, as text for Graphviz and Mermaid, and the graph behind it, which `plot::plate_diagram`
//! also draws.

use super::specification::{Kind, Missing, Plate, PlateSize, Role, Specification, Variable};
use std::fmt::Write;

/// How a node is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Latent,
    /// A local of counts, categories or truth values.
    Discrete,
    Observed,
    Given,
    Derived,
    Param,
}

pub(crate) struct Node {
    /// Name and shape.
    pub label: String,
    pub look: Look,
    /// Index of the innermost plate it is in.
    pub plate: Option<usize>,
}

pub(crate) struct Frame {
    /// Name and size.
    pub label: String,
    /// Index of the plate around it, which is smaller than its own.
    pub parent: Option<usize>,
}

/// Variables, plates and arrows by index.
pub(crate) struct Graph {
    pub nodes: Vec<Node>,
    pub plates: Vec<Frame>,
    /// From parent to child.
    pub edges: Vec<(usize, usize)>,
    /// From the node of a random size to its plate.
    pub sizes: Vec<(usize, usize)>,
}

impl Graph {
    pub fn new(specification: &Specification) -> Self {
        let mut builder = Builder {
            graph: Self { nodes: vec![], plates: vec![], edges: vec![], sizes: vec![] },
            names: vec![],
            parents: vec![],
        };
        for (name, _) in &specification.params {
            builder.node(name, name.clone(), Look::Param, None, &[]);
        }
        specification.variables.iter().for_each(|v| builder.variable(v, None));
        specification.plates.iter().for_each(|p| builder.plate(p, None));
        builder.finish()
    }
}

struct Builder {
    graph: Graph,
    /// The name of each node's variable.
    names: Vec<String>,
    /// The names of each node's parents.
    parents: Vec<Vec<String>>,
}

impl Builder {
    fn node(&mut self, name: &str, label: String, look: Look, plate: Option<usize>, parents: &[String]) {
        self.graph.nodes.push(Node { label, look, plate });
        self.names.push(name.to_string());
        self.parents.push(parents.to_vec());
    }

    fn variable(&mut self, v: &Variable, plate: Option<usize>) {
        let look = match v.role {
            Role::Global | Role::Nuisance | Role::Local if v.kind != Kind::Real => Look::Discrete,
            Role::Global | Role::Nuisance | Role::Local => Look::Latent,
            Role::Observed => Look::Observed,
            Role::Given | Role::Index => Look::Given,
            Role::Derived | Role::Factor => Look::Derived,
        };
        let shape: Vec<String> = v.shape.iter().map(usize::to_string).collect();
        let label = if shape.is_empty() { v.name.clone() } else { format!("{}[{}]", v.name, shape.join(", ")) };
        let label = if v.missing == Missing::Never { label } else { format!("{label}?") };
        self.node(&v.name, label, look, plate, &v.parents);
    }

    fn plate(&mut self, plate: &Plate, parent: Option<usize>) {
        let index = self.graph.plates.len();
        let size = match &plate.size {
            PlateSize::Fixed(n) => n.to_string(),
            PlateSize::Range(low, high) => format!("{low} to {high}"),
            PlateSize::Random { name, distribution, parents } => {
                // The size is observed with the data; its node is outside its own plate.
                self.graph.sizes.push((self.graph.nodes.len(), index));
                self.node(name, name.clone(), Look::Observed, parent, parents);
                format!("{name} ~ {distribution}")
            }
        };
        self.graph.plates.push(Frame { label: format!("{} ({size})", plate.name), parent });
        plate.variables.iter().for_each(|v| self.variable(v, Some(index)));
        plate.plates.iter().for_each(|p| self.plate(p, Some(index)));
    }

    /// Returns the node that `name` means in `plate`: the one in the nearest plate around it, or else, for a crossed
    /// plate, one in any plate.
    fn find(&self, name: &str, plate: Option<usize>) -> Option<usize> {
        let inside = |p: Option<usize>| {
            self.names.iter().zip(&self.graph.nodes).position(|(n, node)| n == name && node.plate == p)
        };
        let around = std::iter::successors(Some(plate), |p| p.map(|i| self.graph.plates[i].parent));
        around.into_iter().find_map(inside).or_else(|| self.names.iter().position(|n| n == name))
    }

    /// Adds the arrows, once every node is known, and removes each `param` that nothing uses.
    fn finish(self) -> Graph {
        let mut edges = vec![];
        for (child, names) in self.parents.iter().enumerate() {
            for name in names {
                let parent = self.find(name, self.graph.nodes[child].plate);
                edges.extend(parent.filter(|p| *p != child).map(|p| (p, child)));
            }
        }
        let keep: Vec<bool> = (0..self.graph.nodes.len())
            .map(|i| self.graph.nodes[i].look != Look::Param || edges.iter().any(|e| e.0 == i))
            .collect();
        let new = |i: usize| keep[..i].iter().filter(|k| **k).count();
        let edges = edges.iter().map(|e| (new(e.0), new(e.1))).collect();
        let sizes = self.graph.sizes.iter().map(|s| (new(s.0), s.1)).collect();
        let nodes = self.graph.nodes.into_iter().zip(&keep).filter(|(_, k)| **k).map(|(n, _)| n).collect();
        Graph { nodes, edges, sizes, ..self.graph }
    }
}

impl Specification {
    /// Returns the plate diagram in the language of Graphviz (`dot`).
    ///
    /// Latent variables are white ellipses (discrete ones have a double outline), observed ones grey; covariates are
    /// grey boxes, each `let` is a dashed ellipse, and each `param` plain text. A `?` stands behind the name of an
    /// observation that may be missing. A plate is a cluster with its name and size.
    pub fn graphviz(&self) -> String {
        let graph = Graph::new(self);
        let mut out = format!("digraph {} {{\n  compound=true;\n  node [shape=ellipse];\n", dot(&self.name));
        write_scope(&graph, None, 1, &mut out, &Dot);
        for (from, to) in &graph.edges {
            let _ = writeln!(out, "  v{from} -> v{to};");
        }
        for (from, plate) in &graph.sizes {
            // An arrow to a cluster needs a node in it to end at.
            if let Some(to) = first_inside(&graph, *plate) {
                let _ = writeln!(out, "  v{from} -> v{to} [lhead=cluster_p{plate}];");
            }
        }
        out + "}\n"
    }

    /// Returns the plate diagram in the language of Mermaid, which GitHub and many editors draw.
    ///
    /// Latent variables are white stadiums (discrete ones double circles), observed ones grey; covariates are grey
    /// boxes, each `let` is a dashed stadium, and each `param` a slanted box. A `?` stands behind the name of an
    /// observation that may be missing. A plate is a subgraph with its name and size.
    pub fn mermaid(&self) -> String {
        let graph = Graph::new(self);
        let mut out = String::from("flowchart TD\n");
        write_scope(&graph, None, 1, &mut out, &Mermaid);
        for (from, to) in &graph.edges {
            let _ = writeln!(out, "  v{from} --> v{to}");
        }
        for (from, plate) in &graph.sizes {
            let _ = writeln!(out, "  v{from} --> p{plate}");
        }
        out + "  classDef latent fill:#fff,stroke:#333\n  classDef observed fill:#ccc,stroke:#333\n  \
               classDef derived fill:#fff,stroke:#333,stroke-dasharray:4\n"
    }
}

trait Language {
    fn node(&self, index: usize, node: &Node) -> String;
    fn open(&self, index: usize, frame: &Frame) -> String;
    fn close(&self) -> &'static str;
}

fn write_scope(graph: &Graph, plate: Option<usize>, depth: usize, out: &mut String, language: &impl Language) {
    let indent = "  ".repeat(depth);
    for (i, node) in graph.nodes.iter().enumerate().filter(|(_, n)| n.plate == plate) {
        let _ = writeln!(out, "{indent}{}", language.node(i, node));
    }
    for (i, frame) in graph.plates.iter().enumerate().filter(|(_, f)| f.parent == plate) {
        let _ = writeln!(out, "{indent}{}", language.open(i, frame));
        write_scope(graph, Some(i), depth + 1, out, language);
        let _ = writeln!(out, "{indent}{}", language.close());
    }
}

/// Returns a node in `plate` or in a plate inside it.
fn first_inside(graph: &Graph, plate: usize) -> Option<usize> {
    let within = |n: &Node| std::iter::successors(n.plate, |p| graph.plates[*p].parent).any(|p| p == plate);
    graph.nodes.iter().position(within)
}

struct Dot;

/// Returns `text` as a quoted string of Graphviz.
fn dot(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

impl Language for Dot {
    fn node(&self, index: usize, node: &Node) -> String {
        let style = match node.look {
            Look::Latent => "",
            Look::Discrete => ", peripheries=2",
            Look::Observed => ", style=filled, fillcolor=lightgrey",
            Look::Given => ", shape=box, style=filled, fillcolor=lightgrey",
            Look::Derived => ", style=dashed",
            Look::Param => ", shape=plaintext",
        };
        format!("v{index} [label={}{style}];", dot(&node.label))
    }

    fn open(&self, index: usize, frame: &Frame) -> String {
        format!("subgraph cluster_p{index} {{ label={}; labeljust=r; labelloc=b; style=rounded;", dot(&frame.label))
    }

    fn close(&self) -> &'static str {
        "}"
    }
}

struct Mermaid;

/// Returns `text` as a quoted string of Mermaid, which takes entities with a `#` and would read the rest as HTML.
fn mermaid(text: &str) -> String {
    let text = text.replace('#', "#35;").replace('&', "#amp;").replace('"', "#quot;");
    format!("\"{}\"", text.replace('<', "#lt;").replace('>', "#gt;"))
}

impl Language for Mermaid {
    fn node(&self, index: usize, node: &Node) -> String {
        let label = mermaid(&node.label);
        match node.look {
            Look::Latent => format!("v{index}([{label}]):::latent"),
            Look::Discrete => format!("v{index}((({label}))):::latent"),
            Look::Observed => format!("v{index}([{label}]):::observed"),
            Look::Given => format!("v{index}[{label}]:::observed"),
            Look::Derived => format!("v{index}([{label}]):::derived"),
            Look::Param => format!("v{index}[/{label}/]:::latent"),
        }
    }

    fn open(&self, index: usize, frame: &Frame) -> String {
        format!("subgraph p{index}[{}]", mermaid(&frame.label))
    }

    fn close(&self) -> &'static str {
        "end"
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn variable(name: &str, role: Role, kind: Kind, parents: &[&str]) -> Variable {
        Variable::declared(name, role, kind, &[], "", parents)
    }

    pub(crate) fn plate(name: &str, size: PlateSize, variables: Vec<Variable>, plates: Vec<Plate>) -> Plate {
        Plate { name: name.into(), size, variables, plates }
    }

    pub(crate) fn model(name: &str, params: &[&str], variables: Vec<Variable>, plates: Vec<Plate>) -> Specification {
        let params = params.iter().map(|p| (p.to_string(), "1".to_string())).collect();
        Specification { name: name.into(), params, variables, plates }
    }

    /// Houses in counties: a random slope, a covariate, and a ragged inner plate.
    pub(crate) fn nested() -> Specification {
        use {Kind::*, PlateSize::*, Role::*};
        let size = Random { name: "n".into(), distribution: "Poisson(rate)".into(), parents: vec!["rate".into()] };
        let houses = vec![
            variable("floor", Given, Bool, &[]),
            variable("leak", Local, Bool, &["odds"]),
            variable("level", Derived, Real, &["alpha", "floor", "leak"]),
            variable("radon", Observed, Real, &["level", "noise"]),
        ];
        let counties = vec![variable("alpha", Local, Real, &["mu", "tau"])];
        let mut mu = variable("mu", Global, Real, &[]);
        mu.shape = vec![3];
        model(
            "Radon",
            &["odds", "unused"],
            vec![
                mu,
                variable("tau", Global, Real, &[]),
                variable("noise", Nuisance, Real, &[]),
                variable("rate", Global, Real, &[]),
            ],
            vec![plate("counties", Range(1, 85), counties, vec![plate("houses", size, houses, vec![])])],
        )
    }

    /// Item response: three sibling plates, the last crossing the other two.
    pub(crate) fn crossed() -> Specification {
        use {Kind::*, PlateSize::*, Role::*};
        model(
            "Rasch \"1PL\"",
            &[],
            vec![variable("spread", Global, Real, &[])],
            vec![
                plate("subjects", Fixed(50), vec![variable("ability", Local, Real, &["spread"])], vec![]),
                plate("items", Range(1, 20), vec![variable("difficulty", Local, Real, &[])], vec![]),
                plate(
                    "answers",
                    Fixed(1000),
                    vec![
                        variable("subject", Index, Category, &[]),
                        variable("item", Index, Category, &[]),
                        variable("right", Observed, Bool, &["ability", "subject", "difficulty", "item"]),
                    ],
                    vec![],
                ),
            ],
        )
    }

    #[test]
    fn writes_a_nested_model() {
        let dot = r#"digraph "Radon" {
  compound=true;
  node [shape=ellipse];
  v0 [label="odds", shape=plaintext];
  v1 [label="mu[3]"];
  v2 [label="tau"];
  v3 [label="noise"];
  v4 [label="rate"];
  subgraph cluster_p0 { label="counties (1 to 85)"; labeljust=r; labelloc=b; style=rounded;
    v5 [label="alpha"];
    v6 [label="n", style=filled, fillcolor=lightgrey];
    subgraph cluster_p1 { label="houses (n ~ Poisson(rate))"; labeljust=r; labelloc=b; style=rounded;
      v7 [label="floor", shape=box, style=filled, fillcolor=lightgrey];
      v8 [label="leak", peripheries=2];
      v9 [label="level", style=dashed];
      v10 [label="radon", style=filled, fillcolor=lightgrey];
    }
  }
  v1 -> v5;
  v2 -> v5;
  v4 -> v6;
  v0 -> v8;
  v5 -> v9;
  v7 -> v9;
  v8 -> v9;
  v9 -> v10;
  v3 -> v10;
  v6 -> v7 [lhead=cluster_p1];
}
"#;
        assert_eq!(nested().graphviz(), dot);
        let mermaid = r#"flowchart TD
  v0[/"odds"/]:::latent
  v1(["mu[3]"]):::latent
  v2(["tau"]):::latent
  v3(["noise"]):::latent
  v4(["rate"]):::latent
  subgraph p0["counties (1 to 85)"]
    v5(["alpha"]):::latent
    v6(["n"]):::observed
    subgraph p1["houses (n ~ Poisson(rate))"]
      v7["floor"]:::observed
      v8((("leak"))):::latent
      v9(["level"]):::derived
      v10(["radon"]):::observed
    end
  end
  v1 --> v5
  v2 --> v5
  v4 --> v6
  v0 --> v8
  v5 --> v9
  v7 --> v9
  v8 --> v9
  v9 --> v10
  v3 --> v10
  v6 --> p1
  classDef latent fill:#fff,stroke:#333
  classDef observed fill:#ccc,stroke:#333
  classDef derived fill:#fff,stroke:#333,stroke-dasharray:4
"#;
        assert_eq!(nested().mermaid(), mermaid);
    }

    #[test]
    fn writes_a_crossed_model() {
        let dot = r#"digraph "Rasch \"1PL\"" {
  compound=true;
  node [shape=ellipse];
  v0 [label="spread"];
  subgraph cluster_p0 { label="subjects (50)"; labeljust=r; labelloc=b; style=rounded;
    v1 [label="ability"];
  }
  subgraph cluster_p1 { label="items (1 to 20)"; labeljust=r; labelloc=b; style=rounded;
    v2 [label="difficulty"];
  }
  subgraph cluster_p2 { label="answers (1000)"; labeljust=r; labelloc=b; style=rounded;
    v3 [label="subject", shape=box, style=filled, fillcolor=lightgrey];
    v4 [label="item", shape=box, style=filled, fillcolor=lightgrey];
    v5 [label="right", style=filled, fillcolor=lightgrey];
  }
  v0 -> v1;
  v1 -> v5;
  v3 -> v5;
  v2 -> v5;
  v4 -> v5;
}
"#;
        assert_eq!(crossed().graphviz(), dot);
        let mermaid = r#"flowchart TD
  v0(["spread"]):::latent
  subgraph p0["subjects (50)"]
    v1(["ability"]):::latent
  end
  subgraph p1["items (1 to 20)"]
    v2(["difficulty"]):::latent
  end
  subgraph p2["answers (1000)"]
    v3["subject"]:::observed
    v4["item"]:::observed
    v5(["right"]):::observed
  end
  v0 --> v1
  v1 --> v5
  v3 --> v5
  v2 --> v5
  v4 --> v5
  classDef latent fill:#fff,stroke:#333
  classDef observed fill:#ccc,stroke:#333
  classDef derived fill:#fff,stroke:#333,stroke-dasharray:4
"#;
        assert_eq!(crossed().mermaid(), mermaid);
    }

    #[test]
    fn escapes_what_a_language_would_read() {
        assert_eq!(dot(r#"a"b\"#), r#""a\"b\\""#);
        assert_eq!(mermaid(r#"n < "#.trim_end()), r#""n #lt;""#);
        assert_eq!(mermaid(r##"a"#&b"##), r##""a#quot;#35;#amp;b""##);
    }
}
