//! The functions of libamdhip64 that the core hooks or calls. See [`crate::hooks`] for the words it is written in.

macro_rules! hip_list {
    ($then:ident $($state:tt)*) => { $then! { $($state)* hip {
        hooked {
            // Host memory.
            hipHostMalloc(ptr: *mut *mut c_void, size: usize, flags: c_uint) = Allocate special {}
            hipHostAlloc(ptr: *mut *mut c_void, size: usize, flags: c_uint) = Allocate special {}
            hipMemAllocHost(ptr: *mut *mut c_void, size: usize) = Allocate special {}
            hipMallocHost(ptr: *mut *mut c_void, size: usize) = Allocate { out ptr; size size; }
            hipHostRegister(host_ptr: *mut c_void, size: usize, flags: c_uint) = Pin special {}
            hipHostUnregister(host_ptr: *mut c_void) = Unpin { at host_ptr; }
            hipHostFree(ptr: *mut c_void) = Free { at ptr; }
            hipFreeHost(ptr: *mut c_void) = Free { at ptr; }

            // Device memory.
            hipMalloc(ptr: *mut *mut c_void, size: usize) = Allocate { out ptr; size size; }
            hipExtMallocWithFlags(ptr: *mut *mut c_void, size: usize, flags: c_uint) = Allocate special {}
            hipMallocPitch(ptr: *mut *mut c_void, pitch: *mut usize, width: usize, height: usize)
                = Allocate { out ptr; sized read(pitch) * height; with width, height, pitch = read(pitch); }
            hipMemAllocPitch(dptr: *mut *mut c_void, pitch: *mut usize, width_in_bytes: usize, height: usize, element_size_bytes: c_uint)
                = Allocate { out dptr; sized read(pitch) * height; with width_in_bytes, height, element_size_bytes, pitch = read(pitch); }
            hipMalloc3D(pitched_dev_ptr: *mut hipPitchedPtr, extent: hipExtent)
                = Allocate {
                    found read(pitched_dev_ptr).ptr;
                    sized read(pitched_dev_ptr).pitch * extent.height * extent.depth;
                    with width = extent.width, height = extent.height, depth = extent.depth, pitch = read(pitched_dev_ptr).pitch;
                }
            hipFree(ptr: *mut c_void) = Free { at ptr; via malloc_async::free; }

            // Arrays: what is recorded as the address is the array's handle, and the size is that of its elements without padding.
            hipMallocArray(array: *mut hipArray_t, desc: *const hipChannelFormatDesc, width: usize, height: usize, flags: c_uint)
                = Allocate { out array; sized array_bytes(bytes_of(read(desc)), [width, height, 0]); flags flags; with width, height; }
            hipMalloc3DArray(array: *mut hipArray_t, desc: *const hipChannelFormatDesc, extent: hipExtent, flags: c_uint)
                = Allocate {
                    out array;
                    sized array_bytes(bytes_of(read(desc)), [extent.width, extent.height, extent.depth]);
                    flags flags;
                    with width = extent.width, height = extent.height, depth = extent.depth;
                }
            hipArrayCreate(array: *mut hipArray_t, desc: *const HIP_ARRAY_DESCRIPTOR)
                = Allocate {
                    out array;
                    sized array_bytes(element_bytes(read(desc).Format, read(desc).NumChannels), [read(desc).Width, read(desc).Height, 0]);
                    with width = read(desc).Width, height = read(desc).Height, format = read(desc).Format, channels = read(desc).NumChannels;
                }
            hipArray3DCreate(array: *mut hipArray_t, desc: *const HIP_ARRAY3D_DESCRIPTOR)
                = Allocate {
                    out array;
                    sized array_bytes(
                        element_bytes(read(desc).Format, read(desc).NumChannels),
                        [read(desc).Width, read(desc).Height, read(desc).Depth],
                    );
                    with width = read(desc).Width, height = read(desc).Height, depth = read(desc).Depth, array_flags = read(desc).Flags;
                }
            hipMallocMipmappedArray(
                array: *mut hipMipmappedArray_t, desc: *const hipChannelFormatDesc, extent: hipExtent, levels: c_uint, flags: c_uint
            )
                = Allocate {
                    out array;
                    sized mipmap_bytes(bytes_of(read(desc)), [extent.width, extent.height, extent.depth], levels);
                    flags flags;
                    with width = extent.width, height = extent.height, depth = extent.depth, levels;
                }
            hipMipmappedArrayCreate(array: *mut hipMipmappedArray_t, desc: *mut HIP_ARRAY3D_DESCRIPTOR, levels: c_uint)
                = Allocate {
                    out array;
                    sized mipmap_bytes(
                        element_bytes(read(desc).Format, read(desc).NumChannels),
                        [read(desc).Width, read(desc).Height, read(desc).Depth],
                        levels,
                    );
                    with width = read(desc).Width, height = read(desc).Height, depth = read(desc).Depth, levels;
                }
            hipFreeArray(array: hipArray_t) = Free { at array; }
            hipArrayDestroy(array: hipArray_t) = Free { at array; }
            hipFreeMipmappedArray(array: hipMipmappedArray_t) = Free { at array; }
            hipMipmappedArrayDestroy(array: hipMipmappedArray_t) = Free { at array; }

            // Managed memory, and advice.
            hipMallocManaged(dev_ptr: *mut *mut c_void, size: usize, flags: c_uint) = Allocate special {}
            hipMemAdvise(dev_ptr: *const c_void, count: usize, advice: hipMemoryAdvise, device: c_int)
                = Advise { at dev_ptr; size count; with advice, device; }
            hipMemAdvise_v2(dev_ptr: *const c_void, count: usize, advice: hipMemoryAdvise, location: hipMemLocation)
                = Advise { at dev_ptr; size count; with advice, location_type = location.type_, location = location.id; }
            hipMemPrefetchAsync(dev_ptr: *const c_void, count: usize, device: c_int, stream: hipStream_t)
                = Advise { at dev_ptr; size count; with device, stream; }
            hipMemPrefetchAsync_v2(dev_ptr: *const c_void, count: usize, location: hipMemLocation, flags: c_uint, stream: hipStream_t)
                = Advise { at dev_ptr; size count; flags flags; with location_type = location.type_, location = location.id, stream; }
            hipStreamAttachMemAsync(stream: hipStream_t, dev_ptr: *mut c_void, length: usize, flags: c_uint)
                = Advise { at dev_ptr; size length; flags flags; with stream; }

            // Stream-ordered memory and its pools.
            hipMallocAsync(dev_ptr: *mut *mut c_void, size: usize, stream: hipStream_t)
                = Allocate { out dev_ptr; size size; with stream; via malloc_async::malloc; }
            hipMallocFromPoolAsync(dev_ptr: *mut *mut c_void, size: usize, pool: hipMemPool_t, stream: hipStream_t)
                = Allocate { out dev_ptr; size size; with pool, stream; via malloc_async::malloc_from_pool; }
            hipFreeAsync(dev_ptr: *mut c_void, stream: hipStream_t) = Free { at dev_ptr; with stream; via malloc_async::free_async; }
            hipMemPoolCreate(pool: *mut hipMemPool_t, props: *const hipMemPoolProps)
                = Other {
                    out pool;
                    with allocation_type = read(props).allocType, location_type = read(props).location.type_, location = read(props).location.id;
                    via malloc_async::pool_create;
                }
            hipMemPoolDestroy(pool: hipMemPool_t) = Other { at pool; via malloc_async::pool_destroy; }
            hipMemPoolSetAttribute(pool: hipMemPool_t, attribute: hipMemPoolAttr, value: *mut c_void)
                = Other { at pool; with attribute, value = pool_attribute(attribute, value); via malloc_async::pool_set_attribute; }
            hipMemPoolGetAttribute(pool: hipMemPool_t, attribute: hipMemPoolAttr, value: *mut c_void)
                = Other { at pool; with attribute, value = pool_attribute(attribute, value); via malloc_async::pool_get_attribute; }
            hipMemPoolSetAccess(pool: hipMemPool_t, descriptors: *const hipMemAccessDesc, count: usize)
                = Other { at pool; with count; via malloc_async::pool_set_access; }
            hipMemPoolTrimTo(pool: hipMemPool_t, min_bytes_to_hold: usize) = Other { at pool; with min_bytes_to_hold; }
            hipDeviceSetMemPool(device: c_int, pool: hipMemPool_t) = Other { at pool; with device; }
            hipMemPoolExportPointer(data: *mut hipMemPoolPtrExportData, dev_ptr: *mut c_void) = Export { at dev_ptr; }
            hipMemPoolImportPointer(dev_ptr: *mut *mut c_void, pool: hipMemPool_t, data: *mut hipMemPoolPtrExportData)
                = Import { out dev_ptr; is "device, pool"; with pool; }
            hipMemPoolExportToShareableHandle(handle: *mut c_void, pool: hipMemPool_t, handle_type: hipMemAllocationHandleType, flags: c_uint)
                = Export { at pool; flags flags; with handle_type; }
            hipMemPoolImportFromShareableHandle(
                pool: *mut hipMemPool_t, handle: *mut c_void, handle_type: hipMemAllocationHandleType, flags: c_uint
            )
                = Import { out pool; flags flags; with handle_type; }
            hipGraphAddMemAllocNode(
                node: *mut hipGraphNode_t, graph: hipGraph_t, dependencies: *const hipGraphNode_t, count: usize, params: *mut hipMemAllocNodeParams
            )
                = Reserve { found read(params).dptr; sized read(params).bytesize; is "device, graph"; with graph, node = read(node); }
            hipGraphAddMemFreeNode(
                node: *mut hipGraphNode_t, graph: hipGraph_t, dependencies: *const hipGraphNode_t, count: usize, dev_ptr: *mut c_void
            )
                = Other { at dev_ptr; with graph, node = read(node); }
            hipDrvGraphAddMemFreeNode(
                node: *mut hipGraphNode_t, graph: hipGraph_t, dependencies: *const hipGraphNode_t, count: usize, dev_ptr: *mut c_void
            )
                = Other { at dev_ptr; with graph, node = read(node); }

            // Addresses and physical memory.
            hipMemAddressReserve(ptr: *mut *mut c_void, size: usize, alignment: usize, addr: *mut c_void, flags: c_ulonglong)
                = Reserve { out ptr; size size; flags flags as u32; with alignment, addr; }
            hipMemAddressFree(dev_ptr: *mut c_void, size: usize) = Unreserve { at dev_ptr; size size; }
            // The properties are recorded where their layout is known: HIP 5.2 and 5.7 differ, and have the same SONAME.
            hipMemCreate(handle: *mut hipMemGenericAllocationHandle_t, size: usize, prop: *const hipMemAllocationProp, flags: c_ulonglong)
                = Create {
                    out handle;
                    size size;
                    with flags, [major >= 6] allocation_type = read(prop).type_, [major >= 6] location_type = read(prop).location.type_,
                        [major >= 6] location = read(prop).location.id;
                }
            hipMemRelease(handle: hipMemGenericAllocationHandle_t) = Release { at handle; }
            hipMemMap(ptr: *mut c_void, size: usize, offset: usize, handle: hipMemGenericAllocationHandle_t, flags: c_ulonglong)
                = Map { at ptr; size size; flags flags as u32; with offset, handle; }
            hipMemUnmap(ptr: *mut c_void, size: usize) = Unmap { at ptr; size size; }
            hipMemSetAccess(ptr: *mut c_void, size: usize, descriptors: *const hipMemAccessDesc, count: usize)
                = Advise { at ptr; size size; with count; }
            hipMemMapArrayAsync(list: *mut hipArrayMapInfo, count: c_uint, stream: hipStream_t) = Other { with count, stream; }
            hipMemRetainAllocationHandle(handle: *mut hipMemGenericAllocationHandle_t, addr: *mut c_void)
                = Create { out handle; with addr; }
            hipMemExportToShareableHandle(
                shareable: *mut c_void, handle: hipMemGenericAllocationHandle_t, handle_type: hipMemAllocationHandleType, flags: c_ulonglong
            )
                = Export { at handle; flags flags as u32; with handle_type; }
            hipMemImportFromShareableHandle(
                handle: *mut hipMemGenericAllocationHandle_t, shareable: *mut c_void, handle_type: hipMemAllocationHandleType
            )
                = Import { out handle; with handle_type; }
            hipMemGetHandleForAddressRange(
                handle: *mut c_void, dptr: *mut c_void, size: usize, handle_type: hipMemRangeHandleType, flags: c_ulonglong
            )
                = Export { at dptr; size size; flags flags as u32; with handle_type; }

            // Memory of other processes and APIs.
            hipIpcGetMemHandle(handle: *mut hipIpcMemHandle_t, dev_ptr: *mut c_void) = Export { at dev_ptr; }
            hipIpcOpenMemHandle(dev_ptr: *mut *mut c_void, handle: hipIpcMemHandle_t, flags: c_uint)
                = Import { out dev_ptr; flags flags; }
            hipIpcCloseMemHandle(dev_ptr: *mut c_void) = Close { at dev_ptr; }
            hipIpcGetEventHandle(handle: *mut hipIpcEventHandle_t, event: hipEvent_t) = Export { at event; }
            hipIpcOpenEventHandle(event: *mut hipEvent_t, handle: hipIpcEventHandle_t) = Import { out event; }
            hipImportExternalMemory(memory: *mut hipExternalMemory_t, desc: *const hipExternalMemoryHandleDesc)
                = Import { out memory; sized read(desc).size; with handle_type = read(desc).type_; }
            hipExternalMemoryGetMappedBuffer(dev_ptr: *mut *mut c_void, memory: hipExternalMemory_t, desc: *const hipExternalMemoryBufferDesc)
                = Map { out dev_ptr; sized read(desc).size; with memory, offset = read(desc).offset; }
            hipExternalMemoryGetMappedMipmappedArray(
                array: *mut hipMipmappedArray_t, memory: hipExternalMemory_t, desc: *const hipExternalMemoryMipmappedArrayDesc
            )
                = Map { out array; with memory; }
            hipDestroyExternalMemory(memory: hipExternalMemory_t) = Close { at memory; }

            // What depends on how memory behaves.
            hipEventCreateWithFlags(event: *mut hipEvent_t, flags: c_uint) = Other special {}
            hipStreamWaitValue32(stream: hipStream_t, ptr: *mut c_void, value: u32, flags: c_uint, mask: u32) = Other special {}
            hipStreamWaitValue64(stream: hipStream_t, ptr: *mut c_void, value: u64, flags: c_uint, mask: u64) = Other special {}
            hipStreamWriteValue32(stream: hipStream_t, ptr: *mut c_void, value: u32, flags: c_uint) = Other special {}
            hipStreamWriteValue64(stream: hipStream_t, ptr: *mut c_void, value: u64, flags: c_uint) = Other special {}

            // Attributes.
            hipHostGetFlags(flags: *mut c_uint, host_ptr: *mut c_void) = Other special {}
            hipPointerGetAttributes(attributes: *mut hipPointerAttribute_t, ptr: *const c_void) = Other special {}
            hipPointerGetAttribute(data: *mut c_void, attribute: hipPointer_attribute, ptr: *mut c_void) = Other special {}
            hipDrvPointerGetAttributes(number: c_uint, attributes: *mut hipPointer_attribute, data: *mut *mut c_void, ptr: *mut c_void)
                = Other special {}
            hipMemRangeGetAttribute(data: *mut c_void, data_size: usize, attribute: hipMemRangeAttribute, dev_ptr: *const c_void, count: usize)
                = Other special {}
            hipMemRangeGetAttributes(
                data: *mut *mut c_void, data_sizes: *mut usize, attributes: *mut hipMemRangeAttribute, number: usize, dev_ptr: *const c_void,
                count: usize
            )
                = Other special {}
            hipDeviceGetAttribute(value: *mut c_int, attribute: hipDeviceAttribute_t, device: c_int) = Other special {}

            // Functions that hand out functions.
            hipGetProcAddress(symbol: *const c_char, out: *mut *mut c_void, version: c_int, flags: u64, status: *mut c_void) = Other special {}
            hipGetProcAddress_spt(symbol: *const c_char, out: *mut *mut c_void, version: c_int, flags: u64, status: *mut c_void) = Other special {}
            hipGetDriverEntryPoint(symbol: *const c_char, out: *mut *mut c_void, flags: c_ulonglong, status: *mut c_void) = Other special {}
            hipGetDriverEntryPoint_spt(symbol: *const c_char, out: *mut *mut c_void, flags: c_ulonglong, status: *mut c_void) = Other special {}
        }
        called {
            hipGetDeviceCount
            hipGetDevice
            hipDeviceGetPCIBusId
            hipRuntimeGetVersion
            hipStreamIsCapturing
            hipStreamSynchronize
            hipThreadExchangeStreamCaptureMode
            hipDeviceGetMemPool
            hipGetStreamDeviceId
        }
    } } };
}
pub(crate) use hip_list;
