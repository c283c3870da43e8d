//! `vgpu`: runs a program on a virtual machine.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicI32, Ordering};

use clap::Parser;
use vgpu::cards::{CARDS, Card};
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

  CARD       {} (gfx1036 is an APU)
             {}: controls, for allocations only
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
    let program = &arguments.program[0];
    pass_signals_on();
    let mut child = Command::new(program)
        .args(&arguments.program[1..])
        .envs(prepared.environment().iter().map(|(name, value)| (name, value)))
        .spawn()
        .map_err(|e| (127, format!("{} cannot be started: {e}", program.to_string_lossy())))?;
    CHILD.store(child.id() as i32, Ordering::Relaxed);
    match EARLY.load(Ordering::Relaxed) {
        0 => {}
        // SAFETY: the child has not been waited for.
        signal => _ = unsafe { libc::kill(child.id() as i32, signal) },
    }
    let status = child.wait().map_err(|e| (127, e.to_string()))?;
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    Ok(ExitCode::from(code as u8))
}

/// The program's process id, once there is one.
static CHILD: AtomicI32 = AtomicI32::new(0);
/// A signal that came before.
static EARLY: AtomicI32 = AtomicI32::new(0);

/// From here on the program decides what a signal does, and the tree is removed afterwards. Handlers, since a signal that is ignored would be ignored by the
/// program too.
fn pass_signals_on() {
    extern "C" fn pass_on(signal: libc::c_int) {
        match CHILD.load(Ordering::Relaxed) {
            0 => EARLY.store(signal, Ordering::Relaxed),
            // The terminal sends these to the program itself.
            _ if matches!(signal, libc::SIGINT | libc::SIGQUIT) => {}
            // SAFETY: kill may be called in a handler. The process id is the child's until it is waited for, right before the end.
            child => _ = unsafe { libc::kill(child, signal) },
        }
    }
    let pass_on = pass_on as extern "C" fn(libc::c_int) as libc::sighandler_t;
    for signal in [libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGHUP] {
        // SAFETY: the handler does nothing that a handler may not do.
        unsafe {
            // What nohup(1) and shells have set to be ignored stays so.
            if libc::signal(signal, pass_on) == libc::SIG_IGN {
                libc::signal(signal, libc::SIG_IGN);
            }
        }
    }
}
