// A guest under the profile "test": what it sees, and where it is refused.
#include <amdgpu_drm.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <csignal>

#include "tests/integration/abi/vmm.h"
#include "tests/integration/isolation/workers.h"
#include "wire/capset.h"

namespace viaduct::test {
namespace {

namespace w = wire::amdgpu;
constexpr uint64_t kMiB = 1 << 20;

class Limits : public testing::Test {
  protected:
    template <typename T>
    T query(GuestContext& guest, uint32_t what, uint32_t ip_type = 0) {
        w::QueryInfoRequest request{};
        request.return_size = sizeof(T);
        request.query = what;
        std::memcpy(request.args, &ip_type, sizeof(ip_type));
        const auto answer = guest.call(static_cast<uint32_t>(w::Command::kQueryInfo), request,
                                       sizeof(w::Response) + sizeof(T));
        T value;
        std::memcpy(&value, answer.data() + sizeof(w::Response), sizeof(value));
        return value;
    }
    uint64_t sum_of_heaps(GuestContext& guest) {
        const auto memory = query<drm_amdgpu_memory_info>(guest, AMDGPU_INFO_MEMORY);
        return memory.vram.total_heap_size + memory.gtt.total_heap_size;
    }
    /// As the control buffer has it.
    uint64_t shown_use(GuestContext& guest) {
        w::Shmem shown;
        std::memcpy(&shown, guest.control().data(), sizeof(shown));
        return shown.vram.heap_usage + shown.gtt.heap_usage;
    }
    uint64_t use_of_heaps(GuestContext& guest) {
        const auto memory = query<drm_amdgpu_memory_info>(guest, AMDGPU_INFO_MEMORY);
        return memory.vram.heap_usage + memory.gtt.heap_usage;
    }

    Vmm vmm_;
    GuestContext guest_{vmm_, 1};
};

TEST_F(Limits, HeapsHaveTheSizeOfTheBudget) {
    EXPECT_EQ(sum_of_heaps(guest_), 48 * kMiB);  // the context's limit is the smaller one
    const auto sizes = query<drm_amdgpu_info_vram_gtt>(guest_, AMDGPU_INFO_VRAM_GTT);
    EXPECT_EQ(sizes.vram_size + sizes.gtt_size, 48 * kMiB);
    EXPECT_LE(sizes.vram_cpu_accessible_size, sizes.vram_size);
    w::Shmem shown;
    std::memcpy(&shown, guest_.control().data(), sizeof(shown));
    EXPECT_EQ(shown.vram.heap_size + shown.gtt.heap_size, 48 * kMiB);
    EXPECT_LE(shown.vram.max_allocation, shown.vram.heap_size);
}

TEST_F(Limits, UseIsTheGuestsOwn) {
    const uint64_t before = use_of_heaps(guest_);
    const uint32_t buffer = guest_.create_buffer(8 * kMiB);
    ASSERT_NE(buffer, 0u);
    EXPECT_EQ(use_of_heaps(guest_), before + 8 * kMiB);
    EXPECT_EQ(shown_use(guest_), before + 8 * kMiB);
    EXPECT_EQ(query<uint64_t>(guest_, AMDGPU_INFO_GTT_USAGE), before + 8 * kMiB);
    virgl_renderer_resource_unref(buffer);
    ASSERT_TRUE(guest_.settle());
    EXPECT_EQ(use_of_heaps(guest_), before);
}

TEST_F(Limits, PageTablesAreUseOfTheGuestsMemory) {
    constexpr uint64_t kRegion = 2 * kMiB;
    const uint32_t buffer = guest_.create_buffer(4096);
    ASSERT_NE(buffer, 0u);
    const uint64_t before = use_of_heaps(guest_);
    uint64_t mapped = 0;
    while (mapped < 100 && guest_.map_va(buffer, 0x1'0000'0000 + mapped * kRegion, 4096) == 0)
        ++mapped;
    EXPECT_EQ(mapped, 100u);
    EXPECT_EQ(use_of_heaps(guest_), before + 100 * 4096);
    ASSERT_NE(guest_.create_buffer(47 * kMiB), 0u);
    while (mapped < 1000 && guest_.map_va(buffer, 0x1'0000'0000 + mapped * kRegion, 4096) == 0)
        ++mapped;
    EXPECT_LT(mapped, 256u) << "more than a MiB of page tables";
    EXPECT_EQ(guest_.async_error(), 0u);
}

TEST_F(Limits, ControlBuffersAreMemoryOfTheVm) {
    GuestContext large(vmm_, 2, GuestContext::Control::kNone);
    large.create_control(16 * kMiB);
    EXPECT_EQ(guest_.create_buffer(48 * kMiB), 0u);
    EXPECT_NE(guest_.create_buffer(47 * kMiB), 0u);
    GuestContext other(vmm_, 3, GuestContext::Control::kNone);
    EXPECT_EQ(other.create_blob(vmm_.next_res_id(), 0, 2 * kMiB), -ENOMEM);
    other.create_control();
    EXPECT_TRUE(other.settle()) << "a small one fits";
}

TEST_F(Limits, BeyondThemABufferIsRefusedAndTheContextLives) {
    ASSERT_NE(guest_.create_buffer(40 * kMiB), 0u);
    EXPECT_EQ(guest_.create_buffer(9 * kMiB), 0u);
    EXPECT_EQ(guest_.async_error(), 0u);
    EXPECT_NE(guest_.create_buffer(8 * kMiB), 0u) << "exactly what is left";
    EXPECT_EQ(guest_.create_buffer(4096), 0u);

    // The neighbour of the same VM has what is left of the VM's.
    GuestContext neighbour(vmm_, 2);
    EXPECT_EQ(neighbour.create_buffer(17 * kMiB), 0u);
    EXPECT_NE(neighbour.create_buffer(15 * kMiB), 0u);
    EXPECT_NE(neighbour.submit_write(neighbour.create_gpu_context(), 7), 0u);
    EXPECT_EQ(neighbour.async_error(), 0u);
    EXPECT_EQ(guest_.async_error(), 0u);
}

TEST_F(Limits, WhatAContextHeldIsFreeWhenItHasGone) {
    {
        GuestContext other(vmm_, 2);
        ASSERT_NE(other.create_buffer(40 * kMiB), 0u);
        EXPECT_EQ(guest_.create_buffer(40 * kMiB), 0u);
    }
    // Its worker winds down on its own time.
    EXPECT_TRUE(eventually([&] { return guest_.create_buffer(40 * kMiB) != 0; }));
}

// While the VMM has the context still: its guest's process lives on and has noticed nothing yet.
TEST_F(Limits, WhatAKilledWorkerHeldIsFree) {
    if (!has_worker_processes()) GTEST_SKIP() << "there are no workers to kill";
    const std::string name = unique_name("held");
    GuestContext other(vmm_, 2, GuestContext::Control::kCreate, name);
    ASSERT_NE(other.create_buffer(40 * kMiB), 0u);
    EXPECT_EQ(guest_.create_buffer(40 * kMiB), 0u);
    ::kill(worker_of(name), SIGKILL);
    EXPECT_TRUE(eventually([&] { return guest_.create_buffer(40 * kMiB) != 0; }));
}

TEST_F(Limits, Buffers) {
    unsigned made = 0;
    while (made < 200 && guest_.create_buffer(4096) != 0) ++made;
    EXPECT_EQ(made, 100u) << vmm_.log_text();
    EXPECT_EQ(guest_.async_error(), 0u);
}

TEST_F(Limits, QueuesThatAreNotOfferedDoNotExist) {
    const auto rings = [&](uint32_t ip_type) {
        return std::popcount(
            query<drm_amdgpu_info_hw_ip>(guest_, AMDGPU_INFO_HW_IP_INFO, ip_type).available_rings);
    };
    EXPECT_EQ(rings(AMDGPU_HW_IP_GFX), 1);
    EXPECT_EQ(rings(AMDGPU_HW_IP_COMPUTE), 2);
    EXPECT_EQ(rings(AMDGPU_HW_IP_DMA), 0);

    const uint32_t context = guest_.create_gpu_context();
    const auto submit_to = [&](uint32_t timeline, uint32_t ip_type, uint32_t ring) {
        auto request = SubmitBuilder(context, timeline).ib(0x1000, 4, ip_type, ring).build();
        const auto answer =
            guest_.call_bytes(static_cast<uint32_t>(w::Command::kCsSubmit), request, 8);
        w::Response response;
        std::memcpy(&response, answer.data(), sizeof(response));
        return response.ret;
    };
    EXPECT_EQ(submit_to(4, AMDGPU_HW_IP_DMA, 0), -EINVAL);
    EXPECT_EQ(submit_to(4, AMDGPU_HW_IP_COMPUTE, 2), -EINVAL);
}

TEST_F(Limits, Priorities) {
    const auto create = [&](int32_t priority) {
        w::CreateCtxRequest request{};
        request.priority_or_id = priority;
        return guest_.ask<w::CreateCtxResponse>(w::Command::kCreateCtx, request).base.ret;
    };
    EXPECT_EQ(create(AMDGPU_CTX_PRIORITY_NORMAL), 0) << "lowered without a word";
    EXPECT_EQ(create(AMDGPU_CTX_PRIORITY_LOW), 0);
    EXPECT_EQ(create(AMDGPU_CTX_PRIORITY_VERY_LOW), 0);
    EXPECT_EQ(create(AMDGPU_CTX_PRIORITY_HIGH), -EACCES);
    EXPECT_EQ(create(AMDGPU_CTX_PRIORITY_VERY_HIGH), -EACCES);
    EXPECT_EQ(guest_.async_error(), 0u);
}

TEST_F(Limits, Contexts) {
    GuestContext second(vmm_, 2), third(vmm_, 3), fourth(vmm_, 4);
    EXPECT_EQ(virgl_renderer_context_create_with_flags(5, wire::kCapsetDrm, 4, "five"), ENOMEM);
    EXPECT_NE(vmm_.log_text().find("4 contexts"), std::string::npos) << vmm_.log_text();
    EXPECT_NE(fourth.create_buffer(4096), 0u) << vmm_.log_text();
}

// One that is busy takes seconds to end, and its guest may make another one at once.
TEST_F(Limits, ContextsThatWindDownCountAndMakeRoomForNewOnes) {
    if (!has_worker_processes()) GTEST_SKIP() << "a thread cannot be stopped";
    constexpr size_t kContexts = 4, kExiting = 2;
    const std::string name = unique_name("wd");
    const auto create = [&](uint32_t id) {
        return virgl_renderer_context_create_with_flags(
            id, wire::kCapsetDrm, static_cast<uint32_t>(name.size()), name.c_str());
    };
    size_t most = 0;
    for (uint32_t id = 2; id < 40; ++id) {
        (void)create(id);
        for (const pid_t worker : workers_of(name)) ::kill(worker, SIGSTOP);
        virgl_renderer_context_destroy(id);
        most = std::max(most, workers_of(name).size());
    }
    EXPECT_LE(most, kContexts + kExiting);
    EXPECT_TRUE(eventually([&] { return create(50) == 0; }));
    virgl_renderer_context_destroy(50);
}

TEST_F(Limits, TheWindow) {
    const uint32_t six = guest_.create_buffer(6 * kMiB), three = guest_.create_buffer(3 * kMiB);
    {
        const MappedResource first(six);
        EXPECT_TRUE(first.valid()) << vmm_.log_text();
        EXPECT_FALSE(MappedResource(three).valid());
    }
    EXPECT_TRUE(MappedResource(three).valid());
}

// Large buffers that may be shared need one each; small ones only while there are many.
TEST_F(Limits, Descriptors) {
    constexpr uint32_t kShareable = 2;
    constexpr uint64_t kLarge = 256 << 10;
    unsigned made = 0;
    while (made < 100 && guest_.create_buffer(kLarge, 1 | kShareable) != 0) ++made;
    EXPECT_GT(made, 40u);
    EXPECT_LT(made, 60u);
    EXPECT_NE(guest_.create_buffer(4096, 1 | kShareable), 0u) << "takes none now";
    EXPECT_NE(guest_.create_buffer(4096), 0u) << "takes none";
}

}  // namespace
}  // namespace viaduct::test
