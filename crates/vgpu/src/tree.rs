//! The files by which the kernel describes a machine to user mode, written as ordinary files below a directory.
//!
//! Layout: linux `drivers/gpu/drm/amd/amdkfd/kfd_topology.c` (`node_show`, `mem_show`, `iolink_show`), `kfd_crat.h` for the link flags.
//! A path that starts with one of [`REDIRECTED`] is looked for below the tree instead.

mod host;

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::kfd::gpu_id;
use crate::spec::{Slot, Spec};
use host::Host;

/// What the tree stands for.
pub const REDIRECTED: [&str; 7] = [
    "/sys/devices/virtual/kfd",
    "/sys/class/kfd",
    "/sys/class/drm",
    "/sys/dev/char/226:",
    "/sys/module/amdgpu",
    "/dev/dri",
    "/proc/modules",
];

/// Where `path` is in the tree at `root`; `None`: the path is not redirected. Repeated slashes are seen through, `..` before the end of a prefix is not.
pub fn redirect(root: &str, path: &str) -> Option<String> {
    let plain;
    let path = if path.contains("//") || path.contains("/./") {
        let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
        plain = parts.fold(String::new(), |path, part| path + "/" + part);
        if path.starts_with('/') { &plain } else { path }
    } else {
        path
    };
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
/// CRAT_IOLINK_TYPE_HYPERTRANSPORT and _PCIEXPRESS.
const LINK_HYPERTRANSPORT: u32 = 1;
const LINK_PCIE: u32 = 2;

/// Writes the tree of `spec` below `root`, which is an empty directory. Processors and memory are those of this machine.
pub fn write(spec: &Spec, root: &Path) -> io::Result<()> {
    write_with(spec, &Host::read(), root)
}

fn write_with(spec: &Spec, host: &Host, root: &Path) -> io::Result<()> {
    topology(spec, host, &root.join("sys/devices/virtual/kfd/kfd/topology"))?;
    link(root, "sys/class/kfd/kfd", "../../devices/virtual/kfd/kfd")?;
    let mut modules = String::new();
    if let Ok(real) = fs::read_to_string("/proc/modules") {
        real.lines().filter(|line| !line.starts_with("amdgpu ")).for_each(|line| modules += &format!("{line}\n"));
    }
    modules += "amdgpu 9834496 0 - Live 0x0000000000000000\n";
    file(root, "proc/modules", &modules)?;
    for (name, text) in [("initstate", "live\n"), ("refcnt", "0\n"), ("coresize", "9834496\n"), ("taint", "\n")] {
        file(root, &format!("sys/module/amdgpu/{name}"), text)?;
    }
    // lsmod lists it, and rocminfo 5.2.3 pipes lsmod.
    fs::create_dir_all(root.join("sys/module/amdgpu/holders"))?;
    // Placeholders, for those who only look.
    file(root, "dev/kfd", "")?;
    fs::create_dir_all(root.join("sys/class/drm"))?;
    spec.cards.iter().enumerate().try_for_each(|(index, slot)| drm(root, index, slot))
}

/// DRM's files of one card. libdrm tells cards apart by the name of their primary node, `cardN`.
fn drm(root: &Path, index: usize, slot: &Slot) -> io::Result<()> {
    let render = RENDER_MINOR + index as u32;
    let names = [(format!("card{index}"), index as u32), (format!("renderD{render}"), render)];
    let bus = bus(index);
    for (name, minor) in &names {
        file(root, &format!("dev/dri/{name}"), "")?;
        let character = format!("sys/dev/char/226:{minor}");
        let device = format!("{character}/device");
        for (name, _) in &names {
            fs::create_dir_all(root.join(&device).join("drm").join(name))?;
        }
        let uevent =
            format!("DRIVER=amdgpu\nPCI_ID=1002:{:04X}\nPCI_SLOT_NAME=0000:{bus:02x}:00.0\n", slot.card.device_id);
        for (name, text) in [
            ("vendor", "0x1002\n"),
            ("device", &format!("{:#06x}\n", slot.card.device_id)),
            ("subsystem_vendor", "0x1002\n"),
            ("subsystem_device", "0x0e3a\n"),
            ("revision", "0xc1\n"),
            ("uevent", &uevent),
        ] {
            file(root, &format!("{device}/{name}"), text)?;
        }
        // libdrm takes the last part of the link's text for the kind of bus.
        link(root, &format!("{device}/subsystem"), "../../../../bus/pci")?;
        file(root, &format!("{character}/dev"), &format!("226:{minor}\n"))?;
        link(root, &format!("sys/class/drm/{name}"), &format!("../../dev/char/226:{minor}"))?;
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

fn link(root: &Path, path: &str, target: &str) -> io::Result<()> {
    let path = root.join(path);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    std::os::unix::fs::symlink(target, path)
}

fn lines(pairs: &[(&str, u64)]) -> String {
    pairs.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "{name} {value}");
        text
    })
}

fn topology(spec: &Spec, host: &Host, root: &Path) -> io::Result<()> {
    file(root, "generation_id", "2\n")?;
    file(root, "system_properties", "platform_oem 0\nplatform_id 0\nplatform_rev 0\n")?;
    // The host's nodes come first; the cards follow, all at node 0.
    let hosts = host.nodes.len();
    for (number, node) in host.nodes.iter().enumerate() {
        let mut links: Vec<String> = (0..hosts)
            .filter(|other| *other != number)
            .map(|other| link_properties(LINK_HYPERTRANSPORT, number, other, 20, LINK_ENABLED))
            .collect();
        if number == 0 {
            let reached = spec.cards.iter().enumerate().filter(|(_, slot)| slot.large_bar);
            links.extend(
                reached.map(|(index, slot)| link_properties(LINK_PCIE, 0, hosts + index, 20, pcie_flags(slot))),
            );
        }
        let at = format!("nodes/{number}");
        file(root, &format!("{at}/gpu_id"), "0\n")?;
        file(root, &format!("{at}/name"), "\n")?;
        let properties = node_properties(&[
            ("cpu_cores_count", node.processors),
            ("cpu_core_id_base", node.apic_id),
            ("mem_banks_count", 1),
            ("caches_count", u64::from(!host.caches_known)),
            ("io_links_count", links.len() as u64),
        ]);
        file(root, &format!("{at}/properties"), &properties)?;
        let bank =
            [("heap_type", 0), ("size_in_bytes", node.memory), ("flags", 0), ("width", 64), ("mem_clk_max", 3200)];
        file(root, &format!("{at}/mem_banks/0/properties"), &lines(&bank))?;
        if !host.caches_known {
            // Data, processor: HSA_CACHE_TYPE_DATA and HSA_CACHE_TYPE_CPU.
            file(root, &format!("{at}/caches/0/properties"), &cache_properties(node.apic_id, 1, 32, 64, 1 | 4))?;
        }
        write_links(root, &at, &links, &[])?;
    }
    for (index, slot) in spec.cards.iter().enumerate() {
        card_node(root, spec, hosts, index, slot)?;
    }
    Ok(())
}

fn write_links(root: &Path, node: &str, links: &[String], peers: &[String]) -> io::Result<()> {
    for (kind, texts) in [("io_links", links), ("p2p_links", peers)] {
        fs::create_dir_all(root.join(node).join(kind))?;
        for (link, text) in texts.iter().enumerate() {
            file(root, &format!("{node}/{kind}/{link}/properties"), text)?;
        }
    }
    Ok(())
}

fn card_node(root: &Path, spec: &Spec, hosts: usize, index: usize, slot: &Slot) -> io::Result<()> {
    let card = &slot.card;
    let number = hosts + index;
    let node = format!("nodes/{number}");
    // Another card's memory is reached through its large BAR (`kfd_topology.c`, kfd_add_peer_prop; the weight of both links on the way).
    let peers: Vec<String> = (0..spec.cards.len())
        .filter(|peer| *peer != index && spec.cards[*peer].large_bar)
        .map(|peer| link_properties(LINK_PCIE, number, hosts + peer, 40, LINK_ENABLED))
        .collect();
    file(root, &format!("{node}/gpu_id"), &format!("{}\n", gpu_id(index)))?;
    file(root, &format!("{node}/name"), &format!("{}\n", card.codename))?;
    let arrays = card.shader_engines * card.arrays_per_engine;
    // One entry stands for all caches of its kind. Data, shader: HSA_CACHE_TYPE_DATA and HSA_CACHE_TYPE_HSACU.
    let mut caches = vec![(1, 16)];
    if card.target_version >= 100_000 {
        caches.push((1, 128));
    }
    caches.push((2, if card.target_version >= 100_000 && card.apu { 256 } else { 4096 }));
    if card.l3_kib > 0 {
        caches.push((3, card.l3_kib));
    }
    let properties = node_properties(&[
        ("simd_count", u64::from(card.compute_units * card.simds_per_unit())),
        ("mem_banks_count", 1),
        ("caches_count", caches.len() as u64),
        ("io_links_count", 1),
        ("p2p_links_count", peers.len() as u64),
        ("simd_id_base", SIMD_ID_BASE),
        ("max_waves_per_simd", card.waves_per_simd().into()),
        ("lds_size_in_kb", 64),
        // Global wave sync is not modelled: no cooperative launches.
        ("num_gws", 0),
        ("wave_front_size", u64::from(card.wave_front_size)),
        ("array_count", u64::from(arrays)),
        ("simd_arrays_per_engine", u64::from(card.arrays_per_engine)),
        ("cu_per_simd_array", card.units_per_array.into()),
        ("simd_per_cu", card.simds_per_unit().into()),
        ("max_slots_scratch_cu", 32),
        ("gfx_target_version", u64::from(card.target_version)),
        ("vendor_id", 0x1002),
        ("device_id", u64::from(card.device_id)),
        ("location_id", u64::from(bus(index)) << 8),
        ("domain", 0),
        ("drm_render_minor", u64::from(RENDER_MINOR) + index as u64),
        ("num_sdma_engines", card.sdma_engines.into()),
        ("num_sdma_queues_per_engine", 8),
        ("num_cp_queues", 8),
        ("max_engine_clk_fcompute", 2100),
        // Above the versions from which the firmware copes without PCIe atomics (`kfd_device.c`, no_atomic_fw_version).
        ("fw_version", 160),
        ("capability", CAPABILITY | if spec.has_svm() { CAPABILITY_SVM } else { 0 }),
        ("debug_prop", 1495),
        ("sdma_fw_version", 80),
        ("unique_id", 0x0123_4567_89ab_0000 + index as u64),
        ("num_xcc", 1),
        ("max_engine_clk_ccompute", 3200),
    ]);
    file(root, &format!("{node}/properties"), &properties)?;
    // HSA_MEM_HEAP_TYPE_FB_PUBLIC or FB_PRIVATE. A GPU of an APU is a node of its own from gfx9 on, with its carve-out as video memory.
    let heap = if slot.large_bar { 1 } else { 2 };
    let bank = [("heap_type", heap), ("size_in_bytes", slot.vram), ("flags", 0), ("width", 256), ("mem_clk_max", 1000)];
    file(root, &format!("{node}/mem_banks/0/properties"), &lines(&bank))?;
    for (cache, (level, kib)) in caches.into_iter().enumerate() {
        let text = cache_properties(SIMD_ID_BASE, level, kib, 128, 1 | 8);
        file(root, &format!("{node}/caches/{cache}/properties"), &text)?;
    }
    write_links(root, &node, &[link_properties(LINK_PCIE, number, 0, 20, pcie_flags(slot))], &peers)
}

/// Shader ids start with the top bit set (`kfd_topology.c`, kfd_assign_gpu and get_and_inc_gpu_processor_id).
const SIMD_ID_BASE: u64 = 0x8000_1000;

fn cache_properties(processor: u64, level: u64, kib: u64, line: u64, kind: u64) -> String {
    let pairs = [
        ("processor_id_low", processor),
        ("level", level),
        ("size", kib),
        ("cache_line_size", line),
        ("cache_lines_per_tag", 1),
        ("association", 16),
        ("latency", 0),
        ("type", kind),
    ];
    lines(&pairs) + "sibling_map 1,0,0,0,0,0,0,0\n"
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

/// Flags of the links between the host and a card, either way (`kfd_topology.c`, kfd_set_iolink_no_atomics).
fn pcie_flags(slot: &Slot) -> u32 {
    LINK_ENABLED | if slot.atomics { 0 } else { LINK_NO_ATOMICS }
}

fn link_properties(kind: u32, from: usize, to: usize, weight: u64, flags: u32) -> String {
    lines(&[
        ("type", kind.into()),
        ("version_major", 0),
        ("version_minor", 0),
        ("node_from", from as u64),
        ("node_to", to as u64),
        ("weight", weight),
        ("min_latency", 0),
        ("max_latency", 0),
        ("min_bandwidth", 312),
        ("max_bandwidth", 31504),
        ("recommended_transfer_size", 0),
        ("flags", flags.into()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
        assert_eq!(redirect("/t", "/sys//class/./kfd/"), Some("/t/sys/class/kfd".into()));
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
        let node = host::HostNode { processors: 4, apic_id: 0, memory: 1 << 33 };
        let host = Host { nodes: vec![node], caches_known: true };
        write_with(&spec, &host, directory.path()).expect("a tree");
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
        assert!(read("1/properties").contains("p2p_links_count 1\n"), "the second card has a large BAR");
        assert!(read("2/properties").contains("p2p_links_count 0\n"));
    }

    #[test]
    fn cards_follow_the_nodes_of_the_host() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let spec: Spec = "gfx906".parse().expect("a machine");
        let node = host::HostNode { processors: 4, apic_id: 8, memory: 1 << 33 };
        let host = Host { nodes: vec![node.clone(), node], caches_known: false };
        write_with(&spec, &host, directory.path()).expect("a tree");
        let read = |path: &str| {
            fs::read_to_string(directory.path().join("sys/class/kfd/kfd/topology/nodes").join(path)).expect(path)
        };
        assert!(read("1/properties").contains("cpu_core_id_base 8\n"));
        assert!(
            read("1/properties").contains("caches_count 1\n") && read("1/caches/0/properties").contains("type 5\n")
        );
        assert!(read("0/io_links/1/properties").contains("node_to 2\n"));
        assert!(read("2/io_links/0/properties").contains("node_from 2\nnode_to 0\n"));
        let card = read("2/properties");
        assert!(card.contains("simd_count 240\n") && card.contains("max_waves_per_simd 10\n"), "{card}");
    }

    proptest! {
        #[test]
        fn any_path_is_looked_at(path in "(/|sys|dev|dri|kfd|class|\\.|proc/modules|x){0,10}") {
            if let Some(place) = redirect("/t", &path) {
                prop_assert!(place.starts_with("/t/") && path.starts_with('/'));
            }
        }
    }
}
