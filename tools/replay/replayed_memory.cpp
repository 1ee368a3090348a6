#include "tools/replay/replayed_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

namespace viaduct::replay {

namespace {

constexpr size_t kChunk = 4096;

void note(std::optional<Difference>& difference, uint64_t offset, std::byte recorded,
          std::byte replayed) {
    if (!difference) difference = Difference{offset, 0, recorded, replayed};
    ++difference->bytes;
}

}  // namespace

Result<ReplayedMemory> ReplayedMemory::create(std::span<std::byte> actual) {
    void* const copy = ::mmap(nullptr, actual.size(), PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (copy == MAP_FAILED)
        return fail(ENOMEM, "out of memory for a copy of {} bytes", actual.size());
    return ReplayedMemory(actual, Mapping(copy, actual.size()));
}

std::optional<Difference> ReplayedMemory::apply(uint64_t offset, std::span<const std::byte> bytes,
                                                recording::Found found) {
    std::byte* const actual = actual_.data() + offset;
    std::byte* const expected = expected_.data() + offset;
    std::optional<Difference> difference;
    if (std::memcmp(actual, bytes.data(), bytes.size()) != 0) {
        const bool by_gpu = found != recording::Found::kBeforeSubmission;
        for (size_t i = 0; by_gpu && i < bytes.size(); ++i) {
            if (actual[i] == bytes[i]) continue;
            if (found == recording::Found::kAfterFence && actual[i] == expected[i])
                ++unexplained_;
            else
                note(difference, offset + i, bytes[i], actual[i]);
        }
        // Also after a difference: one mistake is to be reported once.
        std::memcpy(actual, bytes.data(), bytes.size());
    }
    std::memcpy(expected, bytes.data(), bytes.size());
    return difference;
}

std::optional<Difference> ReplayedMemory::compare() const {
    std::optional<Difference> difference;
    for (size_t at = 0; at < actual_.size(); at += kChunk) {
        const size_t bytes = std::min(kChunk, actual_.size() - at);
        if (std::memcmp(actual_.data() + at, expected_.data() + at, bytes) == 0) continue;
        for (size_t i = at; i < at + bytes; ++i)
            if (actual_[i] != expected_.data()[i])
                note(difference, i, expected_.data()[i], actual_[i]);
    }
    return difference;
}

}  // namespace viaduct::replay
