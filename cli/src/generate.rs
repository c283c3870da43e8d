//! `rmcp generate DIRECTORY`: man pages and completions, from the very arguments that the command parses. It is there only in a build with the feature `generate`, which
//! `cargo xtask dist` makes and does not ship: so they are never out of date, and the shipped command carries nothing of it.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap_complete::Shell;

/// Does it, if that is what the command line asks for.
pub fn asked(command: clap::Command) -> Option<ExitCode> {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    let [first, directory] = words.as_slice() else { return None };
    (first == "generate").then(|| match write(command, directory.as_ref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rmcp: {} cannot be written ({error})", directory.display());
            ExitCode::from(3)
        }
    })
}

/// Fills `directory/man` and `directory/completions`.
fn write(mut command: clap::Command, directory: &Path) -> std::io::Result<()> {
    let (man, completions) = (directory.join("man"), directory.join("completions"));
    std::fs::create_dir_all(&man)?;
    std::fs::create_dir_all(&completions)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut command, "rmcp", &completions)?;
    }
    clap_mangen::generate_to(command, man)
}
