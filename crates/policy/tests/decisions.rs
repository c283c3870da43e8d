//! The table, exhaustively: what may never happen, what must, and the whole of it as a text that people can read.

use rmcp_policy::flags::*;
use rmcp_policy::{
    Action, Call, Caller, Column, Decision, Device, Effect, Environment, Generation, Match, Mode, Pool, Request,
    Rewrite, Routes, Rules, Runtime, Switch, TABLE, Version, Warning, When, decide, reason,
};

const HOST_BITS: [u32; 7] = [
    HOST_MALLOC_PORTABLE,
    HOST_MALLOC_MAPPED,
    HOST_MALLOC_WRITE_COMBINED,
    HOST_MALLOC_UNCACHED,
    HOST_MALLOC_NUMA_USER,
    HOST_MALLOC_COHERENT,
    HOST_MALLOC_NON_COHERENT,
];
const RDNA2: Device = Device { generation: Generation::Rdna2, pcie_atomics: true, is_apu: false, svm: true };
const NO_ATOMICS: Device = Device { pcie_atomics: false, ..RDNA2 };
const HIP_5_2: Runtime = Runtime { hip_soname: 5, hip: Version::new(5, 2), rocr: Version::new(5, 2) };
const HIP_6_2: Runtime = Runtime { hip_soname: 6, hip: Version::new(6, 2), rocr: Version::new(6, 2) };
const HIP_6_4: Runtime = Runtime { hip_soname: 6, hip: Version::new(6, 4), rocr: Version::new(6, 4) };
const HIP_7_2: Runtime = Runtime { hip_soname: 7, hip: Version::new(7, 2), rocr: Version::new(7, 2) };
const UNKNOWN: Runtime = Runtime { hip_soname: 6, hip: Version::UNKNOWN, rocr: Version::UNKNOWN };
/// An HSA client in a process without HIP.
const ONLY_HSA: Runtime = Runtime { hip_soname: 0, hip: Version::UNKNOWN, rocr: Version::new(6, 4) };
const RUNTIMES: [Runtime; 6] = [HIP_5_2, HIP_6_2, HIP_6_4, HIP_7_2, UNKNOWN, ONLY_HSA];
const CALLERS: [Caller; 4] = [Caller::Program, Caller::Runtime, Caller::NeverList, Caller::Unknown];

/// Every combination of the known flag bits, small numbers (advice, allocation types) and some unknown bits.
fn all_flags() -> Vec<u32> {
    let mut flags: Vec<u32> = (0..1u32 << HOST_BITS.len())
        .map(|mask| HOST_BITS.iter().enumerate().filter(|(n, _)| mask >> n & 1 == 1).map(|(_, bit)| bit).sum())
        .collect();
    flags.extend(0..=16);
    flags.extend([100, 101, 0x20, 0x0800_0000, 0x0800_0040, 0x8000_0008, u32::MAX]);
    flags.sort_unstable();
    flags.dedup();
    flags
}

fn devices() -> Vec<Device> {
    let mut devices = vec![Device::UNKNOWN];
    for generation in [Generation::Rdna1, Generation::Rdna2, Generation::Other] {
        for bits in 0..8 {
            devices.push(Device { generation, pcie_atomics: bits & 1 != 0, is_apu: bits & 2 != 0, svm: bits & 4 != 0 });
        }
    }
    devices
}

fn environments() -> [Environment; 4] {
    [0, 1, 2, 3].map(|bits| Environment {
        hip_host_coherent: bits & 1 != 0,
        copies_are_fenced: bits & 2 != 0,
        ..Environment::default()
    })
}

/// Every request there is, up to flags that are alike, on every device in every mode.
fn every(mut check: impl FnMut(&Request, &Device, Mode, Decision)) {
    let (all, devices) = (all_flags(), devices());
    let few = [0, 1, 2, 3, 4, 8, 100, 101, HOST_MALLOC_COHERENT, HOST_MALLOC_NON_COHERENT, u32::MAX];
    for &call in Call::ALL {
        let host = matches!(call, Call::HipHostMalloc | Call::HipHostAlloc | Call::HipHostRegister);
        let flags = if host { &all[..] } else { &few[..] };
        for &flags in flags {
            for runtime in RUNTIMES {
                for caller in CALLERS {
                    for environment in environments() {
                        let pools: &[Pool] =
                            if call.as_str().starts_with("hsa") { &Pool::ALL } else { &Pool::ALL[..1] };
                        for &pool in pools {
                            let request = Request { call, flags, pool, runtime, caller, environment };
                            for device in &devices {
                                for mode in Mode::ALL {
                                    let rules = Rules { mode, routes: Routes::ALL, ..Rules::default() };
                                    check(&request, device, mode, decide(&request, device, &rules));
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn host_malloc(flags: u32, device: &Device, mode: Mode) -> Decision {
    decide(&Request::new(Call::HipHostMalloc, flags, HIP_5_2), device, &Rules::new(mode))
}

const fn flags(flags: u32) -> Action {
    Action::Rewrite(Rewrite::Flags(flags))
}

#[test]
fn what_may_never_happen_never_happens() {
    every(|request, device, mode, decision| {
        let say = || format!("{request:?} {device:?} {mode}: {decision:?}");
        let rewritten = decision.action != Action::Pass;
        assert_ne!(decision.rule, "unlisted", "{}", say());
        assert_eq!(reason(decision.rule), Some(decision.reason), "{}", say());
        assert!(!(rewritten && (mode == Mode::Off || mode == Mode::Audit)), "{}", say());
        assert!(!(rewritten && device.generation == Generation::Other), "{}", say());
        assert!(!(rewritten && matches!(request.caller, Caller::Runtime | Caller::NeverList)), "{}", say());
        assert!(!(rewritten && decision.warning.is_some()), "{}", say());
        assert!(decision.withheld.is_none() || (mode == Mode::Audit && !rewritten), "{}", say());
        if mode == Mode::Off || device.generation == Generation::Other {
            assert_eq!((decision.warning, decision.withheld), (None, None), "{}", say());
        }
        if rewritten {
            let plain_host = HOST_MALLOC_PORTABLE | HOST_MALLOC_MAPPED | HOST_MALLOC_WRITE_COMBINED;
            match decision.action {
                // Exactly one bit is added, nothing is lost, and nobody had said anything about coherence.
                Action::Rewrite(Rewrite::Flags(used)) => {
                    assert_eq!(request.call, Call::HipHostMalloc, "{}", say());
                    assert_eq!(used, request.flags | HOST_MALLOC_NON_COHERENT, "{}", say());
                    assert_eq!(request.flags & !(plain_host | HOST_MALLOC_NUMA_USER), 0, "{}", say());
                    assert!(!request.environment.hip_host_coherent, "{}", say());
                }
                Action::Rewrite(Rewrite::HostMalloc(used)) => {
                    assert!(matches!(request.call, Call::HipMemAllocHost | Call::HipHostAlloc), "{}", say());
                    assert_eq!(used, request.flags | HOST_MALLOC_NON_COHERENT, "{}", say());
                    assert!(request.call == Call::HipMemAllocHost || request.flags & !plain_host == 0, "{}", say());
                    assert!(!request.environment.hip_host_coherent, "{}", say());
                }
                Action::Rewrite(Rewrite::LockToCoarsePool) => {
                    assert_eq!(request.call, Call::HsaMemoryLock, "{}", say())
                }
                Action::Rewrite(Rewrite::RegisterCoarse) => {
                    assert_eq!(request.call, Call::HipHostRegister, "{}", say());
                    assert_eq!(
                        request.flags & !(HOST_REGISTER_PORTABLE | HOST_REGISTER_MAPPED | HOST_REGISTER_COARSE_GRAINED),
                        0
                    );
                    assert!(
                        request.environment.copies_are_fenced || request.runtime.hip < Version::new(6, 4),
                        "{}",
                        say()
                    );
                }
                Action::Rewrite(Rewrite::AdviseCoarseGrain) => {
                    assert_eq!(
                        (request.call, device.svm, mode),
                        (Call::HipMallocManaged, true, Mode::Strict),
                        "{}",
                        say()
                    );
                }
                Action::Rewrite(Rewrite::CoarsePool) => {
                    assert_eq!(
                        (request.pool, request.flags, request.caller),
                        (Pool::CpuFine, 0, Caller::Program),
                        "{}",
                        say()
                    );
                    assert_eq!(mode, Mode::Strict, "{}", say());
                    let copies_by_shader = !matches!(request.runtime, HIP_5_2 | HIP_6_2 | ONLY_HSA);
                    assert!(request.environment.copies_are_fenced || !copies_by_shader, "{}", say());
                }
                Action::Pass => unreachable!(),
            }
        }
    });
}

#[test]
fn the_calls_that_are_never_changed_are_not_changed_even_in_strict_mode() {
    let may = [
        Call::HipHostMalloc,
        Call::HipMemAllocHost,
        Call::HipHostAlloc,
        Call::HipHostRegister,
        Call::HipMallocManaged,
        Call::HsaMemoryLock,
        Call::HsaMemoryPoolAllocate,
        Call::HsaMemoryAllocate,
    ];
    let mut changed = std::collections::BTreeSet::new();
    every(|request, _, _, decision| {
        if decision.action != Action::Pass {
            changed.insert(request.call);
        }
    });
    assert_eq!(changed, may.into_iter().collect());
}

#[test]
fn strict_changes_whatever_default_changes_and_audit_withholds_exactly_that() {
    let mut default = Action::Pass;
    let mut withheld = None;
    // Modes come in the order off, audit, default, strict.
    every(|request, device, mode, decision| match mode {
        Mode::Off => {}
        Mode::Audit => withheld = decision.withheld,
        Mode::Default => {
            default = decision.action;
            let said = match default {
                Action::Pass => None,
                Action::Rewrite(rewrite) => Some(rewrite),
            };
            assert_eq!(withheld, said, "{request:?} {device:?}");
        }
        Mode::Strict => assert!(default == Action::Pass || decision.action == default, "{request:?} {device:?}"),
    });
}

#[test]
fn default_mode_changes_host_allocations_that_are_coherent_only_because_nobody_said_otherwise() {
    use Action::Pass;
    for (asked, expected, rule) in [
        (0, flags(HOST_MALLOC_NON_COHERENT), "host-default-noncoherent"),
        (HOST_MALLOC_NUMA_USER, flags(HOST_MALLOC_NUMA_USER | HOST_MALLOC_NON_COHERENT), "host-numauser-noncoherent"),
        (
            HOST_MALLOC_NUMA_USER | HOST_MALLOC_PORTABLE,
            flags(HOST_MALLOC_NUMA_USER | HOST_MALLOC_PORTABLE | HOST_MALLOC_NON_COHERENT),
            "host-numauser-noncoherent",
        ),
        (HOST_MALLOC_PORTABLE, Pass, "host-already-noncoherent"),
        (HOST_MALLOC_WRITE_COMBINED, Pass, "host-already-noncoherent"),
        (HOST_MALLOC_PORTABLE | HOST_MALLOC_WRITE_COMBINED, Pass, "host-already-noncoherent"),
        (HOST_MALLOC_MAPPED, Pass, "host-mapped"),
        (HOST_MALLOC_PORTABLE | HOST_MALLOC_MAPPED, Pass, "host-mapped"),
        (HOST_MALLOC_NUMA_USER | HOST_MALLOC_MAPPED, Pass, "host-mapped"),
        (HOST_MALLOC_COHERENT, Pass, "host-explicit-coherent"),
        (HOST_MALLOC_COHERENT | HOST_MALLOC_MAPPED, Pass, "host-explicit-coherent"),
        (HOST_MALLOC_NON_COHERENT, Pass, "host-explicit-noncoherent"),
        (HOST_MALLOC_NON_COHERENT | HOST_MALLOC_MAPPED, Pass, "host-explicit-noncoherent"),
        (HOST_MALLOC_COHERENT | HOST_MALLOC_NON_COHERENT, Pass, "host-invalid-coherence"),
        (HOST_MALLOC_UNCACHED, Pass, "host-explicit-uncached"),
        (0x0800_0000, Pass, "host-unknown-flag"),
    ] {
        let decision = host_malloc(asked, &RDNA2, Mode::Default);
        assert_eq!((decision.action, decision.rule, decision.warning), (expected, rule, None), "{asked:#x}");
    }
}

#[test]
fn mapped_memory_is_changed_in_strict_mode_and_without_pcie_atomics() {
    for asked in
        [HOST_MALLOC_MAPPED, HOST_MALLOC_MAPPED | HOST_MALLOC_PORTABLE, HOST_MALLOC_MAPPED | HOST_MALLOC_NUMA_USER]
    {
        let changed = flags(asked | HOST_MALLOC_NON_COHERENT);
        assert_eq!(host_malloc(asked, &RDNA2, Mode::Strict).action, changed);
        assert_eq!(host_malloc(asked, &NO_ATOMICS, Mode::Default).action, changed);
        assert_eq!(host_malloc(asked, &RDNA2, Mode::Default).action, Action::Pass);
    }
}

#[test]
fn explicit_coherent_without_pcie_atomics_is_honoured_with_a_warning() {
    for mode in [Mode::Audit, Mode::Default, Mode::Strict] {
        let decision = host_malloc(HOST_MALLOC_COHERENT, &NO_ATOMICS, mode);
        assert_eq!((decision.action, decision.warning), (Action::Pass, Some(Warning::CoherentWithoutAtomics)));
        assert_eq!(host_malloc(HOST_MALLOC_COHERENT, &RDNA2, mode).warning, None);
    }
    assert_eq!(host_malloc(HOST_MALLOC_COHERENT, &NO_ATOMICS, Mode::Off).warning, None);
}

#[test]
fn hip_host_coherent_is_a_wish_for_coherent_memory() {
    let environment = Environment { hip_host_coherent: true, ..Environment::default() };
    for mode in [Mode::Default, Mode::Strict] {
        for asked in [0, HOST_MALLOC_MAPPED, HOST_MALLOC_NUMA_USER, HOST_MALLOC_PORTABLE] {
            let request = Request { environment, ..Request::new(Call::HipHostMalloc, asked, HIP_5_2) };
            let decision = decide(&request, &RDNA2, &Rules::new(mode));
            assert_eq!((decision.action, decision.rule), (Action::Pass, "host-variable-coherent"));
        }
    }
}

#[test]
fn hip_host_alloc_is_changed_only_where_it_is_known_to_be_host_memory() {
    let ask =
        |asked, runtime| decide(&Request::new(Call::HipHostAlloc, asked, runtime), &RDNA2, &Rules::new(Mode::Strict));
    for runtime in [HIP_5_2, HIP_6_2, Runtime { hip_soname: 5, ..Runtime::default() }] {
        let decision = ask(0, runtime);
        assert_eq!((decision.action, decision.warning), (Action::Pass, Some(Warning::HostAllocIsVram)), "{runtime:?}");
    }
    assert_eq!(ask(0, UNKNOWN).rule, "hostalloc-unknown-release");
    for runtime in [HIP_6_4, HIP_7_2, Runtime { hip_soname: 7, ..Runtime::default() }] {
        // hipHostAlloc itself refuses NonCoherent, so it becomes hipHostMalloc.
        assert_eq!(
            ask(0, runtime).action,
            Action::Rewrite(Rewrite::HostMalloc(HOST_MALLOC_NON_COHERENT)),
            "{runtime:?}"
        );
        assert_eq!(ask(HOST_MALLOC_PORTABLE, runtime).action, Action::Pass);
        assert_eq!(ask(HOST_MALLOC_UNCACHED, runtime).action, Action::Pass);
    }
}

#[test]
fn hip_mem_alloc_host_becomes_non_coherent_host_memory() {
    let decision = decide(&Request::new(Call::HipMemAllocHost, 0, HIP_5_2), &RDNA2, &Rules::new(Mode::Default));
    assert_eq!(decision.action, Action::Rewrite(Rewrite::HostMalloc(HOST_MALLOC_NON_COHERENT)));
    assert_eq!(decision.flags_used(0), HOST_MALLOC_NON_COHERENT);
}

#[test]
fn registration_is_changed_only_where_copies_cannot_become_stale() {
    let rules = Rules { routes: Routes::ALL, ..Rules::new(Mode::Strict) };
    let ask = |runtime, fenced| {
        let environment = Environment { copies_are_fenced: fenced, ..Environment::default() };
        decide(&Request { environment, ..Request::new(Call::HipHostRegister, 0, runtime) }, &RDNA2, &rules)
    };
    for (runtime, fenced) in [(HIP_5_2, false), (HIP_6_2, false), (HIP_6_4, true), (HIP_7_2, true), (UNKNOWN, true)] {
        assert_eq!(ask(runtime, fenced).action, Action::Rewrite(Rewrite::RegisterCoarse), "{runtime:?}");
    }
    for runtime in [HIP_6_4, HIP_7_2, UNKNOWN] {
        let decision = ask(runtime, false);
        assert_eq!((decision.action, decision.warning), (Action::Pass, Some(Warning::RegisterNeedsFencedCopies)));
    }
}

#[test]
fn a_rewrite_without_a_route_passes_and_says_so() {
    let rules = Rules { routes: Routes::HIP_FLAGS, ..Rules::new(Mode::Strict) };
    for call in [Call::HipHostRegister, Call::HsaMemoryLock] {
        let runtime = if call == Call::HsaMemoryLock { HIP_6_4 } else { HIP_5_2 };
        let decision = decide(&Request::new(call, 0, runtime), &RDNA2, &rules);
        assert_eq!((decision.action, decision.rule), (Action::Pass, "no-route"));
    }
}

#[test]
fn memory_lock_is_repaired_from_rocr_6_4_on_only() {
    let ask = |runtime| decide(&Request::new(Call::HsaMemoryLock, 0, runtime), &RDNA2, &Rules::new(Mode::Default));
    assert_eq!([HIP_5_2, HIP_6_2, UNKNOWN].map(|runtime| ask(runtime).action), [Action::Pass; 3]);
    assert_eq!([HIP_6_4, HIP_7_2].map(|runtime| ask(runtime).action), [Action::Rewrite(Rewrite::LockToCoarsePool); 2]);
}

#[test]
fn the_repair_of_memory_lock_has_a_switch() {
    let ask = |runtime, memory_lock, mode| {
        let rules = Rules { memory_lock, ..Rules::new(mode) };
        decide(&Request::new(Call::HsaMemoryLock, 0, runtime), &RDNA2, &rules)
    };
    let repair = Rewrite::LockToCoarsePool;
    for mode in [Mode::Default, Mode::Strict] {
        for runtime in RUNTIMES {
            let off = ask(runtime, Switch::Off, mode);
            assert_eq!((off.action, off.rule), (Action::Pass, "lock-repair-off"));
        }
        assert_eq!(ask(UNKNOWN, Switch::Auto, mode).action, Action::Pass);
        assert_eq!(ask(UNKNOWN, Switch::On, mode).action, Action::Rewrite(repair));
        assert_eq!(ask(HIP_6_4, Switch::On, mode).action, Action::Rewrite(repair));
        assert_eq!(ask(HIP_5_2, Switch::On, mode).rule, "lock-already-noncoherent");
    }
    assert_eq!(ask(HIP_6_4, Switch::Off, Mode::Audit).withheld, None);
    assert_eq!(ask(HIP_6_4, Switch::Auto, Mode::Audit).withheld, Some(repair));
}

#[test]
fn a_fine_pool_of_an_hsa_client_is_replaced_only_where_hip_cannot_copy_stale_data() {
    let ask = |call, runtime, copies_are_fenced, caller| {
        let environment = Environment { copies_are_fenced, ..Environment::default() };
        let request = Request { pool: Pool::CpuFine, environment, caller, ..Request::new(call, 0, runtime) };
        decide(&request, &RDNA2, &Rules { routes: Routes::ALL, ..Rules::new(Mode::Strict) })
    };
    for call in [Call::HsaMemoryPoolAllocate, Call::HsaMemoryAllocate] {
        for runtime in [HIP_5_2, HIP_6_2, ONLY_HSA] {
            assert_eq!(ask(call, runtime, false, Caller::Program).action, Action::Rewrite(Rewrite::CoarsePool));
        }
        for runtime in [HIP_6_4, HIP_7_2, UNKNOWN] {
            let decision = ask(call, runtime, false, Caller::Program);
            assert_eq!((decision.action, decision.warning), (Action::Pass, Some(Warning::HsaNeedsFencedCopies)));
            assert_eq!(ask(call, runtime, true, Caller::Program).action, Action::Rewrite(Rewrite::CoarsePool));
        }
        for (caller, rule) in
            [(Caller::Runtime, "runtime-internal"), (Caller::NeverList, "never-list"), (Caller::Unknown, "unknown-caller")]
        {
            assert_eq!(ask(call, ONLY_HSA, true, caller).rule, rule);
        }
    }
}

#[test]
fn pools_are_told_apart_by_their_global_flags_and_agent() {
    for (flags, cpu, pool) in [
        (POOL_FINE_GRAINED, true, Pool::CpuFine),
        (POOL_FINE_GRAINED | POOL_KERNARG, true, Pool::CpuKernarg),
        (POOL_KERNARG, true, Pool::CpuKernarg),
        (POOL_COARSE_GRAINED, true, Pool::CpuCoarse),
        (POOL_EXTENDED_FINE_GRAINED, true, Pool::CpuExtendedFine),
        (POOL_COARSE_GRAINED, false, Pool::GpuCoarse),
        (POOL_FINE_GRAINED, false, Pool::GpuFine),
        (POOL_EXTENDED_FINE_GRAINED, false, Pool::GpuExtendedFine),
        (0, true, Pool::None),
        (0, false, Pool::None),
        (POOL_KERNARG, false, Pool::None),
        (POOL_FINE_GRAINED | POOL_COARSE_GRAINED, true, Pool::None),
        (0x10, true, Pool::None),
    ] {
        assert_eq!(Pool::of_global_flags(flags, cpu), pool, "{flags:#x} {cpu}");
    }
}

#[test]
fn managed_memory_is_changed_in_strict_mode_on_kernels_with_svm() {
    let ask = |device: &Device, mode| {
        let request = Request::new(Call::HipMallocManaged, MEM_ATTACH_GLOBAL, HIP_5_2);
        decide(&request, device, &Rules { routes: Routes::ALL, ..Rules::new(mode) }).action
    };
    assert_eq!(ask(&RDNA2, Mode::Strict), Action::Rewrite(Rewrite::AdviseCoarseGrain));
    assert_eq!(ask(&RDNA2, Mode::Default), Action::Pass);
    assert_eq!(ask(&Device { svm: false, ..RDNA2 }, Mode::Strict), Action::Pass);
}

#[test]
fn callers_are_classed_by_file_name() {
    for (name, class) in [
        ("libamdhip64.so.5", Caller::Runtime),
        ("libhsa-runtime64.so.1", Caller::Runtime),
        ("librccl.so.1", Caller::NeverList),
        ("libucp.so.0", Caller::NeverList),
        ("libuct_rocm.so.0", Caller::NeverList),
        ("librocprofiler-sdk.so.0", Caller::NeverList),
        ("libroctracer64.so.4", Caller::NeverList),
        ("libtorch_hip.so", Caller::Program),
        ("libucpp.so", Caller::Program),
        ("python3.11", Caller::Program),
        ("", Caller::Unknown),
    ] {
        assert_eq!(Caller::of_library(name), class, "{name}");
    }
}

#[test]
fn modes_are_read_by_name_and_the_error_has_the_names() {
    for mode in Mode::ALL {
        assert_eq!(mode.to_string().parse(), Ok(mode));
    }
    let error = "Default".parse::<Mode>().expect_err("case matters").to_string();
    for word in ["Default", "off", "audit", "default", "strict"] {
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn hip_versions_are_taken_apart() {
    for (number, version) in [
        (50_221_153, Version::new(5, 2)),
        (60_443_484, Version::new(6, 4)),
        (70_251_831, Version::new(7, 2)),
        (0, Version::UNKNOWN),
        (-1, Version::UNKNOWN),
        (9_999_999, Version::UNKNOWN),
    ] {
        assert_eq!(Version::from_hip_runtime(number), version, "{number}");
    }
}

#[test]
fn rule_names_are_unique_kebab_case_and_have_a_sentence_and_a_source() {
    let mut names = std::collections::BTreeSet::new();
    for row in TABLE {
        assert!(names.insert(row.rule), "{} is there twice", row.rule);
        assert!(
            row.rule.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
            "{}",
            row.rule
        );
        assert!(row.reason.ends_with('.') && !row.source.is_empty(), "{}", row.rule);
    }
}

/// The table as text. `UPDATE=1 cargo test -p rmcp-policy` writes it anew.
#[test]
fn the_table_as_text_is_the_one_checked_in() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/table.txt");
    let text = table();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &text).expect("written");
    }
    let stored = std::fs::read_to_string(path).expect("tests/table.txt");
    for (new, old) in text.lines().zip(stored.lines()) {
        assert_eq!(new, old, "tests/table.txt differs; UPDATE=1 writes it anew");
    }
    assert_eq!(text.lines().count(), stored.lines().count());
}

fn table() -> String {
    use std::fmt::Write;
    let mut text = String::from(
        "Columns: mode default | default on a device without PCIe atomics | strict. Rows are tried from the top.\n\n",
    );
    let effect = |effect| match effect {
        Effect::Pass => "pass",
        Effect::NonCoherent => "NONCOHERENT",
        Effect::HostMallocNonCoherent => "HIPHOSTMALLOC NONCOHERENT",
        Effect::LockToCoarsePool => "COARSE POOL",
        Effect::RegisterCoarse => "REGISTER COARSE",
        Effect::AdviseCoarseGrain => "ADVISE COARSE",
        Effect::CoarsePool => "COARSE POOL",
    };
    for row in TABLE {
        let calls: Vec<&str> = row.calls.iter().map(|call| call.as_str()).collect();
        let flags = match row.flags {
            Match::Any => "any flags".to_owned(),
            Match::Is(value) => format!("flags {value:#x}"),
            Match::Has(u32::MAX) => "any flag set".to_owned(),
            Match::Has(bits) => format!("flags with {bits:#x}"),
            Match::HasAll(bits) => format!("flags with all of {bits:#x}"),
            Match::Beyond(bits) => format!("flags beyond {bits:#x}"),
        };
        let when = match row.when {
            When::Always => String::new(),
            when => format!(", {when:?}"),
        };
        let columns = [Column::Default, Column::NoAtomics, Column::Strict].map(|column| effect(row.effect(column)));
        writeln!(text, "{}: {}", row.rule, columns.join(" | ")).expect("a string");
        writeln!(text, "    {}: {flags}{when}", calls.join(" ")).expect("a string");
        writeln!(text, "    {} [{}]", row.reason, row.source).expect("a string");
    }
    text
}
