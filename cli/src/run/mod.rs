//! `rmcp run`: starts a program behind fronts of the libraries that it would load, and says at the end what happened.

mod preview;
mod repairs;
mod summary;

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use rmcp_config::Process;
use rmcp_front::CORE;
use rmcp_policy::Mode;
use rmcp_record::OpenError;
use rmcp_repair::Plan;
use vgpu::child;
use vgpu::launch::Prepared;
use vgpu::spec::Spec;

use crate::config;
use crate::failure::Failure;
use crate::libraries::explicit::Explicit;
use crate::libraries::fronts::{self, Fronts};
use crate::libraries::search::{Found, Loader};
use crate::table::print;
use crate::virtual_card::{companion, prepare};
use preview::preview;
use summary::{Facts, summary};

pub const HELP: &str = "\
The real libraries are those that the loader would take for the program: DT_RPATH, LD_LIBRARY_PATH,
DT_RUNPATH, the loader's cache; a loader that is named as the program (LD.SO --library-path DIRS
PROGRAM) is followed too. For scripts, shells and Python, which open libraries later or start
other programs, they are those of LD_LIBRARY_PATH and the system; where such a program brings its own
(a Python wheel with ROCm in it), name their directory with --libraries.

Policies:
  off      forward everything, record nothing
  audit    record, change nothing
  default  on RDNA1 and RDNA2, host memory that is coherent only because nobody said otherwise becomes
           non-coherent; without PCIe atomics mapped and registered host memory as well
  strict   mapped, registered and managed memory too, and fine-grained host memory that the program asks
           of HSA itself; never what asks for coherence by name

Repairs of the program's environment, and the values of --repair (docs/repairs.md has the evidence):
  override          off, explain, refuse, correct: an HSA_OVERRIDE_GFX_VERSION of another GPU family
                    than the card's [default: explain]
  hide-apu          off, on, auto: hides the processor's GPU beside a card; auto: unless GPUs were
                    chosen by a variable, or the processor has the larger one [default: off]
  miopen-find-mode  off, or a value for MIOPEN_FIND_MODE such as FAST [default: off]
GPU_FORCE_BLIT_COPY_SIZE=0 is set, unless the program has a value for it or for AMD_OPT_FLUSH, where the
policy makes registered memory non-coherent and HIP is 6.4 or later.
Repairs of calls, in the program itself, on RDNA1 and RDNA2 under policies default and strict:
  memory-lock       off, on, auto: hsa_amd_memory_lock is coarse-grained, as its header says; auto: on
                    ROCr 6.4 and later [default: auto]
  malloc-async      off, on, auto: hipMallocAsync and hipFreeAsync by hipMalloc and hipFree; auto: on
                    RDNA2 only [default: off]
Each variable that a repair sets or unsets is said on stderr before the program starts, even with
--quiet. RMCP's own variables and the loader's are not; --dry-run prints them all.

Fronts are kept in $XDG_CACHE_HOME/rmcp or $HOME/.cache/rmcp; nothing else is changed.

Exit code: the program's; 128+N after signal N; 2 for wrong usage; 3 if a library is missing or broken
(nothing is started then); 4 if --record names another kind of file, or the record of a run that goes on,
or the environment is refused by --repair override=refuse; 127 if the program cannot be started.";

#[derive(clap::Args)]
pub struct Arguments {
    /// off, audit, default or strict [default: as the configuration says]
    #[arg(long, value_name = "POLICY")]
    policy: Option<Mode>,
    /// Keep the record of every allocation in this file, for `rmcp report`; an older record there is replaced [default: RMCP_RECORD, or a temporary file]
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Run on virtual cards: gfx1030, gfx1036,gfx1030, gfx1030:atomics=off (`vgpu --help` has the rest)
    #[arg(long = "virtual", value_name = "SPEC")]
    spec: Option<Spec>,
    /// Write what reaches the virtual kernel driver to this file, as JSON lines
    #[arg(long, value_name = "FILE", requires = "spec")]
    virtual_log: Option<PathBuf>,
    /// Take AMD's libraries from this directory, whatever the loader would take
    #[arg(long, value_name = "DIR")]
    libraries: Option<PathBuf>,
    /// off, on or another value for a repair (see below); later ones go before earlier ones and RMCP_REPAIR_*
    #[arg(long = "repair", value_name = "KEY=VALUE")]
    repairs: Vec<repairs::Setting>,
    /// Print what would be done, and start nothing
    #[arg(long, conflicts_with = "quiet")]
    dry_run: bool,
    /// No summary at the end
    #[arg(long)]
    quiet: bool,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "PROGRAM")]
    program: Vec<OsString>,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let name = &arguments.program[0];
    let program = child::find(name, std::env::var_os("PATH").as_deref()).map_err(Failure::start)?;
    if let Err(error) = program.metadata() {
        return Err(Failure::start(format!("{} cannot be started: {error}", name.to_string_lossy())));
    }

    let process = process(arguments, &program)?;
    let mut words = arguments.program[1..].to_vec();
    let explicit = Explicit::of(&program, &words);
    let (loader, linked) = match &explicit {
        None => (Loader::system(), &program),
        Some(explicit) => (explicit.apply(Loader::system(), &words), &explicit.program),
    };
    let found = match &arguments.libraries {
        Some(directory) => loader.find_in(directory)?,
        None => loader.find(linked)?,
    };
    let fronts = match found.reals.is_empty() {
        true => None,
        false => Some(Fronts::prepare(&companion(CORE)?, &found.reals)?),
    };
    // It is emptied when the machine is prepared.
    let log = arguments.virtual_log.as_deref().filter(|_| !arguments.dry_run);
    let machine = arguments.spec.as_ref().map(|spec| prepare(spec, log)).transpose()?;
    let plan = repairs::plan(&process, &found.reals, machine.as_ref());
    // Where the command line names the libraries' directories, they are those of this program and not of what it starts.
    let in_words = match (&explicit, &fronts) {
        (Some(explicit), Some(fronts)) => explicit.prepend(&fronts.directory, &mut words),
        _ => false,
    };
    let mut environment = environment(arguments, &plan, fronts.as_ref(), !in_words, machine.as_ref())?;
    if arguments.dry_run {
        print(&preview(&program, &Record::announced(arguments, &process), process.policy, &found, &environment, &plan));
    }
    if let Some(sentence) = plan.refusal {
        return Err(Failure::refused(format!("not started, as the repair \"override\" is set to refuse: {sentence}")));
    }
    if arguments.dry_run {
        return Ok(ExitCode::SUCCESS);
    }
    let record = Record::prepare(arguments, &process)?;
    environment.push(("RMCP_RECORD".into(), record.as_ref().map(|record| record.path.clone().into())));
    eprint!("{}", repairs::announcement(&plan));

    let mut command = Command::new(&program);
    command.args(&words);
    std::os::unix::process::CommandExt::arg0(&mut command, name);
    for (name, value) in environment {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let code = child::run(&mut command)
        .map_err(|error| Failure::start(format!("{} cannot be started: {error}", name.to_string_lossy())))?;

    if !arguments.quiet {
        let facts = Facts { mode: process.policy, found: &found, machine: machine.as_ref(), record: record.as_ref() };
        eprint!("{}", summary(&facts));
    }
    Ok(ExitCode::from(code))
}

/// What the configuration comes to for the program, with the command line as the last word.
fn process(arguments: &Arguments, program: &Path) -> Result<Process, Failure> {
    let said = arguments.policy.map(|mode| ("RMCP_POLICY", mode.as_str().to_owned()));
    let repairs = arguments.repairs.iter().map(|setting| (setting.variable(), setting.value()));
    let words = said.into_iter().chain(repairs).map(|(name, value)| (name.into(), value.into()));
    let environment = rmcp_config::Environment::new(std::env::vars_os().chain(words));
    // As the core will know it, from /proc/self/exe.
    let executable = program.canonicalize().unwrap_or_else(|_| program.to_owned());
    Ok(config::load(&environment)?.resolve(Some(&executable)).process)
}

/// Where the run is recorded.
pub struct Record {
    /// Absolute.
    pub path: PathBuf,
    /// Whether it is there after the run.
    pub place: Place,
}

/// Whose record it is.
pub enum Place {
    /// The user named it; held against other runs as long as this one lasts.
    Named(#[expect(dead_code, reason = "kept for its lock")] Option<File>),
    /// The configuration or `RMCP_RECORD` named it, perhaps an outer `rmcp run`, which may remove it.
    Inherited,
    /// It is removed with this directory.
    Temporary(#[expect(dead_code, reason = "kept for its end")] tempfile::TempDir),
}

impl Record {
    /// What [`Record::prepare`] would make, for people.
    fn announced(arguments: &Arguments, process: &Process) -> String {
        match (process.is_off(), arguments.record.as_ref().or(process.record.as_ref())) {
            (true, _) => "none".to_owned(),
            (_, Some(path)) => path.display().to_string(),
            (_, None) => "a temporary file, for the summary".to_owned(),
        }
    }

    /// `None` if nothing is recorded.
    fn prepare(arguments: &Arguments, process: &Process) -> Result<Option<Self>, Failure> {
        if process.is_off() {
            return Ok(None);
        }
        let given = arguments.record.clone();
        let (path, place) = match (given, process.record.clone()) {
            (Some(path), _) => {
                // Another run's record is not to be replaced under it.
                claim(&path)?;
                rmcp_record::create(&path).map_err(record_failure)?;
                let claimed = claim(&path)?;
                (path, Place::Named(claimed))
            }
            // The configuration's, or that of an outer `rmcp run`, is added to.
            (None, Some(path)) => (path, Place::Inherited),
            (None, None) => {
                let directory = tempfile::Builder::new().prefix("rmcp-").tempdir().map_err(|error| {
                    Failure::broken(format!(
                        "there is no place for the record ({}: {error}); set TMPDIR, or use --record FILE",
                        std::env::temp_dir().display()
                    ))
                })?;
                (directory.path().join("record"), Place::Temporary(directory))
            }
        };
        let path =
            std::path::absolute(&path).map_err(|error| Failure::broken(format!("{}: {error}", path.display())))?;
        Ok(Some(Self { path, place }))
    }
}

/// Locks a record file until it is closed; `None` if there is none. The lock is of another kind than the one by which processes take turns at opening it.
fn claim(path: &Path) -> Result<Option<File>, Failure> {
    if !path.is_file() {
        return Ok(None);
    }
    let Ok(file) = File::options().read(true).write(true).open(path) else { return Ok(None) };
    // SAFETY: a plain structure, all zeros: the whole file, from its start.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = libc::F_WRLCK as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    // SAFETY: an open descriptor and a structure that lives through the call.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw const lock) } == 0 {
        return Ok(Some(file));
    }
    match io::Error::last_os_error().raw_os_error() {
        Some(libc::EAGAIN | libc::EACCES) => Err(Failure::refused(format!(
            "{} is the record of another rmcp run that has not ended; choose another file",
            path.display()
        ))),
        // A file system without locks.
        _ => Ok(Some(file)),
    }
}

fn record_failure(error: OpenError) -> Failure {
    match error {
        OpenError::Foreign(_) => Failure::refused(error),
        _ => Failure::broken(error),
    }
}

/// Variables and their values in the program; `None`: removed.
type Environment = Vec<(OsString, Option<OsString>)>;

/// What the environment of the program has that this process's has not, but for the record. In lists: ours first, then what was there.
/// `path`: the fronts are found through LD_LIBRARY_PATH.
fn environment(
    arguments: &Arguments,
    plan: &Plan,
    fronts: Option<&Fronts>,
    path: bool,
    machine: Option<&Prepared>,
) -> Result<Environment, Failure> {
    let mut environment: Environment = Vec::new();
    let mut set = |name: &str, value: OsString| environment.push((name.into(), Some(value)));
    if let Some(mode) = arguments.policy {
        set("RMCP_POLICY", mode.as_str().into());
    }
    for setting in &arguments.repairs {
        set(setting.variable(), setting.value().into());
    }
    let mut preload: Vec<OsString> = Vec::new();
    if let Some(machine) = machine {
        for (name, value) in machine.environment().iter().filter(|(name, _)| *name != "LD_PRELOAD") {
            set(name, value.clone());
        }
        preload.push(machine.library().into());
    }
    if let Some(fronts) = fronts {
        // A front that a process never calls then opens nothing.
        set("RMCP_OPEN", "lazy".into());
        if path {
            let rest = entries("LD_LIBRARY_PATH", |c| c == ':' || c == ';');
            set("LD_LIBRARY_PATH", join([fronts.directory.clone().into()].into_iter().chain(rest)));
        }
    }
    // What the user preloads stands before AMD's libraries, and so before their fronts.
    preload.extend(entries("LD_PRELOAD", |c| c == ':' || c == ' '));
    preload.extend(fronts.into_iter().flat_map(|fronts| fronts.preload.iter().map(OsString::from)));
    if !preload.is_empty() || std::env::var_os("LD_PRELOAD").is_some() {
        environment.push(("LD_PRELOAD".into(), (!preload.is_empty()).then(|| join(preload))));
    }
    environment
        .extend(plan.changes.iter().map(|change| ((&change.name).into(), change.value.as_ref().map(Into::into))));
    Ok(environment)
}

/// The entries of a list variable, without those of an outer `rmcp run`.
fn entries(name: &str, separator: impl Fn(char) -> bool) -> Vec<OsString> {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let value = std::env::var_os(name).unwrap_or_default();
    if value.is_empty() {
        return Vec::new();
    }
    let list = name == "LD_LIBRARY_PATH";
    let parts = value.as_bytes().split(|byte| separator(*byte as char)).map(|part| OsString::from_vec(part.to_vec()));
    // An empty entry of LD_LIBRARY_PATH means the working directory; of LD_PRELOAD, nothing.
    let ours = |part: &OsString| {
        let path = Path::new(part);
        fronts::is_ours(path) || path.parent().is_some_and(fronts::is_ours)
    };
    parts.filter(|part| (list || !part.is_empty()) && !ours(part)).collect()
}

fn join(parts: impl IntoIterator<Item = OsString>) -> OsString {
    let parts: Vec<OsString> = parts.into_iter().collect();
    parts.join(":".as_ref())
}

/// What the search found, for the summary.
pub fn real_lines(found: &Found) -> Vec<Vec<String>> {
    let row = |real: &crate::libraries::Real| {
        let short = |text: String, length: usize| text.chars().take(length).collect::<String>();
        vec![
            real.soname.clone(),
            real.version(),
            match real.build_id.is_empty() {
                true => "no build-id".to_owned(),
                false => format!("build-id {}", short(real.build_id.clone(), 12)),
            },
            real.path.display().to_string(),
        ]
    };
    found.reals.iter().map(row).collect()
}
