// Chips after Tiger Lake: LSC's messages, what their encodings moved, and what each lacks.
#include <gmock/gmock.h>

#include "tests/unit/simgpu/intel/eu/eu_test.h"

namespace simgpu::intel::eu {

namespace {

constexpr uint8_t kUgm = 15;
// Opcodes, sizes and surface types of LSC descriptors (Mesa's brw_eu_defines.h).
constexpr uint32_t kLoad = 0, kStore = 4, kAtomicAdd = 12;
constexpr uint32_t kA32 = 2, kA64 = 3, kD32 = 2;
constexpr uint32_t kFlat = 0, kByIndex = 3;

struct Lsc {
    uint32_t opcode = kLoad;
    uint32_t address = kA64;
    uint32_t surface = kFlat;
    unsigned length = 0;    // registers of addresses
    unsigned response = 0;  // registers
};
constexpr uint32_t descriptor(const Lsc& lsc) {
    return lsc.opcode | lsc.address << 7 | kD32 << 9 | lsc.response << 20 | lsc.length << 25 |
           lsc.surface << 29;
}

/// The extended descriptor's bits 31:12 of a message that has it as an immediate.
Words with_extended(Words words, uint32_t extended) {
    words.set(127, 124, extended >> 28);
    words.set(97, 96, extended >> 26 & 3);
    words.set(65, 64, extended >> 24 & 3);
    words.set(47, 35, extended >> 11 & 0x1fff);
    return words;
}

/// The same instruction as Xe2 encodes it. `second_half`: of the destination's 64 bytes.
Words to_xe2(const Words& from, bool second_half = false) {
    Words to = from;
    to.set(20, 18, from.bits(18, 16));
    to.set(17, 16, 0);
    to.set(21, 21, from.bits(22, 22));
    to.set(23, 22, from.bits(23, 23));
    to.set(25, 24, from.bits(21, 20));
    to.set(27, 26, from.bits(25, 24));
    if (from.bits(6, 0) == 0x31) return to;
    to.set(33, 33, from.bits(51, 51));
    to.set(55, 51, from.bits(55, 52) | second_half << 4);
    if (from.bit(46)) return to;  // the immediate's place
    to.set(87, 87, from.bits(67, 67));
    to.set(71, 67, from.bits(71, 68));
    to.set(86, 84, from.bits(87, 84));
    return to;
}

/// Runs kernels of 8 channels on the chip that a test names. r2 to r7 are theirs; addresses take
/// r10 and r11.
class LscTest : public EngineTest {
  protected:
    static constexpr uint64_t kKernel = 0x10'0000;
    static constexpr unsigned kAddress = 10;

    static Reg element(unsigned number, unsigned index) {
        return {.number = number, .byte = 4 * index};
    }
    /// Consecutive dwords from `start` on, as addresses of 64 bits.
    std::vector<Words> addresses(uint64_t start) const {
        std::vector<Words> code;
        for (unsigned i = 0; i < kChannels; i++) {
            const unsigned byte = 8 * i, grf = chip_->grf_bytes;
            for (const auto& [at, value] :
                 {std::pair(byte, low(start + 4 * i)), std::pair(byte + 4, high(start + 4 * i))})
                code.push_back(set_dword(kAddress + at / grf, at % grf, value));
        }
        return code;
    }
    Words set_dword(unsigned number, unsigned byte, uint32_t value) const {
        constexpr unsigned kHalf = 32;
        return native(mov_imm({.number = number, .byte = byte % kHalf}, Type::kUD, value,
                              {.channels = 1, .no_mask = true}),
                      byte >= kHalf);
    }
    /// As the chip encodes it.
    Words native(const Words& words, bool second_half = false) const {
        return chip_->generation >= Generation::kXe2 ? to_xe2(words, second_half) : words;
    }
    /// Registers that 8 addresses of 64 bits take.
    unsigned address_registers() const { return 64 / chip_->grf_bytes; }

    Words load(unsigned to, const Lsc& lsc = {}) const {
        Lsc all = lsc;
        all.length = all.address == kA64 ? address_registers() : 1;
        all.response = 1;
        return native(
            send(r(to), {.sfid = kUgm, .descriptor = descriptor(all), .payload = kAddress}));
    }
    Words store(unsigned from, uint32_t opcode = kStore) const {
        const Lsc lsc{opcode, kA64, kFlat, address_registers(), 0};
        return native(send(null(), {.sfid = kUgm,
                                    .descriptor = descriptor(lsc),
                                    .payload = kAddress,
                                    .payload2 = from,
                                    .length2 = 1}));
    }

    JobOutcome run_on(const char* chip, const std::vector<Words>& code) {
        chip_ = find_chip_info(chip);
        std::vector<Words> kernel = code;
        kernel.push_back(native(end_of_thread()));
        memory_.map(kKernel, kernel.size() * sizeof(Words));
        for (size_t i = 0; i < kernel.size(); i++) memory_.put(kKernel + i * 16, kernel[i]);
        Walker walker;
        walker.kernel_va = kKernel;
        walker.end = {1, 1, 1};
        JobEnvironment environment{memory_, stop_, deadline_ns_};
        return run_walker(walker, bases_, *chip_, environment, counters_);
    }
    void use(const char* chip) { chip_ = find_chip_info(chip); }

    static std::vector<Words> join(std::initializer_list<std::vector<Words>> parts) {
        std::vector<Words> all;
        for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
        return all;
    }

    const ChipInfo* chip_ = nullptr;
    StateBases bases_;
    EngineCounters counters_;
};

class LscOnEach : public LscTest, public testing::WithParamInterface<const char*> {
  protected:
    LscOnEach() { use(GetParam()); }
    JobOutcome run_code(const std::vector<Words>& code) { return run_on(GetParam(), code); }
};
INSTANTIATE_TEST_SUITE_P(, LscOnEach, testing::Values("mtl", "lnl"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(LscOnEach, LoadsComputesAndStores) {
    for (unsigned i = 0; i < kChannels; i++) memory_.put<uint32_t>(kOther + 4 * i, 100 * i);
    const Words add = native(op2_imm(0x40, r(3), r(2), Type::kUD, 7));
    ASSERT_TRUE(
        is_done(run_code(join({addresses(kOther), {load(2), add}, addresses(kData), {store(3)}}))));
    for (unsigned i = 0; i < kChannels; i++) EXPECT_EQ(dword(kData + 4 * i), 100 * i + 7) << i;
    EXPECT_EQ(dword(kData + 4 * kChannels), 0u);
}

TEST_P(LscOnEach, AtomicsAddInMemory) {
    memory_.put<uint32_t>(kData, 1000);
    const Words two = native(mov_imm(r(2), Type::kUD, 2));
    ASSERT_TRUE(is_done(run_code(join({addresses(kData), {two, store(2, kAtomicAdd)}}))));
    EXPECT_EQ(dword(kData), 1002u);
    EXPECT_EQ(dword(kData + 4), 2u);
}

TEST_P(LscOnEach, SurfacesOfABindingTableAreBounded) {
    constexpr uint64_t kTables = 0x20'0000;
    constexpr uint32_t kState = 64, kBytes = 12;
    memory_.map(kTables, 4096);
    memory_.put<uint32_t>(kTables, kState);
    bases_.surface = bases_.binding_table_pool = kTables;
    bases_.pool_enabled = true;
    memory_.put<uint32_t>(kTables + kState, 4u << 29 | 0x1ffu << 18);
    memory_.put<uint32_t>(kTables + kState + 8, kBytes - 1);
    memory_.put<uint64_t>(kTables + kState + 32, kOther);
    for (unsigned i = 0; i < kChannels; i++) memory_.put<uint32_t>(kOther + 4 * i, 50 + i);
    std::vector<Words> offsets;
    for (unsigned i = 0; i < kChannels; i++) offsets.push_back(set_dword(kAddress, 4 * i, 4 * i));
    ASSERT_TRUE(is_done(run_code(join({offsets,
                                       {load(2, {.address = kA32, .surface = kByIndex})},
                                       addresses(kData),
                                       {store(2)}}))));
    for (unsigned i = 0; i < kChannels; i++)
        EXPECT_EQ(dword(kData + 4 * i), i < 3 ? 50 + i : 0) << i;
}

// The function's table takes the bits of the condition and of the sources' modifiers.
TEST_F(LscTest, BooleanFunctionsOfThreeSources) {
    use("mtl");
    constexpr uint32_t kBits[] = {0xff00ff00, 0x0f0f0f0f, 0x33333333};
    for (unsigned table = 0; table < 256; table++) {
        Words bfn = op3(0x6b, r(6), r(2), r(3), r(4));
        bfn.set(95, 92, table >> 4);
        bfn.set(87, 84, table & 15);
        ASSERT_TRUE(is_done(run_on(
            "mtl", join({{mov_imm(r(2), Type::kUD, kBits[0]), mov_imm(r(3), Type::kUD, kBits[1]),
                          mov_imm(r(4), Type::kUD, kBits[2]), bfn},
                         addresses(kData),
                         {store(6)}}))));
        uint32_t expected = 0;
        for (unsigned bit = 0; bit < 32; bit++) {
            const unsigned row =
                (kBits[0] >> bit & 1) | (kBits[1] >> bit & 1) << 1 | (kBits[2] >> bit & 1) << 2;
            expected |= (table >> row & 1) << bit;
        }
        ASSERT_EQ(dword(kData), expected) << "function " << table;
    }
}

TEST_F(LscTest, Xe2AddsTheOffsetOfTheDescriptor) {
    use("lnl");
    for (unsigned i = 0; i < 64; i++) memory_.put<uint32_t>(kOther + 4 * i, i);
    for (const int32_t offset : {64, -32}) {
        const Words shifted = with_extended(load(2), static_cast<uint32_t>(offset) << 12);
        ASSERT_TRUE(is_done(run_on(
            "lnl", join({addresses(kOther + 32), {shifted}, addresses(kData), {store(2)}}))));
        EXPECT_EQ(dword(kData), static_cast<uint32_t>(32 + offset) / 4) << offset;
    }
}

TEST_F(LscTest, TigerLakeHasNone) {
    use("tgl");
    const JobOutcome outcome = run_on("tgl", join({addresses(kData), {store(2)}}));
    EXPECT_EQ(outcome.kind, JobOutcome::Kind::kBadShader);
    EXPECT_THAT(outcome.report, testing::HasSubstr("no such shared function"));
}

TEST_F(LscTest, Xe2HasNoDataPorts) {
    use("lnl");
    const Words read =
        send(r(2), {.sfid = 12, .descriptor = data_port(0x01, 0x2e, 0, 1, 1), .payload = 1});
    const JobOutcome outcome = run_on("lnl", {native(read)});
    EXPECT_EQ(outcome.kind, JobOutcome::Kind::kBadShader);
    EXPECT_THAT(outcome.report, testing::HasSubstr("no such shared function"));
}

}  // namespace

}  // namespace simgpu::intel::eu
