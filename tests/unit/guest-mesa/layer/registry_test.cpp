#include "guest-mesa/layer/registry.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <map>
#include <memory>
#include <string>

#include "tests/unit/guest-mesa/layer/fake_host.h"

namespace viaduct::guest {
namespace {

using test::FakeHost;

/// Descriptors as the test declares them (number → file), and a node of its own behind each file.
class FakeProcess final : public Descriptors, public Kernel {
  public:
    struct File {
        int description;
        dev_t node;
    };
    std::map<int, File> files;
    int reopen_error = 0;
    bool is_master = false;  // of every file

    FakeHost& host(int description) {
        auto& host = hosts_[description];
        if (!host) host = std::make_unique<FakeHost>();
        return *host;
    }

    std::optional<Identity> identity(int fd) override {
        const auto file = files.find(fd);
        if (file == files.end()) return std::nullopt;
        return Identity{1, 100, file->second.node};
    }
    int reopen(std::span<const int> fds) override {
        if (reopen_error) return reopen_error;
        const int description = next_description_++;
        for (const int fd : fds) files.at(fd).description = description;
        return 0;
    }
    int join(std::span<const int> fds, int other) override {
        for (const int fd : fds) files.at(fd).description = files.at(other).description;
        return 0;
    }

    int ioctl(int fd, unsigned long request, void* argument) override {
        const auto file = files.find(fd);
        if (file == files.end()) return -EBADF;
        if (request == DRM_IOCTL_AUTH_MAGIC) return is_master ? -EINVAL : -EACCES;
        return host(file->second.description).ioctl(fd, request, argument);
    }
    Result<Mapping> map(int fd, uint64_t offset, size_t size) override {
        return host(files.at(fd).description).map(fd, offset, size);
    }
    int wait_readable(int fd, std::chrono::milliseconds timeout) override {
        // A fence's descriptor, not a node's: those of all hosts are alike.
        return host(1).wait_readable(fd, timeout);
    }

  private:
    std::map<int, std::unique_ptr<FakeHost>> hosts_;
    int next_description_ = 1000;
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
    int close_handle(int fd, uint32_t handle) {
        drm_gem_close arg{handle, 0};
        return registry.ioctl(fd, DRM_IOCTL_GEM_CLOSE, &arg);
    }
    /// How many contexts a file has: their control buffers, that is.
    size_t contexts(int description) { return process.host(description).blobs.size(); }

    const dev_t kRenderNode = makedev(226, 128);
    const dev_t kCardNode = makedev(226, 0);
    FakeProcess process;
    Registry registry{process, process};
};

TEST_F(RegistryTest, NodesAreRecognisedAtTheirFirstIoctl) {
    process.files = {{5, {1, kRenderNode}}};
    EXPECT_EQ(driver_name(5), "amdgpu");
}

TEST_F(RegistryTest, OtherFilesAndOtherDriversPassThrough) {
    process.files = {{4, {1, makedev(13, 64)}}, {5, {2, kRenderNode}}};
    EXPECT_EQ(driver_name(4), "virtio_gpu");  // whatever answers there, it is not a DRM node
    process.host(2).node_name = "i915";
    EXPECT_EQ(driver_name(5), "i915");
}

TEST_F(RegistryTest, NodesWithoutUsableContextPassThrough) {
    process.files = {{5, {1, kRenderNode}}, {6, {2, kRenderNode}}};
    process.host(1).capset.context_type = wire::ContextType::kNone;
    EXPECT_EQ(driver_name(5), "virtio_gpu");
    process.host(2).cap_value = 0;  // no syncobjs: an old kernel
    EXPECT_EQ(driver_name(6), "virtio_gpu");
}

TEST_F(RegistryTest, CopiesShareTheContextHoweverTheyCameAbout) {
    process.files = {{5, {1, kRenderNode}}, {6, {1, kRenderNode}}, {7, {1, kRenderNode}}};
    EXPECT_EQ(create_context(5), 0);
    registry.copied(5, 6);
    EXPECT_EQ(create_context(6), 0);
    EXPECT_EQ(create_context(7), 0);  // never announced: found by the file's mark
    EXPECT_EQ(contexts(1), 1u);
}

TEST_F(RegistryTest, ClosingOneCopyLeavesTheOther) {
    process.files = {{5, {1, kRenderNode}}, {6, {1, kRenderNode}}};
    EXPECT_EQ(create_context(5), 0);
    registry.copied(5, 6);
    registry.forget(5);
    process.files.erase(5);
    EXPECT_EQ(create_context(6), 0);
    registry.forget_range(3, ~0u);
    EXPECT_EQ(contexts(1), 1u);
}

TEST_F(RegistryTest, AnotherFileUnderAnOldNumberIsNoticed) {
    process.files = {{5, {1, kRenderNode}}};
    EXPECT_EQ(driver_name(5), "amdgpu");
    process.host(2).node_name = "i915";
    process.files = {{5, {2, makedev(226, 129)}}};  // closed behind our back, opened anew
    EXPECT_EQ(driver_name(5), "i915");
}

// Two files of one node: only the node can say which of them it is.
TEST_F(RegistryTest, AnotherFileOfTheSameNodeUnderAnOldNumberIsNoticed) {
    process.files = {{5, {1, kRenderNode}}};
    EXPECT_EQ(create_context(5), 0);
    process.files = {{5, {2, kRenderNode}}};
    EXPECT_EQ(create_context(5), 0);
    EXPECT_EQ(contexts(2), 1u) << "the new file's requests went into the old one's stream";
}

TEST_F(RegistryTest, NumbersThatChangePlacesAreNoticed) {
    process.files = {{5, {1, kRenderNode}}, {6, {2, kRenderNode}}};
    EXPECT_EQ(create_context(5), 0);
    EXPECT_EQ(create_context(6), 0);
    const size_t before = process.host(2).requests.size();
    std::swap(process.files[5], process.files[6]);
    EXPECT_EQ(create_context(5), 0);
    EXPECT_GT(process.host(2).requests.size(), before);
    EXPECT_EQ(contexts(1), 1u);
    EXPECT_EQ(contexts(2), 1u);
}

TEST_F(RegistryTest, ANumberThatIsClosedOrNoNodeAnyMoreIsTheKernels) {
    process.files = {{5, {1, kRenderNode}}};
    EXPECT_EQ(create_context(5), 0);
    process.files.clear();
    EXPECT_EQ(driver_name(5), std::to_string(-EBADF));
    process.files = {{5, {2, makedev(13, 64)}}};
    EXPECT_EQ(driver_name(5), "virtio_gpu");  // whatever answers there, it is not a DRM node
}

// A file whose context another process began: received over a socket, or inherited over exec().
TEST_F(RegistryTest, AFileWithAContextOfAnotherProcessIsOpenedAnew) {
    process.files = {{5, {1, kRenderNode}}, {6, {1, kRenderNode}}};
    process.host(1).context_initialised = true;
    EXPECT_EQ(driver_name(5), "amdgpu");
    EXPECT_EQ(create_context(5), 0);
    EXPECT_EQ(contexts(1), 0u);
    EXPECT_EQ(contexts(1000), 1u);
    EXPECT_EQ(create_context(6), 0) << "a copy";
    EXPECT_EQ(contexts(1000), 1u);
    EXPECT_EQ(process.files[6].description, 1000);
}

TEST_F(RegistryTest, CopiesOfAFileThatIsOpenedAnewGoAlong) {
    process.files = {{5, {1, kRenderNode}}, {6, {1, kRenderNode}}};
    process.host(1).context_initialised = true;
    EXPECT_EQ(driver_name(5), "amdgpu");
    registry.copied(5, 6);
    EXPECT_EQ(create_context(5), 0);
    EXPECT_EQ(process.files[6].description, 1000) << "mmap() on it would be on the other file";
}

TEST_F(RegistryTest, AFileThatCannotBeOpenedAnewIsRefused) {
    process.files = {{5, {1, kRenderNode}}};
    process.host(1).context_initialised = true;
    process.reopen_error = -EACCES;
    EXPECT_EQ(create_context(5), -ENODEV);
    EXPECT_EQ(driver_name(5), std::to_string(-ENODEV));
    EXPECT_EQ(close_handle(5, 1), -ENODEV);
    EXPECT_TRUE(process.host(1).closed.empty());
}

TEST_F(RegistryTest, AFileThatDrivesADisplayIsNotOpenedAnew) {
    process.files = {{5, {1, kCardNode}}};
    process.is_master = true;
    process.host(1).context_initialised = true;
    EXPECT_EQ(create_context(5), -ENODEV);
    EXPECT_EQ(process.files[5].description, 1);
    process.is_master = false;
    process.files[6] = {2, kCardNode};
    process.host(2).context_initialised = true;
    EXPECT_EQ(create_context(6), 0);
}

TEST_F(RegistryTest, AContextThatTheProgramMadeItselfStaysItsOwn) {
    process.files = {{5, {1, kRenderNode}}};
    virtgpu::ContextInit init{};
    EXPECT_EQ(registry.ioctl(5, kVirtgpuContextInit, &init), 0);
    EXPECT_EQ(create_context(5), -ENODEV);
    EXPECT_EQ(process.files[5].description, 1);
}

/// Runs `body` in a child that `make_child` makes; true if it returned true there.
template <typename MakeChild, typename Body>
bool in_child(const MakeChild& make_child, const Body& body) {
    const pid_t child = make_child();
    if (child == 0) ::_exit(body() ? 0 : 1);
    int status = -1;
    return ::waitpid(child, &status, 0) == child && status == 0;
}

class ForkTest : public RegistryTest {
  protected:
    void SetUp() override {
        process.files = {{5, {1, kRenderNode}}, {6, {1, kRenderNode}}};
        ASSERT_EQ(create_context(5), 0);
        registry.copied(5, 6);
    }
    pid_t fork_with_handlers() {
        registry.before_fork();
        const pid_t child = ::fork();
        child == 0 ? registry.after_fork_in_child() : registry.after_fork_in_parent();
        return child;
    }
    /// Calls to the parent's file in the child, where its copy of FakeHost lives on.
    bool parents_file_is_left_alone(size_t requests) {
        return process.host(1).requests.size() == requests && process.host(1).closed.empty();
    }
};

TEST_F(ForkTest, AChildGetsAFileOfItsOwn) {
    const auto child = [&] { return fork_with_handlers(); };
    EXPECT_TRUE(in_child(child, [&] {
        const size_t before = process.host(1).requests.size();
        process.files[7] = {1, kRenderNode};  // a copy made in the child, unseen
        process.files[8] = {2, kRenderNode};  // a file that the child opens
        const bool works = close_handle(6, 1) == 0 && create_context(5) == 0 &&
                           create_context(7) == 0 && create_context(8) == 0;
        return works && process.files[5].description == process.files[6].description &&
               process.files[7].description == process.files[6].description &&
               contexts(process.files[5].description) == 1 && contexts(2) == 1 &&
               parents_file_is_left_alone(before);
    }));
    EXPECT_EQ(create_context(5), 0);
    EXPECT_EQ(contexts(1), 1u);
}

TEST_F(ForkTest, ItsChildrenAndGrandchildrenToo) {
    const auto child = [&] { return fork_with_handlers(); };
    const auto has_own_file = [&] {
        return create_context(5) == 0 && process.files[5].description != 1;
    };
    EXPECT_TRUE(in_child(child, [&] {
        return in_child(child, has_own_file) && has_own_file() && in_child(child, has_own_file);
    }));
}

// By clone(2), which runs no handlers; and while another thread is inside the registry.
TEST_F(ForkTest, AChildMadePastTheCLibraryToo) {
    registry.before_fork();  // as a thread that holds the lock at that moment
    const auto child = [] { return static_cast<pid_t>(::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)); };
    EXPECT_TRUE(in_child(child, [&] {
        const size_t before = process.host(1).requests.size();
        return create_context(5) == 0 && create_context(6) == 0 &&
               process.files[5].description != 1 &&
               process.files[5].description == process.files[6].description &&
               parents_file_is_left_alone(before);
    }));
    registry.after_fork_in_parent();
    EXPECT_EQ(create_context(5), 0);
}

TEST_F(ForkTest, AChildThatMayNotOpenTheNodeIsRefused) {
    const auto child = [&] { return fork_with_handlers(); };
    process.reopen_error = -EACCES;
    EXPECT_TRUE(in_child(child, [&] {
        return create_context(5) == -ENODEV && close_handle(6, 1) == -ENODEV &&
               process.host(1).closed.empty();
    }));
    EXPECT_EQ(create_context(5), 0);
}

// A child of vfork() closes descriptors while it runs in its parent's memory.
TEST_F(RegistryTest, WhatAnotherProcessDoesInOurMemoryIsNotBelieved) {
    process.files = {{5, {1, kRenderNode}}};
    ASSERT_EQ(create_context(5), 0);
    const pid_t child = ::vfork();
    if (child == 0) {
        registry.forget(5);
        ::_exit(0);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(create_context(5), 0);
    EXPECT_EQ(contexts(1), 1u);
}

}  // namespace
}  // namespace viaduct::guest
