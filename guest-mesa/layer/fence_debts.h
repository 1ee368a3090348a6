// Fences of submissions that passed the node by: it is owed them until somebody else may look for
// them there.
#pragma once

#include <cstdint>
#include <span>

#include "guest-mesa/layer/guest_driver.h"
#include "guest-mesa/layer/kernel.h"

namespace viaduct::guest {

/// Sends a submission as CommandStream::execute() does. What `submission.out` names is known to be
/// `origin`'s from then on. `submission.may_pass_by`: as far as its driver knows.
int send_work(const Channel& channel, Session& session, std::span<std::byte> request,
              const GpuSubmission& submission, Receipt receipt, const FenceOrigin& origin);

/// Somebody waits for fences in the node: the host is to report them in time, and those to come go
/// through the node.
class NodeWait {
  public:
    explicit NodeWait(Session& session) : session_(session) {
        ++session_.node_waits;
        session_.stream->look_for_nothing();
    }
    ~NodeWait() { --session_.node_waits; }
    NodeWait(const NodeWait&) = delete;
    NodeWait& operator=(const NodeWait&) = delete;

  private:
    Session& session_;
};

/// Gives the node the fences that it is owed for these syncobjs: 0 or a negative errno. A fence
/// that has not signalled stands for all that was submitted to its ring by now.
int pay_for(const Channel& channel, Session& session, std::span<const uint32_t> handles);

/// Has the node signal `point` of a syncobj, or its fence (0), behind what it is owed.
int signal_in_node(const Channel& channel, Session& session, uint32_t handle, uint64_t point);

/// The part of a syncobj that others can look at.
enum class Exposure { kFence, kSyncobj };
/// Before others can ask the node for the fence, or for all that the syncobj will be given: it is
/// to have what it is owed, and to know what a program was told by a wait. 0 or a negative errno.
int let_the_node_know(const Channel& channel, Session& session, uint32_t handle,
                      Exposure exposure = Exposure::kFence);

/// An ioctl of a program about syncobjs that is none of fence_waits.h's, once the context has
/// begun.
int syncobj_ioctl(const Channel& channel, Session& session, unsigned long request, void* argument);

}  // namespace viaduct::guest
