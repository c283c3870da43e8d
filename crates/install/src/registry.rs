//! Which targets this user has installed into: a directory of links to their state directories, `$XDG_STATE_HOME/rmcp/installations` or
//! `~/.local/state/rmcp/installations`. It lets `rmcp status` without arguments, and recovery by any command, find them. A link that leads nowhere counts as none.

use std::path::PathBuf;

use crate::{Kind, Target};

/// Remembers `target`; failing is no error.
pub fn add(target: &Target) {
    let _ = target;
    unimplemented!()
}

/// Forgets it, and removes the directories if they are empty then.
pub fn remove(target: &Target) {
    let _ = target;
    unimplemented!()
}

/// All that are known: kind and base. The system's own state is among them if it exists, whoever installed it.
pub fn all() -> Vec<(Kind, PathBuf)> {
    unimplemented!()
}
