// Report: what a replay has found, for people.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace viaduct::replay {

struct Report {
    /// More differences are counted only: one mistake may have thousands.
    static constexpr size_t kMostSentences = 20;

    uint64_t contexts = 0;
    uint64_t submissions = 0;
    uint64_t fences = 0;
    uint64_t answers = 0;
    uint64_t compared_bytes = 0;     // of buffers
    uint64_t unexplained_bytes = 0;  // ReplayedMemory::unexplained()
    uint64_t differences = 0;
    uint64_t different_buffers = 0;      // of those
    std::vector<std::string> sentences;  // the first differences
    std::vector<std::string> notes;      // worth a line, and not different

    void add_difference(std::string sentence) {
        ++differences;
        if (sentences.size() < kMostSentences) sentences.push_back(std::move(sentence));
    }
};

}  // namespace viaduct::replay
