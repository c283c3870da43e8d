//! `vgpu`: runs a program on a virtual machine.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use clap::Parser;
use vgpu::launch::{self, Prepared};
use vgpu::spec::Spec;

/// Runs a program on virtual RDNA cards: AMD's real user-mode stack, on a model of the kernel driver and the card.
#[derive(Parser)]
#[command(version, after_help = SPEC_HELP)]
struct Arguments {
    /// Write what reaches the kernel driver to this file, as JSON lines
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// The machine, for instance gfx1030 or gfx1036,gfx1030
    spec: Spec,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    program: Vec<std::ffi::OsString>,
}

const SPEC_HELP: &str = "\
The machine is CARD[:OPTION=VALUE]...[,CARD...][,OPTION=VALUE...]
  cards:    gfx1010 gfx1030 gfx1031 gfx1032, gfx1036 (an APU); gfx1100 gfx906 (controls: allocations only)
  of a card:    atomics=on|off (PCIe atomics)  bar=large|small  vram=SIZE (512M, 8G)
  of the machine:    svm=on|off  kfd=MINOR (interface 1.MINOR)  fault=IOCTL[/FLAG+FLAG]@N|N+|N-M=ERRNO

Exit code: the program's; 128+N after signal N; 2 for wrong usage; 3 if the machine cannot be prepared; 127 if the program cannot be started.";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(code) => code,
        Err((code, sentence)) => {
            eprintln!("vgpu: {sentence}");
            ExitCode::from(code)
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, (u8, String)> {
    let library = std::env::current_exe().map_err(|e| (3, e.to_string()))?.with_file_name(launch::LIBRARY);
    let prepared =
        Prepared::new(&arguments.spec, arguments.log.as_deref(), &library).map_err(|e| (3, e.to_string()))?;
    let program = &arguments.program[0];
    let status = Command::new(program)
        .args(&arguments.program[1..])
        .envs(prepared.environment().iter().map(|(name, value)| (name, value)))
        .status()
        .map_err(|e| (127, format!("{} cannot be started: {e}", program.to_string_lossy())))?;
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    Ok(ExitCode::from(code as u8))
}
