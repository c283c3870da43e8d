//! Names of GPU instruction sets: `gfx_target_version` of KFD and LLVM's `gfxNNNN`.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// An AMD GPU target: major, minor and stepping of its instruction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target {
    /// 10 in gfx1030.
    pub major: u32,
    /// 3 in gfx1030.
    pub minor: u32,
    /// 0 in gfx1030.
    pub stepping: u32,
}

/// Generation as far as memory types are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Generation {
    /// gfx101x: RX 5000.
    Rdna1,
    /// gfx103x: RX 6000 and the APUs of that time.
    Rdna2,
    /// Anything else.
    Other,
}

/// Targets that exist only as part of a processor, by `kfd_device.c` (`kgd2kfd_probe`) and LLVM's AMDGPUUsage. gfx1037 (Mendocino) is shown as
/// 100306 by the kernel.
const APU_TARGETS: &[Target] = &[
    Target::new(9, 0, 2),
    Target::new(9, 0, 9),
    Target::new(9, 0, 12),
    Target::new(10, 1, 3),
    Target::new(10, 3, 3),
    Target::new(10, 3, 5),
    Target::new(10, 3, 6),
    Target::new(11, 0, 3),
    Target::new(11, 5, 0),
    Target::new(11, 5, 1),
    Target::new(11, 5, 2),
    Target::new(11, 5, 3),
];

impl Target {
    /// From its three numbers.
    pub const fn new(major: u32, minor: u32, stepping: u32) -> Self {
        Self { major, minor, stepping }
    }

    /// From KFD's `gfx_target_version`: major × 10000 + minor × 100 + stepping, in decimal (`kfd_device.c`). 0 is a node without GPU.
    pub const fn from_kfd(version: u32) -> Option<Self> {
        if version == 0 {
            return None;
        }
        Some(Self { major: version / 10_000, minor: version / 100 % 100, stepping: version % 100 })
    }

    /// RDNA1, RDNA2 or other.
    pub const fn generation(self) -> Generation {
        match (self.major, self.minor) {
            (10, 1) => Generation::Rdna1,
            (10, 3) => Generation::Rdna2,
            _ => Generation::Other,
        }
    }

    /// The target exists only as part of a processor.
    pub fn is_apu(self) -> bool {
        APU_TARGETS.contains(&self)
    }
}

impl fmt::Display for Target {
    /// LLVM's name: decimal major, hexadecimal minor and stepping: 10.3.0 is `gfx1030`, 9.0.10 is `gfx90a`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("gfx{}{:x}{:x}", self.major, self.minor, self.stepping))
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A text that is no GPU target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no GPU target; it should look like gfx1030")]
pub struct BadTarget(pub String);

impl FromStr for Target {
    type Err = BadTarget;

    /// `gfx1030`; features after a colon (`gfx90a:sramecc+:xnack-`) are ignored.
    fn from_str(text: &str) -> Result<Self, BadTarget> {
        parse(text).ok_or_else(|| BadTarget(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Target> {
    let digits = text.split(':').next()?.strip_prefix("gfx")?.as_bytes();
    let [major @ .., minor, stepping] = digits else { return None };
    if !(1..=4).contains(&major.len()) || !major.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let major = major.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    let low = |digit: &u8| (*digit as char).to_digit(16).filter(|_| !digit.is_ascii_uppercase());
    Some(Target { major, minor: low(minor)?, stepping: low(stepping)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn kfd_versions_become_llvm_names() {
        for (version, name) in [
            (100_100, "gfx1010"),
            (100_103, "gfx1013"),
            (100_300, "gfx1030"),
            (100_306, "gfx1036"),
            (110_000, "gfx1100"),
            (110_501, "gfx1151"),
            (90_006, "gfx906"),
            (90_010, "gfx90a"),
            (90_012, "gfx90c"),
            (90_402, "gfx942"),
            (120_001, "gfx1201"),
        ] {
            let target = Target::from_kfd(version).expect("a GPU");
            assert_eq!(target.to_string(), name);
            assert_eq!(name.parse(), Ok(target));
        }
        assert_eq!(Target::from_kfd(0), None);
    }

    #[test]
    fn only_gfx101x_and_gfx103x_are_rdna1_and_rdna2() {
        let generation = |name: &str| name.parse::<Target>().expect("a target").generation();
        for name in ["gfx1010", "gfx1011", "gfx1012", "gfx1013"] {
            assert_eq!(generation(name), Generation::Rdna1, "{name}");
        }
        for name in ["gfx1030", "gfx1031", "gfx1032", "gfx1034", "gfx1036"] {
            assert_eq!(generation(name), Generation::Rdna2, "{name}");
        }
        for name in ["gfx906", "gfx90a", "gfx942", "gfx1100", "gfx1151", "gfx1201"] {
            assert_eq!(generation(name), Generation::Other, "{name}");
        }
    }

    #[test]
    fn what_is_no_target_is_refused() {
        for text in ["", "gfx", "gfx30", "gfx90A", "GFX1030", "gfx10 0", "1030", "gfx10\u{e9}0"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
        assert_eq!("gfx90a:sramecc+:xnack-".parse(), Ok(Target::new(9, 0, 10)));
    }

    proptest! {
        #[test]
        fn any_version_has_a_name(version: u32) {
            let _ = Target::from_kfd(version).map(|target| (target.to_string(), target.generation(), target.is_apu()));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "(gfx)?\\PC*") {
            let _ = text.parse::<Target>();
        }
    }
}
