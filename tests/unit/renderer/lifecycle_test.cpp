// Init, reset, cleanup, capability sets: rows F2-F9 of the catalogue of hostile cases.
#include <sys/resource.h>

#include <algorithm>
#include <cstring>

#include "vmm_fixture.h"

namespace viaduct::test {
namespace {

TEST_F(Vmm, AcceptsCallbackVersionsOneToFourOnly) {
    for (int version = 1; version <= 4; ++version) {
        auto table = callbacks_of_version(version);
        EXPECT_EQ(virgl_renderer_init(&seen, 0, &table), 0) << version;
        virgl_renderer_cleanup(nullptr);
    }
    for (const int version : {-1, 0, 5, 1000}) {
        auto table = callbacks_of_version(version);
        EXPECT_EQ(virgl_renderer_init(&seen, 0, &table), -1) << version;
    }
    EXPECT_EQ(virgl_renderer_init(&seen, 0, nullptr), -1);
}

// A table of version 1 ends after make_current: what lies behind it is not the library's to read.
TEST_F(Vmm, ReadsOnlyTheMembersThatTheVersionCovers) {
    virgl_renderer_callbacks table{};
    std::memset(&table, 0x5a, sizeof table);
    table.version = 1;
    table.write_fence = write_fence;
    ASSERT_EQ(virgl_renderer_init(&seen, kDrmFlags, &table), 0);
    EXPECT_EQ(native_context(1), 0);
    EXPECT_EQ(virgl_renderer_context_create_fence(1, 0, 1, 9), -EINVAL);
    EXPECT_EQ(virgl_renderer_create_fence(3, 0), 0);
    EXPECT_EQ(seen.fences, std::vector<uint32_t>{3});
    virgl_renderer_cleanup(&seen);
}

TEST_F(Vmm, CallbacksMayBeNull) {
    virgl_renderer_callbacks table{};
    table.version = 4;
    ASSERT_EQ(virgl_renderer_init(nullptr, kDrmFlags, &table), 0);
    EXPECT_EQ(virgl_renderer_create_fence(1, 0), 0);
    EXPECT_EQ(native_context(1), 0);
    EXPECT_EQ(virgl_renderer_context_create_fence(1, 0, 0, 2), -EINVAL);
    virgl_renderer_poll();
}

TEST_F(Vmm, SecondInitMustBeIdentical) {
    ASSERT_EQ(init(), 0);
    EXPECT_EQ(init(), 0);
    EXPECT_EQ(init(0), -EBUSY);
    EXPECT_EQ(virgl_renderer_init(nullptr, kDrmFlags, &callbacks), -EBUSY);
    auto other = callbacks;
    EXPECT_EQ(virgl_renderer_init(&seen, kDrmFlags, &other), -EBUSY);
    EXPECT_EQ(gpu.hosts_made, 1);
    virgl_renderer_cleanup(&seen);
    EXPECT_EQ(virgl_renderer_init(nullptr, 0, &other), 0);
}

TEST_F(Vmm, ThreadSyncIsNotComparedWhenTheEnvironmentForbidsIt) {
    ::setenv("VIRGL_DISABLE_MT", "1", 1);
    EXPECT_EQ(init(0), 0);
    EXPECT_EQ(init(VIRGL_RENDERER_THREAD_SYNC), 0);
    ::unsetenv("VIRGL_DISABLE_MT");
}

TEST_F(Vmm, ResetThenInitStartsAnew) {
    ASSERT_EQ(init(), 0);
    ASSERT_EQ(native_context(1), 0);
    ASSERT_EQ(host_blob(5, 1, 0, 4096), 0);
    ASSERT_EQ(virgl_renderer_context_create_fence(1, 0, 1, 100), 0);
    virgl_renderer_reset();
    EXPECT_TRUE(gpu.contexts.empty());
    gpu.retire();  // a late fence of the old guest does not reach the new one
    EXPECT_EQ(init(), 0);
    EXPECT_EQ(native_context(1), 0);
    EXPECT_EQ(gpu.hosts_made, 1) << "the new guest does not wait for the GPU to open";
    EXPECT_EQ(host_blob(5, 1, 0, 4096), 0);
    EXPECT_TRUE(seen.context_fences.empty());
}

TEST_F(Vmm, CleanupEndsEverythingAndMayBeRepeated) {
    ASSERT_EQ(init(), 0);
    ASSERT_EQ(native_context(1), 0);
    ASSERT_EQ(host_blob(5, 1, 0, 4096), 0);
    virgl_renderer_cleanup(&seen);
    EXPECT_EQ(gpu.hosts_alive, 0);
    EXPECT_TRUE(gpu.contexts.empty());
    virgl_renderer_cleanup(nullptr);
    EXPECT_EQ(init(), 0);
}

TEST_F(Vmm, CapsetSizeIsTheSameBeforeAndAfterInit) {
    uint32_t version = 99, size = 99;
    virgl_renderer_get_cap_set(VIRTGPU_DRM_CAPSET_DRM, &version, &size);
    EXPECT_EQ(version, 0u);
    EXPECT_EQ(size, 592u);
    ASSERT_EQ(init(), 0);
    virgl_renderer_get_cap_set(VIRTGPU_DRM_CAPSET_DRM, &version, &size);
    EXPECT_EQ(size, 592u);
    EXPECT_EQ(gpu.hosts_made, 1) << "probed once";
    virgl_renderer_cleanup(nullptr);
    virgl_renderer_get_cap_set(VIRTGPU_DRM_CAPSET_DRM, &version, &size);
    EXPECT_EQ(size, 592u);
}

TEST_F(Vmm, UnknownCapsetsAreEmpty) {
    for (const uint32_t set : {0u, 3u, 5u, 7u, 8u, 255u, UINT32_MAX}) {
        uint32_t version = 99, size = 99;
        virgl_renderer_get_cap_set(set, &version, &size);
        EXPECT_EQ(version, 0u);
        EXPECT_EQ(size, 0u);
    }
    virgl_renderer_get_cap_set(VIRTGPU_DRM_CAPSET_DRM, nullptr, nullptr);
}

TEST_F(Vmm, FillCapsWritesAllOfTheCapsetAndNoMore) {
    std::array<unsigned char, 700> buffer;
    const auto fill = [&buffer](uint32_t set, uint32_t version) {
        buffer.fill(0xa5);
        virgl_renderer_fill_caps(set, version, buffer.data());
        return buffer;
    };
    std::array<unsigned char, 700> untouched;
    untouched.fill(0xa5);
    EXPECT_EQ(fill(VIRTGPU_DRM_CAPSET_DRM, 0), untouched) << "before init";
    ASSERT_EQ(init(), 0);
    const auto first = fill(VIRTGPU_DRM_CAPSET_DRM, 0);
    EXPECT_EQ(fill(VIRTGPU_DRM_CAPSET_DRM, 0), first);
    EXPECT_EQ(first[16], 2) << "context type amdgpu";
    EXPECT_TRUE(std::all_of(first.begin() + 592, first.end(), [](int b) { return b == 0xa5; }));
    EXPECT_TRUE(
        std::all_of(first.begin() + 464, first.begin() + 592, [](int b) { return b == 0; }));
    EXPECT_EQ(fill(VIRTGPU_DRM_CAPSET_DRM, 99), untouched);
    EXPECT_EQ(fill(VIRTGPU_DRM_CAPSET_VIRGL2, 0), untouched);
    EXPECT_EQ(fill(77, 0), untouched);
    virgl_renderer_fill_caps(VIRTGPU_DRM_CAPSET_DRM, 0, nullptr);
}

TEST_F(Vmm, WithoutAGpuInitSucceedsAndOneLineSaysWhy) {
    std::vector<std::string> lines;
    virgl_set_log_callback(
        [](virgl_log_level_flags, const char* text, void* data) {
            static_cast<std::vector<std::string>*>(data)->emplace_back(text);
        },
        &lines, nullptr);
    gpu.present = false;
    uint32_t version = 99, size = 99;
    virgl_renderer_get_cap_set(VIRTGPU_DRM_CAPSET_DRM, &version, &size);
    EXPECT_EQ(size, 0u);
    virgl_renderer_get_cap_set(VIRTGPU_DRM_CAPSET_DRM, &version, &size);
    EXPECT_EQ(init(), 0);
    EXPECT_EQ(native_context(1), EINVAL);
    EXPECT_EQ(native_context(1), EINVAL);
    virgl_set_log_callback(nullptr, nullptr, nullptr);
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_NE(lines[0].find("told to be absent"), std::string::npos);
}

TEST_F(Vmm, AVmmWithFewDescriptorsIsWarned) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    for (const rlim_t soft : {rlim_t{1024}, std::min<rlim_t>(before.rlim_max, 65536)}) {
        std::string text;
        virgl_set_log_callback([](virgl_log_level_flags, const char* line,
                                  void* data) { *static_cast<std::string*>(data) += line; },
                               &text, nullptr);
        const rlimit limit{soft, before.rlim_max};
        ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
        EXPECT_EQ(init(), 0);
        virgl_renderer_cleanup(&seen);
        ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
        virgl_set_log_callback(nullptr, nullptr, nullptr);
        EXPECT_EQ(text.find("may open 1024 files") != std::string::npos, soft == 1024) << text;
    }
}

TEST_F(Vmm, TheVmmsDescriptorComesFirst) {
    callbacks.get_drm_fd = get_drm_fd;
    seen.drm_fd_answer = 0;
    ASSERT_EQ(init(), 0);
    ASSERT_EQ(gpu.vmm_fds.size(), 1u);
    EXPECT_EQ(seen.drm_fds, 1);
    EXPECT_EQ(gpu.hosts_alive, 1);
}

TEST_F(Vmm, AnUnusableVmmDescriptorFallsBackOnOurChoice) {
    callbacks.get_drm_fd = get_drm_fd;
    for (const bool gives_one : {false, true}) {
        seen.drm_fd_answer = gives_one ? 0 : -1;
        gpu.vmm_fd_usable = !gives_one;
        ASSERT_EQ(init(), 0);
        EXPECT_EQ(gpu.hosts_alive, 1);
        EXPECT_EQ(native_context(1), 0);
        virgl_renderer_cleanup(nullptr);
    }
}

TEST_F(Vmm, EveryCallIsSafeBeforeInitAndAfterCleanup) {
    const auto call_all = [] {
        uint32_t u = 0, v = 0;
        uint64_t size = 0;
        int fd = -1;
        void* pointer = nullptr;
        virgl_renderer_resource_info info{};
        virgl_renderer_resource_info_ext info_ext{};
        virgl_renderer_resource_create_args create{1, 2, 1, 2, 4, 4, 1, 1, 0, 0, 0};
        virgl_renderer_resource_create_blob_args blob{1, 1, 2, 1, 0, 4096, nullptr, 0};
        virgl_renderer_resource_import_blob_args import{1, 2, 1, 0, 4096};
        virgl_renderer_export_query query{};
        query.hdr = {VIRGL_RENDERER_STRUCTURE_TYPE_EXPORT_QUERY, 0, sizeof query};
        virgl_box box{0, 0, 0, 1, 1, 1};
        uint32_t word = 0;
        virgl_renderer_reset();
        virgl_renderer_poll();
        virgl_renderer_force_ctx_0();
        EXPECT_EQ(virgl_renderer_get_poll_fd(), -1);
        EXPECT_EQ(virgl_renderer_execute(&query, sizeof query), -EINVAL);
        EXPECT_EQ(virgl_renderer_context_create(1, 1, "x"), EINVAL);
        EXPECT_EQ(virgl_renderer_context_create_with_flags(1, 6, 1, "x"), EINVAL);
        virgl_renderer_context_destroy(1);
        EXPECT_EQ(virgl_renderer_submit_cmd(&word, 1, 1), EINVAL);
        EXPECT_EQ(virgl_renderer_submit_cmd2(&word, 1, 1, nullptr, 0), EINVAL);
        EXPECT_EQ(virgl_renderer_attach_fence(1, -1), EINVAL);
        EXPECT_EQ(virgl_renderer_get_dev_fd(1), -EINVAL);
        virgl_renderer_ctx_attach_resource(1, 1);
        virgl_renderer_ctx_detach_resource(1, 1);
        EXPECT_EQ(virgl_renderer_transfer_read_iov(1, 1, 0, 0, 0, &box, 0, nullptr, 0), EINVAL);
        EXPECT_EQ(virgl_renderer_transfer_write_iov(1, 1, 0, 0, 0, &box, 0, nullptr, 0), EINVAL);
        EXPECT_EQ(virgl_renderer_create_fence(1, 0), EINVAL);
        EXPECT_EQ(virgl_renderer_context_create_fence(1, 0, 0, 1), -EINVAL);
        virgl_renderer_context_poll(1);
        EXPECT_EQ(virgl_renderer_context_get_poll_fd(1), -1);
        EXPECT_EQ(virgl_renderer_export_fence(1, &fd), -EINVAL);
        EXPECT_EQ(virgl_renderer_export_signalled_fence(), -1);
        EXPECT_EQ(virgl_renderer_get_fence_fd(1), -1);
        EXPECT_EQ(virgl_renderer_resource_create(&create, nullptr, 0), EINVAL);
        EXPECT_EQ(virgl_renderer_resource_import_eglimage(&create, nullptr), EINVAL);
        EXPECT_EQ(virgl_renderer_resource_create_blob(&blob), -EINVAL);
        EXPECT_EQ(virgl_renderer_resource_import_blob(&import), -EINVAL);
        virgl_renderer_resource_unref(1);
        EXPECT_EQ(virgl_renderer_resource_attach_iov(1, nullptr, 0), EINVAL);
        virgl_renderer_resource_detach_iov(1, nullptr, nullptr);
        EXPECT_EQ(virgl_renderer_resource_map(1, &pointer, &size), -EINVAL);
        EXPECT_EQ(virgl_renderer_resource_unmap(1), -EINVAL);
        EXPECT_EQ(virgl_renderer_resource_map_fixed(1, &word), -EINVAL);
        EXPECT_EQ(virgl_renderer_resource_get_map_info(1, &u), -EINVAL);
        EXPECT_EQ(virgl_renderer_resource_export_blob(1, &u, &fd), -EINVAL);
        EXPECT_EQ(virgl_renderer_resource_get_info(1, &info), EINVAL);
        EXPECT_EQ(virgl_renderer_resource_get_info_ext(1, &info_ext), EINVAL);
        virgl_renderer_resource_set_priv(1, &word);
        EXPECT_EQ(virgl_renderer_resource_get_priv(1), nullptr);
        virgl_renderer_get_rect(1, nullptr, 0, 0, 0, 0, 1, 1);
        EXPECT_EQ(virgl_renderer_get_cursor_data(1, &u, &v), nullptr);
        EXPECT_EQ(virgl_renderer_get_fd_for_texture(1, &fd), -1);
        EXPECT_EQ(virgl_renderer_get_fd_for_texture2(1, &fd, nullptr, nullptr), -1);
    };
    call_all();
    ASSERT_EQ(init(), 0);
    virgl_renderer_cleanup(nullptr);
    call_all();
}

TEST_F(Vmm, ExecuteChecksEverySize) {
    ASSERT_EQ(init(), 0);
    virgl_renderer_supported_structures supported{};
    supported.hdr = {VIRGL_RENDERER_STRUCTURE_TYPE_SUPPORTED_STRUCTURES, 0, sizeof supported};
    EXPECT_EQ(virgl_renderer_execute(&supported, sizeof supported), 0);
    EXPECT_EQ(supported.out_supported_structures_mask, 3u);
    supported.in_stype_version = 1;
    EXPECT_EQ(virgl_renderer_execute(&supported, sizeof supported), 0);
    EXPECT_EQ(supported.out_supported_structures_mask, 0u);

    EXPECT_EQ(virgl_renderer_execute(nullptr, sizeof supported), -EINVAL);
    for (const uint32_t size : {0u, 1u, 11u, 12u, 19u, 21u, 88u, UINT32_MAX})
        EXPECT_EQ(virgl_renderer_execute(&supported, size), -EINVAL) << size;
    for (const uint32_t size : {0u, 12u, 19u, 21u}) {
        auto wrong = supported;
        wrong.hdr.size = size;
        EXPECT_EQ(virgl_renderer_execute(&wrong, sizeof wrong), -EINVAL) << size;
    }
    auto version = supported;
    version.hdr.stype_version = 1;
    EXPECT_EQ(virgl_renderer_execute(&version, sizeof version), -EINVAL);
    for (const uint32_t type : {0u, 3u, 4u, UINT32_MAX}) {
        auto unknown = supported;
        unknown.hdr.stype = type;
        EXPECT_EQ(virgl_renderer_execute(&unknown, sizeof unknown), -EINVAL) << type;
    }
    // A header that claims to be an export query, in a buffer that ends after it.
    virgl_renderer_hdr header{VIRGL_RENDERER_STRUCTURE_TYPE_EXPORT_QUERY, 0, sizeof header};
    EXPECT_EQ(virgl_renderer_execute(&header, sizeof header), -EINVAL);
}

}  // namespace
}  // namespace viaduct::test
