// The cost of a context, and of its neighbours' trouble to it, through the C ABI.
//
//   VIADUCT_ISOLATION=process|thread isolation-bench
#include <amdgpu_drm.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/integration/abi/vmm.h"
#include "tests/integration/isolation/workers.h"
#include "wire/amdgpu.h"
#include "wire/capset.h"

namespace viaduct::test {
namespace {

namespace w = wire::amdgpu;
using Clock = std::chrono::steady_clock;
using Microseconds = std::chrono::duration<double, std::micro>;

class Sample {
  public:
    void add(Clock::duration time) { times_.push_back(Microseconds(time).count()); }
    double sum() const { return std::accumulate(times_.begin(), times_.end(), 0.0); }
    double percentile(double share) {
        std::ranges::sort(times_);
        return times_.at(static_cast<size_t>(share * static_cast<double>(times_.size() - 1)));
    }

  private:
    std::vector<double> times_;
};

template <typename Call>
auto timed(Sample& sample, Call call) {
    const auto start = Clock::now();
    auto result = call();
    sample.add(Clock::now() - start);
    return result;
}

/// How long threads have waited for a processor while they could run (/proc/PID/schedstat).
class Queued {
  public:
    explicit Queued(pid_t thread) : path_(fmt::format("/proc/{}/schedstat", thread)) {}
    Microseconds since_last() {
        std::ifstream file(path_);
        int64_t running = 0, queued = 0;
        file >> running >> queued;
        return std::chrono::nanoseconds(queued - std::exchange(last_, queued));
    }

  private:
    const std::string path_;
    int64_t last_ = 0;
};

/// The context whose round trips are measured, and every call of the front that it makes.
class Measured {
  public:
    Measured(Vmm& vmm, const std::string& name)
        : vmm_(vmm), guest_(vmm, 1, GuestContext::Control::kCreate, name) {
        guest_.settle();
        const auto workers = workers_of(name);
        queued_.emplace_back(::gettid());
        if (!workers.empty()) queued_.emplace_back(workers.front());
    }

    void round_trip() {
        w::BoQueryInfoRequest request{};
        request.hdr = {static_cast<uint32_t>(w::Command::kBoQueryInfo), sizeof(request),
                       guest_.next_seqno(), 0};
        const auto start = Clock::now();
        timed(calls_, [&] { return guest_.submit(Commands().add(request)); });
        // As a guest's processor waits, which the host sees at work.
        while (static_cast<int32_t>(guest_.published_seqno() - request.hdr.seqno) < 0) {
        }
        trips_.add(Clock::now() - start);
    }
    void other_calls() {
        uint32_t res_id = 0;
        timed(calls_, [&] {
            res_id = create_buffer();
            return 0;
        });
        {
            const auto map =
                timed(calls_, [&] { return std::make_unique<MappedResource>(res_id); });
        }
        timed(calls_, [&] { return guest_.create_fence(0, vmm_.next_fence_id()); });
        timed(calls_, [&] {
            virgl_renderer_resource_unref(res_id);
            return 0;
        });
    }
    /// A resource that stays.
    uint32_t create_buffer() {
        const uint64_t blob_id = guest_.next_blob_id();
        guest_.make_buffer(blob_id, 65536);
        const uint32_t res_id = vmm_.next_res_id();
        guest_.create_blob(res_id, blob_id, 65536);
        return res_id;
    }
    void report(const char* what) {
        fmt::print("{:<44} {:>8.0f} {:>8.0f} {:>12.2f} {:>8.0f} %\n", what, trips_.percentile(0.5),
                   trips_.percentile(0.99), calls_.percentile(1) / 1000,
                   100 * take_queued() / trips_.sum());
        std::fflush(stdout);
        trips_ = {};
        calls_ = {};
    }
    /// Bursts of round trips, and idle time as between two frames: a guest that keeps a processor
    /// busy itself has to take turns with its neighbours.
    void measure(const char* what, const std::function<void()>& meanwhile) {
        constexpr int kTrips = 5000, kBurst = 50;
        take_queued();
        for (int i = 0; i < kTrips; ++i) {
            if (i % kBurst == 0) {
                meanwhile();
                other_calls();
                std::this_thread::sleep_for(kIdle);
            }
            round_trip();
        }
        report(what);
    }

  private:
    static constexpr std::chrono::milliseconds kIdle{2};

    double take_queued() {
        Microseconds all{};
        for (Queued& thread : queued_) all += thread.since_last();
        return all.count();
    }

    Vmm& vmm_;
    GuestContext guest_;
    std::vector<Queued> queued_;  // ours, as the guest and the VMM's main loop, and the worker's
    Sample trips_, calls_;
};

/// A context whose worker always has something to do: queries, so many to a submission.
class BusyNeighbour {
  public:
    BusyNeighbour(Vmm& vmm, uint32_t ctx_id, uint32_t queries)
        : guest_(vmm, ctx_id, GuestContext::Control::kNone, "busy", GuestContext::Refusal::kMayBe),
          queries_(queries) {
        // Refused while too many others wind down.
        works_ =
            guest_.exists() && guest_.create_control(kControlBytes, GuestContext::Refusal::kMayBe);
        if (!works_) return;
        std::memcpy(guest_.area().data(), &kAnswerBytes, sizeof(kAnswerBytes));
        fill();
    }
    void fill() {
        while (works_ && last_ - guest_.published_seqno() < kAhead) submit();
    }
    GuestContext& guest() { return guest_; }

  private:
    static constexpr uint32_t kAhead = 20'000;  // a fifth of a second
    static constexpr uint32_t kControlBytes = 1 << 20;
    static constexpr uint32_t kAnswerBytes = 4096;

    void submit() {
        Commands commands;
        for (uint32_t i = 0; i < queries_; ++i) {
            w::QueryInfoRequest request{};
            request.hdr = {static_cast<uint32_t>(w::Command::kQueryInfo), sizeof(request),
                           last_ = guest_.next_seqno(), 0};
            request.query = AMDGPU_INFO_DEV_INFO;
            request.return_size = kAnswerBytes;
            commands.add(request);
        }
        guest_.submit(commands);
    }
    GuestContext guest_;
    const uint32_t queries_;
    bool works_ = false;
    uint32_t last_ = 0;
};
using Neighbours = std::vector<std::unique_ptr<BusyNeighbour>>;

/// Deeds of hostile contexts besides keeping their workers busy; called again and again.
struct Attack {
    const char* name;
    uint32_t queries;  // in a submission
    /// `buffer`: a resource that others share.
    void (*step)(Vmm& vmm, Neighbours& neighbours, uint32_t buffer);
};

constexpr uint32_t kHostile = 2500;

void only_work(Vmm&, Neighbours&, uint32_t) {}

void come_and_go(Vmm& vmm, Neighbours& neighbours, uint32_t) {
    static size_t turn = 0;
    auto& neighbour = neighbours[++turn % neighbours.size()];
    const uint32_t id = neighbour->guest().id();
    neighbour.reset();
    neighbour = std::make_unique<BusyNeighbour>(vmm, id, kHostile);
}

// Each attachment takes a descriptor to a worker that does not get to it.
void attach_and_detach(Vmm&, Neighbours& neighbours, uint32_t buffer) {
    constexpr int kTimes = 260;
    static size_t turn = 0;
    const auto id = static_cast<int>(neighbours[++turn % neighbours.size()]->guest().id());
    for (int i = 0; i < kTimes; ++i) {
        virgl_renderer_ctx_attach_resource(id, static_cast<int>(buffer));
        virgl_renderer_ctx_detach_resource(id, static_cast<int>(buffer));
    }
}

constexpr Attack kAttacks[] = {
    {"4 neighbours work: 16 commands at a time", 16, only_work},
    {"4 neighbours attack: 2500 at a time", kHostile, only_work},
    {"... 4 MiB at a time", 80'000, only_work},
    {"... and come and go", kHostile, come_and_go},
    {"... and attach and detach 260 times", kHostile, attach_and_detach},
};

/// The measured context's latency beside four contexts that keep their workers busy.
void busy_neighbours() {
    constexpr uint32_t kNeighbours = 4;
    Vmm vmm;
    Measured measured(vmm, unique_name("me"));
    measured.measure("(warming up)", [] {});
    measured.measure("no other context exists", [] {});
    GuestContext sharer(vmm, 100, GuestContext::Control::kCreate, "sharer");
    const uint32_t buffer = sharer.create_buffer(65536, kMappable | kShareable);
    for (const Attack& attack : kAttacks) {
        Neighbours neighbours;
        for (uint32_t i = 0; i < kNeighbours; ++i)
            neighbours.push_back(std::make_unique<BusyNeighbour>(vmm, 2 + i, attack.queries));
        measured.measure(attack.name, [&] {
            attack.step(vmm, neighbours, buffer);
            for (const auto& neighbour : neighbours) neighbour->fill();
        });
    }
}

int submit_nothing(GuestContext& guest) {
    return guest.submit(Commands().add(wire::RequestHeader{1, 16, guest.next_seqno(), 0}));
}

void neighbours() {
    Vmm vmm(std::chrono::seconds(5));  // a hang lasts for the whole of its row
    Measured measured(vmm, unique_name("me"));
    measured.measure("(warming up)", [] {});
    measured.measure("no other guest", [] {});
    {
        GuestContext hang(vmm, 2, GuestContext::Control::kCreate, "hang");
        hang.submit_write(hang.create_gpu_context(), 1);
        measured.measure("a neighbour's job hangs the GPU", [] {});
    }
    const std::string name = unique_name("bl");
    GuestContext blocked(vmm, 3, GuestContext::Control::kCreate, name);
    const auto workers = workers_of(name);
    if (workers.empty()) return;  // threads cannot be stopped one by one
    ::kill(workers.front(), SIGSTOP);
    measured.measure("a neighbour's worker is blocked", [&] { submit_nothing(blocked); });
    while (blocked.submit(std::vector<std::byte>(4096)) == 0 && vmm.log_text().empty()) {
        static int filled = 0;
        if (++filled == 128) break;  // 512 KiB: the ring is full, and so is some of the backlog
    }
    measured.measure("a neighbour's ring is full", [&] { submit_nothing(blocked); });
    ::kill(workers.front(), SIGCONT);
}

void start_times() {
    constexpr int kContexts = 200;
    Vmm vmm;
    { GuestContext first(vmm, 1, GuestContext::Control::kNone); }
    Sample starts, ends;
    for (uint32_t i = 0; i < kContexts; ++i) {
        timed(starts, [&] {
            return virgl_renderer_context_create_with_flags(2 + i, wire::kCapsetDrm, 1, "b");
        });
        timed(ends, [&] {
            virgl_renderer_context_destroy(2 + i);
            return 0;
        });
    }
    fmt::print("\ncontext start: median {:.2f} ms, p99 {:.2f} ms; destroy: median {:.3f} ms\n",
               starts.percentile(0.5) / 1000, starts.percentile(0.99) / 1000,
               ends.percentile(0.5) / 1000);
}

void thread_counts() {
    const size_t alone = ProcessUse::now().threads;
    Vmm vmm;
    fmt::print("\nthreads of the VMM's process beyond those before init:");
    for (const uint32_t count : {0u, 1u, 8u, 32u}) {
        std::vector<std::unique_ptr<GuestContext>> guests;
        for (uint32_t i = 0; i < count; ++i)
            guests.push_back(
                std::make_unique<GuestContext>(vmm, 1 + i, GuestContext::Control::kNone));
        fmt::print(" {} contexts: {};", count, ProcessUse::now().threads - alone);
    }
    fmt::print("\n");
}

}  // namespace
}  // namespace viaduct::test

int main() {
    ::setenv("VIADUCT_WATCHDOG_MS", "600000", 1);  // the blocked one is to stay
    viaduct::test::thread_counts();
    viaduct::test::start_times();
    fmt::print("\n{:<44} {:>8} {:>8} {:>12} {:>10}\n", "round trip of a command while ...",
               "p50 µs", "p99 µs", "longest ABI", "waits for");
    fmt::print("{:<44} {:>8} {:>8} {:>12} {:>10}\n", "", "", "", "call, ms", "a processor");
    viaduct::test::neighbours();
    viaduct::test::busy_neighbours();
    return 0;
}
