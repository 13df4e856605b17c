//! Where things are inside the sandbox: what the portal binds there, and the shim looks for.

/// The folder of one execution, read-only.
pub const FOLDER: &str = "/run/runbook";
/// The socket of one execution: its address is all that tells the broker who calls.
pub const SOCKET: &str = "/run/runbook/socket";
/// The shim under the name by which it takes orders (`--launch`, `--call`, `--export`, `--check`, and outside `--hold`).
pub const SHIM: &str = "/run/runbook/runbook-shim";
/// That name. Under every other name the shim is a call of the program of that name.
pub const SHIM_NAME: &str = "runbook-shim";
/// First on `PATH`: a link to the shim for each brokered program, and the sandbox's own `watch`.
pub const PROGRAMS: &str = "/run/runbook/bin";
/// What bash runs: the preamble, which then reads [`STEP`].
pub const START: &str = "/run/runbook/start";
/// The script of the step.
pub const STEP: &str = "/run/runbook/step";
/// Environment variables of the script, `NAME=value`, each ended by NUL. They are set by the launcher and not by
/// bubblewrap, so that none of them (`LD_PRELOAD`) can act on a program that still holds a capability.
pub const VARIABLES: &str = "/run/runbook/variables";
/// Read by every bash in the sandbox (`BASH_ENV`).
pub const FUNCTIONS: &str = "/run/runbook/functions";
/// The run's folder, shared by its steps.
pub const WORKSPACE: &str = "/workspace";

/// In an errand: files that it was given, such as the certificate of an authority. Memory, and only in that sandbox.
pub const FILES: &str = "/run/files";
/// Doors of one errand at most.
pub const DOORS: usize = 8;
/// Programs that reach out with some of their commands and compute with the rest: only those commands are calls. They
/// are links to the shim on `PATH` whatever else is brokered, and the shim runs the machine's own program otherwise.
pub const PARTLY: [(&str, &[&str]); 1] = [("openssl", &["s_client", "s_time"])];

/// What an errand finds in its environment beside what it is given. Its home is empty: nothing that a script left in
/// the workspace can configure it.
pub const ERRAND_ENVIRONMENT: [(&str, &str); 8] = [
    ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ("HOME", "/tmp"),
    ("TMPDIR", "/tmp"),
    ("USER", "runbook"),
    ("LOGNAME", "runbook"),
    ("LANG", "C.UTF-8"),
    ("TERM", "dumb"),
    ("PAGER", "cat"),
];

/// What the sandbox sets in the environment. None of it can be given or carried over from step to step.
pub const ENVIRONMENT: [(&str, &str); 11] = [
    ("PATH", "/run/runbook/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ("BASH_ENV", FUNCTIONS),
    ("HOME", WORKSPACE),
    ("TMPDIR", "/tmp"),
    ("USER", "runbook"),
    ("LOGNAME", "runbook"),
    ("SHELL", "/bin/bash"),
    ("LANG", "C.UTF-8"),
    ("TERM", "xterm-256color"),
    ("PAGER", "cat"),
    // The home is the workspace, which every step of the run writes: Python would load modules from there.
    ("PYTHONNOUSERSITE", "1"),
];
