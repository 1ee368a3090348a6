#include "drm-context/metrics/exposition.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "base/clock.h"
#include "drm-context/account/belief.h"
#include "drm-context/account/vm_account.h"

namespace viaduct {

namespace {

using account::ContextCounters;
using account::RingCounters;

// Label values are quoted: only these three need an escape. Anything but plain ASCII does not
// come out of here.
std::string quoted(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '\\' || c == '"')
            out += fmt::format("\\{}", c);
        else
            out += c >= ' ' && c <= '~' ? c : '?';
    }
    return out;
}

std::string seconds(uint64_t ns) {
    return fmt::format("{}.{:09}", ns / 1'000'000'000, ns % 1'000'000'000);
}

struct LivingContext {
    int64_t started_ns;
    const account::Slot* slot;
    std::string labels;  // vm, pid, context, process

    const ContextCounters& counters() const { return slot->counters; }
    uint64_t busy_ns(size_t queue_class) const {
        return believed_busy(counters().busy_ns[queue_class].load(), monotonic_ns() - started_ns);
    }
};

class Writer {
  public:
    Writer(const VmIdentity& identity, const VmAccount& vm)
        : identity_(identity),
          books_(vm.books()),
          counters_(vm.counters()),
          vm_labels_(fmt::format("vm=\"{}\",pid=\"{}\"", quoted(identity.vm), identity.pid)) {
        for (const auto& [slot, tenant] : vm.tenants()) add_context(slot, tenant);
    }

    std::string run() {
        write_vm();
        write_contexts();
        write_commands();
        write_rings();
        return std::move(text_);
    }

  private:
    void add_context(uint32_t slot, const VmAccount::Tenant& tenant) {
        contexts_.push_back({tenant.started_ns, &books_.slots[slot],
                             fmt::format("{},context=\"{}\",process=\"{}\"", vm_labels_,
                                         tenant.ctx_id, quoted(tenant.name))});
    }

    void family(std::string_view name, std::string_view type, std::string_view help) {
        fmt::format_to(std::back_inserter(text_),
                       "# HELP viaduct_{0} {1}\n# TYPE viaduct_{0} {2}\n", name, help, type);
    }
    template <typename T>
    void sample(std::string_view name, std::string_view labels, const T& value) {
        fmt::format_to(std::back_inserter(text_), "viaduct_{}{{{}}} {}\n", name, labels, value);
    }
    /// A family with one sample for the VM.
    template <typename T>
    void vm_value(std::string_view name, std::string_view type, std::string_view help,
                  const T& value) {
        family(name, type, help);
        sample(name, vm_labels_, value);
    }
    /// A family with one sample per context.
    template <typename Read>
    void per_context(std::string_view name, std::string_view type, std::string_view help,
                     Read read) {
        family(name, type, help);
        for (const LivingContext& context : contexts_)
            sample(name, context.labels, read(context.counters()));
    }
    std::string with(std::string_view labels, std::string_view name, std::string_view value) {
        return fmt::format("{},{}=\"{}\"", labels, name, value);
    }

    void write_vm();
    void write_vm_limits();
    void write_contexts();
    void write_commands();
    void write_rings();
    template <typename Write>
    void for_each_ring(Write write);
    void write_latency(const RingCounters& ring, const std::string& labels);

    const VmIdentity& identity_;
    const account::Books& books_;
    const VmCounters& counters_;
    const std::string vm_labels_;
    std::vector<LivingContext> contexts_;
    std::string text_;
};

void Writer::write_vm() {
    family("vm_info", "gauge", "The GPU that the VM's contexts run on.");
    sample("vm_info",
           with(with(vm_labels_, "gpu", quoted(identity_.gpu)), "driver", quoted(identity_.driver)),
           1);
    const VmCounters& vm = counters_;
    vm_value("vm_contexts", "gauge", "Contexts that are alive.", contexts_.size());
    vm_value("vm_contexts_started_total", "counter", "Contexts created so far.",
             vm.contexts_started.load());
    vm_value("vm_contexts_refused_total", "counter", "Contexts refused or failed to start.",
             vm.contexts_refused.load());
    vm_value("vm_contexts_lost_total", "counter", "Contexts whose worker ended on its own.",
             vm.contexts_lost.load());
    vm_value("vm_resources", "gauge", "Blob resources of native contexts.", vm.resources.load());
    vm_value("vm_window_bytes", "gauge", "Bytes mapped for the guest's host-visible window.",
             vm.window_bytes.load());
    vm_value("vm_descriptors", "gauge", "Descriptors held for the VM's resources and contexts.",
             vm.descriptors.load());
    vm_value("vm_host_memory_bytes", "gauge",
             "Memory of the VMM's process that native contexts take: control buffers, and "
             "submissions that wait.",
             vm.host_bytes.load());
    const MemoryUse use = memory_of_vm(books_, identity_.limits);
    family("vm_memory_bytes", "gauge",
           "GPU memory of all contexts, and what the VMM holds for them.");
    sample("vm_memory_bytes", with(vm_labels_, "heap", "local"), use.local);
    sample("vm_memory_bytes", with(vm_labels_, "heap", "system"), use.system);
    family("vm_busy_seconds_total", "counter", "GPU time used, contexts that ended included.");
    for (size_t i = 0; i < kQueueClasses; ++i) {
        uint64_t ns = counters_.past_busy_ns[i].load();
        for (const LivingContext& context : contexts_) ns += context.busy_ns(i);
        sample("vm_busy_seconds_total", with(vm_labels_, "engine", kQueueClassNames[i]),
               seconds(ns));
    }
    write_vm_limits();
}

void Writer::write_vm_limits() {
    const ContextLimits& limits = identity_.limits;
    vm_value("vm_memory_limit_bytes", "gauge", "GPU memory that the VM may have; 0: no limit.",
             limits.vm_memory);
    vm_value("vm_gpu_share_percent", "gauge", "GPU time that the VM may have; 100: all of it.",
             limits.limits_gpu_time() ? limits.gpu_share : 100);
}

void Writer::write_contexts() {
    family("context_start_seconds", "gauge", "When it was created, by CLOCK_MONOTONIC.");
    for (const LivingContext& context : contexts_)
        sample("context_start_seconds", context.labels,
               seconds(static_cast<uint64_t>(context.started_ns)));
    family("context_memory_bytes", "gauge", "GPU memory of the context's own buffers.");
    for (const LivingContext& context : contexts_) {
        const MemoryUse use = believed(context.slot->charge, most_memory(identity_.limits));
        sample("context_memory_bytes", with(context.labels, "heap", "local"), use.local);
        sample("context_memory_bytes", with(context.labels, "heap", "system"), use.system);
    }
    family("context_buffers", "gauge", "Buffers that the context made.");
    for (const LivingContext& context : contexts_)
        sample("context_buffers", context.labels, context.slot->charge.buffers.load());
    per_context("context_command_bytes_total", "counter", "Bytes of commands.",
                [](const ContextCounters& c) { return c.bytes.load(); });
    per_context("context_errors_total", "counter", "Commands that failed or were refused.",
                [](const ContextCounters& c) { return c.errors.load(); });
    per_context("context_refusals_total", "counter", "Buffers refused for a budget.",
                [](const ContextCounters& c) { return c.refusals.load(); });
    per_context("context_resets_total", "counter", "GPU contexts lost by a reset.",
                [](const ContextCounters& c) { return c.resets.load(); });
    per_context("context_other_resets_total", "counter",
                "GPU contexts that saw a reset caused by others, and go on.",
                [](const ContextCounters& c) { return c.other_resets.load(); });
    per_context("context_held_seconds_total", "counter",
                "Time that submissions were held back for the VM's share of GPU time.",
                [](const ContextCounters& c) { return seconds(c.held_ns.load()); });
    family("context_busy_seconds_total", "counter", "GPU time used.");
    for (const LivingContext& context : contexts_)
        for (size_t i = 0; i < kQueueClasses; ++i)
            sample("context_busy_seconds_total",
                   with(context.labels, "engine", kQueueClassNames[i]),
                   seconds(context.busy_ns(i)));
}

void Writer::write_commands() {
    family("context_commands_total", "counter", "Commands by name.");
    for (const LivingContext& context : contexts_) {
        const auto& commands = context.counters().commands;
        const size_t known = std::min(commands.size(), identity_.commands.size());
        for (size_t i = 0; i < known; ++i)
            if (!identity_.commands[i].empty())
                sample("context_commands_total",
                       with(context.labels, "command", identity_.commands[i]), commands[i].load());
        sample("context_commands_total", with(context.labels, "command", "unknown"),
               context.counters().unknown_commands.load());
    }
}

// Rings that were never used are left out: a GPU has a dozen, a guest uses one or two.
template <typename Write>
void Writer::for_each_ring(Write write) {
    for (const LivingContext& context : contexts_) {
        const uint32_t rings = std::min(context.counters().rings.load(), account::kMaxRings);
        for (uint32_t i = 0; i < rings; ++i) {
            const RingCounters& ring = context.counters().ring[i];
            if (ring.submissions.load() == 0) continue;
            const size_t which = std::min<size_t>(ring.queue_class.load(), kQueueClasses - 1);
            write(ring, with(context.labels, "ring",
                             fmt::format("{}.{}", kQueueClassNames[which], ring.index.load())));
        }
    }
}

void Writer::write_rings() {
    family("ring_submissions_total", "counter", "Submissions that the kernel took.");
    for_each_ring([this](const RingCounters& ring, const std::string& labels) {
        sample("ring_submissions_total", labels, ring.submissions.load());
    });
    family("ring_queue_depth", "gauge", "Submissions that are not known to be done.");
    for_each_ring([this](const RingCounters& ring, const std::string& labels) {
        const uint64_t completed = ring.completed.load();
        const uint64_t submitted = ring.submissions.load();
        sample("ring_queue_depth", labels, submitted > completed ? submitted - completed : 0);
    });
    family("ring_latency_seconds", "histogram", "From submission to the retired fence.");
    for_each_ring([this](const RingCounters& ring, const std::string& labels) {
        write_latency(ring, labels);
    });
}

void Writer::write_latency(const RingCounters& ring, const std::string& labels) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < account::kLatencyBuckets; ++i) {
        count += ring.latency[i].load();
        const bool last = i + 1 == account::kLatencyBuckets;
        const std::string bound = last ? "+Inf" : fmt::format("{}", 1e-6 * double(1u << i));
        sample("ring_latency_seconds_bucket", with(labels, "le", bound), count);
    }
    sample("ring_latency_seconds_sum", labels, seconds(ring.latency_ns.load()));
    sample("ring_latency_seconds_count", labels, count);
}

}  // namespace

std::string exposition(const VmIdentity& identity, const VmAccount& vm) {
    return Writer(identity, vm).run();
}

}  // namespace viaduct
