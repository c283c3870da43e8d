//! Installation in place: fronts under the names of AMD's libraries, and the way back.
//!
//! A call goes through the modules in this order: [`Target`] says which tree and which of its directories; [`Inventory`] what stands in them, by reading
//! every file and trusting no record of ours; [`Plan`] what is to be done about it, as steps, without doing anything; [`Session`] holds the lock, carries the steps
//! out through a journal, and completes or undoes what a crash left. `docs/install.md` has the layout and the reasons.
//!
//! # What stands in a directory after an installation
//!
//! * `libamdhip64.so.5.2.21153`: the front, under the name of the regular file that the real library had. Links to it are left alone.
//! * `rmcp-real-libamdhip64.so.5.2.21153`: the real library, the same inode as before. Not named `lib*`, so that ldconfig does not find it; in the same directory, so
//!   that its `$ORIGIN` is what it was.
//! * `rmcp-0.1.0-1a2b3c4d/librmcp.so`: the core, in a directory named by version and content ([`Core::directory`]). The fronts beside it have the search path
//!   `$ORIGIN/rmcp-0.1.0-1a2b3c4d`, and the absolute one behind it for programs that come by a link in another directory or run in secure execution.
//!
//! Nothing is ever written into an existing file: new inodes, `link(2)` and `rename(2)`. So hard links into package caches and the mappings of running processes stay as they
//! are, and at each moment the library's name leads to a working library.

#![forbid(unsafe_code)]

mod attributes;
mod digest;
pub mod dpkg;
mod error;
mod files;
mod inventory;
mod journal;
mod plan;
pub mod registry;
mod session;
mod state;
mod step;
mod target;
pub mod wheel;

pub use attributes::Attributes;
pub use error::Error;
pub use inventory::{Copy, Core, CoreDirectory, Ignored, Inventory, Owner, Real, StaleDiversion, Standing};
pub use plan::{Change, Changed, Goal, Plan, Untouched};
pub use session::{Recovered, Session};
pub use state::{Installed, State};
pub use step::{Identity, Step};
pub use target::{Directory, Kind, Target};

/// What the real library's name is put behind: `rmcp-real-libamdhip64.so.5.2.21153`.
pub const SAVED: &str = "rmcp-real-";
/// Temporary names begin so, and nothing else of ours does. A new file is `.rmcp-new-N-NAME`, and one that is kept until the commit `.rmcp-old-N-NAME`, where N is the number of
/// the step. While one step is done, what is written for NAME is `.rmcp-new-part-NAME`; while it is undone, what gets the name back is `.rmcp-old-undo-NAME`. The manifest's is
/// `.rmcp-new-state.json`.
pub const TEMPORARY: &str = ".rmcp-";
