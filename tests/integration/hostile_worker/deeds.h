// Deeds of a worker that a guest has taken over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace viaduct::hostile {

enum class Deed : uint32_t {
    kFloodTheLog,
    kFloodWithAnswers,
    kSendDescriptors,
    kWakeTheFront,
    kLieInTheSharedPage,
    kPretendToWork,
    kPoisonTheAccount,
    kPretendToBeDead,
    kKillOthers,
    kDeeds,
};

/// The guest's command that takes a worker over: a wire::RequestHeader with this number, and a
/// Deed.
inline constexpr uint32_t kTakeOver = 0xe7110;

/// The descriptors and memory that the worker holds.
struct Loot {
    int socket = -1;
    int notify = -1;
    std::span<std::byte> channel;                // SharedPage and ring
    std::vector<std::span<std::byte>> writable;  // all memory shared with others
};

/// Does it until the process is killed.
[[noreturn]] void commit(Deed deed, const Loot& loot);

}  // namespace viaduct::hostile
