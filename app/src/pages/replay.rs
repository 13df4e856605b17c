//! The recording of a terminal, to be played.

use leptos::prelude::*;
use operations::{Error, ExecutionId};

use crate::components::frame::{Here, Page};
use crate::components::script;
use crate::visit::Visit;

pub(crate) async fn page(visit: Visit) -> Result<Page, Error> {
    let execution: ExecutionId = visit.param("execution").parse().map_err(|_| Error::NotFound("This recording"))?;
    let title = visit.operations.recording(&visit.caller, execution).await?;
    let cast = format!("/executions/{execution}/cast");
    let body = view! {
        <main id="main" class="page replay">
            <p class="crumbs"><a href="/history">"History"</a></p>
            <h1>"Recording"</h1>
            <p class="mono">{title}</p>
            <section class="terminal-frame" data-cast=cast.clone() aria-label="Recording of a terminal">
                <div class="terminal-bar replay-bar">
                    <button class="button small" type="button" data-replay="play" disabled>"▶ Play"</button>
                    <label>
                        "Speed "
                        <select data-replay="speed" disabled>
                            <option value="1">"1×"</option>
                            <option value="2">"2×"</option>
                            <option value="4">"4×"</option>
                        </select>
                    </label>
                    <label><input type="checkbox" data-replay="skip" checked disabled/>" Skip pauses"</label>
                    <input
                        class="replay-position"
                        type="range"
                        min="0"
                        step="any"
                        value="0"
                        data-replay="position"
                        aria-label="Position"
                        disabled
                    />
                    <span class="mono" data-replay="time"></span>
                </div>
                <div class="terminal-screen" data-terminal-screen=""></div>
                <p class="terminal-foot muted" role="status" data-terminal-status="">
                    "Playing needs JavaScript; the file can be played with asciinema."
                </p>
            </section>
            <p>
                <a class="button" href=cast download="">"Download as asciicast"</a>
                " "
                <a class="button" href=format!("/executions/{execution}/output") download="">"Download as text"</a>
            </p>
            <p class="muted">
                "Recorded is what the program printed, without secrets that the portal knows. Keys are recorded as far as the program echoed them: a password that is typed without an echo is not in it."
            </p>
            {script::terminals()}
        </main>
    };
    Ok(Page::new(Here::History, "Recording".to_owned(), body))
}
