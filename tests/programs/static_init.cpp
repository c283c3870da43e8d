// Calls HIP before main, from a static initialiser.
#define __HIP_PLATFORM_AMD__ 1
#include <cstdio>
#include <hip/hip_runtime_api.h>

namespace {
struct Early {
    void *pointer = nullptr;
    hipError_t code;
    Early() { code = hipHostMalloc(&pointer, 65536, 0); }
    ~Early() { (void)hipHostFree(pointer); }
} early;
} // namespace

int main() {
    unsigned long long address = reinterpret_cast<unsigned long long>(early.pointer);
    std::printf("{\"call\":\"hipHostMalloc\",\"flags\":0,\"size\":65536,\"code\":%d,\"pointer\":%llu,\"device\":%llu}\n", early.code, address,
                address);
}
