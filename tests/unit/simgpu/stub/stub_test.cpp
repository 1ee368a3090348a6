// A second family as an open file: what is driver-neutral serves it, and names no other.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>

#include "blob/mapping.h"
#include "simgpu/chips.h"
#include "simgpu/inject.h"
#include "simgpu/simgpu.h"
#include "tests/unit/simgpu/stub/stub_uapi.h"

namespace simgpu::stub {
namespace {

constexpr uint64_t kPage = 4096, kVa = 0x100000;

class Stub : public ::testing::Test {
  protected:
    void SetUp() override {
        auto file = File::open({"stub", "stub-test-" + std::to_string(::getpid())});
        ASSERT_TRUE(file) << std::strerror(file.error());
        file_ = *std::move(file);
    }
    void TearDown() override { set_injection({}); }

    template <typename T>
    int ioctl(unsigned long request, T* argument) {
        return file_->ioctl(request, argument);
    }
    uint32_t syncobj() {
        drm_syncobj_create args{};
        EXPECT_EQ(ioctl(DRM_IOCTL_SYNCOBJ_CREATE, &args), 0);
        return args.handle;
    }
    int wait(uint32_t handle) {
        constexpr int64_t kNever = INT64_MAX;
        drm_syncobj_wait args{};
        args.handles = reinterpret_cast<uintptr_t>(&handle);
        args.timeout_nsec = kNever;
        args.count_handles = 1;
        return ioctl(DRM_IOCTL_SYNCOBJ_WAIT, &args);
    }
    /// A page at kVa, which begins with a packet that stores 42 in its last dword.
    viaduct::Mapping page_with_commands() {
        Create made{.size = kPage, .mmap_offset = 0, .handle = 0, .pad = 0};
        EXPECT_EQ(ioctl(kIoctlCreate, &made), 0);
        Bind bound{.va = kVa, .handle = made.handle, .pad = 0};
        EXPECT_EQ(ioctl(kIoctlBind, &bound), 0);
        const auto source = file_->map_source(made.mmap_offset);
        EXPECT_TRUE(source);
        auto mapping = viaduct::Mapping::map_shared(source->fd.get(), source->offset, kPage);
        EXPECT_TRUE(mapping);
        constexpr uint32_t kCommands[] = {kStore, kVa + kPage - 4, 0, 42};
        std::memcpy(mapping->data(), kCommands, sizeof(kCommands));
        return *std::move(mapping);
    }
    int submit(uint32_t bytes, uint32_t* done) {
        *done = syncobj();
        Submit args{.va = kVa, .bytes = bytes, .syncobj = *done};
        return ioctl(kIoctlSubmit, &args);
    }
    static uint32_t last_dword(const viaduct::Mapping& mapping) {
        uint32_t value = 0;
        std::memcpy(&value, mapping.data() + kPage - 4, sizeof(value));
        return value;
    }

    std::unique_ptr<File> file_;
};

TEST_F(Stub, TheTableHasNothingElse) {
    EXPECT_EQ(chip_names(chips()), "stub");
    EXPECT_EQ(File::open({"renoir", ""}).error(), EINVAL);
    EXPECT_TRUE(File::open({"", "stub-default-" + std::to_string(::getpid())}));
    EXPECT_EQ(longest_job_timeout_ns(), chips().front().longest_job_timeout_ns());
}

TEST_F(Stub, TheCoreAnswersInItsName) {
    char name[16] = {};
    drm_version version{};
    version.name = name;
    version.name_len = sizeof(name);
    ASSERT_EQ(ioctl(DRM_IOCTL_VERSION, &version), 0);
    EXPECT_STREQ(name, "stubgpu");
    EXPECT_EQ(version.version_major, 1);
    EXPECT_EQ(version.version_minor, 2);
    drm_get_cap cap{DRM_CAP_SYNCOBJ_TIMELINE, 0};
    EXPECT_EQ(ioctl(DRM_IOCTL_GET_CAP, &cap), 0);
    cap.capability = DRM_CAP_ADDFB2_MODIFIERS;
    EXPECT_EQ(ioctl(DRM_IOCTL_GET_CAP, &cap), -EINVAL) << "amdgpu's, not the core's";
    EXPECT_EQ(file_->fdinfo().find("drm-driver:\tstubgpu\n"), 0u) << file_->fdinfo();
    EXPECT_EQ(ioctl(DRM_IOWR(DRM_COMMAND_BASE + 3, Create), static_cast<Create*>(nullptr)),
              -EINVAL);
}

TEST_F(Stub, AJobStoresWhatItsPacketsSay) {
    const viaduct::Mapping page = page_with_commands();
    uint32_t done = 0;
    ASSERT_EQ(submit(16, &done), 0);
    EXPECT_EQ(wait(done), 0);
    EXPECT_EQ(last_dword(page), 42u);
    EXPECT_NE(file_->fdinfo().find("drm-engine-render:\t"), std::string::npos) << file_->fdinfo();
}

TEST_F(Stub, APacketThatItsBufferCutsShortStoresNothing) {
    const viaduct::Mapping page = page_with_commands();
    uint32_t done = 0;
    ASSERT_EQ(submit(12, &done), 0);
    EXPECT_EQ(wait(done), 0);
    EXPECT_EQ(last_dword(page), 0u);
}

TEST_F(Stub, InjectionsGoByItsRings) {
    EXPECT_FALSE(parse_injection("fault:ring=gfx"));
    const auto refused = parse_injection("fault:ring=gfx");
    EXPECT_NE(refused.error().message.find("use render"), std::string::npos)
        << refused.error().message;
    const auto rules = parse_injection("fault:ring=render");
    ASSERT_TRUE(rules);
    set_injection(*rules);
    const viaduct::Mapping page = page_with_commands();
    uint32_t done = 0;
    ASSERT_EQ(submit(16, &done), 0);
    EXPECT_EQ(wait(done), 0);
    EXPECT_EQ(last_dword(page), 0u);
}

TEST_F(Stub, ASubmissionIsInterruptedAsItsDriverDeclares) {
    const auto rules = parse_injection("interrupt:error=again:nth=1");
    ASSERT_TRUE(rules);
    set_injection(*rules);
    const viaduct::Mapping page = page_with_commands();
    uint32_t done = 0;
    EXPECT_EQ(submit(16, &done), -EAGAIN);
    EXPECT_EQ(submit(16, &done), 0);
    EXPECT_EQ(wait(done), 0);
}

TEST_F(Stub, ABufferGoesThroughADescriptor) {
    Create made{.size = kPage, .mmap_offset = 0, .handle = 0, .pad = 0};
    ASSERT_EQ(ioctl(kIoctlCreate, &made), 0);
    drm_prime_handle prime{};
    prime.handle = made.handle;
    prime.flags = DRM_CLOEXEC;
    ASSERT_EQ(ioctl(DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime), 0);
    const viaduct::UniqueFd fd(prime.fd);
    prime.handle = 0;
    ASSERT_EQ(ioctl(DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime), 0);
    EXPECT_EQ(prime.handle, made.handle);
    drm_gem_close close{made.handle, 0};
    EXPECT_EQ(ioctl(DRM_IOCTL_GEM_CLOSE, &close), 0);
    EXPECT_FALSE(file_->map_source(made.mmap_offset));
}

}  // namespace
}  // namespace simgpu::stub
