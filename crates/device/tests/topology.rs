//! Trees as the kernel shows them, and trees that no kernel would.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use rmcp_device::{Apu, Generation, Topology, TopologyError};

/// One node of a tree.
struct Node {
    gpu_id: &'static str,
    properties: String,
    banks: Vec<(u32, u64)>,
    /// Other end and flags.
    links: Vec<(u32, u32)>,
}

fn write(root: &Path, nodes: &[Node]) {
    for (number, node) in nodes.iter().enumerate() {
        let path = root.join(format!("nodes/{number}"));
        fs::create_dir_all(&path).expect("made");
        fs::write(path.join("gpu_id"), node.gpu_id).expect("written");
        fs::write(path.join("properties"), &node.properties).expect("written");
        for (bank, (heap, size)) in node.banks.iter().enumerate() {
            let path = path.join(format!("mem_banks/{bank}"));
            fs::create_dir_all(&path).expect("made");
            let text = format!("heap_type {heap}\nsize_in_bytes {size}\nflags 0\nwidth 256\nmem_clk_max 1000\n");
            fs::write(path.join("properties"), text).expect("written");
        }
        for (link, (to, flags)) in node.links.iter().enumerate() {
            let path = path.join(format!("io_links/{link}"));
            fs::create_dir_all(&path).expect("made");
            let text = format!(
                "type 2\nversion_major 0\nversion_minor 0\nnode_from {number}\nnode_to {to}\nweight 20\nflags {flags}\n"
            );
            fs::write(path.join("properties"), text).expect("written");
        }
    }
}

fn cpu(links: &[(u32, u32)]) -> Node {
    Node {
        gpu_id: "0\n",
        properties:
            "cpu_cores_count 16\nsimd_count 0\nmem_banks_count 1\nio_links_count 1\ngfx_target_version 0\nvendor_id 0\n"
                .into(),
        banks: vec![(0, 64 << 30)],
        links: links.to_vec(),
    }
}

/// A Navi 21 in 0000:03:00.0 as a 6.x kernel shows it; `extra` lines come last.
fn navi21(gpu_id: &'static str, location: u32, to_cpu: u32, extra: &str) -> Node {
    Node {
        gpu_id,
        properties: format!(
            "cpu_cores_count 0\nsimd_count 160\nmem_banks_count 1\ncaches_count 206\nio_links_count 1\np2p_links_count 0\n\
             cpu_core_id_base 0\nsimd_id_base 2147487744\nmax_waves_per_simd 16\nlds_size_in_kb 64\ngds_size_in_kb 0\nnum_gws 64\n\
             wave_front_size 32\narray_count 8\nsimd_arrays_per_engine 2\ncu_per_simd_array 10\nsimd_per_cu 2\nmax_slots_scratch_cu 32\n\
             gfx_target_version 100300\nvendor_id 4098\ndevice_id 29631\nlocation_id {location}\ndomain 0\ndrm_render_minor 128\n\
             hive_id 0\nnum_sdma_engines 2\nunique_id 1311768467463790320\nmax_engine_clk_fcompute 2575\nlocal_mem_size 0\n\
             fw_version 115\ncapability 671589504\nsdma_fw_version 83\n{extra}"
        ),
        banks: vec![(1, 16 << 30)],
        links: vec![(0, to_cpu)],
    }
}

fn read(nodes: &[Node]) -> Topology {
    let directory = tempfile::tempdir().expect("a directory");
    write(directory.path(), nodes);
    Topology::read(directory.path()).expect("a topology")
}

#[test]
fn a_card_is_described_by_what_the_kernel_says() {
    let topology = read(&[cpu(&[(1, 15)]), navi21("41463\n", 0x0300, 1, "")]);
    let [gpu] = &topology.gpus[..] else { panic!("one GPU: {topology:?}") };
    assert_eq!((gpu.node, gpu.gpu_id, gpu.target.to_string().as_str()), (1, 41463, "gfx1030"));
    assert_eq!((gpu.generation, gpu.apu, gpu.atomics_to_host()), (Generation::Rdna2, None, true));
    assert_eq!((gpu.vendor_id, gpu.device_id, gpu.pci.to_string().as_str()), (0x1002, 0x73bf, "0000:03:00.0"));
    assert_eq!((gpu.simd_count, gpu.cu_count, gpu.render_minor), (160, 80, 128));
    assert_eq!((gpu.vram_bytes, gpu.large_bar, gpu.svm), (16 << 30, true, true));
    assert_eq!(gpu.uuid().as_deref(), Some("GPU-123456789abcdef0"));
    assert!(topology.skipped.is_empty());
    assert_eq!(topology.at(gpu.pci), Some(gpu));
    let json = serde_json::to_value(gpu).expect("JSON");
    assert_eq!(
        (&json["target"], &json["pci"], &json["generation"]),
        (&"gfx1030".into(), &"0000:03:00.0".into(), &"rdna2".into())
    );
}

#[test]
fn atomics_are_those_of_the_link_from_the_gpu_to_a_cpu() {
    for (flags, expected) in
        [(1, true), (1 | 4 | 8, false), (1 | 4, false), (1 | 8, false), (1 | 2, true), (1 | 16, true)]
    {
        let topology = read(&[cpu(&[(1, 1)]), navi21("7\n", 0x300, flags, "")]);
        assert_eq!(topology.gpus[0].pcie_atomics, Some(expected), "flags {flags}");
        assert_eq!(topology.gpus[0].atomics_to_host(), expected);
    }
    // The CPU's link says what the GPU completes for others; consumer cards complete no atomics.
    assert_eq!(read(&[cpu(&[(1, 15)]), navi21("7\n", 0x300, 1, "")]).gpus[0].pcie_atomics, Some(true));
}

#[test]
fn a_link_between_gpus_says_nothing_about_the_host() {
    let mut first = navi21("7\n", 0x300, 1, "");
    first.links.push((2, 15));
    let mut second = navi21("8\n", 0x400, 15, "");
    second.links = vec![(1, 1)];
    let topology = read(&[cpu(&[]), first, second]);
    assert_eq!([topology.gpus[0].pcie_atomics, topology.gpus[1].pcie_atomics], [Some(true), None]);
    assert!(topology.gpus[1].atomics_to_host(), "unknown counts as yes");
}

#[test]
fn a_small_bar_is_a_private_bank() {
    let mut card = navi21("7\n", 0x300, 1, "");
    card.banks = vec![(1, 256 << 20), (2, 15 << 30)];
    let gpu = &read(&[cpu(&[]), card]).gpus[0];
    assert_eq!((gpu.large_bar, gpu.vram_bytes), (false, (15 << 30) + (256 << 20)));
}

#[test]
fn processors_with_graphics_are_known_by_target_or_by_a_shared_node() {
    let topology = read(&[
        Node {
            gpu_id: "5\n",
            properties: "cpu_cores_count 8\nsimd_count 44\nsimd_per_cu 4\ngfx_target_version 90002\nlocation_id 2048\n"
                .into(),
            banks: vec![(0, 32 << 30)],
            links: vec![],
        },
        navi21("6\n", 0x300, 1, ""),
        navi21("7\n", 0x1000, 1 | 4 | 8, "gfx_target_version 100306\n"),
    ]);
    let apus: Vec<_> =
        topology.gpus.iter().map(|gpu| (gpu.target.to_string(), gpu.apu, gpu.atomics_to_host())).collect();
    assert_eq!(
        apus,
        [
            ("gfx902".to_owned(), Some(Apu::SharedNode), true),
            ("gfx1030".to_owned(), None, true),
            ("gfx1036".to_owned(), Some(Apu::Target), true)
        ]
    );
}

#[test]
fn nodes_that_cannot_be_used_are_skipped_with_a_reason() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path();
    write(
        root,
        &[
            cpu(&[]),
            navi21("7\n", 0x300, 1, ""),
            navi21("no\n", 0x400, 1, ""),
            navi21("9\n", 0x500, 1, "gfx_target_version 0\n"),
        ],
    );
    fs::create_dir_all(root.join("nodes/4")).expect("made");
    fs::create_dir_all(root.join("nodes/5/gpu_id")).expect("made");
    fs::create_dir_all(root.join("nodes/other")).expect("made");
    let topology = Topology::read(root).expect("a topology");
    assert_eq!(topology.gpus.iter().map(|gpu| gpu.node).collect::<Vec<_>>(), [1]);
    let skipped: Vec<_> = topology.skipped.iter().map(|skipped| (skipped.node, skipped.reason.as_str())).collect();
    assert_eq!(skipped[0], (2, "gpu_id is not a number"));
    assert!(skipped[1].0 == 3 && skipped[1].1.contains("gfx_target_version"), "{skipped:?}");
    assert_eq!(skipped[2], (4, "gpu_id is missing"));
    assert!(skipped[3].0 == 5 && skipped[3].1.starts_with("gpu_id cannot be read"), "{skipped:?}");
    assert_eq!(skipped.len(), 4);
}

#[test]
fn without_a_driver_the_error_says_what_is_missing() {
    let directory = tempfile::tempdir().expect("a directory");
    let error = Topology::read(directory.path()).expect_err("no topology");
    assert!(matches!(error, TopologyError::NoDriver(_)));
    assert!(error.to_string().contains("amdgpu kernel driver is not loaded"), "{error}");
    fs::write(directory.path().join("nodes"), "").expect("written");
    assert!(matches!(Topology::read(directory.path()), Err(TopologyError::Unreadable { .. })));
}

#[test]
fn a_machine_without_gpu_has_an_empty_list() {
    assert_eq!(read(&[cpu(&[]), cpu(&[])]), Topology::default());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_content_is_read(
        files in proptest::collection::vec(
            (0u32..3, prop_oneof![
                Just("gpu_id"), Just("properties"), Just("mem_banks/0/properties"), Just("io_links/0/properties"), Just("io_links/x/properties")
            ], prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..200),
                "((gfx_target_version|simd_count|simd_per_cu|cpu_cores_count|location_id|domain|node_to|flags|heap_type|size_in_bytes|unique_id) [0-9]{1,20}\n){0,12}"
                    .prop_map(String::into_bytes),
                "[0-9]{1,12}".prop_map(String::into_bytes),
            ]),
            0..20,
        )
    ) {
        let directory = tempfile::tempdir().expect("a directory");
        fs::create_dir_all(directory.path().join("nodes")).expect("made");
        for (node, name, content) in files {
            let path = directory.path().join(format!("nodes/{node}")).join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, content).expect("written");
        }
        let topology = Topology::read(directory.path()).expect("a topology");
        for gpu in &topology.gpus {
            prop_assert_ne!(gpu.gpu_id, 0);
            let _ = (gpu.atomics_to_host(), gpu.uuid(), gpu.pci.to_string(), gpu.target.to_string());
        }
    }
}
