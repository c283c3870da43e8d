//! Flags of the recorded calls in words.

use rmcp_policy::flags::*;

const HOST_MALLOC: &[(u32, &str)] = &[
    (HOST_MALLOC_PORTABLE, "Portable"),
    (HOST_MALLOC_MAPPED, "Mapped"),
    (HOST_MALLOC_WRITE_COMBINED, "WriteCombined"),
    (HOST_MALLOC_UNCACHED, "Uncached"),
    (HOST_MALLOC_NUMA_USER, "NumaUser"),
    (HOST_MALLOC_COHERENT, "Coherent"),
    (HOST_MALLOC_NON_COHERENT, "NonCoherent"),
];

const HOST_REGISTER: &[(u32, &str)] = &[
    (HOST_REGISTER_PORTABLE, "Portable"),
    (HOST_REGISTER_MAPPED, "Mapped"),
    (HOST_REGISTER_IO_MEMORY, "IoMemory"),
    (HOST_REGISTER_COARSE_GRAINED, "CoarseGrained"),
    (HOST_REGISTER_UNCACHED, "Uncached"),
];

const ATTACH: &[(u32, &str)] = &[(MEM_ATTACH_GLOBAL, "Global"), (MEM_ATTACH_HOST, "Host")];

/// Values, not bits.
const DEVICE_MALLOC: &[(u32, &str)] = &[
    (DEVICE_MALLOC_FINEGRAINED, "Finegrained"),
    (DEVICE_MALLOC_SIGNAL_MEMORY, "SignalMemory"),
    (DEVICE_MALLOC_UNCACHED, "Uncached"),
    (DEVICE_MALLOC_CONTIGUOUS, "Contiguous"),
];

/// `Default`, `Mapped|Coherent`, `Mapped|0x100`; `-` for a call that has no flags.
pub fn words(call: &str, flags: u32) -> String {
    let names = match call {
        "hipHostMalloc" | "hipHostAlloc" => HOST_MALLOC,
        // Shown with a flag only where it was carried out as hipHostMalloc.
        "hipMemAllocHost" | "hipMallocHost" if flags != 0 => HOST_MALLOC,
        "hipHostRegister" => HOST_REGISTER,
        "hipMallocManaged" => ATTACH,
        "hipExtMallocWithFlags" => {
            let name = DEVICE_MALLOC.iter().find(|(value, _)| *value == flags).map(|(_, name)| (*name).to_owned());
            return if flags == 0 { "Default".to_owned() } else { name.unwrap_or(format!("{flags:#x}")) };
        }
        _ if flags == 0 => return "-".to_owned(),
        _ => return format!("{flags:#x}"),
    };
    if flags == 0 {
        return "Default".to_owned();
    }
    let mut rest = flags;
    let mut parts = Vec::new();
    for (bit, name) in names {
        if rest & bit != 0 {
            parts.push((*name).to_owned());
            rest &= !bit;
        }
    }
    if rest != 0 {
        parts.push(format!("{rest:#x}"));
    }
    parts.join("|")
}

/// `Default -> NonCoherent`, or the flags once where nothing was changed. A rewrite that no flag can express is named.
pub fn change(call: &str, asked: u32, used: u32, rewritten: bool) -> String {
    let before = words(call, asked);
    let after = match call {
        _ if asked != used => words(call, used),
        _ if !rewritten => return before,
        "hipMallocManaged" => "advised CoarseGrain".to_owned(),
        _ => "coarse-grained pool".to_owned(),
    };
    format!("{before} -> {after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_have_their_names_and_unknown_bits_stay_visible() {
        for (call, flags, text) in [
            ("hipHostMalloc", 0, "Default"),
            ("hipHostMalloc", 0x8000_0002, "Mapped|NonCoherent"),
            ("hipHostMalloc", 0x102, "Mapped|0x100"),
            ("hipHostRegister", 8, "CoarseGrained"),
            ("hipMallocManaged", 1, "Global"),
            ("hipExtMallocWithFlags", 3, "Uncached"),
            ("hipExtMallocWithFlags", 9, "0x9"),
            ("hipMalloc", 0, "-"),
            ("hsa_amd_memory_lock", 4, "0x4"),
        ] {
            assert_eq!(words(call, flags), text, "{call} {flags:#x}");
        }
        for (call, used, rewritten, text) in [
            ("hipMemAllocHost", HOST_MALLOC_NON_COHERENT, true, "- -> NonCoherent"),
            ("hipHostRegister", 0, true, "Default -> coarse-grained pool"),
            ("hipHostRegister", 0, false, "Default"),
            ("hsa_amd_memory_lock", 0, true, "- -> coarse-grained pool"),
        ] {
            assert_eq!(change(call, 0, used, rewritten), text, "{call}");
        }
    }
}
