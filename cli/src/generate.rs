//! `rmcp generate DIRECTORY`: man pages and completions, from the very arguments that the command parses. It is there only in a build with the feature `generate`, which
//! `cargo xtask dist` makes and does not ship: so they are never out of date, and the shipped command carries nothing of it.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

/// Does it, if that is what the command line asks for.
pub fn asked(command: Command) -> Option<ExitCode> {
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
fn write(mut command: Command, directory: &Path) -> io::Result<()> {
    let (man, completions) = (directory.join("man"), directory.join("completions"));
    std::fs::create_dir_all(&man)?;
    std::fs::create_dir_all(&completions)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut command, "rmcp", &completions)?;
    }
    let mut command = without_help(command);
    command.build();
    pages(&command, &man)
}

/// `rmcp help` and its like need no pages.
fn without_help(command: Command) -> Command {
    command.disable_help_subcommand(true).mut_subcommands(without_help)
}

/// The page of a command, and those of its subcommands.
fn pages(command: &Command, directory: &Path) -> io::Result<()> {
    for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
        pages(subcommand, directory)?;
    }
    let name = command.get_display_name().unwrap_or(command.get_name());
    let page = Man::new(command.clone()).title(name.to_uppercase()).manual("RMCP");
    let mut file = std::fs::File::create(directory.join(format!("{name}.1")))?;
    page.render_title(&mut file)?;
    page.render_name_section(&mut file)?;
    page.render_synopsis_section(&mut file)?;
    page.render_description_section(&mut file)?;
    page.render_options_section(&mut file)?;
    if command.has_subcommands() {
        page.render_subcommands_section(&mut file)?;
    }
    match command.get_after_help() {
        Some(notes) => notes_section(&notes.to_string()).to_writer(&mut file),
        None => Ok(()),
    }
}

/// What `--help` has at its end. There are tables in it: its lines stay as they are.
fn notes_section(text: &str) -> Roff {
    let mut section = Roff::new();
    section.control("SH", ["NOTES"]).control("nf", []);
    for line in text.lines() {
        section.text([roman(line)]);
    }
    section.control("fi", []);
    section
}
