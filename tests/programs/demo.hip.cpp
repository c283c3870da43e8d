// The program of `cargo xtask demo`: makes every kind of allocation of HIP 5.2.3, lets a kernel and copies work on each, and compares all results
// with what the host computes itself.
//
// One JSON line for each check on stdout: {"check": NAME, "ok": BOOL, "hash": FNV-1a of the resulting bytes}; for an allocation also
// "call", "flags", "size", "code" (hipError_t), "pointer" and "device" (its address on the GPU). Nothing is freed before the end, so that
// addresses are unique and can be joined with the log of the kernel driver. Exit code 1 if a check failed, 2 if HIP refused what it should not.
// The argument is the PCI address of the card to use; without it HIP's device 0 is used.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <hip/hip_runtime.h>
#include <string>
#include <vector>

namespace {

bool all_right = true;

#define TRY(call)                                                                                                                                    \
    do {                                                                                                                                             \
        hipError_t code_ = (call);                                                                                                                   \
        if (code_ != hipSuccess) {                                                                                                                   \
            std::fprintf(stderr, "demo: %s: %s\n", #call, hipGetErrorString(code_));                                                                 \
            std::exit(2);                                                                                                                            \
        }                                                                                                                                            \
    } while (0)

uint64_t hash(const void *data, size_t size) {
    uint64_t h = 0xcbf29ce484222325;
    for (size_t i = 0; i < size; i++)
        h = (h ^ static_cast<const unsigned char *>(data)[i]) * 0x100000001b3;
    return h;
}

std::string verdict(const std::string &name, const void *got, const void *expected, size_t size) {
    bool ok = !std::memcmp(got, expected, size);
    all_right &= ok;
    char text[200];
    std::snprintf(text, sizeof text, "\"check\":\"%s\",\"ok\":%s,\"hash\":\"%016llx\"", name.c_str(), ok ? "true" : "false",
                  static_cast<unsigned long long>(hash(got, size)));
    return text;
}

void check(const std::string &name, const void *got, const void *expected, size_t size) {
    std::printf("{%s}\n", verdict(name, got, expected, size).c_str());
    std::fflush(stdout);
}

// Reads every word and writes another: what a kernel does with memory.
__host__ __device__ uint32_t scrambled(uint32_t word, uint32_t index) { return word * 2654435761u + (index ^ word >> 7); }

__global__ void scramble(uint32_t *words, unsigned count) {
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x)
        words[i] = scrambled(words[i], i);
}

enum Where { Host, Device };

struct Flags {
    unsigned value;
    const char *name;
};

// An allocation has been made: a kernel works on it, and the result is compared.
void allocation(const char *call, Flags asked, hipError_t code, void *pointer, void *device, size_t size, Where where) {
    const unsigned flags = asked.value;
    const std::string name = std::string(call) + "(" + asked.name + ")";
    if (code != hipSuccess) {
        std::fprintf(stderr, "demo: %s: %s\n", name.c_str(), hipGetErrorString(code));
        std::exit(2);
    }
    const unsigned count = size / 4;
    std::vector<uint32_t> start(count), expected(count), got(count);
    for (unsigned i = 0; i < count; i++) {
        start[i] = i * i + flags;
        expected[i] = scrambled(start[i], i);
    }
    if (where == Host)
        std::memcpy(pointer, start.data(), size);
    else
        TRY(hipMemcpy(pointer, start.data(), size, hipMemcpyHostToDevice));
    scramble<<<8, 256>>>(static_cast<uint32_t *>(device), count);
    TRY(hipGetLastError());
    TRY(hipDeviceSynchronize());
    if (where == Host)
        std::memcpy(got.data(), pointer, size);
    else
        TRY(hipMemcpy(got.data(), pointer, size, hipMemcpyDeviceToHost));
    std::printf("{\"call\":\"%s\",\"flags\":%u,\"size\":%zu,\"code\":%d,\"pointer\":%llu,\"device\":%llu,%s}\n", call, flags, size, code,
                static_cast<unsigned long long>(reinterpret_cast<uintptr_t>(pointer)),
                static_cast<unsigned long long>(reinterpret_cast<uintptr_t>(device)), verdict(name, got.data(), expected.data(), size).c_str());
    std::fflush(stdout);
}

void allocations() {
    const size_t size = 65536;
    void *pointer, *device;
    hipError_t code;
    for (Flags flags : {Flags{hipHostMallocDefault, "Default"},
                        {hipHostMallocPortable, "Portable"},
                        {hipHostMallocMapped, "Mapped"},
                        {hipHostMallocPortable | hipHostMallocMapped, "Portable|Mapped"},
                        {hipHostMallocWriteCombined, "WriteCombined"},
                        {hipHostMallocNumaUser, "NumaUser"},
                        {hipHostMallocCoherent, "Coherent"},
                        {hipHostMallocCoherent | hipHostMallocMapped, "Coherent|Mapped"},
                        {hipHostMallocNonCoherent, "NonCoherent"},
                        {hipHostMallocNonCoherent | hipHostMallocMapped, "NonCoherent|Mapped"}}) {
        code = hipHostMalloc(&pointer, size, flags.value);
        allocation("hipHostMalloc", flags, code, pointer, pointer, size, Host);
    }
    code = hipMemAllocHost(&pointer, size);
    allocation("hipMemAllocHost", {0, ""}, code, pointer, pointer, size, Host);
    code = hipMallocHost(&pointer, size);
    allocation("hipMallocHost", {0, ""}, code, pointer, pointer, size, Host);
    // Up to HIP 6.3 this is video memory, against its name.
    code = hipHostAlloc(&pointer, size, hipHostMallocDefault);
    allocation("hipHostAlloc", {0, "Default"}, code, pointer, pointer, size, Device);
    for (Flags flags : {Flags{hipHostRegisterDefault, "Default"},
                        {hipHostRegisterPortable, "Portable"},
                        {hipHostRegisterMapped, "Mapped"},
                        {hipExtHostRegisterCoarseGrained, "CoarseGrained"}}) {
        pointer = std::aligned_alloc(4096, size);
        std::memset(pointer, 1, size);
        code = hipHostRegister(pointer, size, flags.value);
        TRY(hipHostGetDevicePointer(&device, pointer, 0));
        allocation("hipHostRegister", flags, code, pointer, device, size, Host);
    }
    code = hipMalloc(&pointer, size);
    allocation("hipMalloc", {0, ""}, code, pointer, pointer, size, Device);
    code = hipExtMallocWithFlags(&pointer, size, hipDeviceMallocDefault);
    allocation("hipExtMallocWithFlags", {0, "Default"}, code, pointer, pointer, size, Device);
    code = hipMallocManaged(&pointer, size, hipMemAttachGlobal);
    allocation("hipMallocManaged", {hipMemAttachGlobal, "Global"}, code, pointer, pointer, size, Host);
}

struct HostMemory {
    const char *name;
    unsigned char *from, *to;
};

void copies() {
    for (size_t size : {size_t(4096), size_t(1) << 20, (size_t(8) << 20) + 1234}) {
        std::vector<unsigned char> pageable(size), back(size);
        std::vector<HostMemory> kinds = {{"pageable", pageable.data(), back.data()}};
        for (auto [name, flags] : {std::pair<const char *, unsigned>{"pinned", hipHostMallocDefault},
                                   {"pinned coherent", hipHostMallocCoherent},
                                   {"pinned non-coherent", hipHostMallocNonCoherent}}) {
            void *from, *to;
            TRY(hipHostMalloc(&from, size, flags));
            TRY(hipHostMalloc(&to, size, flags));
            kinds.push_back({name, static_cast<unsigned char *>(from), static_cast<unsigned char *>(to)});
        }
        unsigned char *a, *b;
        TRY(hipMalloc(&a, size));
        TRY(hipMalloc(&b, size));
        for (const HostMemory &host : kinds) {
            for (size_t i = 0; i < size; i++) {
                host.from[i] = static_cast<unsigned char>(i * 7 + (i >> 8) + host.name[1]);
                host.to[i] = 0;
            }
            TRY(hipMemcpy(a, host.from, size, hipMemcpyHostToDevice));
            TRY(hipMemcpy(b, a, size, hipMemcpyDeviceToDevice));
            TRY(hipMemcpy(host.to, b, size, hipMemcpyDeviceToHost));
            check("copies host > device > device > host, " + std::to_string(size) + " bytes, " + host.name, host.to, host.from, size);
        }
        std::vector<unsigned char> filled(size, 0xa5);
        TRY(hipMemset(b, 0xa5, size));
        TRY(hipMemcpy(back.data(), b, size, hipMemcpyDeviceToHost));
        check("memset, " + std::to_string(size) + " bytes", back.data(), filled.data(), size);
    }
    // Asynchronous, on a stream of its own, at odd offsets.
    const size_t size = 100003;
    hipStream_t stream;
    TRY(hipStreamCreate(&stream));
    void *pinned, *device;
    TRY(hipHostMalloc(&pinned, size, hipHostMallocDefault));
    TRY(hipMalloc(&device, size + 64));
    auto *host = static_cast<unsigned char *>(pinned);
    std::vector<unsigned char> expected(size);
    for (size_t i = 0; i < size; i++)
        expected[i] = host[i] = static_cast<unsigned char>(i ^ i >> 9);
    TRY(hipMemcpyAsync(static_cast<char *>(device) + 13, host, size, hipMemcpyHostToDevice, stream));
    TRY(hipMemsetAsync(static_cast<char *>(device) + 13 + 100, 0x5a, 33333, stream));
    TRY(hipMemcpyAsync(host, static_cast<char *>(device) + 13, size, hipMemcpyDeviceToHost, stream));
    TRY(hipStreamSynchronize(stream));
    std::memset(expected.data() + 100, 0x5a, 33333);
    check("asynchronous copies and memset on a stream", host, expected.data(), size);
}

__global__ void add(const float *a, const float *b, float *c, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n)
        c[i] = a[i] + b[i];
}

// A tree in LDS for each block, then one atomic for each block. The values are whole numbers, so that the order of the sum does not matter.
__global__ void reduce(const float *values, int n, float *sum, unsigned *largest, unsigned long long *count) {
    __shared__ float partial[256];
    int thread = threadIdx.x;
    float mine = 0;
    for (int i = blockIdx.x * blockDim.x + thread; i < n; i += gridDim.x * blockDim.x) {
        mine += values[i];
        atomicMax(largest, static_cast<unsigned>(values[i]));
    }
    partial[thread] = mine;
    __syncthreads();
    for (int step = blockDim.x / 2; step > 0; step /= 2) {
        if (thread < step)
            partial[thread] += partial[thread + step];
        __syncthreads();
    }
    if (thread == 0) {
        atomicAdd(sum, partial[0]);
        atomicAdd(count, static_cast<unsigned long long>(blockDim.x));
    }
}

// Integer atomics of each kind; every thread works on each word of its counter.
struct Counters {
    unsigned add, sub, min, max, and_, or_, xor_, exch, cas;
    int smin, smax;
    unsigned inc, dec;
};

__global__ void atomics(Counters *counters) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    atomicAdd(&counters->add, i);
    atomicSub(&counters->sub, i);
    atomicMin(&counters->min, i + 3);
    atomicMax(&counters->max, i);
    atomicAnd(&counters->and_, ~(1u << i % 32) | i << 1);
    atomicOr(&counters->or_, i);
    atomicXor(&counters->xor_, i * 2654435761u);
    atomicExch(&counters->exch, 77);
    atomicCAS(&counters->cas, 5, 9);
    atomicMin(&counters->smin, 10 - static_cast<int>(i));
    atomicMax(&counters->smax, static_cast<int>(i) - 2000);
    atomicInc(&counters->inc, 100);
    atomicDec(&counters->dec, 100);
}

Counters atomics_on_the_host(unsigned threads) {
    Counters c = {0, 0, ~0u, 0, ~0u, 0, 0, 0, 5, 1000, -100000, 0, 0};
    for (unsigned i = 0; i < threads; i++) {
        c.add += i;
        c.sub -= i;
        c.min = std::min(c.min, i + 3);
        c.max = std::max(c.max, i);
        c.and_ &= ~(1u << i % 32) | i << 1;
        c.or_ |= i;
        c.xor_ ^= i * 2654435761u;
        c.exch = 77;
        c.cas = c.cas == 5 ? 9 : c.cas;
        c.smin = std::min(c.smin, 10 - static_cast<int>(i));
        c.smax = std::max(c.smax, static_cast<int>(i) - 2000);
        c.inc = c.inc >= 100 ? 0 : c.inc + 1;
        c.dec = c.dec == 0 || c.dec > 100 ? 100 : c.dec - 1;
    }
    return c;
}

template <typename T> T *on_device(const std::vector<T> &values) {
    void *device;
    TRY(hipMalloc(&device, values.size() * sizeof(T)));
    TRY(hipMemcpy(device, values.data(), values.size() * sizeof(T), hipMemcpyHostToDevice));
    return static_cast<T *>(device);
}

template <typename T> std::vector<T> from_device(const T *device, size_t count) {
    std::vector<T> values(count);
    TRY(hipMemcpy(values.data(), device, count * sizeof(T), hipMemcpyDeviceToHost));
    return values;
}

void kernels() {
    const int n = 100000;
    std::vector<float> a(n), b(n), sums(n), whole(n);
    float total = 0;
    unsigned largest = 0;
    for (int i = 0; i < n; i++) {
        a[i] = 0.37f * i;
        b[i] = 1000.0f / (i + 1);
        sums[i] = a[i] + b[i];
        whole[i] = i % 101;
        total += whole[i];
        largest = std::max(largest, static_cast<unsigned>(whole[i]));
    }
    float *da = on_device(a), *db = on_device(b), *dc = on_device(std::vector<float>(n));
    add<<<(n + 255) / 256, 256>>>(da, db, dc, n);
    TRY(hipGetLastError());
    check("vector addition", from_device(dc, n).data(), sums.data(), n * sizeof(float));

    float *values = on_device(whole), *sum = on_device(std::vector<float>(1));
    auto *most = on_device(std::vector<unsigned>(1));
    auto *count = on_device(std::vector<unsigned long long>(1));
    reduce<<<40, 256>>>(values, n, sum, most, count);
    TRY(hipGetLastError());
    unsigned long long threads = 40 * 256;
    check("reduction in LDS, float atomics", from_device(sum, 1).data(), &total, sizeof total);
    check("reduction, atomic maximum", from_device(most, 1).data(), &largest, sizeof largest);
    check("reduction, 64-bit atomics", from_device(count, 1).data(), &threads, sizeof threads);

    const Counters start = {0, 0, ~0u, 0, ~0u, 0, 0, 0, 5, 1000, -100000, 0, 0};
    const Counters expected = atomics_on_the_host(4096);
    auto *counters = on_device(std::vector<Counters>{start});
    atomics<<<16, 256>>>(counters);
    TRY(hipGetLastError());
    check("atomics in video memory", from_device(counters, 1).data(), &expected, sizeof expected);
    for (auto [name, flags] : {std::pair<const char *, unsigned>{"default", hipHostMallocDefault},
                               {"coherent", hipHostMallocCoherent},
                               {"non-coherent", hipHostMallocNonCoherent}}) {
        void *host;
        TRY(hipHostMalloc(&host, sizeof(Counters), flags));
        std::memcpy(host, &start, sizeof start);
        atomics<<<16, 256>>>(static_cast<Counters *>(host));
        TRY(hipGetLastError());
        TRY(hipDeviceSynchronize());
        check(std::string("atomics in host memory, ") + name, host, &expected, sizeof expected);
    }
}

} // namespace

int main(int argc, char **argv) {
    int devices;
    TRY(hipGetDeviceCount(&devices));
    if (argc > 1) {
        int device;
        TRY(hipDeviceGetByPCIBusId(&device, argv[1]));
        TRY(hipSetDevice(device));
    }
    allocations();
    copies();
    kernels();
    return all_right ? 0 : 1;
}
