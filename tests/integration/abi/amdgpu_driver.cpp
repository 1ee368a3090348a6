#include "tests/integration/abi/amdgpu_driver.h"

#include <amdgpu_drm.h>

#include <algorithm>
#include <bit>

namespace viaduct::test {

namespace w = wire::amdgpu;

namespace {

constexpr uint32_t kNop = 0xffff1000;  // PKT3_NOP of one dword (mesa: sid.h)

/// A hardware queue: its IP type, and the fence ring that the simulated renoir's first one has.
struct Queue {
    uint32_t ip_type;
    uint32_t ring;
};
constexpr Queue queue_of(Engine engine) {
    return engine == Engine::kGraphics ? Queue{AMDGPU_HW_IP_GFX, 1}
                                       : Queue{AMDGPU_HW_IP_COMPUTE, 2};
}

template <typename Request>
constexpr CommandSize size_of(w::Command command, uint32_t response = sizeof(w::Response)) {
    return {static_cast<uint32_t>(command), sizeof(Request), response};
}
constexpr CommandSize kCommands[] = {
    size_of<w::QueryInfoRequest>(w::Command::kQueryInfo),
    size_of<w::GemNewRequest>(w::Command::kGemNew, 0),
    size_of<w::BoVaOpRequest>(w::Command::kBoVaOp),
    size_of<w::CsSubmitRequest>(w::Command::kCsSubmit),
    size_of<w::SetMetadataRequest>(w::Command::kSetMetadata),
    size_of<w::BoQueryInfoRequest>(w::Command::kBoQueryInfo, sizeof(w::BoQueryInfoResponse)),
    size_of<w::CreateCtxRequest>(w::Command::kCreateCtx, sizeof(w::CreateCtxResponse)),
    size_of<w::ReserveVmidRequest>(w::Command::kReserveVmid),
    size_of<w::SetPstateRequest>(w::Command::kSetPstate, sizeof(w::SetPstateResponse)),
    size_of<w::CsQueryFenceStatusRequest>(w::Command::kCsQueryFenceStatus,
                                          sizeof(w::CsQueryFenceStatusResponse)),
};
constexpr GuestDriver::Facts kFacts = {
    .name = "amdgpu",
    .alignment = 8,
    .shmem_size = sizeof(w::Shmem),
    .loss_at = offsetof(w::Shmem, async_error),
    .loss_bytes = sizeof(uint32_t),
    .counts_failures = true,
    .unknown_resource = EINVAL,
    .compute_engines = 4,
    .submission = "CS_SUBMIT",
    .commands = kCommands,
};

class AmdgpuDriver final : public GuestDriver {
  public:
    explicit AmdgpuDriver(GuestContext& guest) : GuestDriver(guest) {}

    const Facts& facts() const override { return kFacts; }
    Message make_buffer(uint64_t blob_id, uint64_t size) override { return gem_new(blob_id, size); }
    Message name_resource(uint32_t res_id) override {
        w::BoQueryInfoRequest request{};
        request.res_id = res_id;
        return Message::of(w::Command::kBoQueryInfo, request, sizeof(w::BoQueryInfoResponse),
                           offsetof(w::Response, ret));
    }
    Message probe() override { return name_resource(0); }
    Message query(uint32_t bytes) override {
        w::QueryInfoRequest request{};
        request.query = AMDGPU_INFO_DEV_INFO;
        request.return_size = bytes;
        return Message::of(w::Command::kQueryInfo, request,
                           static_cast<uint32_t>(sizeof(w::Response)) + bytes,
                           offsetof(w::Response, ret));
    }
    int map(uint32_t res_id, uint64_t va, uint64_t size, uint64_t offset) override;
    GpuContext create_gpu_context(Engine engine) override;
    void destroy_gpu_context(const GpuContext& context) override;
    bool shows_loss(const GpuContext&) const override { return guest().loss_field() != 0; }
    Message submission(const GpuContext& context, uint64_t va, uint32_t bytes,
                       std::span<const uint32_t> resources) override;
    int submit_nonsense(const GpuContext& context) override;

    Words write_value(uint64_t va, uint32_t value) const override { return write_data(va, value); }
    Words wait_for_one(uint64_t va) const override;
    Words finish(Words words) const override {
        if (words.empty()) words.push_back(kNop);
        return words;
    }
    Memory memory() override;
    Offer engines() override;

  private:
    template <typename T>
    T ask_info(uint32_t what, uint32_t ip_type = 0);
};

int AmdgpuDriver::map(uint32_t res_id, uint64_t va, uint64_t size, uint64_t offset) {
    w::BoVaOpRequest request{};
    request.va = va;
    request.vm_map_size = size;
    request.offset = offset;
    request.flags = AMDGPU_VM_PAGE_READABLE | AMDGPU_VM_PAGE_WRITEABLE | AMDGPU_VM_PAGE_EXECUTABLE;
    request.res_id = res_id;
    request.op = AMDGPU_VA_OP_MAP;
    return -guest().ask<w::Response>(w::Command::kBoVaOp, request).ret;
}

GpuContext AmdgpuDriver::create_gpu_context(Engine engine) {
    const auto answer =
        guest().ask<w::CreateCtxResponse>(w::Command::kCreateCtx, w::CreateCtxRequest{});
    return {answer.ctx_id, queue_of(engine).ring, engine};
}

void AmdgpuDriver::destroy_gpu_context(const GpuContext& context) {
    w::CreateCtxRequest destroy{};
    destroy.priority_or_id = static_cast<int32_t>(context.id);
    destroy.flags = w::kCreateCtxDestroy;
    guest().ask<w::CreateCtxResponse>(w::Command::kCreateCtx, destroy);
}

Message AmdgpuDriver::submission(const GpuContext& context, uint64_t va, uint32_t bytes,
                                 std::span<const uint32_t> resources) {
    SubmitBuilder submission(context.id, context.ring);
    if (!resources.empty()) submission.buffers(resources);
    submission.ib(va, bytes, queue_of(context.engine).ip_type);
    return {static_cast<uint32_t>(w::Command::kCsSubmit), submission.build(), sizeof(w::Response),
            offsetof(w::Response, ret)};
}

int AmdgpuDriver::submit_nonsense(const GpuContext& context) {
    return guest().ask(submission(context, 0x7777'0000, 64, {}));  // nothing is mapped there
}

// PM4 WAIT_REG_MEM: until the dword of memory at `va` is 1 (mesa: sid.h).
Words AmdgpuDriver::wait_for_one(uint64_t va) const {
    constexpr uint32_t kEqual = 3, kMemory = 1u << 4;
    return {0xc0053c00,
            kEqual | kMemory,
            static_cast<uint32_t>(va),
            static_cast<uint32_t>(va >> 32),
            1,
            UINT32_MAX,
            4};
}

template <typename T>
T AmdgpuDriver::ask_info(uint32_t what, uint32_t ip_type) {
    w::QueryInfoRequest request{};
    request.return_size = sizeof(T);
    request.query = what;
    std::memcpy(request.args, &ip_type, sizeof(ip_type));
    const auto answer = guest().call(static_cast<uint32_t>(w::Command::kQueryInfo), request,
                                     sizeof(w::Response) + sizeof(T));
    T value;
    std::memcpy(&value, answer.data() + sizeof(w::Response), sizeof(value));
    return value;
}

GuestDriver::Memory AmdgpuDriver::memory() {
    const auto memory = ask_info<drm_amdgpu_memory_info>(AMDGPU_INFO_MEMORY);
    return {memory.vram.total_heap_size + memory.gtt.total_heap_size,
            memory.vram.heap_usage + memory.gtt.heap_usage};
}

GuestDriver::Offer AmdgpuDriver::engines() {
    const auto rings = [this](uint32_t ip_type) {
        return static_cast<unsigned>(std::popcount(
            ask_info<drm_amdgpu_info_hw_ip>(AMDGPU_INFO_HW_IP_INFO, ip_type).available_rings));
    };
    return {rings(AMDGPU_HW_IP_GFX), rings(AMDGPU_HW_IP_COMPUTE) + rings(AMDGPU_HW_IP_DMA)};
}

}  // namespace

std::unique_ptr<GuestDriver> create_amdgpu_driver(GuestContext& guest) {
    return std::make_unique<AmdgpuDriver>(guest);
}

// PM4 WRITE_DATA to memory, confirmed (mesa: sid.h).
Words write_data(uint64_t va, uint32_t value) {
    return {0xc0033700, (5u << 8) | (1u << 20), static_cast<uint32_t>(va),
            static_cast<uint32_t>(va >> 32), value};
}

Message gem_new(uint64_t blob_id, uint64_t size, uint32_t domain, uint64_t flags) {
    w::GemNewRequest request{};
    request.blob_id = blob_id;
    request.alloc_size = size;
    request.preferred_heap = domain;
    request.flags = flags;
    return Message::creation(w::Command::kGemNew, request);
}

uint32_t create_amdgpu_buffer(GuestContext& guest, uint64_t size, uint32_t blob_flags,
                              uint32_t domain, uint64_t gem_flags) {
    const uint64_t blob_id = guest.next_blob_id();
    guest.ask(gem_new(blob_id, size, domain, gem_flags));
    return guest.claim_buffer(blob_id, size, blob_flags);
}

SubmitBuilder& SubmitBuilder::chunk_bytes(uint16_t id, std::span<const std::byte> payload) {
    chunks_.push_back(
        {{id, static_cast<uint16_t>(payload.size() / 4), 0}, {payload.begin(), payload.end()}});
    return *this;
}

SubmitBuilder& SubmitBuilder::ib(uint64_t va, uint32_t bytes, uint32_t ip_type, uint32_t ring) {
    drm_amdgpu_cs_chunk_ib ib{};
    ib.va_start = va;
    ib.ib_bytes = bytes;
    ib.ip_type = ip_type;
    ib.ring = ring;
    return chunk(AMDGPU_CHUNK_ID_IB, ib);
}

SubmitBuilder& SubmitBuilder::buffers(std::span<const uint32_t> res_ids) {
    std::vector<w::BoListEntry> entries;
    for (const uint32_t id : res_ids) entries.push_back({id, 0});
    return chunk_bytes(AMDGPU_CHUNK_ID_BO_HANDLES, std::as_bytes(std::span(entries)));
}

std::vector<std::byte> SubmitBuilder::build() const {
    w::CsSubmitRequest request{};
    request.ctx_id = ctx_id_;
    request.num_chunks = static_cast<uint32_t>(chunks_.size());
    request.ring_idx = ring_;
    std::vector<std::byte> table, payloads;
    for (const Chunk& chunk : chunks_) {
        w::ChunkDescriptor descriptor = chunk.descriptor;
        descriptor.offset = static_cast<uint32_t>(payloads.size());
        const auto bytes = std::as_bytes(std::span(&descriptor, 1));
        table.insert(table.end(), bytes.begin(), bytes.end());
        payloads.insert(payloads.end(), chunk.payload.begin(), chunk.payload.end());
        payloads.resize((payloads.size() + 7) / 8 * 8);
    }
    const auto head = std::as_bytes(std::span(&request, 1));
    std::vector<std::byte> bytes(head.begin(), head.end());
    bytes.insert(bytes.end(), table.begin(), table.end());
    bytes.insert(bytes.end(), payloads.begin(), payloads.end());
    return bytes;
}

}  // namespace viaduct::test
