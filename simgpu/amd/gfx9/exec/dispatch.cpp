// Running a dispatch: workgroup after workgroup, its waves in turn from barrier to barrier.
#include <algorithm>
#include <memory>

#include "simgpu/amd/gfx9/decode/program.h"
#include "simgpu/amd/gfx9/exec/compute.h"
#include "simgpu/amd/gfx9/exec/registers.h"
#include "simgpu/amd/gfx9/exec/wave_loop.h"
#include "simgpu/amd/gfx9/memory/shader_memory.h"
#include "simgpu/amd/gfx9/wave/wave.h"

namespace simgpu::gfx9 {

namespace {

struct Size3 {
    uint32_t x, y, z;
    uint64_t volume() const { return uint64_t{x} * y * z; }
};

class DispatchRun {
  public:
    DispatchRun(const Dispatch& dispatch, JobEnvironment& environment, EngineCounters& counters)
        : dispatch_(dispatch),
          registers_(dispatch),
          memory_(environment.memory),
          loop_(memory_, environment, counters),
          program_(memory_, registers_.vgprs()) {}

    JobOutcome run();

  private:
    JobOutcome run_group(const uint32_t id[3]);
    void start_wave(Wave& wave, unsigned number, const uint32_t id[3], Size3 size, unsigned waves);

    const Dispatch& dispatch_;
    const ComputeRegisters registers_;
    ShaderMemory memory_;
    WaveLoop loop_;
    Program program_;
    Workgroup group_;
    std::unique_ptr<Wave[]> waves_;
};

JobOutcome DispatchRun::run() {
    if (const std::string problem = registers_.problem(); !problem.empty())
        return make_outcome(JobOutcome::Kind::kBadShader, problem);
    const GridRange grid = registers_.grid();
    group_.lds.assign(kMaxLdsBytes / 4, 0);
    group_.lds_bytes = registers_.lds_bytes();
    memory_.set_lds_window(group_.lds_data(), group_.lds_bytes);
    uint32_t id[3];
    for (id[2] = grid.start[2]; id[2] < grid.end[2]; id[2]++)
        for (id[1] = grid.start[1]; id[1] < grid.end[1]; id[1]++)
            for (id[0] = grid.start[0]; id[0] < grid.end[0]; id[0]++) {
                JobOutcome outcome = run_group(id);
                if (!outcome.done()) return outcome;
            }
    return {};
}

JobOutcome DispatchRun::run_group(const uint32_t id[3]) {
    const GridRange grid = registers_.grid();
    const Size3 size{grid.group_size(0, id[0]), grid.group_size(1, id[1]),
                     grid.group_size(2, id[2])};
    const auto waves = static_cast<unsigned>((size.volume() + kLanes - 1) / kLanes);
    if (!waves_) waves_ = std::make_unique<Wave[]>(registers_.waves_per_group());
    std::fill_n(group_.lds.begin(), (group_.lds_bytes + 3) / 4, 0);
    for (unsigned i = 0; i < waves; i++) start_wave(waves_[i], i, id, size, waves);

    JobOutcome outcome;
    if (!loop_.run_group({waves_.get(), waves}, program_, outcome)) return outcome;
    // A storm of tiny groups must stay stoppable too.
    loop_.poll(dispatch_.program_va, outcome);
    return outcome;
}

// Lane l of wave n is thread 64 n + l, counted along x, then y, then z.
void set_thread_ids(Wave& wave, unsigned number, Size3 size) {
    const uint64_t threads = size.volume();
    uint64_t exec = 0;
    for (unsigned lane = 0; lane < kLanes; lane++) {
        const uint32_t thread = number * kLanes + lane;
        if (thread < threads) exec |= uint64_t{1} << lane;
        wave.v[0].lane[lane] = thread % size.x;
        wave.v[1].lane[lane] = thread / size.x % size.y;
        wave.v[2].lane[lane] = thread / size.x / size.y % size.z;
    }
    wave.set_exec(exec);
}

// Initial SGPRs: user data, the group's coordinates, its size, the scratch offset; each only if
// enabled. Initial VGPRs: the thread's coordinates (Vega ISA, "Compute shader initialization").
void DispatchRun::start_wave(Wave& wave, unsigned number, const uint32_t id[3], Size3 size,
                             unsigned waves) {
    wave.reset(registers_.vgprs());
    wave.pc = dispatch_.program_va & ~uint64_t{3};
    wave.mode_bits = registers_.mode();
    wave.group = &group_;
    wave.memory = &memory_;
    wave.addresses = dispatch_.addresses;
    wave.border_colours_va = dispatch_.border_colours_va;
    unsigned next = 0;
    for (; next < registers_.user_sgprs(); next++) wave.s[next] = dispatch_.user_data[next];
    for (unsigned axis = 0; axis < 3; axis++)
        if (registers_.group_id_enabled(axis)) wave.s[next++] = id[axis];
    // Bits 5:0 count the group's waves, 11:6 number this one.
    if (registers_.group_size_enabled()) wave.s[next++] = waves | number << 6;
    if (registers_.scratch_enabled()) {
        const uint32_t slot = number % std::max(registers_.scratch_waves(), 1u);
        wave.s[next++] = slot * registers_.scratch_bytes_per_wave();
    }
    set_thread_ids(wave, number, size);
}

}  // namespace

JobOutcome run_dispatch(const Dispatch& dispatch, JobEnvironment& environment,
                        EngineCounters& counters) {
    return DispatchRun(dispatch, environment, counters).run();
}

}  // namespace simgpu::gfx9
