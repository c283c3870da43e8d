//! The cards that can be simulated, and what the kernel driver says of them.
//!
//! PCI ids: linux `drivers/gpu/drm/amd/amdgpu/amdgpu_drv.c`. Shader engine and compute unit counts: AMD's product pages and
//! Mesa `src/amd/common/ac_gpu_info.c`. Clock rates and firmware versions are plausible numbers without meaning.

use crate::isa::Isa;
use crate::mtype::Generation;

/// What is fixed for a kind of card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Card {
    /// LLVM target name, e.g. `gfx1030`.
    pub name: &'static str,
    /// The `name` of the KFD node: amdgpu's ASIC name.
    pub codename: &'static str,
    /// `gfx_target_version` of the KFD topology: major * 10000 + minor * 100 + stepping.
    pub target_version: u32,
    /// PCI device id; the vendor is always 0x1002.
    pub device_id: u32,
    /// Which of the kernel's rules for page-table entries applies.
    pub generation: Generation,
    /// The instruction set that the interpreter knows; `None`: dispatches are refused.
    pub isa: Option<Isa>,
    /// A GPU without memory of its own.
    pub apu: bool,
    /// Compute units.
    pub compute_units: u32,
    /// Shader engines.
    pub shader_engines: u32,
    /// Shader arrays in each engine.
    pub arrays_per_engine: u32,
    /// Places for compute units in each array, some of which may be off (`max_cu_per_sh` of the kernel's gfx_config).
    pub units_per_array: u32,
    /// SDMA engines (`kfd_device.c`, kfd_device_info_set_sdma_info; IP discovery).
    pub sdma_engines: u32,
    /// Infinity cache in KiB, 0 if there is none.
    pub l3_kib: u64,
    /// Lanes of a wave in the mode that the kernel driver reports.
    pub wave_front_size: u32,
    /// Default VRAM in MiB (for an APU its carve-out).
    pub vram_mib: u64,
    /// AMDGPU_FAMILY of `amdgpu_drm.h`.
    pub family: u32,
}

/// Every card, in the order in which they are listed to the user.
pub const CARDS: [Card; 8] = [
    Card {
        name: "gfx1010",
        codename: "navi10",
        target_version: 100_100,
        device_id: 0x731f,
        generation: Generation::Gfx10,
        isa: Some(Isa::Gfx10_1),
        apu: false,
        compute_units: 40,
        shader_engines: 2,
        arrays_per_engine: 2,
        units_per_array: 10,
        sdma_engines: 2,
        l3_kib: 0,
        wave_front_size: 32,
        vram_mib: 8192,
        family: 143,
    },
    Card {
        name: "gfx1030",
        codename: "sienna_cichlid",
        target_version: 100_300,
        device_id: 0x73bf,
        generation: Generation::Gfx10,
        isa: Some(Isa::Gfx10_3),
        apu: false,
        compute_units: 72,
        shader_engines: 4,
        arrays_per_engine: 2,
        units_per_array: 10,
        sdma_engines: 4,
        l3_kib: 131072,
        wave_front_size: 32,
        vram_mib: 16384,
        family: 143,
    },
    Card {
        name: "gfx1031",
        codename: "navy_flounder",
        target_version: 100_301,
        device_id: 0x73df,
        generation: Generation::Gfx10,
        isa: Some(Isa::Gfx10_3),
        apu: false,
        compute_units: 40,
        shader_engines: 2,
        arrays_per_engine: 2,
        units_per_array: 10,
        sdma_engines: 2,
        l3_kib: 98304,
        wave_front_size: 32,
        vram_mib: 12288,
        family: 143,
    },
    Card {
        name: "gfx1032",
        codename: "dimgrey_cavefish",
        target_version: 100_302,
        device_id: 0x73ff,
        generation: Generation::Gfx10,
        isa: Some(Isa::Gfx10_3),
        apu: false,
        compute_units: 32,
        shader_engines: 2,
        arrays_per_engine: 2,
        units_per_array: 8,
        sdma_engines: 2,
        l3_kib: 32768,
        wave_front_size: 32,
        vram_mib: 8192,
        family: 143,
    },
    Card {
        name: "gfx1035",
        codename: "yellow_carp",
        target_version: 100_305,
        device_id: 0x1681,
        generation: Generation::Gfx10,
        isa: Some(Isa::Gfx10_3),
        apu: true,
        compute_units: 12,
        shader_engines: 1,
        arrays_per_engine: 2,
        units_per_array: 6,
        sdma_engines: 1,
        l3_kib: 0,
        wave_front_size: 32,
        vram_mib: 512,
        family: 146,
    },
    Card {
        name: "gfx1036",
        codename: "ip discovery",
        target_version: 100_306,
        device_id: 0x164e,
        generation: Generation::Gfx10,
        isa: Some(Isa::Gfx10_3),
        apu: true,
        compute_units: 2,
        shader_engines: 1,
        arrays_per_engine: 1,
        units_per_array: 2,
        sdma_engines: 1,
        l3_kib: 0,
        wave_front_size: 32,
        vram_mib: 512,
        family: 149,
    },
    Card {
        name: "gfx1100",
        codename: "ip discovery",
        target_version: 110_000,
        device_id: 0x744c,
        generation: Generation::Gfx11,
        isa: None,
        apu: false,
        compute_units: 96,
        shader_engines: 6,
        arrays_per_engine: 2,
        units_per_array: 8,
        sdma_engines: 2,
        l3_kib: 98304,
        wave_front_size: 32,
        vram_mib: 24576,
        family: 145,
    },
    Card {
        name: "gfx906",
        codename: "vega20",
        target_version: 90_006,
        device_id: 0x66af,
        generation: Generation::Gfx906,
        isa: None,
        apu: false,
        compute_units: 60,
        shader_engines: 4,
        arrays_per_engine: 1,
        units_per_array: 16,
        sdma_engines: 2,
        l3_kib: 0,
        wave_front_size: 64,
        vram_mib: 16384,
        family: 141,
    },
];

impl Card {
    /// SIMD units in a compute unit: 4 of 16 lanes on gfx9, 2 of 32 from gfx10 on.
    pub fn simds_per_unit(&self) -> u32 {
        if self.target_version < 100_000 { 4 } else { 2 }
    }

    /// Waves that a SIMD unit holds: 10 on gfx9, 20 on gfx10.1, 16 from gfx10.3 on (`max_waves_per_simd` of the kernel's gfx_config).
    pub fn waves_per_simd(&self) -> u32 {
        match self.target_version / 100 {
            ..=1000 => 10,
            1001 => 20,
            _ => 16,
        }
    }

    /// The card of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        CARDS.into_iter().find(|card| card.name == name)
    }

    /// The queues of a card that has an instruction set are executed.
    pub fn executes(&self) -> bool {
        self.isa.is_some()
    }
}
