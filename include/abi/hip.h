/* The HIP declarations that the hooks of the shim core need, written from the API's documentation; input of bindgen.
 *
 * Nothing here is HIP's own header: only numbers and prototypes, which are facts of the ABI (x86-64 System V). With RMCP_ABI_CHECK defined, include it
 * after <hip/hip_runtime_api.h>: then the constants become static assertions and the prototypes redeclarations, which a C compiler
 * accepts only if they are compatible. */
#ifndef RMCP_ABI_HIP_H
#define RMCP_ABI_HIP_H

#include <stddef.h>
#include <stdint.h>

#define RMCP_HIP_CONSTANTS(X)                                                                                                  \
    X(hipSuccess, 0)                                                                                                           \
    X(hipErrorInvalidValue, 1)                                                                                                 \
    X(hipErrorOutOfMemory, 2)                                                                                                  \
    X(hipErrorNotInitialized, 3)                                                                                               \
    X(hipErrorNoDevice, 100)                                                                                                   \
    X(hipErrorSharedObjectInitFailed, 303)

#define RMCP_HIP_NUMBERS(X)                                                                                                    \
    X(hipStreamCaptureStatusNone, 0)                                                                                           \
    X(hipStreamCaptureModeRelaxed, 2)                                                                                          \
    X(hipMemRangeAttributeCoherencyMode, 100)                                                                                  \
    X(hipMemRangeCoherencyModeFineGrain, 0)                                                                                    \
    X(HIP_POINTER_ATTRIBUTE_ACCESS_FLAGS, 16)                                                                                  \
    X(hipDeviceAttributeConcurrentManagedAccess, 9)                                                                            \
    X(hipMemAdviseSetCoarseGrain, 100)                                                                                         \
    X(hipMemAttachGlobal, 1)                                                                                                   \
    X(hipMemPoolAttrReservedMemCurrent, 5)                                                                                     \
    X(hipMemPoolAttrReservedMemHigh, 6)                                                                                        \
    X(hipMemPoolAttrUsedMemCurrent, 7)                                                                                         \
    X(hipMemPoolAttrUsedMemHigh, 8)

#ifdef RMCP_ABI_CHECK
#define RMCP_CONSTANT(name, value) _Static_assert((name) == (value), #name);
RMCP_HIP_CONSTANTS(RMCP_CONSTANT)
RMCP_HIP_NUMBERS(RMCP_CONSTANT)
#undef RMCP_CONSTANT
#define RMCP_FUNCTION(result, name, ...) extern result name(__VA_ARGS__);
#else
#define RMCP_CONSTANT(name, value) name = (value),
typedef enum hipError_t { RMCP_HIP_CONSTANTS(RMCP_CONSTANT) } hipError_t;
enum rmcp_hip_numbers { RMCP_HIP_NUMBERS(RMCP_CONSTANT) };
#undef RMCP_CONSTANT
#define RMCP_FUNCTION(result, name, ...) typedef result (*name)(__VA_ARGS__);
#endif

/* Types. Under RMCP_ABI_CHECK they are AMD's own, and what is read of a structure is compared with them. */
#ifndef RMCP_ABI_CHECK
typedef void *hipDeviceptr_t;
typedef struct ihipStream_t *hipStream_t;
typedef struct ihipEvent_t *hipEvent_t;
typedef struct ihipMemPoolHandle_t *hipMemPool_t;
typedef struct ihipMemGenericAllocationHandle *hipMemGenericAllocationHandle_t;
typedef struct hipArray *hipArray_t;
typedef struct hipMipmappedArray *hipMipmappedArray_t;
typedef struct ihipGraph *hipGraph_t;
typedef struct hipGraphNode *hipGraphNode_t;
typedef void *hipExternalMemory_t;
typedef unsigned int hipMemoryAdvise;
typedef unsigned int hipMemPoolAttr;
typedef unsigned int hipMemAllocationHandleType;
typedef unsigned int hipMemRangeHandleType;
typedef unsigned int hipGraphMemAttributeType;
typedef unsigned int hipPointer_attribute;
typedef unsigned int hipMemRangeAttribute;
typedef unsigned int hipDeviceAttribute_t;
typedef unsigned int hipStreamCaptureStatus;
typedef unsigned int hipStreamCaptureMode;
typedef struct hipExternalMemoryMipmappedArrayDesc_st hipExternalMemoryMipmappedArrayDesc;
typedef struct hipArrayMapInfo hipArrayMapInfo;
typedef struct hipMemPoolPtrExportData hipMemPoolPtrExportData;
typedef struct hipMemAccessDesc hipMemAccessDesc;
typedef struct hipGraphNodeParams hipGraphNodeParams;
typedef union hipStreamBatchMemOpParams_union hipStreamBatchMemOpParams;

typedef struct hipExtent {
    size_t width, height, depth;
} hipExtent;
typedef struct hipPitchedPtr {
    void *ptr;
    size_t pitch, xsize, ysize;
} hipPitchedPtr;
typedef struct hipChannelFormatDesc {
    int x, y, z, w;
    unsigned int f;
} hipChannelFormatDesc;
typedef struct HIP_ARRAY_DESCRIPTOR {
    size_t Width, Height;
    unsigned int Format, NumChannels;
} HIP_ARRAY_DESCRIPTOR;
typedef struct HIP_ARRAY3D_DESCRIPTOR {
    size_t Width, Height, Depth;
    unsigned int Format, NumChannels, Flags;
} HIP_ARRAY3D_DESCRIPTOR;
typedef struct hipIpcMemHandle_t {
    char reserved[64];
} hipIpcMemHandle_t;
typedef struct hipIpcEventHandle_t {
    char reserved[64];
} hipIpcEventHandle_t;
typedef struct hipMemLocation {
    unsigned int type;
    int id;
} hipMemLocation;
/* What follows `location` has changed and is never read. */
typedef struct hipMemPoolProps {
    unsigned int allocType, handleTypes;
    hipMemLocation location;
    unsigned char rest[72];
} hipMemPoolProps;
/* The beginning, as of 5.7; in 5.2 the structure is another one. */
typedef struct hipMemAllocationProp {
    unsigned int type, requestedHandleType;
    hipMemLocation location;
} hipMemAllocationProp;
typedef struct hipMemAllocNodeParams {
    hipMemPoolProps poolProps;
    const hipMemAccessDesc *accessDescs;
    size_t accessDescCount, bytesize;
    void *dptr;
} hipMemAllocNodeParams;
/* The beginning. */
typedef struct hipExternalMemoryHandleDesc {
    unsigned int type;
    void *handle[2];
    unsigned long long size;
} hipExternalMemoryHandleDesc;
typedef struct hipExternalMemoryBufferDesc {
    unsigned long long offset, size;
    unsigned int flags;
} hipExternalMemoryBufferDesc;
/* The first member is called memoryType up to HIP 5. */
typedef struct hipPointerAttribute_t {
    unsigned int type;
    int device;
    void *devicePointer, *hostPointer;
    int isManaged;
    unsigned int allocationFlags;
} hipPointerAttribute_t;
#else
#define RMCP_FIELD(type, field, offset) _Static_assert(offsetof(type, field) == (offset), #type "." #field);
#define RMCP_SIZE(type, size) _Static_assert(sizeof(type) == (size), #type);
RMCP_SIZE(hipDeviceptr_t, 8)
RMCP_SIZE(hipMemoryAdvise, 4)
RMCP_SIZE(hipMemPoolAttr, 4)
RMCP_SIZE(hipMemAllocationHandleType, 4)
RMCP_SIZE(hipPointer_attribute, 4)
RMCP_SIZE(hipMemRangeAttribute, 4)
RMCP_SIZE(hipDeviceAttribute_t, 4)
RMCP_SIZE(hipStreamCaptureStatus, 4)
RMCP_SIZE(hipExtent, 24)
RMCP_FIELD(hipExtent, height, 8)
RMCP_FIELD(hipExtent, depth, 16)
RMCP_FIELD(hipPitchedPtr, ptr, 0)
RMCP_FIELD(hipPitchedPtr, pitch, 8)
RMCP_FIELD(hipChannelFormatDesc, w, 12)
RMCP_FIELD(HIP_ARRAY_DESCRIPTOR, Height, 8)
RMCP_FIELD(HIP_ARRAY_DESCRIPTOR, Format, 16)
RMCP_FIELD(HIP_ARRAY_DESCRIPTOR, NumChannels, 20)
RMCP_FIELD(HIP_ARRAY3D_DESCRIPTOR, Depth, 16)
RMCP_FIELD(HIP_ARRAY3D_DESCRIPTOR, Format, 24)
RMCP_FIELD(HIP_ARRAY3D_DESCRIPTOR, NumChannels, 28)
RMCP_FIELD(HIP_ARRAY3D_DESCRIPTOR, Flags, 32)
RMCP_SIZE(hipIpcMemHandle_t, 64)
RMCP_SIZE(hipIpcEventHandle_t, 64)
RMCP_SIZE(hipMemLocation, 8)
RMCP_FIELD(hipMemLocation, id, 4)
RMCP_SIZE(hipMemPoolProps, 88)
RMCP_FIELD(hipMemPoolProps, allocType, 0)
RMCP_FIELD(hipMemPoolProps, location, 8)
#if HIP_VERSION >= 50700000
RMCP_FIELD(hipMemAllocationProp, type, 0)
RMCP_FIELD(hipMemAllocationProp, location, 8)
RMCP_FIELD(hipMemAllocNodeParams, bytesize, 104)
RMCP_FIELD(hipMemAllocNodeParams, dptr, 112)
#endif
RMCP_FIELD(hipExternalMemoryHandleDesc, type, 0)
RMCP_FIELD(hipExternalMemoryHandleDesc, size, 24)
RMCP_FIELD(hipExternalMemoryBufferDesc, offset, 0)
RMCP_FIELD(hipExternalMemoryBufferDesc, size, 8)
RMCP_FIELD(hipPointerAttribute_t, allocationFlags, 28)
#undef RMCP_FIELD
#undef RMCP_SIZE
#endif

/* Host allocations, and their frees. */
RMCP_FUNCTION(hipError_t, hipHostMalloc, void **ptr, size_t size, unsigned int flags)
RMCP_FUNCTION(hipError_t, hipHostAlloc, void **ptr, size_t size, unsigned int flags)
RMCP_FUNCTION(hipError_t, hipMemAllocHost, void **ptr, size_t size)
RMCP_FUNCTION(hipError_t, hipMallocHost, void **ptr, size_t size)
RMCP_FUNCTION(hipError_t, hipHostRegister, void *hostPtr, size_t sizeBytes, unsigned int flags)
RMCP_FUNCTION(hipError_t, hipHostFree, void *ptr)
RMCP_FUNCTION(hipError_t, hipFreeHost, void *ptr)
RMCP_FUNCTION(hipError_t, hipHostUnregister, void *hostPtr)
RMCP_FUNCTION(hipError_t, hipFree, void *ptr)

/* Device memory. */
RMCP_FUNCTION(hipError_t, hipMalloc, void **ptr, size_t size)
RMCP_FUNCTION(hipError_t, hipExtMallocWithFlags, void **ptr, size_t sizeBytes, unsigned int flags)
RMCP_FUNCTION(hipError_t, hipMallocPitch, void **ptr, size_t *pitch, size_t width, size_t height)
RMCP_FUNCTION(hipError_t, hipMemAllocPitch, hipDeviceptr_t *dptr, size_t *pitch, size_t widthInBytes, size_t height, unsigned int elementSizeBytes)
RMCP_FUNCTION(hipError_t, hipMalloc3D, hipPitchedPtr *pitchedDevPtr, hipExtent extent)

/* Arrays. */
RMCP_FUNCTION(hipError_t, hipMallocArray, hipArray_t *array, const hipChannelFormatDesc *desc, size_t width, size_t height, unsigned int flags)
RMCP_FUNCTION(hipError_t, hipMalloc3DArray, hipArray_t *array, const hipChannelFormatDesc *desc, hipExtent extent, unsigned int flags)
RMCP_FUNCTION(hipError_t, hipArrayCreate, hipArray_t *pHandle, const HIP_ARRAY_DESCRIPTOR *pAllocateArray)
RMCP_FUNCTION(hipError_t, hipArray3DCreate, hipArray_t *array, const HIP_ARRAY3D_DESCRIPTOR *pAllocateArray)
RMCP_FUNCTION(hipError_t, hipMallocMipmappedArray, hipMipmappedArray_t *mipmappedArray, const hipChannelFormatDesc *desc, hipExtent extent, unsigned int numLevels, unsigned int flags)
RMCP_FUNCTION(hipError_t, hipMipmappedArrayCreate, hipMipmappedArray_t *pHandle, HIP_ARRAY3D_DESCRIPTOR *pMipmappedArrayDesc, unsigned int numMipmapLevels)
RMCP_FUNCTION(hipError_t, hipFreeArray, hipArray_t array)
RMCP_FUNCTION(hipError_t, hipArrayDestroy, hipArray_t array)
RMCP_FUNCTION(hipError_t, hipFreeMipmappedArray, hipMipmappedArray_t mipmappedArray)
RMCP_FUNCTION(hipError_t, hipMipmappedArrayDestroy, hipMipmappedArray_t hMipmappedArray)

/* Managed memory, and advice. */
RMCP_FUNCTION(hipError_t, hipMallocManaged, void **dev_ptr, size_t size, unsigned int flags)
RMCP_FUNCTION(hipError_t, hipMemAdvise, const void *dev_ptr, size_t count, hipMemoryAdvise advice, int device)
RMCP_FUNCTION(hipError_t, hipMemPrefetchAsync, const void *dev_ptr, size_t count, int device, hipStream_t stream)
RMCP_FUNCTION(hipError_t, hipStreamAttachMemAsync, hipStream_t stream, void *dev_ptr, size_t length, unsigned int flags)

/* Stream-ordered memory and its pools. */
RMCP_FUNCTION(hipError_t, hipMallocAsync, void **dev_ptr, size_t size, hipStream_t stream)
RMCP_FUNCTION(hipError_t, hipMallocFromPoolAsync, void **dev_ptr, size_t size, hipMemPool_t mem_pool, hipStream_t stream)
RMCP_FUNCTION(hipError_t, hipFreeAsync, void *dev_ptr, hipStream_t stream)
RMCP_FUNCTION(hipError_t, hipMemPoolCreate, hipMemPool_t *mem_pool, const hipMemPoolProps *pool_props)
RMCP_FUNCTION(hipError_t, hipMemPoolDestroy, hipMemPool_t mem_pool)
RMCP_FUNCTION(hipError_t, hipMemPoolSetAttribute, hipMemPool_t mem_pool, hipMemPoolAttr attr, void *value)
RMCP_FUNCTION(hipError_t, hipMemPoolGetAttribute, hipMemPool_t mem_pool, hipMemPoolAttr attr, void *value)
RMCP_FUNCTION(hipError_t, hipMemPoolSetAccess, hipMemPool_t mem_pool, const hipMemAccessDesc *desc_list, size_t count)
RMCP_FUNCTION(hipError_t, hipMemPoolTrimTo, hipMemPool_t mem_pool, size_t min_bytes_to_hold)
RMCP_FUNCTION(hipError_t, hipMemPoolExportPointer, hipMemPoolPtrExportData *export_data, void *dev_ptr)
RMCP_FUNCTION(hipError_t, hipMemPoolImportPointer, void **dev_ptr, hipMemPool_t mem_pool, hipMemPoolPtrExportData *export_data)
RMCP_FUNCTION(hipError_t, hipMemPoolExportToShareableHandle, void *shared_handle, hipMemPool_t mem_pool, hipMemAllocationHandleType handle_type, unsigned int flags)
RMCP_FUNCTION(hipError_t, hipMemPoolImportFromShareableHandle, hipMemPool_t *mem_pool, void *shared_handle, hipMemAllocationHandleType handle_type, unsigned int flags)
RMCP_FUNCTION(hipError_t, hipDeviceSetMemPool, int device, hipMemPool_t mem_pool)

/* Addresses and physical memory. */
RMCP_FUNCTION(hipError_t, hipMemAddressReserve, void **ptr, size_t size, size_t alignment, void *addr, unsigned long long flags)
RMCP_FUNCTION(hipError_t, hipMemAddressFree, void *devPtr, size_t size)
RMCP_FUNCTION(hipError_t, hipMemCreate, hipMemGenericAllocationHandle_t *handle, size_t size, const hipMemAllocationProp *prop, unsigned long long flags)
RMCP_FUNCTION(hipError_t, hipMemRelease, hipMemGenericAllocationHandle_t handle)
RMCP_FUNCTION(hipError_t, hipMemMap, void *ptr, size_t size, size_t offset, hipMemGenericAllocationHandle_t handle, unsigned long long flags)
RMCP_FUNCTION(hipError_t, hipMemUnmap, void *ptr, size_t size)
RMCP_FUNCTION(hipError_t, hipMemSetAccess, void *ptr, size_t size, const hipMemAccessDesc *desc, size_t count)
RMCP_FUNCTION(hipError_t, hipMemMapArrayAsync, hipArrayMapInfo *mapInfoList, unsigned int count, hipStream_t stream)
RMCP_FUNCTION(hipError_t, hipMemRetainAllocationHandle, hipMemGenericAllocationHandle_t *handle, void *addr)
RMCP_FUNCTION(hipError_t, hipMemExportToShareableHandle, void *shareableHandle, hipMemGenericAllocationHandle_t handle, hipMemAllocationHandleType handleType, unsigned long long flags)
RMCP_FUNCTION(hipError_t, hipMemImportFromShareableHandle, hipMemGenericAllocationHandle_t *handle, void *osHandle, hipMemAllocationHandleType shHandleType)

/* Memory of other processes and APIs. */
RMCP_FUNCTION(hipError_t, hipIpcGetMemHandle, hipIpcMemHandle_t *handle, void *devPtr)
RMCP_FUNCTION(hipError_t, hipIpcOpenMemHandle, void **devPtr, hipIpcMemHandle_t handle, unsigned int flags)
RMCP_FUNCTION(hipError_t, hipIpcCloseMemHandle, void *devPtr)
RMCP_FUNCTION(hipError_t, hipIpcGetEventHandle, hipIpcEventHandle_t *handle, hipEvent_t event)
RMCP_FUNCTION(hipError_t, hipIpcOpenEventHandle, hipEvent_t *event, hipIpcEventHandle_t handle)
RMCP_FUNCTION(hipError_t, hipImportExternalMemory, hipExternalMemory_t *extMem_out, const hipExternalMemoryHandleDesc *memHandleDesc)
RMCP_FUNCTION(hipError_t, hipExternalMemoryGetMappedBuffer, void **devPtr, hipExternalMemory_t extMem, const hipExternalMemoryBufferDesc *bufferDesc)
RMCP_FUNCTION(hipError_t, hipDestroyExternalMemory, hipExternalMemory_t extMem)

/* What depends on how memory behaves. */
RMCP_FUNCTION(hipError_t, hipEventCreateWithFlags, hipEvent_t *event, unsigned int flags)
RMCP_FUNCTION(hipError_t, hipStreamWaitValue32, hipStream_t stream, void *ptr, uint32_t value, unsigned int flags, uint32_t mask)
RMCP_FUNCTION(hipError_t, hipStreamWaitValue64, hipStream_t stream, void *ptr, uint64_t value, unsigned int flags, uint64_t mask)
RMCP_FUNCTION(hipError_t, hipStreamWriteValue32, hipStream_t stream, void *ptr, uint32_t value, unsigned int flags)
RMCP_FUNCTION(hipError_t, hipStreamWriteValue64, hipStream_t stream, void *ptr, uint64_t value, unsigned int flags)

/* Attributes. */
RMCP_FUNCTION(hipError_t, hipHostGetFlags, unsigned int *flagsPtr, void *hostPtr)
RMCP_FUNCTION(hipError_t, hipPointerGetAttributes, hipPointerAttribute_t *attributes, const void *ptr)
RMCP_FUNCTION(hipError_t, hipPointerGetAttribute, void *data, hipPointer_attribute attribute, hipDeviceptr_t ptr)
RMCP_FUNCTION(hipError_t, hipDrvPointerGetAttributes, unsigned int numAttributes, hipPointer_attribute *attributes, void **data, hipDeviceptr_t ptr)
RMCP_FUNCTION(hipError_t, hipMemRangeGetAttribute, void *data, size_t data_size, hipMemRangeAttribute attribute, const void *dev_ptr, size_t count)
RMCP_FUNCTION(hipError_t, hipMemRangeGetAttributes, void **data, size_t *data_sizes, hipMemRangeAttribute *attributes, size_t num_attributes, const void *dev_ptr, size_t count)
RMCP_FUNCTION(hipError_t, hipDeviceGetAttribute, int *pi, hipDeviceAttribute_t attr, int deviceId)

/* What the hooks ask. */
RMCP_FUNCTION(hipError_t, hipGetDeviceCount, int *count)
RMCP_FUNCTION(hipError_t, hipGetDevice, int *deviceId)
RMCP_FUNCTION(hipError_t, hipDeviceGetPCIBusId, char *pciBusId, int len, int device)
RMCP_FUNCTION(hipError_t, hipRuntimeGetVersion, int *runtimeVersion)
RMCP_FUNCTION(hipError_t, hipStreamIsCapturing, hipStream_t stream, hipStreamCaptureStatus *pCaptureStatus)
RMCP_FUNCTION(hipError_t, hipStreamSynchronize, hipStream_t stream)
RMCP_FUNCTION(hipError_t, hipThreadExchangeStreamCaptureMode, hipStreamCaptureMode *mode)
RMCP_FUNCTION(hipError_t, hipDeviceGetMemPool, hipMemPool_t *mem_pool, int device)
RMCP_FUNCTION(int, hipGetStreamDeviceId, hipStream_t stream)

/* Since 5.7 (hipGraphAddMem*Node), 6 and 7; what an older header does not declare is declared here alone. */
#if !defined(RMCP_ABI_CHECK) || HIP_VERSION >= 50700000
RMCP_FUNCTION(hipError_t, hipGraphAddMemAllocNode, hipGraphNode_t *pGraphNode, hipGraph_t graph, const hipGraphNode_t *pDependencies, size_t numDependencies, hipMemAllocNodeParams *pNodeParams)
RMCP_FUNCTION(hipError_t, hipGraphAddMemFreeNode, hipGraphNode_t *pGraphNode, hipGraph_t graph, const hipGraphNode_t *pDependencies, size_t numDependencies, void *dev_ptr)
#endif
#if !defined(RMCP_ABI_CHECK) || HIP_VERSION >= 60400000
RMCP_FUNCTION(hipError_t, hipDrvGraphAddMemFreeNode, hipGraphNode_t *phGraphNode, hipGraph_t hGraph, const hipGraphNode_t *dependencies, size_t numDependencies, hipDeviceptr_t dptr)
RMCP_FUNCTION(hipError_t, hipExternalMemoryGetMappedMipmappedArray, hipMipmappedArray_t *mipmap, hipExternalMemory_t extMem, const hipExternalMemoryMipmappedArrayDesc *mipmapDesc)
#endif
#if !defined(RMCP_ABI_CHECK) || HIP_VERSION >= 70200000
RMCP_FUNCTION(hipError_t, hipMemAdvise_v2, const void *dev_ptr, size_t count, hipMemoryAdvise advice, hipMemLocation location)
RMCP_FUNCTION(hipError_t, hipMemPrefetchAsync_v2, const void *dev_ptr, size_t count, hipMemLocation location, unsigned int flags, hipStream_t stream)
RMCP_FUNCTION(hipError_t, hipMemGetHandleForAddressRange, void *handle, hipDeviceptr_t dptr, size_t size, hipMemRangeHandleType handleType, unsigned long long flags)
#endif

/* Functions that hand out functions. The last argument points to an enumeration that is never read here. */
#ifndef RMCP_ABI_CHECK
RMCP_FUNCTION(hipError_t, hipGetProcAddress_spt, const char *symbol, void **pfn, int hipVersion, uint64_t flags, void *symbolStatus)
RMCP_FUNCTION(hipError_t, hipGetDriverEntryPoint_spt, const char *symbol, void **funcPtr, unsigned long long flags, void *driverStatus)
typedef void hipDriverProcAddressQueryResult;
typedef void hipDriverEntryPointQueryResult;
#endif
#if !defined(RMCP_ABI_CHECK) || HIP_VERSION >= 60200000
RMCP_FUNCTION(hipError_t, hipGetProcAddress, const char *symbol, void **pfn, int hipVersion, uint64_t flags, hipDriverProcAddressQueryResult *symbolStatus)
#endif
#if !defined(RMCP_ABI_CHECK) || HIP_VERSION >= 70100000
RMCP_FUNCTION(hipError_t, hipGetDriverEntryPoint, const char *symbol, void **funcPtr, unsigned long long flags, hipDriverEntryPointQueryResult *driverStatus)
#endif

#undef RMCP_FUNCTION
#endif
