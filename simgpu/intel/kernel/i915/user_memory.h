// Reads and writes of the caller's memory by the pointers inside ioctl arguments. The simulated
// kernel lives in the same process, so a bad pointer is its own fault; only null is an error.
#pragma once

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace simgpu::intel::i915 {

template <typename T>
T* user_pointer(uint64_t address) {
    return reinterpret_cast<T*>(static_cast<uintptr_t>(address));
}

/// 0 or -EFAULT. Objects need not be aligned.
inline int copy_from_user(void* to, uint64_t address, size_t size) {
    if (size == 0) return 0;
    if (address == 0) return -EFAULT;
    std::memcpy(to, user_pointer<const void>(address), size);
    return 0;
}
inline int copy_to_user(uint64_t address, const void* from, size_t size) {
    if (size == 0) return 0;
    if (address == 0) return -EFAULT;
    std::memcpy(user_pointer<void>(address), from, size);
    return 0;
}
template <typename T>
int get_user(T* value, uint64_t address) {
    return copy_from_user(value, address, sizeof(T));
}
template <typename T>
int put_user(const T& value, uint64_t address) {
    return copy_to_user(address, &value, sizeof(T));
}

}  // namespace simgpu::intel::i915
