//! A graph that grows node by node, and becomes the bytes of a file.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use prost::Message;

use super::proto::{
    AttributeProto, DimensionProto, DimensionValue, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    StringStringEntryProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};

/// The operators of early 2022, the first in which sums may be scattered.
const OPERATORS: i64 = 16;
/// The format of files of that time.
const FORMAT: i64 = 8;

/// The type of the numbers in a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberType {
    /// `f32`.
    Float,
    /// `i64`.
    Integer,
    /// `f64`.
    Double,
}

impl NumberType {
    fn code(self) -> i32 {
        match self {
            Self::Float => 1,
            Self::Integer => 7,
            Self::Double => 11,
        }
    }
}

/// A length of a tensor.
#[derive(Clone, Copy, Debug)]
pub enum Length<'a> {
    /// This one.
    Fixed(usize),
    /// Any; where two have one name, they are equal.
    Any(&'a str),
}

/// A tensor in a graph.
#[derive(Clone, Debug)]
pub struct Value(Arc<str>);

/// What else a node needs to know.
#[derive(Clone, Debug)]
pub enum Attribute<'a> {
    /// A whole number.
    Int(i64),
    /// Whole numbers.
    Ints(&'a [i64]),
    /// A word.
    Word(&'a str),
}

/// A graph of ONNX. It grows behind a shared reference, so that an operation may stand among the arguments of another.
#[derive(Debug, Default)]
pub struct OnnxGraph(RefCell<Growing>);

#[derive(Debug, Default)]
struct Growing {
    graph: GraphProto,
    values: usize,
    /// Constants by their bytes, so that each is in the file once.
    constants: HashMap<(i32, Vec<i64>, Vec<u8>), Value>,
}

impl Growing {
    fn next(&mut self) -> Value {
        self.values += 1;
        // No name in a model has a slash.
        Value(format!("/{}", self.values).into())
    }
}

impl OnnxGraph {
    /// Adds an input.
    pub fn input(&self, name: &str, of: NumberType, shape: &[Length<'_>], text: &str) -> Value {
        self.0.borrow_mut().graph.input.push(described(name, of, shape, text));
        Value(name.into())
    }

    /// Makes a value an output.
    pub fn output(&self, name: &str, value: &Value, of: NumberType, shape: &[Length<'_>], text: &str) {
        let output = vec![name.to_owned()];
        let input = vec![value.0.to_string()];
        self.0.borrow_mut().graph.node.push(NodeProto {
            input,
            output,
            op_type: "Identity".to_owned(),
            attribute: Vec::new(),
        });
        self.0.borrow_mut().graph.output.push(described(name, of, shape, text));
    }

    /// Returns the bytes of a file.
    pub fn finish(self, name: &str, text: &str, metadata: &[(&str, String)]) -> Vec<u8> {
        let mut graph = self.0.into_inner().graph;
        // What no output needs: readers would warn of it.
        let mut needed: HashSet<String> = graph.output.iter().map(|output| output.name.clone()).collect();
        graph.node.reverse();
        graph.node.retain(|node| {
            let is_needed = node.output.iter().any(|name| needed.contains(name));
            needed.extend(node.input.iter().filter(|_| is_needed).cloned());
            is_needed
        });
        graph.node.reverse();
        graph.initializer.retain(|constant| needed.contains(&constant.name));
        let entry =
            |(key, value): &(&str, String)| StringStringEntryProto { key: (*key).to_owned(), value: value.clone() };
        let model = ModelProto {
            ir_version: FORMAT,
            producer_name: "hierarch".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            doc_string: text.to_owned(),
            graph: Some(GraphProto { name: name.to_owned(), ..graph }),
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPERATORS }],
            metadata_props: metadata.iter().map(entry).collect(),
        };
        model.encode_to_vec()
    }

    // ---- constants -----------------------------------------------------------------------------------------------------

    fn constant(&self, of: NumberType, shape: &[usize], raw_data: Vec<u8>) -> Value {
        let dims: Vec<i64> = shape.iter().map(|length| *length as i64).collect();
        let key = (of.code(), dims, raw_data);
        let mut growing = self.0.borrow_mut();
        if let Some(value) = growing.constants.get(&key) {
            return value.clone();
        }
        let value = growing.next();
        let (data_type, dims, raw_data) = key.clone();
        let name = value.0.to_string();
        growing.graph.initializer.push(TensorProto { dims, data_type, name, raw_data: Some(raw_data) });
        growing.constants.insert(key, value.clone());
        value
    }

    /// Returns a tensor of constants.
    pub fn floats(&self, shape: &[usize], values: &[f32]) -> Value {
        self.constant(NumberType::Float, shape, values.iter().flat_map(|x| x.to_le_bytes()).collect())
    }

    /// Returns a tensor of constants.
    pub fn doubles(&self, shape: &[usize], values: &[f64]) -> Value {
        self.constant(NumberType::Double, shape, values.iter().flat_map(|x| x.to_le_bytes()).collect())
    }

    /// Returns a tensor of constants.
    pub fn integers(&self, shape: &[usize], values: &[i64]) -> Value {
        self.constant(NumberType::Integer, shape, values.iter().flat_map(|x| x.to_le_bytes()).collect())
    }

    /// Returns a constant row, 1 x the length of `values`.
    pub fn row(&self, values: &[f64]) -> Value {
        self.doubles(&[1, values.len()], values)
    }

    /// Returns a constant number.
    pub fn double(&self, x: f64) -> Value {
        self.doubles(&[], &[x])
    }

    /// Returns a constant number.
    pub fn float(&self, x: f32) -> Value {
        self.floats(&[], &[x])
    }

    /// Returns a list of constant positions or lengths.
    pub fn positions(&self, values: &[usize]) -> Value {
        let values: Vec<i64> = values.iter().map(|x| *x as i64).collect();
        self.integers(&[values.len()], &values)
    }

    // ---- nodes ---------------------------------------------------------------------------------------------------------

    fn next(&self) -> Value {
        self.0.borrow_mut().next()
    }

    /// Adds a node with one output.
    pub fn op(&self, op: &str, inputs: &[&Value]) -> Value {
        self.op_with(op, inputs, &[])
    }

    /// Adds a node with one output and attributes.
    pub fn op_with(&self, op: &str, inputs: &[&Value], attributes: &[(&str, Attribute<'_>)]) -> Value {
        let output = self.next();
        self.push(op, inputs, vec![output.0.to_string()], attributes);
        output
    }

    fn push(&self, op: &str, inputs: &[&Value], output: Vec<String>, attributes: &[(&str, Attribute<'_>)]) {
        let input = inputs.iter().map(|value| value.0.to_string()).collect();
        let attribute = attributes.iter().map(|(name, attribute)| {
            let mut made = AttributeProto { name: (*name).to_owned(), ..AttributeProto::default() };
            match attribute {
                Attribute::Int(i) => (made.kind, made.i) = (2, Some(*i)),
                Attribute::Word(word) => (made.kind, made.s) = (3, Some(word.as_bytes().to_vec())),
                Attribute::Ints(ints) => (made.kind, made.ints) = (7, ints.to_vec()),
            }
            made
        });
        let attribute = attribute.collect();
        self.0.borrow_mut().graph.node.push(NodeProto { input, output, op_type: op.to_owned(), attribute });
    }

    /// Adds a sum.
    pub fn add(&self, a: &Value, b: &Value) -> Value {
        self.op("Add", &[a, b])
    }

    /// Adds a difference.
    pub fn sub(&self, a: &Value, b: &Value) -> Value {
        self.op("Sub", &[a, b])
    }

    /// Adds a product.
    pub fn mul(&self, a: &Value, b: &Value) -> Value {
        self.op("Mul", &[a, b])
    }

    /// Adds a ratio.
    pub fn div(&self, a: &Value, b: &Value) -> Value {
        self.op("Div", &[a, b])
    }

    /// Adds a product of matrices.
    pub fn matmul(&self, a: &Value, b: &Value) -> Value {
        self.op("MatMul", &[a, b])
    }

    /// Adds a choice between two values.
    pub fn choose(&self, condition: &Value, yes: &Value, no: &Value) -> Value {
        self.op("Where", &[condition, yes, no])
    }

    /// Adds a conversion.
    pub fn cast(&self, value: &Value, to: NumberType) -> Value {
        self.op_with("Cast", &[value], &[("to", Attribute::Int(to.code().into()))])
    }

    /// Adds the rows (`axis` 0) or columns (`axis` 1) of `value` that `positions` names.
    pub fn gather(&self, value: &Value, positions: &Value, axis: i64) -> Value {
        self.op_with("Gather", &[value, positions], &[("axis", Attribute::Int(axis))])
    }

    /// Adds the columns of a matrix at constant positions.
    pub fn columns(&self, value: &Value, positions: &[usize]) -> Value {
        let positions = self.positions(positions);
        self.gather(value, &positions, 1)
    }

    /// Adds a range of positions along an axis.
    pub fn slice(&self, value: &Value, range: std::ops::Range<usize>, axis: i64) -> Value {
        let [start, end, axis] = [range.start as i64, range.end as i64, axis].map(|x| self.integers(&[1], &[x]));
        self.op("Slice", &[value, &start, &end, &axis])
    }

    /// Adds one tensor of several, which stand next to each other along an axis; one alone stays as it is.
    pub fn concat(&self, values: &[Value], axis: i64) -> Value {
        match values {
            [one] => one.clone(),
            _ => self.op_with("Concat", &values.iter().collect::<Vec<_>>(), &[("axis", Attribute::Int(axis))]),
        }
    }

    /// Adds the same numbers in another shape, in which -1 stands for what is left.
    pub fn reshape(&self, value: &Value, shape: &[i64]) -> Value {
        let shape = self.integers(&[shape.len()], shape);
        self.op("Reshape", &[value, &shape])
    }

    /// Adds axes of length 1.
    pub fn unsqueeze(&self, value: &Value, axes: &[i64]) -> Value {
        let axes = self.integers(&[axes.len()], axes);
        self.op("Unsqueeze", &[value, &axes])
    }

    /// Adds sums along an axis, which is then gone, or of length 1 if `keep`.
    pub fn sum(&self, value: &Value, axis: i64, keep: bool) -> Value {
        let axes = self.integers(&[1], &[axis]);
        self.op_with("ReduceSum", &[value, &axes], &[("keepdims", Attribute::Int(keep.into()))])
    }

    /// Adds the number of rows of a tensor, as a list of one number.
    pub fn rows(&self, value: &Value) -> Value {
        self.op_with("Shape", &[value], &[("start", Attribute::Int(0)), ("end", Attribute::Int(1))])
    }

    /// Adds copies of a number in a tensor of `shape`.
    pub fn fill(&self, number: &Value, shape: &Value) -> Value {
        self.op("Expand", &[number, shape])
    }

    /// Adds a shape of `rows`, a list of one number, and constant lengths.
    pub fn shape(&self, rows: &Value, lengths: &[usize]) -> Value {
        let lengths = self.positions(lengths);
        self.concat(&[rows.clone(), lengths], 0)
    }

    /// Adds 0, 1, ... below `count`, a list of one number.
    pub fn range(&self, count: &Value) -> Value {
        let (zero, one) = (self.integers(&[], &[0]), self.integers(&[], &[1]));
        let count = self.op("Squeeze", &[count]);
        self.op("Range", &[&zero, &count, &one])
    }

    /// Adds the order that sorts whole numbers.
    pub fn order(&self, numbers: &Value) -> Value {
        let (count, sorted, order) = (self.rows(numbers), self.next(), self.next());
        let outputs = vec![sorted.0.to_string(), order.0.to_string()];
        self.push("TopK", &[numbers, &count], outputs, &[("largest", Attribute::Int(0))]);
        order
    }
}

fn described(name: &str, of: NumberType, shape: &[Length<'_>], text: &str) -> ValueInfoProto {
    let dimension = |length: &Length<'_>| DimensionProto {
        value: Some(match length {
            Length::Fixed(length) => DimensionValue::Fixed(*length as i64),
            Length::Any(name) => DimensionValue::Named((*name).to_owned()),
        }),
    };
    let shape = TensorShapeProto { dim: shape.iter().map(dimension).collect() };
    let tensor = TensorTypeProto { elem_type: of.code(), shape: Some(shape) };
    let kind = Some(TypeProto { tensor_type: Some(tensor) });
    ValueInfoProto { name: name.to_owned(), kind, doc_string: text.to_owned() }
}
