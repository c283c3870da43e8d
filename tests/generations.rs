//! Every ROCm generation that is there: its own programs, with its own libraries, without RMCP and with it.

mod support;

use support::generation::{Generation, compile, generations, run, tool};
use support::{Run, kernel_memory, rewrites, title};

const CARDS: [&str; 2] = ["gfx1030", "gfx1010"];

/// KFD's flags of what the calls of a run got, by call.
fn flags(run: &Run) -> Vec<(String, String)> {
    run.calls
        .iter()
        .map(|call| {
            assert_eq!(call.code, 0, "{}: {}", title(call), run.stderr);
            (title(call), kernel_memory(run, call).flags)
        })
        .collect()
}

/// Flags without COHERENT (bit 26, `KFD_IOC_ALLOC_MEM_FLAGS_COHERENT` of linux/kfd_ioctl.h).
fn non_coherent(flags: &str) -> String {
    let flags = u32::from_str_radix(flags, 16).expect("hexadecimal");
    format!("{:08x}", flags & !(1 << 26))
}

fn is_coherent(flags: &str) -> bool {
    non_coherent(flags) != flags
}

/// Whether the generation asks for executable data memory (bit 30), which later ones no longer do.
fn executable(generation: &Generation) -> bool {
    ["5.2", "5.7"].contains(&generation.suite.hip_family)
}

#[test]
fn rocminfo_of_each_generation_lists_the_virtual_card_without_rmcp_and_with_it() {
    for generation in generations() {
        for card in CARDS {
            for policy in [None, Some("default")] {
                let run = run(&generation, card, policy, &tool(&generation, "rocminfo"), &[]);
                assert!(
                    run.stdout.lines().any(|line| line.split_whitespace().eq(["Name:", card])),
                    "{} {card} {policy:?}\n{}\n{}",
                    generation.name(),
                    run.stdout,
                    run.stderr
                );
            }
        }
    }
}

#[test]
fn a_plain_hip_host_malloc_is_coherent_in_each_generation_and_no_longer_with_rmcp() {
    for generation in generations() {
        let name = generation.name();
        let program = compile(&generation, "alloc.c", &[]);
        let calls = ["hipMalloc", "hipHostMalloc"];
        for card in CARDS {
            let stock = flags(&run(&generation, card, None, &program, &calls));
            let expected = match executable(&generation) {
                true => ["f0000001", "d4000004"],
                false => ["b0000001", "94000004"],
            };
            assert_eq!(stock.iter().map(|(_, flags)| flags.as_str()).collect::<Vec<_>>(), expected, "{name} {card}");
            let (vram, host) = (&stock[0], &stock[1]);
            assert!(is_coherent(&host.1), "{name} {card}: {stock:?}");

            let with = run(&generation, card, Some("default"), &program, &calls);
            let wanted = [vram.clone(), (host.0.clone(), non_coherent(&host.1))];
            assert_eq!(flags(&with), wanted, "{name} {card}");
            assert_eq!(rewrites(&with.report, "hipHostMalloc"), 1, "{name} {card}");
            let audited = run(&generation, card, Some("audit"), &program, &calls);
            assert_eq!(flags(&audited), stock, "{name} {card} audit");
        }
    }
}

#[test]
fn vector_addition_of_each_generations_compiler_is_right_without_rmcp_and_with_it() {
    for generation in generations() {
        let program = compile(&generation, "vector_add.hip.cpp", &[]);
        for card in CARDS {
            for policy in [None, Some("default")] {
                // The program compares every element, and `run` demands that it ends without an error.
                run(&generation, card, policy, &program, &[]);
            }
        }
    }
}
