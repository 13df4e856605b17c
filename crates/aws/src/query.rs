//! `--query`: JMESPath (jmespath.org), on values whose keys keep AWS's order.

use std::collections::HashMap;

use jmespath::ast::Ast;
use jmespath::{ErrorReason, Expression, Variable};
use serde_json::{Map, Value};

use crate::failure::Failure;

/// Letters of an expression, at most. Its evaluation is recursive, on a stack that holds so many steps.
const LONGEST: usize = 4096;
const STACK: usize = 64 << 20;
/// Values that an expression may make, at most.
const MOST_VALUES: u64 = 10_000_000;

/// How deep a result may nest: whoever prints it does so on an ordinary stack.
const DEEPEST: usize = 100;

/// An expression that can be read.
pub(crate) struct Query {
    text: String,
}

impl Query {
    /// Reads an expression.
    ///
    /// # Errors
    /// What is wrong with it, as an error of usage.
    pub(crate) fn read(text: &str) -> Result<Self, Failure> {
        if text.len() > LONGEST {
            return Err(Failure::invalid(format!("Bad value for --query: it is longer than {LONGEST} letters")));
        }
        on_deep_stack(|| compiled(text).map(drop))?;
        Ok(Self { text: text.to_owned() })
    }

    /// What the expression selects.
    ///
    /// # Errors
    /// A function of the expression got what it does not take, or it would make more than anybody can read.
    pub(crate) fn search(&self, value: &Value) -> Result<Value, Failure> {
        let wrong = |reason: &dyn std::fmt::Display| Failure::general(format!("In --query {}: {reason}", self.text));
        on_deep_stack(|| {
            let expression = compiled(&self.text)?;
            let size = growth(expression.as_ast()).and_then(|growth| growth.checked_mul(values(value)));
            if size.is_none_or(|size| size > MOST_VALUES) {
                return Err(wrong(&"it would make too many values: select less at a time"));
            }
            let found = expression.search(value).map_err(|error| wrong(&error.reason))?;
            let mut found = plain(&found);
            if ["sum(", "ceil(", "floor(", "abs("].iter().any(|function| self.text.contains(function)) {
                count_whole(&mut found);
            }
            if depth(&found) > DEEPEST {
                return Err(wrong(&"its result is nested too deeply"));
            }
            let mut orders = Orders::default();
            orders.learn_expression(expression.as_ast());
            orders.learn(value);
            orders.restore(&mut found);
            Ok(found)
        })
    }
}

fn compiled(text: &str) -> Result<Expression<'static>, Failure> {
    jmespath::compile(text).map_err(|wrong| {
        let reason = match &wrong.reason {
            ErrorReason::Parse(reason) => reason.clone(),
            ErrorReason::Runtime(reason) => reason.to_string(),
        };
        let place = format!("\"{text}\"\n{}^", " ".repeat(wrong.column + 1));
        Failure::invalid(format!("Bad value for --query {text}: Invalid jmespath expression: {reason}:\n{place}"))
    })
}

/// Runs where an expression of [`LONGEST`] letters cannot exhaust the stack, however deep it nests.
fn on_deep_stack<T: Send>(work: impl FnOnce() -> Result<T, Failure> + Send) -> Result<T, Failure> {
    let failed = || Failure::general("The --query cannot be evaluated: the portal has no thread left for it.");
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).map_err(|_| failed())?;
        thread.join().map_err(|_| failed())?
    })
}

fn values(value: &Value) -> u64 {
    match value {
        Value::Array(list) => list.iter().map(values).sum::<u64>() + 1,
        Value::Object(entries) => entries.values().map(values).sum::<u64>() + 1,
        _ => 1,
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(list) => list.iter().map(depth).max().unwrap_or_default() + 1,
        Value::Object(entries) => entries.values().map(depth).max().unwrap_or_default() + 1,
        _ => 0,
    }
}

/// How many times larger than its input a result can be, at most; `None` where nobody can tell. `[@,@]|[@,@]` doubles
/// with each step, and nothing in an expression can reach back to the whole from inside.
fn growth(ast: &Ast) -> Option<u64> {
    fn sum<'a>(mut parts: impl Iterator<Item = &'a Ast>) -> Option<u64> {
        parts.try_fold(0_u64, |sum, part| sum.checked_add(growth(part)?)).map(|sum| sum.max(1))
    }
    match ast {
        Ast::MultiList { elements, .. } => sum(elements.iter()),
        Ast::MultiHash { elements, .. } => sum(elements.iter().map(|element| &element.value)),
        Ast::Function { name, args, .. } => {
            // The glue of `join` comes once for each element.
            if name == "join" && !matches!(args.first(), Some(Ast::Literal { .. })) {
                return None;
            }
            let selected = sum(args.iter().filter(|part| !matches!(part, Ast::Expref { .. })))?;
            let mut applied = args.iter().filter(|part| matches!(part, Ast::Expref { .. }));
            let applied = applied.try_fold(1_u64, |product, part| product.checked_mul(growth(part)?))?;
            selected.checked_mul(applied)?.checked_mul(if name == "to_string" { 2 } else { 1 })
        }
        Ast::Projection { lhs, rhs, .. } | Ast::Subexpr { lhs, rhs, .. } => growth(lhs)?.checked_mul(growth(rhs)?),
        Ast::Condition { predicate, then, .. } => growth(predicate)?.checked_mul(growth(then)?),
        Ast::Comparison { lhs, rhs, .. } | Ast::And { lhs, rhs, .. } | Ast::Or { lhs, rhs, .. } => {
            Some(growth(lhs)?.max(growth(rhs)?))
        }
        Ast::Expref { ast: node, .. }
        | Ast::Flatten { node, .. }
        | Ast::Not { node, .. }
        | Ast::ObjectValues { node, .. } => growth(node),
        Ast::Identity { .. } | Ast::Field { .. } | Ast::Index { .. } | Ast::Literal { .. } | Ast::Slice { .. } => {
            Some(1)
        }
    }
}

fn plain(found: &Variable) -> Value {
    match found {
        Variable::Null | Variable::Expref(_) => Value::Null,
        Variable::String(text) => Value::String(text.clone()),
        Variable::Bool(is) => Value::Bool(*is),
        Variable::Number(number) => Value::Number(number.clone()),
        Variable::Array(list) => Value::Array(list.iter().map(|inner| plain(inner)).collect()),
        Variable::Object(entries) => {
            Value::Object(entries.iter().map(|(key, inner)| (key.clone(), plain(inner))).collect())
        }
    }
}

/// Numbers without a fraction as integers: the evaluator computes in fractions, the real program in integers where it
/// can.
fn count_whole(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(count_whole),
        Value::Object(entries) => entries.values_mut().for_each(count_whole),
        Value::Number(number) if number.is_f64() => {
            if let Some(float) = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 9e15) {
                #[expect(clippy::cast_possible_truncation, reason = "a whole number within 53 bits")]
                let whole = float as i64;
                *value = whole.into();
            }
        }
        _ => {}
    }
}

/// The order of keys, by the sorted keys: the evaluator sorts them, the real program keeps AWS's order and that of
/// `{B: b, A: a}`.
#[derive(Default)]
struct Orders(HashMap<Vec<String>, Vec<String>>);

impl Orders {
    fn add(&mut self, keys: Vec<String>) {
        let mut sorted = keys.clone();
        sorted.sort_unstable();
        self.0.entry(sorted).or_insert(keys);
    }

    fn learn(&mut self, value: &Value) {
        match value {
            Value::Array(list) => list.iter().for_each(|inner| self.learn(inner)),
            Value::Object(entries) => {
                self.add(entries.keys().cloned().collect());
                entries.values().for_each(|inner| self.learn(inner));
            }
            _ => {}
        }
    }

    fn learn_expression(&mut self, ast: &Ast) {
        match ast {
            Ast::MultiHash { elements, .. } => {
                self.add(elements.iter().map(|element| element.key.clone()).collect());
                elements.iter().for_each(|element| self.learn_expression(&element.value));
            }
            Ast::MultiList { elements, .. } | Ast::Function { args: elements, .. } => {
                elements.iter().for_each(|element| self.learn_expression(element));
            }
            Ast::Comparison { lhs, rhs, .. }
            | Ast::Projection { lhs, rhs, .. }
            | Ast::And { lhs, rhs, .. }
            | Ast::Or { lhs, rhs, .. }
            | Ast::Subexpr { lhs, rhs, .. }
            | Ast::Condition { predicate: lhs, then: rhs, .. } => {
                self.learn_expression(lhs);
                self.learn_expression(rhs);
            }
            Ast::Expref { ast: node, .. }
            | Ast::Flatten { node, .. }
            | Ast::Not { node, .. }
            | Ast::ObjectValues { node, .. } => self.learn_expression(node),
            Ast::Identity { .. } | Ast::Field { .. } | Ast::Index { .. } | Ast::Literal { .. } | Ast::Slice { .. } => {}
        }
    }

    fn restore(&self, value: &mut Value) {
        match value {
            Value::Array(list) => list.iter_mut().for_each(|inner| self.restore(inner)),
            Value::Object(entries) => {
                entries.values_mut().for_each(|inner| self.restore(inner));
                let sorted: Vec<String> = entries.keys().cloned().collect();
                if let Some(order) = self.0.get(&sorted) {
                    let mut taken = std::mem::take(entries);
                    let ordered = order.iter().filter_map(|key| Some((key.clone(), taken.remove(key)?)));
                    *entries = ordered.collect::<Map<_, _>>();
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(expression: &str) -> String {
        let value = json!({"DBInstances": [
            {"Id": "b", "Class": "large", "Port": 5432, "Capacity": 1.0, "Endpoint": {"Port": 1, "Address": "x"}, "Multi": true},
            {"Id": "a", "Class": "small", "Port": 3306, "Endpoint": {"Port": 2, "Address": "y"}, "Multi": false},
        ]});
        Query::read(expression)
            .and_then(|query| query.search(&value))
            .map_or_else(|failure| failure.print(), |found| found.to_string())
    }

    #[test]
    fn expressions_of_runbooks() {
        for (expression, result) in [
            ("DBInstances[*].[Id,Class]", r#"[["b","large"],["a","small"]]"#),
            ("DBInstances[0].Endpoint", r#"{"Port":1,"Address":"x"}"#),
            ("DBInstances[].{Name:Id,Class:Class}", r#"[{"Name":"b","Class":"large"},{"Name":"a","Class":"small"}]"#),
            ("sort_by(DBInstances,&Id)[-1].Id", r#""b""#),
            ("DBInstances[?Port==`3306`].Id | [0]", r#""a""#),
            ("DBInstances[?contains(Class,'lar')].Id", r#"["b"]"#),
            ("length(DBInstances)", "2"),
            ("sum(DBInstances[].Port)", "8738"),
            ("avg(DBInstances[].Endpoint.Port)", "1.5"),
            ("avg(DBInstances[].Port)", "4369.0"),
            ("DBInstances[].Capacity", "[1.0]"),
            ("ceil(DBInstances[0].Capacity)", "1"),
            ("nothing", "null"),
            ("max_by(DBInstances,&Port).Id", r#""b""#),
            ("DBInstances[?Multi].Id", r#"["b"]"#),
        ] {
            assert_eq!(found(expression), result, "{expression}");
        }
    }

    #[test]
    fn no_expression_exhausts_the_portal() {
        for deep in ["!".repeat(4000), "(".repeat(4000), "[".repeat(4000), format!("a{}", ".a".repeat(2000))] {
            let _ = Query::read(&deep).and_then(|query| query.search(&json!({"a": 1})));
        }
        assert!(found(&["[@,@]"; 60].join("|")).contains("too many values"));
        assert!(found(&["[@,@][]"; 60].join("|")).contains("too many values"));
        assert!(found(&["[@]"; 1000].join("|")).contains("nested too deeply"));
        assert!(found("join(to_string(@),DBInstances[].Id)").contains("too many values"));
        assert_eq!(found("join(', ',DBInstances[].Id)"), r#""b, a""#);
        assert!(found(&"a".repeat(5000)).contains("longer than 4096"));
    }

    #[test]
    fn a_wrong_expression_is_told_with_its_place() {
        let Err(wrong) = Query::read("foo[") else { panic!("it was read") };
        assert!(wrong.print().starts_with("\nBad value for --query foo[: Invalid jmespath expression: "), "{wrong:?}");
        assert_eq!(wrong.exit_code(), 252);
        assert!(found("length(`1`)").contains("In --query length(`1`): "));
    }
}
