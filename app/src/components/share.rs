//! Small bars inside a line: how a whole is made up, and how long something takes beside others.

use leptos::prelude::*;

/// The picture's own units; the page stretches it.
const WIDTH: f64 = 100.0;
const HEIGHT: f64 = 8.0;

/// A part of a whole.
pub(crate) struct Part {
    class: &'static str,
    count: usize,
}

impl Part {
    /// `class` names its colour: `good`, `bad`, `left`, `edited`.
    pub(crate) fn new(class: &'static str, count: usize) -> Self {
        Self { class, count }
    }
}

/// The parts side by side; an empty bar where all are 0. `words` say the same.
pub(crate) fn bar(parts: &[Part], words: String) -> AnyView {
    let all: usize = parts.iter().map(|part| part.count).sum();
    let scale = if all == 0 { 0.0 } else { WIDTH / all as f64 };
    let mut before = 0;
    let pieces: Vec<_> = parts
        .iter()
        .filter(|part| part.count > 0)
        .map(|part| {
            let (start, width) = (before as f64 * scale, part.count as f64 * scale);
            before += part.count;
            piece(part.class, start, width)
        })
        .collect();
    picture(pieces, words)
}

/// A time up to its median, and on to what nine of ten stay within; `longest` is the whole width.
pub(crate) fn extent(median: i64, p90: i64, longest: i64) -> AnyView {
    let scale = if longest > 0 { WIDTH / longest as f64 } else { 0.0 };
    let (median, p90) = (median as f64 * scale, p90 as f64 * scale);
    let pieces = vec![piece("beyond", 0.0, p90), piece("median", 0.0, median)];
    picture(pieces, "Median, and what 9 of 10 stay within".to_owned())
}

/// What the colours of the bars in the column of this name mean, each with its words.
pub(crate) fn legend(column: &'static str, meanings: &[(&'static str, &'static str)]) -> AnyView {
    let rows: Vec<_> = meanings
        .iter()
        .map(|(class, words)| {
            view! {
                <li>
                    <svg class="share" viewBox=format!("0 0 {WIDTH} {HEIGHT}") preserveAspectRatio="none" aria-hidden="true">
                        {piece(class, 0.0, WIDTH)}
                    </svg>
                    {*words}
                </li>
            }
        })
        .collect();
    view! { <ul class="share-legend" aria-label="What the colours mean"><li class="share-name">{column}</li>{rows}</ul> }.into_any()
}

fn piece(class: &'static str, start: f64, width: f64) -> AnyView {
    view! { <rect class=class x=format!("{start:.1}") y="0" width=format!("{width:.1}") height=HEIGHT.to_string()></rect> }
        .into_any()
}

fn picture(pieces: Vec<AnyView>, words: String) -> AnyView {
    view! {
        <svg class="share" viewBox=format!("0 0 {WIDTH} {HEIGHT}") preserveAspectRatio="none" role="img" aria-label=words>
            {pieces}
        </svg>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_side_by_side() {
        let html =
            bar(&[Part::new("good", 1), Part::new("bad", 0), Part::new("left", 3)], "words".to_owned()).to_html();
        assert!(html.contains("x=\"0.0\" y=\"0\" width=\"25.0\" height=\"8\" class=\"good\""), "{html}");
        assert!(html.contains("x=\"25.0\" y=\"0\" width=\"75.0\" height=\"8\" class=\"left\""), "{html}");
        assert!(!html.contains("bad") && html.contains("aria-label=\"words\""), "{html}");
    }

    #[test]
    fn nothing_is_an_empty_bar() {
        let html = bar(&[Part::new("good", 0)], String::new()).to_html();
        assert!(!html.contains("<rect") && !html.contains("NaN"), "{html}");
        let html = extent(0, 0, 0).to_html();
        assert!(html.contains("width=\"0.0\"") && !html.contains("NaN"), "{html}");
    }
}
