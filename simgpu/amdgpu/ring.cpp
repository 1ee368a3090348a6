#include "simgpu/amdgpu/ring.h"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "simgpu/clock.h"
#include "simgpu/log.h"

namespace simgpu::amdgpu {

namespace {

using Kind = JobOutcome::Kind;

constexpr uint64_t kDefaultHangMs = 10'000;  // amdgpu's default lockup_timeout

std::atomic<EngineFactory> engine_factory = create_engine;

JobOutcome outcome_of(Kind kind, std::string report) {
    JobOutcome outcome;
    outcome.kind = kind;
    outcome.report = std::move(report);
    return outcome;
}

}  // namespace

uint64_t hang_timeout_ns() {
    uint64_t milliseconds = kDefaultHangMs;
    if (const char* text = std::getenv("VIADUCT_SIMGPU_HANG_MS")) {
        const char* end = text + std::strlen(text);
        const auto parsed = std::from_chars(text, end, milliseconds);
        if (parsed.ec != std::errc() || parsed.ptr != end || milliseconds == 0 ||
            milliseconds > 3'600'000) {
            log("VIADUCT_SIMGPU_HANG_MS='{}' is not 1 to 3600000 milliseconds: using {}", text,
                kDefaultHangMs);
            milliseconds = kDefaultHangMs;
        }
    }
    return milliseconds * 1'000'000;
}

std::unique_ptr<Engine> create_engine(const RingPlace& place) {
    if (place.ip->type == AMDGPU_HW_IP_DMA) return create_sdma_engine();
    return create_pm4_engine({.render_backends = place.render_backends});
}

void set_engine_factory_for_tests(EngineFactory factory) {
    engine_factory = factory ? factory : create_engine;
}

/// A job in its context's queue, with a count of the fences it still waits for.
struct Ring::Queued {
    std::shared_ptr<Job> job;
    uint64_t age = 0;
    size_t waits_for = 0;  // guarded by the wakeup's mutex
    std::vector<std::pair<drm::FencePtr, uint64_t>> callbacks;

    ~Queued() {
        for (const auto& [fence, token] : callbacks) fence->remove_callback(token);
    }
};

Ring::Ring(RingPlace place, std::shared_ptr<shared::SharedDevice> device, JobOwner& owner,
           uint64_t hang_ns)
    : place_(place), device_(std::move(device)), owner_(owner), hang_ns_(hang_ns) {}

Ring::~Ring() {
    {
        const std::lock_guard lock(wakeup_->mutex);
        stop_ = true;
        wakeup_->changed.notify_all();
    }
    if (thread_.joinable()) {
        device_->wake_rings();
        thread_.join();
    }
    decltype(queues_) queues;
    {
        const std::lock_guard lock(wakeup_->mutex);
        queues.swap(queues_);
    }
    for (auto& [context, queue] : queues) {
        for (const QueuedPtr& queued : queue) {
            queued->job->fences.started->signal(-ECANCELED);
            queued->job->fences.finished->signal(-ECANCELED);
        }
    }
}

void Ring::submit(std::shared_ptr<Job> job) {
    auto queued = std::make_shared<Queued>();
    // One more than there are, so that it is not ready before all are listed.
    queued->waits_for = job->dependencies.size() + 1;
    queued->job = std::move(job);
    ++pending_;
    {
        const std::lock_guard lock(wakeup_->mutex);
        queued->age = next_age_++;
        queues_[queued->job->context.get()].push_back(queued);
        if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    }
    const auto arrive = [wakeup = wakeup_, weak = std::weak_ptr(queued)] {
        const QueuedPtr arrived = weak.lock();
        if (!arrived) return;
        const std::lock_guard lock(wakeup->mutex);
        if (--arrived->waits_for == 0) wakeup->changed.notify_all();
    };
    for (const drm::FencePtr& fence : queued->job->dependencies)
        if (const uint64_t token = fence->on_signal([arrive](int) { arrive(); }))
            queued->callbacks.emplace_back(fence, token);
    arrive();
}

void Ring::run() {
    while (const QueuedPtr queued = wait_for_ready()) {
        process(*queued->job);
        --pending_;
    }
}

Ring::QueuedPtr Ring::wait_for_ready() {
    std::unique_lock lock(wakeup_->mutex);
    for (;;) {
        if (stop_) return nullptr;
        if (QueuedPtr ready = take_ready()) return ready;
        wakeup_->changed.wait(lock);
    }
}

Ring::QueuedPtr Ring::take_ready() {
    auto best = queues_.end();
    const auto order = [](const QueuedPtr& queued) {
        return std::pair(-queued->job->context->priority(), queued->age);
    };
    for (auto queue = queues_.begin(); queue != queues_.end(); ++queue) {
        const QueuedPtr& head = queue->second.front();
        if (head->waits_for != 0) continue;
        if (best == queues_.end() || order(head) < order(best->second.front())) best = queue;
    }
    if (best == queues_.end()) return nullptr;
    QueuedPtr ready = std::move(best->second.front());
    best->second.pop_front();
    if (best->second.empty()) queues_.erase(best);
    return ready;
}

void Ring::process(Job& job) {
    if (job.context->guilty()) {
        job.fences.started->signal(-ECANCELED);
        finish(job, outcome_of(Kind::kStopped, {}));
        return;
    }
    JobOutcome outcome;
    const auto injected = inject_into_job(place_.ip->name, owner_.client_name());
    if (const auto turn = device_->wait_turn(place_.index, job.context->priority(), stop_)) {
        job.fences.started->signal();
        const uint64_t start = monotonic_ns();
        outcome = execute(job, injected);
        busy_ns_ += monotonic_ns() - start;
    } else {
        outcome = outcome_of(Kind::kStopped, {});
    }
    finish(job, outcome);
}

JobOutcome Ring::execute(Job& job, const std::optional<InjectionRule>& injected) {
    using Injection = InjectionRule::Kind;
    const uint64_t deadline_ns = monotonic_ns() + hang_ns_;
    const uint64_t resets = device_->reset_count();
    if (injected && injected->kind == Injection::kSlow)
        sleep_unless_stopped(monotonic_ns() + injected->milliseconds * 1'000'000);
    if (injected && injected->kind == Injection::kHang) {
        if (!sleep_unless_stopped(deadline_ns)) return outcome_of(Kind::kStopped, {});
        return outcome_of(Kind::kHang, "injected");
    }
    if (injected && injected->kind == Injection::kFault) {
        JobOutcome outcome = outcome_of(Kind::kFault, "injected");
        outcome.fault_va = job.ibs.front().va;
        return outcome;
    }
    if (injected && injected->kind == Injection::kReset) {
        device_->count_reset();
        if (injected->innocent) return outcome_of(Kind::kStopped, "a reset of the device");
        return outcome_of(Kind::kHang, "injected reset of the device");
    }
    JobOutcome outcome = run_ibs(job, deadline_ns);
    if (outcome.done() && device_->reset_count() != resets)
        return outcome_of(Kind::kStopped, "a reset of the device");
    return outcome;
}

JobOutcome Ring::run_ibs(Job& job, uint64_t deadline_ns) {
    std::unique_ptr<Engine>& engine = job.context->engine(place_.index);
    if (!engine) engine = engine_factory.load()(place_);
    JobMemory memory(job.page_table);
    JobEnvironment environment{memory, stop_, deadline_ns, thread_cpu_ns() + hang_ns_};
    for (const IndirectBuffer& ib : job.ibs) {
        JobOutcome outcome = engine->execute(ib, environment);
        if (!outcome.done()) return outcome;
    }
    if (job.user_fence) {
        // The guest polls it: the value must be whole, and nothing may come after it.
        std::byte* at = job.user_fence->buffer->data();
        if (at)
            __atomic_store_n(reinterpret_cast<uint64_t*>(at + job.user_fence->offset), job.sequence,
                             __ATOMIC_RELEASE);
    }
    return {};
}

void Ring::finish(Job& job, const JobOutcome& outcome) {
    if (!outcome.done() && outcome.kind != Kind::kStopped) {
        report(job, outcome);
        job.context->mark_guilty();
        job.context->engine(place_.index).reset();  // its registers are lost
    } else if (outcome.kind == Kind::kStopped && !outcome.report.empty()) {
        report(job, outcome);
        job.context->mark_victim();
    }
    job.fences.finished->signal(outcome.done() ? 0 : -ECANCELED);
}

void Ring::report(const Job& job, const JobOutcome& outcome) {
    const std::string where = fmt::format("{} ring {}, context {} of client {} ({}), job {}",
                                          place_.ip->name, place_.number, job.context->id(),
                                          owner_.client_id(), owner_.client_name(), job.sequence);
    const std::string detail = outcome.report.empty() ? "" : fmt::format(": {}", outcome.report);
    switch (outcome.kind) {
        case Kind::kFault:
            owner_.record_fault({outcome.fault_va, 0, 0});
            log("VM fault on {}: {} of address {:#x}, {}{}; the context is lost", where,
                outcome.fault_access == Access::kRead ? "read" : "write", outcome.fault_va,
                job.page_table->describe_surroundings(outcome.fault_va), detail);
            break;
        case Kind::kBadShader:
            log("unknown instruction on {}{}; the context is lost", where, detail);
            break;
        case Kind::kHang:
            log("hang on {}{}; the context is lost", where, detail);
            break;
        default:
            log("job lost on {}{}", where, detail);
            break;
    }
}

bool Ring::sleep_unless_stopped(uint64_t until_ns) {
    std::unique_lock lock(wakeup_->mutex);
    const std::chrono::steady_clock::time_point until{std::chrono::nanoseconds(until_ns)};
    return !wakeup_->changed.wait_until(lock, until, [this] { return stop_.load(); });
}

}  // namespace simgpu::amdgpu
