//! Starts a practice cluster and writes its kubeconfig to standard output; ends at Ctrl-C.
//!
//! Usage: `practice [SPEED]`, then `kubectl --kubeconfig FILE get pods -A`.

use practice::Practice;
use std::io::Write;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let speed = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1.0);
    let practice = Practice::builder().speed(speed).start(([127, 0, 0, 1], 0).into()).await?;
    let mut out = std::io::stdout();
    out.write_all(practice.kubeconfig().as_bytes())?;
    out.flush()?;
    tokio::signal::ctrl_c().await?;
    practice.shutdown().await;
    Ok(())
}
