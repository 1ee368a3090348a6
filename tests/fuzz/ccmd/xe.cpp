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

/// A VM with a queue.
void prepare(Program& program, Random& random) {
    program.push_back(command(C::kVmCreate, w::VmCreateRequest{}));
    w::ExecQueueCreateRequest queue{};
    queue.vm_id = 1;
    queue.width = 1;
    queue.num_placements = 1;
    Bytes engines;
    append(engines, w::EngineInstance{static_cast<uint16_t>(random.below(2)), 0, 0, 0});
    program.push_back(command(C::kExecQueueCreate, queue, engines));
}

Step create(const OpeningBuffer& buffer, Random&) {
    w::GemCreateRequest request{};
    request.size = buffer.size;
    request.placement = 1;
    request.blob_id = buffer.id;
    request.cpu_caching = u::kCachingWriteBack;
    return command(C::kGemCreate, request);
}

Step map(const OpeningBuffer& buffer) {
    w::VmBindRequest request{};
    request.vm_id = 1;
    request.num_binds = 1;
    Bytes op;
    append(op, w::BindOp{buffer.id, 0, 0, 0, buffer.size, buffer.va, u::kBindMap, 0});
    return command(C::kVmBind, request, op);
}

Step submit(const OpeningBuffer& buffer, Random&) {
    w::ExecRequest request{};
    request.exec_queue_id = 1;
    request.num_batch_buffer = 1;
    request.address = buffer.va;
    return command(C::kExec, request);
}

constexpr DriverRequests kRequests = {wire::ContextType::kXe,
                                      "tgl-xe",
                                      kRules,
                                      {prepare, create, map, submit, /*ring*/ 2, kBatchEnd}};

}  // namespace

const DriverRequests& driver_requests() {
    return kRequests;
}

}  // namespace viaduct::fuzz
