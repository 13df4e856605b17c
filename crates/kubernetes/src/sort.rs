//! `--sort-by`.
//!
//! Source: `k8s.io/kubectl/pkg/cmd/get/sorter.go`.

use std::cmp::Ordering;

use serde_json::Value;

use crate::failure::Failure;
use crate::jsonpath::{Missing, Template, relaxed};
use crate::quantity;

/// Sorts by a path into the object that `object` finds in each item. An object without the field comes first.
pub(crate) fn by<T>(items: &mut Vec<T>, path: &str, object: impl Fn(&T) -> &Value) -> Result<(), Failure> {
    let field = relaxed(path).map_err(Failure::error)?;
    let template = Template::parse(&field).map_err(Failure::error)?;
    let mut keyed = Vec::with_capacity(items.len());
    for item in items.drain(..) {
        let found = template.find(object(&item), Missing::Allowed).map_err(Failure::error)?;
        let key =
            found.into_iter().next().and_then(|results| results.into_iter().next()).map(std::borrow::Cow::into_owned);
        keyed.push((key, item));
    }
    if !keyed.is_empty() && keyed.iter().all(|(key, _)| key.is_none()) {
        return Err(Failure::error(format!("couldn't find any field with path {field:?} in the list of objects")));
    }
    keyed.sort_by(|(left, _), (right, _)| match (left, right) {
        (Some(left), Some(right)) => compare(left, right),
        (left, right) => left.is_some().cmp(&right.is_some()),
    });
    items.extend(keyed.into_iter().map(|(_, item)| item));
    Ok(())
}

fn compare(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::String(left), Value::String(right)) => {
            quantity::compare(left, right).unwrap_or_else(|| left.cmp(right))
        }
        (Value::Number(left), Value::Number(right)) => {
            left.as_f64().partial_cmp(&right.as_f64()).unwrap_or(Ordering::Equal)
        }
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        _ => Ordering::Equal,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_are_ordered_by_what_the_path_finds() {
        let mut items = vec![
            json!({"n": "c", "t": "2024-01-02T00:00:00Z", "q": "1Gi"}),
            json!({"n": "a", "t": "2024-01-01T00:00:00Z", "q": "900Mi"}),
            json!({"n": "b", "q": "2"}),
        ];
        let names = |items: &[Value]| items.iter().filter_map(|item| item["n"].as_str()).collect::<String>();
        by(&mut items, ".n", |item| item).expect("found");
        assert_eq!(names(&items), "abc");
        by(&mut items, "{.t}", |item| item).expect("found");
        assert_eq!(names(&items), "bac");
        by(&mut items, "q", |item| item).expect("found");
        assert_eq!(names(&items), "bac");
        assert_eq!(
            by(&mut items, ".nothing", |item| item).expect_err("not there").message(),
            "couldn't find any field with path \"{.nothing}\" in the list of objects"
        );
    }
}
