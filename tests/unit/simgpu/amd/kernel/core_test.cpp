// Dispatch, the DRM core's own ioctls, INFO and contexts.
#include <fmt/format.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include "simgpu/amd/kernel/model.h"
#include "simgpu/chips.h"
#include "tests/unit/simgpu/amd/kernel/test_file.h"

namespace simgpu::test {
namespace {

TEST(Models, AreFoundByName) {
    for (const char* name : {"renoir", "vega10"}) {
        const Chip* chip = find_chip(chips(), name);
        const amdgpu::ModelInfo* model = amdgpu::find_model(name);
        ASSERT_TRUE(chip && model) << name;
        EXPECT_EQ(chip->pci.device, model->device.device_id);
        EXPECT_EQ(chip->pci.revision, model->device.pci_rev);
    }
    EXPECT_EQ(find_chip(chips(), "navi10"), nullptr);
    EXPECT_EQ(File::open({"navi10", unique_instance()}).error(), EINVAL);
}

TEST(Models, TheFirstIsTheDefault) {
    const auto file = File::open({"", unique_instance()});
    ASSERT_TRUE(file);
    EXPECT_EQ(chips().front().name, "renoir");
    drm_amdgpu_info_device device{};
    drm_amdgpu_info args{};
    args.return_pointer = address_of(&device);
    args.return_size = sizeof(device);
    args.query = AMDGPU_INFO_DEV_INFO;
    ASSERT_EQ((*file)->ioctl(DRM_IOCTL_AMDGPU_INFO, &args), 0);
    EXPECT_EQ(device.device_id, chips().front().pci.device);
}

TEST(Open, RefusesInstanceNamesThatAreNoFileNames) {
    for (const char* name : {"../x", "a/b", "a b", "\n"})
        EXPECT_EQ(File::open({"renoir", name}).error(), EINVAL) << name;
    EXPECT_EQ(File::open({"renoir", std::string(65, 'a')}).error(), EINVAL);
}

TEST(Open, LeavesTheDescriptorLimitAlone) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit low{64, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
    {
        TestFile file;
        rlimit after{};
        ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &after), 0);
        EXPECT_EQ(after.rlim_cur, low.rlim_cur);
        uint32_t handle = 0;
        int result = 0;
        for (int i = 0; i < 64 && result == 0; ++i) result = file.create(4096, &handle);
        EXPECT_EQ(result, -ENOMEM) << "the price of a memfd per buffer";
    }
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(Dispatch, KnowsItsNumbersOnly) {
    TestFile file;
    uint64_t argument[8] = {};
    EXPECT_EQ(file.ioctl(_IOWR('x', 0, uint64_t), argument), -ENOTTY);
    EXPECT_EQ(file.ioctl(_IOWR('d', 0x3f, uint64_t), argument), -EINVAL);
    EXPECT_EQ(file.ioctl(_IOWR('d', 0x7f, uint64_t), argument), -EINVAL);
    EXPECT_EQ(file.ioctl(DRM_IOCTL_GET_MAGIC, argument), -EACCES) << "render nodes have no master";
    EXPECT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_SCHED, argument), -EACCES);
    EXPECT_EQ(file.ioctl<void>(DRM_IOCTL_GET_CAP, nullptr), -EFAULT);
}

TEST(Dispatch, ArgumentsMayBeShorterOrLongerThanOurs) {
    TestFile file;
    uint32_t handle = file.syncobj(DRM_SYNCOBJ_CREATE_SIGNALED);
    // 32 bytes, without deadline_nsec: what kernels before 6.6 have.
    drm_syncobj_wait old{};
    old.handles = address_of(&handle);
    old.count_handles = 1;
    EXPECT_EQ(file.ioctl(DRM_IOCTL_SYNCOBJ_WAIT, &old), 0);
    struct Long {
        drm::SyncobjWaitArgs args;
        uint64_t beyond[4];
    } newer{};
    newer.args.handles = address_of(&handle);
    newer.args.count_handles = 1;
    newer.beyond[3] = 5;
    EXPECT_EQ(file.ioctl(_IOWR('d', drm::nr::kSyncobjWait, Long), &newer), 0);
    EXPECT_EQ(newer.beyond[3], 5u);
    // The shortest context ioctl: an operation, the rest zero, so context 0.
    uint32_t op = AMDGPU_CTX_OP_QUERY_STATE;
    EXPECT_EQ(file.ioctl(_IOWR('d', 0x42, uint32_t), &op), -EINVAL);
}

TEST(Version, SaysAmdgpuInWhateverRoomThereIs) {
    TestFile file;
    char name[16] = {};
    drm_version args{};
    args.name = name;
    args.name_len = 3;
    ASSERT_EQ(file.ioctl(DRM_IOCTL_VERSION, &args), 0);
    EXPECT_STREQ(name, "amd");
    EXPECT_EQ(args.name_len, 6u);
    EXPECT_EQ(args.version_major, 3);
    EXPECT_GE(args.version_minor, 54);
}

TEST(Caps, AreThoseOfARenderNodeOfADisplayDriver) {
    TestFile file;
    const auto cap = [&](uint64_t number) -> int64_t {
        drm_get_cap args{};
        args.capability = number;
        const int result = file.ioctl(DRM_IOCTL_GET_CAP, &args);
        return result != 0 ? result : static_cast<int64_t>(args.value);
    };
    EXPECT_EQ(cap(DRM_CAP_SYNCOBJ), 1);
    EXPECT_EQ(cap(DRM_CAP_SYNCOBJ_TIMELINE), 1);
    EXPECT_EQ(cap(DRM_CAP_PRIME), 3);
    EXPECT_EQ(cap(DRM_CAP_ADDFB2_MODIFIERS), 1);
    EXPECT_EQ(cap(DRM_CAP_DUMB_BUFFER), 1);
    EXPECT_EQ(cap(DRM_CAP_DUMB_PREFERRED_DEPTH), 24);
    EXPECT_EQ(cap(DRM_CAP_ASYNC_PAGE_FLIP), 1);
    EXPECT_EQ(cap(DRM_CAP_PAGE_FLIP_TARGET), 0);
    EXPECT_EQ(cap(DRM_CAP_CURSOR_WIDTH), 256);
    EXPECT_EQ(cap(DRM_CAP_CURSOR_HEIGHT), 256);
    EXPECT_EQ(cap(0x15), 1) << "DRM_CAP_ATOMIC_ASYNC_PAGE_FLIP";
    EXPECT_EQ(cap(0x7f), -EINVAL);
    drm_set_client_cap set{};
    EXPECT_EQ(file.ioctl(DRM_IOCTL_SET_CLIENT_CAP, &set), -EOPNOTSUPP);
}

TEST(ClientName, ShowsInFdinfo) {
    TestFile file;
    const auto set = [&](const std::string& name) {
        drm::SetClientNameArgs args{name.size(), address_of(name.data())};
        return file.ioctl(_IOWR('d', drm::nr::kSetClientName, drm::SetClientNameArgs), &args);
    };
    EXPECT_EQ(set("guest-7"), 0);
    const std::string text = file.file().fdinfo();
    for (const char* line : {"drm-driver:\tamdgpu\n", "drm-client-name:\tguest-7\n"})
        EXPECT_NE(text.find(line), std::string::npos) << line << text;
    EXPECT_EQ(text.find("drm-engine-"), std::string::npos) << "engines that did nothing" << text;
    EXPECT_EQ(set("a b"), -EINVAL);
    EXPECT_EQ(set("caf\xc3\xa9"), -EINVAL);
    EXPECT_EQ(set(std::string("a\0b", 3)), -EINVAL);
    EXPECT_EQ(set(std::string(65, 'x')), -EINVAL);
    EXPECT_EQ(set(std::string(64, 'x')), 0);
    EXPECT_EQ(set(""), 0);
    EXPECT_EQ(file.file().fdinfo().find("drm-client-name"), std::string::npos);
}

TEST(Info, AnswersEveryQueryOfMesaInFull) {
    // Query and the size that Mesa 22.3, 25.0 and 26.1 ask for.
    struct Case {
        uint32_t query, arg0;
        size_t size;
    };
    const Case cases[] = {
        {AMDGPU_INFO_ACCEL_WORKING, 0, 4}, {AMDGPU_INFO_HW_IP_INFO, 0, 32},
        {AMDGPU_INFO_HW_IP_COUNT, 0, 4},   {AMDGPU_INFO_TIMESTAMP, 0, 8},
        {AMDGPU_INFO_FW_VERSION, 4, 8},    {AMDGPU_INFO_NUM_BYTES_MOVED, 0, 8},
        {AMDGPU_INFO_VRAM_USAGE, 0, 8},    {AMDGPU_INFO_GTT_USAGE, 0, 8},
        {AMDGPU_INFO_VRAM_GTT, 0, 24},     {AMDGPU_INFO_READ_MMR_REG, 0x263e, 4},
        {AMDGPU_INFO_DEV_INFO, 0, 440},    {AMDGPU_INFO_VIS_VRAM_USAGE, 0, 8},
        {AMDGPU_INFO_NUM_EVICTIONS, 0, 8}, {AMDGPU_INFO_MEMORY, 0, 96},
        {AMDGPU_INFO_VBIOS, 3, 200},       {AMDGPU_INFO_SENSOR, 1, 4},
        {AMDGPU_INFO_VIDEO_CAPS, 0, 192},  {amdgpu::kInfoMaxIbs, 0, 40},
        {amdgpu::kInfoGpuvmFault, 0, 16},
    };
    for (const char* model : {"renoir", "vega10"}) {
        TestFile file(model);
        for (const Case& c : cases) {
            std::vector<uint8_t> answer(c.size + 64, 0xee);
            drm_amdgpu_info args{};
            args.return_pointer = address_of(answer.data());
            args.return_size = static_cast<uint32_t>(answer.size());
            args.query = c.query;
            args.query_hw_ip.type = c.arg0;
            if (c.query == AMDGPU_INFO_READ_MMR_REG) args.read_mmr_reg.count = 1;
            EXPECT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_INFO, &args), 0) << c.query;
            EXPECT_EQ(answer[c.size], 0xee) << c.query << " wrote more than its answer";
            args.return_size = static_cast<uint32_t>(c.size / 2);
            std::vector<uint8_t> half(c.size, 0xee);
            args.return_pointer = address_of(half.data());
            EXPECT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_INFO, &args), 0) << c.query;
            EXPECT_EQ(half[c.size / 2], 0xee) << c.query << " wrote more than asked for";
        }
    }
}

TEST(Info, RefusesWhatTheKernelRefuses) {
    TestFile file;
    uint32_t out = 0;
    EXPECT_EQ(file.info(0x7fffffff, &out), -EINVAL);
    EXPECT_EQ(file.info(AMDGPU_INFO_HW_IP_INFO, &out, 99), -EINVAL);
    EXPECT_EQ(file.info(AMDGPU_INFO_HW_IP_INFO, &out, 0, 1), -EINVAL);
    EXPECT_EQ(file.info(AMDGPU_INFO_SENSOR, &out, 99), -EINVAL);
    EXPECT_EQ(file.info(AMDGPU_INFO_HW_IP_COUNT, &out, amdgpu::kIpVpe), -EINVAL) << "absent";
    EXPECT_EQ(file.info(AMDGPU_INFO_FW_VERSION, &out, amdgpu::kFwUnused), -EINVAL);
    EXPECT_EQ(file.info(AMDGPU_INFO_READ_MMR_REG, &out, 0x1234, 1), -EFAULT);
    drm_amdgpu_info args{};
    EXPECT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_INFO, &args), -EINVAL) << "nowhere to write";
}

TEST(Info, ReadsNoRegisterAtAll) {
    TestFile file;
    uint32_t out = 0xeeeeeeee;
    EXPECT_EQ(file.info(AMDGPU_INFO_READ_MMR_REG, &out, 0x263e, 0), 0);
    EXPECT_EQ(out, 0xeeeeeeee);
}

TEST(Info, ReportsTheRingsThatTheChipsHave) {
    struct Case {
        const char* model;
        uint32_t dma;
        std::vector<uint32_t> video;
    };
    const Case cases[] = {
        {"renoir", 1, {AMDGPU_HW_IP_VCN_DEC, AMDGPU_HW_IP_VCN_ENC, AMDGPU_HW_IP_VCN_JPEG}},
        {"vega10", 2, {AMDGPU_HW_IP_UVD, AMDGPU_HW_IP_VCE, AMDGPU_HW_IP_UVD_ENC}},
    };
    for (const Case& c : cases) {
        TestFile file(c.model);
        for (uint32_t type = 0; type < amdgpu::kIpTypes; ++type) {
            const bool video = std::ranges::find(c.video, type) != c.video.end();
            const uint32_t rings = type == AMDGPU_HW_IP_GFX       ? 1
                                   : type == AMDGPU_HW_IP_COMPUTE ? 4
                                   : type == AMDGPU_HW_IP_DMA     ? c.dma
                                                                  : video;
            drm_amdgpu_info_hw_ip ip{};
            EXPECT_EQ(file.info(AMDGPU_INFO_HW_IP_INFO, &ip, type), 0);
            EXPECT_EQ(ip.available_rings, (1u << rings) - 1) << type;
            uint32_t count = 0;
            EXPECT_EQ(file.info(AMDGPU_INFO_HW_IP_COUNT, &count, type), rings ? 0 : -EINVAL);
            const uint32_t instances = type == AMDGPU_HW_IP_DMA ? c.dma : 1;
            EXPECT_EQ(count, rings ? instances : 0) << type;
        }
        drm_amdgpu_info_video_caps caps{};
        EXPECT_EQ(file.info(AMDGPU_INFO_VIDEO_CAPS, &caps, AMDGPU_INFO_VIDEO_CAPS_DECODE), 0);
        EXPECT_TRUE(caps.codec_info[AMDGPU_INFO_VIDEO_CAPS_CODEC_IDX_HEVC].valid);
        EXPECT_FALSE(caps.codec_info[AMDGPU_INFO_VIDEO_CAPS_CODEC_IDX_AV1].valid);
    }
}

TEST(Info, MemoryUseFollowsTheBuffers) {
    TestFile file("vega10", unique_instance());
    const auto usage = [&](uint32_t query) {
        uint64_t value = 0;
        EXPECT_EQ(file.info(query, &value), 0);
        return value;
    };
    constexpr uint64_t kRoot = 4096;  // page directory
    EXPECT_EQ(usage(AMDGPU_INFO_VRAM_USAGE), kRoot);
    uint32_t vram = 0, gtt = 0;
    ASSERT_EQ(file.create(3 << 20, &vram, AMDGPU_GEM_DOMAIN_VRAM), 0);
    ASSERT_EQ(file.create(1 << 20, &gtt, AMDGPU_GEM_DOMAIN_GTT), 0);
    EXPECT_EQ(usage(AMDGPU_INFO_VRAM_USAGE), kRoot + (3u << 20));
    EXPECT_EQ(usage(AMDGPU_INFO_GTT_USAGE), 1u << 20);
    file.gem_close(vram);
    EXPECT_EQ(usage(AMDGPU_INFO_VRAM_USAGE), kRoot);
}

TEST(Context, IsNumberedFromOneAndFreedOnce) {
    TestFile file;
    EXPECT_EQ(file.context(), 1u);
    EXPECT_EQ(file.context(), 2u);
    drm_amdgpu_ctx args{};
    args.in.op = AMDGPU_CTX_OP_FREE_CTX;
    args.in.ctx_id = 1;
    EXPECT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_CTX, &args), 0);
    args.in.op = AMDGPU_CTX_OP_FREE_CTX;
    args.in.ctx_id = 1;
    EXPECT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_CTX, &args), -EINVAL);
    EXPECT_EQ(file.context(), 1u) << "the lowest free number";
    args.in.op = 77;
    args.in.ctx_id = 1;
    EXPECT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_CTX, &args), -EINVAL);
}

TEST(Context, TableIsBounded) {
    TestFile file;
    uint32_t id = 0;
    int result = 0, count = 0;
    while ((result = file.alloc_context(0, &id)) == 0) ++count;
    EXPECT_EQ(result, -ENOSPC);
    EXPECT_EQ(count, 4095);
}

TEST(Context, GarbagePrioritiesAreNormal) {
    TestFile file;
    uint32_t id = 0;
    EXPECT_EQ(file.alloc_context(12345, &id), 0);
    EXPECT_EQ(file.alloc_context(AMDGPU_CTX_PRIORITY_UNSET, &id), 0);
    EXPECT_EQ(file.alloc_context(AMDGPU_CTX_PRIORITY_VERY_LOW, &id), 0);
}

/// Takes CAP_SYS_NICE from the calling thread.
void drop_priority_privilege() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
    ASSERT_EQ(::syscall(SYS_capget, &header, data), 0);
    data[CAP_TO_INDEX(CAP_SYS_NICE)].effective &= ~CAP_TO_MASK(CAP_SYS_NICE);
    ASSERT_EQ(::syscall(SYS_capset, &header, data), 0);
}

TEST(Context, HighPrioritiesNeedPrivilege) {
    TestFile file;
    std::thread([&] {
        drop_priority_privilege();
        uint32_t id = 0;
        EXPECT_EQ(file.alloc_context(AMDGPU_CTX_PRIORITY_HIGH, &id), -EACCES);
        EXPECT_EQ(file.alloc_context(AMDGPU_CTX_PRIORITY_VERY_HIGH, &id), -EACCES);
        EXPECT_EQ(file.alloc_context(AMDGPU_CTX_PRIORITY_NORMAL, &id), 0);
    }).join();
}

TEST(Context, PrivilegeInAUserNamespaceOfItsOwnDoesNotCount) {
    enum Result { kRefused, kAllowed, kNoNamespace };
    const pid_t child = ::fork();
    if (child == 0) {
        if (::unshare(CLONE_NEWUSER) != 0) ::_exit(kNoNamespace);
        TestFile file;
        uint32_t id = 0;
        ::_exit(file.alloc_context(AMDGPU_CTX_PRIORITY_HIGH, &id) == -EACCES ? kRefused : kAllowed);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    if (WEXITSTATUS(status) == kNoNamespace) GTEST_SKIP() << "no user namespaces here";
    EXPECT_EQ(WEXITSTATUS(status), kRefused);
}

TEST(Context, StablePstateIsTheCardsAndOneContextForcesIt) {
    TestFile file, other;
    const uint32_t owner = file.context(), stranger = other.context();
    const auto set = [](TestFile& of, uint32_t context, uint32_t level) {
        drm_amdgpu_ctx args{};
        args.in = {AMDGPU_CTX_OP_SET_STABLE_PSTATE, level, context, 0};
        return of.ioctl(DRM_IOCTL_AMDGPU_CTX, &args);
    };
    const auto get = [](TestFile& of, uint32_t context) {
        drm_amdgpu_ctx args{};
        args.in = {AMDGPU_CTX_OP_GET_STABLE_PSTATE, 0, context, 0};
        EXPECT_EQ(of.ioctl(DRM_IOCTL_AMDGPU_CTX, &args), 0);
        return args.out.pstate.flags;
    };
    EXPECT_EQ(set(file, owner, AMDGPU_CTX_STABLE_PSTATE_PEAK), 0);
    EXPECT_EQ(get(other, stranger), uint32_t{AMDGPU_CTX_STABLE_PSTATE_PEAK});
    EXPECT_EQ(set(other, stranger, AMDGPU_CTX_STABLE_PSTATE_NONE), -EBUSY);
    drm_amdgpu_ctx args{};
    args.in = {AMDGPU_CTX_OP_FREE_CTX, 0, owner, 0};
    EXPECT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_CTX, &args), 0);
    EXPECT_EQ(get(other, stranger), uint32_t{AMDGPU_CTX_STABLE_PSTATE_NONE});
    EXPECT_EQ(set(other, stranger, AMDGPU_CTX_STABLE_PSTATE_STANDARD), 0);
    other.close();
    EXPECT_EQ(get(file, file.context()), uint32_t{AMDGPU_CTX_STABLE_PSTATE_NONE});
}

TEST(Context, StablePstateIsKept) {
    TestFile file;
    drm_amdgpu_ctx args{};
    args.in = {AMDGPU_CTX_OP_SET_STABLE_PSTATE, AMDGPU_CTX_STABLE_PSTATE_PEAK, file.context(), 0};
    EXPECT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_CTX, &args), 0);
    args.in = {AMDGPU_CTX_OP_GET_STABLE_PSTATE, 0, 1, 0};
    EXPECT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_CTX, &args), 0);
    EXPECT_EQ(args.out.pstate.flags, uint32_t{AMDGPU_CTX_STABLE_PSTATE_PEAK});
    args.in = {AMDGPU_CTX_OP_SET_STABLE_PSTATE, 9, 1, 0};
    EXPECT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_CTX, &args), -EINVAL);
}

TEST(Vm, ReservesAndUnreserves) {
    TestFile file;
    drm_amdgpu_vm args{};
    args.in.op = AMDGPU_VM_OP_RESERVE_VMID;
    EXPECT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_VM, &args), 0);
    args.in = {AMDGPU_VM_OP_UNRESERVE_VMID, 0};
    EXPECT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_VM, &args), 0);
    args.in = {77, 0};
    EXPECT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_VM, &args), -EINVAL);
}

}  // namespace
}  // namespace simgpu::test
