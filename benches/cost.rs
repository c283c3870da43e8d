//! `cargo bench`: what RMCP costs, side by side in one run.
//!
//! Calls are timed in one process, pinned to one core, in small blocks in which the ways take turns. What counts is the median over
//! neighbouring blocks of the ratio to the direct call: the machine may be shared, so a lone time means little. `docs/cost.md` has figures.
//! Allocations run on the virtual card, whose driver is a model: the cost that RMCP adds is real, the cost of the allocation itself is not that
//! of a real kernel driver.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::Instant;

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_LOCAL, RTLD_NOW};
use rmcp_record::{Event, Writer};

const HIP: &str = "/usr/lib/x86_64-linux-gnu/libamdhip64.so.5";
const HSA: &str = "/usr/lib/x86_64-linux-gnu/libhsa-runtime64.so.1";
const STAGE: &str = "RMCP_BENCH_STAGE";
const FRONTS: &str = "RMCP_BENCH_FRONTS";

type ErrorString = unsafe extern "C" fn(c_int) -> *const c_char;
type HostMalloc = unsafe extern "C" fn(*mut *mut c_void, usize, c_uint) -> c_int;
type HostFree = unsafe extern "C" fn(*mut c_void) -> c_int;

fn main() {
    match std::env::var(STAGE).as_deref() {
        Err(_) => drive(),
        Ok("passed") => passed_through(),
        Ok("hooked") => hooked(),
        Ok("load") => load(),
        Ok(stage) => panic!("no stage {stage}"),
    }
}

/// Builds what is measured and starts one process for each setting.
fn drive() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let packages = ["rmcp", "vgpu", "vgpu-preload"].map(|p| ["-p", p]).concat();
    run(Command::new(cargo).args(["build", "--release", "--quiet"]).args(packages));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let fronts = directory.path();
    for real in [HIP, HSA] {
        let library = rmcp_front::Library::read(Path::new(real)).unwrap_or_else(|e| panic!("{e}"));
        let front = rmcp_front::build(&library, &rmcp_front::Options::default());
        rmcp_front::write(&front, &fronts.join(&library.soname)).unwrap_or_else(|e| panic!("{e}"));
    }
    std::fs::copy(release("librmcp.so"), fronts.join("librmcp.so")).expect("copy the core");
    let forwarder = fronts.join("forwarder.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/forwarder.c");
    run(Command::new("cc").args(["-O2", "-shared", "-fPIC"]).arg(source).arg("-o").arg(&forwarder));

    let stage = |name: &str, policy: &str, record: bool, preload: bool| {
        let exe = std::env::current_exe().expect("the benchmark's own path");
        let mut command = Command::new(release("vgpu"));
        command.args(["gfx1030", "--"]);
        if preload {
            command.arg("env").arg(format!(
                "LD_PRELOAD={}:{}:{HIP}",
                release("libvgpu_preload.so").display(),
                forwarder.display()
            ));
        }
        command.arg(exe).env(STAGE, name).env(FRONTS, fronts).env("RMCP_POLICY", policy).env("LD_LIBRARY_PATH", fronts);
        if record {
            command.env("RMCP_RECORD", fronts.join("record"));
        }
        run(&mut command);
    };
    println!(
        "Medians over blocks of calls: time of a call, its ratio to the first line, its difference to the first line.\n"
    );
    println!("A function that is passed through (hipGetErrorString):");
    stage("passed", "default", false, true);
    println!(
        "\nAn allocation that is hooked (hipHostMalloc on the virtual card; the free is not timed), policy audit:"
    );
    println!("  recorder off");
    stage("hooked", "audit", false, false);
    println!("  recorder on");
    stage("hooked", "audit", true, false);
    println!(
        "  and the growth of the record file, which medians do not show: {:.0} ns for each call",
        growth(&fronts.join("growth"))
    );
    if std::env::args().any(|argument| argument == "calls") {
        return;
    }
    println!("\nLoading, a fresh process each time:");
    let exe = std::env::current_exe().expect("the benchmark's own path");
    let mut rounds: Vec<[f64; 4]> = Vec::new();
    for _ in 0..15 {
        rounds.push(["real", "front", "lazy", "none"].map(|kind| {
            let mut command = Command::new(&exe);
            command.env(STAGE, "load").env("LD_LIBRARY_PATH", fronts).arg(match kind {
                "real" => Path::new(HIP).to_path_buf(),
                "none" => PathBuf::new(),
                _ => fronts.join("libamdhip64.so.5"),
            });
            if kind == "lazy" {
                command.env("RMCP_OPEN", "lazy");
            } else if kind == "real" {
                command.env_remove("LD_LIBRARY_PATH");
            }
            let output = command.output().expect("the benchmark starts itself");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8_lossy(&output.stdout).trim().parse().expect("microseconds")
        }));
    }
    let median = |index: usize| quantile(rounds.iter().map(|r| r[index]).collect());
    let ratio = |index: usize| quantile(rounds.iter().map(|r| r[index] / r[0]).collect());
    println!("  {:<46} {:>9.0} us", "real library (libamdhip64 and libhsa-runtime64)", median(0));
    println!(
        "  {:<46} {:>9.0} us   {:.3} of the real library's",
        "both fronts, real libraries opened and bound",
        median(1),
        ratio(1)
    );
    println!("  {:<46} {:>9.0} us   {:.3}", "fronts only (RMCP_OPEN=lazy, as in rmcp run)", median(2), ratio(2));
}

fn release(name: &str) -> PathBuf {
    let exe = std::env::current_exe().expect("the benchmark's own path");
    exe.parent().and_then(Path::parent).expect("target/release/deps").join(name)
}

fn run(command: &mut Command) {
    let status = command.status().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(status.success(), "{command:?}: {status}");
}

fn quantile(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Keeps the process on one core, so that rounds are comparable.
fn pin() {
    // SAFETY: `set` is a plain bit set on the stack, and the call reads no more than its size.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(1.min(libc::sysconf(libc::_SC_NPROCESSORS_ONLN) as usize - 1), &mut set);
        libc::sched_setaffinity(0, size_of_val(&set), &set);
    }
}

fn open(path: &Path, flags: c_int) -> Library {
    // SAFETY: AMD's library and our front have initialisers that may run at any time.
    unsafe { Library::open(Some(path), RTLD_NOW | flags) }.unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn symbol<T: Copy>(library: &Library, name: &CStr) -> T {
    // SAFETY: the types above are those of hip_runtime_api.h.
    unsafe { *library.get::<T>(name.to_bytes_with_nul()).unwrap_or_else(|e| panic!("{name:?}: {e}")) }
}

/// A way to do something: does it so many times and returns the nanoseconds it took.
type Way<'a> = Box<dyn FnMut(usize) -> f64 + 'a>;

/// Nanoseconds of processor time of this thread: time in which the machine did something else does not count.
fn cpu_time() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes the structure it is given.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) }, 0, "the thread's clock");
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// Times `ways` in `blocks` of `calls`; the ways take turns block by block, so that what else the machine does in the meantime meets all of them
/// alike. Prints for each way the median over the blocks of its nanoseconds, and of their ratio and their difference to those of the first way's
/// neighbouring block.
fn compare(blocks: usize, calls: usize, ways: &mut [(&str, Way<'_>)]) {
    let count = ways.len();
    let mut turn = |number: usize| {
        let mut times = vec![0.0; count];
        for step in 0..count {
            // Forwards and backwards, starting with another way each time, so that none profits from its place or its predecessor.
            let place = (number / 2 + step) % count;
            let index = if number.is_multiple_of(2) { place } else { count - 1 - place };
            times[index] = ways[index].1(calls) / calls as f64;
        }
        times
    };
    (0..blocks / 10).for_each(|number| drop(turn(number)));
    let turns: Vec<Vec<f64>> = (0..blocks).map(turn).collect();
    let median = |value: &dyn Fn(&Vec<f64>) -> f64| quantile(turns.iter().map(value).collect());
    for (index, (name, _)) in ways.iter().enumerate() {
        println!(
            "  {name:<46} {:>10.2} ns   {:.4}   {:>+8.2} ns",
            median(&|times| times[index]),
            median(&|times| times[index] / times[0]),
            median(&|times| times[index] - times[0])
        );
    }
}

/// What making the record file longer costs, spread over the calls: the mean of many calls, less the median of small blocks of them.
fn growth(path: &Path) -> f64 {
    static EVENT: OnceLock<Event<'static>> = OnceLock::new();
    let event = EVENT.get_or_init(Event::default);
    let writer = Writer::open(path, "audit", |why| panic!("{why}")).expect("a record file");
    let times: Vec<f64> = (0..2_000)
        .map(|_| {
            let start = cpu_time();
            (0..50).for_each(|pointer| writer.record_like(event, 65536, pointer));
            (cpu_time() - start) / 50.0
        })
        .collect();
    times.iter().sum::<f64>() / times.len() as f64 - quantile(times)
}

static REAL_ERROR_STRING: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());

/// The usual alternative written in Rust: a typed function that loads a pointer and calls it.
extern "C" fn rust_forwarder(code: c_int) -> *const c_char {
    // SAFETY: the pointer was stored before the first call and has this type.
    unsafe { std::mem::transmute::<*mut c_void, ErrorString>(REAL_ERROR_STRING.load(Ordering::Acquire))(code) }
}

fn passed_through() {
    pin();
    let front = PathBuf::from(std::env::var_os(FRONTS).expect(FRONTS)).join("libamdhip64.so.5");
    let front = open(&front, RTLD_LOCAL);
    let real = open(Path::new(HIP), RTLD_LOCAL);
    let global = open_self();
    let direct: ErrorString = symbol(&real, c"hipGetErrorString");
    let through: ErrorString = symbol(&front, c"hipGetErrorString");
    let preloaded: ErrorString = symbol(&global, c"hipGetErrorString");
    assert!(
        direct as usize != through as usize && direct as usize != preloaded as usize,
        "each way is another function"
    );
    REAL_ERROR_STRING.store(direct as *mut c_void, Ordering::Release);
    let timed = |function: ErrorString| {
        move |calls: usize| {
            let function = black_box(function);
            let start = cpu_time();
            for _ in 0..calls {
                // SAFETY: hipGetErrorString takes any code and returns a static string.
                black_box(unsafe { function(0) });
            }
            cpu_time() - start
        }
    };
    compare(
        1_000,
        20_000,
        &mut [
            ("real library, by pointer", Box::new(timed(direct))),
            ("the same again: the noise of this run", Box::new(timed(direct))),
            ("through the front", Box::new(timed(through))),
            ("Rust extern \"C\" forwarder", Box::new(timed(rust_forwarder))),
            ("LD_PRELOAD forwarder", Box::new(timed(preloaded))),
        ],
    );
}

fn open_self() -> Library {
    // SAFETY: dlopen of the program itself runs nothing.
    unsafe { Library::open(None::<&str>, RTLD_NOW | RTLD_GLOBAL) }.expect("the program's own scope")
}

fn hooked() {
    pin();
    let front = PathBuf::from(std::env::var_os(FRONTS).expect(FRONTS)).join("libamdhip64.so.5");
    let front = open(&front, RTLD_LOCAL);
    let real = open(Path::new(HIP), RTLD_LOCAL);
    let free: HostFree = symbol(&real, c"hipHostFree");
    for (size, blocks) in [(64 << 10, 6_000), (1 << 20, 600)] {
        let timed = |function: HostMalloc| {
            move |calls: usize| {
                let mut pointers = vec![std::ptr::null_mut(); calls];
                let start = cpu_time();
                for pointer in &mut pointers {
                    // SAFETY: `pointer` is a place for the result.
                    let code = unsafe { function(pointer, size, 0) };
                    assert_eq!(code, 0, "hipHostMalloc");
                }
                let nanoseconds = cpu_time() - start;
                for pointer in pointers {
                    // SAFETY: the pointer came from hipHostMalloc and is freed once.
                    unsafe { free(pointer) };
                }
                nanoseconds
            }
        };
        let direct: HostMalloc = symbol(&real, c"hipHostMalloc");
        println!("    {} KiB", size >> 10);
        compare(
            blocks,
            10,
            &mut [
                ("    real library, by pointer", Box::new(timed(direct))),
                ("    the same again: the noise of this run", Box::new(timed(direct))),
                ("    hooked", Box::new(timed(symbol(&front, c"hipHostMalloc")))),
            ],
        );
    }
}

/// Prints the microseconds that dlopen of the argument takes.
fn load() {
    let path = std::env::args().nth(1).unwrap_or_default();
    let start = Instant::now();
    if !path.is_empty() {
        std::mem::forget(open(Path::new(&path), RTLD_LOCAL));
    }
    println!("{:.1}", start.elapsed().as_nanos() as f64 / 1000.0);
}
