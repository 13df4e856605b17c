//! The island of every page: Copy buttons, keys, clocks, the mark in the contents.

use leptos::prelude::*;

/// Draws the help on keys, and wakes the rest of the page.
#[island]
pub fn Desk() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    wake::page();
    view! {
        <dialog id="keys" class="keys-help" aria-label="Keys">
            <dl>
                <dt><kbd>"Ctrl"</kbd>" "<kbd>"K"</kbd></dt><dd>"search"</dd>
                <dt><kbd>"/"</kbd></dt><dd>"search, too"</dd>
                <dt><kbd>"j"</kbd>" "<kbd>"k"</kbd></dt><dd>"next, previous step"</dd>
                <dt><kbd>"r"</kbd></dt><dd>"to the Run button of this step, or to Done; Enter presses it"</dd>
                <dt><kbd>"x"</kbd></dt><dd>"to Stop of what runs"</dd>
                <dt><kbd>"t"</kbd></dt><dd>"tick this step: to Done, or to Done by hand"</dd>
                <dt><kbd>"s"</kbd></dt><dd>"skip this step, with a reason"</dd>
                <dt><kbd>"n"</kbd></dt><dd>"write a note"</dd>
                <dt><kbd>"c"</kbd></dt><dd>"claim this step, or take it over"</dd>
                <dt><kbd>"?"</kbd></dt><dd>"this help"</dd>
            </dl>
            <form method="dialog"><button class="button" type="submit">"Close"</button></form>
        </dialog>
    }
}

#[cfg(feature = "hydrate")]
mod wake {
    use wasm_bindgen::JsCast;
    use web_sys::{Document, Element, HtmlDialogElement, HtmlElement, KeyboardEvent, Node};

    use crate::islands::browser::{after, all, document, every, listen, now_seconds, window};
    use crate::islands::{send, values};

    pub(super) fn page() {
        for button in all("[data-copy]") {
            let _ = button.remove_attribute("hidden");
        }
        listen(&document(), "click", |event| {
            let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
            close_menus(target.as_ref());
            if let Some(button) = target.and_then(|target| target.closest("[data-copy]").ok().flatten()) {
                copy(&button);
            }
        });
        listen(&document(), "keydown", |event| {
            if let Ok(event) = event.dyn_into::<KeyboardEvent>() {
                key(&event);
            }
        });
        every(1_000, tick);
        send::wake();
        values::wake();
        if !all_spied().is_empty() {
            listen(&document(), "scroll", |_| mark_contents());
            mark_contents();
        }
    }

    /// Closes every open menu but the one that holds this element.
    fn close_menus(but: Option<&Element>) {
        for menu in all(".menu[open]") {
            if !but.is_some_and(|inside| menu.contains(Some(inside))) {
                let _ = menu.remove_attribute("open");
            }
        }
    }

    /// Closes every open menu; the focus goes back to what opened it.
    fn escape_menus(document: &Document) {
        for menu in all(".menu[open]") {
            let focused = document.active_element().is_some_and(|active| menu.contains(Some(&active)));
            let _ = menu.remove_attribute("open");
            if focused
                && let Some(opener) = menu.first_element_child().and_then(|one| one.dyn_into::<HtmlElement>().ok())
            {
                let _ = opener.focus();
            }
        }
    }

    fn copy(button: &Element) {
        let whole = button.closest(".command, .fence, .step").ok().flatten();
        let code = whole.and_then(|whole| whole.query_selector(".code code").ok().flatten());
        let Some(text) = code.and_then(|code| code.text_content()) else { return };
        let _ = window().navigator().clipboard().write_text(&text);
        button.set_text_content(Some("Copied"));
        let button = button.clone();
        after(1_500, move || button.set_text_content(Some("Copy")));
    }

    fn key(event: &KeyboardEvent) {
        let document = document();
        if (event.ctrl_key() || event.meta_key()) && event.key().eq_ignore_ascii_case("k") {
            if let Some(search) = element(&document, "search") {
                event.prevent_default();
                let _ = search.focus();
            }
            return;
        }
        if event.key() == "Escape" {
            escape_menus(&document);
            leave(&document);
            return;
        }
        if event.ctrl_key() || event.meta_key() || event.alt_key() || typing(&document) {
            return;
        }
        match event.key().as_str() {
            "j" => move_step(&document, 1),
            "k" => move_step(&document, -1),
            // What is not done yet comes first; what is done can be run again.
            "r" => drop(focus_first(&[
                // Of several ways one is chosen before it is run.
                ".choice:not(:has(.chosen[data-chosen])) .to-choose button",
                ".command:not(:has(> :is([data-state='passed'], [data-state='skipped']))) [data-run-button]",
                "[data-run-button]",
            ])),
            // Stop is the one press that may be another step's: what runs is looked for everywhere.
            "x" => drop(focus_first(&["[id^='stop-']"]).or_else(|| focus(&shown(&document, "[id^='stop-']")?))),
            "t" => drop(
                focus_first(&["form:has(> [name='mark'][value='done']) [data-run-button]"])
                    .or_else(|| unfold(&["details.say:has([name='mark'][value='by-hand'])"])),
            ),
            "s" => drop(unfold(&["details.say:has([name='mark'][value='skipped'])"])),
            "n" => {
                let _ =
                    unfold(&["[data-note]"]).or_else(|| focus_first(&["form[action='/api/note_incident'] textarea"]));
            }
            "c" => drop(focus_first(&[".to-claim button", ".to-take-over button"])),
            "/" => drop(element(&document, "search").map(|search| search.focus())),
            "?" => {
                if let Some(dialog) =
                    document.get_element_by_id("keys").and_then(|dialog| dialog.dyn_into::<HtmlDialogElement>().ok())
                    && !dialog.open()
                {
                    let _ = dialog.show_modal();
                }
            }
            _ => return,
        }
        event.prevent_default();
    }

    /// Leaves the field in hand: what was unfolded for it is folded again, with its words still in it, and keys are keys.
    fn leave(document: &Document) {
        let Some(field) = document.active_element().filter(|_| typing(document)) else { return };
        let folded = field.closest("details.say[open]").ok().flatten();
        if let Ok(field) = field.dyn_into::<HtmlElement>() {
            let _ = field.blur();
        }
        let Some(folded) = folded else { return };
        let _ = folded.remove_attribute("open");
        if let Some(opener) = folded.first_element_child().and_then(|one| one.dyn_into::<HtmlElement>().ok()) {
            let _ = opener.focus();
        }
    }

    fn element(document: &Document, id: &str) -> Option<HtmlElement> {
        document.get_element_by_id(id)?.dyn_into().ok()
    }

    fn typing(document: &Document) -> bool {
        document.active_element().is_some_and(|active| match active.tag_name().as_str() {
            "INPUT" => !matches!(active.get_attribute("type").as_deref(), Some("checkbox" | "radio" | "file")),
            "TEXTAREA" | "SELECT" => true,
            _ => false,
        })
    }

    /// The step that holds the focus, else the one at the top of the window.
    fn current_step(document: &Document, steps: &[Element]) -> Option<usize> {
        let held = document.active_element().and_then(|active| active.closest(".step").ok().flatten());
        match held {
            Some(held) => steps.iter().position(|step| *step == held),
            None => None,
        }
    }

    /// The first visible element of a selector: within the step in hand where there is one, and only there, so that no key
    /// presses what belongs to another step; else on the page.
    fn first(selector: &str) -> Option<HtmlElement> {
        let document = document();
        let steps = all(".step");
        let held = current_step(&document, &steps).and_then(|index| steps.get(index).cloned());
        // A page that shows one step alone means that one.
        let alone = steps.first().filter(|_| held.is_none() && steps.len() == 1);
        match (&held, alone) {
            (Some(step), _) => shown(step, selector),
            (None, Some(step)) => shown(step, selector).or_else(|| shown(&document, selector)),
            (None, None) => shown(&document, selector),
        }
    }

    /// The first visible element of a selector below a node.
    fn shown(below: &Node, selector: &str) -> Option<HtmlElement> {
        let list = match (below.dyn_ref::<Document>(), below.dyn_ref::<Element>()) {
            (Some(document), _) => document.query_selector_all(selector),
            (None, Some(element)) => element.query_selector_all(selector),
            (None, None) => return None,
        };
        let list = list.ok()?;
        let found = (0..list.length()).filter_map(|at| list.item(at)?.dyn_into::<HtmlElement>().ok());
        found.into_iter().find(|one| one.offset_width() > 0)
    }

    fn focus_first(selectors: &[&str]) -> Option<()> {
        focus(&selectors.iter().find_map(|selector| first(selector))?)
    }

    fn focus(element: &HtmlElement) -> Option<()> {
        let _ = element.focus();
        element.scroll_into_view();
        Some(())
    }

    /// Opens what is folded, and goes to its text.
    fn unfold(selectors: &[&str]) -> Option<()> {
        let details = selectors.iter().find_map(|selector| first(selector))?;
        let _ = details.set_attribute("open", "");
        let field = details.query_selector("textarea").ok().flatten();
        if let Some(field) = field.and_then(|field| field.dyn_into::<HtmlElement>().ok()) {
            let _ = field.focus();
        }
        Some(())
    }

    fn move_step(document: &Document, by: i32) {
        let way = if by > 0 { "[data-way='next']" } else { "[data-way='previous']" };
        if let Some(way) =
            document.query_selector(way).ok().flatten().and_then(|way| way.dyn_into::<HtmlElement>().ok())
        {
            way.click();
            return;
        }
        let steps = all(".step");
        let Ok(length) = i32::try_from(steps.len()) else { return };
        if length == 0 {
            return;
        }
        let next = match current_step(document, &steps).and_then(|index| i32::try_from(index).ok()) {
            Some(index) => (index + by).clamp(0, length - 1),
            None => 0,
        };
        let Some(step) = usize::try_from(next).ok().and_then(|next| steps.into_iter().nth(next)) else { return };
        let _ = step.set_attribute("tabindex", "-1");
        if let Ok(step) = step.dyn_into::<HtmlElement>() {
            let _ = step.focus();
            step.scroll_into_view();
        }
    }

    /// Clocks every second; ages too, which mostly stay as they are.
    fn tick() {
        let now = now_seconds();
        for element in all("time[data-clock], time[data-ago], time[data-until]") {
            let Some(since) = element.get_attribute("datetime") else { continue };
            #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970 fit")]
            let since = (js_sys::Date::parse(&since) / 1_000.0) as i64;
            let words = match () {
                () if element.has_attribute("data-clock") => clock(now - since),
                () if element.has_attribute("data-until") => left(since - now),
                () => ago(now - since),
            };
            if element.text_content().as_deref() != Some(&words) {
                element.set_text_content(Some(&words));
            }
        }
        remind();
    }

    /// While people wait for a word that was promised, the tab says so: whoever is to say it may be looking elsewhere.
    fn remind() {
        const MARK: &str = "(!) ";
        let document = document();
        let title = document.title();
        let own = title.strip_prefix(MARK).unwrap_or(&title);
        let wanted = if all("[data-remind]").is_empty() { own.to_owned() } else { format!("{MARK}{own}") };
        if title != wanted {
            document.set_title(&wanted);
        }
    }

    /// As `components::time` says it on the server.
    fn ago(seconds: i64) -> String {
        match seconds {
            ..5 => "just now".to_owned(),
            5..60 => format!("{seconds} s ago"),
            60..3_600 => format!("{} min ago", seconds / 60),
            3_600..86_400 => format!("{} h ago", seconds / 3_600),
            86_400..172_800 => "yesterday".to_owned(),
            _ => format!("{} days ago", seconds / 86_400),
        }
    }

    /// As `components::incident::countdown` says it on the server.
    fn left(seconds: i64) -> String {
        if seconds < 0 { format!("−{}", clock(-seconds)) } else { clock(seconds) }
    }

    fn clock(seconds: i64) -> String {
        let seconds = seconds.max(0);
        let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        if hours > 0 { format!("{hours}:{minutes:02}:{rest:02}") } else { format!("{minutes}:{rest:02}") }
    }

    fn all_spied() -> Vec<Element> {
        all("[data-spy] a")
    }

    /// Marks the last heading that has passed the upper part of the window.
    fn mark_contents() {
        let document = document();
        let mut current: Option<Element> = None;
        let links = all_spied();
        for link in &links {
            let heading =
                link.get_attribute("href").and_then(|to| document.get_element_by_id(to.trim_start_matches('#')));
            if heading.is_some_and(|heading| heading.get_bounding_client_rect().top() < 140.0) {
                current = Some(link.clone());
            }
        }
        for link in links {
            if Some(&link) == current.as_ref() {
                let _ = link.set_attribute("aria-current", "location");
            } else {
                let _ = link.remove_attribute("aria-current");
            }
        }
    }
}
