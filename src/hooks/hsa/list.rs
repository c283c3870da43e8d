//! The functions of libhsa-runtime64 that the core hooks or calls. See [`crate::hooks`] for the words it is written in.
//!
//! Signals and queues are memory too, but the runtime's own and always uncached: they are not hooked (`passed.rs`).

macro_rules! hsa_list {
    ($then:ident $($state:tt)*) => { $then! { $($state)* hsa {
        hooked {
            hsa_shut_down() = Other special {}

            // Memory of pools and regions.
            hsa_amd_memory_pool_allocate(memory_pool: hsa_amd_memory_pool_t, size: usize, flags: u32, ptr: *mut *mut c_void) = Allocate special {}
            hsa_amd_memory_pool_free(ptr: *mut c_void) = Free { at ptr; }
            hsa_memory_allocate(region: hsa_region_t, size: usize, ptr: *mut *mut c_void) = Allocate special {}
            hsa_memory_free(ptr: *mut c_void) = Free { at ptr; }
            hsa_amd_agents_allow_access(num_agents: u32, agents: *const hsa_agent_t, flags: *const u32, ptr: *const c_void)
                = Advise { at ptr; with num_agents; }

            // The program's own memory.
            hsa_amd_memory_lock(
                host_ptr: *mut c_void, size: usize, agents: *mut hsa_agent_t, num_agent: c_int, agent_ptr: *mut *mut c_void
            )
                = Pin special {}
            hsa_amd_memory_lock_to_pool(
                host_ptr: *mut c_void, size: usize, agents: *mut hsa_agent_t, num_agent: c_int, pool: hsa_amd_memory_pool_t, flags: u32,
                agent_ptr: *mut *mut c_void
            )
                = Pin special {}
            hsa_amd_memory_unlock(host_ptr: *mut c_void) = Unpin { at host_ptr; }
            hsa_memory_register(ptr: *mut c_void, size: usize) = Pin { at ptr; size size; }
            hsa_memory_deregister(ptr: *mut c_void, size: usize) = Unpin { at ptr; size size; }

            // Ranges of the kernel's SVM interface.
            hsa_amd_svm_attributes_set(
                ptr: *mut c_void, size: usize, attribute_list: *mut hsa_amd_svm_attribute_pair_t, attribute_count: usize
            )
                = Advise special {}
            hsa_amd_svm_attributes_get(
                ptr: *mut c_void, size: usize, attribute_list: *mut hsa_amd_svm_attribute_pair_t, attribute_count: usize
            )
                = Other { at ptr; size size; with attribute_count; }
            hsa_amd_svm_prefetch_async(
                ptr: *mut c_void, size: usize, agent: hsa_agent_t, num_dep_signals: u32, dep_signals: *const hsa_signal_t,
                completion_signal: hsa_signal_t
            )
                = Advise { at ptr; size size; with agent, completion_signal; }

            // Addresses and physical memory.
            hsa_amd_vmem_address_reserve(va: *mut *mut c_void, size: usize, address: u64, flags: u64)
                = Reserve { out va; size size; flags flags as u32; with address; }
            hsa_amd_vmem_address_reserve_align(va: *mut *mut c_void, size: usize, address: u64, alignment: u64, flags: u64)
                = Reserve { out va; size size; flags flags as u32; with address, alignment; }
            hsa_amd_vmem_address_free(va: *mut c_void, size: usize) = Unreserve { at va; size size; }
            hsa_amd_vmem_handle_create(
                pool: hsa_amd_memory_pool_t, size: usize, memory_type: hsa_amd_memory_type_t, flags: u64,
                memory_handle: *mut hsa_amd_vmem_alloc_handle_t
            )
                = Create special {}
            hsa_amd_vmem_handle_release(memory_handle: hsa_amd_vmem_alloc_handle_t) = Release { at memory_handle; }
            hsa_amd_vmem_retain_alloc_handle(memory_handle: *mut hsa_amd_vmem_alloc_handle_t, addr: *mut c_void)
                = Create { out memory_handle; with addr; }
            hsa_amd_vmem_map(va: *mut c_void, size: usize, in_offset: usize, memory_handle: hsa_amd_vmem_alloc_handle_t, flags: u64)
                = Map { at va; size size; flags flags as u32; with in_offset, memory_handle; }
            hsa_amd_vmem_unmap(va: *mut c_void, size: usize) = Unmap { at va; size size; }
            hsa_amd_vmem_set_access(va: *mut c_void, size: usize, desc: *const hsa_amd_memory_access_desc_t, desc_cnt: usize)
                = Advise { at va; size size; with desc_cnt; }
            hsa_amd_vmem_export_shareable_handle(dmabuf_fd: *mut c_int, handle: hsa_amd_vmem_alloc_handle_t, flags: u64)
                = Export { at handle; flags flags as u32; with dmabuf_fd = read(dmabuf_fd); }
            hsa_amd_vmem_import_shareable_handle(dmabuf_fd: c_int, handle: *mut hsa_amd_vmem_alloc_handle_t)
                = Import { out handle; with dmabuf_fd; }

            // Memory of other processes and APIs.
            hsa_amd_interop_map_buffer(
                num_agents: u32, agents: *mut hsa_agent_t, interop_handle: c_int, flags: u32, size: *mut usize, ptr: *mut *mut c_void,
                metadata_size: *mut usize, metadata: *mut *const c_void
            )
                = Import { out ptr; sized read(size); flags flags; with interop_handle; }
            hsa_amd_interop_unmap_buffer(ptr: *mut c_void) = Close { at ptr; }
            hsa_amd_ipc_memory_create(ptr: *mut c_void, len: usize, handle: *mut hsa_amd_ipc_memory_t) = Export { at ptr; size len; }
            hsa_amd_ipc_memory_attach(
                handle: *const hsa_amd_ipc_memory_t, len: usize, num_agents: u32, mapping_agents: *const hsa_agent_t, mapped_ptr: *mut *mut c_void
            )
                = Import { out mapped_ptr; size len; with num_agents; }
            hsa_amd_ipc_memory_detach(mapped_ptr: *mut c_void) = Close { at mapped_ptr; }
            hsa_amd_portable_export_dmabuf(ptr: *const c_void, size: usize, dmabuf: *mut c_int, offset: *mut u64)
                = Export { at ptr; size size; with dmabuf = read(dmabuf); }
            hsa_amd_portable_export_dmabuf_v2(ptr: *const c_void, size: usize, dmabuf: *mut c_int, offset: *mut u64, flags: u64)
                = Export { at ptr; size size; flags flags as u32; with dmabuf = read(dmabuf); }
        }
        called {
            hsa_iterate_agents
            hsa_agent_get_info
            hsa_agent_iterate_regions
            hsa_region_get_info
            hsa_amd_agent_iterate_memory_pools
            hsa_amd_memory_pool_get_info
        }
    } } };
}
pub(crate) use hsa_list;
