//! One call without a run: it only looks, and what it prints is kept.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use command::Effect;
use tokio_util::sync::CancellationToken;
use widget::{Answer, Trouble};

use crate::{Adapter, Call, CallEnded, CallIo, Environment, FileError, Stream};

/// What one call may print, in bytes.
const PRINTED: usize = 4 << 20;

/// How long a call may take to end what it has begun elsewhere: a query that runs on a server.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// Performs a call that only looks, and keeps what it prints. It is nobody's action: the trail does not hold it. It ends
/// early with `stop`.
///
/// # Errors
/// [`Trouble`] where it would do more than look, the environment does not permit it, it takes longer than `patience`, or
/// prints more than anybody reads. What the call itself says of a failure is in the answer.
pub async fn look(
    adapter: &dyn Adapter,
    environment: &Environment,
    argv: Vec<String>,
    patience: Duration,
    stop: &CancellationToken,
) -> Result<Answer, Trouble> {
    let action = command::classify(&argv).map_err(|refusal| Trouble::Forbidden(refusal.reason))?;
    if action.effect != Effect::Read || action.follows {
        return Err(Trouble::Forbidden(format!("{} {} does more than look.", action.tool, action.verb)));
    }
    let call = Call { argv, directory: "/".to_owned() };
    adapter.check(environment, &call).map_err(|refusal| Trouble::Forbidden(refusal.reason))?;
    let kept = Kept { printed: Mutex::default(), ended: stop.child_token() };
    let code = {
        let performing = adapter.perform(environment, &call, &kept);
        tokio::pin!(performing);
        match tokio::time::timeout(patience, &mut performing).await {
            Ok(code) => code,
            Err(_) => {
                // Dropped, it could not tell a server to stop.
                kept.ended.cancel();
                drop(tokio::time::timeout(GRACE, performing).await);
                return Err(Trouble::Unreachable(format!("No answer within {} s.", patience.as_secs())));
            }
        }
    };
    let Printed { stdout, stderr } = kept.printed.into_inner().unwrap_or_else(PoisonError::into_inner);
    if stdout.len() >= PRINTED {
        return Err(Trouble::Unreachable(format!("The answer is longer than {} MiB.", PRINTED >> 20)));
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Answer { code, stdout: text(&stdout), stderr: text(&stderr) })
}

#[derive(Default)]
struct Printed {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// A caller that nobody sees.
struct Kept {
    printed: Mutex<Printed>,
    ended: CancellationToken,
}

#[async_trait]
impl CallIo for Kept {
    async fn write(&self, stream: Stream, bytes: Bytes) -> Result<(), CallEnded> {
        let mut printed = self.printed.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = match stream {
            Stream::Stdout => &mut printed.stdout,
            Stream::Stderr => &mut printed.stderr,
            // Nobody opens a terminal here.
            Stream::Terminal | Stream::Resize => return Ok(()),
        };
        let room = PRINTED - kept.len();
        kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if bytes.len() < room {
            return Ok(());
        }
        self.ended.cancel();
        Err(CallEnded)
    }

    async fn read_stdin(&self) -> Result<Option<Bytes>, CallEnded> {
        Ok(None)
    }

    async fn read_file(&self, _: &str, _: usize) -> Result<Bytes, FileError> {
        Err(FileError::Unreadable("No such file or directory".to_owned()))
    }

    fn workspace(&self) -> Option<&Path> {
        None
    }

    fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }
}
