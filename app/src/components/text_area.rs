//! The one way to put a text area on a page.

use leptos::prelude::*;
use operations::StepMark;

use super::escape::escape;

/// Whether a form can be sent without the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Optional,
    Required,
}

/// A text area with its text inside.
///
/// Leptos 0.8 writes the children of a `<textarea>` on the server without escaping them: a stored `</textarea><script>`
/// would run. Here the text is escaped first and given as markup. The line feed in front is the one that HTML's parser
/// drops after the tag (HTML 13.1.2.5), so that a text beginning with one keeps it.
pub(crate) fn text_area(name: &str, label: &str, rows: u16, text: &str, class: &'static str, need: Need) -> AnyView {
    area(name, label, rows, text, class, need, TEXT)
}

/// The same for a note, whose text is called `text`.
pub(crate) fn note_area(label: &str, rows: u16, need: Need) -> AnyView {
    area("text", label, rows, "", "", need, StepMark::NOTE)
}

/// How long most texts may be: the portal counts bytes, a browser UTF-16 units, of which there are never more.
const TEXT: usize = 64 * 1024;
/// What stands by a note's text area.
pub(crate) const NOTE_LIMIT: &str = "At most 4 KiB of text.";

fn area(name: &str, label: &str, rows: u16, text: &str, class: &'static str, need: Need, longest: usize) -> AnyView {
    let escaped = escape(text);
    view! {
        <textarea
            name=name.to_owned()
            aria-label=label.to_owned()
            rows=rows.to_string()
            class=class
            spellcheck="false"
            maxlength=longest.to_string()
            required=need == Need::Required
            inner_html=format!("\n{escaped}")
        ></textarea>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_leave_its_area() {
        let hostile = "</textarea><script>alert(1)</script>&lt;\n<!--";
        let html = text_area("result", "\"><script>", 3, hostile, "code", Need::Optional).to_html();
        assert!(!html.contains("<script>") && !html.contains("<!--"), "{html}");
        assert!(
            html.contains("\n&lt;/textarea&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;lt;\n&lt;!--</textarea>"),
            "{html}"
        );
        assert_eq!(html.matches("</textarea>").count(), 1);
        assert!(!html.contains(" required"), "{html}");
        assert!(text_area("text", "Why", 3, "", "", Need::Required).to_html().contains(" required"));
    }

    #[test]
    fn a_note_stops_where_the_portal_takes_no_more() {
        let note = note_area("Note", 3, Need::Optional).to_html();
        assert!(note.contains("maxlength=\"4096\"") && NOTE_LIMIT.contains("4 KiB"), "{note}");
    }
}
