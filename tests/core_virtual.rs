//! The core between a program and AMD's libraries on the virtual card. What reached the kernel driver is the judge; the record says what the hook
//! thought. Every run with RMCP has a control run without.

mod core_support;

use std::path::{Path, PathBuf};
use std::process::Command;

use core_support::{
    HIP, HSA, SYSTEM, core_directory, front, fronts, of_nobody, output, program, sentences, text, vgpu,
};
use rmcp_record::{Recording, Verdict};
use serde_json::Value;

/// Coherent and non-coherent host memory as the thunk asks the kernel for it (USERPTR, with and without COHERENT).
const COHERENT: &str = "d4000004";
const NON_COHERENT: &str = "d0000004";

struct Run {
    /// (call, hipError_t, KFD flags of the memory) for each call of the program.
    calls: Vec<(String, i64, String)>,
    /// Flags of all other allocations, sorted.
    others: Vec<String>,
    stdout: String,
    said: Vec<String>,
    recording: Option<Recording>,
}

/// How a program runs: fronts from a directory and a policy, or AMD's libraries alone.
enum With<'a> {
    Nothing,
    Fronts(&'a Path, &'a str),
    LazyFronts(&'a Path, &'a str),
}

fn on_card(spec: &str, with: &With, program: &Path, arguments: &[&str]) -> Run {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (log, record) = (directory.path().join("log"), directory.path().join("record"));
    let mut command = Command::new(vgpu());
    of_nobody(&mut command);
    if let With::LazyFronts(..) = with {
        command.env("RMCP_OPEN", "lazy");
    }
    if let With::Fronts(fronts, policy) | With::LazyFronts(fronts, policy) = with {
        let path = format!("{}:{}", fronts.display(), core_directory().display());
        command.env("RMCP_POLICY", policy).env("RMCP_RECORD", &record).env("LD_LIBRARY_PATH", path);
    }
    let output = output(command.arg("--log").arg(&log).arg(spec).arg("--").arg(program).args(arguments));
    assert!(output.status.success(), "{}\n{}{}", output.status, text(&output.stdout), text(&output.stderr));
    let log = std::fs::read_to_string(&log).expect("the card's log");
    let mut allocations: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .filter(|event| event["event"] == "alloc" && event["errno"] == 0)
        .collect();
    let stdout = text(&output.stdout);
    let calls = stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .map(|call| {
            // Addresses may be used again after a free: the last allocation that is not yet taken is the call's.
            let at = allocations.iter().rposition(|event| event["va"] == call["device"]);
            let flags =
                at.map_or_else(String::new, |at| allocations.remove(at)["flags"].as_str().expect("flags").to_owned());
            (
                format!("{}:{:#x}", call["call"].as_str().expect("a name"), call["flags"].as_u64().expect("flags")),
                call["code"].as_i64().expect("a code"),
                flags,
            )
        })
        .collect();
    let mut others: Vec<String> =
        allocations.iter().map(|event| event["flags"].as_str().expect("flags").to_owned()).collect();
    others.sort();
    let recording = record.exists().then(|| rmcp_record::read(&record).expect("a record"));
    Run { calls, others, stdout, said: sentences(&output), recording }
}

fn alloc() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let program = program(directory.path(), "../programs/alloc.c", &["-lamdhip64"]);
    (directory, program)
}

const CALLS: [&str; 8] = [
    "hipHostMalloc:0x0",
    "hipHostMalloc:0x2",
    "hipHostMalloc:0x20000000",
    "hipHostMalloc:0x40000000",
    "hipMemAllocHost:0x0",
    "hipMallocHost:0x0",
    "hipHostRegister:0x0",
    "hipHostRegister:0x8",
];

/// The calls that arrive non-coherent.
fn non_coherent(run: &Run) -> Vec<&str> {
    assert_eq!(run.calls.len(), CALLS.len(), "{}", run.stdout);
    run.calls
        .iter()
        .filter(|(call, code, flags)| {
            assert!(*code == 0 && [COHERENT, NON_COHERENT].contains(&flags.as_str()), "{call}: {code} {flags}");
            flags == NON_COHERENT
        })
        .map(|(call, ..)| call.as_str())
        .collect()
}

#[test]
fn each_policy_changes_what_reaches_the_kernel_as_promised_and_nothing_else() {
    let (_directory, program) = alloc();
    let stock = vec!["hipMallocHost:0x0"];
    let default = vec!["hipHostMalloc:0x0", "hipHostMalloc:0x20000000", "hipMemAllocHost:0x0", "hipMallocHost:0x0"];
    let strict: Vec<&str> = CALLS.iter().copied().filter(|call| *call != "hipHostMalloc:0x40000000").collect();
    for (spec, default, strict) in [
        ("gfx1030", &default, &strict),
        ("gfx1010", &default, &strict),
        ("gfx1030:atomics=off", &strict, &strict),
        // A card of another generation that HIP 5.2.3 knows.
        ("gfx906", &stock, &stock),
    ] {
        let control = on_card(spec, &With::Nothing, &program, &CALLS);
        assert_eq!(non_coherent(&control), stock, "{spec} without RMCP");
        for (policy, expected) in [("off", &stock), ("audit", &stock), ("default", default), ("strict", strict)] {
            let run = on_card(spec, &With::Fronts(fronts(), policy), &program, &CALLS);
            assert_eq!(&non_coherent(&run), expected, "{spec} {policy}");
            assert_eq!(run.others, control.others, "{spec} {policy}: the runtime's own memory");
        }
    }
}

#[test]
fn a_call_site_that_asks_for_several_devices_and_flags_gets_the_answer_for_each() {
    let (_directory, program) = alloc();
    let arguments = [
        "hipHostMalloc:0x2",
        "hipSetDevice:1",
        "hipHostMalloc:0x2",
        "hipHostMalloc:0x40000000",
        "hipSetDevice:0",
        "hipHostMalloc:0x2",
        "hipHostMalloc:0x0",
        "hipHostMalloc:0x2",
    ];
    let run = on_card("gfx1030,gfx1010:atomics=off", &With::Fronts(fronts(), "default"), &program, &arguments);
    let recording = run.recording.expect("a record");
    let recorded: Vec<(i32, &str, u32, bool)> = recording
        .calls
        .iter()
        .map(|call| {
            let device = call.device.as_ref().expect("a device");
            (device.ordinal, &*device.target, call.flags_asked, call.verdict == Verdict::Rewritten)
        })
        .collect();
    let expected = [
        (0, "gfx1030", 0x2, false),
        (1, "gfx1010", 0x2, true),
        (1, "gfx1010", 0x4000_0000, false),
        (0, "gfx1030", 0x2, false),
        (0, "gfx1030", 0x0, true),
        (0, "gfx1030", 0x2, false),
    ];
    assert_eq!(recorded, expected);
    let reached: Vec<bool> = run
        .calls
        .iter()
        .filter(|(call, ..)| call.starts_with("hipHostMalloc"))
        .map(|(.., flags)| flags == NON_COHERENT)
        .collect();
    assert_eq!(reached, expected.map(|(.., rewritten)| rewritten));
}

#[test]
fn lazy_opening_changes_nothing_of_what_is_rewritten() {
    let (_directory, program) = alloc();
    let eager = on_card("gfx1030", &With::Fronts(fronts(), "strict"), &program, &CALLS);
    let lazy = on_card("gfx1030", &With::LazyFronts(fronts(), "strict"), &program, &CALLS);
    assert_eq!(lazy.calls, eager.calls);
    assert_eq!(lazy.others, eager.others);
}

#[test]
fn the_record_has_both_fronts_and_each_call_of_the_program_once() {
    let (_directory, program) = alloc();
    let arguments = [&["--free"][..], &CALLS].concat();
    let run = on_card("gfx1030", &With::Fronts(fronts(), "default"), &program, &arguments);
    let recording = run.recording.expect("a record");
    let loaded: Vec<(&str, &str)> = recording.fronts.iter().map(|front| (&*front.soname, &*front.real_path)).collect();
    for soname in [HIP, HSA] {
        let real = format!("{SYSTEM}/{soname}");
        assert!(loaded.contains(&(soname, real.as_str())), "{loaded:?}");
    }
    let allocations: Vec<_> = recording.calls.iter().filter(|call| call.size > 0).collect();
    let titles: Vec<String> = allocations.iter().map(|call| format!("{}:{:#x}", call.call, call.flags_asked)).collect();
    assert_eq!(titles, CALLS, "hipMemAllocHost calls hipHostMalloc inside: that is not the program's");
    for call in &allocations {
        let device = call.device.as_ref().expect("a device");
        assert_eq!((device.ordinal, &*device.target), (0, "gfx1030"));
        assert_eq!((&*call.caller, &*call.mode, call.result), ("alloc", "default", 0));
        assert_eq!(call.verdict == Verdict::Rewritten, call.flags_used != call.flags_asked, "{call:?}");
        assert!(!call.rule.is_empty() && call.pointer != 0, "{call:?}");
    }
    let frees = recording.calls.iter().filter(|call| &*call.call == "hipHostFree").count();
    assert_eq!(frees, CALLS.iter().filter(|call| !call.starts_with("hipHostRegister")).count());
}

#[test]
fn sixteen_threads_that_make_the_first_calls_together_are_all_rewritten_and_recorded() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let program = program(directory.path(), "threads.c", &["-lamdhip64", "-pthread"]);
    for with in [With::Fronts(fronts(), "default"), With::LazyFronts(fronts(), "default")] {
        let run = on_card("gfx1030", &with, &program, &[]);
        let control = on_card("gfx1030", &With::Nothing, &program, &[]);
        let count = |run: &Run, wanted: &str| run.others.iter().filter(|flags| *flags == wanted).count();
        assert_eq!(count(&run, COHERENT) + 400, count(&control, COHERENT));
        assert_eq!(count(&run, NON_COHERENT), count(&control, NON_COHERENT) + 400);
        let recording = run.recording.expect("a record");
        assert_eq!(recording.lost, 0);
        let rewritten =
            recording.calls.iter().filter(|call| call.verdict == Verdict::Rewritten && call.result == 0).count();
        let frees = recording.calls.iter().filter(|call| &*call.call == "hipHostFree" && call.result == 0).count();
        assert_eq!((rewritten, frees, recording.calls.len()), (400, 400, 800));
    }
}

#[test]
fn a_forked_childs_calls_are_rewritten_and_recorded_as_its_own() {
    let (_directory, program) = alloc();
    let run = on_card("gfx1030", &With::Fronts(fronts(), "default"), &program, &["--fork", "hipHostMalloc"]);
    assert_eq!(run.calls, [("hipHostMalloc:0x0".to_owned(), 0, NON_COHERENT.to_owned())]);
    let recording = run.recording.expect("a record");
    let call = &recording.calls[0];
    let front = &recording.fronts[0];
    assert_ne!(call.process, front.process, "the fronts were loaded by the parent");
}

#[test]
fn without_the_hsa_front_registered_memory_passes_and_the_record_says_why() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    front(&Path::new(SYSTEM).join(HIP), directory.path());
    let (_directory, program) = alloc();
    let run =
        on_card("gfx1030", &With::Fronts(directory.path(), "strict"), &program, &["hipHostMalloc", "hipHostRegister"]);
    let flags: Vec<&str> = run.calls.iter().map(|(.., flags)| flags.as_str()).collect();
    assert_eq!(flags, [NON_COHERENT, COHERENT]);
    let recording = run.recording.expect("a record");
    let register = recording.calls.iter().find(|call| &*call.call == "hipHostRegister").expect("recorded");
    assert_eq!((register.verdict, &*register.rule), (Verdict::Passed, "no-route"));
}

#[test]
fn a_program_can_ask_which_of_its_pointers_are_rewritten() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let program = program(directory.path(), "rewritten.c", &["-lamdhip64", "-ldl"]);
    let run = on_card("gfx1030", &With::Fronts(fronts(), "default"), &program, &[]);
    assert_eq!(
        run.stdout.lines().collect::<Vec<_>>(),
        ["live 1 0 1", "counters 3 2 2", "freed 0 0", "freed-again 1 0", "counters 3 2 1", "freed-by-hipFree 0 0"]
    );
    let audit = on_card("gfx1030", &With::Fronts(fronts(), "audit"), &program, &[]);
    assert!(audit.stdout.starts_with("live 0 0 0\ncounters 3 0 0\n"), "{}", audit.stdout);
}

#[test]
fn locked_memory_of_an_hsa_program_is_recorded_and_on_this_release_never_changed() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let program = program(directory.path(), "lock.c", &["-lhsa-runtime64"]);
    let control = on_card("gfx1030", &With::Nothing, &program, &[]);
    for policy in ["default", "strict"] {
        let run = on_card("gfx1030", &With::Fronts(fronts(), policy), &program, &[]);
        assert_eq!(run.calls, control.calls, "{policy}");
        let recording = run.recording.expect("a record");
        let locks: Vec<_> = recording.calls.iter().filter(|call| &*call.call == "hsa_amd_memory_lock").collect();
        assert_eq!(locks.len(), 2);
        for lock in locks {
            assert_eq!((lock.verdict, lock.size, lock.result), (Verdict::Passed, 65536, 0));
            assert_eq!(lock.device.as_ref().map(|device| &*device.target), Some("gfx1030"));
        }
    }
}

#[test]
fn a_refused_allocation_gives_the_program_the_same_code_with_and_without() {
    let (_directory, program) = alloc();
    let calls = ["hipHostMalloc", "hipHostMalloc", "hipMemAllocHost", "hipHostRegister"];
    let mut refused = 0;
    for n in 1..=12 {
        let spec = format!("gfx1030,fault=alloc/userptr@{n}=ENOMEM");
        let stock = on_card_codes(&spec, &With::Nothing, &program, &calls);
        for policy in ["default", "strict"] {
            assert_eq!(
                on_card_codes(&spec, &With::Fronts(fronts(), policy), &program, &calls),
                stock,
                "{spec} {policy}"
            );
        }
        refused += usize::from(stock.1.contains("\"code\":2"));
    }
    assert!(refused > 0, "no allocation of the program was refused");
}

/// Exit status and what the program printed, without addresses.
fn on_card_codes(spec: &str, with: &With, program: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(vgpu());
    command.env_remove("LD_LIBRARY_PATH");
    if let With::Fronts(fronts, policy) = with {
        command
            .env("RMCP_POLICY", policy)
            .env("LD_LIBRARY_PATH", format!("{}:{}", fronts.display(), core_directory().display()));
    }
    let output = output(command.arg(spec).arg("--").arg(program).args(arguments));
    let codes = text(&output.stdout)
        .lines()
        .map(|line| line.split(",\"pointer\"").next().unwrap_or_default().to_owned() + "\n")
        .collect();
    (output.status.code(), codes)
}

#[test]
fn an_explicit_wish_for_coherent_memory_on_a_host_without_atomics_is_honoured_and_warned_about_once() {
    let (_directory, program) = alloc();
    let coherent = "hipHostMalloc:0x40000000";
    let run = on_card("gfx1030:atomics=off", &With::Fronts(fronts(), "default"), &program, &[coherent, coherent]);
    assert!(run.calls.iter().all(|(.., flags)| flags == COHERENT), "{:?}", run.calls);
    assert_eq!(run.said.len(), 1, "{:?}", run.said);
    assert!(run.said[0].contains("PCIe atomics"), "{:?}", run.said);
    let recording = run.recording.expect("a record");
    assert_eq!(recording.warnings.len(), 1);
    assert_eq!(&*recording.warnings[0].id, "coherent-without-atomics");
}
