//! Runs small shader programs, written as assembly, on a memory of their own.
//!
//! LLVM's `llvm-mc` turns the text into words, so that the tests share no table with the decoder.

#![allow(dead_code)] // each test binary uses its part

use std::io::Write;
use std::process::{Command, Stdio};

use vgpu::isa::{Dispatch, Isa, Progress, Stop};
use vgpu::mem::{Access, AtomicOp, Fault, FaultReason, Kind, Memory, combine};

/// Where things lie in the test's address space.
pub const OUT: u64 = 0x10_0000;
pub const DATA: u64 = 0x20_0000;
pub const KERNARG: u64 = 0x30_0000;
pub const QUEUE: u64 = 0x40_0000;
pub const PACKET: u64 = 0x50_0000;
pub const SCRATCH: u64 = 0x60_0000;
pub const OBJECT: u64 = 0x70_0000;
/// The code follows the kernel descriptor.
pub const CODE: u64 = OBJECT + 0x100;

/// Blocks of bytes at addresses; everything else is not mapped.
#[derive(Debug, Default)]
pub struct Ram {
    pub blocks: Vec<(u64, Vec<u8>)>,
    /// Accesses of waves that were not instruction fetches.
    pub accesses: Vec<Access>,
}

impl Ram {
    fn bytes(&mut self, access: Access, length: usize) -> Result<&mut [u8], Fault> {
        if access.kind != Kind::Instruction {
            self.accesses.push(access);
        }
        let fault = Fault { access, reason: FaultReason::NotPresent };
        for (base, bytes) in &mut self.blocks {
            let offset = access.addr.wrapping_sub(*base) as usize;
            if let Some(found) = offset.checked_add(length).and_then(|end| bytes.get_mut(offset..end)) {
                return Ok(found);
            }
        }
        Err(fault)
    }

    pub fn block(&mut self, base: u64) -> &mut Vec<u8> {
        &mut self.blocks.iter_mut().find(|block| block.0 == base).expect("a block of the test").1
    }

    pub fn word(&mut self, addr: u64) -> u32 {
        let (base, bytes) = self
            .blocks
            .iter()
            .find(|(base, bytes)| (*base..base + bytes.len() as u64).contains(&addr))
            .expect("mapped");
        let at = (addr - base) as usize;
        u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"))
    }
}

impl Memory for Ram {
    fn load(&mut self, access: Access, out: &mut [u8]) -> Result<(), Fault> {
        assert_eq!(access.width as usize, out.len());
        out.copy_from_slice(self.bytes(access, out.len())?);
        Ok(())
    }

    fn store(&mut self, access: Access, data: &[u8]) -> Result<(), Fault> {
        assert_eq!(access.width as usize, data.len());
        self.bytes(access, data.len())?.copy_from_slice(data);
        Ok(())
    }

    fn atomic(&mut self, access: Access, op: AtomicOp, operand: u64, compare: u64) -> Result<u64, Fault> {
        let width = access.width as usize;
        if !access.addr.is_multiple_of(width as u64) {
            return Err(Fault { access, reason: FaultReason::Misaligned });
        }
        let bytes = self.bytes(access, width)?;
        let mut word = [0; 8];
        word[..width].copy_from_slice(bytes);
        let old = u64::from_le_bytes(word);
        bytes.copy_from_slice(&combine(op, access.width, old, operand, compare).to_le_bytes()[..width]);
        Ok(old)
    }
}

/// Assembly to words.
pub fn assemble(isa: Isa, wave64: bool, text: &str) -> Vec<u32> {
    let cpu = match isa {
        Isa::Gfx10_1 => "gfx1010",
        Isa::Gfx10_3 => "gfx1030",
    };
    let size = if wave64 { "-wavefrontsize32,+wavefrontsize64" } else { "+wavefrontsize32,-wavefrontsize64" };
    // Only an object file has its branches resolved.
    let mut child = Command::new("llvm-mc")
        .args(["-arch=amdgcn", &format!("-mcpu={cpu}"), &format!("-mattr={size}"), "-filetype=obj", "-o", "-", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("llvm-mc, of Debian's package llvm");
    child.stdin.take().expect("piped").write_all(text.as_bytes()).expect("llvm-mc reads");
    let output = child.wait_with_output().expect("llvm-mc ends");
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
    section(&output.stdout, ".text")
        .chunks_exact(4)
        .map(|word| u32::from_le_bytes(word.try_into().expect("4")))
        .collect()
}

/// A section of an ELF-64 file.
fn section<'a>(elf: &'a [u8], wanted: &str) -> &'a [u8] {
    let number = |at: usize, size: usize| {
        let mut bytes = [0; 8];
        bytes[..size].copy_from_slice(&elf[at..at + size]);
        u64::from_le_bytes(bytes) as usize
    };
    let (headers, count, names) = (number(40, 8), number(60, 2), number(62, 2));
    let range = |index: usize| {
        let header = headers + 64 * index;
        (number(header + 24, 8), number(header + 32, 8))
    };
    let (strings, _) = range(names);
    (0..count)
        .find(|index| elf[strings + number(headers + 64 * index, 4)..].starts_with(&[wanted.as_bytes(), &[0]].concat()))
        .map(|index| &elf[range(index).0..][..range(index).1])
        .expect("a section of this name")
}

/// How a program is launched. The descriptor enables the kernarg pointer (s[0:1]), the work-group ids that are asked for, and all work-item ids.
#[derive(Debug, Clone)]
pub struct Launch {
    pub isa: Isa,
    pub wave64: bool,
    pub group: [u32; 3],
    pub grid: [u32; 3],
    pub lds: u32,
    pub private: u32,
    /// `kernel_code_properties`, without the wave size.
    pub properties: u32,
    pub user_sgprs: u32,
    pub group_ids: u32,
    pub vgprs: u32,
    /// MODE: denormals kept, DX10_CLAMP, IEEE.
    pub mode: u32,
}

impl Launch {
    pub fn one_wave(isa: Isa, wave64: bool) -> Self {
        let lanes = if wave64 { 64 } else { 32 };
        Launch {
            isa,
            wave64,
            group: [lanes, 1, 1],
            grid: [lanes, 1, 1],
            lds: 0,
            private: 0,
            properties: 1 << 3,
            user_sgprs: 2,
            group_ids: 0,
            vgprs: 64,
            mode: 0x3f0,
        }
    }

    /// Memory with the program in it, and the packet.
    pub fn prepare(&self, code: &[u32]) -> (Ram, [u8; 64]) {
        let mut packet = [0u8; 64];
        let mut put = |at: usize, bytes: &[u8]| packet[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &[2, 0, 3, 0]);
        for dimension in 0..3 {
            put(4 + 2 * dimension, &(self.group[dimension] as u16).to_le_bytes());
            put(12 + 4 * dimension, &self.grid[dimension].to_le_bytes());
        }
        put(24, &self.private.to_le_bytes());
        put(28, &self.lds.to_le_bytes());
        put(32, &OBJECT.to_le_bytes());
        put(40, &KERNARG.to_le_bytes());

        let mut object = vec![0u8; 0x100];
        let mut field = |at: usize, value: u32| object[at..at + 4].copy_from_slice(&value.to_le_bytes());
        field(16, 0x100);
        let granule = if self.wave64 { 4 } else { 8 };
        let (float, dx10, ieee) = (self.mode & 0xff, self.mode >> 8 & 1, self.mode >> 9 & 1);
        field(48, (self.vgprs / granule - 1) | float << 12 | dx10 << 21 | ieee << 23);
        let scratch = u32::from(self.private > 0);
        field(52, scratch | self.user_sgprs << 1 | self.group_ids << 7 | 2 << 11);
        field(56, self.properties | u32::from(!self.wave64) << 10);
        object.extend(code.iter().flat_map(|word| word.to_le_bytes()));

        // The queue: 4 scratch slots of 4 KiB, and ROCr's resource descriptor for them.
        let mut queue = vec![0u8; 0x100];
        let mut field = |at: usize, value: u32| queue[at..at + 4].copy_from_slice(&value.to_le_bytes());
        field(0x80, 77);
        field(0x8c, 4 | 4 << 12);
        field(0x90, SCRATCH as u32);
        field(0x94, 1 << 31);
        field(0x98, 0x4000);
        field(0x9c, 2 << 28 | 1 << 23);
        let kernarg = [OUT.to_le_bytes(), DATA.to_le_bytes()].concat();
        let data = (0..4096u32).flat_map(|byte| (byte as u8).to_le_bytes()).collect();
        let blocks = vec![
            (OUT, vec![0; 0x2_0000]),
            (DATA, data),
            (KERNARG, kernarg),
            (QUEUE, queue),
            (PACKET, packet.to_vec()),
            (SCRATCH, vec![0; 0x4000]),
            (OBJECT, object),
        ];
        (Ram { blocks, accesses: Vec::new() }, packet)
    }

    /// Runs a program to its end.
    pub fn run(&self, text: &str) -> Result<Ram, Stop> {
        let (mut ram, packet) = self.prepare(&assemble(self.isa, self.wave64, text));
        let mut dispatch = Dispatch::new(self.isa, &packet, QUEUE, PACKET, &mut ram)?;
        for _ in 0..1000 {
            if dispatch.step(&mut ram, 1000)? == Progress::Done {
                return Ok(ram);
            }
        }
        panic!("the program does not end");
    }
}

/// What a case leaves in v10, or v10 and v11, of its lanes.
#[derive(Clone, Copy)]
pub enum Expect {
    All(u32),
    Wide(u64),
    Lanes(fn(u32) -> u32),
}

/// Runs each case after the other in one wave and compares what it leaves.
///
/// A case may use v2 and up, s4 and up, VCC; v0 is the lane, s[0:1] the kernarg pointer (OUT, DATA).
pub fn check(isa: Isa, wave64: bool, cases: &[(&str, Expect)]) {
    let launch = Launch { lds: 4096, ..Launch::one_wave(isa, wave64) };
    let full = if wave64 { "s_mov_b64 exec, -1" } else { "s_mov_b32 exec_lo, -1" };
    let mut text = String::from("s_load_dwordx2 s[2:3], s[0:1], 0x0\nv_lshlrev_b32 v1, 2, v0\n");
    for (body, _) in cases {
        text += &format!(
            "v_mov_b32 v10, 0\nv_mov_b32 v11, 0\n{body}\n{full}\n\
             global_store_dword v1, v10, s[2:3]\nglobal_store_dword v1, v11, s[2:3] offset:256\n\
             s_add_u32 s2, s2, 0x200\ns_addc_u32 s3, s3, 0\n"
        );
    }
    text += "s_endpgm\n";
    let mut ram = launch.run(&text).unwrap_or_else(|stop| panic!("{stop}"));
    for (index, (body, expect)) in cases.iter().enumerate() {
        for lane in 0..if wave64 { 64 } else { 32u32 } {
            let at = OUT + 512 * index as u64 + u64::from(4 * lane);
            let (low, high) = (ram.word(at), ram.word(at + 256));
            match *expect {
                Expect::All(want) => assert_eq!(low, want, "{body}: {low:#x} in lane {lane}, not {want:#x}"),
                Expect::Lanes(want) => {
                    let want = want(lane);
                    assert_eq!(low, want, "{body}: {low:#x} in lane {lane}, not {want:#x}");
                }
                Expect::Wide(want) => {
                    let got = u64::from(low) | u64::from(high) << 32;
                    assert_eq!(got, want, "{body}: {got:#x} in lane {lane}, not {want:#x}");
                }
            }
        }
    }
}

/// [`check`] on both instruction sets and with both wave sizes.
pub fn check_all(cases: &[(&str, Expect)]) {
    for isa in [Isa::Gfx10_1, Isa::Gfx10_3] {
        for wave64 in [false, true] {
            check(isa, wave64, cases);
        }
    }
}
