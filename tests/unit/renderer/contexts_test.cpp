// Contexts and submissions over the C ABI: rows A1, A6, A7, A11, C9, C10, F1, F2, F12 of the
// catalogue of hostile cases.
#include <algorithm>
#include <cstring>

#include "vmm_fixture.h"

namespace viaduct::test {
namespace {

TEST_F(Vmm, ContextCreateChecksIdAndFlags) {
    ASSERT_EQ(init(), 0);
    EXPECT_EQ(native_context(0), EINVAL);
    for (const uint32_t flags : {0u, 3u, 7u, 0xffu, 0x106u, 0x80000006u})
        EXPECT_EQ(virgl_renderer_context_create_with_flags(1, flags, 0, nullptr), EINVAL) << flags;
    EXPECT_EQ(native_context(1), 0);
    EXPECT_EQ(native_context(1), 0) << "the same again is not an error";
    EXPECT_EQ(virgl_renderer_context_create(1, 0, nullptr), EINVAL) << "another capset is";
    EXPECT_EQ(native_context(UINT32_MAX), 0);
}

TEST_F(Vmm, NativeContextsNeedTheirFlag) {
    ASSERT_EQ(init(0), 0);
    EXPECT_EQ(native_context(1), EINVAL);
}

TEST_F(Vmm, AtMost64BytesOfAName) {
    ASSERT_EQ(init(), 0);
    const std::string longest(64, 'n');
    struct Case {
        uint32_t length;
        const char* text;
        std::string expected;
    };
    const Case cases[] = {{0, "abc", ""},
                          {2, "abc", "ab"},
                          {64, "abc", "abc"},
                          {64, longest.c_str(), longest},
                          {UINT32_MAX, longest.c_str(), longest},
                          {UINT32_MAX, nullptr, ""},
                          {5, "\x1b[31m", "\x1b[31m"}};
    uint32_t id = 0;
    for (const Case& c : cases) {
        // Exactly the bytes that may be read, so that a sanitizer sees one more.
        std::vector<char> bytes;
        if (c.text) bytes.assign(c.text, c.text + std::min<size_t>(64, std::strlen(c.text) + 1));
        ASSERT_EQ(virgl_renderer_context_create_with_flags(++id, 6, c.length,
                                                           c.text ? bytes.data() : nullptr),
                  0);
        EXPECT_EQ(gpu.context(id).name, c.expected);
    }
}

TEST_F(Vmm, AContextThatCannotBeMadeLeavesTheIdFree) {
    ASSERT_EQ(init(), 0);
    gpu.context_error = EMFILE;
    EXPECT_EQ(native_context(1), ENOMEM);
    gpu.context_error = 0;
    EXPECT_EQ(native_context(1), 0);
}

TEST_F(Vmm, SubmitPassesTheBytesOn) {
    ASSERT_EQ(init(), 0);
    ASSERT_EQ(native_context(1), 0);
    alignas(8) uint32_t words[5] = {0, 11, 22, 33, 44};
    EXPECT_EQ(virgl_renderer_submit_cmd(words + 1, 1, 4), 0) << "4-byte alignment is enough";
    ASSERT_EQ(gpu.context(1).submissions.size(), 1u);
    const auto& bytes = gpu.context(1).submissions[0];
    ASSERT_EQ(bytes.size(), 16u);
    EXPECT_EQ(std::memcmp(bytes.data(), words + 1, 16), 0);
    EXPECT_EQ(virgl_renderer_submit_cmd(words, 1, 0), 0);
    EXPECT_EQ(virgl_renderer_submit_cmd(nullptr, 1, 0), 0);
    void* const empty = reinterpret_cast<void*>(uintptr_t{1});  // of a slice in Rust
    EXPECT_EQ(virgl_renderer_submit_cmd(empty, 1, 0), 0);
    EXPECT_EQ(virgl_renderer_submit_cmd2(empty, 1, 0, nullptr, 0), 0);
}

TEST_F(Vmm, SubmitRefusesWhatItCannotRead) {
    ASSERT_EQ(init(), 0);
    ASSERT_EQ(native_context(1), 0);
    alignas(8) unsigned char bytes[64] = {};
    EXPECT_EQ(virgl_renderer_submit_cmd(bytes, 2, 1), EINVAL);
    EXPECT_EQ(virgl_renderer_submit_cmd(bytes, 0, 1), EINVAL);
    EXPECT_EQ(virgl_renderer_submit_cmd(bytes, -1, 1), EINVAL);
    EXPECT_EQ(virgl_renderer_submit_cmd(bytes, 1, -1), EINVAL);
    EXPECT_EQ(virgl_renderer_submit_cmd(bytes, 1, INT32_MIN), EINVAL);
    EXPECT_EQ(virgl_renderer_submit_cmd(bytes, 1, INT32_MAX), EINVAL);
    EXPECT_EQ(virgl_renderer_submit_cmd(bytes, 1, (1 << 30) + 1), EINVAL);
    for (int shift = 1; shift < 4; ++shift)
        EXPECT_EQ(virgl_renderer_submit_cmd(bytes + shift, 1, 1), EFAULT) << shift;
    EXPECT_EQ(virgl_renderer_submit_cmd(nullptr, 1, 1), EFAULT);
    EXPECT_TRUE(gpu.context(1).submissions.empty());
    virgl_renderer_context_destroy(1);
    EXPECT_EQ(virgl_renderer_submit_cmd(bytes, 1, 1), EINVAL);
}

TEST_F(Vmm, AttachImportsADmabufOnceIntoEachContext) {
    ASSERT_EQ(init(), 0);
    ASSERT_EQ(native_context(1), 0);
    ASSERT_EQ(native_context(2), 0);
    ASSERT_EQ(host_blob(5, 1, 7, 8192, kMappable | kShareable), 0);
    virgl_renderer_ctx_attach_resource(1, 5);
    EXPECT_TRUE(gpu.context(1).attached.empty()) << "its own object already";
    virgl_renderer_ctx_attach_resource(2, 5);
    virgl_renderer_ctx_attach_resource(2, 5);
    ASSERT_TRUE(gpu.context(2).attached.contains(ResourceId(5)));
    EXPECT_EQ(object_size(gpu.context(2).attached[ResourceId(5)]->get()).value(), 8192u);

    virgl_renderer_ctx_detach_resource(2, 5);
    virgl_renderer_ctx_detach_resource(2, 5);
    EXPECT_EQ(gpu.context(2).detached, std::vector{ResourceId(5)}) << "detached once";
    virgl_renderer_ctx_detach_resource(1, 5);
    virgl_renderer_ctx_attach_resource(1, 5);
    EXPECT_TRUE(gpu.context(1).attached.contains(ResourceId(5)))
        << "a shareable one survives by descriptor";
}

// Guests may decide to share a buffer after they made it.
TEST_F(Vmm, ABufferThatWasNotCreatedShareableIsExportedForAnotherContext) {
    ASSERT_EQ(init(), 0);
    ASSERT_EQ(native_context(1), 0);
    ASSERT_EQ(native_context(2), 0);
    ASSERT_EQ(host_blob(5, 1, 7, 8192), 0);
    virgl_renderer_ctx_attach_resource(1, 5);
    EXPECT_TRUE(gpu.context(1).attached.empty()) << "its own object already";
    virgl_renderer_ctx_attach_resource(2, 5);
    ASSERT_TRUE(gpu.context(2).attached.contains(ResourceId(5)));
    EXPECT_EQ(object_size(gpu.context(2).attached[ResourceId(5)]->get()).value(), 8192u);
}

TEST_F(Vmm, AttachOfAnythingElseIsIgnored) {
    ASSERT_EQ(init(), 0);
    ASSERT_EQ(native_context(1), 0);
    ASSERT_EQ(native_context(2), 0);
    ASSERT_EQ(host_blob(5, 1, 0, 4096), 0);  // control buffer
    ASSERT_EQ(host_blob(6, 1, 7, 8192), 0);  // opaque
    gpu.context(1).exportable = false;       // as with AMDGPU_GEM_CREATE_VM_ALWAYS_VALID
    char page[64];
    iovec entry{page, sizeof page};
    virgl_renderer_resource_create_blob_args guest{7, 0, 1, 0, 0, 64, &entry, 1};
    ASSERT_EQ(virgl_renderer_resource_create_blob(&guest), 0);
    for (const int resource : {5, 6, 7, 0, 99, -1}) virgl_renderer_ctx_attach_resource(2, resource);
    virgl_renderer_ctx_attach_resource(99, 5);
    EXPECT_TRUE(gpu.context(2).attached.empty());
    for (const int resource : {5, 6, 7, 0, 99, -1}) virgl_renderer_ctx_detach_resource(2, resource);
    EXPECT_TRUE(gpu.context(2).detached.empty());
}

TEST_F(Vmm, UnrefDetachesFromEveryContext) {
    ASSERT_EQ(init(), 0);
    ASSERT_EQ(native_context(1), 0);
    ASSERT_EQ(native_context(2), 0);
    ASSERT_EQ(host_blob(5, 1, 7, 8192, kShareable), 0);
    virgl_renderer_ctx_attach_resource(2, 5);
    virgl_renderer_resource_unref(5);
    EXPECT_EQ(gpu.context(1).detached, std::vector{ResourceId(5)});
    EXPECT_EQ(gpu.context(2).detached, std::vector{ResourceId(5)});
    virgl_renderer_resource_unref(5);
}

TEST_F(Vmm, ADestroyedIdIsFreeAtOnce) {
    ASSERT_EQ(init(), 0);
    for (int round = 0; round < 1000; ++round) {
        ASSERT_EQ(native_context(1), 0);
        ASSERT_EQ(host_blob(5, 1, 8, 4096, kShareable), 0);
        virgl_renderer_context_destroy(1);
        virgl_renderer_resource_unref(5);
    }
    EXPECT_TRUE(gpu.contexts.empty());
}

TEST_F(Vmm, DeviceDescriptorIsBorrowed) {
    ASSERT_EQ(init(), 0);
    ASSERT_EQ(native_context(1), 0);
    EXPECT_EQ(virgl_renderer_get_dev_fd(1), gpu.context(1).device_fd());
    EXPECT_EQ(virgl_renderer_get_dev_fd(2), -EINVAL);
}

// F14: iovecs and boxes that must not be touched.
TEST_F(Vmm, TransfersDoNotExistOnNativeContexts) {
    ASSERT_EQ(init(), 0);
    ASSERT_EQ(native_context(1), 0);
    ASSERT_EQ(host_blob(5, 1, 0, 4096), 0);
    auto* wild_iov = reinterpret_cast<iovec*>(8);
    auto* wild_box = reinterpret_cast<virgl_box*>(8);
    EXPECT_EQ(virgl_renderer_transfer_read_iov(5, 1, 0, 0, 0, wild_box, 0, wild_iov, 3), -1);
    EXPECT_EQ(virgl_renderer_transfer_write_iov(5, 1, 0, 0, 0, wild_box, 0, wild_iov, 3), -1);
    EXPECT_EQ(virgl_renderer_transfer_read_iov(5, 0, 0, 0, 0, wild_box, 0, wild_iov, 3), EINVAL);
    EXPECT_EQ(virgl_renderer_transfer_write_iov(5, 9, 0, 0, 0, wild_box, 0, wild_iov, 3), EINVAL);
    EXPECT_EQ(virgl_renderer_transfer_read_iov(5, 1, 0, 0, 0, wild_box, 0, wild_iov, -1), EINVAL);
}

}  // namespace
}  // namespace viaduct::test
