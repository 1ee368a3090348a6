// Answers: finds the responses to a context's commands in its control buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <vector>

#include "drm-context/context/requests.h"

namespace viaduct {

struct DriverTraits;

/// Follows the protocol that all drivers share: a command names the place of its response, where
/// the guest has written how much room there is; the host publishes the command's number when it is
/// done. The guest writes the same memory: each value is read once, and checked.
class Answers {
  public:
    /// Room for a response, which the guest has announced.
    using Announced = std::function<void(uint64_t offset, std::span<const std::byte> length)>;
    struct Answer {
        uint32_t seqno;
        uint32_t command;
        uint64_t offset;
        std::span<const std::byte> bytes;
    };
    using Answered = std::function<void(const Answer& answer)>;

    /// These commands are about to be sent. `control`: the control buffer's bytes.
    void expect(std::span<const std::byte> control, std::span<const std::byte> commands,
                const DriverTraits& traits, const Announced& announced);
    /// Reports the responses that have come.
    void collect(std::span<const std::byte> control, const Answered& answered);

  private:
    struct Expected {
        uint32_t seqno;
        uint32_t command;
        uint64_t offset;
        std::vector<std::byte> before;  // the room
    };
    std::deque<Expected> expected_;
};

}  // namespace viaduct
