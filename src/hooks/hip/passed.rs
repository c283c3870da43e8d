//! Exports of libamdhip64 whose names have to do with memory and that are passed through on purpose. Used by the test of [`crate::hooks::exports`] only.

use crate::hooks::exports::{Beginning, Names, Why};

pub const BEGINNINGS: &[Beginning] = &[
    (Why::Copy, "hipMemcpy"),
    (Why::Copy, "hipMemset"),
    (Why::Copy, "hipDrvMemcpy"),
    (Why::Copy, "hipGraphAddMemcpyNode"),
    (Why::Copy, "hipGraphAddMemsetNode"),
    (Why::Copy, "hipGraphMemcpyNode"),
    (Why::Copy, "hipGraphMemsetNode"),
    (Why::Copy, "hipGraphExecMemcpyNode"),
    (Why::Copy, "hipGraphExecMemsetNode"),
    (Why::Copy, "hipDrvGraphAddMemcpyNode"),
    (Why::Copy, "hipDrvGraphAddMemsetNode"),
    (Why::Copy, "hipDrvGraphMemcpyNode"),
    (Why::Copy, "hipDrvGraphMemsetNode"),
    (Why::Copy, "hipDrvGraphExecMemcpyNode"),
    (Why::Copy, "hipDrvGraphExecMemsetNode"),
    // Blocks that fit on a compute unit.
    (Why::Query, "hipOccupancy"),
    (Why::Query, "hipModuleOccupancy"),
    // Semaphores of other APIs: no memory of the program.
    (Why::Other, "hipGraphAddExternalSemaphores"),
    (Why::Other, "hipGraphExternalSemaphores"),
    (Why::Other, "hipGraphExecExternalSemaphores"),
    // Nodes that call a function of the program.
    (Why::Other, "hipGraphHostNode"),
    (Why::Other, "hipGraphExecHostNode"),
    // Texture references and objects name memory that exists.
    (Why::View, "hipTexRef"),
];

pub const NAMES: &[Names] = &[
    (
        Why::Query,
        &[
            "hipArray3DGetDescriptor",
            "hipArrayGetDescriptor",
            "hipArrayGetInfo",
            "hipDeviceGetDefaultMemPool",
            "hipDeviceGetGraphMemAttribute",
            "hipDeviceGetMemPool",
            "hipDeviceGetP2PAttribute",
            "hipDeviceTotalMem",
            "hipFuncGetAttribute",
            "hipFuncGetAttributes",
            // A view of one level, which belongs to the mipmapped array.
            "hipGetMipmappedArrayLevel",
            "hipMipmappedArrayGetLevel",
            "hipGetSymbolAddress",
            "hipGraphBatchMemOpNodeGetParams",
            "hipGraphKernelNodeGetAttribute",
            "hipGraphMemAllocNodeGetParams",
            "hipGraphMemFreeNodeGetParams",
            "hipHostGetDevicePointer",
            "hipMemGetAccess",
            "hipMemGetAddressRange",
            "hipMemGetAllocationGranularity",
            "hipMemGetAllocationPropertiesFromHandle",
            "hipMemGetInfo",
            "hipMemPoolGetAccess",
            "hipMemPtrGetInfo",
            "hipOccupancyAvailableDynamicSMemPerBlock",
            "hipStreamGetAttribute",
        ],
    ),
    // The current context, peer access and shared (LDS) memory configuration.
    (
        Why::Setting,
        &[
            "hipCtxGetSharedMemConfig",
            "hipCtxSetSharedMemConfig",
            "hipDeviceGetSharedMemConfig",
            "hipDeviceSetSharedMemConfig",
            "hipDeviceSetGraphMemAttribute",
            "hipFuncSetAttribute",
            "hipFuncSetSharedMemConfig",
            "hipGraphKernelNodeCopyAttributes",
            "hipGraphKernelNodeSetAttribute",
            "hipPointerSetAttribute",
            "hipStreamCopyAttributes",
            "hipStreamSetAttribute",
        ],
    ),
    (
        Why::View,
        &[
            "hipBindTextureToArray",
            "hipBindTextureToMipmappedArray",
            "hipGraphicsGLRegisterBuffer",
            "hipGraphicsGLRegisterImage",
            "hipGraphicsResourceGetMappedPointer",
            "hipGraphicsSubResourceGetMappedArray",
            "hipGraphicsUnregisterResource",
        ],
    ),
    // Trims the graphs' own pool: nothing of the program's is in it.
    (Why::Other, &["hipDeviceGraphMemTrim"]),
    (
        Why::Other,
        &[
            "hipDestroyExternalSemaphore",
            "hipImportExternalSemaphore",
            "hipSignalExternalSemaphoresAsync",
            "hipWaitExternalSemaphoresAsync",
            "hipGraphAddHostNode",
            "hipLaunchHostFunc",
            "hipLaunchHostFunc_spt",
            // Events without flags always release to the system.
            "hipEventCreate",
            // Waits and writes of a batch or graph are launched, not made here.
            "hipStreamBatchMemOp",
            "hipGraphAddBatchMemOpNode",
            "hipGraphBatchMemOpNodeSetParams",
            "hipGraphExecBatchMemOpNodeSetParams",
        ],
    ),
    (
        Why::Image,
        &[
            "__hipRegisterFatBinary",
            "__hipRegisterFunction",
            "__hipRegisterManagedVar",
            "__hipRegisterSurface",
            "__hipRegisterTexture",
            "__hipRegisterVar",
            "__hipUnregisterFatBinary",
        ],
    ),
    (Why::Observer, &["hipRegisterActivityCallback", "hipRegisterApiCallback", "hipRegisterTracerCallback"]),
];
