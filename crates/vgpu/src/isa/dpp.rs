//! Operands that are moved between lanes (DPP) or taken in parts (SDWA).

use super::Trap;
use super::decode::{Dpp, Inst, Sdwa};
use super::wave::{LANES, Vector, Wave};

/// Source 0 after DPP, and the lanes that may be written.
pub fn apply(wave: &Wave, dpp: &Dpp, source: &Vector, exec: u64) -> Result<(Vector, u64), Trap> {
    let (mut out, mut enabled) = ([0; LANES], exec);
    for lane in 0..wave.lanes() {
        let (from, fetch_inactive, bound_ctrl) = match dpp {
            Dpp::Dpp8 { lanes, fetch_inactive } => {
                (Some(lane & !7 | usize::from(lanes[lane & 7])), *fetch_inactive, true)
            }
            Dpp::Dpp16 { control, row_mask, bank_mask, bound_ctrl, fetch_inactive } => {
                if row_mask >> (lane / 16) & 1 == 0 || bank_mask >> (lane / 4 % 4) & 1 == 0 {
                    enabled &= !(1 << lane);
                    continue;
                }
                (row_source(*control, lane)?, *fetch_inactive, *bound_ctrl)
            }
        };
        match from {
            Some(from) if exec >> from & 1 != 0 || fetch_inactive => out[lane] = source[from],
            // A disabled source lane reads as 0 with bound_ctrl; so does one outside of the row.
            _ if bound_ctrl => {}
            _ => enabled &= !(1 << lane),
        }
    }
    Ok((out, enabled))
}

/// The lane that `lane` reads; `None`: outside of the row of 16.
fn row_source(control: u16, lane: usize) -> Result<Option<usize>, Trap> {
    let (row, place) = (lane & !15, lane & 15);
    let amount = usize::from(control & 15);
    Ok(match control {
        0x000..=0x0ff => Some(lane & !3 | usize::from(control >> (2 * (lane & 3)) & 3)),
        0x101..=0x10f => (place + amount < 16).then(|| lane + amount),
        0x111..=0x11f => (place >= amount).then(|| lane - amount),
        0x121..=0x12f => Some(row | (place + 16 - amount) & 15),
        0x140 => Some(row | (15 - place)),
        0x141 => Some(lane & !7 | (7 - (lane & 7))),
        0x150..=0x15f => Some(row | amount),
        0x160..=0x16f => Some(row | (place ^ amount)),
        _ => return Err(Trap::Unsupported("this DPP control")),
    })
}

/// The selected part of an SDWA source: bytes 0 to 3, words 4 and 5, all of it 6.
pub fn select(value: u32, sel: u8, sext: bool) -> Result<u32, Trap> {
    Ok(match (sel, sext) {
        (0..=3, false) => value >> (8 * sel) & 0xff,
        (0..=3, true) => (value >> (8 * sel)) as u8 as i8 as u32,
        (4 | 5, false) => value >> (16 * (sel - 4)) & 0xffff,
        (4 | 5, true) => (value >> (16 * (sel - 4))) as u16 as i16 as u32,
        (6, _) => value,
        _ => return Err(Trap::Unsupported("this SDWA selection")),
    })
}

/// A result put into the selected part of the destination.
pub fn deposit(old: u32, value: u32, sdwa: &Sdwa) -> Result<u32, Trap> {
    let (shift, bits) = match sdwa.dst_sel {
        0..=3 => (8 * u32::from(sdwa.dst_sel), 8),
        4 | 5 => (16 * u32::from(sdwa.dst_sel - 4), 16),
        6 => return Ok(value),
        _ => return Err(Trap::Unsupported("this SDWA selection")),
    };
    let mask = ((1u32 << bits) - 1) << shift;
    let placed = value << shift & mask;
    Ok(match sdwa.dst_unused {
        0 => placed,
        1 => (((value << (32 - bits)) as i32 >> (32 - bits)) as u32) << shift,
        2 => old & !mask | placed,
        _ => return Err(Trap::Unsupported("this SDWA destination")),
    })
}

/// The two sources of an SDWA instruction, selected and extended.
pub fn sources(inst: &Inst, sdwa: &Sdwa, index: usize, values: &mut Vector) -> Result<(), Trap> {
    if index < 2 && (sdwa.sel[index] != 6 || sdwa.sext[index]) {
        for value in values.iter_mut() {
            *value = select(*value, sdwa.sel[index], sdwa.sext[index])?;
        }
    }
    debug_assert!(inst.sdwa.is_some());
    Ok(())
}
