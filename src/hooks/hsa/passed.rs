//! Exports of libhsa-runtime64 whose names have to do with memory and that are passed through on purpose. Used by the test of [`crate::hooks::exports`] only.

use crate::hooks::exports::{Beginning, Names, Why};

pub const BEGINNINGS: &[Beginning] = &[
    (Why::Copy, "hsa_amd_memory_async_copy"),
    // Descriptors of images over memory that exists: the exports and imports are of code-object metadata.
    (Why::View, "hsa_ext_image_"),
];

pub const NAMES: &[Names] = &[
    (Why::Copy, &["hsa_memory_copy", "hsa_amd_memory_fill"]),
    (
        Why::Query,
        &[
            "hsa_agent_iterate_regions",
            "hsa_region_get_info",
            "hsa_amd_agent_iterate_memory_pools",
            "hsa_amd_agent_memory_pool_get_info",
            "hsa_amd_memory_copy_engine_status",
            "hsa_amd_memory_get_preferred_copy_engine",
            "hsa_amd_memory_pool_can_migrate",
            // Its answer is never changed: HIP classifies its pools by it and aborts on what it does not expect.
            "hsa_amd_memory_pool_get_info",
            "hsa_amd_pointer_info",
            "hsa_amd_signal_value_pointer",
            "hsa_amd_vmem_get_access",
            "hsa_amd_vmem_get_alloc_properties_from_handle",
        ],
    ),
    (
        Why::Setting,
        &[
            "hsa_amd_pointer_info_set_userdata",
            // Who may access memory of a region; a no-op on the GPUs that RMCP is for.
            "hsa_memory_assign_agent",
            // Not implemented in any release: an error.
            "hsa_amd_memory_migrate",
        ],
    ),
    (
        Why::Observer,
        &[
            "hsa_amd_deregister_deallocation_callback",
            "hsa_amd_register_deallocation_callback",
            "hsa_amd_register_system_event_handler",
        ],
    ),
    (
        Why::Other,
        &[
            // Signals are the runtime's own memory and always uncached.
            "hsa_amd_ipc_signal_attach",
            "hsa_amd_ipc_signal_create",
            // Closes a file descriptor; the memory stays.
            "hsa_amd_portable_close_dmabuf",
            "hsa_code_object_reader_create_from_memory",
            "hsa_executable_freeze",
        ],
    ),
];
