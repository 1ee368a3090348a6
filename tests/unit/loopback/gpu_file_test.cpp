// The virtio-gpu UAPI, against a server with the fake renderer.
#include <drm.h>
#include <virtgpu_drm.h>

#include <thread>

#include "tests/unit/loopback/fixture.h"

namespace viaduct::loopback {
namespace {

using namespace wire::virtgpu;

class GpuFileTest : public LoopbackTest {};

uint32_t word_at(const Mapping& mapping, size_t offset) {
    uint32_t value = 0;
    std::memcpy(&value, mapping.data() + offset, sizeof(value));
    return value;
}

int get_param(GuestProgram& program, uint64_t param, uint32_t& value) {
    GetParam request{param, reinterpret_cast<uint64_t>(&value)};
    return program.call(Ioctl::kGetParam, request);
}

TEST_F(GpuFileTest, VersionNamesTheDriver) {
    auto guest = program();
    char name[32] = {};
    drm_version version{};
    version.name = name;
    version.name_len = sizeof(name);
    ASSERT_EQ(guest.raw(DRM_IOCTL_VERSION, &version), 0);
    EXPECT_STREQ(name, "virtio_gpu");
    EXPECT_EQ(version.version_major, 0);
    EXPECT_EQ(version.version_minor, 1);
    EXPECT_EQ(version.name_len, 10u);
}

TEST_F(GpuFileTest, OnlyThePrimaryNodeHasClientsAndMagicNumbers) {
    drm_client client{};
    drm_auth auth{};
    drm_set_client_cap cap{DRM_CLIENT_CAP_UNIVERSAL_PLANES, 1};
    drm_unique unique{};
    const struct {
        unsigned long request;
        void* argument;
        int on_primary;
    } rows[] = {{DRM_IOCTL_GET_CLIENT, &client, 0},
                {DRM_IOCTL_GET_MAGIC, &auth, 0},
                {DRM_IOCTL_GET_UNIQUE, &unique, 0},
                {DRM_IOCTL_SET_CLIENT_CAP, &cap, -EOPNOTSUPP},
                {DRM_IOCTL_AUTH_MAGIC, &auth, -EACCES}};
    auto primary = program(GpuFile::NodeType::kPrimary);
    auto render = program(GpuFile::NodeType::kRender);
    for (const auto& row : rows) {
        EXPECT_EQ(render.raw(row.request, row.argument), -EACCES) << std::hex << row.request;
        EXPECT_EQ(primary.raw(row.request, row.argument), row.on_primary)
            << std::hex << row.request;
    }
}

TEST_F(GpuFileTest, AClientIsDescribedAsTheKernelDescribesIt) {
    auto guest = program(GpuFile::NodeType::kPrimary);
    drm_client client{};
    client.uid = client.magic = client.iocs = 7;
    ASSERT_EQ(guest.raw(DRM_IOCTL_GET_CLIENT, &client), 0);
    EXPECT_EQ(client.auth, ::geteuid() == 0 ? 1 : 0);
    EXPECT_EQ(client.pid, static_cast<unsigned long>(::getpid()));
    EXPECT_EQ(client.uid, 65534u);
    EXPECT_EQ(client.magic, 0u);
    EXPECT_EQ(client.iocs, 0u);
    client.idx = 1;
    EXPECT_EQ(guest.raw(DRM_IOCTL_GET_CLIENT, &client), -EINVAL);
}

TEST_F(GpuFileTest, EachFileHasOneMagicNumber) {
    auto first = program(GpuFile::NodeType::kPrimary);
    auto second = program(GpuFile::NodeType::kPrimary);
    const auto magic = [](GuestProgram& guest) {
        drm_auth auth{};
        EXPECT_EQ(guest.raw(DRM_IOCTL_GET_MAGIC, &auth), 0);
        return auth.magic;
    };
    EXPECT_EQ(magic(first), 1u);
    EXPECT_EQ(magic(second), 2u);
    EXPECT_EQ(magic(first), 1u);
}

TEST_F(GpuFileTest, ParamsAreThoseOfADeviceForNativeContexts) {
    auto guest = program();
    const struct {
        uint64_t param;
        int status;
        uint32_t value;
    } rows[] = {{1, 0, 1}, {2, 0, 1},       {3, 0, 1},       {4, 0, 1},       {5, 0, 0},
                {6, 0, 1}, {7, 0, 1u << 6}, {0, -EINVAL, 7}, {9, -EINVAL, 7}, {99, -EINVAL, 7}};
    for (const auto& row : rows) {
        uint32_t value = 7;
        EXPECT_EQ(get_param(guest, row.param, value), row.status) << row.param;
        EXPECT_EQ(value, row.value) << row.param;
    }
}

// Linux 7.2 with the device's feature BLOB_ALIGNMENT.
TEST_F(GpuFileTest, BlobsOfOddSizesAreRefusedWhereTheDeviceAligns) {
    stop();
    DeviceOptions options;
    options.blob_alignment = 16384;
    start(options);
    auto guest = program();
    uint32_t value = 0;
    EXPECT_EQ(get_param(guest, 9, value), 0);
    EXPECT_EQ(value, 16384u);
    ASSERT_EQ(guest.init_context(), 0);
    ResourceCreateBlob blob{};
    blob.blob_mem = BlobMem::kHost3d;
    for (const uint64_t size : {4096, 16384 - 1, 16384 + 4096}) {
        blob.size = size;
        EXPECT_EQ(guest.call(Ioctl::kResourceCreateBlob, blob), -EINVAL) << size;
    }
    guest.create_blob(0, 16384);
}

TEST_F(GpuFileTest, CapsAreCutToTheCallersSize) {
    auto guest = program();
    std::vector<uint8_t> data(1024, 0xcc);
    GetCaps request{6, 0, reinterpret_cast<uint64_t>(data.data()), 20, 0};
    ASSERT_EQ(guest.call(Ioctl::kGetCaps, request), 0);
    EXPECT_EQ(data[16], 2);  // context_type
    EXPECT_EQ(data[20], 0xcc);
    request.size = 1024;
    ASSERT_EQ(guest.call(Ioctl::kGetCaps, request), 0);
    EXPECT_EQ(data[591], 0);
    EXPECT_EQ(data[592], 0xcc);
    request.size = 0;
    EXPECT_EQ(guest.call(Ioctl::kGetCaps, request), -EINVAL);
    request = {4, 0, reinterpret_cast<uint64_t>(data.data()), 20, 0};
    EXPECT_EQ(guest.call(Ioctl::kGetCaps, request), -EINVAL);
    request = {6, 1, reinterpret_cast<uint64_t>(data.data()), 20, 0};
    EXPECT_EQ(guest.call(Ioctl::kGetCaps, request), -EINVAL);
}

TEST_F(GpuFileTest, ContextInitChecksItsParams) {
    const struct {
        std::vector<ContextSetParam> params;
        int status;
    } rows[] = {
        {{{1, 6}, {2, 64}}, 0},
        {{{1, 6}, {2, 4}, {3, 0xf}}, 0},
        {{{1, 4}}, -EINVAL},                   // a capset that is not there
        {{{1, 64}}, -EINVAL},                  // above the highest id
        {{{1, 6}, {1, 6}}, -EINVAL},           // twice
        {{{1, 6}, {2, 65}}, -EINVAL},          // too many rings
        {{{1, 6}, {3, 1}}, -EINVAL},           // a mask without rings
        {{{1, 6}, {2, 4}, {3, 16}}, -EINVAL},  // a ring that is not there
        {{{9, 1}}, -EINVAL},
        {{{1, 6}, {2, 1}, {3, 1}, {4, 0}, {4, 0}}, -EINVAL},  // too many
    };
    for (const auto& row : rows) {
        auto guest = program();
        ContextInit init{static_cast<uint32_t>(row.params.size()), 0,
                         reinterpret_cast<uint64_t>(row.params.data())};
        EXPECT_EQ(guest.call(Ioctl::kContextInit, init), row.status);
        if (row.status == 0) {
            EXPECT_EQ(guest.call(Ioctl::kContextInit, init), -EEXIST);
        }
    }
}

TEST_F(GpuFileTest, BlobCreationMakesTheCallsOfADevice) {
    auto guest = program();
    ASSERT_EQ(guest.init_context(), 0);
    guest.sync();
    journal();
    CommandBuffer commands;
    commands.add(fake::Command::kCreateObject, fake::CreateObject{7, 0, 0});
    const auto blob = guest.create_blob(7, 5000, commands);
    guest.sync();
    EXPECT_EQ(blob.res_handle, 2u);
    EXPECT_EQ(blob.bo_handle, 1u);
    const fake::Journal expected = {"submit 1 8",  "create_blob 2 mem 2 size 8192 = 0",
                                    "map_fixed 2", "map_info 2",
                                    "attach 1 2",  "submit 1 0"};
    EXPECT_EQ(journal(), expected);
    drm_gem_close close{blob.bo_handle, 0};
    ASSERT_EQ(guest.raw(DRM_IOCTL_GEM_CLOSE, &close), 0);
    guest.sync();
    const fake::Journal closing = {"detach 1 2", "unref 2", "submit 1 0"};
    EXPECT_EQ(journal(), closing);
    EXPECT_EQ(guest.raw(DRM_IOCTL_GEM_CLOSE, &close), -EINVAL);
}

TEST_F(GpuFileTest, DeathCleansUpAsTheGuestKernelDoes) {
    {
        auto guest = program();
        ASSERT_EQ(guest.init_context(), 0);
        guest.create_blob(0, 4096);
        guest.sync();
        journal();
    }
    fake::Journal calls;
    for (int i = 0; i < 200 && calls.size() < 3; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        const auto more = journal();
        calls.insert(calls.end(), more.begin(), more.end());
    }
    const fake::Journal expected = {"detach 1 2", "unref 2", "destroy_context 1"};
    EXPECT_EQ(calls, expected);
}

TEST_F(GpuFileTest, BlobRequestsAreChecked) {
    auto guest = program();
    ASSERT_EQ(guest.init_context(), 0);
    const auto with = [](auto change) {
        ResourceCreateBlobHints blob{};
        blob.base.blob_mem = BlobMem::kHost3d;
        blob.base.blob_flags = kBlobMappable;
        blob.base.size = 4096;
        change(blob);
        return blob;
    };
    uint32_t word = 0;
    const auto pointer = reinterpret_cast<uint64_t>(&word);
    std::vector<ResourceCreateBlobHints> bad = {
        with([](auto& b) { b.base.blob_flags = 8; }),
        with([](auto& b) { b.base.blob_flags = kBlobCrossDevice; }),
        with([](auto& b) { b.base.blob_mem = BlobMem{0}; }),
        with([](auto& b) { b.base.blob_mem = BlobMem{4}; }),
        with([](auto& b) { b.base.size = 0; }),
        with([](auto& b) { b.base.size = ~0ull; }),
        with([&](auto& b) { b.base.cmd = pointer, b.base.cmd_size = 3; }),
        with([](auto& b) { b.base.blob_mem = BlobMem::kGuest, b.base.blob_id = 1; }),
        with([&](auto& b) {
            b.base.blob_mem = BlobMem::kGuest, b.base.cmd = pointer, b.base.cmd_size = 4;
        }),
        with([](auto& b) { b.blob_hints = 2; }),
    };
    for (auto& blob : bad) EXPECT_EQ(guest.call(Ioctl::kResourceCreateBlob, blob), -EINVAL);
}

TEST_F(GpuFileTest, HostAndGuestSeeTheSameBytes) {
    auto guest = program();
    ASSERT_EQ(guest.init_context(), 0);
    CommandBuffer commands;
    commands.add(fake::Command::kCreateObject, fake::CreateObject{9, 0, 0});
    const auto blob = guest.create_blob(9, 4096, commands);
    auto mapping = guest.map(blob.bo_handle, 4096);
    ASSERT_TRUE(mapping) << mapping.error().message;
    CommandBuffer fill;
    fill.add(fake::Command::kFill, fake::Fill{blob.res_handle, 0x11223344, 8, 2});
    ASSERT_TRUE(guest.wait(guest.submit(1, fill)));
    EXPECT_EQ(word_at(*mapping, 4), 0u);
    EXPECT_EQ(word_at(*mapping, 8), 0x11223344u);
    EXPECT_EQ(word_at(*mapping, 12), 0x11223344u);
    EXPECT_EQ(word_at(*mapping, 16), 0u);
}

TEST_F(GpuFileTest, GuestBlobIsTheGuestsMemory) {
    auto guest = program();
    ASSERT_EQ(guest.init_context(), 0);
    ResourceCreateBlob blob{};
    blob.blob_mem = BlobMem::kGuest;
    blob.blob_flags = kBlobMappable;
    blob.size = 4096;
    ASSERT_EQ(guest.call(Ioctl::kResourceCreateBlob, blob), 0);
    auto mapping = guest.map(blob.bo_handle, 4096);
    ASSERT_TRUE(mapping);
    CommandBuffer fill;
    fill.add(fake::Command::kFill, fake::Fill{blob.res_handle, 77, 0, 1});
    ASSERT_TRUE(guest.wait(guest.submit(1, fill)));
    EXPECT_EQ(word_at(*mapping, 0), 77u);
}

TEST_F(GpuFileTest, EchoComesBackThroughTheControlBuffer) {
    auto guest = program();
    ASSERT_EQ(guest.init_context(), 0);
    const auto control = guest.create_blob(0, 4096);
    auto mapping = guest.map(control.bo_handle, 4096);
    ASSERT_TRUE(mapping);
    const uint32_t offset = word_at(*mapping, 4);
    // Larger than a packet: travels in a memfd.
    std::array<uint32_t, 512> small{};
    small.fill(0xabcdef01);
    CommandBuffer commands;
    for (int i = 0; i < 100; ++i) commands.add(fake::Command::kEcho, small);
    ASSERT_GT(commands.bytes().size(), kMaxInlinePayload);
    ASSERT_TRUE(guest.wait(guest.submit(0, commands)));
    EXPECT_EQ(word_at(*mapping, 0), 100u);  // seqno
    EXPECT_EQ(word_at(*mapping, offset), 0xabcdef01u);
}

// virtgpu_ioctl.c: virtio_gpu_resource_create_blob_ioctl() sends the command, and
// virtgpu_vram.c: virtio_gpu_vram_create() RESOURCE_CREATE_BLOB, before the window is asked.
TEST_F(GpuFileTest, AFullWindowRefusesABlobThatTheHostHasMade) {
    auto guest = program();
    ASSERT_EQ(guest.init_context(), 0);
    CommandBuffer commands;
    commands.add(fake::Command::kCreateObject, fake::CreateObject{9, 0, 0});
    ResourceCreateBlob blob{};
    blob.blob_mem = BlobMem::kHost3d;
    blob.blob_flags = kBlobMappable;
    blob.size = kWindowSize + 4096;
    blob.blob_id = 9;
    blob.cmd = reinterpret_cast<uint64_t>(commands.bytes().data());
    blob.cmd_size = static_cast<uint32_t>(commands.bytes().size());
    guest.sync();
    journal();
    EXPECT_EQ(guest.call(Ioctl::kResourceCreateBlob, blob), -ENOSPC);
    const fake::Journal expected = {"submit 1 8", "create_blob 2 mem 2 size 67112960 = 0",
                                    "unref 2"};
    EXPECT_EQ(journal(), expected);
    blob.size = kWindowSize;
    blob.cmd_size = 0;
    EXPECT_EQ(guest.call(Ioctl::kResourceCreateBlob, blob), 0) << "and everything is free";
    blob.blob_flags = 0;
    EXPECT_EQ(guest.call(Ioctl::kResourceCreateBlob, blob), 0) << "no room in the window needed";
}

TEST_F(GpuFileTest, HostFailureShowsOnlyWhenMapping) {
    auto guest = program();
    ASSERT_EQ(guest.init_context(), 0);
    CommandBuffer commands;
    commands.add(fake::Command::kCreateObject, fake::CreateObject{5, fake::kRefuseCreate, 0});
    const auto blob = guest.create_blob(5, 4096, commands);  // succeeds
    const auto mapping = guest.map(blob.bo_handle, 4096);
    ASSERT_FALSE(mapping);
    EXPECT_EQ(mapping.error().code, EINVAL);
}

TEST_F(GpuFileTest, BlobsThatAreNotMappableAreNotMapped) {
    auto guest = program();
    ASSERT_EQ(guest.init_context(), 0);
    CommandBuffer commands;
    commands.add(fake::Command::kCreateObject, fake::CreateObject{5, 0, 0});
    const auto blob = guest.create_blob(5, 4096, commands, kBlobShareable);
    const auto mapping = guest.map(blob.bo_handle, 4096);
    ASSERT_FALSE(mapping);
    EXPECT_EQ(mapping.error().code, EINVAL);
    Map map{0, 99, 0};
    EXPECT_EQ(guest.call(Ioctl::kMap, map), -ENOENT);
}

TEST_F(GpuFileTest, WhatCannotBeExportedIsReachedThroughTheMonitorsMapping) {
    for (const bool map_fixed : {true, false}) {
        stop();
        DeviceOptions options;
        options.map_fixed = map_fixed;
        start(options);
        auto guest = program();
        ASSERT_EQ(guest.init_context(), 0);
        CommandBuffer commands;
        commands.add(fake::Command::kCreateObject, fake::CreateObject{5, fake::kRefuseExport, 0});
        const auto blob = guest.create_blob(5, 8192, commands);
        auto mapping = guest.map(blob.bo_handle, 8192);
        ASSERT_TRUE(mapping) << mapping.error().message;
        CommandBuffer fill;
        fill.add(fake::Command::kFill, fake::Fill{blob.res_handle, 5, 4096, 1});
        ASSERT_TRUE(guest.wait(guest.submit(1, fill)));
        EXPECT_EQ(word_at(*mapping, 4096), 5u);
        const auto again = guest.map(blob.bo_handle, 8192);
        ASSERT_TRUE(again) << again.error().message;
        EXPECT_EQ(word_at(*again, 4096), 5u);
    }
}

TEST_F(GpuFileTest, ResourceInfoAnswers) {
    auto guest = program();
    ASSERT_EQ(guest.init_context(), 0);
    const auto blob = guest.create_blob(0, 4097);
    ResourceInfo info{blob.bo_handle, 0, 0, 0};
    ASSERT_EQ(guest.call(Ioctl::kResourceInfo, info), 0);
    EXPECT_EQ(info.res_handle, blob.res_handle);
    EXPECT_EQ(info.size, 8192u);
    EXPECT_EQ(info.blob_mem, 2u);
    info.bo_handle = 99;
    EXPECT_EQ(guest.call(Ioctl::kResourceInfo, info), -ENOENT);
}

TEST_F(GpuFileTest, ClassicResourcesReachTheLibrary) {
    auto guest = program();
    wire::virtgpu::ResourceCreate create{};
    create.width = create.height = create.depth = create.array_size = 1;
    ASSERT_EQ(guest.call(Ioctl::kResourceCreate, create), 0);
    wire::virtgpu::Transfer transfer{};
    transfer.bo_handle = create.bo_handle;
    ASSERT_EQ(guest.call(Ioctl::kTransferToHost, transfer), 0);
    ASSERT_EQ(guest.call(Ioctl::kTransferFromHost, transfer), 0);
    Wait wait{create.bo_handle, 0};
    ASSERT_EQ(guest.call(Ioctl::kWait, wait), 0);
    auto calls = journal();
    calls.erase(calls.begin(), calls.begin() + 2);  // init, create_context
    const fake::Journal expected = {"create_classic 2", "attach 1 2", "transfer_write 1 2",
                                    "transfer_read 1 2"};
    EXPECT_EQ(calls, expected);
    transfer.stride = 4;
    EXPECT_EQ(guest.call(Ioctl::kTransferToHost, transfer), -EINVAL);
    transfer = {};
    EXPECT_EQ(guest.call(Ioctl::kTransferToHost, transfer), -ENOENT);
    EXPECT_TRUE(guest.map(create.bo_handle, 4096));
}

TEST_F(GpuFileTest, ArgumentsOfOtherSizesAreExtendedOrCut) {
    auto guest = program();
    ASSERT_EQ(guest.init_context(), 0);
    // As old programs: without ring and syncobjs.
    struct OldExecbuffer {
        uint32_t flags, size;
        uint64_t command, bo_handles;
        uint32_t num_bo_handles;
        int32_t fence_fd;
    } old{kExecbufFenceFdOut, 0, 0, 0, 0, -1};
    static_assert(sizeof(old) == sizeof(drm_virtgpu_execbuffer));
    ASSERT_EQ(guest.raw(DRM_IOCTL_VIRTGPU_EXECBUFFER, &old), 0);
    const UniqueFd fence(old.fence_fd);
    EXPECT_TRUE(guest.wait(fence));
    struct {
        ResourceInfo info;
        uint64_t tail;
    } longer{{guest.create_blob(0, 4096).bo_handle, 0, 0, 0}, 0x55};
    ASSERT_EQ(guest.call(Ioctl::kResourceInfo, longer), 0);
    EXPECT_EQ(longer.info.size, 4096u);
    EXPECT_EQ(longer.tail, 0u);
}

}  // namespace
}  // namespace viaduct::loopback
