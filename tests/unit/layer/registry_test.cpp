#include "guest-mesa/layer/registry.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "tests/unit/layer/fake_host.h"

namespace viaduct::guest {
namespace {

using test::FakeHost;

/// Descriptors as the test declares them: number → file.
class FakeDescriptors final : public Descriptors {
  public:
    struct File {
        int description;
        dev_t node;
    };
    std::map<int, File> files;

    std::optional<Identity> identity(int fd) override {
        const auto file = files.find(fd);
        if (file == files.end()) return std::nullopt;
        return Identity{1, 100, file->second.node};
    }
    bool same_file(int fd, int other) override {
        return files.at(fd).description == files.at(other).description;
    }
};

class RegistryTest : public ::testing::Test {
  protected:
    std::string driver_name(int fd) {
        char name[16] = {};
        drm_version version{};
        version.name = name;
        version.name_len = sizeof(name);
        if (const int error = registry.ioctl(fd, DRM_IOCTL_VERSION, &version))
            return std::to_string(error);
        return name;
    }
    int create_context(int fd) {
        drm_amdgpu_ctx arg{};
        arg.in.op = AMDGPU_CTX_OP_ALLOC_CTX;
        return registry.ioctl(fd, DRM_IOCTL_AMDGPU_CTX, &arg);
    }

    const dev_t kRenderNode = makedev(226, 128);
    FakeHost host;
    FakeDescriptors descriptors;
    Registry registry{host, descriptors};
};

TEST_F(RegistryTest, NodesAreRecognisedAtTheirFirstIoctl) {
    descriptors.files = {{5, {1, kRenderNode}}};
    EXPECT_EQ(driver_name(5), "amdgpu");
}

TEST_F(RegistryTest, OtherFilesAndOtherDriversPassThrough) {
    descriptors.files = {{4, {1, makedev(13, 64)}}, {5, {2, kRenderNode}}};
    EXPECT_EQ(driver_name(4), "virtio_gpu");  // whatever answers there, it is not a DRM node
    host.node_name = "i915";
    EXPECT_EQ(driver_name(5), "i915");
}

TEST_F(RegistryTest, NodesWithoutUsableContextPassThrough) {
    descriptors.files = {{5, {1, kRenderNode}}, {6, {2, kRenderNode}}};
    host.capset.context_type = wire::ContextType::kNone;
    EXPECT_EQ(driver_name(5), "virtio_gpu");
    host.capset.context_type = wire::ContextType::kAmdgpu;
    host.cap_value = 0;  // no syncobjs: an old kernel
    EXPECT_EQ(driver_name(6), "virtio_gpu");
}

TEST_F(RegistryTest, CopiesShareTheContextHoweverTheyCameAbout) {
    descriptors.files = {{5, {1, kRenderNode}}, {6, {1, kRenderNode}}, {7, {1, kRenderNode}}};
    EXPECT_EQ(create_context(5), 0);
    registry.copied(5, 6);
    EXPECT_EQ(create_context(6), 0);
    EXPECT_EQ(create_context(7), 0);   // never announced: found by comparing files
    EXPECT_EQ(host.blobs.size(), 1u);  // one control buffer
}

TEST_F(RegistryTest, ClosingOneCopyLeavesTheOther) {
    descriptors.files = {{5, {1, kRenderNode}}, {6, {1, kRenderNode}}};
    EXPECT_EQ(create_context(5), 0);
    registry.copied(5, 6);
    registry.forget(5);
    descriptors.files.erase(5);
    EXPECT_EQ(create_context(6), 0);
    registry.forget_range(3, ~0u);
    EXPECT_EQ(host.blobs.size(), 1u);
}

TEST_F(RegistryTest, AnotherFileUnderAnOldNumberIsNoticed) {
    descriptors.files = {{5, {1, kRenderNode}}};
    EXPECT_EQ(driver_name(5), "amdgpu");
    host.node_name = "i915";
    descriptors.files = {{5, {2, makedev(226, 129)}}};  // closed behind our back, opened anew
    EXPECT_EQ(driver_name(5), "i915");
}

// What a child sees, told by its exit status.
TEST_F(RegistryTest, ChildOfForkMayNotUseItsParentsContext) {
    descriptors.files = {{5, {1, kRenderNode}}};
    ASSERT_EQ(create_context(5), 0);
    registry.before_fork();
    const pid_t child = ::fork();
    if (child == 0) {
        registry.after_fork_in_child();
        descriptors.files[6] = {1, kRenderNode};  // a copy made in the child
        descriptors.files[7] = {2, kRenderNode};  // a file of its own
        host.context_initialised = false;
        drm_gem_close close{1, 0};
        const bool refused = create_context(5) == -ENODEV && create_context(6) == -ENODEV &&
                             registry.ioctl(5, DRM_IOCTL_GEM_CLOSE, &close) == -ENODEV;
        ::_exit(refused && create_context(7) == 0 ? 0 : 1);
    }
    registry.after_fork_in_parent();
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(create_context(5), 0);
}

// A child of vfork() closes descriptors while it runs in its parent's memory.
TEST_F(RegistryTest, WhatAnotherProcessDoesInOurMemoryIsNotBelieved) {
    descriptors.files = {{5, {1, kRenderNode}}};
    ASSERT_EQ(create_context(5), 0);
    const pid_t child = ::vfork();
    if (child == 0) {
        registry.forget(5);
        ::_exit(0);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(create_context(5), 0);
    EXPECT_EQ(host.blobs.size(), 1u);
}

}  // namespace
}  // namespace viaduct::guest
