//! `rmcp gpus` word by word, on trees as the kernel shows them.

mod support;

use std::fs;
use std::path::Path;

use support::{output, rmcp};

/// One GPU node.
struct Card {
    version: u32,
    device: u32,
    bus: u32,
    /// Heap type and size.
    bank: (u32, u64),
    link_flags: u32,
    capability: u32,
}

fn write(root: &Path, cards: &[Card]) {
    let node = |number: usize, gpu_id: u32, properties: &str| {
        let path = root.join(format!("nodes/{number}"));
        fs::create_dir_all(&path).expect("made");
        fs::write(path.join("gpu_id"), format!("{gpu_id}\n")).expect("written");
        fs::write(path.join("properties"), properties).expect("written");
        path
    };
    node(0, 0, "cpu_cores_count 8\nsimd_count 0\ngfx_target_version 0\n");
    for (index, card) in cards.iter().enumerate() {
        let number = index + 1;
        let path = node(
            number,
            1000 + number as u32,
            &format!(
                "cpu_cores_count 0\nsimd_count 80\nsimd_per_cu 2\ngfx_target_version {}\nvendor_id 4098\ndevice_id {}\nlocation_id {}\n\
                 domain 0\ndrm_render_minor {}\nunique_id {}\ncapability {}\n",
                card.version,
                card.device,
                card.bus << 8,
                128 + index,
                0xabc0 + index,
                card.capability
            ),
        );
        let (heap, size) = card.bank;
        for (directory, text) in [
            ("mem_banks/0", format!("heap_type {heap}\nsize_in_bytes {size}\n")),
            ("io_links/0", format!("type 2\nnode_from {number}\nnode_to 0\nflags {}\n", card.link_flags)),
        ] {
            fs::create_dir_all(path.join(directory)).expect("made");
            fs::write(path.join(directory).join("properties"), text).expect("written");
        }
    }
}

const SVM: u32 = 1 << 27;
const NO_ATOMICS: u32 = 1 | 1 << 2 | 1 << 3;

/// An APU, a card behind a slot without atomics, and a card of another generation.
fn three() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    write(
        directory.path(),
        &[
            Card { version: 100_306, device: 0x164e, bus: 0x3c, bank: (1, 512 << 20), link_flags: 1, capability: SVM },
            Card {
                version: 100_300,
                device: 0x73bf,
                bus: 3,
                bank: (2, 16 << 30),
                link_flags: NO_ATOMICS,
                capability: 0,
            },
            Card { version: 110_000, device: 0x744c, bus: 6, bank: (1, 24 << 30), link_flags: 1, capability: SVM },
        ],
    );
    directory
}

fn gpus(tree: &Path, variables: &[(&str, &str)]) -> String {
    let (code, stdout, stderr) = output(rmcp().args(["gpus", "--topology"]).arg(tree).envs(variables.iter().copied()));
    assert_eq!((code, stderr.as_str()), (0, ""));
    stdout
}

#[test]
fn each_card_is_a_line_and_what_needs_words_is_a_note() {
    let tree = three();
    assert_eq!(
        gpus(tree.path(), &[]),
        "  HIP  node  target   kind       PCI address   PCI id        VRAM  BAR    atomics  SVM  RMCP
    0     1  gfx1036  RDNA2 APU  0000:3c:00.0  1002:164e  512 MiB  large  yes      yes  rewrites
    1     2  gfx1030  RDNA2      0000:03:00.0  1002:73bf   16 GiB  small  no       no   rewrites+
    2     3  gfx1100  other      0000:06:00.0  1002:744c   24 GiB  large  yes      yes  never
note: AMD's runtime leaves out a target that its release does not know; the HIP numbers after it then move up
note: rewrites+: without PCIe atomics policy default changes mapped and registered host memory too
note: never: RMCP changes nothing on cards that are neither RDNA1 nor RDNA2
"
    );
}

#[test]
fn visibility_and_override_variables_change_the_ordinals_and_not_the_cards() {
    let tree = three();
    let text = gpus(
        tree.path(),
        &[
            ("ROCR_VISIBLE_DEVICES", "2,1"),
            ("HIP_VISIBLE_DEVICES", "1"),
            ("GPU_DEVICE_ORDINAL", "0"),
            ("HSA_OVERRIDE_GFX_VERSION", "10.3.0"),
            ("HSA_OVERRIDE_GFX_VERSION_3", "11.0.0"),
        ],
    );
    assert_eq!(
        text,
        "  HIP  node  target   kind       PCI address   PCI id        VRAM  BAR    atomics  SVM  RMCP
    -     1  gfx1036  RDNA2 APU  0000:3c:00.0  1002:164e  512 MiB  large  yes      yes  rewrites
    0     2  gfx1030  RDNA2      0000:03:00.0  1002:73bf   16 GiB  small  no       no   rewrites+
    -     3  gfx1100  other      0000:06:00.0  1002:744c   24 GiB  large  yes      yes  never
note: node 1 is hidden from HIP by ROCR_VISIBLE_DEVICES
note: node 3 is hidden from HIP by HIP_VISIBLE_DEVICES
note: HSA_OVERRIDE_GFX_VERSION is set: HIP calls every card gfx1030; memory types and RMCP follow the real card above
note: HSA_OVERRIDE_GFX_VERSION_3=11.0.0 is set: newer releases of AMD's runtime call node 3 by that version, older ones ignore it; memory types and \
RMCP follow the real card above
note: GPU_DEVICE_ORDINAL is read by OpenCL only; HIP ignores it
note: rewrites+: without PCIe atomics policy default changes mapped and registered host memory too
note: never: RMCP changes nothing on cards that are neither RDNA1 nor RDNA2
"
    );
}

#[test]
fn json_has_the_same_facts() {
    let tree = three();
    let (code, stdout, _) =
        output(rmcp().args(["gpus", "--json", "--topology"]).arg(tree.path()).env("HIP_VISIBLE_DEVICES", "1,0"));
    assert_eq!(code, 0);
    let value: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
    let field =
        |name: &str| value["gpus"].as_array().expect("cards").iter().map(|gpu| gpu[name].clone()).collect::<Vec<_>>();
    assert_eq!(field("target"), ["gfx1036", "gfx1030", "gfx1100"]);
    assert_eq!(field("hip_ordinal"), [1.into(), 0.into(), serde_json::Value::Null]);
    assert_eq!(field("hidden_by"), [serde_json::Value::Null, serde_json::Value::Null, "HIP_VISIBLE_DEVICES".into()]);
    assert_eq!(field("rewrites"), [true, true, false]);
    assert_eq!(field("atomics_to_host"), [true, false, true]);
}

#[test]
fn without_a_driver_there_is_one_sentence() {
    let (code, stdout, stderr) = output(rmcp().args(["gpus", "--topology", "/nonexistent"]));
    assert_eq!((code, stdout.as_str(), stderr.lines().count()), (3, "", 1), "{stderr}");
    assert!(stderr.contains("/nonexistent/nodes does not exist") && stderr.contains("amdgpu"), "{stderr}");
}

#[test]
fn under_a_virtual_card_it_sees_that_card_as_any_program_does() {
    support::build_libraries();
    let run = |before: &[&str]| {
        let (code, stdout, stderr) =
            output(rmcp().args(before).arg(env!("CARGO_BIN_EXE_rmcp")).arg("gpus").env("HIP_VISIBLE_DEVICES", "1"));
        assert_eq!(code, 0, "{stderr}");
        stdout
    };
    let inside = run(&["run", "--quiet", "--virtual", "gfx1036,gfx1030", "--"]);
    let (_, tree, _) = output(rmcp().args(["gpus", "--virtual", "gfx1036,gfx1030"]).env("HIP_VISIBLE_DEVICES", "1"));
    assert_eq!(inside, tree);
    assert!(inside.contains("gfx1036") && inside.contains("    0     2  gfx1030"), "{inside}");
}
