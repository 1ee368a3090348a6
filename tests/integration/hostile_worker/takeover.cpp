// The guest's way in: notes what the worker gets while it starts, and gives it away on command.
//
// The linker leads calls of each function X to __wrap_X, and those of __real_X to X (ld --wrap).
// That a member function takes its object as first argument is the Itanium C++ ABI.
#include <cstring>

#include "blob/mapping.h"
#include "drm-context/context/command_loop.h"
#include "drm-context/transport/channel.h"
#include "tests/integration/hostile_worker/deeds.h"
#include "wire/ccmd.h"

namespace viaduct::hostile {

namespace {

Loot& loot() {
    static Loot all;
    return all;
}

}  // namespace

#define VIADUCT_MAP_SHARED "_ZN7viaduct7Mapping10map_sharedEimm"
#define VIADUCT_OPEN_CHANNEL_END "_ZN7viaduct9transport16open_channel_endENS0_18ChannelDescriptorsE"
#define VIADUCT_RUN \
    "_ZN7viaduct11CommandLoop3runESt4spanIKSt4byteLm18446744073709551615EENS0_5SeqnoE"

Result<Mapping> real_map_shared(int fd, uint64_t offset,
                                size_t size) asm("__real_" VIADUCT_MAP_SHARED);
Result<Mapping> map_shared(int fd, uint64_t offset, size_t size) asm("__wrap_" VIADUCT_MAP_SHARED);

Result<Mapping> map_shared(int fd, uint64_t offset, size_t size) {
    auto mapping = real_map_shared(fd, offset, size);
    if (mapping) loot().writable.push_back(mapping->bytes());
    return mapping;
}

Result<transport::ChannelEnd> real_open_channel_end(transport::ChannelDescriptors descriptors) asm(
    "__real_" VIADUCT_OPEN_CHANNEL_END);
Result<transport::ChannelEnd> open_channel_end(transport::ChannelDescriptors descriptors) asm(
    "__wrap_" VIADUCT_OPEN_CHANNEL_END);

Result<transport::ChannelEnd> open_channel_end(transport::ChannelDescriptors descriptors) {
    auto end = real_open_channel_end(std::move(descriptors));
    if (!end) return end;
    loot().socket = end->socket.get();
    loot().notify = end->notify.get();
    loot().channel = end->memory.bytes();
    return end;
}

Status real_run(CommandLoop* loop, std::span<const std::byte> commands,
                CommandLoop::Seqno seqno) asm("__real_" VIADUCT_RUN);
Status run(CommandLoop* loop, std::span<const std::byte> commands,
           CommandLoop::Seqno seqno) asm("__wrap_" VIADUCT_RUN);

Status run(CommandLoop* loop, std::span<const std::byte> commands, CommandLoop::Seqno seqno) {
    struct {
        wire::RequestHeader header;
        Deed deed;
    } command{};
    std::memcpy(&command, commands.data(), std::min(sizeof(command), commands.size()));
    if (command.header.cmd == kTakeOver) commit(command.deed, loot());
    return real_run(loop, commands, seqno);
}

}  // namespace viaduct::hostile
