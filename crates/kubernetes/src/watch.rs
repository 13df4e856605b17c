//! `kubectl get --watch`, and watches in general.

use std::time::Duration;

use command::kubectl::{Get, Output as Format, Watch};
use serde_json::Value;
use tokio::time::Instant;

use crate::api::{AS_JSON, AS_TABLE, Lines, Query};
use crate::discovery::Mapping;
use crate::document::DocumentPrinter;
use crate::failure::{Failure, Status};
use crate::get::{choice, columns};
use crate::jsonpath::Missing;
use crate::output::Output;
use crate::resolve::{self, Scope, Wanted, Which};
use crate::secret;
use crate::table::TablePrinter;
use crate::tabwriter::TabWriter;

/// How long the server keeps one watch open before it is renewed.
const RENEW_SECONDS: u32 = 290;

/// How long a watch takes at least, so that a server which hangs up at once is not asked without pause.
const PAUSE: Duration = Duration::from_secs(1);

/// One event of a watch.
pub(crate) enum Event {
    /// `ADDED`, `MODIFIED` or `DELETED`, with the object or its table.
    Change(String, Value),
    /// The server ended the watch; go on from this resource version.
    Closed(String),
    /// The resource version is too old: list again.
    Expired,
}

/// A watch of objects from a resource version on.
pub(crate) struct Watcher {
    lines: Lines,
    mapping: Mapping,
    version: String,
    opened: Instant,
}

impl Watcher {
    /// Starts a watch of a path.
    pub(crate) async fn start(
        scope: &Scope<'_>,
        mapping: &Mapping,
        mut query: Query,
        version: &str,
        accept: &str,
    ) -> Result<Self, Failure> {
        query.push(("watch", "true".to_owned()));
        query.push(("allowWatchBookmarks", "true".to_owned()));
        query.push(("resourceVersion", version.to_owned()));
        query.push(("timeoutSeconds", RENEW_SECONDS.to_string()));
        let path = mapping.path(scope.namespace_of(mapping), None);
        let lines = scope.api.stream(&path, &query, accept).await?;
        Ok(Self { lines, mapping: mapping.clone(), version: version.to_owned(), opened: Instant::now() })
    }

    /// The next event; bookmarks are kept to itself.
    pub(crate) async fn next(&mut self) -> Result<Event, Failure> {
        loop {
            let line = match self.lines.next().await {
                Ok(Some(line)) => line,
                Ok(None) | Err(_) => {
                    tokio::time::sleep_until(self.opened + PAUSE).await;
                    return Ok(Event::Closed(self.version.clone()));
                }
            };
            // The last line of a broken connection may be half a line.
            let Ok(mut event) = serde_json::from_slice::<Value>(&line) else { continue };
            let kind = event["type"].as_str().unwrap_or_default().to_owned();
            let mut object = event["object"].take();
            if kind == "ERROR" {
                let status = Status::of(&object, 500);
                return match status.code {
                    410 => Ok(Event::Expired),
                    _ => Err(Failure::Server(Box::new(status))),
                };
            }
            let version = [&object["metadata"], &object["rows"][0]["object"]["metadata"]]
                .into_iter()
                .filter_map(|metadata| metadata["resourceVersion"].as_str())
                .find(|version| !version.is_empty());
            if let Some(version) = version {
                version.clone_into(&mut self.version);
            }
            if kind == "BOOKMARK" {
                continue;
            }
            secret::hide(&self.mapping, &mut object);
            return Ok(Event::Change(kind, object));
        }
    }
}

enum Printer {
    Table(TablePrinter, TabWriter),
    Document(Box<DocumentPrinter>),
}

impl Printer {
    fn new(scope: &Scope<'_>, get: &Get, wanted: &Wanted) -> Result<Self, Failure> {
        Ok(match get.output {
            Format::Table | Format::Wide => {
                Self::Table(TablePrinter::new(columns(get, scope, wanted, false)), TabWriter::default())
            }
            _ => {
                let missing = if get.missing_keys_allowed { Missing::Allowed } else { Missing::Refused };
                Self::Document(Box::new(DocumentPrinter::new(
                    &get.output,
                    get.no_headers,
                    missing,
                    get.managed_fields,
                )?))
            }
        })
    }

    fn accept(&self) -> &'static str {
        match self {
            Self::Table(..) => AS_TABLE,
            Self::Document(_) => AS_JSON,
        }
    }

    fn print(&mut self, event: &str, mut object: Value, wrapped: bool) -> Result<String, Failure> {
        match self {
            Self::Table(printer, writer) => {
                printer.print(&object, event, writer);
                Ok(writer.flush())
            }
            Self::Document(printer) if wrapped => {
                let mut event = serde_json::json!({"type": event, "object": object});
                printer.print(&mut event)
            }
            Self::Document(printer) => printer.print(&mut object),
        }
    }
}

/// Lists, then follows until the caller ends.
pub(crate) async fn run(scope: &Scope<'_>, get: &Get, out: Output<'_>) -> Result<(), Failure> {
    let wanted = scope.wanted(&get.selection, choice(get)).await?;
    let one = match wanted.as_slice() {
        [one] => one,
        many if many.iter().all(|other| other.mapping == many[0].mapping) => {
            return Err(Failure::error(
                "watch is only supported on individual resources and resource collections - more than 1 resource was found",
            ));
        }
        _ => return Err(Failure::error("you may only specify a single resource type")),
    };
    let mapping = &one.mapping;
    let mut printer = Printer::new(scope, get, one)?;
    let mut query = choice(get).query();
    if let Which::Named(name) = &one.which {
        if let Err(failure) = scope.get(mapping, name, &Query::new(), printer.accept()).await {
            return if get.ignore_not_found && failure.not_found() { Ok(()) } else { Err(failure) };
        }
        query.push(("fieldSelector", format!("metadata.name={name}")));
    }
    let mut version = String::new();
    let mut pages = scope.pages(mapping, query.clone(), printer.accept(), get.chunk_size);
    while let Some(page) = pages.next().await? {
        version = page["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
        if get.watch == Watch::Only {
            continue;
        }
        if page["kind"] == "Table" {
            out.out(printer.print("ADDED", page, get.watch_events)?).await?;
            continue;
        }
        for object in resolve::items(page, mapping) {
            out.out(printer.print("ADDED", object, get.watch_events)?).await?;
        }
    }
    loop {
        let mut watcher = Watcher::start(scope, mapping, query.clone(), &version, printer.accept()).await?;
        version = loop {
            match watcher.next().await? {
                Event::Change(kind, object) => {
                    out.out(printer.print(&kind, object, get.watch_events)?).await?;
                }
                Event::Closed(version) => break version,
                Event::Expired => {
                    let mut fresh = scope.pages(mapping, query.clone(), AS_JSON, 1);
                    let page = fresh.next().await?.unwrap_or_default();
                    break page["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
                }
            }
        };
    }
}
