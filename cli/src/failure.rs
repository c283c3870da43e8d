//! How a command ends when it cannot do its work.

/// An exit code and one sentence: what, why, and the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// See `rmcp --help`.
    pub code: u8,
    /// Without the program's name and without a newline.
    pub sentence: String,
}

impl Failure {
    /// The command line does not say enough, which clap cannot see.
    pub fn usage(sentence: impl ToString) -> Self {
        Self { code: 2, sentence: sentence.to_string() }
    }

    /// A file, a library or the driver is missing or broken.
    pub fn broken(sentence: impl ToString) -> Self {
        Self { code: 3, sentence: sentence.to_string() }
    }

    /// Not done, because it would overwrite something, or the user does not want it done.
    pub fn refused(sentence: impl ToString) -> Self {
        Self { code: 4, sentence: sentence.to_string() }
    }

    /// The program could not be started.
    pub fn start(sentence: impl ToString) -> Self {
        Self { code: 127, sentence: sentence.to_string() }
    }
}

impl From<rmcp_front::Error> for Failure {
    fn from(error: rmcp_front::Error) -> Self {
        Self::broken(error)
    }
}

impl From<rmcp_install::Error> for Failure {
    fn from(error: rmcp_install::Error) -> Self {
        use rmcp_install::Error::{Broken, Refused, RolledBack, Unfinished};
        let code = match error {
            Broken(_) => 3,
            Refused(_) => 4,
            RolledBack { .. } => 5,
            Unfinished { .. } => 6,
        };
        Self { code, sentence: error.to_string() }
    }
}
