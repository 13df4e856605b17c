//! Pages arrive whole when many ask at once: a page that is streamed may stall on few cores.

use std::sync::Arc;

use operations::Role;

use super::front_door::TestApp;

const REQUESTS: usize = 1_000;
const AT_ONCE: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_pages_twenty_at_a_time_all_end() {
    let mut text = String::from("# Shop\n");
    for number in 1..30 {
        text.push_str(&format!(
            "\n## Procedure {number}\n\n```bash\n# Look\nkubectl get pods -n fintech-banking\n```\n"
        ));
    }
    let app = TestApp::start(&text).await;
    let browser = Arc::new(app.signed_in(Role::Viewer).await);
    let addresses = ["/", "/runbooks", "/runbooks/shop", "/runbooks/shop/procedure-7", "/search?q=pods"];
    let mut asking = tokio::task::JoinSet::new();
    for worker in 0..AT_ONCE {
        let browser = browser.clone();
        asking.spawn(async move {
            for request in 0..REQUESTS / AT_ONCE {
                let address = addresses[(worker + request) % addresses.len()];
                let body = browser.text(address).await;
                // Leptos writes its (empty) table of resources behind the document.
                let whole = body.contains("</html>") && body.trim_end().ends_with("</script>");
                assert!(whole, "{address} is cut after {} bytes", body.len());
            }
        });
    }
    while let Some(ended) = asking.join_next().await {
        ended.unwrap();
    }
    app.stop().await;
}
