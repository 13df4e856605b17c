//! Objects from manifests: the caller's files and standard input, several documents, lists.
//!
//! Source: `k8s.io/cli-runtime/pkg/resource/visitor.go`, v0.32.

use command::kubectl::Manifests;
use operations::FileError;
use serde::Deserialize as _;
use serde_json::Value;

use crate::discovery::{self, Mapping};
use crate::failure::Failure;
use crate::output::Output;
use crate::resolve::{Scope, path_segment};
use crate::secret;

/// Bytes of one file, or of standard input, at most.
pub(crate) const LARGEST: usize = 8 << 20;
/// Objects of one call, at most.
const MOST: usize = 1_000;

/// One object of a manifest, at home in the cluster.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Document {
    pub(crate) mapping: Mapping,
    /// `None` for an object of the cluster.
    pub(crate) namespace: Option<String>,
    pub(crate) object: Value,
    /// Where it comes from, as errors name it: `STDIN`, a path.
    pub(crate) source: String,
}

impl Document {
    pub(crate) fn name(&self) -> &str {
        self.object["metadata"]["name"].as_str().unwrap_or_default()
    }

    /// The path of all objects of its kind, where it is made.
    pub(crate) fn home(&self) -> String {
        self.mapping.path(self.namespace.as_deref(), None)
    }

    /// The object's own path.
    pub(crate) fn path(&self) -> String {
        self.mapping.path(self.namespace.as_deref(), Some(self.name()))
    }

    /// A failure with what was being done and whose manifest it was (`cmdutil.AddSourceToErr`).
    pub(crate) fn failed(&self, doing: &str, failure: Failure) -> Failure {
        let told = |message: &str| format!("error when {doing} {:?}: {message}", self.source);
        match failure {
            Failure::Server(mut status) => {
                status.message = told(&status.message);
                Failure::Server(status)
            }
            Failure::Error(text) => Failure::Error(told(&text)),
            other => other,
        }
    }
}

/// One of the caller's files, as text.
pub(crate) async fn file(out: Output<'_>, path: &str, wrong: impl Fn(&str) -> String) -> Result<String, Failure> {
    let bytes = out.io.read_file(path, LARGEST).await.map_err(|error| match error {
        FileError::Ended(_) => Failure::Ended,
        FileError::Unreadable(why) => Failure::error(wrong(&plain(&why))),
        FileError::TooLarge(_) => Failure::NotPermitted(format!("{path}: {error}")),
    })?;
    String::from_utf8(bytes.to_vec()).map_err(|_| Failure::error(wrong("it is not UTF-8 text")))
}

/// The system's sentence as Go prints it: without a number, beginning small.
fn plain(why: &str) -> String {
    let why = why.split(" (os error").next().unwrap_or_default();
    let mut letters = why.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// The caller's standard input, whole.
pub(crate) async fn stdin(out: Output<'_>) -> Result<String, Failure> {
    let mut whole = Vec::new();
    while let Some(piece) = out.io.read_stdin().await? {
        if whole.len() + piece.len() > LARGEST {
            return Err(Failure::NotPermitted(format!(
                "standard input is larger than {LARGEST} bytes, the most that this portal reads"
            )));
        }
        whole.extend_from_slice(&piece);
    }
    String::from_utf8(whole).map_err(|_| Failure::error("error parsing STDIN: it is not UTF-8 text"))
}

/// Every object that manifests hold, in order.
pub(crate) async fn read(scope: &Scope<'_>, manifests: &Manifests, out: Output<'_>) -> Result<Vec<Document>, Failure> {
    let mut documents = Vec::new();
    for path in &manifests.files {
        let (source, text) = match path.as_str() {
            "-" => ("STDIN".to_owned(), stdin(out).await?),
            path => {
                let text = file(out, path, |why| match why {
                    "no such file or directory" => format!("the path {path:?} does not exist"),
                    "is a directory" => format!("the path {path:?} is a directory: name its files, one -f for each"),
                    why => format!("error reading {path}: {why}"),
                });
                (path.to_owned(), text.await?)
            }
        };
        for object in objects(&source, &text)? {
            if documents.len() == MOST {
                return Err(Failure::NotPermitted(format!("a call may hold {MOST} objects at most")));
            }
            documents.push(at_home(scope, object, &source).await?);
        }
    }
    Ok(documents)
}

/// The objects of a text, lists taken apart.
pub(crate) fn objects(source: &str, text: &str) -> Result<Vec<Value>, Failure> {
    let mut found = Vec::new();
    for document in serde_yaml_ng::Deserializer::from_str(text) {
        let value = Value::deserialize(document).map_err(|wrong| {
            Failure::error(format!("error parsing {source}: error converting YAML to JSON: yaml: {wrong}"))
        })?;
        match value {
            Value::Null => {}
            Value::Object(mut map) => {
                let list = map.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
                match map.remove("items") {
                    Some(Value::Array(items)) if list => found.extend(items),
                    Some(items) => {
                        map.insert("items".to_owned(), items);
                        found.push(Value::Object(map));
                    }
                    None => found.push(Value::Object(map)),
                }
            }
            _ => {
                return Err(Failure::error(format!(
                    "error validating {source:?}: error validating data: a manifest must be an object"
                )));
            }
        }
    }
    Ok(found)
}

/// Finds the type of an object and the namespace that it belongs to, where the environment permits both.
pub(crate) async fn at_home(scope: &Scope<'_>, mut object: Value, source: &str) -> Result<Document, Failure> {
    let text = |key: &str| object[key].as_str().unwrap_or_default().to_owned();
    let (version, kind) = (text("apiVersion"), text("kind"));
    for (what, value) in [("apiVersion", &version), ("kind", &kind)] {
        if value.is_empty() {
            return Err(Failure::error(format!(
                "error validating {source:?}: error validating data: {what} not set; if you choose to ignore these errors, \
                 turn validation off with --validate=false"
            )));
        }
    }
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let given = object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
    let mapping = discovery::of_kind(&scope.api, &version, &kind).await?.ok_or_else(|| {
        Failure::error(format!(
            "resource mapping not found for name: {name:?} namespace: {given:?} from {source:?}: no matches for kind \
             {kind:?} in version {version:?}\nensure CRDs are installed first"
        ))
    })?;
    scope.permit(&mapping)?;
    path_segment(&name)?;
    let namespace = match (mapping.namespaced, given.as_str()) {
        (false, _) => None,
        (true, "") => {
            object["metadata"]["namespace"] = Value::from(scope.namespace.as_str());
            Some(scope.namespace.clone())
        }
        (true, given) if scope.namespace_given && given != scope.namespace => {
            return Err(Failure::error(format!(
                "the namespace from the provided object {given:?} does not match the namespace {:?}. You must pass \
                 '--namespace={given}' to perform this operation.",
                scope.namespace
            )));
        }
        (true, given) => {
            path_segment(given)?;
            if !scope.allowed.permit(given) {
                return Err(Failure::NotPermitted(format!(
                    "the namespace {given} of {}/{name} is not part of this environment",
                    mapping.printed_kind()
                )));
            }
            Some(given.to_owned())
        }
    };
    secret::written(&mapping, &object)?;
    Ok(Document { mapping, namespace, object, source: source.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_and_lists_are_taken_apart() {
        let text = "kind: A\n---\n# nothing\n---\nkind: List\nitems:\n- kind: B\n- kind: C\n";
        let kinds: Vec<_> = objects("x", text).expect("read").iter().map(|object| object["kind"].clone()).collect();
        assert_eq!(kinds, ["A", "B", "C"]);
        assert_eq!(objects("x", "{\"kind\":\"A\"}").expect("JSON is YAML").len(), 1);
        assert!(objects("x", "kind: [").expect_err("broken").print().starts_with("error: error parsing x: "));
        assert!(objects("x", "just words").is_err());
        assert_eq!(objects("x", "").expect("empty"), Vec::<Value>::new());
    }

    #[test]
    fn the_systems_words_read_as_gos() {
        assert_eq!(plain("No such file or directory (os error 2)"), "no such file or directory");
    }
}
