// Records that wait until their VM may use the GPU again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "base/ids.h"
#include "base/unique_fd.h"
#include "drm-context/context/requests.h"
#include "drm-context/transport/messages.h"

namespace viaduct {

/// In the order in which they came. Not thread-safe.
class HeldRecords {
  public:
    struct Held {
        transport::RecordType type;
        std::vector<std::byte> payload;
        UniqueFd descriptor;              // that was sent along
        bool executed = false;            // ahead of the others: its end is to be published
        GuestSubmission submission = {};  // in the payload
    };

    bool empty() const { return records_.empty(); }
    /// True when no more should be taken from the ring: the front keeps the rest, which it bounds.
    bool full() const { return bytes_ >= kMostBytes || descriptors_ >= kMostDescriptors; }
    void push(Held record);
    Held& front() { return records_.front(); }
    /// The first one's.
    UniqueFd take_descriptor();
    void pop();
    /// True if a record that attaches or detaches this resource is among them.
    bool changes_resource(ResourceId res_id) const;

  private:
    static constexpr size_t kMostBytes = 4 << 20;
    static constexpr size_t kEntryCost = 128;       // bytes, so that empty records count too
    static constexpr size_t kMostDescriptors = 64;  // a thread's are the VMM's

    std::deque<Held> records_;
    size_t bytes_ = 0;
    size_t descriptors_ = 0;
};

}  // namespace viaduct
