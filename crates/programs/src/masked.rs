//! Takes the secrets of a call out of what its program prints, also where they come in pieces.

use std::path::Path;

use async_trait::async_trait;
use bytes::Bytes;
use command::mask::MASK;
use operations::{CallEnded, CallIo, FileError, Stream};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// Shorter ones stand in too many places by chance.
const SHORTEST: usize = 6;

/// The caller, as a program sees it that holds secrets.
pub(crate) struct Masked<'a> {
    io: &'a dyn CallIo,
    streams: [Mutex<Mask>; 3],
}

impl<'a> Masked<'a> {
    pub(crate) fn new(io: &'a dyn CallIo, secrets: &[String]) -> Self {
        let secrets: Vec<Vec<u8>> = secrets
            .iter()
            .filter(|secret| secret.len() >= SHORTEST)
            .map(|secret| secret.clone().into_bytes())
            .collect();
        let mask = || Mutex::new(Mask { secrets: secrets.clone(), held: Vec::new() });
        Self { io, streams: [mask(), mask(), mask()] }
    }

    /// Hands on what was held back because a secret could have begun there.
    pub(crate) async fn finish(self) {
        for (stream, mask) in [Stream::Stdout, Stream::Stderr, Stream::Terminal].into_iter().zip(self.streams) {
            let held = mask.into_inner().held;
            if !held.is_empty() && self.io.write(stream, held.into()).await.is_err() {
                return;
            }
        }
    }
}

struct Mask {
    secrets: Vec<Vec<u8>>,
    held: Vec<u8>,
}

impl Mask {
    fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut waiting = std::mem::take(&mut self.held);
        waiting.extend_from_slice(bytes);
        let mut passed = Vec::with_capacity(waiting.len());
        let mut rest = waiting.as_slice();
        while let Some(first) = rest.first() {
            let begins = || self.secrets.iter().filter(|secret| secret.first() == Some(first));
            if let Some(secret) = begins().filter(|secret| rest.starts_with(secret)).max_by_key(|secret| secret.len()) {
                passed.extend_from_slice(MASK.as_bytes());
                rest = &rest[secret.len()..];
            } else if begins().any(|secret| secret.starts_with(rest)) {
                self.held = rest.to_vec();
                break;
            } else {
                passed.push(*first);
                rest = &rest[1..];
            }
        }
        passed
    }
}

#[async_trait]
impl CallIo for Masked<'_> {
    async fn write(&self, stream: Stream, bytes: Bytes) -> Result<(), CallEnded> {
        let at = match stream {
            Stream::Stdout => 0,
            Stream::Stderr => 1,
            Stream::Terminal => 2,
            Stream::Resize => return self.io.write(stream, bytes).await,
        };
        let mut mask = self.streams[at].lock().await;
        let bytes = if mask.secrets.is_empty() { bytes } else { mask.pass(&bytes).into() };
        if bytes.is_empty() { Ok(()) } else { self.io.write(stream, bytes).await }
    }

    async fn read_stdin(&self) -> Result<Option<Bytes>, CallEnded> {
        self.io.read_stdin().await
    }

    async fn read_file(&self, path: &str, most: usize) -> Result<Bytes, FileError> {
        self.io.read_file(path, most).await
    }

    fn workspace(&self) -> Option<&Path> {
        self.io.workspace()
    }

    fn ended(&self) -> CancellationToken {
        self.io.ended()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_however_it_is_cut() {
        let text = b"a hunter2 hunhunter2hunter22 hunter";
        for cut in 0..text.len() {
            for second in cut..text.len() {
                let mut mask = Mask { secrets: vec![b"hunter2".to_vec(), b"hunter22".to_vec()], held: Vec::new() };
                let mut passed = mask.pass(&text[..cut]);
                passed.extend(mask.pass(&text[cut..second]));
                passed.extend(mask.pass(&text[second..]));
                passed.extend(mask.held);
                let passed = String::from_utf8(passed).unwrap();
                assert!(!passed.contains("hunter2"), "{passed}");
                assert!(passed.starts_with("a •") && passed.ends_with(" hunter"), "{passed}");
            }
        }
    }
}
