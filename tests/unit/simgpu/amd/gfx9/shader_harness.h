// Shared by the interpreter's tests: assembled lines, a wave to run single instructions on, and
// a small GPU with memory to run whole programs on.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "simgpu/amd/gfx9/decode/decode.h"
#include "simgpu/amd/gfx9/exec/compute.h"
#include "simgpu/amd/gfx9/memory/shader_memory.h"
#include "simgpu/amd/gfx9/wave/fp_environment.h"
#include "simgpu/amd/gfx9/wave/wave.h"
#include "tests/unit/simgpu/amd/gfx9/executed.h"

namespace simgpu::gfx9::test {

/// Numbers as the registers hold them.
constexpr uint64_t f32(float x) {
    return std::bit_cast<uint32_t>(x);
}
constexpr uint64_t f64(double x) {
    return std::bit_cast<uint64_t>(x);
}
inline constexpr float kInf = std::numeric_limits<float>::infinity();
inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// Where tests have their memory.
inline constexpr uint64_t kVa = 0x400000000;

/// One instruction: assembly text, and the words that assemble.py put beside it.
struct Line {
    const char* text;
    std::vector<uint32_t> words;
};

/// Mappings at chosen addresses; anything else faults.
class FakeMemory final : public GpuMemory {
  public:
    void map(uint64_t va, size_t bytes, bool writable = true) {
        Mapping& mapping = mappings_[va];
        mapping.words.assign((bytes + 7) / 8, 0);
        mapping.bytes = bytes;
        mapping.writable = writable;
    }
    Span resolve(uint64_t va, Access access) override {
        resolves++;
        va &= (uint64_t{1} << 48) - 1;
        auto next = mappings_.upper_bound(va);
        if (next == mappings_.begin()) return {};
        auto& [start, mapping] = *std::prev(next);
        if (va - start >= mapping.bytes) return {};
        if (access == Access::kWrite && !mapping.writable) return {};
        return {mapping.data() + (va - start), mapping.bytes - (va - start)};
    }
    std::byte* at(uint64_t va) { return resolve(va, Access::kRead).data; }
    uint32_t& dword(uint64_t va) { return *reinterpret_cast<uint32_t*>(at(va)); }
    uint64_t& qword(uint64_t va) { return *reinterpret_cast<uint64_t*>(at(va)); }

    unsigned resolves = 0;

  private:
    struct Mapping {
        std::vector<uint64_t> words;
        size_t bytes = 0;
        bool writable = true;
        std::byte* data() { return reinterpret_cast<std::byte*>(words.data()); }
    };
    std::map<uint64_t, Mapping> mappings_;
};

/// A wave with memory and LDS, to execute instructions one by one.
class WaveBench {
  public:
    WaveBench() : memory_(fake) {
        group.lds.assign(kMaxLdsBytes / 4, 0);
        group.lds_bytes = 4096;
        wave = std::make_unique<Wave>();
        wave->reset(256);
        wave->group = &group;
        wave->memory = &memory_;
        wave->mode_bits = 0xf0 | mode::kDx10Clamp;  // round to nearest, keep denormals
        memory_.set_lds_window(group.lds_data(), group.lds_bytes);
    }
    void run_words(const std::vector<uint32_t>& words) {
        const uint32_t two[2] = {words[0], words.size() > 1 ? words[1] : 0xdeadbeef};
        const Instruction in = decode(two, 256);
        note_executed(in);
        decoded_size = in.size;
        FpEnvironment fp;
        fp.prepare(in.fp, wave->mode_bits);
        wave->pc += in.size;
        in.handler(*wave, in);
    }
    void run(const Line& line) { run_words(line.words); }

    void fill(unsigned vgpr, uint32_t value) {
        for (uint32_t& lane : wave->v[vgpr].lane) lane = value;
    }
    void fill64(unsigned vgpr, uint64_t value) {
        fill(vgpr, static_cast<uint32_t>(value));
        fill(vgpr + 1, static_cast<uint32_t>(value >> 32));
    }
    uint32_t lane(unsigned vgpr, unsigned lane) const { return wave->v[vgpr].lane[lane]; }
    uint64_t lane64(unsigned vgpr, unsigned lane) const {
        return wave->v[vgpr].lane[lane] | static_cast<uint64_t>(wave->v[vgpr + 1].lane[lane]) << 32;
    }

    FakeMemory fake;
    Workgroup group;
    std::unique_ptr<Wave> wave;
    unsigned decoded_size = 0;

  private:
    ShaderMemory memory_;
};

/// Runs whole dispatches. Code is at kCode, a buffer of data at kData.
class ShaderBench {
  public:
    static constexpr uint64_t kCode = 0x100000;
    static constexpr uint64_t kData = 0x800000000000 - 0x1000000;
    static constexpr size_t kDataBytes = 1 << 20;

    ShaderBench() {
        memory.map(kCode, 64 << 10);
        memory.map(kData, kDataBytes);
        dispatch.program_va = kCode;
        dispatch.pgm_rsrc1 = 63 | 0xc0u << 12 | 1u << 21;  // all VGPRs; FLOAT_MODE; DX10_CLAMP
        dispatch.initiator = 1;
        for (uint32_t& count : dispatch.threads) count = 1;
        for (uint32_t& count : dispatch.groups) count = 1;
        set_user_sgprs(0);
    }
    void load(const std::vector<Line>& program) {
        uint64_t va = kCode;
        for (const Line& line : program)
            for (uint32_t word : line.words) {
                memory.dword(va) = word;
                va += 4;
            }
    }
    void set_user_sgprs(unsigned count) {
        dispatch.pgm_rsrc2 = (dispatch.pgm_rsrc2 & ~(31u << 1)) | count << 1;
    }
    /// s[0:1] is the address of the data, as many tests want.
    void pass_data_address() {
        dispatch.user_data[0] = static_cast<uint32_t>(kData);
        dispatch.user_data[1] = static_cast<uint32_t>(kData >> 32);
        set_user_sgprs(2);
    }
    void enable_group_ids() { dispatch.pgm_rsrc2 |= 7u << 7; }
    void set_lds_bytes(uint32_t bytes) { dispatch.pgm_rsrc2 |= (bytes + 511) / 512 << 15; }
    void set_threads(uint32_t x, uint32_t y = 1, uint32_t z = 1) {
        dispatch.threads[0] = x;
        dispatch.threads[1] = y;
        dispatch.threads[2] = z;
        const unsigned components = z > 1 ? 2 : y > 1 ? 1 : 0;
        dispatch.pgm_rsrc2 = (dispatch.pgm_rsrc2 & ~(3u << 11)) | components << 11;
    }
    JobOutcome run() {
        JobEnvironment environment{memory, stop, deadline_ns};
        return run_dispatch(dispatch, environment, counters);
    }
    uint32_t& data(unsigned index) { return memory.dword(kData + 4 * uint64_t{index}); }

    FakeMemory memory;
    Dispatch dispatch;
    EngineCounters counters;
    std::atomic<bool> stop{false};
    uint64_t deadline_ns = UINT64_MAX;
};

}  // namespace simgpu::gfx9::test
