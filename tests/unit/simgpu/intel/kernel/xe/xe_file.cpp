#include "tests/unit/simgpu/intel/kernel/xe/xe_file.h"

#include <drm.h>
#include <fmt/format.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

#include "base/unique_fd.h"
#include "simgpu/sync/fence.h"

namespace simgpu::test {

namespace {

constexpr int kLongMs = 60'000;  // a wait that must succeed

u::Sync sync(uint32_t syncobj, uint64_t value, uint32_t flags) {
    u::Sync sync{};
    sync.type = value != 0 ? u::kSyncTimelineSyncobj : u::kSyncSyncobj;
    sync.flags = flags;
    sync.handle_or_addr = syncobj;
    sync.timeline_value = value;
    return sync;
}

}  // namespace

u::Sync xe_wait(uint32_t syncobj, uint64_t value) {
    return sync(syncobj, value, 0);
}
u::Sync xe_signal(uint32_t syncobj, uint64_t value) {
    return sync(syncobj, value, u::kSyncSignal);
}

std::string XeFile::default_instance() {
    static const std::string instance = fmt::format("xe-test-{}", ::getpid());
    return instance;
}

XeFile::XeFile(const std::string& instance, const std::string& model) {
    auto file = File::open({model, instance});
    if (!file) throw std::runtime_error(fmt::format("open: errno {}", file.error()));
    file_ = std::move(*file);
}

uint32_t XeFile::vm(uint32_t flags) {
    u::VmCreate args{};
    args.flags = flags;
    EXPECT_EQ(ioctl(u::kVmCreate, &args), 0);
    return args.vm_id;
}

u::GemCreate XeFile::gem_args(uint64_t size) {
    u::GemCreate args{};
    args.size = size;
    args.placement = 1;
    args.cpu_caching = u::kCachingWriteBack;
    return args;
}

uint32_t XeFile::gem(uint64_t size, uint32_t vm) {
    u::GemCreate args = gem_args(size);
    args.vm_id = vm;
    EXPECT_EQ(ioctl(u::kGemCreate, &args), 0);
    return args.handle;
}

viaduct::Mapping XeFile::cpu_map(uint32_t handle) {
    u::GemMmapOffset args{};
    args.handle = handle;
    EXPECT_EQ(ioctl(u::kGemMmapOffset, &args), 0);
    const auto source = file_->map_source(args.offset);
    if (!source) {
        ADD_FAILURE() << "map_source: errno " << source.error();
        return {};
    }
    return viaduct::Mapping::map_shared(source->fd.get(), source->offset, source->size).value();
}

int XeFile::close_handle(uint32_t handle) {
    drm_gem_close args{handle, 0};
    return ioctl(DRM_IOCTL_GEM_CLOSE, &args);
}

u::BindOp XeFile::map(uint32_t handle, uint64_t addr, uint64_t range, uint64_t offset) {
    u::BindOp op{};
    op.op = u::kBindMap;
    op.obj = handle;
    op.addr = addr;
    op.range = range;
    op.obj_offset = offset;
    return op;
}

u::BindOp XeFile::unmap(uint64_t addr, uint64_t range) {
    u::BindOp op{};
    op.op = u::kBindUnmap;
    op.addr = addr;
    op.range = range;
    return op;
}

int XeFile::bind(uint32_t vm, const std::vector<u::BindOp>& ops, const std::vector<u::Sync>& syncs,
                 uint32_t queue) {
    u::VmBind args{};
    args.vm_id = vm;
    args.exec_queue_id = queue;
    args.num_binds = static_cast<uint32_t>(ops.size());
    if (ops.size() == 1)
        args.bind = ops.front();
    else
        args.vector_of_binds = xe_address(ops.data());
    args.num_syncs = static_cast<uint32_t>(syncs.size());
    args.syncs = xe_address(syncs.data());
    return ioctl(u::kVmBind, &args);
}

void XeFile::bind_now(uint32_t vm, const u::BindOp& op) {
    const uint32_t done = syncobj();
    ASSERT_EQ(bind(vm, {op}, {xe_signal(done)}), 0);
    EXPECT_EQ(fence_status(done), 1);
}

int XeFile::create_queue(uint32_t vm, uint16_t engine_class, uint32_t* id, uint64_t extensions) {
    const u::EngineInstance engine{engine_class, 0, 0, 0};
    u::ExecQueueCreate args{};
    args.extensions = extensions;
    args.width = 1;
    args.num_placements = 1;
    args.vm_id = vm;
    args.instances = xe_address(&engine);
    const int result = ioctl(u::kExecQueueCreate, &args);
    *id = args.exec_queue_id;
    return result;
}

uint32_t XeFile::queue(uint32_t vm, uint16_t engine_class) {
    uint32_t id = 0;
    EXPECT_EQ(create_queue(vm, engine_class, &id), 0);
    return id;
}

int XeFile::destroy_queue(uint32_t id) {
    u::ExecQueueDestroy args{};
    args.exec_queue_id = id;
    return ioctl(u::kExecQueueDestroy, &args);
}

int XeFile::banned(uint32_t queue) {
    u::ExecQueueGetProperty args{};
    args.exec_queue_id = queue;
    const int result = ioctl(u::kExecQueueGetProperty, &args);
    return result != 0 ? result : static_cast<int>(args.value);
}

int XeFile::exec(uint32_t queue, uint64_t address, const std::vector<u::Sync>& syncs,
                 uint16_t batches) {
    u::Exec args{};
    args.exec_queue_id = queue;
    args.address = address;
    args.num_batch_buffer = batches;
    args.num_syncs = static_cast<uint32_t>(syncs.size());
    args.syncs = xe_address(syncs.data());
    return ioctl(u::kExec, &args);
}

uint32_t XeFile::syncobj() {
    drm_syncobj_create args{};
    EXPECT_EQ(ioctl(DRM_IOCTL_SYNCOBJ_CREATE, &args), 0);
    return args.handle;
}

int XeFile::fence_status(uint32_t syncobj) {
    drm_syncobj_handle args{};
    args.handle = syncobj;
    args.flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE;
    EXPECT_EQ(ioctl(DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &args), 0);
    const viaduct::UniqueFd fence(args.fd);
    pollfd entry{.fd = fence.get(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&entry, 1, kLongMs), 1);
    sync_file_info info{};
    EXPECT_EQ(drm::sync_file_ioctl(fence.get(), SYNC_IOC_FILE_INFO, &info), 0);
    return info.status;
}

bool XeFile::signalled(uint32_t syncobj) {
    drm_syncobj_wait args{};
    args.handles = xe_address(&syncobj);
    args.count_handles = 1;
    return ioctl(DRM_IOCTL_SYNCOBJ_WAIT, &args) == 0;
}

XeClient::XeClient(uint32_t vm_flags) {
    constexpr uint64_t kBytes = 0x10000;
    vm = file.vm(vm_flags);
    queue = file.queue(vm);
    buffer = file.gem(kBytes);
    memory = file.cpu_map(buffer);
    file.bind_now(vm, XeFile::map(buffer, kVa, kBytes));
}

uint64_t XeClient::store(uint64_t va, uint32_t value) {
    // MI_STORE_DATA_IMM of a dword, MI_BATCH_BUFFER_END (PRM volume 2a).
    const std::vector<uint32_t> batch = {
        0x10000002, static_cast<uint32_t>(va), static_cast<uint32_t>(va >> 32), value, 0x05000000,
        0};
    auto* words = reinterpret_cast<uint32_t*>(memory.data());
    std::copy(batch.begin(), batch.end(), words + used);
    const uint64_t address = kVa + used * 4;
    used += batch.size();
    return address;
}

int XeClient::run(uint64_t va, uint32_t value) {
    const uint32_t done = file.syncobj();
    EXPECT_EQ(file.exec(queue, store(va, value), {xe_signal(done)}), 0);
    return file.fence_status(done);
}

uint32_t XeClient::data(size_t word) const {
    const auto* words = reinterpret_cast<const uint32_t*>(memory.data() + (kData - kVa));
    return __atomic_load_n(words + word, __ATOMIC_ACQUIRE);
}

}  // namespace simgpu::test
