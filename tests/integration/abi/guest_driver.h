// GuestDriver: what a guest's driver asks for in its own words, and every driver in some. The tests
// that speak through it hold for amdgpu, i915 and xe; VIADUCT_GPU chooses the driver of a run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "wire/ccmd.h"

namespace viaduct::test {

class GuestContext;

/// A request whose header is filled in when it is sent, and where its answer has the result.
struct Message {
    uint32_t cmd = 0;
    std::vector<std::byte> bytes;
    uint32_t answer = 0;  // bytes of the response; 0: none
    uint32_t ret = 0;     // offset of the result in it

    /// `request`'s bytes, as the message of this command.
    template <typename Command, typename Request>
    static Message of(Command command, const Request& request, uint32_t answer, uint32_t ret) {
        const auto bytes = std::as_bytes(std::span(&request, 1));
        return {static_cast<uint32_t>(command), {bytes.begin(), bytes.end()}, answer, ret};
    }
    /// Likewise, of a command that makes a buffer.
    template <typename Command, typename Request>
    static Message creation(Command command, const Request& request) {
        return of(command, request, sizeof(wire::CreationResponse),
                  offsetof(wire::CreationResponse, ret));
    }
    Message& append(std::span<const std::byte> payload) {
        bytes.insert(bytes.end(), payload.begin(), payload.end());
        return *this;
    }
};

/// Which of the GPU's engines. All of them execute what GuestDriver's batches have.
enum class Engine {
    kGraphics,
    kSecond,  // the first one of another class: compute or copy
};

/// The target of submissions: a GPU context or queue, and the fence ring of its engine.
struct GpuContext {
    uint32_t id = 0;  // 0: there is none
    uint32_t ring = 0;
    Engine engine = Engine::kGraphics;
};

/// A command's number, and the bytes of its fixed request and of the response to a request of
/// zeros.
struct CommandSize {
    uint32_t cmd = 0;
    uint32_t request = 0;
    uint32_t response = 0;
};

using Words = std::vector<uint32_t>;

/// Of one guest context, which is there for as long as it. Errors are positive errnos; 0: success.
class GuestDriver {
  public:
    struct Facts {
        std::string_view name;    // the kernel driver's
        uint32_t alignment = 4;   // bytes, of request lengths and rsp_off
        uint32_t shmem_size = 0;  // bytes, of the driver's fields in the control buffer
        uint32_t loss_at = 0;     // where that shows losses
        uint32_t loss_bytes = 4;
        /// The field is a counter, which counts failures of commands without a response as well.
        bool counts_failures = false;
        int unknown_resource = 0;      // errno of a command that names one
        unsigned compute_engines = 0;  // of the simulated chip
        std::string_view submission;   // the name of that command in the figures
        std::span<const CommandSize> commands;
    };
    /// The driver that the initialised library's capability set names.
    static std::unique_ptr<GuestDriver> create(GuestContext& guest);

    virtual ~GuestDriver() = default;
    GuestDriver(const GuestDriver&) = delete;
    GuestDriver& operator=(const GuestDriver&) = delete;

    virtual const Facts& facts() const = 0;

    /// Makes a buffer in system memory, which CPU and GPU see alike.
    virtual Message make_buffer(uint64_t blob_id, uint64_t size) = 0;
    /// Names a resource, and does nothing else; but xe's unmaps it.
    virtual Message name_resource(uint32_t res_id) = 0;
    /// Is answered with an error, and changes nothing.
    virtual Message probe() = 0;
    /// A query for whose answer the guest reserves `bytes`, whether they fit or not.
    virtual Message query(uint32_t bytes) = 0;

    /// Puts a resource at an address of the guest's GPU contexts. i915 does that when it submits:
    /// here it only learns whether the resource exists.
    virtual int map(uint32_t res_id, uint64_t va, uint64_t size, uint64_t offset) = 0;

    virtual GpuContext create_gpu_context(Engine engine) = 0;
    virtual void destroy_gpu_context(const GpuContext& context) = 0;
    /// Whether the control buffer shows this context as lost.
    virtual bool shows_loss(const GpuContext& context) const = 0;
    /// Submits the batch at `va`. `resources`: those that it uses, its own included.
    virtual Message submission(const GpuContext& context, uint64_t va, uint32_t bytes,
                               std::span<const uint32_t> resources) = 0;
    /// Submits work that no GPU can do.
    virtual int submit_nonsense(const GpuContext& context) = 0;

    // Batches. finish() ends one.
    virtual Words write_value(uint64_t va, uint32_t value) const = 0;
    virtual Words wait_for_one(uint64_t va) const = 0;
    virtual Words finish(Words words) const = 0;

    /// Of the memory that the guest is shown: its size, and how much of it is used.
    struct Memory {
        uint64_t size = 0;
        uint64_t used = 0;
    };
    virtual Memory memory() = 0;
    /// How many engines of graphics, and of all other classes, the guest is shown.
    struct Offer {
        unsigned graphics = 0;
        unsigned others = 0;
    };
    virtual Offer engines() = 0;

  protected:
    explicit GuestDriver(GuestContext& guest) : guest_(guest) {}
    GuestContext& guest() const { return guest_; }

  private:
    GuestContext& guest_;
};

std::unique_ptr<GuestDriver> create_amdgpu_driver(GuestContext& guest);
std::unique_ptr<GuestDriver> create_i915_driver(GuestContext& guest);
std::unique_ptr<GuestDriver> create_xe_driver(GuestContext& guest);

}  // namespace viaduct::test
