// The kernel's checks, a row each: what is changed in a valid argument, and the errno.
#include <drm.h>

#include <cerrno>

#include "tests/unit/simgpu/intel/kernel/xe/xe_file.h"

namespace simgpu::test {
namespace {

template <typename Args>
struct Case {
    const char* name;
    void (*change)(Args&);
    int error;
};

template <typename Args, size_t kCount>
void check(XeFile& file, unsigned long request, const Args& valid,
           const Case<Args> (&cases)[kCount]) {
    for (const Case<Args>& row : cases) {
        Args args = valid;
        row.change(args);
        EXPECT_EQ(file.ioctl(request, &args), row.error) << row.name;
    }
    Args args = valid;
    EXPECT_EQ(file.ioctl(request, &args), 0) << "unchanged";
}

TEST(XeChecks, GemCreate) {
    XeFile file;
    const Case<u::GemCreate> cases[] = {
        {"pad", [](auto& a) { a.pad[1] = 1; }, -EINVAL},
        {"reserved", [](auto& a) { a.reserved[1] = 1; }, -EINVAL},
        {"no placement", [](auto& a) { a.placement = 0; }, -EINVAL},
        {"unknown region", [](auto& a) { a.placement = 3; }, -EINVAL},
        {"unknown flag", [](auto& a) { a.flags = 16; }, -EINVAL},
        {"no compression", [](auto& a) { a.flags = u::kGemNoCompression; }, -EOPNOTSUPP},
        {"handle", [](auto& a) { a.handle = 1; }, -EINVAL},
        {"size 0", [](auto& a) { a.size = 0; }, -EINVAL},
        {"part of a page", [](auto& a) { a.size = 4097; }, -EINVAL},
        {"huge", [](auto& a) { a.size = 1ull << 62; }, -ENOMEM},
        {"visible VRAM", [](auto& a) { a.flags = u::kGemNeedsVisibleVram; }, -EINVAL},
        {"caching 0", [](auto& a) { a.cpu_caching = 0; }, -EINVAL},
        {"caching 3", [](auto& a) { a.cpu_caching = 3; }, -EINVAL},
        {"cached scanout", [](auto& a) { a.flags = u::kGemScanout; }, -EINVAL},
        {"unknown VM", [](auto& a) { a.vm_id = 77; }, -ENOENT},
    };
    check(file, u::kGemCreate, file.gem_args(), cases);
}

TEST(XeChecks, VmCreate) {
    XeFile file;
    const Case<u::VmCreate> cases[] = {
        {"extensions", [](auto& a) { a.extensions = 1; }, -EINVAL},
        {"reserved", [](auto& a) { a.reserved[0] = 1; }, -EINVAL},
        {"unknown flag", [](auto& a) { a.flags = 8; }, -EINVAL},
        {"faults without long-running", [](auto& a) { a.flags = u::kVmFaultMode; }, -EINVAL},
        {"faults", [](auto& a) { a.flags = u::kVmFaultMode | u::kVmLongRunning; }, -EINVAL},
    };
    check(file, u::kVmCreate, u::VmCreate{}, cases);
}

TEST(XeChecks, VmDestroy) {
    XeFile file;
    u::VmDestroy valid{};
    valid.vm_id = file.vm();
    const Case<u::VmDestroy> cases[] = {
        {"pad", [](auto& a) { a.pad = 1; }, -EINVAL},
        {"unknown", [](auto& a) { a.vm_id = 99; }, -ENOENT},
    };
    check(file, u::kVmDestroy, valid, cases);
}

class BindChecks : public ::testing::Test {
  protected:
    XeFile file;
    uint32_t vm = file.vm();
    uint32_t buffer = file.gem(0x2000);
    u::VmBind valid = [this] {
        u::VmBind args{};
        args.vm_id = vm;
        args.num_binds = 1;
        args.bind = XeFile::map(buffer, 0x10000, 0x2000);
        return args;
    }();
};

TEST_F(BindChecks, Argument) {
    const Case<u::VmBind> cases[] = {
        {"extensions", [](auto& a) { a.extensions = 1; }, -EINVAL},
        {"unknown VM", [](auto& a) { a.vm_id = 99; }, -EINVAL},
        {"pad", [](auto& a) { a.pad = 1; }, -EINVAL},
        {"reserved", [](auto& a) { a.reserved[1] = 1; }, -EINVAL},
        {"1025 syncs", [](auto& a) { a.num_syncs = 1025; }, -EINVAL},
        {"no array", [](auto& a) { a.num_binds = 2, a.vector_of_binds = 0; }, -EFAULT},
        {"2^32-1 binds", [](auto& a) { a.num_binds = UINT32_MAX; }, -ENOBUFS},
        {"unknown queue", [](auto& a) { a.exec_queue_id = 9; }, -ENOENT},
        {"no syncs", [](auto& a) { a.num_syncs = 1; }, -EFAULT},
    };
    check(file, u::kVmBind, valid, cases);
}

TEST_F(BindChecks, Operation) {
    const Case<u::VmBind> cases[] = {
        {"extensions", [](auto& a) { a.bind.extensions = 1; }, -EINVAL},
        {"pad", [](auto& a) { a.bind.pad = 1; }, -EINVAL},
        {"reserved", [](auto& a) { a.bind.reserved[2] = 1; }, -EINVAL},
        {"PAT 4", [](auto& a) { a.bind.pat_index = 4; }, -EINVAL},
        {"uncached PAT on WB", [](auto& a) { a.bind.pat_index = 3; }, -EINVAL},
        {"unknown operation", [](auto& a) { a.bind.op = 5; }, -EINVAL},
        {"unknown flag", [](auto& a) { a.bind.flags = 128; }, -EINVAL},
        {"mirror", [](auto& a) { a.bind.flags = u::kBindCpuMirror; }, -EINVAL},
        {"autoreset", [](auto& a) { a.bind.flags = u::kBindMadviseAutoreset; }, -EINVAL},
        {"NULL with object", [](auto& a) { a.bind.flags = u::kBindNull; }, -EINVAL},
        {"MAP without", [](auto& a) { a.bind.obj = 0; }, -EINVAL},
        {"UNMAP with object", [](auto& a) { a.bind.op = u::kBindUnmap; }, -EINVAL},
        {"UNMAP_ALL with range", [](auto& a) { a.bind.op = u::kBindUnmapAll; }, -EINVAL},
        {"userptr with object", [](auto& a) { a.bind.op = u::kBindMapUserptr; }, -EINVAL},
        {"PREFETCH with object", [](auto& a) { a.bind.op = u::kBindPrefetch; }, -EINVAL},
        {"region of another op", [](auto& a) { a.bind.prefetch_region = 1; }, -EINVAL},
        {"range 0", [](auto& a) { a.bind.range = 0; }, -EINVAL},
        {"range", [](auto& a) { a.bind.range = 0x1001; }, -EINVAL},
        {"address", [](auto& a) { a.bind.addr = 0x10010; }, -EINVAL},
        {"offset", [](auto& a) { a.bind.obj_offset = 8; }, -EINVAL},
        {"beyond 48 bits", [](auto& a) { a.bind.addr = 1ull << 48; }, -EINVAL},
        {"wraps", [](auto& a) { a.bind.addr = ~0xfffull; }, -EINVAL},
        {"unknown object", [](auto& a) { a.bind.obj = 99; }, -ENOENT},
        {"beyond the object", [](auto& a) { a.bind.range = 0x3000; }, -EINVAL},
        {"offset beyond", [](auto& a) { a.bind.obj_offset = 0x1000; }, -EINVAL},
    };
    check(file, u::kVmBind, valid, cases);
}

TEST_F(BindChecks, QueuesAndVms) {
    EXPECT_EQ(file.bind(vm, {valid.bind}, {}, file.queue(vm)), -EINVAL) << "not of class VM_BIND";
    const uint32_t other = file.vm();
    EXPECT_EQ(file.bind(vm, {valid.bind}, {}, file.queue(other, u::kClassVmBind)), -EINVAL);
    const uint32_t own = file.gem(4096, other);
    EXPECT_EQ(file.bind(vm, {XeFile::map(own, 0x1000)}), -EINVAL) << "another VM's object";
    EXPECT_EQ(file.bind(other, {XeFile::map(own, 0x1000)}), 0);
    drm_prime_handle prime{own, DRM_CLOEXEC, -1};
    EXPECT_EQ(file.ioctl(DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime), -EPERM);
}

TEST_F(BindChecks, ABadOperationUndoesTheArray) {
    const uint32_t done = file.syncobj();
    EXPECT_EQ(file.bind(vm, {valid.bind, XeFile::map(99, 0x50000)}, {xe_signal(done)}), -ENOENT);
    drm_syncobj_wait wait{};
    wait.handles = xe_address(&done);
    wait.count_handles = 1;
    EXPECT_EQ(file.ioctl(DRM_IOCTL_SYNCOBJ_WAIT, &wait), -EINVAL) << "nothing will signal it";
}

TEST(XeChecks, ExecQueueCreate) {
    XeFile file;
    static const u::EngineInstance kRender{u::kClassRender, 0, 0, 0};
    static const u::EngineInstance kSecond{u::kClassRender, 1, 0, 0};
    static const u::EngineInstance kCompute{u::kClassCompute, 0, 0, 0};
    static const u::EngineInstance kOtherGt{u::kClassRender, 0, 1, 0};
    static const u::EngineInstance kPadded{u::kClassRender, 0, 0, 1};
    static const u::EngineInstance kMixed[] = {kRender, {u::kClassCopy, 0, 0, 0}};
    static const u::EngineInstance kVideo[] = {{u::kClassVideoDecode, 0, 0, 0},
                                               {u::kClassVideoDecode, 1, 0, 0}};
    static const u::EngineInstance kThirdVideo{u::kClassVideoDecode, 2, 0, 0};
    static const u::EngineInstance kBinds[] = {{u::kClassVmBind, 0, 0, 0},
                                               {u::kClassVmBind, 0, 0, 0}};
    u::ExecQueueCreate valid{};
    valid.width = valid.num_placements = 1;
    valid.vm_id = file.vm();
    valid.instances = xe_address(&kRender);
    const auto with = [](u::ExecQueueCreate& a, const u::EngineInstance* engines, uint16_t count) {
        a.instances = xe_address(engines);
        a.num_placements = count;
    };
    static auto use = with;
    const Case<u::ExecQueueCreate> cases[] = {
        {"reserved", [](auto& a) { a.reserved[0] = 1; }, -EINVAL},
        {"unknown flag", [](auto& a) { a.flags = 2; }, -EINVAL},
        {"width 0", [](auto& a) { a.width = 0; }, -EINVAL},
        {"10 engines", [](auto& a) { a.num_placements = 10; }, -EINVAL},
        {"no engines", [](auto& a) { a.instances = 0; }, -EFAULT},
        {"absent instance", [](auto& a) { use(a, &kSecond, 1); }, -EINVAL},
        {"absent class", [](auto& a) { use(a, &kCompute, 1); }, -EINVAL},
        {"second of two", [](auto& a) { use(a, kVideo + 1, 1); }, 0},
        {"either of two", [](auto& a) { use(a, kVideo, 2); }, 0},
        {"absent third", [](auto& a) { use(a, &kThirdVideo, 1); }, -EINVAL},
        {"absent GT", [](auto& a) { use(a, &kOtherGt, 1); }, -EINVAL},
        {"an entry's pad", [](auto& a) { use(a, &kPadded, 1); }, 0},
        {"mixed classes", [](auto& a) { use(a, kMixed, 2); }, -EINVAL},
        {"two bind entries", [](auto& a) { use(a, kBinds, 2); }, -EINVAL},
        {"unknown VM", [](auto& a) { a.vm_id = 99; }, -ENOENT},
    };
    check(file, u::kExecQueueCreate, valid, cases);
}

TEST(XeChecks, QueueProperties) {
    struct Row {
        uint32_t property;
        uint64_t value;
        int error;
    };
    XeFile file;
    const uint32_t vm = file.vm();
    const Row rows[] = {
        {u::kPropertyPriority, u::kPriorityLow, 0},
        {u::kPropertyPriority, 3, -EINVAL},
        {u::kPropertyTimeslice, 1000, 0},
        {u::kPropertyTimeslice, 0, -EINVAL},
        {u::kPropertyTimeslice, 10'000'001, -EINVAL},
        {u::kPropertyPxpType, 0, 0},
        {u::kPropertyPxpType, 1, -ENODEV},
        {77, 0, -EINVAL},
    };
    for (const Row& row : rows) {
        u::ExtensionSetProperty extension{};
        extension.property = row.property;
        extension.value = row.value;
        uint32_t id = 0;
        EXPECT_EQ(file.create_queue(vm, u::kClassRender, &id, xe_address(&extension)), row.error)
            << row.property << " = " << row.value;
    }
    u::ExtensionSetProperty endless{};
    endless.property = u::kPropertyTimeslice;
    endless.value = 1;
    endless.base.next_extension = xe_address(&endless);
    uint32_t id = 0;
    EXPECT_EQ(file.create_queue(vm, u::kClassRender, &id, xe_address(&endless)), -E2BIG);
}

TEST(XeChecks, Exec) {
    XeClient client;
    static uint32_t bind_queue = 0;
    bind_queue = client.file.queue(client.vm, u::kClassVmBind);
    u::Exec valid{};
    valid.exec_queue_id = client.queue;
    valid.num_batch_buffer = 1;
    valid.address = client.store(XeClient::kData, 1);
    const Case<u::Exec> cases[] = {
        {"extensions", [](auto& a) { a.extensions = 1; }, -EINVAL},
        {"pad", [](auto& a) { a.pad[2] = 1; }, -EINVAL},
        {"reserved", [](auto& a) { a.reserved[1] = 1; }, -EINVAL},
        {"1025 syncs", [](auto& a) { a.num_syncs = 1025; }, -EINVAL},
        {"unknown queue", [](auto& a) { a.exec_queue_id = 99; }, -ENOENT},
        {"queue of binds", [](auto& a) { a.exec_queue_id = bind_queue; }, -EINVAL},
        {"two batches", [](auto& a) { a.num_batch_buffer = 2; }, -EINVAL},
        {"no syncs", [](auto& a) { a.num_syncs = 1; }, -EFAULT},
    };
    check(client.file, u::kExec, valid, cases);
}

TEST(XeChecks, Syncs) {
    XeClient client;
    static uint32_t object = 0;
    object = client.file.syncobj();
    struct Row {
        const char* name;
        u::Sync sync;
        int error;
    };
    const auto with = [](auto change) {
        u::Sync sync = xe_signal(object);
        change(sync);
        return sync;
    };
    const Row rows[] = {
        {"extensions", with([](auto& s) { s.extensions = 1; }), -EINVAL},
        {"flags", with([](auto& s) { s.flags = 2; }), -EINVAL},
        {"type", with([](auto& s) { s.type = 3; }), -EINVAL},
        {"reserved", with([](auto& s) { s.reserved[0] = 1; }), -EINVAL},
        {"upper half", with([](auto& s) { s.handle_or_addr |= 1ull << 32; }), -EINVAL},
        {"unknown syncobj", with([](auto& s) { s.handle_or_addr = 99; }), -ENOENT},
        {"point 0", with([](auto& s) { s.type = u::kSyncTimelineSyncobj; }), -EINVAL},
        {"empty syncobj", xe_wait(object), -EINVAL},
        {"point nobody submitted", xe_wait(object, 5), -EINVAL},
        {"user fence that waits", with([](auto& s) {
             s = {};
             s.type = u::kSyncUserFence;
         }),
         -EOPNOTSUPP},
        {"odd user fence", with([](auto& s) {
             s = {};
             s.type = u::kSyncUserFence;
             s.flags = u::kSyncSignal;
             s.handle_or_addr = 4;
         }),
         -EINVAL},
    };
    for (const Row& row : rows)
        EXPECT_EQ(client.file.exec(client.queue, client.store(XeClient::kData, 1), {row.sync}),
                  row.error)
            << row.name;
}

TEST(XeChecks, Queries) {
    XeFile file;
    struct Row {
        uint32_t query;
        int error;
        uint32_t size;
    };
    const Row rows[] = {
        {u::kQueryEngines, 0, 8 + 5 * 32}, {u::kQueryMemRegions, 0, 96},
        {u::kQueryConfig, 0, 48},          {u::kQueryGtList, 0, 104},
        {u::kQueryHwconfig, 0, 0},         {u::kQueryGtTopology, 0, 80},
        {u::kQueryEngineCycles, 0, 40},    {u::kQueryUcFwVersion, 0, 32},
        {u::kQueryOaUnits, -ENODEV, 0},    {u::kQueryPxpStatus, -ENODEV, 0},
        {u::kQueryEuStall, -ENODEV, 0},    {11, -EINVAL, 0},
        {UINT32_MAX, -EINVAL, 0},
    };
    for (const Row& row : rows) {
        u::DeviceQuery query{};
        query.query = row.query;
        EXPECT_EQ(file.ioctl(u::kDeviceQuery, &query), row.error) << row.query;
        EXPECT_EQ(query.size, row.size) << row.query;
        std::vector<std::byte> room(4096);
        query.data = xe_address(room.data());
        if (row.error == 0) {
            EXPECT_EQ(file.ioctl(u::kDeviceQuery, &query), 0) << row.query;
        }
        query.size = row.size + 1;
        const int wrong = row.error != 0 ? row.error : -EINVAL;
        EXPECT_EQ(file.ioctl(u::kDeviceQuery, &query), wrong) << row.query;
    }
}

TEST(XeChecks, IdsAreTheLowestFreeOnesOfTheirFile) {
    XeFile file, other;
    EXPECT_EQ(file.vm(), 1u);
    EXPECT_EQ(file.vm(), 2u);
    EXPECT_EQ(other.vm(), 1u);
    const uint32_t first = file.queue(1), second = file.queue(1);
    EXPECT_EQ(first, 1u);
    EXPECT_EQ(second, 2u);
    EXPECT_EQ(file.destroy_queue(first), 0);
    EXPECT_EQ(file.destroy_queue(first), -ENOENT);
    EXPECT_EQ(file.queue(1), first);
    EXPECT_EQ(file.banned(99), -ENOENT);
    EXPECT_EQ(file.banned(first), 0);
}

}  // namespace
}  // namespace simgpu::test
