#include "drm-context/transport/control_memory.h"

#include <cstring>

#include "blob/mapping.h"
#include "blob/memfd.h"
#include "wire/ccmd.h"

namespace viaduct::transport {

Result<UniqueFd> create_control_memory(uint64_t size, uint32_t driver_size) {
    const uint64_t least = driver_size + sizeof(wire::ResponseHeader);
    if (size < least || size > kMaxControlMemory)
        return fail(EINVAL, "a control buffer must have {} to {} bytes, not {}", least,
                    kMaxControlMemory, size);
    auto memory = create_sealed_memfd("viaduct-control", size);
    if (!memory) return memory;
    const auto head = Mapping::map_shared(memory->get(), 0, driver_size);
    if (!head) return tl::unexpected(head.error());
    std::memcpy(head->data() + offsetof(wire::ShmemHeader, rsp_mem_offset), &driver_size,
                sizeof(driver_size));
    return memory;
}

}  // namespace viaduct::transport
