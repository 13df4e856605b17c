//! What the form of “Roll back” posts to.

use leptos::prelude::*;
use leptos::server_fn::codec::{Post, PostUrl};
use operations::Error;

use super::{Document, answer, place, run_id};

/// Takes back what an execution changed; `command` is only where the page comes back to.
#[server(endpoint = "undo", input = PostUrl, output = Post<Document>)]
pub async fn undo(
    #[server(default)] run: String,
    #[server(default)] command: String,
    #[server(default)] execution: String,
) -> Result<String, ServerFnError> {
    let back = place(&run, &command);
    answer(&back, async |operations, caller| {
        let execution = execution.parse().map_err(|_| Error::NotFound("This execution"))?;
        operations.undo(&caller, run_id(&run)?, execution).await?;
        Ok(back.clone())
    })
    .await
}
