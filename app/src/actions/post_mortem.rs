//! What the forms of a post-mortem post to.

use leptos::prelude::*;
use leptos::server_fn::codec::{Post, PostUrl};
use operations::{Error, IncidentId};

use super::{Document, Reply, answer, path_part, reply};
use crate::document::secret_page;

fn incident_id(text: &str) -> Result<IncidentId, Error> {
    text.parse().map_err(|_| Error::NotFound("This incident"))
}

fn place(incident: &str) -> String {
    format!("/incidents/{}/post-mortem", path_part(incident))
}

/// Keeps a post-mortem as somebody wrote it; an empty one lets it be written from the trail again. `read` names the text
/// that the form began with.
#[server(endpoint = "keep_post_mortem", input = PostUrl, output = Post<Document>)]
pub async fn keep_post_mortem(
    #[server(default)] incident: String,
    #[server(default)] text: String,
    #[server(default)] read: String,
) -> Result<String, ServerFnError> {
    let back = place(&incident);
    reply(&back, &text, async |operations, caller| {
        operations.keep_post_mortem(&caller, incident_id(&incident)?, &text, &read).await?;
        Ok(Reply::Address(back.clone()))
    })
    .await
}

/// Makes an address under which others may read what was kept. It is shown in the answer and nowhere again: only its
/// hash is kept.
#[server(endpoint = "share_post_mortem", input = PostUrl, output = Post<Document>)]
pub async fn share_post_mortem(#[server(default)] incident: String) -> Result<String, ServerFnError> {
    let back = place(&incident);
    reply(&back, "", async |operations, caller| {
        let key = operations.share_post_mortem(&caller, incident_id(&incident)?).await?;
        let plain = operations.address(&format!("/shared/post-mortems/{key}"));
        let text = "Whoever has this address reads the post-mortem as it is kept, without signing in, until you stop \
                    sharing it. It is shown here once: copy it now. An address made before it is void.";
        let document = secret_page("The link", text, &plain, (&back, "Back to the post-mortem"));
        Ok(Reply::Once { document, plain })
    })
    .await
}

/// Voids the address under which others may read a post-mortem.
#[server(endpoint = "unshare_post_mortem", input = PostUrl, output = Post<Document>)]
pub async fn unshare_post_mortem(#[server(default)] incident: String) -> Result<String, ServerFnError> {
    let back = place(&incident);
    answer(&back, async |operations, caller| {
        operations.unshare_post_mortem(&caller, incident_id(&incident)?).await?;
        Ok(back.clone())
    })
    .await
}
