//! Which memory a call gives, by release and mode: against what was measured with AMD's libraries, and the whole of it as a text.

use std::fmt::Write;

use rmcp_policy::flags::*;
use rmcp_policy::{
    Action, Call, Device, Environment, Generation, Memory, Mode, Pool, Request, Routes, Rules, Runtime, Version,
    decide, memory,
};

const RDNA2: Device = Device { generation: Generation::Rdna2, pcie_atomics: true, is_apu: false, svm: true };
const OTHER: Device = Device { generation: Generation::Other, ..RDNA2 };
const V5_2: Version = Version::new(5, 2);
const V5_7: Version = Version::new(5, 7);
const V6_1: Version = Version::new(6, 1);
const V6_4: Version = Version::new(6, 4);
const V7_2: Version = Version::new(7, 2);
/// The four pairs that were measured: HIP and ROCr.
const RELEASES: [(&str, Runtime); 4] = [
    ("5.2", Runtime { hip_soname: 5, hip: V5_2, rocr: V5_2 }),
    ("5.7", Runtime { hip_soname: 5, hip: V5_7, rocr: V6_1 }),
    ("6.4", Runtime { hip_soname: 6, hip: V6_4, rocr: V6_4 }),
    ("7.2", Runtime { hip_soname: 7, hip: V7_2, rocr: V7_2 }),
];

fn get(request: &Request, device: &Device, mode: Mode) -> Memory {
    let rules = Rules { routes: Routes::ALL, ..Rules::new(mode) };
    memory(request, device, &decide(request, device, &rules))
}

/// What a call gives where nothing is changed, in each release.
fn stock(call: Call, flags: u32) -> [Memory; 4] {
    RELEASES.map(|(_, runtime)| get(&Request::new(call, flags, runtime), &RDNA2, Mode::Audit))
}

fn pool(call: Call, pool: Pool, flags: u32) -> [Memory; 4] {
    RELEASES.map(|(_, runtime)| get(&Request { pool, ..Request::new(call, flags, runtime) }, &RDNA2, Mode::Audit))
}

use Memory::{
    DeviceCoherent, DeviceNonCoherent, DeviceUncached, HostCoherent, HostNonCoherent, HostUncached, ManagedCoherent,
    ManagedDefault, ManagedNonCoherent, Unknown,
};

/// The table of the survey of ROCm's memory path, measured on the virtual card as gfx1030 with the real libraries.
#[test]
fn stock_memory_is_what_was_measured() {
    let host = HOST_MALLOC_PORTABLE;
    for (call, flags, expected) in [
        (Call::HipMalloc, 0, [DeviceNonCoherent; 4]),
        (Call::HipMallocAsync, 0, [DeviceNonCoherent; 4]),
        (Call::HipMallocHost, 0, [HostNonCoherent; 4]),
        (Call::HipMemAllocHost, 0, [HostCoherent; 4]),
        (Call::HipHostMalloc, 0, [HostCoherent; 4]),
        (Call::HipHostMalloc, HOST_MALLOC_MAPPED, [HostCoherent; 4]),
        (Call::HipHostMalloc, host | HOST_MALLOC_MAPPED, [HostCoherent; 4]),
        (Call::HipHostMalloc, HOST_MALLOC_COHERENT, [HostCoherent; 4]),
        (Call::HipHostMalloc, HOST_MALLOC_NUMA_USER, [HostCoherent; 4]),
        (Call::HipHostMalloc, host, [HostNonCoherent; 4]),
        (Call::HipHostMalloc, host | HOST_MALLOC_WRITE_COMBINED, [HostNonCoherent; 4]),
        (Call::HipHostMalloc, HOST_MALLOC_NON_COHERENT | HOST_MALLOC_MAPPED, [HostNonCoherent; 4]),
        (Call::HipHostMalloc, HOST_MALLOC_NON_COHERENT | HOST_MALLOC_COHERENT, [Unknown; 4]),
        (Call::HipHostMalloc, HOST_MALLOC_UNCACHED, [HostNonCoherent, HostNonCoherent, HostNonCoherent, HostUncached]),
        (Call::HipHostAlloc, 0, [DeviceNonCoherent, DeviceNonCoherent, HostCoherent, HostCoherent]),
        (Call::HipHostAlloc, host, [DeviceNonCoherent, DeviceNonCoherent, HostNonCoherent, HostNonCoherent]),
        (Call::HipHostAlloc, HOST_MALLOC_UNCACHED, [Unknown, Unknown, Unknown, HostUncached]),
        (Call::HipHostRegister, 0, [HostCoherent; 4]),
        (Call::HipHostRegister, HOST_REGISTER_COARSE_GRAINED, [HostCoherent; 4]),
        (Call::HipHostRegister, HOST_REGISTER_IO_MEMORY, [HostCoherent, HostCoherent, HostCoherent, HostUncached]),
        (Call::HipHostRegister, HOST_REGISTER_UNCACHED, [Unknown, Unknown, Unknown, HostUncached]),
        (Call::HipExtMallocWithFlags, DEVICE_MALLOC_DEFAULT, [DeviceNonCoherent; 4]),
        (
            Call::HipExtMallocWithFlags,
            DEVICE_MALLOC_FINEGRAINED,
            [Unknown, Unknown, DeviceNonCoherent, DeviceNonCoherent],
        ),
        (
            Call::HipExtMallocWithFlags,
            DEVICE_MALLOC_UNCACHED,
            [Unknown, DeviceUncached, DeviceUncached, DeviceUncached],
        ),
        (Call::HipExtMallocWithFlags, DEVICE_MALLOC_CONTIGUOUS, [Unknown, Unknown, DeviceUncached, DeviceUncached]),
        (Call::HipExtMallocWithFlags, DEVICE_MALLOC_SIGNAL_MEMORY, [HostUncached; 4]),
        (Call::HipMallocManaged, MEM_ATTACH_GLOBAL, [ManagedDefault; 4]),
        (Call::HipMemAdvise, MEM_ADVISE_SET_COARSE_GRAIN, [ManagedNonCoherent; 4]),
        (Call::HipMemAdvise, MEM_ADVISE_UNSET_COARSE_GRAIN, [ManagedCoherent; 4]),
        (Call::HipMemCreate, MEM_ALLOCATION_PINNED, [DeviceNonCoherent; 4]),
        (Call::HipMemCreate, MEM_ALLOCATION_UNCACHED, [Unknown, Unknown, Unknown, DeviceUncached]),
        (Call::HsaMemoryLock, 0, [HostNonCoherent, HostNonCoherent, HostUncached, HostUncached]),
    ] {
        assert_eq!(stock(call, flags), expected, "{call} {flags:#x}");
    }
    for (of, flags, expected) in [
        (Pool::CpuFine, 0, [HostCoherent; 4]),
        (Pool::CpuCoarse, 0, [HostNonCoherent; 4]),
        (Pool::CpuKernarg, 0, [HostUncached; 4]),
        (Pool::CpuExtendedFine, 0, [HostUncached; 4]),
        (Pool::CpuCoarse, POOL_ALLOCATE_PCIE, [HostCoherent; 4]),
        (Pool::CpuCoarse, POOL_ALLOCATE_UNCACHED, [HostNonCoherent, HostNonCoherent, HostNonCoherent, HostUncached]),
        (Pool::GpuCoarse, 0, [DeviceNonCoherent; 4]),
        (Pool::GpuFine, 0, [DeviceCoherent; 4]),
        (Pool::GpuExtendedFine, 0, [DeviceUncached; 4]),
    ] {
        assert_eq!(pool(Call::HsaMemoryPoolAllocate, of, flags), expected, "{of:?} {flags:#x}");
    }
    assert_eq!(pool(Call::HsaMemoryLockToPool, Pool::CpuFine, 0), [HostCoherent; 4]);
    assert_eq!(pool(Call::HsaMemoryLockToPool, Pool::CpuCoarse, 0), [HostNonCoherent; 4]);
}

#[test]
fn whatever_is_rewritten_becomes_non_coherent_and_was_not() {
    for (_, runtime) in RELEASES {
        for &call in Call::ALL {
            for flags in [0, 1, 2, 3, 4, 8, HOST_MALLOC_NUMA_USER, HOST_MALLOC_COHERENT, u32::MAX] {
                for pool in Pool::ALL {
                    let environment = Environment { copies_are_fenced: true, ..Environment::default() };
                    let request = Request { pool, environment, ..Request::new(call, flags, runtime) };
                    let rules = Rules { routes: Routes::ALL, ..Rules::new(Mode::Strict) };
                    let decision = decide(&request, &RDNA2, &rules);
                    let without_flags = call == Call::HipMemAllocHost;
                    if decision.action == Action::Pass || (without_flags && flags != 0) {
                        continue;
                    }
                    let before = get(&request, &RDNA2, Mode::Audit);
                    let after = memory(&request, &RDNA2, &decision);
                    assert_eq!((before.mtype(), after.mtype()), (Some("UC"), Some("NC")), "{request:?}");
                }
            }
        }
    }
}

#[test]
fn the_environment_changes_what_the_runtime_gives() {
    let with = |call, flags, runtime, environment| {
        get(&Request { environment, ..Request::new(call, flags, runtime) }, &RDNA2, Mode::Audit)
    };
    let [old, _, _, new] = RELEASES.map(|(_, runtime)| runtime);
    let coherent = Environment { hip_host_coherent: true, ..Environment::default() };
    assert_eq!(with(Call::HipHostMalloc, HOST_MALLOC_PORTABLE, old, coherent), HostCoherent);
    assert_eq!(with(Call::HipHostMalloc, HOST_MALLOC_NON_COHERENT, old, coherent), HostNonCoherent);
    assert_eq!(with(Call::HipMallocHost, 0, old, coherent), HostNonCoherent);
    let fine = Environment { fine_grain_pcie: true, ..Environment::default() };
    assert_eq!(with(Call::HipExtMallocWithFlags, DEVICE_MALLOC_FINEGRAINED, old, fine), DeviceCoherent);
    let no_svm = Environment { svm_disabled: true, ..Environment::default() };
    assert_eq!(with(Call::HipMallocManaged, MEM_ATTACH_GLOBAL, new, no_svm), HostNonCoherent);
    let no_cache = Environment { cache_disabled: true, ..Environment::default() };
    assert_eq!(with(Call::HipMalloc, 0, old, no_cache), DeviceUncached);
    assert_eq!(with(Call::HipHostMalloc, HOST_MALLOC_NON_COHERENT, new, no_cache), HostUncached);
    assert_eq!(with(Call::HipHostRegister, 0, old, no_cache), HostCoherent, "5.2.3 does not look at it there");
    assert_eq!(with(Call::HipHostRegister, 0, new, no_cache), HostUncached);
}

#[test]
fn texts_and_page_table_types_agree() {
    for kind in Memory::ALL {
        let text = kind.as_str();
        let expected = match text {
            "" => None,
            _ if text.ends_with("non-coherent") => Some("NC"),
            _ => Some("UC"),
        };
        assert_eq!(kind.mtype(), expected, "{text}");
    }
}

/// Calls and flags of the text.
fn cases() -> Vec<(Call, u32, Pool)> {
    let plain = [
        (Call::HipMalloc, &[0][..]),
        (Call::HipMallocAsync, &[0]),
        (Call::HipMemCreate, &[MEM_ALLOCATION_PINNED, MEM_ALLOCATION_UNCACHED]),
        (Call::HipExtMallocWithFlags, &[0, 1, 2, 3, 4]),
        (Call::HipMallocHost, &[0]),
        (Call::HipMemAllocHost, &[0]),
        (
            Call::HipHostMalloc,
            &[
                0,
                1,
                2,
                3,
                4,
                HOST_MALLOC_UNCACHED,
                HOST_MALLOC_NUMA_USER,
                HOST_MALLOC_COHERENT,
                HOST_MALLOC_NON_COHERENT,
            ],
        ),
        (Call::HipHostAlloc, &[0, 1, 2, 4, HOST_MALLOC_UNCACHED]),
        (Call::HipHostRegister, &[0, 1, 2, 4, 8, HOST_REGISTER_UNCACHED]),
        (Call::HipMallocManaged, &[MEM_ATTACH_GLOBAL, MEM_ATTACH_HOST]),
        (Call::HipMemAdvise, &[MEM_ADVISE_SET_COARSE_GRAIN, MEM_ADVISE_UNSET_COARSE_GRAIN]),
        (Call::HsaMemoryLock, &[0]),
        (Call::HsaSvmAttributesSet, &[0, SVM_FINE_GRAINED, SVM_COARSE_GRAINED]),
    ];
    let plain = plain.iter().flat_map(|(call, flags)| flags.iter().map(|flags| (*call, *flags, Pool::None)));
    let pools = [Call::HsaMemoryPoolAllocate, Call::HsaMemoryLockToPool]
        .into_iter()
        .flat_map(|call| Pool::ALL[1..].iter().map(move |pool| (call, 0, *pool)));
    plain.chain(pools).collect()
}

/// `UPDATE=1 cargo test -p rmcp-policy` writes it anew.
#[test]
fn the_memory_of_each_call_in_each_mode_and_release_is_the_one_checked_in() {
    let mut text = String::from(
        "What each call gives on RDNA2 with PCIe atomics and AMD_OPT_FLUSH=0, by HIP release: mode audit > default > strict, where they differ.\n\
         A control GPU of another generation stays as in mode audit.\n\n",
    );
    for (call, flags, pool) in cases() {
        let place = if pool == Pool::None { String::new() } else { format!(" {pool:?}") };
        writeln!(text, "{call} {flags:#x}{place}").expect("a string");
        for (release, runtime) in RELEASES {
            let environment = Environment { copies_are_fenced: true, ..Environment::default() };
            let request = Request { pool, environment, ..Request::new(call, flags, runtime) };
            let say = |memory: Memory| match memory.mtype() {
                Some(mtype) => format!("{} ({mtype})", memory.as_str()),
                None => "unknown".to_owned(),
            };
            let mut modes =
                [Mode::Audit, Mode::Default, Mode::Strict].map(|mode| say(get(&request, &RDNA2, mode))).to_vec();
            for mode in Mode::ALL {
                assert_eq!(say(get(&request, &OTHER, mode)), modes[0], "nothing changes on another generation");
            }
            if modes.iter().all(|memory| *memory == modes[0]) {
                modes.truncate(1);
            }
            writeln!(text, "    {release}: {}", modes.join(" > ")).expect("a string");
        }
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/memory.txt");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &text).expect("written");
    }
    assert!(
        std::fs::read_to_string(path).expect("tests/memory.txt") == text,
        "tests/memory.txt differs; UPDATE=1 writes it anew"
    );
}
