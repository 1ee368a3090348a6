#include "simgpu/amd/kernel/video_engine.h"

#include <algorithm>

namespace simgpu::amdgpu {

namespace {

class VideoEngine final : public Engine {
  public:
    JobOutcome execute(const IndirectBuffer& ib, JobEnvironment& environment) override {
        uint64_t va = ib.va;
        uint64_t left = ib.size_bytes;
        while (left != 0) {
            const Span span = environment.memory.resolve(va, Access::kRead);
            if (!span.data || span.size == 0) {
                JobOutcome outcome;
                outcome.kind = JobOutcome::Kind::kFault;
                outcome.fault_va = va;
                outcome.fault_access = Access::kRead;
                return outcome;
            }
            const uint64_t fetched = std::min<uint64_t>(left, span.size);
            va += fetched;
            left -= fetched;
        }
        ++counters_.skipped["video"];
        return {};
    }
    const EngineCounters& counters() const override { return counters_; }

  private:
    EngineCounters counters_;
};

}  // namespace

std::unique_ptr<Engine> create_video_engine() {
    return std::make_unique<VideoEngine>();
}

}  // namespace simgpu::amdgpu
