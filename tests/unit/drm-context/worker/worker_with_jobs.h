// A worker whose guest gives jobs to the GPU, for the tests of Worker.
#pragma once

#include <amdgpu_drm.h>

#include <atomic>
#include <thread>

#include "drm-context/device/device_decorator.h"
#include "drm-context/native_context.h"
#include "simgpu/inject.h"
#include "tests/unit/drm-context/worker/worker_fixture.h"
#include "wire/amdgpu.h"

namespace viaduct::test {

/// How often the kernel was asked what costs time.
struct Questions {
    std::atomic<int> state = 0;   // of a GPU context
    std::atomic<int> fdinfo = 0;  // read
};

class CountingDevice final : public DeviceDecorator {
  public:
    CountingDevice(std::unique_ptr<Device> device, Questions& questions)
        : DeviceDecorator(std::move(device)), questions_(questions) {}

    int ioctl(unsigned long request, void* argument) override {
        if (request == DRM_IOCTL_AMDGPU_CTX &&
            static_cast<drm_amdgpu_ctx*>(argument)->in.op == AMDGPU_CTX_OP_QUERY_STATE2)
            ++questions_.state;
        return DeviceDecorator::ioctl(request, argument);
    }
    BusyTimes busy_times() override {
        ++questions_.fdinfo;
        return DeviceDecorator::busy_times();
    }

  private:
    Questions& questions_;
};

/// A guest that gives jobs to the GPU; its name says which.
class WorkerWithJobs : public WorkerWithAGuest {
  protected:
    static constexpr uint32_t kRing = 1;
    static constexpr uint32_t kGpuContext = 1;  // the kernel numbers them from 1
    static constexpr uint32_t kSubmission = 7;  // each one's number as a request

    /// `control_bytes`: of the control buffer.
    explicit WorkerWithJobs(const char* name, size_t control_bytes = 4096) {
        simgpu::set_injection(simgpu::parse_injection("slow:client=slow:ms=20").value());
        auto start = settings();
        start.settings.set_names(name, name);
        run(std::move(start), [this](std::unique_ptr<Device> device) {
            return Result<std::unique_ptr<Device>>(
                std::make_unique<CountingDevice>(std::move(device), questions_));
        });
        give_control_buffer(control_bytes);
        wire::amdgpu::CreateCtxRequest request{};
        request.hdr = {static_cast<uint32_t>(wire::amdgpu::Command::kCreateCtx), sizeof(request), 1,
                       0};
        send(transport::RecordType::kSubmit, std::as_bytes(std::span(&request, 1)));
    }
    ~WorkerWithJobs() override { simgpu::set_injection({}); }

    /// The worker's error, for there is no such object. ETIMEDOUT: no answer.
    int ask_for_a_blob() {
        const transport::CreateBlob call{1, 99, 4096, 1, 1};
        send(transport::RecordType::kCreateBlob, std::as_bytes(std::span(&call, 1)));
        transport::Reply answer{};
        const auto got = transport::receive_message(
            front_.socket.get(), std::as_writable_bytes(std::span(&answer, 1)), deadline());
        return got ? answer.error : got.error().code;
    }
    struct Job {
        wire::amdgpu::CsSubmitRequest head;
        wire::amdgpu::ChunkDescriptor chunks[2];
        drm_amdgpu_cs_chunk_ib ib;
        wire::amdgpu::UserFence user_fence;

        std::span<const std::byte> bytes() const { return std::as_bytes(std::span(this, 1)); }
    };
    /// With a user fence, if there is a resource to write it to.
    static Job job(uint32_t number = kSubmission, const wire::amdgpu::UserFence& user_fence = {}) {
        Job request{};
        request.head.hdr = {static_cast<uint32_t>(wire::amdgpu::Command::kCsSubmit),
                            sizeof(request), number, 0};
        request.head.ctx_id = kGpuContext;
        request.head.num_chunks = user_fence.res_id != 0 ? 2 : 1;
        request.head.ring_idx = kRing;
        const uint32_t unused = user_fence.res_id != 0 ? 0 : sizeof(wire::amdgpu::ChunkDescriptor);
        request.chunks[0] = {AMDGPU_CHUNK_ID_IB, sizeof(request.ib) / 4, unused};
        request.chunks[1] = {AMDGPU_CHUNK_ID_FENCE, sizeof(user_fence) / 4, sizeof(request.ib)};
        request.user_fence = user_fence;
        request.ib.va_start = 0x1000;
        request.ib.ib_bytes = 0;  // needs no memory
        return request;
    }
    void submit_job(const wire::amdgpu::UserFence& user_fence = {}) {
        send(transport::RecordType::kSubmit, job(kSubmission, user_fence).bytes());
    }
    /// Resource `id`, as its guest has it mapped.
    Mapping create_buffer(uint32_t id, uint64_t size) {
        wire::amdgpu::GemNewRequest request{};
        request.hdr = {static_cast<uint32_t>(wire::amdgpu::Command::kGemNew), sizeof(request), 1,
                       0};
        request.blob_id = id;
        request.alloc_size = size;
        request.preferred_heap = AMDGPU_GEM_DOMAIN_GTT;
        const transport::CreateBlob blob{1, id, size, id, 1};
        const transport::ResourceCall map{2, id, 0};
        send(transport::RecordType::kSubmit, std::as_bytes(std::span(&request, 1)));
        send(transport::RecordType::kCreateBlob, std::as_bytes(std::span(&blob, 1)));
        send(transport::RecordType::kMapSource, std::as_bytes(std::span(&map, 1)));
        transport::Reply answer{};
        Result<UniqueFd> memory = UniqueFd();
        while (memory && answer.cookie != map.cookie)
            memory = transport::receive_message(
                front_.socket.get(), std::as_writable_bytes(std::span(&answer, 1)), deadline());
        if (!memory) return {};
        auto mapping = Mapping::map_shared(memory->get(), answer.offset, size);
        return mapping ? *std::move(mapping) : Mapping();
    }
    /// The number of the request up to which the ring's work has ended, as the guest sees it.
    uint32_t shown_finished() const {
        const auto* words = reinterpret_cast<const uint32_t*>(
            control_.data() + kFinished + offsetof(wire::FinishedWork, requests));
        return __atomic_load_n(words + kRing, __ATOMIC_ACQUIRE);
    }
    const account::RingCounters& ring_counters() const {
        return std::as_const(*vm_).books().slots[slot_.index()].counters.ring[kRing];
    }
    /// Accepted by the kernel and not known to be done.
    uint64_t under_way() const {
        const uint64_t completed = ring_counters().completed;  // first: it only grows
        return ring_counters().submissions - completed;
    }
    bool wait_for_submissions(uint64_t count) {
        while (ring_counters().submissions < count && std::chrono::steady_clock::now() < end_)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return ring_counters().submissions >= count;
    }
    /// As the guest says it.
    void look_for(uint32_t request) {
        auto* words = reinterpret_cast<uint32_t*>(control_.data() + kFinished +
                                                  offsetof(wire::FinishedWork, looked_for));
        __atomic_store_n(words + kRing, request, __ATOMIC_SEQ_CST);
    }
    /// Fence `count` of the ring, after all that was submitted.
    void send_fence(uint64_t count) {
        const transport::FenceCall call{0, count, kRing, 0};
        send(transport::RecordType::kFence, std::as_bytes(std::span(&call, 1)));
    }
    void wait_for_fence(uint64_t count) {
        send_fence(count);
        while (front_.page().retired[kRing] < count &&
               transport::wait_readable(front_.notify.get(), deadline()))
            transport::clear_event(front_.notify.get());
    }

    Questions questions_;
    const transport::Deadline end_ = deadline();
};

}  // namespace viaduct::test
