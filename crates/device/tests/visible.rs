//! The visibility variables, as ROCr 5.2.3 and ROCclr read them.

use proptest::prelude::*;
use rmcp_device::{Gpu, Override, PciAddress, Target, Topology, Variables, Visible, hip_ordinals, without};

fn gpu(node: u32, target: &str, unique_id: u64) -> Gpu {
    let target: Target = target.parse().expect("a target");
    Gpu {
        node,
        gpu_id: node + 100,
        target,
        generation: target.generation(),
        vendor_id: 0x1002,
        device_id: 0x73bf,
        pci: PciAddress { domain: 0, bus: node as u8, device: 0, function: 0 },
        render_minor: 127 + node,
        unique_id,
        simd_count: 160,
        cu_count: 80,
        vram_bytes: 16 << 30,
        large_bar: true,
        apu: None,
        pcie_atomics: Some(true),
        svm: true,
    }
}

/// Nodes 1 to 4; the UUIDs are those of the comment in ROCr's amd_filter_device.h, and node 4 has none.
fn four() -> Topology {
    let gpus = vec![
        gpu(1, "gfx1030", 0xbabababababababa),
        gpu(2, "gfx1010", 0xabbaabbaabbaabba),
        gpu(3, "gfx1032", 0xbabaabbaabbababa),
        gpu(4, "gfx1036", 0),
    ];
    Topology { gpus, skipped: vec![] }
}

fn see(set: &[(&str, &str)]) -> Visible {
    let lookup = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    hip_ordinals(&four(), &Variables::from_lookup(lookup), |_| true)
}

fn nodes(set: &[(&str, &str)]) -> Vec<u32> {
    let visible = see(set);
    for (index, device) in visible.devices.iter().enumerate() {
        assert_eq!(device.ordinal, index);
    }
    assert_eq!(visible.devices.len() + visible.hidden.len(), 4, "each GPU is shown or hidden: {visible:?}");
    visible.devices.iter().map(|device| device.node).collect()
}

#[test]
fn without_variables_the_order_is_that_of_the_nodes() {
    assert_eq!(nodes(&[]), [1, 2, 3, 4]);
    assert!(see(&[]).notes.is_empty());
}

#[test]
fn rocr_visible_devices_selects_and_orders_and_ends_at_an_invalid_entry() {
    for (list, expected) in [
        ("", &[][..]),
        ("-1", &[]),
        ("GPU-XX", &[]),
        ("3,GPU-BABABABABABABABA,9", &[4, 1]),
        ("2,1", &[3, 2]),
        ("gpu-babaabba", &[3]),
        // Two devices begin like this.
        ("GPU-BABA", &[]),
        ("1,1,0", &[2]),
        ("0,x,2", &[1]),
        (" 1 , 0x2 ", &[2, 3]),
        ("0,", &[1]),
        ("0,,1", &[1]),
        ("0,1,2,3,0", &[1, 2, 3, 4]),
        ("4", &[]),
    ] {
        assert_eq!(nodes(&[("ROCR_VISIBLE_DEVICES", list)]), expected, "{list}");
    }
}

#[test]
fn hip_visible_devices_counts_what_rocr_left() {
    assert_eq!(nodes(&[("ROCR_VISIBLE_DEVICES", "3,2"), ("HIP_VISIBLE_DEVICES", "1")]), [3]);
    assert_eq!(nodes(&[("ROCR_VISIBLE_DEVICES", "3,2"), ("HIP_VISIBLE_DEVICES", "2")]), [0; 0]);
}

#[test]
fn hip_visible_devices_ends_at_an_invalid_entry_and_skips_a_repeated_one() {
    for (list, expected) in [
        ("2,0", &[3, 1][..]),
        ("0,0,1", &[1, 2]),
        ("0,7,1", &[1]),
        ("0,-1,1", &[1]),
        ("01", &[]),
        ("0, 1", &[1]),
        ("1,", &[2]),
        ("GPU-abba", &[2]),
        ("GPU-ABBA", &[]),
    ] {
        assert_eq!(nodes(&[("HIP_VISIBLE_DEVICES", list)]), expected, "{list}");
    }
}

#[test]
fn cuda_visible_devices_counts_only_where_hip_visible_devices_is_unset_or_empty() {
    assert_eq!(nodes(&[("CUDA_VISIBLE_DEVICES", "3")]), [4]);
    assert_eq!(nodes(&[("CUDA_VISIBLE_DEVICES", "3"), ("HIP_VISIBLE_DEVICES", "")]), [4]);
    assert_eq!(nodes(&[("CUDA_VISIBLE_DEVICES", "3"), ("HIP_VISIBLE_DEVICES", "1")]), [2]);
    assert_eq!(nodes(&[("CUDA_VISIBLE_DEVICES", "")]), [1, 2, 3, 4]);
}

#[test]
fn gpu_device_ordinal_is_not_for_hip() {
    assert_eq!(nodes(&[("GPU_DEVICE_ORDINAL", "3")]), [1, 2, 3, 4]);
    assert!(see(&[("GPU_DEVICE_ORDINAL", "3")]).notes[0].contains("HIP ignores it"));
}

#[test]
fn hidden_devices_name_what_hides_them() {
    let visible = see(&[("ROCR_VISIBLE_DEVICES", "0,1"), ("HIP_VISIBLE_DEVICES", "1")]);
    let hidden: Vec<_> = visible.hidden.iter().map(|hidden| (hidden.node, hidden.by)).collect();
    assert_eq!(hidden, [(3, "ROCR_VISIBLE_DEVICES"), (4, "ROCR_VISIBLE_DEVICES"), (1, "HIP_VISIBLE_DEVICES")]);
}

#[test]
fn a_target_that_rocr_does_not_know_takes_no_ordinal() {
    let visible = hip_ordinals(&four(), &Variables::default(), |target| target.to_string() != "gfx1030");
    assert_eq!(visible.devices.iter().map(|device| device.node).collect::<Vec<_>>(), [2, 3, 4]);
    assert_eq!((visible.hidden[0].node, visible.hidden[0].by), (1, "ROCr"));
}

#[test]
fn an_override_changes_the_name_of_every_device_and_nothing_else() {
    let visible = see(&[("HSA_OVERRIDE_GFX_VERSION", "10.3.0")]);
    let gfx1030 = Target::new(10, 3, 0);
    assert_eq!(visible.override_gfx, Some(Override::As(gfx1030)));
    assert!(visible.devices.iter().all(|device| device.reported == gfx1030));
    assert_eq!(four().gpus[1].target.to_string(), "gfx1010");
    for invalid in ["10.3", "gfx1030", "10.3.0.0", "10.3.0x", "64.0.0", "10.256.0", ""] {
        let visible = see(&[("HSA_OVERRIDE_GFX_VERSION", invalid)]);
        assert_eq!(visible.override_gfx, Some(Override::Invalid(invalid.to_owned())));
        assert!(visible.devices.is_empty() && visible.hidden.len() == 4, "{invalid}");
    }
}

proptest! {
    #[test]
    fn any_values_give_each_gpu_one_place(
        rocr in proptest::option::of("[0-9,xgGPU \\-a-f]{0,20}|\\PC*"),
        hip in proptest::option::of("[0-9,xgGPU \\-a-f]{0,20}|\\PC*"),
        cuda in proptest::option::of("[0-9,]{0,9}"),
        name in proptest::option::of("[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}|\\PC*"),
    ) {
        let variables = Variables {
            rocr_visible_devices: rocr,
            hip_visible_devices: hip,
            cuda_visible_devices: cuda,
            hsa_override_gfx_version: name,
            gpu_device_ordinal: None,
        };
        let visible = hip_ordinals(&four(), &variables, |_| true);
        let mut all: Vec<u32> = visible.devices.iter().map(|device| device.node).chain(visible.hidden.iter().map(|hidden| hidden.node)).collect();
        all.sort_unstable();
        prop_assert_eq!(all, vec![1, 2, 3, 4]);
    }
}

/// The variables after the APU (node 4, index 3) is taken out; `None`: nothing is to be done.
fn without_apu(topology: &Topology, set: &[(&str, &str)], known: fn(Target) -> bool) -> Option<Vec<(String, String)>> {
    let lookup = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    let values = without(topology, &Variables::from_lookup(lookup), known, |gpu| gpu.target.is_apu())?;
    Some(values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

#[test]
fn a_gpu_is_taken_out_of_what_the_user_chose_and_numbers_follow() {
    type Case<'a> = (&'a [(&'a str, &'a str)], Option<&'a [(&'a str, &'a str)]>);
    let cases: [Case; 11] = [
        (&[], Some(&[("ROCR_VISIBLE_DEVICES", "0,1,2")])),
        (&[("ROCR_VISIBLE_DEVICES", "3,1")], Some(&[("ROCR_VISIBLE_DEVICES", "1")])),
        (&[("ROCR_VISIBLE_DEVICES", "0,1")], None),
        (&[("ROCR_VISIBLE_DEVICES", "3")], None),
        // The HIP list counts what ROCr shows: 0 was the APU, 1 was node 3.
        (
            &[("ROCR_VISIBLE_DEVICES", "3,2"), ("HIP_VISIBLE_DEVICES", "1,0")],
            Some(&[("ROCR_VISIBLE_DEVICES", "2"), ("HIP_VISIBLE_DEVICES", "0")]),
        ),
        (
            &[("HIP_VISIBLE_DEVICES", "3,2,0")],
            Some(&[("ROCR_VISIBLE_DEVICES", "0,1,2"), ("HIP_VISIBLE_DEVICES", "2,0")]),
        ),
        (&[("HIP_VISIBLE_DEVICES", "2,0")], None),
        (&[("HIP_VISIBLE_DEVICES", "3")], None),
        (&[("CUDA_VISIBLE_DEVICES", "0,3")], Some(&[("ROCR_VISIBLE_DEVICES", "0,1,2"), ("CUDA_VISIBLE_DEVICES", "0")])),
        (
            &[("ROCR_VISIBLE_DEVICES", "3,0"), ("GPU_DEVICE_ORDINAL", "1")],
            Some(&[("ROCR_VISIBLE_DEVICES", "0"), ("GPU_DEVICE_ORDINAL", "0")]),
        ),
        (&[("GPU_DEVICE_ORDINAL", "3")], None),
    ];
    for (given, expected) in cases {
        let expected = expected.map(|values| {
            values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>()
        });
        assert_eq!(without_apu(&four(), given, |_| true), expected, "{given:?}");
    }
}

#[test]
fn a_gpu_that_rocr_does_not_know_is_not_counted_by_the_hip_list() {
    let known = |target: Target| target != Target::new(10, 3, 2);
    let given = [("HIP_VISIBLE_DEVICES", "2,1")];
    // HIP numbers nodes 1, 2 and 4.
    let expected = [("ROCR_VISIBLE_DEVICES", "0,1,2"), ("HIP_VISIBLE_DEVICES", "1")];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(without_apu(&four(), &given, known), Some(expected.to_vec()));
    assert_eq!(without_apu(&four(), &[], |target| !target.is_apu()), None, "an APU that ROCr leaves out anyway");
}

proptest! {
    #[test]
    fn what_is_left_is_what_was_seen_without_the_unwanted(
        rocr in prop::option::of("[0-4](,[0-4]){0,4}"),
        hip in prop::option::of("[0-3](,[0-3]){0,3}"),
    ) {
        let variables = Variables {
            rocr_visible_devices: rocr, hip_visible_devices: hip, ..Variables::default()
        };
        let nodes = |variables: &Variables| -> Vec<u32> {
            hip_ordinals(&four(), variables, |_| true).devices.iter().map(|device| device.node).collect()
        };
        let wanted: Vec<u32> = nodes(&variables).into_iter().filter(|node| *node != 4).collect();
        let mut after = variables.clone();
        match without(&four(), &variables, |_| true, |gpu| gpu.node == 4) {
            None => prop_assert!(wanted.is_empty() || wanted == nodes(&variables)),
            Some(values) => {
                for (name, value) in values {
                    match name {
                        "ROCR_VISIBLE_DEVICES" => after.rocr_visible_devices = Some(value),
                        "HIP_VISIBLE_DEVICES" => after.hip_visible_devices = Some(value),
                        _ => prop_assert!(false, "{}", name),
                    }
                }
                prop_assert_eq!(nodes(&after), wanted);
            }
        }
    }
}
