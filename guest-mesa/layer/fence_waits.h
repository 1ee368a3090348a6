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

/// Somebody waits for fences in the node, if `waits`: the host is to report them in time.
class NodeWait {
  public:
    NodeWait(Session& session, bool waits);
    ~NodeWait();
    NodeWait(const NodeWait&) = delete;
    NodeWait& operator=(const NodeWait&) = delete;

  private:
    Session* const session_;  // null: it does not wait
};
/// Whether a request is SYNCOBJ_WAIT or SYNCOBJ_TIMELINE_WAIT.
bool is_wait(unsigned long request);

/// syncobj::wait(), once the context has begun.
int wait_for_points(const Channel& channel, Session& session, std::span<const uint32_t> handles,
                    std::span<const uint64_t> points, int64_t deadline, uint32_t flags = 0,
                    uint32_t* first = nullptr);

/// SYNCOBJ_WAIT or SYNCOBJ_TIMELINE_WAIT of a program: true if it is answered (0), false if that is
/// left to the node, as with any other ioctl.
enum class WaitAnswer { kNow, kSoon };
bool answer_wait(Session& session, unsigned long request, void* argument, WaitAnswer when);
/// Before others can ask the node for the fence: it is to know what a program was told by a wait.
void let_the_node_know(const Channel& channel, Session& session, uint32_t handle);
/// After the node has answered: SYNCOBJ_QUERY must not say less than a wait has said.
void complete_query(Session& session, unsigned long request, const void* argument);

}  // namespace viaduct::guest
