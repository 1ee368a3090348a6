// The lists behind the filter.
#include <amdgpu_drm.h>
#include <gtest/gtest.h>
#include <seccomp.h>

#include <algorithm>
#include <set>

#include "drm-context/context/driver_context.h"
#include "drm-context/jail/jail.h"

namespace viaduct {
namespace {

TEST(IoctlRequests, AreThoseOfTheDriversTable) {
    for (const ContextTypeInfo& type : context_types()) {
        const auto requests = jail::ioctl_requests(type);
        const std::set<uint32_t> set(requests.begin(), requests.end());
        EXPECT_EQ(set.size(), requests.size()) << "none twice";
        for (const CommandEntry& command : type.traits().commands) {
            for (const uint32_t request : command.ioctls)
                EXPECT_TRUE(set.contains(request)) << command.name;
        }
    }
}

TEST(IoctlRequests, HaveNothingThatNobodyAskedFor) {
    const auto requests = jail::ioctl_requests(*find_context_type(wire::ContextType::kAmdgpu));
    for (const uint64_t foreign : std::initializer_list<uint64_t>{
             DRM_IOCTL_SET_MASTER, DRM_IOCTL_GEM_OPEN, DRM_IOCTL_GEM_FLINK, DRM_IOCTL_MODE_ADDFB2,
             DRM_IOCTL_AMDGPU_SCHED, DRM_IOCTL_AMDGPU_FENCE_TO_HANDLE,
             DRM_IOCTL_AMDGPU_GEM_USERPTR})
        EXPECT_EQ(std::ranges::count(requests, static_cast<uint32_t>(foreign)), 0)
            << std::hex << foreign;
}

TEST(SyscallRules, NeverAllowWhatAJailMustNot) {
    for (const auto rules : {jail::worker_rules(), jail::simulated_gpu_rules()})
        for (const jail::SyscallRule& rule : rules) {
            for (const int forbidden :
                 {SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace), SCMP_SYS(connect),
                  SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(openat2), SCMP_SYS(kill),
                  SCMP_SYS(tkill), SCMP_SYS(tgkill), SCMP_SYS(fork), SCMP_SYS(vfork),
                  SCMP_SYS(socket), SCMP_SYS(prctl), SCMP_SYS(seccomp), SCMP_SYS(ioctl)})
                EXPECT_NE(rule.number, forbidden);
            if (rule.number == SCMP_SYS(clone) || rule.number == SCMP_SYS(mmap) ||
                rule.number == SCMP_SYS(mprotect)) {
                EXPECT_NE(rule.check.mask, 0u) << rule.number << " is allowed unseen";
            }
        }
}

class ForeignDevice final : public Device {
  public:
    int ioctl(unsigned long request, void*) override {
        last_ = request;
        return 0;
    }
    Result<MapSource> map_source(uint64_t) override { return fail(EINVAL, "nothing"); }
    Result<UniqueFd> merge_sync_files(int, int) override { return fail(EINVAL, "nothing"); }
    Result<SyncFileState> sync_file_state(int) override { return SyncFileState{1, 0}; }
    int fd() const override { return -1; }
    unsigned long last_ = 0;
};

TEST(SimulatedGpu, IsHeldToTheSameList) {
    const auto& type = *find_context_type(wire::ContextType::kAmdgpu);
    const auto cell = jail::prepare(type, jail::Gpu::kSimulated);
    ASSERT_TRUE(cell) << cell.error().message;
    auto inner = std::make_unique<ForeignDevice>();
    ForeignDevice& kernel = *inner;
    const auto device = jail::check_ioctls(std::move(inner), *cell);
    ASSERT_TRUE(device);
    EXPECT_EQ((*device)->ioctl(DRM_IOCTL_AMDGPU_INFO, nullptr), 0);
    EXPECT_EQ(kernel.last_, DRM_IOCTL_AMDGPU_INFO);
    EXPECT_EQ((*device)->ioctl(DRM_IOCTL_AMDGPU_SCHED, nullptr), -EPERM);
    EXPECT_EQ(kernel.last_, DRM_IOCTL_AMDGPU_INFO) << "it did not get there";
}

}  // namespace
}  // namespace viaduct
