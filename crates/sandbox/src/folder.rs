//! The folder of one execution: all that is inside the sandbox and neither the machine's nor the run's.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use crate::{inside, variables};

/// Removed with everything in it when dropped. The script can only read it.
pub(crate) struct Folder {
    path: PathBuf,
}

/// What goes into it.
pub(crate) struct Content<'a> {
    pub(crate) script: &'a str,
    pub(crate) variables: &'a BTreeMap<String, String>,
    pub(crate) brokered: &'a [String],
    /// The user id that the script has inside.
    pub(crate) user: u32,
}

impl Folder {
    /// Makes the folder and the socket in it.
    pub(crate) fn create(path: PathBuf, content: &Content<'_>) -> io::Result<(Self, UnixListener)> {
        fs::DirBuilder::new().mode(0o755).create(&path)?;
        let folder = Self { path };
        folder.fill(content)?;
        let listener = folder.listen()?;
        Ok((folder, listener))
    }

    /// The same for an errand, which is given everything over the socket.
    pub(crate) fn for_errand(path: PathBuf, user: u32) -> io::Result<(Self, UnixListener)> {
        fs::DirBuilder::new().mode(0o755).create(&path)?;
        let folder = Self { path };
        folder.system(user, "/tmp")?;
        folder.write(inside::SHIM_NAME, 0o644, b"")?;
        let listener = folder.listen()?;
        Ok((folder, listener))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What programs ask the system for: names of users and of this machine.
    fn system(&self, user: u32, home: &str) -> io::Result<()> {
        let passwd =
            format!("root:x:0:0:root:/root:/usr/sbin/nologin\nrunbook:x:{user}:{user}:runbook:{home}:/bin/bash\n");
        for (name, text) in [
            ("passwd", passwd.as_bytes()),
            ("group", format!("root:x:0:\nrunbook:x:{user}:\n").as_bytes()),
            ("hosts", b"127.0.0.1 localhost runbook\n::1 localhost\n"),
            ("nsswitch.conf", b"passwd: files\ngroup: files\nhosts: files\n"),
        ] {
            self.write(name, 0o644, text)?;
        }
        Ok(())
    }

    fn fill(&self, content: &Content<'_>) -> io::Result<()> {
        self.system(content.user, inside::WORKSPACE)?;
        for (name, text) in [
            ("step", content.script.as_bytes()),
            ("variables", &variables::encode(content.variables)),
            ("start", include_bytes!("bash/start.bash")),
            ("functions", include_bytes!("bash/functions.bash")),
            (inside::SHIM_NAME, b""),
        ] {
            self.write(name, 0o644, text)?;
        }
        let programs = self.path.join("bin");
        fs::DirBuilder::new().mode(0o755).create(&programs)?;
        fs::set_permissions(&programs, fs::Permissions::from_mode(0o755))?;
        let partly = inside::PARTLY.iter().map(|(name, _)| (*name).to_owned());
        let more: Vec<String> = partly.filter(|name| !content.brokered.contains(name)).collect();
        for name in content.brokered.iter().chain(&more) {
            if !is_program(name) {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "not the name of a program"));
            }
            symlink(inside::SHIM, programs.join(name))?;
        }
        if content.brokered.iter().all(|name| name != "watch") {
            self.write("bin/watch", 0o755, include_bytes!("bash/watch.bash"))?;
        }
        Ok(())
    }

    fn write(&self, name: &str, mode: u32, text: &[u8]) -> io::Result<()> {
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(self.path.join(name))?;
        // Whatever the portal's umask is, the script's user must be able to read this.
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        io::Write::write_all(&mut &file, text)
    }

    /// A socket's address holds 108 bytes (`unix(7)`), so the folder is named by its descriptor. The folder above is
    /// the portal's alone: nobody else on the machine comes near the socket.
    fn listen(&self) -> io::Result<UnixListener> {
        fs::set_permissions(&self.path, fs::Permissions::from_mode(0o755))?;
        let folder = fs::File::open(&self.path)?;
        let listener = UnixListener::bind(format!("/proc/self/fd/{}/socket", folder.as_raw_fd()))?;
        fs::set_permissions(self.path.join("socket"), fs::Permissions::from_mode(0o666))?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(%error, "an execution's folder could not be removed");
        }
    }
}

/// A file name that cannot be mistaken for a path, an option, or the shim's own name.
fn is_program(name: &str) -> bool {
    name != inside::SHIM_NAME
        && name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_program_is_no_path() {
        for name in ["kubectl", "redis-cli", "python3.11", "g++"] {
            assert!(is_program(name), "{name}");
        }
        for name in ["", ".", "..", "../x", "a/b", "-x", "runbook-shim", "a b", "a\0b"] {
            assert!(!is_program(name), "{name}");
        }
    }
}
