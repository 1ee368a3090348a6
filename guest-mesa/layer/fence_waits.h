// Waits for fences of this file's own submissions, as the node would end them, only sooner: the
// host shows what has ended (wire::FinishedWork), while the node hears of a fence through the
// monitor and an interrupt.
#pragma once

#include <cstdint>
#include <span>

#include "guest-mesa/layer/guest_driver.h"
#include "guest-mesa/layer/kernel.h"

namespace viaduct::guest {

/// Sends a submission as CommandStream::execute() does. What `submission.out` names is known to be
/// `origin`'s from then on.
int send_work(const Channel& channel, Session& session, std::span<std::byte> request,
              const GpuSubmission& submission, Receipt receipt, const FenceOrigin& origin);

/// syncobj::wait(), once the context has begun.
int wait_for_points(const Channel& channel, Session& session, std::span<const uint32_t> handles,
                    std::span<const uint64_t> points, int64_t deadline, uint32_t flags = 0,
                    uint32_t* first = nullptr);

/// Whether a request is SYNCOBJ_WAIT or SYNCOBJ_TIMELINE_WAIT.
bool is_wait(unsigned long request);
/// Such an ioctl of a program, whose argument is there: what the node would answer.
int wait_by_ioctl(const Channel& channel, Session& session, unsigned long request, void* argument);
/// Before others can ask the node for the fence: it is to know what a program was told by a wait.
void let_the_node_know(const Channel& channel, Session& session, uint32_t handle);
/// After the node has answered: SYNCOBJ_QUERY must not say less than a wait has said.
void complete_query(Session& session, unsigned long request, const void* argument);

}  // namespace viaduct::guest
