//! The few plain pages of sign-in: why it failed, and that somebody signed out.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

/// A page with one thing to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The status it is sent with.
    pub status: StatusCode,
    /// What happened, in a few words.
    pub title: &'static str,
    /// What it means and what to do, as plain text: escape it.
    pub text: String,
    /// The next step: label and local address.
    pub action: (&'static str, &'static str),
}

/// Draws a notice as a whole HTML page. The portal gives its own look with [`Identity::with_notice_page`](crate::Identity::with_notice_page).
pub type NoticePage = fn(&Notice) -> String;

/// The look of a notice where the portal gives none: no style, no script.
#[must_use]
pub fn default_notice_page(notice: &Notice) -> String {
    let Notice { title, text, action: (label, href), .. } = notice;
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"></head>\
         <body><main><h1>{title}</h1><p>{text}</p><p><a href=\"{href}\">{label}</a></p></main></body></html>\n",
        title = escape(title),
        text = escape(text),
        href = escape(href),
        label = escape(label),
    )
}

/// Makes text safe between tags and inside quoted attributes.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// Text from elsewhere, cut to what fits a sentence and without characters that move the cursor or the reading direction.
pub(crate) fn plain(text: &str, longest: usize) -> String {
    let moves = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().filter(|c| !moves(*c)).take(longest).collect::<String>().trim().to_owned()
}

/// A notice drawn with the portal's look, never cached, and silent about its address towards other sites.
pub(crate) fn respond(notice: &Notice, page: NoticePage) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (notice.status, headers, page(notice)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_text_becomes_markup() {
        let page = default_notice_page(&Notice {
            status: StatusCode::FORBIDDEN,
            title: "Refused",
            text: "<script>alert('1')</script>\" & more".into(),
            action: ("Back", "/"),
        });
        assert!(page.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot; &amp; more"), "{page}");
        assert!(!page.contains("<script"));
    }

    #[test]
    fn text_from_elsewhere_is_cut_and_cleaned() {
        assert_eq!(plain("a\u{202e}b\r\nc\u{0}", 10), "abc");
        assert_eq!(plain(&"é".repeat(50), 3), "ééé");
    }
}
