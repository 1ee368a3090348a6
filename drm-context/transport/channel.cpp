#include "drm-context/transport/channel.h"

#include <new>

#include "blob/memfd.h"
#include "drm-context/transport/control_socket.h"

namespace viaduct::transport {

Result<Channel> create_channel(uint64_t ring_size) {
    const uint64_t size = kRingOffset + ring_size;
    auto memory = create_sealed_memfd("viaduct-ring", size);
    if (!memory) return tl::unexpected(memory.error());
    auto front = Mapping::map_shared(memory->get(), 0, size);
    if (!front) return tl::unexpected(front.error());
    auto worker = Mapping::map_shared(memory->get(), 0, size);
    if (!worker) return tl::unexpected(worker.error());
    auto sockets = create_control_sockets();
    if (!sockets) return tl::unexpected(sockets.error());
    auto doorbell = create_event();
    auto notify = create_event();
    if (!doorbell) return tl::unexpected(doorbell.error());
    if (!notify) return tl::unexpected(notify.error());

    new (front->data()) SharedPage{};
    Channel channel{
        {*std::move(front), std::move(sockets->first), doorbell->duplicate(), notify->duplicate()},
        {*std::move(worker), std::move(sockets->second), *std::move(doorbell), *std::move(notify)}};
    if (!channel.front.doorbell || !channel.front.notify)
        return fail(EMFILE, "no descriptor left for a context");
    return channel;
}

}  // namespace viaduct::transport
