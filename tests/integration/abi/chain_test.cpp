// The thinnest way through: a hand-written guest draws nothing, but its bytes arrive.
#include <amdgpu_drm.h>
#include <gtest/gtest.h>

#include "tests/integration/abi/vmm.h"
#include "wire/amdgpu_capset.h"

namespace viaduct::test {
namespace {

namespace w = wire::amdgpu;

constexpr uint32_t kRenoir = 0x15e7;  // PCI device id of the simulated one

TEST(Chain, TheCapsetNamesTheGpu) {
    Vmm vmm;
    uint32_t version = 99, size = 0;
    virgl_renderer_get_cap_set(wire::kCapsetDrm, &version, &size);
    ASSERT_EQ(size, sizeof(wire::CapsetDrm));
    wire::CapsetDrm capset{};
    virgl_renderer_fill_caps(wire::kCapsetDrm, 0, &capset);
    EXPECT_EQ(capset.context_type, wire::ContextType::kAmdgpu);
    const auto gpu = capset.member<wire::amdgpu::Capset>().gpu_info;
    EXPECT_EQ(gpu.asic_id, kRenoir);
    EXPECT_EQ(gpu.family_id, uint32_t{AMDGPU_FAMILY_RV});
}

TEST(Chain, AQueryIsAnsweredByTheKernel) {
    Vmm vmm;
    GuestContext guest(vmm, 1);
    w::QueryInfoRequest request{};
    request.return_size = sizeof(drm_amdgpu_info_device);
    request.query = AMDGPU_INFO_DEV_INFO;
    const auto answer = guest.call(static_cast<uint32_t>(w::Command::kQueryInfo), request,
                                   sizeof(w::Response) + sizeof(drm_amdgpu_info_device));
    drm_amdgpu_info_device device;
    std::memcpy(&device, answer.data() + sizeof(w::Response), sizeof(device));
    EXPECT_EQ(device.device_id, kRenoir);
    EXPECT_EQ(guest.async_error(), 0u);
}

TEST(Chain, AGpuWriteArrivesInTheGuestsMapping) {
    Vmm vmm;
    GuestContext guest(vmm, 1);
    const uint32_t gpu_context = guest.create_gpu_context();
    ASSERT_NE(gpu_context, 0u);
    const uint32_t res_id = guest.submit_write(gpu_context, 0x600df00d);
    ASSERT_NE(res_id, 0u);
    EXPECT_TRUE(guest.fence_retires(1));
    const MappedResource memory(res_id);
    ASSERT_EQ(memory.size(), 8192u);
    EXPECT_EQ(memory.words()[1024], 0x600df00du);
    EXPECT_EQ(guest.async_error(), 0u);
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
