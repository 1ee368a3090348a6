#include <algorithm>
#include <cerrno>

#include "tests/integration/abi/intel_driver.h"
#include "tests/integration/abi/vmm.h"
#include "uapi/xe.h"
#include "wire/xe.h"

namespace viaduct::test {

namespace w = wire::xe;
namespace u = uapi::xe;

namespace {

constexpr uint32_t kRet = offsetof(w::Response, ret);

template <typename Request>
constexpr CommandSize size_of(w::Command command, uint32_t response = sizeof(w::Response)) {
    return {static_cast<uint32_t>(command), sizeof(Request), response};
}
constexpr CommandSize kCommands[] = {
    size_of<w::DeviceQueryRequest>(w::Command::kDeviceQuery),
    size_of<w::GemCreateRequest>(w::Command::kGemCreate, 0),
    size_of<w::VmCreateRequest>(w::Command::kVmCreate),
    size_of<w::VmDestroyRequest>(w::Command::kVmDestroy, 0),
    size_of<w::VmBindRequest>(w::Command::kVmBind),
    size_of<w::ExecQueueCreateRequest>(w::Command::kExecQueueCreate),
    size_of<w::ExecQueueDestroyRequest>(w::Command::kExecQueueDestroy, 0),
    size_of<w::ExecRequest>(w::Command::kExec, sizeof(w::ExecResponse)),
};
constexpr GuestDriver::Facts kFacts = {
    .name = "xe",
    .alignment = 8,
    .shmem_size = sizeof(w::Shmem),
    .loss_at = offsetof(w::Shmem, banned_exec_queue_mask),
    .loss_bytes = sizeof(uint64_t),
    .unknown_resource = ENOENT,
    .submission = "EXEC",
    .commands = kCommands,
};

/// The guest has one VM, which begins with its first need of it.
class XeDriver final : public IntelDriver {
  public:
    explicit XeDriver(GuestContext& guest) : IntelDriver(guest) {}

    const Facts& facts() const override { return kFacts; }
    Message make_buffer(uint64_t blob_id, uint64_t size) override {
        w::GemCreateRequest request{};
        request.size = size;
        request.placement = 1;
        request.blob_id = static_cast<uint32_t>(blob_id);
        request.cpu_caching = u::kCachingWriteBack;
        return Message::creation(w::Command::kGemCreate, request);
    }
    Message name_resource(uint32_t res_id) override {
        w::BindOp op{};
        op.op = u::kBindUnmapAll;
        op.res_id = res_id;
        return bind(op);
    }
    Message probe() override { return query(UINT32_MAX, 0); }
    Message query(uint32_t bytes) override { return query(u::kQueryConfig, bytes); }
    int map(uint32_t res_id, uint64_t va, uint64_t size, uint64_t offset) override;
    GpuContext create_gpu_context(Engine engine) override;
    void destroy_gpu_context(const GpuContext& context) override;
    bool shows_loss(const GpuContext& context) const override {
        return guest().loss_field() >> context.id & 1;
    }
    Message submission(const GpuContext& context, uint64_t va, uint32_t bytes,
                       std::span<const uint32_t> resources) override;
    int submit_nonsense(const GpuContext& context) override {
        return guest().ask(submission(context, 0x7777'0000, 64, {}));  // nothing is mapped there
    }
    Memory memory() override;
    Offer engines() override;

  private:
    static Message query(uint32_t id, uint32_t bytes) {
        w::DeviceQueryRequest request{};
        request.query = id;
        request.size = bytes;
        return Message::of(
            w::Command::kDeviceQuery, request,
            static_cast<uint32_t>(sizeof(w::Response) + (uint64_t{bytes} + 7) / 8 * 8), kRet);
    }
    template <typename T>
    std::vector<T> read_array(uint32_t id);
    uint32_t vm();
    Message bind(const w::BindOp& op);

    uint32_t vm_ = 0;
};

uint32_t XeDriver::vm() {
    if (vm_ == 0)
        vm_ = guest()
                  .read_answer<w::Response>(Message::of(w::Command::kVmCreate, w::VmCreateRequest{},
                                                        sizeof(w::Response), kRet))
                  .value;
    return vm_;
}

Message XeDriver::bind(const w::BindOp& op) {
    w::VmBindRequest request{};
    request.vm_id = vm();
    request.num_binds = 1;
    auto message = Message::of(w::Command::kVmBind, request, sizeof(w::Response), kRet);
    return message.append(std::as_bytes(std::span(&op, 1)));
}

int XeDriver::map(uint32_t res_id, uint64_t va, uint64_t size, uint64_t offset) {
    w::BindOp op{};
    op.op = u::kBindMap;
    op.res_id = res_id;
    op.obj_offset = offset;
    op.addr = va;
    op.range = size;
    return guest().ask(bind(op));
}

GpuContext XeDriver::create_gpu_context(Engine engine) {
    w::ExecQueueCreateRequest request{};
    request.vm_id = vm();
    request.width = 1;
    request.num_placements = 1;
    w::EngineInstance instance{};
    instance.engine_class = engine == Engine::kGraphics ? u::kClassRender : u::kClassCopy;
    auto message = Message::of(w::Command::kExecQueueCreate, request, sizeof(w::Response), kRet);
    message.append(std::as_bytes(std::span(&instance, 1)));
    const uint32_t id = guest().read_answer<w::Response>(message).value;
    return {id, id + w::kFirstQueueRing, engine};
}

void XeDriver::destroy_gpu_context(const GpuContext& context) {
    w::ExecQueueDestroyRequest request{};
    request.exec_queue_id = context.id;
    guest().ask(Message::of(w::Command::kExecQueueDestroy, request, 0, 0));
}

Message XeDriver::submission(const GpuContext& context, uint64_t va, uint32_t,
                             std::span<const uint32_t>) {
    w::ExecRequest request{};
    request.exec_queue_id = context.id;
    request.num_batch_buffer = 1;
    request.address = va;
    return Message::of(w::Command::kExec, request, sizeof(w::ExecResponse),
                       offsetof(w::ExecResponse, ret));
}

template <typename T>
std::vector<T> XeDriver::read_array(uint32_t id) {
    const uint32_t size = guest().read_answer<w::Response>(query(id, 0)).value;
    if (size < sizeof(u::QueryCount)) return {};
    const auto bytes = guest().call(query(id, size));
    constexpr size_t kHead = sizeof(w::Response) + sizeof(u::QueryCount);
    std::vector<T> entries((bytes.size() - kHead) / sizeof(T));
    std::memcpy(entries.data(), bytes.data() + kHead, entries.size() * sizeof(T));
    return entries;
}

GuestDriver::Memory XeDriver::memory() {
    Memory sum;
    for (const auto& region : read_array<u::MemRegion>(u::kQueryMemRegions)) {
        sum.size += region.total_size;
        sum.used += region.used;
    }
    return sum;
}

GuestDriver::Offer XeDriver::engines() {
    Offer offer;
    for (const auto& engine : read_array<u::Engine>(u::kQueryEngines)) {
        const bool graphics = engine.instance.engine_class == u::kClassRender;
        ++(graphics ? offer.graphics : offer.others);
    }
    return offer;
}

}  // namespace

std::unique_ptr<GuestDriver> create_xe_driver(GuestContext& guest) {
    return std::make_unique<XeDriver>(guest);
}

}  // namespace viaduct::test
