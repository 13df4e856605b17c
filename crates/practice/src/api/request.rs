//! What a request is about: the parts of its path and query.

/// The most query parameters that are looked at.
const LIMIT: usize = 1_024;

/// The resource that a path names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) group: String,
    pub(crate) version: String,
    /// `None` when the path names no namespace.
    pub(crate) namespace: Option<String>,
    pub(crate) plural: String,
    /// "" for the whole collection.
    pub(crate) name: String,
    /// "" for the object itself.
    pub(crate) sub: String,
}

impl Target {
    /// Reads a resource path; `None` when it is not one.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let parts: Vec<String> = path.split('/').skip(1).map(decode).collect::<Option<_>>()?;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let (group, rest) = match parts.split_first()? {
            (&"api", rest) => ("", rest),
            (&"apis", rest) => {
                let (group, rest) = rest.split_first()?;
                (*group, rest)
            }
            _ => return None,
        };
        let (version, rest) = rest.split_first()?;
        let made = |namespace: Option<&str>, rest: &[&str]| {
            let at = |index: usize| rest.get(index).copied().unwrap_or_default().to_owned();
            (rest.len() <= 3 && !at(0).is_empty()).then(|| Self {
                group: group.to_owned(),
                version: (*version).to_owned(),
                namespace: namespace.map(str::to_owned),
                plural: at(0),
                name: at(1),
                sub: at(2),
            })
        };
        match rest {
            // /namespaces/NAME/status and /finalize are about the namespace itself.
            ["namespaces", _, "status" | "finalize"] => made(None, rest),
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() && !rest[0].is_empty() => {
                made(Some(namespace), rest)
            }
            _ => made(None, rest),
        }
    }

    /// The namespace, "" when there is none.
    pub(crate) fn home(&self) -> &str {
        self.namespace.as_deref().unwrap_or_default()
    }
}

/// A query string, read once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        Self(
            text.split('&')
                .filter(|part| !part.is_empty())
                .take(LIMIT)
                .filter_map(|part| {
                    let (key, value) = part.split_once('=').unwrap_or((part, ""));
                    Some((decode(&key.replace('+', " "))?, decode(&value.replace('+', " "))?))
                })
                .collect(),
        )
    }

    /// The value of a parameter, "" when it was not given.
    pub(crate) fn get(&self, key: &str) -> &str {
        self.0.iter().find(|(k, _)| k == key).map_or("", |(_, v)| v.as_str())
    }

    /// Every value of a parameter, in order.
    pub(crate) fn all(&self, key: &str) -> Vec<String> {
        self.0.iter().filter(|(k, _)| k == key).map(|(_, v)| v.clone()).collect()
    }

    /// Whether a boolean parameter is set.
    pub(crate) fn on(&self, key: &str) -> bool {
        matches!(self.get(key), "true" | "1")
    }

    /// A parameter that is a whole number.
    pub(crate) fn number(&self, key: &str) -> Option<i64> {
        self.get(key).parse().ok()
    }
}

/// Undoes percent-encoding (RFC 3986 section 2.1); `None` when the result is not UTF-8.
fn decode(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let hex = text.get(index + 1..index + 3).filter(|_| bytes[index] == b'%');
        if let Some(byte) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            out.push(byte);
            index += 3;
        } else {
            out.push(bytes[index]);
            index += 1;
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_collections_objects_and_subresources() {
        let pods = Target::parse("/api/v1/namespaces/shop/pods").unwrap();
        assert_eq!((pods.home(), pods.plural.as_str(), pods.name.as_str()), ("shop", "pods", ""));
        let scale = Target::parse("/apis/apps/v1/namespaces/shop/deployments/web/scale").unwrap();
        assert_eq!((scale.group.as_str(), scale.name.as_str(), scale.sub.as_str()), ("apps", "web", "scale"));
        let namespace = Target::parse("/api/v1/namespaces/shop").unwrap();
        assert_eq!(
            (namespace.namespace.as_deref(), namespace.plural.as_str(), namespace.name.as_str()),
            (None, "namespaces", "shop")
        );
        let status = Target::parse("/api/v1/namespaces/shop/status").unwrap();
        assert_eq!((status.plural.as_str(), status.sub.as_str()), ("namespaces", "status"));
        let role = Target::parse("/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode").unwrap();
        assert_eq!(role.name, "system:node");
        for bad in ["/healthz", "/api", "/api/v1", "/apis/apps", "/api/v1/namespaces/a/pods/b/c/d"] {
            assert_eq!(Target::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn queries_are_decoded() {
        let query = Query::parse("labelSelector=app%3Dweb%2Ctier+in+%28a%29&watch=1&limit=5&bad=%ff");
        assert_eq!(query.get("labelSelector"), "app=web,tier in (a)");
        assert!(query.on("watch"));
        assert_eq!(query.number("limit"), Some(5));
        assert_eq!(query.get("bad"), "");
    }
}
