#include "simgpu/sched/ring.h"

#include <algorithm>
#include <cerrno>
#include <thread>
#include <utility>

#include "simgpu/clock.h"
#include "simgpu/gpu_thread.h"
#include "simgpu/null_mode.h"
#include "simgpu/sched/report.h"

namespace simgpu::sched {

namespace {

using Kind = JobOutcome::Kind;
using shared::Recovery;

JobOutcome outcome_of(Kind kind, std::string report) {
    JobOutcome outcome;
    outcome.kind = kind;
    outcome.report = std::move(report);
    outcome.in_shader = true;  // what is injected plays a shader's doing, the usual cause
    return outcome;
}

/// The kernel's recovery, unless a test asks for something else.
Recovery choose_recovery(const RingDescription& ring, const JobOutcome& outcome,
                         const std::optional<InjectionRule>& injected) {
    using Wanted = InjectionRule::Recovery;
    switch (injected ? injected->recovery : Wanted::kKernels) {
        case Wanted::kSoft:
            return Recovery::kSoft;
        case Wanted::kRing:
            return Recovery::kRing;
        case Wanted::kFull:
            return Recovery::kFull;
        case Wanted::kVram:
            return Recovery::kVramLost;
        case Wanted::kKernels:
            break;
    }
    return ring.recovery_from(outcome);
}

}  // namespace

/// A job in its entity's queue, with a count of the fences it still waits for.
struct Ring::Queued {
    std::shared_ptr<Job> job;
    uint64_t submitted_ns = monotonic_ns();
    size_t waits_for = 0;  // guarded by the ring's mutex
    std::vector<std::pair<drm::FencePtr, uint64_t>> callbacks;

    ~Queued() {
        for (const auto& [fence, token] : callbacks) fence->remove_callback(token);
    }
};

Ring::Ring(RingDescription description, std::shared_ptr<shared::SharedDevice> device)
    : description_(std::move(description)),
      device_(std::move(device)),
      feeder_(device_, description_.index) {}

Ring::~Ring() = default;

void Ring::submit(std::shared_ptr<Job> job) {
    auto queued = std::make_shared<Queued>();
    // One more than there are, so that it is not ready before all are listed.
    queued->waits_for = job->dependencies.size() + 1;
    queued->job = std::move(job);
    queued->job->entity->push();
    device_->change_load(description_.index, 1);
    queued->job->fences.finished->set_schedule(queued->job->fences.started, feeder_.key());
    {
        const viaduct::LockGuard lock(mutex_);
        ++queued_;
        queues_[queued->job->entity].push_back(queued);
        if (!std::exchange(has_thread_, true))
            start_gpu_thread([self = shared_from_this()] { self->run(); }).detach();
    }
    const auto arrive = [ring = weak_from_this(), weak = std::weak_ptr(queued)] {
        const auto self = ring.lock();
        const QueuedPtr arrived = weak.lock();
        if (self && arrived) self->arrived(arrived);
    };
    for (const drm::FencePtr& dependency : queued->job->dependencies) {
        // drm_sched_entity_add_dependency_cb(): the hardware keeps the order of its own ring.
        drm::FencePtr fence = dependency->schedule_on(feeder_.key());
        if (!fence) fence = dependency;
        if (const uint64_t token = fence->on_signal([arrive](int) { arrive(); }))
            queued->callbacks.emplace_back(fence, token);
    }
    arrive();
}

void Ring::arrived(const QueuedPtr& queued) {
    {
        const viaduct::LockGuard lock(mutex_);
        if (--queued->waits_for != 0) return;
    }
    feed();
}

/// Hands over what the hardware takes. Callable on any thread.
void Ring::feed() {
    std::vector<drm::FencePtr> started;
    {
        const viaduct::LockGuard lock(mutex_);
        for (;;) {
            Queue* queue = best_ready();
            if (!queue) {
                feeder_.withdraw();
                break;
            }
            Job& job = *queue->front()->job;
            const auto place =
                feeder_.try_enter(job.context->priority(), queue->front()->submitted_ns);
            if (!place) break;
            // drm_sched_entity_pop_job(), amdgpu_job_prepare_job(), amdgpu_job_run().
            const bool lost = job.vram_losses != device_->vram_loss_count();
            const int own = lost ? -ECANCELED : job.context->refusal(*job.entity);
            const int error =
                job.entity->hand_over(job.fences.finished, own, description_.failures.spreads);
            started.push_back(job.fences.started);
            handed_over_.push_back({std::move(queue->front()->job), *place, error});
            queue->pop_front();
            if (queue->empty()) queues_.erase(job.entity);
            --queued_;
        }
        news_ += started.size();
        changed_.notify_all();
        if (!started.empty() && sleeps_on_device_) feeder_.notify();
    }
    for (const drm::FencePtr& fence : started) fence->signal();
}

Ring::Queue* Ring::best_ready() {
    Queue* best = nullptr;
    const auto order = [](const Queue& queue) {
        const Queued& head = *queue.front();
        return std::pair(-head.job->context->priority(), head.submitted_ns);
    };
    for (auto& [entity, queue] : queues_) {
        if (queue.front()->waits_for != 0) continue;
        if (!best || order(queue) < order(*best)) best = &queue;
    }
    return best;
}

void Ring::run() {
    for (;;) {
        const uint32_t seen = feeder_.events();
        feed();
        HandedOver next;
        uint64_t news = 0;
        {
            const viaduct::LockGuard lock(mutex_);
            news = news_;
            if (!handed_over_.empty())
                next = handed_over_.front();
            else if (closed_ && queued_ == 0)
                return;
        }
        if (!next.job || !process(next)) wait_for_work(seen, news);
    }
}

/// Sleeps until there may be something to do that was not there when the ring had `seen` events
/// and we had `news`.
void Ring::wait_for_work(uint32_t seen, uint64_t news) {
    {
        viaduct::UniqueLock lock(mutex_);
        changed_.wait(lock.native(), [&]() VIADUCT_REQUIRES(mutex_) {
            return news != news_ || !handed_over_.empty() || best_ready();
        });
        if (news != news_) return;
        sleeps_on_device_ = true;
    }
    feeder_.wait(seen);
    const viaduct::LockGuard lock(mutex_);
    sleeps_on_device_ = false;
}

/// Executes this process's oldest job on the hardware. False if it is not its turn.
bool Ring::process(HandedOver& next) {
    int error = next.error;
    if (error == 0 && feeder_.error(next.place) != 0) error = await_recovery(*next.job, next.place);
    // Once more: the job may have been handed over before another one of its queue failed.
    if (error == 0) error = next.job->context->refusal(*next.job->entity);
    if (error == 0) {
        if (!feeder_.try_run(next.place)) return false;
        const auto injected = inject_into_job(description_.kind, next.job->client->name());
        trace_job({description_, *next.job});
        JobOutcome outcome = execute(*next.job, next.place, injected);
        trace_end(outcome);
        error = settle(*next.job, next.place, outcome, injected);
    }
    finish(next, error);
    return true;
}

JobOutcome Ring::execute(Job& job, shared::RingFeeder::Place place,
                         const std::optional<InjectionRule>& injected) {
    using Injection = InjectionRule::Kind;
    const uint64_t start_ns = monotonic_ns();
    const uint64_t deadline_ns = start_ns + description_.timeout_ns;
    if (job.find_page_table) job.page_table = job.find_page_table();
    if (!injected) return run_ibs(job, place, deadline_ns);
    switch (injected->kind) {
        case Injection::kSlow: {
            const uint64_t until_ns = start_ns + injected->milliseconds * 1'000'000;
            if (until_ns >= deadline_ns) feeder_.hang_until(place, deadline_ns);
            if (!sleep_until(place, std::min(until_ns, deadline_ns)))
                return outcome_of(Kind::kStopped, {});
            if (until_ns >= deadline_ns)
                return outcome_of(Kind::kHang, "slowed down beyond its time");
            return run_ibs(job, place, deadline_ns);
        }
        case Injection::kHang:
            feeder_.hang_until(place, deadline_ns);
            if (!sleep_until(place, deadline_ns)) return outcome_of(Kind::kStopped, {});
            return outcome_of(Kind::kHang, "injected");
        case Injection::kFault: {
            JobOutcome outcome = outcome_of(Kind::kFault, "injected");
            outcome.fault_va = job.ibs.front().va;
            return outcome;
        }
        case Injection::kReset:
            return outcome_of(Kind::kReset, "injected");
        default:
            return run_ibs(job, place, deadline_ns);
    }
}

JobOutcome Ring::run_ibs(Job& job, shared::RingFeeder::Place place, uint64_t deadline_ns) {
    memory::JobMemory memory(job.page_table);
    if (!null_mode()) {
        std::unique_ptr<Engine>& engine = job.entity->engine;
        if (!engine) engine = description_.create_engine();
        JobEnvironment environment{memory, feeder_.stop(place), deadline_ns,
                                   thread_cpu_ns() + description_.timeout_ns};
        for (const IndirectBuffer& ib : job.ibs) {
            JobOutcome outcome = engine->execute(ib, environment);
            if (!outcome.done()) return outcome;
        }
    }
    if (!job.end_writes.empty()) return write_end(job, memory);
    if (job.user_fence) {
        // The guest polls it: the value must be whole, and nothing may come after it.
        std::byte* at = job.user_fence->buffer->data();
        if (at)
            __atomic_store_n(reinterpret_cast<uint64_t*>(at + job.user_fence->offset), job.sequence,
                             __ATOMIC_RELEASE);
    }
    return {};
}

JobOutcome Ring::write_end(const Job& job, memory::JobMemory& memory) {
    for (const EndWrite& write : job.end_writes) {
        const Span span = memory.resolve(write.va, Access::kWrite);
        if (!span.data || span.size < sizeof(write.value)) {
            JobOutcome outcome;
            outcome.kind = Kind::kFault;
            outcome.fault_va = write.va;
            outcome.fault_access = Access::kWrite;
            return outcome;
        }
        __atomic_store_n(reinterpret_cast<uint64_t*>(span.data), write.value, __ATOMIC_RELEASE);
    }
    return {};
}

/// Recovers from a job that went wrong. The error of its fence.
int Ring::settle(Job& job, shared::RingFeeder::Place place, JobOutcome& outcome,
                 const std::optional<InjectionRule>& injected) {
    if (outcome.done()) return 0;
    job.entity->engine.reset();  // its registers are lost
    if (outcome.kind == Kind::kStopped) {
        report_loss({description_, job}, "another recovery");
        return await_recovery(job, place);
    }
    const Recovery recovery = choose_recovery(description_, outcome, injected);
    if (outcome.kind == Kind::kFault) job.client->record_fault(outcome.fault_va);
    report_recovery({description_, job}, outcome, recovery);
    const bool full = recovery == Recovery::kFull || recovery == Recovery::kVramLost;
    const bool innocent = injected && injected->innocent;
    if (!innocent) job.context->job_failed(*job.entity, full);
    if (!feeder_.recover(place, recovery, description_.full_reset_ns))
        return await_recovery(job, place);
    const FailureCodes& codes = description_.failures;
    const int killed = outcome.kind == Kind::kHang ? codes.killed : codes.faulted;
    if (innocent) {
        job.context->job_lost(*job.entity);
        return recovery == Recovery::kSoft ? killed : codes.bystander;
    }
    return recovery == Recovery::kSoft ? killed : codes.reset;
}

/// The job has been cancelled by somebody's recovery: its fence signals when that is over.
int Ring::await_recovery(Job& job, shared::RingFeeder::Place place) {
    feeder_.stopped(place);
    job.context->job_lost(*job.entity);
    for (uint32_t seen = feeder_.events(); !feeder_.usable(); seen = feeder_.events())
        feeder_.wait(seen);
    return description_.failures.bystander;
}

void Ring::finish(const HandedOver& job, int error) {
    const uint64_t now_ns = monotonic_ns();
    // Before the place is free: the next job of the entity looks at it when it is handed over.
    job.job->fences.finished->signal(error);
    device_->change_load(description_.index, -1);
    const viaduct::LockGuard lock(mutex_);
    busy_ns_ += feeder_.leave(job.place, now_ns);
    handed_over_.pop_front();
    changed_.notify_all();
}

/// False if the job was cancelled.
bool Ring::sleep_until(shared::RingFeeder::Place place, uint64_t until_ns) {
    for (uint64_t now_ns = monotonic_ns(); now_ns < until_ns; now_ns = monotonic_ns()) {
        const uint32_t seen = feeder_.events();
        if (feeder_.stop(place)) return false;
        feeder_.wait(seen, until_ns - now_ns);
    }
    return !feeder_.stop(place);
}

uint64_t Ring::busy_ns() const {
    const viaduct::LockGuard lock(mutex_);
    const uint64_t now_ns = monotonic_ns();
    uint64_t busy_ns = busy_ns_;
    for (const HandedOver& job : handed_over_) {
        const uint64_t since_ns = feeder_.scheduled_ns(job.place);
        busy_ns += now_ns - std::min(now_ns, since_ns);
    }
    return busy_ns;
}

bool Ring::wait_handed_over(Clock::time_point deadline) {
    viaduct::UniqueLock lock(mutex_);
    return changed_.wait_until(lock.native(), deadline,
                               [this]() VIADUCT_REQUIRES(mutex_) { return queued_ == 0; });
}

bool Ring::wait_finished(Clock::time_point deadline) {
    viaduct::UniqueLock lock(mutex_);
    return changed_.wait_until(lock.native(), deadline, [this]() VIADUCT_REQUIRES(mutex_) {
        return queued_ == 0 && handed_over_.empty();
    });
}

void Ring::kill(const Entity& entity) {
    const viaduct::LockGuard lock(mutex_);
    for (const HandedOver& handed : handed_over_)
        if (handed.job->entity == &entity) feeder_.kill(handed.place);
}

void Ring::close() {
    const viaduct::LockGuard lock(mutex_);
    closed_ = true;
    ++news_;
    changed_.notify_all();
}

}  // namespace simgpu::sched
