// The thinnest way through: a hand-written guest draws nothing, but its bytes arrive.
#include <gtest/gtest.h>

#include "tests/integration/abi/vmm.h"

namespace viaduct::test {
namespace {

TEST(Chain, AGpuWriteArrivesInTheGuestsMapping) {
    Vmm vmm;
    GuestContext guest(vmm, 1);
    for (const Engine engine : {Engine::kGraphics, Engine::kSecond}) {
        const GpuContext gpu_context = guest.create_gpu_context(engine);
        ASSERT_NE(gpu_context.id, 0u);
        const uint32_t res_id =
            guest.submit_write(gpu_context, 0x600df00d, 0x8000'0000 + 0x10'0000 * gpu_context.ring);
        ASSERT_NE(res_id, 0u);
        EXPECT_TRUE(guest.fence_retires(gpu_context.ring));
        const MappedResource memory(res_id);
        ASSERT_EQ(memory.size(), 8192u);
        EXPECT_EQ(memory.words()[1024], 0x600df00du);
    }
    EXPECT_EQ(guest.loss_field(), 0u);
}

TEST(Chain, NothingIsLeftBehind) {
    ProcessUse before;
    for (int round = 0; round < 8; ++round) {
        {
            Vmm vmm;
            GuestContext guest(vmm, 1);
            ASSERT_NE(guest.create_buffer(1 << 20), 0u);
            EXPECT_TRUE(guest.fence_retires(1));
        }
        // The first round makes what stays for the process's life (log, simulated device). The
        // threads that open and close the GPU's file may be there for a moment longer.
        if (round == 0) before = ProcessUse::now();
    }
    EXPECT_TRUE(eventually([&] { return ProcessUse::now().within(before); }))
        << ::testing::PrintToString(ProcessUse::now());
}

}  // namespace
}  // namespace viaduct::test
