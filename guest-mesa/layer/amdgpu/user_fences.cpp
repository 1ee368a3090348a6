#include "guest-mesa/layer/amdgpu/user_fences.h"

#include "guest-mesa/layer/slow_memory.h"
#include "guest-mesa/layer/virtgpu_ioctls.h"

namespace viaduct::guest::amdgpu {

std::shared_ptr<CounterMemory> UserFences::map(const Channel& channel, GemHandle handle,
                                               uint64_t size) {
    if (size > kMostBytes) return nullptr;
    virtgpu::Map arg{0, handle.value(), 0};
    if (channel.ioctl(kVirtgpuMap, &arg) < 0) return nullptr;
    auto mapping = channel.kernel.map(channel.fd, arg.offset, static_cast<size_t>(size));
    if (!mapping || is_slow(mapping->data())) return nullptr;
    return std::make_shared<CounterMemory>(*std::move(mapping));
}

std::shared_ptr<const GpuCounter> UserFences::find(const Channel& channel,
                                                   const drm_amdgpu_cs_chunk_fence& place,
                                                   const GemObject& object,
                                                   const Numbered& numbered) {
    if (object.shared) return nullptr;
    const GemHandle handle(place.handle);
    const LockGuard lock(mutex_);
    const auto [buffer, is_new_buffer] = buffers_.try_emplace(handle);
    auto& [memory, places] = buffer->second;
    if (is_new_buffer) memory = map(channel, handle, object.size);
    if (!memory) return nullptr;
    const auto [entry, is_new] =
        places.try_emplace(place.offset, Owned{numbered.context, numbered.ring, nullptr});
    Owned& owned = entry->second;
    if (is_new) {
        const auto now = memory->read(place.offset);
        if (now && *now < numbered.seqno)
            owned.counter = std::make_shared<GpuCounter>(memory, place.offset);
    } else if (owned.counter &&
               (owned.context != numbered.context || owned.ring != numbered.ring)) {
        owned.counter->spoil();
        owned.counter = nullptr;
    }
    return owned.counter;
}

void UserFences::forget_buffer(GemHandle buffer) {
    const LockGuard lock(mutex_);
    const auto found = buffers_.extract(buffer);
    if (found && found.mapped().memory) found.mapped().memory->close();
}

void UserFences::forget_context(uint32_t context) {
    const LockGuard lock(mutex_);
    for (auto& [handle, buffer] : buffers_)
        for (auto& [offset, owned] : buffer.places)
            if (owned.context == context) owned.context.reset();
}

}  // namespace viaduct::guest::amdgpu
