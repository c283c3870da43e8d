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

#ifdef RMCP_ABI_CHECK
#define RMCP_CONSTANT(name, value) _Static_assert((name) == (value), #name);
RMCP_HIP_CONSTANTS(RMCP_CONSTANT)
#undef RMCP_CONSTANT
#define RMCP_FUNCTION(result, name, ...) extern result name(__VA_ARGS__);
#else
#define RMCP_CONSTANT(name, value) name = (value),
typedef enum hipError_t { RMCP_HIP_CONSTANTS(RMCP_CONSTANT) } hipError_t;
#undef RMCP_CONSTANT
#define RMCP_FUNCTION(result, name, ...) typedef result (*name##_t)(__VA_ARGS__);
#endif

/* Host allocations and their frees. */
RMCP_FUNCTION(hipError_t, hipHostMalloc, void **ptr, size_t size, unsigned int flags)
RMCP_FUNCTION(hipError_t, hipHostAlloc, void **ptr, size_t size, unsigned int flags)
RMCP_FUNCTION(hipError_t, hipMemAllocHost, void **ptr, size_t size)
RMCP_FUNCTION(hipError_t, hipMallocHost, void **ptr, size_t size)
RMCP_FUNCTION(hipError_t, hipHostRegister, void *hostPtr, size_t sizeBytes, unsigned int flags)
RMCP_FUNCTION(hipError_t, hipHostFree, void *ptr)
RMCP_FUNCTION(hipError_t, hipFreeHost, void *ptr)
RMCP_FUNCTION(hipError_t, hipHostUnregister, void *hostPtr)
RMCP_FUNCTION(hipError_t, hipFree, void *ptr)

/* What the hooks ask. */
RMCP_FUNCTION(hipError_t, hipGetDeviceCount, int *count)
RMCP_FUNCTION(hipError_t, hipGetDevice, int *deviceId)
RMCP_FUNCTION(hipError_t, hipDeviceGetPCIBusId, char *pciBusId, int len, int device)
RMCP_FUNCTION(hipError_t, hipRuntimeGetVersion, int *runtimeVersion)

/* Functions that hand out functions. Absent from HIP 5; the last argument points to an enumeration that is never read here. */
#ifndef RMCP_ABI_CHECK
RMCP_FUNCTION(hipError_t, hipGetProcAddress, const char *symbol, void **pfn, int hipVersion, uint64_t flags, void *symbolStatus)
RMCP_FUNCTION(hipError_t, hipGetDriverEntryPoint, const char *symbol, void **funcPtr, unsigned long long flags, void *driverEntryPointStatus)
#endif

#undef RMCP_FUNCTION
#endif
