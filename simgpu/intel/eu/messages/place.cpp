#include "simgpu/intel/eu/messages/place.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace simgpu::intel::eu {

namespace {

// Binding table indices with a meaning of their own (PRM volume 2d, "MDC_BTS").
constexpr uint8_t kStatelessCoherent = 255;
constexpr uint8_t kSharedLocalMemory = 254;
constexpr uint8_t kStatelessNonCoherent = 253;
constexpr uint8_t kBindless = 252;

/// A bindless surface's offset fills the whole extended descriptor, or bits 31:12 of it are bits
/// 25:6 of the offset.
uint32_t bindless_offset(const MessageCall& call) {
    return call.in.message.bindless_offset ? call.extended & ~63u : call.extended >> 12 << 6;
}

}  // namespace

const Surface* indexed_surface(const MessageCall& call) {
    const auto index = static_cast<uint8_t>(call.field(7, 0));
    if (index == kBindless) return call.surfaces().bindless(bindless_offset(call));
    return call.surfaces().by_index(index);
}

const Surface* lsc_surface(const MessageCall& call) {
    switch (call.field(30, 29)) {
        case 1:
            return call.surfaces().bindless(bindless_offset(call));
        case 2:
            return call.surfaces().by_state(bindless_offset(call));
        default:
            return call.surfaces().by_index(static_cast<uint8_t>(call.extended >> 24));
    }
}

Place Place::stateless(const MessageCall& call) {
    const StateBases& bases = call.surfaces().bases();
    return Place(call, Kind::kMemory, bases.general, bases.general_bytes);
}

Place Place::buffer(const MessageCall& call, const Surface* surface) {
    if (!surface) return Place(call, Kind::kRefused, 0, 0);  // a fault, which memory keeps
    switch (surface->type) {
        case SurfaceType::kBuffer:
        case SurfaceType::kStructured:
        case SurfaceType::kScratch:
            return Place(call, Kind::kMemory, surface->base, surface->bytes);
        case SurfaceType::kNull:
            return Place(call, Kind::kMemory, 0, 0);
        default:
            call.refuse(fmt::format("untyped access to a surface of type {}",
                                    static_cast<unsigned>(surface->type)));
            return Place(call, Kind::kRefused, 0, 0);
    }
}

Place Place::indexed(const MessageCall& call) {
    const auto index = static_cast<uint8_t>(call.field(7, 0));
    switch (index) {
        case kStatelessCoherent:
        case kStatelessNonCoherent:
            return stateless(call);
        case kSharedLocalMemory:
            return slm(call);
        default:
            return buffer(call, indexed_surface(call));
    }
}

bool Place::misaligned(uint64_t offset, unsigned bytes) const {
    const uint64_t granularity = std::min(bytes, 4u);
    if (((base_ + offset) & (granularity - 1)) == 0) return false;
    call_->refuse(fmt::format("offset {:#x} is not aligned to {} bytes", offset, granularity));
    return true;
}

void Place::read(uint64_t offset, void* to, unsigned bytes) const {
    std::memset(to, 0, bytes);
    if (!within(offset, bytes) || misaligned(offset, bytes)) return;
    if (kind_ == Kind::kSlm)
        std::memcpy(to, call_->thread.group->slm.data() + offset, bytes);
    else
        call_->memory().read(base_ + offset, to, bytes);
}

void Place::write(uint64_t offset, const void* from, unsigned bytes) const {
    if (!within(offset, bytes) || misaligned(offset, bytes)) return;
    if (kind_ == Kind::kSlm)
        std::memcpy(call_->thread.group->slm.data() + offset, from, bytes);
    else
        call_->memory().write(base_ + offset, from, bytes);
}

std::byte* Place::atomic(uint64_t offset, unsigned bytes) const {
    if (!within(offset, bytes)) return nullptr;
    if (((base_ + offset) & (bytes - 1)) != 0) {
        call_->refuse(fmt::format("atomic at {:#x}, not aligned to {} bytes", offset, bytes));
        return nullptr;
    }
    if (kind_ == Kind::kSlm) return call_->thread.group->slm.data() + offset;
    return call_->memory().atomic_place(base_ + offset, bytes);
}

void Place::read_block(uint64_t offset, std::byte* to, unsigned bytes) const {
    for (unsigned i = 0; i < bytes; i += 4) read(offset + i, to + i, 4);
}

void Place::write_block(uint64_t offset, const std::byte* from, unsigned bytes) const {
    for (unsigned i = 0; i < bytes; i += 4) write(offset + i, from + i, 4);
}

}  // namespace simgpu::intel::eu
