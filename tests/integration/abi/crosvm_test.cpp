// Habits of crosvm alone.
#include "tests/integration/abi/crosvm.h"

#include <gtest/gtest.h>

namespace viaduct::test {
namespace {

uint32_t& first_word(std::span<std::byte> bytes) {
    return *reinterpret_cast<uint32_t*>(bytes.data());
}

// A blob that is not shareable has one handle, which crosvm closes once it has mapped it: the next
// mapping is the library's.
TEST(CrosvmTest, MapsABlobAgain) {
    Crosvm vmm;
    GuestContext guest(vmm, 1);
    for (const uint32_t flags : {kMappable, kMappable | kShareable}) {
        const uint32_t res_id = guest.create_buffer(4096, flags);
        const auto bytes = vmm.map_blob(res_id);
        ASSERT_FALSE(bytes.empty());
        first_word(bytes) = 0x11;
        vmm.unmap_blob(res_id);
        const auto again = vmm.map_blob(res_id);
        ASSERT_EQ(again.size(), 4096u);
        EXPECT_EQ(first_word(again), 0x11u);
        EXPECT_EQ(vmm.find(res_id)->mapped_by_library, flags == kMappable);
        vmm.unref(res_id);
    }
    EXPECT_TRUE(guest.settle());
}

// The sandboxed GPU process maps nothing itself. The window's budget counts what the library maps.
TEST(CrosvmTest, SandboxedMapsByDescriptorAlone) {
    Crosvm vmm(Crosvm::kSandboxed);
    GuestContext guest(vmm, 1);
    for (int i = 0; i < 20; ++i) {
        const uint32_t res_id = guest.create_buffer(4096);
        ASSERT_FALSE(vmm.map_blob(res_id).empty());
        EXPECT_FALSE(vmm.find(res_id)->mapped_by_library);
        EXPECT_EQ(virgl_renderer_resource_unmap(res_id), -EINVAL) << "the library has no mapping";
    }
    EXPECT_TRUE(guest.settle());
}

// rutabaga answers snapshots of 3D itself; what reaches the library is the end of all objects, also
// of those that are in use.
TEST(CrosvmTest, EndsObjectsInUseForASnapshotItRestores) {
    Crosvm vmm(Crosvm::kHabits, std::chrono::seconds(60));
    auto guest = std::make_unique<GuestContext>(vmm, 1);
    const GpuContext context = guest->create_gpu_context();
    const uint32_t work = guest->submit_held_write(context, 0x99);
    const auto bytes = vmm.map_blob(work);
    ASSERT_FALSE(bytes.empty());
    EXPECT_EQ(guest->create_fence(context.ring, 50), 0);
    vmm.destroy_objects();
    guest.reset();
    GuestContext next(vmm, 1);
    EXPECT_TRUE(next.fence_retires(0)) << "does not wait for the old guest's work";
    EXPECT_EQ(vmm.create_global_fence(51), 0);
    EXPECT_TRUE(eventually([&] { return vmm.waiting() == 0; })) << "the old work was ended";
    release_work(bytes);  // a worker that is a thread leaves its job to the GPU
}

}  // namespace
}  // namespace viaduct::test
