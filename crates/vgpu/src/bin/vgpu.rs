//! `vgpu`: runs a program on a virtual machine.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use clap::Parser;
use vgpu::cards::{CARDS, Card};
use vgpu::child;
use vgpu::launch::{self, Prepared};
use vgpu::spec::{ERRNOS, FLAGS, IOCTLS, KFD_MINOR, Spec};

/// Runs a program on virtual RDNA cards: AMD's real user-mode stack, on a model of the kernel driver and the card.
#[derive(Parser)]
#[command(version, after_help = spec_help())]
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

/// The rules of a specification, for `--help`.
fn spec_help() -> String {
    let names = |names: &[&str]| names.join(", ");
    let flags: Vec<&str> = FLAGS.iter().map(|(name, _)| *name).collect();
    let errors: Vec<&str> = ERRNOS.iter().map(|(name, _)| *name).collect();
    let (executing, controls): (Vec<Card>, Vec<Card>) = CARDS.into_iter().partition(Card::executes);
    let list = |cards: &[Card]| cards.iter().map(|card| card.name).collect::<Vec<_>>().join(", ");
    format!(
        "\
The machine is CARD[:OPTION=VALUE]...[,CARD...][,OPTION=VALUE...]

  CARD       {} (gfx1035 and gfx1036 are APUs)
             {}: controls, for allocations only
             AMD's release 5.2.3 knows neither gfx1036 nor gfx1100 and leaves them out
  of a card  atomics=on|off    PCIe atomics between the card and the host
             bar=large|small   whether the CPU reaches all of VRAM
             vram=SIZE         512M, 8G
  OPTION     svm=on|off        kernel with or without the SVM API
             kfd=MINOR         KFD interface 1.MINOR (default {KFD_MINOR})
             fault=IOCTL[/FLAG[+FLAG]...]@WHICH=ERRNO   may repeat; WHICH is N, N+ or N-M, counted from 1 in each process
  IOCTL      {}
  FLAG       of alloc, all must be set: {}
  ERRNO      {}

Examples: gfx1030    gfx1036,gfx1030    gfx1010:atomics=off:bar=small,svm=off    gfx1030,fault=alloc/userptr@3=ENOMEM

Exit code: the program's; 128+N after signal N; 2 for wrong usage; 3 if the machine cannot be prepared; 127 if the program cannot be started.",
        list(&executing),
        list(&controls),
        names(&IOCTLS),
        names(&flags),
        names(&errors),
    )
}

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
    let name = &arguments.program[0];
    let program = child::find(name, std::env::var_os("PATH").as_deref()).map_err(|sentence| (127, sentence))?;
    let mut command = Command::new(program);
    command.arg0(name).args(&arguments.program[1..]);
    command.envs(prepared.environment().iter().map(|(name, value)| (name, value)));
    let code =
        child::run(&mut command).map_err(|e| (127, format!("{} cannot be started: {e}", name.to_string_lossy())))?;
    Ok(ExitCode::from(code))
}
