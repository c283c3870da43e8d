//! How it stands with one of AMD's libraries.

use rmcp_install::{Changed, Copy, Core, Owner, Plan, Standing};
use serde::Serialize;

/// A copy's condition, of which only the first two need nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// A front of this RMCP, made for the library that stands beside it.
    Current,
    /// AMD's library, as it was installed.
    WithoutFront,
    /// The library behind the front is another than the one that it was made for.
    OtherBuild,
    /// A front of another version or build of RMCP.
    OtherRmcp,
    /// A front of this RMCP, made where the tree stood before.
    Moved,
    /// The core that the front looks for is gone.
    WithoutCore,
    /// An upgrade has put AMD's library where the front was.
    Replaced,
    /// A front whose library is gone.
    WithoutLibrary,
    /// A saved library whose front is gone.
    OnlySaved,
}

impl Condition {
    /// `core` is the one that belongs here, `plan` what is to be done.
    pub fn of(copy: &Copy, core: Option<&Core>, plan: &Plan) -> Self {
        let renewed = || plan.changes.iter().any(|c| c.path == copy.path && c.becomes == Changed::Renewed);
        match &copy.standing {
            Standing::Real { .. } => Self::WithoutFront,
            Standing::Front { real, made_for, .. } if *made_for != real.build_id => Self::OtherBuild,
            Standing::Front { core_found: false, .. } => Self::WithoutCore,
            Standing::Front { core: its, .. } if core.is_some_and(|core| core.directory() != *its) => Self::OtherRmcp,
            Standing::Front { moved: true, .. } => Self::Moved,
            Standing::Front { .. } if renewed() => Self::OtherRmcp,
            Standing::Front { .. } => Self::Current,
            Standing::Orphan => Self::WithoutLibrary,
            Standing::Replaced { .. } => Self::Replaced,
            Standing::Missing { .. } => Self::OnlySaved,
        }
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Current => "front, current",
            Self::WithoutFront => "no front",
            Self::OtherBuild => "front made for another build of the library",
            Self::OtherRmcp => "front of another RMCP",
            Self::Moved => "front, made where the tree stood before",
            Self::WithoutCore => "front whose core is missing",
            Self::Replaced => "front replaced by an upgrade",
            Self::WithoutLibrary => "front without its library",
            Self::OnlySaved => "saved library without its front",
        }
    }
}

/// Who put the real library there, for people.
pub fn owner(owner: &Owner) -> String {
    match owner {
        Owner::Unmanaged => "none that RMCP knows (unpacked, copied, conda, rpm)".to_owned(),
        Owner::Dpkg { package, .. } if package.is_empty() => "a package of dpkg's that was removed".to_owned(),
        Owner::Dpkg { package, diverted: true, .. } => format!("dpkg's package {package}, diverted"),
        Owner::Dpkg { package, .. } => format!("dpkg's package {package}"),
        Owner::Wheel { record, .. } => {
            let distribution = record.parent().and_then(|path| path.file_stem()).unwrap_or_default();
            format!("the Python package {}", distribution.to_string_lossy())
        }
    }
}
