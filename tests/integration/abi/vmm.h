// A VMM and its guest in one process, over the C ABI only: for tests that speak the wire format.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "blob/mapping.h"
#include "renderer/abi/virglrenderer.h"
#include "wire/amdgpu.h"
#include "wire/ccmd.h"

namespace viaduct::test {

/// Waits until `condition()` is true. False after ten seconds.
template <typename Condition>
bool eventually(Condition condition) {
    using namespace std::chrono_literals;
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(100us);
    }
    return true;
}

/// A hardware queue: its IP type, and the fence ring that the simulated renoir's first one has.
struct Queue {
    uint32_t ip_type;
    uint32_t ring;
};
inline constexpr Queue kGraphics{0, 1};  // AMDGPU_HW_IP_GFX
inline constexpr Queue kCompute{1, 2};   // AMDGPU_HW_IP_COMPUTE

/// Counts that must be the same after a test as before it.
struct ProcessUse {
    size_t descriptors = 0;
    size_t mappings = 0;
    size_t threads = 0;
    static ProcessUse now();
    /// No more of anything.
    bool within(const ProcessUse& other) const {
        return descriptors <= other.descriptors && mappings <= other.mappings &&
               threads <= other.threads;
    }
};
void PrintTo(const ProcessUse& use, std::ostream* out);

/// The initialised library on a simulated GPU (VIADUCT_GPU, sim:renoir unless set); cleaned up at
/// the end. One at a time. Contexts of certain names meet trouble: the jobs of "slow" take 300 ms
/// longer, those of "load" 5 ms, those of "hang" and the first of "stall" never end, those of
/// "fault" fault; "poor" gets no buffer over 1 MiB. A job that does not end within `hang` costs its
/// context.
class Vmm {
  public:
    static constexpr int kFlags = VIRGL_RENDERER_NO_VIRGL | VIRGL_RENDERER_THREAD_SYNC |
                                  VIRGL_RENDERER_ASYNC_FENCE_CB | VIRGL_RENDERER_DRM;
    explicit Vmm(std::chrono::milliseconds hang = std::chrono::milliseconds(500));
    ~Vmm();

    /// Waits until `fence_id` has been reported. False after ten seconds.
    bool wait_fence(uint64_t fence_id);
    /// How often `fence_id` was reported so far.
    size_t times_reported(uint64_t fence_id);
    /// Reported fence ids of (ctx, ring), in order.
    std::vector<uint64_t> reported(uint32_t ctx_id, uint32_t ring_idx);
    uint64_t next_fence_id() { return ++last_fence_id_; }
    uint32_t next_res_id() { return ++last_res_id_; }
    std::string log_text();
    /// Waits until the log has `text` in it: a worker's lines take a moment. False after ten
    /// seconds.
    bool wait_log(const std::string& text);
    /// How many contexts of this number have been lost so far.
    size_t losses_of(uint32_t ctx_id);
    /// Waits until destroyed contexts have wound down and the process uses no more than it did at
    /// `before`. False after ten seconds.
    bool returns_to(const ProcessUse& before);

  private:
    static void write_context_fence(void* cookie, uint32_t ctx_id, uint32_t ring_idx,
                                    uint64_t fence_id);
    static void write_fence(void*, uint32_t) {}

    virgl_renderer_callbacks callbacks_{};
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::pair<uint32_t, uint32_t>, std::vector<uint64_t>> reported_;
    std::string log_;
    uint64_t last_fence_id_ = 0;
    uint32_t last_res_id_ = 1;
};

/// PM4 commands that write `value` at `va`.
std::vector<uint32_t> write_data(uint64_t va, uint32_t value);

/// The bytes of a submission.
class Commands {
  public:
    template <typename T>
    Commands& add(const T& request) {
        return add_bytes(std::as_bytes(std::span(&request, 1)));
    }
    Commands& add_bytes(std::span<const std::byte> bytes) {
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
        return *this;
    }
    const std::vector<std::byte>& bytes() const { return bytes_; }

  private:
    std::vector<std::byte> bytes_;
};

/// One guest context with its control buffer, as a guest's driver keeps it.
class GuestContext {
  public:
    static constexpr uint32_t kControlSize = 0x4000;

    enum class Control { kCreate, kNone };
    enum class Refusal { kFails, kMayBe };
    /// `name`: the guest process's; the simulated GPU injects faults by it (see Vmm()). `refusal`:
    /// whether the test fails if the VMM's library refuses the context (see exists()).
    GuestContext(Vmm& vmm, uint32_t ctx_id, Control control = Control::kCreate,
                 const std::string& name = "test", Refusal refusal = Refusal::kFails);
    ~GuestContext();
    bool exists() const { return exists_; }

    /// The control buffer, for a context that began without one.
    void create_control(uint64_t size = kControlSize);

    uint32_t id() const { return ctx_id_; }
    Vmm& vmm() { return vmm_; }

    /// virgl_renderer_submit_cmd with `commands`.
    int submit(const Commands& commands) { return submit(commands.bytes()); }
    int submit(std::span<const std::byte> bytes);
    /// Sends a request (its header is filled in) and waits for its sequence number.
    /// `reserve`: room for the response, 0 if there is none.
    template <typename T>
    std::vector<std::byte> call(uint32_t cmd, T request, uint32_t reserve) {
        return call_bytes(cmd, std::as_writable_bytes(std::span(&request, 1)), reserve);
    }
    std::vector<std::byte> call_bytes(uint32_t cmd, std::span<std::byte> request, uint32_t reserve);
    /// Sends without waiting; the response will be at the header's rsp_off.
    wire::RequestHeader send_bytes(uint32_t cmd, std::span<std::byte> request, uint32_t reserve);
    /// The same, and reads the response as an R. Zeros where nothing was written.
    template <typename R, typename T>
    R ask(wire::amdgpu::Command cmd, const T& request) {
        const auto bytes = call(static_cast<uint32_t>(cmd), request, sizeof(R));
        R response;
        std::memcpy(&response, bytes.data(), sizeof(R));
        return response;
    }
    uint32_t next_seqno() { return ++last_seqno_; }
    uint32_t published_seqno() const;
    /// Waits until `seqno` is published. False after ten seconds: the guest would hang.
    bool wait_seqno(uint32_t seqno);
    /// Waits until everything sent before has been processed; true if the context still answers.
    bool settle();

    uint32_t async_error() const;
    std::span<std::byte> control() { return control_.bytes(); }
    std::span<std::byte> area() { return control().subspan(sizeof(wire::amdgpu::Shmem)); }

    /// GEM_NEW, create_blob, and the mapping. Returns the resource id, 0 on failure.
    uint32_t create_buffer(uint64_t size, uint32_t blob_flags = 1, uint32_t domain = 2,
                           uint64_t gem_flags = 0);
    /// Creates a resource, and waits for the worker's answer if it is mappable.
    int create_blob(uint32_t res_id, uint64_t blob_id, uint64_t size, uint32_t blob_flags = 1);
    /// The library's call alone.
    int begin_blob(uint32_t res_id, uint64_t blob_id, uint64_t size, uint32_t blob_flags = 1);
    /// GEM_NEW without claiming.
    void gem_new(uint64_t blob_id, uint64_t size, uint32_t domain = 2, uint64_t flags = 0);
    uint64_t next_blob_id() { return ++last_blob_id_; }
    int32_t map_va(uint32_t res_id, uint64_t va, uint64_t size, uint64_t offset = 0);
    uint32_t create_gpu_context();
    /// A buffer at `va` and a submission that writes `value` into its second page. Returns the
    /// resource id, 0 on failure.
    uint32_t submit_write(uint32_t gpu_context, uint32_t value, uint64_t va = 0x8000'0000,
                          Queue queue = kGraphics);
    /// The same, but the job waits until release_work() of its buffer before it writes.
    uint32_t submit_held_write(uint32_t gpu_context, uint32_t value, uint64_t va = 0x8000'0000);

    int create_fence(uint32_t ring, uint64_t fence_id, uint32_t flags = 0);
    /// Fences of a lost context retire too: whether that will do.
    enum class Fate { kAlive, kAny };
    /// Creates a fence on `ring` and waits for it. False also if the log says that the context was
    /// lost, unless any fate will do; only settle() proves that it was not.
    bool fence_retires(uint32_t ring, Fate fate = Fate::kAlive);

  private:
    uint32_t submit_ib(uint32_t gpu_context, std::span<const uint32_t> ib, uint64_t va,
                       Queue queue);

    Vmm& vmm_;
    const uint32_t ctx_id_;
    const size_t losses_before_;
    const bool exists_;
    Mapping control_;
    uint32_t control_res_ = 0;
    uint32_t last_seqno_ = 0;
    uint64_t last_blob_id_ = 0;
    uint32_t next_rsp_ = 0;
};

/// A CS_SUBMIT request in the making.
class SubmitBuilder {
  public:
    SubmitBuilder(uint32_t ctx_id, uint32_t ring) : ctx_id_(ctx_id), ring_(ring) {}
    template <typename T>
    SubmitBuilder& chunk(uint16_t id, const T& payload) {
        return chunk_bytes(id, std::as_bytes(std::span(&payload, 1)));
    }
    SubmitBuilder& chunk_bytes(uint16_t id, std::span<const std::byte> payload);
    SubmitBuilder& ib(uint64_t va, uint32_t bytes, uint32_t ip_type = 0, uint32_t ring = 0);
    SubmitBuilder& buffers(std::initializer_list<uint32_t> res_ids);
    /// The request's bytes, header zero.
    std::vector<std::byte> build() const;

  private:
    struct Chunk {
        wire::amdgpu::ChunkDescriptor descriptor;
        std::vector<std::byte> payload;
    };
    uint32_t ctx_id_, ring_;
    std::vector<Chunk> chunks_;
};

/// A resource's bytes as a VMM would map them for the guest.
class MappedResource {
  public:
    explicit MappedResource(uint32_t res_id);
    ~MappedResource();
    bool valid() const { return data_ != nullptr; }
    uint64_t size() const { return size_; }
    uint32_t* words() const { return static_cast<uint32_t*>(data_); }

  private:
    uint32_t res_id_;
    void* data_ = nullptr;
    uint64_t size_ = 0;
};

/// Lets the job of submit_held_write() go on.
void release_work(uint32_t res_id);
void release_work(const MappedResource& memory);

}  // namespace viaduct::test
