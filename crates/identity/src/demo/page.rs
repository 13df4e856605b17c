//! What the demo provider shows: one button for each person.

use crate::escape;

use super::DEMO_PEOPLE;

/// The style of both pages. Served by itself, so that the pages need no inline style.
pub(super) const STYLE: &str = "\
:root { color-scheme: light dark; --ground: #f4f5f7; --card: #fff; --ink: #1c2430; --soft: #566173; --line: #d5dae1; --edge: #858f9e; --accent: #1d5fd1; }
@media (prefers-color-scheme: dark) { :root { --ground: #12161c; --card: #1b2129; --ink: #e8ecf2; --soft: #a3adbb; --line: #343d4a; --edge: #6c7889; --accent: #7fb0ff; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
main { width: 100%; max-width: 27rem; padding: 1.75rem; background: var(--card); border: 1px solid var(--line); border-radius: 0.75rem; }
h1 { margin: 0 0 0.25rem; font-size: 1.35rem; line-height: 1.25; }
p { margin: 0 0 1.25rem; color: var(--soft); overflow-wrap: anywhere; }
form { display: grid; gap: 0.625rem; }
button { display: grid; gap: 0.125rem; width: 100%; padding: 0.75rem 1rem; text-align: start; font: inherit; color: inherit; cursor: pointer;
  background: transparent; border: 1px solid var(--edge); border-radius: 0.5rem; }
button:hover { border-color: var(--accent); }
button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
button strong { font-weight: 600; }
button span { color: var(--soft); font-size: 0.9rem; }
";

fn page(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <link rel=\"stylesheet\" href=\"/demo-idp/style.css\"></head>\
         <body><main><h1>{title}</h1>{body}</main></body></html>\n"
    )
}

/// The choice. `hidden` is the authorization request that the chosen person answers.
pub(super) fn choice(hidden: &[(&str, &str)]) -> String {
    let mut form = String::from(
        "<p>Demo sign-in. There are no passwords here: choose who you want to be.</p>\
         <form method=\"post\" action=\"/demo-idp/authorize\">",
    );
    for (name, value) in hidden {
        form.push_str(&format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escape(name), escape(value)));
    }
    for person in DEMO_PEOPLE {
        form.push_str(&format!(
            "<button name=\"person\" value=\"{}\"><strong>{}</strong><span>{}</span></button>",
            escape(person.subject),
            escape(person.name),
            escape(person.about)
        ));
    }
    form.push_str("</form>");
    page("Who are you today?", &form)
}

/// Why there is nothing to choose.
pub(super) fn refusal(reason: &str) -> String {
    page("This sign-in cannot go on", &format!("<p>{}</p>", escape(reason)))
}
