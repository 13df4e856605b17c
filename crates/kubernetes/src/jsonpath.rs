//! kubectl's dialect of JSONPath: templates with `{range}`, filters, slices and recursive descent.
//!
//! Source: `k8s.io/client-go/util/jsonpath` (parser.go, jsonpath.go). Where Go walks a map in random order, this walks
//! it in the order of its keys.

mod parse;

use std::borrow::Cow;

use serde_json::Value;

use crate::gotext;

/// A parsed template.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Template {
    blocks: Vec<Block>,
}

#[derive(Clone, Debug, PartialEq)]
enum Block {
    Text(String),
    Action(Vec<Node>),
    Range(Vec<Node>, Vec<Block>),
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Literal(Value),
    Field(String),
    Wildcard,
    Recursive,
    Slice { from: Option<i64>, to: Option<i64>, to_derived: bool, step: Option<i64> },
    Union(Vec<Vec<Node>>),
    Filter { left: Vec<Node>, operator: String, right: Vec<Node> },
    Unknown(String),
}

/// The results of one action or one piece of text.
pub(crate) type Results<'a> = Vec<Cow<'a, Value>>;

/// Whether a key that is not there is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// It gives nothing.
    Allowed,
    /// It is an error.
    Refused,
}

impl Template {
    /// Parses a template; the error is the engine's sentence.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        parse::template(text).map(|blocks| Self { blocks })
    }

    /// A path alone, as `--sort-by` and custom columns take it: `name`, `.name`, `{name}` and `{.name}` are the same.
    pub(crate) fn relaxed(path: &str) -> Result<Self, String> {
        Self::parse(&relaxed(path)?)
    }

    /// Evaluates all of it.
    pub(crate) fn find<'a>(&self, data: &'a Value, missing: Missing) -> Result<Vec<Results<'a>>, String> {
        let mut all = Vec::new();
        run(&self.blocks, &[Cow::Borrowed(data)], missing, &mut all)?;
        Ok(all)
    }

    /// The text that kubectl prints.
    pub(crate) fn print(&self, data: &Value, missing: Missing) -> Result<String, String> {
        let mut out = String::new();
        for results in self.find(data, missing)? {
            let texts: Vec<String> = results.iter().map(|value| gotext::json_or_text(value)).collect();
            out.push_str(&texts.join(" "));
        }
        Ok(out)
    }

    /// Each action's results as an indented JSON list.
    pub(crate) fn print_json(&self, data: &Value, missing: Missing) -> Result<String, String> {
        let mut out = String::new();
        for results in self.find(data, missing)? {
            let list = Value::Array(results.into_iter().map(Cow::into_owned).collect());
            out.push_str(&gotext::json_indented(&list));
            out.push('\n');
        }
        Ok(out)
    }
}

/// `{.path}` from any of the four forms.
pub(crate) fn relaxed(path: &str) -> Result<String, String> {
    let inner = match path.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        Some(inner) => inner,
        None if path.starts_with('{') || path.ends_with('}') => return Err(RELAXED.to_owned()),
        None => path,
    };
    let inner = inner.strip_prefix('.').unwrap_or(inner);
    if inner.is_empty() || inner.starts_with(['{', '}']) {
        return Err(RELAXED.to_owned());
    }
    Ok(format!("{{.{inner}}}"))
}

const RELAXED: &str =
    "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'";

fn run<'a>(
    blocks: &[Block],
    data: &[Cow<'a, Value>],
    missing: Missing,
    all: &mut Vec<Results<'a>>,
) -> Result<(), String> {
    for block in blocks {
        match block {
            Block::Text(text) => all.push(vec![Cow::Owned(Value::from(text.as_str()))]),
            Block::Action(nodes) => all.push(walk(nodes, data.to_vec(), missing)?),
            Block::Range(nodes, body) => {
                for value in walk(nodes, data.to_vec(), missing)? {
                    run(body, &[value], missing, all)?;
                }
            }
        }
    }
    Ok(())
}

/// Values at most on the way: unions of unions multiply, and the portal answers others meanwhile.
const MOST: usize = 200_000;

fn walk<'a>(nodes: &[Node], mut values: Results<'a>, missing: Missing) -> Result<Results<'a>, String> {
    for node in nodes {
        values = step(node, values, missing)?;
    }
    Ok(values)
}

fn step<'a>(node: &Node, values: Results<'a>, missing: Missing) -> Result<Results<'a>, String> {
    match node {
        Node::Literal(value @ Value::String(_)) => Ok(vec![Cow::Owned(value.clone())]),
        Node::Literal(value) => Ok(values.iter().map(|_| Cow::Owned(value.clone())).collect()),
        Node::Field(name) => {
            if values.is_empty() {
                return Ok(values);
            }
            let found: Results<'a> = values.into_iter().filter_map(|value| field(value, name)).collect();
            match found.is_empty() && missing == Missing::Refused {
                true => Err(format!("{name} is not found")),
                false => Ok(found),
            }
        }
        Node::Wildcard => Ok(values.into_iter().flat_map(children).collect()),
        Node::Recursive => {
            let mut all = Vec::new();
            values.into_iter().for_each(|value| descend(value, &mut all));
            Ok(all)
        }
        Node::Slice { from, to, to_derived, step } => {
            let mut all = Vec::new();
            for value in values {
                slice(value, (*from, *to, *to_derived, *step), &mut all)?;
            }
            Ok(all)
        }
        Node::Union(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(walk(part, values.clone(), missing)?);
                if all.len() > MOST {
                    return Err(format!(
                        "this path leads to more than {MOST} values, the most that the portal follows"
                    ));
                }
            }
            Ok(all)
        }
        Node::Filter { left, operator, right } => {
            let mut all = Vec::new();
            for value in values {
                if !value.is_array() {
                    return Err(format!("{} is not array or slice and cannot be filtered", gotext::sprint(&value)));
                }
                for item in children(value) {
                    if passes(&item, left, operator, right, missing)? {
                        all.push(item);
                    }
                }
            }
            Ok(all)
        }
        Node::Unknown(name) => Err(format!("unrecognized identifier {name}")),
    }
}

fn field<'a>(value: Cow<'a, Value>, name: &str) -> Option<Cow<'a, Value>> {
    match value {
        Cow::Borrowed(value) => value.as_object()?.get(name).map(Cow::Borrowed),
        Cow::Owned(mut value) => value.as_object_mut()?.remove(name).map(Cow::Owned),
    }
}

fn children(value: Cow<'_, Value>) -> Vec<Cow<'_, Value>> {
    fn sorted<K: Ord, V>(mut pairs: Vec<(K, V)>) -> impl Iterator<Item = V> {
        pairs.sort_by(|left, right| left.0.cmp(&right.0));
        pairs.into_iter().map(|(_, value)| value)
    }
    match value {
        Cow::Borrowed(Value::Array(items)) => items.iter().map(Cow::Borrowed).collect(),
        Cow::Borrowed(Value::Object(map)) => sorted(map.iter().collect()).map(Cow::Borrowed).collect(),
        Cow::Owned(Value::Array(items)) => items.into_iter().map(Cow::Owned).collect(),
        Cow::Owned(Value::Object(map)) => sorted(map.into_iter().collect()).map(Cow::Owned).collect(),
        _ => Vec::new(),
    }
}

fn descend<'a>(value: Cow<'a, Value>, all: &mut Results<'a>) {
    let below = children(value.clone());
    if !below.is_empty() {
        all.push(value);
        below.into_iter().for_each(|child| descend(child, all));
    }
}

type Bounds = (Option<i64>, Option<i64>, bool, Option<i64>);

fn slice<'a>(value: Cow<'a, Value>, (from, to, derived, step): Bounds, all: &mut Results<'a>) -> Result<(), String> {
    if value.is_null() {
        return Ok(());
    }
    let Some(length) = value.as_array().map(Vec::len) else {
        return Err(format!("{} is not array or slice", gotext::type_name(&value)));
    };
    let signed = i64::try_from(length).unwrap_or(i64::MAX);
    let mut from = from.unwrap_or(0);
    if from < 0 {
        from += signed;
    }
    let mut to = to.unwrap_or(signed);
    if to < 0 || (to == 0 && derived) {
        to += signed;
    }
    if from == to {
        return Ok(());
    }
    if from >= signed || from < 0 {
        return Err(format!("array index out of bounds: index {from}, length {length}"));
    }
    if to > signed || to < 0 {
        return Err(format!("array index out of bounds: index {}, length {length}", to - 1));
    }
    if from > to {
        return Err(format!("starting index {from} is greater than ending index {to}"));
    }
    let step = match step {
        Some(step) if step <= 0 => return Err("step must be > 0".to_owned()),
        Some(step) => usize::try_from(step).unwrap_or(usize::MAX),
        None => 1,
    };
    let (from, to) = (usize::try_from(from).unwrap_or(0), usize::try_from(to).unwrap_or(0));
    all.extend(children(value).into_iter().take(to).skip(from).step_by(step));
    Ok(())
}

fn passes(item: &Value, left: &[Node], operator: &str, right: &[Node], missing: Missing) -> Result<bool, String> {
    let item = Cow::Borrowed(item);
    let lefts = walk(left, vec![item.clone()], missing);
    if operator == "exists" {
        return Ok(lefts.is_ok_and(|found| !found.is_empty()));
    }
    let (lefts, rights) = (lefts?, walk(right, vec![item], missing)?);
    let (left, right) = match (lefts.as_slice(), rights.as_slice()) {
        ([], _) | (_, []) => return Ok(false),
        ([left], [right]) => (left.as_ref(), right.as_ref()),
        _ => return Err("can only compare one element at a time".to_owned()),
    };
    let order = match (left, right) {
        (Value::String(left), Value::String(right)) => left.partial_cmp(right),
        (Value::Number(left), Value::Number(right)) => left.as_f64().partial_cmp(&right.as_f64()),
        (Value::Bool(left), Value::Bool(right)) if matches!(operator, "==" | "!=") => left.partial_cmp(right),
        (Value::Bool(_), Value::Bool(_)) => return Err("invalid type for comparison".to_owned()),
        _ => return Err("incompatible types for comparison".to_owned()),
    };
    let Some(order) = order else { return Ok(false) };
    Ok(match operator {
        "<" => order.is_lt(),
        ">" => order.is_gt(),
        "<=" => order.is_le(),
        ">=" => order.is_ge(),
        "==" => order.is_eq(),
        "!=" => order.is_ne(),
        _ => return Err(format!("unrecognized filter operator {operator}")),
    })
}

#[cfg(test)]
mod tests;
