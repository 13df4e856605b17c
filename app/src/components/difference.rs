//! What has changed between two texts, line by line.

use leptos::prelude::*;
use similar::{ChangeTag, TextDiff};

/// Lines that stay, shown around those that change.
const AROUND: usize = 3;

/// The lines that differ, with some around them.
pub(crate) fn difference(before: &str, after: &str) -> AnyView {
    let diff = TextDiff::from_lines(before, after);
    let mut lines = Vec::new();
    let mut shown = 0;
    for group in diff.grouped_ops(AROUND) {
        let begins = group.first().map_or(0, |first| first.old_range().start);
        if begins > shown {
            lines.push(view! { <span class="gap">"⋯"</span> }.into_any());
        }
        shown = group.last().map_or(shown, |last| last.old_range().end);
        for change in group.iter().flat_map(|part| diff.iter_changes(part)) {
            let (class, mark) = match change.tag() {
                ChangeTag::Delete => ("removed", "- "),
                ChangeTag::Insert => ("added", "+ "),
                ChangeTag::Equal => ("same", "  "),
            };
            let text = format!("{mark}{}\n", change.value().trim_end_matches('\n'));
            lines.push(view! { <span class=class>{text}</span> }.into_any());
        }
    }
    if shown < before.lines().count() {
        lines.push(view! { <span class="gap">"⋯"</span> }.into_any());
    }
    view! { <pre class="plain diff" tabindex="0">{lines}</pre> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_are_named_and_escaped() {
        let html = difference("same\nold <b>\n", "same\nnew & x\n").to_html();
        assert!(html.contains("<span class=\"removed\">- old &lt;b&gt;\n</span>"), "{html}");
        assert!(html.contains("<span class=\"added\">+ new &amp; x\n</span>"), "{html}");
        assert!(html.contains("<span class=\"same\">  same\n</span>"), "{html}");
        assert!(!html.contains("gap"), "{html}");
    }

    #[test]
    fn what_is_far_from_a_change_is_left_out() {
        let before: String = (0..40).map(|line| format!("line {line}\n")).collect();
        let html = difference(&before, &before.replace("line 20\n", "changed\n")).to_html();
        assert_eq!(html.matches("class=\"gap\"").count(), 2, "{html}");
        assert!(html.contains("line 17") && !html.contains("line 16"), "{html}");
    }
}
