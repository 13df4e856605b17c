//! From the words of a call to objects in the cluster, inside the environment's namespaces.
//!
//! Source: `k8s.io/cli-runtime/pkg/resource/builder.go`, v0.32.

use command::kubectl::Selection;
use operations::Namespaces;
use serde_json::Value;

use crate::api::{AS_JSON, Api, Query};
use crate::discovery::{self, Mapping};
use crate::failure::Failure;
use crate::secret;

/// Objects that one call may name, at most.
const NAMED: usize = 1_000;

/// Where a call acts.
#[derive(Clone)]
pub(crate) struct Scope<'a> {
    pub(crate) api: Api,
    /// The namespace of what the call names.
    pub(crate) namespace: String,
    /// Whether the call named the namespace itself.
    pub(crate) namespace_given: bool,
    /// Whether it asked for all.
    pub(crate) all_namespaces: bool,
    pub(crate) allowed: &'a Namespaces,
}

/// Which objects of a type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Which {
    /// All, or those that the call's selectors choose.
    Chosen,
    /// The one of this name.
    Named(String),
}

/// Objects of one type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) mapping: Mapping,
    pub(crate) which: Which,
}

/// How a call chooses among the objects of a type that it names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Choice<'a> {
    pub(crate) selector: Option<&'a str>,
    pub(crate) field_selector: Option<&'a str>,
    /// Whether a type without a name or a selector means all of it.
    pub(crate) bare_means_all: bool,
}

impl Choice<'_> {
    /// The parameters of a list.
    pub(crate) fn query(self) -> Query {
        let mut query = Query::new();
        if let Some(selector) = self.selector {
            query.push(("labelSelector", selector.to_owned()));
        }
        if let Some(selector) = self.field_selector {
            query.push(("fieldSelector", selector.to_owned()));
        }
        query
    }
}

/// One object with its type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) mapping: Mapping,
    pub(crate) object: Value,
}

impl Found {
    pub(crate) fn name(&self) -> &str {
        self.object["metadata"]["name"].as_str().unwrap_or_default()
    }

    pub(crate) fn namespace(&self) -> Option<&str> {
        self.object["metadata"]["namespace"].as_str()
    }

    /// `deployment.apps/web`
    pub(crate) fn printed(&self) -> String {
        format!("{}/{}", self.mapping.printed_kind(), self.name())
    }

    /// The object's own path.
    pub(crate) fn path(&self) -> String {
        self.mapping.path(self.namespace(), Some(self.name()))
    }
}

impl Scope<'_> {
    /// The namespace to ask in: none for all of them and for objects of the cluster.
    pub(crate) fn namespace_of(&self, mapping: &Mapping) -> Option<&str> {
        (mapping.namespaced && !self.all_namespaces).then_some(self.namespace.as_str())
    }

    /// Refuses types of the whole cluster where the environment is some of its namespaces.
    pub(crate) fn permit(&self, mapping: &Mapping) -> Result<(), Failure> {
        if !mapping.namespaced && !matches!(self.allowed, Namespaces::All) {
            return Err(Failure::NotPermitted(format!(
                "{} belong to the whole cluster, and this environment is limited to some of its namespaces",
                mapping.resource
            )));
        }
        Ok(())
    }

    /// What the words of a call mean.
    pub(crate) async fn wanted(&self, selection: &Selection, choice: Choice<'_>) -> Result<Vec<Wanted>, Failure> {
        let selects = choice.selector.is_some() || choice.field_selector.is_some();
        let wanted = match selection {
            Selection::Types(types) => {
                let mut wanted: Vec<Wanted> = Vec::new();
                for kind in types {
                    for mapping in discovery::types(&self.api, kind).await? {
                        if !wanted
                            .iter()
                            .any(|known| known.mapping.kind == mapping.kind && known.mapping.group == mapping.group)
                        {
                            wanted.push(Wanted { mapping, which: Which::Chosen });
                        }
                    }
                }
                if !selects && !choice.bare_means_all {
                    return Err(Failure::error("resource(s) were provided, but no name was specified"));
                }
                wanted
            }
            Selection::Names { .. } if selects => {
                return Err(Failure::error("name cannot be provided when a selector is specified"));
            }
            Selection::Pairs(_) if selects => {
                return Err(Failure::error(
                    "selectors and the all flag cannot be used when passing resource/name arguments",
                ));
            }
            Selection::Names { kind, names } => {
                let types = discovery::types(&self.api, kind).await?;
                let [mapping] = types.as_slice() else {
                    return Err(Failure::error("you must specify only one resource"));
                };
                names.iter().map(|name| self.named(mapping, name)).collect::<Result<_, _>>()?
            }
            Selection::Pairs(pairs) => {
                let mut wanted = Vec::with_capacity(pairs.len().min(NAMED));
                for (kind, name) in pairs.iter().take(NAMED + 1) {
                    wanted.push(self.named(&discovery::one(&self.api, kind).await?, name)?);
                }
                wanted
            }
        };
        if wanted.len() > NAMED {
            return Err(Failure::NotPermitted(format!("a call may name {NAMED} objects at most")));
        }
        wanted.iter().try_for_each(|one| self.permit(&one.mapping))?;
        Ok(wanted)
    }

    fn named(&self, mapping: &Mapping, name: &str) -> Result<Wanted, Failure> {
        if mapping.namespaced && self.all_namespaces {
            return Err(Failure::error("a resource cannot be retrieved by name across all namespaces"));
        }
        path_segment(name)?;
        Ok(Wanted { mapping: mapping.clone(), which: Which::Named(name.to_owned()) })
    }

    /// One object or its table.
    pub(crate) async fn get(
        &self,
        mapping: &Mapping,
        name: &str,
        query: &Query,
        accept: &str,
    ) -> Result<Value, Failure> {
        let mut answer = self.api.get(&mapping.path(self.namespace_of(mapping), Some(name)), query, accept).await?;
        secret::hide(mapping, &mut answer);
        Ok(answer)
    }

    /// A list, page by page.
    pub(crate) fn pages(&self, mapping: &Mapping, query: Query, accept: &'static str, size: u32) -> Pages {
        Pages {
            api: self.api.clone(),
            path: mapping.path(self.namespace_of(mapping), None),
            mapping: mapping.clone(),
            query,
            accept,
            size,
            next: Some(String::new()),
        }
    }

    /// Every object that the call means, with what could not be found.
    pub(crate) async fn objects(
        &self,
        wanted: &[Wanted],
        choice: Choice<'_>,
    ) -> Result<(Vec<Found>, Vec<Failure>), Failure> {
        let (mut found, mut failures) = (Vec::new(), Vec::new());
        for one in wanted {
            let mapping = &one.mapping;
            match &one.which {
                Which::Named(name) => match self.get(mapping, name, &Query::new(), AS_JSON).await {
                    Ok(object) => found.push(Found { mapping: mapping.clone(), object }),
                    Err(failure) => failures.push(failure),
                },
                Which::Chosen => {
                    let mut pages = self.pages(mapping, choice.query(), AS_JSON, 500);
                    loop {
                        match pages.next().await {
                            Ok(Some(page)) => {
                                found.extend(
                                    items(page, mapping).map(|object| Found { mapping: mapping.clone(), object }),
                                );
                            }
                            Ok(None) => break,
                            Err(failure) => {
                                failures.push(failure);
                                break;
                            }
                        }
                        if found.len() > HELD {
                            return Err(Failure::error(format!(
                                "more than {HELD} objects are meant: choose fewer with -l or a name"
                            )));
                        }
                    }
                }
            }
        }
        Ok((found, failures))
    }
}

/// Objects held in memory at once, at most.
const HELD: usize = 20_000;

/// What the API takes as one part of a path (`validation/path`, `IsValidPathSegmentName`).
pub(crate) fn path_segment(name: &str) -> Result<(), Failure> {
    let wrong = match name {
        "." => "may not be '.'",
        ".." => "may not be '..'",
        _ if name.contains('/') => "may not contain '/'",
        _ if name.contains('%') => "may not contain '%'",
        _ => return Ok(()),
    };
    Err(Failure::error(format!("invalid resource name {name:?}: [{wrong}]")))
}

/// The objects of a list, each with its type written in, as the server leaves it out.
pub(crate) fn items(mut list: Value, mapping: &Mapping) -> impl Iterator<Item = Value> + use<> {
    let (version, kind) = (mapping.api_version(), mapping.kind.clone());
    let items = match list.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    };
    items.into_iter().map(move |mut item| {
        if let Some(object) = item.as_object_mut() {
            object.entry("apiVersion").or_insert_with(|| Value::from(version.as_str()));
            object.entry("kind").or_insert_with(|| Value::from(kind.as_str()));
        }
        item
    })
}

/// The pages of a list.
pub(crate) struct Pages {
    api: Api,
    path: String,
    mapping: Mapping,
    query: Query,
    accept: &'static str,
    size: u32,
    /// Where to go on: empty for the beginning, `None` at the end.
    next: Option<String>,
}

impl Pages {
    /// The next page.
    pub(crate) async fn next(&mut self) -> Result<Option<Value>, Failure> {
        let Some(token) = self.next.take() else { return Ok(None) };
        let mut query = self.query.clone();
        if self.size > 0 {
            query.push(("limit", self.size.to_string()));
        }
        if !token.is_empty() {
            query.push(("continue", token));
        }
        let mut page = self.api.get(&self.path, &query, self.accept).await?;
        self.next = page["metadata"]["continue"].as_str().filter(|token| !token.is_empty()).map(str::to_owned);
        secret::hide(&self.mapping, &mut page);
        Ok(Some(page))
    }
}
