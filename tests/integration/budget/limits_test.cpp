// A guest under the profile "test": what it sees, and where it is refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>

#include "tests/integration/abi/vmm.h"
#include "tests/integration/isolation/workers.h"
#include "wire/capset.h"

namespace viaduct::test {
namespace {

class Limits : public testing::Test {
  protected:
    uint64_t use_of_memory() { return guest_.driver().memory().used; }

    Vmm vmm_;
    GuestContext guest_{vmm_, 1};
};

TEST_F(Limits, MemoryHasTheSizeOfTheBudget) {
    EXPECT_EQ(guest_.driver().memory().size, 48 * kMiB);  // the context's limit is the smaller one
}

TEST_F(Limits, UseIsTheGuestsOwn) {
    const uint64_t before = use_of_memory();
    const uint32_t buffer = guest_.create_buffer(8 * kMiB);
    ASSERT_NE(buffer, 0u);
    EXPECT_EQ(use_of_memory(), before + 8 * kMiB);
    virgl_renderer_resource_unref(buffer);
    ASSERT_TRUE(guest_.settle());
    EXPECT_EQ(use_of_memory(), before);
}

// i915 maps when it submits, so that is done each time.
TEST_F(Limits, PageTablesAreUseOfTheGuestsMemory) {
    constexpr uint64_t kRegion = 2 * kMiB, kVa = 0x1'0000'0000;
    const GpuContext context = guest_.create_gpu_context();
    const uint64_t before = use_of_memory();
    unsigned mapped = 0;
    const auto map_one_more = [&] {
        const uint64_t va = kVa + mapped * kRegion;
        const uint32_t batch = guest_.create_batch(va);
        if (batch == 0 || guest_.ask(guest_.submission(context, va, batch)) != 0) return false;
        ++mapped;
        return true;
    };
    while (mapped < 50 && map_one_more()) continue;
    EXPECT_EQ(mapped, 50u) << vmm_.log_text();
    EXPECT_GE(use_of_memory(), before + 50 * (4096 + 4096)) << "a buffer, and a table for it";
    const uint64_t left = 48 * kMiB - use_of_memory();
    ASSERT_NE(guest_.create_buffer(left - 16 * 4096), 0u);
    while (mapped < 90 && map_one_more()) continue;
    EXPECT_LT(mapped, 50u + 10u) << "each takes a table";
    EXPECT_TRUE(guest_.settle());
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
    EXPECT_EQ(guest_.loss_field(), 0u);
    EXPECT_NE(guest_.create_buffer(8 * kMiB), 0u) << "exactly what is left";
    EXPECT_EQ(guest_.create_buffer(4096), 0u);

    // The neighbour of the same VM has what is left of the VM's.
    GuestContext neighbour(vmm_, 2);
    EXPECT_EQ(neighbour.create_buffer(17 * kMiB), 0u);
    EXPECT_NE(neighbour.create_buffer(15 * kMiB), 0u);
    EXPECT_NE(neighbour.submit_write(neighbour.create_gpu_context(), 7), 0u);
    EXPECT_EQ(neighbour.loss_field(), 0u);
    EXPECT_EQ(guest_.loss_field(), 0u);
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
    EXPECT_EQ(guest_.loss_field(), 0u);
}

TEST_F(Limits, QueuesThatAreNotOfferedDoNotExist) {
    const auto offer = guest_.driver().engines();
    EXPECT_EQ(offer.graphics, 1u);
    EXPECT_EQ(offer.others, std::min(guest_.facts().compute_engines, 2u)) << "copy and video: none";
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
    constexpr uint64_t kLarge = 256 << 10;
    unsigned made = 0;
    while (made < 100 && guest_.create_buffer(kLarge, kMappable | kShareable) != 0) ++made;
    EXPECT_GT(made, 40u);
    EXPECT_LT(made, 60u);
    EXPECT_NE(guest_.create_buffer(4096, 1 | kShareable), 0u) << "takes none now";
    EXPECT_NE(guest_.create_buffer(4096), 0u) << "takes none";
}

}  // namespace
}  // namespace viaduct::test
