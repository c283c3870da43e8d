//! The `name value` files of the topology.

/// The properties of one file: `name value` pairs, the value an unsigned decimal of up to 64 bits.
///
/// `libhsakmt` reads pairs until the first that is none; this reads line by line and skips lines it does not understand, so that a new
/// kernel's text property does not hide the ones after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties(Vec<(String, u64)>);

impl Properties {
    /// Reads the text of a file.
    pub fn parse(text: &str) -> Self {
        let pair = |line: &str| {
            let mut words = line.split_ascii_whitespace();
            let (name, value, rest) = (words.next()?, words.next()?, words.next());
            (rest.is_none() && value.bytes().all(|byte| byte.is_ascii_digit()))
                .then(|| value.parse().ok().map(|value| (name.to_owned(), value)))
                .flatten()
        };
        Self(text.lines().filter_map(pair).collect())
    }

    /// The value of `name`; the last one if it is there twice, as in `libhsakmt`.
    pub fn get(&self, name: &str) -> Option<u64> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|&(_, value)| value)
    }

    /// The value of `name` cut to 32 bits as `libhsakmt` does, 0 if absent.
    pub fn u32(&self, name: &str) -> u32 {
        self.get(name).unwrap_or(0) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pairs_are_read_and_other_lines_skipped() {
        let properties = Properties::parse(
            "cpu_cores_count 0\nname Navi 21\nsimd_count 160\n\nbad -1\nhuge 99999999999999999999\nsimd_count 80\n",
        );
        assert_eq!(properties.get("cpu_cores_count"), Some(0));
        assert_eq!(properties.get("simd_count"), Some(80));
        for name in ["name", "bad", "huge", ""] {
            assert_eq!(properties.get(name), None, "{name}");
        }
    }

    #[test]
    fn wide_values_keep_64_bits_and_are_cut_when_32_are_asked_for() {
        let properties = Properties::parse("unique_id 18446744073709551615\n");
        assert_eq!(properties.get("unique_id"), Some(u64::MAX));
        assert_eq!(properties.u32("unique_id"), u32::MAX);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC*|([a-z_]{1,20} [0-9]{1,25}\n){0,20}") {
            let _ = Properties::parse(&text).get("x");
        }
    }
}
