// A driver's context under any stream of commands, on a simulated GPU whose kernel may fail.
#include <drm.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>

#include "base/log.h"
#include "drm-context/context/command_loop.h"
#include "drm-context/device/device_decorator.h"
#include "drm-context/device/simulated_device.h"
#include "drm-context/driver/table.h"
#include "drm-context/transport/control_memory.h"
#include "tests/fuzz/ccmd/calls.h"
#include "tests/fuzz/target.h"

namespace viaduct::fuzz {

namespace {

constexpr uint64_t kControlBytes = 0x4000;

/// Fails one ioctl, whichever it is.
class FailingDevice final : public DeviceDecorator {
  public:
    FailingDevice(std::unique_ptr<Device> device, std::optional<FailureOperands>& failure)
        : DeviceDecorator(std::move(device)), failure_(failure) {}

    int ioctl(unsigned long request, void* argument) override {
        if (failure_ && failure_->after-- == 0) {
            constexpr uint32_t kLastErrno = 133;
            const uint32_t error = std::clamp(failure_->error, 1u, kLastErrno);
            failure_.reset();
            return -static_cast<int>(error);
        }
        return DeviceDecorator::ioctl(request, argument);
    }

  private:
    std::optional<FailureOperands>& failure_;
};

ContextLimits limits_of(const Program& program) {
    ContextLimits limits;
    if (program.empty() || program[0].kind != static_cast<uint16_t>(Kind::kLimits)) return limits;
    const auto wanted = program[0].as<LimitOperands>();
    constexpr uint64_t kPage = 4096;
    limits.context_memory = kPage * wanted.memory_pages;
    limits.buffers = wanted.buffers;
    limits.mappings = wanted.mappings;
    limits.regions = wanted.regions;
    limits.allowed = wanted.allowed;
    limits.priority = static_cast<PriorityCeiling>(wanted.priority % 4);
    limits.cached_system_memory = wanted.cached != 0;
    if (wanted.queues != 0) limits.queues.fill(wanted.queues);
    return limits;
}

/// One guest context, from its first command to its end.
class Guest {
  public:
    explicit Guest(const ContextLimits& limits) {
        const DriverRequests& driver = driver_requests();
        auto device = open_simulated_device(driver.chip);
        auto account = ContextAccount::attach({}, limits);
        if (!device || !account) give_up("the simulated GPU cannot be opened");
        auto context = find_context_type(driver.type)
                           ->create(std::make_unique<FailingDevice>(*std::move(device), failure_),
                                    *std::move(account));
        if (!context) return;  // a VM that is offered no queue
        context_ = *std::move(context);
        loop_.emplace(*context_, abandoned_);
        const auto memory =
            transport::create_control_memory(kControlBytes, context_->traits().area_offset());
        if (!memory || !context_->adopt_control_buffer(*memory)) give_up("no control buffer");
    }

    void run(const Program& program) {
        if (!context_) return;
        for (const Step& step : program) run(step);
        context_->check_for_reset();
    }

  private:
    void run(const Step& step) {
        switch (static_cast<Kind>(step.kind)) {
            case Kind::kCommands:
                (void)loop_->run(step.bytes);
                break;
            case Kind::kCreateBlob: {
                const auto blob = step.as<BlobOperands>();
                (void)context_->create_blob(
                    {ResourceId(blob.res_id), blob.flags, blob.blob_id, blob.size});
                break;
            }
            case Kind::kInFence:
                add_in_fence();
                break;
            case Kind::kWrite:
                write(step);
                break;
            case Kind::kEnd:
                end_work(step.as<RingOperands>());
                break;
            case Kind::kFailure:
                failure_ = step.as<FailureOperands>();
                break;
            default:
                call_resource(step);
        }
    }
    void call_resource(const Step& step) {
        const auto operands = step.as<ResourceOperands>();
        const ResourceId id(operands.res_id);
        switch (static_cast<Kind>(step.kind)) {
            case Kind::kMapSource:
                (void)context_->map_source(id);
                break;
            case Kind::kExport:
                (void)context_->export_blob(id);
                break;
            case Kind::kAttach:
                if (auto dmabuf = context_->export_blob(ResourceId(operands.value)))
                    (void)context_->attach_resource(id, *std::move(dmabuf));
                break;
            case Kind::kDetach:
                context_->detach_resource(id);
                break;
            default:
                break;
        }
    }
    /// Of the newest work of any ring, if there is some.
    void add_in_fence() {
        for (uint32_t ring = 0; ring < kMaxRings; ++ring) {
            if (!context_->rings().has_new_work(RingIndex(ring))) continue;
            (void)context_->in_fence().add(context_->rings().take_newest(RingIndex(ring)));
            return;
        }
    }
    void write(const Step& step) {
        const std::span bytes(step.bytes);
        const auto data = bytes.subspan(std::min(sizeof(ResourceOperands), bytes.size()));
        const auto source = context_->map_source(ResourceId(step.as<ResourceOperands>().res_id));
        if (!source || !source->fd) return;
        constexpr size_t kPage = 4096;  // the least that a buffer has
        const auto memory = Mapping::map_shared(source->fd.get(), source->offset, kPage);
        if (memory) std::copy_n(data.begin(), std::min(data.size(), kPage), memory->data());
    }
    /// All that was submitted to a ring is done, as the worker reports it.
    void end_work(const RingOperands& end) {
        const RingIndex ring(end.ring % kMaxRings);
        context_->check_for_reset();
        context_->work_ended(ring, context_->statistics().submissions(ring), end.failed != 0);
        (void)context_->take_followed();
    }

    std::optional<FailureOperands> failure_;
    std::atomic<uint32_t> abandoned_ = 0;
    std::unique_ptr<DriverContext> context_;
    std::optional<CommandLoop> loop_;
};

/// A row without a rule would never be tried.
void check_rules() {
    const DriverTraits& traits = find_context_type(driver_requests().type)->traits();
    for (uint32_t command = 0; command < traits.commands.size(); ++command) {
        const auto is_it = [&](const RequestRule& rule) { return rule.command == command; };
        if (traits.find(command) && std::ranges::none_of(driver_requests().rules, is_it))
            give_up(std::string("tests/fuzz/ccmd has no rule for ") + traits.find(command)->name);
    }
}

}  // namespace

void start() {
    // Jobs are soon over: most are not what a driver would send.
    ::setenv("VIADUCT_SIMGPU_HANG_MS", "5", /*overwrite=*/0);
    set_log_level(LogLevel::kSilent);
    check_rules();
}

void run(std::span<const uint8_t> input) {
    const Program program = parse_program(input);
    Guest(limits_of(program)).run(program);
}

}  // namespace viaduct::fuzz
