//! Markdown events to HTML that is safe to send: one allow list, one sanitiser.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};
use pulldown_cmark::{CodeBlockKind, CowStr, Event, Options, Parser, Tag, TagEnd};

use crate::anchor;
use crate::colour;
use crate::model::SafeHtml;

/// Deeper nesting than this is shown as plain text.
const DEEPEST: usize = 48;

/// More tags than this in one piece of raw HTML are shown as text.
const MOST_TAGS: usize = 2_000;

const TAGS: &[&str] = &[
    "a",
    "abbr",
    "b",
    "blockquote",
    "br",
    "code",
    "dd",
    "del",
    "details",
    "div",
    "dl",
    "dt",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "mark",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "samp",
    "small",
    "span",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "u",
    "ul",
    "var",
];

const ATTRIBUTES: &[(&str, &[&str])] = &[
    ("a", &["href", "title"]),
    ("img", &["src", "alt", "title"]),
    ("ol", &["start"]),
    ("td", &["colspan", "rowspan"]),
    ("th", &["colspan", "rowspan", "scope"]),
    ("details", &["open"]),
    ("div", &["class", "id"]),
    ("span", &["class"]),
    ("sup", &["class"]),
    ("pre", &["class"]),
];

/// The classes that this crate writes itself; those that begin with `hl-` too.
const CLASSES: &[&str] =
    &["table-scroll", "footnote-definition", "footnote-definition-label", "footnote-reference", "placeholder", "code"];

static SANITISER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::empty();
    builder
        .tags(TAGS.iter().copied().collect())
        .clean_content_tags(HashSet::from([
            "script", "style", "iframe", "noscript", "template", "title", "textarea", "xmp", "noembed", "noframes",
            "svg", "math",
        ]))
        .tag_attributes(
            ATTRIBUTES
                .iter()
                .map(|(tag, names)| (*tag, names.iter().copied().collect()))
                .collect::<HashMap<_, HashSet<_>>>(),
        )
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(UrlRelative::PassThrough)
        .link_rel(Some("noopener noreferrer"))
        .strip_comments(true)
        .attribute_filter(attribute);
    builder
});

fn attribute<'a>(element: &str, name: &str, value: &'a str) -> Option<Cow<'a, str>> {
    match (element, name) {
        (_, "class") => {
            let known = |class: &&str| {
                CLASSES.contains(class)
                    || class.strip_prefix("hl-").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_lowercase()))
            };
            let classes: Vec<_> = value.split_ascii_whitespace().filter(known).collect();
            (!classes.is_empty()).then(|| Cow::Owned(classes.join(" ")))
        }
        (_, "id") => value
            .strip_prefix("footnote-")
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
            .then_some(Cow::Borrowed(value)),
        ("a", "href") => link(value),
        ("img", "src") => {
            let plain = without_controls(value);
            (!plain.contains(':') && !plain.starts_with(['/', '\\', '#'])).then_some(Cow::Borrowed(value))
        }
        _ => Some(Cow::Borrowed(value)),
    }
}

/// A link to the same document gets the anchor as it stands on the page; one to another host without a scheme is dropped.
fn link(value: &str) -> Option<Cow<'_, str>> {
    let plain = without_controls(value);
    if plain.starts_with("//") || plain.starts_with('\\') || plain.starts_with("/\\") {
        return None;
    }
    match value.strip_prefix('#') {
        Some(target)
            if target
                .strip_prefix("footnote-")
                .is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit())) =>
        {
            Some(Cow::Borrowed(value))
        }
        Some(target) => Some(Cow::Owned(format!("#{}", anchor::own(target)))),
        None => Some(Cow::Borrowed(value)),
    }
}

/// Browsers skip these characters in an address, so the checks do too.
fn without_controls(value: &str) -> String {
    value.chars().filter(|c| !c.is_control() && !c.is_whitespace()).collect()
}

/// Footnotes in the order in which the file names them.
#[derive(Default)]
pub(crate) struct Footnotes {
    numbers: HashMap<String, usize>,
}

impl Footnotes {
    fn number(&mut self, name: &str) -> usize {
        let next = self.numbers.len() + 1;
        *self.numbers.entry(name.to_owned()).or_insert(next)
    }
}

/// The one way from Markdown to a page.
pub(crate) fn render(events: &[Event<'_>], footnotes: &mut Footnotes) -> SafeHtml {
    if depth(events) > DEEPEST {
        return plain(events);
    }
    let mut out: Vec<Event<'_>> = Vec::with_capacity(events.len());
    let mut code: Option<(String, String)> = None;
    let tags: usize = events
        .iter()
        .map(|event| match event {
            Event::Html(html) | Event::InlineHtml(html) => html.bytes().filter(|&byte| byte == b'<').count(),
            _ => 0,
        })
        .sum();
    for event in events {
        match (event, &mut code) {
            (Event::Start(Tag::CodeBlock(kind)), _) => {
                let language = match kind {
                    CodeBlockKind::Fenced(info) => language(info),
                    CodeBlockKind::Indented => String::new(),
                };
                code = Some((language, String::new()));
            }
            (Event::End(TagEnd::CodeBlock), Some((language, text))) => {
                out.push(html(fence(text, language)));
                code = None;
            }
            (Event::Text(more), Some((_, text))) => text.push_str(more),
            (Event::Html(text) | Event::InlineHtml(text), _) if tags > MOST_TAGS => out.push(Event::Text(text.clone())),
            (Event::TaskListMarker(done), _) => {
                out.push(Event::Text(CowStr::Borrowed(if *done { "☑ " } else { "☐ " })));
            }
            (Event::Start(Tag::Table(_)), _) => {
                out.push(html("<div class=\"table-scroll\">".to_owned()));
                out.push(event.clone());
            }
            (Event::End(TagEnd::Table), _) => {
                out.push(event.clone());
                out.push(html("</div>".to_owned()));
            }
            (Event::FootnoteReference(name), _) => {
                let number = footnotes.number(name);
                out.push(html(format!(
                    "<sup class=\"footnote-reference\"><a href=\"#footnote-{number}\">{number}</a></sup>"
                )));
            }
            (Event::Start(Tag::FootnoteDefinition(name)), _) => {
                let number = footnotes.number(name);
                out.push(html(format!("<div class=\"footnote-definition\" id=\"footnote-{number}\"><sup class=\"footnote-definition-label\">{number}</sup>")));
            }
            (Event::End(TagEnd::FootnoteDefinition), _) => out.push(html("</div>".to_owned())),
            _ => out.push(event.clone()),
        }
    }
    let mut dirty = String::new();
    pulldown_cmark::html::push_html(&mut dirty, out.into_iter());
    SafeHtml::trusted(SANITISER.clean(&dirty).to_string())
}

/// A whole text in Markdown that is no runbook: a post-mortem.
#[must_use]
pub fn document(text: &str) -> SafeHtml {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let events: Vec<Event<'_>> = Parser::new_ext(text, options).collect();
    render(&events, &mut Footnotes::default())
}

fn html(text: String) -> Event<'static> {
    Event::InlineHtml(CowStr::from(text))
}

/// A fence that is only shown.
fn fence(text: &str, language: &str) -> String {
    format!("<pre class=\"code\"><code>{}</code></pre>", colour::fence(text.trim_end_matches('\n'), language).as_str())
}

/// Lines of comments as prose: bullets as a list, indented text as it stands, the rest as lines.
pub(crate) fn comments(lines: &[String]) -> SafeHtml {
    let bullet = |line: &String| line.trim_start().starts_with(['-', '*', '•']);
    if lines.is_empty() {
        SafeHtml::default()
    } else if lines.iter().all(bullet)
        && !lines.iter().any(|line| line.starts_with(' '))
        && !lines.iter().any(|line| line.contains(": '"))
    {
        let items: String = lines
            .iter()
            .map(|line| format!("<li>{}</li>", colour::escaped(line.trim_start_matches(['-', '*', '•', ' ']))))
            .collect();
        SafeHtml::trusted(format!("<ul>{items}</ul>"))
    } else if lines.iter().any(|line| line.starts_with("  ")) {
        SafeHtml::trusted(format!("<pre class=\"code\"><code>{}</code></pre>", colour::escaped(&lines.join("\n"))))
    } else {
        let lines: Vec<String> = lines.iter().map(|line| colour::escaped(line)).collect();
        SafeHtml::trusted(format!("<p>{}</p>", lines.join("<br>")))
    }
}

/// The first word of a fence's info string, in lower case: `bash`.
pub(crate) fn language(info: &str) -> String {
    let word = info.split([' ', ',', '{', '\t']).find(|word| !word.is_empty()).unwrap_or_default();
    word.trim_start_matches('.').trim_end_matches('}').to_lowercase()
}

fn depth(events: &[Event<'_>]) -> usize {
    let mut deepest = 0;
    let mut now: usize = 0;
    for event in events {
        match event {
            Event::Start(_) => now += 1,
            Event::End(_) => now = now.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(now);
    }
    deepest
}

fn plain(events: &[Event<'_>]) -> SafeHtml {
    let text: String = events
        .iter()
        .map(|event| match event {
            Event::Text(text) | Event::Code(text) | Event::Html(text) | Event::InlineHtml(text) => text.as_ref(),
            Event::SoftBreak | Event::HardBreak | Event::End(_) => "\n",
            _ => "",
        })
        .collect();
    SafeHtml::trusted(format!("<pre>{}</pre>", colour::escaped(&text)))
}
