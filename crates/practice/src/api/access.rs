//! "May I?" and "Who am I?": the review resources.

use super::{Call, json};
use crate::cluster::USER;
use crate::object::text;
use crate::status::Refusal;
use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json as value};

/// Answers a posted review.
pub(crate) fn review(call: &Call) -> Result<Response, Refusal> {
    let mut review = call.document()?;
    if !review.is_object() {
        return Err(Refusal::bad_request("the object provided is not an object"));
    }
    review["kind"] = value!(call.kind.kind);
    review["apiVersion"] = value!(call.kind.api_version());
    review["status"] = match call.kind.plural.as_str() {
        "selfsubjectaccessreviews" => access(call, &review),
        "selfsubjectrulesreviews" => value!({
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
            "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["*"]}],
            "incomplete": !call.cluster.prohibitions.is_empty(),
        }),
        _ => value!({"userInfo": {"username": USER, "groups": ["practice", "system:authenticated"]}}),
    };
    Ok(json(StatusCode::CREATED, &review))
}

fn access(call: &Call, review: &Value) -> Value {
    let asked = |key: &str| text(review, &format!("/spec/resourceAttributes/{key}"));
    let resource = match asked("subresource") {
        "" => asked("resource").to_owned(),
        sub => format!("{}/{sub}", asked("resource")),
    };
    let forbidden = call.cluster.forbids(asked("verb"), &resource, asked("namespace"));
    if forbidden {
        value!({"allowed": false})
    } else {
        value!({"allowed": true, "reason": "the practice cluster allows what it does not forbid"})
    }
}
