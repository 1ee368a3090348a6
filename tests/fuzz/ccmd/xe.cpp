// xe's requests.
#include "wire/xe.h"

#include "tests/fuzz/ccmd/calls.h"
#include "uapi/xe.h"

namespace viaduct::fuzz {

namespace {

namespace w = wire::xe;
namespace u = uapi::xe;
using C = w::Command;

constexpr uint32_t kBatchEnd = 0x05000000;  // MI_BATCH_BUFFER_END

constexpr uint64_t kAnswerSizes[] = {0, 8, 40, 48, 96, 104, 184, 512, 4096, 32 << 10, 40000};
constexpr Field kDeviceQuery[] = {
    VIADUCT_FIELD(w::DeviceQueryRequest, query, Value::kId),
    VIADUCT_FIELD(w::DeviceQueryRequest, size, Value::kChoice, kAnswerSizes),
};

constexpr uint64_t kPlacements[] = {1, 2, 3, 0, 4};
constexpr uint64_t kBufferFlags[] = {15};
constexpr uint64_t kCachings[] = {u::kCachingWriteBack, u::kCachingWriteCombined, 0, 3};
constexpr Field kGemCreate[] = {
    VIADUCT_FIELD(w::GemCreateRequest, size, Value::kSize),
    VIADUCT_FIELD(w::GemCreateRequest, placement, Value::kChoice, kPlacements),
    VIADUCT_FIELD(w::GemCreateRequest, flags, Value::kFlags, kBufferFlags),
    VIADUCT_FIELD(w::GemCreateRequest, vm_id, Value::kId),
    VIADUCT_FIELD(w::GemCreateRequest, blob_id, Value::kId),
    VIADUCT_FIELD(w::GemCreateRequest, cpu_caching, Value::kChoice, kCachings),
};

constexpr uint64_t kVmFlags[] = {7};
constexpr Field kVmCreate[] = {VIADUCT_FIELD(w::VmCreateRequest, flags, Value::kFlags, kVmFlags)};
constexpr Field kVmDestroy[] = {VIADUCT_FIELD(w::VmDestroyRequest, vm_id, Value::kId)};

constexpr Field kVmBind[] = {VIADUCT_FIELD(w::VmBindRequest, vm_id, Value::kId)};
void binds(Random& random, Bytes& request) {
    auto head = head_of<w::VmBindRequest>(request);
    head.num_binds = static_cast<uint32_t>(random.below(4));
    set_head(request, head);
    for (uint32_t i = 0; i < head.num_binds; ++i) {
        w::BindOp op{};
        op.op = static_cast<uint32_t>(random.below(5));
        op.res_id = static_cast<uint32_t>(random.id());
        op.addr = op.op == u::kBindUnmapAll ? 0 : any_address(random);
        op.range = op.op == u::kBindUnmapAll ? 0 : any_size(random);
        op.obj_offset = random.once(4) ? any_size(random) : 0;
        op.flags = static_cast<uint32_t>(random.once(4) ? random.below(128) : 0);
        if (op.flags & u::kBindNull && !random.once(4)) op.res_id = 0;
        op.pat_index = static_cast<uint16_t>(random.below(4));
        append(request, op);
    }
}

constexpr Field kQueueCreate[] = {
    VIADUCT_FIELD(w::ExecQueueCreateRequest, vm_id, Value::kId),
    VIADUCT_FIELD(w::ExecQueueCreateRequest, flags, Value::kFlags, kVmFlags),
};
void placements(Random& random, Bytes& request) {
    auto head = head_of<w::ExecQueueCreateRequest>(request);
    head.width = random.once(8) ? static_cast<uint16_t>(random.below(4)) : uint16_t{1};
    head.num_placements = static_cast<uint16_t>(random.once(4) ? random.below(11) : 1);
    set_head(request, head);
    for (unsigned i = 0; i < unsigned{head.width} * head.num_placements; ++i)
        append(request,
               w::EngineInstance{static_cast<uint16_t>(random.below(6)),
                                 static_cast<uint16_t>(random.once(4) ? random.below(3) : 0),
                                 static_cast<uint16_t>(random.once(16)), 0});
}
constexpr Field kQueueDestroy[] = {
    VIADUCT_FIELD(w::ExecQueueDestroyRequest, exec_queue_id, Value::kId)};

constexpr uint64_t kBatches[] = {0, 1, 1, 1, 2};
constexpr Field kExec[] = {
    VIADUCT_FIELD(w::ExecRequest, exec_queue_id, Value::kId),
    VIADUCT_FIELD(w::ExecRequest, num_batch_buffer, Value::kChoice, kBatches),
    VIADUCT_FIELD(w::ExecRequest, address, Value::kAddress),
};

template <typename Request>
constexpr RequestRule rule(C command, std::span<const Field> fields,
                           void (*tail)(Random&, Bytes&) = nullptr) {
    return {static_cast<uint32_t>(command), sizeof(Request), fields, tail};
}
constexpr RequestRule kRules[] = {
    rule<w::DeviceQueryRequest>(C::kDeviceQuery, kDeviceQuery),
    rule<w::GemCreateRequest>(C::kGemCreate, kGemCreate),
    rule<w::VmCreateRequest>(C::kVmCreate, kVmCreate),
    rule<w::VmDestroyRequest>(C::kVmDestroy, kVmDestroy),
    rule<w::VmBindRequest>(C::kVmBind, kVmBind, binds),
    rule<w::ExecQueueCreateRequest>(C::kExecQueueCreate, kQueueCreate, placements),
    rule<w::ExecQueueDestroyRequest>(C::kExecQueueDestroy, kQueueDestroy),
    rule<w::ExecRequest>(C::kExec, kExec),
};

constexpr DriverRequests kRequests = {wire::ContextType::kXe, "tgl-xe", kRules};

}  // namespace

const DriverRequests& driver_requests() {
    return kRequests;
}

/// A VM with a queue, three buffers that are bound in it, and a submission with each.
Program opening(Random& random) {
    Program program;
    const auto add = [&](Step step) { program.push_back(std::move(step)); };
    add(command(C::kVmCreate, w::VmCreateRequest{}));
    w::ExecQueueCreateRequest queue{};
    queue.vm_id = 1;
    queue.width = 1;
    queue.num_placements = 1;
    Bytes engines;
    append(engines, w::EngineInstance{static_cast<uint16_t>(random.below(2)), 0, 0, 0});
    add(command(C::kExecQueueCreate, queue, engines));
    for (uint32_t id = 1; id <= 3; ++id) {
        const uint64_t va = 0x10'0000 * uint64_t{id}, size = 4096 * uint64_t{id};
        w::GemCreateRequest buffer{};
        buffer.size = size;
        buffer.placement = 1;
        buffer.blob_id = id;
        buffer.cpu_caching = u::kCachingWriteBack;
        add(command(C::kGemCreate, buffer));
        add(call(Kind::kCreateBlob,
                 BlobOperands{id, size, id, static_cast<uint32_t>(random.below(4))}));
        Step write = call(Kind::kWrite, ResourceOperands{id, 0});
        append(write.bytes, kBatchEnd);
        add(std::move(write));
        w::VmBindRequest bind{};
        bind.vm_id = 1;
        bind.num_binds = 1;
        Bytes op;
        append(op, w::BindOp{id, 0, 0, 0, size, va, u::kBindMap, 0});
        add(command(C::kVmBind, bind, op));
        if (random.once(4)) add({static_cast<uint16_t>(Kind::kInFence), {}});
        w::ExecRequest exec{};
        exec.exec_queue_id = 1;
        exec.num_batch_buffer = 1;
        exec.address = va;
        add(command(C::kExec, exec));
        add(call(Kind::kEnd, RingOperands{2, static_cast<uint32_t>(random.below(2))}));
    }
    return program;
}

}  // namespace viaduct::fuzz
