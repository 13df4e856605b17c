//! Appends output to the page once a picture at most, and forgets what is old.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use web_sys::Element;

use super::browser::{document, next_frame};

/// How many lines of an execution stay on the page.
const MOST_LINES: u32 = 5_000;
/// How close to the end counts as being there, in pixels.
const AT_END: i32 = 24;

/// What has arrived since the last picture. It holds at most the lines that the page would keep: a hidden tab draws no
/// pictures, and must not collect a million lines.
#[derive(Default)]
pub(super) struct Pending {
    panes: Vec<Pane>,
    waiting: bool,
}

struct Pane {
    execution: String,
    pieces: VecDeque<(String, u32)>,
    lines: u32,
    dropped: u32,
}

impl Pending {
    pub(super) fn add(pending: &Rc<RefCell<Self>>, execution: String, html: String, lines: u32) {
        let mut this = pending.borrow_mut();
        let index = match this.panes.iter().position(|pane| pane.execution == execution) {
            Some(index) => index,
            None => {
                this.panes.push(Pane { execution, pieces: VecDeque::new(), lines: 0, dropped: 0 });
                this.panes.len() - 1
            }
        };
        let pane = &mut this.panes[index];
        pane.pieces.push_back((html, lines));
        pane.lines += lines;
        while pane.lines > MOST_LINES && pane.pieces.len() > 1 {
            if let Some((_, lines)) = pane.pieces.pop_front() {
                pane.lines -= lines;
                pane.dropped += lines;
            }
        }
        if !this.waiting {
            this.waiting = true;
            let pending = Rc::clone(pending);
            next_frame(move || {
                let panes = {
                    let mut this = pending.borrow_mut();
                    this.waiting = false;
                    std::mem::take(&mut this.panes)
                };
                for pane in panes {
                    pane.draw();
                }
            });
        }
    }
}

impl Pane {
    fn draw(self) {
        let Some(output) = document().get_element_by_id(&format!("output-{}", self.execution)) else { return };
        let at_end = output.scroll_top() + output.client_height() >= output.scroll_height() - AT_END;
        let html: String = self.pieces.into_iter().map(|(html, _)| html).collect();
        let _ = output.insert_adjacent_html("beforeend", &html);
        let dropped = self.dropped + trim(&output);
        if dropped > 0 {
            say_dropped(&output, dropped);
        }
        if at_end {
            output.set_scroll_top(output.scroll_height());
        }
    }
}

fn number(element: &Element, name: &str) -> u32 {
    element.get_attribute(name).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Removes the oldest pieces beyond the limit; how many lines went.
fn trim(output: &Element) -> u32 {
    let pieces = output.children();
    let count = pieces.length();
    let mut lines: u32 =
        (0..count).filter_map(|index| pieces.item(index)).map(|piece| number(&piece, "data-lines")).sum();
    let mut dropped = 0;
    while lines > MOST_LINES {
        let Some(first) = output.first_element_child() else { break };
        let gone = number(&first, "data-lines");
        first.remove();
        lines -= gone;
        dropped += gone;
    }
    dropped
}

fn say_dropped(output: &Element, more: u32) {
    let all = number(output, "data-dropped") + more;
    let _ = output.set_attribute("data-dropped", &all.to_string());
    let note = output.parent_element().and_then(|frame| frame.query_selector(".dropped").ok().flatten());
    if let Some(note) = note {
        let _ = note.remove_attribute("hidden");
        if let Ok(Some(words)) = note.query_selector("span") {
            words.set_text_content(Some(&format!("{all} earlier lines are not shown here.")));
        }
    }
}
