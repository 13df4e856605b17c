//! What a server is made of that is started for some minutes and then thrown away: a folder, a port, a password.

use std::fs::{self, DirBuilder, File};
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use anyhow::{Context, Result, anyhow};

/// How the names of our folders in the system's temporary one begin.
const PREFIX: &str = "runbook-portal-";

/// A folder that only its owner enters. Dropping it removes it, and where that was never done, [`sweep`] does.
pub(crate) struct Folder {
    path: PathBuf,
    /// Locked as long as this process lives.
    _lock: File,
}

impl Folder {
    /// A new folder for `what`, in the system's temporary one.
    pub(crate) fn new(what: &str) -> Result<Self> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("{PREFIX}{what}-{}-{count}", std::process::id()));
        // Creating it fails where it exists: nobody else's folder is ever used, or removed.
        DirBuilder::new().mode(0o700).create(&path).with_context(|| format!("cannot create {}", path.display()))?;
        let lock = File::open(&path)
            .and_then(|folder| folder.lock().map(|()| folder))
            .with_context(|| format!("cannot lock {}", path.display()))?;
        Ok(Self { path, _lock: lock })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A path inside it.
    pub(crate) fn join(&self, inside: &str) -> PathBuf {
        self.path.join(inside)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.path));
    }
}

/// Removes the folders of processes that were killed before they could. What cannot be removed stays: it is no reason to
/// start nothing.
pub(crate) fn sweep() {
    for entry in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let Some(pid) = name.to_str().and_then(maker_of) else { continue };
        // The lock alone would do, were there no moment between making a folder and locking it. The number alone would
        // not: what shares a temporary folder may count its processes apart, as containers do.
        if !is_folder || Path::new("/proc").join(pid).exists() {
            continue;
        }
        if File::open(entry.path()).is_ok_and(|folder| folder.try_lock().is_ok()) {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

/// The process in a name that [`Folder::new`] makes: the 4711 of `runbook-portal-redis-4711-0`.
fn maker_of(name: &str) -> Option<&str> {
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = name.strip_prefix(PREFIX)?.rsplitn(3, '-');
    let _count = parts.next().filter(is_number)?;
    let pid = parts.next().filter(is_number)?;
    parts.next().map(|_| pid)
}

/// Ports that Linux gives to nobody who asks for just any (`ip_local_port_range` begins above them): between this and the
/// start of a server nobody takes one by chance.
const PORTS: std::ops::Range<u16> = 20_000..30_000;

/// A port on 127.0.0.1 that was free a moment ago, and that this process gives to nobody else.
pub(crate) fn free_port() -> Result<u16> {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let many = u32::from(PORTS.end - PORTS.start);
    for _ in 0..many {
        // Several of us may run at once: each begins somewhere else.
        let step = GIVEN.fetch_add(1, Ordering::Relaxed);
        let offset = std::process::id().wrapping_mul(61).wrapping_add(step) % many;
        let port = PORTS.start + u16::try_from(offset).unwrap_or_default();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err(anyhow!("no free port on 127.0.0.1 from {} to {}", PORTS.start, PORTS.end))
}

/// 128 random bits in hexadecimal: whoever else uses this machine cannot guess them.
pub(crate) fn random_word() -> Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).context("cannot read /dev/urandom")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::{Folder, PREFIX, maker_of, sweep};

    #[test]
    fn a_folder_goes_with_its_owner() {
        let folder = Folder::new("test").unwrap();
        let path = folder.path().to_path_buf();
        fs::write(folder.join("file"), "text").unwrap();
        assert!(path.is_dir());
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn what_a_dead_process_left_is_swept_and_what_a_live_one_has_is_not() {
        let alive = Folder::new("sweep").unwrap();
        let mut ended = Command::new("true").spawn().unwrap();
        ended.wait().unwrap();
        let dead = std::env::temp_dir().join(format!("{PREFIX}sweep-{}-0", ended.id()));
        fs::create_dir(&dead).unwrap();
        sweep();
        assert!(!dead.exists());
        assert!(alive.path().is_dir());
    }

    #[test]
    fn only_names_of_ours_are_swept() {
        assert_eq!(maker_of("runbook-portal-postgres-4711-0"), Some("4711"));
        assert_eq!(maker_of("runbook-portal-two-words-4711-12"), Some("4711"));
        assert_eq!(maker_of("runbook-portal-data"), None);
        assert_eq!(maker_of("runbook-portal-4711-0"), None);
        assert_eq!(maker_of("other-postgres-4711-0"), None);
    }
}
