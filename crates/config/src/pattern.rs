//! What the conditions of a rule are matched with.

use std::fmt;

use glob::{MatchOptions, Pattern};
use rmcp_device::PciAddress;

use crate::Device;

/// A longer pattern is refused: matching takes time, and a process that is killed for it would be hard to explain.
const MAX_LENGTH: usize = 512;

/// A glob (`*`, `?`, `[...]`; in a path also `**`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    pattern: Pattern,
    /// Whole paths are matched with it, else only their last part.
    is_path: bool,
}

impl Glob {
    /// # Errors
    /// What is wrong with it.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("an empty pattern matches nothing; write * for everything".to_owned());
        }
        if text.len() > MAX_LENGTH {
            return Err(format!("a pattern of {} bytes is too long; use at most {MAX_LENGTH}", text.len()));
        }
        let pattern = Pattern::new(text).map_err(|error| {
            // `pos` counts characters.
            format!(
                "\"{text}\" is no pattern ({} at character {}); close every [ with a ], and write [[] for a [ of the name",
                error.msg,
                error.pos + 1
            )
        })?;
        Ok(Self { pattern, is_path: text.contains('/') })
    }

    /// Whether a name, or a file by its path (by its name where only that is known), is meant.
    pub fn matches(&self, path: &str) -> bool {
        let subject = if self.is_path { path } else { file_name(path) };
        // A `*` stays within one directory.
        let options = MatchOptions { require_literal_separator: true, ..MatchOptions::default() };
        self.pattern.matches_with(subject, options)
    }

    pub fn as_str(&self) -> &str {
        self.pattern.as_str()
    }
}

pub fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// Devices that a rule names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Devices {
    /// By their target, e.g. `gfx103*`.
    Target(Glob),
    /// By vendor and device id, in lower case, e.g. `1002:73bf`.
    Id(String),
    /// By where it is, e.g. `0000:03:00.0`.
    Bus(PciAddress),
}

impl Devices {
    /// # Errors
    /// What is wrong with it.
    pub fn new(text: &str) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase();
        if lower.strip_prefix("gfx").is_some_and(|rest| {
            !rest.is_empty()
                && rest.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, '*' | '?' | '[' | ']' | '!' | '-'))
        }) {
            return Glob::new(&lower).map(Self::Target);
        }
        let is_hex = |part: &str| part.len() == 4 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        if lower.split_once(':').is_some_and(|(vendor, device)| is_hex(vendor) && is_hex(device)) {
            return Ok(Self::Id(lower));
        }
        text.parse().map(Self::Bus).map_err(|_| {
            format!(
                "\"{text}\" names no device; write a target such as gfx1030 or gfx103*, vendor and device id such as 1002:73bf, or a PCI address \
                 such as 0000:03:00.0 (`rmcp gpus` lists them)"
            )
        })
    }

    pub fn matches(&self, device: &Device<'_>) -> bool {
        match self {
            Self::Target(glob) => glob.matches(device.target),
            Self::Id(id) => id == device.pci,
            Self::Bus(bus) => device.bus.parse() == Ok(*bus),
        }
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Devices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target(glob) => glob.fmt(f),
            Self::Id(id) => f.pad(id),
            Self::Bus(bus) => bus.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_without_a_slash_is_for_the_file_name_and_one_with_a_slash_for_the_path() {
        let matches = |pattern: &str, path: &str| Glob::new(pattern).expect("a pattern").matches(path);
        assert!(matches("libfoo*", "/opt/x/libfoo.so.1"));
        assert!(matches("libfoo.so.[12]", "libfoo.so.1"));
        assert!(!matches("foo", "/opt/x/libfoo.so.1"));
        assert!(matches("/opt/*/libfoo.so.1", "/opt/x/libfoo.so.1"));
        assert!(!matches("/opt/*/libfoo.so.1", "/opt/x/y/libfoo.so.1"), "* stays within a directory");
        assert!(matches("/opt/**/libfoo.so.1", "/opt/x/y/libfoo.so.1"));
        assert!(!matches("/opt/*", "libfoo.so.1"), "a path is not known");
        assert!(!matches("x*", ""));
    }

    #[test]
    fn devices_are_named_by_target_id_or_bus() {
        let card = Device { target: "gfx1030", pci: "1002:73bf", bus: "0000:03:00.0" };
        for (text, is) in [
            ("gfx1030", true),
            ("GFX103*", true),
            ("gfx10[13]?", true),
            ("gfx101*", false),
            ("1002:73BF", true),
            ("1002:731f", false),
            ("0000:03:00.0", true),
            ("03:00.0", true),
            ("0000:04:00.0", false),
        ] {
            assert_eq!(Devices::new(text).expect("a device").matches(&card), is, "{text}");
        }
        for text in ["", "gfx", "navi21", "*", "gfx1030:xnack-", "1002", "gfx[1"] {
            assert!(Devices::new(text).is_err(), "{text}");
        }
    }
}
