//! `kubectl get`
//!
//! Source: `k8s.io/kubectl/pkg/cmd/get/get.go`, v0.32.

use command::kubectl::{Get, Output as Format, Watch};
use serde_json::Value;

use crate::api::{AS_JSON, AS_TABLE, Query};
use crate::document::{self, DocumentPrinter};
use crate::failure::Failure;
use crate::jsonpath::Missing;
use crate::output::Output;
use crate::resolve::{Choice, Pages, Scope, Wanted, Which};
use crate::sort;
use crate::table::{Columns, TablePrinter};
use crate::tabwriter::TabWriter;
use crate::watch;

pub(crate) async fn run(scope: &Scope<'_>, get: &Get, out: Output<'_>) -> Result<(), Failure> {
    let choice = choice(get);
    match get.watch {
        Watch::No => {}
        Watch::After | Watch::Only => {
            if get.sort_by.is_some() {
                out.err(match get.watch {
                    Watch::Only => "warning: --watch-only requested, --sort-by will be ignored\n",
                    _ => "warning: --watch requested, --sort-by will be ignored for watch events received\n",
                })
                .await?;
            }
            return watch::run(scope, get, out).await;
        }
    }
    let wanted = scope.wanted(&get.selection, choice).await?;
    match get.output {
        Format::Table | Format::Wide => tables(scope, get, choice, &wanted, out).await,
        _ => documents(scope, get, choice, &wanted, out).await,
    }
}

/// How `get` chooses: a bare type is all of it.
pub(crate) fn choice(get: &Get) -> Choice<'_> {
    Choice { selector: get.selector.as_deref(), field_selector: get.field_selector.as_deref(), bare_means_all: true }
}

/// The columns of one type's table.
pub(crate) fn columns(get: &Get, scope: &Scope<'_>, wanted: &Wanted, with_kind: bool) -> Columns {
    Columns {
        wide: get.output == Format::Wide,
        namespace: scope.all_namespaces && wanted.mapping.namespaced,
        kind: (with_kind || get.show_kind).then(|| wanted.mapping.printed_kind()),
        labels: get.label_columns.clone(),
        all_labels: get.show_labels,
        no_headers: get.no_headers,
        event: get.watch_events,
    }
}

/// The first table of what is wanted, and where the rest comes from.
struct Drawn<'a> {
    wanted: &'a Wanted,
    first: Value,
    rest: Option<Pages>,
}

async fn tables(
    scope: &Scope<'_>,
    get: &Get,
    choice: Choice<'_>,
    wanted: &[Wanted],
    out: Output<'_>,
) -> Result<(), Failure> {
    let mut failures = Vec::new();
    let mut drawn = Vec::new();
    for one in wanted {
        match draw(scope, get, choice, one).await {
            Ok(Some(table)) => drawn.push(table),
            Ok(None) => {}
            Err(failure) if get.ignore_not_found && failure.not_found() => {}
            Err(failure) => failures.push(failure),
        }
    }
    if let Some(path) = &get.sort_by {
        sort_rows(&mut drawn, path);
    }
    let first_kind = drawn.first().map(|table| (&table.wanted.mapping.group, &table.wanted.mapping.kind));
    let with_kind =
        drawn.iter().any(|table| Some((&table.wanted.mapping.group, &table.wanted.mapping.kind)) != first_kind);
    let all_namespaced = !scope.all_namespaces && drawn.iter().all(|table| table.wanted.mapping.namespaced);

    let mut writer = TabWriter::default();
    let mut printer: Option<(&Wanted, TablePrinter)> = None;
    let mut written = false;
    // A line between two types, once the second has something to say.
    let mut gap = false;
    for table in &mut drawn {
        let mapping = &table.wanted.mapping;
        if printer.as_ref().is_none_or(|(last, _)| last.mapping != *mapping) {
            send(&mut writer, &mut written, &mut gap, out).await?;
            writer.forget();
            gap = printer.is_some() && !get.no_headers && written;
            printer = Some((table.wanted, TablePrinter::new(columns(get, scope, table.wanted, with_kind))));
        }
        let Some((_, printer)) = &mut printer else { continue };
        printer.print(&table.first, "", &mut writer);
        table.first = Value::Null;
        if let Some(pages) = &mut table.rest {
            while let Some(page) = pages.next().await? {
                printer.print(&page, "", &mut writer);
            }
        }
    }
    send(&mut writer, &mut written, &mut gap, out).await?;
    if !written && !get.ignore_not_found && failures.is_empty() {
        out.err(match all_namespaced {
            true => format!("No resources found in {} namespace.\n", scope.namespace),
            false => "No resources found\n".to_owned(),
        })
        .await?;
    }
    Failure::of(failures).map_or(Ok(()), Err)
}

async fn send(writer: &mut TabWriter, written: &mut bool, gap: &mut bool, out: Output<'_>) -> Result<(), Failure> {
    let text = writer.flush();
    if text.is_empty() {
        return Ok(());
    }
    *written = true;
    if std::mem::take(gap) {
        out.out("\n").await?;
    }
    out.out(text).await
}

async fn draw<'a>(
    scope: &Scope<'_>,
    get: &Get,
    choice: Choice<'_>,
    wanted: &'a Wanted,
) -> Result<Option<Drawn<'a>>, Failure> {
    let mut query = Query::new();
    if get.sort_by.is_some() {
        query.push(("includeObject", "Object".to_owned()));
    }
    match &wanted.which {
        Which::Named(name) => {
            let first = named(scope, get, wanted, name, query, AS_TABLE).await?;
            Ok(Some(Drawn { wanted, first, rest: None }))
        }
        Which::Chosen => {
            query.extend(choice.query());
            // Sorting needs all of it at once, as kubectl asks for it.
            let size = if get.sort_by.is_some() { 0 } else { get.chunk_size };
            let mut pages = scope.pages(&wanted.mapping, query, AS_TABLE, size);
            let first = pages.next().await?;
            Ok(first.map(|first| Drawn { wanted, first, rest: Some(pages) }))
        }
    }
}

async fn named(
    scope: &Scope<'_>,
    get: &Get,
    wanted: &Wanted,
    name: &str,
    query: Query,
    accept: &str,
) -> Result<Value, Failure> {
    match &get.subresource {
        None => scope.get(&wanted.mapping, name, &query, accept).await,
        Some(subresource) if ["status", "scale"].contains(&subresource.as_str()) => {
            let path = wanted.mapping.path(scope.namespace_of(&wanted.mapping), Some(name));
            scope.api.get(&format!("{path}/{subresource}"), &query, accept).await
        }
        Some(other) => Err(Failure::NotPermitted(format!(
            "kubectl get --subresource={other} is not performed by this portal: status and scale are"
        ))),
    }
}

/// Sorts the rows of each table. One whose rows all lack the field shows none of them, as kubectl does: it drops the
/// sorting printer's error.
fn sort_rows(drawn: &mut [Drawn<'_>], path: &str) {
    for table in drawn {
        if let Some(rows) = table.first.get_mut("rows").and_then(Value::as_array_mut)
            && sort::by(rows, path, |row| &row["object"]).is_err()
        {
            rows.clear();
        }
    }
}

async fn documents(
    scope: &Scope<'_>,
    get: &Get,
    choice: Choice<'_>,
    wanted: &[Wanted],
    out: Output<'_>,
) -> Result<(), Failure> {
    let missing = if get.missing_keys_allowed { Missing::Allowed } else { Missing::Refused };
    let mut printer = DocumentPrinter::new(&get.output, get.no_headers, missing, get.managed_fields)?;
    if let [one @ Wanted { which: Which::Named(name), .. }] = wanted {
        return match named(scope, get, one, name, Query::new(), AS_JSON).await {
            Ok(mut object) => out.out(printer.print(&mut object)?).await,
            Err(failure) if get.ignore_not_found && failure.not_found() => Ok(()),
            Err(failure) => Err(failure),
        };
    }
    let (found, mut failures) = scope.objects(wanted, choice).await?;
    failures.retain(|failure| !(get.ignore_not_found && failure.not_found()));
    let mut items: Vec<Value> = found.into_iter().map(|found| found.object).collect();
    if let Some(path) = &get.sort_by
        && !items.is_empty()
    {
        sort::by(&mut items, path, |item| item)?;
    }
    if !(items.is_empty() && get.ignore_not_found) {
        out.out(printer.print(&mut document::list(&items))?).await?;
    }
    Failure::of(failures).map_or(Ok(()), Err)
}
