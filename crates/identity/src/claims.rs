//! What a provider says about somebody, and what of it this portal believes.

use openidconnect::{AdditionalClaims, EndUserEmail, EndUserName, EndUserUsername, LocalizedClaim};
use operations::is_reserved;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::notice::plain;

/// OpenID Connect Core, section 2: a subject is never longer.
const LONGEST_SUBJECT: usize = 255;

/// No person is in more groups.
const MOST_GROUPS: usize = 10_000;

/// Every claim that OpenID Connect does not name: the groups are among them.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct FurtherClaims {
    #[serde(flatten)]
    all: Map<String, Value>,
}

impl AdditionalClaims for FurtherClaims {}

impl FurtherClaims {
    /// The groups that the claim lists: an array of names, or one name. `None` where the claim is absent.
    pub(crate) fn groups(&self, name: &str) -> Option<Vec<String>> {
        let claim = if name.starts_with('/') {
            Value::Object(self.all.clone()).pointer(name).cloned()
        } else {
            self.all.get(name).cloned()
        };
        match claim? {
            Value::Array(groups) => {
                let names = groups.into_iter().filter_map(|group| match group {
                    Value::String(group) => Some(group),
                    _ => None,
                });
                Some(names.take(MOST_GROUPS).collect())
            }
            Value::String(group) => Some(vec![group]),
            _ => None,
        }
    }
}

/// What a verified provider said about somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identified {
    pub(crate) subject: String,
    pub(crate) name: String,
    pub(crate) email: Option<String>,
    pub(crate) groups: Vec<String>,
}

/// The claims that describe somebody, from wherever they were told.
pub(crate) struct Described<'c> {
    pub(crate) name: Option<&'c LocalizedClaim<EndUserName>>,
    pub(crate) username: Option<&'c EndUserUsername>,
    pub(crate) email: Option<&'c EndUserEmail>,
    pub(crate) groups: Option<Vec<String>>,
}

/// Somebody with this subject, called by the first name that shows. `None` where the subject cannot be one, or would be
/// taken for an actor of the portal's own.
pub(crate) fn identified(subject: &str, told: Described<'_>) -> Option<Identified> {
    let possible = !subject.is_empty() && subject.len() <= LONGEST_SUBJECT && !subject.chars().any(char::is_control);
    if !possible || is_reserved(subject) {
        return None;
    }
    let names = [
        told.name.and_then(|name| name.get(None)).map(|name| name.as_str()),
        told.username.map(|name| name.as_str()),
        told.email.map(|email| email.as_str()),
        Some(subject),
    ];
    let name = names.into_iter().flatten().map(|name| plain(name, 100)).find(|name| !name.is_empty());
    Some(Identified {
        subject: subject.to_owned(),
        name: name.unwrap_or_else(|| "somebody without a name".to_owned()),
        email: told.email.map(|email| plain(email.as_str(), 254)).filter(|email| !email.is_empty()),
        groups: told.groups.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(claims: Value, name: &str) -> Option<Vec<String>> {
        let Value::Object(claims) = claims else { panic!("claims are an object") };
        FurtherClaims { all: claims }.groups(name)
    }

    #[test]
    fn groups_are_found_in_the_usual_shapes() {
        let two = Some(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(found(json!({"groups": ["a", 7, "b", null]}), "groups"), two);
        assert_eq!(found(json!({"role": "a"}), "role"), Some(vec!["a".to_owned()]));
        assert_eq!(found(json!({"realm_access": {"roles": ["a", "b"]}}), "/realm_access/roles"), two);
        assert_eq!(found(json!({"https://example.com/groups": ["a", "b"]}), "https://example.com/groups"), two);
        assert_eq!(found(json!({"groups": []}), "groups"), Some(vec![]));
        for absent in [json!({}), json!({"groups": null}), json!({"groups": {"a": true}}), json!({"Groups": ["a"]})] {
            assert_eq!(found(absent.clone(), "groups"), None, "{absent}");
        }
    }
}
