//! Plans for machines, environments and settings.

use proptest::prelude::*;
use rmcp_config::{Repairs, Switch, WrongOverride};
use rmcp_device::{Apu, Gpu, PciAddress, Skipped, Target, Topology};
use rmcp_policy::Mode;

use crate::{Change, Plan, Runtime, Situation, plan};

fn target(name: &str) -> Target {
    name.parse().expect("a target")
}

/// Nodes from 1 on, node 0 being the processor.
fn machine(targets: &[&str]) -> Topology {
    let gpu = |(node, name): (u32, &&str)| {
        let target = target(name);
        let apu = target.is_apu();
        Gpu {
            node,
            gpu_id: node + 100,
            target,
            generation: target.generation(),
            vendor_id: 0x1002,
            device_id: 0x73bf,
            pci: PciAddress { domain: 0, bus: node as u8, device: 0, function: 0 },
            render_minor: 127 + node,
            unique_id: 0,
            simd_count: if apu { 4 } else { 160 },
            cu_count: if apu { 2 } else { 80 },
            vram_bytes: 8 << 30,
            large_bar: true,
            apu: apu.then_some(Apu::Target),
            pcie_atomics: Some(true),
            svm: true,
        }
    };
    Topology { gpus: (1..).zip(targets).map(gpu).collect(), skipped: Vec::new() }
}

/// The newest runtime, if not said otherwise.
#[derive(Clone, Debug)]
struct Case {
    topology: Topology,
    environment: Vec<(String, String)>,
    repairs: Repairs,
    mode: Mode,
    hip: Option<(u32, u32)>,
    per_node: bool,
    unknown: Vec<Target>,
}

impl Case {
    fn new(targets: &[&str], environment: &[(&str, &str)]) -> Self {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let repairs = Repairs { hide_apu: Switch::Off, ..Repairs::default() };
        let (topology, unknown) = (machine(targets), Vec::new());
        Self { topology, environment, repairs, mode: Mode::Default, hip: Some((7, 2)), per_node: true, unknown }
    }

    fn wrong(self, wrong_override: WrongOverride) -> Self {
        Self { repairs: Repairs { wrong_override, ..self.repairs.clone() }, ..self }
    }

    fn hide(self, hide_apu: Switch) -> Self {
        Self { repairs: Repairs { hide_apu, ..self.repairs.clone() }, ..self }
    }

    fn plan(&self) -> Plan {
        let variable =
            |name: &str| self.environment.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        plan(&Situation {
            topology: &self.topology,
            variable: &variable,
            runtime: Runtime {
                hip: self.hip,
                override_per_node: self.per_node,
                known: &|target| !self.unknown.contains(&target),
            },
            repairs: &self.repairs,
            mode: self.mode,
        })
    }

    /// The program's environment when the plan is carried out.
    fn after(&self) -> Self {
        let mut after = self.clone();
        for change in self.plan().changes {
            after.environment.retain(|(name, _)| *name != change.name);
            after.environment.extend(change.value.map(|value| (change.name, value)));
        }
        after
    }
}

/// Name and value of each change.
fn changes(plan: &Plan) -> Vec<(&str, Option<&str>)> {
    plan.changes.iter().map(|Change { name, value, .. }| (name.as_str(), value.as_deref())).collect()
}

const GLOBAL: &str = "HSA_OVERRIDE_GFX_VERSION";

#[test]
fn without_variables_and_with_the_defaults_nothing_is_done() {
    for targets in [&[][..], &["gfx1010"], &["gfx1036", "gfx1030"], &["gfx1010", "gfx1030", "gfx1100"]] {
        assert_eq!(Case::new(targets, &[]).plan(), Plan::default(), "{targets:?}");
    }
}

#[test]
fn right_overrides_are_left_alone_and_not_talked_about() {
    for (card, value) in [
        ("gfx1030", "10.3.0"),
        ("gfx1031", "10.3.0"),
        ("gfx1032", "10.3.0"),
        ("gfx1034", "10.3.0"),
        ("gfx1035", "10.3.0"),
        ("gfx1036", "10.3.0"),
        ("gfx1032", "10.3.1"),
        ("gfx1010", "10.1.0"),
        ("gfx1012", "10.1.0"),
        ("gfx1012", "10.1.1"),
        ("gfx1013", "10.1.0"),
        ("gfx1103", "11.0.0"),
        ("gfx90c", "9.0.0"),
    ] {
        for wrong in [WrongOverride::Explain, WrongOverride::Refuse, WrongOverride::Correct] {
            let case = Case::new(&[card], &[(GLOBAL, value)]).wrong(wrong);
            assert_eq!(case.plan(), Plan::default(), "{value} on {card}");
        }
    }
}

#[test]
fn another_familys_override_is_explained_refused_or_removed_as_the_user_says() {
    for (card, value) in [
        ("gfx1010", "10.3.0"),
        ("gfx1011", "10.3.0"),
        ("gfx1012", "10.3.0"),
        ("gfx1013", "10.3.0"),
        ("gfx1030", "10.1.0"),
        ("gfx1036", "10.1.0"),
        ("gfx1032", "11.0.0"),
        ("gfx1010", "11.0.2"),
        ("gfx1030", "9.0.0"),
        ("gfx1100", "10.3.0"),
        ("gfx906", "9.4.2"),
        // Dot products, and ray tracing.
        ("gfx1010", "10.1.2"),
        ("gfx1013", "10.1.1"),
        ("gfx1012", "10.1.3"),
    ] {
        let case = Case::new(&[card], &[(GLOBAL, value)]);
        assert_eq!(case.clone().wrong(WrongOverride::Off).plan(), Plan::default(), "{value} on {card}");

        let explained = case.clone().wrong(WrongOverride::Explain).plan();
        assert!(explained.changes.is_empty() && explained.refusal.is_none());
        let [sentence] = &explained.messages[..] else { panic!("{explained:?}") };
        for words in [&format!("{GLOBAL}={value}"), &format!("{card} (node 1)"), "instructions", "unset it"] {
            assert!(sentence.contains(words), "{words}: {sentence}");
        }
        assert!(!sentence.contains('\n') && !sentence.contains(". "), "{sentence}");

        let refused = case.clone().wrong(WrongOverride::Refuse).plan();
        assert_eq!((refused.refusal.as_ref(), refused.messages.len()), (Some(sentence), 0));

        let corrected = case.wrong(WrongOverride::Correct).plan();
        assert_eq!(changes(&corrected), [(GLOBAL, None)], "{value} on {card}");
        assert!(corrected.messages.is_empty() && corrected.refusal.is_none());
        assert!(corrected.changes[0].why.contains(card), "{corrected:?}");
    }
}

#[test]
fn an_override_that_amds_library_cannot_read_is_said_to_hide_every_gpu() {
    for value in ["", "10.3", "gfx1030", "10.3.0 ", "64.0.0", "10.3.0.0", "10.3.256"] {
        let case = Case::new(&["gfx1030"], &[(GLOBAL, value)]);
        let plan = case.plan();
        assert!(plan.messages.len() == 1 && plan.messages[0].contains("no GPU"), "{value}: {plan:?}");
        assert_eq!(changes(&case.wrong(WrongOverride::Correct).plan()), [(GLOBAL, None)], "{value}");
    }
}

#[test]
fn one_for_all_that_is_right_for_some_becomes_one_for_each_of_those() {
    for (targets, value, expected) in [
        (&["gfx1036", "gfx1010"][..], "10.3.0", &[(GLOBAL, None), ("HSA_OVERRIDE_GFX_VERSION_1", Some("10.3.0"))][..]),
        (&["gfx1010", "gfx1032"], "10.3.0", &[(GLOBAL, None), ("HSA_OVERRIDE_GFX_VERSION_2", Some("10.3.0"))]),
        (&["gfx1012", "gfx1031"], "10.1.0", &[(GLOBAL, None), ("HSA_OVERRIDE_GFX_VERSION_1", Some("10.1.0"))]),
        (&["gfx1201", "gfx1032"], "10.3.0", &[(GLOBAL, None), ("HSA_OVERRIDE_GFX_VERSION_2", Some("10.3.0"))]),
        // gfx1030 needs none.
        (&["gfx1030", "gfx1010"], "10.3.0", &[(GLOBAL, None)]),
        (&["gfx1036", "gfx1030"], "10.3.0", &[]),
    ] {
        let case = Case::new(targets, &[(GLOBAL, value)]).wrong(WrongOverride::Correct);
        let corrected = case.plan();
        assert_eq!(changes(&corrected), expected, "{targets:?}");
        assert_eq!((corrected.messages.len(), corrected.refusal), (0, None));
        let explained = case.wrong(WrongOverride::Explain).plan().messages;
        assert_eq!(explained.len(), usize::from(!expected.is_empty()));
        if let [_, (name, Some(value))] = expected {
            assert!(explained[0].contains(&format!("set {name}={value} instead")), "{explained:?}");
        }
    }
}

#[test]
fn where_the_runtime_has_no_variable_for_one_card_a_mixed_machine_is_only_explained() {
    let mut case = Case::new(&["gfx1032", "gfx1010"], &[(GLOBAL, "10.3.0")]).wrong(WrongOverride::Correct);
    case.per_node = false;
    let plan = case.plan();
    assert!(plan.changes.is_empty(), "{plan:?}");
    assert!(plan.messages[0].contains("no such variable") && plan.messages[0].contains("ROCR_VISIBLE_DEVICES"));
    // It reads none, so one that is set is of no account.
    case.environment = vec![("HSA_OVERRIDE_GFX_VERSION_2".to_owned(), "10.3.0".to_owned())];
    assert_eq!(case.plan(), Plan::default());
    // What no card needs can be removed all the same.
    case.environment = vec![(GLOBAL.to_owned(), "10.3.0".to_owned())];
    case.topology = machine(&["gfx1030", "gfx1010"]);
    assert_eq!(changes(&case.plan()), [(GLOBAL, None)]);
}

#[test]
fn a_variable_for_one_card_goes_before_the_one_for_all() {
    let right = [(GLOBAL, "10.3.0"), ("HSA_OVERRIDE_GFX_VERSION_1", "10.1.0")];
    let case = Case::new(&["gfx1010", "gfx1032"], &right).wrong(WrongOverride::Correct);
    assert_eq!(case.plan(), Plan::default());
    let wrong = [(GLOBAL, "10.3.0"), ("HSA_OVERRIDE_GFX_VERSION_1", "11.0.0")];
    let case = Case::new(&["gfx1010", "gfx1032"], &wrong).wrong(WrongOverride::Correct);
    // Removed, it would leave node 1 to the one for all, which is wrong there too.
    assert_eq!(changes(&case.plan()), [("HSA_OVERRIDE_GFX_VERSION_1", Some("10.1.0"))]);
    let case = Case::new(&["gfx1032", "gfx1010"], &wrong).wrong(WrongOverride::Correct);
    assert_eq!(
        changes(&case.plan()),
        [("HSA_OVERRIDE_GFX_VERSION_1", None), (GLOBAL, None)],
        "node 1 then falls under the one for all, which has to go because of node 2"
    );
}

#[test]
fn the_number_is_libhsakmts_which_leaves_out_nodes_that_the_process_may_not_use() {
    let mut case = Case::new(&["gfx1010", "gfx1030", "gfx1032"], &[(GLOBAL, "10.3.0")]).wrong(WrongOverride::Correct);
    case.topology.gpus.remove(1);
    case.topology.skipped.push(Skipped { node: 2, reason: "not given to the container".to_owned() });
    assert_eq!(changes(&case.plan()), [(GLOBAL, None), ("HSA_OVERRIDE_GFX_VERSION_2", Some("10.3.0"))]);
}

#[test]
fn a_card_that_the_program_does_not_see_does_not_count() {
    for hidden in [("ROCR_VISIBLE_DEVICES", "1"), ("HIP_VISIBLE_DEVICES", "1"), ("CUDA_VISIBLE_DEVICES", "1")] {
        let case = Case::new(&["gfx1010", "gfx1032"], &[(GLOBAL, "10.3.0"), hidden]);
        assert_eq!(case.plan(), Plan::default(), "{hidden:?}");
    }
    // An APU that is hidden first does not either.
    let case = Case::new(&["gfx1036", "gfx1010"], &[(GLOBAL, "10.1.0")]).hide(Switch::Auto);
    let plan = case.plan();
    assert_eq!(changes(&plan), [("ROCR_VISIBLE_DEVICES", Some("1"))]);
    assert!(plan.messages.is_empty(), "{plan:?}");
}

#[test]
fn a_card_that_rocr_leaves_out_because_of_the_override_is_explained() {
    let mut case = Case::new(&["gfx1030"], &[(GLOBAL, "11.0.0")]);
    case.unknown = vec![target("gfx1100")];
    assert_eq!(case.plan().messages.len(), 1);
}

#[test]
fn an_apu_beside_a_card_is_hidden_and_that_is_said() {
    for (targets, shown) in [
        (&["gfx1036", "gfx1030"][..], "1"),
        (&["gfx1030", "gfx1036"], "0"),
        (&["gfx1030", "gfx1035", "gfx1010"], "0,2"),
        (&["gfx90c", "gfx1032"], "1"),
    ] {
        for switch in [Switch::On, Switch::Auto] {
            let plan = Case::new(targets, &[]).hide(switch).plan();
            assert_eq!(changes(&plan), [("ROCR_VISIBLE_DEVICES", Some(shown))], "{targets:?}");
            assert!(plan.changes[0].why.contains("part of the processor"), "{plan:?}");
        }
        assert_eq!(Case::new(targets, &[]).hide(Switch::Off).plan(), Plan::default());
    }
}

#[test]
fn an_apu_alone_and_cards_alone_are_left() {
    for targets in [&["gfx1036"][..], &["gfx1030", "gfx1010"], &["gfx1035", "gfx1036"]] {
        for switch in [Switch::On, Switch::Auto] {
            assert_eq!(Case::new(targets, &[]).hide(switch).plan(), Plan::default(), "{targets:?}");
        }
    }
}

#[test]
fn who_chose_among_the_gpus_is_left_alone_by_auto_and_composed_with_by_on() {
    for (variable, value, expected) in [
        ("ROCR_VISIBLE_DEVICES", "0,1", &[("ROCR_VISIBLE_DEVICES", Some("1"))][..]),
        ("HIP_VISIBLE_DEVICES", "1,0", &[("ROCR_VISIBLE_DEVICES", Some("1")), ("HIP_VISIBLE_DEVICES", Some("0"))]),
        ("CUDA_VISIBLE_DEVICES", "0,1", &[("ROCR_VISIBLE_DEVICES", Some("1")), ("CUDA_VISIBLE_DEVICES", Some("0"))]),
        ("GPU_DEVICE_ORDINAL", "1", &[("ROCR_VISIBLE_DEVICES", Some("1")), ("GPU_DEVICE_ORDINAL", Some("0"))]),
        ("HIP_VISIBLE_DEVICES", "0", &[]),
        ("HIP_VISIBLE_DEVICES", "1", &[]),
    ] {
        let case = Case::new(&["gfx1036", "gfx1030"], &[(variable, value)]);
        assert_eq!(changes(&case.clone().hide(Switch::On).plan()), expected, "{variable}={value}");
        assert_eq!(case.hide(Switch::Auto).plan(), Plan::default(), "{variable}={value}");
    }
    // HIP takes an empty list for none.
    let case = Case::new(&["gfx1036", "gfx1030"], &[("HIP_VISIBLE_DEVICES", "")]).hide(Switch::Auto);
    assert_eq!(changes(&case.plan()), [("ROCR_VISIBLE_DEVICES", Some("1"))]);
}

#[test]
fn an_apu_with_the_larger_gpu_is_hidden_only_when_that_is_said() {
    let mut case = Case::new(&["gfx1151", "gfx1032"], &[]);
    case.topology.gpus[0].cu_count = 40;
    case.topology.gpus[1].cu_count = 32;
    assert_eq!(case.clone().hide(Switch::Auto).plan(), Plan::default());
    assert_eq!(changes(&case.hide(Switch::On).plan()), [("ROCR_VISIBLE_DEVICES", Some("1"))]);
}

#[test]
fn an_apu_that_rocr_does_not_know_is_hidden_already() {
    let mut case = Case::new(&["gfx1036", "gfx1030"], &[]).hide(Switch::On);
    case.unknown = vec![target("gfx1036")];
    assert_eq!(case.plan(), Plan::default());
}

#[test]
fn the_find_mode_is_set_if_the_user_has_none() {
    let mut case = Case::new(&["gfx1030"], &[]);
    case.repairs.miopen_find_mode = Some("FAST".to_owned());
    assert_eq!(changes(&case.plan()), [("MIOPEN_FIND_MODE", Some("FAST"))]);
    case.environment = vec![("MIOPEN_FIND_MODE".to_owned(), "NORMAL".to_owned())];
    assert_eq!(case.plan(), Plan::default());
}

#[test]
fn copies_are_fenced_where_registered_memory_becomes_non_coherent_on_hip_6_4_and_later() {
    let set = |case: &Case| {
        let plan = case.plan();
        assert!(matches!(changes(&plan)[..], [] | [("GPU_FORCE_BLIT_COPY_SIZE", Some("0"))]), "{plan:?}");
        !plan.changes.is_empty()
    };
    let with = |targets: &[&str], mode, hip| Case { mode, hip, ..Case::new(targets, &[]) };
    for hip in [Some((6, 4)), Some((7, 0)), Some((7, 2)), Some((10, 0))] {
        assert!(set(&with(&["gfx1030"], Mode::Strict, hip)), "{hip:?}");
        assert!(set(&with(&["gfx1100", "gfx1010"], Mode::Strict, hip)), "{hip:?}");
        assert!(!set(&with(&["gfx1100"], Mode::Strict, hip)), "{hip:?}");
        for mode in [Mode::Off, Mode::Audit, Mode::Default] {
            assert!(!set(&with(&["gfx1030"], mode, hip)), "{hip:?} {mode}");
        }
        // Without PCIe atomics policy default changes registered memory too.
        let mut case = with(&["gfx1030"], Mode::Default, hip);
        case.topology.gpus[0].pcie_atomics = Some(false);
        assert!(set(&case), "{hip:?}");
        case.mode = Mode::Audit;
        assert!(!set(&case), "{hip:?}");
    }
    for hip in [None, Some((5, 2)), Some((5, 7)), Some((6, 0)), Some((6, 3))] {
        assert!(!set(&with(&["gfx1030"], Mode::Strict, hip)), "{hip:?}");
    }
    for own in [("GPU_FORCE_BLIT_COPY_SIZE", "16"), ("AMD_OPT_FLUSH", "1"), ("AMD_OPT_FLUSH", "0")] {
        assert!(!set(&Case { mode: Mode::Strict, ..Case::new(&["gfx1030"], &[own]) }), "{own:?}");
    }
}

prop_compose! {
    fn any_case()(
        targets in prop::collection::vec(prop::sample::select(
            vec!["gfx1010", "gfx1012", "gfx1013", "gfx1030", "gfx1032", "gfx1036", "gfx1100", "gfx90c"]), 0..4),
        environment in prop::collection::vec((
            prop::sample::select(vec![GLOBAL, "HSA_OVERRIDE_GFX_VERSION_1", "HSA_OVERRIDE_GFX_VERSION_2",
                "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL"]),
            "10\\.[13]\\.[0-2]|11\\.0\\.0|[0-3](,[0-3]){0,2}|\\PC{0,8}"), 0..4),
        hide in prop::sample::select(vec![Switch::Off, Switch::On, Switch::Auto]),
        per_node: bool,
        strict: bool,
    ) -> Case {
        let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mode = if strict { Mode::Strict } else { Mode::Default };
        Case { per_node, mode, ..Case::new(&targets, &environment) }.hide(hide).wrong(WrongOverride::Correct)
    }
}

proptest! {
    #[test]
    fn a_plan_that_was_carried_out_has_nothing_left_to_change(case in any_case()) {
        let plan = case.plan();
        let mut names: Vec<&str> = plan.changes.iter().map(|change| change.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        prop_assert_eq!(names.len(), plan.changes.len(), "no name twice: {:?}", plan);
        let after = case.after().plan();
        prop_assert!(after.changes.is_empty(), "{:?} then {:?}", plan, after);
    }
}
