//! The files by which the kernel describes a machine to user mode, written as ordinary files below a directory.
//!
//! Layout: linux `drivers/gpu/drm/amd/amdkfd/kfd_topology.c` (`node_show`, `mem_show`, `iolink_show`), `kfd_crat.h` for the link flags.
//! A path that starts with one of [`REDIRECTED`] is looked for below the tree instead.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::kfd::gpu_id;
use crate::spec::{Slot, Spec};

/// What the tree stands for. `/sys/class/kfd/kfd` is a link to `/sys/devices/virtual/kfd/kfd` and has its own copy here.
pub const REDIRECTED: [&str; 7] = [
    "/sys/devices/virtual/kfd",
    "/sys/class/kfd",
    "/sys/class/drm",
    "/sys/dev/char/226:",
    "/sys/module/amdgpu",
    "/dev/dri",
    "/proc/modules",
];

/// Where `path` is in the tree at `root`; `None`: the path is not redirected.
pub fn redirect(root: &str, path: &str) -> Option<String> {
    let hit = REDIRECTED.iter().any(|prefix| {
        path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || prefix.ends_with(':'))
    });
    hit.then(|| format!("{root}{path}"))
}

/// The first DRM render node's minor number.
pub const RENDER_MINOR: u32 = 128;

/// CRAT_IOLINK_FLAGS_ENABLED, _NO_ATOMICS_32_BIT and _NO_ATOMICS_64_BIT (`kfd_crat.h`).
const LINK_ENABLED: u32 = 1;
const LINK_NO_ATOMICS: u32 = 1 << 2 | 1 << 3;
/// CRAT_IOLINK_TYPE_PCIEXPRESS.
const LINK_PCIE: u32 = 2;

/// Writes the tree of `spec` below `root`, which is an empty directory.
pub fn write(spec: &Spec, root: &Path) -> io::Result<()> {
    for kfd in ["sys/devices/virtual/kfd/kfd", "sys/class/kfd/kfd"] {
        topology(spec, &root.join(kfd).join("topology"))?;
    }
    let mut modules = String::new();
    if let Ok(real) = fs::read_to_string("/proc/modules") {
        real.lines().filter(|line| !line.starts_with("amdgpu ")).for_each(|line| modules += &format!("{line}\n"));
    }
    modules += "amdgpu 9834496 0 - Live 0x0000000000000000\n";
    file(root, "proc/modules", &modules)?;
    file(root, "sys/module/amdgpu/initstate", "live\n")?;
    file(root, "sys/module/amdgpu/refcnt", "0\n")?;
    file(root, "sys/module/amdgpu/coresize", "9834496\n")?;
    // lsmod lists it, and rocminfo 5.2.3 pipes lsmod.
    fs::create_dir_all(root.join("sys/module/amdgpu/holders"))?;
    for (index, slot) in spec.cards.iter().enumerate() {
        let render = RENDER_MINOR + index as u32;
        file(root, &format!("dev/dri/renderD{render}"), "")?;
        file(root, &format!("dev/dri/card{index}"), "")?;
        for minor in [render, index as u32] {
            let device = format!("sys/dev/char/226:{minor}/device");
            fs::create_dir_all(root.join(format!("{device}/drm/card{index}")))?;
            fs::create_dir_all(root.join(format!("{device}/drm/renderD{render}")))?;
            file(root, &format!("{device}/vendor"), "0x1002\n")?;
            file(root, &format!("{device}/device"), &format!("{:#06x}\n", slot.card.device_id))?;
            file(root, &format!("{device}/subsystem_vendor"), "0x1002\n")?;
            file(root, &format!("{device}/subsystem_device"), "0x0e3a\n")?;
            file(root, &format!("{device}/revision"), "0xc1\n")?;
            let bus = bus(index);
            file(root, &format!("{device}/uevent"), &format!("DRIVER=amdgpu\nPCI_SLOT_NAME=0000:{bus:02x}:00.0\n"))?;
        }
    }
    Ok(())
}

/// PCI bus of the card at `index`.
fn bus(index: usize) -> u32 {
    3 + index as u32 * 3
}

fn file(root: &Path, path: &str, text: &str) -> io::Result<()> {
    let path: PathBuf = root.join(path);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, text)
}

fn lines(pairs: &[(&str, u64)]) -> String {
    pairs.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "{name} {value}");
        text
    })
}

fn topology(spec: &Spec, root: &Path) -> io::Result<()> {
    file(root, "generation_id", "2\n")?;
    file(root, "system_properties", "platform_oem 0\nplatform_id 0\nplatform_rev 0\n")?;
    let gpus = spec.cards.len();
    // Node 0 is the host; the cards follow.
    let processors = std::thread::available_parallelism().map_or(1, |n| n.get()) as u64;
    let from_host: Vec<usize> = (0..gpus).filter(|index| spec.cards[*index].large_bar).collect();
    file(root, "nodes/0/gpu_id", "0\n")?;
    file(root, "nodes/0/name", "\n")?;
    let host = node_properties(&[
        ("cpu_cores_count", processors),
        ("mem_banks_count", 1),
        ("io_links_count", from_host.len() as u64),
    ]);
    file(root, "nodes/0/properties", &host)?;
    let memory =
        [("heap_type", 0), ("size_in_bytes", memory_bytes()), ("flags", 0), ("width", 64), ("mem_clk_max", 3200)];
    file(root, "nodes/0/mem_banks/0/properties", &lines(&memory))?;
    for (link, index) in from_host.iter().enumerate() {
        let text = link_properties(0, index + 1, &spec.cards[*index]);
        file(root, &format!("nodes/0/io_links/{link}/properties"), &text)?;
    }
    for (index, slot) in spec.cards.iter().enumerate() {
        card_node(root, index, slot, spec.svm)?;
    }
    Ok(())
}

fn card_node(root: &Path, index: usize, slot: &Slot, svm: bool) -> io::Result<()> {
    let card = &slot.card;
    let node = format!("nodes/{}", index + 1);
    file(root, &format!("{node}/gpu_id"), &format!("{}\n", gpu_id(index)))?;
    file(root, &format!("{node}/name"), &format!("{}\n", card.codename))?;
    let arrays = card.shader_engines * card.arrays_per_engine;
    let properties = node_properties(&[
        ("simd_count", u64::from(card.compute_units) * if card.wave_front_size == 32 { 2 } else { 4 }),
        ("mem_banks_count", 1),
        ("caches_count", 3),
        ("io_links_count", 1),
        ("simd_id_base", 0x8000_1000),
        (
            "max_waves_per_simd",
            if card.target_version / 100 == 1001 {
                20
            } else if card.wave_front_size == 32 {
                16
            } else {
                10
            },
        ),
        ("lds_size_in_kb", 64),
        ("num_gws", 64),
        ("wave_front_size", u64::from(card.wave_front_size)),
        ("array_count", u64::from(arrays)),
        ("simd_arrays_per_engine", u64::from(card.arrays_per_engine)),
        ("cu_per_simd_array", u64::from(card.compute_units.div_ceil(arrays))),
        ("simd_per_cu", if card.wave_front_size == 32 { 2 } else { 4 }),
        ("max_slots_scratch_cu", 32),
        ("gfx_target_version", u64::from(card.target_version)),
        ("vendor_id", 0x1002),
        ("device_id", u64::from(card.device_id)),
        ("location_id", u64::from(bus(index)) << 8),
        ("domain", 0),
        ("drm_render_minor", u64::from(RENDER_MINOR) + index as u64),
        ("num_sdma_engines", if card.apu { 1 } else { 2 }),
        ("num_sdma_queues_per_engine", 2),
        ("num_cp_queues", 8),
        ("max_engine_clk_fcompute", 2100),
        ("fw_version", 115),
        ("capability", CAPABILITY | if svm { CAPABILITY_SVM } else { 0 }),
        ("debug_prop", 1495),
        ("sdma_fw_version", 80),
        ("unique_id", 0x0123_4567_89ab_0000 + index as u64),
        ("max_engine_clk_ccompute", 3200),
    ]);
    file(root, &format!("{node}/properties"), &properties)?;
    // HSA_MEM_HEAP_TYPE_FB_PUBLIC or FB_PRIVATE.
    let heap = if slot.large_bar { 1 } else { 2 };
    let bank = [("heap_type", heap), ("size_in_bytes", slot.vram), ("flags", 0), ("width", 256), ("mem_clk_max", 1000)];
    file(root, &format!("{node}/mem_banks/0/properties"), &lines(&bank))?;
    for (cache, (level, kib)) in [(1u64, 16u64), (1, 128), (2, 4096)].into_iter().enumerate() {
        let text = lines(&[
            ("processor_id_low", 0x8000_1000),
            ("level", level),
            ("size", kib),
            ("cache_line_size", 128),
            ("cache_lines_per_tag", 1),
            ("association", 16),
            ("latency", 0),
            ("type", 9),
        ]) + "sibling_map 1,0,0,0,0,0,0,0\n";
        file(root, &format!("{node}/caches/{cache}/properties"), &text)?;
    }
    file(root, &format!("{node}/io_links/0/properties"), &link_properties(index + 1, 0, slot))
}

/// Watch points (2 bits of them), 64-bit doorbells (HSA_CAP_DOORBELL_TYPE_2_0), RAS event notification: `kfd_topology.h`.
const CAPABILITY: u64 = 1 << 7 | 2 << 8 | 2 << 12 | 1 << 21;
/// HSA_CAP_SVMAPI_SUPPORTED.
const CAPABILITY_SVM: u64 = 1 << 27;

/// Every property that `node_show` prints, 0 where `set` does not name it.
fn node_properties(set: &[(&str, u64)]) -> String {
    const NAMES: [&str; 38] = [
        "cpu_cores_count",
        "simd_count",
        "mem_banks_count",
        "caches_count",
        "io_links_count",
        "p2p_links_count",
        "cpu_core_id_base",
        "simd_id_base",
        "max_waves_per_simd",
        "lds_size_in_kb",
        "gds_size_in_kb",
        "num_gws",
        "wave_front_size",
        "array_count",
        "simd_arrays_per_engine",
        "cu_per_simd_array",
        "simd_per_cu",
        "max_slots_scratch_cu",
        "gfx_target_version",
        "vendor_id",
        "device_id",
        "location_id",
        "domain",
        "drm_render_minor",
        "hive_id",
        "num_sdma_engines",
        "num_sdma_xgmi_engines",
        "num_sdma_queues_per_engine",
        "num_cp_queues",
        "max_engine_clk_fcompute",
        "local_mem_size",
        "fw_version",
        "capability",
        "debug_prop",
        "sdma_fw_version",
        "unique_id",
        "num_xcc",
        "max_engine_clk_ccompute",
    ];
    debug_assert!(set.iter().all(|(name, _)| NAMES.contains(name)));
    NAMES.iter().fold(String::new(), |mut text, name| {
        let value = set.iter().find(|(n, _)| n == name).map_or(0, |(_, value)| *value);
        let _ = writeln!(text, "{name} {value}");
        text
    })
}

fn link_properties(from: usize, to: usize, slot: &Slot) -> String {
    let flags = LINK_ENABLED | if slot.atomics { 0 } else { LINK_NO_ATOMICS };
    lines(&[
        ("type", LINK_PCIE.into()),
        ("version_major", 0),
        ("version_minor", 0),
        ("node_from", from as u64),
        ("node_to", to as u64),
        ("weight", 20),
        ("min_latency", 0),
        ("max_latency", 0),
        ("min_bandwidth", 312),
        ("max_bandwidth", 31504),
        ("recommended_transfer_size", 0),
        ("flags", flags.into()),
    ])
}

/// MemTotal of `/proc/meminfo` in bytes.
fn memory_bytes() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or(8 << 20) << 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_paths_of_the_gpu_are_redirected() {
        for path in [
            "/sys/class/kfd",
            "/sys/class/kfd/kfd/topology",
            "/sys/dev/char/226:128/device/drm",
            "/dev/dri",
            "/dev/dri/renderD128",
            "/proc/modules",
        ] {
            assert_eq!(redirect("/t", path), Some(format!("/t{path}")));
        }
        for path in [
            "/sys/class/kfdx",
            "/sys/dev/char/1:3",
            "/dev/driver",
            "/dev/kfd",
            "/proc/modulesx",
            "/proc/cpuinfo",
            "dev/dri",
            "",
        ] {
            assert_eq!(redirect("/t", path), None, "{path}");
        }
    }

    #[test]
    fn missing_pcie_atomics_and_a_small_bar_show_in_the_links_and_the_heap() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let spec: Spec = "gfx1030:atomics=off:bar=small,gfx1010".parse().expect("a machine");
        write(&spec, directory.path()).expect("a tree");
        let read = |path: &str| {
            fs::read_to_string(directory.path().join("sys/class/kfd/kfd/topology/nodes").join(path)).expect(path)
        };
        assert!(read("1/io_links/0/properties").contains("flags 13\n"));
        assert!(read("2/io_links/0/properties").contains("flags 1\n"));
        assert!(read("1/mem_banks/0/properties").contains("heap_type 2\n"));
        assert!(read("2/mem_banks/0/properties").contains("heap_type 1\n"));
        assert!(read("0/properties").contains("io_links_count 1\n"));
        assert!(read("0/io_links/0/properties").contains("node_to 2\n"));
        assert!(read("1/properties").contains("gfx_target_version 100300\n"));
    }
}
