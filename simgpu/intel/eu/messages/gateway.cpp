// Messages to the gateway and the thread spawner: barriers, and a thread's end.
#include "simgpu/intel/eu/exec/group_barrier.h"
#include "simgpu/intel/eu/messages/send.h"

namespace simgpu::intel::eu {

namespace {

void barrier(const MessageCall& call) {
    signal_barrier(call.thread);
}

void end_of_thread(const MessageCall& call) {
    if (!call.in.message.end_of_thread) call.refuse("it only ends threads");
}

constexpr MessageOp kGatewayOps[] = {
    {sfid::kThreadSpawner, 0, "spawner end", end_of_thread},
    {sfid::kGateway, 0, "gateway end", end_of_thread},
    {sfid::kGateway, 4, "gateway barrier", barrier},
};

}  // namespace

std::span<const MessageOp> gateway_messages() {
    return kGatewayOps;
}

}  // namespace simgpu::intel::eu
