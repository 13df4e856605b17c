//! Finds out, once at the start, how this machine can sandbox, by doing it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::bubblewrap::{self, Binds, Mode};
use crate::folder::{Content, Folder};
use crate::{inside, workspace};

/// bubblewrap, where it is installed, by a path that no environment decides.
const BUBBLEWRAP: [&str; 3] = ["/usr/bin/bwrap", "/usr/local/bin/bwrap", "/bin/bwrap"];

/// The first of the run's own users and how many, high above what systems give out (`systemd` ends at 2^31, container
/// tools begin at 100000 and count in 65536).
const OWN_USERS: (u32, u32) = (0x4000_0000, 1 << 24);
/// The user for a machine that is itself a container with few users: `nobody`.
const NOBODY: (u32, u32) = (65534, 1);

/// A way that works.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) bubblewrap: &'static Path,
    pub(crate) mode: Mode,
}

/// Tries what may work, best first. The text of an error is for people, with the next step.
pub(crate) fn probe(data: &Path, shim: &Path) -> Result<Found, String> {
    let Some(bubblewrap) = BUBBLEWRAP.map(Path::new).into_iter().find(|path| path.is_file()) else {
        return Err("bubblewrap is not installed, and nothing is run without it. Install it (Debian and Ubuntu: \
                    `apt-get install bubblewrap`; Fedora: `dnf install bubblewrap`) and start the portal again."
            .into());
    };
    if !shim.is_file() {
        return Err(format!(
            "the program `{}` is not beside the portal, and nothing is run without it. Install it from the same build.",
            inside::SHIM_NAME
        ));
    }
    let mut reasons = String::new();
    for mode in modes() {
        match attempt(bubblewrap, mode, data, shim) {
            Ok(()) => return Ok(Found { bubblewrap, mode }),
            Err(reason) => reasons = reason,
        }
    }
    Err(format!(
        "bubblewrap does not work on this machine, and nothing is run without it. {} It said: {reasons}",
        advice()
    ))
}

fn modes() -> Vec<Mode> {
    let by_namespace = [Mode::User { sealed: true }, Mode::User { sealed: false }];
    if !rustix::process::geteuid().is_root() {
        return by_namespace.into();
    }
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let mut modes: Vec<Mode> =
        [OWN_USERS, NOBODY].into_iter().filter(|users| maps(&map, *users)).map(|users| Mode::Root { users }).collect();
    // The machine's root keeps its id in a user namespace, and with it the files of `/proc/sys` and no process limit.
    if !may_be_the_machines_root(&map) {
        modes.extend(by_namespace);
    }
    modes
}

/// Whether user 0 here may be user 0 of the machine; a map only says what it is one namespace further out.
fn may_be_the_machines_root(map: &str) -> bool {
    !map.lines().any(|line| {
        let mut numbers = line.split_ascii_whitespace();
        numbers.next() == Some("0") && numbers.next().is_some_and(|outside| outside != "0")
    })
}

/// Whether all these users exist here (`user_namespaces(7)`: lines of first inside, first outside, count).
fn maps(map: &str, (first, count): (u32, u32)) -> bool {
    map.lines().any(|line| {
        let mut numbers = line.split_ascii_whitespace().map_while(|number| number.parse::<u64>().ok());
        match (numbers.next(), numbers.next(), numbers.next()) {
            (Some(inside), Some(_), Some(length)) => {
                inside <= u64::from(first) && u64::from(first) + u64::from(count) <= inside + length
            }
            _ => false,
        }
    })
}

/// The whole sandbox, with the shim doing nothing in it.
fn attempt(bubblewrap: &Path, mode: Mode, data: &Path, shim: &Path) -> Result<(), String> {
    let said = |error: std::io::Error| error.to_string();
    let workspace = data.join("workspaces/.probe");
    workspace::open(&workspace, mode.owner(0), &[]).map_err(said)?;
    let content = Content { script: "", variables: &BTreeMap::new(), brokered: &[], user: mode.user(0) };
    let (folder, _socket) = Folder::create(data.join("executions/.probe"), &content).map_err(said)?;
    let binds = Binds { folder: folder.path(), workspace: &workspace, shim, brokered: &[] };
    let output = Command::new(bubblewrap)
        .args(bubblewrap::arguments(mode, &binds))
        .args([inside::SHIM, "--check"])
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .map_err(said)?;
    drop(folder);
    let _ = workspace::remove(&workspace);
    if output.status.success() { Ok(()) } else { Err(crate::execution::last_words(&output.stderr)) }
}

/// What to do, as far as this machine says why.
fn advice() -> &'static str {
    let setting =
        |name: &str| std::fs::read_to_string(format!("/proc/sys/{name}")).map(|text| text.trim().to_owned()).ok();
    if setting("kernel/unprivileged_userns_clone").as_deref() == Some("0") {
        "User namespaces are switched off: `sysctl -w kernel.unprivileged_userns_clone=1` allows them."
    } else if setting("user/max_user_namespaces").as_deref() == Some("0") {
        "User namespaces are switched off: `sysctl -w user.max_user_namespaces=10000` allows them."
    } else if setting("kernel/apparmor_restrict_unprivileged_userns").as_deref() == Some("1") {
        "AppArmor restricts user namespaces: give /usr/bin/bwrap a profile with the rule `userns,` or set \
         `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`."
    } else {
        "In a container, allow it user namespaces (Docker: `--security-opt seccomp=unconfined --security-opt \
         systempaths=unconfined`)."
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_must_exist() {
        let machine = "         0          0 4294967295\n";
        assert!(maps(machine, OWN_USERS) && maps(machine, NOBODY));
        let container = "0 1000 1\n1 100000 65536\n";
        assert!(!maps(container, OWN_USERS) && maps(container, NOBODY));
        assert!(!maps("0 1000 1\n", NOBODY) && !maps("", NOBODY));
    }

    #[test]
    fn the_machines_root_is_never_only_mapped() {
        for map in ["         0          0 4294967295\n", "", "1000 1000 1\n", "0 0 1\n1 100000 65536\n"] {
            assert!(may_be_the_machines_root(map), "{map}");
        }
        assert!(!may_be_the_machines_root("         0       1000          1\n"));
    }
}
