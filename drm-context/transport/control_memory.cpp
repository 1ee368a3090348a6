#include "drm-context/transport/control_memory.h"

#include <algorithm>
#include <cstring>

#include "blob/mapping.h"
#include "blob/memfd.h"
#include "wire/ccmd.h"

namespace viaduct::transport {

namespace {

// The least that is in front of the responses.
constexpr uint32_t kFixedPart = sizeof(wire::ShmemHeader) + sizeof(wire::FinishedWork);

void store(const Mapping& head, size_t offset, const auto& value) {
    std::memcpy(head.data() + offset, &value, sizeof(value));
}

}  // namespace

Result<UniqueFd> create_control_memory(uint64_t size, uint32_t area_offset, FinishedWork finished) {
    const uint64_t least = std::max(area_offset, kFixedPart) + sizeof(wire::ResponseHeader);
    if (size < least || size > kMaxControlMemory)
        return fail(EINVAL, "a control buffer must have {} to {} bytes, not {}", least,
                    kMaxControlMemory, size);
    auto memory = create_sealed_memfd("viaduct-control", size);
    if (!memory) return memory;
    const auto head = Mapping::map_shared(memory->get(), 0, area_offset);
    if (!head) return tl::unexpected(head.error());
    store(*head, offsetof(wire::ShmemHeader, rsp_mem_offset), area_offset);
    if (finished == FinishedWork::kShown)
        store(*head, area_offset - sizeof(wire::FinishedWork) + offsetof(wire::FinishedWork, mark),
              wire::FinishedWork::kMark);
    return memory;
}

}  // namespace viaduct::transport
