#include "drm-context/transport/control_memory.h"

#include <algorithm>
#include <cstring>

#include "blob/mapping.h"
#include "blob/memfd.h"
#include "wire/ccmd.h"

namespace viaduct::transport {

namespace {

void store(const Mapping& head, size_t offset, const auto& value) {
    std::memcpy(head.data() + offset, &value, sizeof(value));
}

}  // namespace

Result<UniqueFd> create_control_memory(uint64_t size, uint32_t area_offset, Shortcuts shortcuts) {
    const uint64_t least = std::max(area_offset, wire::kLeastAreaOffset) + sizeof(wire::ResponseHeader);
    if (size < least || size > kMaxControlMemory)
        return fail(EINVAL, "a control buffer must have {} to {} bytes, not {}", least,
                    kMaxControlMemory, size);
    auto memory = create_sealed_memfd("viaduct-control", size);
    if (!memory) return memory;
    const auto head = Mapping::map_shared(memory->get(), 0, area_offset);
    if (!head) return tl::unexpected(head.error());
    store(*head, offsetof(wire::ShmemHeader, rsp_mem_offset), area_offset);
    if (shortcuts == Shortcuts::kHidden) return memory;
    const size_t finished = area_offset - sizeof(wire::FinishedWork);
    const size_t ring = finished - sizeof(wire::GuestRing);
    store(*head, finished + offsetof(wire::FinishedWork, mark), wire::FinishedWork::kMark);
    store(*head, ring + offsetof(wire::GuestRing, mark), wire::GuestRing::kMark);
    return memory;
}

}  // namespace viaduct::transport
