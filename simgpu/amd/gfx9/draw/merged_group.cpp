#include "simgpu/amd/gfx9/draw/merged_group.h"

#include <algorithm>

#include "simgpu/amd/gfx9/bits.h"

namespace simgpu::gfx9::draw {

namespace {

constexpr uint32_t kScratchRing = 0x286e8;  // SPI_TMPRING_SIZE

// System SGPRs (those that both kinds of groups have alike).
constexpr unsigned kWaveInfo = 3, kScratchOffset = 5;

/// Waves and LDS of the groups of one thread's draws, which run one after the other.
struct GroupScratch {
    Workgroup group;
    std::unique_ptr<Wave[]> waves = std::make_unique<Wave[]>(MergedGroup::kMostWaves);
};

GroupScratch& thread_groups() {
    static thread_local std::unique_ptr<GroupScratch> scratch;
    if (!scratch) {
        scratch = std::make_unique<GroupScratch>();
        scratch->group.lds.assign(kMaxLdsBytes / 4, 0);
    }
    return *scratch;
}

/// How many of `threads` are in a wave.
uint32_t share(unsigned threads, unsigned wave) {
    const unsigned before = wave * kLanes;
    return threads > before ? std::min(threads - before, kLanes) : 0;
}

}  // namespace

MergedGroup::MergedGroup(DrawTools& tools, const ShaderStage& shader, uint32_t lds_bytes)
    : tools_(tools),
      shader_(shader),
      lds_bytes_(std::min(lds_bytes, kMaxLdsBytes)),
      scratch_waves_(bits(tools.draw.registers(kScratchRing), 0, 12)),
      scratch_bytes_(bits(tools.draw.registers(kScratchRing), 12, 13) * 1024),
      program_(std::make_unique<Program>(tools.memory, shader.vgprs())) {}

bool MergedGroup::start(unsigned first, unsigned second) {
    const unsigned count = divide_up(std::max(first, second), kLanes);
    if (count > kMostWaves) return false;
    first_ = first;
    second_ = second;
    GroupScratch& scratch = thread_groups();
    scratch.group.lds_bytes = lds_bytes_;
    std::fill_n(scratch.group.lds.begin(), lds_bytes_ / 4, 0);
    waves_ = {scratch.waves.get(), count};
    for (unsigned i = 0; i < count; i++) start_wave(i);
    return true;
}

// s0 and s1 are the address of user data, s3 says how many threads of each half a wave has, s5 is
// the scratch offset; s2 and s4 are for the caller.
void MergedGroup::start_wave(unsigned number) {
    Wave& wave = waves_[number];
    shader_.start(wave);
    wave.group = &thread_groups().group;
    wave.memory = &tools_.memory;
    wave.graphics = nullptr;
    wave.geometry = nullptr;
    wave.addresses = tools_.wave.addresses;
    wave.border_colours_va = tools_.wave.border_colours_va;
    const uint32_t first = share(first_, number), second = share(second_, number);
    const auto count = static_cast<uint32_t>(waves_.size());
    wave.s[kWaveInfo] =
        first | second << 8 | uint32_t{wave_id(number)} << 16 | number << 24 | count << 28;
    shader_.set_scratch(wave, kScratchOffset,
                        number % std::max(scratch_waves_, 1u) * scratch_bytes_);
    wave.set_exec(first_lanes(std::max(first, second)));
}

bool MergedGroup::run() {
    // FLAT instructions reach LDS too; shaders of other stages have none.
    tools_.memory.set_lds_window(thread_groups().group.lds_data(), lds_bytes_);
    const bool ended = tools_.loop.run_group(waves_, *program_, tools_.outcome);
    tools_.memory.set_lds_window(nullptr, 0);
    return ended && tools_.loop.poll_rarely(shader_.program_va, tools_.outcome);
}

}  // namespace simgpu::gfx9::draw
