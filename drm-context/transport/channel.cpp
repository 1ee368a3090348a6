#include "drm-context/transport/channel.h"

#include <new>

#include "blob/memfd.h"
#include "drm-context/transport/control_socket.h"
#include "drm-context/transport/messages.h"

namespace viaduct::transport {

Result<Channel> create_channel(uint64_t ring_size) {
    const uint64_t size = kRingOffset + ring_size;
    auto memory = create_sealed_memfd("viaduct-ring", size);
    if (!memory) return tl::unexpected(memory.error());
    auto front = Mapping::map_shared(memory->get(), 0, size);
    if (!front) return tl::unexpected(front.error());
    auto sockets = create_control_sockets();
    if (!sockets) return tl::unexpected(sockets.error());
    auto doorbell = create_event();
    auto notify = create_event();
    if (!doorbell) return tl::unexpected(doorbell.error());
    if (!notify) return tl::unexpected(notify.error());

    new (front->data()) SharedPage{};
    Channel channel{
        {*std::move(front), std::move(sockets->first), doorbell->duplicate(), notify->duplicate()},
        {*std::move(memory), std::move(sockets->second), *std::move(doorbell), *std::move(notify)}};
    if (!channel.front.doorbell || !channel.front.notify)
        return fail(EMFILE, "no descriptor left for a context");
    return channel;
}

Result<ChannelEnd> open_channel_end(ChannelDescriptors descriptors) {
    const auto size = object_size(descriptors.memory.get());
    if (!size) return tl::unexpected(size.error());
    if (*size <= kRingOffset || (*size - kRingOffset) % sizeof(RecordHeader) != 0)
        return fail(EINVAL, "a channel of {} bytes has no room for a ring", *size);
    auto memory = Mapping::map_shared(descriptors.memory.get(), 0, *size);
    if (!memory) return tl::unexpected(memory.error());
    return ChannelEnd{*std::move(memory), std::move(descriptors.socket),
                      std::move(descriptors.doorbell), std::move(descriptors.notify)};
}

}  // namespace viaduct::transport
