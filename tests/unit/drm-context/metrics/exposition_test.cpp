#include "drm-context/metrics/exposition.h"

#include <gtest/gtest.h>

#include <cstring>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "drm-context/account/vm_account.h"

namespace viaduct {
namespace {

class Exposition : public testing::Test {
  protected:
    /// Every line is a comment or a sample, and every sample follows its family's TYPE.
    static void expect_well_formed(const std::string& text) {
        static const std::regex sample(
            R"re(viaduct_[a-z_]+\{([a-z]+="([^"\\]|\\.)*",?)+\} [0-9.+e-]+)re");
        std::istringstream lines(text);
        std::string family;
        for (std::string line; std::getline(lines, line);) {
            if (line.starts_with("# TYPE ")) family = line.substr(7, line.find(' ', 7) - 7);
            if (line.starts_with('#')) continue;
            EXPECT_TRUE(std::regex_match(line, sample)) << line;
            EXPECT_TRUE(line.starts_with(family)) << line << " in " << family;
        }
    }

    std::shared_ptr<VmAccount> vm_ = VmAccount::create().value();
    VmIdentity identity_{"a \"b\"\\c\n", 42, "sim", "amdgpu", {}, {"", "NEW", "SUBMIT"}};
};

TEST_F(Exposition, IsWellFormedAndSaysWhatIsThere) {
    VmSlot slot(vm_, vm_->take_slot(ContextId(3), "gears").value());
    account::ContextCounters& counters = vm_->books().slots[slot.index()].counters;
    counters.commands[2] = 5;
    counters.rings = 2;
    counters.ring[1].submissions = 4;
    counters.ring[1].completed = 1;
    counters.ring[1].queue_class = 1;
    counters.ring[1].latency[10] = 1;
    const std::string text = exposition(identity_, *vm_);
    expect_well_formed(text);
    const std::string labels = R"({vm="a \"b\"\\c?",pid="42",context="3",process="gears",)";
    for (const std::string& line :
         {"viaduct_context_commands_total" + labels + "command=\"SUBMIT\"} 5\n",
          "viaduct_ring_queue_depth" + labels + "ring=\"compute.0\"} 3\n",
          "viaduct_ring_latency_seconds_bucket" + labels + "ring=\"compute.0\",le=\"+Inf\"} 1\n"})
        EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

TEST_F(Exposition, HasEachFigureUnderItsName) {
    VmSlot slot(vm_, vm_->take_slot(ContextId(3), "gears").value());  // counts it as started
    identity_.vm = "vm";
    identity_.limits.vm_memory = 29;
    identity_.limits.gpu_share = 22;
    VmCounters& vm = vm_->counters();
    vm.contexts_started = 31;
    vm.contexts_refused = 32;
    vm.contexts_lost = 33;
    vm.resources = 34;
    vm.window_bytes = 35;
    vm.descriptors = 36;
    vm.host_bytes = 37;
    for (size_t i = 0; i < kQueueClasses; ++i) vm.past_busy_ns[i] = (40 + i) * 1'000'000'000;
    account::Charge& charge = vm_->books().slots[slot.index()].charge;
    charge.local = 11;
    charge.system = 12;
    charge.buffers = 13;
    account::ContextCounters& context = vm_->books().slots[slot.index()].counters;
    context.bytes = 51;
    context.errors = 52;
    context.refusals = 53;
    context.resets = 54;
    context.other_resets = 56;
    context.held_ns = 55'000'000'000;
    context.commands[1] = 56;
    context.unknown_commands = 57;
    for (size_t i = 0; i < kQueueClasses; ++i)
        context.busy_ns[i] = 60 + i;  // it has not lived for long

    const std::string text = exposition(identity_, *vm_);
    const std::string of_vm = R"({vm="vm",pid="42")";
    const std::string of_context = of_vm + R"(,context="3",process="gears")";
    std::vector<std::string> lines = {
        "vm_contexts" + of_vm + "} 1",
        "vm_contexts_started_total" + of_vm + "} 31",
        "vm_contexts_refused_total" + of_vm + "} 32",
        "vm_contexts_lost_total" + of_vm + "} 33",
        "vm_resources" + of_vm + "} 34",
        "vm_window_bytes" + of_vm + "} 35",
        "vm_descriptors" + of_vm + "} 36",
        "vm_host_memory_bytes" + of_vm + "} 37",
        "vm_memory_bytes" + of_vm + ",heap=\"local\"} 11",
        "vm_memory_bytes" + of_vm + ",heap=\"system\"} 12",
        "vm_memory_limit_bytes" + of_vm + "} 29",
        "vm_gpu_share_percent" + of_vm + "} 22",
        "context_memory_bytes" + of_context + ",heap=\"local\"} 11",
        "context_memory_bytes" + of_context + ",heap=\"system\"} 12",
        "context_buffers" + of_context + "} 13",
        "context_command_bytes_total" + of_context + "} 51",
        "context_errors_total" + of_context + "} 52",
        "context_refusals_total" + of_context + "} 53",
        "context_resets_total" + of_context + "} 54",
        "context_other_resets_total" + of_context + "} 56",
        "context_held_seconds_total" + of_context + "} 55.000000000",
        "context_commands_total" + of_context + ",command=\"NEW\"} 56",
        "context_commands_total" + of_context + ",command=\"SUBMIT\"} 0",
        "context_commands_total" + of_context + ",command=\"unknown\"} 57",
    };
    const char* const engines[] = {"gfx", "compute", "copy", "video"};
    for (size_t i = 0; i < std::size(engines); ++i) {
        const std::string engine = std::string(",engine=\"") + engines[i] + "\"} ";
        lines.push_back("context_busy_seconds_total" + of_context + engine + "0.0000000" +
                        std::to_string(60 + i));
        lines.push_back("vm_busy_seconds_total" + of_vm + engine + std::to_string(40 + i) +
                        ".0000000" + std::to_string(60 + i));
    }
    for (const std::string& line : lines)
        EXPECT_NE(text.find("\nviaduct_" + line + "\n"), std::string::npos) << line << '\n' << text;
}

TEST_F(Exposition, SurvivesAnythingInTheSharedMemory) {
    const VmSlot slot(vm_, vm_->take_slot(ContextId(1), "taken over").value());
    for (const int byte : {0x00, 0x01, 0x02, 0x7f, 0x80, 0xff}) {
        account::Slot& memory = vm_->books().slots[slot.index()];
        std::memset(static_cast<void*>(&memory), byte, sizeof(memory));
        const std::string text = exposition(identity_, *vm_);
        expect_well_formed(text);
        EXPECT_NE(text.find("viaduct_vm_contexts{vm=\"a \\\"b\\\"\\\\c?\",pid=\"42\"} 1\n"),
                  std::string::npos)
            << text;
    }
}

}  // namespace
}  // namespace viaduct
