//! The folder that the steps of one run share. What is in it is the scripts' and hostile: links are never followed,
//! and no depth and no number of entries can make the portal run out of anything.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, lchown};
use std::path::{Component, Path};
use std::sync::atomic::{AtomicU64, Ordering};

use operations::RepositoryFile;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, chmodat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;

/// Files and folders of one workspace at most.
const ENTRIES: u64 = 200_000;
/// Folders within each other at most.
const DEPTH: usize = 64;
/// How the extension of a folder begins that is still being filled; the process and a number follow.
const UNFINISHED: &str = "new-";

/// Makes the folder where it is not there yet, with these files in it, and gives it to the run's own user.
pub(crate) fn open(path: &Path, owner: Option<u32>, files: &[RepositoryFile]) -> io::Result<()> {
    if fs::symlink_metadata(path).is_err() {
        // Filled beside its place, so that a workspace is whole as soon as it is there. Two commands may be pressed at once.
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let new = path.with_extension(format!("{UNFINISHED}{}-{number}", std::process::id()));
        fs::DirBuilder::new().mode(0o700).create(&new)?;
        let filled = fill(&new, owner, files).and_then(|()| fs::rename(&new, path));
        if let Err(error) = filled {
            remove(&new)?;
            if fs::symlink_metadata(path).is_err() {
                return Err(error);
            }
        }
    }
    if !fs::symlink_metadata(path)?.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotADirectory, "the run's workspace is not a folder"));
    }
    // A script may have taken its own folder's permissions away.
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    owner.map_or(Ok(()), |owner| lchown(path, Some(owner), Some(owner)))
}

/// Whether this is a folder that [`open`] was filling. A workspace that is whole has no extension: it is called after its
/// run.
pub(crate) fn is_unfinished(path: &Path) -> bool {
    path.extension().and_then(|extension| extension.to_str()).is_some_and(|extension| extension.starts_with(UNFINISHED))
}

/// Writes files into a new folder. Paths that lead out of it are left out.
fn fill(folder: &Path, owner: Option<u32>, files: &[RepositoryFile]) -> io::Result<()> {
    let give = |path: &Path| owner.map_or(Ok(()), |owner| lchown(path, Some(owner), Some(owner)));
    for file in files {
        let mut at = folder.to_owned();
        let parts: Vec<_> = Path::new(&file.path).components().collect();
        let Some((Component::Normal(name), folders)) = parts.split_last() else { continue };
        if !folders.iter().all(|part| matches!(part, Component::Normal(_))) {
            continue;
        }
        for part in folders {
            at.push(part);
            match fs::DirBuilder::new().mode(0o700).create(&at) {
                Ok(()) => give(&at)?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        at.push(name);
        let mode = if file.executable { 0o700 } else { 0o600 };
        fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&at)?.write_all(&file.content)?;
        give(&at)?;
    }
    Ok(())
}

fn folder(at: impl std::os::fd::AsFd, name: impl rustix::path::Arg) -> rustix::io::Result<OwnedFd> {
    openat(at, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

/// What a workspace holds that it may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TooMuch {
    #[error("its files in /workspace are larger than {0} MiB together")]
    Bytes(u64),
    #[error("there are more than {ENTRIES} files in /workspace")]
    Entries,
    #[error("folders in /workspace are more than {DEPTH} levels deep")]
    Depth,
    #[error("a folder in /workspace cannot be read by its owner")]
    Closed,
}

/// Adds up the space on disk. Files that vanish meanwhile are left out.
pub(crate) fn measure(path: &Path, most: u64) -> Result<(), TooMuch> {
    let Ok(top) = folder(CWD, path).and_then(Dir::read_from) else {
        return Ok(());
    };
    let (mut bytes, mut entries, mut stack) = (0_u64, 0_u64, vec![top]);
    loop {
        let depth = stack.len();
        let Some(last) = stack.last_mut() else {
            return Ok(());
        };
        let Some(Ok(entry)) = last.read() else {
            stack.pop();
            continue;
        };
        let name = entry.file_name();
        if [c".", c".."].contains(&name) {
            continue;
        }
        let Ok(at) = last.fd() else { continue };
        let Ok(stat) = statat(at, name, AtFlags::SYMLINK_NOFOLLOW) else {
            continue;
        };
        entries += 1;
        bytes = bytes.saturating_add(u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512));
        if bytes > most {
            return Err(TooMuch::Bytes(most >> 20));
        }
        if entries > ENTRIES {
            return Err(TooMuch::Entries);
        }
        if FileType::from_raw_mode(stat.st_mode).is_dir() {
            if depth > DEPTH {
                return Err(TooMuch::Depth);
            }
            match folder(at, name).and_then(Dir::read_from) {
                Ok(inner) => stack.push(inner),
                // What a script closed to itself, an ordinary user's portal cannot look into either.
                Err(Errno::ACCESS) => return Err(TooMuch::Closed),
                // It has just vanished.
                Err(_) => {}
            }
        }
    }
}

/// Removes the folder. Inner folders are first moved up to the top, so that any depth takes two open folders only.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    let top = match folder(CWD, path) {
        Ok(top) => top,
        Err(Errno::NOENT) => return Ok(()),
        // A link or a file in its place: only that goes.
        Err(Errno::NOTDIR | Errno::LOOP) => return fs::remove_file(path),
        Err(Errno::ACCESS) => {
            fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
            folder(CWD, path)?
        }
        Err(error) => return Err(error.into()),
    };
    rustix::fs::fchmod(&top, Mode::RWXU)?;
    let mut moved = 0_u64;
    let mut waiting: VecDeque<String> = empty(&top, &top, &mut moved)?.into();
    while let Some(name) = waiting.pop_front() {
        chmodat(&top, name.as_str(), Mode::RWXU, AtFlags::empty())?;
        waiting.extend(empty(&top, &folder(&top, name.as_str())?, &mut moved)?);
        unlinkat(&top, name.as_str(), AtFlags::REMOVEDIR)?;
    }
    fs::remove_dir(path)
}

/// Removes the files of a folder and moves its folders to the top; returns their names there.
fn empty(top: &OwnedFd, from: &OwnedFd, moved: &mut u64) -> io::Result<Vec<String>> {
    let mut folders = Vec::new();
    let mut names = Vec::new();
    for entry in Dir::read_from(from)? {
        let name = entry?.file_name().to_owned();
        if ![c".", c".."].contains(&name.as_c_str()) {
            names.push(name);
        }
    }
    for name in names {
        let stat = statat(from, &name, AtFlags::SYMLINK_NOFOLLOW)?;
        if !FileType::from_raw_mode(stat.st_mode).is_dir() {
            unlinkat(from, &name, AtFlags::empty())?;
            continue;
        }
        // Moving a folder changes its `..`, which needs write permission on it; just seen not to be a link.
        chmodat(from, &name, Mode::RWXU, AtFlags::empty())?;
        // A name that no script could have guessed and put here before.
        let new = loop {
            *moved += 1;
            let new = format!(".removed-{moved}");
            match statat(top, new.as_str(), AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => break new,
                Ok(_) => {}
                Err(error) => return Err(error.into()),
            }
        };
        renameat(from, &name, top, new.as_str())?;
        folders.push(new);
    }
    Ok(folders)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn removing_follows_no_link() {
        let folder = tempfile::tempdir().unwrap();
        let outside = folder.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("kept"), "x").unwrap();
        let workspace = folder.path().join("workspace");
        open(&workspace, None, &[]).unwrap();
        fs::create_dir_all(workspace.join("a/b")).unwrap();
        fs::write(workspace.join("a/.removed-1"), "x").unwrap();
        fs::create_dir_all(workspace.join(".removed-1/.removed-2")).unwrap();
        symlink(&outside, workspace.join("link")).unwrap();
        symlink(&outside, workspace.join("a/b/link")).unwrap();
        fs::set_permissions(workspace.join("a"), fs::Permissions::from_mode(0o0)).unwrap();
        remove(&workspace).unwrap();
        assert!(!workspace.exists());
        assert!(outside.join("kept").exists());

        symlink(&outside, &workspace).unwrap();
        assert!(open(&workspace, None, &[]).is_err());
        remove(&workspace).unwrap();
        assert!(outside.join("kept").exists());
        remove(&workspace).unwrap();
    }

    #[test]
    fn a_new_workspace_holds_the_files_it_is_given_and_none_outside() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = folder.path().join("workspace");
        let file = |path: &str, executable| RepositoryFile {
            path: path.to_owned(),
            content: bytes::Bytes::from_static(b"x"),
            executable,
        };
        let files =
            [file("scripts/lib/a.sh", true), file("b", false), file("../out", false), file("/tmp/x/out", false)];
        open(&workspace, None, &files).unwrap();
        let mode = |path: &str| fs::metadata(workspace.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("scripts/lib/a.sh"), mode("b")), (0o700, 0o600));
        assert_eq!(fs::read_dir(&workspace).unwrap().count(), 2);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

        fs::write(workspace.join("b"), "changed").unwrap();
        open(&workspace, None, &files).unwrap();
        assert_eq!(fs::read(workspace.join("b")).unwrap(), b"changed", "only a new workspace is filled");
    }

    #[test]
    fn any_depth_is_refused_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = folder.path().join("workspace");
        open(&workspace, None, &[]).unwrap();
        let mut at = super::folder(CWD, &workspace).unwrap();
        for _ in 0..5000 {
            rustix::fs::mkdirat(&at, "d", Mode::RWXU).unwrap();
            at = super::folder(&at, "d").unwrap();
        }
        assert_eq!(measure(&workspace, u64::MAX), Err(TooMuch::Depth));
        remove(&workspace).unwrap();
        assert!(!workspace.exists());
    }

    #[test]
    fn sizes_are_what_the_disk_holds() {
        let workspace = tempfile::tempdir().unwrap();
        fs::File::create(workspace.path().join("sparse")).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(measure(workspace.path(), 1 << 20), Ok(()));
        fs::write(workspace.path().join("full"), vec![1; 2 << 20]).unwrap();
        assert_eq!(measure(workspace.path(), 1 << 20), Err(TooMuch::Bytes(1)));
    }
}
