//! The past of a number as a line, with the limits that it stands to.

use leptos::prelude::*;
use widget::Measure;

/// The picture's own units; the page stretches it.
const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 28.0;
/// A limit further away than this many times the greatest value is not drawn: the line would be flat.
const FAR: f64 = 4.0;

/// The line; nothing where there is no past yet, or where what runs down by itself would only fall.
pub(super) fn draw(measure: &Measure) -> Option<AnyView> {
    let series: Vec<f64> = measure.series.iter().copied().filter(|value| value.is_finite()).collect();
    if series.len() < 2 || measure.limits.as_ref().is_some_and(|limits| limits.less_is_worse()) {
        return None;
    }
    let greatest = series.iter().copied().fold(f64::MIN, f64::max);
    let limits = measure.limits.as_ref();
    let near = |limit: Option<f64>| limit.filter(|limit| *limit > 0.0 && *limit <= greatest * FAR);
    let warning = near(limits.and_then(|limits| limits.warning));
    let critical = near(limits.and_then(|limits| limits.critical));
    let top = [Some(greatest * 1.2), warning.map(|limit| limit * 1.1), critical.map(|limit| limit * 1.1)];
    let top = top.into_iter().flatten().fold(f64::MIN, f64::max);
    let bottom = series.iter().copied().fold(0.0_f64, f64::min);
    let span = if top > bottom { top - bottom } else { 1.0 };
    let y = |value: f64| HEIGHT - 1.0 - (value - bottom) / span * (HEIGHT - 2.0);
    let step = WIDTH / (series.len() - 1) as f64;
    let points: Vec<String> =
        series.iter().enumerate().map(|(at, value)| format!("{:.1},{:.1}", at as f64 * step, y(*value))).collect();
    let line = |limit: Option<f64>, class: &'static str| {
        limit.map(|limit| {
            let height = format!("{:.1}", y(limit));
            view! { <line class=class x1="0" x2=WIDTH.to_string() y1=height.clone() y2=height></line> }
        })
    };
    let unit = measure.unit;
    let least = series.iter().copied().fold(f64::MAX, f64::min);
    let words = format!("{} between {} and {}", measure.name, unit.print(least), unit.print(greatest));
    let view = view! {
        <svg class="sparkline" viewBox=format!("0 0 {WIDTH} {HEIGHT}") preserveAspectRatio="none" role="img" aria-label=words.trim().to_owned()>
            {line(warning, "limit-warning")}
            {line(critical, "limit-critical")}
            <polyline points=points.join(" ")></polyline>
        </svg>
    };
    Some(view.into_any())
}
