// A cursor over the dwords of one indirect buffer.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "simgpu/engine/job_run.h"

namespace simgpu {

/// Reads commands from GPU memory, each dword once. The size is what the packet that started the
/// buffer said: nothing beyond it is ever fetched.
class CommandStream {
  public:
    /// `va` is rounded down to a dword, as the hardware ignores its low bits.
    CommandStream(uint64_t va, uint32_t dwords) : va_(va & ~uint64_t{3}), left_(dwords) {}

    uint32_t dwords_left() const { return left_; }
    /// Address of the next dword.
    uint64_t va() const { return va_; }
    /// Fills `out` with the next `count` dwords, count <= dwords_left(). False: the job ended.
    bool fetch(JobRun& job, uint32_t count, std::vector<uint32_t>& out) {
        out.clear();
        return fetch_more(job, count, out);
    }
    /// As fetch(), but appends.
    bool fetch_more(JobRun& job, uint32_t count, std::vector<uint32_t>& out) {
        const size_t before = out.size();
        out.resize(before + count);
        if (!job.read_dwords(va_, std::span(out).subspan(before))) return false;
        skip(count);
        return true;
    }
    /// Passes over up to `count` dwords.
    void skip(uint32_t count) {
        const uint32_t taken = count < left_ ? count : left_;
        va_ += uint64_t{taken} * sizeof(uint32_t);
        left_ -= taken;
    }

  private:
    uint64_t va_;
    uint32_t left_;
};

}  // namespace simgpu
