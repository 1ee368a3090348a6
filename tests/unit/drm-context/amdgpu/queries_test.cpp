// Queries of the device: a guest learns nothing that it cannot use, and nothing about others.
#include "tests/unit/drm-context/amdgpu/fixture.h"

#include <chrono>
#include <thread>

#include "drm-context/amdgpu/capset.h"

namespace viaduct::amdgpu {
namespace {

// Of Linux 6.16 <drm/amdgpu_drm.h>; not taken from the table under test.
constexpr size_t kUserqIpMask = 436, kDeviceInfo = 448;
constexpr size_t kUserqSlots = 32, kHwIpInfo = 40;

class AmdgpuQueries : public AmdgpuContextTest {
  protected:
    using AmdgpuContextTest::AmdgpuContextTest;

    struct Answer {
        int32_t ret = 0;
        std::vector<std::byte> bytes;
    };
    Answer query(uint32_t what, uint32_t size) {
        w::QueryInfoRequest request{};
        request.query = what;
        request.return_size = size;
        const uint32_t room = sizeof(w::Response) + size;
        std::memcpy(response_area(), &room, sizeof(room));
        (void)run(w::Command::kQueryInfo, request);
        Answer answer;
        std::memcpy(&answer.ret, response_area() + offsetof(w::Response, ret), sizeof(answer.ret));
        const std::byte* bytes = response_area() + sizeof(w::Response);
        answer.bytes = {bytes, bytes + size};
        return answer;
    }
    uint64_t number(uint32_t what) {
        const Answer answer = query(what, sizeof(uint64_t));
        EXPECT_EQ(answer.ret, 0) << what;
        uint64_t value = 0;
        std::memcpy(&value, answer.bytes.data(), sizeof(value));
        return value;
    }
    void script(uint32_t what, size_t size) {
        kernel_.infos[what] = std::vector<std::byte>(size, std::byte{0xff});
    }
};

TEST_F(AmdgpuQueries, UserQueuesAreNotOfferedInAnswersOfAnySize) {
    script(AMDGPU_INFO_DEV_INFO, kDeviceInfo);
    for (const uint32_t size : {uint32_t{4}, 368u, 436u, 437u, 438u, 440u, 448u, 512u}) {
        const Answer answer = query(AMDGPU_INFO_DEV_INFO, size);
        EXPECT_EQ(answer.ret, 0);
        for (size_t at = 0; at < size; ++at) {
            const bool hidden = at >= kUserqIpMask && at < kUserqIpMask + 4;
            EXPECT_EQ(answer.bytes[at], std::byte(hidden || at >= kDeviceInfo ? 0 : 0xff))
                << at << " of " << size;
        }
    }
    script(AMDGPU_INFO_HW_IP_INFO, kHwIpInfo);
    for (const uint32_t size : {32u, 33u, 36u, 40u}) {
        const Answer answer = query(AMDGPU_INFO_HW_IP_INFO, size);
        EXPECT_EQ(answer.ret, 0);
        for (size_t at = kUserqSlots; at < std::min<size_t>(size, kUserqSlots + 4); ++at)
            EXPECT_EQ(answer.bytes[at], std::byte{0}) << at << " of " << size;
    }
}

TEST_F(AmdgpuQueries, WhatUserQueuesNeedIsAnUnknownQuery) {
    script(0x24, 64);
    EXPECT_EQ(query(0x24, 64).ret, -EINVAL);
    EXPECT_EQ(query(0x24, 64).bytes[0], std::byte{0});
}

TEST_F(AmdgpuQueries, MemoryInUseIsTheVmsOwnWithoutABudgetToo) {
    drm_amdgpu_memory_info memory{};
    memory.vram.total_heap_size = memory.gtt.total_heap_size = 1 << 30;
    memory.vram.heap_usage = memory.gtt.heap_usage = 777 << 20;
    memory.cpu_accessible_vram = memory.vram;
    const auto* bytes = reinterpret_cast<const std::byte*>(&memory);
    kernel_.infos[AMDGPU_INFO_MEMORY] = {bytes, bytes + sizeof(memory)};
    for (const uint32_t usage :
         {AMDGPU_INFO_VRAM_USAGE, AMDGPU_INFO_GTT_USAGE, AMDGPU_INFO_VIS_VRAM_USAGE}) {
        script(usage, sizeof(uint64_t));
        EXPECT_EQ(number(usage), 0u);
    }
    create_buffer(1);
    ASSERT_TRUE(gem_new(2, 1 << 20, AMDGPU_GEM_DOMAIN_VRAM));
    EXPECT_EQ(number(AMDGPU_INFO_GTT_USAGE), 4096u);
    EXPECT_EQ(number(AMDGPU_INFO_VRAM_USAGE), 1u << 20);
    EXPECT_EQ(number(AMDGPU_INFO_VIS_VRAM_USAGE), 1u << 20);
    drm_amdgpu_memory_info seen;
    const Answer answer = query(AMDGPU_INFO_MEMORY, sizeof(seen));
    std::memcpy(&seen, answer.bytes.data(), sizeof(seen));
    EXPECT_EQ(seen.vram.heap_usage, 1u << 20);
    EXPECT_EQ(seen.vram.total_heap_size, 1u << 30);
    EXPECT_EQ(shmem().gtt.heap_usage, 4096u);
}

class AmdgpuShortage : public AmdgpuQueries {
  protected:
    static constexpr uint64_t kHeap = 1 << 30;
    AmdgpuShortage() {
        drm_amdgpu_memory_info memory{};
        memory.vram.total_heap_size = memory.gtt.total_heap_size = kHeap;
        memory.vram.max_allocation = memory.gtt.max_allocation = kHeap / 4 * 3;
        memory.cpu_accessible_vram = memory.vram;
        const auto* bytes = reinterpret_cast<const std::byte*>(&memory);
        kernel_.infos[AMDGPU_INFO_MEMORY] = {bytes, bytes + sizeof(memory)};
    }
    void refuse(uint64_t size, uint32_t heap) {
        kernel_.create_error = ENOMEM;
        EXPECT_FALSE(gem_new(77, size, heap));
        kernel_.create_error = 0;
    }
    static constexpr std::chrono::seconds kLong{5};
    bool heaps_look_full() const { return shmem().vram.heap_usage == kHeap; }
};

// Drivers try that: the kernel has no other errno for a buffer that would fit nowhere.
TEST_F(AmdgpuShortage, ABufferThatIsLargerThanItsHeapDoesNotMakeTheHeapsLookFull) {
    for (const uint32_t heap : {AMDGPU_GEM_DOMAIN_VRAM, AMDGPU_GEM_DOMAIN_GTT}) {
        refuse(kHeap, heap);
        EXPECT_FALSE(heaps_look_full()) << heap;
    }
    refuse(4096, AMDGPU_GEM_DOMAIN_GDS);
    EXPECT_FALSE(heaps_look_full()) << "no memory of a heap";
    refuse(kHeap / 4 * 3, AMDGPU_GEM_DOMAIN_VRAM);
    EXPECT_TRUE(heaps_look_full());
}

// A program that goes by the heaps would never try such a buffer again.
TEST_F(AmdgpuShortage, LastsASecondAtMost) {
    const uint32_t gpu_context = create_gpu_context();
    const auto start = std::chrono::steady_clock::now();
    refuse(1 << 20, AMDGPU_GEM_DOMAIN_VRAM);
    EXPECT_EQ(submit(gpu_context), 0);
    EXPECT_TRUE(heaps_look_full());
    while (heaps_look_full() && std::chrono::steady_clock::now() < start + kLong) {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        EXPECT_EQ(submit(gpu_context), 0);
    }
    EXPECT_FALSE(heaps_look_full());
    EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
    refuse(1 << 20, AMDGPU_GEM_DOMAIN_VRAM);
    EXPECT_TRUE(heaps_look_full()) << "again";
}

TEST_F(AmdgpuQueries, CountersOfTheWholeDeviceAreZero) {
    for (const uint32_t counter : {AMDGPU_INFO_NUM_EVICTIONS, AMDGPU_INFO_NUM_BYTES_MOVED,
                                   AMDGPU_INFO_NUM_VRAM_CPU_PAGE_FAULTS}) {
        script(counter, sizeof(uint64_t));
        EXPECT_EQ(number(counter), 0u) << counter;
    }
}

TEST_F(AmdgpuQueries, SensorsAreReadUnlessTheProfileForbidsIt) {
    script(AMDGPU_INFO_SENSOR, 4);
    EXPECT_EQ(query(AMDGPU_INFO_SENSOR, 4).ret, 0);
}

class NothingAllowed : public AmdgpuQueries {
  protected:
    static ContextLimits nothing() {
        ContextLimits limits;
        limits.allowed = 0;
        return limits;
    }
    NothingAllowed() : AmdgpuQueries(nothing()) {}
};

TEST_F(NothingAllowed, SensorsAreAsOnAGpuThatHasNone) {
    script(AMDGPU_INFO_SENSOR, 4);
    const Answer answer = query(AMDGPU_INFO_SENSOR, 4);
    EXPECT_EQ(answer.ret, -EINVAL);
    EXPECT_EQ(answer.bytes[0], std::byte{0});
}

TEST(HostPages, OfAnotherSizeThanTheGuestsAreRefusedWithAReason) {
    EXPECT_TRUE(check_page_size(4096));
    for (const long size : {16384L, 65536L}) {
        const Status status = check_page_size(size);
        ASSERT_FALSE(status);
        EXPECT_EQ(status.error().code, ENOTSUP);
        EXPECT_NE(status.error().message.find(std::to_string(size)), std::string::npos);
    }
}

}  // namespace
}  // namespace viaduct::amdgpu
