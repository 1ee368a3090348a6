// Buffers: made, mapped, shared, waited for.
#include "tests/unit/guest-mesa/layer/amdgpu/fixture.h"

namespace viaduct::guest::amdgpu {
namespace {

constexpr unsigned long kGemVa = DRM_IOCTL_AMDGPU_GEM_VA;

struct BlobCase {
    uint64_t domains;
    uint64_t flags;
    uint32_t blob_flags;
};

TEST_F(DriverTest, BlobFlagsFollowWhatTheDriverPromises) {
    using namespace viaduct::guest;
    constexpr uint32_t kBoth = virtgpu::kBlobMappable | virtgpu::kBlobShareable;
    const BlobCase cases[] = {
        {AMDGPU_GEM_DOMAIN_GTT, 0, kBoth},
        {AMDGPU_GEM_DOMAIN_VRAM, AMDGPU_GEM_CREATE_CPU_ACCESS_REQUIRED, kBoth},
        {AMDGPU_GEM_DOMAIN_VRAM, AMDGPU_GEM_CREATE_NO_CPU_ACCESS, virtgpu::kBlobShareable},
        {AMDGPU_GEM_DOMAIN_GTT, AMDGPU_GEM_CREATE_VM_ALWAYS_VALID, virtgpu::kBlobMappable},
        {AMDGPU_GEM_DOMAIN_VRAM,
         AMDGPU_GEM_CREATE_VM_ALWAYS_VALID | AMDGPU_GEM_CREATE_NO_CPU_ACCESS, 0},
        {AMDGPU_GEM_DOMAIN_GDS, 0, 0},
    };
    for (const BlobCase& each : cases) {
        EXPECT_NE(create_buffer(5000, each.domains, each.flags), 0u);
        EXPECT_EQ(host.blobs.back().blob_flags, each.blob_flags)
            << each.domains << ' ' << each.flags;
        EXPECT_EQ(host.blobs.back().size, 8192u);
        const auto request = host.received(Command::kGemNew).back().as<wire::GemNewRequest>();
        EXPECT_EQ(request.blob_id, host.blobs.back().blob_id);
        EXPECT_EQ(request.alloc_size, each.domains == AMDGPU_GEM_DOMAIN_GDS ? 5000u : 8192u);
        EXPECT_EQ(request.flags, each.flags);
    }
}

struct Granule {
    uint64_t page;       // of the guest's kernel
    uint32_t alignment;  // that the device asks for; 0: nothing
    uint64_t expected;
};

class GranuleTest : public DriverTest, public ::testing::WithParamInterface<Granule> {};

TEST_P(GranuleTest, BlobsAreWholePagesOfTheGuestAndOfTheHost) {
    host.page = GetParam().page;
    host.blob_alignment = GetParam().alignment;
    const uint64_t granule = GetParam().expected;
    EXPECT_NE(create_buffer(granule + 1, AMDGPU_GEM_DOMAIN_GTT, 0), 0u);
    EXPECT_EQ(host.blobs.back().size, 2 * granule);
    const auto request = host.received(Command::kGemNew).back().as<wire::GemNewRequest>();
    EXPECT_EQ(request.alloc_size, 2 * granule) << "the host gives no blob beyond its object";
    create_buffer(~0ull, AMDGPU_GEM_DOMAIN_GTT, 0, -EINVAL);
    for (const auto& blob : host.blobs)
        EXPECT_EQ(blob.size % granule, 0u) << "the control buffer, too";
}

INSTANTIATE_TEST_SUITE_P(Guests, GranuleTest,
                         ::testing::Values(Granule{4096, 0, 4096}, Granule{4096, 4096, 4096},
                                           Granule{4096, 16384, 16384}, Granule{16384, 0, 16384},
                                           Granule{65536, 16384, 65536},
                                           Granule{4096, 65536, 65536},
                                           Granule{4096, 12345, 4096}));

// Linux 6.18.32, 7.0.10 and 7.1 do so with a dma-buf of another device.
TEST_F(DriverTest, ADmaBufInGuestMemoryIsNotImported) {
    drm_prime_handle prime{0, 0, 5};
    host.imported_mem = viaduct::guest::virtgpu::BlobMem::kGuest;
    EXPECT_EQ(call(DRM_IOCTL_PRIME_FD_TO_HANDLE, prime), -EINVAL);
    ASSERT_EQ(host.closed.size(), 1u) << "the handle is given back";
    host.imported_mem = viaduct::guest::virtgpu::BlobMem::kHost3d;
    EXPECT_EQ(call(DRM_IOCTL_PRIME_FD_TO_HANDLE, prime), 0);
    EXPECT_EQ(host.closed.size(), 1u);
}

TEST_F(DriverTest, ImpossibleBuffersAreRefusedHere) {
    create_buffer(0, AMDGPU_GEM_DOMAIN_GTT, 0, -EINVAL);
    create_buffer(~0ull, AMDGPU_GEM_DOMAIN_GTT, 0, -EINVAL);
    create_buffer(4096, 1ull << 40, 0, -EINVAL);
    EXPECT_TRUE(host.received(Command::kGemNew).empty());
}

/// On hosts with and without an answer to GEM_NEW.
class AllocationTest : public DriverTest, public ::testing::WithParamInterface<bool> {
  protected:
    void SetUp() override { host.answers_creations = GetParam(); }
};
INSTANTIATE_TEST_SUITE_P(Hosts, AllocationTest, ::testing::Bool());

TEST_P(AllocationTest, ThatFailsIsReportedAndDoesNotLoseTheContext) {
    const uint32_t context = create_context();
    constexpr uint32_t kMegabytes = 64;
    host.unknown_resources_from_size.insert(kMegabytes * 1024);
    create_buffer(uint64_t{kMegabytes} << 20, AMDGPU_GEM_DOMAIN_VRAM, 0, -ENOMEM);
    EXPECT_EQ(host.closed.size(), GetParam() ? 0u : 1u);
    EXPECT_EQ(state_flags(context), 0u);
    EXPECT_EQ(submit(context, 0, 0), 0);
}

TEST_F(DriverTest, AFullWindowIsAllocationThatFailsAndNothingElse) {
    const uint32_t context = create_context();
    host.blob_failures = {{-ENOSPC, false}, {-ENOSPC, false}};
    create_buffer(65536, AMDGPU_GEM_DOMAIN_GTT, 0, -ENOMEM);
    EXPECT_EQ(state_flags(context), 0u);
    EXPECT_EQ(submit(context, 0, 0), 0);
    EXPECT_NE(create_buffer(65536, AMDGPU_GEM_DOMAIN_GTT, 0), 0u);
}

// A closed buffer leaves the window once the host has answered, which may be just now.
TEST_F(DriverTest, AWindowThatIsFullIsTriedAgainOnce) {
    create_context();
    host.blob_failures = {{-ENOSPC, false}};
    EXPECT_NE(create_buffer(65536, AMDGPU_GEM_DOMAIN_GTT, 0), 0u);
    const auto made = host.received(Command::kGemNew);
    ASSERT_EQ(made.size(), 2u);
    EXPECT_NE(made[0].as<wire::GemNewRequest>().blob_id, made[1].as<wire::GemNewRequest>().blob_id);
}

// A driver that hears of it later takes its device for lost.
TEST_P(AllocationTest, OfASmallBufferThatFailsIsReportedToo) {
    const uint32_t context = create_context();
    host.unknown_resources_from_size.insert(4);
    create_buffer(4096, AMDGPU_GEM_DOMAIN_GTT, 0, -ENOMEM);
    EXPECT_EQ(host.closed.size(), GetParam() ? 0u : 1u);
    EXPECT_NE(create_buffer(8192, AMDGPU_GEM_DOMAIN_GTT, 0), 0u);
    EXPECT_EQ(submit(context, 0, 0), 0);
    EXPECT_EQ(state_flags(context), 0u);
}

TEST_P(AllocationTest, ThatAHostMayRefuseForWhatItIsIsNoMemory) {
    const Command refused = GetParam() ? Command::kGemNew : Command::kBoQueryInfo;

    for (const uint64_t domain :
         {AMDGPU_GEM_DOMAIN_GDS, AMDGPU_GEM_DOMAIN_GWS, AMDGPU_GEM_DOMAIN_OA}) {
        host.results[static_cast<uint32_t>(refused)] = -EINVAL;
        create_buffer(4096, domain, 0, -ENOMEM);
        host.results.clear();
        EXPECT_NE(create_buffer(4096, domain, 0), 0u);
    }
    constexpr uint64_t kDoorbell = 0x40;  // Linux 6.16
    const size_t asked = host.received(Command::kGemNew).size();
    create_buffer(4096, kDoorbell, 0, -EINVAL);
    EXPECT_EQ(host.received(Command::kGemNew).size(), asked) << "a page of the device itself";
}

// A monitor may refuse the blob before the command counts: then there is nothing to forgive.
TEST_P(AllocationTest, ThatTheHostRefusesWithoutACountForgivesNothing) {
    const Command refused = GetParam() ? Command::kGemNew : Command::kBoQueryInfo;
    const uint32_t context = create_context();
    host.results[static_cast<uint32_t>(Command::kSetPstate)] = -EINVAL;  // only its count says so
    host.results[static_cast<uint32_t>(refused)] = -EINVAL;
    create_buffer(1 << 20, AMDGPU_GEM_DOMAIN_VRAM, 0, -ENOMEM);
    EXPECT_EQ(state_flags(context), 0u);
    host.add_async_error();
    EXPECT_NE(state_flags(context), 0u);
}

TEST_F(DriverTest, BufferClosesAfterWhatNamesItWasSent) {
    const uint32_t buffer = create_buffer(4096, AMDGPU_GEM_DOMAIN_GTT, 0);
    GemVa va{};
    va.base.handle = buffer;
    va.base.operation = AMDGPU_VA_OP_UNMAP;
    EXPECT_EQ(call(kGemVa, va.base), 0);
    EXPECT_TRUE(host.received(Command::kBoVaOp).empty());
    drm_gem_close close{buffer, 0};
    EXPECT_EQ(call(DRM_IOCTL_GEM_CLOSE, close), 0);
    EXPECT_EQ(host.received(Command::kBoVaOp).size(), 1u);
    EXPECT_EQ(host.passed.back(), DRM_IOCTL_GEM_CLOSE);
}

TEST_F(DriverTest, ExportedBuffersAreWaitedForThroughTheNode) {
    const uint32_t context = create_context();
    const uint32_t buffer = create_buffer(4096, AMDGPU_GEM_DOMAIN_GTT, 0);
    drm_prime_handle prime{buffer, 0, -1};
    EXPECT_EQ(call(DRM_IOCTL_PRIME_HANDLE_TO_FD, prime), 0);
    // Twice, as from a program that imported it again: amdgpu allows that, virtio-gpu does not.
    const drm_amdgpu_bo_list_entry entries[] = {{buffer, 0}, {buffer, 0}};
    const drm_amdgpu_bo_list_in list{~0u, ~0u, 2, sizeof(entries[0]), user_pointer(entries)};
    EXPECT_EQ(submit(context, 0, 0, nullptr,
                     {{AMDGPU_CHUNK_ID_BO_HANDLES, sizeof(list) / 4, user_pointer(&list)}}),
              0);
    EXPECT_EQ(host.sent.back().bo_handles, std::vector<uint32_t>{buffer});

    const uint32_t local =
        create_buffer(4096, AMDGPU_GEM_DOMAIN_GTT, AMDGPU_GEM_CREATE_VM_ALWAYS_VALID);
    prime = {local, 0, -1};
    EXPECT_EQ(call(DRM_IOCTL_PRIME_HANDLE_TO_FD, prime), -EPERM);

    drm_amdgpu_gem_wait_idle idle{};
    idle.in.handle = buffer;
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_GEM_WAIT_IDLE, idle), 0);
    EXPECT_EQ(idle.out.status, 1u);
    host.finish_gpu_work();
    host.node_busy = true;
    idle = {};
    idle.in.handle = buffer;
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_GEM_WAIT_IDLE, idle), 0);
    EXPECT_EQ(idle.out.status, 1u);
    host.node_busy = false;
    idle = {};
    idle.in.handle = buffer;
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_GEM_WAIT_IDLE, idle), 0);
    EXPECT_EQ(idle.out.status, 0u);
}

// Anything that the file submits may use it.
TEST_F(DriverTest, WaitingForABufferThatIsAlwaysValidWaitsForEveryRing) {
    const uint32_t context = create_context();
    const uint32_t buffer =
        create_buffer(4096, AMDGPU_GEM_DOMAIN_GTT, AMDGPU_GEM_CREATE_VM_ALWAYS_VALID);
    const auto busy = [&] {
        drm_amdgpu_gem_wait_idle idle{};
        idle.in.handle = buffer;
        EXPECT_EQ(call(DRM_IOCTL_AMDGPU_GEM_WAIT_IDLE, idle), 0);
        return idle.out.status;
    };
    EXPECT_EQ(busy(), 0u);
    EXPECT_EQ(submit(context, 0, 0), 0);
    host.finish_gpu_work();
    EXPECT_EQ(busy(), 0u);
    EXPECT_EQ(submit(context, 1, 2), 0);
    EXPECT_EQ(busy(), 1u);
    host.finish_gpu_work();
    EXPECT_EQ(busy(), 0u);
}

TEST_F(DriverTest, FactsOfABufferAreTheHosts) {
    const uint32_t buffer = create_buffer(4096, AMDGPU_GEM_DOMAIN_GTT, 0);
    host.facts.alloc_size = 0x5000;
    host.facts.phys_alignment = 0x2000;
    host.facts.preferred_heap = AMDGPU_GEM_DOMAIN_VRAM;
    host.facts.alloc_flags = AMDGPU_GEM_CREATE_CPU_ACCESS_REQUIRED;
    host.facts.metadata_flags = 0x12;
    host.facts.tiling_info = 0x34'5678'9abc;
    host.facts.size_metadata = 8;
    host.facts.umd_metadata[0] = 0x77;
    host.facts.umd_metadata[7] = 0x99;

    drm_amdgpu_gem_create_in created{};
    drm_amdgpu_gem_op op{buffer, AMDGPU_GEM_OP_GET_GEM_CREATE_INFO, user_pointer(&created)};
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_GEM_OP, op), 0);
    EXPECT_EQ(created.bo_size, 0x5000u);
    EXPECT_EQ(created.alignment, 0x2000u);
    EXPECT_EQ(created.domains, uint64_t{AMDGPU_GEM_DOMAIN_VRAM});
    EXPECT_EQ(created.domain_flags, uint64_t{AMDGPU_GEM_CREATE_CPU_ACCESS_REQUIRED});

    drm_amdgpu_gem_metadata metadata{};
    metadata.handle = buffer;
    metadata.op = AMDGPU_GEM_METADATA_OP_GET_METADATA;
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_GEM_METADATA, metadata), 0);
    EXPECT_EQ(metadata.data.flags, 0x12u);
    EXPECT_EQ(metadata.data.tiling_info, 0x34'5678'9abcu);
    EXPECT_EQ(metadata.data.data_size_bytes, 8u);
    EXPECT_EQ(metadata.data.data[0], 0x77u);
    EXPECT_EQ(metadata.data.data[1], 0x99000000u);
    EXPECT_EQ(host.received(Command::kBoQueryInfo).back().as<wire::BoQueryInfoRequest>().res_id,
              3u);
}

TEST_F(DriverTest, MetadataIsSentWhole) {
    drm_amdgpu_gem_metadata metadata{};
    metadata.handle = create_buffer(4096, AMDGPU_GEM_DOMAIN_GTT, 0);
    metadata.op = AMDGPU_GEM_METADATA_OP_SET_METADATA;
    metadata.data.flags = 0x12;
    metadata.data.tiling_info = 0x34'5678'9abc;
    metadata.data.data_size_bytes = 12;
    for (uint32_t i = 0; i < 3; ++i) metadata.data.data[i] = 0x100 + i;
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_GEM_METADATA, metadata), 0);
    const auto request = host.received(Command::kSetMetadata).at(0);
    const auto head = request.as<wire::SetMetadataRequest>();
    EXPECT_EQ(head.res_id, 3u);
    EXPECT_EQ(head.flags, 0x12u);
    EXPECT_EQ(head.tiling_info, 0x34'5678'9abcu);
    ASSERT_EQ(head.size_metadata, 12u);
    ASSERT_GE(request.bytes.size(), sizeof(head) + 12);
    EXPECT_EQ(std::memcmp(request.bytes.data() + sizeof(head), metadata.data.data, 12), 0);
}

TEST_F(DriverTest, VmidsAreReservedAndGivenBack) {
    drm_amdgpu_vm vm{};
    for (const uint32_t op : {AMDGPU_VM_OP_RESERVE_VMID, AMDGPU_VM_OP_UNRESERVE_VMID}) {
        vm.in = {op, 0};
        EXPECT_EQ(call(DRM_IOCTL_AMDGPU_VM, vm), 0);
    }
    const auto requests = host.received(Command::kReserveVmid);
    ASSERT_EQ(requests.size(), 2u);
    EXPECT_EQ(requests[0].as<wire::ReserveVmidRequest>().flags, 0u);
    EXPECT_EQ(requests[1].as<wire::ReserveVmidRequest>().flags, 1u) << "bit 0: give it back";
    host.results[static_cast<uint32_t>(Command::kReserveVmid)] = -EACCES;
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_VM, vm), -EACCES);
    vm.in = {AMDGPU_VM_OP_UNRESERVE_VMID + 1, 0};
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_VM, vm), -EINVAL);
}

/// A host without has_vm_always_valid: the flag does not cross, so the layer lists the buffers
/// itself.
class DriverOnOldHostTest : public DriverTest {
  protected:
    DriverOnOldHostTest() : DriverTest(0) {}
    uint32_t chunks_sent() const {
        return host.received(Command::kCsSubmit).back().as<wire::CsSubmitRequest>().num_chunks;
    }
};

TEST_F(DriverOnOldHostTest, BuffersThatTheHostCannotKeepValidAreListedUntilTheyClose) {
    const uint32_t context = create_context();
    const uint32_t buffer =
        create_buffer(4096, AMDGPU_GEM_DOMAIN_GTT, AMDGPU_GEM_CREATE_VM_ALWAYS_VALID);
    EXPECT_EQ(host.received(Command::kGemNew)[0].as<wire::GemNewRequest>().flags, 0u);
    EXPECT_EQ(submit(context, 0, 0), 0);
    EXPECT_EQ(chunks_sent(), 2u);
    drm_gem_close close{buffer, 0};
    EXPECT_EQ(call(DRM_IOCTL_GEM_CLOSE, close), 0);
    EXPECT_EQ(submit(context, 0, 0), 0);
    EXPECT_EQ(chunks_sent(), 1u) << "the list is gone with it";
}

}  // namespace
}  // namespace viaduct::guest::amdgpu
