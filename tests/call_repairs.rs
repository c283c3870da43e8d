//! Repairs of calls and of the program's environment with AMD's libraries of every generation.

mod support;

use support::generation::{Generation, compile, generations, run, run_with, tool};
use support::{Call, Run, kernel_mtype};

fn of_rocr(generation: &Generation, family: &str) -> bool {
    generation.suite.rocr_family == family
}

/// Page-table type of what `hsa_amd_memory_lock` got.
fn locked(run: &Run) -> String {
    let mut locks = run.calls.iter().filter(|call| call.call == "hsa_amd_memory_lock");
    let lock: &Call = locks.next().expect("a lock");
    assert_eq!(lock.code, 0, "{}", run.stderr);
    kernel_mtype(run, lock)
}

#[test]
fn memory_that_is_locked_is_non_coherent_since_rocr_6_4_only_with_the_repair() {
    for generation in generations() {
        let program = compile(&generation, "hsa.c", &["-lhsa-runtime64"]);
        let stock_type = if of_rocr(&generation, "5.2") || of_rocr(&generation, "6.1") { "NC" } else { "UC" };
        for card in ["gfx1030", "gfx1030,svm=off", "gfx1010"] {
            let name = format!("{} {card}", generation.name());
            let with = |policy, repair: &str| {
                let repair = [("RMCP_REPAIR_MEMORY_LOCK", repair)];
                locked(&run_with(&generation, card, policy, &repair, &program, &["lock"]))
            };
            assert_eq!(with(None, "on"), stock_type, "{name}");
            assert_eq!(with(Some("audit"), "auto"), stock_type, "{name} audit");
            for policy in ["default", "strict"] {
                assert_eq!(with(Some(policy), "auto"), "NC", "{name} {policy}");
                assert_eq!(with(Some(policy), "off"), stock_type, "{name} {policy} off");
            }
        }
    }
}

/// HIP 5.2.3 says yes to 32 TiB from its pool; the repair asks hipMalloc, which says that there is no memory.
fn comparable(generation: &Generation, run: &Run) -> Vec<String> {
    let lines = run.stdout.lines().map(str::to_owned);
    lines.filter(|line| generation.suite.hip_family != "5.2" || !line.starts_with("too much ")).collect()
}

#[test]
fn redirected_stream_ordered_memory_has_the_codes_the_data_and_the_pool_attributes_of_stock() {
    for generation in generations() {
        let program = compile(&generation, "malloc_async.c", &[]);
        for card in ["gfx1030", "gfx1010"] {
            let name = format!("{} {card}", generation.name());
            let stock = run(&generation, card, None, &program, &[]);
            let repair = [("RMCP_REPAIR_MALLOC_ASYNC", "on")];
            let with = run_with(&generation, card, Some("default"), &repair, &program, &[]);
            assert_eq!(comparable(&generation, &with), comparable(&generation, &stock), "{name}");
            assert_eq!(with.stdout.lines().filter(|line| *line == "data 0").count(), 11, "{name}: {}", with.stdout);
            let redirected = support::rewrites(&with.report, "hipMallocAsync");
            assert!(redirected >= 11, "{name}: {redirected}");
        }
    }
}

#[test]
fn an_apu_is_hidden_beside_a_card_in_each_generation() {
    // ROCr 5.2.3 does not know gfx1036 (cli/tests/repairs.rs has an APU that it knows).
    for generation in generations().into_iter().filter(|generation| !of_rocr(generation, "5.2")) {
        let shown = |switch: &str| {
            let repair = [("RMCP_REPAIR_HIDE_APU", switch)];
            let rocminfo = tool(&generation, "rocminfo");
            let run = run_with(&generation, "gfx1036,gfx1030", Some("default"), &repair, &rocminfo, &[]);
            let names = run.stdout.lines().filter_map(|line| line.trim().strip_prefix("Name:"));
            names.map(str::trim).filter(|name| name.starts_with("gfx")).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(shown("off"), ["gfx1036", "gfx1030"], "{}", generation.name());
        assert_eq!(shown("on"), ["gfx1030"], "{}", generation.name());
    }
}

#[test]
fn threads_with_redirected_stream_ordered_memory_get_right_data_and_leave_nothing_live() {
    for generation in generations() {
        let program = compile(&generation, "malloc_async_threads.c", &["-lpthread"]);
        let repair = [("RMCP_REPAIR_MALLOC_ASYNC", "on")];
        // The program compares all data and demands that every call succeeds.
        let run = run_with(&generation, "gfx1030", Some("default"), &repair, &program, &[]);
        let name = generation.name();
        assert_eq!(support::rewrites(&run.report, "hipMallocAsync"), 120, "{name}");
        assert_eq!(support::rewrites(&run.report, "hipFreeAsync"), 120, "{name}");
        let pairs = run.report["pairs"].as_array().expect("pairs");
        let pair = pairs.iter().find(|pair| pair["kind"] == "allocate").expect("allocations");
        assert_eq!((&pair["left"], &pair["live"]), (&0.into(), &0.into()), "{name}");
    }
}
