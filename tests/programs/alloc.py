"""Opens HIP, by name or by a path that is given, the way Python programs do (ctypes, RTLD_LOCAL) and makes one default host allocation."""
import ctypes
import json
import sys

hip = ctypes.CDLL(sys.argv[1] if len(sys.argv) > 1 else "libamdhip64.so.5", mode=ctypes.RTLD_LOCAL)
pointer = ctypes.c_void_p()
code = hip.hipHostMalloc(ctypes.byref(pointer), ctypes.c_size_t(65536), ctypes.c_uint(0))
print(json.dumps({"call": "hipHostMalloc", "flags": 0, "size": 65536, "code": code, "pointer": pointer.value or 0, "device": pointer.value or 0}))
hip.hipHostFree(pointer)
