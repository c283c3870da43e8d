//! PCI addresses as sysfs, KFD and HIP write them.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// Domain, bus, device and function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PciAddress {
    /// PCI domain; more than 16 bits with some host bridges (VMD).
    pub domain: u32,
    /// 0 to 255.
    pub bus: u8,
    /// 0 to 31.
    pub device: u8,
    /// 0 to 7.
    pub function: u8,
}

impl PciAddress {
    /// From the KFD node properties `domain` and `location_id`. The latter is `pci_dev_id()`: bus in bits 8 to 15, device in 3 to 7, function in
    /// 0 to 2 (`kfd_topology.c`, `kfd_topology_add_device`). Whatever newer kernels may put above bit 15 is not part of the address.
    pub const fn from_location(domain: u32, location_id: u32) -> Self {
        Self {
            domain,
            bus: (location_id >> 8) as u8,
            device: ((location_id >> 3) & 0x1f) as u8,
            function: (location_id & 0x7) as u8,
        }
    }
}

impl fmt::Display for PciAddress {
    /// Lower-case hex `dddd:bb:dd.f`, as `hipDeviceGetPCIBusId` and sysfs print it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{:02x}:{:02x}.{:x}", self.domain, self.bus, self.device, self.function)
    }
}

impl Serialize for PciAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A text that is no PCI address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no PCI address; it should look like 0000:03:00.0")]
pub struct BadPciAddress(pub String);

impl FromStr for PciAddress {
    type Err = BadPciAddress;

    /// `dddd:bb:dd.f` in upper or lower case. Without domain (`bb:dd.f`) the domain is 0; without function (`dddd:bb:dd`) the function is 0.
    fn from_str(text: &str) -> Result<Self, BadPciAddress> {
        parse(text).ok_or_else(|| BadPciAddress(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<PciAddress> {
    let (place, function) = match text.split_once('.') {
        Some((place, function)) => (place, hex(function, 1)?),
        None => (text, 0),
    };
    let parts: Vec<&str> = place.split(':').collect();
    let (domain, bus, device) = match parts[..] {
        [domain, bus, device] => (hex(domain, 8)?, bus, device),
        // Without domain a function is needed, or "03:00" could be anything.
        [bus, device] if text.contains('.') => (0, bus, device),
        _ => return None,
    };
    let (bus, device) = (hex(bus, 2)?, hex(device, 2)?);
    if device > 0x1f || function > 7 {
        return None;
    }
    Some(PciAddress { domain, bus: bus as u8, device: device as u8, function: function as u8 })
}

/// Up to `digits` hexadecimal digits, nothing else (`from_str_radix` would take a sign).
fn hex(text: &str, digits: usize) -> Option<u32> {
    let valid = !text.is_empty() && text.len() <= digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    valid.then(|| u32::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_location_is_bus_device_function() {
        let address = PciAddress::from_location(0, 0x0300);
        assert_eq!(address.to_string(), "0000:03:00.0");
        assert_eq!(PciAddress::from_location(0x10000, 0x2a3b).to_string(), "10000:2a:07.3");
    }

    #[test]
    fn partition_bits_of_a_location_are_not_the_bus() {
        assert_eq!(PciAddress::from_location(0, 0x3000_0300).to_string(), "0000:03:00.0");
    }

    #[test]
    fn what_hip_prints_is_read_in_either_case() {
        let expected = PciAddress { domain: 0, bus: 0xc3, device: 0x1f, function: 1 };
        for text in ["0000:c3:1f.1", "0000:C3:1F.1", "C3:1f.1", "0:c3:1f.1"] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        assert_eq!("0000:c3:1f".parse(), Ok(PciAddress { function: 0, ..expected }));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "03:00",
            "0000:03:20.0",
            "0000:03:00.8",
            "0000:03:00.0.0",
            "+000:03:00.0",
            "0000:103:00.0",
            "a:b:c:d.0",
            "0000:03:00.",
        ] {
            assert!(text.parse::<PciAddress>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn printing_and_reading_are_inverse(domain: u32, bus: u8, device in 0u8..32, function in 0u8..8) {
            let address = PciAddress { domain, bus, device, function };
            prop_assert_eq!(address.to_string().parse(), Ok(address));
            prop_assert_eq!(address.to_string().to_uppercase().parse(), Ok(address));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*") {
            let _ = text.parse::<PciAddress>();
        }
    }
}
