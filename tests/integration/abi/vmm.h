// A VMM and its guest in one process, over the C ABI only: for tests that speak the wire format, of
// the driver whose GPU VIADUCT_GPU names.
#pragma once

#include <algorithm>
#include <atomic>
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
#include "tests/integration/abi/guest_driver.h"
#include "wire/ccmd.h"

namespace viaduct::test {

inline constexpr uint64_t kMiB = 1 << 20;
inline constexpr uint32_t kMappable = VIRGL_RENDERER_BLOB_FLAG_USE_MAPPABLE;
inline constexpr uint32_t kShareable = VIRGL_RENDERER_BLOB_FLAG_USE_SHAREABLE;

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
/// context; xe's have half of that.
class Vmm {
  public:
    static constexpr int kFlags = VIRGL_RENDERER_NO_VIRGL | VIRGL_RENDERER_THREAD_SYNC |
                                  VIRGL_RENDERER_ASYNC_FENCE_CB | VIRGL_RENDERER_DRM;
    explicit Vmm(std::chrono::milliseconds hang = std::chrono::milliseconds(800));
    virtual ~Vmm();

    // The calls that a guest's requests become; a monitor with other habits overrides them
    // (rutabaga.h). Results are the library's.
    virtual int create_context(uint32_t ctx_id, const std::string& name);
    virtual void destroy_context(uint32_t ctx_id);
    virtual int create_blob(const virgl_renderer_resource_create_blob_args& args);
    virtual void unref(uint32_t res_id);
    virtual void attach(uint32_t ctx_id, uint32_t res_id);
    virtual int submit(uint32_t ctx_id, std::span<const std::byte> bytes);
    virtual int create_fence(uint32_t ctx_id, uint32_t flags, uint32_t ring, uint64_t fence_id);

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

  protected:
    /// For a monitor that calls start() itself. It also ends what it started, before this goes.
    struct Unstarted {};
    Vmm(Unstarted, std::chrono::milliseconds hang);
    /// The result of virgl_renderer_init, with this as the cookie.
    int start(int flags, const virgl_renderer_callbacks& table);

    static void write_context_fence(void* cookie, uint32_t ctx_id, uint32_t ring_idx,
                                    uint64_t fence_id);
    static void write_fence(void* cookie, uint32_t fence_id);
    /// The callbacks; on any thread of the library.
    virtual void context_fence(uint32_t ctx_id, uint32_t ring_idx, uint64_t fence_id);
    virtual void global_fence(uint32_t /*fence_id*/) {}
    void add_to_log(const char* text);

  private:
    virgl_renderer_callbacks callbacks_{};
    bool ends_library_ = false;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::pair<uint32_t, uint32_t>, std::vector<uint64_t>> reported_;
    std::string log_;
    std::atomic<bool> is_logged_to_ = true;  // a thread of the library may still be at it
    std::atomic<uint64_t> last_fence_id_ = 0;
    std::atomic<uint32_t> last_res_id_ = 1;
};

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
    /// With this header, except for its command number and length.
    Commands& add(Message message, wire::RequestHeader header);
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

    /// The control buffer, for a context that began without one. False if it is refused.
    bool create_control(uint64_t size = kControlSize, Refusal refusal = Refusal::kFails);

    uint32_t id() const { return ctx_id_; }
    Vmm& vmm() { return vmm_; }

    /// virgl_renderer_submit_cmd with `commands`.
    int submit(const Commands& commands) { return submit(commands.bytes()); }
    int submit(std::span<const std::byte> bytes);
    /// The words of its driver.
    GuestDriver& driver() { return *driver_; }
    const GuestDriver::Facts& facts() const { return driver_->facts(); }

    /// Sends without waiting; the response will be at the header's rsp_off. `reserve`: room for the
    /// response, 0 if there is none.
    wire::RequestHeader send_bytes(uint32_t cmd, std::span<std::byte> request, uint32_t reserve);
    wire::RequestHeader send(Message message) {
        return send_bytes(message.cmd, message.bytes, message.answer);
    }
    /// Sends a request (its header is filled in), waits for its sequence number, and returns the
    /// response. Zeros where nothing was written.
    std::vector<std::byte> call_bytes(uint32_t cmd, std::span<std::byte> request, uint32_t reserve);
    std::vector<std::byte> call(Message message) {
        return call_bytes(message.cmd, message.bytes, message.answer);
    }
    template <typename T>
    std::vector<std::byte> call(uint32_t cmd, T request, uint32_t reserve) {
        return call_bytes(cmd, std::as_writable_bytes(std::span(&request, 1)), reserve);
    }
    /// The same, and reads the response as an R.
    template <typename R, typename Command, typename T>
    R ask(Command cmd, const T& request) {
        return read<R>(call(static_cast<uint32_t>(cmd), request, sizeof(R)));
    }
    template <typename R>
    R read_answer(Message message) {
        return read<R>(call(std::move(message)));
    }
    /// The same, and returns the result, as a positive errno; 0: success, or no answer.
    int ask(Message message);
    uint32_t next_seqno() { return ++last_seqno_; }
    uint32_t published_seqno() const;
    /// Waits until `seqno` is published. False after ten seconds: the guest would hang.
    bool wait_seqno(uint32_t seqno);
    /// Waits until everything sent before has been processed; true if the context still answers.
    bool settle();

    /// The control buffer's count or mark of losses; 0 is none.
    uint64_t loss_field() const;
    /// Its value after `failures` of commands without a response.
    uint64_t counted(uint64_t failures) const { return facts().counts_failures ? failures : 0; }
    std::span<std::byte> control() { return control_.bytes(); }
    std::span<std::byte> area() { return control().subspan(area_offset_); }

    /// Makes a buffer under `blob_id` without claiming it, and waits for that.
    void make_buffer(uint64_t blob_id, uint64_t size) { ask(driver_->make_buffer(blob_id, size)); }
    /// The same, create_blob, and the attachment. Returns the resource id, 0 on failure.
    uint32_t create_buffer(uint64_t size, uint32_t blob_flags = 1);
    uint32_t claim_buffer(uint64_t blob_id, uint64_t size, uint32_t blob_flags = 1);
    /// Creates a resource, and waits for the worker's answer if it is mappable.
    int create_blob(uint32_t res_id, uint64_t blob_id, uint64_t size, uint32_t blob_flags = 1);
    /// The library's call alone.
    int begin_blob(uint32_t res_id, uint64_t blob_id, uint64_t size, uint32_t blob_flags = 1);
    uint64_t next_blob_id() { return ++last_blob_id_; }
    /// 0, or the errno of a command that names the resource.
    int error_of(uint32_t res_id) { return ask(driver_->name_resource(res_id)); }
    int map(uint32_t res_id, uint64_t va, uint64_t size, uint64_t offset = 0) {
        return driver_->map(res_id, va, size, offset);
    }
    GpuContext create_gpu_context(Engine engine = Engine::kGraphics) {
        return driver_->create_gpu_context(engine);
    }
    /// A buffer at `va` and a submission that writes `value` into its second page. Returns the
    /// resource id, 0 on failure.
    uint32_t submit_write(const GpuContext& context, uint32_t value, uint64_t va = 0x8000'0000);
    /// The same, but the job waits until release_work() of its buffer before it writes.
    uint32_t submit_held_write(const GpuContext& context, uint32_t value,
                               uint64_t va = 0x8000'0000);
    /// A buffer at `va` with a batch that does nothing. Returns the resource id, 0 on failure.
    uint32_t create_batch(uint64_t va);
    /// Submits that, as often as one likes.
    Message submission(const GpuContext& context, uint64_t va, uint32_t res_id) {
        return driver_->submission(context, va, kBatchBytes, std::span(&res_id, 1));
    }

    int create_fence(uint32_t ring, uint64_t fence_id, uint32_t flags = 0);
    /// Fences of a lost context retire too: whether that will do.
    enum class Fate { kAlive, kAny };
    /// Creates a fence on `ring` and waits for it. False also if the log says that the context was
    /// lost, unless any fate will do; only settle() proves that it was not.
    bool fence_retires(uint32_t ring, Fate fate = Fate::kAlive);

  private:
    static constexpr uint32_t kBatchBytes = 8;  // of create_batch()

    template <typename R>
    static R read(const std::vector<std::byte>& answer) {
        R response{};
        std::memcpy(&response, answer.data(), std::min(sizeof(R), answer.size()));
        return response;
    }
    uint32_t submit_batch(const GpuContext& context, const Words& batch, uint64_t va);

    Vmm& vmm_;
    const uint32_t ctx_id_;
    const size_t losses_before_;
    const std::unique_ptr<GuestDriver> driver_;
    const bool exists_;
    Mapping control_;
    uint32_t area_offset_ = 0;  // as the host named it
    uint32_t control_res_ = 0;
    uint32_t last_seqno_ = 0;
    uint64_t last_blob_id_ = 0;
    uint32_t next_rsp_ = 0;
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
void release_work(std::span<std::byte> memory);

}  // namespace viaduct::test
