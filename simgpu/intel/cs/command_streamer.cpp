#include "simgpu/intel/cs/command_streamer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "simgpu/intel/cs/engine.h"
#include "simgpu/trace.h"

namespace simgpu::intel::cs {

namespace {

/// The dwords of a command for a report, not more of them than a line has room for.
std::string dump(std::span<const uint32_t> dwords) {
    constexpr size_t kMost = 12;
    std::string text;
    for (const uint32_t dword : dwords.first(std::min(dwords.size(), kMost)))
        text += fmt::format(" {:08x}", dword);
    if (dwords.size() > kMost) text += " ...";
    return text;
}

constexpr std::string_view kClassNames[] = {"render", "copy", "video", "video enhancement",
                                            "compute"};

}  // namespace

JobOutcome CommandStreamer::execute(const IndirectBuffer& batch, JobEnvironment& environment) {
    JobRun job(environment);
    state_.noop = NoopMode::kNever;
    batches_.next.assign(1, batch.va & ~uint64_t{3});
    Machine machine{job, chip_, class_, state_, batches_, counters_};
    while (!batches_.next.empty() && job.poll() && step(machine)) {
    }
    publish_counts();
    return std::move(job.outcome());
}

bool CommandStreamer::step(Machine& machine) {
    const uint64_t va = batches_.next.back();
    if (!machine.job.read_dwords(va, std::span(fetched_).first(1))) return false;
    const uint32_t size = dwords_of(fetched_[0]);
    const CommandInfo* info = find_command(key_of(fetched_[0]));
    const auto body = std::span(fetched_).first(size);
    const Command command{{body}, va};
    if (!machine.job.read_dwords(va + 4, body.subspan(1))) return false;
    const bool is_ours = info && info->engines & only(class_);
    // To a video engine, headers of other engines' commands are some of its own.
    if (!is_ours && kVideoEngines & only(class_))
        return end_bad(
            machine,
            fmt::format("a command of video, which is not simulated, at {:#x}:{}", va, dump(body)));
    if (!info || chip_.generation < info->first || chip_.generation > info->last)
        return end_bad(machine, fmt::format("unknown command at {:#x}:{}", va, dump(body)));
    if (!is_ours)
        return end_bad(machine,
                       fmt::format("{} at {:#x}: not a command of the {} engine:{}", info->name, va,
                                   kClassNames[static_cast<size_t>(class_)], dump(body)));
    if (size < info->minimum || size > info->maximum)
        return end_bad(
            machine,
            fmt::format("{} at {:#x} has {} dwords, which are {} at least and {} at most:{}",
                        info->name, va, size, info->minimum, info->maximum, dump(body)));
    met_[info]++;
    if (tracing()) trace("  {:#x} {}:{}", va, info->name, dump(body));
    batches_.next.back() = va + uint64_t{size} * 4;
    if (!info->always && machine.noops()) return true;
    return info->handler(machine, command);
}

bool CommandStreamer::end_bad(Machine& machine, const std::string& what) {
    return machine.job.hang(fmt::format("{}: {}", chip_.name, what));
}

void CommandStreamer::publish_counts() {
    for (auto& [info, count] : met_) counters_.packets[info->name] += std::exchange(count, 0);
}

}  // namespace simgpu::intel::cs

namespace simgpu::intel {

std::unique_ptr<Engine> create_engine(const ChipInfo& chip, EngineClass engine_class) {
    return std::make_unique<cs::CommandStreamer>(chip, engine_class);
}

}  // namespace simgpu::intel
