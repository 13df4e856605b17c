//! `wait`: look again and again until a state is reached (botocore, `waiter.py`).

use std::time::Duration;

use jmespath::Variable;
use serde_json::{Map, Value};

use crate::call::{Answer, Caller};
use crate::failure::Failure;
use crate::model::{Acceptor, Matcher, State, Waiter};

/// Looks until the state is reached.
///
/// # Errors
/// A state from which it cannot be reached, an error of the service that the waiter does not expect, or no look left.
pub(crate) async fn until(
    caller: &Caller<'_>,
    waiter: &Waiter,
    parameters: &Map<String, Value>,
) -> Result<(), Failure> {
    let failed = |why: String| Failure::general(format!("Waiter {} failed: {why}", waiter.name));
    let mut last = None;
    for attempt in 0..waiter.attempts {
        if attempt > 0 {
            tokio::time::sleep(Duration::from_secs(waiter.delay)).await;
        }
        let answer = caller.answer(parameters).await?;
        match waiter.acceptors.iter().find(|acceptor| matches(acceptor, &answer)) {
            Some(acceptor) => match acceptor.state {
                State::Success => return Ok(()),
                State::Failure => {
                    let reason = explanation(acceptor);
                    return Err(failed(format!("Waiter encountered a terminal failure state: {reason}")));
                }
                State::Retry => last = Some(explanation(acceptor)),
            },
            None => {
                if let Answer::Refused { code, message } = &answer {
                    return Err(failed(format!("An error occurred ({code}): {message}")));
                }
            }
        }
    }
    let last = last.map_or_else(String::new, |last| format!(". Previously accepted state: {last}"));
    Err(failed(format!("Max attempts exceeded{last}")))
}

fn matches(acceptor: &Acceptor, answer: &Answer) -> bool {
    match (acceptor.matcher, answer) {
        (Matcher::Error, Answer::Refused { code, .. }) => acceptor.expected == *code,
        (Matcher::Error, Answer::Output(_)) | (_, Answer::Refused { .. }) => false,
        (matcher, Answer::Output(output)) => {
            let expected = Variable::from_serializable(&acceptor.expected);
            let found = jmespath::compile(acceptor.path).and_then(|path| path.search(output));
            let (Ok(found), Ok(expected)) = (found, expected) else { return false };
            let list = found.as_array().filter(|list| !list.is_empty());
            match matcher {
                Matcher::PathAll => list.is_some_and(|list| list.iter().all(|found| **found == expected)),
                Matcher::PathAny => list.is_some_and(|list| list.iter().any(|found| **found == expected)),
                _ => *found == expected,
            }
        }
    }
}

fn explanation(acceptor: &Acceptor) -> String {
    let Acceptor { path, expected, .. } = acceptor;
    let expected = expected.as_str().map_or_else(|| expected.to_string(), str::to_owned);
    match acceptor.matcher {
        Matcher::Path => format!("For expression \"{path}\" we matched expected path: \"{expected}\""),
        Matcher::PathAll => format!("For expression \"{path}\" all members matched excepted path: \"{expected}\""),
        Matcher::PathAny => {
            format!("For expression \"{path}\" we matched expected path: \"{expected}\" at least once")
        }
        Matcher::Error => format!("Matched expected service error code: {expected}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::service;

    fn state(waiter: &str, answer: &Answer) -> Option<State> {
        let waiter = service("rds").and_then(|rds| rds.waiter(waiter)).expect("a waiter");
        waiter.acceptors.iter().find(|acceptor| matches(acceptor, answer)).map(|acceptor| acceptor.state)
    }

    fn instances(states: &[&str]) -> Answer {
        let list: Vec<Value> = states.iter().map(|state| json!({"DBInstanceStatus": state})).collect();
        let Value::Object(output) = json!({"DBInstances": list}) else { panic!("an object") };
        Answer::Output(output)
    }

    #[test]
    fn states_are_told_by_the_model() {
        for (states, result) in [
            (&["available", "available"][..], Some(State::Success)),
            (&["available", "modifying"], None),
            (&["creating", "deleting"], Some(State::Failure)),
            (&[], None),
        ] {
            assert_eq!(state("db-instance-available", &instances(states)), result, "{states:?}");
        }
        let missing = Answer::Refused { code: "DBInstanceNotFound".to_owned(), message: String::new() };
        assert_eq!(state("db-instance-deleted", &missing), Some(State::Success));
        assert_eq!(state("db-instance-deleted", &instances(&[])), Some(State::Success));
        assert_eq!(state("db-instance-available", &missing), None);
    }
}
