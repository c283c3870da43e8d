//! The text form of a virtual machine: `CARD[:option=value]...[,CARD...][,option=value...]`.
//!
//! Card options: `atomics=on|off` (PCIe atomics between the card and the host), `bar=large|small`, `vram=SIZE`.
//! Machine options: `svm=on|off` (kernel with or without SVM), `kfd=MINOR` (KFD interface 1.MINOR),
//! `fault=IOCTL[/FLAG[+FLAG]...]@WHICH=ERRNO` (may repeat), where WHICH is `N`, `N+` or `N-M`, counted from 1 in each process.

use std::fmt;
use std::str::FromStr;

use crate::cards::{CARDS, Card};

/// A virtual machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// The cards, in the order of their KFD nodes.
    pub cards: Vec<Slot>,
    /// The kernel has the SVM API.
    pub svm: bool,
    /// Minor number of the KFD interface version; the major is 1.
    pub kfd_minor: u32,
    /// What goes wrong, and when.
    pub faults: Vec<Fault>,
}

/// A card in its slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Which card.
    pub card: Card,
    /// The path to the host carries PCIe atomics.
    pub atomics: bool,
    /// The CPU can reach all of VRAM.
    pub large_bar: bool,
    /// VRAM in bytes.
    pub vram: u64,
}

/// An ioctl that fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which ioctl, by the name of [`IOCTLS`].
    pub ioctl: &'static str,
    /// Allocation flags that must all be set for a call to count (KFD_IOC_ALLOC_MEM_FLAGS).
    pub flags: u32,
    /// The first matching call that fails, from 1.
    pub first: u64,
    /// The last one; `u64::MAX`: all that follow.
    pub last: u64,
    /// The error number.
    pub errno: i32,
}

/// Default KFD interface version: 1.17 is that of current kernels.
pub const KFD_MINOR: u32 = 17;

/// The first interface version with the SVM API (`kfd_ioctl.h`: "1.5 - Add SVM API").
pub const SVM_MINOR: u32 = 5;

/// Ioctls that a fault can name.
pub const IOCTLS: [&str; 11] = [
    "alloc",
    "free",
    "map",
    "unmap",
    "create-queue",
    "create-event",
    "acquire-vm",
    "svm",
    "wait-events",
    "export-dmabuf",
    "gem-va",
];

/// Names of the allocation flags, as in `/usr/include/linux/kfd_ioctl.h`, KFD_IOC_ALLOC_MEM_FLAGS_*.
pub const FLAGS: [(&str, u32); 14] = [
    ("vram", 1),
    ("gtt", 1 << 1),
    ("userptr", 1 << 2),
    ("doorbell", 1 << 3),
    ("mmio-remap", 1 << 4),
    ("contiguous", 1 << 23),
    ("ext-coherent", 1 << 24),
    ("uncached", 1 << 25),
    ("coherent", 1 << 26),
    ("aql-queue-mem", 1 << 27),
    ("no-substitute", 1 << 28),
    ("public", 1 << 29),
    ("executable", 1 << 30),
    ("writable", 1 << 31),
];

/// Error numbers that a fault can name.
pub const ERRNOS: [(&str, i32); 8] = [
    ("ENOMEM", libc::ENOMEM),
    ("EINVAL", libc::EINVAL),
    ("EBUSY", libc::EBUSY),
    ("EFAULT", libc::EFAULT),
    ("EPERM", libc::EPERM),
    ("ENODEV", libc::ENODEV),
    ("EIO", libc::EIO),
    ("EINTR", libc::EINTR),
];

/// A word of a specification that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{word}\" is no {what}; accepted: {accepted}")]
pub struct SpecError {
    word: String,
    what: &'static str,
    accepted: String,
}

fn refuse<T>(word: &str, what: &'static str, accepted: impl Into<String>) -> Result<T, SpecError> {
    Err(SpecError { word: word.to_owned(), what, accepted: accepted.into() })
}

fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().collect::<Vec<_>>().join(", ")
}

fn on_off(value: &str, what: &'static str) -> Result<bool, SpecError> {
    match value {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => refuse(value, what, "on, off"),
    }
}

impl FromStr for Spec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let mut spec = Spec::new(Vec::new());
        for item in text.split(',') {
            let (head, options) = item.split_once(':').unwrap_or((item, ""));
            if let Some(card) = Card::by_name(head) {
                spec.cards.push(Slot::parse(card, options)?);
                continue;
            }
            match item.split_once('=') {
                Some(("svm", value)) => spec.svm = on_off(value, "value of svm")?,
                Some(("kfd", value)) => match value.parse() {
                    Ok(minor) if (1..=99).contains(&minor) => spec.kfd_minor = minor,
                    _ => return refuse(value, "KFD interface minor version", "1 to 99"),
                },
                Some(("fault", value)) => spec.faults.push(value.parse()?),
                _ => {
                    let accepted = format!("{}, svm=, kfd=, fault=", list(CARDS.iter().map(|card| card.name)));
                    return refuse(item, "virtual card or option", accepted);
                }
            }
        }
        if spec.cards.is_empty() {
            return refuse(text, "virtual machine, since it has no card", list(CARDS.iter().map(|card| card.name)));
        }
        Ok(spec)
    }
}

impl Spec {
    /// A machine with these cards and everything else at its default.
    pub fn new(cards: Vec<Slot>) -> Self {
        Spec { cards, svm: true, kfd_minor: KFD_MINOR, faults: Vec::new() }
    }

    /// Whether the kernel offers the SVM API: it has it, and the interface is new enough.
    pub fn has_svm(&self) -> bool {
        self.svm && self.kfd_minor >= SVM_MINOR
    }
}

impl Slot {
    /// A card with everything at its default.
    pub fn new(card: Card) -> Self {
        Slot { card, atomics: true, large_bar: true, vram: card.vram_mib << 20 }
    }

    fn parse(card: Card, options: &str) -> Result<Self, SpecError> {
        let mut slot = Slot::new(card);
        for option in options.split(':').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("atomics", value)) => slot.atomics = on_off(value, "value of atomics")?,
                Some(("bar", "large")) => slot.large_bar = true,
                Some(("bar", "small")) => slot.large_bar = false,
                Some(("bar", value)) => return refuse(value, "value of bar", "large, small"),
                Some(("vram", value)) => slot.vram = size(value)?,
                _ => return refuse(option, "card option", "atomics=on|off, bar=large|small, vram=SIZE"),
            }
        }
        Ok(slot)
    }
}

/// Bytes with a suffix: `512M`, `8G`. At least 256 MiB, so that the runtime starts; at most 1 TiB.
fn size(text: &str) -> Result<u64, SpecError> {
    let bytes = match text.strip_suffix('G') {
        Some(number) => number.parse::<u64>().ok().and_then(|n| n.checked_mul(1 << 30)),
        None => {
            text.strip_suffix('M').and_then(|number| number.parse::<u64>().ok()).and_then(|n| n.checked_mul(1 << 20))
        }
    };
    match bytes {
        Some(bytes) if (256 << 20..=1 << 40).contains(&bytes) => Ok(bytes),
        _ => refuse(text, "size of VRAM", "256M to 1024G, in M or G"),
    }
}

impl FromStr for Fault {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        const FORM: &str = "IOCTL[/FLAG[+FLAG]]@N|N+|N-M=ERRNO, for instance alloc/userptr@3=ENOMEM";
        let Some((what, (which, errno))) =
            text.split_once('@').and_then(|(what, rest)| Some((what, rest.split_once('=')?)))
        else {
            return refuse(text, "fault", FORM);
        };
        let (ioctl, flags) = what.split_once('/').unwrap_or((what, ""));
        let Some(ioctl) = IOCTLS.into_iter().find(|name| *name == ioctl) else {
            return refuse(ioctl, "ioctl that can fail", list(IOCTLS));
        };
        let mut bits = 0;
        for flag in flags.split('+').filter(|flag| !flag.is_empty()) {
            match FLAGS.iter().find(|(name, _)| *name == flag) {
                Some((_, bit)) => bits |= bit,
                None => return refuse(flag, "allocation flag", list(FLAGS.iter().map(|(name, _)| *name))),
            }
        }
        let number = |text: &str| text.parse::<u64>().ok().filter(|n| *n > 0);
        let range = if let Some(first) = which.strip_suffix('+') {
            number(first).map(|first| (first, u64::MAX))
        } else if let Some((first, last)) = which.split_once('-') {
            number(first).zip(number(last)).filter(|(first, last)| first <= last)
        } else {
            number(which).map(|n| (n, n))
        };
        let Some((first, last)) = range else { return refuse(which, "choice of calls", "N, N+ or N-M, from 1") };
        let Some((_, errno)) = ERRNOS.iter().find(|(name, _)| *name == errno) else {
            return refuse(errno, "error number", list(ERRNOS.iter().map(|(name, _)| *name)));
        };
        if *errno == libc::EINTR && last == u64::MAX {
            return refuse(which, "choice of interrupted calls, which are made again until they succeed", "N or N-M");
        }
        Ok(Fault { ioctl, flags: bits, first, last, errno: *errno })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.ioctl)?;
        let names: Vec<&str> = FLAGS.iter().filter(|(_, bit)| self.flags & bit != 0).map(|(name, _)| *name).collect();
        if !names.is_empty() {
            write!(f, "/{}", names.join("+"))?;
        }
        match (self.first, self.last) {
            (first, u64::MAX) => write!(f, "@{first}+")?,
            (first, last) if first == last => write!(f, "@{first}")?,
            (first, last) => write!(f, "@{first}-{last}")?,
        }
        let name = ERRNOS.iter().find(|(_, errno)| *errno == self.errno).map_or("EINVAL", |(name, _)| name);
        write!(f, "={name}")
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, slot) in self.cards.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{}", slot.card.name)?;
            if !slot.atomics {
                f.write_str(":atomics=off")?;
            }
            if !slot.large_bar {
                f.write_str(":bar=small")?;
            }
            if slot.vram != slot.card.vram_mib << 20 {
                write!(f, ":vram={}M", slot.vram >> 20)?;
            }
        }
        if !self.svm {
            f.write_str(",svm=off")?;
        }
        if self.kfd_minor != KFD_MINOR {
            write!(f, ",kfd={}", self.kfd_minor)?;
        }
        self.faults.iter().try_for_each(|fault| write!(f, ",fault={fault}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_machine_is_read_and_printed_back() {
        for text in [
            "gfx1030",
            "gfx1036,gfx1030",
            "gfx1030:atomics=off:bar=small:vram=8192M,svm=off,kfd=12,fault=alloc/userptr@3=ENOMEM",
            "gfx906,fault=alloc/vram+public@1+=ENOMEM,fault=map@2-5=EFAULT",
        ] {
            let spec: Spec = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(spec.to_string(), text);
        }
    }

    #[test]
    fn a_word_that_is_not_understood_is_named_with_what_is_accepted() {
        for (text, word, accepted) in [
            ("gfx9999", "gfx9999", "gfx1030"),
            ("", "", "gfx1010"),
            ("svm=on", "svm=on", "gfx1030"),
            ("gfx1030:atomics=maybe", "maybe", "on, off"),
            ("gfx1030:colour=red", "colour=red", "bar="),
            ("gfx1030:vram=3", "3", "256M"),
            ("gfx1030,kfd=x", "x", "99"),
            ("gfx1030,fault=alloc", "alloc", "ENOMEM"),
            ("gfx1030,fault=alloc@0=ENOMEM", "0", "from 1"),
            ("gfx1030,fault=alloc@5-3=ENOMEM", "5-3", "N-M"),
            ("gfx1030,fault=alloc/blue@1=ENOMEM", "blue", "userptr"),
            ("gfx1030,fault=alloc@1=ENOWHERE", "ENOWHERE", "ENOMEM"),
            ("gfx1030,fault=alloc@1+=EINTR", "1+", "N-M"),
        ] {
            let error = text.parse::<Spec>().expect_err(text);
            assert_eq!(error.word, word);
            assert!(error.accepted.contains(accepted), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_machine_or_an_error(text in "(gfx1030|[a-z0-9:=,@/+-]){0,12}") {
            if let Ok(spec) = text.parse::<Spec>() {
                prop_assert_eq!(spec.to_string().parse::<Spec>(), Ok(spec));
            }
        }
    }
}
