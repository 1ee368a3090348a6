// Calls of anv and iris on xe.
#include <vector>

#include "tests/fuzz/layer/app.h"
#include "uapi/xe.h"

namespace viaduct::fuzz {

namespace xe_app {

namespace {

namespace u = uapi::xe;

/// Asks for the size, and then for the answer.
void query(const App& app, const Numbers& numbers) {
    u::DeviceQuery arg{};
    arg.query = numbers.what % 12;
    if (app.call(u::kDeviceQuery, arg) < 0 || arg.size > kMostAnswer) return;
    std::vector<std::byte> answer(arg.size);
    arg.data = pointer(answer.data());
    app.call(u::kDeviceQuery, arg);
}

void create(const App& app, const Numbers& numbers) {
    u::GemCreate arg{};
    arg.size = numbers.size;
    arg.placement = 1;
    arg.cpu_caching = u::kCachingWriteBack;
    app.call(u::kGemCreate, arg);
}

void mmap_offset(const App& app, const Numbers& numbers) {
    u::GemMmapOffset arg{};
    arg.handle = numbers.id;
    app.call(u::kGemMmapOffset, arg);
}

void create_vm(const App& app, const Numbers& numbers) {
    u::VmCreate arg{};
    arg.flags = numbers.what % 2;
    app.call(u::kVmCreate, arg);
}

void destroy_vm(const App& app, const Numbers& numbers) {
    u::VmDestroy arg{};
    arg.vm_id = numbers.id;
    app.call(u::kVmDestroy, arg);
}

void bind(const App& app, const Numbers& numbers) {
    u::BindOp op{};
    op.obj = numbers.id;
    op.range = numbers.size;
    op.addr = numbers.address;
    op.op = numbers.what % 4;
    if (op.op == u::kBindMapUserptr) op.obj = 0;
    u::Sync sync{};
    sync.flags = u::kSyncSignal;
    sync.handle_or_addr = 1;
    u::VmBind arg{};
    arg.vm_id = numbers.what / 4 % 4;
    arg.num_binds = 1;
    arg.bind = op;
    arg.num_syncs = numbers.what / 16 % 2;
    arg.syncs = pointer(&sync);
    app.call(u::kVmBind, arg);
}

void create_queue(const App& app, const Numbers& numbers) {
    u::EngineInstance engine{};
    engine.engine_class = static_cast<uint16_t>(numbers.what % 6);
    u::ExecQueueCreate arg{};
    arg.width = 1;
    arg.num_placements = 1;
    arg.vm_id = numbers.id;
    arg.instances = pointer(&engine);
    app.call(u::kExecQueueCreate, arg);
}

void destroy_queue(const App& app, const Numbers& numbers) {
    u::ExecQueueDestroy arg{};
    arg.exec_queue_id = numbers.id;
    app.call(u::kExecQueueDestroy, arg);
}

void get_property(const App& app, const Numbers& numbers) {
    u::ExecQueueGetProperty arg{};
    arg.exec_queue_id = numbers.id;
    app.call(u::kExecQueueGetProperty, arg);
}

void submit(const App& app, const Numbers& numbers) {
    u::Sync sync{};
    sync.flags = u::kSyncSignal;
    sync.handle_or_addr = 1;
    u::Exec arg{};
    arg.exec_queue_id = numbers.id;
    arg.num_batch_buffer = 1;
    arg.address = numbers.address;
    arg.num_syncs = numbers.what % 2;
    arg.syncs = pointer(&sync);
    app.call(u::kExec, arg);
}

constexpr AppCall kCalls[] = {query,        query,  create, mmap_offset,  create_vm,
                              destroy_vm,   bind,   bind,   create_queue, destroy_queue,
                              get_property, submit, submit};

}  // namespace

}  // namespace xe_app

std::span<const AppCall> xe_calls() {
    return xe_app::kCalls;
}

}  // namespace viaduct::fuzz
