// Every known VMM calls the library in its own way: flags, callback versions, null pointers, types.
// Each row here does what that VMM's calls were seen to do, from its start to its end.
#include <algorithm>
#include <cstring>
#include <functional>

#include "vmm_fixture.h"

namespace viaduct::test {
namespace {

/// How one VMM uses the library.
struct Caller {
    const char* name;
    int version;  // of its callback table
    int flags;
    bool queries_before_init;
    bool polls;            // synchronous fences
    bool native;           // uses capset 6
    bool maps_fixed;       // tries map_fixed first
    bool asks_after_blob;  // export_blob, export_query, map_info after each blob
    uint32_t fence_flags;
    bool null_detach;  // detach_iov with null outputs, cleanup with a null cookie
};

// From call logs of QEMU 10.0.13 and 11.1.3, and the sources of the others, which
// tests/integration/abi/rutabaga.h follows call by call.
constexpr Caller kCallers[] = {
    {"QEMU 10", 3, 0, true, true, false, false, false, 1, false},
    {"QEMU 10 with venus", 4, 0x240, true, true, false, false, false, 1, false},
    {"QEMU 10, patched for native contexts", 4, 0x400, true, true, true, false, false, 1, false},
    {"QEMU 11", 4, 0x102, true, false, false, true, false, 1, false},
    {"QEMU 11 with drm_native_context", 4, 0x502, true, false, true, true, false, 1, false},
    {"rutabaga", 3, 0x583, false, false, true, true, true, 1, true},
    {"crosvm, external blobs", 3, 0x5bb, false, false, true, false, true, 1, true},
    {"libkrun", 3, 0x583, false, false, true, false, true, 1, true},
    {"libkrun without native contexts", 3, 0x80, false, true, false, false, true, 1, true},
    {"an old VMM", 1, 0, true, true, false, false, false, 0, false},
    {"an old VMM with get_drm_fd", 2, 1, true, true, false, false, false, 0, false},
};

class Callers : public Vmm, public ::testing::WithParamInterface<Caller> {
  protected:
    const Caller& caller = GetParam();

    void start() {
        uint32_t version = 0, size = 0;
        if (caller.queries_before_init)
            for (const uint32_t set : {2u, 4u, 6u})
                virgl_renderer_get_cap_set(set, &version, &size);
        callbacks = callbacks_of_version(caller.version);
        ASSERT_EQ(init(caller.flags), 0);
        virgl_renderer_force_ctx_0();
        virgl_renderer_poll();
        for (const uint32_t set : {1u, 2u, 6u}) {
            virgl_renderer_get_cap_set(set, &version, &size);
            EXPECT_EQ(size, set == 6 ? 592u : 0u);
        }
    }

    /// The guest kernel's console: what QEMU's log shows between boot and the first program.
    void console() {
        virgl_renderer_resource_create_args args{2, 2, 2, 2, 1280, 800, 1, 1, 0, 0, 1};
        ASSERT_EQ(virgl_renderer_resource_create(&args, nullptr, 0), 0);
        std::vector<char> pixels(size_t{1280} * 800 * 4, 'x');
        std::vector<iovec> pages;
        for (size_t at = 0; at < pixels.size(); at += 35000)
            pages.push_back({&pixels[at], std::min<size_t>(35000, pixels.size() - at)});
        ASSERT_EQ(
            virgl_renderer_resource_attach_iov(2, pages.data(), static_cast<int>(pages.size())), 0);
        virgl_renderer_context_create(1, 8, "modprobe");
        virgl_renderer_ctx_attach_resource(1, 2);
        virgl_renderer_ctx_detach_resource(1, 2);
        virgl_box box{0, 0, 0, 1280, 800, 1};
        EXPECT_EQ(virgl_renderer_transfer_write_iov(2, 0, 0, 0, 0, &box, 0, nullptr, 0), 0);
        virgl_renderer_resource_info_ext info;
        std::memset(&info, 0x5a, sizeof info);
        EXPECT_EQ(virgl_renderer_resource_get_info_ext(2, &info), 0);
        EXPECT_EQ(info.base.width, 1280u);
        EXPECT_EQ(info.base.fd, -1);
        EXPECT_FALSE(info.has_dmabuf_export);
        EXPECT_EQ(virgl_renderer_create_fence(1, 516), 0);
        if (caller.polls) {
            EXPECT_TRUE(seen.fences.empty());
            virgl_renderer_poll();
        }
        EXPECT_EQ(seen.fences, std::vector<uint32_t>{1});
        detach(2);
        virgl_renderer_resource_unref(2);
        virgl_renderer_context_destroy(1);
    }

    void detach(int resource) {
        iovec* iov = nullptr;
        int count = 0;
        if (caller.null_detach)
            virgl_renderer_resource_detach_iov(resource, nullptr, nullptr);
        else
            virgl_renderer_resource_detach_iov(resource, &iov, &count);
    }

    /// The VMM's part when the guest maps a blob.
    void use_blob(uint32_t resource, uint64_t bytes) {
        virgl_renderer_resource_info info;
        std::memset(&info, 0x5a, sizeof info);
        ASSERT_EQ(virgl_renderer_resource_get_info(static_cast<int>(resource), &info), 0)
            << "QEMU destroys the blob otherwise";
        if (caller.asks_after_blob) {
            uint32_t type = 0, map_info = 0;
            int fd = -1;
            if (virgl_renderer_resource_export_blob(resource, &type, &fd) == 0) ::close(fd);
            virgl_renderer_export_query query{};
            query.hdr = {VIRGL_RENDERER_STRUCTURE_TYPE_EXPORT_QUERY, 0, sizeof query};
            query.in_resource_id = resource;
            EXPECT_EQ(virgl_renderer_execute(&query, sizeof query), 0);
            EXPECT_NE(query.out_num_fds, 0u);
            EXPECT_EQ(virgl_renderer_resource_get_map_info(resource, &map_info), 0);
            EXPECT_EQ(map_info & 0xf, map_info);
        }
        if (caller.maps_fixed) {
            void* window = ::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            const Mapping owner(window, bytes);
            ASSERT_EQ(virgl_renderer_resource_map_fixed(resource, window), 0);
            std::memset(window, 1, bytes);
            return;
        }
        void* address = nullptr;
        uint64_t size = 0;
        ASSERT_EQ(virgl_renderer_resource_map(resource, &address, &size), 0);
        EXPECT_EQ(size, bytes);
        std::memset(address, 1, bytes);
        EXPECT_EQ(virgl_renderer_resource_unmap(resource), 0);
    }

    void native_session() {
        ASSERT_EQ(native_context(2), 0);
        std::array<unsigned char, 1024> caps{};
        virgl_renderer_fill_caps(6, 0, caps.data());
        EXPECT_EQ(caps[16], 2);
        ASSERT_EQ(host_blob(3, 2, 0, 0x4000), 0);
        virgl_renderer_ctx_attach_resource(2, 3);
        use_blob(3, 0x4000);
        std::array<uint32_t, 4> nop{1, 16, 1, 0};
        EXPECT_EQ(virgl_renderer_submit_cmd(nop.data(), 2, 4), 0);
        ASSERT_EQ(host_blob(4, 2, 7, 8192), 0);
        virgl_renderer_ctx_attach_resource(2, 4);
        use_blob(4, 8192);
        for (uint64_t id = 10; id < 15; ++id)
            EXPECT_EQ(virgl_renderer_context_create_fence(2, caller.fence_flags, id % 2, id), 0);
        gpu.retire();
        if (caller.polls) {
            EXPECT_TRUE(seen.context_fences.empty());
            virgl_renderer_poll();
        }
        ASSERT_EQ(seen.context_fences.size(), 5u);
        for (uint32_t i = 0; i < 5; ++i)
            EXPECT_EQ(seen.context_fences[i], (std::tuple{2u, i % 2, uint64_t{10 + i}}));
        for (const int resource : {4, 3}) {
            virgl_renderer_ctx_detach_resource(2, resource);
            detach(resource);
            virgl_renderer_resource_unref(static_cast<uint32_t>(resource));
        }
        virgl_renderer_context_destroy(2);
    }
};

TEST_P(Callers, FromStartToEnd) {
    start();
    console();
    if (caller.native)
        native_session();
    else
        EXPECT_EQ(native_context(2), EINVAL);
    virgl_renderer_reset();  // the guest reboots
    seen = {};
    ASSERT_EQ(init(caller.flags), 0);
    console();
    virgl_renderer_cleanup(caller.null_detach ? nullptr : &seen);
    EXPECT_EQ(gpu.hosts_alive, 0);
    EXPECT_TRUE(gpu.contexts.empty());
}

INSTANTIATE_TEST_SUITE_P(All, Callers, ::testing::ValuesIn(kCallers), [](const auto& info) {
    std::string name;
    for (const char c : std::string_view(info.param.name))
        name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
    return name;
});

// libkrun binds the ring index of the fence callback as 64 bits, and export_fence's id as 32.
TEST_F(Vmm, LibkrunsTypesAreNarrowerAndWider) {
    static uint64_t ring_seen;
    ring_seen = 0;
    const auto wide = [](void*, uint32_t, uint64_t ring, uint64_t) { ring_seen = ring; };
    void (*pointer)(void*, uint32_t, uint64_t, uint64_t) = wide;
    std::memcpy(&callbacks.write_context_fence, &pointer, sizeof pointer);
    ASSERT_EQ(init(), 0);
    ASSERT_EQ(native_context(1), 0);
    for (const uint32_t ring : {1u, 0xffffffffu}) {
        ASSERT_EQ(virgl_renderer_context_create_fence(1, 0, ring, 9), 0);
        int (*narrow)(uint32_t, int*);
        const auto ours = &virgl_renderer_export_fence;
        std::memcpy(&narrow, &ours, sizeof narrow);
        int fd = -1;
        EXPECT_EQ(narrow(9, &fd), 0);
        const UniqueFd sync_file(fd);
        gpu.retire();
        EXPECT_EQ(ring_seen, ring) << "the upper half is zero";
    }
}

}  // namespace
}  // namespace viaduct::test
