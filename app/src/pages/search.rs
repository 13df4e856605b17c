//! What was found.

use std::ops::Range;

use leptos::prelude::*;
use operations::{Error, Found, Hit};

use crate::components::escape::http_part;
use crate::components::frame::{Here, Page};
use crate::visit::Visit;

pub(crate) async fn page(visit: Visit) -> Result<Page, Error> {
    let query = visit.asked("q").unwrap_or_default();
    let hits = visit.operations.search(&visit.caller, &query)?;
    let title = if query.is_empty() { "Search".to_owned() } else { format!("“{query}”") };
    let about = match (query.is_empty(), hits.len()) {
        (true, _) => "Titles, headings and commands of every runbook.".to_owned(),
        (false, 0) => "Nothing holds every one of these words. Fewer words find more.".to_owned(),
        (false, 1) => "1 place holds it.".to_owned(),
        (false, number) => format!("{number} places hold it."),
    };
    let words: Vec<_> = query.split_whitespace().collect();
    let rows: Vec<_> = hits.iter().map(|hit| row(hit, &words)).collect();
    let body = view! {
        <main id="main" class="page">
            <h1>{title.clone()}</h1>
            <p class="muted">{about}</p>
            <ul class="rows hits">{rows}</ul>
        </main>
    };
    Ok(Page::new(Here::Elsewhere, title, body))
}

/// How many lines of a command a hit shows.
const LINES: usize = 4;

fn row(hit: &Hit, words: &[&str]) -> AnyView {
    let kind = match hit.found {
        Found::Title => "Runbook",
        Found::Heading => "Heading",
        Found::Step => "Step",
        Found::Command => "Command",
    };
    let text = if hit.found == Found::Command {
        view! { <code>{marked(&excerpt(&hit.text, words), words)}</code> }.into_any()
    } else {
        view! { <span>{marked(&hit.text, words)}</span> }.into_any()
    };
    let place = match &hit.procedure_title {
        Some(procedure) => format!("{} / {procedure}", hit.runbook_title),
        None => hit.runbook_title.clone(),
    };
    view! {
        <li class="hit">
            <span class="badge quiet">{kind}</span>
            <a class="hit-text" href=address(hit)>{text}</a>
            <span class="hit-place">{place}</span>
        </li>
    }
    .into_any()
}

/// A few lines from the first one on that holds a word, with `…` where lines are left out.
fn excerpt(text: &str, words: &[&str]) -> String {
    let lines: Vec<_> = text.lines().collect();
    let first = lines.iter().position(|line| !found(line, words).is_empty()).unwrap_or(0);
    let shown = lines.iter().skip(first).take(LINES).copied();
    let before = (first > 0).then_some("…");
    let after = (lines.len() > first + LINES).then_some("…");
    before.into_iter().chain(shown).chain(after).collect::<Vec<_>>().join("\n")
}

/// The text with every word in it marked.
fn marked(text: &str, words: &[&str]) -> Vec<AnyView> {
    // An empty text would be drawn as a blank.
    let plain = |text: &str| (!text.is_empty()).then(|| text.to_owned().into_any());
    let mut pieces = Vec::new();
    let mut end = 0;
    for place in found(text, words) {
        pieces.extend(plain(&text[end..place.start]));
        end = place.end;
        pieces.push(view! { <mark>{text[place].to_owned()}</mark> }.into_any());
    }
    pieces.extend(plain(&text[end..]));
    pieces
}

/// Where the words stand in the text, in order and apart; case does not count. Of two at one place the longer counts.
fn found(text: &str, words: &[&str]) -> Vec<Range<usize>> {
    let mut places: Vec<Range<usize>> = Vec::new();
    for (start, _) in text.char_indices() {
        if places.last().is_some_and(|last| start < last.end) {
            continue;
        }
        if let Some(length) = words.iter().filter_map(|word| begins_with(&text[start..], word)).max() {
            places.push(start..start + length);
        }
    }
    places
}

/// How many bytes of the text the word takes at its beginning.
fn begins_with(text: &str, word: &str) -> Option<usize> {
    let mut rest = text.chars();
    let same =
        word.chars().all(|letter| rest.next().is_some_and(|other| other.to_lowercase().eq(letter.to_lowercase())));
    (same && !word.is_empty()).then(|| text.len() - rest.as_str().len())
}

/// Steps and commands are on their procedure's page; a heading that begins a procedure leads there too, any other one
/// to its place in the text.
fn address(hit: &Hit) -> String {
    let runbook = http_part(hit.runbook.as_str());
    let anchor = if hit.anchor.is_empty() { String::new() } else { format!("#{}", hit.anchor) };
    match (&hit.procedure, hit.found) {
        (Some(procedure), Found::Heading) => format!("/runbooks/{runbook}/{}", http_part(procedure.as_str())),
        (Some(procedure), _) => format!("/runbooks/{runbook}/{}{anchor}", http_part(procedure.as_str())),
        (None, _) => format!("/runbooks/{runbook}{anchor}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_begins_where_the_word_is() {
        let text = "one\ntwo\nthree\nkubectl GET pods\nfive\nsix\nseven\neight";
        assert_eq!(excerpt(text, &["get"]), "…\nkubectl GET pods\nfive\nsix\nseven\n…");
        assert_eq!(excerpt(text, &["one"]), "one\ntwo\nthree\nkubectl GET pods\n…");
        assert_eq!(excerpt("one\ntwo", &["elsewhere"]), "one\ntwo");
    }

    #[test]
    fn words_are_marked_and_escaped() {
        let html = |text, words: &[&str]| marked(text, words).to_html().replace("<!>", "");
        assert_eq!(html("GET get", &["get"]), "<mark>GET</mark> <mark>get</mark>");
        assert_eq!(html("a <b> İx", &["<b>", "x"]), "a <mark>&lt;b&gt;</mark> İ<mark>x</mark>");
        assert_eq!(html("redeployment", &["deploy", "deployment"]), "re<mark>deployment</mark>");
        assert_eq!(html("é", &["e"]), "é");
    }
}
